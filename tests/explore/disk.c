/* SPDX-License-Identifier: Apache-2.0 */
/* The quorum disk, ideal: what docs/PROTOCOL.md promises, and nothing that it does not. One holder; its lease counts from
 * its last renewal; it is struck C after that; who strikes knows when that was. */
#include "explore/world.h"

static bool leases(const struct ex_world *w, const struct ex_node *n)
{
	return w->disk.holder == n->c.config.node_id &&
	       qd_mono_before(w->now, qd_mono_add(w->disk.renewed, ex_times()->begin_stop));
}

void ex_disk_show(const struct ex_world *w, const struct ex_limits *l, struct ex_node *n)
{
	if (!l->disk)
		return;
	const bool held = leases(w, n);
	n->c.disk = (struct qd_disk_voter){
		.held = held,
		.epoch = held ? qd_epoch_make(w->disk.epoch, n->c.config.node_id) : 0,
		.start = held ? w->disk.renewed : QD_MONO_ZERO,
		.earlier_end = held && w->disk.struck.ns != 0 ? qd_mono_add(w->disk.struck, ex_times()->wait)
							      : QD_MONO_ZERO,
		.before = held ? w->disk.before : 0,
		.slots_known = held,
		.head = n->slots,
		.holder = w->disk.holder,
		.takeable = ex_disk_may_take(w, n),
		.reachable = true,
	};
}

void ex_disk_beat(struct ex_world *w, struct ex_node *n, bool answers)
{
	struct ex_disk *d = &w->disk;
	if (d->holder != n->c.config.node_id || !answers)
		return;
	if (!leases(w, n)) {
		d->holder = 0; /* beats no more; `renewed` says how long its right may last */
		return;
	}
	d->renewed = w->now;
}

bool ex_disk_may_give(const struct ex_world *w, const struct ex_node *n)
{
	return leases(w, n) && n->gate.give_up && qd_extra_disk_is_free(&n->c, w->now, ex_times(), n->runs);
}

void ex_disk_give(struct ex_world *w)
{
	w->disk.holder = 0;
	w->disk.renewed = QD_MONO_ZERO; /* nothing counts on it: nobody waits for this node */
}

bool ex_disk_may_take(const struct ex_world *w, const struct ex_node *n)
{
	return w->disk.holder != n->c.config.node_id &&
	       (w->disk.renewed.ns == 0 ||
		qd_mono_reached(w->now, qd_mono_add(w->disk.renewed, ex_times()->challenge)));
}

void ex_disk_take(struct ex_world *w, struct ex_node *n)
{
	/* Who released had not let anybody wait for the one before it, unless its own wait was over. */
	if (w->disk.renewed.ns != 0) {
		w->disk.struck = w->disk.renewed;
		w->disk.before = w->disk.last;
	}
	w->disk.epoch = w->disk.epoch + 1 < n->gate.least ? (uint32_t)n->gate.least : w->disk.epoch + 1;
	w->disk.last = n->c.config.node_id;
	w->disk.holder = n->c.config.node_id;
	w->disk.renewed = w->now;
	n->slots = w->disk.slots;
}

bool ex_disk_may_write(const struct ex_world *w, const struct ex_node *n)
{
	return leases(w, n) && n->gate.slots.version != 0 &&
	       qd_tag_compare(n->gate.slots, n->c.kept.head.tag) == 0 &&
	       qd_tag_compare(n->slots.tag, n->c.kept.head.tag) != 0;
}

void ex_disk_write(struct ex_world *w, struct ex_node *n, bool half)
{
	w->disk.slots = n->c.kept.head;
	if (!half)
		n->slots = n->c.kept.head;
}
