/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/share_lock.h"

#include "codec/qdisk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Names: numbers are hexadecimal and of full width, so that a sorted listing shows the newest one last.
 *   store-INODE-BIRTH     a quorate leader has confirmed this very directory; holds the least epoch that is granted
 *   grant-EPOCH           never overwritten
 *   free-EPOCH            the lock of that epoch is free
 *   tag-EPOCH-VERSION     of the configuration, with its digest
 *   beat-NODE             rewritten by its node with every renewal
 *   new-NODE              of this node, until it is linked to its lasting name */
#define NAME_STORE "store-%016" PRIx64 "-%016" PRIx64
#define NAME_GRANT "grant-%016" PRIx64
#define NAME_FREE "free-%016" PRIx64
#define NAME_TAG "tag-%016" PRIx64 "-%016" PRIx64
#define NAME_BEAT "beat-%02u"
#define NAME_NEW "new-%02u"

enum {
	NS_PER_S = 1000000000,
	TELL_TWIN_S = 600,
};

/* What the directory says now. */
struct look {
	uint64_t inode, birth_ns;
	bool confirmed;
	uint64_t grant; /* highest; 0: none */
	bool freed;	/* that one */
	uint64_t floor; /* nothing is granted up to it */
	struct qd_tag tag;
	struct qd_tag tag_before; /* the next lower one */
	uint64_t beats;		  /* nodes that have a file */
	uint64_t freed_epoch;
	uint64_t grants_found;
	uint64_t grant_lowest;
	/* read from the files */
	uint32_t holder;
	uint64_t incarnation;
	uint64_t challenge_ns;
	uint8_t digest[QD_DIGEST_BYTES];
	int error;
};

/* ------------------------------------------------ names */

static bool hex_at(const char *text, uint64_t *value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < 16; i++) {
		const char c = text[i];
		const bool digit = c >= '0' && c <= '9';
		if (!digit && (c < 'a' || c > 'f'))
			return false;
		v = v << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
	}
	*value = v;
	return true;
}

/* "prefix" and one or two numbers, and nothing behind. */
static bool name_is(const char *name, const char *prefix, uint64_t *a, uint64_t *b)
{
	const size_t len = strlen(prefix);
	if (strncmp(name, prefix, len) != 0 || !hex_at(name + len, a))
		return false;
	if (b == NULL)
		return name[len + 16] == '\0';
	return name[len + 16] == '-' && hex_at(name + len + 17, b) && name[len + 33] == '\0';
}

static void on_name(void *context, const char *name)
{
	struct look *k = context;
	uint64_t a = 0, b = 0;
	if (name_is(name, "grant-", &a, NULL)) {
		k->grant_lowest = k->grants_found++ == 0 || a < k->grant_lowest ? a : k->grant_lowest;
		k->grant = a > k->grant ? a : k->grant;
	} else if (name_is(name, "free-", &a, NULL)) {
		k->freed_epoch = a > k->freed_epoch ? a : k->freed_epoch;
	} else if (name_is(name, "store-", &a, &b)) {
		k->confirmed = k->confirmed || (a == k->inode && b == k->birth_ns);
	} else if (name_is(name, "tag-", &a, &b)) {
		const struct qd_tag tag = {.epoch = a, .version = b};
		if (qd_tag_compare(tag, k->tag) > 0) {
			k->tag_before = k->tag;
			k->tag = tag;
		} else if (qd_tag_compare(tag, k->tag_before) > 0) {
			k->tag_before = tag;
		}
	} else if (strlen(name) == 7 && strncmp(name, "beat-", 5) == 0 && name[5] >= '0' && name[5] <= '9' &&
		   name[6] >= '0' && name[6] <= '9') {
		const unsigned node = (unsigned)(name[5] - '0') * 10 + (unsigned)(name[6] - '0');
		k->beats |= node >= 1 && node <= QD_NODES_MAX ? qd_set_of(node) : 0;
	}
}

/* ------------------------------------------------ files */

/* For people: what failed last. A name that is there already has been lost to another node, which is no failure. */
static int failed(struct qd_share_lock *l, const char *name, int rc)
{
	if (rc < 0 && rc != -EEXIST)
		(void)snprintf(l->why, sizeof l->why, "%s/%s: %s", l->dir, name, strerrordesc_np(-rc));
	return rc;
}

static int read_grant(struct qd_share_lock *l, const char *name, struct qd_witness_grant *g)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	const int n = l->files->read(l->dir, name, sector, sizeof sector);
	if (n < 0)
		return failed(l, name, n);
	const enum qd_witness_sector verdict = qd_witness_grant_decode(sector, (size_t)n, g);
	const bool own = memcmp(g->cluster, l->cluster, sizeof g->cluster) == 0;
	if (verdict == QD_WITNESS_SECTOR_OK && own)
		return 0;
	(void)snprintf(l->why, sizeof l->why, "%s/%s: %s", l->dir, name,
		       verdict == QD_WITNESS_SECTOR_OK
			       ? "another cluster's: move the directory away, and make a new one"
			       : "damaged: move the directory away, and make a new one");
	return -EBADMSG;
}

/* The same of a file that never changes. Each reading is a way to the share and back. */
static int read_once(struct qd_share_lock *l, const struct look *k, int which, const char *name,
		     struct qd_witness_record *r)
{
	struct qd_share_read *read = &l->read[which];
	struct qd_witness_grant g;
	if (l->inode != k->inode || l->birth_ns != k->birth_ns)
		memset(l->read, 0, sizeof l->read);
	l->inode = k->inode;
	l->birth_ns = k->birth_ns;
	if (strcmp(read->name, name) != 0) {
		const int rc = read_grant(l, name, &g);
		if (rc != 0)
			return rc;
		(void)snprintf(read->name, sizeof read->name, "%s", name);
		read->record = g.record;
	}
	*r = read->record;
	return 0;
}

static int create(struct qd_share_lock *l, const char *name, const struct qd_witness_record *r)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	char own[QD_SHARE_NAME_MAX];
	struct qd_witness_grant g = {.sequence = 1, .beat = l->beat, .record = *r};
	memcpy(g.cluster, l->cluster, sizeof g.cluster);
	qd_witness_grant_encode(&g, sector);
	(void)snprintf(own, sizeof own, NAME_NEW, l->node);
	return failed(l, name, l->files->create(l->dir, name, own, sector, sizeof sector));
}

static uint64_t lasts_ns(const struct qd_witness_request *q)
{
	return q->challenge_ns < QD_WITNESS_CHALLENGE_MAX_NS ? q->challenge_ns : QD_WITNESS_CHALLENGE_MAX_NS;
}

/* The own file. `holds`: rights of this node may count on this witness. */
static int beat(struct qd_share_lock *l, const struct qd_witness_request *q, bool holds)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	char name[QD_SHARE_NAME_MAX];
	struct qd_witness_grant g = {
		.sequence = 1,
		.beat = ++l->beat,
		.record = {.epoch = q->epoch,
			   .holder = holds ? l->node : 0,
			   .incarnation = q->incarnation,
			   .challenge_ns = lasts_ns(q)},
	};
	memcpy(g.cluster, l->cluster, sizeof g.cluster);
	qd_witness_grant_encode(&g, sector);
	(void)snprintf(name, sizeof name, NAME_BEAT, l->node);
	return failed(l, name, l->files->write(l->dir, name, sector, sizeof sector));
}

/* A beat that cannot be read is being written now, or was cut short by a death: as good as a new one. A release that comes
 * late, of an earlier epoch or of an earlier start of its node, releases nothing of what was granted since. */
static void look_at_beat(struct qd_share_lock *l, uint32_t node)
{
	struct qd_share_sight *s = &l->sight[node - 1];
	struct qd_witness_grant g = {0};
	char name[QD_SHARE_NAME_MAX];
	(void)snprintf(name, sizeof name, NAME_BEAT, node);
	const bool good = read_grant(l, name, &g) == 0;
	const bool same = good && s->there && s->epoch == g.record.epoch &&
			  s->incarnation == g.record.incarnation && s->beat == g.beat;
	if (!same)
		*s = (struct qd_share_sight){.there = true,
					     .epoch = g.record.epoch,
					     .incarnation = g.record.incarnation,
					     .beat = g.beat,
					     .granted = s->granted,
					     .challenge_ns = good ? g.record.challenge_ns : s->challenge_ns,
					     .since = l->files->now()};
	s->over = good && g.record.holder == 0 && g.record.epoch >= s->granted;
}

static int read_names(struct qd_share_lock *l, struct look *k)
{
	*k = (struct look){0};
	int rc = l->files->identify(l->dir, &k->inode, &k->birth_ns);
	if (rc == 0)
		rc = l->files->list(l->dir, on_name, k);
	return failed(l, "", rc);
}

static int read_files(struct qd_share_lock *l, struct look *k)
{
	struct qd_witness_record r;
	struct qd_witness_grant g = {0};
	char name[QD_SHARE_NAME_MAX];
	if (k->confirmed) {
		(void)snprintf(name, sizeof name, NAME_STORE, k->inode, k->birth_ns);
		const int rc = read_grant(l, name, &g);
		if (rc != 0)
			return rc;
		k->floor = g.record.epoch;
	}
	if (k->grant != 0) {
		(void)snprintf(name, sizeof name, NAME_GRANT, k->grant);
		const int rc = read_once(l, k, QD_SHARE_GRANT, name, &r);
		if (rc != 0 || r.epoch != k->grant)
			return rc != 0 ? rc : -EBADMSG;
		k->incarnation = r.incarnation;
		k->challenge_ns = r.challenge_ns;
		k->freed = k->freed_epoch >= k->grant || k->floor > k->grant;
		k->holder = k->freed ? 0 : r.holder;
	}
	k->floor = k->grant > k->floor ? k->grant : k->floor;
	if (k->tag.version != 0 || k->tag.epoch != 0) {
		(void)snprintf(name, sizeof name, NAME_TAG, k->tag.epoch, k->tag.version);
		const int rc = read_once(l, k, QD_SHARE_TAG, name, &r);
		if (rc != 0)
			return rc;
		memcpy(k->digest, r.digest, sizeof k->digest);
	}
	return 0;
}

/* Whose beats are looked at. */
enum beats {
	BEATS_NONE = 0,
	BEATS_HOLDER, /* who yielded it is not known: everybody's */
	BEATS_ALL,
};

/* Names first: a beat that is older than its grant would make the grant look younger, never older. */
static int look(struct qd_share_lock *l, struct look *k, enum beats beats)
{
	int rc = read_names(l, k);
	if (rc == 0)
		rc = read_files(l, k);
	if (rc != 0)
		return rc;
	if (k->holder != 0 && k->grant > l->sight[k->holder - 1].granted)
		l->sight[k->holder - 1].granted = k->grant;
	for (uint32_t id = qd_set_next(k->beats, 0); id != 0; id = qd_set_next(k->beats, id)) {
		if (id != l->node &&
		    (beats == BEATS_ALL || (beats == BEATS_HOLDER && (id == k->holder || k->holder == 0))))
			look_at_beat(l, id);
	}
	/* Less than it has shown before: somebody put an old copy back. */
	if (k->floor < l->epoch_seen || qd_tag_compare(k->tag, l->tag_seen) < 0)
		k->confirmed = false;
	return 0;
}

static void remember(struct qd_share_lock *l, const struct look *k)
{
	l->epoch_seen = k->floor > l->epoch_seen ? k->floor : l->epoch_seen;
	l->tag_seen = qd_tag_compare(k->tag, l->tag_seen) > 0 ? k->tag : l->tag_seen;
}

/* ------------------------------------------------ decisions */

static uint64_t age_ns(const struct qd_share_lock *l, struct qd_mono since)
{
	const struct qd_mono now = l->files->now();
	return now.ns > since.ns ? now.ns - since.ns : 0;
}

static bool is_holder(const struct look *k, const struct qd_witness_request *q)
{
	return k->holder == q->node && k->incarnation == q->incarnation;
}

/* By the holder for the longest time that it, its last beat or the asker names. By who has yielded it only from those with
 * shorter times: they get an age, and wait for it by their own. A holder without a beat file has granted itself the lock
 * before this node began to look, at the latest. */
static bool is_held(const struct qd_share_lock *l, const struct look *k, const struct qd_witness_request *q)
{
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		const struct qd_share_sight *s = &l->sight[id - 1];
		const uint64_t granted_ns = id == k->holder ? k->challenge_ns : 0;
		const uint64_t named_ns = s->challenge_ns > granted_ns ? s->challenge_ns : granted_ns;
		const uint64_t needed_ns = q->challenge_ns > named_ns ? q->challenge_ns : named_ns;
		const bool yielded = s->there && !s->over && named_ns > q->challenge_ns;
		if (id != q->node && (id == k->holder || yielded) &&
		    age_ns(l, s->there ? s->since : l->started) < needed_ns)
			return true;
	}
	return false;
}

/* What another start of this node says. */
static void look_at_own(struct qd_share_lock *l, const struct look *k, const struct qd_witness_request *q)
{
	struct qd_share_sight *s = &l->sight[l->node - 1];
	const struct qd_share_sight before = *s;
	if (!qd_set_has(k->beats, l->node))
		return;
	look_at_beat(l, l->node);
	if (!before.there || before.incarnation != s->incarnation || before.beat == s->beat ||
	    s->incarnation == q->incarnation)
		return;
	l->twin = true;
	l->twin_seen = s->since;
}

/* An earlier start of this node has ended, and its beat stands still. If it moves under this one's eyes, then another
 * machine has this node's id, and what it holds is not taken from it. It beats several times in half of the time that
 * its lock lasts. */
static bool is_held_by_twin(const struct qd_share_lock *l, const struct look *k,
			    const struct qd_witness_request *q)
{
	const struct qd_share_sight *s = &l->sight[l->node - 1];
	if (k->holder != q->node || k->incarnation == q->incarnation || !s->there ||
	    s->incarnation == q->incarnation)
		return false;
	const uint64_t named_ns = s->challenge_ns > k->challenge_ns ? s->challenge_ns : k->challenge_ns;
	if (named_ns > q->challenge_ns && age_ns(l, s->since) < named_ns)
		return true; /* what that start renewed may run for longer than this one would wait */
	return age_ns(l, s->since) < k->challenge_ns / 2 ||
	       (l->twin && age_ns(l, l->twin_seen) < q->challenge_ns);
}

static struct qd_witness_record record_of(const struct qd_witness_request *q, const struct look *k)
{
	struct qd_witness_record r = {.confirmed = true,
				      .epoch = q->epoch,
				      .holder = q->epoch == 0 ? 0 : q->node,
				      .incarnation = q->incarnation,
				      .challenge_ns = lasts_ns(q),
				      .tag = k->tag};
	memcpy(r.digest, k->digest, sizeof r.digest);
	return r;
}

/* After the own mark: whoever took the lock meanwhile did so before it looked at the mark, or sees it. */
static enum qd_witness_verdict again(struct qd_share_lock *l, const struct qd_witness_request *q,
				     struct look *k)
{
	if (look(l, k, q->ask == QD_WITNESS_LOCK ? BEATS_ALL : BEATS_NONE) != 0)
		return QD_WITNESS_STORE;
	if (!k->confirmed)
		return QD_WITNESS_UNCONFIRMED;
	if (k->floor != q->epoch)
		return QD_WITNESS_OLD_EPOCH;
	return is_holder(k, q) ? QD_WITNESS_OK : QD_WITNESS_NOT_HOLDER;
}

/* What is far below the highest one decides nothing any more. The newest few stay: a listing that is made while names
 * come and go may miss the newest, and must find the one before it. */
static void clean(const struct qd_share_lock *l, const struct look *k)
{
	char name[QD_SHARE_NAME_MAX];
	if (k->grants_found <= QD_SHARE_GRANTS_KEPT)
		return;
	(void)snprintf(name, sizeof name, NAME_GRANT, k->grant_lowest);
	l->files->remove(l->dir, name);
	(void)snprintf(name, sizeof name, NAME_FREE, k->grant_lowest);
	l->files->remove(l->dir, name);
}

static enum qd_witness_verdict lock(struct qd_share_lock *l, const struct qd_witness_request *q,
				    struct look *k)
{
	/* CONFIRM has told the epoch of a view whose leader comes for the lock now: an epoch names its leader. */
	const bool confirmed = q->epoch > k->grant && qd_epoch_node(q->epoch) == q->node;
	if (q->epoch < k->floor || (q->epoch == k->floor && !is_holder(k, q) && !confirmed))
		return QD_WITNESS_OLD_EPOCH;
	if (k->holder == q->node && q->incarnation < k->incarnation)
		return QD_WITNESS_NOT_HOLDER;
	if (is_held(l, k, q) || is_held_by_twin(l, k, q))
		return QD_WITNESS_HELD;
	const struct qd_witness_record r = record_of(q, k);
	if (beat(l, q, true) != 0)
		return QD_WITNESS_STORE;
	if (q->epoch > k->grant) {
		char name[QD_SHARE_NAME_MAX];
		(void)snprintf(name, sizeof name, NAME_GRANT, q->epoch);
		const int rc = create(l, name, &r);
		if (rc == -EEXIST)
			return look(l, k, BEATS_ALL) == 0 ? QD_WITNESS_OLD_EPOCH : QD_WITNESS_STORE;
		if (rc != 0)
			return QD_WITNESS_STORE;
	}
	const enum qd_witness_verdict verdict = again(l, q, k);
	if (verdict == QD_WITNESS_OK)
		clean(l, k);
	return verdict;
}

static enum qd_witness_verdict renew(struct qd_share_lock *l, const struct qd_witness_request *q,
				     struct look *k)
{
	if (q->epoch != k->floor)
		return QD_WITNESS_OLD_EPOCH;
	if (!is_holder(k, q))
		return QD_WITNESS_NOT_HOLDER;
	return beat(l, q, true) != 0 ? QD_WITNESS_STORE : again(l, q, k);
}

static enum qd_witness_verdict put_tag(struct qd_share_lock *l, const struct qd_witness_request *q,
				       struct look *k)
{
	char name[QD_SHARE_NAME_MAX];
	const int newer = qd_tag_compare(q->tag, k->tag);
	const struct qd_tag before = k->tag_before;
	const bool same = newer == 0 && memcmp(q->digest, k->digest, sizeof k->digest) == 0;
	if (newer <= 0)
		return same ? QD_WITNESS_OK : QD_WITNESS_OLD_TAG;
	struct qd_witness_record r = record_of(q, k);
	r.tag = q->tag;
	memcpy(r.digest, q->digest, sizeof r.digest);
	(void)snprintf(name, sizeof name, NAME_TAG, q->tag.epoch, q->tag.version);
	const int rc = create(l, name, &r);
	if (rc != 0)
		return rc == -EEXIST ? QD_WITNESS_OLD_TAG : QD_WITNESS_STORE;
	if (before.epoch != 0 || before.version != 0) {
		(void)snprintf(name, sizeof name, NAME_TAG, before.epoch, before.version);
		l->files->remove(l->dir, name);
	}
	return QD_WITNESS_OK;
}

static enum qd_witness_verdict put(struct qd_share_lock *l, const struct qd_witness_request *q,
				   struct look *k)
{
	enum qd_witness_verdict verdict = renew(l, q, k);
	if (verdict == QD_WITNESS_OK)
		verdict = put_tag(l, q, k);
	return verdict == QD_WITNESS_OK ? again(l, q, k) : verdict;
}

static enum qd_witness_verdict release(struct qd_share_lock *l, const struct qd_witness_request *q,
				       struct look *k)
{
	char name[QD_SHARE_NAME_MAX];
	if (q->epoch != k->floor)
		return QD_WITNESS_OLD_EPOCH;
	if (k->holder != 0 && (k->holder != q->node || q->incarnation < k->incarnation))
		return QD_WITNESS_NOT_HOLDER;
	const struct qd_witness_record r = record_of(q, k);
	if (q->ask == QD_WITNESS_RELEASE && beat(l, q, false) != 0)
		return QD_WITNESS_STORE;
	(void)snprintf(name, sizeof name, NAME_FREE, q->epoch);
	const int rc = k->holder == 0 ? 0 : create(l, name, &r);
	if (rc != 0 && rc != -EEXIST)
		return QD_WITNESS_STORE;
	return look(l, k, BEATS_NONE) == 0 ? QD_WITNESS_OK : QD_WITNESS_STORE;
}

static enum qd_witness_verdict confirm(struct qd_share_lock *l, const struct qd_witness_request *q,
				       struct look *k)
{
	char name[QD_SHARE_NAME_MAX];
	struct qd_witness_record r = record_of(q, k);
	if (k->confirmed)
		return QD_WITNESS_OK;
	/* Rolled back under this node's eyes: the directory's old confirmation says too little. */
	(void)snprintf(name, sizeof name, NAME_STORE, k->inode, k->birth_ns);
	l->files->remove(l->dir, name);
	r.epoch = q->epoch > k->floor ? q->epoch : k->floor;
	r.epoch = r.epoch > l->epoch_seen ? r.epoch : l->epoch_seen;
	if (qd_tag_compare(q->tag, k->tag) > 0 && put_tag(l, q, k) != QD_WITNESS_OK)
		return QD_WITNESS_STORE;
	r.holder = 0;
	if (k->grant != 0) {
		char freed[QD_SHARE_NAME_MAX];
		(void)snprintf(freed, sizeof freed, NAME_FREE, k->grant);
		const int rc = create(l, freed, &r);
		if (rc != 0 && rc != -EEXIST)
			return QD_WITNESS_STORE;
	}
	if (create(l, name, &r) != 0)
		return QD_WITNESS_STORE;
	l->tag_seen = (struct qd_tag){0}; /* what a quorate set has is what counts now */
	return look(l, k, BEATS_NONE) == 0 ? QD_WITNESS_OK : QD_WITNESS_STORE;
}

static enum qd_witness_verdict decide(struct qd_share_lock *l, const struct qd_witness_request *q,
				      struct look *k)
{
	const enum beats beats = q->ask == QD_WITNESS_LOCK   ? BEATS_HOLDER
				 : q->ask == QD_WITNESS_SHOW ? BEATS_ALL
							     : BEATS_NONE;
	if (look(l, k, beats) != 0)
		return QD_WITNESS_STORE;
	if (!k->confirmed && q->ask != QD_WITNESS_CONFIRM)
		return QD_WITNESS_UNCONFIRMED;
	if (beats != BEATS_NONE)
		look_at_own(l, k, q);
	switch (q->ask) {
	case QD_WITNESS_LOCK:
		return lock(l, q, k);
	case QD_WITNESS_RENEW:
		return renew(l, q, k);
	case QD_WITNESS_PUT:
		return put(l, q, k);
	case QD_WITNESS_RELEASE:
	case QD_WITNESS_YIELD:
		return release(l, q, k);
	case QD_WITNESS_CONFIRM:
		return confirm(l, q, k);
	case QD_WITNESS_SHOW:
		return QD_WITNESS_OK;
	case QD_WITNESS_ASK_COUNT:
		break;
	}
	QD_UNREACHABLE("a request that there is not");
}

/* Rights count from the sending of a renewal, and that was before its beat could be seen. Before the first look nothing
 * is known: the own start counts. */
static void fill_age(const struct qd_share_lock *l, struct qd_witness_answer *a)
{
	a->age_ns = age_ns(l, l->started);
	a->start_ns = a->age_ns;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		const struct qd_share_sight *s = &l->sight[id - 1];
		if (!s->there || s->over || id == l->node || age_ns(l, s->since) >= a->age_ns)
			continue;
		a->age_ns = age_ns(l, s->since);
		a->last = id;
	}
}

int qd_share_lock_init(struct qd_share_lock *l, const struct qd_share_files *files, const char *root,
		       const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES], uint32_t node)
{
	char id[2 * QD_WITNESS_CLUSTER_BYTES + 1];
	qd_assert(node >= 1 && node <= QD_NODES_MAX);
	*l = (struct qd_share_lock){.files = files, .node = node, .started = files->now()};
	memcpy(l->cluster, cluster, sizeof l->cluster);
	for (size_t i = 0; i < QD_WITNESS_CLUSTER_BYTES; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", cluster[i]);
	const int n = snprintf(l->dir, sizeof l->dir, "%s/%s", root, id);
	return n < 0 || (size_t)n >= sizeof l->dir ? -ENAMETOOLONG : 0;
}

static void tell(struct qd_share_lock *l, bool fits, const char *unfit)
{
	const bool twin = l->twin && age_ns(l, l->twin_seen) < (uint64_t)TELL_TWIN_S * NS_PER_S;
	const char *what = fits && twin ? "another start of this node is at work there: another machine has "
					  "its id and key (give it its own)"
					: unfit;
	(void)snprintf(l->why, sizeof l->why, "%s%s%s", what[0] != '\0' ? l->dir : "",
		       what[0] != '\0' ? ": " : "", what);
}

void qd_share_lock_ask(struct qd_share_lock *l, const struct qd_witness_request *q,
		       struct qd_witness_answer *a)
{
	struct look k = {0};
	char unfit[QD_SHARE_WHY_MAX / 2];
	qd_assert(q->node == l->node);
	*a = (struct qd_witness_answer){.session = q->session, .id = q->id, .incarnation = q->incarnation};
	/* Each time: it may be mounted again, in another way. */
	const bool fits = l->files->fit(l->dir, unfit, sizeof unfit);
	a->verdict = fits ? decide(l, q, &k) : QD_WITNESS_STORE;
	/* This process is the latest start of its node. */
	if (k.holder == q->node && k.incarnation > q->incarnation) {
		l->twin = true;
		l->twin_seen = l->files->now();
	}
	if (!fits || a->verdict != QD_WITNESS_STORE)
		tell(l, fits, unfit);
	if (a->verdict != QD_WITNESS_STORE && k.confirmed)
		remember(l, &k);
	a->epoch = k.floor;
	a->holder = k.holder;
	a->tag = k.tag;
	memcpy(a->digest, k.digest, sizeof a->digest);
	fill_age(l, a);
}
