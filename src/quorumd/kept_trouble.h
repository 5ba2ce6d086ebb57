/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the node's own store, and what of it is news: a store that stays full fails again each second. Pure. */
#ifndef QD_QUORUMD_KEPT_TROUBLE_H
#define QD_QUORUMD_KEPT_TROUBLE_H

#include "quorumd/bodies.h"

enum qd_kept_news {
	QD_KEPT_NEWS_NONE = 0, /* as before: nothing to say */
	QD_KEPT_NEWS_TROUBLE,  /* another reason than last */
	QD_KEPT_NEWS_WELL,     /* it can be written again */
	QD_KEPT_NEWS_COUNT,
};

struct qd_kept_trouble {
	bool failing;
	char why[QD_BODIES_WHY_MAX]; /* as said last; "": nothing */
};

/* A write has ended. `why`: what to say about it, or "". */
enum qd_kept_news qd_kept_trouble_note(struct qd_kept_trouble *t, bool ok, const char why[QD_BODIES_WHY_MAX]);

#endif
