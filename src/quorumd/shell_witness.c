/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_witness.h"

#include "drv/witness_share.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DATAGRAMS_A_TURN = 16, /* more waits for the next turn */
};

/* One of the witness's addresses. */
struct portal {
	struct qd_io io;
	int fd; /* -1: none */
	struct sockaddr_storage address;
	socklen_t address_bytes;
};

struct qd_shell_witness {
	struct qd_shell_witness_config config;
	struct portal portal[QD_CONF_WITNESS_MAX];
	char share_root[QD_CONF_FILE_MAX];
	struct qd_witness_share *share; /* NULL: addresses, or not begun */
	struct qd_io share_io;
	bool begun;
	uint64_t incarnation;
	uint64_t session; /* of the witness, by its last answer */
	uint64_t next_id; /* of this module: they grow over the core's questions and its own */
	uint64_t open_id; /* the last question; 0: answered */
	uint64_t core_id; /* the core's last question, in its own numbers */
	uint64_t core_as; /* and in ours; 0: answered */
	struct qd_mono asked_at;
	struct qd_mono silent_since; /* the first question that was not answered; 0: none */
	struct qd_control_witness shown;
	char said[QD_SHARE_WHY_MAX]; /* of `why`, to the log */
};

/* ------------------------------------------------ opening */

static void on_witness(void *context, int fd, uint32_t events)
{
	struct qd_shell_witness *w = context;
	uint8_t data[QD_WIRE_PACKET_MAX];
	(void)events;
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		const ssize_t len = recv(fd, data, sizeof data, MSG_DONTWAIT);
		if (len < 0)
			return; /* nothing more, or refused: it is asked again */
		w->config.on_datagram(w->config.context, data, (size_t)len);
	}
}

/* The descriptor stays readable until qd_shell_witness_next() has taken everything. */
static void on_share(void *context, int fd, uint32_t events)
{
	(void)context;
	(void)fd;
	(void)events;
}

static int open_portal(struct qd_shell_witness *w, const struct qd_conf_portal *portal, int flags, char *why)
{
	struct portal *p = &w->portal[w->shown.way_count];
	const struct addrinfo hints = {.ai_flags = flags, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	char port[8];
	(void)snprintf(port, sizeof port, "%u", (unsigned)portal->port);
	const int rc = getaddrinfo(portal->host, port, &hints, &found);
	if (rc != 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "witness %s: %s: %s", portal->text,
			       gai_strerror(rc),
			       flags != 0 ? "a name is looked up at the next start; give an address"
					  : "give an address, or mend the resolver");
		return -QD_ERR_CONFIG;
	}
	memcpy(&p->address, found->ai_addr, found->ai_addrlen);
	p->address_bytes = found->ai_addrlen;
	p->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	freeaddrinfo(found);
	if (p->fd < 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "witness %s: socket: %s", portal->text,
			       strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	p->io = (struct qd_io){.fn = on_witness, .context = w};
	(void)snprintf(w->shown.way[w->shown.way_count].text, sizeof w->shown.way[0].text, "%s",
		       portal->text);
	w->shown.way_count++;
	return qd_io_add(w->config.loop, &p->io, p->fd, EPOLLIN) < 0 ? -QD_ERR_IO : 0;
}

static void forget(struct qd_shell_witness *w)
{
	for (uint32_t i = 0; i < QD_CONF_WITNESS_MAX; i++) {
		qd_io_remove(&w->portal[i].io);
		if (w->portal[i].fd >= 0)
			(void)close(w->portal[i].fd);
		w->portal[i].fd = -1;
	}
	qd_io_remove(&w->share_io);
	qd_witness_share_close(w->share);
	w->share = NULL;
	w->share_root[0] = '\0';
	w->said[0] = '\0';
	w->session = w->open_id = w->core_as = 0;
	w->asked_at = w->silent_since = QD_MONO_ZERO;
	w->shown = (struct qd_control_witness){.kind = QD_CONTROL_WITNESS_NONE};
}

static int open_share(struct qd_shell_witness *w, char *why)
{
	w->share = qd_witness_share_open(&qd_share_files_kernel, w->share_root, w->config.packet->cluster,
					 w->config.node);
	if (w->share == NULL) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES,
			       "witness.share: %s: no thread, no memory, or too long a name", w->share_root);
		return -QD_ERR_NOMEM;
	}
	w->share_io = (struct qd_io){.fn = on_share, .context = w};
	return qd_io_add(w->config.loop, &w->share_io, qd_witness_share_fd(w->share), EPOLLIN) < 0
		       ? -QD_ERR_IO
		       : 0;
}

static int open_all(struct qd_shell_witness *w, const struct qd_conf *conf, int flags, char *why)
{
	int rc = 0;
	w->shown.kind = conf->witness_count > 0		 ? QD_CONTROL_WITNESS_DAEMON
			: conf->witness_share[0] != '\0' ? QD_CONTROL_WITNESS_SHARE
							 : QD_CONTROL_WITNESS_NONE;
	memcpy(w->shown.cluster, w->config.packet->cluster, sizeof w->shown.cluster);
	memcpy(w->share_root, conf->witness_share, sizeof w->share_root);
	if (w->shown.kind == QD_CONTROL_WITNESS_SHARE)
		(void)snprintf(w->shown.way[w->shown.way_count++].text, sizeof w->shown.way[0].text, "%s",
			       conf->witness_share);
	for (uint32_t i = 0; i < conf->witness_count && rc == 0; i++)
		rc = open_portal(w, &conf->witness[i], flags, why);
	if (rc == 0 && w->begun && w->shown.kind == QD_CONTROL_WITNESS_SHARE)
		rc = open_share(w, why);
	if (rc != 0)
		forget(w);
	return rc;
}

int qd_shell_witness_open(const struct qd_shell_witness_config *config, const struct qd_conf *conf,
			  struct qd_shell_witness **out, char *why)
{
	struct qd_shell_witness *w = calloc(1, sizeof *w);
	*out = w;
	if (w == NULL)
		return -QD_ERR_NOMEM;
	w->config = *config;
	for (uint32_t i = 0; i < QD_CONF_WITNESS_MAX; i++)
		w->portal[i].fd = -1;
	return open_all(w, conf, 0, why);
}

void qd_shell_witness_close(struct qd_shell_witness *w)
{
	if (w == NULL)
		return;
	forget(w);
	free(w);
}

int qd_shell_witness_begin(struct qd_shell_witness *w, uint64_t incarnation, char *why)
{
	w->begun = true;
	w->incarnation = incarnation;
	return w->shown.kind == QD_CONTROL_WITNESS_SHARE ? open_share(w, why) : 0;
}

static bool is_same(const struct qd_shell_witness *w, const struct qd_conf *conf)
{
	if (strcmp(w->share_root, conf->witness_share) != 0)
		return false;
	const uint32_t portals = w->share_root[0] != '\0' ? 0 : w->shown.way_count;
	bool same = portals == conf->witness_count;
	for (uint32_t i = 0; i < portals && same; i++)
		same = strcmp(w->shown.way[i].text, conf->witness[i].text) == 0;
	return same;
}

int qd_shell_witness_configure(struct qd_shell_witness *w, const struct qd_conf *conf, char *why)
{
	if (is_same(w, conf))
		return 0;
	forget(w);
	return open_all(w, conf, AI_NUMERICHOST, why);
}

/* ------------------------------------------------ questions */

static void send_to(struct qd_shell_witness *w, const struct qd_witness_request *request)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	const struct portal *p = &w->portal[w->shown.way_at];
	const size_t len = qd_packet_seal_request(w->config.packet, request, packet);
	/* What cannot leave is lost, and asked again. */
	(void)sendto(p->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&p->address,
		     p->address_bytes);
}

static void put(struct qd_shell_witness *w, struct qd_witness_request *request, struct qd_mono now)
{
	struct qd_control_witness *s = &w->shown;
	if (w->open_id != 0) { /* the last one was not answered: another way may be better */
		s->way_at = (s->way_at + 1) % s->way_count;
		if (w->silent_since.ns == 0)
			w->silent_since = w->asked_at;
	}
	request->id = w->open_id = ++w->next_id;
	w->asked_at = now;
	s->way[s->way_at].asked++;
	if (s->kind == QD_CONTROL_WITNESS_DAEMON)
		send_to(w, request);
	else
		(void)qd_witness_share_ask(w->share, request); /* not taken: it hangs, and is counted there */
}

static bool can_ask(const struct qd_shell_witness *w)
{
	return w->begun && w->shown.way_count > 0 &&
	       (w->shown.kind == QD_CONTROL_WITNESS_DAEMON || w->share != NULL);
}

void qd_shell_witness_ask(struct qd_shell_witness *w, const struct qd_witness_request *request,
			  struct qd_mono now)
{
	struct qd_witness_request own = *request;
	if (!can_ask(w))
		return;
	put(w, &own, now);
	w->core_id = request->id;
	w->core_as = own.id;
}

struct qd_mono qd_shell_witness_deadline(const struct qd_shell_witness *w)
{
	return can_ask(w) ? qd_mono_add(w->asked_at, qd_span_ms(QD_SHELL_WITNESS_LOOK_MS)) : QD_NEVER;
}

void qd_shell_witness_think(struct qd_shell_witness *w, struct qd_mono now)
{
	if (!qd_mono_reached(now, qd_shell_witness_deadline(w)))
		return;
	struct qd_witness_request look = {.ask = QD_WITNESS_SHOW,
					  .session = w->session,
					  .node = w->config.node,
					  .incarnation = w->incarnation};
	put(w, &look, now);
}

/* ------------------------------------------------ answers */

static void note(struct qd_shell_witness *w, const struct qd_witness_answer *a, struct qd_mono now)
{
	struct qd_control_witness *s = &w->shown;
	struct qd_control_witness_way *way = &s->way[s->way_at];
	way->answered++;
	way->answered_at = now;
	way->rtt_ns = (uint64_t)qd_mono_sub(now, w->asked_at).ns;
	way->rtt_worst_ns = way->rtt_ns > way->rtt_worst_ns ? way->rtt_ns : way->rtt_worst_ns;
	w->open_id = 0;
	w->silent_since = QD_MONO_ZERO;
	if (a->verdict == QD_WITNESS_SESSION)
		return; /* it says nothing else */
	s->known = true;
	s->answered_at = now;
	s->verdict = a->verdict;
	s->epoch = a->epoch;
	s->holder = a->holder;
	s->tag = a->tag;
	s->renewed = QD_MONO_ZERO;
	if (a->holder == w->config.node)
		s->renewed = now;
	else if (a->holder != 0 && a->last == a->holder && a->age_ns < now.ns)
		s->renewed = (struct qd_mono){now.ns - a->age_ns};
}

bool qd_shell_witness_answered(struct qd_shell_witness *w, struct qd_witness_answer *a, struct qd_mono now)
{
	if (a->incarnation != w->incarnation || a->id == 0)
		return false;
	const bool others_session = a->verdict == QD_WITNESS_SESSION && a->session != w->session;
	w->session = a->session;
	const bool of_core = a->id == w->core_as;
	const bool own = a->id == w->open_id && !of_core;
	if (a->id == w->open_id)
		note(w, a, now);
	if (own && others_session) /* it restarted, or was never met: the same again, addressed to it */
		w->asked_at = QD_MONO_ZERO;
	if (!of_core)
		return false;
	w->core_as = 0;
	a->id = w->core_id;
	return true;
}

bool qd_shell_witness_next(struct qd_shell_witness *w, struct qd_witness_answer *answer, struct qd_mono now)
{
	while (w->share != NULL && qd_witness_share_take(w->share, answer)) {
		qd_witness_share_why(w->share, w->shown.why);
		if (qd_shell_witness_answered(w, answer, now))
			return true;
	}
	return false;
}

bool qd_shell_witness_complains(struct qd_shell_witness *w, char why[QD_SHARE_WHY_MAX])
{
	if (strcmp(w->said, w->shown.why) == 0)
		return false;
	memcpy(w->said, w->shown.why, sizeof w->said);
	memcpy(why, w->said, sizeof w->said);
	return why[0] != '\0';
}

/* ------------------------------------------------ for people */

bool qd_shell_witness_reachable(const struct qd_shell_witness *w, struct qd_mono now)
{
	const struct qd_mono since = w->silent_since.ns != 0 ? w->silent_since : w->asked_at;
	return w->open_id == 0 ||
	       !qd_mono_reached(now, qd_mono_add(since, qd_span_ms(QD_SHELL_WITNESS_SILENT_MS)));
}

void qd_shell_witness_show(struct qd_shell_witness *w, struct qd_mono now, struct qd_control_witness *out)
{
	struct qd_control_witness *s = &w->shown;
	s->reachable = qd_shell_witness_reachable(w, now);
	if (w->share != NULL) {
		const struct qd_witness_share_counts c = qd_witness_share_counts(w->share);
		s->refused = c.refused;
		s->dropped = c.dropped;
		s->hangs_ns = c.hangs_ns;
	}
	*out = *s;
}
