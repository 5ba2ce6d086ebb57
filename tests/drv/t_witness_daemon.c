/* SPDX-License-Identifier: Apache-2.0 */
/* A real quorum-witnessd on loopback, asked with real packets: what was recorded, changed, or meant for somebody else
 * changes nothing, and what was answered survives a kill. */
#include "unit/unit.h"

#include "drv/loop.h"
#include "drv/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	PATH_BYTES = 256,
	ANSWER_MS = 200, /* until it is asked again */
	TRIES = 150,
	C_MS = 300,
	RECORDED = 64,
};

/* A cluster: its key file and the packets of two of its nodes. */
struct cluster {
	char file[PATH_BYTES];
	struct qd_keyfile keys;
	struct qd_packet node[3];
	uint64_t id;
	uint64_t session;
};

struct recorded {
	size_t len;
	uint8_t data[QD_WIRE_PACKET_MAX];
};

static char dir[PATH_BYTES / 2];
static char program[PATH_BYTES];
static pid_t daemon_pid;
static uint16_t port;
static int fd4 = -1, fd6 = -1;
static struct cluster first, second;
static struct recorded record[RECORDED];
static size_t record_count;

/* ------------------------------------------------ the daemon */

static void path(const char *name, char to[PATH_BYTES])
{
	(void)snprintf(to, PATH_BYTES, "%s/%s", dir, name);
}

static void start(void)
{
	char keys[PATH_BYTES], store[PATH_BYTES], socket_name[PATH_BYTES], listen4[64], listen6[64];
	path("keys", keys);
	path("store", store);
	path("status", socket_name);
	(void)snprintf(listen4, sizeof listen4, "127.0.0.1:%u", port);
	(void)snprintf(listen6, sizeof listen6, "[::1]:%u", port);
	(void)fflush(NULL);
	daemon_pid = fork();
	if (daemon_pid == 0) {
		const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		(void)dup2(null, STDERR_FILENO);
		(void)execl(program, program, "--keys", keys, "--store", store, "--socket", socket_name,
			    "--listen", listen4, "--listen", listen6, (char *)NULL);
		_exit(127);
	}
	UNIT_OK(daemon_pid > 0);
	first.session = 0;
	second.session = 0;
}

static void stop(int number)
{
	int status = 0;
	UNIT_EQUAL(kill(daemon_pid, number), 0);
	UNIT_EQUAL(waitpid(daemon_pid, &status, 0), daemon_pid);
	if (number == SIGTERM)
		UNIT_OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ------------------------------------------------ packets */

static void send_bytes(int fd, const void *data, size_t len)
{
	const struct sockaddr_in to4 = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr *to = fd == fd6 ? (const struct sockaddr *)&to6 : (const struct sockaddr *)&to4;
	(void)sendto(fd, data, len, 0, to,
		     fd == fd6 ? sizeof to6 : sizeof to4); /* refused while nobody listens */
}

/* The next answer for `node`, at most ANSWER_MS away. */
static bool receive(int fd, struct cluster *c, uint32_t node, struct qd_witness_answer *a)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_packet_content content;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (poll(&p, 1, ANSWER_MS) == 1) {
		const ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
		if (n > 0 && qd_packet_open(&c->node[node], packet, (size_t)n, &content) == QD_PACKET_OK) {
			*a = content.u.answer;
			return true;
		}
	}
	return false;
}

static size_t make(struct cluster *c, uint32_t node, enum qd_witness_ask what, uint64_t epoch,
		   uint8_t to[QD_WIRE_PACKET_MAX])
{
	const struct qd_witness_request q = {.ask = what,
					     .session = c->session,
					     .id = ++c->id,
					     .node = node,
					     .incarnation = 100 + node,
					     .epoch = epoch,
					     .tag = {.epoch = 1, .version = 1},
					     .challenge_ns = (uint64_t)qd_span_ms(C_MS).ns};
	return qd_packet_seal_request(&c->node[node], &q, to);
}

/* Asks until it is answered, learning the session on the way. What was sent is recorded. */
static enum qd_witness_verdict ask_on(int fd, struct cluster *c, uint32_t node, enum qd_witness_ask what,
				      uint64_t epoch)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_witness_answer a = {0};
	for (int i = 0; i < TRIES; i++) {
		const size_t len = make(c, node, what, epoch, packet);
		send_bytes(fd, packet, len);
		if (c->session != 0 && record_count < RECORDED) {
			record[record_count].len = len;
			memcpy(record[record_count++].data, packet, len);
		}
		while (receive(fd, c, node, &a)) {
			c->session = a.session;
			if (a.id == c->id && a.verdict != QD_WITNESS_SESSION)
				return a.verdict;
			if (a.id == c->id)
				break;
		}
	}
	unit_case("the witness does not answer");
	UNIT_OK(false);
	return QD_WITNESS_VERDICT_COUNT;
}

static enum qd_witness_verdict ask(struct cluster *c, uint32_t node, enum qd_witness_ask what, uint64_t epoch)
{
	return ask_on(fd4, c, node, what, epoch);
}

/* Whatever came in before this is answered, if at all, before the answer to a look. How many such there were. */
static unsigned answers_before_a_look(struct cluster *c, uint32_t node)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_witness_answer a = {0};
	unsigned count = 0;
	send_bytes(fd4, packet, make(c, node, QD_WITNESS_SHOW, 0, packet));
	while (receive(fd4, c, node, &a) && a.id != c->id)
		count++;
	UNIT_EQUAL(a.id, c->id);
	return count;
}

static void new_cluster(struct cluster *c, const char *name)
{
	char why[QD_KEYFILE_WHY_MAX], file[64];
	(void)snprintf(file, sizeof file, "keys/%s.key", name);
	path(file, c->file);
	UNIT_EQUAL(qd_keyfile_make(&c->keys), 0);
	UNIT_EQUAL(qd_keyfile_create(c->file, &c->keys, why), 0);
	for (uint32_t n = 1; n <= 2; n++)
		UNIT_EQUAL(qd_packet_init(&c->node[n], n, &c->keys), 0);
}

/* ------------------------------------------------ tests */

static void serves(void)
{
	new_cluster(&first, "first");
	new_cluster(&second, "second");
	start();
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_SHOW, 0), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_CONFIRM, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_RENEW, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask_on(fd6, &first, 1, QD_WITNESS_RENEW, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&second, 1, QD_WITNESS_SHOW, 0), QD_WITNESS_UNCONFIRMED); /* one is not the other */
}

/* In order, the other way round, each twice, from another address. */
static void replays(void)
{
	const size_t count = record_count;
	UNIT_OK(count >= 4);
	for (size_t i = 0; i < 4 * count; i++) {
		const size_t which = i < 2 * count		 ? i / 2
				     : 4 * count - 1 - i < count ? 4 * count - 1 - i
								 : i % count;
		send_bytes(fd4, record[which].data, record[which].len);
	}
	UNIT_EQUAL(answers_before_a_look(&first, 1), 0);
	/* and they keep nobody's lock alive */
	const struct qd_mono start_at = qd_clock_now();
	enum qd_witness_verdict verdict = QD_WITNESS_HELD;
	while (verdict == QD_WITNESS_HELD &&
	       qd_mono_sub(qd_clock_now(), start_at).ns < qd_span_ms(20 * C_MS).ns) {
		for (size_t i = 0; i < count; i++)
			send_bytes(fd6, record[i].data, record[i].len);
		struct pollfd nothing = {.fd = -1};
		(void)poll(&nothing, 1, C_MS / 10); /* the rate of a cluster is limited */
		verdict = ask(&first, 2, QD_WITNESS_LOCK, 193);
	}
	UNIT_EQUAL(verdict, QD_WITNESS_OK);
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_RENEW, 128), QD_WITNESS_OLD_EPOCH);
}

static void other_cluster(void)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	(void)ask(&second, 1, QD_WITNESS_SHOW, 0);
	first.session = second.session;
	size_t len = make(&first, 1, QD_WITNESS_CONFIRM, 64, packet);
	memcpy(packet + 9, second.keys.cluster, QD_KEYFILE_CLUSTER_BYTES);
	send_bytes(fd4, packet, len);
	/* a node that says it is another one */
	len = make(&second, 1, QD_WITNESS_CONFIRM, 64, packet);
	packet[3] = 2;
	send_bytes(fd4, packet, len);
	/* and a cluster that nobody knows */
	len = make(&second, 1, QD_WITNESS_CONFIRM, 64, packet);
	memset(packet + 9, 0x77, QD_KEYFILE_CLUSTER_BYTES);
	send_bytes(fd4, packet, len);
	UNIT_EQUAL(answers_before_a_look(&second, 1), 0);
	UNIT_EQUAL(ask(&second, 1, QD_WITNESS_SHOW, 0), QD_WITNESS_UNCONFIRMED);
}

static void garbage(void)
{
	uint8_t packet[QD_WIRE_PACKET_MAX] = {0};
	uint64_t seed = 9;
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = make(&second, 1, QD_WITNESS_CONFIRM, 64, packet);
		if (i % 3 == 0)
			len = unit_random(&seed) % sizeof packet;
		else if (i % 3 == 1)
			unit_fill(packet, len, i);
		if (len > 0)
			packet[unit_random(&seed) % len] ^= (uint8_t)(1u << unit_random(&seed) % 8);
		send_bytes(fd4, packet, len);
	}
	/* The second cluster has used up its share with that, and gets it back at its rate; the first one has its own. */
	UNIT_EQUAL(ask(&second, 1, QD_WITNESS_SHOW, 0), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(ask(&first, 2, QD_WITNESS_RENEW, 193), QD_WITNESS_OK);
}

static void killed(void)
{
	struct qd_witness_answer a;
	UNIT_EQUAL(ask(&first, 2, QD_WITNESS_LOCK, 257), QD_WITNESS_OK);
	stop(SIGKILL);
	start();
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_LOCK, 257), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&first, 2, QD_WITNESS_RENEW, 257), QD_WITNESS_OK); /* kept over the restart */
	/* what was recorded before means nothing now: it is told the session, and does nothing */
	unsigned told = 0;
	for (size_t i = 0; i < record_count && i < 4; i++)
		send_bytes(fd4, record[i].data, record[i].len);
	while (receive(fd4, &first, 1, &a)) {
		UNIT_EQUAL(a.verdict, QD_WITNESS_SESSION);
		told++;
	}
	UNIT_EQUAL(told, 4);
	UNIT_EQUAL(ask(&first, 2, QD_WITNESS_RENEW, 257), QD_WITNESS_OK);
}

static void reloads(void)
{
	static struct cluster third;
	char why[QD_KEYFILE_WHY_MAX], bad[PATH_BYTES];
	new_cluster(&third, "third");
	path("keys/bad.key", bad);
	const int fd = open(bad, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	UNIT_EQUAL(write(fd, "cluster x\n", 10), 10);
	(void)close(fd);
	UNIT_EQUAL(unlink(second.file), 0);
	/* a key is changed in steps: the new one is taken from now on */
	UNIT_EQUAL(qd_keyfile_add(&first.keys, why), 0);
	UNIT_EQUAL(qd_keyfile_use(&first.keys, why), 0);
	UNIT_EQUAL(qd_keyfile_replace(first.file, &first.keys, why), 0);
	UNIT_EQUAL(kill(daemon_pid, SIGHUP), 0);
	UNIT_EQUAL(ask(&third, 1, QD_WITNESS_SHOW, 0), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(qd_packet_rekey(&first.node[2], &first.keys), 0);
	UNIT_EQUAL(ask(&first, 2, QD_WITNESS_RENEW, 257), QD_WITNESS_OK);
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_witness_answer a;
	send_bytes(fd4, packet, make(&second, 1, QD_WITNESS_SHOW, 0, packet));
	UNIT_OK(!receive(fd4, &second, 1, &a));
}

static void ends(void)
{
	stop(SIGTERM);
	start();
	UNIT_EQUAL(qd_packet_rekey(&first.node[1], &first.keys), 0);
	UNIT_EQUAL(ask(&first, 1, QD_WITNESS_LOCK, 257), QD_WITNESS_OLD_EPOCH);
	stop(SIGTERM);
}

static const struct unit_test TESTS[] = {
	{"it serves clusters by their keys, on IPv6 and IPv4", serves},
	{"what was recorded does nothing, and keeps no lock alive", replays},
	{"a packet of another cluster, of another node or of nobody does nothing", other_cluster},
	{"20,000 packets of garbage neither stop it nor touch another cluster", garbage},
	{"killed, it knows what it granted, and takes nothing that was recorded before", killed},
	{"key files that come, go and change are taken over while it serves", reloads},
	{"it ends in order and knows itself again", ends},
};

/* A port that nobody uses now. */
static int open_sockets(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	const int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0 || bind(probe, (const struct sockaddr *)&a, sizeof a) != 0 ||
	    getsockname(probe, (struct sockaddr *)&a, &len) != 0)
		return -1;
	port = ntohs(a.sin_port);
	(void)close(probe);
	fd4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd4 >= 0 && fd6 >= 0 ? 0 : -1;
}

int main(void)
{
	char name[] = "/tmp/qd-witness-XXXXXX", keys[PATH_BYTES];
	const char *build = getenv("QD_BUILD");
	if (mkdtemp(name) == NULL || open_sockets() != 0 || sodium_init() < 0)
		return EXIT_FAILURE;
	(void)snprintf(dir, sizeof dir, "%s", name);
	(void)snprintf(program, sizeof program, "%s/quorum-witnessd", build != NULL ? build : "build/gcc");
	path("keys", keys);
	(void)mkdir(keys, 0700);
	const int rc = unit_run("t_witness_daemon", TESTS, UNIT_COUNT(TESTS));
	static const char *const files[] = {"keys/first.key",  "keys/third.key", "keys/bad.key",
					    "keys/second.key", "store/grants",	 "store/lock",
					    "status",	       "keys",		 "store"};
	for (size_t i = 0; i < UNIT_COUNT(files); i++) {
		char file[PATH_BYTES];
		path(files[i], file);
		(void)remove(file);
	}
	(void)rmdir(dir);
	return rc;
}
