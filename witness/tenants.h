/* SPDX-License-Identifier: Apache-2.0 */
/* Every cluster that this witness serves: its key, its lock, how much it may ask, and what each of its nodes said last,
 * so that nothing counts twice. Memory is reserved once for as many as there may be and used as they come. */
#ifndef QD_WITNESS_TENANTS_H
#define QD_WITNESS_TENANTS_H

#include "drv/keyfile.h"
#include "witness/core.h"
#include "witness/grants.h"

enum {
	QD_TENANTS_MAX = QD_GRANTS_PLACES_MAX,
	QD_TENANTS_NONE = -1,
	QD_RATE_KNOWN =
		100, /* packets a second from addresses that a node of the cluster has: 16 nodes that renew
				      * each 100 ms, which nobody does, are 160 only when all hold the lock */
	QD_RATE_KNOWN_BURST = 300, /* all nodes of a large cluster, restarting */
	QD_RATE_UNKNOWN = 20, /* from elsewhere: nodes that start, and everybody who knows the cluster's id */
	QD_RATE_UNKNOWN_BURST = 100,
	QD_TENANTS_ALIVE_S = 30, /* a node that lives asks each 10 s at least */
};

/* Spaced packets: how far ahead of the clock a steady sender of this rate is. */
struct qd_rate {
	uint64_t next_ns;
};

struct qd_tenants_counts {
	uint64_t good;
	uint64_t granted;
	uint64_t refused; /* authentic, and not OK */
	uint64_t limited; /* more than it may send */
	uint64_t forged;  /* wrong key, or changed */
	uint64_t stale;	  /* replayed, or overtaken */
	uint64_t twin;	  /* QD_TENANTS_TWIN */
};

struct qd_tenants_one {
	struct qd_keyfile keys;
	bool served;   /* its key file is there */
	bool seen;     /* mark of a reload */
	int32_t place; /* in the store */
	struct qd_tenant lock;
	struct qd_rate known;
	struct qd_rate unknown;
	struct qd_tenants_counts counts;
	struct qd_mono told; /* of a twin */
};

/* A node of a cluster. */
struct qd_tenants_peer {
	uint64_t incarnation;
	uint64_t id;	 /* of its last request */
	uint64_t source; /* a number of the address that it came from; 0: none yet */
	struct qd_mono heard;
};

enum qd_tenants_verdict {
	QD_TENANTS_FRESH, /* new, and now remembered */
	QD_TENANTS_STALE, /* replayed, or overtaken */
	QD_TENANTS_TWIN, /* another start of that node, from another address, while the one that is known lives: two
			   * machines have one id. Else the later start would be taken for the only one, and what the
			   * earlier one holds would be lost to it */
	QD_TENANTS_VERDICT_COUNT
};

struct qd_tenants {
	uint32_t count;
	struct qd_tenants_one *one; /* QD_TENANTS_MAX */
	uint32_t *index;	    /* by cluster: number + 1 */
	struct qd_tenants_peer
		*peer[QD_NODES_MAX]; /* [id - 1][tenant]: memory only for nodes that there are */
};

/* 0 or -1: no address space. */
int qd_tenants_open(struct qd_tenants *t);
void qd_tenants_close(struct qd_tenants *t);

int32_t qd_tenants_find(const struct qd_tenants *t, const uint8_t cluster[QD_KEYFILE_CLUSTER_BYTES]);

/* A key file was read. A new cluster begins with what the store has of it; of a known one only the keys change. Its
 * number, or QD_TENANTS_NONE: too many. `keys` is copied. */
int32_t qd_tenants_serve(struct qd_tenants *t, const struct qd_keyfile *keys, struct qd_grants *grants,
			 struct qd_mono started);

/* May one more packet of `per_s` a second be looked at? */
bool qd_rate_take(struct qd_rate *r, uint32_t per_s, uint32_t burst, struct qd_mono now);

/* A request that is authentic and of this start of the witness. */
enum qd_tenants_verdict qd_tenants_judge(struct qd_tenants *t, int32_t tenant,
					 const struct qd_witness_request *q, uint64_t source,
					 struct qd_mono now);

#endif
