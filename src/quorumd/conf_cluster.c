/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "quorumd/conf_tree.h"

#include <inttypes.h>
#include <string.h>

enum {
	NODES_SUPPORTED =
		16, /* with addresses: what is tested, and whose packets cross every network in one piece */
	IPV6_SUBNET_BITS = 64,
	IPV4_SUBNET_BITS = 24,
};

/* ------------------------------------------------ what the core is told */

bool qd_conf_has_disk(const struct qd_conf *conf)
{
	return conf->path_count > 0;
}

bool qd_conf_has_witness(const struct qd_conf *conf)
{
	return conf->witness_count > 0 || conf->witness_share[0] != '\0';
}

void qd_conf_votes(const struct qd_conf *conf, struct qd_votes *out)
{
	*out = (struct qd_votes){.model = conf->model, .nodes = conf->members, .low = conf->low};
	out->dynamic = conf->has_cluster && conf->dynamic;
	for (uint32_t id = qd_set_next(conf->members, 0); id != 0; id = qd_set_next(conf->members, id)) {
		out->weight[id - 1] = (uint8_t)conf->nodes[id].weight;
		out->paused |= conf->nodes[id].paused ? qd_set_of(id) : 0;
	}
}

bool qd_conf_same_subnet(const struct qd_address *own, const struct qd_address *other)
{
	return qd_address_same_prefix(own, other,
				      own->family == AF_INET6 ? IPV6_SUBNET_BITS : IPV4_SUBNET_BITS);
}

static bool same_site(const struct qd_conf_node *a, const struct qd_conf_node *b)
{
	return a->site[0] == '\0' || b->site[0] == '\0' || strcmp(a->site, b->site) == 0;
}

static struct qd_link_config link_of(const struct qd_conf *conf, bool same)
{
	return (struct qd_link_config){
		.used = true,
		.delay = same ? conf->same_subnet_delay : conf->cross_subnet_delay,
		.threshold = same ? conf->same_subnet_threshold : conf->cross_subnet_threshold,
	};
}

bool qd_conf_is_near(const struct qd_conf *conf, uint32_t peer, uint32_t network,
		     qd_conf_same_subnet_fn *same, void *context)
{
	const struct qd_conf_node *own = &conf->nodes[conf->node_id];
	const struct qd_conf_node *other = &conf->nodes[peer];
	const struct qd_address *a = &own->addresses[network];
	const struct qd_address *b = &other->addresses[network];
	return same_site(own, other) &&
	       (same != NULL ? same(context, network, a, b) : qd_conf_same_subnet(a, b));
}

void qd_conf_links(const struct qd_conf *conf, qd_conf_same_subnet_fn *same, void *context,
		   struct qd_links_config *out)
{
	const struct qd_conf_node *own = &conf->nodes[conf->node_id];
	qd_assert(qd_set_has(conf->members, conf->node_id));
	out->node_id = conf->node_id;
	out->peers = conf->members & ~qd_set_of(conf->node_id);
	memset(out->link, 0, sizeof(out->link));
	for (uint32_t id = qd_set_next(out->peers, 0); id != 0; id = qd_set_next(out->peers, id)) {
		const struct qd_conf_node *peer = &conf->nodes[id];
		for (uint32_t k = 0; k < own->address_count && k < peer->address_count; k++)
			out->link[id - 1][k] = link_of(conf, qd_conf_is_near(conf, id, k, same, context));
	}
}

/* The last exchange was complete just before the death; the end that does not begin exchanges misses the first one after
 * one and a half of them. */
static struct qd_span link_detection(struct qd_link_config link)
{
	return qd_span_add(qd_span_mul(link.delay, link.threshold), qd_span_div(link.delay, 2));
}

static struct qd_span pair_detection(const struct qd_conf *conf, const struct qd_conf_node *a,
				     const struct qd_conf_node *b)
{
	struct qd_span longest = QD_SPAN_ZERO;
	for (uint32_t k = 0; k < a->address_count && k < b->address_count; k++) {
		bool near = same_site(a, b) && qd_conf_same_subnet(&a->addresses[k], &b->addresses[k]);
		struct qd_span d = link_detection(link_of(conf, near));
		longest = d.ns > longest.ns ? d : longest;
	}
	return longest;
}

struct qd_span qd_conf_detection(const struct qd_conf *conf)
{
	struct qd_span longest = QD_SPAN_ZERO;
	for (uint32_t a = qd_set_next(conf->members, 0); a != 0; a = qd_set_next(conf->members, a)) {
		for (uint32_t b = qd_set_next(conf->members, a); b != 0; b = qd_set_next(conf->members, b)) {
			struct qd_span d = pair_detection(conf, &conf->nodes[a], &conf->nodes[b]);
			longest = d.ns > longest.ns ? d : longest;
		}
	}
	return longest;
}

/* ------------------------------------------------ what does not go together */

/* Of every node as many addresses as there are networks. */
static void check_addresses(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	const struct qd_conf_node *most = NULL;
	conf->has_cluster = conf->network_count > 0;
	for (uint32_t id = qd_set_next(conf->members, 0); id != 0; id = qd_set_next(conf->members, id)) {
		if (most == NULL || conf->nodes[id].address_count > most->address_count)
			most = &conf->nodes[id];
	}
	for (uint32_t id = qd_set_next(conf->members, 0); id != 0 && most != NULL;
	     id = qd_set_next(conf->members, id)) {
		const struct qd_conf_node *n = &conf->nodes[id];
		if (n->address_count != most->address_count)
			qd_conf_tree_message(
				tree, tree->node_marks[id],
				"nodes.%s: expected %" PRIu32 " addresses, one on every network as %s "
				"on line %" PRIu32 " has, found %" PRIu32,
				n->name, most->address_count, most->name, most->line, n->address_count);
	}
}

/* Without addresses there are no heartbeats, and no votes but the disk's. */
static void check_without_cluster(struct qd_conf_tree *tree)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		const char *key = schema[i].key;
		if (tree->marks[i].line == 0 || strcmp(key, "quorum.model") == 0)
			continue;
		if (strncmp(key, "heartbeat.", 10) == 0 || strncmp(key, "quorum.", 7) == 0 ||
		    strncmp(key, "witness.", 8) == 0)
			qd_conf_tree_message(
				tree, tree->marks[i],
				"%s: needs nodes with addresses; without them the quorum disk alone "
				"decides",
				key);
	}
	const uint64_t members = tree->conf->members;
	for (uint32_t id = qd_set_next(members, 0); id != 0; id = qd_set_next(members, id))
		if (tree->conf->nodes[id].paused)
			qd_conf_tree_message(tree, tree->node_marks[id],
					     "nodes.%s.paused: needs nodes with addresses",
					     tree->conf->nodes[id].name);
	struct qd_conf_mark mark = qd_conf_tree_at(tree, "quorum.model");
	if (mark.line != 0 && tree->conf->model != QD_MODEL_DISK_ONLY)
		qd_conf_tree_message(tree, mark,
				     "quorum.model: %s needs nodes with addresses; without them the model is "
				     "disk_only",
				     qd_model_name(tree->conf->model));
	tree->conf->model = QD_MODEL_DISK_ONLY;
}

static void choose_model(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	if (qd_conf_tree_at(tree, "quorum.model").line != 0)
		return;
	if (qd_conf_has_disk(conf) && qd_conf_has_witness(conf))
		qd_conf_tree_message(
			tree, (struct qd_conf_mark){0},
			"quorum.model: expected node_majority, node_and_disk, node_and_witness or "
			"disk_only, found nothing: with both a quorum disk and a witness, say which "
			"is counted");
	conf->model = qd_conf_has_disk(conf)	  ? QD_MODEL_NODE_AND_DISK
		      : qd_conf_has_witness(conf) ? QD_MODEL_NODE_AND_WITNESS
						  : QD_MODEL_NODE_MAJORITY;
}

/* What the model counts must be there. */
static void check_extras(struct qd_conf_tree *tree, const struct qd_votes *votes)
{
	struct qd_conf *conf = tree->conf;
	struct qd_conf_mark mark = qd_conf_tree_at(tree, "quorum.model");
	uint32_t extra = qd_votes_extra(votes);
	if (conf->witness_count > 0 && conf->witness_share[0] != '\0')
		qd_conf_tree_message(
			tree, qd_conf_tree_at(tree, "witness.share"),
			"witness.share: the witness is a daemon or a share, not both; remove this or "
			"witness.addresses");
	if ((extra & QD_EXTRA_WITNESS) != 0 && !qd_conf_has_witness(conf))
		qd_conf_tree_message(
			tree, mark,
			"quorum.model: %s counts a witness, and there is none; give witness.addresses "
			"or witness.share",
			qd_model_name(conf->model));
	if ((extra & QD_EXTRA_DISK) == 0 || qd_conf_has_disk(conf))
		return;
	if (mark.line != 0)
		qd_conf_tree_message(tree, mark,
				     "quorum.model: %s counts the quorum disk, and there is none; give "
				     "quorum_disk.paths",
				     qd_model_name(conf->model));
	else
		qd_conf_tree_message(
			tree, mark,
			"quorum_disk.paths: expected a list of 1 to 8 URLs, found nothing: this key is "
			"required where nodes have no addresses");
}

static void check_weights(struct qd_conf_tree *tree, const struct qd_votes *votes)
{
	const struct qd_conf *conf = tree->conf;
	enum qd_votes_verdict verdict = qd_votes_check(votes);
	uint32_t sum = 0;
	for (uint32_t id = qd_set_next(conf->members, 0); id != 0; id = qd_set_next(conf->members, id))
		sum += conf->nodes[id].weight;
	if (conf->model != QD_MODEL_DISK_ONLY && sum == 0)
		qd_conf_tree_message(
			tree, qd_conf_tree_at(tree, "nodes"),
			"nodes: every weight is 0, so no node has a vote; give one at least a weight of "
			"1, or set quorum.model: disk_only");
	else if (verdict != QD_VOTES_OK)
		qd_conf_tree_message(tree, qd_conf_tree_at(tree, "nodes"), "nodes: %s",
				     qd_votes_verdict_text(verdict));
}

/* ------------------------------------------------ what is hardly meant */

static void warn_votes(struct qd_conf_tree *tree, const struct qd_votes *votes)
{
	const struct qd_conf *conf = tree->conf;
	struct qd_conf_mark mark = qd_conf_tree_at(tree, "quorum.model");
	if (mark.line == 0)
		mark = qd_conf_tree_at(tree, "nodes");
	uint32_t nodes = qd_set_count(conf->members);
	if (nodes == 2 && conf->model == QD_MODEL_NODE_MAJORITY)
		qd_conf_tree_warning(
			tree, mark,
			"quorum.model: of two nodes without a quorum disk or a witness only one may "
			"die: when the one that has the deciding vote does, the other stops, too; add a "
			"witness");
	uint32_t extra = qd_votes_of_extra(votes);
	if (extra != 0 && conf->model != QD_MODEL_DISK_ONLY && !conf->dynamic &&
	    (qd_votes_total(votes) - extra) % 2 != 0)
		qd_conf_tree_warning(tree, mark,
				     "quorum.model: with quorum.dynamic off, %s of %" PRIu32
				     " votes survives less than node_majority of %" PRIu32
				     "; set node_majority, or quorum.dynamic on",
				     qd_model_name(conf->model), qd_votes_total(votes),
				     qd_votes_total(votes) - extra);
	if (conf->low != 0 && !conf->dynamic)
		qd_conf_tree_warning(tree, qd_conf_tree_at(tree, "quorum.lower_priority_node"),
				     "quorum.lower_priority_node: has no effect while quorum.dynamic is off");
	if (nodes > NODES_SUPPORTED)
		qd_conf_tree_warning(tree, qd_conf_tree_at(tree, "nodes"),
				     "nodes: %" PRIu32 " of them; up to %d are supported", nodes,
				     NODES_SUPPORTED);
}

static void warn_networks(struct qd_conf_tree *tree)
{
	const struct qd_conf *conf = tree->conf;
	if (qd_set_count(conf->members) > 1 && conf->network_count == 1)
		qd_conf_tree_warning(
			tree, qd_conf_tree_at(tree, "nodes"),
			"nodes: there is one network only: when it fails, no node hears another; give each "
			"node an address on a second one, unless this one is redundant (a bond or a team)");
}

static void warn_detection(struct qd_conf_tree *tree)
{
	const struct qd_conf *conf = tree->conf;
	struct qd_span detection = qd_conf_detection(conf);
	struct qd_conf_mark mark = qd_conf_tree_at(tree, "times.takeover");
	if (mark.line == 0)
		mark = qd_conf_tree_at(tree, "times.renew");
	if (detection.ns > conf->times.takeover.ns)
		qd_conf_tree_warning(
			tree, mark,
			"heartbeat: a dead node is noticed after up to %" PRId64
			" ms, later than times.takeover of %" PRId64
			" ms would allow; shorten delay or threshold, or failover takes that long",
			qd_span_to_ms(detection), qd_span_to_ms(conf->times.takeover));
}

void qd_conf_cluster_check(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	struct qd_votes votes;
	check_addresses(tree);
	if (!conf->has_cluster)
		check_without_cluster(tree);
	if (tree->messages->count > 0)
		return; /* what was refused is not there to be compared */
	if (conf->has_cluster)
		choose_model(tree);
	qd_conf_votes(conf, &votes);
	check_extras(tree, &votes);
	check_weights(tree, &votes);
	if (conf->has_cluster && tree->has_own && conf->key_file[0] == '\0')
		qd_conf_tree_message(
			tree, (struct qd_conf_mark){0},
			"key_file: expected an absolute path, found nothing: nodes have addresses, and "
			"what they say to each other is encrypted; quorumctl keygen makes a key");
	if (tree->messages->count > 0 || !conf->has_cluster)
		return;
	warn_votes(tree, &votes);
	warn_networks(tree);
	warn_detection(tree);
}
