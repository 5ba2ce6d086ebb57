/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_schema.h"

#include "base/assert.h"
#include "quorumd/conf.h"

#include <inttypes.h>
#include <string.h>

#define FIELD(f) offsetof(struct qd_conf, f), sizeof(((struct qd_conf *)0)->f)

enum {
	REQUIRED = QD_CONF_REQUIRED,
	LIVE = QD_CONF_LIVE,
	LIVE_IN_CLUSTER = QD_CONF_LIVE_IN_CLUSTER,
	LOCAL = QD_CONF_LOCAL,
};

enum {
	SCRIPT_TIMEOUT_MIN_MS = 10,
	SCRIPT_TIMEOUT_MAX_MS = 3600000,
	LINE_MAX_BYTES = 78, /* mandoc -T lint asks for at most 80 */
};

/* clang-format off */
static const struct qd_conf_key schema[] = {
	{"cluster", QD_CONF_TYPE_NAME, FIELD(cluster), 0, 0, NULL, REQUIRED, NULL,
	 "Name of the cluster.\nIt is written on the quorum disk when that is formatted; a disk of another cluster is refused."},
	{"node", QD_CONF_TYPE_NODE, FIELD(node_id), 0, 0, NULL, REQUIRED | LOCAL, NULL,
	 "This node: a name of\n.Ic nodes ,\nor its id."},
	{"nodes", QD_CONF_TYPE_NODES, FIELD(nodes), 1, 64, NULL, REQUIRED | LIVE_IN_CLUSTER, NULL,
	 "The nodes of the cluster, this one included: a map of name to id, or of name to a map of\n.Ic id , addresses , weight , site\nand\n.Ic paused .\n"
	 "An id is never used again for another machine.\n"
	 ".Ic addresses\nis a list of 1 to 8 addresses, the first on the first network, the second on the second and so on: all IPv6 or all IPv4, as many on every node, and given for every node or for none.\n"
	 "Without them there is no cluster: the quorum disk alone decides.\n"
	 ".Ic weight\nis the node's votes, 0 to 15, 1 unless given.\n"
	 ".Ic site\nis a name; between nodes of different sites the times of\n.Ic heartbeat.cross_subnet_delay\ncount.\n"
	 ".Ic paused\non: the node is a member and votes, but starts nothing new;\n.Ql quorumctl node pause\nand\n.Ql node resume\nset it."},
	{"key_file", QD_CONF_TYPE_FILE, FIELD(key_file), 0, 0, NULL, LOCAL, "none",
	 "File with the cluster's key, made by\n.Ql quorumctl keygen .\nThe same on every node; under the rules of\n.Ic quorum_disk.chap.secret_file .\nNeeded where nodes have addresses."},
	{"heartbeat.port", QD_CONF_TYPE_NUMBER, FIELD(heartbeat_port), 1, 65535, "3343", 0, NULL,
	 "UDP and TCP port of every node."},
	{"heartbeat.same_subnet_delay", QD_CONF_TYPE_SPAN, FIELD(same_subnet_delay), QD_LINK_DELAY_MIN_MS, 2000, "1s", LIVE, NULL,
	 "Between two exchanges with a node in the same subnet."},
	{"heartbeat.same_subnet_threshold", QD_CONF_TYPE_NUMBER, FIELD(same_subnet_threshold), QD_LINK_THRESHOLD_MIN, QD_LINK_THRESHOLD_MAX, "5", LIVE, NULL,
	 "So many exchanges missed in a row: that link is down."},
	{"heartbeat.cross_subnet_delay", QD_CONF_TYPE_SPAN, FIELD(cross_subnet_delay), QD_LINK_DELAY_MIN_MS, QD_LINK_DELAY_MAX_MS, "1s", LIVE, NULL,
	 "The same for a node behind a router, or of another site."},
	{"heartbeat.cross_subnet_threshold", QD_CONF_TYPE_NUMBER, FIELD(cross_subnet_threshold), QD_LINK_THRESHOLD_MIN, QD_LINK_THRESHOLD_MAX, "5", LIVE, NULL,
	 "The same for a node behind a router, or of another site."},
	{"quorum.model", QD_CONF_TYPE_MODEL, FIELD(model), 0, 0, NULL, LIVE,
	 "node_and_disk with a quorum disk, node_and_witness with a witness, else node_majority; disk_only where nodes have no addresses",
	 "Whose votes are counted.\nWith both a quorum disk and a witness it must be given.\nOther models than\n.Cm disk_only\nneed nodes with addresses."},
	{"quorum.dynamic", QD_CONF_TYPE_SWITCH, FIELD(dynamic), 0, 0, "on", LIVE, NULL,
	 "Whether votes follow the members: who is down has none, and an even number makes the disk or the witness vote, an odd one not."},
	{"quorum.lower_priority_node", QD_CONF_TYPE_NODE, FIELD(low), 0, 0, NULL, LIVE, "the highest id",
	 "Node that loses its vote where the rest would fall into two halves."},
	{"witness.addresses", QD_CONF_TYPE_WITNESS, FIELD(witness), 1, QD_CONF_WITNESS_MAX, NULL, LIVE, "none",
	 "The witness,\n.Xr quorum-witnessd 8 :\nits addresses, tried one after the other.\nThe port is 3343 unless given."},
	{"witness.share", QD_CONF_TYPE_FILE, FIELD(witness_share), 0, 0, NULL, LIVE, "none",
	 "Directory on a mounted share that serves as the witness, instead of\n.Ic witness.addresses .\nEvery node mounts it at the same place, without a cache of attributes.\n"
	 "What is written goes to a directory in it whose name is the cluster's id;\nit is made by hand, once."},
	{"quorum_disk.paths", QD_CONF_TYPE_URLS, FIELD(paths), 1, QD_PATHS_MAX, NULL, 0,
	 "none; needed where the model counts the disk",
	 "Portals to the one quorum disk, each as\n.Sm off\n.Li iscsi:// Ar host No \\&: Ar port No / Ar target-iqn No / Ar lun .\n.Sm on\n"
	 "IPv6 addresses stand in brackets.\nThe port is 3260 unless given."},
	{"quorum_disk.initiator", QD_CONF_TYPE_IQN, FIELD(initiator), 0, 0, NULL, LOCAL,
	 "iqn.2026-11.org.quorumd: and the cluster's name",
	 "Base of the initiator names.\nEach path logs in under its own:\n"
	 "the base, a colon, the node's id, a dot and the path's number from 0."},
	{"quorum_disk.chap.user", QD_CONF_TYPE_TEXT, FIELD(chap.user), 0, 0, NULL, LOCAL, "no CHAP",
	 "Name that this node proves to the target."},
	{"quorum_disk.chap.secret_file", QD_CONF_TYPE_FILE, FIELD(chap.secret_file), 0, 0, NULL, LOCAL, "none",
	 "File with the secret of\n.Ic user .\nOwned by root or by the user that runs\n.Nm quorumd ,\nmode 0600 or 0400; refused otherwise."},
	{"quorum_disk.chap.mutual_user", QD_CONF_TYPE_TEXT, FIELD(chap.mutual_user), 0, 0, NULL, LOCAL, "none",
	 "Name that the target proves to this node."},
	{"quorum_disk.chap.mutual_secret_file", QD_CONF_TYPE_FILE, FIELD(chap.mutual_secret_file), 0, 0, NULL, LOCAL,
	 "none", "File with the secret of\n.Ic mutual_user ,\nunder the same rules."},
	{"quorum_disk.header_digest", QD_CONF_TYPE_DIGEST, FIELD(header_digest), 0, 0, "crc32c", 0, NULL,
	 "Checksum over the headers of the iSCSI session."},
	{"quorum_disk.data_digest", QD_CONF_TYPE_DIGEST, FIELD(data_digest), 0, 0, "none", 0, NULL,
	 "Checksum over its data.\nlibiscsi 1.19 has none: with\n.Cm crc32c\nno session is set up.\nEvery sector of the quorum disk carries a checksum of its own."},
	{"times.renew", QD_CONF_TYPE_SPAN, FIELD(times.renew), QD_RENEW_MIN_MS, QD_RENEW_MAX_MS, "3s", LIVE, NULL,
	 "The defender starts a round this often."},
	{"times.challenge", QD_CONF_TYPE_SPAN, FIELD(times.challenge), QD_RENEW_MIN_MS, QD_TAKEOVER_MAX_MS, NULL, LIVE,
	 "7/3 of renew", "A challenger strikes when it has seen the defender's key unchanged for this long."},
	{"times.takeover", QD_CONF_TYPE_SPAN, FIELD(times.takeover), QD_RENEW_MIN_MS, QD_TAKEOVER_MAX_MS, NULL, LIVE,
	 "10/3 of renew",
	 "From the owner's loss of power to the start of the first resource that no disk fences, at most.\n"
	 "A set of times that is not safe is refused with the inequality that it breaks; see\n.Ql quorumctl times ."},
	{"group.name", QD_CONF_TYPE_NAME, FIELD(group_name), 0, 0, "group", 0, NULL,
	 "Name of the group,\n.Ev QUORUMD_GROUP\nof the script."},
	{"group.script", QD_CONF_TYPE_FILE, FIELD(group_script), 0, 0, NULL, 0, "none: arbitrate only",
	 "The group's one resource: an executable that is called with\n.Cm start , stop\nor\n.Cm monitor ;\nsee\n.Xr quorumd 8 ."},
	{"group.start_timeout", QD_CONF_TYPE_SPAN, FIELD(start_timeout), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS, "1m",
	 LIVE, NULL, "A start that takes longer has failed."},
	{"group.stop_timeout", QD_CONF_TYPE_SPAN, FIELD(stop_timeout), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS, "1m",
	 LIVE, NULL, "A planned stop that takes longer is ended by SIGKILL.\nA stop because the lease ends has only the time that the lease leaves."},
	{"group.monitor_interval", QD_CONF_TYPE_SPAN, FIELD(monitor_interval), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS,
	 "10s", LIVE, NULL, "Between the end of one monitor call and the next."},
	{"group.monitor_timeout", QD_CONF_TYPE_SPAN, FIELD(monitor_timeout), SCRIPT_TIMEOUT_MIN_MS, SCRIPT_TIMEOUT_MAX_MS,
	 "30s", LIVE, NULL, "A monitor call that takes longer has failed."},
	{"state_dir", QD_CONF_TYPE_FILE, FIELD(state_dir), 0, 0, "/var/lib/quorumd", LOCAL, NULL,
	 "Where the incarnation, what this node promised, and the cluster's configuration are kept.\nIt must survive a restart of the machine."},
	{"run_dir", QD_CONF_TYPE_FILE, FIELD(run_dir), 0, 0, QD_RUNDIR, LOCAL, NULL,
	 "Where the sockets are."},
	{"api.socket", QD_CONF_TYPE_FILE, FIELD(api_socket), 0, 0, NULL, LOCAL, "api.sock in run_dir",
	 "Unix socket of\n.Nm quorum-api ."},
	{"api.user", QD_CONF_TYPE_NAME, FIELD(api_user), 0, 0, "quorumd", LOCAL, NULL,
	 "User that\n.Nm quorum-api\nbecomes when it is started by root and the user exists."},
	{"api.mode", QD_CONF_TYPE_MODE, FIELD(api_mode), 0, 0777, "0660", LOCAL, NULL,
	 "Permission bits of the socket, octal.\nWho may write to it may ask for a hand-over."},
	{"log.level", QD_CONF_TYPE_LEVEL, FIELD(log_level), 0, 0, "notice", LIVE | LOCAL, NULL,
	 "Least level that is written to the log."},
	{"test.machine_id", QD_CONF_TYPE_HEX, FIELD(test_machine_id), 0, 0, NULL, LOCAL, "/etc/machine-id",
	 "For tests only: several nodes on one machine.\nNeeds\n.Ic test.boot_id\ntoo."},
	{"test.boot_id", QD_CONF_TYPE_HEX, FIELD(test_boot_id), 0, 0, NULL, LOCAL, "the kernel's",
	 "For tests only."},
	{"test.stamp_interval", QD_CONF_TYPE_SPAN, FIELD(stamp_interval), 1, 60000, NULL, LOCAL, "none",
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

void qd_conf_schema_span(int64_t ms, char *to, size_t cap_bytes)
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
		return "a map of 1 to 64 names to ids from 1 to 64, or to maps";
	case QD_CONF_TYPE_WITNESS:
		return "a list of 1 to 4 host:port, IPv6 addresses in brackets";
	case QD_CONF_TYPE_MODEL:
		return "node_majority, node_and_disk, node_and_witness or disk_only";
	case QD_CONF_TYPE_SWITCH:
		return "on or off";
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
	case QD_CONF_TYPE_NUMBER:
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
	if (key->type == QD_CONF_TYPE_NUMBER) {
		(void)snprintf(to, cap_bytes, "a number from %" PRId64 " to %" PRId64, key->min, key->max);
		return;
	}
	if (key->type != QD_CONF_TYPE_SPAN) {
		(void)snprintf(to, cap_bytes, "%s", fixed_expectation(key->type));
		return;
	}
	qd_conf_schema_span(key->min, least, sizeof(least));
	qd_conf_schema_span(key->max, most, sizeof(most));
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

static const char *effect_text(uint32_t flags)
{
	if ((flags & QD_CONF_LIVE) != 0)
		return (flags & QD_CONF_LOCAL) != 0 ? "Of this machine alone.\nA reload changes it."
						    : "A reload changes it.";
	if ((flags & QD_CONF_LIVE_IN_CLUSTER) != 0)
		return "Takes effect when it is applied; where nodes have no addresses, at a restart.";
	return (flags & QD_CONF_LOCAL) != 0 ? "Of this machine alone.\nTakes effect at a restart."
					    : "Takes effect at a restart.";
}

static void print_key(const struct qd_conf_key *k, FILE *to)
{
	char expected[160];
	char line[320];
	const char *fallback = k->default_text != NULL ? k->default_text : k->fallback;
	qd_conf_schema_expected(k, expected, sizeof(expected));
	(void)fprintf(to, ".It Ic %s\n", k->key);
	print_wrapped(k->help, to);
	(void)fputs(".br\n", to);
	(void)snprintf(line, sizeof(line), "Value: %s.", expected);
	print_wrapped(line, to);
	(void)snprintf(line, sizeof(line), "Default: %s.", fallback != NULL ? fallback : "none");
	print_wrapped((k->flags & QD_CONF_REQUIRED) != 0 ? "Required." : line, to);
	(void)fprintf(to, "%s\n", effect_text(k->flags));
}

void qd_conf_schema_print(FILE *to)
{
	(void)fputs(".Bl -tag -width Ds\n", to);
	for (size_t i = 0; i < SCHEMA_COUNT; i++)
		print_key(&schema[i], to);
	(void)fputs(".El\n", to);
}
