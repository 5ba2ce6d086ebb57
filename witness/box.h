/* SPDX-License-Identifier: Apache-2.0 */
/* Opening requests and sealing answers for one of many clusters: as src/drv/packet does, but with keys derived for each
 * packet, so that a cluster costs its key and no table of derived ones. */
#ifndef QD_WITNESS_BOX_H
#define QD_WITNESS_BOX_H

#include "codec/wire.h"
#include "drv/keyfile.h"

enum {
	QD_BOX_REQUEST_BYTES = QD_WIRE_ENVELOPE_BYTES + QD_WIRE_WITNESS_REQUEST_BYTES + QD_WIRE_MAC_BYTES,
	QD_BOX_ANSWER_BYTES = QD_WIRE_ENVELOPE_BYTES + QD_WIRE_WITNESS_ANSWER_BYTES + QD_WIRE_MAC_BYTES,
	QD_BOX_PREFIX_BYTES = 16,
};

/* Of every nonce of this process. */
struct qd_box {
	uint8_t prefix[QD_BOX_PREFIX_BYTES];
	uint64_t sealed;
};

enum qd_box_verdict {
	QD_BOX_OK = 0,
	QD_BOX_KEY,	  /* sealed with a key that the file does not have */
	QD_BOX_FORGED,	  /* not sealed with it, or changed on the way */
	QD_BOX_MALFORMED, /* sealed, and yet no request of the node that sealed it */
	QD_BOX_VERDICT_COUNT,
};

/* Draws the prefix. 0 or a negative errno. */
int qd_box_init(struct qd_box *box);

/* A packet of QD_BOX_REQUEST_BYTES with its envelope decoded. */
enum qd_box_verdict qd_box_open(const struct qd_keyfile *keys, const struct qd_wire_envelope *e,
				const uint8_t *packet, struct qd_witness_request *out);

void qd_box_seal(struct qd_box *box, const struct qd_keyfile *keys, uint32_t node,
		 const struct qd_witness_answer *answer, uint8_t to[QD_BOX_ANSWER_BYTES]);

#endif
