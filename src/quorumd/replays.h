/* SPDX-License-Identifier: Apache-2.0 */
/* How many packets of each node were replayed: authentic, dropped by the core as old, and not merely the other copies of a
 * message that came on several networks. For status; decides nothing. Pure. */
#ifndef QD_QUORUMD_REPLAYS_H
#define QD_QUORUMD_REPLAYS_H

#include "base/nodeset.h"
#include "core/link.h"

/* On which networks the newest packets of a session came. */
struct qd_replays_of {
	uint64_t session;
	uint64_t top;			 /* highest sequence */
	uint8_t links[QD_REPLAY_WINDOW]; /* masks, by sequence modulo the window */
};

struct qd_replays {
	struct qd_replays_of of[QD_NODES_MAX]; /* [id - 1] */
	uint64_t count[QD_NODES_MAX];
};

/* A packet that came on `link` was given to the core, which has dropped it as old, or not. `links` is the core's state
 * since. A few count that nobody replayed: what was under way to an earlier start of this node. */
void qd_replays_note(struct qd_replays *r, const struct qd_links *links, const struct qd_msg *msg,
		     uint32_t link, bool dropped);

#endif
