/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/rig.h"

#include "codec/qdisk.h"
#include "drv/disk_iscsi.h"
#include "drv/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig rig;

static struct {
	unsigned passed, failed, skipped;
	bool bad, skip;
} sum;

bool rig_check(bool good, const char *file, int line, const char *what)
{
	if (!good) {
		sum.bad = true;
		printf("  %s:%d: %s\n", file, line, what);
		(void)fflush(stdout);
	}
	return good;
}

void rig_skip(const char *reason)
{
	sum.skip = true;
	printf("skip: %s\n", reason);
}

static _Noreturn void die(const char *what)
{
	printf("rig: %s: %s\n", what, strerrordesc_np(errno));
	(void)fflush(stdout);
	exit(1);
}

struct qd_mono rig_deadline(int64_t ms)
{
	return qd_mono_add(qd_clock_now(), qd_span_ms(ms));
}

bool rig_over(struct qd_mono deadline)
{
	return qd_mono_reached(qd_clock_now(), deadline);
}

void rig_pause_between_looks(void)
{
	(void)poll(NULL, 0, 5);
}

/* ------------------------------------------------ processes */

pid_t rig_spawn(const char *const argv[], const char *log)
{
	const pid_t parent = getpid();
	const pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(126);
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	int fd = open(log != NULL ? log : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	char *args[32] = {NULL};
	for (size_t i = 0; argv[i] != NULL && i < 31; i++)
		args[i] = strdup(argv[i]);
	(void)execvp(args[0], args);
	_exit(127);
}

int rig_run(const char *const argv[])
{
	char log[96];
	(void)snprintf(log, sizeof log, "%s/run.log", rig.dir);
	const pid_t pid = rig_spawn(argv, log);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int tgtadm(const char *const more[])
{
	char control[16];
	(void)snprintf(control, sizeof control, "%d", rig.control);
	const char *argv[32] = {"tgtadm", "-C", control, "--lld", "iscsi"};
	size_t n = 5;
	for (size_t i = 0; more[i] != NULL && n < 31; i++)
		argv[n++] = more[i];
	return rig_run(argv);
}

static void must(const char *what, const char *const more[])
{
	if (tgtadm(more) != 0) {
		printf("rig: tgtadm: %s failed, see %s/run.log\n", what, rig.dir);
		exit(1);
	}
}

uint16_t rig_free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		die("no free port");
	(void)close(fd);
	return ntohs(a.sin_port);
}

static void launch(void)
{
	char control[16], portals[96], log[96];
	(void)snprintf(control, sizeof control, "%d", rig.control);
	(void)snprintf(portals, sizeof portals, "portal=127.0.0.1:%u,portal=[::1]:%u", rig.port, rig.port);
	(void)snprintf(log, sizeof log, "%s/tgtd.log", rig.dir);
	const char *const argv[] = {"tgtd", "-f", "-C", control, "--iscsi", portals, NULL};
	rig.pid = rig_spawn(argv, log);
	const char *const show[] = {"--op", "show", "--mode", "target", NULL};
	const struct qd_mono deadline = rig_deadline(RIG_LIMIT_MS);
	while (tgtadm(show) != 0) {
		if (rig_over(deadline) || waitpid(rig.pid, NULL, WNOHANG) == rig.pid) {
			printf("rig: tgtd does not start, see %s\n", log);
			exit(1);
		}
		rig_pause_between_looks();
	}
}

void rig_start(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	const char *base = getenv("TMPDIR");
	(void)snprintf(rig.dir, sizeof rig.dir, "%s/qd-drv-XXXXXX",
		       base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(rig.dir) == NULL)
		die("mkdtemp");
	/* tgtd's control port is a number in a socket's name: one for each test process */
	rig.control = 1024 + (int)getpid() % 30000;
	rig.port = rig_free_port();
	launch();
}

void rig_kill(void)
{
	if (rig.pid <= 0)
		return;
	(void)kill(rig.pid, SIGKILL);
	(void)waitpid(rig.pid, NULL, 0);
	rig.pid = 0;
}

void rig_restart(void)
{
	launch();
}

void rig_pause(void)
{
	(void)kill(rig.pid, SIGSTOP);
}

void rig_continue(void)
{
	(void)kill(rig.pid, SIGCONT);
}

static void rig_stop(void)
{
	rig_kill();
	char name[96];
	(void)snprintf(name, sizeof name, "/var/run/tgtd/socket.%d", rig.control);
	(void)unlink(name);
	(void)snprintf(name, sizeof name, "/var/run/tgtd/socket.%d.lock", rig.control);
	(void)unlink(name);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	if (getenv("QD_KEEP") != NULL) {
		printf("kept: %s\n", rig.dir);
		return;
	}
	const char *const argv[] = {"rm", "-rf", rig.dir, NULL};
	const pid_t pid = rig_spawn(argv, NULL);
	(void)waitpid(pid, NULL, 0);
}

/* ------------------------------------------------ targets */

static void add_lun(const struct rig_lun *lun, const char *tid, const char *file)
{
	char block[16];
	(void)snprintf(block, sizeof block, "%u", lun->block_bytes != 0 ? lun->block_bytes : 512);
	const char *const unit[] = {"--op", "new", "--mode", "logicalunit", "--tid", tid, "--lun",
				    "1",    "-b",  file,     "--blocksize", block,   NULL};
	must("new logicalunit", unit);
	if (lun->read_only) {
		const char *const ro[] = {"--op",  "update", "--mode",	 "logicalunit", "--tid", tid,
					  "--lun", "1",	     "--params", "readonly=1",	NULL};
		must("readonly", ro);
	}
}

static void add_account(const char *tid, const char *user, const char *secret, bool outgoing)
{
	const char *const account[] = {"--op", "new",	     "--mode", "account", "--user",
				       user,   "--password", secret,   NULL};
	(void)tgtadm(account); /* an account may be there from another target */
	const char *const bind_in[] = {"--op",	  "bind",  "--mode",
				       "account", "--tid", tid,
				       "--user",  user,	   outgoing ? "--outgoing" : NULL,
				       NULL};
	must("bind account", bind_in);
}

static void add_target(const struct rig_lun *lun, const struct qd_iscsi_target *t, int number)
{
	char tid[16], file[128];
	(void)snprintf(tid, sizeof tid, "%d", number);
	rig_file(t, file, sizeof file);
	const char *const target[] = {"--op", "new", "--mode", "target", "--tid", tid, "-T", t->target, NULL};
	must("new target", target);
	add_lun(lun, tid, file);
	if (lun->header_digest != NULL) {
		const char *const digest[] = {"--op", "update", "--mode",	"target",  "--tid",
					      tid,    "--name", "HeaderDigest", "--value", lun->header_digest,
					      NULL};
		must("HeaderDigest", digest);
	}
	if (lun->user != NULL)
		add_account(tid, lun->user, lun->secret, false);
	if (lun->target_user != NULL)
		add_account(tid, lun->target_user, lun->target_secret, true);
	const char *const all[] = {"--op", "bind", "--mode", "target", "--tid", tid, "-I", "ALL", NULL};
	must("bind", all);
}

void rig_file(const struct qd_iscsi_target *t, char *to, size_t cap)
{
	(void)snprintf(to, cap, "%s/%s", rig.dir, strrchr(t->target, ':') + 1);
}

void rig_target(const struct rig_lun *lun, const char *initiator, struct qd_iscsi_target *out)
{
	*out = (struct qd_iscsi_target){.host = "127.0.0.1", .port = rig.port, .lun = 1, .isid = 7};
	rig.tid++;
	(void)snprintf(out->target, sizeof out->target, "iqn.2026-11.test.quorumd:t%d", rig.tid);
	(void)snprintf(out->initiator, sizeof out->initiator, "iqn.2026-11.test.quorumd:%s", initiator);
	char file[128], why[128];
	rig_file(out, file, sizeof file);
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)RIG_SECTORS_MIB << 20) != 0)
		die(file);
	(void)close(fd);
	add_target(lun, out, rig.tid);
	if (lun->user != NULL) {
		(void)snprintf(out->user, sizeof out->user, "%s", lun->user);
		(void)snprintf(out->secret, sizeof out->secret, "%s", lun->secret);
	}
	if (lun->target_user != NULL) {
		(void)snprintf(out->target_user, sizeof out->target_user, "%s", lun->target_user);
		(void)snprintf(out->target_secret, sizeof out->target_secret, "%s", lun->target_secret);
	}
	if (qd_iscsi_target_resolve(out, why, sizeof why) != 0)
		die(why);
}

void rig_target_again(const struct qd_iscsi_target *t)
{
	const struct rig_lun plain = {0};
	add_target(&plain, t, ++rig.tid);
}

void rig_format(const struct qd_iscsi_target *t, const char *cluster, uint32_t sector_bytes)
{
	struct qd_superblock s = {
		.version = QD_QDISK_VERSION,
		.sector_bytes = sector_bytes,
		.cluster_tag = qd_cluster_tag(cluster),
		.data_lba = qd_qdisk_min_sectors(sector_bytes),
	};
	(void)snprintf(s.cluster, sizeof s.cluster, "%s", cluster);
	for (size_t i = 0; i < sizeof s.disk_uuid; i++)
		s.disk_uuid[i] = (uint8_t)(i + (size_t)rig.tid);
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	qd_superblock_encode(&s, sector, sector_bytes);
	char file[128];
	rig_file(t, file, sizeof file);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	for (off_t i = 0; i < 2; i++)
		if (fd < 0 ||
		    pwrite(fd, sector, sector_bytes, i * (off_t)sector_bytes) != (ssize_t)sector_bytes)
			die(file);
	(void)close(fd);
}

/* ------------------------------------------------ frame */

int rig_main(const char *name, const struct rig_test *tests, size_t count, int argc, char **argv)
{
	rig_start();
	for (size_t i = 0; i < count; i++) {
		if (argc > 1 && strstr(tests[i].sentence, argv[1]) == NULL)
			continue;
		sum.bad = false;
		sum.skip = false;
		const struct qd_mono begun = qd_clock_now();
		tests[i].run();
		const long long ms = (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), begun));
		printf("%s %s (%lld ms)\n",
		       sum.bad	  ? "FAIL"
		       : sum.skip ? "skip"
				  : "ok",
		       tests[i].sentence, ms);
		(void)fflush(stdout);
		sum.failed += sum.bad;
		sum.skipped += !sum.bad && sum.skip;
		sum.passed += !sum.bad && !sum.skip;
	}
	rig_stop();
	printf("%s: %u passed, %u failed, %u skipped\n", name, sum.passed, sum.failed, sum.skipped);
	return sum.failed == 0 ? 0 : 1;
}
