/* SPDX-License-Identifier: Apache-2.0 */
/* Looking once at a cluster's directory on a share, for people who check a configuration: a share that hangs is waited for
 * some seconds only. */
#ifndef QD_DRV_SHARE_CHECK_H
#define QD_DRV_SHARE_CHECK_H

#include "drv/share_lock.h"

enum {
	QD_SHARE_CHECK_MS = 5000,
};

/* True: it can serve; then why[QD_SHARE_WHY_MAX] is "" or a doubt. False: why says what is wrong. Changes nothing there. */
bool qd_share_check(const struct qd_share_files *files, const char *root,
		    const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES], uint32_t node, char *why);

#endif
