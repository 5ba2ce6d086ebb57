/* SPDX-License-Identifier: Apache-2.0 */
/* What quorumd and quorum-api say to each other over a unix socket of type SOCK_SEQPACKET, one message a packet, and
 * quorumd's end of it: clients, the ring of log lines, the snapshot. It decides nothing. The encoding is in
 * quorumd/control_wire.h. */
#ifndef QD_QUORUMD_CONTROL_H
#define QD_QUORUMD_CONTROL_H

#include "core/action.h"
#include "core/node.h"
#include "quorumd/conf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QD_CONTROL_VERSION = 1,	       /* of the messages; another one is refused */
	QD_CONTROL_PACKET_MAX = 32768, /* a snapshot with 64 node names is about 7 KiB, 64 log lines 18 KiB */
	QD_CONTROL_LOG_BATCH = 64,     /* lines in one packet */
	QD_CONTROL_LOG_RING = 4096,    /* lines kept: 1.1 MiB, allocated at start */
	QD_CONTROL_CLIENTS_MAX = 8,    /* quorum-api is one; a second during its restart */
	QD_CONTROL_VERSION_TEXT = 32,
};

/* From the client. */
enum qd_control_ask {
	QD_ASK_NONE = 0,
	QD_ASK_STATUS,	  /* one snapshot */
	QD_ASK_SUBSCRIBE, /* a snapshot now and at every change */
	QD_ASK_LOG,	  /* the lines from `since` on, at most QD_CONTROL_LOG_BATCH */
	QD_ASK_HANDOVER,  /* to node `to`, 0: any; answered when it is decided */
	QD_ASK_COUNT,
};

struct qd_control_request {
	enum qd_control_ask ask;
	uint64_t id; /* the answer carries it; 0 in answers that nobody asked for */
	uint64_t since;
	uint32_t to;
};

struct qd_control_line {
	uint64_t number; /* grows by one a line, from 1 */
	struct qd_mono at;
	int64_t unix_ms; /* wall clock, for people only */
	enum qd_trace_level level;
	char text[QD_TRACE_TEXT_MAX];
};

struct qd_control_lines {
	uint64_t next;	/* ask since this one for what follows */
	uint64_t first; /* oldest that is kept */
	uint32_t count;
	struct qd_control_line list[QD_CONTROL_LOG_BATCH];
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
};

/* From quorumd. */
enum qd_control_tell {
	QD_TELL_NONE = 0,
	QD_TELL_SNAPSHOT,
	QD_TELL_LINES,
	QD_TELL_REPLY,	 /* to QD_ASK_HANDOVER */
	QD_TELL_REFUSED, /* the request was not understood */
	QD_TELL_COUNT,
};

struct qd_control_answer {
	enum qd_control_tell tell;
	uint64_t id;
	union {
		struct qd_control_snapshot snapshot;
		struct qd_control_lines lines;
		enum qd_reply reply;
	} u;
};

/* Fill everything but sequence, mine, epoch and log_next from the configuration and the node's state. */
void qd_control_snapshot_fill(const struct qd_conf *conf, const struct qd_node *node, struct qd_mono now,
			      struct qd_control_snapshot *out);

/* The two differ in what people and clients wait for (states, owner, epoch, group, paths, hold reason, heir), not
 * only in instants and counters. */
bool qd_control_snapshot_differs(const struct qd_control_snapshot *a, const struct qd_control_snapshot *b);

/* quorumd's end. All calls from one thread; none blocks; nothing is allocated after _open(). */
struct qd_control_server;

/* Called from qd_control_server_service() for QD_ASK_HANDOVER. The answer comes by qd_control_server_reply(). */
typedef void qd_control_handover_fn(void *context, uint32_t to);

/* Listen on `path` (an old socket there is replaced), mode 0600, owned by `user` unless empty or not root. 0 or
 * -QD_ERR_IO (errno says why), -QD_ERR_NOMEM. The caller frees with _close(). */
int qd_control_server_open(const char *path, const char *user, qd_control_handover_fn *handover,
			   void *context, struct qd_control_server **out);
void qd_control_server_close(struct qd_control_server *s);

/* One descriptor to poll for reading; it is readable whenever _service() has something to do. */
int qd_control_server_fd(const struct qd_control_server *s);
void qd_control_server_service(struct qd_control_server *s);

/* The present state. Kept (copied); sent to the subscribers when it differs from the one before, with a new
 * sequence. Call it after every step. now, sequence and log_next are the server's to set. */
void qd_control_server_push(struct qd_control_server *s, const struct qd_control_snapshot *snapshot);

/* Append a line to the ring. */
void qd_control_server_log(struct qd_control_server *s, struct qd_mono at, enum qd_trace_level level,
			   const char *text);

/* The core's QD_ACTION_REPLY: to the client whose hand-over is under way; nobody: ignored. */
void qd_control_server_reply(struct qd_control_server *s, enum qd_reply reply);

#endif
