/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"
#include "edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct qd_edit edit;

static int run_show(int argc, char **argv)
{
	bool json = false;
	const char *version = NULL;
	const char *digest = NULL;
	json_t *history = NULL;
	const struct qd_ctl_option options[] = {
		{NULL, NULL, &version}, {"--json", &json, NULL}, {"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "config show";
	if (status == 0 && version != NULL) {
		status = qd_edit_history(edit.socket, &history);
		digest = status == 0 ? qd_edit_find(history, edit.command, version) : NULL;
		status = status == 0 && digest == NULL ? qd_ctl_exit_status(QD_ERR_NOT_FOUND) : status;
	}
	if (status == 0)
		status = qd_edit_open(&edit, digest);
	if (status == 0 && json && json_dumpf(edit.document, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	if (status == 0 && !json)
		(void)fwrite(edit.text.text, 1, edit.text.len_bytes,
			     stdout); /* main() looks whether it was written */
	qd_edit_close(&edit);
	json_decref(history);
	return status;
}

/* A file, or a message that there is none. */
static int need_file(const char *command, const char *file)
{
	if (file != NULL)
		return 0;
	qd_ctl_complain("%s: expected a file; see --help", command);
	return QD_CTL_USAGE;
}

static int run_check(int argc, char **argv)
{
	const char *file = NULL;
	char *text = NULL;
	size_t len = 0;
	const struct qd_ctl_option options[] = {{NULL, NULL, &file}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	if (status == 0)
		status = need_file("config check", file);
	if (status == 0)
		status = qd_edit_read_file(file, &edit.fresh, &edit.messages, &text, &len);
	if (status == 0) {
		qd_conf_messages_print(&edit.messages, stderr); /* warnings */
		(void)printf("%s: valid\n", file);
	}
	free(text);
	return status;
}

static int run_diff(int argc, char **argv)
{
	const char *file = NULL;
	char *text = NULL;
	size_t len = 0;
	bool json = false;
	const struct qd_ctl_option options[] = {
		{NULL, NULL, &file}, {"--json", &json, NULL}, {"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "config diff";
	if (status == 0)
		status = need_file(edit.command, file);
	if (status == 0)
		status = qd_edit_read_file(file, &edit.fresh, &edit.messages, &text, &len);
	if (status == 0)
		status = qd_edit_open(&edit, NULL);
	if (status == 0)
		status = qd_edit_print(&edit.conf, &edit.fresh, json) > 0 ? QD_CTL_DEGRADED : 0;
	qd_edit_close(&edit);
	free(text);
	return status;
}

static int run_apply(int argc, char **argv)
{
	const char *file = NULL;
	char *text = NULL;
	size_t len = 0;
	const struct qd_ctl_option options[] = {{NULL, NULL, &file},
						{"--yes", &edit.yes, NULL},
						{"--json", &edit.json, NULL},
						{"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "config apply";
	if (status == 0)
		status = need_file(edit.command, file);
	if (status == 0)
		status = qd_edit_read_file(file, &edit.fresh, &edit.messages, &text, &len);
	if (status == 0) {
		qd_conf_messages_print(&edit.messages, stderr); /* warnings */
		status = qd_edit_open(&edit, NULL);
	}
	if (status == 0)
		status = qd_edit_apply(&edit, text, len);
	qd_edit_close(&edit);
	free(text);
	return status;
}

static void print_entry(const json_t *entry)
{
	const json_t *tag = json_object_get(entry, "configuration");
	const char *digest = json_string_value(json_object_get(entry, "digest"));
	const time_t when = (time_t)json_integer_value(json_object_get(entry, "unix_s"));
	struct tm local = {0};
	char text[32] = "?";
	if (localtime_r(&when, &local) != NULL)
		(void)strftime(text, sizeof(text), "%F %T", &local);
	(void)printf("%6lld  %s  epoch %lld, digest %.16s\n",
		     (long long)json_integer_value(json_object_get(tag, "version")), text,
		     (long long)json_integer_value(json_object_get(tag, "epoch")),
		     digest != NULL ? digest : "?");
}

static int run_history(int argc, char **argv)
{
	json_t *history = NULL;
	bool json = false;
	const struct qd_ctl_option options[] = {{"--json", &json, NULL}, {"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	if (status == 0)
		status = qd_edit_history(edit.socket, &history);
	if (status == 0 && json && json_dumpf(history, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	for (size_t i = json_array_size(history); status == 0 && !json && i > 0; i--)
		print_entry(json_array_get(history, i - 1));
	json_decref(history);
	return status;
}

/* The earlier text is sent as a change of the present one. */
static int roll_back(const char *version)
{
	static struct qd_edit earlier;
	json_t *history = NULL;
	earlier.command = edit.command;
	earlier.socket = edit.socket;
	int status = qd_edit_history(edit.socket, &history);
	const char *digest = status == 0 ? qd_edit_find(history, edit.command, version) : NULL;
	status = status == 0 && digest == NULL ? qd_ctl_exit_status(QD_ERR_NOT_FOUND) : status;
	if (status == 0)
		status = qd_edit_open(&earlier, digest);
	if (status == 0)
		status = qd_edit_open(&edit, NULL);
	if (status == 0) {
		edit.fresh = earlier.conf;
		status = qd_edit_apply(&edit, earlier.text.text, earlier.text.len_bytes);
	}
	qd_edit_close(&earlier);
	qd_edit_close(&edit);
	json_decref(history);
	return status;
}

static int run_rollback(int argc, char **argv)
{
	const char *version = NULL;
	const struct qd_ctl_option options[] = {{NULL, NULL, &version},
						{"--yes", &edit.yes, NULL},
						{"--json", &edit.json, NULL},
						{"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "config rollback";
	if (status != 0)
		return status;
	if (version == NULL) {
		qd_ctl_complain("config rollback: expected a version as in quorumctl config history");
		return QD_CTL_USAGE;
	}
	return roll_back(version);
}

#define APPLY_HELP                                                                                           \
	"  --yes          do not ask\n"                                                                      \
	"  --json         the differences as JSON\n" QD_CTL_SOCKET_HELP                                      \
	"\nExit status: 0 done, 1 it did not work, 2 no quorum, 64 not confirmed,\n"                         \
	"75 the configuration was changed meanwhile, 77 it would lose the quorum, 78 it is not valid.\n"

static const struct qd_ctl_command commands[] = {
	{"show", run_show, "[VERSION] [--json] [--socket PATH]",
	 "Print the cluster's configuration that is in force, or an earlier one of the history.\n\n"
	 "  --json         with its tag and digest\n" QD_CTL_SOCKET_HELP},
	{"check", run_check, "FILE",
	 "Check a whole configuration or the cluster's part of one. Asks nobody, reads no secrets.\n\n"
	 "Exit status: 0 valid, 78 not; messages name file, line and key.\n"},
	{"diff", run_diff, "FILE [--json] [--socket PATH]",
	 "Show key by key how the cluster's part of FILE differs from the configuration in force.\n\n"
	 "  --json         as JSON\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 nothing differs, 1 something does.\n"},
	{"apply", run_apply, "FILE [--yes] [--json] [--socket PATH]",
	 "Make the cluster's part of FILE the configuration of the whole cluster. Shows the differences and "
	 "asks.\nDone means: durable on every member, and the disk or witness knows it. May be asked on any "
	 "member.\n\n" APPLY_HELP},
	{"history", run_history, "[--json] [--socket PATH]",
	 "List the configurations that were in force here, newest first.\n\n"
	 "  --json         as JSON, oldest first\n" QD_CTL_SOCKET_HELP},
	{"rollback", run_rollback, "VERSION [--yes] [--json] [--socket PATH]",
	 "Apply an earlier configuration again: it becomes the newest one.\n\n" APPLY_HELP},
};

int qd_ctl_config_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl config", commands, COUNT(commands), argc, argv);
}
