/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control_operator.h"

#include "base/assert.h"
#include "quorumd/conf_body.h"
#include "quorumd/control_overtaken.h"
#include "quorumd/errors.h"

#include <stdlib.h>
#include <string.h>

struct qd_operator {
	struct qd_operator_config config;
	uint64_t turn;
	enum qd_body_job_kind open; /* NONE: no job is under way */
	struct qd_tag from;
	struct qd_votes votes; /* QD_EVENT_CHANGE points to them */
	uint8_t digest[QD_DIGEST_BYTES];
	size_t len_bytes;
	char *text; /* QD_BODY_BYTES_MAX */
	struct qd_conf fresh;
	struct qd_conf_messages messages;
	/* the change that the core has */
	bool changing;
	uint8_t change[QD_DIGEST_BYTES];
	uint64_t change_epoch; /* of the view that it was begun in */
	bool overtaken;	       /* a new view came in between: what is in force is looked at until */
	struct qd_mono overtaken_until;
};

enum { OVERTAKEN_TAKEOVERS = 2 }; /* the new view, and one more in case it comes to nothing */

int qd_operator_open(const struct qd_operator_config *config, struct qd_operator **out)
{
	struct qd_operator *o = calloc(1, sizeof(*o));
	*out = NULL;
	if (o == NULL)
		return -QD_ERR_NOMEM;
	o->config = *config;
	o->text = malloc(QD_BODY_BYTES_MAX);
	if (o->text == NULL) {
		free(o);
		return -QD_ERR_NOMEM;
	}
	*out = o;
	return 0;
}

void qd_operator_close(struct qd_operator *o)
{
	if (o == NULL)
		return;
	free(o->text);
	free(o);
}

static void begin(struct qd_operator *o, struct qd_body_job *job)
{
	qd_assert(o->open == QD_BODY_JOB_NONE && qd_kept_body_idle(o->config.store));
	job->turn = ++o->turn;
	o->open = job->kind;
	qd_kept_body_async(o->config.store, job);
}

/* ------------------------------------------------ change */

/* One address that stays, and it is the same one. */
static bool same_witness(const struct qd_conf *a, const struct qd_conf *b)
{
	if (!qd_conf_has_witness(a) || a->witness_share[0] != '\0' || b->witness_share[0] != '\0')
		return strcmp(a->witness_share, b->witness_share) == 0;
	for (uint32_t i = 0; i < a->witness_count; i++)
		for (uint32_t k = 0; k < b->witness_count; k++)
			if (strcmp(a->witness[i].text, b->witness[k].text) == 0)
				return true;
	return false;
}

/* A node that misses the change would ask the old one, and get its vote. */
static bool keeps_witness(struct qd_operator *o)
{
	const struct qd_head *head = &o->config.node->cluster.kept.head;
	if ((qd_head_extras(head) & QD_EXTRA_WITNESS) == 0 || same_witness(o->config.conf, &o->fresh))
		return true;
	qd_control_server_refuse(
		o->config.control, QD_REPLY_INVALID,
		"the witness cannot become another one while its vote counts, for then there "
		"would be two: first quorum set --model node_majority, then this change, "
		"then the model again");
	return false;
}

/* The text goes with this machine's own keys, and is of a cluster. False: refused, with the reason. */
static bool is_good(struct qd_operator *o, const struct qd_conf_text *body)
{
	const int rc = qd_conf_load_merged(o->config.conf_file, body, &o->fresh, &o->messages);
	const struct qd_conf *conf = o->config.conf;
	explicit_bzero(&o->fresh.chap, sizeof(o->fresh.chap));
	if (rc != 0 && o->fresh.members != 0 && !qd_set_has(o->fresh.members, conf->node_id))
		qd_control_server_refuse(
			o->config.control, QD_REPLY_INVALID,
			"node %s leads, and the new configuration has none of that id: stop quorumd there "
			"first, or let another node lead (quorumctl handover), then ask again on one that "
			"stays",
			conf->nodes[conf->node_id].name);
	else if (rc != 0)
		qd_control_server_refuse(o->config.control, QD_REPLY_INVALID, "%s",
					 o->messages.count > 0 ? o->messages.text[0] : "out of memory");
	else if (!o->fresh.has_cluster)
		qd_control_server_refuse(
			o->config.control, QD_REPLY_INVALID,
			"the nodes have no addresses in it: a cluster cannot be turned into one "
			"that has none; stop it first");
	return rc == 0 && o->fresh.has_cluster;
}

void qd_operator_change(struct qd_operator *o, struct qd_tag from, const char *text, size_t len_bytes)
{
	qd_assert(len_bytes > 0 && len_bytes <= QD_BODY_BYTES_MAX);
	memcpy(o->text, text, len_bytes);
	o->len_bytes = len_bytes;
	o->from = from;
	const struct qd_conf_text body = {
		.name = "new configuration", .text = o->text, .len_bytes = len_bytes};
	if (!is_good(o, &body) || !keeps_witness(o))
		return;
	qd_conf_votes(&o->fresh, &o->votes);
	struct qd_body_job job = {.kind = QD_BODY_JOB_PUT, .text = o->text, .text_bytes = len_bytes};
	begin(o, &job);
}

/* It is durable here: the core has its say, and its reply goes to who asked. */
static void put_done(struct qd_operator *o, const struct qd_body_result *r)
{
	struct qd_event ev = {.kind = QD_EVENT_CHANGE};
	if (!o->config.take(o->config.texts, r->digest, (const uint8_t *)o->text, o->len_bytes)) {
		qd_control_server_refuse(o->config.control, QD_REPLY_BUSY,
					 "other configurations are on their way: ask again");
		return;
	}
	if (o->config.forward(o->config.context, o->from, r->digest))
		return;
	ev.u.change.from = o->from;
	ev.u.change.votes = &o->votes;
	memcpy(ev.u.change.body, r->digest, sizeof(ev.u.change.body));
	memcpy(o->change, r->digest, sizeof(o->change));
	o->change_epoch = o->config.node->cluster.kept.installed.epoch;
	o->changing = true;
	o->config.post(o->config.context, &ev);
}

bool qd_operator_replied(struct qd_operator *o, enum qd_reply reply, struct qd_mono now)
{
	const bool overtaken = o->changing && reply == QD_REPLY_FAILED;
	o->changing = false;
	if (!overtaken)
		return false;
	struct qd_span limit = QD_SPAN_ZERO;
	for (uint32_t i = 0; i < OVERTAKEN_TAKEOVERS; i++)
		limit = qd_span_add(limit, o->config.node->config.times.takeover);
	o->overtaken = true;
	o->overtaken_until = qd_mono_add(now, limit);
	return true;
}

static void think_overtaken(struct qd_operator *o, struct qd_mono now)
{
	const struct qd_cluster *c = &o->config.node->cluster;
	const enum qd_overtaken is = qd_overtaken_judge(c, o->change_epoch, o->change);
	if (is == QD_OVERTAKEN_UNKNOWN && qd_mono_before(now, o->overtaken_until))
		return;
	o->overtaken = false;
	if (is == QD_OVERTAKEN_DONE)
		qd_control_server_reply(o->config.control, QD_REPLY_DONE);
	else
		qd_control_server_refuse(o->config.control, QD_REPLY_FAILED,
					 "a new view came in between, and %s: quorumctl config history says "
					 "whether the change "
					 "is in force; ask again if it is not",
					 is == QD_OVERTAKEN_OTHER ? "another configuration is in force in it"
								  : "none has shown yet what is in force");
}

struct qd_mono qd_operator_deadline(const struct qd_operator *o)
{
	return o->overtaken ? o->overtaken_until : QD_NEVER;
}

void qd_operator_force(struct qd_operator *o, uint64_t unix_s)
{
	struct qd_event ev = {.kind = QD_EVENT_FORCE};
	ev.u.force.unix_s = unix_s;
	o->config.post(o->config.context, &ev);
}

/* ------------------------------------------------ reading */

static const struct qd_head *head_of(const struct qd_operator *o)
{
	return &o->config.node->cluster.kept.head;
}

void qd_operator_get_config(struct qd_operator *o, const uint8_t digest[QD_DIGEST_BYTES])
{
	static const uint8_t in_force[QD_DIGEST_BYTES];
	memcpy(o->digest, memcmp(digest, in_force, QD_DIGEST_BYTES) == 0 ? head_of(o)->body : digest,
	       QD_DIGEST_BYTES);
	struct qd_body_job job = {.kind = QD_BODY_JOB_GET, .to = o->text, .cap_bytes = QD_BODY_BYTES_MAX};
	memcpy(job.digest, o->digest, sizeof(job.digest));
	begin(o, &job);
}

static void get_done(struct qd_operator *o, const struct qd_body_result *r)
{
	struct qd_control_config config = {
		.tag = head_of(o)->tag,
		.in_force = memcmp(o->digest, head_of(o)->body, QD_DIGEST_BYTES) == 0,
	};
	memcpy(config.digest, o->digest, sizeof(config.digest));
	qd_control_server_config(o->config.control, &config, o->text, r->body_bytes);
}

void qd_operator_history(struct qd_operator *o)
{
	struct qd_body_job job = {.kind = QD_BODY_JOB_HISTORY};
	begin(o, &job);
}

void qd_operator_think(struct qd_operator *o, struct qd_mono now)
{
	if (o->overtaken)
		think_overtaken(o, now);
	const struct qd_body_result *r = qd_kept_body_done(o->config.store);
	if (r == NULL)
		return;
	qd_assert(r->turn == o->turn);
	const enum qd_body_job_kind kind = o->open;
	o->open = QD_BODY_JOB_NONE;
	if (r->status != 0) {
		qd_control_server_refuse(o->config.control, QD_REPLY_FAILED, "%s", r->why);
		return;
	}
	switch (kind) {
	case QD_BODY_JOB_PUT:
		put_done(o, r);
		return;
	case QD_BODY_JOB_GET:
		get_done(o, r);
		return;
	case QD_BODY_JOB_HISTORY:
		qd_control_server_history(o->config.control, r->history, r->count);
		return;
	case QD_BODY_JOB_NONE:
	case QD_BODY_JOB_COUNT:
		break;
	}
	QD_UNREACHABLE("a job that was not begun");
}
