/* SPDX-License-Identifier: Apache-2.0 */
/* What people and clients may see of the witness: which one, whether it answers this node, what it said last. Part of
 * quorumd/control.h. */
#ifndef QD_QUORUMD_CONTROL_WITNESS_H
#define QD_QUORUMD_CONTROL_WITNESS_H

#include "core/witness_msg.h"
#include "drv/share_lock.h"
#include "quorumd/conf.h"

enum qd_control_witness_kind {
	QD_CONTROL_WITNESS_NONE = 0,
	QD_CONTROL_WITNESS_DAEMON,
	QD_CONTROL_WITNESS_SHARE,
	QD_CONTROL_WITNESS_KIND_COUNT,
};

/* One address, or the share. */
struct qd_control_witness_way {
	char text[QD_CONF_HOST_MAX + 8];
	uint64_t asked;
	uint64_t answered;
	uint64_t rtt_ns; /* of the last answer */
	uint64_t rtt_worst_ns;
	struct qd_mono answered_at; /* 0: never */
};

struct qd_control_witness {
	enum qd_control_witness_kind kind;
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES]; /* as it is called there */
	uint32_t way_count;
	uint32_t way_at; /* that is asked */
	struct qd_control_witness_way way[QD_CONF_WITNESS_MAX];
	bool reachable; /* the last question was answered, or may still be */
	bool known;	/* there was an answer; the rest is its */
	struct qd_mono answered_at;
	enum qd_witness_verdict verdict;
	uint64_t epoch;
	uint32_t holder;
	struct qd_tag tag;
	struct qd_mono renewed; /* by the holder, as far as it was said; 0: not known */
	/* of a share */
	uint64_t refused;
	uint64_t dropped;
	uint64_t hangs_ns;
	char why[QD_SHARE_WHY_MAX]; /* what fails or is doubtful; "": nothing */
};

#endif
