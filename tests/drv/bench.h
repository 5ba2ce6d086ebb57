/* SPDX-License-Identifier: Apache-2.0 */
/* The path drivers alone, without a core: submit operations, look at what comes back. */
#ifndef QD_TESTS_DRV_BENCH_H
#define QD_TESTS_DRV_BENCH_H

#include "drv/loop.h"
#include "drv/paths.h"
#include "drv/rig.h"

enum {
	BENCH_CLUSTER_NODES = 2,
};

struct bench {
	struct qd_loop loop;
	struct qd_paths *paths;
	uint64_t next_id;
	uint64_t answers; /* ever */
	uint64_t losses;
	struct qd_event last; /* what its answer points to stays valid until the next event */
	/* the node's store of texts: one */
	uint8_t digest[QD_DIGEST_BYTES];
	uint8_t text[QD_QDISK_TEXT_MAX + 1];
	size_t text_bytes;
	bool text_refused; /* both ways */
	uint64_t texts;	   /* that were handed over, ever */
};

void bench_open(struct bench *b, const struct qd_iscsi_target *targets, uint32_t count);
void bench_close(struct bench *b);

uint64_t bench_submit(struct bench *b, uint32_t path, enum qd_op_kind kind);
uint64_t bench_pr(struct bench *b, uint32_t path, enum qd_pr_out action, uint64_t key, uint64_t sa_key);
uint64_t bench_write(struct bench *b, uint32_t path, const struct qd_owner_record *record);
uint64_t bench_write_slots(struct bench *b, uint32_t path, const struct qd_head *head);

/* Flush, and run the loop until the next event is in b->last. False: none came in `ms`. */
bool bench_next(struct bench *b, int64_t ms);
/* The same, and it is the answer to `id`. UNKNOWN: it is not, or nothing came. */
enum qd_outcome bench_answer(struct bench *b, uint64_t id);
/* Submit and await. Unit attentions are taken. */
enum qd_outcome bench_do(struct bench *b, uint32_t path, enum qd_op_kind kind);
/* LOGIN, READ_SUPERBLOCK (through unit attentions): the verdict. QD_DISK_VERDICT_COUNT: it did not come to that. */
enum qd_disk_verdict bench_login(struct bench *b, uint32_t path);

#endif
