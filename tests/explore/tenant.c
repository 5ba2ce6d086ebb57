/* SPDX-License-Identifier: Apache-2.0 */
/* The witness of the world: the real core of one tenant, its store and its session. */
#include "explore/world.h"
#include <stdio.h>
#include <stddef.h>

static void answer(struct ex_world *w, const struct ex_limits *l, uint32_t to,
		   const struct qd_witness_answer *a)
{
	struct ex_packet p;
	memset(&p, 0, sizeof(p));
	p.kind = EX_ANSWER;
	p.to = (uint8_t)to;
	p.from_session = w->tenant_session;
	p.u.answer = *a;
	p.u.answer.session = w->tenant_session;
	ex_net_send(w, l, &p);
}

void ex_tenant_written(struct ex_world *w, const struct ex_limits *l)
{
	struct qd_witness_answer a;
	memset(&a, 0, sizeof(a));
	w->writing = false;
	w->record = w->next_record;
	const uint32_t to = w->tenant.asked.node;
	if (qd_tenant_written(&w->tenant, true, w->now, &a))
		answer(w, l, to, &a);
}

void ex_tenant_ask(struct ex_world *w, const struct ex_limits *l, const struct ex_packet *p)
{
	struct qd_witness_answer a;
	memset(&a, 0, sizeof(a));
	w->asked[p->from - 1].incarnation = p->u.request.incarnation;
	w->asked[p->from - 1].id = p->u.request.id;
	const uint32_t what = qd_tenant_step(&w->tenant, &p->u.request, w->now, &a);
	if ((what & QD_TENANT_ANSWER) != 0)
		answer(w, l, p->from, &a);
	if ((what & QD_TENANT_WRITE) == 0)
		return;
	w->writing = true;
	w->next_record = w->tenant.next;
	if (!l->slow_stores)
		ex_tenant_written(w, l);
}

void ex_tenant_boot(struct ex_world *w, bool landed, bool fresh)
{
	if (w->writing && landed)
		w->record = w->next_record;
	if (fresh)
		memset(&w->record, 0, sizeof(w->record));
	w->writing = false;
	w->tenant_session++;
	memset(w->asked, 0, sizeof(w->asked));
	qd_tenant_init(&w->tenant, &w->record, w->now);
}
