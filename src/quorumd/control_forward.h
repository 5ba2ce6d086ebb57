/* SPDX-License-Identifier: Apache-2.0 */
/* Only the leader of the view changes the configuration and hands over. What an operator asks for on another member goes to
 * it over the transfer's connections, and its answer comes back; a new configuration's text is fetched by the leader from
 * who asks. One request each way at a time: as the control server has it. Decides nothing; allocates when it is opened. */
#ifndef QD_QUORUMD_CONTROL_FORWARD_H
#define QD_QUORUMD_CONTROL_FORWARD_H

#include "drv/transfer.h"
#include "quorumd/control_operator.h"

/* All borrowed for as long as it is open. */
struct qd_forward_config {
	const struct qd_conf *conf; /* names and addresses; may change between calls */
	const struct qd_node *node;
	struct qd_control_server *control;
	struct qd_transfer *transfer;
	struct qd_operator *operator;
	void (*handover)(void *context, uint32_t to); /* of this node; answered at the control server */
	void *context;
};

struct qd_forward;

/* 0 or -QD_ERR_NOMEM. */
int qd_forward_open(const struct qd_forward_config *config, struct qd_forward **out);
void qd_forward_close(struct qd_forward *f); /* before the transfer; takes NULL */

/* The control server's request is another node's to do: it is sent there, and answered. False: it is this node's, or
 * nobody leads. The text with that digest is one that the transfer serves. */
bool qd_forward_change(struct qd_forward *f, struct qd_tag from, const uint8_t digest[QD_DIGEST_BYTES]);
bool qd_forward_handover(struct qd_forward *f, uint32_t to);

/* Every turn: whoever was asked may be heard no more. */
void qd_forward_think(struct qd_forward *f);

/* For the answer's text: what is read there is checked. Exposed for tests. */
size_t qd_forward_reply_encode(const struct qd_control_reply *reply, uint8_t to[QD_TRANSFER_ANSWER_MAX]);
bool qd_forward_reply_decode(const uint8_t *data, size_t len_bytes, struct qd_control_reply *out);

#endif
