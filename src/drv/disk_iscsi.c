/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/disk_iscsi.h"

#include "base/bytes.h"
#include "base/crc32c.h"

#include <string.h>

enum {
	INQUIRY = 0x12,
	MODE_SENSE_6 = 0x1a,
	READ_10 = 0x28,
	WRITE_10 = 0x2a,
	SYNCHRONIZE_CACHE_10 = 0x35,
	READ_16 = 0x88,
	WRITE_16 = 0x8a,
	SERVICE_ACTION_IN_16 = 0x9e,
	READ_CAPACITY_16 = 0x10, /* service action */
	FUA = 0x08,
	EVPD = 0x01,
	PAGE_IDENTITY = 0x83,
	PAGE_ALL = 0x3f,
	DBD = 0x08, /* no block descriptors */
	COUNT_10_MAX = 0xffff,
	POISON = 0xff,
};

static void begin(struct qd_scsi_command *c, uint32_t cdb_len, enum qd_scsi_direction direction,
		  uint8_t *data, uint32_t len_bytes)
{
	memset(c->cdb, 0, sizeof c->cdb);
	c->cdb_len = cdb_len;
	c->direction = direction;
	c->data = data;
	c->len_bytes = len_bytes;
	if (direction == QD_SCSI_IN) /* GOOD without data must not look like zeros */
		memset(data, POISON, len_bytes);
}

void qd_disk_iscsi_capacity(struct qd_scsi_command *c, uint8_t *data)
{
	begin(c, 16, QD_SCSI_IN, data, QD_DISK_CAPACITY_BYTES);
	c->cdb[0] = SERVICE_ACTION_IN_16;
	c->cdb[1] = READ_CAPACITY_16;
	c->cdb[13] = QD_DISK_CAPACITY_BYTES;
}

enum qd_outcome qd_disk_iscsi_capacity_of(const struct qd_scsi_command *c, struct qd_disk_capacity *out)
{
	if (c->outcome != QD_OUTCOME_GOOD)
		return c->outcome;
	struct qd_reader r = qd_reader_make(c->data, c->received_bytes);
	uint64_t last = qd_read_be(&r, 8);
	uint32_t bytes = (uint32_t)qd_read_be(&r, 4);
	if (r.failed || last >= UINT64_MAX / QD_QDISK_SECTOR_MAX ||
	    (bytes != 512 && bytes != QD_QDISK_SECTOR_MAX))
		return QD_OUTCOME_GARBAGE;
	*out = (struct qd_disk_capacity){.sectors = last + 1, .sector_bytes = bytes};
	return QD_OUTCOME_GOOD;
}

/* READ and WRITE, (10) or (16): SBC-3 5.8, 5.10, 5.32, 5.34. */
static void transfer(struct qd_scsi_command *c, bool write, uint64_t lba, uint32_t count)
{
	bool small = lba <= UINT32_MAX && count <= COUNT_10_MAX;
	struct qd_writer w = qd_writer_make(c->cdb, sizeof c->cdb);
	if (small)
		qd_write_be(&w, 1, write ? WRITE_10 : READ_10);
	else
		qd_write_be(&w, 1, write ? WRITE_16 : READ_16);
	qd_write_be(&w, 1, 0);
	qd_write_be(&w, small ? 4 : 8, lba);
	if (small)
		qd_write_be(&w, 1, 0);
	qd_write_be(&w, small ? 2 : 4, count);
	qd_assert(!w.failed);
	c->cdb_len = small ? 10 : 16;
}

void qd_disk_iscsi_read(struct qd_scsi_command *c, uint64_t lba, uint32_t count, uint32_t sector_bytes,
			uint8_t *data)
{
	qd_assert(count > 0);
	begin(c, 16, QD_SCSI_IN, data, count * sector_bytes);
	transfer(c, false, lba, count);
}

void qd_disk_iscsi_write(struct qd_scsi_command *c, uint64_t lba, uint32_t count, uint32_t sector_bytes,
			 bool fua, uint8_t *data)
{
	qd_assert(count > 0);
	begin(c, 16, QD_SCSI_OUT, data, count * sector_bytes);
	transfer(c, true, lba, count);
	c->cdb[1] = fua ? FUA : 0;
}

void qd_disk_iscsi_synchronize(struct qd_scsi_command *c)
{
	begin(c, 10, QD_SCSI_NO_DATA, NULL, 0);
	c->cdb[0] = SYNCHRONIZE_CACHE_10;
}

void qd_disk_iscsi_inquiry(struct qd_scsi_command *c, uint8_t *data)
{
	begin(c, 6, QD_SCSI_IN, data, QD_DISK_INQUIRY_BYTES);
	c->cdb[0] = INQUIRY;
	c->cdb[4] = QD_DISK_INQUIRY_BYTES;
}

void qd_disk_iscsi_identity(struct qd_scsi_command *c, uint8_t *data)
{
	begin(c, 6, QD_SCSI_IN, data, QD_DISK_IDENTITY_BYTES);
	c->cdb[0] = INQUIRY;
	c->cdb[1] = EVPD;
	c->cdb[2] = PAGE_IDENTITY;
	c->cdb[4] = QD_DISK_IDENTITY_BYTES;
}

void qd_disk_iscsi_mode_sense(struct qd_scsi_command *c, uint8_t *data)
{
	begin(c, 6, QD_SCSI_IN, data, QD_DISK_MODE_BYTES);
	c->cdb[0] = MODE_SENSE_6;
	c->cdb[1] = DBD;
	c->cdb[2] = PAGE_ALL;
	c->cdb[4] = QD_DISK_MODE_BYTES;
}

static enum qd_disk_verdict judge_one(const struct qd_superblock *s, uint32_t sector_bytes,
				      struct qd_disk_expected *expected)
{
	if (s->sector_bytes != sector_bytes)
		return QD_DISK_NOT_QUORUM; /* copied from a LUN with other sectors: every address is wrong */
	if (strncmp(s->cluster, expected->cluster, sizeof s->cluster) != 0)
		return QD_DISK_OTHER_CLUSTER;
	if (expected->check_tag && s->cluster_tag != expected->cluster_tag)
		return QD_DISK_OTHER_CLUSTER;
	if (expected->known && memcmp(s->disk_uuid, expected->uuid, sizeof expected->uuid) != 0)
		return QD_DISK_OTHER_DISK;
	expected->known = true;
	expected->check_tag = true;
	expected->cluster_tag = s->cluster_tag;
	memcpy(expected->uuid, s->disk_uuid, sizeof expected->uuid);
	return QD_DISK_OK;
}

enum qd_disk_verdict qd_disk_iscsi_judge(const uint8_t *data, uint32_t sector_bytes,
					 struct qd_disk_expected *expected, struct qd_superblock *out)
{
	enum qd_qdisk_verdict v = qd_superblock_decode(data, sector_bytes, out);
	if (v == QD_QDISK_TORN) /* a power loss in the middle of `disk format` */
		v = qd_superblock_decode(data + sector_bytes, sector_bytes, out);
	switch (v) {
	case QD_QDISK_OK:
		return judge_one(out, sector_bytes, expected);
	case QD_QDISK_NEWER:
		return QD_DISK_NEWER;
	case QD_QDISK_EMPTY:
	case QD_QDISK_FOREIGN:
	case QD_QDISK_TORN:
	case QD_QDISK_INVALID:
	case QD_QDISK_VERDICT_COUNT:
		return QD_DISK_NOT_QUORUM;
	}
	return QD_DISK_NOT_QUORUM;
}

uint16_t qd_cluster_tag(const char *cluster)
{
	uint16_t tag = (uint16_t)qd_crc32c(0, cluster, strlen(cluster));
	return tag != 0 ? tag : 1;
}
