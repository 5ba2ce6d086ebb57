/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can happen to a node, as the core sees it. Pure. */
#ifndef QD_CORE_EVENT_H
#define QD_CORE_EVENT_H

#include "base/time.h"
#include "core/op.h"
#include "core/times.h"

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
	} u;
};

const char *qd_group_report_name(enum qd_group_report report);

#endif
