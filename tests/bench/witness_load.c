/* SPDX-License-Identifier: Apache-2.0 */
/* Many clusters at one quorum-witnessd, with real packets: how long answers take, how many grants a second become
 * durable, and what a cluster that floods does to the others. Keys follow from a number, so that nothing is kept.
 *
 *   witness_load keys DIR CLUSTERS          write the key files
 *   witness_load run PORT CLUSTERS RENEW_MS SECONDS [flood]
 *
 * run: confirms and locks every cluster, then renews each every RENEW_MS for SECONDS. With flood the time has two halves;
 * in the second one cluster sends as fast as it can, from another thread. Prints lines "name value...". */
#include "drv/loop.h"
#include "drv/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PACKET_BYTES = QD_WIRE_ENVELOPE_BYTES + QD_WIRE_WITNESS_REQUEST_BYTES + QD_WIRE_MAC_BYTES,
	ANSWER_BYTES = QD_WIRE_ENVELOPE_BYTES + QD_WIRE_WITNESS_ANSWER_BYTES + QD_WIRE_MAC_BYTES,
	WINDOW = 2048,	 /* requests under way while everybody confirms and locks */
	RESEND_MS = 500, /* of those */
	LATE_MS = 2000,	 /* a renewal without an answer for so long is lost */
	BATCH = 64,
	NODE = 1,
	EPOCH = 64,
	MS = 1000000,
};

struct cluster {
	uint8_t id[QD_KEYFILE_CLUSTER_BYTES];
	uint8_t out[QD_KEYFILE_KEY_BYTES];
	uint8_t in[QD_KEYFILE_KEY_BYTES];
	uint64_t request; /* id of the last one */
	uint64_t sent_ns; /* 0: answered */
	bool done;	  /* with what everybody does now */
};

static struct {
	uint32_t count;
	struct cluster *list;
	int fd;
	struct sockaddr_in to;
	uint64_t session;
	uint64_t incarnation;
	uint8_t nonce[QD_WIRE_NONCE_BYTES];
	uint64_t sealed;
	enum qd_witness_verdict bad; /* the last one that was not OK */
	uint64_t refused;
} load;

static _Noreturn void fail(const char *what)
{
	(void)fprintf(stderr, "witness_load: %s: %s\n", what, strerrordesc_np(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	return qd_clock_now().ns;
}

/* ------------------------------------------------ keys */

static void keys_of(uint32_t number, struct qd_keyfile *k)
{
	uint8_t bytes[QD_KEYFILE_CLUSTER_BYTES + QD_KEYFILE_KEY_BYTES];
	uint8_t seed[randombytes_SEEDBYTES] = {1};
	memcpy(seed + 1, &number, sizeof number);
	randombytes_buf_deterministic(bytes, sizeof bytes, seed);
	*k = (struct qd_keyfile){.count = 1, .slot = {{.number = 1, .use = true}}};
	memcpy(k->cluster, bytes, sizeof k->cluster);
	memcpy(k->slot[0].key, bytes + sizeof k->cluster, sizeof k->slot[0].key);
}

/* Not by qd_keyfile_create(): that syncs each, and thousands would take minutes. */
static int write_keys(const char *dir, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct qd_keyfile k;
		char path[512], cluster[2 * QD_KEYFILE_CLUSTER_BYTES + 1], key[2 * QD_KEYFILE_KEY_BYTES + 1];
		keys_of(i, &k);
		(void)snprintf(path, sizeof path, "%s/c%06u.key", dir, i);
		FILE *f = fopen(path, "we");
		if (f == NULL || fchmod(fileno(f), 0600) != 0)
			fail(path);
		(void)sodium_bin2hex(cluster, sizeof cluster, k.cluster, sizeof k.cluster);
		(void)sodium_bin2hex(key, sizeof key, k.slot[0].key, sizeof k.slot[0].key);
		(void)fprintf(f, "cluster %s\nkey 1 use %s\n", cluster, key);
		if (fclose(f) != 0)
			fail(path);
	}
	return EXIT_SUCCESS;
}

static void prepare(uint32_t count)
{
	load.count = count;
	load.list = calloc(count, sizeof *load.list);
	if (load.list == NULL)
		fail("clusters");
	for (uint32_t i = 0; i < count; i++) {
		struct qd_keyfile k;
		struct cluster *c = &load.list[i];
		keys_of(i, &k);
		memcpy(c->id, k.cluster, sizeof c->id);
		qd_packet_derive(c->out, NODE, QD_PACKET_WITNESS, k.slot[0].key);
		qd_packet_derive(c->in, QD_PACKET_WITNESS, NODE, k.slot[0].key);
	}
}

/* ------------------------------------------------ packets */

static void seal(struct cluster *c, enum qd_witness_ask ask, uint8_t to[PACKET_BYTES])
{
	const struct qd_witness_request q = {
		.ask = ask,
		.session = load.session,
		.id = ++c->request,
		.node = NODE,
		.incarnation = load.incarnation,
		.epoch = ask == QD_WITNESS_CONFIRM ? EPOCH : 2 * EPOCH,
		.tag = {.epoch = ask == QD_WITNESS_CONFIRM ? 1 : 2, .version = 1},
		.challenge_ns = UINT64_C(6000000000)};
	struct qd_wire_envelope e = {.format = QD_WIRE_VERSION,
				     .traffic = QD_WIRE_WITNESS_REQUEST,
				     .from = NODE,
				     .to = QD_PACKET_WITNESS,
				     .key = 1};
	unsigned long long len = 0;
	uint8_t *const text = to + QD_WIRE_ENVELOPE_BYTES;
	const uint64_t count = ++load.sealed;
	memcpy(e.cluster, c->id, sizeof e.cluster);
	memcpy(e.nonce, load.nonce, sizeof e.nonce);
	memcpy(e.nonce + 16, &count, sizeof count);
	qd_wire_envelope_encode(&e, to);
	qd_wire_witness_request_encode(&q, text);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(text, &len, text, QD_WIRE_WITNESS_REQUEST_BYTES, to,
							 QD_WIRE_ENVELOPE_BYTES, NULL, e.nonce, c->out);
}

static void send_one(struct cluster *c, enum qd_witness_ask ask)
{
	uint8_t packet[PACKET_BYTES];
	seal(c, ask, packet);
	c->sent_ns = now_ns();
	/* A full buffer is a lost packet: it is sent again. */
	(void)sendto(load.fd, packet, sizeof packet, MSG_DONTWAIT, (const struct sockaddr *)&load.to,
		     sizeof load.to);
}

static struct cluster *find(const uint8_t *id)
{
	static uint32_t *index;
	const uint32_t slots = 4 * load.count;
	uint64_t at = 0;
	if (index == NULL) {
		index = calloc(slots, sizeof *index);
		for (uint32_t i = 0; index != NULL && i < load.count; i++) {
			memcpy(&at, load.list[i].id, sizeof at);
			for (at %= slots; index[at] != 0; at = (at + 1) % slots)
				continue;
			index[at] = i + 1;
		}
	}
	if (index == NULL)
		fail("index");
	memcpy(&at, id, sizeof at);
	for (at %= slots; index[at] != 0; at = (at + 1) % slots) {
		if (memcmp(load.list[index[at] - 1].id, id, QD_KEYFILE_CLUSTER_BYTES) == 0)
			return &load.list[index[at] - 1];
	}
	return NULL;
}

/* The cluster whose present request this answers, or NULL. */
static struct cluster *opened(const uint8_t *packet, size_t len, struct qd_witness_answer *a)
{
	struct qd_wire_envelope e;
	uint8_t text[QD_WIRE_WITNESS_ANSWER_BYTES];
	unsigned long long text_len = 0;
	if (len != ANSWER_BYTES || qd_wire_envelope_decode(packet, len, &e) != QD_WIRE_OK)
		return NULL;
	struct cluster *c = find(e.cluster);
	if (c == NULL ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(text, &text_len, NULL, packet + QD_WIRE_ENVELOPE_BYTES,
						       ANSWER_BYTES - QD_WIRE_ENVELOPE_BYTES, packet,
						       QD_WIRE_ENVELOPE_BYTES, e.nonce, c->in) != 0)
		return NULL;
	if (!qd_wire_witness_answer_decode(text, (size_t)text_len, a) || a->id != c->request ||
	    c->sent_ns == 0)
		return NULL;
	return c;
}

struct latencies {
	uint64_t count, lost, cap;
	uint64_t *ns;
};

/* Everything that has come in. How many answers with OK. */
static uint32_t receive(struct latencies *to)
{
	static uint8_t packets[BATCH][2048];
	struct mmsghdr headers[BATCH] = {0};
	struct iovec pieces[BATCH];
	uint32_t good = 0;
	for (size_t i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){.iov_base = packets[i], .iov_len = sizeof packets[i]};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
	}
	const int n = recvmmsg(load.fd, headers, BATCH, MSG_DONTWAIT, NULL);
	const uint64_t now = now_ns();
	for (int i = 0; i < n; i++) {
		struct qd_witness_answer a;
		struct cluster *c = opened(packets[i], headers[i].msg_len, &a);
		if (c == NULL)
			continue;
		load.session = a.session;
		if (a.verdict != QD_WITNESS_OK) {
			load.bad = a.verdict;
			load.refused +=
				a.verdict != QD_WITNESS_SESSION; /* the first one is told the session */
			c->sent_ns = 1;				 /* long ago: again */
			continue;
		}
		if (to != NULL && to->count < to->cap)
			to->ns[to->count++] = now - c->sent_ns;
		c->sent_ns = 0;
		c->done = true;
		good++;
	}
	return good;
}

static void wait_until(uint64_t until_ns)
{
	const uint64_t now = now_ns();
	struct pollfd p = {.fd = load.fd, .events = POLLIN};
	const uint64_t left = until_ns > now ? until_ns - now : 0;
	const struct timespec t = {.tv_sec = (time_t)(left / 1000000000),
				   .tv_nsec = (long)(left % 1000000000)};
	if (ppoll(&p, 1, &t, NULL) < 0 && errno != EINTR)
		fail("poll");
}

/* ------------------------------------------------ everybody once */

static void everybody(const char *name, enum qd_witness_ask ask)
{
	uint32_t done = 0, next = 0, under_way = 0;
	const uint64_t start = now_ns();
	uint64_t look = start;
	for (uint32_t i = 0; i < load.count; i++) {
		load.list[i].done = false;
		load.list[i].sent_ns = 0;
	}
	while (done < load.count) {
		for (; under_way < WINDOW && next < load.count; under_way++)
			send_one(&load.list[next++], ask);
		wait_until(now_ns() + MS);
		const uint32_t good = receive(NULL);
		done += good;
		under_way -= good;
		const uint64_t now = now_ns();
		if (now - look < UINT64_C(100) * MS)
			continue;
		look = now;
		for (uint32_t i = 0; i < next; i++) {
			struct cluster *c = &load.list[i];
			if (!c->done && now - c->sent_ns > (uint64_t)RESEND_MS * MS)
				send_one(c, ask);
		}
	}
	const double s = (double)(now_ns() - start) / 1e9;
	(void)printf("%s %u %.3f s %.0f /s\n", name, load.count, s, load.count / s);
	(void)fflush(stdout);
}

/* Any cluster's answer tells the session. */
static void learn_session(void)
{
	for (int i = 0; i < 100 && load.session == 0; i++) {
		send_one(&load.list[0], QD_WITNESS_SHOW);
		wait_until(now_ns() + UINT64_C(50) * MS);
		(void)receive(NULL);
	}
	if (load.session == 0) {
		errno = ETIMEDOUT;
		fail("the witness does not answer");
	}
}

/* ------------------------------------------------ renewing */

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void print(const char *name, struct latencies *l)
{
	if (l->count == 0)
		return;
	qsort(l->ns, l->count, sizeof *l->ns, by_size);
	(void)printf("%s %lu answers p50 %.3f ms p99 %.3f ms p99.9 %.3f ms max %.3f ms lost %lu\n", name,
		     l->count, (double)l->ns[l->count / 2] / 1e6, (double)l->ns[l->count * 99 / 100] / 1e6,
		     (double)l->ns[l->count * 999 / 1000] / 1e6, (double)l->ns[l->count - 1] / 1e6, l->lost);
	(void)fflush(stdout);
}

/* Everybody from `first` on, evenly over the interval. */
static void renew(const char *name, uint32_t first, uint64_t renew_ms, uint64_t seconds)
{
	const uint32_t count = load.count - first;
	const uint64_t start = now_ns();
	const uint64_t step = renew_ms * MS / count;
	const uint64_t total = seconds * 1000 * MS / step;
	struct latencies l = {.cap = total + 1};
	l.ns = calloc(l.cap, sizeof *l.ns);
	if (l.ns == NULL)
		fail("latencies");
	for (uint64_t n = 0; n < total;) {
		for (; n < total && now_ns() >= start + n * step; n++) {
			struct cluster *c = &load.list[first + n % count];
			l.lost += c->sent_ns != 0;
			send_one(c, QD_WITNESS_RENEW);
			(void)receive(&l);
		}
		wait_until(start + n * step);
		(void)receive(&l);
	}
	for (const uint64_t end = now_ns() + (uint64_t)LATE_MS * MS;
	     now_ns() < end && l.count + l.lost < total;) {
		wait_until(end);
		(void)receive(&l);
	}
	for (uint32_t i = first; i < load.count; i++) {
		l.lost += load.list[i].sent_ns != 0;
		load.list[i].sent_ns = 0;
	}
	print(name, &l);
	free(l.ns);
}

/* ------------------------------------------------ the flood */

static struct {
	atomic_bool stop;
	uint8_t packets[BATCH][PACKET_BYTES]; /* valid renewals of cluster 0 */
	uint64_t sent;
	double seconds;
} flood;

static void *run_flood(void *context)
{
	struct mmsghdr headers[BATCH] = {0};
	struct iovec pieces[BATCH];
	const uint64_t start = now_ns();
	(void)context;
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	for (size_t i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){.iov_base = flood.packets[i], .iov_len = PACKET_BYTES};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i],
						     .msg_iovlen = 1,
						     .msg_name = &load.to,
						     .msg_namelen = sizeof load.to};
	}
	while (!atomic_load(&flood.stop)) {
		const int n = sendmmsg(fd, headers, BATCH, 0);
		flood.sent += n > 0 ? (uint64_t)n : 0;
	}
	flood.seconds = (double)(now_ns() - start) / 1e9;
	(void)close(fd);
	return NULL;
}

static void with_flood(uint64_t renew_ms, uint64_t seconds)
{
	pthread_t thread;
	for (size_t i = 0; i < BATCH; i++)
		seal(&load.list[0], QD_WITNESS_RENEW, flood.packets[i]);
	renew("others-without-flood", 1, renew_ms, seconds / 2);
	if (pthread_create(&thread, NULL, run_flood, NULL) != 0)
		fail("thread");
	renew("others-with-flood", 1, renew_ms, seconds / 2);
	atomic_store(&flood.stop, true);
	(void)pthread_join(thread, NULL);
	(void)printf("flood %lu packets %.0f /s\n", flood.sent, (double)flood.sent / flood.seconds);
}

static int run(char **argv, bool flooding)
{
	const int buffer = 8 << 20;
	load.to = (struct sockaddr_in){.sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(argv[0], NULL, 10)),
				       .sin_addr = {htonl(INADDR_LOOPBACK)}};
	prepare((uint32_t)strtoul(argv[1], NULL, 10));
	load.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (load.fd < 0)
		fail("socket");
	(void)setsockopt(load.fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
	(void)setsockopt(load.fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
	randombytes_buf(load.nonce, sizeof load.nonce);
	load.incarnation = now_ns();
	learn_session();
	everybody("confirms", QD_WITNESS_CONFIRM);
	everybody("locks", QD_WITNESS_LOCK);
	everybody("tags", QD_WITNESS_PUT);
	const uint64_t renew_ms = strtoul(argv[2], NULL, 10), seconds = strtoul(argv[3], NULL, 10);
	if (flooding)
		with_flood(renew_ms, seconds);
	else
		renew("renewals", 0, renew_ms, seconds);
	if (load.refused != 0)
		(void)printf("refused %lu last %s\n", load.refused, qd_witness_verdict_name(load.bad));
	free(load.list);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	if (argc == 4 && strcmp(argv[1], "keys") == 0)
		return write_keys(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
	if ((argc == 6 || (argc == 7 && strcmp(argv[6], "flood") == 0)) && strcmp(argv[1], "run") == 0)
		return run(argv + 2, argc == 7);
	(void)fprintf(stderr,
		      "usage: witness_load keys DIR CLUSTERS | run PORT CLUSTERS RENEW_MS SECONDS [flood]\n");
	return EXIT_FAILURE;
}
