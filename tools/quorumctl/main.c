/* SPDX-License-Identifier: Apache-2.0 */
/* quorumctl: the table of subcommands. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

static const struct qd_ctl_command commands[] = {
	{"status", qd_ctl_status_run, "[--json] [--watch] [--socket PATH]",
	 "Show quorum and view, who owns, the margin, the group, nodes with their links, the disk and what "
	 "is "
	 "missing.\n\n"
	 "  --json         as JSON\n"
	 "  --watch        go on: again at every change\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 healthy, 1 degraded, 2 no quorum or no owner, 3 the daemon cannot be "
	 "reached.\n"},
	{"why", qd_ctl_why_run, "[--json] [--socket PATH]",
	 "Say in sentences why the cluster is quorate or not, as this node sees it, and what would change "
	 "it.\n\n"
	 "  --json         as JSON\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 quorate, 2 not, 3 the daemon cannot be reached.\n"},
	{"owner", qd_ctl_owner_run, "[--wait] [--socket PATH]",
	 "Print the name of the node that owns.\n\n"
	 "  --wait         until there is one\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 there is one, 2 there is none, 3 the daemon cannot be reached.\n"},
	{"handover", qd_ctl_handover_run, "[NODE] [--socket PATH]",
	 "Stop the group here and let NODE (a name or an id; default: any other) take over.\n"
	 "Ask on the node that owns. Returns when everything here is stopped and "
	 "released.\n\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 done, 1 it did not work, 2 this node does not own, 3 the daemon cannot be "
	 "reached,\n"
	 "66 there is no such node.\n"},
	{"disk", qd_ctl_disk_run, "format|show|check URL [OPTION ...]", ""},
	{"keygen", qd_ctl_keygen_run, "[--add | --use | --retire] FILE",
	 "Make the cluster's key file, the same for every node and the witness, or change its key. Each step "
	 "of a\n"
	 "change is done once, and its file brought to every machine, before the next. Keys are never "
	 "printed.\n\n"
	 "  --add          put a second key in: it is accepted, the first is still used\n"
	 "  --use          use the second key; the first is still accepted\n"
	 "  --retire       take the first key out\n"
	 "\nExit status: 0, 74 the file is there already or cannot be written, 77 another step comes first,\n"
	 "78 the file is not valid or others may read it.\n"},
	{"times", qd_ctl_times_run, "[FILE] [--renew D] [--challenge D] [--takeover D]",
	 "Print the whole time line that follows from a configuration, or from the durations given,\n"
	 "and for a set that is refused, why.\n\n"
	 "  FILE           a configuration; without it and without --renew /etc/quorumd/quorumd.yaml\n"
	 "  --renew D, --challenge D, --takeover D   durations like 300ms, 3s, 1m\n"
	 "\nExit status: 0, or 78 when the set is refused.\n"},
	{"log", qd_ctl_log_run, "[--since N] [--follow] [--json] [--socket PATH]",
	 "Print the decisions of quorumd, each with its why.\n\n"
	 "  --since N      from line number N on\n"
	 "  --follow       go on\n"
	 "  --json         one JSON document a line\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0, or 3 when the daemon cannot be reached.\n"},
	{"events", qd_ctl_events_run, "[--follow] [--json] [--since N] [--socket PATH]",
	 "Print what happened: the log without its debug lines.\n\n"
	 "  --follow       go on\n"
	 "  --json         one JSON document a line: number, unix_ms, level, event, text\n"
	 "  --since N      from line number N on\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0, or 3 when the daemon cannot be reached.\n"},
	{"config", qd_ctl_config_run, "show|check|diff|apply|history|rollback [OPTION ...]", ""},
	{"node", qd_ctl_node_run, "list|add|remove|pause|resume [OPTION ...]", ""},
	{"quorum", qd_ctl_quorum_run, "show|set|force [OPTION ...]", ""},
	{"network", qd_ctl_network_run, "list [OPTION ...]", ""},
	{"witness", qd_ctl_witness_run, "status [--json]", ""},
	{"cluster", qd_ctl_cluster_run, "create [FILE]", ""},
	{"version", qd_ctl_version_run, "[--socket PATH]",
	 "Print the versions of quorumctl and, when it can be reached, of quorumd.\n\n" QD_CTL_SOCKET_HELP},
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("quorumctl " QD_VERSION);
		return 0;
	}
	int status =
		qd_ctl_dispatch("quorumctl", commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
	if (fflush(stdout) != 0) {
		qd_ctl_complain("standard output cannot be written");
		return qd_ctl_exit_status(QD_ERR_IO);
	}
	return status;
}
