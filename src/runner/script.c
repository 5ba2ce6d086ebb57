/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "runner/log.h"
#include "runner/process.h"
#include "runner/runner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *qd_script_action_name(enum qd_script_action action)
{
	switch (action) {
	case QD_SCRIPT_NONE:
		return "none";
	case QD_SCRIPT_START:
		return "start";
	case QD_SCRIPT_STOP:
		return "stop";
	case QD_SCRIPT_MONITOR:
		return "monitor";
	case QD_SCRIPT_COUNT:
		break;
	}
	QD_UNREACHABLE("action of the script");
}

static struct qd_span timeout_of(const struct qd_runner *r, enum qd_script_action action)
{
	switch (action) {
	case QD_SCRIPT_START:
		return r->config.start_timeout;
	case QD_SCRIPT_STOP:
		return r->config.stop_timeout;
	case QD_SCRIPT_MONITOR:
		return r->config.monitor_timeout;
	case QD_SCRIPT_NONE:
	case QD_SCRIPT_COUNT:
		break;
	}
	QD_UNREACHABLE("action of the script");
}

bool qd_runner_script(struct qd_runner *r, enum qd_script_action action, struct qd_mono now)
{
	char group[QD_RUNNER_NAME_MAX + 32];
	char node[QD_RUNNER_NAME_MAX + 32];
	char epoch[64];
	qd_assert(r->script_pid == 0);
	(void)snprintf(group, sizeof(group), "QUORUMD_GROUP=%s", r->config.group);
	(void)snprintf(node, sizeof(node), "QUORUMD_NODE=%s", r->config.node);
	(void)snprintf(epoch, sizeof(epoch), "QUORUMD_EPOCH=%" PRIu64, r->epoch);
	const char *argv[] = {r->config.script, qd_script_action_name(action), NULL};
	const char *variables[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				   "LANG=C",
				   group,
				   node,
				   epoch,
				   NULL};
	const struct qd_process_start how = {.argv = argv, .variables = variables, .output_fd = r->output_fd};
	pid_t pid = qd_process_spawn(&how);
	if (pid < 0) {
		qd_runner_note(r, QD_LEVEL_ERROR, "%s %s cannot be started: %s", r->config.script,
			       qd_script_action_name(action), strerrordesc_np(errno));
		return false;
	}
	r->script_pid = pid;
	r->script_action = action;
	r->script_by = qd_mono_add(now, timeout_of(r, action));
	r->script_timed_out = false;
	r->script_stale = false;
	return true;
}

/* A place in the queue; when it is full, of the oldest note, else none. */
static struct qd_runner_message *place(struct qd_runner *r)
{
	if (r->queue_count < QD_RUNNER_QUEUE_MAX)
		return &r->queue[r->queue_count++];
	uint32_t i = 0;
	while (i < r->queue_count && r->queue[i].tell != QD_RUNNER_NOTE)
		i++;
	if (i == r->queue_count)
		return NULL;
	memmove(&r->queue[i], &r->queue[i + 1], (r->queue_count - i - 1) * sizeof(r->queue[0]));
	return &r->queue[r->queue_count - 1];
}

void qd_runner_tell(struct qd_runner *r, enum qd_group_report report, uint64_t turn, const char *format, ...)
{
	struct qd_runner_message m = {
		.tell = QD_RUNNER_REPORT, .report = report, .turn = turn, .level = QD_LEVEL_NOTICE};
	va_list args;
	va_start(args, format);
	(void)vsnprintf(m.text, sizeof(m.text), format, args); /* cut off is better than none */
	va_end(args);
	qd_log_line(m.level, "%s", m.text);
	struct qd_runner_message *to = place(r);
	if (to != NULL)
		*to = m;
	else
		qd_log_line(QD_LEVEL_ERROR, "quorumd does not read: a report was dropped");
}

void qd_runner_note(struct qd_runner *r, enum qd_trace_level level, const char *format, ...)
{
	struct qd_runner_message m = {.tell = QD_RUNNER_NOTE, .level = level};
	va_list args;
	va_start(args, format);
	(void)vsnprintf(m.text, sizeof(m.text), format, args); /* cut off is better than none */
	va_end(args);
	qd_log_line(level, "%s", m.text);
	/* Never at the expense of a report. */
	if (r->queue_count < QD_RUNNER_QUEUE_MAX / 2)
		*place(r) = m;
}
