/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/kept_trouble.h"

#include <string.h>

enum qd_kept_news qd_kept_trouble_note(struct qd_kept_trouble *t, bool ok, const char why[QD_BODIES_WHY_MAX])
{
	const bool failed = t->failing;
	const bool same = strncmp(t->why, why, sizeof t->why) == 0;
	t->failing = !ok;
	memcpy(t->why, why, sizeof t->why);
	if (ok && failed)
		return QD_KEPT_NEWS_WELL;
	return same && t->failing == failed ? QD_KEPT_NEWS_NONE
	       : why[0] != '\0'		    ? QD_KEPT_NEWS_TROUBLE
					    : QD_KEPT_NEWS_NONE;
}
