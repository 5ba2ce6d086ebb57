/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_tree.h"
#include "quorumd/conf_value.h"

#include <stdarg.h>
#include <string.h>

/* One entry of `nodes` on its way into the configuration. */
struct entry {
	struct qd_conf_tree *tree;
	const char *name;
	struct qd_conf_mark mark;
	uint32_t id;
	struct qd_conf_mark id_mark;
	struct qd_conf_node node;
	bool good;
};

__attribute__((format(printf, 3, 4))) static void refuse(struct entry *e, struct qd_conf_mark mark,
							 const char *format, ...)
{
	char text[QD_CONF_MESSAGE_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut message is still one */
	va_end(args);
	qd_conf_tree_message(e->tree, mark, "nodes.%s%s", e->name, text);
	e->good = false;
}

static void take_id(struct entry *e, const yaml_node_t *node)
{
	const char *text = qd_conf_tree_scalar(node);
	uint64_t id = 0;
	e->id_mark = qd_conf_tree_mark(e->tree, node);
	if (text == NULL || !qd_value_decimal(text, QD_NODE_ID_MAX, &id) || id < QD_NODE_ID_MIN) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(node, found);
		refuse(e, e->id_mark, ": expected an id from 1 to 64, found %s", found);
		return;
	}
	e->id = (uint32_t)id;
}

static void take_weight(struct entry *e, const yaml_node_t *node)
{
	const char *text = qd_conf_tree_scalar(node);
	uint64_t weight = 0;
	if (text == NULL || !qd_value_decimal(text, QD_WEIGHT_MAX, &weight)) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(node, found);
		refuse(e, qd_conf_tree_mark(e->tree, node),
		       ".weight: expected a number from 0 to 15, found %s", found);
		return;
	}
	e->node.weight = (uint32_t)weight;
}

static void take_site(struct entry *e, const yaml_node_t *node)
{
	const char *text = qd_conf_tree_scalar(node);
	if (text == NULL || !qd_value_is_name(text, sizeof(e->node.site) - 1)) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(node, found);
		refuse(e, qd_conf_tree_mark(e->tree, node),
		       ".site: expected a name of 1 to 63 letters, digits, '.', '_' or '-', found %s", found);
		return;
	}
	(void)snprintf(e->node.site, sizeof(e->node.site), "%s", text);
}

static void take_paused(struct entry *e, const yaml_node_t *node)
{
	const char *text = qd_conf_tree_scalar(node);
	const bool on = text != NULL && strcmp(text, "on") == 0;
	if (!on && (text == NULL || strcmp(text, "off") != 0)) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(node, found);
		refuse(e, qd_conf_tree_mark(e->tree, node), ".paused: expected on or off, found %s", found);
		return;
	}
	e->node.paused = on;
}

/* Why nobody can be reached there, or NULL. */
static const char *unusable(const struct qd_address *a)
{
	static const uint8_t nowhere[sizeof(a->bytes)];
	const bool multicast = a->family == AF_INET6 ? a->bytes[0] == 0xff : a->bytes[0] >= 224;
	if (memcmp(a->bytes, nowhere, sizeof(nowhere)) == 0)
		return "is the address of nobody";
	if (multicast)
		return "is no address of one machine";
	if (a->family == AF_INET6 && qd_address_is_link_local(a) && a->scope[0] == '\0')
		return "is link-local; name its machine's interface too, as in fe80::1%eth1, or give the "
		       "interface "
		       "an address of a unique local prefix (fd00::/8)";
	return NULL;
}

/* Whatever the interface: two machines with one address cannot be told apart. */
static bool same_address(const struct qd_address *a, const struct qd_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The node that has the address already: *where says which; or NULL. */
static const char *owner_of(const struct entry *e, const struct qd_address *a, uint32_t *line)
{
	for (uint32_t k = 0; k < e->node.address_count; k++) {
		if (same_address(&e->node.addresses[k], a)) {
			*line = (uint32_t)e->mark.line;
			return e->name;
		}
	}
	for (size_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX; i++) {
		const struct qd_conf_node *n = &e->tree->conf->nodes[i];
		for (uint32_t k = 0; k < n->address_count; k++) {
			if (same_address(&n->addresses[k], a)) {
				*line = n->line;
				return n->name;
			}
		}
	}
	return NULL;
}

static void take_address(struct entry *e, const yaml_node_t *node)
{
	struct qd_conf *conf = e->tree->conf;
	struct qd_conf_mark mark = qd_conf_tree_mark(e->tree, node);
	const char *text = qd_conf_tree_scalar(node);
	struct qd_address a;
	char found[QD_CONF_FOUND_MAX];
	qd_conf_tree_found(node, found);
	if (text == NULL || !qd_address_parse(text, &a)) {
		refuse(e, mark,
		       ".addresses: expected an IPv6 or IPv4 address (no name, no port, no prefix length), "
		       "found %s",
		       found);
		return;
	}
	const bool ipv6 = a.family == AF_INET6;
	const char *why = unusable(&a);
	if (why != NULL) {
		refuse(e, mark, ".addresses: %s %s", text, why);
		return;
	}
	if (conf->network_count > 0 && conf->ipv6 != ipv6) {
		refuse(e, mark,
		       ".addresses: %s is IPv%c, and others are IPv%c; use one family for all nodes, IPv6 "
		       "where "
		       "every node has it",
		       text, ipv6 ? '6' : '4', ipv6 ? '4' : '6');
		return;
	}
	uint32_t line = 0;
	const char *other = owner_of(e, &a, &line);
	if (other != NULL) {
		refuse(e, mark,
		       ".addresses: %s is that of %s on line %u already; every node and network needs its "
		       "own",
		       text, other, (unsigned int)line);
		return;
	}
	conf->ipv6 = ipv6;
	e->node.addresses[e->node.address_count++] = a;
	if (e->node.address_count > conf->network_count)
		conf->network_count = e->node.address_count;
}

static void take_addresses(struct entry *e, yaml_document_t *document, const yaml_node_t *node)
{
	const yaml_node_item_t *start = node->data.sequence.items.start;
	if (node->type != YAML_SEQUENCE_NODE || node->data.sequence.items.top == start ||
	    node->data.sequence.items.top - start > QD_LINKS_MAX) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(node, found);
		refuse(e, qd_conf_tree_mark(e->tree, node),
		       ".addresses: expected a list of 1 to 8 addresses, found %s", found);
		return;
	}
	for (const yaml_node_item_t *i = start; i < node->data.sequence.items.top; i++)
		take_address(e, yaml_document_get_node(document, *i));
}

enum part { PART_ID = 0, PART_ADDRESSES, PART_WEIGHT, PART_SITE, PART_PAUSED, PART_COUNT };

static enum part part_of(const char *key)
{
	static const char *const names[] = {"id", "addresses", "weight", "site", "paused"};
	int part = PART_ID;
	while (part < PART_COUNT && (key == NULL || strcmp(key, names[part]) != 0))
		part++;
	return (enum part)part;
}

static void take_part(struct entry *e, yaml_document_t *document, const yaml_node_pair_t *pair, size_t *lines)
{
	const yaml_node_t *key_node = yaml_document_get_node(document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(document, pair->value);
	struct qd_conf_mark mark = qd_conf_tree_mark(e->tree, key_node);
	enum part part = part_of(qd_conf_tree_scalar(key_node));
	if (part < PART_COUNT && lines[part] != 0) {
		refuse(e, mark, ": this key stands on line %zu already; remove one", lines[part]);
		return;
	}
	if (part < PART_COUNT)
		lines[part] = mark.line;
	switch (part) {
	case PART_ID:
		take_id(e, value);
		return;
	case PART_ADDRESSES:
		take_addresses(e, document, value);
		return;
	case PART_WEIGHT:
		take_weight(e, value);
		return;
	case PART_SITE:
		take_site(e, value);
		return;
	case PART_PAUSED:
		take_paused(e, value);
		return;
	case PART_COUNT:
		break;
	}
	char found[QD_CONF_FOUND_MAX];
	qd_conf_tree_found(key_node, found);
	refuse(e, mark, ": unknown key %s; expected one of id, addresses, weight, site, paused", found);
}

static void take_map(struct entry *e, yaml_document_t *document, const yaml_node_t *map)
{
	size_t lines[PART_COUNT] = {0};
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
		take_part(e, document, p, lines);
	if (lines[PART_ID] == 0)
		refuse(e, qd_conf_tree_mark(e->tree, map),
		       ": expected an id from 1 to 64, found none in the map");
}

/* Into the configuration, unless its name or its id is another's. */
static void place(struct entry *e)
{
	struct qd_conf *conf = e->tree->conf;
	uint64_t ignored = 0;
	if (qd_value_decimal(e->name, QD_NODE_ID_MAX, &ignored)) {
		refuse(e, e->mark,
		       ": expected a name that is no number, so that it is never taken for an id");
		return;
	}
	for (size_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX; i++) {
		if (strcmp(conf->nodes[i].name, e->name) == 0) {
			refuse(e, e->mark, ": this name stands on line %u already", conf->nodes[i].line);
			return;
		}
	}
	struct qd_conf_node *to = &conf->nodes[e->id];
	if (to->name[0] != '\0') {
		refuse(e, e->id_mark, ": id %u is that of %s on line %u already; every node needs its own",
		       e->id, to->name, to->line);
		return;
	}
	*to = e->node;
	(void)snprintf(to->name, sizeof(to->name), "%s", e->name);
	to->line = (uint32_t)e->mark.line;
	e->tree->node_marks[e->id] = e->mark;
	conf->members |= 1ULL << (e->id - 1);
}

static void take_node(struct qd_conf_tree *tree, yaml_document_t *document, const yaml_node_pair_t *pair)
{
	const yaml_node_t *name_node = yaml_document_get_node(document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(document, pair->value);
	struct entry e = {.tree = tree, .name = qd_conf_tree_scalar(name_node), .good = true};
	e.mark = qd_conf_tree_mark(tree, name_node);
	e.node.weight = 1;
	if (e.name == NULL || !qd_value_is_name(e.name, QD_CONF_NAME_MAX - 1)) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(name_node, found);
		qd_conf_tree_message(
			tree, e.mark,
			"nodes: expected a node name of 1 to 63 letters, digits, '.', '_' or '-', found %s",
			found);
		return;
	}
	if (value->type == YAML_MAPPING_NODE)
		take_map(&e, document, value);
	else
		take_id(&e, value);
	if (e.good)
		place(&e);
}

bool qd_conf_nodes_take(struct qd_conf_tree *tree, yaml_document_t *document, const yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE || node->data.mapping.pairs.start == node->data.mapping.pairs.top)
		return false;
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++)
		take_node(tree, document, p);
	return true;
}
