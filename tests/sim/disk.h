/* SPDX-License-Identifier: Apache-2.0 */
/* A model of one SCSI disk and its target: persistent reservations, unit attentions, sectors. Synchronous and
 * without time: each call is one command that executes at once, or one thing that happens to the target. What is
 * slow, lost or late is the business of the caller (tests/sim/host.h). The same model is held against tgt and LIO
 * by tests/conform. */
#ifndef QD_SIM_DISK_H
#define QD_SIM_DISK_H

#include "codec/pr.h"
#include "codec/qdisk.h"
#include "codec/sense.h"
#include "core/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIM_NEXUS_MAX = 64, /* initiator ports: machine * 8 + path; one bit each in a map */
	SIM_REGS_MAX = 96,  /* registrations, those of dead sessions included; more: 05h/55h/04h */
	SIM_SECTOR_BYTES = 512,
	SIM_DATA_SECTORS = 24, /* of the data area that the model keeps */
	SIM_SECTORS = QD_QDISK_SLOTS_LBA + SIM_DATA_SECTORS,
	SIM_UA_MAX = 4,	   /* unit attentions queued per nexus */
	SIM_PAST_MAX = 16, /* states of the past that a roll-back can return to */
	SIM_NO_REG = -1,
};

/* How a target behaves where targets differ (docs/PROTOCOL.md section 7). */
struct sim_flavour {
	const char *name;
	bool keep_registration; /* a nexus that logs in again is still registered (LIO, SPC-4 5.13.6); otherwise its
				  * key stays listed with a dead nexus (tgt) */
	bool preempt_and_abort; /* otherwise 05h/24h/00h */
	bool aptpl;		/* otherwise 05h/24h/00h to a REGISTER with APTPL */
	bool full_status;	/* READ FULL STATUS is known */
	bool abort_by_tag;    /* PREEMPT AND ABORT ends only commands that came under the preempted key (LIO);
				  * otherwise all of the preempted nexuses (SPC-4 5.13.11.2.6) */
	bool ua_new_session;  /* 29h/00h for the first command of a session */
	bool ua_power_on;     /* 29h/00h for everybody after a restart */
	bool ua_preempted_03; /* the preempted get 2Ah/03h (tgt), otherwise 2Ah/05h */
	bool ua_release_ro;   /* RELEASE under types 5..8: 2Ah/04h to the other registrants */
	bool ua_release_we; /* RELEASE under types 1, 3: 2Ah/04h to the releaser and to unregistered nexuses (tgt) */
	uint8_t reset_ascq;	  /* of 29h after a LUN reset */
	bool reserve_conflict_02; /* RESERVE against another holder: 02h/08h/00h instead of the status (LIO) */
	bool write_same_hole;	  /* WRITE SAME passes under type 5 without a registration (tgt) */
};

enum sim_flavour_id {
	SIM_FLAVOUR_SPC = 0,
	SIM_FLAVOUR_LIO,
	SIM_FLAVOUR_TGT,
	SIM_FLAVOUR_COUNT,
};

extern const struct sim_flavour sim_flavours[SIM_FLAVOUR_COUNT];

/* The raw end of the last command. */
struct sim_status {
	uint8_t status; /* QD_SCSI_x */
	struct qd_sense sense;
};

struct sim_registration {
	uint64_t key;
	int32_t nexus; /* -1: of a session that is gone */
	bool aptpl;
};

/* The state of persistent reservations: what APTPL keeps and a roll-back brings back. */
struct sim_pr_state {
	uint32_t generation;
	int32_t holder; /* index in regs, SIM_NO_REG: unreserved */
	enum qd_pr_type type;
	bool aptpl;
	uint32_t count;
	struct sim_registration regs[SIM_REGS_MAX]; /* only the first count are copied about */
};

struct sim_past {
	uint64_t time_ns;
	struct sim_pr_state pr;
};

struct sim_nexus {
	uint32_t session; /* grows with every login; 0: never logged in */
	bool open;
	int32_t reg; /* index in regs or SIM_NO_REG */
	uint32_t ua_count;
	enum qd_outcome ua[SIM_UA_MAX]; /* oldest first */
	uint8_t ua_ascq[SIM_UA_MAX];
};

/* What the last PREEMPT AND ABORT aborts: commands under way on these nexuses, under this key only when by_tag. */
struct sim_abort {
	uint64_t nexuses;
	uint64_t key;
	bool by_tag;
};

struct sim_disk {
	struct sim_flavour flavour;
	struct sim_pr_state pr;
	struct sim_nexus nexus[SIM_NEXUS_MAX];
	struct sim_status last;
	struct sim_abort abort; /* nexuses == 0: nothing */
	uint64_t known;		/* nexuses that logged in since the last start of the target */
	uint64_t removed;	/* nexuses that the last PR OUT unregistered, the sender not counted */
	uint64_t data_lba;
	bool keep_past;	 /* note states for roll-backs */
	uint64_t now_ns; /* set by the caller when it keeps the past; only labels states */
	uint32_t past_count;
	uint32_t past_next;
	bool before_preempt_valid;
	struct qd_head slot[QD_QDISK_SLOT_COUNT]; /* configuration slots, decoded; tag (0, 0): not valid */
	uint64_t cached; /* bit n: record[n] is what the sectors of node n+1 decode to */
	uint8_t disk_uuid[QD_QDISK_UUID_BYTES];
	struct qd_owner_record record[QD_NODE_ID_MAX];
	struct sim_past before_preempt;
	struct sim_past past[SIM_PAST_MAX];
	uint8_t sectors[SIM_SECTORS][SIM_SECTOR_BYTES];
};

/* A blank disk (zeros, unreserved, generation 0). data_lba: LBAs from here on are the data area, of which
 * SIM_DATA_SECTORS exist; LBAs between the owner records and the data area do not exist. */
void sim_disk_init(struct sim_disk *d, const struct sim_flavour *flavour, uint64_t data_lba);

/* Write superblock, its spare copy and nothing else, without asking anybody. */
void sim_disk_format(struct sim_disk *d, const struct qd_superblock *s);

/* A new session of this initiator port replaces the present one (RFC 7143 6.3.5); returns its number. */
uint32_t sim_disk_login(struct sim_disk *d, uint32_t nexus);
void sim_disk_logout(struct sim_disk *d, uint32_t nexus);

/* Commands. The outcome is also in d->last as raw status and sense. None may be sent on a nexus that is not open. */
enum qd_outcome sim_disk_test_unit_ready(struct sim_disk *d, uint32_t nexus);
enum qd_outcome sim_disk_pr_out(struct sim_disk *d, uint32_t nexus, const struct qd_pr_out_args *args);
enum qd_outcome sim_disk_read_keys(struct sim_disk *d, uint32_t nexus, struct qd_key *keys, size_t keys_max,
				   struct qd_pr_keys *out);
enum qd_outcome sim_disk_read_reservation(struct sim_disk *d, uint32_t nexus, struct qd_pr_reservation *out);
enum qd_outcome sim_disk_report_capabilities(struct sim_disk *d, uint32_t nexus,
					     struct qd_pr_capabilities *out);
/* Registrations in order; *count of them, nexus -1 for those of sessions that are gone. *holder: index or -1. */
enum qd_outcome sim_disk_read_full_status(struct sim_disk *d, uint32_t nexus,
					  const struct sim_registration **regs, uint32_t *count,
					  int32_t *holder);
enum qd_outcome sim_disk_read(struct sim_disk *d, uint32_t nexus, uint64_t lba, uint32_t count, uint8_t *to);
enum qd_outcome sim_disk_write(struct sim_disk *d, uint32_t nexus, uint64_t lba, uint32_t count,
			       const uint8_t *from);
enum qd_outcome sim_disk_write_same(struct sim_disk *d, uint32_t nexus, uint64_t lba, uint32_t count,
				    const uint8_t *sector);

/* A write in two parts, for one that is slow in the target: the check of its admission, and its landing, which asks
 * nobody. Only the first len_bytes land (a torn write). */
enum qd_outcome sim_disk_write_check(struct sim_disk *d, uint32_t nexus);
void sim_disk_write_land(struct sim_disk *d, uint64_t lba, const uint8_t *from, size_t len_bytes);

/* READ of all owner records, decoded (and remembered): *records is node 1's. */
enum qd_outcome sim_disk_read_records(struct sim_disk *d, uint32_t nexus, uint32_t count,
				      const struct qd_owner_record **records);
/* The same without a nexus, for one node, for invariants. */
const struct qd_owner_record *sim_disk_peek_record(struct sim_disk *d, uint32_t node_id);

/* The newest valid configuration slot; tag (0, 0): none is. Without a nexus, for invariants. */
const struct qd_head *sim_disk_peek_slot(const struct sim_disk *d);
/* READ of both slots: the newest is in *out. */
enum qd_outcome sim_disk_read_slots(struct sim_disk *d, uint32_t nexus, struct qd_head *out);

/* Things that happen to the target. */
void sim_disk_lun_reset(struct sim_disk *d);

enum sim_restart {
	SIM_RESTART_KEEP = 0,	    /* APTPL state returns if APTPL is active, otherwise nothing does */
	SIM_RESTART_LOSE,	    /* nothing returns although APTPL is active */
	SIM_RESTART_BEFORE_PREEMPT, /* the state before the last PREEMPT returns (PROTOCOL.md case 15) */
	SIM_RESTART_SECONDS_AGO,    /* the state of back_ns ago returns */
	SIM_RESTART_COUNT,
};

/* All sessions end. True if what came back is another state than the last. */
bool sim_disk_restart(struct sim_disk *d, enum sim_restart how, uint64_t back_ns);

/* An operator clears all reservations and registrations from a port that is not ours. */
void sim_disk_operator_clear(struct sim_disk *d);
/* A foreign key registers (and stays) on a nexus of its own, which is dead afterwards. */
void sim_disk_foreign_register(struct sim_disk *d, uint64_t key);

/* A foreign key takes the reservation, type 5, from whoever holds it. */
void sim_disk_foreign_hold(struct sim_disk *d, uint64_t key);

/* Key and nexus of the reservation's holder; 0 and -1 when unreserved (nexus -1 too when its session is gone). */
static inline uint64_t sim_disk_holder_key(const struct sim_disk *d)
{
	return d->pr.holder == SIM_NO_REG ? 0 : d->pr.regs[d->pr.holder].key;
}

static inline int32_t sim_disk_holder_nexus(const struct sim_disk *d)
{
	return d->pr.holder == SIM_NO_REG ? -1 : d->pr.regs[d->pr.holder].nexus;
}

/* Key registered on a nexus, 0: none. */
static inline uint64_t sim_disk_key_of(const struct sim_disk *d, uint32_t nexus)
{
	int32_t reg = d->nexus[nexus].reg;
	return reg == SIM_NO_REG ? 0 : d->pr.regs[reg].key;
}

#endif
