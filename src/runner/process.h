/* SPDX-License-Identifier: Apache-2.0 */
/* The processes below this one: started in a session of their own with a clean environment, found again wherever they
 * went (this process is their subreaper), and ended as a whole. It knows no group and no lease. */
#ifndef QD_RUNNER_PROCESS_H
#define QD_RUNNER_PROCESS_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CLOCK_BOOTTIME: it goes on while the machine sleeps, as the lease does. */
struct qd_mono qd_process_now(void);

/* Become the subreaper: who loses its parent below us becomes our child. False: the kernel cannot. */
bool qd_process_adopt(void);

struct qd_process_start {
	const char *const *argv;      /* NULL-terminated; argv[0] is the file */
	const char *const *variables; /* NULL-terminated "NAME=value"; nothing else is in the environment */
	int output_fd;		      /* standard output and error of the process; -1: those of this one */
};

/* Start it in a session and a process group of its own, in "/", with standard input from /dev/null, nothing else
 * open and every signal at its default. The id, or -1 (errno). A file that cannot be executed exits with 127. */
pid_t qd_process_spawn(const struct qd_process_start *start);

/* How many processes run below this one, but for `spared` and what is below that (0: nobody). Zombies do not count.
 * -1: that cannot be told. */
int qd_process_count(pid_t spared);

/* SIGKILL to all of them, in rounds because they may fork meanwhile, until none is left or `until` has come. The
 * number that is left; -1: that cannot be told. Exits of children must be collected by the caller afterwards. */
int qd_process_kill_all(pid_t spared, struct qd_mono until);

/* SIGKILL to the session that `leader` was started in by qd_process_spawn(). */
void qd_process_kill_group(pid_t leader);

#endif
