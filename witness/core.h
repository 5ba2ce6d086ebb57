/* SPDX-License-Identifier: Apache-2.0 */
/* One tenant of the witness: the lock of one cluster, its epoch, its holder and the tag of its configuration. Requests
 * in, answers and records out; who may ask, and how a record becomes durable, is others' business (peer.h, store.h).
 * The rules are those of docs/MEMBERSHIP.md section 6. Pure: linked into the simulator as it is. */
#ifndef QD_WITNESS_CORE_H
#define QD_WITNESS_CORE_H

#include "base/time.h"
#include "core/witness_msg.h"

enum {
	QD_TENANT_RECENT =
		4, /* nodes whose last answer is remembered one by one; what falls out is kept as one instant */
};

/* When a node was last answered a LOCK, RENEW or PUT with OK. */
struct qd_tenant_gave {
	struct qd_mono at;
	uint32_t node; /* 0: unused */
};

struct qd_tenant {
	struct qd_witness_record record; /* durable */
	struct qd_mono started;		 /* of the witness */
	struct qd_mono renewed;		 /* the holder's last answer with OK */
	struct qd_mono
		others; /* nobody who is not in `gave` was answered after this; QD_NEVER: nobody ever was */
	uint64_t challenge_ns; /* the holder's, by its newest request */
	struct qd_tenant_gave gave[QD_TENANT_RECENT];
	/* One record at a time is being written. */
	bool writing;
	struct qd_witness_record next;
	struct {
		enum qd_witness_ask ask;
		uint64_t id;
		uint64_t incarnation;
		uint32_t node;
	} asked;
};

/* What a step wants done; a mask. */
enum {
	QD_TENANT_SILENT = 0,	    /* say nothing: the asker repeats itself */
	QD_TENANT_ANSWER = 1u << 0, /* send *answer */
	QD_TENANT_WRITE = 1u << 1,  /* make t->next durable, then call qd_tenant_written() */
};

/* `record` as it is in the store, all zeros when there is none; `started`: when this witness began to answer. */
void qd_tenant_init(struct qd_tenant *t, const struct qd_witness_record *record, struct qd_mono started);

/* A request whose node is 1..QD_NODES_MAX and which nobody has replayed. *answer is complete but for its session. */
uint32_t qd_tenant_step(struct qd_tenant *t, const struct qd_witness_request *request, struct qd_mono now,
			struct qd_witness_answer *answer);

/* t->next is durable (ok), or surely could not be made so. True: *answer is to be sent to node t->asked.node. */
bool qd_tenant_written(struct qd_tenant *t, bool ok, struct qd_mono now, struct qd_witness_answer *answer);

bool qd_witness_record_equal(const struct qd_witness_record *a, const struct qd_witness_record *b);

#endif
