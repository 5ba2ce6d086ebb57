/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/keyfile.h"

#include "base/assert.h"
#include "drv/secret_file.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WORDS_MAX = 4, /* of a line */
	NUMBER_DIGITS_MAX = 9,
	FOUND_MAX = 96,
	PATH_BYTES_MAX = 4096,
};

static const char HEAD[] =
	"# Key of a quorumd cluster: whoever can read this commands the cluster. The same file is on\n"
	"# every node and on the witness. It is made and changed by quorumctl keygen.\n";

/* ---------------------------------------------------------------- keys */

__attribute__((format(printf, 2, 3))) static int refuse(char why[QD_KEYFILE_WHY_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(why, QD_KEYFILE_WHY_MAX, format, args); /* what does not fit is cut off */
	va_end(args);
	return -QD_ERR_REFUSED;
}

static void check(const struct qd_keyfile *k)
{
	qd_assert(k->count >= 1 && k->count <= QD_KEYFILE_SLOTS && k->slot[0].number > 0);
	QD_ERGO(k->count == 2, k->slot[1].number > k->slot[0].number);
	qd_assert(k->slot[0].use || (k->count == 2 && k->slot[1].use));
}

static void draw(struct qd_keyfile_slot *slot, uint32_t number, bool use)
{
	slot->number = number;
	slot->use = use;
	randombytes_buf(slot->key, sizeof(slot->key));
}

int qd_keyfile_make(struct qd_keyfile *out)
{
	*out = (struct qd_keyfile){.count = 1};
	if (sodium_init() < 0)
		return -QD_ERR_IO;
	randombytes_buf(out->cluster, sizeof(out->cluster));
	draw(&out->slot[0], 1, true);
	check(out);
	return 0;
}

int qd_keyfile_add(struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	check(k);
	if (k->count == QD_KEYFILE_SLOTS)
		return refuse(why, "there are two keys already, %u and %u: go on with --%s",
			      k->slot[0].number, k->slot[1].number, k->slot[1].use ? "retire" : "use");
	if (k->slot[0].number == QD_KEYFILE_NUMBER_MAX || sodium_init() < 0)
		return refuse(why, "no key can follow key %u", k->slot[0].number);
	draw(&k->slot[1], k->slot[0].number + 1, false);
	k->count = 2;
	return 0;
}

int qd_keyfile_use(struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	check(k);
	if (k->count == 1)
		return refuse(why, "there is only key %u: begin with --add", k->slot[0].number);
	if (k->slot[1].use)
		return refuse(why, "key %u is in use already: go on with --retire", k->slot[1].number);
	k->slot[1].use = true;
	k->slot[0].use = false;
	return 0;
}

int qd_keyfile_retire(struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	check(k);
	if (k->count == 1)
		return refuse(why, "there is only key %u, and no older one to retire", k->slot[0].number);
	if (!k->slot[1].use)
		return refuse(why, "key %u is not in use yet: --use comes first", k->slot[1].number);
	k->slot[0] = k->slot[1];
	sodium_memzero(&k->slot[1], sizeof(k->slot[1]));
	k->count = 1;
	return 0;
}

uint32_t qd_keyfile_send_slot(const struct qd_keyfile *k)
{
	check(k);
	return k->count == 2 && k->slot[1].use ? 1 : 0;
}

void qd_keyfile_wipe(struct qd_keyfile *k)
{
	sodium_memzero(k, sizeof(*k));
}

/* ---------------------------------------------------------------- reading */

struct parse {
	const char *file;
	char *why;
	unsigned line;
	bool has_cluster;
	struct qd_keyfile *out;
};

/* `found` never holds anything of the file: a key in the wrong place must not end up in a log. */
static int wrong(const struct parse *p, const char *expected, const char *found)
{
	(void)snprintf(p->why, QD_KEYFILE_WHY_MAX, "%s:%u: expected %s, found %s", p->file, p->line, expected,
		       found);
	return -QD_ERR_CONFIG;
}

static int take_hex(const struct parse *p, const char *text, uint8_t *to, size_t len_bytes)
{
	char expected[FOUND_MAX];
	char found[FOUND_MAX] = "a character that is none";
	size_t len = strlen(text);
	size_t got = 0;
	(void)snprintf(expected, sizeof(expected), "%zu hexadecimal digits", 2 * len_bytes);
	if (len != 2 * len_bytes) {
		(void)snprintf(found, sizeof(found), "%zu characters", len);
		return wrong(p, expected, found);
	}
	if (sodium_hex2bin(to, len_bytes, text, len, NULL, &got, NULL) != 0 || got != len_bytes)
		return wrong(p, expected, found);
	if (sodium_is_zero(to, len_bytes) != 0)
		return wrong(p, "random bytes", "zeros only");
	return 0;
}

static int take_number(const struct parse *p, const char *text, uint32_t *number)
{
	uint32_t n = 0;
	size_t len = strlen(text);
	bool good = len <= NUMBER_DIGITS_MAX && text[0] != '0';
	/* Nine digits are QD_KEYFILE_NUMBER_MAX at most. */
	for (size_t i = 0; i < len && good; i++) {
		good = text[i] >= '0' && text[i] <= '9';
		n = n * 10 + (uint32_t)(text[i] - '0');
	}
	if (!good)
		return wrong(p, "the number of a key, 1 to 999999999", "something else");
	*number = n;
	return 0;
}

static int take_key(const struct parse *p, char *word[WORDS_MAX])
{
	struct qd_keyfile *k = p->out;
	if (k->count == QD_KEYFILE_SLOTS)
		return wrong(p, "one key or two", "a third key");
	struct qd_keyfile_slot *slot = &k->slot[k->count];
	int status = take_number(p, word[1], &slot->number);
	if (status != 0)
		return status;
	if (k->count == 1 && slot->number <= k->slot[0].number) {
		char found[FOUND_MAX];
		(void)snprintf(found, sizeof(found), "key %u after key %u", slot->number, k->slot[0].number);
		return wrong(p, "the newer key, with the higher number, last", found);
	}
	slot->use = strcmp(word[2], "use") == 0;
	if (!slot->use && strcmp(word[2], "accept") != 0)
		return wrong(p, "\"use\" or \"accept\" after the key's number", "another word");
	status = take_hex(p, word[3], slot->key, sizeof(slot->key));
	if (status != 0)
		return status;
	if (k->count == 1 && sodium_memcmp(k->slot[0].key, slot->key, sizeof(slot->key)) == 0)
		return wrong(p, "two different keys", "the same key twice");
	k->count++;
	return 0;
}

/* Cut a line into its words; their count, WORDS_MAX + 1: more. */
static unsigned split(char *line, char *word[WORDS_MAX])
{
	unsigned count = 0;
	char *rest = line;
	for (char *w = strsep(&rest, " \t\r"); w != NULL; w = strsep(&rest, " \t\r")) {
		if (w[0] == '\0')
			continue;
		if (count == WORDS_MAX)
			return WORDS_MAX + 1;
		word[count++] = w;
	}
	return count;
}

static int take_line(struct parse *p, char *line)
{
	char *word[WORDS_MAX] = {NULL};
	unsigned count = line[0] == '#' ? 0 : split(line, word);
	if (count == 0)
		return 0;
	if (strcmp(word[0], "cluster") == 0 && count == 2) {
		if (p->has_cluster)
			return wrong(p, "the cluster's id once", "a second one");
		p->has_cluster = true;
		return take_hex(p, word[1], p->out->cluster, sizeof(p->out->cluster));
	}
	if (strcmp(word[0], "key") == 0 && count == 4)
		return take_key(p, word);
	return wrong(p, "\"cluster ID\" or \"key NUMBER use|accept KEY\"", "a line of another form");
}

static int take_text(struct parse *p, char *text)
{
	int status = 0;
	char *rest = text;
	for (char *line = strsep(&rest, "\n"); line != NULL && status == 0; line = strsep(&rest, "\n")) {
		p->line++;
		status = take_line(p, line);
	}
	const struct qd_keyfile *k = p->out;
	if (status != 0)
		return status;
	if (!p->has_cluster)
		return wrong(p, "a line \"cluster ID\"", "the end of the file");
	if (k->count == 0)
		return wrong(p, "a line \"key NUMBER use KEY\"", "the end of the file");
	if (!k->slot[0].use && !(k->count == 2 && k->slot[1].use))
		return wrong(p, "a key to use", "only keys to accept");
	return 0;
}

int qd_keyfile_parse(const char *file, char *text, size_t len_bytes, struct qd_keyfile *out,
		     char why[QD_KEYFILE_WHY_MAX])
{
	struct parse p = {.file = file, .why = why, .out = out};
	int status = 0;
	*out = (struct qd_keyfile){0};
	why[0] = '\0';
	qd_assert(len_bytes <= QD_KEYFILE_BYTES_MAX + 1);
	if (len_bytes > QD_KEYFILE_BYTES_MAX || strnlen(text, len_bytes) != len_bytes) {
		p.line = 1;
		status = wrong(&p, "a text of at most 4096 bytes",
			       len_bytes > QD_KEYFILE_BYTES_MAX ? "more" : "a NUL byte");
	} else {
		text[len_bytes] = '\0';
		status = take_text(&p, text);
	}
	if (status != 0)
		qd_keyfile_wipe(out);
	else
		check(out);
	return status;
}

int qd_keyfile_read(const char *file, struct qd_keyfile *out, char why[QD_KEYFILE_WHY_MAX])
{
	char text[QD_KEYFILE_BYTES_MAX + 1] = {0};
	*out = (struct qd_keyfile){0};
	int fd = qd_secret_file_open(file, why, QD_KEYFILE_WHY_MAX);
	if (fd < 0)
		return fd;
	int status = 0;
	ssize_t n = read(fd, text, sizeof(text));
	(void)close(fd); /* read-only: nothing can be lost */
	if (n < 0) {
		(void)snprintf(why, QD_KEYFILE_WHY_MAX, "%s: %s", file, strerrordesc_np(errno));
		status = -QD_ERR_IO;
	} else {
		status = qd_keyfile_parse(file, text, (size_t)n, out, why);
	}
	sodium_memzero(text, sizeof(text));
	return status;
}

/* ---------------------------------------------------------------- writing */

size_t qd_keyfile_print(const struct qd_keyfile *k, char text[QD_KEYFILE_BYTES_MAX])
{
	char cluster[2 * QD_KEYFILE_CLUSTER_BYTES + 1];
	char key[2 * QD_KEYFILE_KEY_BYTES + 1];
	check(k);
	(void)sodium_bin2hex(cluster, sizeof(cluster), k->cluster, sizeof(k->cluster));
	int at = snprintf(text, QD_KEYFILE_BYTES_MAX, "%scluster %s\n", HEAD, cluster);
	for (uint32_t i = 0; i < k->count; i++) {
		(void)sodium_bin2hex(key, sizeof(key), k->slot[i].key, sizeof(k->slot[i].key));
		qd_assert(at > 0 && at < QD_KEYFILE_BYTES_MAX);
		at += snprintf(text + at, QD_KEYFILE_BYTES_MAX - (size_t)at, "key %u %s %s\n",
			       k->slot[i].number, k->slot[i].use ? "use" : "accept", key);
	}
	sodium_memzero(key, sizeof(key));
	qd_assert(at > 0 && at < QD_KEYFILE_BYTES_MAX);
	return (size_t)at;
}

static int failed(const char *file, const char *what, char why[QD_KEYFILE_WHY_MAX])
{
	(void)snprintf(why, QD_KEYFILE_WHY_MAX, "%s: %s: %s", file, what, strerrordesc_np(errno));
	return -QD_ERR_IO;
}

/* The name in a folder is durable when the folder is. */
static int sync_folder(const char *file)
{
	char folder[PATH_BYTES_MAX] = ".";
	const char *slash = strrchr(file, '/');
	size_t len = slash == NULL ? 1 : (size_t)(slash - file) + 1;
	if (slash != NULL)
		memcpy(folder, file, len);
	folder[len] = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int status = fsync(fd);
	(void)close(fd); /* read-only: nothing can be lost */
	return status;
}

/* A new file with the keys in it, on the disk; `owner`: whose it is to be, or NULL. */
static int write_new(const char *file, const struct qd_keyfile *k, const struct stat *owner,
		     char why[QD_KEYFILE_WHY_MAX])
{
	char text[QD_KEYFILE_BYTES_MAX];
	if (strlen(file) >= PATH_BYTES_MAX) {
		errno = ENAMETOOLONG;
		return failed(file, "it cannot be created", why);
	}
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == EEXIST) {
		(void)snprintf(
			why, QD_KEYFILE_WHY_MAX, "%s is there already; %s", file,
			owner == NULL
				? "keys are not overwritten: change them with --add, or name another file"
				: "another keygen is at work, or was interrupted: then remove it");
		return -QD_ERR_IO;
	}
	if (fd < 0)
		return failed(file, "it cannot be created", why);
	size_t len = qd_keyfile_print(k, text);
	errno = EIO; /* of a write that was cut short */
	/* The umask may have taken a right away that the owner needs. */
	bool good = fchmod(fd, 0600) == 0 &&
		    (owner == NULL || fchown(fd, owner->st_uid, owner->st_gid) == 0) &&
		    write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	sodium_memzero(text, sizeof(text));
	int problem = errno;
	if (close(fd) != 0 && good) {
		good = false;
		problem = errno;
	}
	if (good)
		return 0;
	(void)unlink(file); /* it was ours, and is of no use */
	errno = problem;
	return failed(file, "it cannot be written", why);
}

int qd_keyfile_create(const char *file, const struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	int status = write_new(file, k, NULL, why);
	if (status == 0 && sync_folder(file) != 0)
		status = failed(file, "its folder cannot be synchronised", why);
	return status;
}

int qd_keyfile_replace(const char *file, const struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	char next[PATH_BYTES_MAX];
	struct stat st;
	if (lstat(file, &st) != 0)
		return failed(file, "it cannot be looked at", why);
	if (!S_ISREG(st.st_mode)) {
		(void)snprintf(why, QD_KEYFILE_WHY_MAX,
			       "%s is not a regular file: name the file itself, not a link to it", file);
		return -QD_ERR_IO;
	}
	int len = snprintf(next, sizeof(next), "%s.new", file);
	if (len < 0 || (size_t)len >= sizeof(next)) {
		errno = ENAMETOOLONG;
		return failed(file, "it cannot be replaced", why);
	}
	int status = write_new(next, k, &st, why);
	if (status != 0)
		return status;
	if (rename(next, file) != 0) {
		status = failed(file, "it cannot be replaced", why);
		(void)unlink(next); /* the old file is still the one */
		return status;
	}
	return sync_folder(file) == 0 ? 0 : failed(file, "its folder cannot be synchronised", why);
}
