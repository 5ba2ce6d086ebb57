/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control_overtaken.h"

#include <string.h>

static bool is_proved_above(const struct qd_cluster *c, uint64_t epoch)
{
	const bool active = c->state == QD_CLUSTER_LEADING || c->state == QD_CLUSTER_MEMBER;
	return active && c->right.held && c->kept.installed.epoch > epoch &&
	       c->right_epoch == c->kept.installed.epoch;
}

/* The disk or witness has the head, where this node holds it. It comes after the members. */
static bool extra_has_it(const struct qd_cluster *c)
{
	const struct qd_head *h = &c->kept.head;
	const uint32_t extras = c->state == QD_CLUSTER_LEADING ? qd_head_extras(h) : 0;
	const bool disk = (extras & QD_EXTRA_DISK) != 0 && c->disk.held;
	const bool witness = (extras & QD_EXTRA_WITNESS) != 0 && c->witness.epoch != 0;
	if (disk && (!c->disk.slots_known || qd_tag_compare(c->disk.head.tag, h->tag) != 0))
		return false;
	return !witness || qd_tag_compare(c->witness.tag, h->tag) == 0;
}

enum qd_overtaken qd_overtaken_judge(const struct qd_cluster *c, uint64_t epoch,
				     const uint8_t digest[QD_DIGEST_BYTES])
{
	if (!is_proved_above(c, epoch))
		return QD_OVERTAKEN_UNKNOWN;
	if (memcmp(c->kept.head.body, digest, QD_DIGEST_BYTES) != 0)
		return QD_OVERTAKEN_OTHER;
	return !c->kept.head.has_old && extra_has_it(c) ? QD_OVERTAKEN_DONE : QD_OVERTAKEN_UNKNOWN;
}
