/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"
#include "drv/keyfile.h"

#include <sodium.h>

#include <stdio.h>

/* The steps of changing a key, in their order; 0 makes a new file. */
enum step { STEP_NEW = 0, STEP_ADD, STEP_USE, STEP_RETIRE, STEP_COUNT };

static const char *const NEXT[STEP_COUNT] = {
	[STEP_NEW] =
		"Copy it to every node and to the witness, mode 0600; never by a way that others can read.",
	[STEP_ADD] = "Copy the file to every node and to the witness and reload each; when all have it: "
		     "keygen --use.",
	[STEP_USE] = "Copy the file to every node and to the witness and reload each; when all have it: "
		     "keygen --retire.",
	[STEP_RETIRE] = "Copy the file to every node and to the witness and reload each; then the old key is "
			"worth nothing.",
};

static int change(enum step step, const char *file, struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	char refusal[QD_KEYFILE_WHY_MAX] = "";
	int status = qd_keyfile_read(file, k, why);
	if (status != 0)
		return status;
	if (step == STEP_ADD)
		status = qd_keyfile_add(k, refusal);
	else if (step == STEP_USE)
		status = qd_keyfile_use(k, refusal);
	else
		status = qd_keyfile_retire(k, refusal);
	if (status == 0)
		return qd_keyfile_replace(file, k, why);
	(void)snprintf(why, QD_KEYFILE_WHY_MAX, "%.200s: %.400s", file, refusal);
	return status;
}

static int make(const char *file, struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX])
{
	int status = qd_keyfile_make(k);
	if (status == 0)
		return qd_keyfile_create(file, k, why);
	(void)snprintf(why, QD_KEYFILE_WHY_MAX, "no random numbers: libsodium does not start");
	return status;
}

/* Everything but the keys. */
static void say(const struct qd_keyfile *k, enum step step, const char *file)
{
	char cluster[2 * QD_KEYFILE_CLUSTER_BYTES + 1];
	(void)sodium_bin2hex(cluster, sizeof(cluster), k->cluster, sizeof(k->cluster));
	(void)printf("%s: cluster %s\n", file, cluster);
	for (uint32_t i = 0; i < k->count; i++)
		(void)printf("  key %u: %s\n", k->slot[i].number,
			     i == qd_keyfile_send_slot(k) ? "used" : "accepted");
	(void)printf("%s\n", NEXT[step]);
}

int qd_ctl_keygen_run(int argc, char **argv)
{
	const char *file = NULL;
	bool flag[STEP_COUNT] = {false};
	const struct qd_ctl_option options[] = {{NULL, NULL, &file},
						{"--add", &flag[STEP_ADD], NULL},
						{"--use", &flag[STEP_USE], NULL},
						{"--retire", &flag[STEP_RETIRE], NULL}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	if (file == NULL || flag[STEP_ADD] + flag[STEP_USE] + flag[STEP_RETIRE] > 1) {
		qd_ctl_complain("keygen: expected a file, and at most one of --add, --use and --retire");
		return QD_CTL_USAGE;
	}
	enum step step = flag[STEP_ADD] ? STEP_ADD : flag[STEP_USE] ? STEP_USE : STEP_NEW;
	if (flag[STEP_RETIRE])
		step = STEP_RETIRE;
	struct qd_keyfile k;
	char why[QD_KEYFILE_WHY_MAX] = "";
	status = step == STEP_NEW ? make(file, &k, why) : change(step, file, &k, why);
	if (status == 0)
		say(&k, step, file);
	else
		qd_ctl_complain("keygen: %s", why);
	qd_keyfile_wipe(&k);
	return qd_ctl_exit_status(status);
}
