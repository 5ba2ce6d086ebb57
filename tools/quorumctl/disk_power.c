/* SPDX-License-Identifier: Apache-2.0 */
/* The power-loss test of the target (docs/PROTOCOL.md case 15): a key preempts another, the target loses its power at
 * once, and when it is back it either still knows, has forgotten everything, or has gone back in time. */
#include "disk.h"

#include <stdio.h>

/* No node has id 0; the second step knows the two keys again. */
static const uint64_t key_loser = 0x000000000105e500;
static const uint64_t key_winner = 0x00000000077e5500;

static int check_free(const struct qd_disk *d)
{
	struct qd_disk_content content;
	struct qd_pr_keys keys;
	struct qd_key list[QD_PR_KEYS_MAX];
	int status = qd_disk_content_read(d, &content);
	if (status != 0)
		return status;
	if (content.verdict != QD_QDISK_OK)
		return qd_disk_refuse(
			d, QD_ERR_NOT_QDISK,
			"the test is made on a quorum disk only; make it one with \"quorumctl disk format\"");
	enum qd_outcome outcome = qd_disk_tool_read_keys(d->tool, list, QD_PR_KEYS_MAX, &keys);
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "READ KEYS", outcome);
	if (keys.total_count > 0)
		return qd_disk_refuse(d, QD_ERR_IN_USE,
				      "keys are registered on the disk; stop quorumd on every node first");
	return 0;
}

int qd_disk_power_before(struct qd_disk *d)
{
	int status = check_free(d);
	if (status != 0)
		return status;
	struct qd_disk_tool *loser = qd_disk_open_second(d, ".loser");
	if (loser == NULL)
		return qd_ctl_exit_status(QD_ERR_UNREACHABLE);
	enum qd_outcome outcome = qd_disk_pr(loser, QD_PR_REGISTER, 0, key_loser, true);
	if (outcome == QD_OUTCOME_UNSUPPORTED) {
		status = qd_disk_refuse(
			d, QD_ERR_REFUSED,
			"the target refuses APTPL: it forgets reservations when it loses power, no test "
			"is needed");
	} else if (outcome != QD_OUTCOME_GOOD ||
		   qd_disk_pr(loser, QD_PR_RESERVE, key_loser, 0, false) != QD_OUTCOME_GOOD) {
		status = qd_disk_failed(d, "the first key", outcome);
	} else {
		outcome = qd_disk_pr(d->tool, QD_PR_REGISTER, 0, key_winner, true);
		if (outcome == QD_OUTCOME_GOOD)
			outcome = qd_disk_pr(d->tool, QD_PR_PREEMPT, key_winner, key_loser, false);
		if (outcome != QD_OUTCOME_GOOD)
			status = qd_disk_failed(d, "the second key", outcome);
	}
	qd_disk_tool_close(loser);
	if (status == 0)
		(void)puts("Cut the power of the target NOW (not a shutdown), turn it on again, then run\n"
			   "quorumctl disk check --after-power-cut with the same arguments.");
	return status;
}

/* Whatever is left of the test goes: any nexus may register and CLEAR. */
static int clean_up(const struct qd_disk *d)
{
	enum qd_outcome outcome = qd_disk_pr(d->tool, QD_PR_REGISTER_AND_IGNORE, 0, key_winner, false);
	if (outcome == QD_OUTCOME_GOOD)
		outcome = qd_disk_pr(d->tool, QD_PR_CLEAR, key_winner, 0, false);
	return outcome == QD_OUTCOME_GOOD ? 0 : qd_disk_failed(d, "CLEAR after the test", outcome);
}

int qd_disk_power_after(struct qd_disk *d)
{
	struct qd_pr_reservation r;
	enum qd_outcome outcome = qd_disk_tool_read_reservation(d->tool, &r);
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "READ RESERVATION", outcome);
	if (r.held && r.holder.value != key_winner && r.holder.value != key_loser)
		return qd_disk_refuse(d, QD_ERR_IN_USE,
				      "somebody else has reserved the disk: the test cannot be judged");
	int verdict = 1;
	if (!r.held) {
		(void)puts("The target forgot every reservation. After its loss of power an earlier owner's "
			   "write may "
			   "succeed; quorumd waits before it takes the disk again.");
	} else if (r.holder.value == key_loser) {
		(void)puts("THE TARGET WENT BACK IN TIME: the key that had been preempted holds the disk "
			   "again, and its "
			   "writes succeed. Put the target's reservation state on a file system mounted "
			   "sync, or use "
			   "another target.");
	} else {
		(void)puts("The target kept the last reservation over its loss of power.");
		verdict = 0;
	}
	int status = clean_up(d);
	return status != 0 ? status : verdict;
}
