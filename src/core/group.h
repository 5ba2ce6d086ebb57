/* SPDX-License-Identifier: Apache-2.0 */
/* The one group of this release: it starts when its node owns and the wait has passed, stops when told or when
 * ownership is lost, and answers whether everything of it is proved to be stopped. Pure. */
#ifndef QD_CORE_GROUP_H
#define QD_CORE_GROUP_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

/*
 *            start                STARTED
 *   OFFLINE ------> STARTING --------------> ONLINE
 *      ^                | START_FAILED          | MONITOR_FAILED, stop
 *      |   STOPPED      v                       v
 *      +------------ STOPPING <-----------------+
 *      |                | STOP_FAILED, stopped_by passed, runner lost
 *   FAILED (start       v
 *   given up)         UNKNOWN: only the self-reset ends it
 */
enum qd_group_state {
	QD_GROUP_OFFLINE = 0,
	QD_GROUP_STARTING,
	QD_GROUP_ONLINE,
	QD_GROUP_STOPPING,
	QD_GROUP_FAILED,  /* stopped, and not started again in this epoch */
	QD_GROUP_UNKNOWN, /* it may still run: the self-reset was asked for */
	QD_GROUP_STATE_COUNT,
};

struct qd_group {
	enum qd_group_state state;
	uint64_t turn; /* number of the last order */
	uint64_t
		stop_turn; /* of the first stop since the last start: its answer, or a later one's, proves it */
	uint64_t epoch;	   /* under which it was started */
	struct qd_mono stopped_by; /* while STOPPING */
	struct qd_mono start_by;   /* while STARTING; QD_NEVER without a limit */
	bool failed;		   /* in this epoch: do not start again */
};

const char *qd_group_state_name(enum qd_group_state state);

/* Nothing of the group runs, and that is known. */
static inline bool qd_group_is_stopped(const struct qd_group *g)
{
	return g->state == QD_GROUP_OFFLINE || g->state == QD_GROUP_FAILED;
}

#endif
