/* SPDX-License-Identifier: Apache-2.0 */
/* Real directories for tests of what a node keeps, and its jobs waited for. The calls that make files durable are the
 * test's own, so that they can be told to fail or to wait: include it in one file of a program only. */
#ifndef QD_TESTS_DRV_KEPTS_H
#define QD_TESTS_DRV_KEPTS_H

#include "unit/unit.h"

#include "quorumd/shell_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { WAIT_MS = 20000 };

static char top[64];
static char dir[128];
static char why[QD_KEPT_WHY_MAX];
static const char BODY[] = "cluster: demo\nnodes: {a: 1}\n";

/* ------------------------------------------------ durable, or not */

static atomic_int sync_skip;	 /* so many calls go well first */
static atomic_int sync_failures; /* of the next ones so many fail */
static atomic_int sync_calls;
static atomic_int gate = -1; /* a pipe: every call waits for a byte of it */

static inline int one_sync(long number, int fd)
{
	char c = 0;
	int from = atomic_load(&gate);
	(void)atomic_fetch_add(&sync_calls, 1);
	if (from >= 0 && read(from, &c, 1) != 1)
		abort();
	if (atomic_load(&sync_skip) > 0) {
		(void)atomic_fetch_sub(&sync_skip, 1);
	} else if (atomic_load(&sync_failures) > 0) {
		(void)atomic_fetch_sub(&sync_failures, 1);
		errno = EIO;
		return -1;
	}
	return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
	return one_sync(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return one_sync(SYS_fsync, fd);
}

/* ------------------------------------------------ helpers */

static inline bool run_shell(const char *script, const char *a, const char *b)
{
	char command[1536];
	(void)snprintf(command, sizeof command, "set -e; A='%s'; B='%s'; %s", a, b, script);
	pid_t child = fork();
	if (child == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static inline void shell(const char *script, const char *a, const char *b)
{
	UNIT_OK(run_shell(script, a, b));
}

static inline void fresh_dir(const char *name)
{
	(void)snprintf(dir, sizeof dir, "%s/%s", top, name);
	shell("rm -rf \"$A\"", dir, "");
}

static inline struct qd_head head_of(uint64_t version)
{
	return (struct qd_head){.tag = {0, version}, .votes = {.nodes = 1, .weight = {1}}};
}

/* As they would be written: what lies between fields is nobody's. */
static inline bool same_kept(const struct qd_kept *a, const struct qd_kept *b)
{
	struct qd_kept_slot slot = {.sequence = 1, .origin = {.node_id = 1}};
	uint8_t x[QD_KEPT_SLOT_BYTES], y[QD_KEPT_SLOT_BYTES];
	slot.kept = *a;
	qd_kept_encode(&slot, x);
	slot.kept = *b;
	qd_kept_encode(&slot, y);
	return memcmp(x, y, sizeof x) == 0;
}

static struct qd_head first;

static inline struct qd_kept_options options(void)
{
	struct qd_kept_options o = {
		.state_dir = dir,
		.node_id = 3,
		.machine_id = {1, 2},
		.cluster_id = {7},
		.first = &first,
		.first_body = BODY,
		.first_body_bytes = strlen(BODY),
	};
	first = head_of(1);
	return o;
}

static inline struct qd_kept_store *open_store(struct qd_kept *kept, enum qd_kept_found wanted)
{
	const struct qd_kept_options o = options();
	struct qd_kept_store *s = NULL;
	enum qd_kept_found found;
	int rc = qd_kept_open(&o, &s, kept, &found, why);
	if (!UNIT_EQUAL(-rc, 0))
		(void)printf("%s\n", why);
	UNIT_EQUAL(found, wanted);
	UNIT_EQUAL(why[0] == '\0', wanted == QD_KEPT_FOUND_OWN);
	return s;
}

static inline int open_fails(const struct qd_kept_options *o)
{
	struct qd_kept_store *s = NULL;
	struct qd_kept kept;
	enum qd_kept_found found;
	int rc = qd_kept_open(o, &s, &kept, &found, why);
	UNIT_OK(s == NULL);
	qd_kept_close(s);
	return -rc;
}

static inline bool says(const char *text)
{
	if (strstr(why, text) != NULL)
		return true;
	(void)printf("expected: %s\nfound:    %s\n", text, why);
	return false;
}

/* One job, waited for. */
static inline bool keep(struct qd_kept_store *s, const struct qd_kept *kept, const char *body)
{
	static uint64_t turn;
	uint64_t answered = 0;
	bool ok = false;
	struct pollfd p = {.fd = qd_kept_fd(s), .events = POLLIN};
	qd_kept_write_async(s, ++turn, kept, body, body != NULL ? strlen(body) : 0);
	UNIT_OK(!qd_kept_idle(s));
	while (!qd_kept_done(s, &answered, &ok, why))
		if (!UNIT_EQUAL(poll(&p, 1, WAIT_MS), 1))
			return false;
	UNIT_EQUAL(answered, turn);
	UNIT_OK(qd_kept_idle(s));
	return ok;
}

static inline const struct qd_body_result *body_job(struct qd_kept_store *s, const struct qd_body_job *job)
{
	const struct qd_body_result *r = NULL;
	struct pollfd p = {.fd = qd_kept_fd(s), .events = POLLIN};
	qd_kept_body_async(s, job);
	while ((r = qd_kept_body_done(s)) == NULL)
		if (!UNIT_EQUAL(poll(&p, 1, WAIT_MS), 1))
			abort();
	UNIT_EQUAL(r->turn, job->turn);
	return r;
}

static inline void slot_name(char to[256], int slot)
{
	(void)snprintf(to, 256, "%s/kept.%d", dir, slot);
}

static inline void put_bytes(int slot, const uint8_t *bytes, size_t len, off_t at)
{
	char name[256];
	slot_name(name, slot);
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	UNIT_EQUAL(pwrite(fd, bytes, len, at), (ssize_t)len);
	(void)close(fd);
}

static inline void get_bytes(int slot, uint8_t bytes[QD_KEPT_SLOT_BYTES])
{
	char name[256];
	slot_name(name, slot);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	UNIT_EQUAL(pread(fd, bytes, QD_KEPT_SLOT_BYTES, 0), QD_KEPT_SLOT_BYTES);
	(void)close(fd);
}

static inline void body_name(const char *text, char to[512])
{
	uint8_t digest[QD_DIGEST_BYTES];
	size_t at = (size_t)snprintf(to, 512, "%s/config/", dir);
	qd_body_digest(text, strlen(text), digest);
	for (size_t i = 0; i < sizeof digest; i++)
		at += (size_t)snprintf(to + at, 512 - at, "%02x", digest[i]);
	(void)snprintf(to + at, 512 - at, ".yaml");
}

static inline bool there(const char *name)
{
	return access(name, F_OK) == 0;
}

/* main() of a program: a directory of its own, the tests, and away with it. */
static inline int kepts_main(const char *name, const struct unit_test *tests, size_t count)
{
	const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): before any thread */
	(void)snprintf(top, sizeof top, "%.40s/qd-kept.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(top) == NULL)
		return EXIT_FAILURE;
	int status = unit_run(name, tests, count);
	(void)run_shell("rm -rf \"$A\"", top, ""); /* what stays lies in the folder for such things */
	return status;
}

#endif
