/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/disk.h"

#include "sim/disk_pr.h"

#include <string.h>

const struct sim_flavour sim_flavours[SIM_FLAVOUR_COUNT] = {
	[SIM_FLAVOUR_SPC] = {.name = "spc",
			     .keep_registration = true,
			     .preempt_and_abort = true,
			     .aptpl = true,
			     .full_status = true,
			     .ua_new_session = true,
			     .ua_power_on = true,
			     .ua_release_ro = true},
	[SIM_FLAVOUR_LIO] = {.name = "lio",
			     .keep_registration = true,
			     .preempt_and_abort = true,
			     .aptpl = true,
			     .full_status = true,
			     .abort_by_tag = true,
			     .ua_release_ro = true,
			     .reset_ascq = 0x03,
			     .reserve_conflict_02 = true},
	[SIM_FLAVOUR_TGT] = {.name = "tgt",
			     .ua_new_session = true,
			     .ua_power_on = true,
			     .ua_preempted_03 = true,
			     .ua_release_we = true,
			     .write_same_hole = true},
};

enum {
	KEY_ILLEGAL_REQUEST = 0x05,
	KEY_UNIT_ATTENTION = 0x06,
};

enum qd_outcome sim_end_good(struct sim_disk *d)
{
	d->last = (struct sim_status){.status = QD_SCSI_GOOD};
	return QD_OUTCOME_GOOD;
}

enum qd_outcome sim_end_conflict(struct sim_disk *d)
{
	d->last = (struct sim_status){.status = QD_SCSI_RESERVATION_CONFLICT};
	return QD_OUTCOME_CONFLICT;
}

enum qd_outcome sim_end_check(struct sim_disk *d, uint8_t key, uint8_t asc, uint8_t ascq,
			      enum qd_outcome outcome)
{
	d->last = (struct sim_status){
		.status = QD_SCSI_CHECK_CONDITION,
		.sense = {.key = key, .asc = asc, .ascq = ascq, .valid = true},
	};
	return outcome;
}

/* ---- unit attentions ---- */

void sim_disk_raise(struct sim_disk *d, uint32_t nexus, enum qd_outcome ua, uint8_t ascq)
{
	struct sim_nexus *n = &d->nexus[nexus];
	if (ua == QD_OUTCOME_UA_RESET)
		n->ua_count = 0; /* it stands for everything before it (SAM-5 5.14.1) */
	for (uint32_t i = 0; i < n->ua_count; i++)
		if (n->ua[i] == ua)
			return;
	if (n->ua_count == SIM_UA_MAX)
		return;
	n->ua[n->ua_count] = ua;
	n->ua_ascq[n->ua_count++] = ascq;
}

enum qd_outcome sim_disk_attention(struct sim_disk *d, uint32_t nexus)
{
	struct sim_nexus *n = &d->nexus[nexus];
	qd_assert(n->open);
	if (n->ua_count == 0)
		return QD_OUTCOME_GOOD;
	enum qd_outcome ua = n->ua[0];
	uint8_t ascq = n->ua_ascq[0];
	n->ua_count--;
	for (uint32_t i = 0; i < n->ua_count; i++) {
		n->ua[i] = n->ua[i + 1];
		n->ua_ascq[i] = n->ua_ascq[i + 1];
	}
	uint8_t asc = ua == QD_OUTCOME_UA_RESET ? 0x29 : 0x2a;
	return sim_end_check(d, KEY_UNIT_ATTENTION, asc, ascq, ua);
}

/* ---- the past ---- */

void sim_pr_copy(struct sim_pr_state *to, const struct sim_pr_state *from)
{
	qd_assert(from->count <= SIM_REGS_MAX);
	memcpy(to, from, offsetof(struct sim_pr_state, regs) + from->count * sizeof(from->regs[0]));
}

void sim_disk_remember(struct sim_disk *d)
{
	if (!d->keep_past)
		return;
	struct sim_past *p = &d->past[d->past_next];
	p->time_ns = d->now_ns;
	sim_pr_copy(&p->pr, &d->pr);
	d->past_next = (d->past_next + 1) % SIM_PAST_MAX;
	if (d->past_count < SIM_PAST_MAX)
		d->past_count++;
}

/* ---- life ---- */

void sim_disk_init(struct sim_disk *d, const struct sim_flavour *flavour, uint64_t data_lba)
{
	qd_assert(data_lba >= QD_QDISK_SLOTS_LBA);
	memset(d, 0, offsetof(struct sim_disk, before_preempt));
	memset(d->sectors, 0, sizeof(d->sectors));
	d->flavour = *flavour;
	d->data_lba = data_lba;
	d->pr.holder = SIM_NO_REG;
	for (uint32_t i = 0; i < SIM_NEXUS_MAX; i++)
		d->nexus[i].reg = SIM_NO_REG;
}

void sim_disk_format(struct sim_disk *d, const struct qd_superblock *s)
{
	qd_superblock_encode(s, d->sectors[QD_QDISK_SUPERBLOCK_LBA], SIM_SECTOR_BYTES);
	memcpy(d->sectors[QD_QDISK_SUPERBLOCK_LBA + 1], d->sectors[QD_QDISK_SUPERBLOCK_LBA],
	       SIM_SECTOR_BYTES);
	memcpy(d->disk_uuid, s->disk_uuid, sizeof(d->disk_uuid));
	d->cached = 0;
}

uint32_t sim_disk_login(struct sim_disk *d, uint32_t nexus)
{
	qd_assert(nexus < SIM_NEXUS_MAX);
	struct sim_nexus *n = &d->nexus[nexus];
	if (!d->flavour.keep_registration && n->reg != SIM_NO_REG) {
		d->pr.regs[n->reg].nexus = -1;
		n->reg = SIM_NO_REG;
	}
	n->open = true;
	n->session++;
	n->ua_count = d->flavour.keep_registration ? n->ua_count : 0;
	d->known |= 1ull << nexus;
	if (d->flavour.ua_new_session)
		sim_disk_raise(d, nexus, QD_OUTCOME_UA_RESET, 0x00);
	return n->session;
}

void sim_disk_logout(struct sim_disk *d, uint32_t nexus)
{
	qd_assert(nexus < SIM_NEXUS_MAX);
	d->nexus[nexus].open = false;
}

void sim_disk_lun_reset(struct sim_disk *d)
{
	for (uint32_t i = 0; i < SIM_NEXUS_MAX; i++)
		if (d->known >> i & 1)
			sim_disk_raise(d, i, QD_OUTCOME_UA_RESET, d->flavour.reset_ascq);
}

/* Tie registrations to their nexuses again. */
static void relink(struct sim_disk *d)
{
	for (uint32_t i = 0; i < SIM_NEXUS_MAX; i++)
		d->nexus[i].reg = SIM_NO_REG;
	for (uint32_t i = 0; i < d->pr.count; i++)
		if (d->pr.regs[i].nexus >= 0)
			d->nexus[d->pr.regs[i].nexus].reg = (int32_t)i;
}

static const struct sim_past *past_before(const struct sim_disk *d, uint64_t time_ns)
{
	const struct sim_past *best = NULL;
	for (uint32_t i = 1; i <= d->past_count; i++) {
		best = &d->past[(d->past_next + SIM_PAST_MAX - i) % SIM_PAST_MAX];
		if (best->time_ns <= time_ns)
			break;
	}
	return best;
}

bool sim_disk_restart(struct sim_disk *d, enum sim_restart how, uint64_t back_ns)
{
	const struct sim_past *from = NULL;
	if (how == SIM_RESTART_BEFORE_PREEMPT && d->before_preempt_valid)
		from = &d->before_preempt;
	else if (how == SIM_RESTART_SECONDS_AGO)
		from = past_before(d, d->now_ns > back_ns ? d->now_ns - back_ns : 0);
	if (from != NULL && !from->pr.aptpl)
		from = NULL;
	bool keep = d->pr.aptpl && how != SIM_RESTART_LOSE;
	if (!keep) {
		d->pr.count = 0;
		d->pr.holder = SIM_NO_REG;
		d->pr.type = QD_PR_TYPE_NONE;
		d->pr.aptpl = false;
	} else if (from != NULL) {
		sim_pr_copy(&d->pr, &from->pr);
	}
	/* PRGENERATION begins anew (SPC-4 5.13.4); LIO counts one for each registration it restores. */
	d->pr.generation = keep ? d->pr.count : 0;
	relink(d);
	for (uint32_t i = 0; i < SIM_NEXUS_MAX; i++) {
		d->nexus[i].open = false;
		d->nexus[i].ua_count = 0;
		if (d->flavour.ua_power_on && (d->known >> i & 1))
			sim_disk_raise(d, i, QD_OUTCOME_UA_RESET, 0x00);
	}
	d->known = 0;
	d->past_count = 0;
	d->before_preempt_valid = false;
	return keep && from != NULL;
}

void sim_disk_operator_clear(struct sim_disk *d)
{
	for (uint32_t i = 0; i < SIM_NEXUS_MAX; i++)
		if (d->nexus[i].reg != SIM_NO_REG)
			sim_disk_raise(d, i, QD_OUTCOME_UA_RES_PREEMPTED, 0x03);
	d->pr.count = 0;
	d->pr.holder = SIM_NO_REG;
	d->pr.type = QD_PR_TYPE_NONE;
	d->pr.generation += 2; /* its own REGISTER, and CLEAR */
	relink(d);
	sim_disk_remember(d);
}

void sim_disk_foreign_register(struct sim_disk *d, uint64_t key)
{
	if (d->pr.count == SIM_REGS_MAX)
		return;
	d->pr.regs[d->pr.count++] = (struct sim_registration){.key = key, .nexus = -1, .aptpl = d->pr.aptpl};
	d->pr.generation++;
	sim_disk_remember(d);
}

void sim_disk_foreign_hold(struct sim_disk *d, uint64_t key)
{
	int32_t nexus = sim_disk_holder_nexus(d);
	if (d->pr.holder == SIM_NO_REG) {
		if (d->pr.count == SIM_REGS_MAX)
			return;
		d->pr.holder = (int32_t)d->pr.count++;
	}
	d->pr.regs[d->pr.holder] = (struct sim_registration){.key = key, .nexus = -1, .aptpl = d->pr.aptpl};
	d->pr.type = QD_PR_TYPE_WRITE_EXCLUSIVE_RO;
	d->pr.generation += 2;
	relink(d);
	if (nexus >= 0)
		sim_disk_raise(d, (uint32_t)nexus, QD_OUTCOME_UA_RES_PREEMPTED, 0x03);
	sim_disk_remember(d);
}

/* ---- sectors ---- */

static uint8_t *sector_of(struct sim_disk *d, uint64_t lba)
{
	if (lba < QD_QDISK_SLOTS_LBA)
		return d->sectors[lba];
	if (lba >= d->data_lba && lba - d->data_lba < SIM_DATA_SECTORS)
		return d->sectors[QD_QDISK_SLOTS_LBA + (lba - d->data_lba)];
	return NULL;
}

static bool sectors_exist(struct sim_disk *d, uint64_t lba, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (sector_of(d, lba + i) == NULL)
			return false;
	return true;
}

static enum qd_outcome out_of_range(struct sim_disk *d)
{
	return sim_end_check(d, KEY_ILLEGAL_REQUEST, 0x21, 0x00, QD_OUTCOME_ERROR);
}

/* May this nexus read, or write, under the present reservation (SPC-4 table 67)? */
static bool admitted(const struct sim_disk *d, uint32_t nexus, bool write)
{
	if (d->pr.holder == SIM_NO_REG)
		return true;
	bool registered = d->nexus[nexus].reg != SIM_NO_REG;
	switch (d->pr.type) {
	case QD_PR_TYPE_NONE:
		return true;
	case QD_PR_TYPE_WRITE_EXCLUSIVE:
		return !write || sim_disk_holder_nexus(d) == (int32_t)nexus;
	case QD_PR_TYPE_EXCLUSIVE_ACCESS:
		return sim_disk_holder_nexus(d) == (int32_t)nexus;
	case QD_PR_TYPE_WRITE_EXCLUSIVE_RO:
	case QD_PR_TYPE_WRITE_EXCLUSIVE_AR:
		return !write || registered;
	case QD_PR_TYPE_EXCLUSIVE_ACCESS_RO:
	case QD_PR_TYPE_EXCLUSIVE_ACCESS_AR:
		return registered;
	}
	return false;
}

enum qd_outcome sim_disk_test_unit_ready(struct sim_disk *d, uint32_t nexus)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	return ua != QD_OUTCOME_GOOD ? ua : sim_end_good(d);
}

enum qd_outcome sim_disk_read(struct sim_disk *d, uint32_t nexus, uint64_t lba, uint32_t count, uint8_t *to)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	if (!admitted(d, nexus, false))
		return sim_end_conflict(d);
	if (!sectors_exist(d, lba, count))
		return out_of_range(d);
	for (uint32_t i = 0; i < count; i++)
		memcpy(to + (size_t)i * SIM_SECTOR_BYTES, sector_of(d, lba + i), SIM_SECTOR_BYTES);
	return sim_end_good(d);
}

enum qd_outcome sim_disk_write_check(struct sim_disk *d, uint32_t nexus)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	return admitted(d, nexus, true) ? sim_end_good(d) : sim_end_conflict(d);
}

void sim_disk_write_land(struct sim_disk *d, uint64_t lba, const uint8_t *from, size_t len_bytes)
{
	for (size_t at = 0; at < len_bytes; at += SIM_SECTOR_BYTES, lba++) {
		size_t part = len_bytes - at < SIM_SECTOR_BYTES ? len_bytes - at : SIM_SECTOR_BYTES;
		uint8_t *sector = sector_of(d, lba);
		qd_assert(sector != NULL);
		memcpy(sector, from + at, part);
		if (lba >= QD_QDISK_RECORDS_LBA && lba < QD_QDISK_SLOTS_LBA)
			d->cached &= ~(1ull << (lba - QD_QDISK_RECORDS_LBA) / QD_QDISK_COPIES);
	}
}

enum qd_outcome sim_disk_write(struct sim_disk *d, uint32_t nexus, uint64_t lba, uint32_t count,
			       const uint8_t *from)
{
	enum qd_outcome outcome = sim_disk_write_check(d, nexus);
	if (outcome != QD_OUTCOME_GOOD)
		return outcome;
	if (!sectors_exist(d, lba, count))
		return out_of_range(d);
	sim_disk_write_land(d, lba, from, (size_t)count * SIM_SECTOR_BYTES);
	return outcome;
}

enum qd_outcome sim_disk_write_same(struct sim_disk *d, uint32_t nexus, uint64_t lba, uint32_t count,
				    const uint8_t *sector)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	bool hole = d->flavour.write_same_hole && d->pr.type == QD_PR_TYPE_WRITE_EXCLUSIVE_RO;
	if (!hole && !admitted(d, nexus, true))
		return sim_end_conflict(d);
	if (!sectors_exist(d, lba, count))
		return out_of_range(d);
	for (uint32_t i = 0; i < count; i++)
		sim_disk_write_land(d, lba + i, sector, SIM_SECTOR_BYTES);
	return sim_end_good(d);
}

const struct qd_owner_record *sim_disk_peek_record(struct sim_disk *d, uint32_t node_id)
{
	qd_assert(node_id >= QD_NODE_ID_MIN && node_id <= QD_NODE_ID_MAX);
	uint32_t i = node_id - 1;
	if (!(d->cached >> i & 1)) {
		qd_owner_record_pick(d->sectors[qd_qdisk_record_lba(node_id, 0)],
				     d->sectors[qd_qdisk_record_lba(node_id, 1)], SIM_SECTOR_BYTES, node_id,
				     d->disk_uuid, &d->record[i]);
		d->cached |= 1ull << i;
	}
	return &d->record[i];
}

enum qd_outcome sim_disk_read_records(struct sim_disk *d, uint32_t nexus, uint32_t count,
				      const struct qd_owner_record **records)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	if (!admitted(d, nexus, false))
		return sim_end_conflict(d);
	for (uint32_t id = 1; id <= count; id++)
		(void)sim_disk_peek_record(d, id); /* fills the cache */
	*records = d->record;
	return sim_end_good(d);
}

const struct qd_head *sim_disk_peek_slot(const struct sim_disk *d)
{
	return &d->slot[qd_tag_compare(d->slot[0].tag, d->slot[1].tag) < 0 ? 1 : 0];
}

enum qd_outcome sim_disk_read_slots(struct sim_disk *d, uint32_t nexus, struct qd_head *out)
{
	enum qd_outcome ua = sim_disk_attention(d, nexus);
	if (ua != QD_OUTCOME_GOOD)
		return ua;
	if (!admitted(d, nexus, false))
		return sim_end_conflict(d);
	*out = *sim_disk_peek_slot(d);
	return sim_end_good(d);
}
