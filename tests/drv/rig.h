/* SPDX-License-Identifier: Apache-2.0 */
/* A real target for driver tests: its own tgtd on loopback with its own ports, targets with file-backed LUNs, and the
 * frame of a test program. Waiting is always polling with a deadline. */
#ifndef QD_TESTS_DRV_RIG_H
#define QD_TESTS_DRV_RIG_H

#include "base/time.h"
#include "drv/disk_tool.h"
#include "drv/iscsi_target.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	RIG_LIMIT_MS = 20000, /* longest wait for anything: the machines are slow and shared */
	RIG_SECTORS_MIB = 16,
	RIG_IQN_MAX = 64,
};

/* ---- frame: every program ends with "NAME: N passed, N failed, N skipped" */
typedef void rig_test_fn(void);
struct rig_test {
	const char *sentence;
	rig_test_fn *run;
};

bool rig_check(bool good, const char *file, int line, const char *what);
#define CHECK(cond) rig_check((cond), __FILE__, __LINE__, #cond)
/* The same, and the test goes no further. */
#define NEED(cond)                                                                                           \
	do {                                                                                                 \
		if (!rig_check((cond), __FILE__, __LINE__, #cond))                                           \
			return;                                                                              \
	} while (0)
void rig_skip(const char *reason);
/* Run the tests (all, or those whose sentence contains argv[1]) with a target; exit status for main(). */
int rig_main(const char *name, const struct rig_test *tests, size_t count, int argc, char **argv);

/* ---- the target */
struct rig_lun {
	uint32_t block_bytes; /* 0: 512 */
	bool read_only;
	const char *user, *secret;		 /* CHAP, NULL: none */
	const char *target_user, *target_secret; /* mutual CHAP */
	const char *header_digest;		 /* tgt's value for HeaderDigest, NULL: its default */
};

struct rig {
	pid_t pid; /* of tgtd */
	int control;
	uint16_t port;
	int tid;
	char dir[64];
};

extern struct rig rig; /* the one of this program; started by rig_main() */

void rig_start(void);
void rig_kill(void);	/* SIGKILL, reaped */
void rig_restart(void); /* after rig_kill(): the same port; targets are gone */
void rig_pause(void);	/* SIGSTOP */
void rig_continue(void);

/* A fresh target with one LUN (number 1) of RIG_SECTORS_MIB; *out reaches it as `initiator`. */
void rig_target(const struct rig_lun *lun, const char *initiator, struct qd_iscsi_target *out);
/* The same target once more after rig_restart(), over the same file. */
void rig_target_again(const struct qd_iscsi_target *t);
/* The file behind a target. */
void rig_file(const struct qd_iscsi_target *t, char *to, size_t cap);
/* Write superblock of `cluster` to both copies, and nothing else. */
void rig_format(const struct qd_iscsi_target *t, const char *cluster, uint32_t sector_bytes);

/* A TCP port of loopback that nobody listens at (just now). */
uint16_t rig_free_port(void);

/* Deadline that many ms from now; reached? */
struct qd_mono rig_deadline(int64_t ms);
bool rig_over(struct qd_mono deadline);
/* One short pause between two looks at something that only another process changes. */
void rig_pause_between_looks(void);

/* Start a program; its output goes to `log` (NULL: nowhere). Ends with the test program. */
pid_t rig_spawn(const char *const argv[], const char *log);
int rig_run(const char *const argv[]); /* and wait; its exit status */

#endif
