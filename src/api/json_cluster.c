/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_parts.h"
#include "api/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PERMILLE = 1000, NS_A_US = 1000 };

/* ------------------------------------------------ parts */

static json_t *extra_of(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	const uint32_t extra = qd_votes_extra(&v->head.votes);
	if (extra == 0)
		return json_null();
	return json_pack("{s:s,s:o,s:o}", "kind", (extra & QD_EXTRA_DISK) != 0 ? "disk" : "witness", "vote",
			 qd_json_integer(qd_votes_of_extra(&v->head.votes)), "holder",
			 qd_json_node(s, v->extra_holder));
}

json_t *qd_json_quorum(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	const struct qd_head *h = &v->head;
	if (!s->has_cluster)
		return json_null();
	json_t *forced = h->forced_by != 0
				 ? json_pack("{s:o,s:I,s:b}", "node", qd_json_node(s, h->forced_by), "unix_s",
					     (json_int_t)h->forced_unix_s, "over", !qd_why_is_forced(s))
				 : json_null();
	return json_pack("{s:s,s:b,s:o,s:o,s:o,s:b,s:o,s:o,s:b,s:o}", "model", qd_model_name(h->votes.model),
			 "quorate", v->quorate, "votes_present", qd_json_integer(v->votes_present),
			 "votes_needed", qd_json_integer(v->votes_needed), "votes_total",
			 qd_json_integer(v->votes_total), "dynamic", h->votes.dynamic, "lower_priority_node",
			 qd_json_node(s, h->votes.low), "extra", extra_of(s), "changing", h->has_old,
			 "forced", forced);
}

json_t *qd_json_view(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	if (!s->has_cluster)
		return json_null();
	json_t *members = json_array();
	for (uint32_t id = qd_set_next(v->members, 0); id != 0; id = qd_set_next(v->members, id))
		(void)json_array_append_new(members, qd_json_integer(id)); /* as warn() */
	return json_pack("{s:s,s:o,s:o,s:o,s:s,s:b,s:b,s:o,s:o,s:o,s:o,s:o}", "state",
			 qd_cluster_state_name(v->state), "epoch", qd_json_integer(v->epoch), "leader",
			 qd_json_node(s, v->leader), "members", members, "wait",
			 qd_cluster_wait_text(v->wait), "leaving", v->leaving, "join_only", s->join_only,
			 "views", qd_json_integer(v->views), "falls", qd_json_integer(v->falls),
			 "detection_ms", json_integer(qd_span_to_ms(s->detection)), "configuration",
			 qd_json_tag(v->head.tag), "body", qd_json_digest(v->head.body));
}

json_t *qd_json_networks(const struct qd_control_snapshot *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->network_count; i++) {
		const struct qd_control_network *n = &s->networks[i];
		const int64_t error = !n->open ? n->open_error : n->last_error;
		if (!n->used)
			continue;
		(void)json_array_append_new(
			list, json_pack("{s:o,s:s,s:s,s:s,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o}", "network",
					qd_json_integer(i), "name", n->name, "address", n->address, "role",
					qd_network_role_name(n->role), "metric", qd_json_integer(n->metric),
					"open", n->open, "error",
					error != 0 ? json_string(strerrordesc_np((int)-error)) : json_null(),
					"sent", qd_json_integer(n->sent), "received",
					qd_json_integer(n->received), "dropped", qd_json_integer(n->dropped),
					"not_sent", qd_json_integer(n->not_sent), "receive_errors",
					qd_json_integer(n->receive_errors)));
	}
	return list;
}

json_t *qd_json_packets(const struct qd_control_snapshot *s)
{
	json_t *packets = s->has_cluster ? json_object() : json_null();
	uint64_t replayed = 0;
	for (uint32_t id = qd_set_next(s->members, 0); id != 0; id = qd_set_next(s->members, id))
		replayed += s->replayed[id - 1];
	for (uint32_t i = 0; i < QD_PACKET_VERDICT_COUNT && s->has_cluster; i++)
		(void)json_object_set_new(packets, qd_packet_verdict_name((enum qd_packet_verdict)i),
					  qd_json_integer(s->packets[i])); /* as warn() */
	if (s->has_cluster)
		(void)json_object_set_new(packets, "replayed", qd_json_integer(replayed));
	return packets;
}

static json_t *link_of(const struct qd_control_snapshot *s, const struct qd_control_link *l)
{
	const uint64_t all = l->exchanges + l->lost;
	const struct qd_control_network *n = &s->networks[l->network];
	return json_pack("{s:o,s:s,s:b,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "network",
			 qd_json_integer(l->network), "name", n->name, "up", l->up, "subnet",
			 l->same_subnet ? "same" : "cross", "missed", qd_json_integer(l->missed), "threshold",
			 qd_json_integer(l->threshold), "delay_ms", json_integer(qd_span_to_ms(l->delay)),
			 "exchanges", qd_json_integer(l->exchanges), "lost", qd_json_integer(l->lost),
			 "lost_permille", qd_json_integer(all > 0 ? l->lost * PERMILLE / all : 0), "rtt_us",
			 qd_json_integer(l->rtt_ns / NS_A_US), "rtt_smooth_us",
			 qd_json_integer(l->rtt_smooth_ns / NS_A_US), "rtt_worst_us",
			 qd_json_integer(l->rtt_worst_ns / NS_A_US), "metric", qd_json_integer(n->metric));
}

int qd_json_node_details(const struct qd_control_snapshot *s, uint32_t id, json_t *node)
{
	const struct qd_cluster_status *v = &s->views;
	const struct qd_votes *votes = &v->head.votes;
	json_t *links = json_array();
	for (uint32_t i = 0; i < s->link_count; i++) {
		if (s->links[i].node == id)
			(void)json_array_append_new(links, link_of(s, &s->links[i])); /* as warn() */
	}
	json_t *rest = json_pack(
		"{s:s,s:b,s:b,s:o,s:o,s:o,s:o,s:b,s:o,s:o}", "state", qd_why_node_state(s, id), "member",
		qd_set_has(v->members, id), "paused", qd_set_has(votes->paused, id), "weight",
		qd_json_integer(votes->weight[id - 1]), "vote", qd_json_integer(qd_votes_of(votes, id)),
		"incarnation", qd_json_integer(v->incarnation[id - 1]), "configuration",
		qd_json_tag(v->tags[id - 1]), "has_vote", (v->news_flags[id - 1] & QD_NEWS_NO_VOTE) == 0,
		"replayed", qd_json_integer(s->replayed[id - 1]), "links", links);
	const int status = node != NULL && rest != NULL ? json_object_update(node, rest) : -1;
	json_decref(rest);
	return status;
}

/* ------------------------------------------------ warnings */

enum { TEXT_BYTES = 400 };

static bool warn_node(const struct qd_control_snapshot *s, uint32_t id, json_t *warnings)
{
	const char *state = qd_why_node_state(s, id);
	const char *name = qd_json_node_name(s, id);
	char text[TEXT_BYTES];
	uint32_t up = 0;
	const uint32_t links = qd_why_links(s, id, &up);
	if ((s->views.news_flags[id - 1] & QD_NEWS_NO_VOTE) != 0) {
		(void)snprintf(
			text, sizeof(text),
			"The vote of node %s does not count: its store is new, or not provably its own.",
			name);
		qd_json_warn(warnings, "no-vote", text);
	}
	if (strcmp(state, "up") == 0)
		return false;
	if (strcmp(state, "down") == 0 && links > 1)
		(void)snprintf(text, sizeof(text),
			       "Node %s is down: it is not heard on any of %" PRIu32 " networks.", name,
			       links);
	else if (strcmp(state, "down") == 0)
		(void)snprintf(text, sizeof(text), "Node %s is down: it is not heard.", name);
	else
		(void)snprintf(text, sizeof(text), "Node %s is no member of the view: %s.", name, state);
	qd_json_warn(warnings, "node", text);
	return true;
}

/* Links to nodes that are heard over others. */
static bool warn_links(const struct qd_control_snapshot *s, json_t *warnings)
{
	bool degraded = false;
	for (uint32_t i = 0; i < s->link_count; i++) {
		const struct qd_control_link *l = &s->links[i];
		char text[TEXT_BYTES];
		if (l->up || !qd_set_has(s->views.hears, l->node))
			continue;
		(void)snprintf(text, sizeof(text),
			       "The link to node %s on network %" PRIu32
			       " is down: it is heard on others only.",
			       qd_json_node_name(s, l->node), l->network);
		qd_json_warn(warnings, "link", text);
		degraded = true;
	}
	return degraded;
}

static bool warn_networks(const struct qd_control_snapshot *s, json_t *warnings)
{
	bool degraded = false;
	for (uint32_t i = 0; i < s->network_count; i++) {
		const struct qd_control_network *n = &s->networks[i];
		char text[TEXT_BYTES];
		if (!n->used || n->open)
			continue;
		(void)snprintf(text, sizeof(text), "Network %" PRIu32 " (%s) cannot be used: %s.", i,
			       n->address, strerrordesc_np((int)-n->open_error));
		qd_json_warn(warnings, "network", text);
		degraded = true;
	}
	return degraded;
}

static bool warn_store(const struct qd_control_snapshot *s, json_t *warnings)
{
	char text[TEXT_BYTES + QD_CONTROL_WHY_MAX];
	if (s->store_why[0] == '\0')
		return false;
	(void)snprintf(text, sizeof(text), "This node's own store cannot be written: %s.", s->store_why);
	qd_json_warn(warnings, "store", text);
	return true;
}

bool qd_json_warn_cluster(const struct qd_control_snapshot *s, json_t *warnings)
{
	const struct qd_head *h = &s->views.head;
	char text[TEXT_BYTES];
	bool degraded = false;
	if (!s->has_cluster)
		return false;
	for (uint32_t id = qd_set_next(s->members, 0); id != 0; id = qd_set_next(s->members, id))
		degraded = warn_node(s, id, warnings) || degraded;
	degraded = warn_links(s, warnings) || degraded;
	degraded = warn_networks(s, warnings) || degraded;
	degraded = qd_json_warn_witness(s, warnings) || degraded;
	degraded = warn_store(s, warnings) || degraded;
	if (!qd_why_is_forced(s))
		return degraded;
	(void)snprintf(text, sizeof(text),
		       "The quorum was forced on node %s, and at most half of the configured votes are here; "
		       "this ends when more are.",
		       qd_json_node_name(s, h->forced_by));
	qd_json_warn(warnings, "forced", text);
	return true;
}
