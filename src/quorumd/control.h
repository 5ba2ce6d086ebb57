/* SPDX-License-Identifier: Apache-2.0 */
/* What quorumd and quorum-api say to each other over a unix socket of type SOCK_SEQPACKET, one message a packet, and
 * quorumd's end of it: clients, the ring of log lines, the snapshot. It decides nothing. The encoding is in
 * quorumd/control_wire.h. */
#ifndef QD_QUORUMD_CONTROL_H
#define QD_QUORUMD_CONTROL_H

#include "core/action.h"
#include "core/node.h"
#include "drv/net_udp.h"
#include "drv/networks.h"
#include "drv/packet.h"
#include "quorumd/bodies.h"
#include "quorumd/conf.h"
#include "quorumd/control_witness.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QD_CONTROL_VERSION = 5, /* of the messages; another one is refused */
	QD_CONTROL_PACKET_MAX =
		65536, /* a snapshot of 16 nodes on 2 links is about 6 KiB, of 64 on 8 links 46 KiB, 64
					* log lines 18 KiB */
	QD_CONTROL_LOG_BATCH = 64,  /* lines in one packet */
	QD_CONTROL_LOG_RING = 4096, /* lines kept: 1.1 MiB, allocated at start */
	QD_CONTROL_CLIENTS_MAX = 8, /* quorum-api is one; a second during its restart */
	QD_CONTROL_VERSION_TEXT = 32,
	QD_CONTROL_WHY_MAX =
		QD_CONF_MESSAGE_BYTES, /* of a refusal: the configuration's first mistake, or a reason */
	QD_CONTROL_LINKS_MAX = QD_NODES_MAX * QD_LINKS_MAX,
	QD_CONTROL_PROOF_BUCKETS = QD_ROUND_BUCKETS,
};

/* From the client. */
enum qd_control_ask {
	QD_ASK_NONE = 0,
	QD_ASK_STATUS,	  /* one snapshot */
	QD_ASK_SUBSCRIBE, /* a snapshot now and at every change */
	QD_ASK_LOG,	  /* the lines from `since` on, at most QD_CONTROL_LOG_BATCH */
	QD_ASK_HANDOVER,  /* to node `to`, 0: any; answered when it is decided */
	QD_ASK_CHANGE, /* a new configuration made from the one with tag `from`; its text comes as a sealed memfd */
	QD_ASK_FORCE,	/* the quorum of this node alone */
	QD_ASK_CONFIG,	/* the text of body `digest`, zeros: the one in force; it comes as a sealed memfd */
	QD_ASK_HISTORY, /* which bodies were in force */
	QD_ASK_COUNT,
};

struct qd_control_request {
	enum qd_control_ask ask;
	uint64_t id; /* the answer carries it; 0 in answers that nobody asked for */
	uint64_t since;
	enum qd_trace_level least; /* QD_ASK_LOG: of the lines */
	uint32_t to;
	struct qd_tag from;
	uint8_t digest[QD_DIGEST_BYTES];
};

struct qd_control_line {
	uint64_t number; /* grows by one a line, from 1 */
	struct qd_mono at;
	int64_t unix_ms; /* wall clock, for people only */
	enum qd_trace_level level;
	enum qd_trace_code code; /* of the core's decision; QD_TRACE_NONE: a line of the daemon's own */
	char text[QD_TRACE_TEXT_MAX];
};

struct qd_control_lines {
	uint64_t next;	/* ask since this one for what follows */
	uint64_t first; /* oldest that is kept */
	uint32_t count;
	struct qd_control_line list[QD_CONTROL_LOG_BATCH];
};

/* One link to one node (core/link.h says what is counted). */
struct qd_control_link {
	uint32_t node;
	uint32_t network;
	bool up;
	uint32_t missed; /* in a row */
	uint32_t threshold;
	struct qd_span delay;
	bool same_subnet;   /* else the times of cross_subnet_* count */
	uint64_t exchanges; /* complete */
	uint64_t lost;
	uint64_t rtt_ns;
	uint64_t rtt_smooth_ns;
	uint64_t rtt_worst_ns;
};

/* One network of this machine, by its number in the configuration. */
struct qd_control_network {
	bool used;
	bool open;
	int64_t open_error; /* a negative errno */
	int64_t last_error;
	char address[QD_ADDRESS_TEXT_MAX];
	char name[QD_NETWORK_NAME_MAX]; /* "": no interface has the address now */
	enum qd_network_role role;
	uint32_t metric; /* 0: not known */
	uint64_t sent;
	uint64_t received;
	uint64_t dropped;
	uint64_t not_sent; /* whatever kept them from leaving */
	uint64_t receive_errors;
};

/* The last time that it was decided who acts, here: what came of it, and what it was begun for. */
struct qd_control_arbitration {
	int64_t unix_ms; /* wall clock, for people only; 0: none yet */
	char text[QD_TRACE_TEXT_MAX];
	char reason[QD_TRACE_TEXT_MAX]; /* "": the text says it all */
};

/* How old a proof of quorum was when it came: what is left of the margin is the rest. Bucket n counts below 2^n * 100 us,
 * the last one everything else. */
struct qd_control_proofs {
	struct qd_mono start; /* of the newest one */
	uint64_t count;
	uint64_t last_ns;
	uint64_t worst_ns;
	uint64_t histogram[QD_CONTROL_PROOF_BUCKETS];
};

/* Everything that people and clients may see. */
struct qd_control_snapshot {
	uint64_t sequence; /* grows with every change that qd_control_snapshot_differs() sees */
	char version[QD_CONTROL_VERSION_TEXT];
	char cluster[QD_CONF_NAME_MAX];
	uint32_t node_id;
	uint64_t members;
	char node_names[QD_NODE_ID_MAX + 1][QD_CONF_NAME_MAX]; /* by id */
	struct qd_mono now; /* when it was taken: what the instants below are measured against */
	struct qd_times times;
	struct qd_lease lease;
	bool has_group;
	char group_name[QD_CONF_NAME_MAX];
	struct qd_group group;
	bool mine; /* QD_ACTION_OWNER: ownership as announced to clients */
	uint64_t epoch;
	struct qd_arbiter_status arbiter;
	uint64_t log_next; /* number of the next log line */
	struct qd_control_arbitration arbitration;

	/* With networks between the nodes. The rest is zeros without. */
	bool has_cluster;
	bool has_witness; /* one is configured, whether its vote counts or not */
	struct qd_control_witness witness;
	bool join_only;
	struct qd_cluster_status views;
	char store_why[QD_CONTROL_WHY_MAX]; /* the node's own store cannot be written: why; "": it can */
	struct qd_span detection;
	struct qd_control_proofs proofs;
	uint32_t network_count;
	struct qd_control_network networks[QD_LINKS_MAX];
	uint64_t packets[QD_PACKET_VERDICT_COUNT]; /* that came in, by what became of them */
	uint64_t replayed[QD_NODES_MAX];	   /* [id - 1]; quorumd/replays.h */
	uint32_t link_count;
	struct qd_control_link links[QD_CONTROL_LINKS_MAX]; /* that are used, by node and network */
};

/* From quorumd. */
enum qd_control_tell {
	QD_TELL_NONE = 0,
	QD_TELL_SNAPSHOT,
	QD_TELL_LINES,
	QD_TELL_REPLY,	 /* to what an operator asked for; DONE, or not and why */
	QD_TELL_REFUSED, /* the request was not understood */
	QD_TELL_CONFIG,	 /* with the text as a sealed memfd */
	QD_TELL_HISTORY,
	QD_TELL_COUNT,
};

struct qd_control_reply {
	enum qd_reply reply;
	char why[QD_CONTROL_WHY_MAX]; /* "": the reply says it all */
};

/* A body: the text is beside it. */
struct qd_control_config {
	struct qd_tag
		tag; /* of the configuration in force, whichever was asked for: what a change is made from */
	bool in_force;
	uint8_t digest[QD_DIGEST_BYTES];
};

struct qd_control_history {
	uint32_t count;
	struct qd_body_entry list[QD_BODIES_HISTORY]; /* oldest first */
};

struct qd_control_answer {
	enum qd_control_tell tell;
	uint64_t id;
	union {
		struct qd_control_snapshot snapshot;
		struct qd_control_lines lines;
		struct qd_control_reply reply;
		struct qd_control_config config;
		struct qd_control_history history;
	} u;
};

/* Fill everything but sequence, mine, epoch, log_next, arbitration, networks, packets, replayed, witness and store_why from the
 * configuration and the node's state. Keeps `proofs`. */
void qd_control_snapshot_fill(const struct qd_conf *conf, const struct qd_node *node, struct qd_mono now,
			      struct qd_control_snapshot *out);

/* Only what steps change, of a snapshot that was filled before: cheap enough for every step. Also notes a new proof of
 * quorum. qd_control_snapshot_differs() then says whether to fill and push. */
void qd_control_snapshot_update(const struct qd_node *node, struct qd_mono now,
				struct qd_control_snapshot *s);

/* After _fill(): network `number` of the configuration. `found`: the interface's, NULL: no interface has the address. */
void qd_control_snapshot_network(struct qd_control_snapshot *s, uint32_t number,
				 const struct qd_address *local, const struct qd_net_link *link,
				 const struct qd_network *found);

/* After _fill(): what became of packets. */
void qd_control_snapshot_packets(struct qd_control_snapshot *s, const struct qd_packet *packet);

/* The two differ in what people and clients wait for (states, owner, epoch, group, paths, hold reason, heir, view, votes,
 * configuration, links up, witness), not only in instants and counters. */
bool qd_control_snapshot_differs(const struct qd_control_snapshot *a, const struct qd_control_snapshot *b);

/* quorumd's end. All calls from one thread; none blocks; nothing is allocated after _open(). */
struct qd_control_server;

/* What operators ask for, called from qd_control_server_service(); one at a time, others are told "busy". Each is
 * answered exactly once, from within the call or later, by one of the replies below, even when who asked is gone. NULL:
 * the server refuses it, for this node has no networks. */
struct qd_control_calls {
	void (*handover)(void *context, uint32_t to);
	/* `text` is borrowed until the answer; at most QD_BODY_BYTES_MAX, not looked into here. */
	void (*change)(void *context, struct qd_tag from, const char *text, size_t len_bytes);
	void (*force)(void *context, uint64_t unix_s);
	/* `digest` is borrowed during the call; zeros: the body in force. */
	void (*get_config)(void *context, const uint8_t digest[QD_DIGEST_BYTES]);
	void (*history)(void *context);
	void *context;
};

/* Listen on `path` (an old socket there is replaced), mode 0600, owned by `user` unless empty or not root. `calls` is
 * copied. 0 or -QD_ERR_IO (errno says why), -QD_ERR_NOMEM. The caller frees with _close(). */
int qd_control_server_open(const char *path, const char *user, const struct qd_control_calls *calls,
			   struct qd_control_server **out);
void qd_control_server_close(struct qd_control_server *s);

/* One descriptor to poll for reading; it is readable whenever _service() has something to do. */
int qd_control_server_fd(const struct qd_control_server *s);
void qd_control_server_service(struct qd_control_server *s);

/* The present state. Kept (copied); sent to the subscribers when it differs from the one before, with a new
 * sequence. Call it after every step. sequence, log_next and arbitration are the server's to set. */
void qd_control_server_push(struct qd_control_server *s, const struct qd_control_snapshot *snapshot);

/* Append a line to the ring. */
void qd_control_server_log(struct qd_control_server *s, struct qd_mono at, enum qd_trace_level level,
			   const char *text);

/* The same for a decision of the core: the line carries its code. `text` is qd_trace_format()'s. */
void qd_control_server_trace(struct qd_control_server *s, struct qd_mono at, const struct qd_trace *trace,
			     const char *text);

/* What an operator asked for on another node: take the one place there is. Its answer goes to `reply`, once; `r` is
 * borrowed. False: a request is under way. */
typedef void qd_control_reply_fn(void *context, const struct qd_control_reply *r);
bool qd_control_server_take(struct qd_control_server *s, enum qd_control_ask ask, qd_control_reply_fn *reply,
			    void *context);

/* Answers to what an operator has asked for. Nothing is under way: ignored.
 *
 * _reply() is the core's QD_ACTION_REPLY, to handover, change and force. _refuse() says why in words, for any of the calls:
 * `why` is cut at QD_CONTROL_WHY_MAX. _config() and _history() are the good answers to those calls; `text` is copied. */
void qd_control_server_reply(struct qd_control_server *s, enum qd_reply reply);
__attribute__((format(printf, 3, 4))) void
qd_control_server_refuse(struct qd_control_server *s, enum qd_reply reply, const char *format, ...);
void qd_control_server_config(struct qd_control_server *s, const struct qd_control_config *config,
			      const char *text, size_t len_bytes);
void qd_control_server_history(struct qd_control_server *s, const struct qd_body_entry *list, uint32_t count);

#endif
