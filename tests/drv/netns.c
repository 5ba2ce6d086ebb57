/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORDS_MAX = 40,
	COMMAND_MAX = 512,
	LOOK_MS = 5, /* between two looks at what makes no event in the loop */
};

static int home = -1; /* where the program started */

static int here(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void netns_enter(const struct netns *n)
{
	if (!CHECK(setns(n != NULL ? n->fd : home, CLONE_NEWNET) == 0))
		exit(1); /* nothing may be done to the machine's own network */
}

bool netns_try(const struct netns *n, const char *command)
{
	char words[COMMAND_MAX];
	const char *argv[WORDS_MAX + 1] = {0};
	int count = 0;
	char *rest = NULL;
	(void)snprintf(words, sizeof words, "%s", command);
	for (char *w = strtok_r(words, " ", &rest); w != NULL && count < WORDS_MAX;
	     w = strtok_r(NULL, " ", &rest))
		argv[count++] = w;
	netns_enter(n);
	const int status = rig_run(argv);
	netns_enter(NULL);
	return status == 0;
}

void netns_do(const struct netns *n, const char *command)
{
	if (!CHECK(netns_try(n, command)))
		printf("  failed: %s\n", command);
}

bool netns_open(struct netns *list, int count)
{
	if (home < 0)
		home = here();
	for (int i = 0; i < count; i++)
		list[i].fd = -1;
	for (int i = 0; i < count; i++) {
		if (home < 0 || unshare(CLONE_NEWNET) != 0) {
			rig_skip("no right to make network namespaces");
			netns_close(list, count);
			return false;
		}
		list[i].fd = here();
		netns_enter(NULL);
		netns_do(&list[i], "ip link set lo up");
	}
	return true;
}

void netns_close(struct netns *list, int count)
{
	for (int i = 0; i < count; i++) {
		if (list[i].fd >= 0)
			(void)close(list[i].fd);
		list[i].fd = -1;
	}
}

void netns_join(const struct netns *a, const struct netns *b, const char *name)
{
	char command[COMMAND_MAX];
	(void)snprintf(command, sizeof command, "ip link add %s type veth peer name %s netns /proc/%d/fd/%d",
		       name, name, (int)getpid(), b->fd);
	netns_do(a, command);
	(void)snprintf(command, sizeof command, "ip link set %s addrgenmode none",
		       name); /* no fe80:: of its own */
	netns_do(a, command);
	netns_do(b, command);
	(void)snprintf(command, sizeof command, "ip link set %s up", name);
	netns_do(a, command);
	netns_do(b, command);
}

bool netns_until(struct qd_loop *loop, netns_look_fn *look, void *context)
{
	const struct qd_mono end = rig_deadline(RIG_LIMIT_MS);
	for (;;) {
		if (look(context))
			return true;
		if (rig_over(end) || qd_loop_arm(loop, rig_deadline(LOOK_MS)) != 0 || qd_loop_turn(loop) != 0)
			return false;
	}
}

void netns_quiet(struct qd_loop *loop, int64_t ms)
{
	const struct qd_mono end = rig_deadline(ms);
	while (!rig_over(end))
		if (qd_loop_arm(loop, end) != 0 || qd_loop_turn(loop) != 0)
			return;
}
