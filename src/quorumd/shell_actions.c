/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_log.h"
#include "quorumd/shell_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

void qd_shell_say(struct qd_shell *s, enum qd_trace_level level, const char *format, ...)
{
	char text[QD_TRACE_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args); /* a cut line is still a line */
	va_end(args);
	qd_shell_log(level, text);
	if (s->control != NULL)
		qd_control_server_log(s->control, s->now, level, text);
}

/* What a trace cannot say, for it knows no names and no errors. */
static void say_more(struct qd_shell *s, const struct qd_trace *t)
{
	const enum qd_trace_level level = qd_trace_level_of(t->code);
	if (t->code == QD_TRACE_LOGIN_FAILED || t->code == QD_TRACE_PATH_LOST)
		qd_shell_say(s, level, "path %llu: %s", (unsigned long long)t->a,
			     qd_paths_why(s->paths, (uint32_t)t->a));
	const uint32_t led = t->code == QD_TRACE_NEWER && t->a != 0 ? qd_epoch_node(t->a) : 0;
	if (qd_set_has(s->conf.members, led) && led != s->conf.node_id)
		qd_shell_say(s, level, "node %s led epoch %llu and had that configuration: start it",
			     s->conf.nodes[led].name, (unsigned long long)t->a);
}

void qd_shell_traces(struct qd_shell *s)
{
	for (uint32_t i = 0; i < s->out.trace_count; i++) {
		const struct qd_trace *t = &s->out.traces[i];
		qd_recorder_add(s->recorder, s->now, t);
		if (t->code == QD_TRACE_KEEP_FAILED && qd_shell_config_repeats(s->config))
			continue; /* each second, for as long as a disk is full */
		const enum qd_trace_level level = qd_trace_level_of(t->code);
		if (level < s->conf.log_level)
			continue; /* no text is made for what nobody reads */
		char text[QD_TRACE_TEXT_MAX];
		(void)qd_trace_format(t, text, sizeof text);
		qd_shell_log(level, text);
		qd_control_server_trace(s->control, s->now, t, text);
		say_more(s, t);
	}
}

static void store(struct qd_shell *s, uint64_t incarnation)
{
	char why[QD_STORE_WHY_MAX];
	struct qd_event ev = {.kind = QD_EVENT_STORED};
	ev.u.stored.incarnation = incarnation;
	/* Blocks for as long as the local disk needs: nothing is owned at this point, so no renewal waits for it. */
	ev.u.stored.ok = qd_store_write(&s->store, incarnation, why) == 0;
	if (!ev.u.stored.ok)
		qd_shell_say(s, QD_LEVEL_ERROR, "%s", why);
	qd_shell_post(s, &ev);
}

static void order(struct qd_shell *s, enum qd_order_kind kind, const struct qd_action *a)
{
	const struct qd_order o = {
		.kind = kind,
		.epoch = a->u.group.epoch,
		.turn = a->u.group.turn,
		.begin_stop = a->u.group.begin_stop,
		.stopped_by = a->u.group.stopped_by,
	};
	if (s->runner.fd < 0 &&
	    kind != QD_ORDER_LEASE) { /* it was lost before: nothing is known of the group */
		struct qd_event ev = {.kind = QD_EVENT_GROUP};
		ev.u.group.report = QD_REPORT_RUNNER_LOST;
		ev.u.group.turn = a->u.group.turn;
		qd_shell_post(s, &ev);
		return;
	}
	qd_runner_order(&s->runner, &o);
}

static void owner(struct qd_shell *s, const struct qd_action *a)
{
	s->mine = a->u.owner.mine;
	s->epoch = a->u.owner.epoch;
	if (s->mine)
		qd_stamper_begin(&s->stamper, s->epoch, s->now);
	else
		qd_stamper_end(&s->stamper);
	const struct qd_stamper_counters *c = &s->stamper.counters;
	if (!s->mine && s->conf.stamp_interval.ns > 0)
		qd_shell_say(s, QD_LEVEL_NOTICE,
			     "stamps: %llu good, %llu refused, %llu failed, %llu without answer",
			     (unsigned long long)c->good, (unsigned long long)c->conflict,
			     (unsigned long long)c->failed, (unsigned long long)c->unknown);
	if (s->mine)
		(void)sd_notifyf(0, "STATUS=owner, epoch %llu", (unsigned long long)s->epoch);
	else
		(void)sd_notify(0, "STATUS=standing by");
}

static void perform(struct qd_shell *s, const struct qd_action *a)
{
	switch (a->kind) {
	case QD_ACTION_OP:
		qd_paths_submit(s->paths, &a->u.op);
		break;
	case QD_ACTION_TEARDOWN:
		qd_paths_teardown(s->paths, a->u.path);
		break;
	case QD_ACTION_STORE:
		store(s, a->u.incarnation);
		break;
	case QD_ACTION_GROUP_START:
		order(s, QD_ORDER_START, a);
		break;
	case QD_ACTION_GROUP_STOP:
		order(s, QD_ORDER_STOP, a);
		break;
	case QD_ACTION_LEASE:
		order(s, QD_ORDER_LEASE, a);
		break;
	case QD_ACTION_OWNER:
		owner(s, a);
		break;
	case QD_ACTION_SELF_RESET:
		qd_shell_say(s, QD_LEVEL_ERROR, "%s",
			     qd_watchdog_stub_must_never_reset_this_machine(&s->watchdog));
		break;
	case QD_ACTION_REPLY:
		if (s->operator== NULL || !qd_operator_replied(s->operator, a->u.reply, s->now))
			qd_control_server_reply(s->control, a->u.reply);
		break;
	case QD_ACTION_OFF:
		s->off = true;
		break;
	case QD_ACTION_SEND:
		qd_shell_net_send(s->net, &s->out.sends[a->u.send.index], a->u.send.to, a->u.send.links);
		break;
	case QD_ACTION_KEEP:
		qd_shell_config_keep(s->config, a->u.keep.turn, a->u.keep.from, &s->out.keep, s->now);
		break;
	case QD_ACTION_WITNESS:
		qd_shell_witness_ask(qd_shell_net_witness(s->net), &a->u.witness, s->now);
		break;
	case QD_ACTION_NONE:
	case QD_ACTION_KIND_COUNT:
		break;
	}
}

void qd_shell_actions(struct qd_shell *s)
{
	for (uint32_t i = 0; i < s->out.count; i++)
		perform(s, &s->out.list[i]);
}
