/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask of the one configuration, carried out: a new text is checked, made durable on this node and handed to
 * the core; texts and history are read from the store. Every request is answered at the control server, or by the core.
 * Decides nothing. One request at a time, as the control server has it; everything is allocated by qd_operator_open(). */
#ifndef QD_QUORUMD_CONTROL_OPERATOR_H
#define QD_QUORUMD_CONTROL_OPERATOR_H

#include "core/event.h"
#include "quorumd/control.h"
#include "quorumd/shell_kept.h"

/* All borrowed for the life of the operator. */
struct qd_operator_config {
	const char *conf_file;	    /* this machine's: a new text must go with its own keys */
	const struct qd_conf *conf; /* the present one */
	const struct qd_node *node;
	struct qd_control_server *control;
	struct qd_kept_store *store; /* nobody else has body jobs there */
	/* Keep a text at hand, to be served to others and written to the quorum disk: qd_shell_config_take(). */
	bool (*take)(void *texts, const uint8_t digest[QD_DIGEST_BYTES], const uint8_t *text,
		     size_t len_bytes);
	void *texts;
	/* To the leader, when that is another node: false: it is this one's to do. The text is one of `texts`. */
	bool (*forward)(void *context, struct qd_tag from, const uint8_t digest[QD_DIGEST_BYTES]);
	void (*post)(void *context, const struct qd_event *ev); /* to the core; what it points to stays */
	void *context;
};

struct qd_operator;

/* 0 or -QD_ERR_NOMEM. */
int qd_operator_open(const struct qd_operator_config *config, struct qd_operator **out);

/* After qd_kept_close(), whose thread may use its memory. Takes NULL. */
void qd_operator_close(struct qd_operator *o);

/* The calls of struct qd_control_calls. */
void qd_operator_change(struct qd_operator *o, struct qd_tag from, const char *text, size_t len_bytes);
void qd_operator_force(struct qd_operator *o, uint64_t unix_s);
void qd_operator_get_config(struct qd_operator *o, const uint8_t digest[QD_DIGEST_BYTES]);
void qd_operator_history(struct qd_operator *o);

/* The core's reply to an operator. True: it is to a change that a new view overtook, and is answered here as soon as a view
 * shows what is in force, or later with the reason why that is not known. */
bool qd_operator_replied(struct qd_operator *o, enum qd_reply reply, struct qd_mono now);

/* Every turn, or when qd_kept_fd() was readable, and at _deadline() at the latest: whether the store is done with a job, and
 * what became of a change that was overtaken. */
void qd_operator_think(struct qd_operator *o, struct qd_mono now);
struct qd_mono qd_operator_deadline(const struct qd_operator *o);

#endif
