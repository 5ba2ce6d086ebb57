/* SPDX-License-Identifier: Apache-2.0 */
/* The script file in memory: sections of steps with their expected results. It says nothing about how they are run. */
#ifndef CONFORM_SCRIPT_H
#define CONFORM_SCRIPT_H

#include "conform/conform.h"

enum {
	SCRIPT_LINE_MAX = 240,	/* characters of one line of the file */
	SCRIPT_STEPS_MAX = 1200 /* the script is meant to be read: far more than it has */
};

/* What one kind of disk answers instead of the reference, and why. Empty result: no difference. */
struct script_override {
	char result[SCRIPT_LINE_MAX];
	char reason[SCRIPT_LINE_MAX];
	bool ends; /* "=>!": what follows in the section means nothing on this kind and is left out */
};

struct script_step {
	unsigned line;		    /* in the file, counted from 1 */
	char text[SCRIPT_LINE_MAX]; /* nexus, operation, arguments; for a section its title */
	bool section;		    /* not a command: the disk is reset here */
	struct cf_command command;
	char expected[SCRIPT_LINE_MAX]; /* the reference's result; "any" accepts every one */
	struct script_override override[CF_KIND_COUNT];
};

struct script {
	size_t count;
	struct script_step steps[SCRIPT_STEPS_MAX];
};

/* Read the file. False on the first mistake, which `why` then names with its line number. */
bool script_read(struct script *script, const char *path, char *why, size_t size);

/* The override that counts for this kind, NULL if it answers as the reference. A model of a target without a line of its
 * own cannot do what the model cannot, and else goes by the target's line. */
const struct script_override *script_override(const struct script_step *step, enum cf_kind kind);

#endif
