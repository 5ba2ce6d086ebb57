/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of quorumd/control.h to packets and back, for both ends. Each packet begins with
 * QD_CONTROL_VERSION; what no encoder of this version writes is refused. Pure. */
#ifndef QD_QUORUMD_CONTROL_WIRE_H
#define QD_QUORUMD_CONTROL_WIRE_H

#include "quorumd/control.h"
#include "quorumd/control_fields.h"

static inline void qd_wire_version(struct qd_fields *f)
{
	f->invalid = f->invalid || qd_field_number(f, QD_CONTROL_VERSION, 2) != QD_CONTROL_VERSION;
}

static inline void qd_wire_tag(struct qd_fields *f, struct qd_tag *t)
{
	qd_field_u64(f, &t->epoch);
	qd_field_u64(f, &t->version);
}

static inline void qd_wire_request(struct qd_fields *f, struct qd_control_request *r)
{
	qd_wire_version(f);
	r->ask = (enum qd_control_ask)qd_field_below(f, (uint32_t)r->ask, QD_ASK_COUNT);
	qd_field_u64(f, &r->id);
	qd_field_u64(f, &r->since);
	r->least = (enum qd_trace_level)qd_field_below(f, (uint32_t)r->least, QD_LEVEL_COUNT);
	qd_field_u32(f, &r->to);
	qd_wire_tag(f, &r->from);
	qd_field_bytes(f, r->digest, sizeof(r->digest));
}

static inline void qd_wire_line(struct qd_fields *f, struct qd_control_line *l)
{
	qd_field_u64(f, &l->number);
	qd_field_mono(f, &l->at);
	qd_field_i64(f, &l->unix_ms);
	l->level = (enum qd_trace_level)qd_field_below(f, (uint32_t)l->level, QD_LEVEL_COUNT);
	l->code = (enum qd_trace_code)qd_field_below(f, (uint32_t)l->code, QD_TRACE_COUNT);
	qd_field_text(f, l->text, sizeof(l->text));
}

static inline void qd_wire_lines(struct qd_fields *f, struct qd_control_lines *l)
{
	qd_field_u64(f, &l->next);
	qd_field_u64(f, &l->first);
	l->count = qd_field_below(f, l->count, QD_CONTROL_LOG_BATCH + 1);
	for (uint32_t i = 0; i < l->count; i++)
		qd_wire_line(f, &l->list[i]);
}

static inline void qd_wire_times(struct qd_fields *f, struct qd_times *t)
{
	qd_field_span(f, &t->renew);
	qd_field_span(f, &t->challenge);
	qd_field_span(f, &t->takeover);
	qd_field_span(f, &t->watchdog);
	qd_field_span(f, &t->look);
	qd_field_span(f, &t->wait);
	qd_field_span(f, &t->slack);
	qd_field_span(f, &t->drift);
	qd_field_span(f, &t->begin_stop);
	qd_field_span(f, &t->stopped);
}

static inline void qd_wire_group(struct qd_fields *f, struct qd_group *g)
{
	g->state = (enum qd_group_state)qd_field_below(f, (uint32_t)g->state, QD_GROUP_STATE_COUNT);
	qd_field_u64(f, &g->turn);
	qd_field_u64(f, &g->epoch);
	qd_field_mono(f, &g->stopped_by);
	qd_field_mono(f, &g->start_by);
	qd_field_bool(f, &g->failed);
}

static inline void qd_wire_path(struct qd_fields *f, struct qd_path *p)
{
	p->state = (enum qd_path_state)qd_field_below(f, (uint32_t)p->state, QD_PATH_STATE_COUNT);
	qd_field_u32(f, &p->login_failures);
	qd_field_u32(f, &p->unit_attentions);
	qd_field_mono(f, &p->retry_at);
	qd_field_mono(f, &p->since);
	qd_field_u64(f, &p->key.value);
	p->disk = (enum qd_disk_verdict)qd_field_below(f, (uint32_t)p->disk, QD_DISK_VERDICT_COUNT);
	p->last_error = (enum qd_outcome)qd_field_below(f, (uint32_t)p->last_error, QD_OUTCOME_COUNT);
	qd_field_u64(f, &p->logins);
	qd_field_u64(f, &p->losses);
}

static inline void qd_wire_sight(struct qd_fields *f, struct qd_sight *s)
{
	qd_field_bool(f, &s->known);
	qd_field_bool(f, &s->held);
	qd_field_u64(f, &s->holder.value);
	s->type = (enum qd_pr_type)qd_field_below(f, (uint32_t)s->type, QD_PR_TYPE_EXCLUSIVE_ACCESS_AR + 1);
	qd_field_u32(f, &s->generation);
	qd_field_mono(f, &s->since);
	qd_field_mono(f, &s->last_look);
}

static inline void qd_wire_stats(struct qd_fields *f, struct qd_arbiter_stats *s)
{
	qd_field_u64(f, &s->rounds_good);
	qd_field_u64(f, &s->rounds_bad);
	qd_field_u64(f, &s->looks);
	qd_field_u64(f, &s->strikes);
	qd_field_u64(f, &s->takeovers);
	qd_field_u64(f, &s->losses);
	qd_field_u64(f, &s->scrubs);
	qd_field_u64(f, &s->unit_attentions);
	qd_field_u64(f, &s->stale_answers);
	qd_field_u64(f, &s->late_steps);
	for (size_t i = 0; i < QD_ROUND_BUCKETS; i++)
		qd_field_u64(f, &s->round_histogram[i]);
	qd_field_u64(f, &s->last_round_ns);
	qd_field_u64(f, &s->worst_round_ns);
}

static inline void qd_wire_arbiter(struct qd_fields *f, struct qd_arbiter_status *a)
{
	a->state = (enum qd_arbiter_state)qd_field_below(f, (uint32_t)a->state, QD_ARB_STATE_COUNT);
	a->hold = (enum qd_hold_reason)qd_field_below(f, (uint32_t)a->hold, QD_HOLD_COUNT);
	qd_field_u64(f, &a->incarnation);
	qd_field_u64(f, &a->epoch);
	qd_field_u32(f, &a->owner_node);
	qd_field_u64(f, &a->owner_epoch);
	a->owner_record =
		(enum qd_record_state)qd_field_below(f, (uint32_t)a->owner_record, QD_RECORD_STATE_COUNT);
	qd_wire_sight(f, &a->sight);
	qd_field_bool(f, &a->aptpl);
	qd_field_bool(f, &a->preempt_and_abort);
	qd_field_bool(f, &a->capabilities_known);
	qd_field_u32(f, &a->heir);
	a->path_count = qd_field_below(f, a->path_count, QD_PATHS_MAX + 1);
	qd_field_u32(f, &a->beating_path);
	for (uint32_t i = 0; i < QD_PATHS_MAX; i++)
		qd_wire_path(f, &a->paths[i]);
	qd_field_u64(f, &a->key.value);
	qd_field_bytes(f, a->other_machine_id, sizeof(a->other_machine_id));
	qd_field_bytes(f, a->other_boot_id, sizeof(a->other_boot_id));
	qd_wire_stats(f, &a->stats);
}

static inline void qd_wire_votes(struct qd_fields *f, struct qd_votes *v)
{
	v->model = (enum qd_model)qd_field_below(f, (uint32_t)v->model, QD_MODEL_COUNT);
	qd_field_u64(f, &v->nodes);
	qd_field_bytes(f, v->weight, sizeof(v->weight));
	qd_field_bool(f, &v->dynamic);
	qd_field_u64(f, &v->out);
	qd_field_bool(f, &v->extra_out);
	qd_field_u32(f, &v->low);
	qd_field_u64(f, &v->paused);
}

static inline void qd_wire_head(struct qd_fields *f, struct qd_head *h)
{
	qd_wire_tag(f, &h->tag);
	qd_wire_votes(f, &h->votes);
	qd_field_bool(f, &h->has_old);
	qd_wire_votes(f, &h->old);
	qd_field_u32(f, &h->forced_by);
	qd_field_u64(f, &h->forced_unix_s);
	qd_field_bytes(f, h->body, sizeof(h->body));
}

/* What is known of each node, of those of which anything is known. */
static inline void qd_wire_cluster_nodes(struct qd_fields *f, struct qd_cluster_status *c)
{
	uint64_t known = 0;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		const struct qd_tag *tag = &c->tags[id - 1];
		if (c->news_flags[id - 1] != 0 || c->incarnation[id - 1] != 0 || tag->epoch != 0 ||
		    tag->version != 0)
			known |= qd_set_of(id);
	}
	qd_field_u64(f, &known);
	for (uint32_t id = qd_set_next(known, 0); id != 0; id = qd_set_next(known, id)) {
		qd_field_u64(f, &c->news_flags[id - 1]);
		qd_field_u64(f, &c->incarnation[id - 1]);
		qd_wire_tag(f, &c->tags[id - 1]);
	}
}

static inline void qd_wire_cluster(struct qd_fields *f, struct qd_cluster_status *c)
{
	c->state = (enum qd_cluster_state)qd_field_below(f, (uint32_t)c->state, QD_CLUSTER_STATE_COUNT);
	c->wait = (enum qd_cluster_wait)qd_field_below(f, (uint32_t)c->wait, QD_WAIT_COUNT);
	qd_field_u32(f, &c->leader);
	qd_field_u64(f, &c->epoch);
	qd_field_u64(f, &c->members);
	qd_wire_head(f, &c->head);
	qd_field_u64(f, &c->hears);
	qd_field_u64(f, &c->set);
	qd_field_u32(f, &c->votes_present);
	qd_field_u32(f, &c->votes_needed);
	qd_field_u32(f, &c->votes_total);
	qd_field_bool(f, &c->quorate);
	qd_field_u32(f, &c->extra_holder);
	qd_field_mono(f, &c->right_start);
	qd_field_mono(f, &c->begin_stop);
	qd_field_mono(f, &c->free_at);
	qd_wire_cluster_nodes(f, c);
	qd_field_bool(f, &c->witness_answered);
	c->witness_verdict = (enum qd_witness_verdict)qd_field_below(f, (uint32_t)c->witness_verdict,
								     QD_WITNESS_VERDICT_COUNT);
	qd_wire_tag(f, &c->witness_tag);
	qd_field_bool(f, &c->leaving);
	qd_field_u64(f, &c->views);
	qd_field_u32(f, &c->falls);
}

static inline void qd_wire_link(struct qd_fields *f, struct qd_control_link *l)
{
	l->node = qd_field_below(f, l->node, QD_NODE_ID_MAX + 1);
	l->network = qd_field_below(f, l->network, QD_LINKS_MAX);
	qd_field_bool(f, &l->up);
	qd_field_u32(f, &l->missed);
	qd_field_u32(f, &l->threshold);
	qd_field_span(f, &l->delay);
	qd_field_bool(f, &l->same_subnet);
	qd_field_u64(f, &l->exchanges);
	qd_field_u64(f, &l->lost);
	qd_field_u64(f, &l->rtt_ns);
	qd_field_u64(f, &l->rtt_smooth_ns);
	qd_field_u64(f, &l->rtt_worst_ns);
}

static inline void qd_wire_network(struct qd_fields *f, struct qd_control_network *n)
{
	qd_field_bool(f, &n->used);
	qd_field_bool(f, &n->open);
	qd_field_i64(f, &n->open_error);
	qd_field_i64(f, &n->last_error);
	qd_field_text(f, n->address, sizeof(n->address));
	qd_field_text(f, n->name, sizeof(n->name));
	n->role = (enum qd_network_role)qd_field_below(f, (uint32_t)n->role, QD_NETWORK_ROLE_COUNT);
	qd_field_u32(f, &n->metric);
	qd_field_u64(f, &n->sent);
	qd_field_u64(f, &n->received);
	qd_field_u64(f, &n->dropped);
	qd_field_u64(f, &n->not_sent);
	qd_field_u64(f, &n->receive_errors);
}

static inline void qd_wire_proofs(struct qd_fields *f, struct qd_control_proofs *p)
{
	qd_field_mono(f, &p->start);
	qd_field_u64(f, &p->count);
	qd_field_u64(f, &p->last_ns);
	qd_field_u64(f, &p->worst_ns);
	for (size_t i = 0; i < QD_CONTROL_PROOF_BUCKETS; i++)
		qd_field_u64(f, &p->histogram[i]);
}

static inline void qd_wire_witness_way(struct qd_fields *f, struct qd_control_witness_way *w)
{
	qd_field_text(f, w->text, sizeof(w->text));
	qd_field_u64(f, &w->asked);
	qd_field_u64(f, &w->answered);
	qd_field_u64(f, &w->rtt_ns);
	qd_field_u64(f, &w->rtt_worst_ns);
	qd_field_mono(f, &w->answered_at);
}

static inline void qd_wire_witness(struct qd_fields *f, struct qd_control_witness *w)
{
	w->kind = (enum qd_control_witness_kind)qd_field_below(f, (uint32_t)w->kind,
							       QD_CONTROL_WITNESS_KIND_COUNT);
	qd_field_bytes(f, w->cluster, sizeof(w->cluster));
	w->way_count = qd_field_below(f, w->way_count, QD_CONF_WITNESS_MAX + 1);
	w->way_at = qd_field_below(f, w->way_at, QD_CONF_WITNESS_MAX);
	for (uint32_t i = 0; i < w->way_count; i++)
		qd_wire_witness_way(f, &w->way[i]);
	qd_field_bool(f, &w->reachable);
	qd_field_bool(f, &w->known);
	qd_field_mono(f, &w->answered_at);
	w->verdict =
		(enum qd_witness_verdict)qd_field_below(f, (uint32_t)w->verdict, QD_WITNESS_VERDICT_COUNT);
	qd_field_u64(f, &w->epoch);
	qd_field_u32(f, &w->holder);
	qd_wire_tag(f, &w->tag);
	qd_field_mono(f, &w->renewed);
	qd_field_u64(f, &w->refused);
	qd_field_u64(f, &w->dropped);
	qd_field_u64(f, &w->hangs_ns);
	qd_field_text(f, w->why, sizeof(w->why));
}

static inline void qd_wire_snapshot_cluster(struct qd_fields *f, struct qd_control_snapshot *s)
{
	qd_field_bool(f, &s->has_cluster);
	if (!s->has_cluster)
		return;
	qd_field_bool(f, &s->has_witness);
	qd_wire_witness(f, &s->witness);
	qd_field_bool(f, &s->join_only);
	qd_wire_cluster(f, &s->views);
	qd_field_text(f, s->store_why, sizeof(s->store_why));
	qd_field_span(f, &s->detection);
	qd_wire_proofs(f, &s->proofs);
	s->network_count = qd_field_below(f, s->network_count, QD_LINKS_MAX + 1);
	for (uint32_t i = 0; i < s->network_count; i++)
		qd_wire_network(f, &s->networks[i]);
	for (size_t i = 0; i < QD_PACKET_VERDICT_COUNT; i++)
		qd_field_u64(f, &s->packets[i]);
	for (uint32_t id = qd_set_next(s->members, 0); id != 0; id = qd_set_next(s->members, id))
		qd_field_u64(f, &s->replayed[id - 1]);
	s->link_count = qd_field_below(f, s->link_count, QD_CONTROL_LINKS_MAX + 1);
	for (uint32_t i = 0; i < s->link_count; i++)
		qd_wire_link(f, &s->links[i]);
}

static inline void qd_wire_snapshot(struct qd_fields *f, struct qd_control_snapshot *s)
{
	qd_field_u64(f, &s->sequence);
	qd_field_text(f, s->version, sizeof(s->version));
	qd_field_text(f, s->cluster, sizeof(s->cluster));
	s->node_id = qd_field_below(f, s->node_id, QD_NODE_ID_MAX + 1);
	qd_field_u64(f, &s->members);
	for (size_t i = 0; i <= QD_NODE_ID_MAX; i++)
		qd_field_text(f, s->node_names[i], sizeof(s->node_names[i]));
	qd_field_mono(f, &s->now);
	qd_wire_times(f, &s->times);
	qd_field_bool(f, &s->lease.held);
	qd_field_mono(f, &s->lease.start);
	qd_field_mono(f, &s->lease.begin_stop);
	qd_field_mono(f, &s->lease.stopped_by);
	qd_field_bool(f, &s->has_group);
	qd_field_text(f, s->group_name, sizeof(s->group_name));
	qd_wire_group(f, &s->group);
	qd_field_bool(f, &s->mine);
	qd_field_u64(f, &s->epoch);
	qd_wire_arbiter(f, &s->arbiter);
	qd_field_u64(f, &s->log_next);
	qd_field_i64(f, &s->arbitration.unix_ms);
	qd_field_text(f, s->arbitration.text, sizeof(s->arbitration.text));
	qd_field_text(f, s->arbitration.reason, sizeof(s->arbitration.reason));
	qd_wire_snapshot_cluster(f, s);
}

static inline void qd_wire_reply(struct qd_fields *f, struct qd_control_reply *r)
{
	r->reply = (enum qd_reply)qd_field_below(f, (uint32_t)r->reply, QD_REPLY_COUNT);
	qd_field_text(f, r->why, sizeof(r->why));
}

static inline void qd_wire_config(struct qd_fields *f, struct qd_control_config *c)
{
	qd_wire_tag(f, &c->tag);
	qd_field_bool(f, &c->in_force);
	qd_field_bytes(f, c->digest, sizeof(c->digest));
}

static inline void qd_wire_history(struct qd_fields *f, struct qd_control_history *h)
{
	h->count = qd_field_below(f, h->count, QD_BODIES_HISTORY + 1);
	for (uint32_t i = 0; i < h->count; i++) {
		qd_wire_tag(f, &h->list[i].tag);
		qd_field_u64(f, &h->list[i].unix_s);
		qd_field_bytes(f, h->list[i].digest, sizeof(h->list[i].digest));
	}
}

static inline void qd_wire_answer(struct qd_fields *f, struct qd_control_answer *a)
{
	qd_wire_version(f);
	a->tell = (enum qd_control_tell)qd_field_below(f, (uint32_t)a->tell, QD_TELL_COUNT);
	qd_field_u64(f, &a->id);
	switch (a->tell) {
	case QD_TELL_SNAPSHOT:
		qd_wire_snapshot(f, &a->u.snapshot);
		break;
	case QD_TELL_LINES:
		qd_wire_lines(f, &a->u.lines);
		break;
	case QD_TELL_REPLY:
		qd_wire_reply(f, &a->u.reply);
		break;
	case QD_TELL_CONFIG:
		qd_wire_config(f, &a->u.config);
		break;
	case QD_TELL_HISTORY:
		qd_wire_history(f, &a->u.history);
		break;
	case QD_TELL_NONE:
	case QD_TELL_REFUSED:
	case QD_TELL_COUNT:
		break;
	}
}

/* Encoders return the length, 0 when cap_bytes is too small (QD_CONTROL_PACKET_MAX never is). The answer's encoder
 * leaves what it points to as it was. */
static inline size_t qd_control_request_encode(const struct qd_control_request *r, uint8_t *to,
					       size_t cap_bytes)
{
	struct qd_control_request copy = *r;
	struct qd_fields f = qd_fields_writing(to, cap_bytes);
	qd_wire_request(&f, &copy);
	return qd_fields_written(&f);
}

static inline bool qd_control_request_decode(const uint8_t *data, size_t len_bytes,
					     struct qd_control_request *out)
{
	struct qd_fields f = qd_fields_reading(data, len_bytes);
	*out = (struct qd_control_request){0};
	qd_wire_request(&f, out);
	return qd_fields_read_all(&f) && out->ask != QD_ASK_NONE;
}

static inline size_t qd_control_answer_encode(struct qd_control_answer *a, uint8_t *to, size_t cap_bytes)
{
	struct qd_fields f = qd_fields_writing(to, cap_bytes);
	qd_wire_answer(&f, a);
	return qd_fields_written(&f);
}

static inline bool qd_control_answer_decode(const uint8_t *data, size_t len_bytes,
					    struct qd_control_answer *out)
{
	struct qd_fields f = qd_fields_reading(data, len_bytes);
	memset(out, 0, sizeof(*out));
	qd_wire_answer(&f, out);
	return qd_fields_read_all(&f) && out->tell != QD_TELL_NONE;
}

#endif
