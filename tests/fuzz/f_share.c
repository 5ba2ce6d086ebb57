/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what a node asks of the witness on a share, and what the share's directory holds: names, and a file's contents for
 * all of them. A share is written by others, and by other programs. Whatever is there, the answer is complete, nothing is
 * granted by an unconfirmed directory, and a right goes to nobody but the asker. */
#include "fuzz.h"

#include "drv/share_lock.h"

#include <errno.h>
#include <stdio.h>

enum {
	FUZZ_CHECKED = 0x01, /* right checksums */
	FUZZ_CLUSTER = 0x02, /* of this cluster */
	HEAD = 4,	     /* mode, ask, node, epoch */
	NAMES_MAX = 24,
	NODE = 3,
	CLUSTER_AT = 16, /* in a grant */
};

static const uint8_t CLUSTER[QD_WITNESS_CLUSTER_BYTES] = {0xc0, 0xc1};

/* The directory. */
static struct {
	uint8_t mode;
	uint32_t count;
	char name[NAMES_MAX][QD_SHARE_NAME_MAX];
	size_t content_bytes;
	uint8_t content[QD_WITNESS_SECTOR_BYTES];
	uint64_t now_ns;
	bool granted; /* a grant was created */
} share;

static int list(const char *dir, qd_share_name_fn *fn, void *context)
{
	(void)dir;
	for (uint32_t i = 0; i < share.count; i++)
		fn(context, share.name[i]);
	return 0;
}

/* Every file holds the same; that of a tag may be cut short. */
static int read_file(const char *dir, const char *name, uint8_t *to, size_t len_bytes)
{
	(void)dir;
	size_t len = share.content_bytes < len_bytes ? share.content_bytes : len_bytes;
	if (strncmp(name, "tag-", 4) == 0 && (share.mode & FUZZ_CLUSTER) == 0)
		len /= 2;
	memcpy(to, share.content, len);
	return (int)len;
}

static int write_file(const char *dir, const char *name, const uint8_t *data, size_t len_bytes)
{
	struct qd_witness_grant g;
	(void)dir;
	qd_assert(strcmp(name, "beat-03") == 0); /* its own, and no other */
	qd_assert(qd_witness_grant_decode(data, len_bytes, &g) == QD_WITNESS_SECTOR_OK);
	return 0;
}

static int create(const char *dir, const char *name, const char *own, const uint8_t *data, size_t len_bytes)
{
	struct qd_witness_grant g;
	(void)dir;
	qd_assert(strcmp(own, "new-03") == 0);
	qd_assert(qd_witness_grant_decode(data, len_bytes, &g) == QD_WITNESS_SECTOR_OK);
	for (uint32_t i = 0; i < share.count; i++) {
		if (strcmp(share.name[i], name) == 0)
			return -EEXIST;
	}
	share.granted = share.granted || strncmp(name, "grant-", 6) == 0;
	if (share.count < NAMES_MAX)
		(void)snprintf(share.name[share.count++], QD_SHARE_NAME_MAX, "%s", name);
	memcpy(share.content, data, len_bytes);
	share.content_bytes = len_bytes;
	return 0;
}

static void remove_file(const char *dir, const char *name)
{
	(void)dir;
	for (uint32_t i = 0; i < share.count; i++) {
		if (strcmp(share.name[i], name) == 0)
			share.name[i][0] = '\0';
	}
}

static int identify(const char *dir, uint64_t *inode, uint64_t *birth_ns)
{
	(void)dir;
	*inode = 0x11;
	*birth_ns = 0x22;
	return 0;
}

static struct qd_mono now(void)
{
	share.now_ns += 1000;
	return (struct qd_mono){.ns = share.now_ns};
}

static bool fit(const char *dir, char *why, size_t why_bytes)
{
	(void)dir;
	qd_assert(why_bytes > 0);
	why[0] = '\0';
	return true;
}

static const struct qd_share_files FILES = {list,	 read_file, write_file, create,
					    remove_file, identify,  now,	fit};

/* Names end at a newline; the contents begin behind two. */
static void fill(const uint8_t *data, size_t size)
{
	size_t at = 0;
	share.count = 0;
	while (at < size && data[at] != '\n' && share.count < NAMES_MAX) {
		size_t len = 0;
		while (at + len < size && data[at + len] != '\n')
			len++;
		const size_t kept = len < QD_SHARE_NAME_MAX - 1 ? len : QD_SHARE_NAME_MAX - 1;
		memcpy(share.name[share.count], data + at, kept);
		share.name[share.count++][kept] = '\0';
		at += len + 1;
	}
	at = at < size ? at + 1 : size;
	memset(share.content, 0, sizeof share.content);
	share.content_bytes = sizeof share.content;
	if (at < size)
		memcpy(share.content, data + at,
		       size - at < sizeof share.content ? size - at : sizeof share.content);
	if ((share.mode & FUZZ_CLUSTER) != 0)
		memcpy(share.content + CLUSTER_AT, CLUSTER, sizeof CLUSTER);
	if ((share.mode & FUZZ_CHECKED) == 0)
		return;
	const uint32_t crc = qd_crc32c(0, share.content, sizeof share.content - 4);
	for (size_t n = 0; n < 4; n++)
		share.content[sizeof share.content - 4 + n] = (uint8_t)(crc >> 8 * n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_share_lock l = {.files = &FILES, .node = NODE};
	struct qd_witness_answer answer;
	if (size < HEAD)
		return 0;
	share.mode = data[0];
	share.granted = false;
	share.now_ns = 1;
	memcpy(l.cluster, CLUSTER, sizeof CLUSTER);
	const struct qd_witness_request q = {
		.ask = (enum qd_witness_ask)(data[1] % QD_WITNESS_ASK_COUNT),
		.id = 1,
		.node = NODE,
		.incarnation = data[2],
		.epoch = (uint64_t)data[3] * 64 + NODE - 1,
		.tag = {.epoch = data[3], .version = data[2]},
		.challenge_ns = 1,
	};
	fill(data + HEAD, size - HEAD);
	bool confirmed = false;
	for (uint32_t i = 0; i < share.count; i++)
		confirmed =
			confirmed || strcmp(share.name[i], "store-0000000000000011-0000000000000022") == 0;
	qd_share_lock_ask(&l, &q, &answer);
	qd_assert(answer.verdict < QD_WITNESS_VERDICT_COUNT && answer.id == q.id);
	qd_assert(answer.holder <= QD_NODES_MAX);
	QD_ERGO(!confirmed && q.ask != QD_WITNESS_CONFIRM,
		!share.granted &&
			(answer.verdict == QD_WITNESS_UNCONFIRMED || answer.verdict == QD_WITNESS_STORE));
	QD_ERGO(share.granted, q.ask == QD_WITNESS_LOCK);
	QD_ERGO(answer.verdict == QD_WITNESS_OK && (q.ask == QD_WITNESS_LOCK || q.ask == QD_WITNESS_RENEW),
		answer.holder == NODE && answer.epoch == q.epoch);
	return 0;
}
