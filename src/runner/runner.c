/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/runner.h"

#include "base/assert.h"
#include "runner/log.h"
#include "runner/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
	LEFTOVER_MS = 2000,  /* what a stop that succeeded left behind has this long to end by itself */
	DRAIN_LOOK_MS = 10,  /* looks at it this often */
	STOP_AGAIN_MS = 100, /* between two stops */
	STUCK_AGAIN_MS = 1000,
	KILL_ROUND_MS = 50, /* one round of killing may hold the loop this long */
	KILL_PART = 3, /* SIGKILL when this part of the time between begin_stop and stopped_by is left, */
	KILL_MAX_MS = 1000, /* but no more than this: it is for dying and for the last monitor */
};

const char *qd_runner_phase_name(enum qd_runner_phase phase)
{
	static const char *const names[] = {"idle",	"starting",  "online",	"dirty", "stopping",
					    "draining", "verifying", "pausing", "stuck"};
	qd_assert((unsigned int)phase < QD_PHASE_COUNT);
	return names[phase];
}

void qd_runner_init(struct qd_runner *r, int output_fd)
{
	*r = (struct qd_runner){
		.output_fd = output_fd,
		.begin_stop = QD_NEVER,
		.lease_by = QD_NEVER,
		.order_by = QD_NEVER,
		.kill_at = QD_NEVER,
		.next = QD_NEVER,
		.script_by = QD_NEVER,
		.keeper = {.next = QD_NEVER},
	};
}

static bool may_run(const struct qd_runner *r)
{
	return r->phase == QD_PHASE_STARTING || r->phase == QD_PHASE_ONLINE || r->phase == QD_PHASE_DIRTY;
}

static bool is_stopping(const struct qd_runner *r)
{
	return r->phase == QD_PHASE_STOPPING || r->phase == QD_PHASE_DRAINING ||
	       r->phase == QD_PHASE_VERIFYING || r->phase == QD_PHASE_PAUSING;
}

static struct qd_mono stopped_by(const struct qd_runner *r)
{
	return qd_mono_min(r->order_by, r->lease_by);
}

/* When the rest is killed: so much before stopped_by that dying and a last monitor fit in between. */
static void set_kill_at(struct qd_runner *r, struct qd_mono now)
{
	struct qd_mono by = stopped_by(r);
	struct qd_span margin = qd_span_ms(KILL_MAX_MS);
	if (qd_mono_is_never(by)) {
		r->kill_at = QD_NEVER;
		return;
	}
	struct qd_span whole = qd_mono_reached(now, by) ? QD_SPAN_ZERO : qd_mono_sub(by, now);
	if (!qd_mono_is_never(r->lease_by) && qd_mono_before(r->begin_stop, r->lease_by)) {
		struct qd_span lease = qd_mono_sub(r->lease_by, r->begin_stop);
		whole = lease.ns < whole.ns ? lease : whole;
	}
	if (qd_span_div(whole, KILL_PART).ns < margin.ns)
		margin = qd_span_div(whole, KILL_PART);
	r->kill_at = qd_mono_add(by, (struct qd_span){-margin.ns});
}

static void run_stop(struct qd_runner *r, struct qd_mono now)
{
	r->phase = QD_PHASE_STOPPING;
	r->next = QD_NEVER;
	if (r->config.script[0] == '\0' || !qd_runner_script(r, QD_SCRIPT_STOP, now)) {
		r->phase = QD_PHASE_PAUSING;
		r->next = qd_mono_add(now, qd_span_ms(STOP_AGAIN_MS));
	}
}

static void begin_stopping(struct qd_runner *r, uint64_t turn, struct qd_mono order_by, struct qd_mono now)
{
	r->stop_turn = turn;
	r->order_by = order_by;
	r->killed = false;
	set_kill_at(r, now);
	if (r->script_pid == 0) {
		run_stop(r, now);
		return;
	}
	/* Whatever it was about to do is over; its end is waited for, then the stop begins. */
	r->phase = QD_PHASE_STOPPING;
	r->next = QD_NEVER;
	r->script_stale = true;
	qd_process_kill_group(r->script_pid);
}

static void finish_stopped(struct qd_runner *r)
{
	r->phase = QD_PHASE_IDLE;
	r->verified = true;
	r->order_by = QD_NEVER;
	r->kill_at = QD_NEVER;
	r->next = QD_NEVER;
	qd_runner_tell(r, QD_REPORT_STOPPED, r->stop_turn,
		       "%s is stopped: nothing of it runs, monitor says so", r->config.group);
}

static void get_stuck(struct qd_runner *r, struct qd_mono now)
{
	int left = qd_process_kill_all(r->keeper.pid, qd_mono_add(now, qd_span_ms(KILL_ROUND_MS)));
	r->phase = QD_PHASE_STUCK;
	r->next = qd_mono_add(now, qd_span_ms(STUCK_AGAIN_MS));
	r->kill_at = QD_NEVER;
	char why[160];
	(void)snprintf(why, sizeof(why), "%.60s is not proved to be stopped in time, %d processes are left",
		       r->config.group, left);
	qd_runner_tell(r, QD_REPORT_STOP_FAILED, r->stop_turn, "%s", why);
	qd_reset_stub_this_machine_would_be_reset_now(why);
}

static void verify(struct qd_runner *r, struct qd_mono now)
{
	r->phase = QD_PHASE_VERIFYING;
	r->next = QD_NEVER;
	if (!qd_runner_script(r, QD_SCRIPT_MONITOR, now)) {
		r->phase = QD_PHASE_PAUSING;
		r->next = qd_mono_add(now, qd_span_ms(STOP_AGAIN_MS));
	}
}

/* SIGKILL to the script that runs and to all that the group ever left behind. */
static void kill_all(struct qd_runner *r, struct qd_mono now)
{
	int left = qd_process_kill_all(r->keeper.pid, qd_mono_add(now, qd_span_ms(KILL_ROUND_MS)));
	qd_runner_note(r, QD_LEVEL_WARNING, "SIGKILL to what still ran of %s, %d processes are left",
		       r->config.group, left);
}

/* The stop script is done; what it left behind may still be ending. */
static void drain(struct qd_runner *r, struct qd_mono now)
{
	int count = qd_process_count(r->keeper.pid);
	if (count == 0) {
		verify(r, now);
		return;
	}
	if (r->phase != QD_PHASE_DRAINING) {
		r->phase = QD_PHASE_DRAINING;
		r->script_by = qd_mono_add(now, qd_span_ms(LEFTOVER_MS));
	} else if (qd_mono_reached(now, r->script_by)) {
		kill_all(r, now);
		r->script_by = qd_mono_add(now, qd_span_ms(STOP_AGAIN_MS));
	}
	r->next = qd_mono_add(now, qd_span_ms(DRAIN_LOOK_MS));
}

static void look_stopping(struct qd_runner *r, struct qd_mono now)
{
	if (qd_mono_reached(now, stopped_by(r))) {
		get_stuck(r, now);
		return;
	}
	if (!r->killed && qd_mono_reached(now, r->kill_at)) {
		r->killed = true;
		kill_all(r, now);
	}
	if (!qd_mono_reached(now, r->next))
		return;
	if (r->phase == QD_PHASE_DRAINING)
		drain(r, now);
	else if (r->phase == QD_PHASE_PAUSING && r->script_pid == 0)
		run_stop(r, now);
}

static void look_script(struct qd_runner *r, struct qd_mono now)
{
	if (r->script_pid == 0 || r->script_timed_out || !qd_mono_reached(now, r->script_by))
		return;
	r->script_timed_out = true;
	qd_runner_note(r, QD_LEVEL_WARNING, "%s %s takes too long: SIGKILL", r->config.script,
		       qd_script_action_name(r->script_action));
	qd_process_kill_group(r->script_pid);
}

static void look_due(struct qd_runner *r, struct qd_mono now)
{
	if (r->phase == QD_PHASE_ONLINE && r->script_pid == 0 && qd_mono_reached(now, r->next)) {
		r->next = QD_NEVER;
		if (!qd_runner_script(r, QD_SCRIPT_MONITOR, now))
			r->next = qd_mono_add(now, r->config.monitor_interval);
	}
	if (r->phase == QD_PHASE_STUCK && qd_mono_reached(now, r->next)) {
		(void)qd_process_kill_all(r->keeper.pid, now); /* again in a second, however many are left */
		r->next = qd_mono_add(now, qd_span_ms(STUCK_AGAIN_MS));
	}
}

/* This machine slept through its whole time to stop: it has as much again, counted from its waking, because a stop that
 * is tried is better than a reset that a watchdog would have made long ago. Until it is done only the disk protects
 * (docs/PROTOCOL.md case 12). The core reckons the same way. */
static void give_time_after_sleep(struct qd_runner *r, struct qd_mono now)
{
	if (qd_mono_before(now, r->lease_by) || !qd_mono_before(r->begin_stop, r->lease_by))
		return;
	const struct qd_span window = qd_mono_sub(r->lease_by, r->begin_stop);
	r->begin_stop = now;
	r->lease_by = qd_mono_add(now, window);
}

void qd_runner_look(struct qd_runner *r, struct qd_mono now)
{
	if (may_run(r) && qd_mono_reached(now, r->begin_stop)) {
		qd_runner_note(r, QD_LEVEL_WARNING,
			       "the lease is over and no newer one came: %s is stopped, %lld ms left",
			       r->config.group,
			       qd_mono_reached(now, r->lease_by)
				       ? 0LL
				       : (long long)qd_span_to_ms(qd_mono_sub(r->lease_by, now)));
		give_time_after_sleep(r, now);
		begin_stopping(r, 0, QD_NEVER, now);
	}
	if (is_stopping(r))
		look_stopping(r, now);
	look_script(r, now);
	look_due(r, now);
	qd_keeper_look(&r->keeper, now);
}

/* What a monitor that ended said. */
enum monitor_says { SAYS_UNKNOWN = 0, SAYS_RUNS, SAYS_STOPPED };

static enum monitor_says says(int status, bool timed_out)
{
	if (timed_out || !WIFEXITED(status))
		return SAYS_UNKNOWN;
	switch (WEXITSTATUS(status)) {
	case 0:
		return SAYS_RUNS;
	case 1: /* test, pgrep, kill -0 */
	case 3: /* LSB init scripts: program is not running */
	case 7: /* OCF resource agents: not running */
		return SAYS_STOPPED;
	default:
		return SAYS_UNKNOWN;
	}
}

static void describe(int status, bool timed_out, char to[64])
{
	if (timed_out)
		(void)snprintf(to, 64, "took too long");
	else if (WIFEXITED(status))
		(void)snprintf(to, 64, "exit status %d", WEXITSTATUS(status));
	else
		(void)snprintf(to, 64, "ended by signal %d", WTERMSIG(status));
}

static void start_ended(struct qd_runner *r, bool good, const char *how, struct qd_mono now)
{
	if (good) {
		r->phase = QD_PHASE_ONLINE;
		r->next = qd_mono_add(now, r->config.monitor_interval);
		qd_runner_tell(r, QD_REPORT_STARTED, r->start_turn, "%s is started under epoch %" PRIu64,
			       r->config.group, r->epoch);
		return;
	}
	r->phase = QD_PHASE_DIRTY;
	r->next = QD_NEVER;
	qd_runner_tell(r, QD_REPORT_START_FAILED, r->start_turn, "start of %s failed: %s", r->config.group,
		       how);
}

static void monitor_ended(struct qd_runner *r, enum monitor_says what, const char *how, struct qd_mono now)
{
	if (r->phase == QD_PHASE_ONLINE && what == SAYS_RUNS) {
		r->next = qd_mono_add(now, r->config.monitor_interval);
	} else if (r->phase == QD_PHASE_ONLINE) {
		r->phase = QD_PHASE_DIRTY;
		r->next = QD_NEVER;
		qd_runner_tell(r, QD_REPORT_MONITOR_FAILED, r->start_turn, "monitor of %s failed: %s",
			       r->config.group, how);
	} else if (r->phase == QD_PHASE_VERIFYING) {
		if (what == SAYS_STOPPED && qd_process_count(r->keeper.pid) == 0) {
			finish_stopped(r);
			return;
		}
		qd_runner_note(r, QD_LEVEL_WARNING, "stop of %s is not verified: monitor says %s",
			       r->config.group, what == SAYS_RUNS ? "that it runs" : how);
		r->phase = QD_PHASE_PAUSING;
		r->next = qd_mono_add(now, qd_span_ms(STOP_AGAIN_MS));
	}
}

static void script_ended(struct qd_runner *r, int status, struct qd_mono now)
{
	enum qd_script_action action = r->script_action;
	bool timed_out = r->script_timed_out;
	bool stale = r->script_stale;
	bool good = !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char how[64];
	describe(status, timed_out, how);
	r->script_pid = 0;
	r->script_action = QD_SCRIPT_NONE;
	r->script_by = QD_NEVER;
	r->script_stale = false;
	if (stale) {
		if (r->phase == QD_PHASE_STOPPING)
			run_stop(r, now);
	} else if (action == QD_SCRIPT_START && r->phase == QD_PHASE_STARTING) {
		start_ended(r, good, how, now);
	} else if (action == QD_SCRIPT_MONITOR) {
		monitor_ended(r, says(status, timed_out), how, now);
	} else if (action == QD_SCRIPT_STOP && r->phase == QD_PHASE_STOPPING) {
		if (!good)
			qd_runner_note(r, QD_LEVEL_WARNING, "stop of %s: %s", r->config.group, how);
		drain(r, now);
	}
}

void qd_runner_exited(struct qd_runner *r, pid_t pid, int status, struct qd_mono now)
{
	qd_runner_look(r, now);
	if (qd_keeper_exited(&r->keeper, pid, status, now))
		return;
	if (r->script_pid != 0 && pid == r->script_pid)
		script_ended(r, status, now);
	else if (r->phase == QD_PHASE_DRAINING)
		drain(r, now); /* an orphan that we inherited */
}

static void take_start(struct qd_runner *r, const struct qd_order *o, struct qd_mono now)
{
	if (r->phase != QD_PHASE_IDLE || r->config.script[0] == '\0' || r->quitting) {
		qd_runner_tell(r, QD_REPORT_START_FAILED, o->turn, "start is refused: %s",
			       r->phase == QD_PHASE_IDLE ? "there is no script"
							 : qd_runner_phase_name(r->phase));
		return;
	}
	r->epoch = o->epoch;
	r->start_turn = o->turn;
	r->begin_stop = o->begin_stop;
	r->lease_by = o->stopped_by;
	r->order_by = QD_NEVER;
	r->verified = false;
	r->phase = QD_PHASE_DIRTY;
	if (qd_mono_reached(now, r->begin_stop))
		qd_runner_tell(r, QD_REPORT_START_FAILED, o->turn,
			       "start is refused: its lease is over already");
	else if (!qd_runner_script(r, QD_SCRIPT_START, now))
		qd_runner_tell(r, QD_REPORT_START_FAILED, o->turn, "start of %s failed", r->config.group);
	else
		r->phase = QD_PHASE_STARTING;
}

static void take_lease(struct qd_runner *r, const struct qd_order *o, struct qd_mono now)
{
	/* An older one changes nothing. What has begun to stop goes on stopping, with the time that the newer gives. */
	if (qd_mono_is_never(r->begin_stop) || qd_mono_before(r->begin_stop, o->begin_stop)) {
		r->begin_stop = o->begin_stop;
		r->lease_by = o->stopped_by;
		if (is_stopping(r))
			set_kill_at(r, now);
	}
}

static void take_stop(struct qd_runner *r, const struct qd_order *o, struct qd_mono now)
{
	if (r->phase == QD_PHASE_IDLE && (r->verified || r->config.script[0] == '\0')) {
		r->stop_turn = o->turn;
		qd_runner_tell(r, QD_REPORT_STOPPED, o->turn, "nothing of %s runs",
			       r->config.group[0] != '\0' ? r->config.group : "a group");
	} else if (is_stopping(r)) {
		r->stop_turn = o->turn;
		r->order_by = qd_mono_min(r->order_by, o->stopped_by);
		set_kill_at(r, now);
	} else {
		if (r->phase == QD_PHASE_IDLE)
			r->lease_by = QD_NEVER; /* of a start long ago */
		begin_stopping(r, o->turn, o->stopped_by, now);
	}
}

void qd_runner_order(struct qd_runner *r, const struct qd_order *order, struct qd_mono now)
{
	qd_runner_look(r, now);
	switch (order->kind) {
	case QD_ORDER_CONFIG:
		r->config = order->config;
		qd_log_set_level(order->config.log_level);
		qd_keeper_configure(&r->keeper, &order->config, now);
		if (!r->configured)
			r->queue[r->queue_count++] = (struct qd_runner_message){.tell = QD_RUNNER_READY};
		r->configured = true;
		break;
	case QD_ORDER_START:
		take_start(r, order, now);
		break;
	case QD_ORDER_STOP:
		take_stop(r, order, now);
		break;
	case QD_ORDER_LEASE:
		take_lease(r, order, now);
		break;
	case QD_ORDER_QUIT:
		qd_runner_quit(r, now);
		break;
	case QD_ORDER_NONE:
	case QD_ORDER_KIND_COUNT:
		QD_UNREACHABLE("kind of order");
	}
	qd_runner_look(r, now);
}

/* Nobody waits for it any more: stop within the script's own time, and the lease's. */
static void stop_alone(struct qd_runner *r, struct qd_mono now)
{
	if (may_run(r))
		begin_stopping(r, 0, qd_mono_add(now, qd_span_mul(r->config.stop_timeout, 2)), now);
}

void qd_runner_lost(struct qd_runner *r, struct qd_mono now)
{
	qd_runner_look(r, now);
	if (r->lost)
		return;
	r->lost = true;
	if (may_run(r) || is_stopping(r))
		qd_log_line(QD_LEVEL_WARNING, "quorumd is gone: what was started is stopped (%s)",
			    qd_runner_phase_name(r->phase));
	else
		qd_log_line(QD_LEVEL_NOTICE, "quorumd has ended, and nothing that it started runs");
	stop_alone(r, now);
	qd_runner_look(r, now);
}

void qd_runner_quit(struct qd_runner *r, struct qd_mono now)
{
	qd_runner_look(r, now);
	if (r->quitting)
		return;
	r->quitting = true;
	stop_alone(r, now);
	qd_keeper_end(&r->keeper, now);
	qd_runner_look(r, now);
}

struct qd_mono qd_runner_deadline(const struct qd_runner *r)
{
	struct qd_mono at = qd_mono_min(r->next, r->keeper.next);
	if (may_run(r))
		at = qd_mono_min(at, r->begin_stop);
	if (is_stopping(r))
		at = qd_mono_min(at, qd_mono_min(stopped_by(r), r->killed ? QD_NEVER : r->kill_at));
	if (r->script_pid != 0 && !r->script_timed_out)
		at = qd_mono_min(at, r->script_by);
	return at;
}

bool qd_runner_is_over(const struct qd_runner *r, bool *good)
{
	*good = r->phase == QD_PHASE_IDLE;
	if (!r->lost && !r->quitting)
		return false;
	return (r->phase == QD_PHASE_IDLE || r->phase == QD_PHASE_STUCK) &&
	       (!r->quitting || r->keeper.pid == 0);
}

void qd_reset_stub_this_machine_would_be_reset_now(const char *why)
{
	qd_log_line(QD_LEVEL_ERROR, "SELF-RESET STUB: THIS MACHINE WOULD BE RESET NOW AND IS NOT: %s", why);
}
