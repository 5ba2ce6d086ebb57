/* SPDX-License-Identifier: Apache-2.0 */
/* The two configuration slots on the disk, as a driver reads and writes them: the older one, confirmed, then the other. */
#include "sim/sim.h"

void slots_read(struct sim *s, struct sim_op *op)
{
	op->outcome = sim_disk_read_slots(&s->disk, op->nexus, &op->slot);
	op->answer.u.slot = &op->slot;
	/* The driver keeps the text that it has read. */
	if (op->outcome == QD_OUTCOME_GOOD && op->slot.tag.version != 0)
		store_add_body(s, &s->machines[op->machine], op->slot.body);
}

void slots_choose(struct sim *s, struct sim_op *op)
{
	op->slot_index = sim_disk_peek_slot(&s->disk) == &s->disk.slot[0] ? 1 : 0;
}

void slots_land(struct sim *s, struct sim_op *op)
{
	s->disk.slot[op->slot_index] = op->op.u.head;
	sim_log_add(s, SIM_LOG_STORE, op->machine, 4, op->slot_index, op->op.u.head.tag.epoch,
		    op->op.u.head.tag.version);
}

bool slots_tear(struct sim *s, struct sim_op *op)
{
	struct sim_machine *m = &s->machines[op->machine];
	if (!fault_on(s, SIM_FAULT_SLOT_TORN) || !sim_chance(s, 16))
		return false;
	fault_count(s, SIM_FAULT_SLOT_TORN, op->machine, op->slot_index);
	s->disk.slot[op->slot_index].tag = (struct qd_tag){.epoch = 0};
	wire_free(s, op);
	if (sim_chance(s, 128))
		fault_restart(s, SIM_RESTART_KEEP);
	else
		host_crash(s, m, sim_between(s, 1, 20) * SIM_S);
	return true;
}

void slots_go_on(struct sim *s, struct sim_op *op)
{
	op->phase = SIM_OP_TRANSIT;
	op->tag = 0;
	op->late_ns = 0;
	op->land_late = false;
	sim_push(s, s->t + 2 * wire_latency(s), SIM_EV_SLOT, op->machine, (uint32_t)(op - s->ops), 0);
}

void slots_second(struct sim *s, uint32_t index)
{
	struct sim_op *op = &s->ops[index];
	const struct sim_nexus *n = &s->disk.nexus[op->nexus];
	qd_assert(op->phase == SIM_OP_TRANSIT);
	if (!s->target_up || !n->open || n->session != op->session) {
		wire_free(s, op);
		return;
	}
	if (s->hang_until > s->t) {
		sim_push(s, s->hang_until + sim_below(s, 3 * SIM_MS), SIM_EV_SLOT, op->machine, index, 0);
		return;
	}
	op->outcome = sim_disk_write_check(&s->disk, op->nexus);
	op->slot_index = 1 - op->slot_index;
	if (op->outcome == QD_OUTCOME_GOOD) {
		if (slots_tear(s, op))
			return;
		slots_land(s, op);
	}
	s->cover->outcomes[op->op.kind][op->outcome]++;
	wire_reply(s, op);
}
