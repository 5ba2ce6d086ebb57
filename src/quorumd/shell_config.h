/* SPDX-License-Identifier: Apache-2.0 */
/* The one configuration in the daemon: what is kept durably for the views, the texts that heads name, where they come from
 * (this node's store, another node, the quorum disk, an operator) and to whom they are served. Decides nothing. */
#ifndef QD_QUORUMD_SHELL_CONFIG_H
#define QD_QUORUMD_SHELL_CONFIG_H

#include "core/event.h"
#include "drv/keyfile.h"
#include "drv/loop.h"
#include "drv/transfer.h"
#include "quorumd/conf.h"
#include "quorumd/shell_kept.h"

struct qd_shell_config;

/* Read the configuration: the machine's file, and the cluster's part of it from what is kept in its state_dir, if
 * anything is. As qd_conf_load(). */
int qd_shell_config_load(const char *file, struct qd_conf *conf, struct qd_conf_messages *messages);

/* `cluster create`: the first store of this node, with a vote. 0, or an error and why[QD_KEPT_WHY_MAX]. */
int qd_shell_config_create(const char *file, const struct qd_conf *conf, char *why);

/* Open the store and the transfer. *kept is what the core begins with; a sentence for the log, or "", in
 * why[QD_KEPT_WHY_MAX], also with 0. */
int qd_shell_config_open(struct qd_loop *loop, const char *file, const struct qd_conf *conf,
			 struct qd_shell_config **out, struct qd_kept *kept, char *why);
void qd_shell_config_close(struct qd_shell_config *c); /* takes NULL */

/* QD_ACTION_KEEP: *kept is copied. Answered by an event of qd_shell_config_next(). */
void qd_shell_config_keep(struct qd_shell_config *c, uint64_t turn, uint32_t from, const struct qd_kept *kept,
			  struct qd_mono now);

/* QD_EVENT_KEPT, when it is done. False: nothing. `why` [QD_KEPT_WHY_MAX]: what to say about it, or "": nothing, or it is what
 * was said last. */
bool qd_shell_config_next(struct qd_shell_config *c, struct qd_event *ev, char *why);

/* The event before was a failure that was said already: what the core says of it is none either. */
bool qd_shell_config_repeats(const struct qd_shell_config *c);

/* Why the node's store cannot be written; "": it can, as far as is known. Valid until the next _next(). */
const char *qd_shell_config_trouble(const struct qd_shell_config *c);

/* The kept configuration changed since the last call: *text is the cluster's part of it, in force from now on. */
bool qd_shell_config_changed(struct qd_shell_config *c, struct qd_tag *tag, struct qd_conf_text *text);

/* Texts in memory: for the quorum disk's slots (src/drv/paths.h) and for operators. */
bool qd_shell_config_take(void *config, const uint8_t digest[QD_DIGEST_BYTES], const uint8_t *text,
			  size_t len_bytes);
bool qd_shell_config_give(void *config, const uint8_t digest[QD_DIGEST_BYTES], uint8_t *text,
			  size_t *len_bytes);

struct qd_mono qd_shell_config_deadline(const struct qd_shell_config *c);
void qd_shell_config_think(struct qd_shell_config *c, struct qd_mono now);

/* The configuration changed: addresses, and who is a node. */
void qd_shell_config_configure(struct qd_shell_config *c, const struct qd_conf *conf, struct qd_mono now);

/* The key file was read again. */
int qd_shell_config_rekey(struct qd_shell_config *c, const struct qd_conf *conf, char *why);

/* For operators: jobs on the store. Borrowed. */
struct qd_kept_store *qd_shell_config_store(struct qd_shell_config *c);
/* And connections to other nodes. Borrowed. */
struct qd_transfer *qd_shell_config_transfer(struct qd_shell_config *c);

#endif
