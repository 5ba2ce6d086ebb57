/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "quorumd/control_overtaken.h"

#include <string.h>

enum { BEGUN = 64, NEW = 129 };

static struct qd_cluster cluster;
static uint8_t asked[QD_DIGEST_BYTES];

/* A member of a proved view above, with the body that was asked for. */
static void fill(void)
{
	memset(&cluster, 0, sizeof(cluster));
	memset(asked, 7, sizeof(asked));
	cluster.state = QD_CLUSTER_MEMBER;
	cluster.right.held = true;
	cluster.right_epoch = NEW;
	cluster.kept.installed.epoch = NEW;
	cluster.kept.head.tag = (struct qd_tag){.epoch = NEW, .version = 5};
	cluster.kept.head.votes.nodes = 7;
	memcpy(cluster.kept.head.body, asked, sizeof(asked));
}

static enum qd_overtaken judge(void)
{
	return qd_overtaken_judge(&cluster, BEGUN, asked);
}

static void no_proof_says_nothing(void)
{
	fill();
	cluster.state = QD_CLUSTER_JOINING;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
	fill();
	cluster.right.held = false;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
	fill(); /* the right is that of the view before */
	cluster.right_epoch = BEGUN;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
	fill(); /* the view that it was begun in */
	cluster.right_epoch = BEGUN;
	cluster.kept.installed.epoch = BEGUN;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
	cluster.kept.head.body[0] ^= 1;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
}

static void done_when_nothing_old_counts(void)
{
	fill();
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE);
	cluster.state = QD_CLUSTER_LEADING;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE);
	cluster.kept.head.has_old = true;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
}

static void another_one_is_in_force(void)
{
	fill();
	cluster.kept.head.body[QD_DIGEST_BYTES - 1] ^= 1;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_OTHER);
}

static void waits_for_the_disk(void)
{
	fill();
	cluster.state = QD_CLUSTER_LEADING;
	cluster.kept.head.votes.model = QD_MODEL_NODE_AND_DISK;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE); /* nobody has it */
	cluster.disk.held = true;
	cluster.disk.head.tag = cluster.kept.head.tag;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN); /* its slots are not read yet */
	cluster.disk.slots_known = true;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE);
	cluster.disk.head.tag.version--;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
	cluster.kept.head.votes.model = QD_MODEL_NODE_MAJORITY; /* it is not asked */
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE);
}

static void waits_for_the_witness(void)
{
	fill();
	cluster.state = QD_CLUSTER_LEADING;
	cluster.kept.head.votes.model = QD_MODEL_NODE_AND_WITNESS;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE); /* it is not held */
	cluster.witness.epoch = NEW;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_UNKNOWN);
	cluster.witness.tag = cluster.kept.head.tag;
	UNIT_EQUAL(judge(), QD_OVERTAKEN_DONE);
}

static const struct unit_test TESTS[] = {
	{"without a proved view above nothing is said", no_proof_says_nothing},
	{"it is done when no old votes count any more", done_when_nothing_old_counts},
	{"another configuration in force is told", another_one_is_in_force},
	{"the disk that the leader holds must know it", waits_for_the_disk},
	{"the witness that the leader holds must know it", waits_for_the_witness},
};

int main(void)
{
	return unit_run("t_control_overtaken", TESTS, UNIT_COUNT(TESTS));
}
