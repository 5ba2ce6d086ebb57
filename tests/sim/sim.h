/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world: machines that run the real core, one disk, and what goes wrong between them. One seed draws
 * the options and every choice; nothing else does. Shared by the files of tests/sim. */
#ifndef QD_SIM_SIM_H
#define QD_SIM_SIM_H

#include "base/rand.h"
#include "core/node.h"
#include "core/rules.h"
#include "sim/cluster.h"
#include "sim/disk.h"
#include "sim/fault_list.h"
#include "sim/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)
#define SIM_NEVER UINT64_MAX
#define SIM_FOREIGN_KEY UINT64_C(0xfeed0042)

#define SIM_FAULT_ENUM(name, scheduled, text) SIM_FAULT_##name,
enum sim_fault { SIM_FAULTS(SIM_FAULT_ENUM) SIM_CLUSTER_FAULTS(SIM_FAULT_ENUM) SIM_FAULT_COUNT };
#undef SIM_FAULT_ENUM

enum {
	SIM_FAULT_DISK_COUNT = SIM_FAULT_COPIED_ID + 1, /* kinds that exist without views, too */
	SIM_MACHINES_MAX = SIM_NODES_MAX,
	SIM_DISK_MACHINES_MAX = 8,	   /* without views */
	SIM_OPS_MAX = 512,		   /* commands under way in the whole world */
	SIM_LOG_MAX = 4096,		   /* lines kept for the report of a violation */
	SIM_EVENTS_MAX = 500000,	   /* of one run; eight nodes need 100,000 */
	SIM_CLUSTER_EVENTS_MAX = 20000000, /* with heartbeats */
	SIM_SPIN_MAX = 2000,   /* steps at one instant: a core that asks for the same timeout for ever */
	SIM_TIMERS_MAX = 2000, /* timeouts of a machine in one second: likewise */
	SIM_TEXT_MAX = 512,
	SIM_LEFT_MAX = 16,
	SIM_CLUSTER_TAG = 0x5143,
};

/* A set of faults. */
struct sim_faults {
	uint64_t bits[2];
};

static inline bool sim_faults_has(const struct sim_faults *set, enum sim_fault f)
{
	return (set->bits[f / 64] >> f % 64 & 1) != 0;
}

static inline void sim_faults_add(struct sim_faults *set, enum sim_fault f)
{
	set->bits[f / 64] |= 1ull << f % 64;
}

static inline void sim_faults_remove(struct sim_faults *set, enum sim_fault f)
{
	set->bits[f / 64] &= ~(1ull << f % 64);
}

static inline bool sim_faults_any(const struct sim_faults *set)
{
	return (set->bits[0] | set->bits[1]) != 0;
}

struct sim_options {
	uint64_t seed;
	uint32_t nodes;	   /* configured node ids 1..nodes */
	uint32_t machines; /* nodes, one more with a copied id */
	uint32_t paths;
	enum sim_flavour_id base_flavour;
	struct sim_flavour flavour;
	struct qd_times times;
	struct qd_times times_later; /* what fault TIMES may load; every time is as long or longer */
	struct sim_faults faults;    /* that may happen */
	uint64_t gap_ms;	     /* mean time between scheduled faults */
	uint32_t op_rate;	     /* of 65536 commands so many have a fault of their own */
	uint32_t trap_rate;	     /* of 256 strikes so many are followed by a fault */
	uint64_t latency_ns;	     /* mean one-way time of a command */
	int32_t ppm[SIM_MACHINES_MAX];
	bool copied_names;	/* the copied machine has the other's initiator names too */
	bool copied_machine_id; /* and its machine-id */
	uint64_t end_ns;
	uint64_t heal_ns; /* from here on nothing fails any more */
	uint64_t start_limit_ms;
	bool every_step; /* no node leaves out the thinking where nothing can be due: the digest is the same */
	struct sim_cluster_options c;
};

/* What the user asks for; zero values: by seed. */
struct sim_request {
	uint32_t nodes;
	uint64_t minutes;
	struct sim_faults faults_off;
	bool calm;    /* no faults at all */
	bool cluster; /* views decide; otherwise one disk does */
	bool share;   /* who has a witness has it on a share */
	bool every_step;
};

enum sim_event_kind {
	SIM_EV_NONE = 0,
	SIM_EV_ARRIVE, /* command `index` reaches the target */
	SIM_EV_LAND,   /* an admitted write lands */
	SIM_EV_ANSWER, /* an answer reaches its machine */
	SIM_EV_LOST,   /* SESSION_LOST of path `index` */
	SIM_EV_NOTICE, /* the target notices the end of session `gen` of nexus `index` */
	SIM_EV_STORED,
	SIM_EV_REPORT,	/* of the runner: `index` */
	SIM_EV_BOOT,	/* machine and quorumd start */
	SIM_EV_PROCESS, /* quorumd starts */
	SIM_EV_RESUME,
	SIM_EV_FAULT, /* the fault clock */
	SIM_EV_TARGET_UP,
	SIM_EV_CLEAR,
	SIM_EV_HEAL,
	SIM_EV_PACKET,	   /* packet `index` reaches its machine on network `gen` */
	SIM_EV_KEPT,	   /* a write of the machine's own store of turn `gen` is over; index: its result */
	SIM_EV_ASK,	   /* request `index` reaches the witness */
	SIM_EV_ANSWER_ASK, /* the witness's answer `index` reaches its machine */
	SIM_EV_WITNESS_WRITTEN,
	SIM_EV_WITNESS_UP,
	SIM_EV_FLAP, /* the way from the machine to node index changes, `gen` times more */
	SIM_EV_FORCE,
	SIM_EV_CRASH,
	SIM_EV_CHANGE,	   /* an operator changes something: fault `gen` */
	SIM_EV_SLOT,	   /* the second half of command `index`, WRITE_SLOTS */
	SIM_EV_SHARE,	   /* operation `index` on the share goes on */
	SIM_EV_SHARE_WAKE, /* the thread of process `gen` has something to do */
	SIM_EV_KIND_COUNT,
};

enum sim_op_phase {
	SIM_OP_FREE = 0,
	SIM_OP_TRANSIT,
	SIM_OP_ADMITTED, /* a write that will land later */
	SIM_OP_ANSWERED,
};

/* One command under way. */
struct sim_op {
	enum sim_op_phase phase;
	uint32_t machine;
	uint32_t life;	  /* of the machine's process when it was sent */
	uint32_t attempt; /* of the path when it was sent */
	uint32_t session; /* of the nexus at the target */
	uint32_t nexus;
	uint64_t sent_t;
	uint64_t admitted_t;
	uint64_t tag;	/* key of the nexus when it was admitted */
	bool by_owner;	/* its node was owner when it was sent */
	bool data;	/* a write of the group, not of the core */
	bool in_target; /* late: waits in the target, where PREEMPT AND ABORT finds it */
	bool land_late; /* a write: admitted at once, lands later */
	bool mute;	/* the answer is lost */
	bool held;	/* waits in its machine for the link, and dies with it */
	uint32_t boots; /* of the machine when it was sent */
	bool frozen;	/* data: of a group that lived through a freeze */
	uint64_t late_ns;
	uint64_t epoch;	   /* data: the group's */
	uint64_t sequence; /* data */
	enum qd_outcome outcome;
	struct qd_op op;
	struct qd_answer answer;
	struct qd_key keys[SIM_REGS_MAX];
	struct qd_owner_record records[SIM_MACHINES_MAX];
	struct qd_head slot;
	uint32_t slot_index;
	uint32_t next_free;
};

struct sim_path {
	bool up;	       /* the machine believes in its session */
	uint32_t changes_open; /* PR OUT and record writes sent and not answered in this session */
	bool lost_pending;     /* a SESSION_LOST is on its way to the core */
	uint32_t attempt;      /* grows whenever answers of before count no more */
	uint32_t session;      /* number of its session at the target */
	uint64_t last_t;       /* arrival of the last command that kept its place */
	uint64_t out_down_until;
	uint64_t in_down_until;
};

enum sim_runner_state {
	SIM_RUNNER_OFF = 0,
	SIM_RUNNER_STARTING,
	SIM_RUNNER_RUNNING,
	SIM_RUNNER_BROKEN, /* start failed or the group died: some of it may run */
	SIM_RUNNER_STOPPING,
	SIM_RUNNER_HUNG,
	SIM_RUNNER_STATE_COUNT,
};

struct sim_runner {
	enum sim_runner_state state;
	uint64_t turn;
	uint64_t epoch;
	uint64_t sequence;
	uint64_t begin_stop; /* local */
	uint64_t stopped_by; /* local: the machine is reset */
	uint64_t next_t;     /* start or stop is complete */
	uint64_t write_t;
	uint32_t writes_open;
	bool froze;		   /* clocks stood still while it ran */
	bool failed;		   /* its start failed or it died, in this epoch */
	bool will_fail;		   /* the order under way fails */
	uint64_t overlap_ok_until; /* after a freeze */
};

struct sim_machine {
	uint32_t index;
	uint32_t node_id;
	uint32_t nexus_base;
	bool powered;
	bool process;
	bool off; /* shut down by an operator, starts again */
	uint32_t life;
	uint64_t halted_until; /* the whole machine */
	uint64_t process_halted_until;
	bool frozen;
	uint64_t
		lied_until; /* what it told others counts by a clock that had stood; whether it lives or not */
	int32_t ppm;
	uint64_t clock_base; /* local time at clock_t */
	uint64_t clock_t;
	uint64_t stored_incarnation;
	uint32_t boots;
	uint64_t down_t; /* its process ended; while it has none */
	uint64_t timer_t;
	uint64_t timers_s; /* timeouts in this second */
	uint32_t timers;
	uint64_t runner_t;
	uint64_t dog_t;
	bool has_owned;
	bool mine; /* announced ownership to its clients */
	uint64_t mine_epoch;
	uint64_t struck_t;    /* for the traps */
	uint64_t struck_at_t; /* its last strike at another node */
	uint32_t left_count;  /* other keys of the node it struck last */
	uint64_t left[SIM_LEFT_MAX];
	uint64_t left_incarnation; /* of its own, when it struck */
	uint64_t timer_late_until;
	bool prevent;	       /* its operator starts it with prevent quorum */
	bool dead;	       /* it stays dead after healing */
	uint32_t queued_count; /* packets that wait for its process */
	uint64_t queued_t;
	struct sim_runner runner;
	struct sim_path paths[QD_PATHS_MAX];
	struct qd_node_config config;
	struct qd_node node;
};

enum sim_log_kind {
	SIM_LOG_TRACE = 0, /* a line of the core */
	SIM_LOG_FAULT,
	SIM_LOG_EXEC, /* a command at the target */
	SIM_LOG_LAND, /* data of the group on the disk */
	SIM_LOG_RUNNER,
	SIM_LOG_MACHINE,
	SIM_LOG_PACKET,
	SIM_LOG_STORE,
	SIM_LOG_WITNESS,
	SIM_LOG_OPERATOR,
	SIM_LOG_KIND_COUNT,
};

struct sim_log {
	uint64_t t;
	uint8_t kind;
	uint8_t machine;
	uint16_t code;
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

struct sim_cover {
	uint64_t faults[SIM_FAULT_COUNT];
	uint64_t pairs[QD_ARB_STATE_COUNT][QD_ARB_STATE_COUNT];
	uint64_t traces[QD_TRACE_COUNT];
	uint64_t outcomes[QD_OP_KIND_COUNT][QD_OUTCOME_COUNT];
	uint64_t pr_out[QD_PR_OUT_COUNT][QD_OUTCOME_COUNT];
	uint64_t group[QD_GROUP_STATE_COUNT];
	uint64_t steps;
	uint64_t commands;
	uint64_t landed;
	uint64_t excluded; /* landings that an exclusion of docs/SIMULATOR.md let pass */
	uint64_t overlaps_excluded;
	uint64_t announced;
	uint64_t groups_started;
	uint64_t heal_max_ns; /* longest from healing to a running group */
	uint64_t heal_waived;
	/* where there are views */
	uint64_t states[QD_CLUSTER_STATE_COUNT][QD_CLUSTER_STATE_COUNT];
	uint64_t waits[QD_WAIT_COUNT];
	uint64_t packets[QD_MSG_KIND_COUNT];
	uint64_t refusals[QD_REFUSAL_COUNT];
	uint64_t verdicts[QD_WITNESS_VERDICT_COUNT];
	uint64_t replies[QD_REPLY_COUNT];
	uint64_t models[QD_MODEL_COUNT];
	uint64_t shares; /* worlds with a witness on a share */
	uint64_t events;
	uint64_t views;
	uint64_t views_healed_max;
	uint64_t wire_checked;
	uint64_t not_quorate; /* I6 not asked for: who is left has no majority */
	uint64_t faults_injected;
};

/* What the invariants remember. */
struct sim_facts {
	uint64_t epoch_max;  /* announced */
	uint64_t data_epoch; /* of the newest write that landed */
	uint64_t holder_key;
	uint64_t holder_since_t; /* this key holds the disk */
	uint64_t cleared_t;	 /* last CLEAR by an operator */
	uint64_t forgot_t;	 /* the target last lost or changed its state by itself */
	bool rolled_back;	 /* and nobody has taken the disk since */
	uint64_t rolled_until;
	uint32_t heal_owner; /* machine */
	uint64_t heal_epoch;
	uint64_t heal_since_t; /* the group runs since */
	uint32_t heal_retries; /* unreserved disk raced for after healing: another W each */
};

struct sim {
	struct sim_options o;
	struct qd_rand rand;
	uint64_t t;
	uint64_t digest;
	bool healed;
	bool failed;
	bool verbose;
	char failure[SIM_TEXT_MAX];
	uint32_t spin;
	uint64_t spin_t;
	bool target_up;
	uint64_t hang_until;
	uint64_t mute_until;
	struct sim_facts facts;
	struct sim_cover *cover;
	const struct sim_machine *stepping; /* inside qd_node_step() */
	uint32_t op_free;
	uint32_t op_high; /* entries of ops[] ever used in this run */
	uint32_t ops_open;
	uint64_t log_count;
	struct sim_heap heap;
	struct qd_actions out;
	struct sim_disk disk;
	struct sim_machine machines[SIM_MACHINES_MAX];
	struct sim_op ops[SIM_OPS_MAX];
	struct sim_log log[SIM_LOG_MAX];
	struct sim_cluster c;
};

/* --- options.c */
void sim_options_draw(struct sim_options *o, uint64_t seed, const struct sim_request *request);
void sim_options_print(const struct sim_options *o);
const char *sim_fault_name(enum sim_fault f);
const char *sim_fault_text(enum sim_fault f);
bool sim_fault_scheduled(enum sim_fault f);
uint64_t sim_heal_bound_ns(const struct sim_options *o);
/* --- cluster_options.c */
void cluster_options_draw(struct sim_options *o, struct qd_rand *r, const struct sim_request *request);
void cluster_options_print(const struct sim_options *o);
uint64_t cluster_heal_bound_ns(const struct sim_options *o);
uint64_t cluster_detection_ns(const struct sim_options *o);

/* --- run.c */
/* Run one seed to its end or to the first violation; s->failed says which. */
void sim_run(struct sim *s, const struct sim_options *o, struct sim_cover *cover, bool verbose);
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- log.c */
void sim_log_add(struct sim *s, enum sim_log_kind kind, uint32_t machine, uint32_t code, uint64_t a,
		 uint64_t b, uint64_t c);
void sim_log_print_last(const struct sim *s, uint64_t lines);

/* --- host.c: machines */
void host_boot(struct sim *s, struct sim_machine *m);
void host_start_process(struct sim *s, struct sim_machine *m);
void host_end_process(struct sim *s, struct sim_machine *m);
void host_crash(struct sim *s, struct sim_machine *m, uint64_t boot_in_ns);
void host_halt(struct sim *s, struct sim_machine *m, uint64_t until, bool freeze);
void host_resume(struct sim *s, struct sim_machine *m);
void host_step(struct sim *s, struct sim_machine *m, struct qd_event *ev);
void host_note_traces(struct sim *s, const struct sim_machine *m);
void host_lose_session(struct sim *s, struct sim_machine *m, uint32_t path, uint64_t in_ns);
uint64_t host_local(const struct sim *s, const struct sim_machine *m);
uint64_t host_global(const struct sim *s, const struct sim_machine *m, uint64_t local);
/* May it run now? If not, *until says from when on. */
bool host_runs(const struct sim *s, const struct sim_machine *m, uint64_t *until);

/* --- runner.c: the group on a machine */
void runner_order(struct sim *s, struct sim_machine *m, const struct qd_action *a);
void runner_tick(struct sim *s, struct sim_machine *m);
void runner_plan(struct sim *s, struct sim_machine *m);
void runner_alone(struct sim *s, struct sim_machine *m); /* quorumd is gone: stop everything */
void runner_write_done(struct sim *s, struct sim_machine *m);
void runner_report(struct sim *s, struct sim_machine *m, enum qd_group_report what, uint64_t turn);
bool runner_active(const struct sim_machine *m);

/* --- wire.c: commands between machines and the target */
void wire_send(struct sim *s, struct sim_machine *m, const struct qd_op *op);
void wire_send_data(struct sim *s, struct sim_machine *m);
void wire_arrive(struct sim *s, uint32_t index);
void wire_land(struct sim *s, uint32_t index);
void wire_answer(struct sim *s, uint32_t index);
void wire_target_stops(struct sim *s);
void wire_lun_reset(struct sim *s);
void wire_free(struct sim *s, struct sim_op *op);
void wire_reply(struct sim *s, struct sim_op *op);
uint64_t wire_latency(struct sim *s);

/* --- slots.c: the configuration on the disk */
void slots_read(struct sim *s, struct sim_op *op);
void slots_choose(struct sim *s, struct sim_op *op); /* which one is written first */
void slots_land(struct sim *s, struct sim_op *op);
bool slots_tear(struct sim *s,
		struct sim_op *op); /* true: torn, and somebody died of it; the command is gone */
void slots_go_on(struct sim *s, struct sim_op *op); /* the first one is written: the other follows */
void slots_second(struct sim *s, uint32_t index);

/* --- fault.c */
void fault_clock(struct sim *s);
uint64_t fault_duration(struct sim *s);
uint64_t fault_end(struct sim *s, uint64_t for_ns); /* with the healing at the latest */
void fault_machine(struct sim *s, struct sim_machine *m, enum sim_fault f);
void fault_target(struct sim *s, enum sim_fault f);
bool fault_is_target(enum sim_fault f);
void fault_clear(struct sim *s);
void fault_restart(struct sim *s, enum sim_restart how);
void fault_after_strike(struct sim *s, struct sim_machine *m);
void fault_heal(struct sim *s);
bool fault_on(const struct sim *s, enum sim_fault f);
void fault_count(struct sim *s, enum sim_fault f, uint32_t machine, uint64_t detail);

/* --- check.c: invariants */
void check_owner(struct sim *s, struct sim_machine *m, bool mine, uint64_t epoch);
void check_landed(struct sim *s, const struct sim_op *op);
void check_groups(struct sim *s);
void check_strike(struct sim *s, const struct sim_op *op, int32_t holder_nexus, uint64_t holder_key,
		  uint64_t since_t);
void check_holder(struct sim *s); /* note a change of the holder's key */
void check_heal(struct sim *s);
void check_end(struct sim *s);

/* --- net.c: packets between nodes */
void net_init(struct sim *s);
void net_send(struct sim *s, struct sim_machine *m, const struct qd_action *a);
void net_arrive(struct sim *s, struct sim_machine *m, const struct sim_event *e);
void net_cut(struct sim *s, uint32_t from, uint32_t to, uint32_t net, uint64_t until); /* net == nets: all */
void net_heal(struct sim *s);
void net_replay(struct sim *s); /* one of the packets that somebody recorded comes again */

/* --- store.c: what a node keeps on its own disk */
void store_init(struct sim *s);
void store_keep(struct sim *s, struct sim_machine *m, const struct qd_action *a, const struct qd_kept *kept);
void store_over(struct sim *s, struct sim_machine *m, const struct sim_event *e);
void store_process_ended(struct sim *s, struct sim_machine *m);
void store_lose(struct sim *s, struct sim_machine *m, bool wiped); /* else: an older copy comes back */
void store_backup(struct sim *s);
bool store_has_body(const struct sim *s, const struct sim_machine *m, const uint8_t body[QD_DIGEST_BYTES]);
void store_add_body(struct sim *s, const struct sim_machine *m, const uint8_t body[QD_DIGEST_BYTES]);
void store_body_of(uint32_t number, uint8_t body[QD_DIGEST_BYTES]);

/* --- witness.c */
void witness_init(struct sim *s);
void witness_ask(struct sim *s, struct sim_machine *m, const struct qd_witness_request *request);
void witness_take(struct sim *s, const struct sim_event *e);
void witness_answer(struct sim *s, struct sim_machine *m, const struct sim_event *e);
void witness_written(struct sim *s, const struct sim_event *e);
void witness_start(struct sim *s);
void witness_crash(struct sim *s, uint64_t back_in_ns);
void witness_lose(struct sim *s, bool wiped);
void witness_heal(struct sim *s);

/* --- share.c: the witness as a directory on a share */
void share_init(struct sim *s);
void share_process(struct sim *s, struct sim_machine *m); /* one starts */
void share_ask(struct sim *s, struct sim_machine *m, const struct qd_witness_request *request);
void share_wake(struct sim *s, struct sim_machine *m, const struct sim_event *e);
void share_handle(struct sim *s, struct sim_machine *m, const struct sim_event *e);
void share_backup(struct sim *s);
void share_lose(struct sim *s, bool wiped);
void share_hang(struct sim *s, uint32_t machine, uint64_t until); /* SIM_SHARE_THREADS: all */
void share_heal(struct sim *s);

/* --- cluster_host.c: machines where views decide */
void cluster_set_up(struct sim *s);
void cluster_configure(struct sim *s, struct sim_machine *m); /* before its process starts */
bool cluster_act(struct sim *s, struct sim_machine *m,
		 const struct qd_action *a);		  /* false: not one of views */
void cluster_ended(struct sim *s, struct sim_machine *m); /* its process is about to be gone */
void cluster_handle(struct sim *s, struct sim_machine *m, const struct sim_event *e);

/* --- operator.c: changes of the configuration, force, prevent */
void operator_change(struct sim *s, struct sim_machine *m, enum sim_fault f);
/* On this machine, leader or not. */
void operator_change_at(struct sim *s, struct sim_machine *m, enum sim_fault f);
void operator_force(struct sim *s);
/* One request at a time: nobody else waits for a reply of this machine. Marks it. */
bool operator_may_ask(struct sim *s, struct sim_machine *m, bool change);
void operator_force_now(struct sim *s, struct sim_machine *m, uint32_t tries);
/* Must this machine start with prevent quorum: it has not taken what was forced elsewhere. */
bool operator_prevents(struct sim *s, const struct sim_machine *m);
bool operator_waits(const struct sim *s, const struct sim_machine *m);

/* --- cluster_fault.c */
void cluster_fault_clock(struct sim *s);
void cluster_heal(struct sim *s);
bool cluster_lost_quorum(struct sim *s);
void cluster_trap(struct sim *s, struct sim_machine *m, enum qd_msg_kind said);
/* Right after a leader began a change of an operator's. */
void cluster_trap_change(struct sim *s, struct sim_machine *m);

/* --- heads.c: which configuration was made from which */
uint64_t heads_id(const struct qd_head *h);
struct sim_head *heads_find(struct sim *s, uint64_t id);
void heads_add(struct sim *s, const struct qd_head *h, uint64_t id, uint64_t parent);
bool heads_descends(struct sim *s, uint64_t id, uint64_t from);
/* The entry of an epoch, made where there is none; NULL: too many. */
struct sim_view *views_find(struct sim *s, uint64_t epoch);
uint64_t views_hash(const struct qd_view *v);

/* --- check_cluster.c, check_witness.c: invariants of views */
void check_cluster_step(struct sim *s, struct sim_machine *m, const struct qd_event *ev);
void check_cluster_said(struct sim *s, struct sim_machine *m, const struct qd_msg *msg);
void check_cluster_kept(struct sim *s, struct sim_machine *m);
void check_cluster_reply(struct sim *s, struct sim_machine *m, enum qd_reply reply);
void check_cluster_owner(struct sim *s, struct sim_machine *m, bool mine, uint64_t epoch);
void check_cluster_group(struct sim *s, struct sim_machine *m, uint64_t epoch);
void check_cluster_forget(struct sim *s, const struct sim_machine *m); /* its process is gone */
void check_cluster_lost(struct sim *s, const struct sim_machine *m);   /* its store is another one */
void check_cluster_granted(struct sim *s, const struct qd_witness_request *q,
			   const struct qd_witness_answer *a);
void check_cluster_shared(struct sim *s, const struct qd_witness_request *q,
			  const struct qd_witness_answer *a);
void check_cluster_end(struct sim *s);
bool check_clock_lied(const struct sim *s, const struct sim_machine *m);

/* --- cover.c */
void cover_print(const struct sim_cover *c, uint64_t seeds, bool with_views);
/* Number of faults, transitions and trace codes never seen that are not in the list of those that cannot be. */
uint32_t cover_missing(const struct sim_cover *c, bool with_views, bool print);

static inline uint64_t sim_below(struct sim *s, uint64_t bound)
{
	return qd_rand_below(&s->rand, bound);
}

/* Uniform in [low, high]. */
static inline uint64_t sim_between(struct sim *s, uint64_t low, uint64_t high)
{
	return low + qd_rand_below(&s->rand, high - low + 1);
}

static inline bool sim_chance(struct sim *s, uint32_t of_256)
{
	return (qd_rand_u64(&s->rand) & 0xff) < of_256;
}

static inline void sim_push(struct sim *s, uint64_t t, enum sim_event_kind kind, uint32_t machine,
			    uint32_t index, uint32_t gen)
{
	sim_heap_push(&s->heap, (struct sim_event){.t = t,
						   .kind = (uint8_t)kind,
						   .machine = (uint8_t)machine,
						   .index = (uint16_t)index,
						   .gen = gen});
}

#endif
