/* SPDX-License-Identifier: Apache-2.0 */
/* quorumd: options, configuration, memory and priority; then the shell. */
#include "drv/keyfile.h"
#include "drv/share_check.h"
#include "quorumd/conf.h"
#include "quorumd/errors.h"
#include "quorumd/shell.h"
#include "quorumd/shell_config.h"
#include "quorumd/shell_log.h"

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	STACK_TOUCHED_BYTES = 256 * 1024, /* more than the deepest call needs; touched before it is locked */
	PATH_BYTES = 512,
};

static const char USAGE[] =
	"usage: quorumd [--config FILE] [--foreground] [--prevent-quorum]\n"
	"       quorumd --check FILE | --schema | --version | --help\n"
	"  -c, --config FILE  configuration (default " QD_SYSCONFDIR "/quorumd.yaml)\n"
	"  -n, --check FILE   read and check FILE, say what is wrong, and exit\n"
	"  -f, --foreground   stay in the foreground (it always does; for service files)\n"
	"  -p, --prevent-quorum  form no view before a quorate one of others has taken this node in\n"
	"      --schema       print every key of the configuration\n"
	"  -V, --version      print the version\n"
	"  -h, --help         print this\n"
	"Signals: TERM stops the group, releases the disk and ends; HUP reads the configuration again; USR1 "
	"writes the\n"
	"flight recorder to the run directory.\n";

static struct qd_conf conf;
static struct qd_conf_messages messages;

static int exit_status(int error)
{
#define STATUS_OF(name, code, status, text)                                                                  \
	if (error == -(code))                                                                                \
		return status;
	QD_ERRORS(STATUS_OF)
#undef STATUS_OF
	return error == 0 ? 0 : 1;
}

static int load(const char *file)
{
	int rc = qd_conf_load(file, &conf, &messages);
	qd_conf_messages_print(&messages, stderr); /* what is wrong, or warnings */
	return rc;
}

/* A share is looked at, for it can be what is wrong; it is the same one for every node. */
static int check_share(void)
{
	struct qd_keyfile keys;
	char why[QD_CONF_MESSAGE_BYTES];
	if (!conf.has_cluster || conf.witness_share[0] == '\0')
		return 0;
	if (qd_keyfile_read(conf.key_file, &keys, why) != 0) {
		(void)fprintf(stderr, "warning: witness.share is not looked at: %s\n", why);
		return 0;
	}
	_Static_assert(sizeof why >= QD_SHARE_WHY_MAX, "both are filled");
	const bool good =
		qd_share_check(&qd_share_files_kernel, conf.witness_share, keys.cluster, conf.node_id, why);
	qd_keyfile_wipe(&keys);
	if (why[0] != '\0')
		(void)fprintf(stderr, "%switness.share: %s\n", good ? "warning: " : "", why);
	return good ? 0 : -QD_ERR_CONFIG;
}

/* Only a warning: the file may be checked on another machine than the one that runs the group. */
static void look_at_script(void)
{
	if (conf.has_group && access(conf.group_script, X_OK) != 0)
		(void)fprintf(stderr, "warning: group.script: %s cannot be run here: %s\n", conf.group_script,
			      strerrordesc_np(errno));
}

static int check(const char *file)
{
	int rc = load(file);
	if (rc == 0) {
		qd_conf_messages_print(&messages, stderr);
		look_at_script();
		rc = check_share();
	}
	if (rc == 0)
		(void)printf("%s: valid\n", file);
	return rc;
}

/* A program beside our own binary (a build tree), else the installed one. */
static void find_program(const char *name, char to[PATH_BYTES])
{
	char self[PATH_BYTES - 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash != NULL)
			*slash = '\0';
		(void)snprintf(to, PATH_BYTES, "%s/%s", self, name);
		if (access(to, X_OK) == 0)
			return;
	}
	(void)snprintf(to, PATH_BYTES, "%s/%s", QD_LIBEXECDIR, name);
}

static void complain(const char *what, const char *consequence)
{
	char line[256];
	(void)snprintf(line, sizeof line, "%s: %s: %s", what, strerrordesc_np(errno), consequence);
	qd_shell_log(QD_LEVEL_WARNING, line);
}

/* Memory locked as it is and as it will be used, no priority below anybody's batch job. MCL_ONFAULT: what is touched
 * stays; the parts of libraries that never run are not brought in (they are three quarters of the address space). */
static void harden(void)
{
	volatile char stack[STACK_TOUCHED_BYTES];
	for (size_t i = 0; i < sizeof stack; i += 4096)
		stack[i] = 1;
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD,
		      -1); /* what was once ours stays ours: no page fault by a later malloc */
	(void)mallopt(M_MMAP_MAX, 0);
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		complain("memory is not locked", "under memory pressure a renewal may come late");
	const struct sched_param low = {.sched_priority = sched_get_priority_min(SCHED_RR)};
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &low) != 0)
		complain("no real-time priority", "under load a renewal may come late");
}

/* The arbiter needs a socket and its own files: of root's capabilities it keeps the one for memory that is locked
 * later, and the one for a state directory that is another user's. The runner was started before and keeps all. */
static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct have[2] = {{0}};
	if (syscall(SYS_capget, &header, have) != 0) {
		complain("capget", "no capability is dropped");
		return;
	}
	const uint32_t keep = 1u << CAP_IPC_LOCK | 1u << CAP_DAC_OVERRIDE;
	have[0].permitted &= keep;
	have[0].effective &= keep;
	have[0].inheritable = 0;
	have[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &header, have) != 0)
		complain("capset", "no capability is dropped");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		complain("prctl", "secrets may end in a core dump");
}

static int run(const char *file, bool join_only)
{
	char runner[PATH_BYTES], api[PATH_BYTES];
	struct qd_shell *shell = NULL;
	int rc = qd_shell_config_load(file, &conf, &messages);
	qd_conf_messages_print(&messages, stderr);
	if (rc != 0)
		return rc;
	find_program("quorum-runner", runner);
	find_program("quorum-api", api);
	if (access(api, X_OK) != 0)
		api[0] = '\0';
	(void)umask(0077);
	const struct qd_shell_options options = {
		.conf_file = file,
		.conf = &conf,
		.runner_program = runner,
		.api_program = api,
		.join_only = join_only,
	};
	rc = qd_shell_open(&options, &shell);
	explicit_bzero(&conf.chap, sizeof conf.chap);
	if (rc != 0)
		return rc;
	harden();
	drop_privileges();
	rc = qd_shell_run(shell);
	qd_shell_close(shell);
	return rc;
}

int main(int argc, char **argv)
{
	enum {
		OPTION_SCHEMA = 256,
	};
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", required_argument, NULL, 'n'},
		{"foreground", no_argument, NULL, 'f'},
		{"prevent-quorum", no_argument, NULL, 'p'},
		{"schema", no_argument, NULL, OPTION_SCHEMA},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *file = QD_SYSCONFDIR "/quorumd.yaml";
	bool join_only = false;
	int option;
	while ((option = getopt_long(argc, argv, "c:n:fpVh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'n':
			return exit_status(check(optarg));
		case 'f':
			break;
		case 'p':
			join_only = true;
			break;
		case OPTION_SCHEMA:
			qd_conf_schema_print(stdout);
			return 0;
		case 'V':
			(void)printf("quorumd %s\n", QD_VERSION);
			return 0;
		case 'h':
			(void)fputs(USAGE, stdout);
			return 0;
		default:
			(void)fputs(USAGE, stderr);
			return exit_status(-QD_ERR_USAGE);
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "quorumd: %s: not an option\n%s", argv[optind], USAGE);
		return exit_status(-QD_ERR_USAGE);
	}
	return exit_status(run(file, join_only));
}
