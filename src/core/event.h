/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can happen to a node, as the core sees it. Pure. */
#ifndef QD_CORE_EVENT_H
#define QD_CORE_EVENT_H

#include "base/time.h"
#include "core/head.h"
#include "core/link.h"
#include "core/op.h"
#include "core/times.h"
#include "core/witness_msg.h"

enum qd_event_kind {
	QD_EVENT_TIMEOUT = 0, /* qd_node_deadline() has come (late is legal) */
	QD_EVENT_DONE,	      /* `answer` to an operation */
	QD_EVENT_SESSION_LOST, /* the session of `path` is gone: by itself, or because QD_ACTION_TEARDOWN asked for it.
				 * Its commands may still execute until the next LOGIN of this path is GOOD. */
	QD_EVENT_GROUP,	   /* the runner's report on the group: `group` */
	QD_EVENT_STORED,   /* QD_ACTION_STORE is durable (`stored.ok`), or failed */
	QD_EVENT_HANDOVER, /* an operator asks: hand over to node `handover.to`, 0: to any */
	QD_EVENT_SHUTDOWN, /* end this service: stop, release, off */
	QD_EVENT_TIMES,	   /* reload: new `times`, checked by the sender */
	QD_EVENT_MESSAGE,  /* `message` from another node, decrypted, authenticated and decoded */
	QD_EVENT_KEPT,	   /* QD_ACTION_KEEP is over: `kept.result` */
	QD_EVENT_WITNESS,  /* `witness` answered */
	QD_EVENT_LINKS,	   /* links or their times changed: `links` */
	QD_EVENT_CHANGE,   /* an operator wants `change` as the configuration; answered by QD_ACTION_REPLY */
	QD_EVENT_FORCE,	   /* an operator forces the quorum of this node alone: `force` */
	QD_EVENT_KIND_COUNT,
};

enum qd_group_report {
	QD_REPORT_STARTED = 0, /* start succeeded */
	QD_REPORT_START_FAILED,
	QD_REPORT_STOPPED,     /* stop is verified: nothing of the group runs */
	QD_REPORT_STOP_FAILED, /* something of it may still run */
	QD_REPORT_MONITOR_FAILED,
	QD_REPORT_RUNNER_LOST, /* the runner is gone: nothing is known */
	QD_REPORT_COUNT,
};

struct qd_event {
	enum qd_event_kind kind;
	struct qd_mono now; /* never runs backwards */
	union {
		struct qd_answer answer;
		uint32_t path;
		struct {
			enum qd_group_report report;
			uint64_t turn; /* of the order that it answers; 0: none */
		} group;
		struct {
			uint64_t incarnation;
			bool ok;
		} stored;
		struct {
			uint32_t to;
		} handover;
		struct qd_times times;
		struct {
			const struct qd_msg *message; /* borrowed for the step */
			uint32_t link;
		} message;
		struct {
			uint64_t turn;
			enum qd_keep_result result;
		} kept;
		struct qd_witness_answer witness;
		const struct qd_links_config *links; /* borrowed for the step */
		struct {
			struct qd_tag from; /* the configuration that it was made from */
			const struct qd_votes
				*votes; /* borrowed for the step; `out` and `extra_out` are not looked at */
			uint8_t body[QD_DIGEST_BYTES]; /* the body is in this node's store already */
		} change;
		struct {
			uint64_t unix_s; /* for people */
		} force;
	} u;
};

const char *qd_group_report_name(enum qd_group_report report);

#endif
