/* SPDX-License-Identifier: Apache-2.0 */
/* A few nodes around one ideal target, all in memory, for scenarios of the arbiter: commands take half a millisecond
 * there and half a millisecond back, the target does what SPC-4 says, and what goes wrong is written down beforehand
 * as faults. What the nodes trace is collected as text and compared as a whole: the trace is the specification.
 * It is not the simulator: nothing here is random, and no invariant over nodes is searched for, only checked. */
#ifndef QD_TESTS_UNIT_FIXTURE_H
#define QD_TESTS_UNIT_FIXTURE_H

#include "unit.h"

#include "core/node.h"

enum {
	FX_NODES_MAX = 4,
	FX_RECORDS_MAX = 8, /* highest node id */
	FX_REGS_MAX = 4096, /* a target that forgets nexuses keeps what they registered */
	FX_KEYS_MAX = 512,  /* of them a reader gets, as from the driver */
	FX_QUEUE_MAX = 192,
	FX_FAULTS_MAX = 24,
	FX_TEXT_BYTES = 16384,
	FX_EPOCHS_MAX = 64,
	FX_TAG = 0xabcd,
	FX_STEPS_AT_ONCE_MAX = 1000, /* at one instant; more is an endless loop */
};

struct fx_registration {
	uint32_t node;
	uint32_t path;
	uint64_t session; /* 0: kept over sessions */
	struct qd_key key;
};

/* What a target that goes back in time goes back to. */
struct fx_reservations {
	uint32_t generation;
	uint32_t count;
	struct fx_registration regs[FX_REGS_MAX];
	bool held;
	struct fx_registration holder;
	enum qd_pr_type type;
};

struct fx_target {
	bool down;
	bool no_abort; /* refuses PREEMPT AND ABORT, as tgt does */
	bool no_aptpl; /* refuses APTPL, as tgt does */
	bool no_capabilities;
	bool forgets_nexus; /* a new session is a new I_T nexus, as with tgt; its first command gets a unit attention */
	struct fx_reservations pr;
	struct fx_reservations saved;
	struct qd_owner_record records[FX_RECORDS_MAX];
};

/* One operation, or several, that end otherwise than they should. */
struct fx_fault {
	uint32_t node; /* 0: any */
	bool one_path; /* only `path` */
	uint32_t path;
	enum qd_step step;    /* IDLE: any */
	enum qd_op_kind kind; /* NONE: any */
	uint32_t skip;	      /* this many go well before */
	uint32_t count;	      /* this many are hit, 0: all */
	enum qd_outcome outcome;
	bool executed; /* it was carried out nevertheless */
	bool silent;   /* it is never answered */
	uint32_t seen; /* so many were hit */
};

enum fx_runner_way {
	FX_RUNNER_GOOD = 0,
	FX_RUNNER_START_FAILS,
	FX_RUNNER_STOP_FAILS,
	FX_RUNNER_STOP_HANGS,
};

struct fx_node {
	struct qd_node core;
	bool dead;
	bool paused;
	bool off;   /* QD_ACTION_OFF came */
	bool reset; /* QD_ACTION_SELF_RESET came */
	bool store_fails;
	bool group_runs;
	bool pending_ua[QD_PATHS_MAX];
	enum qd_outcome ua[QD_PATHS_MAX];
	enum fx_runner_way way;
	uint64_t order; /* the runner's present one: of an earlier one it reports no more */
	uint32_t start_ms;
	uint32_t stop_ms;
	uint64_t session[QD_PATHS_MAX]; /* 0: none */
	bool path_down[QD_PATHS_MAX];
	struct qd_mono group_started_at;
	struct qd_mono lease_start_by; /* begin_stop of the last QD_ACTION_LEASE */
	uint32_t replies_count;
	enum qd_reply reply;
	uint64_t ops_count;
};

enum fx_item_kind {
	FX_ITEM_EXECUTE, /* the command reaches the target */
	FX_ITEM_EVENT,	 /* the event reaches the node */
};

struct fx_item {
	enum fx_item_kind kind;
	uint64_t number; /* order among those of one instant */
	struct qd_mono at;
	uint32_t node; /* index */
	uint32_t path;
	uint64_t session; /* of which it is, 0: of none */
	enum qd_step step;
	struct qd_op op;
	struct qd_event event;
	uint32_t records_count;
	struct qd_owner_record records[FX_RECORDS_MAX];
	struct qd_key keys[FX_KEYS_MAX];
};

struct fx {
	struct qd_mono now;
	uint32_t nodes_count;
	struct fx_node nodes[FX_NODES_MAX]; /* [i] has node id i + 1 */
	struct fx_target target;
	uint32_t faults_count;
	struct fx_fault faults[FX_FAULTS_MAX];
	uint32_t queue_count;
	struct fx_item queue[FX_QUEUE_MAX];
	uint64_t numbers;
	uint64_t sessions;
	uint32_t steps_at_once;
	uint32_t epochs_count;
	uint64_t epochs[FX_EPOCHS_MAX];
	bool with_times; /* lines of the text begin with the time */
	enum qd_trace_level level;
	size_t text_len;
	char text[FX_TEXT_BYTES];
};

struct fx_options {
	uint32_t nodes_count;
	uint32_t paths_count;
	bool no_group;
	uint64_t incarnation; /* 0: 1 */
	int64_t stop_limit_ms;
};

/* A world that has not begun: the disk is formatted and empty, renew is 3 s, challenge 7 s, wait 9 s, a group starts and
 * stops in 100 ms. Static memory; the one before is gone. */
struct fx *fx_new(const struct fx_options *options);
/* The same, run until node 1 owns and its group runs; the others are held back till then. The text is empty. */
struct fx *fx_owned(const struct fx_options *options);

struct fx_fault *fx_fault(struct fx *fx, const struct fx_fault *fault);
void fx_no_faults(struct fx *fx);

/* Run for so long; false: a check failed. */
bool fx_run(struct fx *fx, int64_t ms);
/* Run until node `id` is in `state`, for at most so long; false: it did not come, or a check failed. */
bool fx_until(struct fx *fx, uint32_t id, enum qd_arbiter_state state, int64_t ms);
/* Until its group runs, or does not. */
bool fx_until_group(struct fx *fx, uint32_t id, bool runs, int64_t ms);
void fx_step(struct fx *fx, uint32_t id, const struct qd_event *event);
int64_t fx_ms(const struct fx *fx);

void fx_kill(struct fx *fx, uint32_t id);
void fx_start(struct fx *fx, uint32_t id, uint64_t incarnation);
void fx_pause(struct fx *fx, uint32_t id);
void fx_resume(struct fx *fx, uint32_t id);
void fx_shutdown(struct fx *fx, uint32_t id);
void fx_handover(struct fx *fx, uint32_t id, uint32_t to);
void fx_report(struct fx *fx, uint32_t id, enum qd_group_report report, uint64_t turn);
void fx_path_down(struct fx *fx, uint32_t id, uint32_t path);
void fx_path_up(struct fx *fx, uint32_t id, uint32_t path);
/* The session ends, the path itself works. */
void fx_session_lost(struct fx *fx, uint32_t id, uint32_t path);
/* The next command on this path gets it. */
void fx_unit_attention(struct fx *fx, uint32_t id, uint32_t path, enum qd_outcome outcome);

enum fx_restart {
	FX_RESTART_KEEPS,
	FX_RESTART_FORGETS,
	FX_RESTART_GOES_BACK, /* to fx_target_save() */
};
void fx_target_save(struct fx *fx);
/* Every session is lost; it answers again after `ms`. */
void fx_target_restart(struct fx *fx, enum fx_restart how, int64_t ms);
/* Another initiator's registration or reservation. */
void fx_target_register(struct fx *fx, struct qd_key key);
void fx_target_reserve(struct fx *fx, struct qd_key key, enum qd_pr_type type);
bool fx_target_has_key(const struct fx *fx, struct qd_key key);
uint32_t fx_target_holder(const struct fx *fx); /* node id; 0: nobody */

/* The whole text since the beginning, or the last fx_forget(), is `expected`. */
bool fx_expect_at(struct fx *fx, const char *expected, const char *file, unsigned line);
#define FX_EXPECT(fx, expected) fx_expect_at((fx), (expected), __FILE__, __LINE__)
/* Always a failed check: what must not come has come. */
#define FX_NEVER(what) unit_check(false, __FILE__, __LINE__, "%s", (what))
bool fx_says(const struct fx *fx, const char *part);
void fx_forget(struct fx *fx);

static inline enum qd_arbiter_state fx_state(const struct fx *fx, uint32_t id)
{
	return fx->nodes[id - 1].core.arbiter.state;
}

static inline struct qd_node *fx_core(struct fx *fx, uint32_t id)
{
	return &fx->nodes[id - 1].core;
}

/* fixture_target.c */
void fx_target_execute(struct fx *fx, struct fx_item *item);

#endif
