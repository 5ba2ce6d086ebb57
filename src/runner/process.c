/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/process.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TABLE_MAX = 32768, /* processes of the machine that we look at: pid_max of a default kernel */
	STAT_BYTES = 512,  /* of /proc/N/stat; what is needed is in the first 300 */
	KILL_PAUSE_MS = 2, /* between two rounds of killing: exits need a moment */
	VERDICT_UNKNOWN = -1,
};

struct entry {
	pid_t pid;
	pid_t parent;
	unsigned long long start; /* clock ticks since boot: tells a process from a later one with its id */
	bool zombie;
	bool below;
};

/* All processes of the machine; one table, because it is needed while memory is short. */
struct table {
	size_t count;
	struct entry list[TABLE_MAX];
};

static struct table table;

struct qd_mono qd_process_now(void)
{
	struct timespec t = {0};
	int status = clock_gettime(CLOCK_BOOTTIME, &t);
	qd_assert(status == 0);
	return (struct qd_mono){(uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
}

bool qd_process_adopt(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

static _Noreturn void become(const struct qd_process_start *start)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these arguments */
	for (int n = 1; n < NSIG; n++) {
		struct sigaction usual = {.sa_handler = SIG_DFL};
		(void)sigaction(n, &usual, NULL); /* SIGKILL, SIGSTOP and the C library's own cannot be set */
	}
	int null = open("/dev/null", O_RDWR);
	int out = start->output_fd >= 0 ? start->output_fd : STDERR_FILENO;
	if (setsid() < 0 || chdir("/") != 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 ||
	    syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
		_exit(126);
	/* execve() takes the pointers as they are; it changes nothing behind them (POSIX, rationale of exec). */
	union {
		/* cppcheck-suppress unusedStructMember */
		const char *const *given;
		char *const *wanted;
	} argv = {.given = start->argv}, variables = {.given = start->variables};
	(void)execve(start->argv[0], argv.wanted, variables.wanted);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", start->argv[0], strerrordesc_np(errno));
	_exit(127);
}

pid_t qd_process_spawn(const struct qd_process_start *start)
{
	pid_t pid = fork();
	if (pid == 0)
		become(start);
	return pid;
}

/* "pid (name with blanks and parentheses) S ppid ..." (proc(5)); fields are counted from the last ')'. */
static bool parse_stat(const char *text, struct entry *e)
{
	const char *p = strrchr(text, ')');
	if (p == NULL || p[1] != ' ' || p[2] == '\0')
		return false;
	e->zombie = p[2] == 'Z' || p[2] == 'X';
	p += 3;
	char *end = NULL;
	e->parent = (pid_t)strtol(p, &end, 10);
	/* Field 22, starttime; 4 was the parent. */
	for (int field = 4; field < 22 && end != NULL && *end == ' '; field++) {
		p = end + 1;
		e->start = strtoull(p, &end, 10);
	}
	return end != NULL && end != p;
}

static bool read_stat(pid_t pid, struct entry *e)
{
	char name[32];
	char text[STAT_BYTES];
	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	(void)close(fd); /* read-only: nothing can be lost */
	if (n <= 0)
		return false;
	text[n] = '\0';
	*e = (struct entry){.pid = pid};
	return parse_stat(text, e);
}

static bool read_table(void)
{
	DIR *dir = opendir("/proc");
	table.count = 0;
	if (dir == NULL)
		return false;
	bool complete = true;
	for (;;) {
		errno = 0;
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and this stream is nobody else's */
		const struct dirent *d = readdir(dir);
		if (d == NULL) {
			complete = complete && errno == 0;
			break;
		}
		char *end = NULL;
		long pid = strtol(d->d_name, &end, 10);
		struct entry e;
		if (pid <= 0 || *end != '\0' || !read_stat((pid_t)pid, &e))
			continue; /* not a process, or gone meanwhile */
		complete = complete && table.count < TABLE_MAX;
		if (table.count < TABLE_MAX)
			table.list[table.count++] = e;
	}
	(void)closedir(dir); /* read-only: nothing can be lost */
	return complete;
}

static bool parent_is_below(pid_t parent)
{
	for (size_t i = 0; i < table.count; i++) {
		if (table.list[i].pid == parent)
			return table.list[i].below;
	}
	return false;
}

/* Mark who is below this process, but for `spared` and its own. The number of those that live. */
static int mark_below(pid_t spared)
{
	pid_t self = getpid();
	int count = 0;
	bool changed = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < table.count; i++) {
			struct entry *e = &table.list[i];
			if (e->below || e->pid == spared ||
			    (e->parent != self && !parent_is_below(e->parent)))
				continue;
			e->below = true;
			changed = true;
			count += e->zombie ? 0 : 1;
		}
	}
	return count;
}

int qd_process_count(pid_t spared)
{
	return read_table() ? mark_below(spared) : VERDICT_UNKNOWN;
}

/* The id may have gone to somebody else since the table was read: hold the process, look again, then signal. */
static void kill_one(const struct entry *e)
{
	struct entry now;
	int fd = (int)syscall(SYS_pidfd_open, e->pid, 0u);
	if (fd < 0)
		return; /* it is gone */
	if (read_stat(e->pid, &now) && now.start == e->start)
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0u); /* fails only if it is gone */
	(void)close(fd);						     /* nothing to lose */
}

int qd_process_kill_all(pid_t spared, struct qd_mono until)
{
	for (;;) {
		int count = qd_process_count(spared);
		if (count == 0)
			return 0;
		for (size_t i = 0; i < table.count; i++) {
			if (table.list[i].below && !table.list[i].zombie)
				kill_one(&table.list[i]);
		}
		if (qd_mono_reached(qd_process_now(), until))
			return qd_process_count(spared);
		(void)poll(NULL, 0, KILL_PAUSE_MS); /* a pause; a signal may end it early */
	}
}

void qd_process_kill_group(pid_t leader)
{
	qd_assert(leader > 1);
	(void)kill(-leader, SIGKILL); /* fails when all of it is gone, which is what is wanted */
}
