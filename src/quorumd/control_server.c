/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control_state.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	LISTENER = QD_CONTROL_CLIENTS_MAX, /* its place in the epoll data, after the clients' */
	EVENTS_MAX = QD_CONTROL_CLIENTS_MAX + 1,
	PASSWD_BYTES = 16384,
	REQUESTS_A_TURN = 4, /* of one client, so that none keeps quorumd from its rounds */
};

static void drop(struct qd_control_server *s, struct qd_control_client *c)
{
	if (s->operation.client == c)
		s->operation.client = NULL; /* what was asked for goes on: its answer has nobody to go to */
	(void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL); /* close() does it as well */
	(void)close(c->fd);					  /* nothing was buffered here */
	*c = (struct qd_control_client){.fd = -1};
}

void qd_control_send(struct qd_control_server *s, struct qd_control_client *c, int fd)
{
	size_t len = qd_control_answer_encode(&s->answer, s->packet, sizeof(s->packet));
	qd_assert(len > 0);
	ssize_t sent = qd_control_text_send(c->fd, s->packet, len, fd);
	if (sent != (ssize_t)len)
		drop(s, c);
}

static void send_snapshot(struct qd_control_server *s, struct qd_control_client *c, uint64_t id)
{
	s->answer.tell = QD_TELL_SNAPSHOT;
	s->answer.id = id;
	s->answer.u.snapshot = s->snapshot;
	s->answer.u.snapshot.log_next = s->log_next;
	s->answer.u.snapshot.arbitration = s->arbitration;
	qd_control_send(s, c, -1);
}

static void send_lines(struct qd_control_server *s, struct qd_control_client *c,
		       const struct qd_control_request *r)
{
	uint64_t first = s->log_next > QD_CONTROL_LOG_RING ? s->log_next - QD_CONTROL_LOG_RING : 1;
	uint64_t from = r->since < first ? first : r->since;
	struct qd_control_lines *lines = &s->answer.u.lines;
	s->answer.tell = QD_TELL_LINES;
	s->answer.id = r->id;
	lines->first = first;
	lines->count = 0;
	for (; from < s->log_next && lines->count < QD_CONTROL_LOG_BATCH; from++) {
		const struct qd_control_line *line = &s->ring[from % QD_CONTROL_LOG_RING];
		if (line->level >= r->least)
			lines->list[lines->count++] = *line;
	}
	lines->next = from < s->log_next ? from : s->log_next;
	qd_control_send(s, c, -1);
}

static void take_request(struct qd_control_server *s, struct qd_control_client *c,
			 const struct qd_control_request *r, int fd)
{
	switch (r->ask) {
	case QD_ASK_SUBSCRIBE:
		c->subscribed = true;
		c->subscribe_id = r->id;
		send_snapshot(s, c, r->id);
		return;
	case QD_ASK_STATUS:
		send_snapshot(s, c, r->id);
		return;
	case QD_ASK_LOG:
		send_lines(s, c, r);
		return;
	case QD_ASK_HANDOVER:
	case QD_ASK_CHANGE:
	case QD_ASK_FORCE:
	case QD_ASK_CONFIG:
	case QD_ASK_HISTORY:
		qd_control_operation(s, c, r, fd);
		return;
	case QD_ASK_NONE:
	case QD_ASK_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of request");
}

static void take_packet(struct qd_control_server *s, struct qd_control_client *c, size_t len_bytes, int fd)
{
	struct qd_control_request r;
	if (qd_control_request_decode(s->packet, len_bytes, &r)) {
		take_request(s, c, &r, fd);
		return;
	}
	s->answer.tell = QD_TELL_REFUSED;
	s->answer.id = 0;
	qd_control_send(s, c, -1);
}

static void serve_client(struct qd_control_server *s, struct qd_control_client *c)
{
	for (int i = 0; i < REQUESTS_A_TURN && c->fd >= 0; i++) {
		int fd = -1;
		ssize_t n = qd_control_text_receive(c->fd, s->packet, sizeof(s->packet), &fd);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			take_packet(s, c, (size_t)n, fd);
		else
			drop(s, c);
		if (fd >= 0)
			(void)close(fd); /* a mapping stays without it */
	}
}

static void accept_client(struct qd_control_server *s)
{
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	uint32_t place = 0;
	while (place < QD_CONTROL_CLIENTS_MAX && s->clients[place].fd >= 0)
		place++;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
	if (place == QD_CONTROL_CLIENTS_MAX || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		(void)close(fd); /* it sees the end of the file and tries again */
		return;
	}
	/* Best effort: several snapshots fit between two of the client's turns. */
	int bytes = 8 * QD_CONTROL_PACKET_MAX;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	s->clients[place] = (struct qd_control_client){.fd = fd};
}

void qd_control_server_service(struct qd_control_server *s)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		uint32_t place = events[i].data.u32;
		if (place == LISTENER)
			accept_client(s);
		else if (s->clients[place].fd >= 0)
			serve_client(s, &s->clients[place]);
	}
}

void qd_control_server_push(struct qd_control_server *s, const struct qd_control_snapshot *snapshot)
{
	bool differs = qd_control_snapshot_differs(&s->snapshot, snapshot);
	uint64_t sequence = s->snapshot.sequence + (differs ? 1 : 0);
	s->snapshot = *snapshot;
	s->snapshot.sequence = sequence;
	for (size_t i = 0; differs && i < QD_CONTROL_CLIENTS_MAX; i++) {
		struct qd_control_client *c = &s->clients[i];
		if (c->fd >= 0 && c->subscribed)
			send_snapshot(s, c, c->subscribe_id);
	}
}

static void append(struct qd_control_server *s, struct qd_mono at, enum qd_trace_level level,
		   enum qd_trace_code code, const char *text)
{
	struct timespec wall = {0};
	(void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail for this clock; only for people anyway */
	struct qd_control_line *line = &s->ring[s->log_next % QD_CONTROL_LOG_RING];
	line->number = s->log_next++;
	line->at = at;
	line->unix_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
	line->level = level;
	line->code = code;
	size_t n = 0;
	for (; n < sizeof(line->text) - 1 && text[n] != '\0'; n++)
		line->text[n] =
			text[n] < 0x20 || text[n] > 0x7e ? '?' : text[n]; /* JSON readers want UTF-8 */
	line->text[n] = '\0';
}

void qd_control_server_log(struct qd_control_server *s, struct qd_mono at, enum qd_trace_level level,
			   const char *text)
{
	append(s, at, level, QD_TRACE_NONE, text);
}

/* Which part of an arbitration a decision is: what it is begun for, or what came of it. */
enum part { PART_NONE = 0, PART_REASON, PART_OUTCOME };

static enum part part_of(enum qd_trace_code code)
{
	static const enum qd_trace_code reasons[] = {
		QD_TRACE_STRIKE,      QD_TRACE_STRIKE_RELEASED,	 QD_TRACE_RESERVE_WAITED,
		QD_TRACE_STRIKE_BACK, QD_TRACE_RESERVE_RELEASED, QD_TRACE_RERESERVE,
		QD_TRACE_PREPARE,     QD_TRACE_PROMISE,		 QD_TRACE_HAND_OVER,
		QD_TRACE_OFFER,	      QD_TRACE_GIVE_UP,		 QD_TRACE_FORCED};
	static const enum qd_trace_code outcomes[] = {
		QD_TRACE_OWNER,		  QD_TRACE_TAKE_CONFLICT,   QD_TRACE_TAKE_FAILED,
		QD_TRACE_TAKE_EXPIRED,	  QD_TRACE_TAKE_NOT_HOLDER, QD_TRACE_TAKE_CHANGED,
		QD_TRACE_TAKE_RECORD,	  QD_TRACE_LOST_HOLDER,	    QD_TRACE_LOST_RECORD,
		QD_TRACE_LOST_UNRESERVED, QD_TRACE_LEASE_OVER,	    QD_TRACE_RELEASE,
		QD_TRACE_LEADING,	  QD_TRACE_MEMBER,	    QD_TRACE_ABANDON,
		QD_TRACE_VIEW_LOST,	  QD_TRACE_RIGHT_OVER,	    QD_TRACE_LEFT};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i] == code)
			return PART_REASON;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		if (outcomes[i] == code)
			return PART_OUTCOME;
	return PART_NONE;
}

void qd_control_server_trace(struct qd_control_server *s, struct qd_mono at, const struct qd_trace *trace,
			     const char *text)
{
	append(s, at, qd_trace_level_of(trace->code), trace->code, text);
	const struct qd_control_line *line = &s->ring[(s->log_next - 1) % QD_CONTROL_LOG_RING];
	switch (part_of(trace->code)) {
	case PART_REASON:
		memcpy(s->begun_for, line->text, sizeof(s->begun_for));
		break;
	case PART_OUTCOME:
		s->arbitration.unix_ms = line->unix_ms;
		memcpy(s->arbitration.text, line->text, sizeof(s->arbitration.text));
		memcpy(s->arbitration.reason, s->begun_for, sizeof(s->arbitration.reason));
		s->begun_for[0] = '\0';
		break;
	case PART_NONE:
		break;
	}
}

/* chown() to the user, if there is one and we are root. */
static int give_to(const char *name, const char *user)
{
	char buffer[PASSWD_BYTES];
	struct passwd entry;
	struct passwd *found = NULL;
	if (user[0] == '\0' || geteuid() != 0 ||
	    getpwnam_r(user, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
		return 0;
	return chown(name, entry.pw_uid, entry.pw_gid);
}

/* Bind under a temporary name, give it its owner, then rename it over whatever is there: at no moment is the path
 * without a socket or with other rights. */
static int bind_socket(int fd, const char *path, const char *user)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s.%d", path, (int)getpid());
	if (len < 0 || (size_t)len >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	const char *name = address.sun_path;
	(void)unlink(name); /* of a process with the same id before; usually not there */
	mode_t mask = umask(0177);
	int status = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	(void)umask(mask); /* returns the mask, not a status */
	if (status != 0)
		return -1;
	if (give_to(name, user) != 0 || listen(fd, QD_CONTROL_CLIENTS_MAX) != 0 || rename(name, path) != 0) {
		int problem = errno;
		(void)unlink(name); /* the error to report is the one before */
		errno = problem;
		return -1;
	}
	return 0;
}

int qd_control_server_open(const char *path, const char *user, const struct qd_control_calls *calls,
			   struct qd_control_server **out)
{
	*out = NULL;
	struct qd_control_server *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -QD_ERR_NOMEM;
	s->calls = *calls;
	s->log_next = 1;
	(void)snprintf(s->path, sizeof(s->path), "%s", path);
	for (size_t i = 0; i < QD_CONTROL_CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = LISTENER};
	if (s->epoll_fd < 0 || s->listen_fd < 0 || bind_socket(s->listen_fd, path, user) != 0 ||
	    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &event) != 0) {
		int problem = errno;
		s->path[0] = '\0';
		qd_control_server_close(s);
		errno = problem;
		return -QD_ERR_IO;
	}
	*out = s;
	return 0;
}

void qd_control_server_close(struct qd_control_server *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < QD_CONTROL_CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0)
			drop(s, &s->clients[i]);
	}
	if (s->listen_fd >= 0)
		(void)close(s->listen_fd); /* nothing to lose */
	if (s->epoll_fd >= 0)
		(void)close(s->epoll_fd); /* nothing to lose */
	if (s->path[0] != '\0')
		(void)unlink(s->path); /* the next start replaces it anyway */
	qd_control_text_unmap(&s->operation.text);
	free(s);
}

int qd_control_server_fd(const struct qd_control_server *s)
{
	return s->epoll_fd;
}
