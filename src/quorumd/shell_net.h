/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's networks: packets of the core to other nodes and to the witness, and theirs to the core. Sealed and opened
 * on the way; what does not open is counted and changes nothing. Decides nothing. */
#ifndef QD_QUORUMD_SHELL_NET_H
#define QD_QUORUMD_SHELL_NET_H

#include "core/node.h"
#include "drv/net_udp.h"
#include "drv/packet.h"
#include "quorumd/conf.h"
#include "quorumd/shell_witness.h"

enum {
	QD_STRAY_LEAST = 20,   /* packets: while an address is being changed a few are nothing */
	QD_STRAY_REST_S = 600, /* between two lines about them */
	QD_SHELL_NET_RING =
		128, /* packets that wait for the core; a turn brings at most some dozens of each link */
};

struct qd_shell_net;

/* Packets with a node's seal that did not come from its address: another machine has its id, or somebody sends again what
 * was recorded. They are judged as all others are, and so change nothing. */
struct qd_stray {
	uint64_t count;
	uint32_t node; /* of the last one */
	struct qd_address from;
};

/* Open what the configuration names: key file, sockets of the networks, sockets to the witness. Sockets that cannot be
 * opened yet are no error. 0, or an error and why[QD_CONF_MESSAGE_BYTES]. */
int qd_shell_net_open(struct qd_loop *loop, const struct qd_conf *conf, struct qd_shell_net **out, char *why);
void qd_shell_net_close(struct qd_shell_net *n); /* takes NULL */

/* The configuration changed: addresses of nodes, and who is a node. */
void qd_shell_net_configure(struct qd_shell_net *n, const struct qd_conf *conf, struct qd_mono now);

/* QD_ACTION_SEND. Leaves with qd_shell_net_flush(). */
void qd_shell_net_send(struct qd_shell_net *n, const struct qd_msg *msg, uint32_t to, uint32_t links);
void qd_shell_net_flush(struct qd_shell_net *n);

/* The next packet that came, as an event without its instant; what it points to is valid until the next call. False: none. */
bool qd_shell_net_next(struct qd_shell_net *n, struct qd_mono now, struct qd_event *ev);

/* Retries of sockets: when, and doing it. */
struct qd_mono qd_shell_net_deadline(const struct qd_shell_net *n);
void qd_shell_net_think(struct qd_shell_net *n, struct qd_mono now);

/* It is time for a line about strays; *out says which. */
bool qd_shell_net_stray(struct qd_shell_net *n, struct qd_mono now, struct qd_stray *out);

/* SIGHUP: read the key file again. 0, or an error and why[QD_KEYFILE_WHY_MAX]; then the old keys stay. */
int qd_shell_net_rekey(struct qd_shell_net *n, const struct qd_conf *conf, char *why);

/* Borrowed. */
struct qd_shell_witness *qd_shell_net_witness(const struct qd_shell_net *n);

/* For status. Borrowed. */
const struct qd_net_link *qd_shell_net_link(const struct qd_shell_net *n, uint32_t link);
const struct qd_packet *qd_shell_net_packets(const struct qd_shell_net *n);

#endif
