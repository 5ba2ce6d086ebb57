/* SPDX-License-Identifier: Apache-2.0 */
/* A few nodes with networks between them and perhaps a witness, all in memory, for scenarios of the views: packets take a
 * millisecond, stores two, nothing is random but the nodes' own generators. Links are cut, nodes are killed and started
 * by the test. After every step the worlds's few invariants are checked: one owner, epochs that only grow. */
#ifndef QD_TESTS_UNIT_VIEWS_H
#define QD_TESTS_UNIT_VIEWS_H

#include "unit.h"

#include "core/cluster_internal.h"
#include "core/node.h"
#include "witness/core.h"

enum {
	VW_NODES_MAX = 5,
	VW_LINKS_MAX = 2,
	VW_QUEUE_MAX = 4096,
	VW_PACKET_US = 1000,
	VW_STORE_US = 2000,
	VW_START_MS = 20,
	VW_STOP_MS = 50,
};

enum vw_kind { VW_MESSAGE = 0, VW_KEPT, VW_REQUEST, VW_ANSWER, VW_REPORT };

struct vw_item {
	struct qd_mono at;
	uint64_t number; /* order of those at one instant */
	enum vw_kind kind;
	uint32_t from;
	uint32_t to; /* node id; 0: the witness */
	uint32_t link;
	uint32_t life; /* of the receiver, for KEPT and REPORT; of the sender else */
	union {
		struct qd_msg message;
		struct {
			uint64_t turn;
			uint32_t from; /* who has the text */
			struct qd_kept kept;
		} kept;
		struct qd_witness_request request;
		struct qd_witness_answer answer;
		struct {
			enum qd_group_report report;
			uint64_t turn;
		} report;
	} u;
};

struct vw_node {
	bool up;
	uint32_t life;
	uint64_t incarnation;
	struct qd_kept disk;
	bool mine;
	uint64_t epoch;
	bool runs;
	bool off;
	bool prevent; /* its operator starts it with prevent quorum */
	enum qd_reply reply;
	bool replied;
	struct qd_node core;
};

struct vw {
	struct qd_mono now;
	uint64_t next_number;
	uint32_t nodes;
	uint32_t links;
	struct qd_times times;
	struct qd_span delay;
	uint32_t threshold;
	struct qd_votes votes;
	bool has_witness;
	bool witness_up;
	bool verbose;
	struct qd_tenant tenant;
	bool cut[VW_NODES_MAX + 1][VW_NODES_MAX + 1][VW_LINKS_MAX]; /* [from][to], 0: the witness */
	uint64_t top_epoch;					    /* announced */
	uint32_t queue_count;
	struct vw_item queue[VW_QUEUE_MAX];
	struct vw_node node[VW_NODES_MAX + 1]; /* by id */
	struct qd_actions out;
};

/* `nodes` nodes that vote by `model`, one link each unless changed before vw_start(); renew 3 s, delay 1 s, threshold 5.
 * Every store was made by `cluster create`: it has a vote. */
struct vw *vw_new(uint32_t nodes, enum qd_model model);
void vw_free(struct vw *w);
void vw_start(struct vw *w, uint32_t id);
void vw_start_all(struct vw *w);
void vw_kill(struct vw *w, uint32_t id);
void vw_cut(struct vw *w, uint32_t a, uint32_t b, bool cut); /* both ways, on all links */
void vw_isolate(struct vw *w, uint32_t id, bool cut);
void vw_event(struct vw *w, uint32_t id, struct qd_event *ev);
void vw_run(struct vw *w, int64_t ms);
/* Run until `holds`, at most `ms`; false: it never did. */
bool vw_until(struct vw *w, bool (*holds)(const struct vw *w), int64_t ms);
/* The node that runs the group; 0: none. */
uint32_t vw_owner(const struct vw *w);
int64_t vw_ms(const struct vw *w);

#endif
