/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's way to the witness: its addresses, or a directory on a share. The core's questions go out and the answers to
 * them come back, under numbers of this module's own, so that it can ask in between what the witness has: a node that does
 * not lead would else not know whether it could. Decides nothing. */
#ifndef QD_QUORUMD_SHELL_WITNESS_H
#define QD_QUORUMD_SHELL_WITNESS_H

#include "drv/loop.h"
#include "drv/packet.h"
#include "quorumd/conf.h"
#include "quorumd/control_witness.h"

enum {
	QD_SHELL_WITNESS_LOOK_MS = 10000,  /* without a question of the core's: what do you have? */
	QD_SHELL_WITNESS_SILENT_MS = 2500, /* without an answer: not reachable, for people */
};

struct qd_shell_witness;

/* A datagram that came from one of its addresses; to be opened by the caller. */
typedef void qd_shell_witness_datagram_fn(void *context, const uint8_t *data, size_t len_bytes);

struct qd_shell_witness_config {
	struct qd_loop *loop;
	struct qd_packet *packet; /* borrowed: seals the questions */
	uint32_t node;
	qd_shell_witness_datagram_fn *on_datagram;
	void *context;
};

/* Open what the configuration names. 0, or an error and why[QD_CONF_MESSAGE_BYTES]. The caller ends it with _close(). */
int qd_shell_witness_open(const struct qd_shell_witness_config *config, const struct qd_conf *conf,
			  struct qd_shell_witness **out, char *why);
void qd_shell_witness_close(struct qd_shell_witness *w); /* takes NULL */

/* From here on the witness is asked. A share's thread begins now, with the rights that the process has now: after it has
 * dropped what it does not need. 0, or an error and why[QD_CONF_MESSAGE_BYTES]. */
int qd_shell_witness_begin(struct qd_shell_witness *w, uint64_t incarnation, char *why);

/* The configuration changed, perhaps the witness. A host's name is not looked up now, which could take long. The same
 * errors; then it goes on without a witness. */
int qd_shell_witness_configure(struct qd_shell_witness *w, const struct qd_conf *conf, char *why);

/* QD_ACTION_WITNESS. */
void qd_shell_witness_ask(struct qd_shell_witness *w, const struct qd_witness_request *request,
			  struct qd_mono now);

/* The witness answered. True: it is the answer to the core's last question, and *answer is as the core expects it. */
bool qd_shell_witness_answered(struct qd_shell_witness *w, struct qd_witness_answer *answer,
			       struct qd_mono now);

/* The next answer of a share to the core; false: none. */
bool qd_shell_witness_next(struct qd_shell_witness *w, struct qd_witness_answer *answer, struct qd_mono now);

struct qd_mono qd_shell_witness_deadline(const struct qd_shell_witness *w);
void qd_shell_witness_think(struct qd_shell_witness *w, struct qd_mono now);

/* What fails with the share and has not been said yet: true and a text for the log. */
bool qd_shell_witness_complains(struct qd_shell_witness *w, char why[QD_SHARE_WHY_MAX]);

/* For people: the last question was answered, or may still be. */
bool qd_shell_witness_reachable(const struct qd_shell_witness *w, struct qd_mono now);
void qd_shell_witness_show(struct qd_shell_witness *w, struct qd_mono now, struct qd_control_witness *out);

#endif
