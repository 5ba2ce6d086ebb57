/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster's key file, in a folder of its own. */
#include "drv/keyfile.h"
#include "quorumd/errors.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#define CLUSTER_LINE "cluster 000102030405060708090a0b0c0d0e0f\n"
#define HEX_1 "c0ffee0000000000000000000000000000000000000000000000000000000001"
#define HEX_2 "c0ffee0000000000000000000000000000000000000000000000000000000002"
#define HEX_0 "0000000000000000000000000000000000000000000000000000000000000000"

enum { PATH_MAX_BYTES = 256 };

static char folder[] = "/tmp/t_keyfile.XXXXXX";
static char path[PATH_MAX_BYTES];
static char why[QD_KEYFILE_WHY_MAX];

static void put(const char *text, size_t len, mode_t mode)
{
	(void)unlink(path); /* it may not be there */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	UNIT_OK(fd >= 0 && write(fd, text, len) == (ssize_t)len && fchmod(fd, mode) == 0);
	UNIT_EQUAL(close(fd), 0);
}

static unsigned mode_of(const char *file)
{
	struct stat st = {0};
	UNIT_EQUAL(stat(file, &st), 0);
	return st.st_mode & 07777;
}

/* ---------------------------------------------------------------- what is refused */

static const struct {
	const char *text;
	const char *why; /* behind the file's name */
} BAD[] = {
	{"", ":1: expected a line \"cluster ID\", found the end of the file"},
	{"# nothing\n\n", ":3: expected a line \"cluster ID\", found the end of the file"},
	{CLUSTER_LINE, ":2: expected a line \"key NUMBER use KEY\", found the end of the file"},
	{"key 1 use " HEX_1 "\n", ":2: expected a line \"cluster ID\", found the end of the file"},
	{CLUSTER_LINE CLUSTER_LINE, ":2: expected the cluster's id once, found a second one"},
	{"cluster 00\n", ":1: expected 32 hexadecimal digits, found 2 characters"},
	{"cluster 000102030405060708090a0b0c0d0e0g\n",
	 ":1: expected 32 hexadecimal digits, found a character that is none"},
	{"cluster 00000000000000000000000000000000\n", ":1: expected random bytes, found zeros only"},
	{CLUSTER_LINE "key 1 use " HEX_1 "0\n", ":2: expected 64 hexadecimal digits, found 65 characters"},
	{CLUSTER_LINE "key 1 use " HEX_0 "\n", ":2: expected random bytes, found zeros only"},
	{CLUSTER_LINE "key 0 use " HEX_1 "\n",
	 ":2: expected the number of a key, 1 to 999999999, found something else"},
	{CLUSTER_LINE "key 1000000000 use " HEX_1 "\n",
	 ":2: expected the number of a key, 1 to 999999999, found something else"},
	{CLUSTER_LINE "key -1 use " HEX_1 "\n",
	 ":2: expected the number of a key, 1 to 999999999, found something else"},
	{CLUSTER_LINE "key 1 send " HEX_1 "\n",
	 ":2: expected \"use\" or \"accept\" after the key's number, found another word"},
	{CLUSTER_LINE "key 1 " HEX_1 "\n",
	 ":2: expected \"cluster ID\" or \"key NUMBER use|accept KEY\", found a line of another form"},
	{CLUSTER_LINE "key 1 use " HEX_1 " old\n",
	 ":2: expected \"cluster ID\" or \"key NUMBER use|accept KEY\", found a line of another form"},
	{CLUSTER_LINE "secret " HEX_1 "\n",
	 ":2: expected \"cluster ID\" or \"key NUMBER use|accept KEY\", found a line of another form"},
	{CLUSTER_LINE "key 1 accept " HEX_1 "\n", ":3: expected a key to use, found only keys to accept"},
	{CLUSTER_LINE "key 1 accept " HEX_1 "\nkey 2 accept " HEX_2 "\n",
	 ":4: expected a key to use, found only keys to accept"},
	{CLUSTER_LINE "key 2 use " HEX_2 "\nkey 1 use " HEX_1 "\n",
	 ":3: expected the newer key, with the higher number, last, found key 1 after key 2"},
	{CLUSTER_LINE "key 1 use " HEX_1 "\nkey 1 use " HEX_2 "\n",
	 ":3: expected the newer key, with the higher number, last, found key 1 after key 1"},
	{CLUSTER_LINE "key 1 use " HEX_1 "\nkey 2 use " HEX_1 "\n",
	 ":3: expected two different keys, found the same key twice"},
	{CLUSTER_LINE "key 1 use " HEX_1 "\nkey 2 use " HEX_2 "\nkey 3 use " HEX_1 "\n",
	 ":4: expected one key or two, found a third key"},
};

static void bad_contents(void)
{
	for (size_t i = 0; i < UNIT_COUNT(BAD); i++) {
		struct qd_keyfile k;
		put(BAD[i].text, strlen(BAD[i].text), 0600);
		unit_case("%s", BAD[i].why);
		UNIT_EQUAL((unsigned)-qd_keyfile_read(path, &k, why), QD_ERR_CONFIG);
		UNIT_OK(strncmp(why, path, strlen(path)) == 0);
		UNIT_TEXT(why + strlen(path), BAD[i].why);
		UNIT_OK(strstr(why, "c0ffee") == NULL);
		UNIT_OK(sodium_is_zero((const unsigned char *)&k, sizeof(k)) != 0);
	}
}

static void too_long_and_nul(void)
{
	static char text[QD_KEYFILE_BYTES_MAX + 1];
	struct qd_keyfile k;
	const char good[] = CLUSTER_LINE "key 1 use " HEX_1 "\n";
	memset(text, '\n', sizeof(text));
	memcpy(text, good, strlen(good));
	put(text, QD_KEYFILE_BYTES_MAX, 0600);
	UNIT_EQUAL(qd_keyfile_read(path, &k, why), 0);
	put(text, sizeof(text), 0600);
	UNIT_EQUAL((unsigned)-qd_keyfile_read(path, &k, why), QD_ERR_CONFIG);
	UNIT_TEXT(why + strlen(path), ":1: expected a text of at most 4096 bytes, found more");
	put(good, sizeof(good), 0600); /* with its NUL */
	UNIT_EQUAL((unsigned)-qd_keyfile_read(path, &k, why), QD_ERR_CONFIG);
	UNIT_TEXT(why + strlen(path), ":1: expected a text of at most 4096 bytes, found a NUL byte");
}

static void others_may_read(void)
{
	static const mode_t MODES[] = {0640, 0604, 0620, 0602, 0660, 0700, 0644, 0777};
	struct qd_keyfile k;
	const char good[] = CLUSTER_LINE "key 1 use " HEX_1 "\n";
	for (size_t i = 0; i < UNIT_COUNT(MODES); i++) {
		put(good, strlen(good), MODES[i]);
		unit_case("mode %o", MODES[i]);
		UNIT_EQUAL((unsigned)-qd_keyfile_read(path, &k, why), QD_ERR_SECRET_MODE);
		UNIT_OK(strstr(why, path) != NULL && strstr(why, "chmod 0600") != NULL);
	}
	put(good, strlen(good), 0400);
	UNIT_EQUAL(qd_keyfile_read(path, &k, why), 0);
	put(good, strlen(good), 0600);
	UNIT_EQUAL(qd_keyfile_read(path, &k, why), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_read(folder, &k, why), QD_ERR_SECRET_MODE); /* no regular file */
	(void)unlink(path);
	UNIT_EQUAL((unsigned)-qd_keyfile_read(path, &k, why), QD_ERR_IO);
	UNIT_OK(strstr(why, "No such file") != NULL);
}

static void of_another_user(void)
{
	struct qd_keyfile k;
	const char good[] = CLUSTER_LINE "key 1 use " HEX_1 "\n";
	if (geteuid() != 0) {
		unit_skip("only root gives files away");
		return;
	}
	put(good, strlen(good), 0600);
	UNIT_EQUAL(chown(path, 12345, 12345), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_read(path, &k, why), QD_ERR_SECRET_MODE);
	UNIT_OK(strstr(why, "user 12345") != NULL);
}

/* ---------------------------------------------------------------- what is taken and written */

static void reads_what_is_there(void)
{
	struct qd_keyfile k;
	const char text[] =
		"# a comment\n\n" CLUSTER_LINE "\tkey  17 accept\t" HEX_1 " \r\nkey 999999999 use " HEX_2;
	put(text, strlen(text), 0600);
	UNIT_EQUAL(qd_keyfile_read(path, &k, why), 0);
	UNIT_EQUAL(k.count, 2);
	UNIT_EQUAL(k.cluster[15], 15);
	UNIT_EQUAL(k.slot[0].number, 17);
	UNIT_OK(!k.slot[0].use && k.slot[1].use);
	UNIT_EQUAL(k.slot[0].key[0], 0xc0);
	UNIT_EQUAL(k.slot[0].key[31], 1);
	UNIT_EQUAL(k.slot[1].number, 999999999);
	UNIT_EQUAL(qd_keyfile_send_slot(&k), 1);
}

static bool same(const struct qd_keyfile *a, const struct qd_keyfile *b)
{
	bool good = UNIT_EQUAL(a->count, b->count) && UNIT_BYTES(a->cluster, b->cluster, sizeof(a->cluster));
	for (uint32_t i = 0; good && i < a->count; i++)
		good = UNIT_EQUAL(a->slot[i].number, b->slot[i].number) &&
		       UNIT_EQUAL(a->slot[i].use, b->slot[i].use) &&
		       UNIT_BYTES(a->slot[i].key, b->slot[i].key, sizeof(a->slot[i].key));
	return good;
}

static void created_once(void)
{
	struct qd_keyfile k;
	struct qd_keyfile other;
	struct qd_keyfile back;
	(void)unlink(path);
	UNIT_EQUAL(qd_keyfile_make(&k), 0);
	UNIT_EQUAL(qd_keyfile_make(&other), 0);
	UNIT_OK(memcmp(k.cluster, other.cluster, sizeof(k.cluster)) != 0);
	UNIT_OK(memcmp(k.slot[0].key, other.slot[0].key, sizeof(k.slot[0].key)) != 0);
	mode_t before = umask(0777);
	UNIT_EQUAL(qd_keyfile_create(path, &k, why), 0);
	(void)umask(before);
	UNIT_EQUAL(mode_of(path), 0600);
	UNIT_EQUAL((unsigned)-qd_keyfile_create(path, &other, why), QD_ERR_IO);
	UNIT_OK(strstr(why, path) != NULL &&
		strstr(why, "is there already; keys are not overwritten") != NULL);
	UNIT_EQUAL(qd_keyfile_read(path, &back, why), 0);
	UNIT_OK(same(&back, &k));
}

static void a_link_is_not_followed(void)
{
	struct qd_keyfile k;
	char target[PATH_MAX_BYTES + 8];
	(void)snprintf(target, sizeof(target), "%s.else", path);
	(void)unlink(path);
	UNIT_EQUAL(qd_keyfile_make(&k), 0);
	UNIT_EQUAL(symlink(target, path), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_create(path, &k, why), QD_ERR_IO);
	UNIT_EQUAL((unsigned)-qd_keyfile_replace(path, &k, why), QD_ERR_IO);
	UNIT_OK(strstr(why, "name the file itself") != NULL);
	UNIT_OK(access(target, F_OK) != 0);
	UNIT_EQUAL(unlink(path), 0);
}

static void replaced_as_a_whole(void)
{
	struct qd_keyfile k;
	struct qd_keyfile back;
	char next[PATH_MAX_BYTES + 8];
	(void)snprintf(next, sizeof(next), "%s.new", path);
	(void)unlink(path);
	UNIT_EQUAL(qd_keyfile_make(&k), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_replace(path, &k, why), QD_ERR_IO); /* nothing to replace */
	UNIT_EQUAL(qd_keyfile_create(path, &k, why), 0);
	if (geteuid() == 0)
		UNIT_EQUAL(chown(path, 0, 12345), 0);
	UNIT_EQUAL(qd_keyfile_add(&k, why), 0);
	UNIT_EQUAL(qd_keyfile_replace(path, &k, why), 0);
	UNIT_OK(access(next, F_OK) != 0);
	UNIT_EQUAL(mode_of(path), 0600);
	struct stat st = {0};
	UNIT_EQUAL(stat(path, &st), 0);
	UNIT_OK(geteuid() != 0 || st.st_gid == 12345);
	UNIT_EQUAL(qd_keyfile_read(path, &back, why), 0);
	UNIT_OK(same(&back, &k));
	/* Another one is at it, or was interrupted: the file stays. */
	int fd = open(next, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	UNIT_OK(fd >= 0 && close(fd) == 0);
	struct qd_keyfile third = k;
	UNIT_EQUAL(qd_keyfile_use(&third, why), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_replace(path, &third, why), QD_ERR_IO);
	UNIT_OK(strstr(why, next) != NULL && strstr(why, "then remove it") != NULL);
	UNIT_EQUAL(qd_keyfile_read(path, &back, why), 0);
	UNIT_OK(same(&back, &k));
	UNIT_EQUAL(unlink(next), 0);
}

static void no_room(void)
{
	struct qd_keyfile k;
	UNIT_EQUAL(qd_keyfile_make(&k), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_create("/dev/null/key", &k, why), QD_ERR_IO);
	UNIT_OK(strstr(why, "Not a directory") != NULL);
	UNIT_EQUAL((unsigned)-qd_keyfile_create("/nowhere/key", &k, why), QD_ERR_IO);
	UNIT_OK(strstr(why, "No such file") != NULL);
}

/* The disk is full in the middle of the file. */
static void cut_short(void)
{
	struct qd_keyfile k;
	struct rlimit usual;
	struct sigaction before;
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	(void)unlink(path);
	UNIT_EQUAL(qd_keyfile_make(&k), 0);
	UNIT_OK(getrlimit(RLIMIT_FSIZE, &usual) == 0 && sigaction(SIGXFSZ, &ignore, &before) == 0);
	const struct rlimit small = {.rlim_cur = 100, .rlim_max = usual.rlim_max};
	UNIT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
	int status = qd_keyfile_create(path, &k, why);
	UNIT_OK(setrlimit(RLIMIT_FSIZE, &usual) == 0 && sigaction(SIGXFSZ, &before, NULL) == 0);
	UNIT_EQUAL((unsigned)-status, QD_ERR_IO);
	UNIT_OK(strstr(why, "cannot be written") != NULL);
	UNIT_OK(access(path, F_OK) != 0); /* no half of a key stays */
}

static void steps_in_their_order(void)
{
	struct qd_keyfile k;
	UNIT_EQUAL(qd_keyfile_make(&k), 0);
	UNIT_OK(k.count == 1 && k.slot[0].number == 1 && k.slot[0].use);
	UNIT_EQUAL((unsigned)-qd_keyfile_use(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "there is only key 1: begin with --add");
	UNIT_EQUAL((unsigned)-qd_keyfile_retire(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "there is only key 1, and no older one to retire");
	UNIT_EQUAL(qd_keyfile_add(&k, why), 0);
	UNIT_OK(k.count == 2 && k.slot[1].number == 2 && !k.slot[1].use && k.slot[0].use);
	UNIT_EQUAL(qd_keyfile_send_slot(&k), 0);
	UNIT_EQUAL((unsigned)-qd_keyfile_add(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "there are two keys already, 1 and 2: go on with --use");
	UNIT_EQUAL((unsigned)-qd_keyfile_retire(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "key 2 is not in use yet: --use comes first");
	UNIT_EQUAL(qd_keyfile_use(&k, why), 0);
	UNIT_OK(k.slot[1].use && !k.slot[0].use);
	UNIT_EQUAL(qd_keyfile_send_slot(&k), 1);
	UNIT_EQUAL((unsigned)-qd_keyfile_use(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "key 2 is in use already: go on with --retire");
	UNIT_EQUAL((unsigned)-qd_keyfile_add(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "there are two keys already, 1 and 2: go on with --retire");
	UNIT_EQUAL(qd_keyfile_retire(&k, why), 0);
	UNIT_OK(k.count == 1 && k.slot[0].number == 2 && k.slot[0].use);
	UNIT_OK(sodium_is_zero((const unsigned char *)&k.slot[1], sizeof(k.slot[1])) != 0);
	UNIT_EQUAL(qd_keyfile_add(&k, why), 0);
	UNIT_EQUAL(k.slot[1].number, 3);
	k.count = 1;
	k.slot[0].number = QD_KEYFILE_NUMBER_MAX;
	UNIT_EQUAL((unsigned)-qd_keyfile_add(&k, why), QD_ERR_REFUSED);
	UNIT_TEXT(why, "no key can follow key 999999999");
	qd_keyfile_wipe(&k);
	UNIT_OK(sodium_is_zero((const unsigned char *)&k, sizeof(k)) != 0);
}

static const struct unit_test TESTS[] = {
	{"a mistake is named with file, line, what was expected and what was found, and no key is told",
	 bad_contents},
	{"a file that is too long or holds a NUL is refused", too_long_and_nul},
	{"a file that others may read or write is refused, and so is what is no file", others_may_read},
	{"a file of another user is refused", of_another_user},
	{"comments, blank lines, two keys with their numbers", reads_what_is_there},
	{"a new file is mode 0600 whatever the umask, and never overwrites one", created_once},
	{"a link is neither written through nor replaced", a_link_is_not_followed},
	{"a file is replaced as a whole, with its owner", replaced_as_a_whole},
	{"a file that cannot be written is an error that names it", no_room},
	{"a file that was cut short is taken away again", cut_short},
	{"keys change in steps, and no step comes before its time", steps_in_their_order},
};

int main(void)
{
	if (mkdtemp(folder) == NULL) {
		(void)fprintf(stderr, "t_keyfile: %s: %s\n", folder, strerrordesc_np(errno));
		return EXIT_FAILURE;
	}
	(void)snprintf(path, sizeof(path), "%s/key", folder);
	int status = unit_run("t_keyfile", TESTS, UNIT_COUNT(TESTS));
	(void)unlink(path); /* whatever is left */
	(void)rmdir(folder);
	return status;
}
