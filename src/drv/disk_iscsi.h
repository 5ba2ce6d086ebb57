/* SPDX-License-Identifier: Apache-2.0 */
/* Block commands of an iSCSI session (SBC-3, SPC-4): capacity, sectors, cache, identity, and what a superblock says
 * about its disk. Fills a command before it is sent, reads its data after it was answered. Sends nothing itself. */
#ifndef QD_DRV_DISK_ISCSI_H
#define QD_DRV_DISK_ISCSI_H

#include "core/op.h"
#include "drv/iscsi_session.h"

enum {
	QD_DISK_CAPACITY_BYTES = 32,
	QD_DISK_INQUIRY_BYTES = 96,
	QD_DISK_IDENTITY_BYTES = 252, /* INQUIRY page 83h: what fits the one-byte length of old targets */
	QD_DISK_MODE_BYTES = 4,	      /* header of MODE SENSE(6) */
};

struct qd_disk_capacity {
	uint64_t sectors;
	uint32_t sector_bytes;
};

/* READ CAPACITY(16) into data[QD_DISK_CAPACITY_BYTES]. */
void qd_disk_iscsi_capacity(struct qd_scsi_command *c, uint8_t *data);
/* Its outcome; GARBAGE: no data, or sectors of another length than 512 or 4,096 bytes. */
enum qd_outcome qd_disk_iscsi_capacity_of(const struct qd_scsi_command *c, struct qd_disk_capacity *out);

/* READ(10), or READ(16) where the address needs it. */
void qd_disk_iscsi_read(struct qd_scsi_command *c, uint64_t lba, uint32_t count, uint32_t sector_bytes,
			uint8_t *data);
/* WRITE(10) or (16). fua: GOOD means durable; else send SYNCHRONIZE CACHE after it. */
void qd_disk_iscsi_write(struct qd_scsi_command *c, uint64_t lba, uint32_t count, uint32_t sector_bytes,
			 bool fua, uint8_t *data);
/* SYNCHRONIZE CACHE(10) of the whole LUN. */
void qd_disk_iscsi_synchronize(struct qd_scsi_command *c);

void qd_disk_iscsi_inquiry(struct qd_scsi_command *c, uint8_t *data);	 /* QD_DISK_INQUIRY_BYTES */
void qd_disk_iscsi_identity(struct qd_scsi_command *c, uint8_t *data);	 /* QD_DISK_IDENTITY_BYTES */
void qd_disk_iscsi_mode_sense(struct qd_scsi_command *c, uint8_t *data); /* QD_DISK_MODE_BYTES */

/* All of a read's data has come. */
static inline bool qd_disk_iscsi_read_whole(const struct qd_scsi_command *c)
{
	return c->outcome == QD_OUTCOME_GOOD && c->received_bytes == c->len_bytes;
}

/* Whose disk this process has to do with. uuid: known after the first superblock that fits. */
struct qd_disk_expected {
	char cluster[QD_QDISK_NAME_BYTES];
	uint16_t cluster_tag;
	bool check_tag; /* false: take cluster_tag from the first superblock that fits */
	bool known;
	uint8_t uuid[QD_QDISK_UUID_BYTES];
};

/* Judge superblock and spare copy (sectors 0 and 1, data[2 * sector_bytes]). OK: *out is the superblock, and
 * *expected knows the disk from now on. */
enum qd_disk_verdict qd_disk_iscsi_judge(const uint8_t *data, uint32_t sector_bytes,
					 struct qd_disk_expected *expected, struct qd_superblock *out);

/* First field of the keys of a cluster: from its name, never 0. `disk format` writes it to the superblock. */
uint16_t qd_cluster_tag(const char *cluster);

#endif
