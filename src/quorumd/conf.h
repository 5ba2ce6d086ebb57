/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of one node: YAML text and a schema table in, one plain struct out. It decides what is valid and
 * says what is not with file, line, column, key, what was expected and what was found; it changes nothing. */
#ifndef QD_QUORUMD_CONF_H
#define QD_QUORUMD_CONF_H

#include "core/link.h"
#include "core/op.h"
#include "core/times.h"
#include "core/trace.h"
#include "drv/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	QD_CONF_NAME_MAX = 64, /* cluster, node and group names with their NUL; the superblock has 64 bytes */
	QD_CONF_FILE_MAX = 256, /* file names with their NUL; a unix socket's is at most 108 */
	QD_CONF_IQN_MAX = 224,	/* iSCSI name 223 bytes + NUL (RFC 7143 4.2.7.2) */
	QD_CONF_HOST_MAX = 256, /* DNS name 253 bytes, or an address */
	QD_CONF_URL_MAX = 512,
	QD_CONF_SECRET_MAX = 256,     /* CHAP secrets: 1..255 bytes */
	QD_CONF_TEXT_BYTES = 1 << 20, /* of the YAML text: a configuration of 64 nodes is some 10 KiB */
	QD_CONF_MESSAGES_MAX = 16,    /* kept; further ones are counted */
	QD_CONF_WARNINGS_MAX = 8,     /* as many as there are */
	QD_CONF_MESSAGE_BYTES = 640,
	QD_CONF_CHANGES_MAX = 64, /* as many as the schema has keys */
	QD_CONF_KEY_MAX = 48,	  /* dotted key, e.g. "quorum_disk.chap.mutual_secret_file" */
	QD_CONF_WITNESS_MAX = 4,  /* addresses of the one witness: its networks, and a spare name */
	QD_CONF_PORT = 3343,	  /* of nodes and witness, unless given */
};

/* One way to the quorum disk: iscsi://host:port/target/lun */
struct qd_conf_path {
	char url[QD_CONF_URL_MAX];	   /* canonical: the port is always there, IPv6 in brackets */
	char host[QD_CONF_HOST_MAX];	   /* without brackets */
	char portal[QD_CONF_HOST_MAX + 8]; /* host:port or [host]:port, as libiscsi wants it */
	uint16_t port;
	char target[QD_CONF_IQN_MAX];
	uint32_t lun;
};

enum qd_conf_digest {
	QD_CONF_DIGEST_NONE = 0,
	QD_CONF_DIGEST_CRC32C,
	QD_CONF_DIGEST_COUNT,
};

/* Secrets are the contents of their files without a final newline; never printed. Empty user: no CHAP. */
struct qd_conf_chap {
	char user[QD_CONF_SECRET_MAX];
	char secret_file[QD_CONF_FILE_MAX];
	char secret[QD_CONF_SECRET_MAX];
	char mutual_user[QD_CONF_SECRET_MAX];
	char mutual_secret_file[QD_CONF_FILE_MAX];
	char mutual_secret[QD_CONF_SECRET_MAX];
};

struct qd_conf_node {
	char name[QD_CONF_NAME_MAX];		   /* "": no node has this id */
	uint32_t line;				   /* in the file, for messages */
	uint32_t weight;			   /* 0..QD_WEIGHT_MAX */
	char site[QD_CONF_NAME_MAX];		   /* "": none said */
	bool paused;				   /* it votes and starts nothing new */
	uint32_t address_count;			   /* 0, or the same on every node */
	struct qd_address addresses[QD_LINKS_MAX]; /* by network */
};

/* host:port, resolved by who uses it. */
struct qd_conf_portal {
	char host[QD_CONF_HOST_MAX];	 /* without brackets */
	char text[QD_CONF_HOST_MAX + 8]; /* host:port or [host]:port */
	uint16_t port;
};

struct qd_conf {
	char cluster[QD_CONF_NAME_MAX];
	uint32_t node_id;			       /* this node, 1..64 */
	uint64_t members;			       /* bit id-1 for every node of `nodes` */
	struct qd_conf_node nodes[QD_NODE_ID_MAX + 1]; /* by id; [0] unused */

	/* The cluster. Without addresses of the nodes there is none: the quorum disk alone decides. */
	bool has_cluster;
	bool ipv6; /* all addresses of the nodes; else IPv4 */
	uint32_t network_count;
	uint32_t heartbeat_port;
	struct qd_span same_subnet_delay;
	uint32_t same_subnet_threshold;
	struct qd_span cross_subnet_delay;
	uint32_t cross_subnet_threshold;
	char key_file[QD_CONF_FILE_MAX];
	enum qd_model model; /* as configured, or as it follows from what is configured */
	bool dynamic;
	uint32_t low; /* quorum.lower_priority_node; 0: none */
	uint32_t witness_count;
	struct qd_conf_portal witness[QD_CONF_WITNESS_MAX];
	char witness_share[QD_CONF_FILE_MAX]; /* "": none */

	uint32_t path_count;
	struct qd_conf_path paths[QD_PATHS_MAX];
	char initiator[QD_CONF_IQN_MAX]; /* base: a path's own name is qd_conf_initiator() */
	struct qd_conf_chap chap;
	enum qd_conf_digest header_digest;
	enum qd_conf_digest data_digest;

	struct qd_times times; /* checked */

	bool has_group;
	char group_name[QD_CONF_NAME_MAX];
	char group_script[QD_CONF_FILE_MAX];
	struct qd_span start_timeout;
	struct qd_span stop_timeout;
	struct qd_span monitor_interval;
	struct qd_span monitor_timeout;

	char state_dir[QD_CONF_FILE_MAX];
	char run_dir[QD_CONF_FILE_MAX];
	char api_socket[QD_CONF_FILE_MAX];     /* default: run_dir/api.sock */
	char control_socket[QD_CONF_FILE_MAX]; /* run_dir/control.sock; no key of its own */
	char api_user[QD_CONF_NAME_MAX];       /* "": quorum-api keeps its user */
	uint32_t api_mode;		       /* permission bits of api_socket */
	enum qd_trace_level log_level;

	/* For tests only. */
	bool has_test_ids;
	uint8_t test_machine_id[QD_QDISK_ID_BYTES]; /* with has_test_ids, instead of /etc/machine-id */
	uint8_t test_boot_id[QD_QDISK_ID_BYTES];    /* and instead of the kernel's boot_id */
	struct qd_span
		stamp_interval; /* 0: none; else the owner writes a stamp to the quorum disk this often */

	uint64_t given; /* bit n: key n of the schema stands in the text */
};

/* What is wrong, one message each: "FILE:LINE:COLUMN: KEY: expected ..., found ...; mend". Oldest first. */
struct qd_conf_messages {
	uint32_t count; /* all of them; at most QD_CONF_MESSAGES_MAX are in text[] */
	char text[QD_CONF_MESSAGES_MAX][QD_CONF_MESSAGE_BYTES];
	/* What is valid but hardly meant. Only of a configuration without any of the above. */
	uint32_t warning_count;
	char warning[QD_CONF_WARNINGS_MAX][QD_CONF_MESSAGE_BYTES];
};

/* Read, parse and check `file` and the secret files that it names, and fill *out. 0, -QD_ERR_CONFIG, -QD_ERR_IO (the
 * file cannot be read) or -QD_ERR_SECRET_MODE; then *messages says why and *out is not to be used. Not for a
 * real-time path: it reads files and allocates. */
int qd_conf_load(const char *file, struct qd_conf *out, struct qd_conf_messages *messages);

/* The same from memory, without reading secret files. `name` is what messages call it. */
int qd_conf_parse(const char *name, const char *yaml, size_t len_bytes, struct qd_conf *out,
		  struct qd_conf_messages *messages);

/* A text and what messages call it. Borrowed. */
struct qd_conf_text {
	const char *name;
	const char *text;
	size_t len_bytes;
};

/* The one configuration of a cluster is the body: the keys that are the same on every machine. The others stay in each
 * machine's own file. qd_conf_load() of `own` with its own keys alone, and the cluster's from the body, whatever the file
 * says of them. Messages name the text that they are about. body NULL: everything from the file. */
int qd_conf_load_merged(const char *file, const struct qd_conf_text *body, struct qd_conf *out,
			struct qd_conf_messages *messages);

/* The same from memory, without reading secret files. */
int qd_conf_parse_merged(const struct qd_conf_text *own, const struct qd_conf_text *body, struct qd_conf *out,
			 struct qd_conf_messages *messages);

/* A body alone: a machine's own key in it is refused, and *out has no node_id. */
int qd_conf_parse_body(const struct qd_conf_text *body, struct qd_conf *out,
		       struct qd_conf_messages *messages);

/* A machine's own keys alone: *out has neither nodes nor times. The cluster's keys are passed over. */
int qd_conf_parse_own(const struct qd_conf_text *own, struct qd_conf *out, struct qd_conf_messages *messages);

/* The whole file into *out, which the caller frees. 0 or an errno; EFBIG: QD_CONF_TEXT_BYTES or more. */
int qd_conf_read_file(const char *file, char **out, size_t *len_bytes);

/* Print the messages that were kept, and how many were not, and the warnings, one a line. */
void qd_conf_messages_print(const struct qd_conf_messages *messages, FILE *to);

/* The initiator name of a path of this node: "<initiator>:<node>.<path>" (PROTOCOL.md case 4). False: too long
 * (then qd_conf_parse() has refused it already). */
bool qd_conf_initiator(const struct qd_conf *conf, uint32_t path, char to[QD_CONF_IQN_MAX]);

/* The node that `text` (a name, or an id in decimal) means; 0: none. */
uint32_t qd_conf_node_find(const struct qd_conf *conf, const char *text);

/* Whether the core counts the quorum disk, and whether a witness can be asked, by what is configured. */
bool qd_conf_has_disk(const struct qd_conf *conf);
bool qd_conf_has_witness(const struct qd_conf *conf);

/* The rule of votes as it is configured: everybody has his weight, nobody is out. */
void qd_conf_votes(const struct qd_conf *conf, struct qd_votes *out);

/* Whether two addresses of network `network` lie in one subnet, as the machine's own interfaces say. */
typedef bool qd_conf_same_subnet_fn(void *context, uint32_t network, const struct qd_address *own,
				    const struct qd_address *other);

/* For want of an interface: the first 64 bits of IPv6 addresses, 24 of IPv4. */
bool qd_conf_same_subnet(const struct qd_address *own, const struct qd_address *other);

/* Network `network` leads to that node within one subnet, and one site. `same` NULL: qd_conf_same_subnet(). */
bool qd_conf_is_near(const struct qd_conf *conf, uint32_t peer, uint32_t network,
		     qd_conf_same_subnet_fn *same, void *context);

/* Which links lead to whom, and how they are watched, by qd_conf_is_near(): fills node_id, peers and link of *out. */
void qd_conf_links(const struct qd_conf *conf, qd_conf_same_subnet_fn *same, void *context,
		   struct qd_links_config *out);

/* The longest time until every node has noticed that one is dead, all links in the slower of the two classes. */
struct qd_span qd_conf_detection(const struct qd_conf *conf);

/* Two configurations compared for a reload: the keys whose values differ. */
struct qd_conf_change {
	char key[QD_CONF_KEY_MAX];
	bool live; /* takes effect at a reload; false: only at a restart */
};

struct qd_conf_changes {
	uint32_t count;
	uint32_t restart_count; /* those that are not live: a reload must keep their old values and say so */
	struct qd_conf_change list[QD_CONF_CHANGES_MAX];
};

void qd_conf_diff(const struct qd_conf *old, const struct qd_conf *new_conf, struct qd_conf_changes *out);

/* Copy into *to what may change live, and leave the rest of *to alone. */
void qd_conf_apply_live(struct qd_conf *to, const struct qd_conf *from);

/* The schema as the man page's mdoc list (quorumd --schema; docs/quorumd.yaml.5 holds the same text). */
void qd_conf_schema_print(FILE *to);

/* Parse one iSCSI URL. 0, or -QD_ERR_INVALID with *why set to what is wrong and the mend (a static text). */
int qd_conf_url_parse(const char *text, struct qd_conf_path *out, const char **why);

/* Parse host:port, [address]:port or either without a port. NULL, or what is wrong and the mend (a static text). */
const char *qd_conf_portal_parse(const char *text, uint16_t port, struct qd_conf_portal *out);

/* Read a secret file: regular, owned by root or by this user, no right for anybody else (0600 or 0400), 1 to 255
 * bytes. 0, -QD_ERR_SECRET_MODE, -QD_ERR_IO or -QD_ERR_CONFIG, and why (names the file and its mode). */
int qd_conf_secret_read(const char *file, char secret[QD_CONF_SECRET_MAX], char why[QD_CONF_MESSAGE_BYTES]);

#endif
