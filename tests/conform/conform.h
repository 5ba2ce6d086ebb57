/* SPDX-License-Identifier: Apache-2.0 */
/* One script of SCSI persistent-reservation exchanges, run on several kinds of disk. This header is the seam between
 * the script (who sends what, what must come back) and an executor (how it gets to a disk). It is not the project's own
 * driver or codec: it is kept independent of both on purpose, so that a mistake in them cannot hide itself here. */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of disk. CF_MODEL is the simulator's disk as SPC-4 demands it, the other two models imitate a target. */
enum cf_kind { CF_MODEL, CF_TGT, CF_LIO, CF_MODEL_TGT, CF_MODEL_LIO, CF_KIND_COUNT };

enum cf_op {
	CF_OP_NONE,
	CF_OP_RESET, /* before each section: no session, no registration, no reservation */
	CF_OP_LOGIN,
	CF_OP_JOIN, /* log in and consume every pending unit attention */
	CF_OP_LOGOUT,
	CF_OP_DROP,    /* break the connection without a logout */
	CF_OP_RESTART, /* power cut of the target, then start */
	CF_OP_LUN_RESET,
	CF_OP_TUR,
	CF_OP_INQUIRY,
	CF_OP_READ,
	CF_OP_WRITE,
	CF_OP_START_WRITE, /* stays in flight: the target has the command and waits for its data */
	CF_OP_STALL,	   /* the target's medium stands still: a write stays in its hands */
	CF_OP_AWAIT_STALL, /* until a write is stuck there */
	CF_OP_UNSTALL,
	CF_OP_SEND_WRITE, /* with its data, without waiting for the answer */
	CF_OP_SEND_PREEMPT_ABORT,
	CF_OP_SILENCE, /* the initiator stops, its TCP connection stays */
	CF_OP_AWAIT,   /* until the command that was sent has its answer, or its session ended */
	CF_OP_PENDING, /* is the command that was sent still without an answer after a while? */
	CF_OP_FINISH,  /* the answer of what was started or sent */
	CF_OP_WRITE_SAME,
	CF_OP_COMPARE_WRITE,
	CF_OP_SYNC_CACHE,
	CF_OP_RESERVE6,
	CF_OP_RELEASE6,
	CF_OP_READ_KEYS,
	CF_OP_READ_RESERVATION,
	CF_OP_CAPABILITIES,
	CF_OP_FULL_STATUS,
	CF_OP_GENERATION, /* growth of PRGENERATION since the last time it was asked */
	CF_OP_REGISTER,
	CF_OP_RESERVE,
	CF_OP_RELEASE,
	CF_OP_CLEAR,
	CF_OP_PREEMPT,
	CF_OP_PREEMPT_ABORT,
	CF_OP_REGISTER_IGNORE,
	CF_OP_MOVE,
	CF_OP_COUNT
};

enum {
	CF_NEXUS_LETTERS = 6, /* initiator names A..F */
	CF_NEXUS_PATHS = 3,   /* ISIDs of one name: "A", "A1", "A2" */
	CF_NEXUS_MAX = CF_NEXUS_LETTERS * CF_NEXUS_PATHS,
	CF_KEYS_MAX = 32, /* registrations that an answer can hold */
	CF_TEXT_MAX = 512 /* a result as text, with its final zero */
};

/* One command, as the script asks for it. Fields that an operation does not use are zero. */
struct cf_command {
	enum cf_op op;
	unsigned nexus;	  /* letter * CF_NEXUS_PATHS + path */
	unsigned to;	  /* the nexus that REGISTER AND MOVE names */
	uint64_t key;	  /* reservation key */
	uint64_t new_key; /* service action reservation key */
	unsigned type;	  /* 0..15 */
	unsigned scope;	  /* 0..15 */
	bool aptpl;
	bool all_tg_pt;
	bool unreg; /* REGISTER AND MOVE */
	uint64_t lba;
	uint8_t pattern;     /* every byte of the block */
	uint8_t old_pattern; /* COMPARE AND WRITE */
};

enum cf_status {
	CF_GOOD,
	CF_CHECK, /* sense below */
	CF_CONFLICT,
	CF_BUSY,
	CF_ABORTED, /* TASK ABORTED */
	CF_LOST,    /* the session ended before an answer */
	CF_TIMED_OUT,
	CF_REFUSED,	/* login refused, or no session to send on */
	CF_PENDING,	/* no answer yet */
	CF_UNSUPPORTED, /* this executor cannot do it */
	CF_STATUS_COUNT
};

enum cf_data {
	CF_DATA_NONE,
	CF_DATA_KEYS,
	CF_DATA_HOLDER,
	CF_DATA_CAPS,
	CF_DATA_FULL,
	CF_DATA_GENERATION,
	CF_DATA_BLOCK
};

struct cf_registration {
	uint64_t key;
	unsigned nexus; /* CF_NEXUS_MAX: a name that is not ours */
	bool holder;
	bool all_tg_pt;
	unsigned type; /* meaningful for the holder */
};

struct cf_answer {
	enum cf_status status;
	uint8_t sense_key, asc, ascq; /* CF_CHECK */
	enum cf_data data;
	uint32_t generation; /* PRGENERATION of a PR IN answer */
	size_t count;	     /* keys or registrations that follow */
	uint64_t keys[CF_KEYS_MAX];
	struct cf_registration full[CF_KEYS_MAX];
	bool held;
	uint64_t holder; /* key, 0 for the all-registrants types */
	unsigned type;
	uint8_t caps[8];
	uint8_t pattern; /* CF_DATA_BLOCK: the byte that fills the block */
	bool mixed;	 /* CF_DATA_BLOCK: it is not one byte */
};

/* How commands reach a disk. `execute` blocks until the answer or the executor's own deadline; it never fails, the
 * answer says what happened. The command is borrowed until return. `close` ends every session and frees `self`. */
struct cf_executor {
	void *self;
	enum cf_kind kind;
	void (*execute)(void *self, const struct cf_command *command, struct cf_answer *answer);
	void (*close)(void *self);
};

/* Where an executor over iSCSI finds its target. */
struct cf_iscsi_options {
	enum cf_kind kind;
	const char *portal; /* address:port */
	const char *target; /* target name */
	int lun;
	int control_in,
		control_out; /* ask the caller to restart the target: "restart\n", then one line back; -1: cannot */
};

/* Both return false when there is no such executor in this build or the first login fails; the text says why. */
bool cf_iscsi_open(struct cf_executor *executor, const struct cf_iscsi_options *options, char *why,
		   size_t size);
bool cf_model_open(struct cf_executor *executor, enum cf_kind kind, char *why, size_t size);

/* Write the answer as the script writes it, for example "6/2a05", "keys a1 b1", "held a1 type 5". */
void cf_answer_text(const struct cf_answer *answer, char *text, size_t size);

const char *cf_kind_name(enum cf_kind kind);
bool cf_kind_parse(const char *name, enum cf_kind *kind);

/* "A", "B1": the text of a nexus; "?" for one that is not ours. */
void cf_nexus_text(unsigned nexus, char text[4]);

#endif
