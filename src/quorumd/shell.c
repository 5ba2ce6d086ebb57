/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell.h"

#include "quorumd/errors.h"
#include "quorumd/shell_log.h"
#include "quorumd/shell_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

void qd_shell_post(struct qd_shell *s, const struct qd_event *ev)
{
	qd_assert(s->queue_count < QD_SHELL_QUEUE);
	s->queue[(s->queue_first + s->queue_count) % QD_SHELL_QUEUE] = *ev;
	s->queue_count++;
}

static bool take_posted(struct qd_shell *s, struct qd_event *ev)
{
	if (s->queue_count == 0)
		return false;
	*ev = s->queue[s->queue_first];
	s->queue_first = (s->queue_first + 1) % QD_SHELL_QUEUE;
	s->queue_count--;
	return true;
}

/* ------------------------------------------------ what others tell */

static void on_runner_message(void *context, const struct qd_runner_message *m)
{
	struct qd_shell *s = context;
	if (m->tell == QD_RUNNER_NOTE) { /* the runner has written it to its own standard error already */
		qd_control_server_log(s->control, qd_clock_now(), m->level, m->text);
		return;
	}
	if (m->tell != QD_RUNNER_REPORT)
		return;
	struct qd_event ev = {.kind = QD_EVENT_GROUP};
	ev.u.group.report = m->report;
	ev.u.group.turn = m->turn;
	qd_shell_post(s, &ev);
}

static void on_runner_lost(void *context)
{
	struct qd_shell *s = context;
	qd_shell_say(s, QD_LEVEL_ERROR,
		     "quorum-runner is gone: it stops what it started, and nothing is known of it");
	struct qd_event ev = {.kind = QD_EVENT_GROUP};
	ev.u.group.report = QD_REPORT_RUNNER_LOST;
	qd_shell_post(s, &ev);
}

static void on_handover(void *context, uint32_t to)
{
	struct qd_shell *s = context;
	struct qd_event ev = {.kind = QD_EVENT_HANDOVER};
	if (s->queue_count > QD_SHELL_QUEUE / 2) { /* clients that come and go must not fill it */
		qd_control_server_reply(s->control, QD_REPLY_BUSY);
		return;
	}
	if (s->forward != NULL && qd_forward_handover(s->forward, to))
		return;
	ev.u.handover.to = to;
	qd_shell_post(s, &ev);
}

static void on_change(void *context, struct qd_tag from, const char *text, size_t len_bytes)
{
	struct qd_shell *s = context;
	qd_operator_change(s->operator, from, text, len_bytes);
}

static void on_force(void *context, uint64_t unix_s)
{
	struct qd_shell *s = context;
	qd_operator_force(s->operator, unix_s);
}

static void on_get_config(void *context, const uint8_t digest[QD_DIGEST_BYTES])
{
	struct qd_shell *s = context;
	qd_operator_get_config(s->operator, digest);
}

static void on_history(void *context)
{
	struct qd_shell *s = context;
	qd_operator_history(s->operator);
}

static void on_post(void *context, const struct qd_event *ev)
{
	qd_shell_post(context, ev);
}

static bool on_forward(void *context, struct qd_tag from, const uint8_t digest[QD_DIGEST_BYTES])
{
	const struct qd_shell *s = context;
	return qd_forward_change(s->forward, from, digest);
}

static int open_operator(struct qd_shell *s)
{
	const struct qd_operator_config config = {
		.conf_file = s->conf_file,
		.conf = &s->conf,
		.node = &s->node,
		.control = s->control,
		.store = qd_shell_config_store(s->config),
		.take = qd_shell_config_take,
		.texts = s->config,
		.forward = on_forward,
		.post = on_post,
		.context = s,
	};
	const int rc = qd_operator_open(&config, &s->operator);
	const struct qd_forward_config forward = {
		.conf = &s->conf,
		.node = &s->node,
		.control = s->control,
		.transfer = qd_shell_config_transfer(s->config),
		.operator= s->operator,
		.handover = on_handover,
		.context = s,
	};
	return rc == 0 ? qd_forward_open(&forward, &s->forward) : rc;
}

/* ------------------------------------------------ what clients see */

static void show_networks(struct qd_shell *s)
{
	const struct qd_networks *found = qd_control_networks_list(s->networks);
	for (uint32_t l = 0; l < s->conf.network_count; l++) {
		const struct qd_address *local = &s->conf.nodes[s->conf.node_id].addresses[l];
		qd_control_snapshot_network(&s->snapshot, l, local, qd_shell_net_link(s->net, l),
					    qd_networks_find(found, local));
	}
	for (uint32_t i = 0; i < s->snapshot.link_count; i++) {
		struct qd_control_link *l = &s->snapshot.links[i];
		l->same_subnet = qd_conf_is_near(&s->conf, l->node, l->network, qd_shell_same_subnet, s);
	}
	qd_control_snapshot_packets(&s->snapshot, qd_shell_net_packets(s->net));
	memcpy(s->snapshot.replayed, s->replays.count, sizeof s->snapshot.replayed);
	qd_shell_witness_show(qd_shell_net_witness(s->net), s->now, &s->snapshot.witness);
}

static void push(struct qd_shell *s)
{
	qd_control_snapshot_fill(&s->conf, &s->node, s->now, &s->snapshot);
	if (s->net != NULL)
		show_networks(s);
	s->snapshot.mine = s->mine;
	s->snapshot.epoch = s->epoch;
	if (s->config != NULL)
		(void)snprintf(s->snapshot.store_why, sizeof s->snapshot.store_why, "%s",
			       qd_shell_config_trouble(s->config)); /* a cut reason is one still */
	s->pushed = s->snapshot;
	qd_control_server_push(s->control, &s->snapshot);
}

/* After steps: subscribers are told what they wait for. Instants and counters alone are for those who ask, and
 * on_control() pushes before it lets them: a good round does not touch the names of 64 nodes. */
static void push_changes(struct qd_shell *s)
{
	struct qd_control_snapshot *c = &s->snapshot;
	qd_control_snapshot_update(&s->node, s->now, c);
	if (s->net != NULL)
		c->witness.reachable = qd_shell_witness_reachable(qd_shell_net_witness(s->net), s->now);
	c->mine = s->mine;
	c->epoch = s->epoch;
	if (qd_control_snapshot_differs(&s->pushed, c))
		push(s);
}

static void on_control(void *context, int fd, uint32_t events)
{
	struct qd_shell *s = context;
	(void)fd;
	(void)events;
	push(s);
	qd_control_server_service(s->control);
}

/* ------------------------------------------------ turns */

/* Packets of the sender of this one that the core has dropped as old. */
static uint64_t dropped_as_old(const struct qd_shell *s, const struct qd_event *ev)
{
	return ev->kind == QD_EVENT_MESSAGE ? s->node.links.peers[ev->u.message.message->from - 1].stale : 0;
}

static void step(struct qd_shell *s, struct qd_event *ev)
{
	const uint64_t dropped = dropped_as_old(s, ev);
	ev->now = s->now;
	const struct qd_mono begun = qd_clock_now();
	qd_node_step(&s->node, ev, &s->out);
	const uint64_t ns = (uint64_t)qd_mono_sub(qd_clock_now(), begun).ns;
	s->steps++;
	s->step_ns_sum += ns;
	s->step_ns_max = ns > s->step_ns_max ? ns : s->step_ns_max;
	if (ev->kind == QD_EVENT_MESSAGE)
		qd_replays_note(&s->replays, &s->node.links, ev->u.message.message, ev->u.message.link,
				dropped_as_old(s, ev) > dropped);
	qd_shell_traces(s);
	qd_shell_actions(s);
}

/* What other nodes, the witness and the own store said. */
static bool next_of_cluster(struct qd_shell *s, struct qd_event *ev)
{
	char why[QD_KEPT_WHY_MAX];
	if (!qd_shell_config_next(s->config, ev, why))
		return qd_shell_net_next(s->net, s->now, ev);
	if (why[0] != '\0')
		qd_shell_say(s, ev->u.kept.result != QD_KEEP_FAILED ? QD_LEVEL_WARNING : QD_LEVEL_ERROR, "%s",
			     why);
	qd_shell_apply(s);
	return true;
}

static void flush(struct qd_shell *s)
{
	if (s->paths != NULL)
		qd_paths_flush(s->paths);
	if (s->net != NULL)
		qd_shell_net_flush(s->net);
}

/* What the runner and the paths said comes before a deadline that may have passed meanwhile: after a pause of this
 * process the answers that wait in the sockets are looked at first. */
static bool next_event(struct qd_shell *s, struct qd_event *ev)
{
	if (take_posted(s, ev) || (s->net != NULL && next_of_cluster(s, ev)) ||
	    (s->paths != NULL && qd_paths_next(s->paths, ev)))
		return true;
	const struct qd_mono deadline = qd_node_deadline(&s->node);
	if (!qd_mono_reached(s->now, deadline))
		return false;
	const uint64_t late = s->now.ns - deadline.ns;
	if (s->steps > 0 && late > s->late_ns_max)
		s->late_ns_max = late;
	ev->kind = QD_EVENT_TIMEOUT;
	return true;
}

/* Two things keep another owner's stamps away: the disk's reservation, or that all others have stopped. */
static bool may_stamp(const struct qd_shell *s)
{
	return !s->snapshot.has_cluster || s->snapshot.arbiter.state == QD_ARB_OWNER ||
	       qd_mono_reached(s->now, s->snapshot.views.free_at);
}

static void stamp(struct qd_shell *s)
{
	struct qd_superblock superblock;
	struct qd_disk_capacity capacity;
	const uint32_t path = s->snapshot.arbiter.beating_path;
	if (s->conf.stamp_interval.ns == 0 || s->paths == NULL)
		return;
	if (!may_stamp(s) || !qd_paths_disk(s->paths, path, &superblock, &capacity)) {
		qd_stamper_put_off(&s->stamper, s->now);
		return;
	}
	qd_stamper_run(&s->stamper, qd_paths_session(s->paths, path), superblock.data_lba, &capacity, s->now);
	qd_paths_flush(
		s->paths); /* before the core has its say: this is the write of a node that does not know yet */
}

static void serve(struct qd_shell *s)
{
	bool stepped = false;
	s->now = qd_clock_now(); /* after the descriptors were read: no answer is older than it says */
	stamp(s);
	if (s->net != NULL) {
		qd_shell_net_think(s->net, s->now);
		qd_shell_tell_stray(s);
		qd_shell_config_think(s->config, s->now);
		qd_operator_think(s->operator, s->now);
		qd_forward_think(s->forward);
		qd_control_networks_think(s->networks, s->now);
	}
	for (int i = 0; i < QD_SHELL_EVENTS_A_TURN && !s->off; i++) {
		struct qd_event ev = {0};
		if (!next_event(s, &ev)) {
			flush(s); /* may bring a loss */
			if (!next_event(s, &ev))
				break;
		}
		step(s, &ev);
		stepped = true;
	}
	flush(s);
	if (s->net != NULL)
		qd_shell_complain(s);
	if (stepped)
		push_changes(s);
}

/* Of what belongs to neither packets nor texts. */
static struct qd_mono cluster_deadline(const struct qd_shell *s)
{
	return qd_mono_min(qd_control_networks_deadline(s->networks), qd_operator_deadline(s->operator));
}

int qd_shell_run(struct qd_shell *s)
{
	if (s->net != NULL && qd_shell_begin(s) != 0)
		return -QD_ERR_NOMEM;
	(void)sd_notify(0, "READY=1\nSTATUS=standing by");
	for (;;) {
		serve(s);
		if (s->off)
			return 0;
		if (s->shutting_down && s->node.arbiter.state == QD_ARB_RESET) {
			/* With the self-reset a stub, waiting would be for ever. The runner goes on trying to stop. */
			qd_shell_say(s, QD_LEVEL_ERROR,
				     "ended without proof that the group is stopped: stop what is left of it "
				     "by hand "
				     "before it runs elsewhere");
			return -QD_ERR_REFUSED;
		}
		struct qd_mono wake =
			qd_mono_min(qd_node_deadline(&s->node), qd_stamper_deadline(&s->stamper));
		if (s->net != NULL)
			wake = qd_mono_min(qd_mono_min(wake, cluster_deadline(s)),
					   qd_mono_min(qd_shell_net_deadline(s->net),
						       qd_shell_config_deadline(s->config)));
		if (s->queue_count > 0)
			wake = s->now;
		int rc = qd_loop_arm(&s->loop, wake);
		if (rc == 0)
			rc = qd_loop_turn(&s->loop);
		if (rc < 0) {
			qd_shell_say(s, QD_LEVEL_ERROR, "the event loop fails: %s", strerrordesc_np(-rc));
			return -QD_ERR_IO;
		}
	}
}

static void on_interfaces(void *context)
{
	qd_shell_interfaces_changed(context);
}

/* ------------------------------------------------ opening and closing */

static int open_runner(struct qd_shell *s, const char *program)
{
	char why[512];
	s->runner.on_message = on_runner_message;
	s->runner.on_lost = on_runner_lost;
	s->runner.context = s;
	s->runner.fd = -1;
	if (program[0] == '\0')
		return 0;
	int rc = qd_runner_start(&s->runner, program, why, sizeof why);
	if (rc == 0 || !s->conf.has_group) {
		if (rc != 0)
			qd_shell_say(s, QD_LEVEL_WARNING, "no quorum-runner and so no quorum-api: %s", why);
		return 0;
	}
	qd_shell_say(s, QD_LEVEL_ERROR, "%s", why);
	return rc;
}

static int open_control(struct qd_shell *s)
{
	struct qd_control_calls calls = {.handover = on_handover, .context = s};
	if (s->conf.has_cluster) {
		calls.change = on_change;
		calls.force = on_force;
		calls.get_config = on_get_config;
		calls.history = on_history;
	}
	int rc = qd_control_server_open(s->conf.control_socket, s->conf.api_user, &calls, &s->control);
	if (rc != 0) {
		qd_shell_say(s, QD_LEVEL_ERROR, "%s: %s", s->conf.control_socket, strerrordesc_np(errno));
		return rc;
	}
	s->control_io = (struct qd_io){.fn = on_control, .context = s};
	return qd_io_add(&s->loop, &s->control_io, qd_control_server_fd(s->control), EPOLLIN) < 0 ? -QD_ERR_IO
												  : 0;
}

static int open_all(struct qd_shell *s, const struct qd_shell_options *options)
{
	if (mkdir(s->conf.run_dir, 0755) != 0 && errno != EEXIST) {
		qd_shell_say(s, QD_LEVEL_ERROR, "%s: %s", s->conf.run_dir, strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	(void)chmod(s->conf.run_dir, 0755); /* whatever the umask: quorum-api and its clients pass through */
	int rc = open_runner(s, options->runner_program);
	if (rc == 0 && qd_loop_open(&s->loop) != 0)
		rc = -QD_ERR_NOMEM;
	if (rc == 0)
		rc = qd_recorder_open(&s->recorder);
	if (rc == 0)
		rc = open_control(s);
	if (rc == 0 && s->conf.has_cluster)
		rc = qd_shell_open_cluster(s);
	if (rc == 0 && s->conf.has_cluster)
		rc = open_operator(s);
	if (rc == 0 && s->conf.has_cluster)
		rc = qd_control_networks_open(&s->loop, &s->conf, on_interfaces, s, &s->networks);
	if (rc == 0)
		rc = qd_shell_open_node(s);
	if (rc == 0 && s->conf.path_count > 0)
		rc = qd_shell_open_paths(s);
	if (rc == 0 && (qd_shell_watch_signals(s) < 0 || qd_runner_watch(&s->runner, &s->loop) < 0))
		rc = -QD_ERR_IO;
	if (rc != 0)
		return rc;
	qd_runner_configure(&s->runner, &s->conf, s->api_program);
	push(s);
	qd_shell_say(s, QD_LEVEL_NOTICE,
		     "quorumd %s: cluster %s, node %u, incarnation %llu, renew %lld ms, %u path%s",
		     QD_VERSION, s->conf.cluster, s->conf.node_id,
		     (unsigned long long)s->node.config.incarnation,
		     (long long)qd_span_to_ms(s->conf.times.renew), s->conf.path_count,
		     s->conf.path_count == 1 ? "" : "s");
	return 0;
}

int qd_shell_open(const struct qd_shell_options *options, struct qd_shell **out)
{
	*out = NULL;
	struct qd_shell *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -QD_ERR_NOMEM;
	s->conf = *options->conf;
	s->conf_file = options->conf_file;
	s->api_program = options->api_program;
	s->join_only = options->join_only;
	s->now = qd_clock_now();
	qd_shell_log_level(s->conf.log_level);
	int rc = open_all(s, options);
	if (rc != 0) {
		qd_shell_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void qd_shell_close(struct qd_shell *s)
{
	if (s == NULL)
		return;
	if (s->paths != NULL)
		qd_paths_close(s->paths);
	qd_shell_net_close(s->net);
	qd_control_networks_close(s->networks);
	qd_forward_close(s->forward);
	qd_shell_config_close(s->config);
	qd_operator_close(s->operator);
	qd_runner_close(&s->runner);
	qd_io_remove(&s->control_io);
	qd_signal_remove(&s->term);
	qd_signal_remove(&s->interrupt);
	qd_signal_remove(&s->hangup);
	qd_signal_remove(&s->user);
	if (s->control != NULL)
		qd_control_server_close(s->control);
	qd_recorder_close(s->recorder);
	qd_loop_close(&s->loop);
	explicit_bzero(&s->conf.chap, sizeof s->conf.chap);
	free(s);
}
