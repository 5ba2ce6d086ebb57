/* SPDX-License-Identifier: Apache-2.0 */
/* quorumd's end of the control socket, with clients of the test's own in one thread: what operators ask for. */
#include "quorumd/conf_body.h"
#include "quorumd/control_text.h"
#include "quorumd/control_wire.h"
#include "quorumd/errors.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { CLIENTS = 2, PATH_BYTES = 96, ROUNDS = 20, DESCRIPTORS = 1024 };

static char folder[] = "/tmp/t_control.XXXXXX";
static char path[PATH_BYTES];
static struct qd_control_server *server;
static int client[CLIENTS];
static struct qd_control_answer answer;
static struct qd_control_text text;

/* What the shell was called with. */
static struct {
	uint32_t handovers;
	uint32_t changes;
	uint32_t forces;
	uint32_t configs;
	uint32_t histories;
	struct qd_tag from;
	const char *text;
	size_t len_bytes;
	uint64_t unix_s;
	uint8_t digest[QD_DIGEST_BYTES];
} called;

static void on_handover(void *context, uint32_t to)
{
	(void)context;
	(void)to;
	called.handovers++;
}

static void on_change(void *context, struct qd_tag from, const char *bytes, size_t len_bytes)
{
	(void)context;
	called.changes++;
	called.from = from;
	called.text = bytes;
	called.len_bytes = len_bytes;
}

static void on_force(void *context, uint64_t unix_s)
{
	(void)context;
	called.forces++;
	called.unix_s = unix_s;
}

static void on_config(void *context, const uint8_t digest[QD_DIGEST_BYTES])
{
	(void)context;
	called.configs++;
	memcpy(called.digest, digest, QD_DIGEST_BYTES);
}

static void on_history(void *context)
{
	(void)context;
	called.histories++;
}

static const struct qd_control_calls ALL = {.handover = on_handover,
					    .change = on_change,
					    .force = on_force,
					    .get_config = on_config,
					    .history = on_history};

static int connected(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	UNIT_OK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	qd_control_server_service(server);
	return fd;
}

static void begin(const struct qd_control_calls *calls)
{
	memset(&called, 0, sizeof(called));
	UNIT_EQUAL(qd_control_server_open(path, "", calls, &server), 0);
	for (size_t i = 0; i < CLIENTS; i++)
		client[i] = connected();
}

static void end(void)
{
	qd_control_text_unmap(&text);
	for (size_t i = 0; i < CLIENTS; i++)
		(void)close(client[i]); /* one may be closed already */
	qd_control_server_close(server);
}

static void ask_with(int who, const struct qd_control_request *r, int fd)
{
	uint8_t packet[256];
	const size_t len = qd_control_request_encode(r, packet, sizeof(packet));
	UNIT_EQUAL(qd_control_text_send(client[who], packet, len, fd), len);
	qd_control_server_service(server);
}

static void ask(int who, enum qd_control_ask what, uint64_t id)
{
	ask_with(who, &(struct qd_control_request){.ask = what, .id = id}, -1);
}

/* The next answer, with its text. False: there is none. */
static bool hear(int who)
{
	static uint8_t packet[QD_CONTROL_PACKET_MAX];
	int fd = -1;
	qd_control_text_unmap(&text);
	const ssize_t n = qd_control_text_receive(client[who], packet, sizeof(packet), &fd);
	if (fd >= 0) {
		UNIT_OK(qd_control_text_map(fd, &text));
		UNIT_EQUAL(close(fd), 0);
	}
	return n > 0 && qd_control_answer_decode(packet, (size_t)n, &answer);
}

/* It is a reply to request `id`. */
static bool hears_reply(int who, uint64_t id, enum qd_reply reply)
{
	return UNIT_OK(hear(who)) && UNIT_EQUAL(answer.tell, QD_TELL_REPLY) && UNIT_EQUAL(answer.id, id) &&
	       UNIT_EQUAL(answer.u.reply.reply, reply);
}

/* ---------------------------------------------------------------- texts */

static int unsealed(size_t len_bytes, int seals)
{
	const int fd = memfd_create("t_control_server", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	UNIT_OK(fd >= 0 && ftruncate(fd, (off_t)len_bytes) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static void refused_texts(void)
{
	const int good = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const int pipe_like = open(folder, O_RDONLY | O_CLOEXEC);
	const struct {
		const char *about;
		int fd;
		bool good;
	} table[] = {
		{"sealed", unsealed(5, good), true},
		{"as long as may be", unsealed(QD_BODY_BYTES_MAX, good), true},
		{"longer", unsealed(QD_BODY_BYTES_MAX + 1, good), false},
		{"empty", unsealed(0, good), false},
		{"may shrink", unsealed(5, F_SEAL_GROW | F_SEAL_WRITE), false},
		{"may be written", unsealed(5, F_SEAL_SHRINK | F_SEAL_GROW), false},
		{"no memfd", pipe_like, false},
	};
	begin(&ALL);
	for (size_t i = 0; i < UNIT_COUNT(table); i++) {
		unit_case("%s", table[i].about);
		ask_with(0, &(struct qd_control_request){.ask = QD_ASK_CHANGE, .id = i + 1}, table[i].fd);
		UNIT_EQUAL(called.changes, table[i].good ? 1 : 0);
		if (table[i].good)
			qd_control_server_reply(server, QD_REPLY_DONE);
		(void)hears_reply(0, i + 1, table[i].good ? QD_REPLY_DONE : QD_REPLY_INVALID);
		called.changes = 0;
		UNIT_EQUAL(close(table[i].fd), 0);
	}
	ask(0, QD_ASK_CHANGE, 99); /* without any */
	UNIT_EQUAL(called.changes, 0);
	(void)hears_reply(0, 99, QD_REPLY_INVALID);
	end();
}

static void hands_a_change_on(void)
{
	static const char yaml[] = "cluster: demo\n";
	const int fd = qd_control_text_make(yaml, sizeof(yaml) - 1);
	begin(&ALL);
	ask_with(0, &(struct qd_control_request){.ask = QD_ASK_CHANGE, .id = 3, .from = {129, 7}}, fd);
	UNIT_EQUAL(close(fd), 0);
	UNIT_EQUAL(called.changes, 1);
	UNIT_EQUAL(called.from.epoch, 129);
	UNIT_EQUAL(called.from.version, 7);
	UNIT_EQUAL(called.len_bytes, sizeof(yaml) - 1);
	/* The text stays as long as the request is not answered. */
	UNIT_BYTES(called.text, yaml, sizeof(yaml) - 1);
	UNIT_OK(!hear(0));
	qd_control_server_refuse(server, QD_REPLY_INVALID, "line %d", 5);
	(void)hears_reply(0, 3, QD_REPLY_INVALID);
	UNIT_TEXT(answer.u.reply.why, "line 5");
	end();
}

static int open_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
	return count;
}

/* Nobody is left with a descriptor that he does not know of. */
static void descriptors_are_closed(void)
{
	static const char yaml[] = "x";
	begin(&ALL);
	const int before = open_descriptors();
	for (int i = 0; i < ROUNDS; i++) {
		const int fd = qd_control_text_make(yaml, 1);
		ask_with(0, &(struct qd_control_request){.ask = QD_ASK_STATUS, .id = 1}, fd);
		UNIT_EQUAL(close(fd), 0);
		UNIT_OK(hear(0));
	}
	UNIT_EQUAL(open_descriptors(), before);
	end();
}

static void gives_a_configuration(void)
{
	static char long_text[QD_BODY_BYTES_MAX];
	const struct qd_control_config config = {.tag = {129, 7}, .in_force = true, .digest = {1, 2}};
	memset(long_text, 'y', sizeof(long_text));
	begin(&ALL);
	ask_with(0, &(struct qd_control_request){.ask = QD_ASK_CONFIG, .id = 4, .digest = {9}}, -1);
	UNIT_EQUAL(called.configs, 1);
	UNIT_EQUAL(called.digest[0], 9);
	qd_control_server_config(server, &config, long_text, sizeof(long_text));
	UNIT_OK(hear(0));
	UNIT_EQUAL(answer.tell, QD_TELL_CONFIG);
	UNIT_EQUAL(answer.u.config.tag.version, 7);
	UNIT_EQUAL(text.len_bytes, sizeof(long_text));
	if (text.text != NULL)
		UNIT_BYTES(text.text, long_text, sizeof(long_text));
	end();
}

/* ---------------------------------------------------------------- one at a time */

static void one_at_a_time(void)
{
	const struct qd_body_entry list[] = {{.tag = {1, 1}}, {.tag = {1, 2}, .unix_s = 5}};
	begin(&ALL);
	ask(0, QD_ASK_HISTORY, 1);
	ask(1, QD_ASK_HANDOVER, 2);
	UNIT_EQUAL(called.handovers, 0);
	(void)hears_reply(1, 2, QD_REPLY_BUSY);
	qd_control_server_history(server, list, 2);
	UNIT_OK(hear(0));
	UNIT_EQUAL(answer.tell, QD_TELL_HISTORY);
	UNIT_EQUAL(answer.u.history.count, 2);
	UNIT_EQUAL(answer.u.history.list[1].unix_s, 5);
	ask(1, QD_ASK_HANDOVER, 3);
	UNIT_EQUAL(called.handovers, 1);
	qd_control_server_reply(server, QD_REPLY_DONE);
	(void)hears_reply(1, 3, QD_REPLY_DONE);
	qd_control_server_reply(server, QD_REPLY_DONE); /* to nobody */
	UNIT_OK(recv(client[1], &answer, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	end();
}

/* Its answer goes to nobody, above all not to who asks next. */
static void who_asked_goes_away(void)
{
	begin(&ALL);
	ask_with(0, &(struct qd_control_request){.ask = QD_ASK_FORCE, .id = 1, .since = 17}, -1);
	UNIT_EQUAL(called.forces, 1);
	UNIT_EQUAL(called.unix_s, 17);
	UNIT_EQUAL(close(client[0]), 0);
	qd_control_server_service(server);
	client[0] = connected(); /* in the same place */
	ask(0, QD_ASK_HANDOVER, 2);
	(void)hears_reply(0, 2, QD_REPLY_BUSY);
	qd_control_server_reply(server, QD_REPLY_FAILED); /* of the first */
	UNIT_OK(recv(client[0], &answer, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	ask(0, QD_ASK_HANDOVER, 3);
	qd_control_server_reply(server, QD_REPLY_DONE);
	(void)hears_reply(0, 3, QD_REPLY_DONE);
	end();
}

static void without_a_cluster(void)
{
	static const enum qd_control_ask asks[] = {QD_ASK_CHANGE, QD_ASK_FORCE, QD_ASK_CONFIG,
						   QD_ASK_HISTORY};
	const struct qd_control_calls few = {.handover = on_handover};
	begin(&few);
	for (size_t i = 0; i < UNIT_COUNT(asks); i++) {
		ask(0, asks[i], i + 1);
		if (hears_reply(0, i + 1, QD_REPLY_FAILED))
			UNIT_OK(strstr(answer.u.reply.why, "give `nodes` addresses") != NULL);
	}
	ask(0, QD_ASK_HANDOVER, 9);
	UNIT_EQUAL(called.handovers, 1);
	end();
}

/* ---------------------------------------------------------------- lines */

static void line(enum qd_trace_code code)
{
	const struct qd_trace t = {.code = code, .a = 64, .b = 3, .c = 1};
	char to[QD_TRACE_TEXT_MAX];
	(void)qd_trace_format(&t, to, sizeof(to));
	qd_control_server_trace(server, (struct qd_mono){1}, &t, to);
}

static void lines_by_level(void)
{
	begin(&ALL);
	qd_control_server_log(server, (struct qd_mono){1}, QD_LEVEL_ERROR, "of the daemon");
	line(QD_TRACE_LOGIN); /* debug */
	line(QD_TRACE_NOT_HEARD);
	ask_with(0,
		 &(struct qd_control_request){
			 .ask = QD_ASK_LOG, .id = 1, .since = 1, .least = QD_LEVEL_NOTICE},
		 -1);
	UNIT_OK(hear(0));
	UNIT_EQUAL(answer.u.lines.count, 2);
	UNIT_EQUAL(answer.u.lines.list[0].code, QD_TRACE_NONE);
	UNIT_EQUAL(answer.u.lines.list[1].code, QD_TRACE_NOT_HEARD);
	UNIT_EQUAL(answer.u.lines.list[1].number, 3);
	UNIT_EQUAL(answer.u.lines.next, 4);
	ask_with(0, &(struct qd_control_request){.ask = QD_ASK_LOG, .id = 2}, -1);
	UNIT_OK(hear(0));
	UNIT_EQUAL(answer.u.lines.count, 3);
	end();
}

static void last_arbitration(void)
{
	begin(&ALL);
	ask(0, QD_ASK_STATUS, 1);
	UNIT_OK(hear(0));
	UNIT_EQUAL(answer.u.snapshot.arbitration.unix_ms, 0);
	line(QD_TRACE_PREPARE);
	line(QD_TRACE_NOT_HEARD);
	line(QD_TRACE_LEADING);
	ask(0, QD_ASK_STATUS, 2);
	UNIT_OK(hear(0));
	UNIT_OK(answer.u.snapshot.arbitration.unix_ms > 0);
	UNIT_TEXT(answer.u.snapshot.arbitration.text, "this node leads epoch 64, nodes {1 2}");
	UNIT_TEXT(answer.u.snapshot.arbitration.reason, "propose epoch 64 to nodes {1 2}");
	line(QD_TRACE_VIEW_LOST);
	ask(0, QD_ASK_STATUS, 3);
	UNIT_OK(hear(0));
	UNIT_TEXT(answer.u.snapshot.arbitration.text, "the view of epoch 64 is lost: join again");
	UNIT_TEXT(answer.u.snapshot.arbitration.reason, "");
	end();
}

static const struct unit_test TESTS[] = {
	{"a new configuration that is not sealed, empty or too long is refused", refused_texts},
	{"a new configuration is handed on, and stays until it is answered", hands_a_change_on},
	{"descriptors that nobody asked for are closed", descriptors_are_closed},
	{"a configuration of the greatest length comes to who asked", gives_a_configuration},
	{"operators' requests are served one at a time, others are told so", one_at_a_time},
	{"the answer to who went away goes to nobody else", who_asked_goes_away},
	{"a node without networks refuses what there is none of, and says the mend", without_a_cluster},
	{"lines come by their level, with the code of their decision", lines_by_level},
	{"the last arbitration is shown with what it was begun for", last_arbitration},
};

int main(void)
{
	if (mkdtemp(folder) == NULL) {
		(void)fprintf(stderr, "t_control_server: %s: %s\n", folder, strerrordesc_np(errno));
		return EXIT_FAILURE;
	}
	(void)snprintf(path, sizeof(path), "%s/control.sock", folder);
	const int status = unit_run("t_control_server", TESTS, UNIT_COUNT(TESTS));
	(void)rmdir(folder);
	return status;
}
