/* SPDX-License-Identifier: Apache-2.0 */
/* How long a defender may act on its last good round (docs/TIMING.md): from the sending of that round's REGISTER,
 * stopping begins C - slack later and is complete W - drift later. Reading alone renews nothing. Pure. */
#ifndef QD_CORE_LEASE_H
#define QD_CORE_LEASE_H

#include "core/times.h"

struct qd_lease {
	bool held;
	struct qd_mono start; /* when the last good round's REGISTER was sent */
	struct qd_mono begin_stop;
	struct qd_mono stopped_by;
};

/* Renew from `start` (the instant before the command was sent). An older start than the present one changes nothing. */
void qd_lease_renew(struct qd_lease *l, const struct qd_times *t, struct qd_mono start);
void qd_lease_end(struct qd_lease *l);

/* It is held and stopping need not have begun. */
bool qd_lease_runs(const struct qd_lease *l, struct qd_mono now);

#endif
