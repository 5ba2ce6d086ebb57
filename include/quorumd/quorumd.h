/* SPDX-License-Identifier: Apache-2.0 */
/* libquorumd: who owns the cluster's group, changes of it, and the fencing token, from quorum-api's unix socket.
 *
 * Nothing here renews, takes or gives up ownership. What is reported was true when quorumd said so; between that and
 * the caller's next line of code any time may pass. Work that must not be done twice carries the token, and whoever
 * carries it out refuses a token lower than the highest that it has seen.
 *
 * Units: milliseconds where a name ends in _ms; -1 there means without limit. Errors: 0 or a positive number is
 * success, a negative one is -QD_ERR_x of errors.h. Threads: a client may be used by one thread at a time; different
 * clients are independent. No call changes signal handlers, the locale or any other state of the process. */
#ifndef QUORUMD_QUORUMD_H
#define QUORUMD_QUORUMD_H

#include <quorumd/errors.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where quorum-api listens unless api.socket or run_dir says otherwise. */
#define QD_CLIENT_SOCKET "/run/quorumd/api.sock"

enum {
	QD_CLIENT_NAME_MAX = 64, /* bytes of a node's name with its NUL */
};

/* Who owns, as one node sees it. Plain data: copy it as you like. */
struct qd_ownership {
	bool known;	   /* false: quorumd or quorum-api cannot be reached; everything below is 0 */
	bool mine;	   /* the node of this socket owns */
	bool online;	   /* mine, and its group runs */
	uint64_t token;	   /* mine: the fencing token, larger than that of every earlier owner; else 0 */
	uint64_t sequence; /* grows with every change, as long as quorumd runs */
	uint32_t owner_id; /* 1..64, 0: nobody that is seen to be alive */
	uint32_t node_id;  /* the node of this socket */
	char owner[QD_CLIENT_NAME_MAX]; /* its name, "" for nobody */
	char node[QD_CLIENT_NAME_MAX];
};

struct qd_client; /* opaque: a subscription to changes */

/* Ask once who owns.
 * path: the socket, NULL for QD_CLIENT_SOCKET; borrowed until return. limit_ms: how long it may take, -1: no limit.
 * out: filled on success.
 * Returns 0, -QD_ERR_UNREACHABLE (nobody listens, or quorumd is away), -QD_ERR_TIMEOUT, -QD_ERR_PROTOCOL (the answer
 * is not what quorum-api says), -QD_ERR_NOMEM, -QD_ERR_INVALID (the path is too long).
 * Threads: any. Blocks for at most limit_ms. */
int qd_owner_get(const char *path, int limit_ms, struct qd_ownership *out);

/* Subscribe to changes. The connection is made, and made again whenever it is lost, by qd_client_next().
 * path: as above; copied. out: the client, to be freed with qd_client_close().
 * Returns 0, -QD_ERR_NOMEM, -QD_ERR_IO (no descriptors left), -QD_ERR_INVALID (the path is too long). That nobody
 * listens yet is no error.
 * Threads: any. Does not block. */
int qd_client_open(const char *path, struct qd_client **out);

/* End the subscription and free it. NULL is allowed.
 * Threads: that of the client. Does not block. */
void qd_client_close(struct qd_client *client);

/* A descriptor that polls readable when qd_client_next() has something to do. It belongs to the client: only poll it.
 * It stays the same for the life of the client.
 * Threads: that of the client. */
int qd_client_fd(const struct qd_client *client);

/* Take the next change, if there is one: the first call that succeeds brings the present state. A loss of the
 * connection is a change as well, with known = false. Of changes in quick succession only the last may be seen.
 * out: filled when 1 is returned.
 * Returns 1 (a change), 0 (nothing new: poll the descriptor), -QD_ERR_NOMEM, -QD_ERR_IO.
 * Threads: that of the client. Does not block. */
int qd_client_next(struct qd_client *client, struct qd_ownership *out);

/* The same, but wait for a change for up to limit_ms, -1: no limit.
 * Returns 1, 0 (limit_ms is over), or as qd_client_next(). A signal ends the wait with 0.
 * Threads: that of the client. Blocks for at most limit_ms. */
int qd_client_wait(struct qd_client *client, int limit_ms, struct qd_ownership *out);

/* What an error means, in English, for any value that a call here returned. Static text, never NULL.
 * Threads: any. */
const char *qd_error_text(int error);

#ifdef __cplusplus
}
#endif

#endif
