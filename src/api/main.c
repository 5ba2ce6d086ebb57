/* SPDX-License-Identifier: Apache-2.0 */
/* quorum-api: options, the listening socket, the user, the loop. */
#include "api/http.h"

#include <systemd/sd-event.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	STATUS_USAGE = 64,
	BACKLOG = 64,
	REPLACED_LOOK_US = 1000000, /* whether another quorum-api has taken the socket's name */
	PASSWD_BYTES = 16384,
};

struct options {
	const char *control;
	const char *socket;
	const char *user;
	mode_t mode;
};

struct program {
	struct options options;
	sd_event *event;
	struct stat identity; /* of the socket that we made */
};

static const char usage[] =
	"usage: quorum-api --control PATH --socket PATH [--user NAME] [--mode OCTAL]\n"
	"Serves HTTP and JSON on the unix socket; quorum-runner starts it. See quorumd(8).\n";

static _Noreturn void fatal(const char *what, int problem)
{
	(void)fprintf(stderr, "<3>quorum-api: %s: %s\n", what, strerrordesc_np(problem));
	exit(EXIT_FAILURE);
}

static bool read_mode(const char *text, mode_t *mode)
{
	char *end = NULL;
	unsigned long v = strtoul(text, &end, 8);
	*mode = (mode_t)v;
	return *text >= '0' && *text <= '7' && *end == '\0' && v <= 0777;
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"control", required_argument, NULL, 'c'},
					      {"socket", required_argument, NULL, 's'},
					      {"user", required_argument, NULL, 'u'},
					      {"mode", required_argument, NULL, 'm'},
					      {"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {NULL, 0, NULL, 0}};
	for (int c = getopt_long(argc, argv, "", names, NULL); c != -1;
	     c = getopt_long(argc, argv, "", names, NULL)) {
		if (c == 'c')
			o->control = optarg;
		else if (c == 's')
			o->socket = optarg;
		else if (c == 'u')
			o->user = optarg;
		else if (c == 'm' && read_mode(optarg, &o->mode))
			continue;
		else if (c == 'h' || c == 'V') {
			(void)fputs(c == 'h' ? usage : "quorum-api " QD_VERSION "\n", stdout);
			exit(EXIT_SUCCESS);
		} else
			return STATUS_USAGE;
	}
	return o->control == NULL || o->socket == NULL || optind != argc ? STATUS_USAGE : 0;
}

/* The user to become; id 0: stay. */
static void find_user(const char *name, uid_t *uid, gid_t *gid)
{
	static char buffer[PASSWD_BYTES];
	struct passwd entry;
	struct passwd *found = NULL;
	*uid = 0;
	*gid = 0;
	if (name[0] == '\0' || geteuid() != 0)
		return;
	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL) {
		(void)fprintf(stderr, "<4>quorum-api: there is no user %s: it goes on as root\n", name);
		return;
	}
	*uid = entry.pw_uid;
	*gid = entry.pw_gid;
}

/* Made under another name, with its rights, then renamed: the newest quorum-api has the name, at every moment. */
static int make_socket(struct program *p, uid_t uid, gid_t gid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s.%d", p->options.socket,
			   (int)getpid());
	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		fatal(p->options.socket, ENAMETOOLONG);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlink(address.sun_path); /* of a process with the same id before; usually not there */
	mode_t mask = umask(0777);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		fatal(p->options.socket, errno);
	(void)umask(mask); /* returns the mask, not a status */
	if ((uid != 0 && chown(address.sun_path, uid, gid) != 0) ||
	    chmod(address.sun_path, p->options.mode) != 0 || listen(fd, BACKLOG) != 0 ||
	    lstat(address.sun_path, &p->identity) != 0 || rename(address.sun_path, p->options.socket) != 0)
		fatal(p->options.socket, errno);
	return fd;
}

static void become(const struct program *p, uid_t uid, gid_t gid)
{
	if (uid != 0 && (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0))
		fatal("user", errno);
	if (faccessat(AT_FDCWD, p->options.socket, F_OK, AT_EACCESS) != 0) {
		(void)fprintf(stderr,
			      "<3>quorum-api: %s: user %s cannot reach it: allow everybody to search its "
			      "folder (chmod a+x)\n",
			      p->options.socket, p->options.user);
		exit(EXIT_FAILURE);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fatal("PR_SET_NO_NEW_PRIVS", errno);
}

static int on_look(sd_event_source *source, uint64_t usec, void *context)
{
	struct program *p = context;
	struct stat now;
	(void)usec;
	bool seen = lstat(p->options.socket, &now) == 0;
	if ((!seen && errno == ENOENT) ||
	    (seen && (now.st_ino != p->identity.st_ino || now.st_dev != p->identity.st_dev))) {
		(void)fputs("<5>quorum-api: another one has the socket: this one ends\n", stderr);
		return sd_event_exit(p->event, EXIT_SUCCESS);
	}
	if (sd_event_source_set_time_relative(source, REPLACED_LOOK_US) < 0)
		return -EIO;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void need(int status, const char *what)
{
	if (status < 0)
		fatal(what, -status);
}

int main(int argc, char **argv)
{
	struct program p = {.options = {.user = "", .mode = 0660}};
	struct qd_http *http = NULL;
	uid_t uid = 0;
	gid_t gid = 0;
	sigset_t mask;
	if (read_options(argc, argv, &p.options) != 0) {
		(void)fputs(usage, stderr);
		return STATUS_USAGE;
	}
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGPIPE);
	if (sigprocmask(SIG_SETMASK, &mask, NULL) != 0)
		fatal("signals", errno);
	find_user(p.options.user, &uid, &gid);
	int fd = make_socket(&p, uid, gid);
	become(&p, uid, gid);
	need(sd_event_new(&p.event), "event loop");
	need(sd_event_add_signal(p.event, NULL, SIGTERM, NULL, NULL), "SIGTERM");
	need(sd_event_add_signal(p.event, NULL, SIGINT, NULL, NULL), "SIGINT");
	need(sd_event_add_time_relative(p.event, NULL, CLOCK_MONOTONIC, REPLACED_LOOK_US, 100000, on_look,
					&p),
	     "timer");
	if (qd_http_open(p.event, fd, p.options.control, &http) != 0)
		fatal("HTTP", errno);
	int status = sd_event_loop(p.event);
	qd_http_close(http);
	(void)sd_event_unref(p.event); /* returns NULL */
	return status < 0 ? EXIT_FAILURE : status;
}
