/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"
#include "edit.h"
#include "quorumd/shell_config.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Nodes that were given different texts would disagree for ever: the digest is to be compared. */
static void print_created(const char *file, const struct qd_conf *conf, const char *text, size_t len_bytes)
{
	uint8_t digest[QD_DIGEST_BYTES];
	qd_body_digest(text, len_bytes, digest);
	(void)printf("%s: node %s of cluster %s has a store with a vote in %s\nconfiguration ", file,
		     conf->nodes[conf->node_id].name, conf->cluster, conf->state_dir);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)printf("%02x", digest[i]);
	(void)printf(": must be the same on every node\n");
}

static int create(const char *file)
{
	static struct qd_conf conf;
	static struct qd_conf body;
	static struct qd_conf_messages messages;
	char why[QD_KEPT_WHY_MAX] = "";
	char *text = NULL;
	size_t len = 0;
	int rc = qd_conf_load(file, &conf, &messages);
	if (rc != 0) {
		qd_conf_messages_print(&messages, stderr);
		return qd_ctl_exit_status(rc);
	}
	if (!conf.has_cluster) {
		qd_ctl_complain(
			"cluster create: %s: the nodes have no addresses, so there are no votes to give: the "
			"quorum disk alone decides, and quorumctl disk format is all it needs",
			file);
		return qd_ctl_exit_status(QD_ERR_CONFIG);
	}
	const int status = qd_edit_read_file(file, &body, &messages, &text, &len);
	if (status != 0)
		return status;
	rc = qd_shell_config_create(file, &conf, why);
	if (rc == 0)
		print_created(file, &conf, text, len);
	else
		qd_ctl_complain("cluster create: %s", why[0] != '\0' ? why : "out of memory");
	free(text);
	return qd_ctl_exit_status(rc);
}

static int run_create(int argc, char **argv)
{
	const char *file = QD_SYSCONFDIR "/quorumd.yaml";
	const char *given = NULL;
	const struct qd_ctl_option options[] = {{NULL, NULL, &given}, {"--config", NULL, &given}};
	const int status = qd_ctl_options(argc, argv, options, COUNT(options));
	return status != 0 ? status : create(given != NULL ? given : file);
}

static const struct qd_ctl_command commands[] = {
	{"create", run_create, "[FILE]",
	 "Make this node one of a new cluster: writes the store that its promises are kept in, with a vote. "
	 "Run it\n"
	 "once on every node of the new cluster, with the same configuration and key file, before quorumd "
	 "is\n"
	 "started; never on a node that comes to a cluster that exists, or comes back to one: that one gets "
	 "its\n"
	 "vote when the others have taken it in.\n\n"
	 "  FILE           configuration (default /etc/quorumd/quorumd.yaml)\n"
	 "\nExit status: 0, 74 it cannot be written, 77 there is a store already, 78 the configuration is "
	 "not valid.\n"},
};

int qd_ctl_cluster_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl cluster", commands, COUNT(commands), argc, argv);
}
