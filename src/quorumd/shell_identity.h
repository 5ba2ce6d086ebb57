/* SPDX-License-Identifier: Apache-2.0 */
/* Who this machine is: machine-id and boot-id, read once at start. */
#ifndef QD_QUORUMD_SHELL_IDENTITY_H
#define QD_QUORUMD_SHELL_IDENTITY_H

#include "quorumd/conf.h"

/* From /etc/machine-id and the kernel's boot_id, or from the configuration's test section. 0, or -QD_ERR_IO and a
 * sentence in why[why_cap]. */
int qd_identity_read(const struct qd_conf *conf, uint8_t machine_id[QD_QDISK_ID_BYTES],
		     uint8_t boot_id[QD_QDISK_ID_BYTES], char *why, size_t why_cap);

#endif
