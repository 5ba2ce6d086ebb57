/* SPDX-License-Identifier: Apache-2.0 */
/* A change that a new view overtook: the core cannot tell whether it is in force, and the next view that is proved here
 * shows it. Looks at the core's state, decides nothing there. */
#ifndef QD_QUORUMD_CONTROL_OVERTAKEN_H
#define QD_QUORUMD_CONTROL_OVERTAKEN_H

#include "core/cluster.h"

enum qd_overtaken {
	QD_OVERTAKEN_UNKNOWN =
		0, /* no view above that epoch is proved here yet, or it is still completing the change */
	QD_OVERTAKEN_DONE, /* in force: no old votes count, and the disk or witness that is held here knows it */
	QD_OVERTAKEN_OTHER, /* another configuration is in force */
	QD_OVERTAKEN_COUNT,
};

/* Of the change to the body `digest` that was begun in the view of `epoch`. Borrowed during the call. */
enum qd_overtaken qd_overtaken_judge(const struct qd_cluster *c, uint64_t epoch,
				     const uint8_t digest[QD_DIGEST_BYTES]);

#endif
