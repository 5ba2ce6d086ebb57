/* SPDX-License-Identifier: Apache-2.0 */
/* Packets between nodes: each way has its own latency and its own cuts; a packet may be lost, late, doubled, overtaken,
 * or be sent again at any time by whoever recorded it. */
#include "codec/wire.h"
#include "sim/sim.h"

#include <string.h>

enum {
	PARTS = 65536,
	STORM = 16, /* times as many packets have a fault of their own */
};

/* ---- the pool ---- */

static size_t body_bytes(const struct qd_msg *m)
{
	switch (m->kind) {
	case QD_MSG_PREPARE:
		return sizeof(m->u.prepare);
	case QD_MSG_PROMISE:
		return sizeof(m->u.promise);
	case QD_MSG_INSTALL:
		return sizeof(m->u.install);
	case QD_MSG_INSTALLED:
		return sizeof(m->u.installed);
	case QD_MSG_PROOF:
		return sizeof(m->u.proof);
	case QD_MSG_ANSWER:
		return sizeof(m->u.answer);
	case QD_MSG_PROVED:
		return sizeof(m->u.proved);
	case QD_MSG_CHANGE:
		return sizeof(m->u.change);
	case QD_MSG_RIGHT_ENDED:
		return sizeof(m->u.ended);
	case QD_MSG_LEAD:
		return sizeof(m->u.epoch);
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
		return 0;
	case QD_MSG_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of message");
}

/* A message is 2 KB because of its arrays by node; most kinds carry little of it. */
static void copy(struct qd_msg *to, const struct qd_msg *from)
{
	memcpy(to, from, offsetof(struct qd_msg, news));
	const size_t bytes = body_bytes(from);
	if (bytes != 0)
		memcpy(&to->u, &from->u, bytes);
	else
		qd_news_copy(&to->news, &from->news);
}

/* NULL: the networks have no room, which only a flood ever sees. */
static struct sim_packet *take(struct sim *s)
{
	struct sim_net *n = &s->c.net;
	uint32_t i = n->packet_free;
	if (i != SIM_PACKETS_MAX)
		n->packet_free = s->c.packets[i].next_free;
	else if (n->packet_high < SIM_PACKETS_MAX)
		i = n->packet_high++;
	else
		return NULL;
	s->c.packets[i].refs = 0;
	s->c.packets[i].sent_t = s->t;
	return &s->c.packets[i];
}

static void drop(struct sim *s, struct sim_packet *p)
{
	qd_assert(p->refs > 0);
	if (--p->refs > 0)
		return;
	p->next_free = s->c.net.packet_free;
	s->c.net.packet_free = (uint32_t)(p - s->c.packets);
}

void net_init(struct sim *s)
{
	memset(&s->c.net, 0, sizeof(s->c.net));
	s->c.net.packet_free = SIM_PACKETS_MAX;
}

void net_cut(struct sim *s, uint32_t from, uint32_t to, uint32_t net, uint64_t until)
{
	for (uint32_t i = 0; i < s->o.c.nets; i++)
		if (net == s->o.c.nets || net == i)
			s->c.net.cut_until[from][to][i] = until;
}

void net_heal(struct sim *s)
{
	memset(s->c.net.cut_until, 0, sizeof(s->c.net.cut_until));
	s->c.net.storm_until = 0;
}

/* ---- on the way ---- */

static void deliver_at(struct sim *s, struct sim_packet *p, uint32_t net, uint64_t t)
{
	p->refs++;
	sim_push(s, t, SIM_EV_PACKET, p->msg.to - 1, (uint32_t)(p - s->c.packets), net);
}

static uint64_t latency(struct sim *s, uint32_t net)
{
	const uint64_t mean = s->o.c.latency_ns[net];
	return mean / 2 + (qd_rand_u64(&s->rand) >> 40) * mean / (1 << 24);
}

/* A recorded packet comes again, on whatever network. */
void net_replay(struct sim *s)
{
	const uint32_t have = s->c.net.past_count < SIM_PAST_PACKETS ? s->c.net.past_count : SIM_PAST_PACKETS;
	struct sim_packet *p = have > 0 ? take(s) : NULL;
	if (p == NULL)
		return;
	copy(&p->msg, &s->c.past[sim_below(s, have)].msg);
	fault_count(s, SIM_FAULT_NET_REPLAY, p->msg.from - 1, (uint64_t)p->msg.kind);
	/* Two draws never stand in one expression: C leaves open which is made first. */
	const uint64_t later_ns = sim_below(s, 2000 * SIM_MS);
	deliver_at(s, p, (uint32_t)sim_below(s, s->o.c.nets), s->t + later_ns);
}

/* For replays: a few of everything ever sent, the older the fewer. */
static void record(struct sim *s, const struct qd_msg *msg)
{
	const uint32_t i = s->c.net.past_count < SIM_PAST_PACKETS ? s->c.net.past_count
								  : (uint32_t)sim_below(s, SIM_PAST_PACKETS);
	copy(&s->c.past[i].msg, msg);
	s->c.net.past_count++;
}

/* A fault of its own. Returns when it comes; SIM_NEVER: it does not. */
static uint64_t fate(struct sim *s, struct sim_packet *p, uint32_t net, uint64_t at)
{
	uint64_t in_ns;
	static const enum sim_fault fates[8] = {
		SIM_FAULT_NET_LOSS,	SIM_FAULT_NET_LOSS,	SIM_FAULT_NET_LOSS, SIM_FAULT_NET_TWICE,
		SIM_FAULT_NET_OVERTAKE, SIM_FAULT_NET_OVERTAKE, SIM_FAULT_NET_LATE, SIM_FAULT_NET_REPLAY,
	};
	const enum sim_fault f = fates[sim_below(s, 8)];
	if (!fault_on(s, f))
		return at;
	switch ((int)f) {
	case SIM_FAULT_NET_LOSS:
		s->cover->faults[f]++;
		return SIM_NEVER;
	case SIM_FAULT_NET_TWICE:
		s->cover->faults[f]++;
		in_ns = latency(s, net);
		in_ns += sim_below(s, 300 * SIM_MS);
		deliver_at(s, p, net, s->t + in_ns);
		return at;
	case SIM_FAULT_NET_OVERTAKE:
		s->cover->faults[f]++;
		return at + sim_below(s, 500 * SIM_MS);
	case SIM_FAULT_NET_LATE:
		s->cover->faults[f]++;
		return at + sim_between(s, 500, 30000) * SIM_MS;
	default:
		net_replay(s);
		return at;
	}
}

static void launch(struct sim *s, struct sim_packet *p, uint32_t net)
{
	const struct sim_net *n = &s->c.net;
	const uint64_t until = n->cut_until[p->msg.from - 1][p->msg.to - 1][net];
	uint64_t at = s->t + latency(s, net);
	if (until > at)
		return;
	const uint64_t rate = n->storm_until > s->t ? 1000 + s->o.c.packet_rate * STORM : s->o.c.packet_rate;
	if (!s->healed && (qd_rand_u64(&s->rand) & (PARTS - 1)) < rate)
		at = fate(s, p, net, at);
	if (at != SIM_NEVER)
		deliver_at(s, p, net, at);
}

/* As bytes and a struct again: what arrives is what the codec makes of it. */
static void through_wire(struct sim *s, const struct qd_msg *said, struct qd_msg *msg)
{
	uint8_t first[QD_WIRE_MSG_MAX];
	uint8_t second[QD_WIRE_MSG_MAX];
	const size_t bytes = qd_wire_msg_encode(said, first);
	const enum qd_msg_kind kind = msg->kind;
	s->cover->wire_checked++;
	if (!qd_wire_msg_decode(first, bytes, msg)) {
		sim_fail(s, "wire: a %s cannot be decoded", qd_msg_kind_name(kind));
		return;
	}
	if (qd_wire_msg_encode(msg, second) != bytes || memcmp(first, second, bytes) != 0)
		sim_fail(s, "wire: a %s is another one after encoding and decoding", qd_msg_kind_name(kind));
}

static void log_said(struct sim *s, const struct sim_machine *m, const struct qd_msg *msg)
{
	uint64_t epoch = 0;
	uint64_t detail = 0;
	switch (msg->kind) {
	case QD_MSG_PREPARE:
		epoch = msg->u.prepare.epoch;
		detail = msg->u.prepare.members;
		break;
	case QD_MSG_PROMISE:
		epoch = msg->u.promise.epoch;
		detail = (uint64_t)msg->u.promise.refusal;
		s->cover->refusals[msg->u.promise.refusal]++;
		break;
	case QD_MSG_INSTALL:
		epoch = msg->u.install.view.epoch;
		detail = msg->u.install.head.tag.version;
		break;
	case QD_MSG_INSTALLED:
		epoch = msg->u.installed.epoch;
		detail = (uint64_t)msg->u.installed.refusal;
		s->cover->refusals[msg->u.installed.refusal]++;
		break;
	case QD_MSG_CHANGE:
		epoch = msg->u.change.epoch;
		detail = msg->u.change.head.tag.version;
		break;
	case QD_MSG_RIGHT_ENDED:
		epoch = msg->u.ended.epoch;
		break;
	case QD_MSG_LEAD:
		epoch = msg->u.epoch;
		break;
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_PROOF:
	case QD_MSG_ANSWER:
	case QD_MSG_PROVED:
	case QD_MSG_KIND_COUNT:
		return; /* too many to read */
	}
	sim_log_add(s, SIM_LOG_PACKET, m->index, (uint32_t)msg->kind, msg->to, epoch, detail);
}

void net_send(struct sim *s, struct sim_machine *m, const struct qd_action *a)
{
	const struct qd_msg *msg = &s->out.sends[a->u.send.index];
	if (msg->from != m->node_id || msg->to == m->node_id || msg->to == 0 || msg->to > s->o.nodes ||
	    msg->kind == QD_MSG_NONE || msg->kind >= QD_MSG_KIND_COUNT) {
		sim_fail(s, "contract: node %u sends kind %d from %u to %u", m->node_id, (int)msg->kind,
			 msg->from, msg->to);
		return;
	}
	s->cover->packets[msg->kind]++;
	log_said(s, m, msg);
	check_cluster_said(s, m, msg);
	struct sim_packet *p = take(s);
	if (p == NULL)
		return;
	copy(&p->msg, msg);
	if (s->c.net.sent++ % SIM_WIRE_EVERY == 0)
		through_wire(s, msg, &p->msg);
	if (fault_on(s, SIM_FAULT_NET_REPLAY) && (qd_rand_u64(&s->rand) & 31) == 0)
		record(s, msg);
	p->refs = 1; /* while it is being launched */
	for (uint32_t i = 0; i < s->o.c.nets; i++)
		if ((a->u.send.links >> i & 1) != 0)
			launch(s, p, i);
	drop(s, p);
	cluster_trap(s, m, msg->kind);
}

/* Its process stands still: some wait in the socket, the others are lost. */
static bool queue(struct sim *s, struct sim_machine *m, uint64_t until)
{
	if (m->queued_t != until) {
		m->queued_t = until;
		m->queued_count = 0;
	}
	return ++m->queued_count <= SIM_QUEUE_MAX && (m->process_halted_until == until || sim_chance(s, 64));
}

void net_arrive(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	struct sim_packet *p = &s->c.packets[e->index];
	uint64_t until;
	if (m->powered && m->process && !host_runs(s, m, &until) && queue(s, m, until)) {
		sim_push(s, until, SIM_EV_PACKET, e->machine, e->index, e->gen);
		return;
	}
	if (m->powered && m->process && host_runs(s, m, &until)) {
		s->c.net.delivered++;
		struct qd_event ev;
		ev.kind = QD_EVENT_MESSAGE;
		ev.u.message.message = &p->msg;
		ev.u.message.link = e->gen;
		host_step(s, m, &ev);
	}
	drop(s, p);
}
