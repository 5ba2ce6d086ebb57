/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control_forward.h"

#include "base/assert.h"
#include "quorumd/conf_body.h"
#include "quorumd/control_wire.h"
#include "quorumd/errors.h"

#include <stdlib.h>
#include <string.h>

/* What the words of a request say; its digest is that of the new configuration. */
struct words {
	enum qd_control_ask ask;
	uint32_t to;
	struct qd_tag from;
};

/* A question on its way to another node: over one network after the other, until one takes it. */
struct way {
	uint64_t fetch; /* 0: none */
	uint32_t peer;
	uint32_t link;
	struct qd_transfer_question question;
};

struct qd_forward {
	struct qd_forward_config config;
	struct way out; /* the request of an operator of this node, to the leader */
	/* of another node's operator, here */
	uint64_t number; /* of the connection that waits; 0: none */
	struct words words;
	struct way text; /* the new configuration, from who asks */
};

/* ------------------------------------------------ words and replies */

static void walk_words(struct qd_fields *f, struct words *w)
{
	qd_wire_version(f);
	w->ask = (enum qd_control_ask)qd_field_below(f, (uint32_t)w->ask, QD_ASK_COUNT);
	qd_field_u32(f, &w->to);
	qd_wire_tag(f, &w->from);
}

static bool read_words(const uint8_t from[QD_TRANSFER_WORDS], struct words *w)
{
	struct qd_fields f = qd_fields_reading(from, QD_TRANSFER_WORDS);
	*w = (struct words){0};
	walk_words(&f, w);
	return !f.invalid && !f.r.failed && (w->ask == QD_ASK_CHANGE || w->ask == QD_ASK_HANDOVER);
}

static void walk_reply(struct qd_fields *f, struct qd_control_reply *r)
{
	qd_wire_version(f);
	qd_wire_reply(f, r);
}

size_t qd_forward_reply_encode(const struct qd_control_reply *reply, uint8_t to[QD_TRANSFER_ANSWER_MAX])
{
	struct qd_control_reply copy = *reply;
	struct qd_fields f = qd_fields_writing(to, QD_TRANSFER_ANSWER_MAX);
	walk_reply(&f, &copy);
	return qd_fields_written(&f);
}

bool qd_forward_reply_decode(const uint8_t *data, size_t len_bytes, struct qd_control_reply *out)
{
	struct qd_fields f = qd_fields_reading(data, len_bytes);
	*out = (struct qd_control_reply){0};
	walk_reply(&f, out);
	return qd_fields_read_all(&f);
}

/* ------------------------------------------------ ways */

static const char *name_of(const struct qd_forward *f, uint32_t id)
{
	return f->config.conf->nodes[id].name;
}

/* Over the network `link`. False: there is none, or no fetch can begin. */
static bool go(struct qd_forward *f, struct way *w, qd_transfer_done_fn *done)
{
	const struct qd_conf *conf = f->config.conf;
	if (w->link >= conf->network_count)
		return false;
	const struct qd_transfer_want want = {
		.peer = w->peer,
		.from = conf->nodes[conf->node_id].addresses[w->link],
		.to = conf->nodes[w->peer].addresses[w->link],
		.question = w->question,
		.done = done,
		.context = f,
	};
	w->fetch = qd_transfer_fetch(f->config.transfer, &want, qd_clock_now());
	return w->fetch != 0;
}

/* ------------------------------------------------ this node's operator */

static void give_up(struct qd_forward *f, const char *why, bool asked)
{
	const uint32_t peer = f->out.peer;
	f->out = (struct way){0};
	if (asked)
		qd_control_server_refuse(f->config.control, QD_REPLY_FAILED,
					 "node %s, which led, was asked and has not answered: %s; what was "
					 "asked may be done all the same: look before you ask again",
					 name_of(f, peer), why);
	else
		qd_control_server_refuse(f->config.control, QD_REPLY_FAILED,
					 "node %s, which leads, cannot be asked: %s", name_of(f, peer), why);
}

/* With the name of who answers, where there is something to say. */
static void pass_on(struct qd_forward *f, const struct qd_control_reply *r)
{
	const uint32_t peer = f->out.peer;
	f->out = (struct way){0};
	if (r->why[0] == '\0')
		qd_control_server_reply(f->config.control, r->reply);
	else
		qd_control_server_refuse(f->config.control, r->reply, "node %s, which leads: %s",
					 name_of(f, peer), r->why);
}

static void on_answer(void *context, const struct qd_transfer_done *done)
{
	struct qd_forward *f = context;
	struct qd_control_reply reply;
	if (done->id != f->out.fetch)
		return;
	if (done->result != QD_TRANSFER_OK && !done->asked) {
		f->out.link++;
		if (!go(f, &f->out, on_answer))
			give_up(f, qd_transfer_result_text(done->result), false);
		return;
	}
	if (done->result != QD_TRANSFER_OK)
		give_up(f, qd_transfer_result_text(done->result), true);
	else if (!qd_forward_reply_decode(done->body, done->len_bytes, &reply))
		give_up(f, "it speaks another version of quorumd", true);
	else
		pass_on(f, &reply);
}

/* The leader of the view, when that is another node; 0. */
static uint32_t leader_elsewhere(const struct qd_forward *f)
{
	const struct qd_cluster *c = &f->config.node->cluster;
	const struct qd_view *v = &c->kept.installed;
	return c->state == QD_CLUSTER_MEMBER && v->epoch != 0 ? qd_epoch_node(v->epoch) : 0;
}

static bool ask_leader(struct qd_forward *f, const struct words *words, const uint8_t *digest)
{
	struct words copy = *words;
	const uint32_t leader = leader_elsewhere(f);
	/* What another node asked for is answered here, whatever this node has become. */
	if (leader == 0 || f->number != 0)
		return false;
	f->out = (struct way){.peer = leader, .question = {.request = true}};
	struct qd_fields fields = qd_fields_writing(f->out.question.words, QD_TRANSFER_WORDS);
	walk_words(&fields, &copy);
	qd_assert(qd_fields_written(&fields) > 0);
	if (digest != NULL)
		memcpy(f->out.question.digest, digest, QD_DIGEST_BYTES);
	if (!go(f, &f->out, on_answer))
		give_up(f, "other transfers are under way: ask again", false);
	return true;
}

bool qd_forward_change(struct qd_forward *f, struct qd_tag from, const uint8_t digest[QD_DIGEST_BYTES])
{
	return ask_leader(f, &(struct words){.ask = QD_ASK_CHANGE, .from = from}, digest);
}

bool qd_forward_handover(struct qd_forward *f, uint32_t to)
{
	return ask_leader(f, &(struct words){.ask = QD_ASK_HANDOVER, .to = to}, NULL);
}

/* ------------------------------------------------ another node's operator */

static void answer(struct qd_forward *f, uint64_t number, const struct qd_control_reply *reply)
{
	uint8_t bytes[QD_TRANSFER_ANSWER_MAX];
	const size_t len = qd_forward_reply_encode(reply, bytes);
	qd_assert(len > 0);
	qd_transfer_answer(f->config.transfer, number, bytes, len);
}

static void on_reply(void *context, const struct qd_control_reply *reply)
{
	struct qd_forward *f = context;
	const uint64_t number = f->number;
	f->number = 0;
	answer(f, number, reply);
}

static void on_text(void *context, const struct qd_transfer_done *done)
{
	struct qd_forward *f = context;
	if (done->id != f->text.fetch)
		return;
	f->text.fetch = 0;
	if (done->result == QD_TRANSFER_OK && done->len_bytes > 0 && done->len_bytes <= QD_BODY_BYTES_MAX) {
		qd_operator_change(f->config.operator, f->words.from, (const char *)done->body,
				   done->len_bytes);
		return;
	}
	f->text.link++;
	if (done->result == QD_TRANSFER_OK || !go(f, &f->text, on_text))
		qd_control_server_refuse(f->config.control, QD_REPLY_FAILED,
					 "the new configuration cannot be fetched from node %s: %s",
					 name_of(f, f->text.peer), qd_transfer_result_text(done->result));
}

static void begin(struct qd_forward *f, const struct qd_transfer_asked *asked)
{
	if (f->words.ask == QD_ASK_HANDOVER) {
		f->config.handover(f->config.context, f->words.to);
		return;
	}
	f->text = (struct way){.peer = asked->from};
	memcpy(f->text.question.digest, asked->question->digest, QD_DIGEST_BYTES);
	if (!go(f, &f->text, on_text))
		qd_control_server_refuse(f->config.control, QD_REPLY_BUSY,
					 "other transfers are under way: ask again");
}

static void on_asked(void *context, const struct qd_transfer_asked *asked)
{
	struct qd_forward *f = context;
	struct qd_control_reply reply = {.reply = QD_REPLY_FAILED};
	struct words words;
	if (!read_words(asked->question->words, &words)) {
		(void)snprintf(reply.why, sizeof(reply.why),
			       "the two nodes have different versions of quorumd");
	} else if (f->config.node->cluster.state != QD_CLUSTER_LEADING) {
		reply.reply = QD_REPLY_NO_VIEW;
	} else if (!qd_control_server_take(f->config.control, words.ask, on_reply, f)) {
		reply.reply = QD_REPLY_BUSY;
		(void)snprintf(reply.why, sizeof(reply.why),
			       "another operator's request is under way: ask again when it is done");
	} else {
		f->number = asked->number;
		f->words = words;
		begin(f, asked);
		return;
	}
	answer(f, asked->number, &reply);
}

/* ------------------------------------------------ from outside */

void qd_forward_think(struct qd_forward *f)
{
	if (f->out.fetch == 0 || qd_set_has(f->config.node->cluster.hears, f->out.peer))
		return;
	qd_transfer_cancel(f->config.transfer, f->out.fetch);
	give_up(f, "it is not heard any more", true);
}

int qd_forward_open(const struct qd_forward_config *config, struct qd_forward **out)
{
	struct qd_forward *f = calloc(1, sizeof(*f));
	*out = f;
	if (f == NULL)
		return -QD_ERR_NOMEM;
	f->config = *config;
	qd_transfer_take_requests(config->transfer, on_asked, f);
	return 0;
}

void qd_forward_close(struct qd_forward *f)
{
	if (f == NULL)
		return;
	qd_transfer_take_requests(f->config.transfer, NULL, NULL);
	free(f);
}
