/* SPDX-License-Identifier: Apache-2.0 */
/* One iSCSI session of one connection to one LUN: connect, log in, send SCSI commands, tear down. It never connects
 * again by itself, repeats nothing and knows no deadlines: whoever uses it decides. Errors end the session, never the
 * process. Not thread-safe; belongs to one loop. */
#ifndef QD_DRV_ISCSI_SESSION_H
#define QD_DRV_ISCSI_SESSION_H

#include "codec/sense.h"
#include "drv/iscsi_target.h"
#include "drv/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

enum {
	QD_SCSI_CDB_MAX = 16,
	QD_SESSION_WHY_MAX = 256,
};

enum qd_scsi_direction {
	QD_SCSI_NO_DATA = 0,
	QD_SCSI_IN,  /* from the target */
	QD_SCSI_OUT, /* to the target */
};

struct qd_session;
struct qd_scsi_command;
typedef void qd_scsi_done_fn(struct qd_scsi_command *command);

/* One command. Storage and data are the caller's; both belong to the session from qd_session_send() until done() is
 * called or the session has ended. */
struct qd_scsi_command {
	uint8_t cdb[QD_SCSI_CDB_MAX];
	uint32_t cdb_len;
	enum qd_scsi_direction direction;
	uint32_t len_bytes; /* of data */
	uint8_t *data;
	qd_scsi_done_fn
		*done; /* called from within the loop's turn; it may send, it must not close the session */
	void *context;
	/* the result, valid in done() */
	enum qd_outcome outcome;
	uint8_t status;
	struct qd_sense sense;
	uint32_t received_bytes; /* IN: the allocation less the residual that the target spoke of */
	/* private to the session */
	struct scsi_task task;
	struct scsi_iovec vector;
	struct qd_session *session;
};

enum qd_session_state {
	QD_SESSION_DOWN = 0,
	QD_SESSION_CONNECTING,
	QD_SESSION_LOGIN,
	QD_SESSION_UP,
	QD_SESSION_STATE_COUNT,
};

/* The log-in succeeded, or the session is down again and qd_session_why() says why. Called from the loop's turn only;
 * may not close the session. */
typedef void qd_session_login_fn(void *context, bool ok);
/* An established session has ended by itself; it is down already, its commands get no done(). */
typedef void qd_session_lost_fn(void *context);

struct qd_session {
	struct qd_loop *loop;		      /* borrowed */
	const struct qd_iscsi_target *target; /* borrowed, resolved */
	qd_session_login_fn *on_login;
	qd_session_lost_fn *on_lost;
	void *context;
	/* private */
	enum qd_session_state state;
	struct iscsi_context *iscsi;
	struct qd_io io;
	bool broken;	       /* libiscsi said so during the present call */
	bool corked;	       /* what is written waits for a push */
	bool refused_auth;     /* the last log-in failed for its credentials */
	bool mutual_proved;    /* the target answered our challenge */
	uint32_t wanted_bytes; /* SO_RCVLOWAT of the log-in phase */
	uint32_t in_flight;
	uint64_t number; /* grows with every qd_session_open() */
	uint64_t sent;	 /* commands ever */
	char why[QD_SESSION_WHY_MAX];
};

/* Begin to connect and log in; only when down. True: on_login follows, from a later turn. False: it failed at once,
 * qd_session_why() says why, on_login is not called. Never blocks. SIGPIPE is ignored from then on: libiscsi writes
 * without MSG_NOSIGNAL. */
bool qd_session_open(struct qd_session *s);

/* Queue a command (SIMPLE task attribute); only when up. It leaves with qd_session_flush(), together with the others
 * of the turn, in order. False: not queued, no done() follows. */
bool qd_session_send(struct qd_session *s, struct qd_scsi_command *command);

/* Send what is queued, in one segment where it fits. on_lost may be called from here. Not from within a
 * callback. */
void qd_session_flush(struct qd_session *s);

/* End the session at once, without a log-out, and forget its commands: no callback follows. What was not sent is not
 * sent (the connection is reset). Not from within a callback. Harmless when down. */
void qd_session_close(struct qd_session *s);

/* Why the last log-in failed or the session ended; borrowed. */
const char *qd_session_why(const struct qd_session *s);

#endif
