/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/node.h"

typedef const char *name_of(int value);

#define NAMES(type, function)                                                                                \
	static const char *name_##type(int value)                                                            \
	{                                                                                                    \
		return function((enum type)value);                                                           \
	}
NAMES(qd_op_kind, qd_op_kind_name)
NAMES(qd_group_report, qd_group_report_name)
NAMES(qd_group_state, qd_group_state_name)
NAMES(qd_reply, qd_reply_name)
NAMES(qd_arbiter_state, qd_arbiter_state_name)
NAMES(qd_path_state, qd_path_state_name)
NAMES(qd_hold_reason, qd_hold_reason_name)
#undef NAMES

static const char *text_of_hold(int value)
{
	return qd_hold_reason_text((enum qd_hold_reason)value);
}

static const struct list {
	const char *what;
	name_of *name;
	int count;
} LISTS[] = {
	{"operation", name_qd_op_kind, QD_OP_KIND_COUNT},
	{"report", name_qd_group_report, QD_REPORT_COUNT},
	{"group", name_qd_group_state, QD_GROUP_STATE_COUNT},
	{"reply", name_qd_reply, QD_REPLY_COUNT},
	{"state", name_qd_arbiter_state, QD_ARB_STATE_COUNT},
	{"path", name_qd_path_state, QD_PATH_STATE_COUNT},
	{"hold", name_qd_hold_reason, QD_HOLD_COUNT},
	{"hold text", text_of_hold, QD_HOLD_COUNT},
};

static size_t list;

static void one_too_many(void)
{
	(void)LISTS[list].name(LISTS[list].count);
}

static void refuses(void)
{
	for (list = 0; list < UNIT_COUNT(LISTS); list++) {
		unit_case("%s", LISTS[list].what);
		UNIT_OK(unit_aborts(one_too_many));
	}
}

static void each_its_own(void)
{
	for (size_t i = 0; i < UNIT_COUNT(LISTS); i++) {
		const struct list *l = &LISTS[i];
		for (int v = 0; v < l->count; v++) {
			unit_case("%s %d", l->what, v);
			if (!UNIT_OK(l->name(v) != NULL && l->name(v)[0] != '\0'))
				continue;
			for (int w = 0; w < v; w++)
				UNIT_OK(strcmp(l->name(v), l->name(w)) != 0);
		}
	}
}

static void stable(void)
{
	UNIT_TEXT(qd_arbiter_state_name(QD_ARB_STANDBY), "standby");
	UNIT_TEXT(qd_arbiter_state_name(QD_ARB_OWNER), "owner");
	UNIT_TEXT(qd_arbiter_state_name(QD_ARB_RETIRING), "retiring");
	UNIT_TEXT(qd_arbiter_state_name(QD_ARB_OFF), "off");
	UNIT_TEXT(qd_path_state_name(QD_PATH_READY), "ready");
	UNIT_TEXT(qd_path_state_name(QD_PATH_BAD), "bad");
	UNIT_TEXT(qd_hold_reason_name(QD_HOLD_NO_PATH), "no-path");
	UNIT_TEXT(qd_hold_reason_name(QD_HOLD_WRONG_DISK), "wrong-disk");
	UNIT_TEXT(qd_op_kind_name(QD_OP_LOGIN), "login");
	UNIT_TEXT(qd_op_kind_name(QD_OP_PR_OUT), "pr-out");
	UNIT_TEXT(qd_group_state_name(QD_GROUP_ONLINE), "online");
	UNIT_TEXT(qd_group_report_name(QD_REPORT_RUNNER_LOST), "runner lost");
	UNIT_TEXT(qd_reply_name(QD_REPLY_DONE), "done");
	UNIT_TEXT(qd_reply_name(QD_REPLY_FAILED), "failed");
}

static const struct unit_test TESTS[] = {
	{"a value behind the last one is a programmer's error", refuses},
	{"every value has a name of its own", each_its_own},
	{"the first and the last names are what scripts rely on", stable},
};

int main(void)
{
	return unit_run("t_names", TESTS, UNIT_COUNT(TESTS));
}
