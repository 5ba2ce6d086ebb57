/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/share_check.h"

#include "drv/witness_share.h"

#include <poll.h>
#include <stdio.h>

bool qd_share_check(const struct qd_share_files *files, const char *root,
		    const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES], uint32_t node, char *why)
{
	struct qd_witness_answer answer = {.verdict = QD_WITNESS_STORE};
	const struct qd_witness_request show = {.ask = QD_WITNESS_SHOW, .id = 1, .node = node};
	struct qd_witness_share *s = qd_witness_share_open(files, root, cluster, node);
	if (s == NULL || !qd_witness_share_ask(s, &show)) {
		(void)snprintf(why, QD_SHARE_WHY_MAX, "%s: too long a name, or no thread", root);
		qd_witness_share_close(s);
		return false;
	}
	struct pollfd p = {.fd = qd_witness_share_fd(s), .events = POLLIN};
	if (poll(&p, 1, QD_SHARE_CHECK_MS) == 1 && qd_witness_share_take(s, &answer))
		qd_witness_share_why(s, why);
	else
		(void)snprintf(why, QD_SHARE_WHY_MAX, "%s: no answer within %d s: the share hangs", root,
			       QD_SHARE_CHECK_MS / 1000);
	qd_witness_share_close(s);
	return answer.verdict != QD_WITNESS_STORE;
}
