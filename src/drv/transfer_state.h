/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the transfer share: its connections of both kinds. Not for anybody else. */
#ifndef QD_DRV_TRANSFER_STATE_H
#define QD_DRV_TRANSFER_STATE_H

#include "drv/transfer_wire.h"

enum {
	QD_TRANSFER_PIECES = 4, /* chunks for one connection in a turn: about 0.2 ms of cryptography */
	QD_TRANSFER_IN_MAX = QD_TRANSFER_ASK_BYTES, /* the largest that a server reads at once */
	QD_TRANSFER_OUT_MAX = QD_TRANSFER_CHUNK + QD_TRANSFER_SEAL,
};

_Static_assert((int)QD_TRANSFER_IN_MAX >= (int)QD_TRANSFER_HELLO_BYTES, "a hello has room, too");

/* An asker's connection.
 *
 *   FREE -> HELLO -> ASK -> SEND -> FREE      and from each of them to FREE
 *                     \-> WAIT -> SEND          a request, until it is answered
 */
enum qd_serve_state {
	QD_SERVE_FREE = 0,
	QD_SERVE_HELLO, /* its hello comes; it has proved nothing */
	QD_SERVE_ASK,	/* welcomed; its question comes */
	QD_SERVE_WAIT,	/* it has the key; what it asked for is being done */
	QD_SERVE_SEND,	/* it has the key; reply and chunks go */
	QD_SERVE_STATE_COUNT,
};

struct qd_serve {
	struct qd_transfer *t;
	enum qd_serve_state state;
	struct qd_io io;
	int fd;
	uint64_t number;	 /* grows: the lowest is the oldest */
	struct qd_mono deadline; /* of this phase */
	struct qd_transfer_streams streams;
	size_t in_len;
	uint8_t in[QD_TRANSFER_IN_MAX];
	size_t out_at; /* written of out_len */
	size_t out_len;
	uint8_t out[QD_TRANSFER_OUT_MAX];
	uint32_t from; /* whom it says it is; proved from WAIT or SEND on */
	bool has_body;
	uint32_t slot;	  /* of what is sent; QD_TRANSFER_BODIES: the answer */
	size_t body_sent; /* sealed of it */
	size_t answer_len;
	uint8_t answer[QD_TRANSFER_ANSWER_MAX];
};

/* A fetch.
 *
 *   FREE -> CONNECT -> WELCOME -> REPLY -> BODY -> FREE      and from each of them to FREE
 *        -> FAILED (told at the next think) -> FREE
 */
enum qd_fetch_state {
	QD_FETCH_FREE = 0,
	QD_FETCH_FAILED, /* at once; not said from within qd_transfer_fetch() */
	QD_FETCH_CONNECT,
	QD_FETCH_WELCOME, /* hello is out */
	QD_FETCH_REPLY,	  /* the question is out */
	QD_FETCH_BODY,
	QD_FETCH_STATE_COUNT,
};

struct qd_fetch {
	struct qd_transfer *t;
	enum qd_fetch_state state;
	struct qd_io io;
	int fd;
	uint64_t id;
	uint32_t peer;
	struct qd_transfer_question question;
	bool asked; /* it was said */
	qd_transfer_done_fn *done;
	void *context;
	struct qd_mono deadline;
	uint8_t key[QD_TRANSFER_KEY_BYTES];
	uint8_t hello[QD_TRANSFER_HELLO_BYTES];
	struct qd_transfer_streams streams;
	crypto_generichash_state hash;
	size_t in_len; /* of the piece that comes */
	uint8_t in[QD_TRANSFER_OUT_MAX];
	size_t body_len;
	size_t body_got;
	uint8_t *body; /* body_max_bytes, of the transfer */
};

struct qd_listener {
	struct qd_transfer *t;
	struct qd_io io;
	bool open;
	int fd;
	int error;
	uint32_t interface; /* that an fe80:: socket is bound to; 0: none */
};

struct qd_body {
	bool used;
	size_t len_bytes;
	uint8_t digest[QD_DIGEST_BYTES];
	uint8_t *bytes; /* body_max_bytes, of the transfer */
};

struct qd_transfer {
	struct qd_loop *loop;
	struct qd_transfer_config config;
	qd_transfer_done_fn *done;
	void *context;
	qd_transfer_asked_fn *asked; /* NULL: nobody takes requests */
	void *asked_context;
	uint64_t peers;
	uint32_t key_count;
	struct qd_transfer_key keys[QD_TRANSFER_KEYS];
	struct qd_mono
		retry; /* listeners that are not open, or rest for want of descriptors; QD_NEVER: none */
	uint64_t last_number; /* of connections and fetches */
	uint8_t *memory;      /* of all bodies */
	struct qd_transfer_counters counters;
	struct qd_listener listeners[QD_LINKS_MAX];
	struct qd_body bodies[QD_TRANSFER_BODIES];
	struct qd_serve serves[QD_TRANSFER_SERVES];
	struct qd_fetch fetches[QD_TRANSFER_FETCHES];
};

/* transfer_serve.c */
void qd_serve_begin(struct qd_transfer *t, int fd, struct qd_mono now); /* takes fd */
void qd_serve_end(struct qd_serve *s);					/* harmless when free */
void qd_serve_answer(struct qd_serve *s, const void *bytes, size_t len_bytes);
void qd_serve_replaced(struct qd_transfer *t, uint32_t slot); /* end those that send it */
void qd_serve_think(struct qd_serve *s, struct qd_mono now);

/* transfer_fetch.c */
void qd_fetch_begin(struct qd_fetch *f, const struct qd_transfer_want *want, struct qd_mono now);
void qd_fetch_stop(struct qd_fetch *f); /* without a word; harmless when free */
void qd_fetch_think(struct qd_fetch *f, struct qd_mono now);

#endif
