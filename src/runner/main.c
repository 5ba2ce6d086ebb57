/* SPDX-License-Identifier: Apache-2.0 */
/* quorum-runner: the loop around runner.c. Started by quorumd only. */
#include "base/assert.h"
#include "runner/log.h"
#include "runner/process.h"
#include "runner/runner.h"

#include <systemd/sd-event.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PRIORITY_DEADLINE = -100, /* sd-event: lower is first */
	PRIORITY_CHILD = -50,
	PRIORITY_ORDER = -40,
	PRIORITY_OUTPUT = 50,
	OUTPUT_BYTES = 4096,
	OUTPUT_LINE_BYTES = 512, /* longer lines of a script are cut into several */
	ORDERS_A_TURN = 16,
	SEND_AGAIN_MS = 10,
};

struct program {
	sd_event *event;
	sd_event_source *timer;
	struct qd_runner runner;
	int pipe_fd; /* where scripts' output is read */
	char line[OUTPUT_LINE_BYTES];
	size_t line_len;
};

static _Noreturn void fatal(const char *what, int problem)
{
	(void)fprintf(stderr, "<3>quorum-runner: %s: %s\n", what, strerrordesc_np(problem));
	exit(EXIT_FAILURE);
}

/* Hand quorumd what waits for it. */
static void send_queue(struct program *p)
{
	struct qd_runner *r = &p->runner;
	uint32_t sent = 0;
	while (sent < r->queue_count && !r->lost) {
		uint8_t packet[QD_RUNNER_PACKET_MAX];
		size_t len = qd_runner_message_encode(&r->queue[sent], packet, sizeof(packet));
		qd_assert(len > 0);
		if (send(QD_RUNNER_FD, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
			break; /* full: again soon; broken: the end of the file is seen by on_order() */
		sent++;
	}
	if (r->lost)
		sent = r->queue_count;
	memmove(&r->queue[0], &r->queue[sent], (r->queue_count - sent) * sizeof(r->queue[0]));
	r->queue_count -= sent;
}

/* After everything that happens: send, end, or set the timer for the next deadline. */
static void settle(struct program *p)
{
	bool good = false;
	send_queue(p);
	if (qd_runner_is_over(&p->runner, &good) && p->runner.queue_count == 0) {
		(void)sd_event_exit(p->event,
				    good ? EXIT_SUCCESS : EXIT_FAILURE); /* fails only after an exit */
		return;
	}
	struct qd_mono at = qd_runner_deadline(&p->runner);
	if (p->runner.queue_count > 0)
		at = qd_mono_min(at, qd_mono_add(qd_process_now(), qd_span_ms(SEND_AGAIN_MS)));
	uint64_t usec = qd_mono_is_never(at) ? UINT64_MAX : at.ns / 1000 + 1;
	int status = sd_event_source_set_time(p->timer, usec);
	if (status >= 0)
		status = sd_event_source_set_enabled(p->timer,
						     qd_mono_is_never(at) ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	qd_assert(status >= 0);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct program *p = context;
	(void)source;
	(void)usec;
	qd_runner_look(&p->runner, qd_process_now());
	settle(p);
	return 0;
}

static int on_order(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct program *p = context;
	(void)events;
	/* The deadline first: this process may have been stopped for a while. */
	qd_runner_look(&p->runner, qd_process_now());
	for (int i = 0; i < ORDERS_A_TURN && !p->runner.lost; i++) {
		uint8_t packet[QD_RUNNER_PACKET_MAX];
		struct qd_order order;
		ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n > 0 && qd_order_decode(packet, (size_t)n, &order)) {
			qd_runner_order(&p->runner, &order, qd_process_now());
		} else if (n > 0) {
			qd_log_line(QD_LEVEL_ERROR, "an order that is none: quorumd is of another version");
			qd_runner_lost(&p->runner, qd_process_now());
		} else {
			qd_runner_lost(&p->runner, qd_process_now());
		}
	}
	if (p->runner.lost)
		(void)sd_event_source_set_enabled(source,
						  SD_EVENT_OFF); /* or it would be readable for ever */
	settle(p);
	return 0;
}

static int on_child(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct program *p = context;
	(void)source;
	(void)info;
	qd_runner_look(&p->runner, qd_process_now());
	for (;;) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			break;
		qd_runner_exited(&p->runner, pid, status, qd_process_now());
	}
	settle(p);
	return 0;
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct program *p = context;
	(void)source;
	/* A terminal and a service manager signal all of us at once; the order of ending is quorumd's. */
	qd_runner_look(&p->runner, qd_process_now());
	qd_log_line(QD_LEVEL_NOTICE, "signal %d: ignored, quorumd says when to end", (int)info->ssi_signo);
	settle(p);
	return 0;
}

static void put_line(struct program *p)
{
	p->line[p->line_len] = '\0';
	if (p->line_len > 0)
		qd_log_line(QD_LEVEL_NOTICE, "%s: %s", p->runner.config.group, p->line);
	p->line_len = 0;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct program *p = context;
	char text[OUTPUT_BYTES];
	(void)source;
	(void)events;
	qd_runner_look(&p->runner, qd_process_now());
	ssize_t n = read(fd, text, sizeof(text));
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n' || p->line_len == sizeof(p->line) - 1)
			put_line(p);
		if (text[i] != '\n')
			p->line[p->line_len++] =
				(unsigned char)text[i] < 0x20 && text[i] != '\t' ? '?' : text[i];
	}
	settle(p);
	return 0;
}

static void need(int status, const char *what)
{
	if (status < 0)
		fatal(what, -status);
}

static void add_sources(struct program *p)
{
	sd_event_source *order = NULL;
	sd_event_source *child = NULL;
	sd_event_source *output = NULL;
	need(sd_event_new(&p->event), "event loop");
	need(sd_event_add_time(p->event, &p->timer, CLOCK_BOOTTIME, UINT64_MAX, 1, on_timer, p), "timer");
	need(sd_event_source_set_priority(p->timer, PRIORITY_DEADLINE), "timer");
	need(sd_event_add_signal(p->event, &child, SIGCHLD, on_child, p), "SIGCHLD");
	need(sd_event_source_set_priority(child, PRIORITY_CHILD), "SIGCHLD");
	need(sd_event_add_signal(p->event, NULL, SIGTERM, on_term, p), "SIGTERM");
	need(sd_event_add_signal(p->event, NULL, SIGINT, on_term, p), "SIGINT");
	need(sd_event_add_io(p->event, &order, QD_RUNNER_FD, EPOLLIN, on_order, p), "descriptor 3");
	need(sd_event_source_set_priority(order, PRIORITY_ORDER), "descriptor 3");
	need(sd_event_add_io(p->event, &output, p->pipe_fd, EPOLLIN, on_output, p), "pipe");
	need(sd_event_source_set_priority(output, PRIORITY_OUTPUT), "pipe");
}

/* Best effort: without these rights the deadline is held as well as the machine's load lets it. */
static void get_attention(void)
{
	struct sched_param least = {.sched_priority = 1};
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &least) != 0 ||
	    mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		qd_log_line(QD_LEVEL_DEBUG, "no real-time priority or locked memory: %s",
			    strerrordesc_np(errno));
}

int main(int argc, char **argv)
{
	static struct program p;
	int type = 0;
	socklen_t type_len = sizeof(type);
	int fds[2];
	(void)argv;
	if (argc != 1 || getsockopt(QD_RUNNER_FD, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 ||
	    type != SOCK_SEQPACKET) {
		(void)fputs(
			"quorum-runner is started by quorumd, which gives it descriptor 3; see quorumd(8)\n",
			stderr);
		return 64;
	}
	sigset_t mask;
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGCHLD);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGPIPE); /* a closed standard error is no reason to end */
	if (sigprocmask(SIG_SETMASK, &mask, NULL) != 0)
		fatal("signals", errno);
	if (pipe2(fds, O_CLOEXEC) != 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(QD_RUNNER_FD, F_SETFD, FD_CLOEXEC) != 0)
		fatal("pipe", errno);
	if (!qd_process_adopt())
		fatal("PR_SET_CHILD_SUBREAPER", errno);
	get_attention();
	p.pipe_fd = fds[0];
	qd_runner_init(&p.runner, fds[1]);
	add_sources(&p);
	settle(&p);
	int status = sd_event_loop(p.event);
	put_line(&p);
	return status < 0 ? EXIT_FAILURE : status;
}
