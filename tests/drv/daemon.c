/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/daemon.h"

#include "drv/loop.h"
#include "quorumd/control_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

bool daemon_program(const char *name, char *to, size_t cap)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	const char *build = getenv("QD_BUILD");
	char self[256];
	if (build != NULL) {
		(void)snprintf(to, cap, "%s/%s", build, name);
		return access(to, X_OK) == 0;
	}
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return false;
	self[n] = '\0';
	for (int up = 0; up < 3; up++) { /* BUILD/tests/drv/t_x */
		char *slash = strrchr(self, '/');
		if (slash == NULL)
			return false;
		*slash = '\0';
	}
	(void)snprintf(to, cap, "%s/%s", self, name);
	return access(to, X_OK) == 0;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0) {
		printf("rig: %s: %s\n", name, strerrordesc_np(errno));
		exit(1);
	}
	(void)close(fd);
}

void daemon_make(struct daemon_node *d, uint32_t id, const struct qd_iscsi_target *t, int64_t renew_ms,
		 const char *extra)
{
	static unsigned made;
	char name[160], text[2048];
	*d = (struct daemon_node){.id = id};
	(void)snprintf(d->dir, sizeof d->dir, "%s/node%u.%u", rig.dir, id, made++);
	if (mkdir(d->dir, 0700) != 0)
		exit(1);
	(void)snprintf(text, sizeof text,
		       "#!/bin/sh\n"
		       "echo \"$1\" >>%s/calls\n"
		       "case $1 in\n"
		       "start) : >%s/up ;;\n"
		       "stop) rm -f %s/up ;;\n"
		       "monitor) [ -e %s/up ] || exit 7 ;;\n"
		       "esac\n",
		       d->dir, d->dir, d->dir, d->dir);
	(void)snprintf(name, sizeof name, "%s/service", d->dir);
	write_file(name, text, 0700);
	(void)snprintf(text, sizeof text,
		       "cluster: pair\n"
		       "node: %u\n"
		       "nodes: {alpha: 1, beta: 2}\n"
		       "quorum_disk:\n"
		       "  header_digest: none\n"
		       "  paths:\n"
		       "    - iscsi://%s/%s/%u\n"
		       "times: {renew: %lldms}\n"
		       "group: {name: service, script: %s/service, monitor_interval: 2s}\n"
		       "state_dir: %s/state\n"
		       "run_dir: %s/run\n"
		       "test: {machine_id: %032u, boot_id: %032u, stamp_interval: 5ms}\n"
		       "%s",
		       id, t->address, t->target, t->lun, (long long)renew_ms, d->dir, d->dir, d->dir, id,
		       id + 16, extra);
	(void)snprintf(name, sizeof name, "%s/quorumd.yaml", d->dir);
	write_file(name, text, 0600);
}

void daemon_start(struct daemon_node *d)
{
	char program[256], conf[160], log[160];
	if (!daemon_program("quorumd", program, sizeof program))
		exit(1);
	(void)snprintf(conf, sizeof conf, "%s/quorumd.yaml", d->dir);
	(void)snprintf(log, sizeof log, "%s/log", d->dir);
	const char *const argv[] = {program, "--config", conf, NULL};
	d->pid = rig_spawn(argv, log);
}

int daemon_end(struct daemon_node *d, int signal_number)
{
	int status = -1;
	const struct qd_mono deadline = rig_deadline(RIG_LIMIT_MS);
	(void)kill(d->pid, signal_number);
	while (waitpid(d->pid, &status, WNOHANG) != d->pid) {
		if (rig_over(deadline)) {
			(void)kill(d->pid, SIGKILL);
			(void)waitpid(d->pid, NULL, 0);
			status = -1;
			break;
		}
		rig_pause_between_looks();
	}
	d->pid = 0;
	return status;
}

/* ------------------------------------------------ control socket */

static int ask(const struct daemon_node *d, const struct qd_control_request *request)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	uint8_t packet[256];
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/run/control.sock", d->dir);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	size_t len = qd_control_request_encode(request, packet, sizeof packet);
	if (fd >= 0 && (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
			send(fd, packet, len, MSG_NOSIGNAL) != (ssize_t)len)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool hear(int fd, int64_t ms, struct qd_control_answer *answer)
{
	static uint8_t packet[QD_CONTROL_PACKET_MAX];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool ok = poll(&p, 1, (int)ms) == 1;
	ssize_t n = ok ? recv(fd, packet, sizeof packet, 0) : -1;
	(void)close(fd);
	return n > 0 && qd_control_answer_decode(packet, (size_t)n, answer);
}

bool daemon_status(struct daemon_node *d)
{
	static struct qd_control_answer answer;
	int fd = ask(d, &(struct qd_control_request){.ask = QD_ASK_STATUS, .id = 1});
	if (fd < 0 || !hear(fd, 500, &answer) || answer.tell != QD_TELL_SNAPSHOT)
		return false;
	d->last = answer.u.snapshot;
	return true;
}

bool daemon_handover(struct daemon_node *d, uint32_t to, enum qd_reply *reply)
{
	static struct qd_control_answer answer;
	int fd = ask(d, &(struct qd_control_request){.ask = QD_ASK_HANDOVER, .id = 2, .to = to});
	if (fd < 0 || !hear(fd, RIG_LIMIT_MS, &answer) || answer.tell != QD_TELL_REPLY)
		return false;
	*reply = answer.u.reply.reply;
	return true;
}

bool daemon_until(struct daemon_node *d, daemon_wanted_fn *wanted, int64_t ms)
{
	const struct qd_mono deadline = rig_deadline(ms);
	do {
		if (daemon_status(d) && wanted(d))
			return true;
		rig_pause_between_looks();
	} while (!rig_over(deadline));
	return false;
}

bool daemon_owns(struct daemon_node *d)
{
	return d->last.mine;
}

bool daemon_group_online(struct daemon_node *d)
{
	return d->last.mine && d->last.group.state == QD_GROUP_ONLINE;
}

/* ------------------------------------------------ what it left behind */

bool daemon_script_up(const struct daemon_node *d)
{
	char name[160];
	(void)snprintf(name, sizeof name, "%s/up", d->dir);
	return access(name, F_OK) == 0;
}

long daemon_proc(const struct daemon_node *d, const char *key)
{
	char name[64], line[256];
	long value = -1;
	(void)snprintf(name, sizeof name, "/proc/%d/status", (int)d->pid);
	FILE *f = fopen(name, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			value = strtol(line + strlen(key) + 1, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return value;
}

bool daemon_said(const struct daemon_node *d, const char *text)
{
	char name[160], line[1024];
	bool found = false;
	(void)snprintf(name, sizeof name, "%s/log", d->dir);
	FILE *f = fopen(name, "r");
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
		found = strstr(line, text) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return found;
}
