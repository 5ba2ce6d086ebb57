/* SPDX-License-Identifier: Apache-2.0 */
/* The executor over iSCSI: one session a nexus, each with its initiator name and a fixed ISID, no automatic reconnect.
 * Sessions negotiate InitialR2T=Yes and ImmediateData=No, so that a write whose data is held back is in flight for
 * certain: the target has the command and asked for the data. */
#include "conform/cdb.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	PENDING_MS = 500,  /* how long an answer that must not come is waited for */
	ANSWER_MS = 10000, /* healthy targets take milliseconds, guests on a loaded machine perhaps seconds */
	ORDER_MS = 180000,
	UNIT_ATTENTIONS_MAX = 8, /* one session never has more of them waiting */
	JANITOR_KEY = 0x7ffe
};

/* One request under way. The callback fills it in; it outlives the library's own memory. */
struct request {
	bool done;
	int status;
	struct scsi_task *task; /* freed with the request */
	uint32_t response;	/* of a task management function */
	struct cdb cdb;		/* the library reads the data out of it until the answer */
};

struct session {
	struct iscsi_context *context; /* NULL: not logged in */
	bool frozen;		       /* a write waits with its data: the socket is not read */
	bool broken;
	struct request *sent; /* started or sent, and not finished */
};

struct executor {
	struct cf_iscsi_options options;
	unsigned
		section; /* each section has names of its own, so that it never meets an earlier one's unit attentions */
	struct cdb_names names;
	struct session sessions[CF_NEXUS_MAX + 1]; /* the last is the janitor's */
	uint32_t generation;
	bool generation_known;
};

static int64_t now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_names(struct executor *e)
{
	for (unsigned i = 0; i < CF_NEXUS_LETTERS; i++)
		(void)snprintf(e->names.initiator[i], sizeof(e->names.initiator[i]),
			       "iqn.2026-01.test:s%u-%c", e->section, (char)('a' + i)); /* always fits */
}

static void on_answer(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct request *request = private_data;

	(void)context;
	request->done = true;
	request->status = status;
	if (request->task == NULL && data != NULL && status == SCSI_STATUS_GOOD)
		memcpy(&request->response, data, sizeof(request->response));
}

/* Login and logout hand over other data than a task management function does: only the status counts. */
static void on_session(struct iscsi_context *context, int status, void *data, void *private_data)
{
	(void)data;
	on_answer(context, status, NULL, private_data);
}

/* Serve every session once, for at most `ms`. A frozen one is not looked at. */
static void serve(struct executor *e, int ms)
{
	struct pollfd fds[CF_NEXUS_MAX + 1];
	struct session *owners[CF_NEXUS_MAX + 1];
	nfds_t count = 0;

	for (size_t i = 0; i <= CF_NEXUS_MAX; i++) {
		struct session *s = &e->sessions[i];

		if (s->context == NULL || s->frozen || s->broken)
			continue;
		fds[count] =
			(struct pollfd){iscsi_get_fd(s->context), (short)iscsi_which_events(s->context), 0};
		owners[count++] = s;
	}
	if (poll(fds, count, ms) <= 0)
		return;
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].revents != 0 && iscsi_service(owners[i]->context, fds[i].revents) < 0)
			owners[i]->broken = true;
}

static void wait_for(struct executor *e, struct session *s, const struct request *request)
{
	int64_t deadline = now_ms() + ANSWER_MS;

	while (!request->done && !s->broken && now_ms() < deadline)
		serve(e, 50);
}

static void free_request(struct request *request)
{
	if (request->task != NULL)
		scsi_free_scsi_task(request->task);
	free(request);
}

/* End a session without a word to the target. Its callbacks run here, with "cancelled". */
static void drop(struct session *s)
{
	if (s->context != NULL)
		(void)iscsi_destroy_context(s->context); /* always 0 */
	if (s->sent != NULL)
		free_request(s->sent);
	*s = (struct session){0};
}

static struct iscsi_context *make_context(const struct executor *e, unsigned nexus)
{
	const char *name = nexus < CF_NEXUS_MAX ? e->names.initiator[nexus / CF_NEXUS_PATHS]
						: "iqn.2026-01.test:janitor";
	struct iscsi_context *context = iscsi_create_context(name);
	uint64_t isid = cdb_isid(nexus);

	if (context == NULL)
		abort(); /* out of memory */
	iscsi_set_noautoreconnect(context, 1);
	if (iscsi_set_isid_random(context, (uint32_t)(isid >> 16 & 0xffffff), (uint32_t)(isid & 0xffff)) !=
		    0 ||
	    iscsi_set_targetname(context, e->options.target) != 0 ||
	    iscsi_set_session_type(context, ISCSI_SESSION_NORMAL) != 0 ||
	    iscsi_set_header_digest(context, ISCSI_HEADER_DIGEST_NONE) != 0 ||
	    iscsi_set_immediate_data(context, ISCSI_IMMEDIATE_DATA_NO) != 0 ||
	    iscsi_set_initial_r2t(context, ISCSI_INITIAL_R2T_YES) != 0)
		abort(); /* wrong arguments */
	return context;
}

static enum cf_status begin_session(struct executor *e, unsigned nexus)
{
	struct session *s = &e->sessions[nexus];
	struct request connected = {0}, logged_in = {0};

	drop(s);
	s->context = make_context(e, nexus);
	if (iscsi_connect_async(s->context, e->options.portal, on_session, &connected) == 0)
		wait_for(e, s, &connected);
	if (connected.done && connected.status == SCSI_STATUS_GOOD &&
	    iscsi_login_async(s->context, on_session, &logged_in) == 0)
		wait_for(e, s, &logged_in);
	if (logged_in.done && logged_in.status == SCSI_STATUS_GOOD)
		return CF_GOOD;
	drop(s);
	return CF_REFUSED;
}

static enum cf_status end_session(struct executor *e, unsigned nexus)
{
	struct session *s = &e->sessions[nexus];
	struct request request = {0};

	if (s->context == NULL)
		return CF_REFUSED;
	s->frozen = false;
	if (iscsi_logout_async(s->context, on_session, &request) == 0)
		wait_for(e, s, &request);
	drop(s);
	return request.done && request.status == SCSI_STATUS_GOOD ? CF_GOOD : CF_LOST;
}

static enum cf_status status_of(const struct request *request, const struct session *s)
{
	if (!request->done)
		return s->broken ? CF_LOST : CF_TIMED_OUT;
	switch (request->status) {
	case SCSI_STATUS_GOOD:
		return CF_GOOD;
	case SCSI_STATUS_CHECK_CONDITION:
		return CF_CHECK;
	case SCSI_STATUS_RESERVATION_CONFLICT:
		return CF_CONFLICT;
	case SCSI_STATUS_TASK_ABORTED:
		return CF_ABORTED;
	case SCSI_STATUS_BUSY:
	case SCSI_STATUS_TASK_SET_FULL:
		return CF_BUSY;
	default:
		return CF_LOST;
	}
}

static struct request *send_command(struct executor *e, struct session *s, const struct cf_command *command)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		abort();
	if (!cdb_build(&request->cdb, command, &e->names)) {
		free(request);
		return NULL;
	}
	struct cdb *cdb = &request->cdb;
	struct iscsi_data out = {.size = cdb->out_length, .data = cdb->out};
	int direction = cdb->direction == CDB_TO_DISK	  ? SCSI_XFER_WRITE
			: cdb->direction == CDB_FROM_DISK ? SCSI_XFER_READ
							  : SCSI_XFER_NONE;

	request->task = scsi_create_task((int)cdb->length, cdb->bytes, direction,
					 (int)(cdb->out_length + cdb->in_length));
	if (request->task == NULL)
		abort();
	if (iscsi_scsi_command_async(s->context, e->options.lun, request->task, on_answer,
				     cdb->direction == CDB_TO_DISK ? &out : NULL, request) != 0)
		s->broken = true;
	return request;
}

/* A request whose answer never came still belongs to the library: the session goes with it. */
static void finish(struct executor *e, struct session *s, struct request *request, enum cf_op op,
		   struct cf_answer *answer)
{
	answer->status = status_of(request, s);
	if (answer->status == CF_CHECK) {
		answer->sense_key = (uint8_t)request->task->sense.key;
		answer->asc = (uint8_t)(request->task->sense.ascq >> 8);
		answer->ascq = (uint8_t)request->task->sense.ascq;
	}
	if (answer->status == CF_GOOD)
		cdb_parse(answer, op, request->task->datain.data,
			  request->task->datain.size > 0 ? (size_t)request->task->datain.size : 0, &e->names);
	if (!request->done)
		drop(s);
	free_request(request);
}

static void run_command(struct executor *e, const struct cf_command *command, struct cf_answer *answer)
{
	struct session *s = &e->sessions[command->nexus];

	if (s->context == NULL) {
		answer->status = CF_REFUSED;
		return;
	}
	struct request *request = send_command(e, s, command);

	if (request == NULL) {
		answer->status = CF_UNSUPPORTED;
		return;
	}
	wait_for(e, s, request);
	finish(e, s, request, command->op, answer);
	if (s->broken)
		drop(s);
}

/* Send the command and stop reading the session when the target's first answer lies in the socket: its request for the
 * data (R2T), or already the status. */
static void start_write(struct executor *e, const struct cf_command *command, struct cf_answer *answer)
{
	struct session *s = &e->sessions[command->nexus];
	int64_t deadline = now_ms() + ANSWER_MS;
	struct pollfd fd;

	answer->status = CF_REFUSED;
	if (s->context == NULL || s->sent != NULL)
		return;
	s->sent = send_command(e, s, command);
	while (!s->broken && iscsi_out_queue_length(s->context) > 0 && now_ms() < deadline) {
		fd = (struct pollfd){iscsi_get_fd(s->context), POLLOUT, 0};
		if (poll(&fd, 1, 50) > 0 && iscsi_service(s->context, POLLOUT) < 0)
			s->broken = true;
	}
	fd = (struct pollfd){iscsi_get_fd(s->context), POLLIN, 0};
	s->frozen = !s->broken && poll(&fd, 1, ANSWER_MS) == 1;
	answer->status = s->frozen ? CF_GOOD : CF_LOST;
}

static void send_only(struct executor *e, const struct cf_command *command, struct cf_answer *answer)
{
	struct session *s = &e->sessions[command->nexus];

	answer->status = CF_REFUSED;
	if (s->context == NULL || s->sent != NULL)
		return;
	s->sent = send_command(e, s, command);
	answer->status = CF_GOOD;
}

static enum cf_status pending(struct executor *e, unsigned nexus, int64_t ms)
{
	struct session *s = &e->sessions[nexus];
	int64_t deadline = now_ms() + ms;

	if (s->sent == NULL)
		return CF_REFUSED;
	while (!s->sent->done && !s->broken && now_ms() < deadline)
		serve(e, 20);
	if (s->broken)
		return CF_LOST;
	return s->sent->done ? CF_GOOD : CF_PENDING;
}

static void finish_sent(struct executor *e, const struct cf_command *command, struct cf_answer *answer)
{
	struct session *s = &e->sessions[command->nexus];
	struct request *request = s->sent;

	answer->status = CF_REFUSED;
	if (request == NULL)
		return;
	s->frozen = false;
	s->sent = NULL;
	wait_for(e, s, request);
	finish(e, s, request, CF_OP_WRITE, answer);
}

static enum cf_status lun_reset(struct executor *e, unsigned nexus)
{
	struct session *s = &e->sessions[nexus];
	struct request request = {0};

	if (s->context == NULL)
		return CF_REFUSED;
	if (iscsi_task_mgmt_lun_reset_async(s->context, (uint32_t)e->options.lun, on_answer, &request) != 0)
		return CF_LOST;
	wait_for(e, s, &request);
	if (!request.done) {
		drop(s);
		return CF_TIMED_OUT;
	}
	return request.status == SCSI_STATUS_GOOD && request.response == ISCSI_TMR_FUNC_COMPLETE
		       ? CF_GOOD
		       : CF_UNSUPPORTED;
}

static void drop_all(struct executor *e)
{
	for (size_t i = 0; i <= CF_NEXUS_MAX; i++)
		drop(&e->sessions[i]);
}

/* The caller of this program owns the target: it alone can cut its power, or stop its medium. Sessions are served all
 * the while, because data may still have to go out. */
static enum cf_status order(struct executor *e, const char *word)
{
	struct pollfd fd = {e->options.control_in, POLLIN, 0};
	int64_t deadline = now_ms() + ORDER_MS;
	char answer[16];

	if (e->options.control_out < 0)
		return CF_UNSUPPORTED;
	if (dprintf(e->options.control_out, "%s\n", word) < 0)
		return CF_LOST;
	while (poll(&fd, 1, 0) != 1 && now_ms() < deadline)
		serve(e, 20);
	if (now_ms() >= deadline)
		return CF_TIMED_OUT;
	ssize_t length = read(e->options.control_in, answer, sizeof(answer));

	if (length >= 3 && memcmp(answer, "ok\n", 3) == 0)
		return CF_GOOD;
	return length >= 3 && memcmp(answer, "no\n", 3) == 0 ? CF_UNSUPPORTED : CF_LOST;
}

static enum cf_status restart(struct executor *e)
{
	enum cf_status status = order(e, "restart");

	drop_all(e);
	return status;
}

static enum cf_status join(struct executor *e, unsigned nexus)
{
	const struct cf_command tur = {.op = CF_OP_TUR, .nexus = nexus};
	enum cf_status status = begin_session(e, nexus);

	for (int i = 0; status == CF_GOOD && i < UNIT_ATTENTIONS_MAX; i++) {
		struct cf_answer answer = {0};

		run_command(e, &tur, &answer);
		if (answer.status == CF_GOOD)
			return CF_GOOD;
		if (answer.status != CF_CHECK)
			status = answer.status;
	}
	return status == CF_GOOD ? CF_BUSY : status;
}

/* Nothing of the last section may be left: every session ends, then a nexus of its own registers and clears. */
static enum cf_status reset(struct executor *e)
{
	const struct cf_command commands[] = {
		{.op = CF_OP_REGISTER_IGNORE, .nexus = CF_NEXUS_MAX, .new_key = JANITOR_KEY},
		{.op = CF_OP_CLEAR, .nexus = CF_NEXUS_MAX, .key = JANITOR_KEY},
	};
	enum cf_status status;

	drop_all(e);
	e->section++;
	e->generation_known = false;
	set_names(e);
	status = join(e, CF_NEXUS_MAX);
	for (size_t i = 0; status == CF_GOOD && i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct cf_answer answer = {0};

		run_command(e, &commands[i], &answer);
		status = answer.status;
	}
	if (status == CF_GOOD)
		status = end_session(e, CF_NEXUS_MAX);
	return status;
}

static void generation_growth(struct executor *e, struct cf_answer *answer)
{
	uint32_t now = answer->generation;

	if (answer->status != CF_GOOD)
		return;
	answer->generation = e->generation_known ? now - e->generation : 0;
	e->generation = now;
	e->generation_known = true;
}

static void execute(void *self, const struct cf_command *command, struct cf_answer *answer)
{
	struct executor *e = self;

	*answer = (struct cf_answer){0};
	if (command->op == CF_OP_RESET) {
		answer->status = reset(e);
	} else if (command->op == CF_OP_LOGIN) {
		answer->status = begin_session(e, command->nexus);
	} else if (command->op == CF_OP_JOIN) {
		answer->status = join(e, command->nexus);
	} else if (command->op == CF_OP_LOGOUT) {
		answer->status = end_session(e, command->nexus);
	} else if (command->op == CF_OP_DROP) {
		drop(&e->sessions[command->nexus]);
	} else if (command->op == CF_OP_RESTART) {
		answer->status = restart(e);
	} else if (command->op == CF_OP_LUN_RESET) {
		answer->status = lun_reset(e, command->nexus);
	} else if (command->op == CF_OP_START_WRITE) {
		start_write(e, command, answer);
	} else if (command->op == CF_OP_SEND_WRITE || command->op == CF_OP_SEND_PREEMPT_ABORT) {
		send_only(e, command, answer);
	} else if (command->op == CF_OP_PENDING) {
		answer->status = pending(e, command->nexus, PENDING_MS);
	} else if (command->op == CF_OP_AWAIT) {
		answer->status = pending(e, command->nexus, ORDER_MS);
	} else if (command->op == CF_OP_SILENCE) {
		e->sessions[command->nexus].frozen = true;
	} else if (command->op == CF_OP_FINISH) {
		finish_sent(e, command, answer);
	} else if (command->op == CF_OP_STALL) {
		answer->status = order(e, "stall");
	} else if (command->op == CF_OP_AWAIT_STALL) {
		answer->status = order(e, "await-stall");
	} else if (command->op == CF_OP_UNSTALL) {
		answer->status = order(e, "unstall");
	} else {
		run_command(e, command, answer);
		if (command->op == CF_OP_GENERATION)
			generation_growth(e, answer);
	}
}

static void close_executor(void *self)
{
	drop_all(self);
	free(self);
}

bool cf_iscsi_open(struct cf_executor *executor, const struct cf_iscsi_options *options, char *why,
		   size_t size)
{
	struct executor *e = calloc(1, sizeof(*e));

	if (e == NULL)
		abort();
	e->options = *options;
	set_names(e);
	if (join(e, CF_NEXUS_MAX) != CF_GOOD) {
		(void)snprintf(why, size, "no login at %s", options->portal); /* a cut text is still a text */
		close_executor(e);
		return false;
	}
	drop(&e->sessions[CF_NEXUS_MAX]);
	*executor = (struct cf_executor){e, options->kind, execute, close_executor};
	return true;
}
