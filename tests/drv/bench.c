/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/bench.h"

#include <stdlib.h>
#include <string.h>

static bool store(void *context, const uint8_t digest[QD_DIGEST_BYTES], const uint8_t *text, size_t len_bytes)
{
	struct bench *b = context;
	b->texts++;
	if (b->text_refused)
		return false;
	memcpy(b->digest, digest, QD_DIGEST_BYTES);
	memcpy(b->text, text, len_bytes);
	b->text_bytes = len_bytes;
	return true;
}

static bool load(void *context, const uint8_t digest[QD_DIGEST_BYTES], uint8_t *text, size_t *len_bytes)
{
	const struct bench *b = context;
	if (b->text_refused || memcmp(digest, b->digest, QD_DIGEST_BYTES) != 0)
		return false;
	memcpy(text, b->text, b->text_bytes < QD_QDISK_TEXT_MAX ? b->text_bytes : QD_QDISK_TEXT_MAX);
	*len_bytes = b->text_bytes;
	return true;
}

void bench_open(struct bench *b, const struct qd_iscsi_target *targets, uint32_t count)
{
	*b = (struct bench){0};
	if (qd_loop_open(&b->loop) != 0)
		abort();
	struct qd_paths_config c = {
		.loop = &b->loop,
		.count = count,
		.targets = targets,
		.record_count = BENCH_CLUSTER_NODES,
		.cluster = "bench",
		.cluster_tag = qd_cluster_tag("bench"),
		.store = store,
		.load = load,
		.text_context = b,
	};
	if (qd_paths_open(&c, &b->paths) != 0)
		abort();
}

void bench_close(struct bench *b)
{
	qd_paths_close(b->paths);
	qd_loop_close(&b->loop);
}

static uint64_t submit(struct bench *b, struct qd_op *op)
{
	op->id.value = ++b->next_id;
	qd_paths_submit(b->paths, op);
	return op->id.value;
}

uint64_t bench_submit(struct bench *b, uint32_t path, enum qd_op_kind kind)
{
	return submit(b, &(struct qd_op){.kind = kind, .path = path});
}

uint64_t bench_pr(struct bench *b, uint32_t path, enum qd_pr_out action, uint64_t key, uint64_t sa_key)
{
	struct qd_op op = {.kind = QD_OP_PR_OUT, .path = path};
	op.u.pr = (struct qd_pr_out_args){
		.action = action, .type = QD_PR_TYPE_WRITE_EXCLUSIVE, .key = {key}, .sa_key = {sa_key}};
	return submit(b, &op);
}

uint64_t bench_write(struct bench *b, uint32_t path, const struct qd_owner_record *record)
{
	struct qd_op op = {.kind = QD_OP_WRITE_RECORD, .path = path};
	op.u.record = *record;
	return submit(b, &op);
}

uint64_t bench_write_slots(struct bench *b, uint32_t path, const struct qd_head *head)
{
	struct qd_op op = {.kind = QD_OP_WRITE_SLOTS, .path = path};
	op.u.head = *head;
	return submit(b, &op);
}

bool bench_next(struct bench *b, int64_t ms)
{
	const struct qd_mono deadline = rig_deadline(ms);
	for (;;) {
		qd_paths_flush(b->paths);
		b->last = (struct qd_event){0};
		if (qd_paths_next(b->paths, &b->last)) {
			b->answers += b->last.kind == QD_EVENT_DONE;
			b->losses += b->last.kind == QD_EVENT_SESSION_LOST;
			return true;
		}
		if (rig_over(deadline))
			return false;
		if (qd_loop_arm(&b->loop, deadline) != 0 || qd_loop_turn(&b->loop) != 0)
			abort();
	}
}

enum qd_outcome bench_answer(struct bench *b, uint64_t id)
{
	if (!bench_next(b, RIG_LIMIT_MS) || b->last.kind != QD_EVENT_DONE || b->last.u.answer.id.value != id)
		return QD_OUTCOME_UNKNOWN;
	return b->last.u.answer.outcome;
}

enum qd_outcome bench_do(struct bench *b, uint32_t path, enum qd_op_kind kind)
{
	enum qd_outcome o = QD_OUTCOME_UNKNOWN;
	for (int i = 0; i < 8; i++) {
		o = bench_answer(b, bench_submit(b, path, kind));
		if (!qd_outcome_is_unit_attention(o))
			break;
	}
	return o;
}

enum qd_disk_verdict bench_login(struct bench *b, uint32_t path)
{
	if (bench_do(b, path, QD_OP_LOGIN) != QD_OUTCOME_GOOD ||
	    bench_do(b, path, QD_OP_READ_SUPERBLOCK) != QD_OUTCOME_GOOD)
		return QD_DISK_VERDICT_COUNT;
	return b->last.u.answer.u.disk;
}
