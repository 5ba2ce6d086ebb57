/* SPDX-License-Identifier: Apache-2.0 */
/* Packets: what is said, sealed with the cluster's key, and opened again (docs/WIRE.md). XChaCha20-Poly1305 with a key for
 * every direction between two parties. It says who has sealed a packet; that it is new, and meant for this start of the
 * process, is said by the sessions and sequences in it (core/link). Sends nothing, allocates nothing, logs nothing. */
#ifndef QD_DRV_PACKET_H
#define QD_DRV_PACKET_H

#include "codec/wire.h"
#include "drv/keyfile.h"

enum {
	QD_PACKET_WITNESS = 0, /* the witness's id, where nodes have theirs */
	QD_PACKET_PREFIX_BYTES = 16,
};

/* What became of a packet that came in. Checked in this order; all before QD_PACKET_FORGED costs no cryptography. */
enum qd_packet_verdict {
	QD_PACKET_OK = 0,
	QD_PACKET_LENGTH,  /* shorter than any packet, or longer than the longest */
	QD_PACKET_VERSION, /* another format: a program of another version */
	QD_PACKET_MALFORMED, /* an envelope that cannot be, or sealed by a member and yet no message: a fault of a program */
	QD_PACKET_ID,	   /* not to this one, or not from a party that this one listens to */
	QD_PACKET_CLUSTER, /* of another cluster */
	QD_PACKET_KEY,	   /* sealed with a key that is not, or no longer, in the key file */
	QD_PACKET_FORGED,  /* not sealed with that key, or changed on the way */
	QD_PACKET_VERDICT_COUNT,
};

/* Derived keys of one slot of the key file, by the other party's id. */
struct qd_packet_slot {
	uint32_t number;
	uint8_t send[QD_NODES_MAX + 1][QD_KEYFILE_KEY_BYTES];
	uint8_t receive[QD_NODES_MAX + 1][QD_KEYFILE_KEY_BYTES];
};

struct qd_packet {
	uint32_t self;	/* node, or QD_PACKET_WITNESS */
	uint64_t peers; /* nodes that are listened to */
	uint8_t cluster[QD_WIRE_CLUSTER_BYTES];
	uint32_t slot_count;
	uint32_t send_slot;
	struct qd_packet_slot slot[QD_KEYFILE_SLOTS];
	uint8_t prefix[QD_PACKET_PREFIX_BYTES];	  /* of every nonce: random, drawn at the start */
	uint64_t sealed;			  /* packets, and the rest of the next nonce */
	uint64_t opened[QD_PACKET_VERDICT_COUNT]; /* packets that came in, by what became of them */
};

/* What a packet said. */
struct qd_packet_content {
	enum qd_wire_traffic traffic;
	uint32_t from; /* node, or QD_PACKET_WITNESS: authentic */
	union {
		struct qd_msg msg;
		struct qd_witness_request request;
		struct qd_witness_answer answer;
	} u;
};

/* The key of one direction between two parties (nodes, or QD_PACKET_WITNESS), from one of the file. */
void qd_packet_derive(uint8_t to[QD_KEYFILE_KEY_BYTES], uint32_t sender, uint32_t receiver,
		      const uint8_t key[QD_KEYFILE_KEY_BYTES]);

/* Derive every key from those of the file, for this party. All other nodes are listened to. 0, or -QD_ERR_IO (libsodium
 * does not start). */
int qd_packet_init(struct qd_packet *p, uint32_t self, const struct qd_keyfile *keys);

/* The key file was read again. 0, or -QD_ERR_CONFIG (it is of another cluster) and nothing changed. Nonces go on. */
int qd_packet_rekey(struct qd_packet *p, const struct qd_keyfile *keys);

/* Listen to these nodes only, and to the witness. */
void qd_packet_listen(struct qd_packet *p, uint64_t peers);

/* Wipes all keys. */
void qd_packet_close(struct qd_packet *p);

/* Each returns the packet's length. A message goes to msg->to and is from this node, as is a request; an answer is from
 * the witness. */
size_t qd_packet_seal_msg(struct qd_packet *p, const struct qd_msg *msg, uint8_t to[QD_WIRE_PACKET_MAX]);
size_t qd_packet_seal_request(struct qd_packet *p, const struct qd_witness_request *request,
			      uint8_t to[QD_WIRE_PACKET_MAX]);
size_t qd_packet_seal_answer(struct qd_packet *p, uint32_t node, const struct qd_witness_answer *answer,
			     uint8_t to[QD_WIRE_PACKET_MAX]);

/* Counts the packet by its verdict. Not QD_PACKET_OK: *out is not to be used. */
enum qd_packet_verdict qd_packet_open(struct qd_packet *p, const uint8_t *packet, size_t len_bytes,
				      struct qd_packet_content *out);

/* "forged" ...: for statistics. */
const char *qd_packet_verdict_name(enum qd_packet_verdict verdict);

#endif
