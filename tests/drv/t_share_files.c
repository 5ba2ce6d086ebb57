/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a directory can serve as a witness, by how it is mounted and by what it is. */
#include "unit/unit.h"

#include "drv/share_files.h"

static void mounts(void)
{
	char why[256] = "";
	static const struct {
		const char *line;
		int fits;
	} LINES[] = {
		{"30 1 8:1 / /mnt rw - ext4 /dev/sda1 rw", 1},
		{"30 1 8:2 / /mnt rw - nfs4 h:/x rw,noac", -1},
		{"30 1 8:1 / /mnt rw - nfs4 h:/x rw,vers=4.2,noac,addr=::1", 1},
		{"30 1 8:1 / /mnt rw - nfs h:/x rw,acregmin=0,acregmax=0,acdirmin=0,acdirmax=0", 1},
		{"30 1 8:1 / /mnt rw - nfs4 h:/x rw,vers=4.2,noacl", 0},
		{"30 1 8:1 / /mnt rw - cifs //h/x rw,cache=none,actimeo=0", 1},
		{"30 1 8:1 / /mnt rw - cifs //h/x rw,cache=strict,actimeo=1", 0},
		{"nonsense", -1},
	};
	for (size_t i = 0; i < UNIT_COUNT(LINES); i++) {
		unit_case("%s", LINES[i].line);
		UNIT_EQUAL(qd_share_files_fit_line(LINES[i].line, "8:1", why, sizeof why), LINES[i].fits);
	}
	UNIT_OK(strstr(why, "cache=none,actimeo=0") != NULL);
	UNIT_EQUAL(qd_share_files_fit_line(LINES[0].line, "8:1", why, sizeof why), 1);
	UNIT_TEXT(why, "on ext4, which other machines do not see");
	UNIT_EQUAL(qd_share_files_fit_line(LINES[2].line, "8:1", why, sizeof why), 1);
	UNIT_TEXT(why, "");
}

static void directories(void)
{
	char why[256] = "";
	UNIT_OK(qd_share_files_fit("/", why, sizeof why));
	UNIT_OK(!qd_share_files_fit("/there/is/no/such", why, sizeof why));
	UNIT_TEXT(why, "No such file or directory: is the share mounted? Else make it once, by mkdir");
	UNIT_OK(!qd_share_files_fit("/dev/null", why, sizeof why));
	UNIT_TEXT(why, "it is no directory");
}

static const struct unit_test TESTS[] = {
	{"a share with a cache is told from one without", mounts},
	{"what is no directory, or not there, is told", directories},
};

int main(void)
{
	return unit_run("t_share_files", TESTS, UNIT_COUNT(TESTS));
}
