/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_runner.h"

#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MESSAGES_A_TURN = 16, /* the lease goes before the runner's notes */
};

static _Noreturn void child(const char *program, int fd)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == QD_RUNNER_FD)
		(void)fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, QD_RUNNER_FD) < 0)
		_exit(126);
	if (close_range(QD_RUNNER_FD + 1, ~0u, 0) != 0)
		_exit(126);
	char name[] = "quorum-runner";
	char *argv[] = {name, NULL};
	(void)execv(program, argv);
	_exit(127);
}

int qd_runner_start(struct qd_runner_link *r, const char *program, char *why, size_t why_cap)
{
	int fds[2];
	r->fd = -1;
	if (access(program, X_OK) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
		(void)snprintf(why, why_cap, "%s: %s", program, strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	r->pid = fork();
	if (r->pid == 0)
		child(program, fds[1]);
	(void)close(fds[1]);
	if (r->pid < 0) {
		(void)snprintf(why, why_cap, "%s: fork: %s", program, strerrordesc_np(errno));
		(void)close(fds[0]);
		return -QD_ERR_IO;
	}
	r->fd = fds[0];
	return 0;
}

static void lost(struct qd_runner_link *r)
{
	if (r->fd < 0)
		return;
	qd_io_remove(&r->io);
	(void)close(r->fd);
	r->fd = -1;
	(void)waitpid(r->pid, NULL, WNOHANG);
	r->on_lost(r->context);
}

static void on_readable(void *context, int fd, uint32_t events)
{
	struct qd_runner_link *r = context;
	uint8_t packet[QD_RUNNER_PACKET_MAX];
	(void)events;
	for (int i = 0; i < MESSAGES_A_TURN && r->fd >= 0; i++) {
		struct qd_runner_message message;
		ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || !qd_runner_message_decode(packet, (size_t)n, &message)) {
			lost(r);
			return;
		}
		r->on_message(r->context, &message);
	}
}

int qd_runner_watch(struct qd_runner_link *r, struct qd_loop *loop)
{
	if (r->fd < 0)
		return 0;
	r->io.fn = on_readable;
	r->io.context = r;
	return qd_io_add(loop, &r->io, r->fd, EPOLLIN);
}

void qd_runner_order(struct qd_runner_link *r, const struct qd_order *order)
{
	uint8_t packet[QD_RUNNER_PACKET_MAX];
	if (r->fd < 0)
		return;
	size_t len = qd_order_encode(order, packet, sizeof packet);
	qd_assert(len > 0);
	if (send(r->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len)
		return;
	if (order->kind == QD_ORDER_LEASE && (errno == EAGAIN || errno == ENOBUFS))
		return;
	lost(r);
}

void qd_runner_configure(struct qd_runner_link *r, const struct qd_conf *conf, const char *api_program)
{
	struct qd_order order = {.kind = QD_ORDER_CONFIG};
	struct qd_runner_config *c = &order.config;
	(void)snprintf(c->node, sizeof c->node, "%s", conf->nodes[conf->node_id].name);
	if (conf->has_group) {
		(void)snprintf(c->group, sizeof c->group, "%s", conf->group_name);
		(void)snprintf(c->script, sizeof c->script, "%s", conf->group_script);
	}
	c->start_timeout = conf->start_timeout;
	c->stop_timeout = conf->stop_timeout;
	c->monitor_interval = conf->monitor_interval;
	c->monitor_timeout = conf->monitor_timeout;
	c->log_level = conf->log_level;
	(void)snprintf(c->api_program, sizeof c->api_program, "%s", api_program);
	(void)snprintf(c->api_socket, sizeof c->api_socket, "%s", conf->api_socket);
	(void)snprintf(c->api_user, sizeof c->api_user, "%s", conf->api_user);
	c->api_mode = conf->api_mode;
	(void)snprintf(c->control_socket, sizeof c->control_socket, "%s", conf->control_socket);
	qd_runner_order(r, &order);
}

void qd_runner_close(struct qd_runner_link *r)
{
	const struct qd_order quit = {.kind = QD_ORDER_QUIT};
	uint8_t packet[QD_RUNNER_PACKET_MAX];
	if (r->fd < 0)
		return;
	size_t len = qd_order_encode(&quit, packet, sizeof packet);
	(void)send(r->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL); /* end of file says the same */
	qd_io_remove(&r->io);
	(void)close(r->fd);
	r->fd = -1;
}
