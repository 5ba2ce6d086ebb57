/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/replays.h"

#include "base/assert.h"

#include <string.h>

_Static_assert(QD_LINKS_MAX <= 8, "a mask of networks is a byte");

/* True: the first time on this network, as far as the window goes. */
static bool is_first(struct qd_replays_of *of, const struct qd_msg *msg, uint32_t link)
{
	if (msg->from_session != of->session)
		*of = (struct qd_replays_of){.session = msg->from_session};
	if (msg->sequence > of->top) {
		const uint64_t ahead = msg->sequence - of->top;
		for (uint64_t i = 1; i <= ahead && i <= QD_REPLAY_WINDOW; i++)
			of->links[(of->top + i) % QD_REPLAY_WINDOW] = 0;
		of->top = msg->sequence;
	}
	if (of->top - msg->sequence >= QD_REPLAY_WINDOW)
		return false;
	uint8_t *mask = &of->links[msg->sequence % QD_REPLAY_WINDOW];
	const uint8_t bit = (uint8_t)(1u << link);
	const bool first = (*mask & bit) == 0;
	*mask |= bit;
	return first;
}

void qd_replays_note(struct qd_replays *r, const struct qd_links *links, const struct qd_msg *msg,
		     uint32_t link, bool dropped)
{
	qd_assert(msg->from >= 1 && msg->from <= QD_NODES_MAX && link < QD_LINKS_MAX);
	const uint32_t at = msg->from - 1;
	/* Only the session that is proved has its packets noted: a recorded one must not clear what is known of it. */
	const bool present = msg->from_session == links->peers[at].session;
	const bool first = present && is_first(&r->of[at], msg, link);
	const bool copy = first && msg->to_session == links->config.session;
	if (dropped && !copy)
		r->count[at]++;
}
