/* SPDX-License-Identifier: Apache-2.0 */
/* What the witness, or a share, may grant and say: docs/PROTOCOL.md section 5, I2 and I3. What it has on its own disk counts,
 * not what it says of it. */
#include "sim/sim.h"

#include <inttypes.h>

/* Its holder had been silent for as long as the asker's lock would last, and the answer says no longer time since others
 * were answered than it is. */
static void check_lock(struct sim *s, const struct qd_witness_request *q, const struct qd_witness_answer *a)
{
	const struct sim_cluster_facts *f = &s->c.facts;
	const uint64_t least = q->challenge_ns - q->challenge_ns / 250;
	for (uint32_t i = 0; i < s->o.nodes; i++) {
		const uint64_t age = s->t - f->witness_ok_t[i];
		if (i + 1 == q->node || f->witness_ok_t[i] == 0)
			continue;
		if (age < least && f->witness_node == i + 1)
			sim_fail(s,
				 "I5: the witness grants its lock to node %u, node %u had it %" PRIu64
				 " ms ago",
				 q->node, i + 1, age / SIM_MS);
		if (a->age_ns > age + age / 250 + SIM_MS)
			sim_fail(s,
				 "I4: the witness tells node %u that it answered others %" PRIu64
				 " ms ago, but node %u was answered %" PRIu64 " ms ago",
				 q->node, a->age_ns / SIM_MS, i + 1, age / SIM_MS);
	}
}

/* A share has no order of its own in which it answers: what its answers lead to is what the other invariants see. */
void check_cluster_shared(struct sim *s, const struct qd_witness_request *q,
			  const struct qd_witness_answer *a)
{
	const bool holds =
		q->ask == QD_WITNESS_LOCK || q->ask == QD_WITNESS_RENEW || q->ask == QD_WITNESS_PUT;
	if (a->verdict != QD_WITNESS_OK || !holds)
		return;
	if (qd_epoch_node(q->epoch) != q->node || a->epoch != q->epoch || a->holder != q->node)
		sim_fail(s,
			 "I2: the share grants epoch %" PRIu64 " to node %u, and says epoch %" PRIu64
			 ", node %u",
			 q->epoch, q->node, a->epoch, a->holder);
	if (q->ask == QD_WITNESS_PUT && qd_tag_compare(a->tag, q->tag) != 0)
		sim_fail(s, "I3: the share has %" PRIu64 ".%" PRIu64 " instead of what it took", a->tag.epoch,
			 a->tag.version);
}

void check_cluster_granted(struct sim *s, const struct qd_witness_request *q,
			   const struct qd_witness_answer *a)
{
	const struct qd_witness_record *r = &s->c.witness.durable;
	struct sim_cluster_facts *f = &s->c.facts;
	const bool holds =
		q->ask == QD_WITNESS_LOCK || q->ask == QD_WITNESS_RENEW || q->ask == QD_WITNESS_PUT;
	if (q->ask == QD_WITNESS_RELEASE)
		f->witness_ok_t[q->node - 1] = 0;
	if (q->ask == QD_WITNESS_RELEASE || q->ask == QD_WITNESS_YIELD || q->ask == QD_WITNESS_CONFIRM)
		f->witness_node = 0;
	if (!holds)
		return;
	if (r->epoch != q->epoch || r->holder != q->node || !r->confirmed) {
		sim_fail(s,
			 "I2: the witness grants epoch %" PRIu64 " to node %u, but epoch %" PRIu64
			 " and node %u are durable",
			 q->epoch, q->node, r->epoch, r->holder);
		return;
	}
	if (q->ask == QD_WITNESS_PUT && qd_tag_compare(r->tag, q->tag) != 0)
		sim_fail(s, "I3: the witness says it has %" PRIu64 ".%" PRIu64 ", which is not durable",
			 q->tag.epoch, q->tag.version);
	if (qd_epoch_node(q->epoch) != q->node || a->epoch != q->epoch)
		sim_fail(s, "I2: the witness grants an epoch of another node to node %u", q->node);
	if (q->epoch < f->witness_epoch)
		sim_fail(s, "I2: the witness grants epoch %" PRIu64 " after %" PRIu64, q->epoch,
			 f->witness_epoch);
	f->witness_epoch = q->epoch;
	if (q->ask == QD_WITNESS_LOCK)
		check_lock(s, q, a);
	f->witness_node = q->node;
	f->witness_ok_t[q->node - 1] = s->t;
}
