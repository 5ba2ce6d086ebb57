/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's part that is there only with networks between the nodes: opening, configuring the core, applying a
 * configuration that was agreed on. */
#include "quorumd/conf_body.h"
#include "quorumd/errors.h"
#include "quorumd/shell_state.h"

#include <sodium.h>
#include <string.h>

int qd_shell_open_cluster(struct qd_shell *s)
{
	char why[QD_KEPT_WHY_MAX] = "";
	int rc = qd_shell_net_open(&s->loop, &s->conf, &s->net, why);
	if (rc == 0)
		rc = qd_shell_config_open(&s->loop, s->conf_file, &s->conf, &s->config, &s->first_kept, why);
	if (why[0] != '\0')
		qd_shell_say(s, rc == 0 ? QD_LEVEL_WARNING : QD_LEVEL_ERROR, "%s", why);
	return rc;
}

bool qd_shell_same_subnet(void *context, uint32_t network, const struct qd_address *own,
			  const struct qd_address *other)
{
	const struct qd_shell *s = context;
	const struct qd_networks *found = s->networks != NULL ? qd_control_networks_list(s->networks) : NULL;
	(void)network;
	/* Before the kernel has told of its interfaces, and without one that has the address. */
	if (found == NULL || qd_networks_find(found, own) == NULL)
		return qd_conf_same_subnet(own, other);
	return qd_networks_same_subnet(found, own, other);
}

int qd_shell_fill_cluster(struct qd_shell *s, struct qd_node_config *c)
{
	c->has_cluster = true;
	qd_conf_links(&s->conf, qd_shell_same_subnet, s, &c->links);
	while (c->links.session == 0)
		randombytes_buf(&c->links.session, sizeof c->links.session);
	randombytes_buf(&c->links.seed, sizeof c->links.seed);
	c->links.incarnation = c->incarnation;
	c->cluster = (struct qd_cluster_config){
		.node_id = s->conf.node_id,
		.incarnation = c->incarnation,
		.detection = qd_links_detection(&c->links),
		.join_only = s->join_only,
		.has_disk = s->conf.path_count > 0,
		.has_witness = true, /* asked only where it counts; it may be configured later */
		.kept = s->first_kept,
	};
	randombytes_buf(&c->cluster.seed, sizeof c->cluster.seed);
	return 0;
}

int qd_shell_begin(struct qd_shell *s)
{
	char why[QD_CONF_MESSAGE_BYTES] = "";
	const int rc = qd_shell_witness_begin(qd_shell_net_witness(s->net), s->node.config.incarnation, why);
	if (rc != 0)
		qd_shell_say(s, QD_LEVEL_ERROR, "%s", why);
	return rc;
}

void qd_shell_complain(struct qd_shell *s)
{
	char why[QD_SHARE_WHY_MAX];
	if (qd_shell_witness_complains(qd_shell_net_witness(s->net), why))
		qd_shell_say(s, QD_LEVEL_WARNING, "witness.share: %s", why);
}

static void tell_links(struct qd_shell *s)
{
	static struct qd_links_config links; /* borrowed by the core for its step only */
	links = s->node.config.links;
	qd_conf_links(&s->conf, qd_shell_same_subnet, s, &links);
	struct qd_event ev = {.kind = QD_EVENT_LINKS};
	ev.u.links = &links;
	qd_shell_post(s, &ev);
}

static bool same_links(const struct qd_links_config *a, const struct qd_links_config *b)
{
	for (unsigned i = 0; i < QD_NODES_MAX; i++)
		for (unsigned k = 0; k < QD_LINKS_MAX; k++) {
			const struct qd_link_config *x = &a->link[i][k];
			const struct qd_link_config *y = &b->link[i][k];
			if (x->used != y->used || x->delay.ns != y->delay.ns || x->threshold != y->threshold)
				return false;
		}
	return true;
}

void qd_shell_interfaces_changed(struct qd_shell *s)
{
	static struct qd_links_config links;
	links = s->node.config.links;
	qd_conf_links(&s->conf, qd_shell_same_subnet, s, &links);
	if (same_links(&links, &s->node.config.links))
		return;
	qd_shell_say(s, QD_LEVEL_NOTICE,
		     "interfaces: other nodes are in this node's subnets than before: their links have the "
		     "times of that");
	tell_links(s);
}

void qd_shell_apply(struct qd_shell *s)
{
	static struct qd_conf fresh;
	static struct qd_conf_messages messages;
	static struct qd_conf_changes changes;
	struct qd_conf_text body;
	struct qd_tag tag;
	char name[QD_BODY_NAME_MAX], why[QD_CONF_MESSAGE_BYTES];
	if (!qd_shell_config_changed(s->config, &tag, &body))
		return;
	qd_conf_body_name(tag, name);
	body.name = name;
	if (qd_conf_load_merged(s->conf_file, &body, &fresh, &messages) != 0) {
		for (uint32_t i = 0; i < messages.count && i < QD_CONF_MESSAGES_MAX; i++)
			qd_shell_say(s, QD_LEVEL_ERROR, "%s", messages.text[i]);
		qd_shell_say(s, QD_LEVEL_ERROR, "%s: not applied here: this node goes on with what it had",
			     name);
		return;
	}
	qd_conf_diff(&s->conf, &fresh, &changes);
	for (uint32_t i = 0; i < changes.count; i++)
		qd_shell_say(s, changes.list[i].live ? QD_LEVEL_NOTICE : QD_LEVEL_WARNING, "%s: %s: %s", name,
			     changes.list[i].key,
			     changes.list[i].live ? "changed"
						  : "changes at the next restart only; the old value stays");
	qd_conf_apply_live(&s->conf, &fresh);
	qd_shell_net_configure(s->net, &s->conf, s->now);
	if (qd_shell_witness_configure(qd_shell_net_witness(s->net), &s->conf, why) != 0)
		qd_shell_say(s, QD_LEVEL_ERROR, "%s: %s: this node goes on without the witness", name, why);
	qd_shell_config_configure(s->config, &s->conf, s->now);
	tell_links(s);
	if (memcmp(&s->conf.times, &s->node.config.times, sizeof s->conf.times) != 0) {
		struct qd_event ev = {.kind = QD_EVENT_TIMES};
		ev.u.times = s->conf.times;
		qd_shell_post(s, &ev);
	}
}

void qd_shell_rekey(struct qd_shell *s)
{
	char why[QD_KEPT_WHY_MAX] = "";
	if (s->net == NULL)
		return;
	int rc = qd_shell_net_rekey(s->net, &s->conf, why);
	if (rc == 0)
		rc = qd_shell_config_rekey(s->config, &s->conf, why);
	qd_shell_say(s, rc == 0 ? QD_LEVEL_NOTICE : QD_LEVEL_ERROR, "%s%s",
		     rc == 0 ? "reload: keys read again" : why, rc == 0 ? "" : ": the old keys stay");
}

void qd_shell_tell_stray(struct qd_shell *s)
{
	struct qd_stray stray;
	char from[QD_ADDRESS_TEXT_MAX];
	if (!qd_shell_net_stray(s->net, s->now, &stray))
		return;
	qd_address_format(&stray.from, from, sizeof from);
	qd_shell_say(s, QD_LEVEL_WARNING,
		     "packets of node %u come from %s, not its address: another machine has its id and key "
		     "(give it its own), "
		     "or recorded packets are sent again; %llu so far, without effect",
		     stray.node, from, (unsigned long long)stray.count);
}
