/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/keeper.h"

#include "runner/log.h"
#include "runner/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	PAUSE_FIRST_MS = 100,
	PAUSE_LAST_MS = 5000,
	STABLE_MS = 10000, /* it ran this long: the next pause is the first one again */
	END_MS = 1000,
};

static void start(struct qd_keeper *k, struct qd_mono now)
{
	char mode[16];
	(void)snprintf(mode, sizeof(mode), "%04o", (unsigned int)k->config.api_mode);
	const char *argv[] = {k->config.api_program,
			      "--control",
			      k->config.control_socket,
			      "--socket",
			      k->config.api_socket,
			      "--mode",
			      mode,
			      "--user",
			      k->config.api_user,
			      NULL};
	static const char *const variables[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL};
	const struct qd_process_start how = {.argv = argv, .variables = variables, .output_fd = -1};
	pid_t pid = qd_process_spawn(&how);
	k->started_at = now;
	k->next = QD_NEVER;
	k->pid = pid > 0 ? pid : 0;
	if (pid < 0) {
		qd_log_line(QD_LEVEL_ERROR, "quorum-api cannot be started: %s", strerrordesc_np(errno));
		k->next = qd_mono_add(now, qd_span_ms(PAUSE_LAST_MS));
	}
}

static bool same(const struct qd_runner_config *a, const struct qd_runner_config *b)
{
	return strcmp(a->api_program, b->api_program) == 0 && strcmp(a->api_socket, b->api_socket) == 0 &&
	       strcmp(a->api_user, b->api_user) == 0 && a->api_mode == b->api_mode &&
	       strcmp(a->control_socket, b->control_socket) == 0;
}

void qd_keeper_configure(struct qd_keeper *k, const struct qd_runner_config *config, struct qd_mono now)
{
	bool changed = !same(&k->config, config);
	k->config = *config;
	k->wanted = config->api_program[0] != '\0';
	k->pause = qd_span_ms(PAUSE_FIRST_MS);
	if (k->pid == 0)
		k->next = k->wanted ? now : QD_NEVER;
	else if (changed)
		(void)kill(k->pid, SIGTERM); /* it is our child and not collected: it exists */
}

void qd_keeper_look(struct qd_keeper *k, struct qd_mono now)
{
	if (!qd_mono_reached(now, k->next))
		return;
	k->next = QD_NEVER;
	if (k->ending && k->pid > 0)
		(void)kill(k->pid, SIGKILL); /* it is our child and not collected: it exists */
	else if (k->wanted && !k->ending && k->pid == 0)
		start(k, now);
}

bool qd_keeper_exited(struct qd_keeper *k, pid_t pid, int status, struct qd_mono now)
{
	if (k->pid == 0 || pid != k->pid)
		return false;
	k->pid = 0;
	k->next = QD_NEVER;
	if (k->ending || !k->wanted)
		return true;
	if (qd_mono_sub(now, k->started_at).ns > qd_span_ms(STABLE_MS).ns)
		k->pause = qd_span_ms(PAUSE_FIRST_MS);
	qd_log_line(QD_LEVEL_WARNING, "quorum-api ended (%s %d), again in %lld ms",
		    WIFSIGNALED(status) ? "signal" : "exit status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		    (long long)qd_span_to_ms(k->pause));
	k->next = qd_mono_add(now, k->pause);
	k->pause = qd_span_mul(k->pause, 2);
	if (qd_span_to_ms(k->pause) > PAUSE_LAST_MS)
		k->pause = qd_span_ms(PAUSE_LAST_MS);
	return true;
}

void qd_keeper_end(struct qd_keeper *k, struct qd_mono now)
{
	k->ending = true;
	k->next = QD_NEVER;
	if (k->pid == 0)
		return;
	(void)kill(k->pid, SIGTERM); /* it is our child and not collected: it exists */
	k->next = qd_mono_add(now, qd_span_ms(END_MS));
}
