/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_parts.h"
#include "api/why.h"
#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET_US = 100 }; /* bucket n of the histograms counts below 2^n of it */

char *qd_json_dump(json_t *document)
{
	char *text = document != NULL ? json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(document);
	size_t len = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? realloc(text, len + 2) : NULL;
	if (line == NULL) {
		free(text);
		return NULL;
	}
	line[len] = '\n';
	line[len + 1] = '\0';
	return line;
}

json_t *qd_json_integer(uint64_t v)
{
	/* JSON readers lose what is above 2^53; our counters never get there, keys are texts. */
	return json_integer((json_int_t)v);
}

static json_t *key_text(struct qd_key key)
{
	char text[24];
	if (qd_key_is_none(key))
		return json_null();
	(void)snprintf(text, sizeof(text), "0x%016" PRIx64, key.value);
	return json_string(text);
}

json_t *qd_json_between(struct qd_mono a, struct qd_mono b)
{
	if (qd_mono_is_never(a) || qd_mono_is_never(b) || a.ns == 0 || b.ns == 0)
		return json_null();
	return json_integer(qd_span_to_ms(qd_mono_sub(b, a)));
}

const char *qd_json_node_name(const struct qd_control_snapshot *s, uint32_t id)
{
	return id <= QD_NODE_ID_MAX && s->node_names[id][0] != '\0' ? s->node_names[id] : "?";
}

json_t *qd_json_node(const struct qd_control_snapshot *s, uint32_t id)
{
	if (id == 0)
		return json_null();
	return json_pack("{s:o,s:s}", "id", qd_json_integer(id), "name", qd_json_node_name(s, id));
}

json_t *qd_json_tag(struct qd_tag tag)
{
	return json_pack("{s:o,s:o}", "epoch", qd_json_integer(tag.epoch), "version",
			 qd_json_integer(tag.version));
}

json_t *qd_json_digest(const uint8_t digest[QD_DIGEST_BYTES])
{
	char text[2 * QD_DIGEST_BYTES + 1];
	for (size_t i = 0; i < QD_DIGEST_BYTES; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return json_string(text);
}

json_t *qd_json_histogram(const uint64_t *buckets, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		const bool last = i + 1 == count;
		if (buckets[i] == 0)
			continue;
		(void)json_array_append_new(
			list, json_pack("{s:o,s:o}", "below_us",
					last ? json_null() : qd_json_integer((uint64_t)BUCKET_US << i),
					"count", qd_json_integer(buckets[i])));
	}
	return list;
}

bool qd_json_is_online(const struct qd_control_snapshot *s)
{
	return s->mine && (!s->has_group || s->group.state == QD_GROUP_ONLINE);
}

/* 0: nobody. */
static uint32_t owner_id(const struct qd_control_snapshot *s)
{
	if (s->mine)
		return s->node_id;
	if (!qd_why_has_owner(s))
		return 0;
	return s->has_cluster ? s->views.leader : s->arbiter.owner_node;
}

static json_t *owner_of(const struct qd_control_snapshot *s)
{
	uint32_t id = owner_id(s);
	if (id == 0)
		return json_null();
	uint64_t epoch = s->mine ? s->epoch : s->has_cluster ? s->views.epoch : s->arbiter.owner_epoch;
	return json_pack("{s:o,s:s,s:o}", "id", qd_json_integer(id), "name", qd_json_node_name(s, id),
			 "epoch", qd_json_integer(epoch));
}

void qd_json_warn(json_t *warnings, const char *code, const char *text)
{
	/* Out of memory is seen when the document is packed: the array is NULL then, or the text is missing from it. */
	(void)json_array_append_new(warnings, json_pack("{s:s,s:s}", "code", code, "text", text));
}

/* What somebody should look at. Returns true when the cluster is degraded by it. */
static bool warn_paths(const struct qd_control_snapshot *s, json_t *warnings)
{
	bool degraded = false;
	for (uint32_t i = 0; i < s->arbiter.path_count && i < QD_PATHS_MAX; i++) {
		const struct qd_path *p = &s->arbiter.paths[i];
		char text[160];
		if (p->state == QD_PATH_READY)
			continue;
		degraded = true;
		(void)snprintf(text, sizeof(text),
			       "Path %" PRIu32 " to the quorum disk is %s, last error: %s.", i,
			       qd_path_state_name(p->state), qd_outcome_name(p->last_error));
		qd_json_warn(warnings, "path", text);
	}
	return degraded;
}

static bool warn_all(const struct qd_control_snapshot *s, json_t *warnings)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	bool degraded = warn_paths(s, warnings);
	degraded = qd_json_warn_cluster(s, warnings) || degraded;
	if (a->capabilities_known && !a->aptpl)
		qd_json_warn(
			warnings, "no-aptpl",
			"The target forgets reservations when it loses power: what the disk fences is not "
			"fenced then.");
	if (a->capabilities_known && !a->preempt_and_abort)
		qd_json_warn(
			warnings, "no-abort",
			"The target has no PREEMPT AND ABORT: writes that a loser had queued may still be "
			"executed.");
	if (a->hold == QD_HOLD_FOREIGN || a->hold == QD_HOLD_COPIED_IDENTITY ||
	    a->hold == QD_HOLD_WRONG_DISK) {
		qd_json_warn(warnings, qd_hold_reason_name(a->hold), qd_hold_reason_text(a->hold));
		degraded = true;
	}
	if (a->state == QD_ARB_RESET || s->group.state == QD_GROUP_UNKNOWN) {
		qd_json_warn(warnings, "reset",
			     "The group could not be stopped: this machine must be reset.");
		degraded = true;
	}
	if (s->has_group && s->mine && s->group.state != QD_GROUP_ONLINE) {
		qd_json_warn(warnings, "group", "This node owns and the group is not online.");
		degraded = true;
	}
	if (s->has_group && s->group.failed) {
		qd_json_warn(warnings, "group-failed",
			     "The group failed here and is not started again in this epoch.");
		degraded = true;
	}
	return degraded;
}

static json_t *nodes_of(const struct qd_control_snapshot *s)
{
	json_t *list = json_array();
	const uint32_t owner = owner_id(s);
	for (uint32_t id = QD_NODE_ID_MIN; id <= QD_NODE_ID_MAX; id++) {
		if ((s->members >> (id - 1) & 1) == 0)
			continue;
		json_t *node =
			json_pack("{s:o,s:s,s:b,s:b}", "id", qd_json_integer(id), "name",
				  qd_json_node_name(s, id), "self", id == s->node_id, "owner", id == owner);
		if (s->has_cluster && qd_json_node_details(s, id, node) != 0) {
			json_decref(node);
			node = NULL;
		}
		(void)json_array_append_new(list, node); /* as above */
	}
	return list;
}

static json_t *paths_of(const struct qd_control_snapshot *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->arbiter.path_count && i < QD_PATHS_MAX; i++) {
		const struct qd_path *p = &s->arbiter.paths[i];
		(void)json_array_append_new(
			list, json_pack("{s:o,s:s,s:b,s:s,s:o,s:o,s:o,s:o}", "path", qd_json_integer(i),
					"state", qd_path_state_name(p->state), "beating",
					s->mine && i == s->arbiter.beating_path, "last_error",
					qd_outcome_name(p->last_error), "key", key_text(p->key), "logins",
					qd_json_integer(p->logins), "losses", qd_json_integer(p->losses),
					"login_failures", qd_json_integer(p->login_failures)));
	}
	return list;
}

static json_t *disk_of(const struct qd_control_snapshot *s)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	const struct qd_sight *sight = &a->sight;
	return json_pack("{s:b,s:b,s:o,s:o,s:s,s:o,s:o,s:o,s:b,s:b,s:b}", "known", sight->known, "reserved",
			 sight->known && sight->held, "holder_key", key_text(sight->holder), "holder_node",
			 qd_json_integer(sight->held ? qd_key_node(sight->holder) : 0), "type",
			 sight->held ? qd_pr_type_name(sight->type) : "none", "generation",
			 qd_json_integer(sight->generation), "seen_ms", qd_json_between(sight->since, s->now),
			 "looked_ms", qd_json_between(sight->last_look, s->now), "capabilities_known",
			 a->capabilities_known, "aptpl", a->aptpl, "preempt_and_abort", a->preempt_and_abort);
}

static json_t *lease_of(const struct qd_control_snapshot *s)
{
	if (!s->lease.held)
		return json_null();
	return json_pack("{s:o,s:o,s:o}", "age_ms", qd_json_between(s->lease.start, s->now),
			 "begin_stop_in_ms", qd_json_between(s->now, s->lease.begin_stop), "stopped_in_ms",
			 qd_json_between(s->now, s->lease.stopped_by));
}

/* How much may still go wrong before the stop begins, and what it was like until now. */
static json_t *margin_of(const struct qd_control_snapshot *s)
{
	const struct qd_arbiter_stats *t = &s->arbiter.stats;
	const struct qd_control_proofs *p = &s->proofs;
	const bool views = s->has_cluster;
	const bool runs = views ? s->views.quorate : s->lease.held;
	const struct qd_mono start = views ? s->views.right_start : s->lease.start;
	const struct qd_mono until = views ? s->views.begin_stop : s->lease.begin_stop;
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "by", views ? "quorum" : "disk", "age_ms",
			 runs ? qd_json_between(start, s->now) : json_null(), "begin_stop_in_ms",
			 runs ? qd_json_between(s->now, until) : json_null(), "rounds_left",
			 runs ? qd_json_integer(qd_why_rounds_left(s)) : json_null(), "rounds",
			 qd_json_integer(views ? p->count : t->rounds_good), "last_us",
			 qd_json_integer((views ? p->last_ns : t->last_round_ns) / 1000), "worst_us",
			 qd_json_integer((views ? p->worst_ns : t->worst_round_ns) / 1000), "histogram",
			 views ? qd_json_histogram(p->histogram, QD_CONTROL_PROOF_BUCKETS)
			       : qd_json_histogram(t->round_histogram, QD_ROUND_BUCKETS));
}

static json_t *arbitration_of(const struct qd_control_snapshot *s)
{
	const struct qd_control_arbitration *a = &s->arbitration;
	if (a->unix_ms == 0)
		return json_null();
	return json_pack("{s:I,s:s,s:s}", "unix_ms", (json_int_t)a->unix_ms, "text", a->text, "reason",
			 a->reason);
}

static const char *health_of(const struct qd_control_snapshot *s, bool degraded)
{
	if (!qd_why_has_owner(s))
		return s->has_cluster ? "no-quorum" : "no-owner";
	return degraded ? "degraded" : "healthy";
}

static json_t *group_of(const struct qd_control_snapshot *s)
{
	if (!s->has_group)
		return json_null();
	return json_pack("{s:s,s:s,s:b}", "name", s->group_name, "state", qd_group_state_name(s->group.state),
			 "failed", s->group.failed);
}

static json_t *times_of(const struct qd_times *t)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "renew_ms", (json_int_t)qd_span_to_ms(t->renew),
			 "challenge_ms", (json_int_t)qd_span_to_ms(t->challenge), "takeover_ms",
			 (json_int_t)qd_span_to_ms(t->takeover), "wait_ms",
			 (json_int_t)qd_span_to_ms(t->wait), "slack_ms", (json_int_t)qd_span_to_ms(t->slack),
			 "begin_stop_ms", (json_int_t)qd_span_to_ms(t->begin_stop), "stopped_ms",
			 (json_int_t)qd_span_to_ms(t->stopped));
}

static json_t *stats_of(const struct qd_arbiter_stats *t)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rounds_good",
			 qd_json_integer(t->rounds_good), "rounds_bad", qd_json_integer(t->rounds_bad),
			 "looks", qd_json_integer(t->looks), "strikes", qd_json_integer(t->strikes),
			 "takeovers", qd_json_integer(t->takeovers), "losses", qd_json_integer(t->losses),
			 "scrubs", qd_json_integer(t->scrubs), "unit_attentions",
			 qd_json_integer(t->unit_attentions), "stale_answers",
			 qd_json_integer(t->stale_answers), "late_steps", qd_json_integer(t->late_steps),
			 "last_round_us", qd_json_integer(t->last_round_ns / 1000), "worst_round_us",
			 qd_json_integer(t->worst_round_ns / 1000));
}

char *qd_json_status(const struct qd_control_snapshot *s)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	json_t *warnings = json_array();
	bool degraded = warn_all(s, warnings);
	json_t *document =
		json_pack("{s:s,s:s,s:{s:o,s:s},s:o,s:s,s:o,s:b,s:o,s:b}", "version", s->version, "cluster",
			  s->cluster, "node", "id", qd_json_integer(s->node_id), "name",
			  qd_json_node_name(s, s->node_id), "sequence", qd_json_integer(s->sequence),
			  "health", health_of(s, degraded), "owner", owner_of(s), "mine", s->mine, "epoch",
			  s->mine ? qd_json_integer(s->epoch) : json_null(), "online", qd_json_is_online(s));
	json_t *rest = json_pack("{s:s,s:{s:s,s:s},s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "state",
				 qd_arbiter_state_name(a->state), "hold", "reason",
				 qd_hold_reason_name(a->hold), "text", qd_hold_reason_text(a->hold),
				 "incarnation", qd_json_integer(a->incarnation), "heir",
				 a->heir != 0 ? qd_json_integer(a->heir) : json_null(), "lease", lease_of(s),
				 "group", group_of(s), "nodes", nodes_of(s), "disk", disk_of(s), "paths",
				 paths_of(s), "times", times_of(&s->times), "stats", stats_of(&a->stats),
				 "warnings", warnings, "log_next", qd_json_integer(s->log_next));
	json_t *views = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "quorum", qd_json_quorum(s), "view",
				  qd_json_view(s), "networks", qd_json_networks(s), "packets",
				  qd_json_packets(s), "witness", qd_json_witness(s), "margin", margin_of(s),
				  "arbitration", arbitration_of(s));
	if (document == NULL || rest == NULL || views == NULL || json_object_update(document, rest) != 0 ||
	    json_object_update(document, views) != 0) {
		json_decref(document);
		document = NULL;
	}
	json_decref(rest);
	json_decref(views);
	return qd_json_dump(document);
}

char *qd_json_why(const struct qd_control_snapshot *s)
{
	struct qd_why why;
	json_t *list = json_array();
	qd_why_explain(s, &why);
	for (uint32_t i = 0; i < why.count; i++)
		(void)json_array_append_new(list, json_string(why.text[i])); /* as warn() */
	return qd_json_dump(json_pack("{s:b,s:o}", "quorate", why.quorate, "sentences", list));
}

char *qd_json_config(const struct qd_control_config *config, const char *text, size_t len_bytes)
{
	return qd_json_dump(json_pack("{s:o,s:b,s:o,s:o}", "configuration", qd_json_tag(config->tag),
				      "in_force", config->in_force, "digest", qd_json_digest(config->digest),
				      "text", json_stringn(text, len_bytes)));
}

char *qd_json_history(const struct qd_control_history *history)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < history->count; i++) {
		const struct qd_body_entry *e = &history->list[i];
		(void)json_array_append_new(list,
					    json_pack("{s:o,s:I,s:o}", "configuration", qd_json_tag(e->tag),
						      "unix_s", (json_int_t)e->unix_s, "digest",
						      qd_json_digest(e->digest))); /* as warn() */
	}
	return qd_json_dump(json_pack("{s:o}", "history", list));
}

static const char *level_name(enum qd_trace_level level)
{
	static const char *const names[QD_LEVEL_COUNT] = {"debug", "notice", "warning", "error"};
	qd_assert((unsigned int)level < QD_LEVEL_COUNT);
	return names[level];
}

/* "NOT_HEARD": what happened, for programs. */
static const char *event_name(enum qd_trace_code code)
{
	return code == QD_TRACE_NONE ? "DAEMON" : qd_trace_name(code);
}

char *qd_json_lines(const struct qd_control_lines *lines)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < lines->count; i++) {
		const struct qd_control_line *l = &lines->list[i];
		(void)json_array_append_new(
			list, json_pack("{s:o,s:I,s:o,s:s,s:s,s:s}", "number", qd_json_integer(l->number),
					"unix_ms", (json_int_t)l->unix_ms, "boot_us",
					qd_json_integer(l->at.ns / 1000), "level", level_name(l->level),
					"event", event_name(l->code), "text", l->text));
	}
	return qd_json_dump(json_pack("{s:o,s:o,s:o}", "first", qd_json_integer(lines->first), "next",
				      qd_json_integer(lines->next), "lines", list));
}

/* Codes for programs; the core's names are for people. */
static const char *reply_code(enum qd_reply reply)
{
	static const char *const codes[QD_REPLY_COUNT] = {"done",  "not-owner", "no-such-node", "heir-silent",
							  "busy",  "failed",	"no-view",	"would-lose",
							  "stale", "invalid"};
	qd_assert((unsigned int)reply < QD_REPLY_COUNT);
	return codes[reply];
}

char *qd_json_reply(const struct qd_control_reply *reply)
{
	return qd_json_dump(json_pack("{s:s,s:s,s:b}", "reply", reply_code(reply->reply), "text",
				      reply->why[0] != '\0' ? reply->why : qd_reply_name(reply->reply),
				      "done", reply->reply == QD_REPLY_DONE));
}

char *qd_json_error(const char *code, const char *text)
{
	return qd_json_dump(json_pack("{s:{s:s,s:s}}", "error", "code", code, "text", text));
}
