/* SPDX-License-Identifier: Apache-2.0 */
/* The quorum disk's own format (docs/ONDISK.md): superblock, two owner-record sectors a node, two
 * configuration slots, and the data area behind them. Bytes to structs and back; reads and writes nothing.
 * Little-endian, every sector with its own CRC-32C. Pure.
 *
 * Layout in sectors of sector_bytes (512 or 4096):
 *   0                superblock
 *   1                spare copy of the superblock
 *   8 + 2*(id-1)     owner record of node id, even copy;  + 1: odd copy  (id 1..64)
 *   136..            configuration slot 0, then slot 1, QD_QDISK_SLOT_BYTES each
 *   data_lba         data area: not ours (superblock says where it begins)
 */
#ifndef QD_CODEC_QDISK_H
#define QD_CODEC_QDISK_H

#include "codec/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_QDISK_VERSION = 1,
	QD_QDISK_SECTOR_MAX = 4096,
	QD_QDISK_SUPERBLOCK_LBA = 0,
	QD_QDISK_RECORDS_LBA = 8,
	QD_QDISK_COPIES = 2,	       /* record sectors a node, written in turn */
	QD_QDISK_SLOTS_LBA = 136,      /* 8 + 2 * 64 */
	QD_QDISK_SLOT_BYTES = 1 << 20, /* a configuration of 64 nodes and 1,674 resources fits */
	QD_QDISK_SLOT_COUNT = 2,
	QD_QDISK_UUID_BYTES = 16,
	QD_QDISK_ID_BYTES = 16,	  /* machine-id, boot-id */
	QD_QDISK_NAME_BYTES = 64, /* cluster name with its NUL */
};

/* No time in a record is longer: one hour, the longest that src/core/times.h accepts. */
#define QD_QDISK_TIME_MAX_NS UINT64_C(3600000000000)

/* Sectors a whole quorum disk needs at least, data area not counted. */
uint64_t qd_qdisk_min_sectors(uint32_t sector_bytes);
uint64_t qd_qdisk_record_lba(uint32_t node_id, uint32_t copy);
uint64_t qd_qdisk_slot_lba(uint32_t sector_bytes, uint32_t slot);

enum qd_qdisk_verdict {
	QD_QDISK_EMPTY = 0, /* zeros only */
	QD_QDISK_OK,
	QD_QDISK_FOREIGN, /* no magic of ours */
	QD_QDISK_TORN,	  /* our magic, wrong checksum */
	QD_QDISK_NEWER,	  /* format version above QD_QDISK_VERSION */
	QD_QDISK_INVALID, /* checksum right, contents impossible */
	QD_QDISK_VERDICT_COUNT,
};

struct qd_superblock {
	uint16_t version;
	uint32_t sector_bytes;
	uint8_t disk_uuid[QD_QDISK_UUID_BYTES]; /* new at every format */
	uint16_t cluster_tag;			/* first field of every key */
	char cluster[QD_QDISK_NAME_BYTES];	/* NUL-terminated */
	uint64_t data_lba;			/* first sector of the data area */
	uint64_t formatted_unix_s;		/* for people only */
};

enum qd_record_state {
	QD_RECORD_NONE = 0,
	QD_RECORD_TAKEN = 1,	/* its node holds, or held, this epoch */
	QD_RECORD_RELEASED = 2, /* everything was stopped; the epoch is over */
	QD_RECORD_STATE_COUNT,
};

/* What an owner says about its epoch. Each node writes only its own two sectors, in turn. */
struct qd_owner_record {
	uint64_t sequence;    /* above that of the node's other copy; its parity says which sector */
	uint64_t epoch;	      /* counter * 64 + (node id - 1): the fencing token */
	uint64_t incarnation; /* full width; keys carry the low 16 bits */
	uint32_t node_id;
	enum qd_record_state state;
	uint32_t heir;	    /* node id to hand over to, 0: nobody */
	uint64_t heir_turn; /* grows with every hand-over offer of this epoch */
	uint8_t machine_id[QD_QDISK_ID_BYTES];
	uint8_t boot_id[QD_QDISK_ID_BYTES];
	uint8_t disk_uuid[QD_QDISK_UUID_BYTES]; /* of the superblock: a record copied with dd is foreign */
	/* The times that this owner lives by. A challenger with shorter ones uses these (I5): two configuration files
	 * that differ never make two owners. Each 1 .. QD_QDISK_TIME_MAX_NS. */
	uint64_t renew_ns;
	uint64_t challenge_ns;
	uint64_t wait_ns; /* W = takeover - renew/3 */
};

struct qd_config_slot {
	uint64_t epoch;
	uint64_t version;
	uint32_t body_bytes;
	uint32_t body_crc32c;
};

/* Each encoder fills exactly one sector (rest zeros); sector_bytes is 512 or 4096. */
void qd_superblock_encode(const struct qd_superblock *s, uint8_t *sector, uint32_t sector_bytes);
enum qd_qdisk_verdict qd_superblock_decode(const uint8_t *sector, size_t len_bytes,
					   struct qd_superblock *out);

void qd_owner_record_encode(const struct qd_owner_record *r, uint8_t *sector, uint32_t sector_bytes);
enum qd_qdisk_verdict qd_owner_record_decode(const uint8_t *sector, size_t len_bytes,
					     struct qd_owner_record *out);

/* The header sector of a slot; the body follows in the next sectors. */
void qd_config_slot_encode(const struct qd_config_slot *c, uint8_t *sector, uint32_t sector_bytes);
enum qd_qdisk_verdict qd_config_slot_decode(const uint8_t *sector, size_t len_bytes,
					    struct qd_config_slot *out);

/* Of a node's two copies the one that counts: the valid one with the higher sequence whose disk UUID, node id
 * and sector parity are right; state QD_RECORD_NONE when neither is. */
void qd_owner_record_pick(const uint8_t *even, const uint8_t *odd, uint32_t sector_bytes, uint32_t node_id,
			  const uint8_t disk_uuid[QD_QDISK_UUID_BYTES], struct qd_owner_record *out);

static inline uint64_t qd_epoch_make(uint64_t counter, uint32_t node_id)
{
	qd_assert(node_id >= QD_NODE_ID_MIN && node_id <= QD_NODE_ID_MAX);
	return counter * 64 + (node_id - 1);
}

static inline uint64_t qd_epoch_counter(uint64_t epoch)
{
	return epoch / 64;
}

static inline uint32_t qd_epoch_node(uint64_t epoch)
{
	return (uint32_t)(epoch % 64) + 1;
}

#endif
