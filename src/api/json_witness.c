/* SPDX-License-Identifier: Apache-2.0 */
/* The witness in the documents. What quorum-witnessd's own status shows too has the same name and form there. */
#include "api/json_parts.h"

#include <stdio.h>

enum { NS_A_US = 1000, NS_A_MS = 1000000, TEXT_BYTES = 200 + QD_SHARE_WHY_MAX };

static json_t *way_of(const struct qd_control_snapshot *s, const struct qd_control_witness_way *w)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "address", w->text, "asked", qd_json_integer(w->asked),
			 "answered", qd_json_integer(w->answered), "answered_ms",
			 qd_json_between(w->answered_at, s->now), "rtt_us",
			 w->answered > 0 ? qd_json_integer(w->rtt_ns / NS_A_US) : json_null(), "rtt_worst_us",
			 w->answered > 0 ? qd_json_integer(w->rtt_worst_ns / NS_A_US) : json_null());
}

/* What it said last, to whoever asked here. */
static json_t *said_of(const struct qd_control_snapshot *s)
{
	const struct qd_control_witness *w = &s->witness;
	/* What could not be written says nothing of it. */
	const bool confirmed = w->verdict != QD_WITNESS_UNCONFIRMED && w->verdict != QD_WITNESS_STORE;
	char cluster[2 * QD_WITNESS_CLUSTER_BYTES + 1];
	for (size_t i = 0; i < QD_WITNESS_CLUSTER_BYTES; i++)
		(void)snprintf(cluster + 2 * i, 3, "%02x", w->cluster[i]);
	return json_pack("{s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:[o,o]}", "cluster", cluster, "said",
			 qd_witness_verdict_name(w->verdict), "confirmed", confirmed, "epoch",
			 qd_json_integer(w->epoch), "holder", qd_json_integer(w->holder), "renewed_ms",
			 qd_json_between(w->renewed, s->now), "said_ms",
			 qd_json_between(w->answered_at, s->now), "tag", qd_json_integer(w->tag.epoch),
			 qd_json_integer(w->tag.version));
}

json_t *qd_json_witness(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	const struct qd_control_witness *w = &s->witness;
	json_t *ways = json_array();
	if (!s->has_witness) {
		json_decref(ways);
		return json_null();
	}
	for (uint32_t i = 0; i < w->way_count; i++)
		(void)json_array_append_new(ways, way_of(s, &w->way[i])); /* a missing one is seen */
	return json_pack(
		"{s:b,s:o,s:o,s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "answers", v->witness_answered,
		"verdict",
		v->witness_answered ? json_string(qd_witness_verdict_name(v->witness_verdict)) : json_null(),
		"configuration", qd_json_tag(v->witness_tag), "kind",
		w->kind == QD_CONTROL_WITNESS_SHARE ? "share" : "daemon", "reachable", w->reachable, "ways",
		ways, "asks", qd_json_integer(w->way_at), "record", w->known ? said_of(s) : json_null(),
		"refused", qd_json_integer(w->refused), "dropped", qd_json_integer(w->dropped), "hangs_ms",
		qd_json_integer(w->hangs_ns / NS_A_MS), "why",
		w->why[0] != '\0' ? json_string(w->why) : json_null());
}

/* A share that is of no use to this node, although it answers. */
static bool warn_why(const struct qd_control_snapshot *s, json_t *warnings)
{
	const struct qd_control_witness *w = &s->witness;
	char text[TEXT_BYTES];
	if (w->why[0] == '\0')
		return false;
	(void)snprintf(text, sizeof(text), "The witness's share: %s.", w->why);
	qd_json_warn(warnings, "witness-share", text);
	return w->verdict == QD_WITNESS_STORE;
}

bool qd_json_warn_witness(const struct qd_control_snapshot *s, json_t *warnings)
{
	const struct qd_cluster_status *v = &s->views;
	const bool answered = v->leader == s->node_id ? v->witness_answered : s->witness.reachable;
	char text[TEXT_BYTES];
	if (v->head.votes.model != QD_MODEL_NODE_AND_WITNESS)
		return false;
	const bool useless = warn_why(s, warnings);
	/* Only a leader needs more than an answer. */
	if (answered && (v->leader != s->node_id || v->witness_verdict == QD_WITNESS_OK))
		return useless;
	(void)snprintf(text, sizeof(text), "The witness %s%s.",
		       answered ? "refuses: " : "does not answer: its vote is missing when it is needed",
		       answered ? qd_witness_verdict_name(v->witness_verdict) : "");
	qd_json_warn(warnings, "witness", text);
	return true;
}
