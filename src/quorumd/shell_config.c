/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_config.h"

#include "quorumd/conf_start.h"
#include "quorumd/errors.h"
#include "quorumd/kept_trouble.h"
#include "quorumd/shell_identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
	TEXTS_KEPT = 4, /* in force, coming, of the quorum disk, room */
	FETCH_AGAIN_MS = 200,
};

struct text {
	uint8_t digest[QD_DIGEST_BYTES];
	size_t len_bytes; /* 0: none */
	uint64_t used;
	char *bytes; /* QD_BODY_BYTES_MAX */
};

struct qd_shell_config {
	struct qd_conf conf; /* who is where: of the configuration in force */
	struct qd_kept_store *store;
	struct qd_io store_io;
	struct qd_transfer *transfer;
	struct text texts[TEXTS_KEPT];
	uint64_t uses;
	uint32_t served; /* the next slot of the transfer to be replaced */
	/* QD_ACTION_KEEP under way */
	bool open;
	bool writing;
	uint64_t turn;
	uint32_t from;
	uint32_t link;			 /* to ask over next */
	uint32_t tries;			 /* fetches that failed, since the keeping began */
	bool no_text;			 /* it cannot be had */
	uint8_t missed[QD_DIGEST_BYTES]; /* the last of which that was said */
	uint64_t fetch;			 /* under way; 0: none */
	struct qd_mono fetch_at;
	struct qd_kept kept;
	struct qd_kept durable;
	struct qd_kept_trouble trouble;
	bool repeats; /* the last result was a failure that was said before */
	bool changed; /* durable.head.body is not the one that was reported last */
};

/* ------------------------------------------------ texts */

static struct text *find(struct qd_shell_config *c, const uint8_t digest[QD_DIGEST_BYTES])
{
	for (uint32_t i = 0; i < TEXTS_KEPT; i++) {
		struct text *t = &c->texts[i];
		if (t->len_bytes == 0 || memcmp(t->digest, digest, QD_DIGEST_BYTES) != 0)
			continue;
		t->used = ++c->uses;
		return t;
	}
	return NULL;
}

/* The one that was needed longest ago, but neither the one in force nor the one on its way. */
static struct text *room(struct qd_shell_config *c)
{
	struct text *oldest = NULL;
	for (uint32_t i = 0; i < TEXTS_KEPT; i++) {
		struct text *t = &c->texts[i];
		const bool in_force = memcmp(t->digest, c->durable.head.body, QD_DIGEST_BYTES) == 0;
		const bool coming = c->open && memcmp(t->digest, c->kept.head.body, QD_DIGEST_BYTES) == 0;
		if (t->len_bytes != 0 && (in_force || coming))
			continue;
		if (oldest == NULL || t->used < oldest->used)
			oldest = t;
	}
	return oldest;
}

bool qd_shell_config_take(void *config, const uint8_t digest[QD_DIGEST_BYTES], const uint8_t *text,
			  size_t len_bytes)
{
	struct qd_shell_config *c = config;
	uint8_t own[QD_DIGEST_BYTES];
	if (len_bytes == 0 || len_bytes > QD_BODY_BYTES_MAX)
		return false;
	qd_body_digest((const char *)text, len_bytes, own);
	if (memcmp(own, digest, QD_DIGEST_BYTES) != 0)
		return false;
	if (find(c, digest) != NULL)
		return true;
	struct text *t = room(c);
	if (t == NULL)
		return false;
	memcpy(t->bytes, text, len_bytes);
	memcpy(t->digest, digest, QD_DIGEST_BYTES);
	t->len_bytes = len_bytes;
	t->used = ++c->uses;
	if (c->transfer != NULL) /* others may ask for it from now on */
		qd_transfer_put(c->transfer, c->served++ % QD_TRANSFER_BODIES, t->bytes, len_bytes, own);
	return true;
}

bool qd_shell_config_give(void *config, const uint8_t digest[QD_DIGEST_BYTES], uint8_t *text,
			  size_t *len_bytes)
{
	const struct text *t = find(config, digest);
	if (t == NULL)
		return false;
	memcpy(text, t->bytes, t->len_bytes);
	*len_bytes = t->len_bytes;
	return true;
}

/* ------------------------------------------------ keeping */

static void write_kept(struct qd_shell_config *c)
{
	const struct text *t = find(c, c->kept.head.body);
	const bool here = memcmp(c->kept.head.body, c->durable.head.body, QD_DIGEST_BYTES) == 0;
	c->writing = true;
	qd_kept_write_async(c->store, c->turn, &c->kept, here || t == NULL ? NULL : t->bytes,
			    here || t == NULL ? 0 : t->len_bytes);
}

static void fetch(struct qd_shell_config *c, struct qd_mono now)
{
	const struct qd_conf *conf = &c->conf;
	const uint32_t links = conf->network_count;
	if (links == 0 || c->from == 0) {
		c->no_text = true;
		return;
	}
	const uint32_t link = c->link++ % links;
	struct qd_transfer_want want = {
		.peer = c->from,
		.from = conf->nodes[conf->node_id].addresses[link],
		.to = conf->nodes[c->from].addresses[link],
	};
	memcpy(want.question.digest, c->kept.head.body, QD_DIGEST_BYTES);
	c->fetch = qd_transfer_fetch(c->transfer, &want, now);
	c->fetch_at = qd_mono_add(now, qd_span_ms(FETCH_AGAIN_MS));
}

static void on_fetched(void *context, const struct qd_transfer_done *done)
{
	struct qd_shell_config *c = context;
	if (done->id != c->fetch)
		return;
	c->fetch = 0;
	if (done->result == QD_TRANSFER_OK &&
	    qd_shell_config_take(c, done->digest, done->body, done->len_bytes) && c->open && !c->writing)
		write_kept(c);
	else if (++c->tries >= c->conf.network_count)
		c->no_text = true; /* over no network */
}

void qd_shell_config_keep(struct qd_shell_config *c, uint64_t turn, uint32_t from, const struct qd_kept *kept,
			  struct qd_mono now)
{
	qd_assert(!c->open);
	c->open = true;
	c->writing = false;
	c->no_text = false;
	c->tries = 0;
	c->turn = turn;
	c->from = from;
	c->kept = *kept;
	const bool here = memcmp(kept->head.body, c->durable.head.body, QD_DIGEST_BYTES) == 0;
	if (here || find(c, kept->head.body) != NULL)
		write_kept(c);
	else
		fetch(c, now);
}

/* Said once for each: who leads now says the same again and again. */
static void give_up_text(struct qd_shell_config *c, struct qd_event *ev, char *why)
{
	const uint8_t *digest = c->kept.head.body;
	if (memcmp(c->missed, digest, sizeof c->missed) != 0)
		(void)snprintf(why, QD_KEPT_WHY_MAX,
			       "the text of configuration %" PRIu64 ".%" PRIu64
			       " cannot be fetched from node %u over any network: is its TCP port %u open?",
			       c->kept.head.tag.epoch, c->kept.head.tag.version, c->from,
			       c->conf.heartbeat_port);
	memcpy(c->missed, digest, sizeof c->missed);
	c->open = false;
	c->no_text = false;
	ev->kind = QD_EVENT_KEPT;
	ev->u.kept.turn = c->turn;
	ev->u.kept.result = QD_KEEP_NO_TEXT;
}

/* Said once for each reason. */
static void note_trouble(struct qd_shell_config *c, bool ok, char *why)
{
	switch (qd_kept_trouble_note(&c->trouble, ok, why)) {
	case QD_KEPT_NEWS_NONE:
		c->repeats = !ok;
		why[0] = '\0';
		return;
	case QD_KEPT_NEWS_WELL:
		(void)snprintf(why, QD_KEPT_WHY_MAX, "%s: the node's store can be written again",
			       c->conf.state_dir);
		return;
	case QD_KEPT_NEWS_TROUBLE:
		return;
	case QD_KEPT_NEWS_COUNT:
		break;
	}
	QD_UNREACHABLE("news of the node's store");
}

bool qd_shell_config_repeats(const struct qd_shell_config *c)
{
	return c->repeats;
}

const char *qd_shell_config_trouble(const struct qd_shell_config *c)
{
	return c->trouble.failing ? c->trouble.why : "";
}

bool qd_shell_config_next(struct qd_shell_config *c, struct qd_event *ev, char *why)
{
	uint64_t turn = 0;
	bool ok = false;
	why[0] = '\0';
	c->repeats = false;
	if (c->open && c->no_text) {
		give_up_text(c, ev, why);
		return true;
	}
	if (!c->writing || !qd_kept_done(c->store, &turn, &ok, why))
		return false;
	c->open = false;
	c->writing = false;
	note_trouble(c, ok, why);
	if (ok) {
		c->changed =
			c->changed || memcmp(c->durable.head.body, c->kept.head.body, QD_DIGEST_BYTES) != 0;
		c->durable = c->kept;
	}
	ev->kind = QD_EVENT_KEPT;
	ev->u.kept.turn = turn;
	ev->u.kept.result = ok ? QD_KEEP_DURABLE : QD_KEEP_FAILED;
	return true;
}

bool qd_shell_config_changed(struct qd_shell_config *c, struct qd_tag *tag, struct qd_conf_text *text)
{
	const struct text *t = c->changed ? find(c, c->durable.head.body) : NULL;
	if (t == NULL)
		return false;
	c->changed = false;
	*tag = c->durable.head.tag;
	*text = (struct qd_conf_text){.name = "configuration", .text = t->bytes, .len_bytes = t->len_bytes};
	return true;
}

struct qd_mono qd_shell_config_deadline(const struct qd_shell_config *c)
{
	const struct qd_mono d = qd_transfer_deadline(c->transfer);
	return c->open && !c->writing && c->fetch == 0 ? qd_mono_min(d, c->fetch_at) : d;
}

void qd_shell_config_think(struct qd_shell_config *c, struct qd_mono now)
{
	if (qd_mono_reached(now, qd_transfer_deadline(c->transfer)))
		qd_transfer_think(c->transfer, now);
	if (c->open && !c->writing && c->fetch == 0 && qd_mono_reached(now, c->fetch_at))
		fetch(c, now);
}

struct qd_kept_store *qd_shell_config_store(struct qd_shell_config *c)
{
	return c->store;
}

struct qd_transfer *qd_shell_config_transfer(struct qd_shell_config *c)
{
	return c->transfer;
}

void qd_shell_config_configure(struct qd_shell_config *c, const struct qd_conf *conf, struct qd_mono now)
{
	struct qd_address local[QD_LINKS_MAX] = {0};
	for (uint32_t l = 0; l < conf->network_count; l++)
		local[l] = conf->nodes[conf->node_id].addresses[l];
	c->conf = *conf;
	qd_transfer_set_peers(c->transfer, conf->members);
	qd_transfer_configure(c->transfer, local, now);
}

/* ------------------------------------------------ beginning */

/* The body that the kept head names, if there is one. 0, or an error and why. *text is the caller's to free. */
static int kept_text(const char *state_dir, struct qd_tag *tag, char **text, size_t *len_bytes, char *why)
{
	struct qd_head head;
	struct qd_bodies *bodies = NULL;
	*text = NULL;
	int rc = qd_kept_peek(state_dir, &head, why);
	if (rc != 0)
		return rc == -QD_ERR_NOT_FOUND ? 0 : rc;
	bodies = calloc(1, sizeof *bodies);
	*text = malloc(QD_BODY_BYTES_MAX);
	rc = bodies == NULL || *text == NULL ? -QD_ERR_NOMEM : qd_bodies_open(bodies, state_dir, why);
	if (rc == 0)
		rc = qd_bodies_read(bodies, head.body, *text, QD_BODY_BYTES_MAX, len_bytes, why);
	free(bodies);
	*tag = head.tag;
	if (rc != 0) {
		free(*text);
		*text = NULL;
	}
	return rc;
}

int qd_shell_config_load(const char *file, struct qd_conf *conf, struct qd_conf_messages *messages)
{
	struct qd_conf_origin origin;
	const int rc = qd_conf_start(file, conf, &origin, messages);
	free(origin.body.text);
	return rc;
}

/* The body of the machine's own file: what a new store begins with. */
static int first_body(const char *file, struct qd_conf_body *body, char *why)
{
	static struct qd_conf_messages messages;
	struct qd_conf_text whole = {.name = file};
	char *text = NULL;
	if (qd_conf_read_file(file, &text, &whole.len_bytes) != 0) {
		(void)snprintf(why, QD_KEPT_WHY_MAX, "%s: it cannot be read again", file);
		return -QD_ERR_IO;
	}
	whole.text = text;
	const int rc = qd_conf_body_split(&whole, body, &messages);
	free(text);
	if (rc != 0)
		(void)snprintf(why, QD_KEPT_WHY_MAX, "%s", messages.count > 0 ? messages.text[0] : file);
	return rc;
}

static int fill_options(const char *file, const struct qd_conf *conf, struct qd_kept_options *o,
			struct qd_head *head, struct qd_conf_body *body, char *why)
{
	uint8_t boot[QD_QDISK_ID_BYTES];
	struct qd_keyfile keys;
	*o = (struct qd_kept_options){.state_dir = conf->state_dir, .node_id = conf->node_id};
	int rc = qd_identity_read(conf, o->machine_id, boot, why, QD_KEPT_WHY_MAX);
	if (rc == 0)
		rc = qd_keyfile_read(conf->key_file, &keys, why);
	if (rc != 0)
		return rc;
	memcpy(o->cluster_id, keys.cluster, sizeof o->cluster_id);
	qd_keyfile_wipe(&keys);
	rc = first_body(file, body, why);
	if (rc != 0)
		return rc;
	memset(head, 0, sizeof *head);
	head->tag.version = 1;
	qd_conf_votes(conf, &head->votes);
	qd_body_digest(body->text, body->len_bytes, head->body);
	o->first = head;
	o->first_body = body->text;
	o->first_body_bytes = body->len_bytes;
	return 0;
}

int qd_shell_config_create(const char *file, const struct qd_conf *conf, char *why)
{
	struct qd_kept_options options;
	struct qd_head head;
	struct qd_conf_body body = {0};
	int rc = fill_options(file, conf, &options, &head, &body, why);
	if (rc == 0)
		rc = qd_kept_create(&options, why);
	free(body.text);
	return rc;
}

static int set_keys(struct qd_shell_config *c, const struct qd_conf *conf, char *why)
{
	struct qd_keyfile keys;
	struct qd_transfer_key list[QD_KEYFILE_SLOTS];
	int rc = qd_keyfile_read(conf->key_file, &keys, why);
	if (rc != 0)
		return rc;
	/* The one to ask with comes first. */
	const uint32_t send = qd_keyfile_send_slot(&keys);
	uint32_t count = 0;
	for (uint32_t i = 0; i < keys.count; i++) {
		const uint32_t slot = (send + i) % keys.count;
		list[count].number = keys.slot[slot].number;
		memcpy(list[count++].key, keys.slot[slot].key, QD_TRANSFER_KEY_BYTES);
	}
	qd_transfer_set_keys(c->transfer, list, count);
	qd_transfer_set_peers(c->transfer, conf->members & ~qd_set_of(conf->node_id));
	explicit_bzero(list, sizeof list);
	qd_keyfile_wipe(&keys);
	return 0;
}

static void on_store(void *context, int fd, uint32_t events)
{
	(void)context; /* the turn asks whether something is done */
	(void)fd;
	(void)events;
}

static int open_transfer(struct qd_shell_config *c, struct qd_loop *loop, const struct qd_conf *conf,
			 char *why)
{
	struct qd_transfer_config config = {.node_id = conf->node_id, .port = (uint16_t)conf->heartbeat_port};
	for (uint32_t l = 0; l < conf->network_count; l++)
		config.local[l] = conf->nodes[conf->node_id].addresses[l];
	c->transfer = qd_transfer_open(loop, &config, on_fetched, c);
	if (c->transfer == NULL) {
		(void)snprintf(why, QD_KEPT_WHY_MAX, "the transfer of configurations: no memory");
		return -QD_ERR_NOMEM;
	}
	return set_keys(c, conf, why);
}

/* The text that is in force, into memory and to whoever asks. */
static int load_text(struct qd_shell_config *c, const struct qd_conf *conf, char *why)
{
	struct qd_tag tag;
	char *text = NULL;
	size_t len = 0;
	int rc = kept_text(conf->state_dir, &tag, &text, &len, why);
	if (rc == 0 && text != NULL)
		(void)qd_shell_config_take(c, c->durable.head.body, (const uint8_t *)text, len);
	free(text);
	return rc;
}

int qd_shell_config_open(struct qd_loop *loop, const char *file, const struct qd_conf *conf,
			 struct qd_shell_config **out, struct qd_kept *kept, char *why)
{
	struct qd_shell_config *c = calloc(1, sizeof *c);
	struct qd_kept_options options;
	struct qd_head head;
	struct qd_conf_body body = {0};
	enum qd_kept_found found;
	char trouble[QD_KEPT_WHY_MAX] = "";
	*out = NULL;
	why[0] = '\0';
	if (c == NULL)
		return -QD_ERR_NOMEM;
	c->conf = *conf;
	int rc = 0;
	for (uint32_t i = 0; i < TEXTS_KEPT; i++) {
		c->texts[i].bytes = malloc(QD_BODY_BYTES_MAX);
		rc = c->texts[i].bytes == NULL ? -QD_ERR_NOMEM : rc;
	}
	if (rc == 0)
		rc = fill_options(file, conf, &options, &head, &body, why);
	if (rc == 0)
		rc = qd_kept_open(&options, &c->store, &c->durable, &found, why);
	free(body.text);
	if (rc == 0)
		rc = open_transfer(c, loop, conf, trouble);
	if (rc == 0)
		rc = load_text(c, conf, trouble);
	if (rc == 0) {
		c->store_io = (struct qd_io){.fn = on_store, .context = c};
		rc = qd_io_add(loop, &c->store_io, qd_kept_fd(c->store), EPOLLIN) < 0 ? -QD_ERR_IO : 0;
	}
	if (rc != 0) {
		if (trouble[0] != '\0')
			(void)snprintf(why, QD_KEPT_WHY_MAX, "%s", trouble);
		qd_shell_config_close(c);
		return rc;
	}
	*kept = c->durable;
	*out = c;
	return 0;
}

void qd_shell_config_close(struct qd_shell_config *c)
{
	if (c == NULL)
		return;
	qd_io_remove(&c->store_io);
	if (c->store != NULL)
		qd_kept_close(c->store);
	qd_transfer_close(c->transfer);
	for (uint32_t i = 0; i < TEXTS_KEPT; i++)
		free(c->texts[i].bytes);
	free(c);
}

int qd_shell_config_rekey(struct qd_shell_config *c, const struct qd_conf *conf, char *why)
{
	c->conf = *conf;
	return set_keys(c, conf, why);
}
