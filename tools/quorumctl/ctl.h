/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of quorumctl share: their table, exit statuses, options, messages, colours. Each subcommand is
 * one file with one function of type qd_ctl_run. */
#ifndef QD_QUORUMCTL_CTL_H
#define QD_QUORUMCTL_CTL_H

#include <quorumd/errors.h>

#include <stdbool.h>
#include <stddef.h>

#define QD_CTL_SOCKET_HELP                                                                                   \
	"  --socket PATH  quorum-api's socket (default: $QUORUMD_SOCKET, or /run/quorumd/api.sock)\n"

/* Exit statuses of the subcommands that ask the daemon; others are those of quorumd/errors.h. */
enum qd_ctl_status {
	QD_CTL_HEALTHY = 0,
	QD_CTL_DEGRADED = 1,
	QD_CTL_NO_OWNER = 2, /* or no quorum */
	QD_CTL_UNREACHABLE = 3,
	QD_CTL_USAGE = 64,
};

/* argv[0] is the subcommand's name. The exit status is returned. */
typedef int qd_ctl_run(int argc, char **argv);

struct qd_ctl_command {
	const char *name;
	qd_ctl_run *run;
	const char *arguments; /* for the usage line */
	const char *help;      /* lines for --help */
};

qd_ctl_run qd_ctl_status_run;
qd_ctl_run qd_ctl_owner_run;
qd_ctl_run qd_ctl_handover_run;
qd_ctl_run qd_ctl_disk_run;
qd_ctl_run qd_ctl_times_run;
qd_ctl_run qd_ctl_log_run;
qd_ctl_run qd_ctl_keygen_run;
qd_ctl_run qd_ctl_version_run;
qd_ctl_run qd_ctl_why_run;
qd_ctl_run qd_ctl_events_run;
qd_ctl_run qd_ctl_config_run;
qd_ctl_run qd_ctl_node_run;
qd_ctl_run qd_ctl_quorum_run;
qd_ctl_run qd_ctl_network_run;
qd_ctl_run qd_ctl_cluster_run;
qd_ctl_run qd_ctl_witness_run;

/* The exit status for what /v1/status calls "health". */
int qd_ctl_health_status(const char *health);

/* Run the entry of a table that argv[1] names, or print its help. `program` is what stands before the name. */
int qd_ctl_dispatch(const char *program, const struct qd_ctl_command *table, size_t count, int argc,
		    char **argv);

/* One option of a subcommand: a flag sets *flag, the others take a value. One that may be given several times stands in the
 * table as often. */
struct qd_ctl_option {
	const char *name; /* with its dashes; NULL: the place of a plain argument */
	bool *flag;
	const char **value;
};

/* Take argv apart along the table. 0, or QD_CTL_USAGE after a message. */
int qd_ctl_options(int argc, char **argv, const struct qd_ctl_option *options, size_t count);

/* "quorumctl: " and the text to standard error. */
void qd_ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit status of an error of errors.h (positive or negative), 0 for 0. */
int qd_ctl_exit_status(int error);

/* Colour text for a terminal: "" unless standard output is one and NO_COLOR is not set. */
enum qd_ctl_colour {
	QD_CTL_PLAIN = 0,
	QD_CTL_GREEN,
	QD_CTL_YELLOW,
	QD_CTL_RED,
	QD_CTL_BOLD,
	QD_CTL_COLOUR_COUNT
};
const char *qd_ctl_colour(enum qd_ctl_colour colour);

#endif
