/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lease.h"

void qd_lease_renew(struct qd_lease *l, const struct qd_times *t, struct qd_mono start)
{
	if (l->held && qd_mono_before(start, l->start))
		return;
	*l = (struct qd_lease){
		.held = true,
		.start = start,
		.begin_stop = qd_mono_add(start, t->begin_stop),
		.stopped_by = qd_mono_add(start, t->stopped),
	};
	qd_assert(qd_mono_before(l->begin_stop, l->stopped_by));
}

void qd_lease_end(struct qd_lease *l)
{
	l->held = false;
}

bool qd_lease_runs(const struct qd_lease *l, struct qd_mono now)
{
	return l->held && qd_mono_before(now, l->begin_stop);
}
