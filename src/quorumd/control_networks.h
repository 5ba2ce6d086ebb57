/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's networks as they are now, for the status: name, role and metric of those that the configuration uses.
 * Watches the kernel's interfaces; decides nothing. */
#ifndef QD_QUORUMD_CONTROL_NETWORKS_H
#define QD_QUORUMD_CONTROL_NETWORKS_H

#include "drv/networks.h"
#include "quorumd/conf.h"

struct qd_control_networks;

/* Called when the interfaces have changed: sockets may be opened that could not be before. */
typedef void qd_control_networks_fn(void *context);

/* 0, -QD_ERR_NOMEM or -QD_ERR_IO. `changed` may be NULL. The caller ends it with qd_control_networks_close(). */
int qd_control_networks_open(struct qd_loop *loop, const struct qd_conf *conf,
			     qd_control_networks_fn *changed, void *context,
			     struct qd_control_networks **out);
void qd_control_networks_close(struct qd_control_networks *n); /* takes NULL */

struct qd_mono qd_control_networks_deadline(const struct qd_control_networks *n);
void qd_control_networks_think(struct qd_control_networks *n, struct qd_mono now);

/* As drv/networks.h has it: for qd_networks_find(), qd_networks_same_subnet(). Borrowed; empty until the first reading. */
const struct qd_networks *qd_control_networks_list(const struct qd_control_networks *n);

/* What is configured: of which family, and whether loopback counts because this node's own addresses are there. */
struct qd_networks_config qd_control_networks_config(const struct qd_conf *conf);

#endif
