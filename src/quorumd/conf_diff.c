/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "quorumd/conf.h"
#include "quorumd/conf_schema.h"

#include <string.h>

/* Node lines are where they stand in the file, not what they say. */
static bool same_nodes(const struct qd_conf *a, const struct qd_conf *b)
{
	for (size_t i = 0; i <= QD_NODE_ID_MAX; i++) {
		const struct qd_conf_node *x = &a->nodes[i];
		const struct qd_conf_node *y = &b->nodes[i];
		if (strcmp(x->name, y->name) != 0 || strcmp(x->site, y->site) != 0 ||
		    x->weight != y->weight || x->address_count != y->address_count ||
		    memcmp(x->addresses, y->addresses, sizeof(x->addresses)) != 0)
			return false;
	}
	return a->ipv6 == b->ipv6;
}

static bool same_paths(const struct qd_conf *a, const struct qd_conf *b)
{
	bool same = a->path_count == b->path_count;
	for (uint32_t i = 0; same && i < a->path_count; i++)
		same = strcmp(a->paths[i].url, b->paths[i].url) == 0;
	return same;
}

static bool same_witness(const struct qd_conf *a, const struct qd_conf *b)
{
	bool same = a->witness_count == b->witness_count;
	for (uint32_t i = 0; same && i < a->witness_count; i++)
		same = strcmp(a->witness[i].text, b->witness[i].text) == 0;
	return same;
}

bool qd_conf_same_value(const struct qd_conf_key *key, const struct qd_conf *a, const struct qd_conf *b)
{
	const char *x = (const char *)a + key->offset;
	const char *y = (const char *)b + key->offset;
	switch (key->type) {
	case QD_CONF_TYPE_NODES:
		return same_nodes(a, b);
	case QD_CONF_TYPE_URLS:
		return same_paths(a, b);
	case QD_CONF_TYPE_WITNESS:
		return same_witness(a, b);
	case QD_CONF_TYPE_NAME:
	case QD_CONF_TYPE_IQN:
	case QD_CONF_TYPE_TEXT:
	case QD_CONF_TYPE_FILE:
		return strncmp(x, y, key->size_bytes) == 0;
	case QD_CONF_TYPE_NODE:
	case QD_CONF_TYPE_SPAN:
	case QD_CONF_TYPE_DIGEST:
	case QD_CONF_TYPE_LEVEL:
	case QD_CONF_TYPE_MODE:
	case QD_CONF_TYPE_HEX:
	case QD_CONF_TYPE_NUMBER:
	case QD_CONF_TYPE_SWITCH:
	case QD_CONF_TYPE_MODEL:
		return memcmp(x, y, key->size_bytes) == 0;
	case QD_CONF_TYPE_COUNT:
		break;
	}
	QD_UNREACHABLE("type of a key");
}

static bool same_secret(const char *old, const char *fresh)
{
	return old[0] == '\0' || strcmp(old, fresh) == 0;
}

static void add(struct qd_conf_changes *out, const char *key, bool live)
{
	qd_assert(out->count < QD_CONF_CHANGES_MAX);
	struct qd_conf_change *c = &out->list[out->count++];
	(void)snprintf(c->key, sizeof(c->key), "%s", key);
	c->live = live;
	out->restart_count += live ? 0 : 1;
}

/* Nodes come and go while the daemon runs only where views decide, before the change and after it. */
static bool is_live(const struct qd_conf_key *key, const struct qd_conf *old, const struct qd_conf *new_conf)
{
	if ((key->flags & QD_CONF_LIVE_IN_CLUSTER) != 0)
		return old->has_cluster && new_conf->has_cluster && old->ipv6 == new_conf->ipv6;
	return (key->flags & QD_CONF_LIVE) != 0;
}

void qd_conf_diff(const struct qd_conf *old, const struct qd_conf *new_conf, struct qd_conf_changes *out)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	*out = (struct qd_conf_changes){0};
	for (size_t i = 0; i < count; i++) {
		const struct qd_conf_key *key = &schema[i];
		bool same = qd_conf_same_value(key, old, new_conf);
		/* A secret that was changed in its file is a change of that key. One that was wiped is not known. */
		if (key->offset == offsetof(struct qd_conf, chap.secret_file))
			same = same && same_secret(old->chap.secret, new_conf->chap.secret);
		if (key->offset == offsetof(struct qd_conf, chap.mutual_secret_file))
			same = same && same_secret(old->chap.mutual_secret, new_conf->chap.mutual_secret);
		if (!same)
			add(out, key->key, is_live(key, old, new_conf));
	}
}

void qd_conf_apply_live(struct qd_conf *to, const struct qd_conf *from)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		const struct qd_conf_key *key = &schema[i];
		if (!is_live(key, to, from))
			continue;
		memcpy((char *)to + key->offset, (const char *)from + key->offset, key->size_bytes);
		to->given = (to->given & ~(UINT64_C(1) << i)) | (from->given & UINT64_C(1) << i);
		if (key->type == QD_CONF_TYPE_NODES) {
			to->members = from->members;
			to->network_count = from->network_count;
		}
		if (key->type == QD_CONF_TYPE_WITNESS)
			to->witness_count = from->witness_count;
	}
	to->times = from->times; /* with all that follows from the three */
}
