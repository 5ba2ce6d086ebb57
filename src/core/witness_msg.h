/* SPDX-License-Identifier: Apache-2.0 */
/* What a node and the witness say to each other (docs/MEMBERSHIP.md section 6, docs/WITNESS.md). The same record is what
 * a witness keeps, on the daemon's disk or in a directory on a share. Pure. */
#ifndef QD_CORE_WITNESS_MSG_H
#define QD_CORE_WITNESS_MSG_H

#include "core/head.h"

enum qd_witness_ask {
	QD_WITNESS_LOCK = 0, /* grant the lock under `epoch`, above every earlier one */
	QD_WITNESS_RENEW,    /* the holder of `epoch` is alive */
	QD_WITNESS_PUT,	     /* as RENEW; and keep `tag` and `digest`, durably */
	QD_WITNESS_RELEASE,  /* the lock is free: nothing counts on it any more */
	QD_WITNESS_YIELD,    /* the lock is free; the ages stay: rights that counted on it may still run */
	QD_WITNESS_CONFIRM, /* from a leader that is quorate without it: this store may be trusted, and takes over
			      * epoch, tag and digest; grants nothing */
	QD_WITNESS_SHOW, /* say what you have, change nothing */
	QD_WITNESS_ASK_COUNT,
};

enum qd_witness_verdict {
	QD_WITNESS_OK = 0,
	QD_WITNESS_HELD,      /* another node's last renewal is less than `challenge` old */
	QD_WITNESS_OLD_EPOCH, /* `epoch` is not above (LOCK), or not (others), the one granted */
	QD_WITNESS_OLD_TAG,   /* the tag would go back */
	QD_WITNESS_UNCONFIRMED, /* the store is new, or not provably its own: nothing is granted before CONFIRM */
	QD_WITNESS_NOT_HOLDER,
	QD_WITNESS_STORE,   /* what must be durable could not be written */
	QD_WITNESS_SESSION, /* the request names another session: nothing was done; again with the answer's */
	QD_WITNESS_VERDICT_COUNT,
};

struct qd_witness_request {
	enum qd_witness_ask ask;
	uint64_t
		session; /* of the witness, from its last answer; 0: not known yet. Whoever sends the request fills it in:
			   * what was recorded before a restart of the witness then means nothing to it */
	uint64_t
		id; /* grows from request to request of an incarnation; the answer carries it. A witness does nothing for
		      * an id that is not above that incarnation's last one, or for an older incarnation */
	uint32_t node;
	uint64_t incarnation;
	uint64_t epoch;
	struct qd_tag tag;
	uint8_t digest[QD_DIGEST_BYTES];
	uint64_t challenge_ns; /* so long lasts the lock after a renewal; asker's or holder's, the longer */
};

struct qd_witness_answer {
	uint64_t session; /* of the witness: 64 random bits, drawn at its start; never 0 */
	uint64_t id;
	uint64_t incarnation; /* of the request */
	enum qd_witness_verdict verdict;
	uint64_t epoch;	 /* granted last */
	uint32_t holder; /* node; 0: nobody, or released */
	struct qd_tag tag;
	uint8_t digest[QD_DIGEST_BYTES];
	uint64_t
		age_ns; /* since it last answered a LOCK, RENEW or PUT of any node but the asker with OK; or since its own
			  * start, if that is later; UINT64_MAX: never, and all such nodes released */
	uint64_t start_ns; /* since its own start */
	uint32_t last;	   /* the node that age_ns is about; 0: not known, or its own start */
};

/* What a witness keeps of a cluster. */
struct qd_witness_record {
	bool confirmed; /* the store was the witness's own when this was written, or a quorate leader has confirmed it */
	uint64_t epoch;	       /* granted last; 0: never */
	uint32_t holder;       /* node; 0: nobody, or released */
	uint64_t incarnation;  /* of the holder; stays when it released */
	uint64_t challenge_ns; /* the holder's */
	struct qd_tag tag;
	uint8_t digest[QD_DIGEST_BYTES];
};

const char *qd_witness_ask_name(enum qd_witness_ask ask);
const char *qd_witness_verdict_name(enum qd_witness_verdict verdict);

#endif
