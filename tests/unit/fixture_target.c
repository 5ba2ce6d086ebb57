/* SPDX-License-Identifier: Apache-2.0 */
/* The ideal target of the fixture: registrations, one reservation, owner records (SPC-4 5.13, 6.15, 6.16). */
#include "fixture.h"

static bool same_nexus(const struct fx_registration *r, const struct fx_item *item, bool forgets)
{
	return r->node == item->node && r->path == item->path && (!forgets || r->session == item->session);
}

/* The registration of the nexus that the command came on. */
static struct fx_registration *registration_of(struct fx_target *g, const struct fx_item *item)
{
	for (uint32_t i = 0; i < g->pr.count; i++)
		if (same_nexus(&g->pr.regs[i], item, g->forgets_nexus))
			return &g->pr.regs[i];
	return NULL;
}

static bool is_holder(const struct fx_target *g, const struct fx_registration *r)
{
	const struct fx_registration *h = &g->pr.holder;
	return g->pr.held && r->node == h->node && r->path == h->path && r->session == h->session;
}

static void drop(struct fx_target *g, struct fx_registration *r)
{
	*r = g->pr.regs[--g->pr.count];
}

static enum qd_outcome do_register(struct fx_target *g, const struct fx_item *item)
{
	const struct qd_pr_out_args *a = &item->op.u.pr;
	struct fx_registration *r = registration_of(g, item);
	if (a->aptpl && g->no_aptpl)
		return QD_OUTCOME_UNSUPPORTED;
	if (a->action == QD_PR_REGISTER && a->key.value != (r != NULL ? r->key.value : 0))
		return QD_OUTCOME_CONFLICT;
	g->pr.generation++;
	if (r == NULL && qd_key_is_none(a->sa_key))
		return QD_OUTCOME_GOOD;
	if (r == NULL) {
		if (g->pr.count == FX_REGS_MAX)
			return QD_OUTCOME_NO_RESOURCES;
		r = &g->pr.regs[g->pr.count++];
		*r = (struct fx_registration){item->node, item->path, item->session, {0}};
	}
	if (is_holder(g, r)) {
		g->pr.holder.key = a->sa_key;
		g->pr.held = !qd_key_is_none(a->sa_key);
	}
	r->key = a->sa_key;
	if (qd_key_is_none(a->sa_key))
		drop(g, r);
	return QD_OUTCOME_GOOD;
}

static enum qd_outcome do_preempt(struct fx *fx, const struct fx_item *item,
				  const struct fx_registration *self)
{
	struct fx_target *g = &fx->target;
	const struct qd_key victim = item->op.u.pr.sa_key;
	const struct fx_registration me = *self;
	const bool takes = g->pr.held && qd_key_equal(g->pr.holder.key, victim);
	bool found = false;

	for (uint32_t i = g->pr.count; i-- > 0;) {
		struct fx_registration *r = &g->pr.regs[i];
		if (!qd_key_equal(r->key, victim))
			continue;
		found = true;
		if (r->node == me.node && r->path == me.path && r->session == me.session)
			continue;
		if (r->node < fx->nodes_count &&
		    (!g->forgets_nexus || r->session == fx->nodes[r->node].session[r->path]))
			fx_unit_attention(fx, r->node + 1, r->path, QD_OUTCOME_UA_REG_PREEMPTED);
		drop(g, r);
	}
	if (!found)
		return QD_OUTCOME_CONFLICT;
	g->pr.generation++;
	if (takes) {
		g->pr.holder = me;
		g->pr.type = item->op.u.pr.type;
	}
	return QD_OUTCOME_GOOD;
}

static enum qd_outcome do_pr_out(struct fx *fx, const struct fx_item *item)
{
	struct fx_target *g = &fx->target;
	const struct qd_pr_out_args *a = &item->op.u.pr;
	struct fx_registration *r = registration_of(g, item);

	if (a->action == QD_PR_REGISTER || a->action == QD_PR_REGISTER_AND_IGNORE)
		return do_register(g, item);
	if (a->action == QD_PR_PREEMPT_AND_ABORT && g->no_abort)
		return QD_OUTCOME_UNSUPPORTED;
	if (r == NULL || !qd_key_equal(r->key, a->key))
		return QD_OUTCOME_CONFLICT;
	switch (a->action) {
	case QD_PR_RESERVE:
		if (g->pr.held && (!is_holder(g, r) || g->pr.type != a->type))
			return QD_OUTCOME_CONFLICT;
		g->pr.held = true;
		g->pr.holder = *r;
		g->pr.type = a->type;
		return QD_OUTCOME_GOOD;
	case QD_PR_RELEASE:
		if (is_holder(g, r))
			g->pr.held = false;
		return QD_OUTCOME_GOOD;
	case QD_PR_PREEMPT:
	case QD_PR_PREEMPT_AND_ABORT:
		return do_preempt(fx, item, r);
	case QD_PR_REGISTER:
	case QD_PR_REGISTER_AND_IGNORE:
	case QD_PR_CLEAR:
	case QD_PR_OUT_COUNT:
		break;
	}
	FX_NEVER("the core never sends this");
	return QD_OUTCOME_ERROR;
}

static enum qd_outcome do_write(struct fx_target *g, const struct fx_item *item)
{
	const struct qd_owner_record *r = &item->op.u.record;
	const struct fx_registration *self = registration_of(g, item);
	if (g->pr.held && (self == NULL || !is_holder(g, self)))
		return QD_OUTCOME_CONFLICT;
	UNIT_EQUAL(r->node_id, item->node + 1);
	g->records[r->node_id - 1] = *r;
	return QD_OUTCOME_GOOD;
}

static void read_keys(struct fx_target *g, struct fx_item *item, struct qd_answer *answer)
{
	const uint32_t count = g->pr.count < FX_KEYS_MAX ? g->pr.count : FX_KEYS_MAX;
	for (uint32_t i = 0; i < count; i++)
		item->keys[i] = g->pr.regs[i].key;
	answer->u.keys.generation = g->pr.generation;
	answer->u.keys.count = count;
	answer->u.keys.keys = NULL; /* item->keys, when it is delivered */
}

static void read_reservation(const struct fx_target *g, struct qd_answer *answer)
{
	answer->u.reservation = (struct qd_pr_reservation){
		.generation = g->pr.generation,
		.held = g->pr.held,
		.holder = g->pr.held ? g->pr.holder.key : (struct qd_key){0},
		.type = g->pr.held ? g->pr.type : QD_PR_TYPE_NONE,
	};
}

/* Carry the operation out and turn the item into its answer. */
void fx_target_execute(struct fx *fx, struct fx_item *item)
{
	struct fx_target *g = &fx->target;
	struct qd_answer *answer = &item->event.u.answer;

	*answer = (struct qd_answer){.id = item->op.id, .outcome = QD_OUTCOME_GOOD};
	switch (item->op.kind) {
	case QD_OP_LOGIN:
	case QD_OP_READ_SUPERBLOCK:
		answer->u.disk = QD_DISK_OK;
		break;
	case QD_OP_REPORT_CAPABILITIES:
		answer->outcome = g->no_capabilities ? QD_OUTCOME_UNSUPPORTED : QD_OUTCOME_GOOD;
		answer->u.capabilities.ptpl_capable = !g->no_aptpl;
		break;
	case QD_OP_READ_KEYS:
		read_keys(g, item, answer);
		break;
	case QD_OP_READ_RESERVATION:
		read_reservation(g, answer);
		break;
	case QD_OP_READ_RECORDS:
		memcpy(item->records, g->records, sizeof(item->records));
		item->records_count = FX_RECORDS_MAX;
		break;
	case QD_OP_WRITE_RECORD:
		answer->outcome = do_write(g, item);
		break;
	case QD_OP_PR_OUT:
		answer->outcome = do_pr_out(fx, item);
		break;
	case QD_OP_READ_SLOTS: /* no views here */
	case QD_OP_WRITE_SLOTS:
	case QD_OP_NONE:
	case QD_OP_KIND_COUNT:
		FX_NEVER("an operation of no kind");
		break;
	}
}

/* ------------------------------------------------ what others do to it */

void fx_target_save(struct fx *fx)
{
	fx->target.saved = fx->target.pr;
}

void fx_target_register(struct fx *fx, struct qd_key key)
{
	struct fx_reservations *pr = &fx->target.pr;
	if (UNIT_OK(pr->count < FX_REGS_MAX))
		pr->regs[pr->count++] = (struct fx_registration){FX_NODES_MAX, pr->count, 0, key};
	pr->generation++;
}

void fx_target_reserve(struct fx *fx, struct qd_key key, enum qd_pr_type type)
{
	struct fx_reservations *pr = &fx->target.pr;
	if (!fx_target_has_key(fx, key))
		fx_target_register(fx, key);
	for (uint32_t i = 0; i < pr->count; i++)
		if (qd_key_equal(pr->regs[i].key, key))
			pr->holder = pr->regs[i];
	pr->held = true;
	pr->type = type;
}

bool fx_target_has_key(const struct fx *fx, struct qd_key key)
{
	for (uint32_t i = 0; i < fx->target.pr.count; i++)
		if (qd_key_equal(fx->target.pr.regs[i].key, key))
			return true;
	return false;
}

uint32_t fx_target_holder(const struct fx *fx)
{
	return fx->target.pr.held ? qd_key_node(fx->target.pr.holder.key) : 0;
}
