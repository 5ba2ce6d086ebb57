/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_schema.h"

#include "base/assert.h"
#include "quorumd/conf.h"

#include <inttypes.h>
#include <string.h>

#define FIELD(f) offsetof(struct qd_conf, f), sizeof(((struct qd_conf *)0)->f)

enum {
	SCRIPT_TIMEOUT_MIN_MS = 10,
	SCRIPT_TIMEOUT_MAX_MS = 3600000,
	LINE_MAX_BYTES = 78, /* mandoc -T lint asks for at most 80 */
};

/* clang-format off */
static const struct qd_conf_key schema[] = {
	{"cluster", QD_CONF_TYPE_NAME, FIELD(cluster), 0, 0, NULL, true, false, NULL,
	 "Name of the cluster.\nIt is written on the quorum disk when that is formatted; a disk of another cluster is refused."},
	{"node", QD_CONF_TYPE_NODE, FIELD(node_id), 0, 0, NULL, true, false, NULL,
	 "This node: a name of\n.Ic nodes ,\nor its id."},
	{"nodes", QD_CONF_TYPE_NODES, FIELD(nodes), 1, 64, NULL, true, false, NULL,
	 "The nodes of the cluster, this one included: a map of name to id.\n"
	 "An id is never used again for another machine."},
	{"quorum_disk.paths", QD_CONF_TYPE_URLS, FIELD(paths), 1, QD_PATHS_MAX, NULL, true, false, NULL,
	 "Portals to the one quorum disk, each as\n.Sm off\n.Li iscsi:// Ar host No \\&: Ar port No / Ar target-iqn No / Ar lun .\n.Sm on\n"
	 "IPv6 addresses stand in brackets.\nThe port is 3260 unless given."},
	{"quorum_disk.initiator", QD_CONF_TYPE_IQN, FIELD(initiator), 0, 0, NULL, false, false,
	 "iqn.2026-11.org.quorumd: and the cluster's name",
	 "Base of the initiator names.\nEach path logs in under its own:\n"
	 "the base, a colon, the node's id, a dot and the path's number from 0."},
	{"quorum_disk.chap.user", QD_CONF_TYPE_TEXT, FIELD(chap.user), 0, 0, NULL, false, false, "no CHAP",
	 "Name that this node proves to the target."},
	{"quorum_disk.chap.secret_file", QD_CONF_TYPE_FILE, FIELD(chap.secret_file), 0, 0, NULL, false, false, "none",
	 "File with the secret of\n.Ic user .\nOwned by root or by the user that runs\n.Nm quorumd ,\nmode 0600 or 0400; refused otherwise."},
	{"quorum_disk.chap.mutual_user", QD_CONF_TYPE_TEXT, FIELD(chap.mutual_user), 0, 0, NULL, false, false, "none",
	 "Name that the target proves to this node."},
	{"quorum_disk.chap.mutual_secret_file", QD_CONF_TYPE_FILE, FIELD(chap.mutual_secret_file), 0, 0, NULL, false, false,
	 "none", "File with the secret of\n.Ic mutual_user ,\nunder the same rules."},
	{"quorum_disk.header_digest", QD_CONF_TYPE_DIGEST, FIELD(header_digest), 0, 0, "crc32c", false, false, NULL,
	 "Checksum over the headers of the iSCSI session."},
	{"quorum_disk.data_digest", QD_CONF_TYPE_DIGEST, FIELD(data_digest), 0, 0, "none", false, false, NULL,
	 "Checksum over its data.\nlibiscsi 1.19 has none: with\n.Cm crc32c\nno session is set up.\nEvery sector of the quorum disk carries a checksum of its own."},
	{"times.renew", QD_CONF_TYPE_SPAN, FIELD(times.renew), QD_RENEW_MIN_MS, QD_RENEW_MAX_MS, "3s", false, true, NULL,
	 "The defender starts a round this often."},
	{"times.challenge", QD_CONF_TYPE_SPAN, FIELD(times.challenge), QD_RENEW_MIN_MS, QD_TAKEOVER_MAX_MS, NULL, false, true,
	 "7/3 of renew", "A challenger strikes when it has seen the defender's key unchanged for this long."},
	{"times.takeover", QD_CONF_TYPE_SPAN, FIELD(times.takeover), QD_RENEW_MIN_MS, QD_TAKEOVER_MAX_MS, NULL, false, true,
	 "10/3 of renew",
	 "From the owner's loss of power to the start of the first resource that no disk fences, at most.\n"
	 "A set of times that is not safe is refused with the inequality that it breaks; see\n.Ql quorumctl times ."},
	{"group.name", QD_CONF_TYPE_NAME, FIELD(group_name), 0, 0, "group", false, false, NULL,
	 "Name of the group,\n.Ev QUORUMD_GROUP\nof the script."},
	{"group.script", QD_CONF_TYPE_FILE, FIELD(group_script), 0, 0, NULL, false, false, "none: arbitrate only",
	 "The group's one resource: an executable that is called with\n.Cm start , stop\nor\n.Cm monitor ;\nsee\n.Xr quorumd 8 ."},
	{"group.start_timeout", QD_CONF_TYPE_SPAN, FIELD(start_timeout), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS, "1m",
	 false, true, NULL, "A start that takes longer has failed."},
	{"group.stop_timeout", QD_CONF_TYPE_SPAN, FIELD(stop_timeout), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS, "1m",
	 false, true, NULL, "A planned stop that takes longer is ended by SIGKILL.\nA stop because the lease ends has only the time that the lease leaves."},
	{"group.monitor_interval", QD_CONF_TYPE_SPAN, FIELD(monitor_interval), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS,
	 "10s", false, true, NULL, "Between the end of one monitor call and the next."},
	{"group.monitor_timeout", QD_CONF_TYPE_SPAN, FIELD(monitor_timeout), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS,
	 "30s", false, true, NULL, "A monitor call that takes longer has failed."},
	{"state_dir", QD_CONF_TYPE_FILE, FIELD(state_dir), 0, 0, "/var/lib/quorumd", false, false, NULL,
	 "Where the incarnation is kept.\nIt must survive a restart of the machine."},
	{"run_dir", QD_CONF_TYPE_FILE, FIELD(run_dir), 0, 0, QD_RUNDIR, false, false, NULL,
	 "Where the sockets are."},
	{"api.socket", QD_CONF_TYPE_FILE, FIELD(api_socket), 0, 0, NULL, false, false, "api.sock in run_dir",
	 "Unix socket of\n.Nm quorum-api ."},
	{"api.user", QD_CONF_TYPE_NAME, FIELD(api_user), 0, 0, "quorumd", false, false, NULL,
	 "User that\n.Nm quorum-api\nbecomes when it is started by root and the user exists."},
	{"api.mode", QD_CONF_TYPE_MODE, FIELD(api_mode), 0, 0777, "0660", false, false, NULL,
	 "Permission bits of the socket, octal.\nWho may write to it may ask for a hand-over."},
	{"log.level", QD_CONF_TYPE_LEVEL, FIELD(log_level), 0, 0, "notice", false, true, NULL,
	 "Least level that is written to the log."},
	{"test.machine_id", QD_CONF_TYPE_HEX, FIELD(test_machine_id), 0, 0, NULL, false, false, "/etc/machine-id",
	 "For tests only: several nodes on one machine.\nNeeds\n.Ic test.boot_id\ntoo."},
	{"test.boot_id", QD_CONF_TYPE_HEX, FIELD(test_boot_id), 0, 0, NULL, false, false, "the kernel's",
	 "For tests only."},
	{"test.stamp_interval", QD_CONF_TYPE_SPAN, FIELD(stamp_interval), 1, 60000, NULL, false, false, "none",
	 "For tests only: how often the test's resource leaves a stamp."},
};
/* clang-format on */

enum { SCHEMA_COUNT = sizeof(schema) / sizeof(schema[0]) };

_Static_assert((size_t)SCHEMA_COUNT <= (size_t)QD_CONF_CHANGES_MAX, "a change of every key must fit");

const struct qd_conf_key *qd_conf_schema(size_t *count)
{
	*count = SCHEMA_COUNT;
	return schema;
}

/* As it would be written: the largest unit that divides it. */
static void span_text(int64_t ms, char *to, size_t cap_bytes)
{
	if (ms % 60000 == 0 && ms > 0)
		(void)snprintf(to, cap_bytes, "%" PRId64 "m", ms / 60000);
	else if (ms % 1000 == 0 && ms > 0)
		(void)snprintf(to, cap_bytes, "%" PRId64 "s", ms / 1000);
	else
		(void)snprintf(to, cap_bytes, "%" PRId64 "ms", ms);
}

static const char *fixed_expectation(enum qd_conf_type type)
{
	switch (type) {
	case QD_CONF_TYPE_NAME:
		return "a name of 1 to 63 letters, digits, '.', '_' or '-'";
	case QD_CONF_TYPE_NODE:
		return "a name or an id of `nodes`";
	case QD_CONF_TYPE_NODES:
		return "a map of 1 to 64 names to ids from 1 to 64";
	case QD_CONF_TYPE_URLS:
		return "a list of 1 to 8 URLs like iscsi://10.0.0.1:3260/iqn.2003-01.org.example:disk/0";
	case QD_CONF_TYPE_IQN:
		return "an iSCSI name like iqn.2026-11.org.example:cluster, at most 200 bytes";
	case QD_CONF_TYPE_TEXT:
		return "a text of 1 to 255 printing characters";
	case QD_CONF_TYPE_FILE:
		return "an absolute path of at most 255 bytes";
	case QD_CONF_TYPE_DIGEST:
		return "none or crc32c";
	case QD_CONF_TYPE_LEVEL:
		return "debug, notice, warning or error";
	case QD_CONF_TYPE_MODE:
		return "octal permission bits from 0000 to 0777";
	case QD_CONF_TYPE_HEX:
		return "32 hexadecimal digits";
	case QD_CONF_TYPE_SPAN:
	case QD_CONF_TYPE_COUNT:
		break;
	}
	QD_UNREACHABLE("type without a text");
}

void qd_conf_schema_expected(const struct qd_conf_key *key, char *to, size_t cap_bytes)
{
	char least[32];
	char most[32];
	if (key->type != QD_CONF_TYPE_SPAN) {
		(void)snprintf(to, cap_bytes, "%s", fixed_expectation(key->type));
		return;
	}
	span_text(key->min, least, sizeof(least));
	span_text(key->max, most, sizeof(most));
	(void)snprintf(to, cap_bytes, "a duration from %s to %s, a whole number with ms, s, m or h", least,
		       most);
}

/* Text in lines of at most LINE_MAX_BYTES; what is a macro line, or short enough, stays as it is. */
static void print_wrapped(const char *text, FILE *to)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		size_t take = len;
		if (*text != '.' && len > LINE_MAX_BYTES) {
			for (take = LINE_MAX_BYTES; take > 0 && text[take] != ' ';)
				take--;
			take = take > 0 ? take : len;
		}
		/* A text line that begins with a quote would be a macro. */
		(void)fprintf(to, "%s%.*s\n", *text == '\'' ? "\\&" : "", (int)take, text);
		text += take;
		text += *text != '\0' ? 1 : 0;
	}
}

static void print_key(const struct qd_conf_key *k, FILE *to)
{
	char expected[160];
	char line[256];
	const char *fallback = k->default_text != NULL ? k->default_text : k->fallback;
	qd_conf_schema_expected(k, expected, sizeof(expected));
	(void)fprintf(to, ".It Ic %s\n", k->key);
	print_wrapped(k->help, to);
	(void)fputs(".br\n", to);
	(void)snprintf(line, sizeof(line), "Value: %s.", expected);
	print_wrapped(line, to);
	if (k->required)
		(void)fputs("Required.\n", to);
	else
		(void)fprintf(to, "Default: %s.\n", fallback != NULL ? fallback : "none");
	(void)fprintf(to, "%s\n", k->live ? "A reload changes it." : "Takes effect at a restart.");
}

void qd_conf_schema_print(FILE *to)
{
	(void)fputs(".Bl -tag -width Ds\n", to);
	for (size_t i = 0; i < SCHEMA_COUNT; i++)
		print_key(&schema[i], to);
	(void)fputs(".El\n", to);
}
