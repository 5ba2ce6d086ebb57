/* SPDX-License-Identifier: Apache-2.0 */
/* The trace of a run: hashed always, kept for a while, printed on demand. */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static void print_runner(const struct sim_log *l)
{
	static const char *const states[SIM_RUNNER_STATE_COUNT] = {"off",    "starting", "running",
								   "broken", "stopping", "hung"};
	if (l->code >= 100)
		printf("runner reports %s, turn %" PRIu64,
		       qd_group_report_name((enum qd_group_report)(l->code - 100)), l->b);
	else
		printf("runner: group %s, epoch %" PRIu64 ", turn %" PRIu64, states[l->code], l->a, l->b);
}

static void print_exec(const struct sim_log *l)
{
	enum qd_op_kind kind = (enum qd_op_kind)(l->code & 0xff);
	const char *outcome = qd_outcome_name((enum qd_outcome)(l->a & 0xff));
	if (kind == QD_OP_PR_OUT)
		printf("  disk: path %" PRIu64 " %s key %016" PRIx64 " sa %016" PRIx64 " -> %s", l->a >> 8,
		       qd_pr_out_name((enum qd_pr_out)(l->code >> 8)), l->b, l->c, outcome);
	else if (kind == QD_OP_NONE)
		printf("  disk: path %" PRIu64 " data -> %s", l->a >> 8, outcome);
	else
		printf("  disk: path %" PRIu64 " %s -> %s, holder %016" PRIx64, l->a >> 8,
		       qd_op_kind_name(kind), outcome, l->b);
}

static void print_store(const struct sim_log *l)
{
	switch (l->code) {
	case 0:
		printf("store: promised %" PRIu64 ", installed %" PRIu64 ", configuration .%" PRIu64, l->a,
		       l->b, l->c);
		return;
	case 1:
		printf("store: over, result %" PRIu64 ", turn %" PRIu64 " (%" PRIu64 ")", l->a, l->b, l->c);
		return;
	case 2:
		printf("store: empty %" PRIu64 " %" PRIu64 " %" PRIu64, l->a, l->b, l->c);
		return;
	case 3:
		printf("store: an older copy %" PRIu64 " %" PRIu64 " %" PRIu64, l->a, l->b, l->c);
		return;
	default: /* a number, no enumeration */
		printf("  disk: slot %" PRIu64 ": configuration %" PRIu64 ".%" PRIu64, l->a, l->b, l->c);
		return;
	}
}

static void print_witness(const struct sim_log *l)
{
	static const char *const asks[QD_WITNESS_ASK_COUNT] = {
		[QD_WITNESS_LOCK] = "LOCK",   [QD_WITNESS_RENEW] = "RENEW",
		[QD_WITNESS_PUT] = "PUT",     [QD_WITNESS_RELEASE] = "RELEASE",
		[QD_WITNESS_YIELD] = "YIELD", [QD_WITNESS_CONFIRM] = "CONFIRM",
		[QD_WITNESS_SHOW] = "SHOW",
	};
	static const char *const events[] = {"starts", "dies", "is empty", "is an older copy"};
	if (l->code >= 100)
		printf("the witness %s, epoch %" PRIu64 ", confirmed %" PRIu64, events[l->code - 100], l->a,
		       l->b);
	else
		printf("  witness: %s -> %s, epoch %" PRIu64 ", version %" PRIu64, asks[l->code],
		       qd_witness_verdict_name((enum qd_witness_verdict)l->a), l->b, l->c);
}

static void print_operator(const struct sim_log *l)
{
	if (l->code == 0)
		printf("operator: %s, nodes %" PRIx64 ", dynamic %" PRIu64,
		       qd_model_name((enum qd_model)l->a), l->b, l->c);
	else if (l->code == 3)
		printf("operator is told: %s", qd_reply_name((enum qd_reply)l->a));
	else
		printf("operator: %s", l->code == 1 ? "turns all others off" : "forces its quorum");
}

static void print_line(const struct sim_log *l)
{
	static const char *const machine[] = {"quorumd ends", "quorumd starts", "power off"};
	char text[QD_TRACE_TEXT_MAX];
	printf("%9.3f ", (double)(l->t / 1000) / 1e6);
	if (l->machine == 0xff)
		printf("*  ");
	else
		printf("m%u ", l->machine);
	switch ((enum sim_log_kind)l->kind) {
	case SIM_LOG_TRACE: {
		struct qd_trace t = {.code = (enum qd_trace_code)l->code, .a = l->a, .b = l->b, .c = l->c};
		(void)qd_trace_format(&t, text, sizeof(text));
		printf("%s", text);
		break;
	}
	case SIM_LOG_FAULT:
		printf("! %s: %s", sim_fault_name((enum sim_fault)l->code),
		       sim_fault_text((enum sim_fault)l->code));
		break;
	case SIM_LOG_EXEC:
		print_exec(l);
		break;
	case SIM_LOG_LAND:
		printf("  data of epoch %" PRIu64 ", %" PRIu64 ", lands (newest %" PRIu64 ")", l->a, l->b,
		       l->c);
		break;
	case SIM_LOG_RUNNER:
		print_runner(l);
		break;
	case SIM_LOG_MACHINE:
		printf("%s %" PRIu64, machine[l->code], l->a);
		break;
	case SIM_LOG_PACKET:
		printf("  to node %" PRIu64 ": %s, epoch %" PRIu64 ", %" PRIx64, l->a,
		       qd_msg_kind_name((enum qd_msg_kind)l->code), l->b, l->c);
		break;
	case SIM_LOG_STORE:
		print_store(l);
		break;
	case SIM_LOG_WITNESS:
		print_witness(l);
		break;
	case SIM_LOG_OPERATOR:
		print_operator(l);
		break;
	case SIM_LOG_KIND_COUNT:
		break;
	}
	printf("\n");
}

void sim_log_add(struct sim *s, enum sim_log_kind kind, uint32_t machine, uint32_t code, uint64_t a,
		 uint64_t b, uint64_t c)
{
	uint64_t h = mix(s->digest, s->t);
	h = mix(h, (uint64_t)kind << 32 | (uint64_t)machine << 24 | code);
	h = mix(h, a);
	h = mix(h, b);
	s->digest = mix(h, c);
	struct sim_log *l = &s->log[s->log_count++ % SIM_LOG_MAX];
	l->t = s->t;
	l->kind = (uint8_t)kind;
	l->machine = (uint8_t)machine;
	l->code = (uint16_t)code;
	l->a = a;
	l->b = b;
	l->c = c;
	if (s->verbose)
		print_line(l);
}

void sim_log_print_last(const struct sim *s, uint64_t lines)
{
	uint64_t have = s->log_count < SIM_LOG_MAX ? s->log_count : SIM_LOG_MAX;
	if (lines > have)
		lines = have;
	for (uint64_t i = s->log_count - lines; i < s->log_count; i++)
		print_line(&s->log[i % SIM_LOG_MAX]);
}
