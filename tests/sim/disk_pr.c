/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent reservations of the disk model (SPC-4 5.13). */
#include "sim/disk_pr.h"

enum {
	KEY_ILLEGAL_REQUEST = 0x05,
	KEY_NOT_READY = 0x02,
};

static enum qd_outcome invalid_cdb(struct sim_disk *d)
{
	return sim_end_check(d, KEY_ILLEGAL_REQUEST, 0x24, 0x00, QD_OUTCOME_UNSUPPORTED);
}

static enum qd_outcome invalid_list(struct sim_disk *d, uint8_t ascq)
{
	return sim_end_check(d, KEY_ILLEGAL_REQUEST, 0x26, ascq, QD_OUTCOME_UNSUPPORTED);
}

static bool all_registrants(enum qd_pr_type type)
{
	return type == QD_PR_TYPE_WRITE_EXCLUSIVE_AR || type == QD_PR_TYPE_EXCLUSIVE_ACCESS_AR;
}

static bool registrants_matter(enum qd_pr_type type)
{
	return type >= QD_PR_TYPE_WRITE_EXCLUSIVE_RO;
}

static void unreserve(struct sim_disk *d)
{
	d->pr.holder = SIM_NO_REG;
	d->pr.type = QD_PR_TYPE_NONE;
}

/* Take registration i out of the table; the order of the others stays. */
static void remove_reg(struct sim_disk *d, uint32_t i)
{
	struct sim_pr_state *pr = &d->pr;
	qd_assert(i < pr->count);
	if (pr->regs[i].nexus >= 0)
		d->nexus[pr->regs[i].nexus].reg = SIM_NO_REG;
	if (pr->holder == (int32_t)i)
		unreserve(d);
	else if (pr->holder > (int32_t)i)
		pr->holder--;
	pr->count--;
	for (uint32_t k = i; k < pr->count; k++) {
		pr->regs[k] = pr->regs[k + 1];
		if (pr->regs[k].nexus >= 0)
			d->nexus[pr->regs[k].nexus].reg = (int32_t)k;
	}
}

static void raise_registrants(struct sim_disk *d, uint32_t but_nexus, enum qd_outcome ua, uint8_t ascq)
{
	for (uint32_t i = 0; i < d->pr.count; i++) {
		int32_t nexus = d->pr.regs[i].nexus;
		if (nexus >= 0 && nexus != (int32_t)but_nexus)
			sim_disk_raise(d, (uint32_t)nexus, ua, ascq);
	}
}

/* The end of a reservation by RELEASE, or by its holder's unregistration (SPC-4 5.13.11.2.2). */
static void released(struct sim_disk *d, uint32_t nexus, enum qd_pr_type type)
{
	if (registrants_matter(type)) {
		if (d->flavour.ua_release_ro)
			raise_registrants(d, nexus, QD_OUTCOME_UA_RES_RELEASED, 0x04);
		return;
	}
	if (!d->flavour.ua_release_we)
		return;
	for (uint32_t i = 0; i < SIM_NEXUS_MAX; i++) /* as tgt does, the wrong way round */
		if ((d->known >> i & 1) && (i == nexus || d->nexus[i].reg == SIM_NO_REG))
			sim_disk_raise(d, i, QD_OUTCOME_UA_RES_RELEASED, 0x04);
}

static enum qd_outcome unregister(struct sim_disk *d, uint32_t nexus)
{
	uint32_t reg = (uint32_t)d->nexus[nexus].reg;
	enum qd_pr_type type = d->pr.type;
	bool held = d->pr.holder == (int32_t)reg;
	bool all = d->pr.holder != SIM_NO_REG && all_registrants(type);
	if (held && all && d->pr.count > 1)
		d->pr.holder = reg == 0 ? 1 : 0; /* every registrant holds: the next one stands for them */
	remove_reg(d, reg);
	if (held && !all && registrants_matter(type))
		released(d, nexus, type);
	d->pr.generation++;
	return sim_end_good(d);
}

static enum qd_outcome do_register(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args,
				   bool ignore)
{
	if (args->aptpl && !d->flavour.aptpl)
		return invalid_cdb(d);
	uint64_t present = sim_disk_key_of(d, nexus);
	if (!ignore && args->key.value != present)
		return sim_end_conflict(d);
	int32_t reg = d->nexus[nexus].reg;
	if (args->sa_key.value == 0) {
		if (reg == SIM_NO_REG)
			return sim_end_good(d);
		return unregister(d, nexus);
	}
	if (reg == SIM_NO_REG) {
		if (d->pr.count == SIM_REGS_MAX)
			return sim_end_check(d, KEY_ILLEGAL_REQUEST, 0x55, 0x04, QD_OUTCOME_NO_RESOURCES);
		reg = (int32_t)d->pr.count++;
		d->pr.regs[reg] = (struct sim_registration){.nexus = (int32_t)nexus};
		d->nexus[nexus].reg = reg;
	}
	d->pr.regs[reg].key = args->sa_key.value;
	d->pr.regs[reg].aptpl = args->aptpl;
	d->pr.aptpl = args->aptpl; /* the most recent one counts (SPC-4 5.13.5) */
	d->pr.generation++;
	return sim_end_good(d);
}

static enum qd_outcome do_reserve(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args)
{
	int32_t reg = d->nexus[nexus].reg;
	if (d->pr.holder == SIM_NO_REG) {
		d->pr.holder = reg;
		d->pr.type = args->type;
		return sim_end_good(d);
	}
	bool holds = d->pr.holder == reg || all_registrants(d->pr.type);
	if (holds && d->pr.type == args->type)
		return sim_end_good(d);
	if (d->flavour.reserve_conflict_02)
		return sim_end_check(d, KEY_NOT_READY, 0x08, 0x00, QD_OUTCOME_CONFLICT);
	return sim_end_conflict(d);
}

static enum qd_outcome do_release(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args)
{
	int32_t reg = d->nexus[nexus].reg;
	if (d->pr.holder == SIM_NO_REG || (d->pr.holder != reg && !all_registrants(d->pr.type)))
		return sim_end_good(d); /* no holder: nothing is done (SPC-4 5.13.11.2.2) */
	if (d->pr.type != args->type)
		return invalid_list(d, 0x04);
	enum qd_pr_type type = d->pr.type;
	unreserve(d);
	released(d, nexus, type);
	return sim_end_good(d);
}

static enum qd_outcome do_clear(struct sim_disk *d, uint32_t nexus)
{
	raise_registrants(d, nexus, QD_OUTCOME_UA_RES_PREEMPTED, 0x03);
	while (d->pr.count > 0)
		remove_reg(d, d->pr.count - 1);
	unreserve(d);
	d->pr.generation++;
	return sim_end_good(d);
}

/* Remove the registrations with `key` (0: all), but for the sender's own when `spare_own`; the number removed. */
static uint32_t remove_key(struct sim_disk *d, uint32_t nexus, uint64_t key, bool spare_own)
{
	uint32_t removed = 0;
	for (uint32_t i = 0; i < d->pr.count;) {
		int32_t owner = d->pr.regs[i].nexus;
		bool own = owner == (int32_t)nexus;
		if ((key != 0 && d->pr.regs[i].key != key) || (own && spare_own)) {
			i++;
			continue;
		}
		remove_reg(d, i);
		removed++;
		if (owner < 0 || own)
			continue;
		d->removed |= 1ull << owner;
		if (d->flavour.ua_preempted_03)
			sim_disk_raise(d, (uint32_t)owner, QD_OUTCOME_UA_RES_PREEMPTED, 0x03);
		else
			sim_disk_raise(d, (uint32_t)owner, QD_OUTCOME_UA_REG_PREEMPTED, 0x05);
	}
	return removed;
}

/* Whether this PREEMPT also takes the reservation (SPC-4 table 69). */
static bool takes_reservation(const struct sim_disk *d, const struct qd_pr_out_args *args)
{
	if (d->pr.holder == SIM_NO_REG)
		return false;
	if (all_registrants(d->pr.type))
		return args->sa_key.value == 0;
	return args->sa_key.value == sim_disk_holder_key(d);
}

static enum qd_outcome do_preempt(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args)
{
	bool take = takes_reservation(d, args);
	if (args->sa_key.value == 0 && !take)
		return invalid_list(d, 0x00);
	if (d->keep_past) {
		sim_pr_copy(&d->before_preempt.pr, &d->pr);
		d->before_preempt_valid = true;
	}
	if (!take) {
		if (remove_key(d, nexus, args->sa_key.value, false) == 0)
			return sim_end_conflict(d);
		d->pr.generation++;
		return sim_end_good(d);
	}
	enum qd_pr_type was = d->pr.type;
	(void)remove_key(d, nexus, args->sa_key.value, true); /* maybe none but the sender's own */
	d->pr.holder = d->nexus[nexus].reg;
	d->pr.type = args->type;
	if (was != args->type && registrants_matter(was))
		raise_registrants(d, nexus, QD_OUTCOME_UA_RES_RELEASED, 0x04);
	d->pr.generation++;
	return sim_end_good(d);
}

static enum qd_outcome do_preempt_and_abort(struct sim_disk *d, uint32_t nexus,
					    const struct qd_pr_out_args *args)
{
	if (!d->flavour.preempt_and_abort)
		return invalid_cdb(d);
	enum qd_outcome outcome = do_preempt(d, nexus, args);
	if (outcome == QD_OUTCOME_GOOD)
		d->abort = (struct sim_abort){
			.nexuses = d->removed,
			.key = args->sa_key.value,
			.by_tag = d->flavour.abort_by_tag,
		};
	return outcome;
}

static enum qd_outcome dispatch(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args)
{
	bool registering = args->action == QD_PR_REGISTER || args->action == QD_PR_REGISTER_AND_IGNORE;
	if (!registering) {
		int32_t reg = d->nexus[nexus].reg;
		if (reg == SIM_NO_REG || d->pr.regs[reg].key != args->key.value)
			return sim_end_conflict(d);
	}
	switch (args->action) {
	case QD_PR_REGISTER:
		return do_register(d, nexus, args, false);
	case QD_PR_RESERVE:
		return do_reserve(d, nexus, args);
	case QD_PR_RELEASE:
		return do_release(d, nexus, args);
	case QD_PR_CLEAR:
		return do_clear(d, nexus);
	case QD_PR_PREEMPT:
		return do_preempt(d, nexus, args);
	case QD_PR_PREEMPT_AND_ABORT:
		return do_preempt_and_abort(d, nexus, args);
	case QD_PR_REGISTER_AND_IGNORE:
		return do_register(d, nexus, args, true);
	case QD_PR_OUT_COUNT:
		break;
	}
	return invalid_cdb(d);
}

enum qd_outcome sim_disk_pr_out(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args)
{
	d->abort = (struct sim_abort){0};
	d->removed = 0;
	enum qd_outcome outcome = sim_disk_attention(d, nexus);
	if (outcome != QD_OUTCOME_GOOD)
		return outcome;
	outcome = dispatch(d, nexus, args);
	if (outcome == QD_OUTCOME_GOOD)
		sim_disk_remember(d);
	return outcome;
}

enum qd_outcome sim_disk_read_keys(struct sim_disk *d, uint32_t nexus, struct qd_key *keys, size_t keys_max,
				   struct qd_pr_keys *out)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	uint32_t count = d->pr.count < keys_max ? d->pr.count : (uint32_t)keys_max;
	for (uint32_t i = 0; i < count; i++)
		keys[i].value = d->pr.regs[i].key;
	*out = (struct qd_pr_keys){
		.generation = d->pr.generation,
		.count = count,
		.total_count = d->pr.count,
		.needed_bytes = 8 + 8 * d->pr.count,
	};
	return sim_end_good(d);
}

enum qd_outcome sim_disk_read_reservation(struct sim_disk *d, uint32_t nexus, struct qd_pr_reservation *out)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	bool held = d->pr.holder != SIM_NO_REG;
	*out = (struct qd_pr_reservation){
		.generation = d->pr.generation,
		.held = held,
		.holder = {all_registrants(d->pr.type) ? 0 : sim_disk_holder_key(d)},
		.type = held ? d->pr.type : QD_PR_TYPE_NONE,
	};
	return sim_end_good(d);
}

enum qd_outcome sim_disk_report_capabilities(struct sim_disk *d, uint32_t nexus,
					     struct qd_pr_capabilities *out)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	bool rich = d->flavour.aptpl;
	*out = (struct qd_pr_capabilities){
		.ptpl_capable = rich,
		.ptpl_active = d->pr.aptpl,
		.all_target_ports = rich,
		.specify_initiators = rich,
		.compatible_reservation_handling = rich,
		.allow_commands = rich ? 1 : 0,
		.type_mask_valid = true,
		.type_bits = 1u << 1 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8,
	};
	return sim_end_good(d);
}

enum qd_outcome sim_disk_read_full_status(struct sim_disk *d, uint32_t nexus,
					  const struct sim_registration **regs, uint32_t *count,
					  int32_t *holder)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	if (!d->flavour.full_status)
		return invalid_cdb(d);
	*regs = d->pr.regs;
	*count = d->pr.count;
	*holder = d->pr.holder;
	return sim_end_good(d);
}
