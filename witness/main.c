/* SPDX-License-Identifier: Apache-2.0 */
/* quorum-witnessd: options, rights; then the server. */
#include "quorumd/errors.h"
#include "witness/log.h"
#include "witness/server.h"
#include "witness/status.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

enum {
	ADDRESS_ROOM = QD_ADDRESS_TEXT_MAX + 8,
	PORT_MAX = 65535,
};

static const char USAGE[] =
	"usage: quorum-witnessd [--keys DIR] [--store DIR] [--listen ADDRESS[:PORT]]... [--socket FILE] "
	"[--user NAME]\n"
	"       quorum-witnessd --status [--json] [--socket FILE]\n"
	"       quorum-witnessd --check [--keys DIR] | --version | --help\n"
	"  -k, --keys DIR      one key file NAME.key per cluster (default " QD_SYSCONFDIR "/witness)\n"
	"  -d, --store DIR     where grants are kept (default /var/lib/quorum-witnessd)\n"
	"  -l, --listen ADDR   192.0.2.1, 192.0.2.1:3343, 2001:db8::1 or [2001:db8::1]:3343; up to 8 times\n"
	"                      (default: every address, port 3343)\n"
	"  -s, --socket FILE   of --status (default /run/quorum-witnessd/status)\n"
	"  -u, --user NAME     become this user after the start as root\n"
	"      --status        show what the running witness knows; --json: for programs\n"
	"  -n, --check         read the key files, say what is wrong with them, and exit\n"
	"  -V, --version       print the version\n"
	"  -h, --help          print this\n"
	"Signals: HUP reads the key files again; TERM ends.\n";

struct command {
	struct qd_server_options options;
	const char *user;
	bool status;
	bool json;
	bool check;
};

static struct qd_server server;
static struct qd_status shown;

static int exit_status(int error)
{
#define STATUS_OF(name, code, status_, text)                                                                 \
	if (error == -(code))                                                                                \
		return status_;
	QD_ERRORS(STATUS_OF)
#undef STATUS_OF
	return error == 0 ? 0 : 1;
}

/* ------------------------------------------------ options */

/* The address without its port, and the port; "[v6]:port", "v4:port" or without one. */
static bool split(const char *text, char to[ADDRESS_ROOM], const char **port)
{
	const bool bracket = text[0] == '[';
	const char *first = bracket ? text + 1 : text;
	const char *end = bracket ? strchr(text, ']') : strchr(text, ':');
	if (!bracket && end != NULL && strchr(end + 1, ':') != NULL)
		end = NULL; /* an IPv6 address by itself */
	if (bracket && end == NULL)
		return false;
	const char *behind = end == NULL ? text + strlen(text) : bracket ? end + 1 : end;
	const size_t len = (size_t)((end == NULL ? behind : end) - first);
	if (len == 0 || len >= ADDRESS_ROOM || (behind[0] != '\0' && behind[0] != ':'))
		return false;
	memcpy(to, first, len);
	to[len] = '\0';
	*port = behind[0] == ':' ? behind + 1 : NULL;
	return true;
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end = NULL;
	if (text == NULL) {
		*port = QD_LANES_PORT;
		return true;
	}
	errno = 0;
	const unsigned long n = strtoul(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || n == 0 || n > PORT_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

static int add_address(struct qd_server_options *o, const char *text)
{
	char address[ADDRESS_ROOM];
	const char *port = NULL;
	if (o->address_count == QD_LANES_ADDRESSES_MAX) {
		(void)fprintf(stderr, "quorum-witnessd: --listen %s: at most %d addresses\n", text,
			      QD_LANES_ADDRESSES_MAX);
		return -QD_ERR_USAGE;
	}
	if (!split(text, address, &port) || !qd_address_parse(address, &o->address[o->address_count]) ||
	    !parse_port(port, &o->port[o->address_count])) {
		(void)fprintf(
			stderr,
			"quorum-witnessd: --listen: expected ADDRESS, IPV4:PORT or [IPV6]:PORT, found %s\n",
			text);
		return -QD_ERR_USAGE;
	}
	o->address_count++;
	return 0;
}

/* 0: go on; 1: done; negative: an error. */
static int take_option(struct command *c, int option)
{
	enum {
		OPTION_STATUS = 256,
		OPTION_JSON,
	};
	switch (option) {
	case 'k':
		c->options.keys_dir = optarg;
		return 0;
	case 'd':
		c->options.store_dir = optarg;
		return 0;
	case 'l':
		return add_address(&c->options, optarg);
	case 's':
		c->options.status_socket = optarg;
		return 0;
	case 'u':
		c->user = optarg;
		return 0;
	case OPTION_STATUS:
		c->status = true;
		return 0;
	case OPTION_JSON:
		c->json = true;
		return 0;
	case 'n':
		c->check = true;
		return 0;
	case 'V':
		(void)printf("quorum-witnessd %s\n", QD_VERSION);
		return 1;
	case 'h':
		(void)fputs(USAGE, stdout);
		return 1;
	default:
		(void)fputs(USAGE, stderr);
		return -QD_ERR_USAGE;
	}
}

static int parse(int argc, char **argv, struct command *c)
{
	static const struct option options[] = {
		{"keys", required_argument, NULL, 'k'},
		{"store", required_argument, NULL, 'd'},
		{"listen", required_argument, NULL, 'l'},
		{"socket", required_argument, NULL, 's'},
		{"user", required_argument, NULL, 'u'},
		{"status", no_argument, NULL, 256},
		{"json", no_argument, NULL, 257},
		{"check", no_argument, NULL, 'n'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;
	int rc = 0;
	while (rc == 0 && (option = getopt_long(argc, argv, "k:d:l:s:u:nVh", options, NULL)) != -1)
		rc = take_option(c, option);
	if (rc == 0 && optind < argc) {
		(void)fprintf(stderr, "quorum-witnessd: %s: not an option\n%s", argv[optind], USAGE);
		rc = -QD_ERR_USAGE;
	}
	if (rc == 0 && c->options.address_count == 0 &&
	    (add_address(&c->options, "::") != 0 || add_address(&c->options, "0.0.0.0") != 0))
		rc = -QD_ERR_USAGE;
	return rc;
}

/* ------------------------------------------------ running */

static int check(const char *dir)
{
	static struct qd_keys keys;
	if (qd_keys_load(dir, &keys) != 0) {
		(void)fprintf(stderr, "quorum-witnessd: %s\n", keys.why[0]);
		return -QD_ERR_CONFIG;
	}
	for (uint32_t i = 0; i < keys.bad && i < QD_KEYS_MESSAGES; i++)
		(void)fprintf(stderr, "quorum-witnessd: %s\n", keys.why[i]);
	(void)printf("%s: %u clusters, %u key files that cannot be used\n", dir, keys.count, keys.bad);
	const uint32_t bad = keys.bad;
	qd_keys_free(&keys);
	return bad == 0 ? 0 : -QD_ERR_CONFIG;
}

static int become(const char *name)
{
	errno = 0;
	const struct passwd *user = getpwnam(name); /* NOLINT(concurrency-mt-unsafe): before any thread */
	if (user == NULL) {
		qd_log(QD_LOG_ERROR, "--user %s: %s", name,
		       errno == 0 ? "no such user" : strerrordesc_np(errno));
		return -1;
	}
	if (initgroups(name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
		qd_log(QD_LOG_ERROR, "--user %s: %s", name, strerrordesc_np(errno));
		return -1;
	}
	return 0;
}

static int serve(struct command *c)
{
	sd_id128_t machine;
	int rc = sd_id128_get_machine(&machine);
	if (rc < 0) {
		qd_log(QD_LOG_ERROR, "/etc/machine-id: %s: without it a store cannot be told from its copy",
		       strerrordesc_np(-rc));
		return -QD_ERR_CONFIG;
	}
	memcpy(c->options.machine, machine.bytes, sizeof c->options.machine);
	(void)umask(0077);
	if (c->user != NULL && become(c->user) != 0)
		return -QD_ERR_CONFIG;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		qd_log(QD_LOG_WARNING, "prctl: %s: keys may end in a core dump", strerrordesc_np(errno));
	rc = qd_server_open(&server, &c->options) == 0 ? 0 : -QD_ERR_CONFIG;
	if (rc == 0) {
		const int socket_rc = qd_status_open(&shown, &server, c->options.status_socket);
		if (socket_rc != 0)
			qd_log(QD_LOG_WARNING, "%s: %s: no --status", c->options.status_socket,
			       strerrordesc_np(-socket_rc));
		(void)sd_notifyf(0, "READY=1\nSTATUS=%u clusters",
				 server.served); /* nobody listens outside of systemd */
		rc = qd_server_run(&server) == 0 ? 0 : -QD_ERR_IO;
		qd_status_close(&shown);
	}
	qd_server_close(&server);
	return rc;
}

int main(int argc, char **argv)
{
	struct command c = {.options = {.keys_dir = QD_SYSCONFDIR "/witness",
					.store_dir = "/var/lib/quorum-witnessd",
					.status_socket = "/run/quorum-witnessd/status"}};
	const int rc = parse(argc, argv, &c);
	if (rc != 0)
		return rc < 0 ? exit_status(rc) : 0;
	if (c.status)
		return exit_status(qd_status_ask(c.options.status_socket, c.json, stdout) == 0
					   ? 0
					   : -QD_ERR_UNREACHABLE);
	return exit_status(c.check ? check(c.options.keys_dir) : serve(&c));
}
