/* SPDX-License-Identifier: Apache-2.0 */
/* Two real daemons on a real target: who owns, who takes over, what is refused, what it costs. */
#include "drv/daemon.h"
#include "drv/loop.h"
#include "drv/stamps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
#ifdef __SANITIZE_ADDRESS__
	RENEW_MS = 1000,	   /* the leak check at the end of a daemon holds a processor for a second */
	RSS_MAX_KIB = 1024 * 1024, /* and a sanitizer has its own needs */
#else
	RENEW_MS = 500, /* the group's stop has 9/10 of it, on a machine that is busy with other things */
	RSS_MAX_KIB = 12 * 1024,
#endif
	TAKEOVER_MS = RENEW_MS * 10 / 3,
	START_MS = 1500, /* script, runner and a noisy machine on top of a bound */
};

static struct daemon_node a, b;
static struct qd_iscsi_target target;

static bool exited(int status, int with)
{
	return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == with;
}

static bool set_up(void)
{
	char program[256];
	if (!daemon_program("quorumd", program, sizeof program) ||
	    !daemon_program("quorum-runner", program, sizeof program)) {
		rig_skip("quorumd or quorum-runner is not built");
		return false;
	}
	rig_target(&(struct rig_lun){0}, "x", &target);
	rig_format(&target, "pair", 512);
	daemon_make(&a, 1, &target, RENEW_MS, "");
	daemon_make(&b, 2, &target, RENEW_MS, "");
	return true;
}

/* a owns and its group runs, b stands by. */
static bool begin(void)
{
	if (!set_up())
		return false;
	daemon_start(&a);
	if (!CHECK(daemon_until(&a, daemon_group_online, RIG_LIMIT_MS)))
		return false;
	daemon_start(&b);
	return CHECK(daemon_until(&b, daemon_status, RIG_LIMIT_MS));
}

static void end_both(void)
{
	struct stamps s;
	char file[128];
	if (b.pid != 0)
		CHECK(exited(daemon_end(&b, SIGTERM), 0));
	if (a.pid != 0)
		CHECK(exited(daemon_end(&a, SIGTERM), 0));
	CHECK(!daemon_script_up(&a) && !daemon_script_up(&b));
	rig_file(&target, file, sizeof file);
	CHECK(stamps_judge(file, stdout, &s) && s.violations == 0 && s.stamps > 0);
	printf("  %llu stamps of %llu epochs\n", (unsigned long long)s.stamps, (unsigned long long)s.epochs);
}

static bool sees_node_1(struct daemon_node *d)
{
	return d->last.arbiter.owner_node == 1;
}

static void one_owns_and_costs_little(void)
{
	if (!begin())
		return;
	CHECK(daemon_until(&b, sees_node_1, RIG_LIMIT_MS));
	CHECK(daemon_status(&a) && a.last.mine && !b.last.mine);
	CHECK(daemon_proc(&a, "Threads") == 1 && daemon_proc(&b, "Threads") == 1);
	CHECK(daemon_proc(&a, "VmRSS") <= RSS_MAX_KIB && daemon_proc(&b, "VmRSS") <= RSS_MAX_KIB);
	printf("  resident: owner %ld KiB, standby %ld KiB\n", daemon_proc(&a, "VmRSS"),
	       daemon_proc(&b, "VmRSS"));
	end_both();
}

static void a_killed_owner_is_replaced(void)
{
	if (!begin())
		return;
	const uint64_t epoch = a.last.epoch;
	const struct qd_mono dead = qd_clock_now();
	(void)daemon_end(&a, SIGKILL);
	CHECK(daemon_until(&b, daemon_owns, TAKEOVER_MS + START_MS));
	const long long owner_ms = (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), dead));
	CHECK(daemon_until(&b, daemon_group_online, TAKEOVER_MS + START_MS));
	printf("  after kill -9: owner in %lld ms, group runs in %lld ms\n", owner_ms,
	       (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), dead)));
	CHECK(b.last.epoch > epoch);
	CHECK(!daemon_script_up(&a)); /* its runner has stopped it */
	daemon_start(&a);	      /* comes back and stands by */
	CHECK(daemon_until(&a, daemon_status, RIG_LIMIT_MS) && !a.last.mine);
	end_both();
}

static bool stands_by(struct daemon_node *d)
{
	return !d->last.mine && d->last.arbiter.state == QD_ARB_STANDBY;
}

static void a_paused_owner_is_fenced(void)
{
	if (!begin())
		return;
	(void)kill(a.pid, SIGSTOP);
	CHECK(daemon_until(&b, daemon_group_online, 2 * TAKEOVER_MS + START_MS));
	CHECK(!daemon_script_up(&a)); /* stopped by the runner, which was not paused */
	(void)kill(a.pid, SIGCONT);
	CHECK(daemon_until(&a, stands_by, RIG_LIMIT_MS));
	CHECK(daemon_said(&a, "refused"));
	CHECK(daemon_status(&b) && b.last.mine);
	end_both();
}

static void term_hands_the_disk_back(void)
{
	if (!begin())
		return;
	const struct qd_mono asked = qd_clock_now();
	CHECK(exited(daemon_end(&a, SIGTERM), 0));
	CHECK(!daemon_script_up(&a));
	CHECK(daemon_until(&b, daemon_owns, TAKEOVER_MS + START_MS));
	printf("  released and taken in %lld ms\n",
	       (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), asked)));
	end_both();
}

static void an_operator_moves_it(void)
{
	enum qd_reply reply = QD_REPLY_COUNT;
	if (!begin())
		return;
	const struct qd_mono asked = qd_clock_now();
	CHECK(daemon_handover(&b, 1, &reply) && reply == QD_REPLY_NOT_OWNER);
	CHECK(daemon_handover(&a, 9, &reply) && reply == QD_REPLY_NO_SUCH_NODE);
	CHECK(daemon_handover(&a, 2, &reply) && reply == QD_REPLY_DONE);
	CHECK(daemon_until(&b, daemon_group_online, TAKEOVER_MS + START_MS));
	printf("  moved in %lld ms\n", (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), asked)));
	end_both();
}

static void edit(const struct daemon_node *d, const char *sed)
{
	char conf[160];
	(void)snprintf(conf, sizeof conf, "%s/quorumd.yaml", d->dir);
	const char *const argv[] = {"sed", "-i", sed, conf, NULL};
	CHECK(rig_run(argv) == 0);
}

static bool renews_every_400(struct daemon_node *d)
{
	return qd_span_to_ms(d->last.times.renew) == 400;
}

static bool until_said(const struct daemon_node *d, const char *text)
{
	const struct qd_mono deadline = rig_deadline(RIG_LIMIT_MS);
	while (!daemon_said(d, text) && !rig_over(deadline))
		rig_pause_between_looks();
	return daemon_said(d, text);
}

static void a_reload_takes_times_only(void)
{
	if (!begin())
		return;
	edit(&a, "s/renew: [0-9]*ms/renew: 400ms/");
	(void)kill(a.pid, SIGHUP);
	CHECK(daemon_until(&a, renews_every_400, RIG_LIMIT_MS));
	edit(&a, "s/^cluster: pair/cluster: other/");
	(void)kill(a.pid, SIGHUP);
	CHECK(until_said(&a, "restart"));
	edit(&a, "s/^cluster: .*/cluster:/");
	(void)kill(a.pid, SIGHUP);
	CHECK(until_said(&a, "nothing is changed"));
	CHECK(daemon_status(&a) && a.last.mine && strcmp(a.last.cluster, "pair") == 0);
	end_both();
}

static void what_is_wrong_is_refused(void)
{
	char program[256], conf[160];
	if (!set_up())
		return;
	(void)daemon_program("quorumd", program, sizeof program);
	(void)snprintf(conf, sizeof conf, "%s/quorumd.yaml", a.dir);
	const char *const check[] = {program, "--check", conf, NULL};
	const char *const version[] = {program, "--version", NULL};
	const char *const unknown[] = {program, "--no-such-option", NULL};
	const char *const start[] = {program, "--config", conf, NULL};
	CHECK(rig_run(check) == 0);
	CHECK(rig_run(version) == 0);
	CHECK(rig_run(unknown) == 64);
	daemon_start(&a);
	CHECK(daemon_until(&a, daemon_status, RIG_LIMIT_MS));
	CHECK(exited(daemon_end(&a, SIGTERM), 0));
	edit(&a, "s/^test: {machine_id: 0/test: {machine_id: 9/"); /* another machine, the same state_dir */
	CHECK(rig_run(start) == 77);
	edit(&a, "s/^node: 1/node: three/");
	CHECK(rig_run(check) == 78);
	CHECK(rig_run(start) == 78);
}

static void a_lost_runner_is_no_silent_owner(void)
{
	if (!begin())
		return;
	char children[64] = {0}, name[64];
	(void)snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)a.pid, (int)a.pid);
	FILE *f = fopen(name, "r");
	size_t n = f != NULL ? fread(children, 1, sizeof children - 1, f) : 0;
	if (f != NULL)
		(void)fclose(f);
	const long runner = n > 0 ? strtol(children, NULL, 10) : 0;
	NEED(runner > 1);
	(void)kill((pid_t)runner, SIGKILL);
	/* nothing is known of the group: the stub says that the machine would be reset, and the other takes over */
	CHECK(until_said(&a, "WATCHDOG STUB"));
	CHECK(daemon_until(&b, daemon_owns, 2 * TAKEOVER_MS + START_MS));
	(void)daemon_end(&a, SIGKILL);
	char up[128];
	(void)snprintf(up, sizeof up, "%s/up", a.dir);
	const char *const argv[] = {"rm", "-f", up, NULL};
	(void)rig_run(argv);
	end_both();
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"one owns, the other stands by, and both cost little", one_owns_and_costs_little},
		{"a killed owner is replaced", a_killed_owner_is_replaced},
		{"a paused owner is fenced and stands by when it wakes", a_paused_owner_is_fenced},
		{"SIGTERM stops, releases and ends", term_hands_the_disk_back},
		{"an operator moves the ownership", an_operator_moves_it},
		{"SIGHUP takes new times and refuses the rest", a_reload_takes_times_only},
		{"what is wrong is refused at the start", what_is_wrong_is_refused},
		{"an owner without its runner gives up", a_lost_runner_is_no_silent_owner},
	};
	return rig_main("t_quorumd", tests, sizeof tests / sizeof tests[0], argc, argv);
}
