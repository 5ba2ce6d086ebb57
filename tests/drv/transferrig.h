/* SPDX-License-Identifier: Apache-2.0 */
/* Two nodes of which A fetches and B serves, for the tests of transfers: waiting by turns of the loop, and sockets of an
 * end that is played by hand. */
#ifndef QD_TESTS_DRV_TRANSFERRIG_H
#define QD_TESTS_DRV_TRANSFERRIG_H

#include "drv/netns.h"
#include "drv/transfer.h"

enum {
	TR_A = 1, /* ids */
	TR_B = 2,
	TR_PHASE_MS = 900, /* for each step */
	TR_BODY_MS = 2700,
	TR_PATIENT_MS = 15000, /* for each of both: a SYN that is lost on a busy machine costs a second */
	TR_LARGE = QD_TRANSFER_BODY_MAX,
};

struct tr_node {
	struct qd_transfer *t;
	const struct netns *ns; /* NULL: here */
	unsigned ended;		/* fetches, since somebody looked */
	uint64_t last_id;
	enum qd_transfer_result result;
	size_t len;
	uint8_t body[TR_LARGE];
};

struct transferrig {
	struct qd_loop loop;
	struct tr_node a, b;
	uint8_t bytes[TR_LARGE]; /* a body without a pattern */
	uint8_t digest[QD_DIGEST_BYTES];
	struct qd_transfer_want want; /* what B serves, from A */
	uint16_t port;
	bool patient; /* from the next tr_begin() to tr_end(): TR_PATIENT_MS */
};

extern struct transferrig tr; /* the one of this program */
extern const struct qd_transfer_key tr_key;

void tr_begin(void); /* 127.0.0.1, 127.0.0.2 */
void tr_begin_at(const char *at_a, const char *at_b,
		 const struct netns *ns); /* A in ns[0], B in ns[1]; NULL: here */
void tr_end(void);

void tr_put(size_t len); /* B serves that much of tr.bytes; A wants it */
uint64_t tr_fetch(void);
void tr_think(void);
const struct qd_transfer_counters *tr_served(void);

/* Turns until the counter is there. */
bool tr_until(const uint64_t *counter, uint64_t reaches);
/* Turns until the only fetch of A has ended so; what else moves in every turn, NULL: nothing. */
bool tr_ended_with(enum qd_transfer_result result, void (*move)(void));
/* A whole fetch, right to the byte. */
bool tr_fetches(size_t len);

/* By hand: exactly that much goes, or comes; the other end closes and says nothing more before (closes fd, too). */
void tr_write_all(int fd, const void *from, size_t len);
bool tr_read_all(int fd, uint8_t *to, size_t len);
bool tr_is_closed(int fd);

#endif
