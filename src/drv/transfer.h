/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are larger than a packet go from node to node over TCP: a node serves some, named by their digest, and
 * fetches others from a peer that it names. Both ends prove that they have the key; what came is checked against its
 * digest before it is handed on. In the same way a node is asked for something that it has to do first: the words of the
 * request are its user's, and so is the answer. Never blocks, logs nothing, allocates nothing after it was opened.
 *
 *   asker                                       server
 *   hello: from, to, key's number, random  ->
 *                                          <-  welcome: random, stream header, sealed proof
 *   stream header, sealed question         ->
 *                                          <-  sealed status and length; of a request, when it is answered
 *                                          <-  sealed chunks of QD_TRANSFER_CHUNK bytes, the last one shorter
 *
 * The two stream keys (crypto_secretstream_xchacha20poly1305) are a keyed BLAKE2b of the hello and the server's random, so
 * a recorded asker gets nothing: the random is new. Every length is known before a byte of it is read, and one that is too
 * large ends the connection. One body a connection. What an attacker without the key can do is to hold a connection until
 * the time for its phase is over; when all are taken, the oldest that has proved nothing makes room. */
#ifndef QD_DRV_TRANSFER_H
#define QD_DRV_TRANSFER_H

#include "base/nodeset.h"
#include "core/msg.h"
#include "drv/address.h"
#include "drv/loop.h"

enum {
	QD_TRANSFER_PORT = 3343,
	QD_TRANSFER_BODY_MAX = 1 << 20,
	QD_TRANSFER_BODIES = 4, /* served at the same time: the present configuration, the coming one, room */
	QD_TRANSFER_SERVES =
		16, /* connections of askers at the same time: the largest cluster of the reference */
	QD_TRANSFER_FETCHES = 2, /* at the same time */
	QD_TRANSFER_KEYS = 2,	 /* valid at the same time: while the cluster's key is being changed */
	QD_TRANSFER_KEY_BYTES = 32,
	QD_TRANSFER_PHASE_MS = 2000,	 /* for each step up to the reply */
	QD_TRANSFER_BODY_MS = 10000,	 /* for all chunks together: 1 MiB at 1 Mbit/s */
	QD_TRANSFER_ANSWER_MS = 1800000, /* to a request: what an operator waits for at most */
	QD_TRANSFER_WORDS = 32,		 /* of a request, beside its digest */
	QD_TRANSFER_ANSWER_MAX = 1024,
};

struct qd_transfer_key {
	uint32_t number;		    /* by which both ends mean the same one */
	uint8_t key[QD_TRANSFER_KEY_BYTES]; /* of the cluster, or of anything that only the two ends have */
};

struct qd_transfer_config {
	uint32_t node_id;
	uint16_t port;	       /* 0: QD_TRANSFER_PORT */
	struct qd_span phase;  /* 0: QD_TRANSFER_PHASE_MS */
	struct qd_span body;   /* 0: QD_TRANSFER_BODY_MS */
	struct qd_span answer; /* 0: QD_TRANSFER_ANSWER_MS */
	uint32_t
		body_max_bytes; /* 1..QD_TRANSFER_BODY_MAX; 0: that. QD_TRANSFER_BODIES + QD_TRANSFER_FETCHES of it are kept */
	struct qd_address local[QD_LINKS_MAX]; /* to listen at; AF_UNSPEC: not on that link */
};

enum qd_transfer_result {
	QD_TRANSFER_OK = 0,
	QD_TRANSFER_ABSENT,	 /* the peer does not have it */
	QD_TRANSFER_UNREACHABLE, /* no connection */
	QD_TRANSFER_TIMEOUT,	 /* a phase took too long */
	QD_TRANSFER_CLOSED, /* the peer ended the connection before everything was there; also when it does not know
				  * this node, or the number of the key */
	QD_TRANSFER_FORGED,    /* not sealed with the key, or changed on the way */
	QD_TRANSFER_PROTOCOL,  /* something else listens there, or a program of another version */
	QD_TRANSFER_TOO_LARGE, /* longer than this node takes */
	QD_TRANSFER_DIGEST,    /* authentic, whole and not what was asked for */
	QD_TRANSFER_RESULT_COUNT,
};

struct qd_transfer_done;
/* Called from a turn or from qd_transfer_think(). May fetch, cancel and put, not close. */
typedef void qd_transfer_done_fn(void *context, const struct qd_transfer_done *done);

/* What is asked for: a body, or something to be done. */
struct qd_transfer_question {
	uint8_t digest[QD_DIGEST_BYTES]; /* of the body; of a request: whatever it means there */
	bool request;
	uint8_t words[QD_TRANSFER_WORDS]; /* of a request */
};

struct qd_transfer_want {
	uint32_t peer;
	struct qd_address from; /* AF_UNSPEC: the kernel chooses */
	struct qd_address to;
	struct qd_transfer_question question;
	qd_transfer_done_fn *done; /* NULL: that of qd_transfer_open() */
	void *context;
};

/* How a fetch ended. Everything is borrowed until return. */
struct qd_transfer_done {
	uint64_t id;
	uint32_t peer;
	enum qd_transfer_result result;
	bool asked;	       /* the question was said: the peer may have taken it */
	const uint8_t *digest; /* that was asked for */
	const uint8_t *body;   /* with QD_TRANSFER_OK; of a request: the answer */
	size_t len_bytes;
};

/* A peer's request, of a connection that waits for its answer. Borrowed until return. */
struct qd_transfer_asked {
	uint64_t number; /* for qd_transfer_answer() */
	uint32_t from;
	const struct qd_transfer_question *question;
};
typedef void qd_transfer_asked_fn(void *context, const struct qd_transfer_asked *asked);

struct qd_transfer_counters {
	uint64_t accepted;
	uint64_t evicted;	/* made room, having proved nothing */
	uint64_t refused;	/* all connections were of proven peers */
	uint64_t no_descriptor; /* could not be accepted for want of descriptors or memory */
	uint64_t malformed;	/* no hello, of an unknown node, to another node, with an unknown key */
	uint64_t forged;	/* asked without having the key */
	uint64_t too_slow;	/* a phase took too long */
	uint64_t cut;		/* the asker went, or the body was replaced, before everything was sent */
	uint64_t absent;	/* asked for what is not here */
	uint64_t asked;		/* requests */
	uint64_t served;	/* whole bodies, and answers */
	uint64_t served_bytes;
	uint64_t fetched[QD_TRANSFER_RESULT_COUNT]; /* ended fetches by result */
	uint64_t fetched_bytes;
};

struct qd_transfer;

/* Opens what can be opened: an address that is not there, or a port that is taken, is tried again at every
 * qd_transfer_look_again() and each second. NULL: no memory, or libsodium does not start. The caller ends it with
 * qd_transfer_close(), which takes NULL and wipes all keys; fetches end without a word. */
struct qd_transfer *qd_transfer_open(struct qd_loop *loop, const struct qd_transfer_config *config,
				     qd_transfer_done_fn *done, void *context);
void qd_transfer_close(struct qd_transfer *t);

/* Keys that are taken, and to whom this node listens (mask; itself never). Fetches ask with keys[0]. Copied. Connections
 * under way go on. Without a key everything is refused. */
void qd_transfer_set_keys(struct qd_transfer *t, const struct qd_transfer_key *keys, uint32_t count);
void qd_transfer_set_peers(struct qd_transfer *t, uint64_t peers);

/* Local addresses changed (reload), or came or went. What stays stays open. */
void qd_transfer_configure(struct qd_transfer *t, const struct qd_address local[QD_LINKS_MAX],
			   struct qd_mono now);
void qd_transfer_look_again(struct qd_transfer *t, struct qd_mono now);

/* 0, or why that link is not listened at: a negative errno. Unused links: 0. */
int qd_transfer_listen_error(const struct qd_transfer *t, uint32_t link);

/* Serve these bytes (copied, at most body_max_bytes) in place of what was in `slot` (0..QD_TRANSFER_BODIES-1); whoever is
 * being served that has to ask again. The digest goes to *digest. NULL bytes: nothing is in that slot any more, and *digest
 * is not touched. */
void qd_transfer_put(struct qd_transfer *t, uint32_t slot, const void *bytes, size_t len_bytes,
		     uint8_t digest[QD_DIGEST_BYTES]);

/* Take requests; without it they are answered like bodies that are not there. Each is told once; its answer of at most
 * QD_TRANSFER_ANSWER_MAX bytes (at least one, copied) may come at any time, also from within the call. An asker that has
 * gone meanwhile is not told of: its answer goes nowhere. */
void qd_transfer_take_requests(struct qd_transfer *t, qd_transfer_asked_fn *asked, void *context);
void qd_transfer_answer(struct qd_transfer *t, uint64_t number, const void *bytes, size_t len_bytes);

/* Begin. The id that done() will name; 0: QD_TRANSFER_FETCHES are under way, or there is no key. */
uint64_t qd_transfer_fetch(struct qd_transfer *t, const struct qd_transfer_want *want, struct qd_mono now);
void qd_transfer_cancel(struct qd_transfer *t,
			uint64_t id); /* done() is not called; unknown ids are harmless */

struct qd_mono qd_transfer_deadline(const struct qd_transfer *t);
void qd_transfer_think(struct qd_transfer *t, struct qd_mono now);

const struct qd_transfer_counters *qd_transfer_count(const struct qd_transfer *t);
const char *qd_transfer_result_text(enum qd_transfer_result result); /* a sentence's part, for messages */

#endif
