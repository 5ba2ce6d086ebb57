/* SPDX-License-Identifier: Apache-2.0 */
/* What quorumd and quorum-runner say to each other over a socketpair of type SOCK_SEQPACKET, one message a packet.
 * quorumd starts `quorum-runner` with its end as descriptor QD_RUNNER_FD and nothing else open but 0, 1 and 2; the
 * first message is QD_ORDER_CONFIG. End of file at the runner: it stops all that it started, then exits. End of file
 * at quorumd: QD_REPORT_RUNNER_LOST. Pure. */
#ifndef QD_RUNNER_PROTO_H
#define QD_RUNNER_PROTO_H

#include "base/time.h"
#include "core/event.h"
#include "core/trace.h"
#include "quorumd/control_fields.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QD_RUNNER_FD = 3,
	QD_RUNNER_VERSION = 1,
	QD_RUNNER_PACKET_MAX = 4096,
	QD_RUNNER_NAME_MAX = 64,
	QD_RUNNER_FILE_MAX = 256,
	QD_RUNNER_TEXT_MAX = 256, /* = QD_TRACE_TEXT_MAX: a note fits a line of the log */
};

/* quorumd -> runner */
enum qd_order_kind {
	QD_ORDER_NONE = 0,
	QD_ORDER_CONFIG, /* first of all, and again at a reload */
	QD_ORDER_START,	 /* QD_ACTION_GROUP_START: epoch, turn, begin_stop, stopped_by */
	QD_ORDER_STOP,	 /* QD_ACTION_GROUP_STOP: turn, stopped_by */
	QD_ORDER_LEASE,	 /* QD_ACTION_LEASE: begin_stop, stopped_by */
	QD_ORDER_QUIT,	 /* stop what runs, end quorum-api, exit */
	QD_ORDER_KIND_COUNT,
};

struct qd_runner_config {
	char node[QD_RUNNER_NAME_MAX];	/* QUORUMD_NODE */
	char group[QD_RUNNER_NAME_MAX]; /* QUORUMD_GROUP; "": there is no group */
	char script[QD_RUNNER_FILE_MAX];
	struct qd_span start_timeout;
	struct qd_span stop_timeout;
	struct qd_span monitor_interval;
	struct qd_span monitor_timeout;
	enum qd_trace_level log_level;
	char api_program[QD_RUNNER_FILE_MAX]; /* "": no quorum-api is started */
	char api_socket[QD_RUNNER_FILE_MAX];
	char api_user[QD_RUNNER_NAME_MAX]; /* "": it keeps its user */
	uint32_t api_mode;
	char control_socket[QD_RUNNER_FILE_MAX];
};

struct qd_order {
	enum qd_order_kind kind;
	uint64_t epoch;
	uint64_t turn;
	struct qd_mono begin_stop;
	struct qd_mono stopped_by;
	struct qd_runner_config config; /* QD_ORDER_CONFIG */
};

/* runner -> quorumd */
enum qd_runner_tell {
	QD_RUNNER_TELL_NONE = 0,
	QD_RUNNER_READY,  /* once, after the first QD_ORDER_CONFIG */
	QD_RUNNER_REPORT, /* `report`, `turn` (0: it stopped by itself), `text` */
	QD_RUNNER_NOTE,	  /* `level`, `text`: a line for the log */
	QD_RUNNER_TELL_COUNT,
};

struct qd_runner_message {
	enum qd_runner_tell tell;
	enum qd_group_report report;
	uint64_t turn;
	enum qd_trace_level level;
	char text[QD_RUNNER_TEXT_MAX];
};

static inline void qd_runner_config_fields(struct qd_fields *f, struct qd_runner_config *c)
{
	qd_field_text(f, c->node, sizeof(c->node));
	qd_field_text(f, c->group, sizeof(c->group));
	qd_field_text(f, c->script, sizeof(c->script));
	qd_field_span(f, &c->start_timeout);
	qd_field_span(f, &c->stop_timeout);
	qd_field_span(f, &c->monitor_interval);
	qd_field_span(f, &c->monitor_timeout);
	c->log_level = (enum qd_trace_level)qd_field_below(f, (uint32_t)c->log_level, QD_LEVEL_COUNT);
	qd_field_text(f, c->api_program, sizeof(c->api_program));
	qd_field_text(f, c->api_socket, sizeof(c->api_socket));
	qd_field_text(f, c->api_user, sizeof(c->api_user));
	qd_field_u32(f, &c->api_mode);
	qd_field_text(f, c->control_socket, sizeof(c->control_socket));
}

static inline void qd_order_fields(struct qd_fields *f, struct qd_order *o)
{
	f->invalid = f->invalid || qd_field_number(f, QD_RUNNER_VERSION, 2) != QD_RUNNER_VERSION;
	o->kind = (enum qd_order_kind)qd_field_below(f, (uint32_t)o->kind, QD_ORDER_KIND_COUNT);
	qd_field_u64(f, &o->epoch);
	qd_field_u64(f, &o->turn);
	qd_field_mono(f, &o->begin_stop);
	qd_field_mono(f, &o->stopped_by);
	if (o->kind == QD_ORDER_CONFIG)
		qd_runner_config_fields(f, &o->config);
}

static inline void qd_runner_message_fields(struct qd_fields *f, struct qd_runner_message *m)
{
	f->invalid = f->invalid || qd_field_number(f, QD_RUNNER_VERSION, 2) != QD_RUNNER_VERSION;
	m->tell = (enum qd_runner_tell)qd_field_below(f, (uint32_t)m->tell, QD_RUNNER_TELL_COUNT);
	m->report = (enum qd_group_report)qd_field_below(f, (uint32_t)m->report, QD_REPORT_COUNT);
	qd_field_u64(f, &m->turn);
	m->level = (enum qd_trace_level)qd_field_below(f, (uint32_t)m->level, QD_LEVEL_COUNT);
	qd_field_text(f, m->text, sizeof(m->text));
}

/* Encoders return the length, or 0 when cap_bytes is too small (QD_RUNNER_PACKET_MAX never is). Decoders return
 * false for anything that no encoder of this version writes; *out is not to be used then. */
static inline size_t qd_order_encode(const struct qd_order *order, uint8_t *to, size_t cap_bytes)
{
	struct qd_order copy = *order;
	struct qd_fields f = qd_fields_writing(to, cap_bytes);
	qd_order_fields(&f, &copy);
	return qd_fields_written(&f);
}

static inline bool qd_order_decode(const uint8_t *data, size_t len_bytes, struct qd_order *out)
{
	struct qd_fields f = qd_fields_reading(data, len_bytes);
	*out = (struct qd_order){0};
	qd_order_fields(&f, out);
	return qd_fields_read_all(&f) && out->kind != QD_ORDER_NONE;
}

static inline size_t qd_runner_message_encode(const struct qd_runner_message *message, uint8_t *to,
					      size_t cap_bytes)
{
	struct qd_runner_message copy = *message;
	struct qd_fields f = qd_fields_writing(to, cap_bytes);
	qd_runner_message_fields(&f, &copy);
	return qd_fields_written(&f);
}

static inline bool qd_runner_message_decode(const uint8_t *data, size_t len_bytes,
					    struct qd_runner_message *out)
{
	struct qd_fields f = qd_fields_reading(data, len_bytes);
	*out = (struct qd_runner_message){0};
	qd_runner_message_fields(&f, out);
	return qd_fields_read_all(&f) && out->tell != QD_RUNNER_TELL_NONE;
}

#endif
