/* SPDX-License-Identifier: Apache-2.0 */
/* The executor on the simulator's disk model. Parameter lists and data go through the project's codec on the model's
 * side and through cdb.c on the script's side, so that the two also check each other. */
#include "conform/cdb.h"

#include "codec/pr.h"
#include "sim/disk.h"

#include <stdlib.h>
#include <string.h>

enum {
	DATA_LBA = QD_QDISK_SLOTS_LBA, /* the script's block 0 */
	UNIT_ATTENTIONS_MAX = 8
};

/* A write that is slow in the target: admitted, and not landed yet. */
struct slow_write {
	bool open;
	bool aborted;
	uint64_t lba;
	uint64_t key;	       /* of the nexus when the command came: LIO aborts by it */
	enum cf_status status; /* of its admission */
	struct sim_status raw;
	uint8_t sector[SIM_SECTOR_BYTES];
};

struct model {
	struct sim_disk disk;
	const struct sim_flavour *flavour;
	struct slow_write writes[CF_NEXUS_MAX];
	uint32_t generation;
	bool generation_known;
};

static void set_status(struct cf_answer *answer, const struct sim_status *raw)
{
	answer->sense_key = raw->sense.key;
	answer->asc = raw->sense.asc;
	answer->ascq = raw->sense.ascq;
	if (raw->status == QD_SCSI_GOOD)
		answer->status = CF_GOOD;
	else if (raw->status == QD_SCSI_RESERVATION_CONFLICT)
		answer->status = CF_CONFLICT;
	else
		answer->status = CF_CHECK;
}

static void pr_out(struct model *m, const struct cf_command *command, struct cf_answer *answer)
{
	static const struct cdb_names no_names; /* no TransportID: REGISTER AND MOVE is not known here */
	struct qd_pr_out_args args;
	struct cdb cdb;

	if (command->op == CF_OP_MOVE || !cdb_build(&cdb, command, &no_names) ||
	    !qd_pr_out_decode(cdb.bytes, cdb.length, cdb.out, cdb.out_length, &args)) {
		answer->status = CF_UNSUPPORTED;
		return;
	}
	(void)sim_disk_pr_out(&m->disk, command->nexus, &args); /* the raw status says more */
	set_status(answer, &m->disk.last);
	if (command->op != CF_OP_PREEMPT_ABORT || answer->status != CF_GOOD)
		return;
	for (size_t i = 0; i < CF_NEXUS_MAX; i++)
		if ((m->disk.abort.nexuses >> i & 1) != 0 &&
		    (!m->disk.abort.by_tag || m->disk.abort.key == m->writes[i].key))
			m->writes[i].aborted = true;
}

static void full_status(struct model *m, unsigned nexus, struct cf_answer *answer)
{
	const struct sim_registration *regs = NULL;
	uint32_t count = 0;
	int32_t holder = SIM_NO_REG;

	if (sim_disk_read_full_status(&m->disk, nexus, &regs, &count, &holder) != QD_OUTCOME_GOOD) {
		set_status(answer, &m->disk.last);
		return;
	}
	answer->data = CF_DATA_FULL;
	for (uint32_t i = 0; i < count && i < CF_KEYS_MAX; i++) {
		bool all = m->disk.pr.type >= QD_PR_TYPE_WRITE_EXCLUSIVE_AR;
		bool holds = holder != SIM_NO_REG && (all || holder == (int32_t)i);

		answer->full[answer->count++] = (struct cf_registration){
			.key = regs[i].key,
			.nexus = regs[i].nexus >= 0 ? (unsigned)regs[i].nexus : CF_NEXUS_MAX,
			.holder = holds,
			.type = holds ? (unsigned)m->disk.pr.type : 0,
		};
	}
}

/* PERSISTENT RESERVE IN: the model's answer as bytes, read again by the script's own parser. */
static void pr_in(struct model *m, const struct cf_command *command, struct cf_answer *answer)
{
	struct qd_key keys[CF_KEYS_MAX];
	struct qd_pr_keys list = {0};
	struct qd_pr_reservation reservation = {0};
	struct qd_pr_capabilities capabilities = {0};
	uint8_t bytes[8 + 8 * CF_KEYS_MAX] = {0};
	enum qd_outcome outcome;
	size_t length = 0;

	if (command->op == CF_OP_READ_RESERVATION) {
		outcome = sim_disk_read_reservation(&m->disk, command->nexus, &reservation);
		length = qd_pr_reservation_encode(&reservation, bytes, sizeof(bytes));
	} else if (command->op == CF_OP_CAPABILITIES) {
		outcome = sim_disk_report_capabilities(&m->disk, command->nexus, &capabilities);
		length = qd_pr_capabilities_encode(&capabilities, bytes, sizeof(bytes));
	} else {
		outcome = sim_disk_read_keys(&m->disk, command->nexus, keys, CF_KEYS_MAX, &list);
		length = qd_pr_keys_encode(list.generation, keys, list.count, bytes, sizeof(bytes));
	}
	set_status(answer, &m->disk.last);
	if (outcome == QD_OUTCOME_GOOD)
		cdb_parse(answer, command->op, bytes, length, NULL);
	if (outcome != QD_OUTCOME_GOOD || command->op != CF_OP_GENERATION)
		return;
	answer->generation = m->generation_known ? list.generation - m->generation : 0;
	m->generation = list.generation;
	m->generation_known = true;
}

static void blocks(struct model *m, const struct cf_command *command, struct cf_answer *answer)
{
	uint8_t sector[SIM_SECTOR_BYTES] = {0};
	uint64_t lba = DATA_LBA + command->lba;

	memset(sector, command->pattern, sizeof(sector));
	if (command->op == CF_OP_READ)
		(void)sim_disk_read(&m->disk, command->nexus, lba, 1, sector);
	else if (command->op == CF_OP_WRITE)
		(void)sim_disk_write(&m->disk, command->nexus, lba, 1, sector);
	else
		(void)sim_disk_write_same(&m->disk, command->nexus, lba, 1, sector);
	set_status(answer, &m->disk.last);
	if (answer->status == CF_GOOD)
		cdb_parse(answer, command->op, sector, sizeof(sector), NULL);
}

static void start_write(struct model *m, const struct cf_command *command)
{
	struct slow_write *w = &m->writes[command->nexus];
	struct cf_answer admission = {0};

	(void)sim_disk_write_check(&m->disk, command->nexus); /* the raw status says more */
	set_status(&admission, &m->disk.last);
	*w = (struct slow_write){.open = true,
				 .lba = DATA_LBA + command->lba,
				 .key = sim_disk_key_of(&m->disk, command->nexus),
				 .status = admission.status,
				 .raw = m->disk.last};
	memset(w->sector, command->pattern, sizeof(w->sector));
}

static void finish_write(struct model *m, unsigned nexus, struct cf_answer *answer)
{
	struct slow_write *w = &m->writes[nexus];

	if (!w->open) {
		answer->status = CF_REFUSED;
		return;
	}
	set_status(answer, &w->raw);
	if (w->aborted)
		answer->status = CF_ABORTED;
	else if (w->status == CF_GOOD)
		sim_disk_write_land(&m->disk, w->lba, w->sector, sizeof(w->sector));
	w->open = false;
}

static void lun_reset(struct model *m)
{
	sim_disk_lun_reset(&m->disk);
	for (size_t i = 0; i < CF_NEXUS_MAX; i++)
		m->writes[i].aborted = true;
}

static void join(struct model *m, unsigned nexus, struct cf_answer *answer)
{
	(void)sim_disk_login(&m->disk, nexus); /* the session's number */
	for (int i = 0; i < UNIT_ATTENTIONS_MAX; i++)
		if (sim_disk_test_unit_ready(&m->disk, nexus) == QD_OUTCOME_GOOD)
			return;
	answer->status = CF_BUSY;
}

/* What happens to a session or to the target; false: the operation is a SCSI command. */
static bool happening(struct model *m, const struct cf_command *command, struct cf_answer *answer)
{
	if (command->op == CF_OP_RESET) {
		sim_disk_init(&m->disk, m->flavour, DATA_LBA);
		memset(m->writes, 0, sizeof(m->writes));
		m->generation_known = false;
	} else if (command->op == CF_OP_LOGIN) {
		(void)sim_disk_login(&m->disk, command->nexus); /* the session's number */
	} else if (command->op == CF_OP_JOIN) {
		join(m, command->nexus, answer);
	} else if (command->op == CF_OP_LOGOUT || command->op == CF_OP_DROP) {
		sim_disk_logout(&m->disk, command->nexus);
	} else if (command->op == CF_OP_RESTART) {
		(void)sim_disk_restart(&m->disk, SIM_RESTART_KEEP, 0); /* always the last state */
	} else if (command->op == CF_OP_LUN_RESET) {
		lun_reset(m);
	} else if (command->op == CF_OP_FINISH) {
		finish_write(m, command->nexus, answer);
	} else {
		return false;
	}
	return true;
}

static void execute(void *self, const struct cf_command *command, struct cf_answer *answer)
{
	struct model *m = self;

	*answer = (struct cf_answer){0};
	if (happening(m, command, answer))
		return;
	if (!m->disk.nexus[command->nexus].open) {
		answer->status = CF_REFUSED;
	} else if (command->op == CF_OP_TUR) {
		(void)sim_disk_test_unit_ready(&m->disk, command->nexus);
		set_status(answer, &m->disk.last);
	} else if (command->op == CF_OP_READ || command->op == CF_OP_WRITE ||
		   command->op == CF_OP_WRITE_SAME) {
		blocks(m, command, answer);
	} else if (command->op == CF_OP_START_WRITE) {
		start_write(m, command);
	} else if (command->op == CF_OP_FULL_STATUS) {
		full_status(m, command->nexus, answer);
	} else if (command->op >= CF_OP_READ_KEYS && command->op <= CF_OP_GENERATION) {
		pr_in(m, command, answer);
	} else if (command->op >= CF_OP_REGISTER && command->op <= CF_OP_REGISTER_IGNORE) {
		pr_out(m, command, answer);
	} else {
		answer->status = CF_UNSUPPORTED;
	}
}

bool cf_model_open(struct cf_executor *executor, enum cf_kind kind, char *why, size_t size)
{
	enum sim_flavour_id flavour = kind == CF_MODEL_LIO   ? SIM_FLAVOUR_LIO
				      : kind == CF_MODEL_TGT ? SIM_FLAVOUR_TGT
							     : SIM_FLAVOUR_SPC;
	struct model *m = calloc(1, sizeof(*m));

	if (m == NULL)
		abort();
	if (size > 0)
		why[0] = '\0'; /* it always opens */
	m->flavour = &sim_flavours[flavour];
	sim_disk_init(&m->disk, m->flavour, DATA_LBA);
	*executor = (struct cf_executor){m, kind, execute, free};
	return true;
}
