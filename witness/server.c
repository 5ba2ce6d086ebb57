/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/server.h"

#include "witness/log.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
	NS_PER_S = 1000000000,
	TELL_TWIN_S = 600,
};

/* ------------------------------------------------ requests */

static void answer(struct qd_server *s, int32_t tenant, uint32_t node, struct qd_witness_answer *a,
		   const struct qd_route *to)
{
	struct qd_tenants_one *one = &s->tenants.one[tenant];
	a->session = s->session;
	one->counts.refused += a->verdict != QD_WITNESS_OK && a->verdict != QD_WITNESS_SESSION;
	qd_box_seal(&s->box, &one->keys, node, a, qd_lanes_queue(&s->lanes, to));
}

static void tell_twin(struct qd_server *s, struct qd_tenants_one *one, uint32_t node,
		      const struct qd_route *from, struct qd_mono now)
{
	char cluster[2 * QD_KEYFILE_CLUSTER_BYTES + 1];
	char text[QD_ADDRESS_TEXT_MAX];
	struct qd_address address = {.family = s->lanes.address[from->address].address.family};
	if (one->told.ns != 0 && qd_mono_sub(now, one->told).ns < TELL_TWIN_S * (int64_t)NS_PER_S)
		return;
	one->told = now;
	memcpy(address.bytes, from->remote, sizeof address.bytes);
	qd_address_format(&address, text, sizeof text);
	(void)sodium_bin2hex(cluster, sizeof cluster, one->keys.cluster, sizeof one->keys.cluster);
	qd_log(QD_LOG_WARNING,
	       "cluster %s: node %u asks from %s, and with another start from elsewhere: another machine has "
	       "its id and key (give it its own), or recorded packets are sent again; not answered",
	       cluster, node, text);
}

static bool is_fresh(struct qd_server *s, int32_t tenant, const struct qd_witness_request *q,
		     const struct qd_route *from, uint64_t source, struct qd_mono now)
{
	struct qd_tenants_one *one = &s->tenants.one[tenant];
	switch (qd_tenants_judge(&s->tenants, tenant, q, source, now)) {
	case QD_TENANTS_FRESH:
		return true;
	case QD_TENANTS_STALE:
		one->counts.stale++;
		s->counts.stale++;
		return false;
	case QD_TENANTS_TWIN:
		one->counts.twin++;
		s->counts.twin++;
		tell_twin(s, one, q->node, from, now);
		return false;
	case QD_TENANTS_VERDICT_COUNT:
		break;
	}
	QD_UNREACHABLE("verdict on a request");
}

static void decide(struct qd_server *s, int32_t tenant, const struct qd_witness_request *q,
		   const struct qd_route *from, uint64_t source, struct qd_mono now)
{
	struct qd_tenants_one *one = &s->tenants.one[tenant];
	struct qd_witness_answer a = {
		.id = q->id, .incarnation = q->incarnation, .verdict = QD_WITNESS_SESSION};
	if (q->session != s->session) {
		s->counts.session++;
		answer(s, tenant, q->node, &a, from);
		return;
	}
	if (!is_fresh(s, tenant, q, from, source, now))
		return;
	one->counts.good++;
	s->counts.good++;
	const uint32_t wants = qd_tenant_step(&one->lock, q, now, &a);
	if ((wants & QD_TENANT_WRITE) != 0) {
		const struct qd_grants_job job = {
			.place = (uint32_t)one->place, .context = (uint32_t)tenant, .record = one->lock.next};
		s->route[tenant] = *from;
		qd_scribe_submit(&s->scribe, &job);
	}
	if ((wants & QD_TENANT_ANSWER) != 0)
		answer(s, tenant, q->node, &a, from);
}

/* An address that a node of the cluster has used may send as much as a cluster needs, everybody else little: who knows
 * no more than a cluster's id (it is in every packet) does not use up its share. */
static bool within_rate(struct qd_server *s, int32_t tenant, uint32_t node, uint64_t source,
			struct qd_mono now)
{
	struct qd_tenants_one *one = &s->tenants.one[tenant];
	const bool known = s->tenants.peer[node - 1][tenant].source == source;
	const bool good = known ? qd_rate_take(&one->known, QD_RATE_KNOWN, QD_RATE_KNOWN_BURST, now)
				: qd_rate_take(&one->unknown, QD_RATE_UNKNOWN, QD_RATE_UNKNOWN_BURST, now);
	one->counts.limited += !good;
	s->counts.limited += !good;
	return good;
}

/* What costs least comes first; nothing that is not authentic is answered. */
static void on_packet(void *context, const struct qd_route *from, const uint8_t *data, size_t len_bytes,
		      struct qd_mono now)
{
	struct qd_server *s = context;
	struct qd_wire_envelope e;
	struct qd_witness_request q;
	if (len_bytes != QD_BOX_REQUEST_BYTES) {
		s->counts.length++;
		return;
	}
	if (qd_wire_envelope_decode(data, len_bytes, &e) != QD_WIRE_OK ||
	    e.traffic != QD_WIRE_WITNESS_REQUEST) {
		s->counts.envelope++;
		return;
	}
	const int32_t tenant = qd_tenants_find(&s->tenants, e.cluster);
	if (tenant == QD_TENANTS_NONE || !s->tenants.one[tenant].served) {
		s->counts.unknown++;
		return;
	}
	uint64_t source = 0;
	(void)crypto_shorthash((uint8_t *)&source, from->remote, sizeof from->remote,
			       s->source_key); /* always 0 */
	if (!within_rate(s, tenant, e.from, source, now))
		return;
	struct qd_tenants_one *one = &s->tenants.one[tenant];
	if (qd_box_open(&one->keys, &e, data, &q) != QD_BOX_OK) {
		one->counts.forged++;
		s->counts.forged++;
		return;
	}
	if (q.challenge_ns > QD_WITNESS_CHALLENGE_MAX_NS)
		q.challenge_ns = QD_WITNESS_CHALLENGE_MAX_NS;
	decide(s, tenant, &q, from, source, now);
}

static void note_store(struct qd_server *s, bool ok)
{
	if (s->store_fails == !ok)
		return;
	s->store_fails = !ok;
	if (ok)
		qd_log(QD_LOG_NOTICE, "%s: grants are written again", s->options.store_dir);
	else
		qd_log(QD_LOG_ERROR,
		       "%s: a grant could not be written, and was refused; renewals go on. Is the disk full, "
		       "or failing?",
		       s->options.store_dir);
}

static void on_written(void *context, int fd, uint32_t events)
{
	struct qd_server *s = context;
	const struct qd_grants_job *jobs = NULL;
	(void)fd;
	(void)events;
	const uint32_t count = qd_scribe_take(&s->scribe, &jobs);
	const struct qd_mono now = qd_clock_now();
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t tenant = jobs[i].context;
		struct qd_tenants_one *one = &s->tenants.one[tenant];
		const uint32_t node = one->lock.asked.node;
		struct qd_witness_answer a;
		one->counts.granted += jobs[i].ok;
		note_store(s, jobs[i].ok);
		if (qd_tenant_written(&one->lock, jobs[i].ok, now, &a))
			answer(s, (int32_t)tenant, node, &a, &s->route[tenant]);
	}
}

/* ------------------------------------------------ keys */

static void complain(const struct qd_keys *k)
{
	for (uint32_t i = 0; i < k->bad && i < QD_KEYS_MESSAGES; i++)
		qd_log(QD_LOG_ERROR, "%s", k->why[i]);
	if (k->bad > QD_KEYS_MESSAGES)
		qd_log(QD_LOG_ERROR, "%s: %u key files in all cannot be used", k->dir, k->bad);
}

static void serve(struct qd_server *s, const struct qd_keyfile *keys)
{
	const int32_t tenant = qd_tenants_serve(&s->tenants, keys, &s->grants, s->started);
	if (tenant == QD_TENANTS_NONE) {
		qd_log(QD_LOG_ERROR,
		       "%s: no room for more than %d clusters, those that were removed included",
		       s->options.store_dir, QD_TENANTS_MAX);
		return;
	}
	s->tenants.one[tenant].seen = true;
}

/* What has no key file any more is not answered; its lock stays as it is, in memory and in the store. */
static void end_reload(struct qd_server *s)
{
	s->merging = false;
	s->served = 0;
	for (uint32_t i = 0; i < s->tenants.count; i++) {
		struct qd_tenants_one *one = &s->tenants.one[i];
		one->served = one->seen;
		s->served += one->served;
	}
	complain(&s->keys);
	qd_log(QD_LOG_NOTICE, "%u clusters", s->served);
	qd_keys_free(&s->keys);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%u clusters", s->served); /* nobody listens outside of systemd */
}

/* A slice a turn, so that nobody waits for a reload of thousands. */
static void merge(struct qd_server *s)
{
	for (uint32_t i = 0; i < QD_SERVER_MERGE && s->merged < s->keys.count; i++)
		serve(s, &s->keys.list[s->merged++]);
	if (s->merged == s->keys.count)
		end_reload(s);
}

static void begin_reload(struct qd_server *s)
{
	if (s->reading.running || s->merging) {
		s->reload_again = true;
		return;
	}
	s->reload_again = false;
	(void)sd_notify(0, "RELOADING=1");
	const int rc = qd_keys_begin(s->options.keys_dir, s->keys_io.fd, &s->reading);
	if (rc != 0)
		qd_log(QD_LOG_ERROR, "reload: no thread: %s", strerrordesc_np(-rc));
}

static void on_keys(void *context, int fd, uint32_t events)
{
	struct qd_server *s = context;
	uint64_t times;
	(void)events;
	if (read(fd, &times, sizeof times) < 0 || !s->reading.running)
		return;
	if (qd_keys_end(&s->reading, &s->keys) != 0) {
		qd_log(QD_LOG_ERROR, "reload: %s; the clusters stay as they are", s->keys.why[0]);
		(void)sd_notify(0, "READY=1");
		return;
	}
	for (uint32_t i = 0; i < s->tenants.count; i++)
		s->tenants.one[i].seen = false;
	s->merged = 0;
	s->merging = true;
}

/* ------------------------------------------------ life */

static void on_stop(void *context, int number)
{
	struct qd_server *s = context;
	(void)number;
	s->stop = true;
}

static void on_reload(void *context, int number)
{
	(void)number;
	begin_reload(context);
}

static int fail(const char *what, int error)
{
	qd_log(QD_LOG_ERROR, "%s: %s", what, strerrordesc_np(error));
	return -1;
}

static int open_store(struct qd_server *s, uint32_t places)
{
	static const char *const states[QD_GRANTS_STATE_COUNT] = {"a new store", "own store",
								  "not provably this witness's own store"};
	char why[QD_GRANTS_WHY_MAX];
	struct qd_grants_options options = {.dir = s->options.store_dir, .places = places};
	memcpy(options.machine, s->options.machine, sizeof options.machine);
	if (qd_grants_open(&s->grants, &options, &s->store_state, why) != 0) {
		qd_log(QD_LOG_ERROR, "%s", why);
		return -1;
	}
	if (why[0] != '\0')
		qd_log(QD_LOG_ERROR, "%s; grants are refused until it can", why);
	qd_log(s->store_state == QD_GRANTS_OWN ? QD_LOG_NOTICE : QD_LOG_WARNING,
	       "%s: %s, %u clusters known, %u damaged%s", s->options.store_dir, states[s->store_state],
	       s->grants.used, s->grants.damaged,
	       s->store_state == QD_GRANTS_OWN
		       ? ""
		       : "; nothing is granted to a cluster before its leader confirms");
	return 0;
}

static int open_keys(struct qd_server *s)
{
	if (qd_keys_load(s->options.keys_dir, &s->keys) != 0) {
		qd_log(QD_LOG_ERROR, "%s", s->keys.why[0]);
		return -1;
	}
	return 0;
}

static int open_loop(struct qd_server *s)
{
	struct {
		struct qd_signal *signal;
		qd_signal_fn *fn;
		int number;
	} signals[] = {{&s->terminate, on_stop, SIGTERM},
		       {&s->interrupt, on_stop, SIGINT},
		       {&s->reload, on_reload, SIGHUP}};
	int rc = qd_loop_open(&s->loop);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0] && rc == 0; i++) {
		*signals[i].signal = (struct qd_signal){.fn = signals[i].fn, .context = s};
		rc = qd_signal_add(&s->loop, signals[i].signal, signals[i].number);
	}
	if (rc != 0)
		return fail("event loop", -rc);
	const int keys_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->keys_io = (struct qd_io){.fn = on_keys, .context = s};
	rc = keys_fd < 0 ? -errno : qd_io_add(&s->loop, &s->keys_io, keys_fd, EPOLLIN);
	return rc != 0 ? fail("event loop", -rc) : 0;
}

static int open_lanes(struct qd_server *s)
{
	char text[QD_ADDRESS_TEXT_MAX];
	qd_lanes_init(&s->lanes, &s->loop, on_packet, s);
	for (uint32_t i = 0; i < s->options.address_count; i++) {
		const int rc = qd_lanes_listen(&s->lanes, &s->options.address[i], s->options.port[i]);
		qd_address_format(&s->options.address[i], text, sizeof text);
		if (rc != 0) {
			qd_log(QD_LOG_ERROR, "%s port %u: %s", text, s->options.port[i],
			       strerrordesc_np(-rc));
			return -1;
		}
	}
	return 0;
}

int qd_server_open(struct qd_server *s, const struct qd_server_options *options)
{
	*s = (struct qd_server){.options = *options, .grants = {.dir_fd = -1, .lock_fd = -1, .fd = -1}};
	if (qd_box_init(&s->box) != 0 || open_keys(s) != 0 || open_store(s, s->keys.count) != 0)
		return -1;
	randombytes_buf(s->source_key, sizeof s->source_key);
	while (s->session == 0)
		randombytes_buf(&s->session, sizeof s->session);
	s->started = qd_clock_now();
	void *routes = mmap(NULL, QD_TENANTS_MAX * sizeof *s->route, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	s->route = routes == MAP_FAILED ? NULL : routes;
	if (s->route == NULL || qd_tenants_open(&s->tenants) != 0)
		return fail("clusters", ENOMEM);
	for (uint32_t i = 0; i < s->keys.count; i++)
		serve(s, &s->keys.list[i]);
	/* Signals are blocked before the first thread, so that none of them takes one. */
	if (open_loop(s) != 0)
		return -1;
	const int rc = qd_scribe_start(&s->scribe, &s->grants, QD_TENANTS_MAX);
	if (rc != 0)
		return fail("thread", -rc);
	s->scribe_io = (struct qd_io){.fn = on_written, .context = s};
	if (qd_io_add(&s->loop, &s->scribe_io, s->scribe.event_fd, EPOLLIN) != 0)
		return fail("event loop", ENOMEM);
	if (open_lanes(s) != 0)
		return -1;
	end_reload(s);
	return 0;
}

int qd_server_run(struct qd_server *s)
{
	while (!s->stop) {
		if (s->merging && qd_loop_arm(&s->loop, qd_clock_now()) != 0)
			return -1;
		const int rc = qd_loop_turn(&s->loop);
		if (rc != 0)
			return fail("event loop", -rc);
		if (s->merging)
			merge(s);
		else if (s->reload_again && !s->reading.running)
			begin_reload(s);
		qd_lanes_flush(&s->lanes);
	}
	(void)sd_notify(0, "STOPPING=1");
	return 0;
}

void qd_server_close(struct qd_server *s)
{
	struct qd_keys rest;
	if (s->reading.running && qd_keys_end(&s->reading, &rest) == 0)
		qd_keys_free(&rest);
	qd_keys_free(&s->keys);
	qd_lanes_close(&s->lanes);
	qd_io_remove(&s->scribe_io);
	qd_scribe_stop(&s->scribe); /* what was not answered by now is asked again */
	if (s->grants.dir_fd >= 0)
		qd_grants_close(&s->grants);
	if (s->route != NULL)
		(void)munmap(s->route, QD_TENANTS_MAX * sizeof *s->route);
	qd_tenants_close(&s->tenants);
	if (s->keys_io.loop != NULL) {
		qd_io_remove(&s->keys_io);
		(void)close(s->keys_io.fd);
	}
	qd_signal_remove(&s->terminate);
	qd_signal_remove(&s->interrupt);
	qd_signal_remove(&s->reload);
	qd_loop_close(&s->loop);
}
