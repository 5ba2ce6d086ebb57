/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control.h"

#include "base/assert.h"

#include <string.h>

enum { PROOF_UNIT_NS = 100000 }; /* bucket n of the histogram counts below 2^n of it, as the arbiter's */

static void show_links(const struct qd_links *links, struct qd_control_snapshot *s)
{
	s->link_count = 0;
	for (uint32_t id = qd_set_next(links->config.peers, 0); id != 0;
	     id = qd_set_next(links->config.peers, id)) {
		const struct qd_peer *p = &links->peers[id - 1];
		for (uint32_t n = 0; n < QD_LINKS_MAX; n++) {
			const struct qd_link *l = &p->links[n];
			const struct qd_link_config *c = &links->config.link[id - 1][n];
			if ((p->used >> n & 1u) == 0)
				continue;
			s->links[s->link_count++] = (struct qd_control_link){
				.node = id,
				.network = n,
				.up = l->up,
				.missed = l->missed,
				.threshold = c->threshold,
				.delay = c->delay,
				.exchanges = l->exchanges,
				.lost = l->lost,
				.rtt_ns = l->rtt_ns,
				.rtt_smooth_ns = l->rtt_smooth_ns,
				.rtt_worst_ns = l->rtt_worst_ns,
			};
		}
	}
}

/* The core holds the witness until it knows better. A vote that does not answer is none to people: it would be missing when
 * it is needed. */
static void discount_silent_witness(struct qd_cluster_status *v, uint32_t self)
{
	const uint32_t vote = qd_votes_of_extra(&v->head.votes);
	if ((qd_votes_extra(&v->head.votes) & QD_EXTRA_WITNESS) == 0 || v->extra_holder != self ||
	    v->witness_answered)
		return;
	v->extra_holder = 0;
	v->votes_present -= vote < v->votes_present ? vote : v->votes_present;
}

/* Starts of rights only grow; each one that is new is a proof that has just come. */
static void note_proof(struct qd_control_proofs *p, struct qd_mono now, struct qd_mono start)
{
	if (qd_mono_is_never(start) || start.ns <= p->start.ns || start.ns > now.ns)
		return;
	const uint64_t ns = now.ns - start.ns;
	uint32_t bucket = 0;
	while (bucket + 1 < QD_CONTROL_PROOF_BUCKETS && ns >= (uint64_t)PROOF_UNIT_NS << bucket)
		bucket++;
	p->start = start;
	p->count++;
	p->last_ns = ns;
	p->worst_ns = ns > p->worst_ns ? ns : p->worst_ns;
	p->histogram[bucket]++;
}

void qd_control_snapshot_update(const struct qd_node *node, struct qd_mono now, struct qd_control_snapshot *s)
{
	s->now = now;
	s->times = node->config.times;
	s->lease = node->lease;
	s->group = node->group;
	qd_arbiter_status_get(node, &s->arbiter);
	s->has_cluster = node->config.has_cluster;
	if (!s->has_cluster)
		return;
	s->join_only = node->cluster.prevented;
	qd_cluster_status_get(node, &s->views);
	discount_silent_witness(&s->views, node->config.node_id);
	note_proof(&s->proofs, now, s->views.right_start);
	show_links(&node->links, s);
}

void qd_control_snapshot_network(struct qd_control_snapshot *s, uint32_t number,
				 const struct qd_address *local, const struct qd_net_link *link,
				 const struct qd_network *found)
{
	qd_assert(number < QD_LINKS_MAX);
	struct qd_control_network *n = &s->networks[number];
	const struct qd_net_counters *c = &link->counters;
	if (s->network_count <= number)
		s->network_count = number + 1;
	*n = (struct qd_control_network){
		.used = link->used,
		.open = link->open,
		.open_error = link->open_error,
		.last_error = link->last_error,
		.sent = c->sent,
		.received = c->received,
		.dropped = c->dropped,
		.not_sent = c->not_open + c->unreachable + c->forbidden + c->no_buffer + c->too_large +
			    c->other_send,
		.receive_errors = c->receive_errors,
	};
	qd_address_format(local, n->address, sizeof(n->address));
	if (found == NULL)
		return;
	memcpy(n->name, found->name, sizeof(n->name));
	n->role = found->role;
	n->metric = found->metric;
}

void qd_control_snapshot_packets(struct qd_control_snapshot *s, const struct qd_packet *packet)
{
	memcpy(s->packets, packet->opened, sizeof(s->packets));
}

void qd_control_snapshot_fill(const struct qd_conf *conf, const struct qd_node *node, struct qd_mono now,
			      struct qd_control_snapshot *out)
{
	const struct qd_control_proofs proofs = out->proofs;
	memset(out, 0, sizeof(*out));
	out->proofs = proofs;
	(void)snprintf(out->version, sizeof(out->version), "%s", QD_VERSION);
	memcpy(out->cluster, conf->cluster, sizeof(out->cluster));
	out->node_id = conf->node_id;
	out->members = conf->members;
	for (size_t i = 0; i <= QD_NODE_ID_MAX; i++)
		memcpy(out->node_names[i], conf->nodes[i].name, sizeof(out->node_names[i]));
	out->has_group = conf->has_group;
	memcpy(out->group_name, conf->group_name, sizeof(out->group_name));
	out->has_witness = conf->has_cluster && qd_conf_has_witness(conf);
	out->detection = node->config.has_cluster ? node->cluster.config.detection : QD_SPAN_ZERO;
	qd_control_snapshot_update(node, now, out);
}

static bool paths_differ(const struct qd_arbiter_status *a, const struct qd_arbiter_status *b)
{
	if (a->path_count != b->path_count || a->beating_path != b->beating_path)
		return true;
	for (uint32_t i = 0; i < a->path_count && i < QD_PATHS_MAX; i++) {
		if (a->paths[i].state != b->paths[i].state || a->paths[i].disk != b->paths[i].disk)
			return true;
	}
	return false;
}

static bool arbiters_differ(const struct qd_arbiter_status *a, const struct qd_arbiter_status *b)
{
	return a->state != b->state || a->hold != b->hold || a->incarnation != b->incarnation ||
	       a->epoch != b->epoch || a->owner_node != b->owner_node || a->owner_epoch != b->owner_epoch ||
	       a->owner_record != b->owner_record || a->sight.known != b->sight.known ||
	       a->sight.held != b->sight.held || a->aptpl != b->aptpl ||
	       a->preempt_and_abort != b->preempt_and_abort ||
	       a->capabilities_known != b->capabilities_known || a->heir != b->heir || paths_differ(a, b);
}

static bool votes_differ(const struct qd_votes *a, const struct qd_votes *b)
{
	return a->model != b->model || a->nodes != b->nodes || a->dynamic != b->dynamic || a->out != b->out ||
	       a->extra_out != b->extra_out || a->low != b->low || a->paused != b->paused ||
	       memcmp(a->weight, b->weight, sizeof(a->weight)) != 0;
}

static bool heads_differ(const struct qd_head *a, const struct qd_head *b)
{
	return qd_tag_compare(a->tag, b->tag) != 0 || votes_differ(&a->votes, &b->votes) ||
	       a->has_old != b->has_old || a->forced_by != b->forced_by ||
	       memcmp(a->body, b->body, sizeof(a->body)) != 0;
}

static bool views_differ(const struct qd_cluster_status *a, const struct qd_cluster_status *b)
{
	return a->state != b->state || a->wait != b->wait || a->leader != b->leader || a->epoch != b->epoch ||
	       a->members != b->members || a->hears != b->hears || a->set != b->set ||
	       a->votes_present != b->votes_present || a->votes_needed != b->votes_needed ||
	       a->votes_total != b->votes_total || a->quorate != b->quorate ||
	       a->extra_holder != b->extra_holder || a->leaving != b->leaving || a->falls != b->falls;
}

static bool clusters_differ(const struct qd_control_snapshot *x, const struct qd_control_snapshot *y)
{
	const struct qd_cluster_status *a = &x->views;
	const struct qd_cluster_status *b = &y->views;
	if (views_differ(a, b) || heads_differ(&a->head, &b->head) ||
	    a->witness_answered != b->witness_answered || a->witness_verdict != b->witness_verdict ||
	    qd_tag_compare(a->witness_tag, b->witness_tag) != 0 ||
	    x->witness.reachable != y->witness.reachable ||
	    memcmp(a->news_flags, b->news_flags, sizeof(a->news_flags)) != 0 ||
	    memcmp(a->incarnation, b->incarnation, sizeof(a->incarnation)) != 0 ||
	    memcmp(a->tags, b->tags, sizeof(a->tags)) != 0 || x->link_count != y->link_count)
		return true;
	for (uint32_t i = 0; i < x->link_count; i++) {
		const struct qd_control_link *l = &x->links[i];
		const struct qd_control_link *m = &y->links[i];
		if (l->node != m->node || l->network != m->network || l->up != m->up)
			return true;
	}
	return false;
}

bool qd_control_snapshot_differs(const struct qd_control_snapshot *a, const struct qd_control_snapshot *b)
{
	return a->mine != b->mine || a->epoch != b->epoch || a->has_group != b->has_group ||
	       a->group.state != b->group.state || a->group.failed != b->group.failed ||
	       a->lease.held != b->lease.held || memcmp(&a->times, &b->times, sizeof(a->times)) != 0 ||
	       a->has_cluster != b->has_cluster || arbiters_differ(&a->arbiter, &b->arbiter) ||
	       (a->has_cluster && clusters_differ(a, b));
}
