/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/errors.h"
#include "quorumd/shell_identity.h"
#include "quorumd/shell_state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

static void on_terminate(void *context, int number)
{
	struct qd_shell *s = context;
	(void)number;
	if (s->shutting_down)
		return;
	s->shutting_down = true;
	(void)sd_notify(0, "STOPPING=1\nSTATUS=stopping the group and releasing the disk");
	qd_shell_post(s, &(struct qd_event){.kind = QD_EVENT_SHUTDOWN});
}

static void say_changes(struct qd_shell *s, const struct qd_conf_changes *changes)
{
	for (uint32_t i = 0; i < changes->count; i++)
		qd_shell_say(s, changes->list[i].live ? QD_LEVEL_NOTICE : QD_LEVEL_WARNING, "reload: %s: %s",
			     changes->list[i].key,
			     changes->list[i].live ? "changed"
						   : "changes at the next restart only; the old value stays");
	if (changes->count == 0)
		qd_shell_say(s, QD_LEVEL_NOTICE, "reload: nothing changed");
}

/* Reads files: short, and only because an operator asked for it. */
static void on_hangup(void *context, int number)
{
	struct qd_shell *s = context;
	static struct qd_conf fresh;
	static struct qd_conf_messages messages;
	static struct qd_conf_changes changes;
	(void)number;
	s->now = qd_clock_now();
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(s->now.ns / 1000));
	qd_shell_rekey(s);
	if (qd_shell_config_load(s->conf_file, &fresh, &messages) != 0) {
		for (uint32_t i = 0; i < messages.count && i < QD_CONF_MESSAGES_MAX; i++)
			qd_shell_say(s, QD_LEVEL_ERROR, "reload: %s", messages.text[i]);
		qd_shell_say(s, QD_LEVEL_ERROR, "reload: nothing is changed");
	} else {
		qd_conf_diff(&s->conf, &fresh, &changes);
		say_changes(s, &changes);
		qd_conf_apply_live(&s->conf, &fresh);
		struct qd_event ev = {.kind = QD_EVENT_TIMES};
		ev.u.times = s->conf.times;
		if (memcmp(&s->conf.times, &s->node.config.times, sizeof ev.u.times) != 0)
			qd_shell_post(s, &ev);
		qd_runner_configure(&s->runner, &s->conf, s->api_program);
	}
	explicit_bzero(&fresh.chap, sizeof fresh.chap);
	(void)sd_notify(0, "READY=1");
}

static void on_user(void *context, int number)
{
	struct qd_shell *s = context;
	char file[QD_CONF_FILE_MAX + 32];
	(void)number;
	(void)snprintf(file, sizeof file, "%s/recorder.log", s->conf.run_dir);
	int rc = qd_recorder_dump(s->recorder, file);
	qd_shell_say(s, rc == 0 ? QD_LEVEL_NOTICE : QD_LEVEL_ERROR, "flight recorder: %s %s", file,
		     rc == 0 ? "written" : "cannot be written");
	qd_shell_say(s, QD_LEVEL_NOTICE,
		     "%llu steps, mean %llu ns, longest %llu ns; latest timeout %llu us late",
		     (unsigned long long)s->steps,
		     (unsigned long long)(s->steps > 0 ? s->step_ns_sum / s->steps : 0),
		     (unsigned long long)s->step_ns_max, (unsigned long long)s->late_ns_max / 1000);
}

int qd_shell_watch_signals(struct qd_shell *s)
{
	s->term = (struct qd_signal){.fn = on_terminate, .context = s};
	s->interrupt = (struct qd_signal){.fn = on_terminate, .context = s};
	s->hangup = (struct qd_signal){.fn = on_hangup, .context = s};
	s->user = (struct qd_signal){.fn = on_user, .context = s};
	int rc = qd_signal_add(&s->loop, &s->term, SIGTERM);
	if (rc == 0)
		rc = qd_signal_add(&s->loop, &s->interrupt, SIGINT);
	if (rc == 0)
		rc = qd_signal_add(&s->loop, &s->hangup, SIGHUP);
	return rc == 0 ? qd_signal_add(&s->loop, &s->user, SIGUSR1) : rc;
}

static int fill_target(struct qd_shell *s, uint32_t path, struct qd_iscsi_target *t)
{
	const struct qd_conf_path *c = &s->conf.paths[path];
	const struct qd_conf_chap *chap = &s->conf.chap;
	char why[256];
	*t = (struct qd_iscsi_target){
		.port = c->port,
		.lun = c->lun,
		.isid = s->conf.node_id * 256 + path,
		.header_digest = s->conf.header_digest == QD_CONF_DIGEST_CRC32C ? QD_ISCSI_DIGEST_PREFER
										: QD_ISCSI_DIGEST_NONE,
		.data_digest = s->conf.data_digest == QD_CONF_DIGEST_CRC32C,
	};
	(void)snprintf(t->host, sizeof t->host, "%s", c->host);
	(void)snprintf(t->target, sizeof t->target, "%s", c->target);
	if (!qd_conf_initiator(&s->conf, path, t->initiator)) {
		qd_shell_say(s, QD_LEVEL_ERROR, "path %u: the initiator name is too long", path);
		return -QD_ERR_CONFIG;
	}
	if (chap->user[0] != '\0') {
		(void)snprintf(t->user, sizeof t->user, "%s", chap->user);
		(void)snprintf(t->secret, sizeof t->secret, "%s", chap->secret);
		(void)snprintf(t->target_user, sizeof t->target_user, "%s", chap->mutual_user);
		(void)snprintf(t->target_secret, sizeof t->target_secret, "%s", chap->mutual_secret);
	}
	int rc = qd_iscsi_target_resolve(t, why, sizeof why);
	if (rc != 0)
		qd_shell_say(s, QD_LEVEL_ERROR, "path %u: %s", path, why);
	return rc;
}

static uint32_t highest_member(uint64_t members)
{
	uint32_t id = 0;
	for (uint32_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX; i++)
		if ((members >> (i - 1) & 1u) != 0)
			id = i;
	return id;
}

/* With views nodes are added while this one runs: up to here their records are seen without a restart. */
static uint32_t records_read(const struct qd_shell *s)
{
	const uint32_t highest = highest_member(s->conf.members);
	return s->conf.has_cluster && highest < QD_SHELL_RECORDS_LEAST ? QD_SHELL_RECORDS_LEAST : highest;
}

int qd_shell_open_paths(struct qd_shell *s)
{
	struct qd_iscsi_target targets[QD_PATHS_MAX];
	int rc = 0;
	for (uint32_t p = 0; p < s->conf.path_count && rc == 0; p++)
		rc = fill_target(s, p, &targets[p]);
	if (rc == 0) {
		struct qd_paths_config config = {
			.loop = &s->loop,
			.count = s->conf.path_count,
			.targets = targets,
			.record_count = records_read(s),
			.cluster_tag = qd_cluster_tag(s->conf.cluster),
			.store = s->config != NULL ? qd_shell_config_take : NULL,
			.load = s->config != NULL ? qd_shell_config_give : NULL,
			.text_context = s->config,
		};
		_Static_assert(sizeof config.cluster == sizeof s->conf.cluster, "both as on the disk");
		memcpy(config.cluster, s->conf.cluster, sizeof config.cluster);
		rc = qd_paths_open(&config, &s->paths);
	}
	explicit_bzero(targets, sizeof targets);
	return rc;
}

int qd_shell_open_node(struct qd_shell *s)
{
	char why[QD_STORE_WHY_MAX];
	struct qd_node_config c = {
		.node_id = s->conf.node_id,
		.members = s->conf.members,
		.cluster_tag = qd_cluster_tag(s->conf.cluster),
		.path_count = s->conf.path_count,
		.times = s->conf.times,
		.start_limit = s->conf.start_timeout,
		.stop_limit = s->conf.stop_timeout,
		.has_group = s->conf.has_group,
	};
	int rc = qd_identity_read(&s->conf, c.machine_id, c.boot_id, why, sizeof why);
	if (rc == 0) {
		(void)snprintf(s->store.dir, sizeof s->store.dir, "%s", s->conf.state_dir);
		s->store.node_id = c.node_id;
		memcpy(s->store.machine_id, c.machine_id, sizeof c.machine_id);
		rc = qd_store_open(&s->store, &c.incarnation, why);
	}
	if (rc != 0) {
		qd_shell_say(s, QD_LEVEL_ERROR, "%s", why);
		return rc;
	}
	if (s->conf.has_cluster)
		rc = qd_shell_fill_cluster(s, &c);
	if (rc != 0)
		return rc;
	s->now = qd_clock_now();
	c.seed = s->now.ns ^ c.incarnation << 32 ^ c.node_id;
	qd_node_init(&s->node, &c, s->now);
	qd_stamper_init(&s->stamper, s->conf.stamp_interval, c.node_id);
	return 0;
}
