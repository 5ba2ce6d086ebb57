/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask for over the control socket: one at a time, handed to the shell, and its answer to who asked. */
#include "quorumd/conf_body.h"
#include "quorumd/control_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char NO_CLUSTER[] = "this node has no cluster: its nodes have no addresses, so there is no "
				 "configuration to share and no quorum to force; give `nodes` addresses";

static void send_reply(struct qd_control_server *s, struct qd_control_client *c, uint64_t id,
		       const struct qd_control_reply *reply)
{
	s->answer.tell = QD_TELL_REPLY;
	s->answer.id = id;
	s->answer.u.reply = *reply;
	qd_control_send(s, c, -1);
}

/* The operation is over; who asked, or NULL. */
static struct qd_control_client *close_operation(struct qd_control_server *s, uint64_t *id)
{
	struct qd_control_client *c = s->operation.client;
	*id = s->operation.id;
	qd_control_text_unmap(&s->operation.text);
	s->operation = (struct qd_control_operation){0};
	return c;
}

static void answer(struct qd_control_server *s, const struct qd_control_reply *reply)
{
	uint64_t id = 0;
	qd_control_reply_fn *const fn = s->operation.reply;
	void *const context = s->operation.context;
	if (s->operation.ask == QD_ASK_NONE)
		return;
	struct qd_control_client *c = close_operation(s, &id);
	if (fn != NULL)
		fn(context, reply);
	else if (c != NULL)
		send_reply(s, c, id, reply);
}

static void begin_change(struct qd_control_server *s, const struct qd_control_request *r, int fd)
{
	if (fd >= 0 && qd_control_text_map(fd, &s->operation.text))
		s->calls.change(s->calls.context, r->from, s->operation.text.text,
				s->operation.text.len_bytes);
	else
		qd_control_server_refuse(s, QD_REPLY_INVALID,
					 "the new configuration is empty, or longer than %d bytes",
					 QD_BODY_BYTES_MAX);
}

static bool can_do(const struct qd_control_calls *c, enum qd_control_ask ask)
{
	switch (ask) {
	case QD_ASK_HANDOVER:
		return c->handover != NULL;
	case QD_ASK_CHANGE:
		return c->change != NULL;
	case QD_ASK_FORCE:
		return c->force != NULL;
	case QD_ASK_CONFIG:
		return c->get_config != NULL;
	case QD_ASK_HISTORY:
		return c->history != NULL;
	case QD_ASK_NONE:
	case QD_ASK_STATUS:
	case QD_ASK_SUBSCRIBE:
	case QD_ASK_LOG:
	case QD_ASK_COUNT:
		break;
	}
	QD_UNREACHABLE("not an operator's request");
}

static void begin(struct qd_control_server *s, const struct qd_control_request *r, int fd)
{
	const struct qd_control_calls *c = &s->calls;
	switch (r->ask) {
	case QD_ASK_HANDOVER:
		c->handover(c->context, r->to);
		return;
	case QD_ASK_CHANGE:
		begin_change(s, r, fd);
		return;
	case QD_ASK_FORCE:
		c->force(c->context, r->since);
		return;
	case QD_ASK_CONFIG:
		c->get_config(c->context, r->digest);
		return;
	case QD_ASK_HISTORY:
		c->history(c->context);
		return;
	case QD_ASK_NONE:
	case QD_ASK_STATUS:
	case QD_ASK_SUBSCRIBE:
	case QD_ASK_LOG:
	case QD_ASK_COUNT:
		break;
	}
	QD_UNREACHABLE("not an operator's request");
}

void qd_control_operation(struct qd_control_server *s, struct qd_control_client *c,
			  const struct qd_control_request *r, int fd)
{
	struct qd_control_reply reply = {.reply = QD_REPLY_BUSY};
	if (s->operation.ask != QD_ASK_NONE) {
		(void)snprintf(reply.why, sizeof(reply.why),
			       "another operator's request is under way: ask again when it is done");
		send_reply(s, c, r->id, &reply);
		return;
	}
	if (!can_do(&s->calls, r->ask)) {
		reply.reply = QD_REPLY_FAILED;
		(void)snprintf(reply.why, sizeof(reply.why), "%s", NO_CLUSTER);
		send_reply(s, c, r->id, &reply);
		return;
	}
	s->operation = (struct qd_control_operation){.ask = r->ask, .client = c, .id = r->id};
	begin(s, r, fd);
}

bool qd_control_server_take(struct qd_control_server *s, enum qd_control_ask ask, qd_control_reply_fn *reply,
			    void *context)
{
	qd_assert(ask != QD_ASK_NONE && reply != NULL);
	if (s->operation.ask != QD_ASK_NONE)
		return false;
	s->operation = (struct qd_control_operation){.ask = ask, .reply = reply, .context = context};
	return true;
}

void qd_control_server_reply(struct qd_control_server *s, enum qd_reply reply)
{
	const struct qd_control_reply plain = {.reply = reply};
	answer(s, &plain);
}

void qd_control_server_refuse(struct qd_control_server *s, enum qd_reply reply, const char *format, ...)
{
	struct qd_control_reply r = {.reply = reply};
	va_list args;
	va_start(args, format);
	(void)vsnprintf(r.why, sizeof(r.why), format, args); /* what is cut off is the mend's end */
	va_end(args);
	answer(s, &r);
}

void qd_control_server_config(struct qd_control_server *s, const struct qd_control_config *config,
			      const char *text, size_t len_bytes)
{
	uint64_t id = 0;
	if (s->operation.ask != QD_ASK_CONFIG)
		return;
	const int fd = qd_control_text_make(text, len_bytes);
	if (fd < 0) {
		qd_control_server_refuse(s, QD_REPLY_FAILED, "no memory for the text of the configuration");
		return;
	}
	struct qd_control_client *c = close_operation(s, &id);
	s->answer.tell = QD_TELL_CONFIG;
	s->answer.id = id;
	s->answer.u.config = *config;
	if (c != NULL)
		qd_control_send(s, c, fd);
	(void)close(fd); /* the client has its own */
}

void qd_control_server_history(struct qd_control_server *s, const struct qd_body_entry *list, uint32_t count)
{
	uint64_t id = 0;
	qd_assert(count <= QD_BODIES_HISTORY);
	if (s->operation.ask != QD_ASK_HISTORY)
		return;
	struct qd_control_client *c = close_operation(s, &id);
	s->answer.tell = QD_TELL_HISTORY;
	s->answer.id = id;
	s->answer.u.history.count = count;
	memcpy(s->answer.u.history.list, list, count * sizeof(*list));
	if (c != NULL)
		qd_control_send(s, c, -1);
}
