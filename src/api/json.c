/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json.h"

#include "base/assert.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The document as a text; takes it over. */
static char *dump(json_t *document)
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

static json_t *integer(uint64_t v)
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

/* Milliseconds from a to b; null when either is unknown. */
static json_t *between(struct qd_mono a, struct qd_mono b)
{
	if (qd_mono_is_never(a) || qd_mono_is_never(b) || a.ns == 0 || b.ns == 0)
		return json_null();
	return json_integer(qd_span_to_ms(qd_mono_sub(b, a)));
}

static const char *node_name(const struct qd_control_snapshot *s, uint32_t id)
{
	return id <= QD_NODE_ID_MAX && s->node_names[id][0] != '\0' ? s->node_names[id] : "?";
}

/* The holder's key is young enough that its defender counts as live. */
static bool has_owner(const struct qd_control_snapshot *s)
{
	const struct qd_sight *sight = &s->arbiter.sight;
	if (s->mine)
		return true;
	if (!sight->known || !sight->held || s->arbiter.owner_node == 0 ||
	    s->arbiter.owner_node == s->node_id)
		return false;
	return qd_mono_before(s->now, qd_mono_add(sight->since, s->times.challenge)) &&
	       qd_mono_before(s->now, qd_mono_add(sight->last_look, s->times.challenge));
}

bool qd_json_is_online(const struct qd_control_snapshot *s)
{
	return s->mine && (!s->has_group || s->group.state == QD_GROUP_ONLINE);
}

static json_t *owner_of(const struct qd_control_snapshot *s)
{
	if (!has_owner(s))
		return json_null();
	uint32_t id = s->mine ? s->node_id : s->arbiter.owner_node;
	uint64_t epoch = s->mine ? s->epoch : s->arbiter.owner_epoch;
	return json_pack("{s:o,s:s,s:o}", "id", integer(id), "name", node_name(s, id), "epoch",
			 integer(epoch));
}

static void warn(json_t *warnings, const char *code, const char *text)
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
		warn(warnings, "path", text);
	}
	return degraded;
}

static bool warn_all(const struct qd_control_snapshot *s, json_t *warnings)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	bool degraded = warn_paths(s, warnings);
	if (a->capabilities_known && !a->aptpl)
		warn(warnings, "no-aptpl",
		     "The target forgets reservations when it loses power: what the disk fences is not "
		     "fenced then.");
	if (a->capabilities_known && !a->preempt_and_abort)
		warn(warnings, "no-abort",
		     "The target has no PREEMPT AND ABORT: writes that a loser had queued may still be "
		     "executed.");
	if (a->hold == QD_HOLD_FOREIGN || a->hold == QD_HOLD_COPIED_IDENTITY ||
	    a->hold == QD_HOLD_WRONG_DISK) {
		warn(warnings, qd_hold_reason_name(a->hold), qd_hold_reason_text(a->hold));
		degraded = true;
	}
	if (a->state == QD_ARB_RESET || s->group.state == QD_GROUP_UNKNOWN) {
		warn(warnings, "reset", "The group could not be stopped: this machine must be reset.");
		degraded = true;
	}
	if (s->has_group && s->mine && s->group.state != QD_GROUP_ONLINE) {
		warn(warnings, "group", "This node owns and the group is not online.");
		degraded = true;
	}
	if (s->has_group && s->group.failed) {
		warn(warnings, "group-failed",
		     "The group failed here and is not started again in this epoch.");
		degraded = true;
	}
	return degraded;
}

static json_t *nodes_of(const struct qd_control_snapshot *s)
{
	json_t *list = json_array();
	uint32_t owner = s->mine ? s->node_id : has_owner(s) ? s->arbiter.owner_node : 0;
	for (uint32_t id = QD_NODE_ID_MIN; id <= QD_NODE_ID_MAX; id++) {
		if ((s->members >> (id - 1) & 1) == 0)
			continue;
		(void)json_array_append_new(list, json_pack("{s:o,s:s,s:b,s:b}", "id", integer(id), "name",
							    node_name(s, id), "self", id == s->node_id,
							    "owner", id == owner));
	}
	return list;
}

static json_t *paths_of(const struct qd_control_snapshot *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->arbiter.path_count && i < QD_PATHS_MAX; i++) {
		const struct qd_path *p = &s->arbiter.paths[i];
		(void)json_array_append_new(
			list, json_pack("{s:o,s:s,s:b,s:s,s:o,s:o,s:o,s:o}", "path", integer(i), "state",
					qd_path_state_name(p->state), "beating",
					s->mine && i == s->arbiter.beating_path, "last_error",
					qd_outcome_name(p->last_error), "key", key_text(p->key), "logins",
					integer(p->logins), "losses", integer(p->losses), "login_failures",
					integer(p->login_failures)));
	}
	return list;
}

static json_t *disk_of(const struct qd_control_snapshot *s)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	const struct qd_sight *sight = &a->sight;
	return json_pack("{s:b,s:b,s:o,s:o,s:s,s:o,s:o,s:o,s:b,s:b,s:b}", "known", sight->known, "reserved",
			 sight->known && sight->held, "holder_key", key_text(sight->holder), "holder_node",
			 integer(sight->held ? qd_key_node(sight->holder) : 0), "type",
			 sight->held ? qd_pr_type_name(sight->type) : "none", "generation",
			 integer(sight->generation), "seen_ms", between(sight->since, s->now), "looked_ms",
			 between(sight->last_look, s->now), "capabilities_known", a->capabilities_known,
			 "aptpl", a->aptpl, "preempt_and_abort", a->preempt_and_abort);
}

static json_t *lease_of(const struct qd_control_snapshot *s)
{
	if (!s->lease.held)
		return json_null();
	return json_pack("{s:o,s:o,s:o}", "age_ms", between(s->lease.start, s->now), "begin_stop_in_ms",
			 between(s->now, s->lease.begin_stop), "stopped_in_ms",
			 between(s->now, s->lease.stopped_by));
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
	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rounds_good", integer(t->rounds_good),
		"rounds_bad", integer(t->rounds_bad), "looks", integer(t->looks), "strikes",
		integer(t->strikes), "takeovers", integer(t->takeovers), "losses", integer(t->losses),
		"scrubs", integer(t->scrubs), "unit_attentions", integer(t->unit_attentions), "stale_answers",
		integer(t->stale_answers), "late_steps", integer(t->late_steps), "last_round_us",
		integer(t->last_round_ns / 1000), "worst_round_us", integer(t->worst_round_ns / 1000));
}

char *qd_json_status(const struct qd_control_snapshot *s)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	json_t *warnings = json_array();
	bool degraded = warn_all(s, warnings);
	const char *health = !has_owner(s) ? "no-owner" : degraded ? "degraded" : "healthy";
	json_t *document = json_pack(
		"{s:s,s:s,s:{s:o,s:s},s:o,s:s,s:o,s:b,s:o,s:b}", "version", s->version, "cluster", s->cluster,
		"node", "id", integer(s->node_id), "name", node_name(s, s->node_id), "sequence",
		integer(s->sequence), "health", health, "owner", owner_of(s), "mine", s->mine, "epoch",
		s->mine ? integer(s->epoch) : json_null(), "online", qd_json_is_online(s));
	json_t *rest = json_pack(
		"{s:s,s:{s:s,s:s},s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "state",
		qd_arbiter_state_name(a->state), "hold", "reason", qd_hold_reason_name(a->hold), "text",
		qd_hold_reason_text(a->hold), "incarnation", integer(a->incarnation), "heir",
		a->heir != 0 ? integer(a->heir) : json_null(), "lease", lease_of(s), "group", group_of(s),
		"nodes", nodes_of(s), "disk", disk_of(s), "paths", paths_of(s), "times", times_of(&s->times),
		"stats", stats_of(&a->stats), "warnings", warnings, "log_next", integer(s->log_next));
	if (document == NULL || rest == NULL || json_object_update(document, rest) != 0) {
		json_decref(document);
		document = NULL;
	}
	json_decref(rest);
	return dump(document);
}

static const char *level_name(enum qd_trace_level level)
{
	static const char *const names[QD_LEVEL_COUNT] = {"debug", "notice", "warning", "error"};
	qd_assert((unsigned int)level < QD_LEVEL_COUNT);
	return names[level];
}

char *qd_json_lines(const struct qd_control_lines *lines)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < lines->count; i++) {
		const struct qd_control_line *l = &lines->list[i];
		(void)json_array_append_new(
			list, json_pack("{s:o,s:I,s:o,s:s,s:s}", "number", integer(l->number), "unix_ms",
					(json_int_t)l->unix_ms, "boot_us", integer(l->at.ns / 1000), "level",
					level_name(l->level), "text", l->text));
	}
	return dump(json_pack("{s:o,s:o,s:o}", "first", integer(lines->first), "next", integer(lines->next),
			      "lines", list));
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
	return dump(json_pack("{s:s,s:s,s:b}", "reply", reply_code(reply->reply), "text",
			      reply->why[0] != '\0' ? reply->why : qd_reply_name(reply->reply), "done",
			      reply->reply == QD_REPLY_DONE));
}

char *qd_json_error(const char *code, const char *text)
{
	return dump(json_pack("{s:{s:s,s:s}}", "error", "code", code, "text", text));
}
