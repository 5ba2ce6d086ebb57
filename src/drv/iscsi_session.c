/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/iscsi_session.h"

#include "drv/iscsi_login.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	FLAT_SPACE = 0x4000, /* SAM-5 4.7.7.3, for LUNs above 255 */
	PERIPHERAL_LUN_MAX = 255,
};

static void set_why(struct qd_session *s, const char *what, const char *detail)
{
	(void)snprintf(s->why, sizeof s->why, "%s%s%s", what, detail[0] != '\0' ? ": " : "", detail);
	for (char *p = s->why; *p != '\0'; p++) /* a target's words may hold anything */
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = ' ';
}

const char *qd_session_why(const struct qd_session *s)
{
	return s->why;
}

static int lun_on_wire(uint32_t lun)
{
	return (int)(lun <= PERIPHERAL_LUN_MAX ? lun : FLAT_SPACE | lun);
}

/* Free everything; commands under way are forgotten. */
static void end(struct qd_session *s, bool reset)
{
	if (s->iscsi == NULL)
		return;
	s->state = QD_SESSION_DOWN;
	qd_io_remove(&s->io);
	int fd = iscsi_get_fd(s->iscsi);
	if (fd >= 0 && reset) {
		/* A close would go on sending what the kernel holds: a command given up must not arrive later. */
		const struct linger none = {.l_onoff = 1, .l_linger = 0};
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	}
	(void)iscsi_destroy_context(s->iscsi); /* calls back with CANCELLED: ignored, the state is DOWN */
	s->iscsi = NULL;
	s->in_flight = 0;
}

/* Tell the owner that the session has failed by itself. */
static void fail(struct qd_session *s)
{
	enum qd_session_state was = s->state;
	if (s->why[0] == '\0')
		set_why(s, was == QD_SESSION_UP ? "the connection is lost" : "the log-in failed",
			s->iscsi != NULL ? iscsi_get_error(s->iscsi) : "");
	end(s, true);
	if (was == QD_SESSION_UP)
		s->on_lost(s->context);
	else
		s->on_login(s->context, false);
}

static void watch(struct qd_session *s)
{
	int wanted = iscsi_which_events(s->iscsi);
	qd_io_set(&s->io, ((wanted & POLLIN) != 0 ? (uint32_t)EPOLLIN : 0) |
				  ((wanted & POLLOUT) != 0 ? (uint32_t)EPOLLOUT : 0));
}

/* ------------------------------------------------ sending */

/* The commands of a turn leave together: libiscsi writes each by itself, the kernel keeps them until push(). */
static void cork(struct qd_session *s)
{
	const int on = 1;
	s->corked = setsockopt(iscsi_get_fd(s->iscsi), IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0;
}

/* tcp(7): setting TCP_NODELAY, set or not, flushes what is pending even while TCP_CORK is set, and leaves it set. One
 * call instead of two for pulling and setting the cork. */
static void push(struct qd_session *s)
{
	const int on = 1;
	if (s->corked && setsockopt(iscsi_get_fd(s->iscsi), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		s->broken = true;
}

static void service(struct qd_session *s, int revents)
{
	if (iscsi_service(s->iscsi, revents) != 0)
		s->broken = true;
	else if ((revents & POLLOUT) != 0)
		push(s);
}

/* ------------------------------------------------ logging in */

static void set_wanted(struct qd_session *s, size_t bytes)
{
	s->wanted_bytes = (uint32_t)bytes;
	int low = (int)bytes;
	(void)setsockopt(iscsi_get_fd(s->iscsi), SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
}

/* True: a whole log-in response is there and may go to libiscsi. False: not yet, or it is wrong (broken is set). */
static bool login_response_ready(struct qd_session *s)
{
	uint8_t pdu[QD_ISCSI_BHS_BYTES + QD_ISCSI_LOGIN_DATA_MAX];
	ssize_t n = recv(iscsi_get_fd(s->iscsi), pdu, sizeof pdu, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	size_t have = n > 0 ? (size_t)n : 0;
	size_t need = qd_iscsi_login_length(pdu, have);
	if (have == 0 || (have < s->wanted_bytes && s->wanted_bytes <= sizeof pdu)) {
		/* woken with less than was asked for: there will be no more */
		set_why(s, "the target closed the connection during the log-in", "");
		s->broken = true;
		return false;
	}
	if (need == 0 || (need <= sizeof pdu && have < need)) {
		set_wanted(s, need == 0 ? QD_ISCSI_BHS_BYTES : need);
		return false;
	}
	struct qd_login_check check = {
		.need_header_digest = s->target->header_digest == QD_ISCSI_DIGEST_DEMAND,
		.need_mutual = s->target->target_user[0] != '\0',
		.mutual_proved = s->mutual_proved,
	};
	const char *wrong = qd_iscsi_login_check(pdu, need, &check);
	s->mutual_proved = check.mutual_proved;
	s->refused_auth = s->refused_auth || check.refused_auth;
	if (wrong != NULL) {
		set_why(s, "log-in refused", wrong);
		s->broken = true;
		return false;
	}
	set_wanted(s, 1);
	return true;
}

static void on_logged_in(struct iscsi_context *iscsi, int status, void *data, void *context)
{
	struct qd_session *s = context;
	(void)data;
	if (s->state != QD_SESSION_LOGIN)
		return;
	if (status != SCSI_STATUS_GOOD) {
		set_why(s, "log-in refused", iscsi_get_error(iscsi));
		s->broken = true;
		return;
	}
	s->state = QD_SESSION_UP;
	cork(s);
	s->on_login(s->context, true);
}

static void on_connected(struct iscsi_context *iscsi, int status, void *data, void *context)
{
	struct qd_session *s = context;
	(void)data;
	if (s->state != QD_SESSION_CONNECTING) {
		s->broken = s->state != QD_SESSION_DOWN;
		return;
	}
	if (status != SCSI_STATUS_GOOD) {
		set_why(s, "no connection", iscsi_get_error(iscsi));
		s->broken = true;
		return;
	}
	s->state = QD_SESSION_LOGIN;
	if (iscsi_login_async(iscsi, on_logged_in, s) != 0) {
		set_why(s, "the log-in cannot be sent", iscsi_get_error(iscsi));
		s->broken = true;
	}
}

static void on_io(void *context, int fd, uint32_t events)
{
	struct qd_session *s = context;
	(void)fd;
	qd_assert(s->iscsi != NULL);
	int revents = ((events & EPOLLIN) != 0 ? POLLIN : 0) | ((events & EPOLLOUT) != 0 ? POLLOUT : 0);
	/* A reset with data before it: the data first, so that answers that did arrive are not lost. */
	if ((events & EPOLLIN) == 0)
		revents |=
			((events & EPOLLERR) != 0 ? POLLERR : 0) | ((events & EPOLLHUP) != 0 ? POLLHUP : 0);
	if (s->state == QD_SESSION_LOGIN && (revents & POLLIN) != 0 && !login_response_ready(s))
		revents &= ~POLLIN;
	if (!s->broken && revents != 0)
		service(s, revents);
	if (s->broken)
		fail(s);
	else
		watch(s);
}

/* ------------------------------------------------ opening and closing */

static enum iscsi_header_digest digest_offer(enum qd_iscsi_digest wanted)
{
	switch (wanted) {
	case QD_ISCSI_DIGEST_NONE:
		return ISCSI_HEADER_DIGEST_NONE;
	case QD_ISCSI_DIGEST_PREFER:
		return ISCSI_HEADER_DIGEST_CRC32C_NONE;
	case QD_ISCSI_DIGEST_DEMAND:
		return ISCSI_HEADER_DIGEST_CRC32C;
	}
	QD_UNREACHABLE("no such digest");
}

static const char *configure(struct iscsi_context *iscsi, const struct qd_iscsi_target *t)
{
	iscsi_set_noautoreconnect(iscsi, 1); /* a silently repeated PREEMPT is a hazard */
	(void)iscsi_set_timeout(iscsi, 0);   /* whole seconds, early: deadlines are the core's */
	bool ok = iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL) == 0 &&
		  iscsi_set_targetname(iscsi, t->target) == 0 &&
		  iscsi_set_isid_random(iscsi, t->isid & 0xffffffu, 0) == 0 &&
		  iscsi_set_immediate_data(iscsi, ISCSI_IMMEDIATE_DATA_YES) == 0 &&
		  iscsi_set_initial_r2t(iscsi, ISCSI_INITIAL_R2T_NO) == 0 &&
		  iscsi_set_header_digest(iscsi, digest_offer(t->header_digest)) == 0;
	if (ok && t->user[0] != '\0')
		ok = iscsi_set_initiator_username_pwd(iscsi, t->user, t->secret) == 0;
	if (ok && t->target_user[0] != '\0')
		ok = iscsi_set_target_username_pwd(iscsi, t->target_user, t->target_secret) == 0;
	return ok ? NULL : iscsi_get_error(iscsi);
}

bool qd_session_open(struct qd_session *s)
{
	qd_assert(s->state == QD_SESSION_DOWN && s->iscsi == NULL);
	qd_assert(s->target->address[0] != '\0' && s->on_login != NULL && s->on_lost != NULL);
	s->why[0] = '\0';
	s->broken = false;
	s->corked = false;
	s->number++;
	s->refused_auth = false;
	s->mutual_proved = false;
	s->wanted_bytes = 1;
	if (s->target->data_digest) {
		set_why(s, "data digests are demanded, and this libiscsi has none", "");
		return false;
	}
	if (s->target->target_user[0] != '\0' && s->target->user[0] == '\0') {
		set_why(s, "mutual CHAP needs a user for the initiator, too", "");
		return false;
	}
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	(void)sigaction(SIGPIPE, &ignore, NULL);
	s->iscsi = iscsi_create_context(s->target->initiator);
	if (s->iscsi == NULL) {
		set_why(s, "out of memory", "");
		return false;
	}
	const char *wrong = configure(s->iscsi, s->target);
	s->state = QD_SESSION_CONNECTING;
	if (wrong == NULL && iscsi_connect_async(s->iscsi, s->target->address, on_connected, s) != 0)
		wrong = iscsi_get_error(s->iscsi);
	if (wrong == NULL) {
		s->io.fn = on_io;
		s->io.context = s;
		if (qd_io_add(s->loop, &s->io, iscsi_get_fd(s->iscsi), EPOLLOUT) < 0)
			wrong = "the event loop refuses the socket";
	}
	if (wrong != NULL) {
		set_why(s, "no connection", wrong);
		end(s, true);
	}
	return wrong == NULL;
}

void qd_session_close(struct qd_session *s)
{
	end(s, true);
}

/* ------------------------------------------------ commands */

static struct qd_sense sense_of(const struct scsi_task *task)
{
	/* SenseLength, then the sense data (RFC 7143 11.4.7.2) */
	const uint8_t *data = task->datain.data;
	if (data == NULL || task->datain.size < 2)
		return (struct qd_sense){0};
	size_t len = (size_t)data[0] << 8 | data[1];
	size_t have = (size_t)task->datain.size - 2;
	return qd_sense_decode(data + 2, len < have ? len : have);
}

static uint32_t received_of(const struct qd_scsi_command *c)
{
	if (c->direction != QD_SCSI_IN)
		return 0;
	if (c->task.residual_status != SCSI_RESIDUAL_UNDERFLOW)
		return c->len_bytes;
	return c->task.residual < c->len_bytes ? c->len_bytes - (uint32_t)c->task.residual : 0;
}

static void on_command(struct iscsi_context *iscsi, int status, void *data, void *context)
{
	struct qd_scsi_command *c = context;
	struct qd_session *s = c->session;
	(void)iscsi;
	(void)data;
	if (s->state == QD_SESSION_UP && status >= 0 && status <= UINT8_MAX) {
		s->in_flight--;
		c->status = (uint8_t)status;
		c->sense = status == SCSI_STATUS_CHECK_CONDITION ? sense_of(&c->task) : (struct qd_sense){0};
		c->outcome = qd_outcome_of(c->status, c->sense);
		c->received_bytes = received_of(c);
	} else {
		c->outcome = QD_OUTCOME_UNKNOWN;
		s->broken = true; /* cancelled, rejected or not understood: this session is over */
	}
	free(c->task.datain.data); /* libiscsi's, malloc()ed for sense data */
	c->task.datain.data = NULL;
	if (c->outcome != QD_OUTCOME_UNKNOWN)
		c->done(c);
}

bool qd_session_send(struct qd_session *s, struct qd_scsi_command *c)
{
	qd_assert(c->cdb_len > 0 && c->cdb_len <= QD_SCSI_CDB_MAX && c->done != NULL);
	QD_ERGO(c->direction != QD_SCSI_NO_DATA, c->data != NULL && c->len_bytes > 0);
	if (s->state != QD_SESSION_UP)
		return false;
	c->session = s;
	c->outcome = QD_OUTCOME_UNKNOWN;
	c->received_bytes = 0;
	c->task = (struct scsi_task){
		.cdb_size = (int)c->cdb_len,
		.xfer_dir = c->direction == QD_SCSI_IN	  ? SCSI_XFER_READ
			    : c->direction == QD_SCSI_OUT ? SCSI_XFER_WRITE
							  : SCSI_XFER_NONE,
		.expxferlen = c->direction == QD_SCSI_NO_DATA ? 0 : (int)c->len_bytes,
	};
	memcpy(c->task.cdb, c->cdb, c->cdb_len);
	c->vector = (struct scsi_iovec){.iov_base = c->data, .iov_len = c->len_bytes};
	if (c->direction == QD_SCSI_IN)
		scsi_task_set_iov_in(&c->task, &c->vector, 1);
	if (c->direction == QD_SCSI_OUT)
		scsi_task_set_iov_out(&c->task, &c->vector, 1);
	if (iscsi_scsi_command_async(s->iscsi, lun_on_wire(s->target->lun), &c->task, on_command, NULL, c) !=
	    0)
		return false;
	s->in_flight++;
	s->sent++;
	return true;
}

void qd_session_flush(struct qd_session *s)
{
	if (s->state != QD_SESSION_UP || (iscsi_which_events(s->iscsi) & POLLOUT) == 0)
		return;
	service(s, POLLOUT);
	if (s->broken)
		fail(s);
	else
		watch(s);
}
