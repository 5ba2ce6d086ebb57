/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/paths.h"

#include "drv/paths_ops.h"
#include "drv/paths_slots.h"
#include "drv/pr_iscsi.h"
#include "quorumd/errors.h"

#include <stdlib.h>
#include <string.h>

struct qd_paths {
	uint32_t count;
	uint32_t turn; /* path to look at first: none is served at the cost of the others */
	struct qd_disk_expected expected;
	struct qd_path_driver paths[QD_PATHS_MAX];
	struct qd_config_work config_work;
	/* what an answer points to */
	struct qd_key keys[QD_PR_KEYS_MAX];
	struct qd_owner_record records[QD_NODE_ID_MAX];
	struct qd_head head;
};

/* ------------------------------------------------ what the session tells */

static void finish(struct qd_slot *slot)
{
	struct qd_path_driver *path = slot->path;
	slot->next = NULL;
	if (path->done_last != NULL)
		path->done_last->next = slot;
	else
		path->done_first = slot;
	path->done_last = slot;
}

static void on_command(struct qd_scsi_command *command)
{
	struct qd_slot *slot = command->context;
	qd_assert(slot->busy);
	if (qd_slot_advance(slot))
		finish(slot);
}

static void on_login(void *context, bool ok)
{
	struct qd_path_driver *path = context;
	for (size_t i = 0; i < QD_PATHS_OPS_MAX; i++) {
		struct qd_slot *slot = &path->slots[i];
		if (!slot->busy || slot->op.kind != QD_OP_LOGIN)
			continue;
		slot->outcome = ok ? QD_OUTCOME_GOOD : QD_OUTCOME_ERROR;
		finish(slot);
		return;
	}
	QD_UNREACHABLE("a log-in that nobody asked for");
}

/* Operations whose command was under way get no answer; answers that are there stay. */
static void on_lost(void *context)
{
	struct qd_path_driver *path = context;
	path->lost = true;
	path->disk_known = false;
}

static void forget(struct qd_path_driver *path)
{
	for (size_t i = 0; i < QD_PATHS_OPS_MAX; i++) {
		qd_config_work_release(path->config_work, &path->slots[i]);
		path->slots[i].busy = false;
	}
	path->done_first = NULL;
	path->done_last = NULL;
	path->records_busy = false;
}

/* ------------------------------------------------ what the core asks for */

static struct qd_slot *slot_take(struct qd_path_driver *path, const struct qd_op *op)
{
	for (size_t i = 0; i < QD_PATHS_OPS_MAX; i++) {
		struct qd_slot *slot = &path->slots[i];
		if (slot->busy)
			continue;
		slot->busy = true;
		slot->op = *op;
		slot->outcome = QD_OUTCOME_UNKNOWN;
		slot->disk = QD_DISK_OK;
		slot->command.done = on_command;
		slot->command.context = slot;
		slot->command.data = NULL;
		return slot;
	}
	return NULL;
}

void qd_paths_submit(struct qd_paths *p, const struct qd_op *op)
{
	qd_assert(op->path < p->count && op->kind > QD_OP_NONE && op->kind < QD_OP_KIND_COUNT);
	struct qd_path_driver *path = &p->paths[op->path];
	if (path->lost)
		return; /* its QD_EVENT_SESSION_LOST answers this one, too */
	struct qd_slot *slot = slot_take(path, op);
	qd_assert(slot != NULL); /* the core never has more under way on a path */
	if (op->kind == QD_OP_LOGIN) {
		if (path->session.state == QD_SESSION_DOWN && qd_session_open(&path->session))
			return;
		slot->outcome = QD_OUTCOME_ERROR;
		finish(slot);
		return;
	}
	if (!qd_slot_begin(slot))
		finish(slot);
}

void qd_paths_teardown(struct qd_paths *p, uint32_t path)
{
	qd_assert(path < p->count);
	struct qd_path_driver *d = &p->paths[path];
	qd_session_close(&d->session);
	forget(d);
	on_lost(d);
}

void qd_paths_flush(struct qd_paths *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		qd_session_flush(&p->paths[i].session);
}

/* ------------------------------------------------ answers */

static void answer_keys(struct qd_paths *p, const struct qd_slot *slot, struct qd_answer *answer)
{
	struct qd_pr_keys keys;
	answer->outcome = qd_pr_iscsi_keys(&slot->command, p->keys, QD_PR_KEYS_MAX, &keys);
	if (answer->outcome != QD_OUTCOME_GOOD)
		return;
	answer->u.keys.generation = keys.generation;
	answer->u.keys.count = keys.count;
	answer->u.keys.keys = p->keys;
}

static void answer_records(struct qd_paths *p, const struct qd_slot *slot, struct qd_answer *answer)
{
	const struct qd_path_driver *path = slot->path;
	const size_t sector = path->capacity.sector_bytes;
	for (uint32_t i = 0; i < path->record_count; i++) {
		const uint8_t *even = path->records + (size_t)i * QD_QDISK_COPIES * sector;
		qd_owner_record_pick(even, even + sector, (uint32_t)sector, i + 1, path->superblock.disk_uuid,
				     &p->records[i]);
	}
	answer->u.records.count = path->record_count;
	answer->u.records.records = p->records;
}

static void answer_slots(struct qd_paths *p, struct qd_answer *answer)
{
	if (qd_config_work_found(&p->config_work, &p->head))
		answer->u.slot = &p->head;
	else
		answer->outcome = QD_OUTCOME_ERROR;
}

static void answer_of(struct qd_paths *p, const struct qd_slot *slot, struct qd_answer *answer)
{
	*answer = (struct qd_answer){.id = slot->op.id, .outcome = slot->outcome};
	if (slot->outcome != QD_OUTCOME_GOOD)
		return;
	switch (slot->op.kind) {
	case QD_OP_READ_SUPERBLOCK:
		answer->u.disk = slot->disk;
		break;
	case QD_OP_REPORT_CAPABILITIES:
		answer->outcome = qd_pr_iscsi_capabilities(&slot->command, &answer->u.capabilities);
		break;
	case QD_OP_READ_KEYS:
		answer_keys(p, slot, answer);
		break;
	case QD_OP_READ_RESERVATION:
		answer->outcome = qd_pr_iscsi_reservation(&slot->command, &answer->u.reservation);
		break;
	case QD_OP_READ_RECORDS:
		answer_records(p, slot, answer);
		break;
	case QD_OP_READ_SLOTS:
		answer_slots(p, answer);
		break;
	case QD_OP_NONE:
	case QD_OP_LOGIN:
	case QD_OP_WRITE_RECORD:
	case QD_OP_WRITE_SLOTS:
	case QD_OP_PR_OUT:
	case QD_OP_KIND_COUNT:
		break;
	}
}

static bool next_of(struct qd_paths *p, uint32_t number, struct qd_event *ev)
{
	struct qd_path_driver *path = &p->paths[number];
	struct qd_slot *slot = path->done_first;
	if (slot != NULL) {
		path->done_first = slot->next;
		if (path->done_first == NULL)
			path->done_last = NULL;
		ev->kind = QD_EVENT_DONE;
		answer_of(p, slot, &ev->u.answer); /* copies or decodes: the slot is free again */
		if (slot->op.kind == QD_OP_READ_RECORDS && slot->command.data == path->records)
			path->records_busy = false;
		qd_config_work_release(path->config_work, slot);
		slot->busy = false;
		return true;
	}
	if (!path->lost)
		return false;
	path->lost = false;
	forget(path);
	ev->kind = QD_EVENT_SESSION_LOST;
	ev->u.path = number;
	return true;
}

bool qd_paths_next(struct qd_paths *p, struct qd_event *ev)
{
	qd_assert(p->count > 0);
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t number = (p->turn + i) % p->count;
		if (!next_of(p, number, ev))
			continue;
		p->turn = number; /* a path's answers stay together: a round is judged in one go */
		return true;
	}
	p->turn = (p->turn + 1) % p->count;
	return false;
}

/* ------------------------------------------------ opening and closing */

int qd_paths_open(const struct qd_paths_config *config, struct qd_paths **out)
{
	qd_assert(config->count >= 1 && config->count <= QD_PATHS_MAX);
	qd_assert(config->record_count >= 1 && config->record_count <= QD_NODE_ID_MAX);
	*out = NULL;
	struct qd_paths *p = calloc(1, sizeof *p);
	if (p == NULL)
		return -QD_ERR_NOMEM;
	p->count = config->count;
	p->expected = (struct qd_disk_expected){.cluster_tag = config->cluster_tag, .check_tag = true};
	memcpy(p->expected.cluster, config->cluster, sizeof p->expected.cluster);
	int rc = qd_config_work_open(&p->config_work, config);
	for (uint32_t i = 0; i < p->count && rc == 0; i++) {
		struct qd_path_driver *path = &p->paths[i];
		path->target = config->targets[i];
		path->session = (struct qd_session){
			.loop = config->loop,
			.target = &path->target,
			.on_login = on_login,
			.on_lost = on_lost,
			.context = path,
		};
		path->expected = &p->expected;
		path->config_work = &p->config_work;
		path->record_count = config->record_count;
		path->records = calloc(config->record_count, (size_t)QD_QDISK_COPIES * QD_QDISK_SECTOR_MAX);
		if (path->records == NULL)
			rc = -QD_ERR_NOMEM;
		for (size_t k = 0; k < QD_PATHS_OPS_MAX; k++)
			path->slots[k].path = path;
	}
	if (rc != 0) {
		qd_paths_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

void qd_paths_close(struct qd_paths *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; i < p->count; i++) {
		qd_session_close(&p->paths[i].session);
		free(p->paths[i].records);
		explicit_bzero(&p->paths[i].target, sizeof p->paths[i].target);
	}
	qd_config_work_close(&p->config_work);
	free(p);
}

const char *qd_paths_why(const struct qd_paths *p, uint32_t path)
{
	qd_assert(path < p->count);
	return qd_session_why(&p->paths[path].session);
}

const char *qd_paths_slots_why(const struct qd_paths *p)
{
	return p->config_work.why;
}

struct qd_session *qd_paths_session(struct qd_paths *p, uint32_t path)
{
	qd_assert(path < p->count);
	return &p->paths[path].session;
}

bool qd_paths_disk(const struct qd_paths *p, uint32_t path, struct qd_superblock *superblock,
		   struct qd_disk_capacity *capacity)
{
	qd_assert(path < p->count);
	const struct qd_path_driver *d = &p->paths[path];
	if (!d->disk_known)
		return false;
	*superblock = d->superblock;
	*capacity = d->capacity;
	return true;
}
