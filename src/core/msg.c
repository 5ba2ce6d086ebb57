/* SPDX-License-Identifier: Apache-2.0 */
/* Stable names of what nodes say to each other, for traces, status and tests. */
#include "core/msg.h"

const char *qd_msg_kind_name(enum qd_msg_kind kind)
{
	static const char *const names[QD_MSG_KIND_COUNT] = {
		"none",	   "hello",	"hello-ok", "back",   "back-ok", "news",   "prepare",	  "promise",
		"install", "installed", "proof",    "answer", "proved",	 "change", "right-ended", "lead",
	};
	qd_assert((unsigned)kind < QD_MSG_KIND_COUNT);
	return names[kind];
}

const char *qd_refusal_name(enum qd_refusal refusal)
{
	static const char *const names[QD_REFUSAL_COUNT] = {
		"none", "promised", "set", "incarnation", "tag", "stuck",
	};
	qd_assert((unsigned)refusal < QD_REFUSAL_COUNT);
	return names[refusal];
}
