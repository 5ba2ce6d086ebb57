/* SPDX-License-Identifier: Apache-2.0 */
/* A small service for the demo and the tests of whole nodes: `service start|stop|monitor`, as a group's script is
 * called. What it does goes as one line each into service.log above the folder that it was called from:
 *     MICROSECONDS-OF-CLOCK_BOOTTIME NODE EPOCH WORD
 * `start` and `started`, `stop` and `stopped`, `monitor` and `monitored` enclose the script's own time; `run`, `tick`
 * and `end` come from the service itself, a process in the background that ticks until SIGTERM. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS = 20,
	STOP_MS = 5000,	 /* longest wait for the service's end; the runner ends it by force much earlier */
	NOT_RUNNING = 7, /* what monitor says then, as OCF agents do */
	FILE_BYTES = 512,
	LINE_BYTES = 160,
};

static char folder[FILE_BYTES - 64];
static int log_fd = -1;

static const char *from_environment(const char *name)
{
	const char *v = secure_getenv(name);
	return v != NULL ? v : "-";
}

static void say(const char *word)
{
	char line[LINE_BYTES];
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	int n = snprintf(line, sizeof line, "%" PRId64 " %s %s %s\n",
			 (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000, from_environment("QUORUMD_NODE"),
			 from_environment("QUORUMD_EPOCH"), word);
	if (n <= 0 || write(log_fd, line, (size_t)n) != n)
		exit(1);
}

static int open_here(const char *name, int flags)
{
	char file[FILE_BYTES];
	(void)snprintf(file, sizeof file, "%s/%s", folder, name);
	return open(file, flags | O_CLOEXEC, 0600);
}

/* The running service, as a descriptor; -1: none. */
static int running(void)
{
	char text[32] = {0};
	int fd = open_here("service.pid", O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;
	return pid > 0 ? pidfd_open((pid_t)pid, 0) : -1;
}

static _Noreturn void serve(int ready_fd)
{
	const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
	sigset_t term;
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	(void)setsid();
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	char text[32];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	int fd = open_here("service.pid", O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0 || n <= 0 || write(fd, text, (size_t)n) != n)
		_exit(1);
	say("run");
	if (write(ready_fd, "1", 1) != 1)
		_exit(1);
	(void)close(ready_fd);
	while (sigtimedwait(&term, NULL, &tick) != SIGTERM)
		say("tick");
	say("end");
	_exit(0);
}

static int start(void)
{
	int ready[2];
	char one;
	if (pipe2(ready, O_CLOEXEC) != 0)
		return 1;
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0)
		serve(ready[1]);
	(void)close(ready[1]);
	return read(ready[0], &one, 1) == 1 ? 0 : 1;
}

static int stop(void)
{
	int fd = running();
	if (fd < 0)
		return 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (pidfd_send_signal(fd, SIGTERM, NULL, 0) != 0 && errno != ESRCH)
		return 1;
	return poll(&p, 1, STOP_MS) == 1 ? 0 : 1;
}

static int monitor(void)
{
	int fd = running();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return fd >= 0 && poll(&p, 1, 0) == 0 ? 0 : NOT_RUNNING;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *word, *done;
		int (*run)(void);
	} actions[] = {
		{"start", "started", start},
		{"stop", "stopped", stop},
		{"monitor", "monitored", monitor},
	};
	const char *slash = strrchr(argv[0], '/');
	if (argc != 2 || slash == NULL) {
		(void)fputs("usage: FOLDER/service start|stop|monitor\n", stderr);
		return 64;
	}
	(void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - argv[0]), argv[0]);
	log_fd = open_here("../service.log", O_WRONLY | O_CREAT | O_APPEND);
	if (log_fd < 0)
		return 1;
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (strcmp(argv[1], actions[i].word) != 0)
			continue;
		say(actions[i].word);
		int status = actions[i].run();
		say(actions[i].done);
		return status;
	}
	return 64;
}
