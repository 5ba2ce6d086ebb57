/* SPDX-License-Identifier: Apache-2.0 */
/* What the runs have reached: faults, states, transitions, lines of the trace, ends of commands. */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

/* Which kinds there are in which world. */
static bool exists(const struct sim_cover *c, enum sim_fault f, bool with_views)
{
	if (f == SIM_FAULT_WITNESS_LOSS && c->shares > 0)
		return false; /* a share is asked until it answers */
	if (f >= SIM_FAULT_SHARE_HANG && c->shares == 0)
		return false;
	return with_views ? f != SIM_FAULT_COPIED_ID : f <= SIM_FAULT_COPIED_ID;
}

static void print_faults(const struct sim_cover *c, bool with_views)
{
	printf("faults injected:\n");
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		if (exists(c, f, with_views))
			printf("  %-20s %12" PRIu64 "  %s\n", sim_fault_name(f), c->faults[f],
			       sim_fault_text(f));
}

static void print_pairs(const struct sim_cover *c)
{
	printf("transitions of the arbiter:\n");
	for (enum qd_arbiter_state a = 0; a < QD_ARB_STATE_COUNT; a++)
		for (enum qd_arbiter_state b = 0; b < QD_ARB_STATE_COUNT; b++)
			if (c->pairs[a][b] > 0)
				printf("  %-10s -> %-10s %12" PRIu64 "\n", qd_arbiter_state_name(a),
				       qd_arbiter_state_name(b), c->pairs[a][b]);
}

static void print_outcomes(const struct sim_cover *c)
{
	printf("ends of commands:\n");
	for (enum qd_op_kind k = 0; k < QD_OP_KIND_COUNT; k++)
		for (enum qd_outcome o = 0; o < QD_OUTCOME_COUNT; o++)
			if (c->outcomes[k][o] > 0)
				printf("  %-22s %-18s %12" PRIu64 "\n",
				       k == QD_OP_NONE ? "data" : qd_op_kind_name(k), qd_outcome_name(o),
				       c->outcomes[k][o]);
	for (enum qd_pr_out k = 0; k < QD_PR_OUT_COUNT; k++)
		for (enum qd_outcome o = 0; o < QD_OUTCOME_COUNT; o++)
			if (c->pr_out[k][o] > 0)
				printf("  %-22s %-18s %12" PRIu64 "\n", qd_pr_out_name(k), qd_outcome_name(o),
				       c->pr_out[k][o]);
}

static void print_traces(const struct sim_cover *c, bool with_views)
{
	printf("lines of the trace:\n");
	for (enum qd_trace_code t = 0; t < QD_TRACE_COUNT; t++)
		if (with_views || t < QD_TRACE_CLUSTER)
			printf("  %-22s %12" PRIu64 "\n", qd_trace_name(t), c->traces[t]);
}

static void print_states(const struct sim_cover *c)
{
	printf("transitions of views:\n");
	for (enum qd_cluster_state a = 0; a < QD_CLUSTER_STATE_COUNT; a++)
		for (enum qd_cluster_state b = 0; b < QD_CLUSTER_STATE_COUNT; b++)
			if (c->states[a][b] > 0)
				printf("  %-14s -> %-14s %12" PRIu64 "\n", qd_cluster_state_name(a),
				       qd_cluster_state_name(b), c->states[a][b]);
	printf("steps without a view, by reason:\n");
	for (enum qd_cluster_wait w = 0; w < QD_WAIT_COUNT; w++)
		printf("  %12" PRIu64 "  %s\n", c->waits[w], qd_cluster_wait_text(w));
}

static void print_said(const struct sim_cover *c)
{
	printf("packets:\n");
	for (enum qd_msg_kind k = QD_MSG_HELLO; k < QD_MSG_KIND_COUNT; k++)
		printf("  %-12s %12" PRIu64 "\n", qd_msg_kind_name(k), c->packets[k]);
	for (enum qd_refusal r = 0; r < QD_REFUSAL_COUNT; r++)
		printf("  refusal %-12s %12" PRIu64 "\n", qd_refusal_name(r), c->refusals[r]);
	for (enum qd_witness_verdict v = 0; v < QD_WITNESS_VERDICT_COUNT; v++)
		printf("  witness %-14s %12" PRIu64 "\n", qd_witness_verdict_name(v), c->verdicts[v]);
	for (enum qd_reply r = 0; r < QD_REPLY_COUNT; r++)
		printf("  reply %-14s %12" PRIu64 "\n", qd_reply_name(r), c->replies[r]);
	for (enum qd_model m = 0; m < QD_MODEL_COUNT; m++)
		printf("  began as %-18s %12" PRIu64 "\n", qd_model_name(m), c->models[m]);
}

static void print_views(const struct sim_cover *c)
{
	print_states(c);
	print_said(c);
	printf("%" PRIu64 " views led, at most %" PRIu64 " after healing, %" PRIu64
	       " messages through the codec, %" PRIu64 " scheduled faults, %" PRIu64
	       " runs whose healthy part had no majority\n",
	       c->views, c->views_healed_max, c->wire_checked, c->faults_injected, c->not_quorate);
}

void cover_print(const struct sim_cover *c, uint64_t seeds, bool with_views)
{
	print_faults(c, with_views);
	print_pairs(c);
	print_outcomes(c);
	print_traces(c, with_views);
	if (with_views)
		print_views(c);
	printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64 " commands, %" PRIu64 " ownerships, %" PRIu64
	       " group starts, %" PRIu64 " data writes landed\n",
	       seeds, c->steps, c->commands, c->announced, c->groups_started, c->landed);
	printf("excluded: %" PRIu64 " landings and announcements, %" PRIu64
	       " overlaps with a frozen clock; I6 waived %" PRIu64 " times, slowest healing %" PRIu64 " ms\n",
	       c->excluded, c->overlaps_excluded, c->heal_waived, c->heal_max_ns / SIM_MS);
}

/* Lines of the trace that come only where one disk decides. */
static bool is_of_disk(enum qd_trace_code t)
{
	switch ((int)t) {
	case QD_TRACE_COPIED_IDENTITY: /* nodes of a view are told apart by their sessions; no copied ids here */
	case QD_TRACE_INCARNATION_SHOWN: /* a new store counts its starts from a clock: never below what is shown */
	case QD_TRACE_OFFER:		 /* the views hand over, the disk's owner need not ask anybody */
	case QD_TRACE_HEIR_READY:
	case QD_TRACE_HEIR_SILENT:
	case QD_TRACE_HEIR_MODE:
	case QD_TRACE_HEIR_OVER:
		return true;
	default:
		return false;
	}
}

/* Lines of the trace that this world cannot reach, and why. */
static bool unreachable(enum qd_trace_code t)
{
	switch ((int)t) {
	case QD_TRACE_NONE: /* the empty line */
	/* Since a release leaves the reservation standing, only a CLEAR before and another one within a slow takeover
	 * lead there: seen in some long runs, not in all. */
	case QD_TRACE_TAKE_RECORD:
	case QD_TRACE_STALE_ANSWER: /* hosts keep the contract of op.h: no answer after the session's end */
	case QD_TRACE_LOST_HOLDER:  /* inside a lease only a target that forgot shows another holder */
	case QD_TRACE_LOST_UNRESERVED:	     /* needs a record that somebody destroyed */
	case QD_TRACE_PATH_BAD:		     /* all paths lead to the one right disk */
	case QD_TRACE_NEW_INCARNATION_BEATS: /* 582 days of beats */
		return true;
	default:
		return false;
	}
}

static uint32_t missed(bool print, const char *what, const char *name)
{
	if (print)
		printf("never %s: %s\n", what, name);
	return 1;
}

static uint32_t missing_of_views(const struct sim_cover *c, bool print)
{
	uint32_t n = 0;
	for (enum qd_cluster_state a = 0; a < QD_CLUSTER_STATE_COUNT; a++) {
		uint64_t entered = 0;
		for (enum qd_cluster_state b = 0; b < QD_CLUSTER_STATE_COUNT; b++)
			entered += c->states[b][a];
		n += entered > 0 ? 0 : missed(print, "entered", qd_cluster_state_name(a));
	}
	for (enum qd_msg_kind k = QD_MSG_HELLO; k < QD_MSG_KIND_COUNT; k++)
		n += c->packets[k] > 0 ? 0 : missed(print, "said", qd_msg_kind_name(k));
	/* Who is below in its tag is below in its promise: that is looked at first. */
	for (enum qd_refusal r = 0; r < QD_REFUSAL_COUNT; r++)
		n += c->refusals[r] > 0 || r == QD_REFUSAL_TAG ? 0
							       : missed(print, "refused", qd_refusal_name(r));
	for (enum qd_reply r = 0; r < QD_REPLY_COUNT; r++)
		n += c->replies[r] > 0 ? 0 : missed(print, "replied", qd_reply_name(r));
	for (enum qd_cluster_wait w = 0; w < QD_WAIT_COUNT; w++)
		n += c->waits[w] > 0 ? 0 : missed(print, "waited", qd_cluster_wait_text(w));
	for (enum qd_model m = 0; m < QD_MODEL_COUNT; m++)
		n += c->models[m] > 0 ? 0 : missed(print, "begun as", qd_model_name(m));
	return n;
}

/* What the witness never says here: a leader's tags only rise, a holder that lost its lock asks for it under a new epoch,
 * and the simulated store takes everything (tests/unit/t_witness_core.c has all three). */
static bool unsaid(enum qd_witness_verdict v)
{
	return v == QD_WITNESS_OLD_TAG || v == QD_WITNESS_NOT_HOLDER || v == QD_WITNESS_STORE;
}

uint32_t cover_missing(const struct sim_cover *c, bool with_views, bool print)
{
	uint32_t n = with_views ? missing_of_views(c, print) : 0;
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		n += c->faults[f] > 0 || !exists(c, f, with_views)
			     ? 0
			     : missed(print, "injected", sim_fault_name(f));
	for (enum qd_trace_code t = 0; t < QD_TRACE_COUNT; t++) {
		const bool elsewhere = with_views ? is_of_disk(t) : t >= QD_TRACE_CLUSTER;
		n += c->traces[t] > 0 || unreachable(t) || elsewhere
			     ? 0
			     : missed(print, "traced", qd_trace_name(t));
	}
	for (enum qd_witness_verdict v = 0; v < QD_WITNESS_VERDICT_COUNT; v++)
		n += c->verdicts[v] > 0 || unsaid(v) || !with_views
			     ? 0
			     : missed(print, "answered by the witness", qd_witness_verdict_name(v));
	for (enum qd_arbiter_state a = 0; a < QD_ARB_STATE_COUNT; a++) {
		uint64_t entered = 0;
		for (enum qd_arbiter_state b = 0; b < QD_ARB_STATE_COUNT; b++)
			entered += c->pairs[b][a];
		/* Refused is who has a copied identity. */
		const bool never = a == QD_ARB_STANDBY || (with_views && a == QD_ARB_REFUSED);
		n += entered > 0 || never ? 0 : missed(print, "entered", qd_arbiter_state_name(a));
	}
	return n;
}
