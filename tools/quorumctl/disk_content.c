/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD_BYTES = 4 << 20, /* more than a quorum disk of 4 KiB sectors overwrites (2.6 MiB) */
	TAIL_BYTES = 1 << 20, /* backup GPT, md and ZFS keep something at the end */
	HASH_BYTES = 16,
};

struct signature {
	size_t offset;
	const char *bytes;
	size_t len;
	const char *what;
};

/* Only names: whatever is not all zeros is refused, named or not. */
static const struct signature head_signatures[] = {
	{1080, "\x53\xef", 2, "an ext2, ext3 or ext4 file system"},
	{0, "XFSB", 4, "an XFS file system"},
	{0x10040, "_BHRfS_M", 8, "a btrfs file system"},
	{0, "LUKS\xba\xbe", 6, "a LUKS volume"},
	{0, "hsqs", 4, "a squashfs file system"},
	{3, "NTFS    ", 8, "an NTFS file system"},
	{3, "EXFAT   ", 8, "an exFAT file system"},
	{54, "FAT1", 4, "a FAT file system"},
	{82, "FAT32", 5, "a FAT file system"},
	{32769, "CD001", 5, "an ISO 9660 file system"},
	{4086, "SWAPSPACE2", 10, "a swap area"},
	{65526, "SWAPSPACE2", 10, "a swap area"},
	{536, "LVM2 001", 8, "an LVM physical volume"},
	{24, "LVM2 001", 8, "an LVM physical volume"},
	{4096, "\xfc\x4e\x2b\xa9", 4, "a member of an md RAID"},
	{0, "\xfc\x4e\x2b\xa9", 4, "a member of an md RAID"},
	{65536, "\x01\x16\x19\x70", 4, "a GFS2 file system"},
	{8192, "OCFSV2", 6, "an OCFS2 file system"},
	{0, "SBD_SBD_", 8, "an SBD device"},
	{512, "EFI PART", 8, "a GPT partition table"},
	{4096, "EFI PART", 8, "a GPT partition table"},
	{510, "\x55\xaa", 2, "a partition table or a boot sector"},
};

static bool has(const uint8_t *data, size_t len, size_t offset, const char *bytes, size_t bytes_len)
{
	return len >= bytes_len && offset <= len - bytes_len && memcmp(data + offset, bytes, bytes_len) == 0;
}

const char *qd_disk_signature(const uint8_t *head, size_t head_len, const uint8_t *tail, size_t tail_len)
{
	for (size_t i = 0; i < sizeof(head_signatures) / sizeof(head_signatures[0]); i++) {
		const struct signature *s = &head_signatures[i];
		if (has(head, head_len, s->offset, s->bytes, s->len))
			return s->what;
	}
	for (size_t sector = 512; sector <= 4096; sector *= 8) {
		if (tail_len >= sector && has(tail, tail_len, tail_len - sector, "EFI PART", 8))
			return "a backup GPT partition table";
	}
	return NULL;
}

static bool all_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

static int read_range(const struct qd_disk *d, uint64_t lba, size_t len_bytes, uint8_t *to)
{
	uint32_t step = QD_DISK_TOOL_TRANSFER_MAX / d->info.sector_bytes;
	for (uint64_t left = len_bytes / d->info.sector_bytes; left > 0;) {
		uint32_t n = left < step ? (uint32_t)left : step;
		enum qd_outcome outcome = qd_disk_tool_read(d->tool, lba, n, to);
		if (outcome != QD_OUTCOME_GOOD)
			return qd_disk_failed(d, "reading what is there", outcome);
		to += (size_t)n * d->info.sector_bytes;
		lba += n;
		left -= n;
	}
	return 0;
}

static void judge(const struct qd_disk *d, const uint8_t *data, size_t head, size_t all,
		  struct qd_disk_content *out)
{
	uint32_t sector = d->info.sector_bytes;
	uint8_t hash[HASH_BYTES];
	struct qd_superblock spare;
	out->empty = all_zero(data, all);
	out->verdict = qd_superblock_decode(data, sector, &out->superblock);
	enum qd_qdisk_verdict second = qd_superblock_decode(data + sector, sector, &spare);
	if (out->verdict != QD_QDISK_OK && second == QD_QDISK_OK) {
		out->verdict =
			QD_QDISK_OK; /* the first copy is torn or gone: the spare speaks for the disk */
		out->superblock = spare;
	}
	out->ours = (out->verdict != QD_QDISK_EMPTY && out->verdict != QD_QDISK_FOREIGN) ||
		    second == QD_QDISK_NEWER;
	if (out->verdict == QD_QDISK_OK) {
		qd_disk_uuid_text(out->superblock.disk_uuid, out->id);
		return;
	}
	(void)crypto_generichash(hash, sizeof(hash), data, all, NULL, 0); /* fails only for wrong lengths */
	qd_disk_uuid_text(hash, out->id);
	const char *what = qd_disk_signature(data, head, data + head, all - head);
	out->what = what != NULL ? what : "data that is not known here";
}

int qd_disk_content_read(const struct qd_disk *d, struct qd_disk_content *out)
{
	uint32_t sector = d->info.sector_bytes;
	uint64_t size = d->info.sectors * sector;
	size_t head = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
	size_t tail = size - head < TAIL_BYTES ? (size_t)(size - head) : TAIL_BYTES;
	memset(out, 0, sizeof(*out));
	uint8_t *data = calloc(1, head + tail + 1);
	if (data == NULL)
		return qd_disk_refuse(d, QD_ERR_NOMEM, "out of memory");
	int status = read_range(d, 0, head, data);
	if (status == 0)
		status = read_range(d, d->info.sectors - tail / sector, tail, data + head);
	if (status == 0)
		judge(d, data, head, head + tail, out);
	free(data);
	return status;
}
