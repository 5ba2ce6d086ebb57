/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/bodies.h"

#include "base/crc32c.h"
#include "quorumd/conf_body.h"
#include "quorumd/errors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HEX_BYTES = 2 * QD_DIGEST_BYTES + 1,
	FILE_MAX = QD_BODIES_DIR_MAX + 96,
	LINE_MAX_BYTES = 160, /* two numbers of 20 digits, one of 20, 64 hexadecimal ones, a checksum */
	HISTORY_BYTES_MAX = QD_BODIES_HISTORY * LINE_MAX_BYTES,
};

_Static_assert((int)HISTORY_BYTES_MAX <= (int)QD_BODIES_CHUNK_BYTES, "the history fits the chunk");

static int complain(char *why, const char *what, const char *file)
{
	const char *mend =
		errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? "; make room on that file system" : "";
	(void)snprintf(why, QD_BODIES_WHY_MAX, "%s: %s: %s%s", file, what, strerrordesc_np(errno), mend);
	return -QD_ERR_IO;
}

static void hex_of(const uint8_t digest[QD_DIGEST_BYTES], char hex[HEX_BYTES])
{
	(void)sodium_bin2hex(hex, HEX_BYTES, digest, QD_DIGEST_BYTES);
}

static void file_name(const struct qd_bodies *b, const uint8_t digest[QD_DIGEST_BYTES], const char *suffix,
		      char to[FILE_MAX])
{
	char hex[HEX_BYTES];
	hex_of(digest, hex);
	(void)snprintf(to, FILE_MAX, "%s/%s.yaml%s", b->dir, hex, suffix);
}

void qd_body_digest(const char *text, size_t len_bytes, uint8_t digest[QD_DIGEST_BYTES])
{
	int rc = crypto_generichash(digest, QD_DIGEST_BYTES, (const unsigned char *)text, len_bytes, NULL, 0);
	qd_assert(rc == 0);
}

/* ------------------------------------------------ files */

static int write_whole(int fd, const char *data, size_t len_bytes)
{
	for (size_t at = 0; at < len_bytes;) {
		ssize_t n = write(fd, data + at, len_bytes - at);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int sync_dir(const char *dir, char *why)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return complain(why, "cannot be opened", dir);
	int rc = fsync(fd) == 0 ? 0 : complain(why, "fsync", dir);
	(void)close(fd); /* read-only: nothing can be lost */
	return rc;
}

/* A file as a whole, or not at all. */
static int replace_file(const struct qd_bodies *b, const char *name, const char *data, size_t len_bytes,
			char *why)
{
	char temporary[FILE_MAX + 8];
	(void)snprintf(temporary, sizeof temporary, "%s.new", name);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return complain(why, "cannot be written", temporary);
	bool ok = write_whole(fd, data, len_bytes) == 0 && fsync(fd) == 0;
	int rc = ok ? 0 : complain(why, "cannot be written", temporary);
	if (close(fd) != 0 && ok)
		rc = complain(why, "cannot be written", temporary);
	if (rc == 0 && rename(temporary, name) != 0)
		rc = complain(why, "cannot be renamed", temporary);
	if (rc != 0)
		(void)unlink(temporary); /* half a file only takes room */
	return rc == 0 ? sync_dir(b->dir, why) : rc;
}

/* ------------------------------------------------ history */

/* "EPOCH VERSION SECONDS DIGEST CRC\n" */
static size_t entry_write(const struct qd_body_entry *e, char to[LINE_MAX_BYTES])
{
	char hex[HEX_BYTES];
	hex_of(e->digest, hex);
	int n = snprintf(to, LINE_MAX_BYTES, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s", e->tag.epoch,
			 e->tag.version, e->unix_s, hex);
	qd_assert(n > 0 && n < LINE_MAX_BYTES - 16);
	size_t len = (size_t)n;
	len += (size_t)snprintf(to + len, LINE_MAX_BYTES - len, " %08" PRIx32 "\n", qd_crc32c(0, to, len));
	return len;
}

static bool entry_read(const char *line, size_t len, struct qd_body_entry *e)
{
	char text[LINE_MAX_BYTES] = "";
	char hex[HEX_BYTES] = "";
	char again[LINE_MAX_BYTES];
	size_t digest_len = 0;
	if (len >= sizeof text)
		return false;
	memcpy(text, line, len);
	*e = (struct qd_body_entry){0};
	/* NOLINTNEXTLINE(cert-err34-c): what was read is written again and must be the same */
	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %64s", &e->tag.epoch, &e->tag.version,
		   &e->unix_s, hex) != 4 ||
	    sodium_hex2bin(e->digest, sizeof e->digest, hex, strlen(hex), NULL, &digest_len, NULL) != 0 ||
	    digest_len != sizeof e->digest)
		return false;
	return entry_write(e, again) == len && memcmp(again, text, len) == 0;
}

static ssize_t read_all(int fd, uint8_t *to, size_t cap_bytes)
{
	size_t at = 0;
	while (at < cap_bytes) {
		ssize_t n = read(fd, to + at, cap_bytes - at);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)at;
}

static int read_history(struct qd_bodies *b, char *why)
{
	char name[FILE_MAX];
	(void)snprintf(name, sizeof name, "%s/history", b->dir);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : complain(why, "cannot be read", name);
	ssize_t len = read_all(fd, b->chunk, sizeof b->chunk);
	int rc = len < 0 ? complain(why, "cannot be read", name) : 0;
	(void)close(fd); /* read-only: nothing can be lost */
	const char *text = (const char *)b->chunk;
	for (ssize_t at = 0; rc == 0 && at < len;) {
		const char *end = memchr(text + at, '\n', (size_t)(len - at));
		size_t line = end != NULL ? (size_t)(end - (text + at)) + 1 : (size_t)(len - at);
		struct qd_body_entry e;
		if (entry_read(text + at, line, &e) && b->count < QD_BODIES_HISTORY)
			b->history[b->count++] = e;
		else
			b->damaged++;
		at += (ssize_t)line;
	}
	return rc;
}

int qd_bodies_open(struct qd_bodies *b, const char *state_dir, char *why)
{
	*b = (struct qd_bodies){0};
	int n = snprintf(b->dir, sizeof b->dir, "%s/config", state_dir);
	qd_assert(n > 0 && (size_t)n < sizeof b->dir);
	if (sodium_init() < 0) {
		(void)snprintf(why, QD_BODIES_WHY_MAX, "libsodium does not start");
		return -QD_ERR_IO;
	}
	if (mkdir(b->dir, 0700) != 0 && errno != EEXIST)
		return complain(why, "cannot be made", b->dir);
	int rc = sync_dir(state_dir, why);
	return rc == 0 ? read_history(b, why) : rc;
}

static bool named(const struct qd_bodies *b, const uint8_t digest[QD_DIGEST_BYTES])
{
	bool found = false;
	for (uint32_t i = 0; i < b->count; i++)
		found = found || memcmp(b->history[i].digest, digest, QD_DIGEST_BYTES) == 0;
	return found;
}

static int write_history(struct qd_bodies *b, char *why)
{
	char name[FILE_MAX];
	size_t len = 0;
	(void)snprintf(name, sizeof name, "%s/history", b->dir);
	for (uint32_t i = 0; i < b->count; i++) {
		char line[LINE_MAX_BYTES];
		size_t n = entry_write(&b->history[i], line);
		memcpy(b->chunk + len, line, n);
		len += n;
	}
	return replace_file(b, name, (const char *)b->chunk, len, why);
}

int qd_bodies_note(struct qd_bodies *b, const struct qd_body_entry *entry, char *why)
{
	struct qd_body_entry gone = {0};
	bool full = b->count == QD_BODIES_HISTORY;
	if (b->count > 0 && memcmp(b->history[b->count - 1].digest, entry->digest, QD_DIGEST_BYTES) == 0)
		return 0;
	if (full) {
		gone = b->history[0];
		memmove(&b->history[0], &b->history[1], (QD_BODIES_HISTORY - 1) * sizeof b->history[0]);
		b->count--;
	}
	b->history[b->count++] = *entry;
	int rc = write_history(b, why);
	if (rc == 0 && full && !named(b, gone.digest)) {
		char name[FILE_MAX];
		file_name(b, gone.digest, "", name);
		(void)unlink(name); /* one that stays only takes room; the next start sweeps */
	}
	return rc;
}

/* The digest that a file of the directory is named by; false: it is none of ours. */
static bool digest_of_name(const char *name, uint8_t digest[QD_DIGEST_BYTES])
{
	const char *dot = strchr(name, '.');
	size_t len = 0;
	return dot != NULL && (size_t)(dot - name) == HEX_BYTES - 1 && strncmp(dot, ".yaml", 5) == 0 &&
	       sodium_hex2bin(digest, QD_DIGEST_BYTES, name, HEX_BYTES - 1, NULL, &len, NULL) == 0 &&
	       len == QD_DIGEST_BYTES;
}

void qd_bodies_sweep(struct qd_bodies *b, const uint8_t kept[QD_DIGEST_BYTES])
{
	DIR *dir = opendir(b->dir);
	if (dir == NULL)
		return; /* nothing is lost: what is left over only takes room */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): of a stream that nobody else has */
	for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
		uint8_t digest[QD_DIGEST_BYTES];
		if (!digest_of_name(d->d_name, digest))
			continue;
		bool wanted = named(b, digest) || (kept != NULL && memcmp(kept, digest, sizeof digest) == 0);
		if (!wanted || strcmp(strchr(d->d_name, '.'), ".yaml") != 0)
			(void)unlinkat(dirfd(dir), d->d_name, 0); /* as above */
	}
	(void)closedir(dir); /* was only read */
}

/* ------------------------------------------------ bodies */

static int damaged(char *why, const char *name)
{
	(void)snprintf(
		why, QD_BODIES_WHY_MAX,
		"%s: is not what its name says: it was changed or damaged; copy it from another node's "
		"state_dir/config",
		name);
	return -QD_ERR_IO;
}

/* Through the chunk, or into to[] where that is not NULL. */
static int hash_file(struct qd_bodies *b, int fd, char *to, size_t cap_bytes, size_t *len_bytes,
		     uint8_t digest[QD_DIGEST_BYTES])
{
	crypto_generichash_state state;
	size_t at = 0;
	if (crypto_generichash_init(&state, NULL, 0, QD_DIGEST_BYTES) != 0)
		return -1;
	for (;;) {
		size_t left = (to != NULL ? cap_bytes : (size_t)QD_BODY_BYTES_MAX) - at;
		size_t want = left < sizeof b->chunk ? left : sizeof b->chunk;
		uint8_t *into = to != NULL ? (uint8_t *)to + at : b->chunk;
		ssize_t n = want > 0 ? read(fd, into, want) : 0;
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || crypto_generichash_update(&state, into, (size_t)n) != 0)
			return -1;
		at += (size_t)n;
	}
	*len_bytes = at;
	return crypto_generichash_final(&state, digest, QD_DIGEST_BYTES);
}

int qd_bodies_read(struct qd_bodies *b, const uint8_t digest[QD_DIGEST_BYTES], char *to, size_t cap_bytes,
		   size_t *len_bytes, char *why)
{
	char name[FILE_MAX];
	uint8_t found[QD_DIGEST_BYTES];
	file_name(b, digest, "", name);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		(void)snprintf(why, QD_BODIES_WHY_MAX,
			       "%s: is not there; copy it from another node's state_dir/config", name);
		return -QD_ERR_NOT_FOUND;
	}
	if (fd < 0)
		return complain(why, "cannot be read", name);
	int rc = hash_file(b, fd, to, cap_bytes, len_bytes, found) == 0
			 ? 0
			 : complain(why, "cannot be read", name);
	(void)close(fd); /* read-only: nothing can be lost */
	if (rc == 0 && memcmp(found, digest, sizeof found) != 0)
		rc = damaged(why, name);
	return rc;
}

int qd_bodies_check(struct qd_bodies *b, const uint8_t digest[QD_DIGEST_BYTES], char *why)
{
	size_t len = 0;
	return qd_bodies_read(b, digest, NULL, 0, &len, why);
}

int qd_bodies_write(struct qd_bodies *b, const char *text, size_t len_bytes, uint8_t digest[QD_DIGEST_BYTES],
		    char *why)
{
	char name[FILE_MAX];
	if (len_bytes == 0 || len_bytes > QD_BODY_BYTES_MAX) {
		(void)snprintf(why, QD_BODIES_WHY_MAX,
			       "a configuration of %zu bytes: expected 1 to %d; shorten comments", len_bytes,
			       (int)QD_BODY_BYTES_MAX);
		return -QD_ERR_INVALID;
	}
	qd_body_digest(text, len_bytes, digest);
	if (qd_bodies_check(b, digest, why) == 0)
		return 0;
	file_name(b, digest, "", name);
	return replace_file(b, name, text, len_bytes, why);
}
