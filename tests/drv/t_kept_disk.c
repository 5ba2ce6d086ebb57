/* SPDX-License-Identifier: Apache-2.0 */
/* What a node keeps, on a disk that is full, fails or hangs; and the bodies of the configuration beside it. */
#include "drv/kepts.h"

#include "quorumd/conf_start.h"
#include "quorumd/errors.h"

/* ------------------------------------------------ a disk that is full, fails, or hangs */

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	UNIT_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	UNIT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_keeps_the_old(void)
{
	struct qd_kept kept, want, again;
	static char body[4096];
	fresh_dir("full");
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	want = kept;
	want.promised = 5;
	memset(body, '#', sizeof body - 1);
	qd_body_digest(body, strlen(body), want.head.body);
	struct sigaction before;
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	UNIT_EQUAL(sigaction(SIGXFSZ, &ignore, &before), 0);
	limit_files(512);
	UNIT_OK(!keep(s, &want, body));
	UNIT_OK(says("cannot be written: File too large; make room on that file system"));
	want.head = kept.head;
	UNIT_OK(!keep(s, &want, NULL)); /* torn at 512 bytes */
	UNIT_OK(says("kept."));
	UNIT_OK(says("cannot be written: File too large; make room on that file system"));
	limit_files(0);
	qd_kept_close(s);
	s = open_store(&again, QD_KEPT_FOUND_OWN);
	UNIT_OK(same_kept(&again, &kept));
	UNIT_OK(keep(s, &want, NULL));
	qd_kept_close(s);
	char name[512];
	body_name(body, name);
	UNIT_OK(!there(name));
	fresh_dir("full2");
	limit_files(512);
	const struct qd_kept_options o = options();
	UNIT_EQUAL(open_fails(&o), QD_ERR_IO);
	UNIT_OK(says("make room on that file system"));
	limit_files(0);
	UNIT_EQUAL(sigaction(SIGXFSZ, &before, NULL), 0);
}

static void a_failing_disk_keeps_the_old(void)
{
	struct qd_kept kept, want, again;
	fresh_dir("failing");
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	uint8_t before[QD_KEPT_SLOT_BYTES], after[QD_KEPT_SLOT_BYTES];
	want = kept;
	for (int i = 0; i < 3;
	     i++) { /* in turn it is the same slot that is tried: the other one is the only good one */
		get_bytes(0, before);
		want.promised = 10 + (uint64_t)i;
		atomic_store(&sync_failures, 1);
		UNIT_OK(!keep(s, &want, NULL));
		UNIT_OK(says("cannot be made durable: Input/output error"));
		get_bytes(0, after);
		UNIT_BYTES(after, before, sizeof after);
	}
	want.promised = 20;
	UNIT_OK(keep(s, &want, NULL));
	qd_kept_close(s);
	s = open_store(&again, QD_KEPT_FOUND_OWN);
	UNIT_EQUAL(again.promised, 20);
	qd_kept_close(s);
	atomic_store(&sync_failures, 1);
	const struct qd_kept_options o = options();
	UNIT_EQUAL(open_fails(&o), QD_ERR_IO);
	atomic_store(&sync_failures, 0);
}

static void a_hanging_disk_holds_up_nobody(void)
{
	struct qd_kept kept, want;
	int pipes[2];
	uint64_t turn = 0;
	bool ok = false;
	fresh_dir("hanging");
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	UNIT_EQUAL(pipe(pipes), 0);
	atomic_store(&gate, pipes[0]);
	want = kept;
	want.promised = 3;
	struct pollfd p = {.fd = qd_kept_fd(s), .events = POLLIN};
	qd_kept_write_async(s, 42, &want, NULL, 0); /* returns: nobody has let it through yet */
	const struct qd_body_job job = {.kind = QD_BODY_JOB_HISTORY, .turn = 43};
	qd_kept_body_async(s, &job);
	UNIT_EQUAL(poll(&p, 1, 0), 0);
	UNIT_OK(!qd_kept_done(s, &turn, &ok, why) && qd_kept_body_done(s) == NULL);
	UNIT_OK(!qd_kept_idle(s) && !qd_kept_body_idle(s));
	UNIT_EQUAL(write(pipes[1], "x", 1), 1);
	UNIT_EQUAL(poll(&p, 1, WAIT_MS), 1);
	UNIT_OK(qd_kept_done(s, &turn, &ok, why) && ok);
	UNIT_EQUAL(turn, 42);
	/* It is durable by one call; the other slot and the answer to the other job come behind it. */
	atomic_store(&gate, -1);
	UNIT_EQUAL(write(pipes[1], "xxxx", 4), 4);
	const struct qd_body_result *r = NULL;
	while ((r = qd_kept_body_done(s)) == NULL && poll(&p, 1, WAIT_MS) == 1)
		;
	UNIT_OK(r != NULL && r->count == 1 && r->turn == 43);
	qd_kept_close(s);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* ------------------------------------------------ bodies */

static void keeping_needs_the_body(void)
{
	struct qd_kept kept, want, again;
	const char *other = "cluster: other\n";
	char name[512];
	fresh_dir("bodies");
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	want = kept;
	want.head.tag = (struct qd_tag){64, 2};
	qd_body_digest(other, strlen(other), want.head.body);
	UNIT_OK(!keep(s, &want, NULL));
	UNIT_OK(says("is not there; copy it from another node's"));
	UNIT_OK(!keep(s, &want, BODY));
	UNIT_OK(says("the configuration that came is not the one that was announced"));
	qd_kept_close(s);
	s = open_store(&again, QD_KEPT_FOUND_OWN);
	UNIT_OK(same_kept(&again, &kept));
	UNIT_OK(keep(s, &want, other));
	body_name(other, name);
	UNIT_OK(there(name));
	/* An operator's body first, then the change. */
	static char text[QD_BODY_BYTES_MAX];
	const char *third = "cluster: third\n";
	struct qd_body_job job = {
		.kind = QD_BODY_JOB_PUT, .turn = 1, .text = third, .text_bytes = strlen(third)};
	const struct qd_body_result *r = body_job(s, &job);
	UNIT_EQUAL(r->status, 0);
	memcpy(want.head.body, r->digest, sizeof want.head.body);
	want.head.tag.version = 3;
	UNIT_OK(keep(s, &want, NULL));
	job = (struct qd_body_job){.kind = QD_BODY_JOB_GET, .turn = 2, .to = text, .cap_bytes = sizeof text};
	memcpy(job.digest, want.head.body, sizeof job.digest);
	r = body_job(s, &job);
	UNIT_OK(r->status == 0 && r->body_bytes == strlen(third) && memcmp(text, third, strlen(third)) == 0);
	job.digest[0] ^= 1;
	UNIT_EQUAL(-body_job(s, &job)->status, QD_ERR_NOT_FOUND);
	job = (struct qd_body_job){.kind = QD_BODY_JOB_PUT, .text = text, .text_bytes = sizeof text + 1};
	UNIT_EQUAL(-body_job(s, &job)->status, QD_ERR_INVALID);
	memset(text, 'x', sizeof text);
	job.text_bytes--;
	UNIT_EQUAL(body_job(s, &job)->status, 0);
	job = (struct qd_body_job){.kind = QD_BODY_JOB_HISTORY};
	r = body_job(s, &job);
	UNIT_EQUAL(r->count, 3);
	UNIT_BYTES(r->history[0].digest, kept.head.body, QD_DIGEST_BYTES);
	UNIT_EQUAL(r->history[2].tag.version, 3);
	UNIT_OK(r->history[2].unix_s > 1700000000);
	qd_kept_close(s);
	/* What was never in force is swept at the next start; what was, and what is, stays. */
	qd_kept_close(open_store(&again, QD_KEPT_FOUND_OWN));
	UNIT_OK(there(name));
	body_name(third, name);
	UNIT_OK(there(name));
	shell("test $(ls \"$A/config\" | wc -l) = 4", dir, "");
}

static struct qd_bodies bodies;
static struct qd_bodies again_bodies;

static void note(uint64_t version, uint32_t n)
{
	char text[64];
	struct qd_body_entry e = {.tag = {1, version}, .unix_s = version};
	(void)snprintf(text, sizeof text, "body: %u\n", (unsigned)n);
	UNIT_EQUAL(qd_bodies_write(&bodies, text, strlen(text), e.digest, why), 0);
	UNIT_EQUAL(qd_bodies_note(&bodies, &e, why), 0);
}

static void history_is_short_and_whole(void)
{
	char name[512];
	fresh_dir("history");
	shell("mkdir \"$A\"", dir, "");
	UNIT_EQUAL(qd_bodies_open(&bodies, dir, why), 0);
	UNIT_EQUAL(bodies.count, 0);
	note(1, 0);
	note(2, 0); /* no news */
	UNIT_EQUAL(bodies.count, 1);
	note(3, 1);
	note(4, 0); /* rolled back */
	UNIT_EQUAL(bodies.count, 3);
	for (uint32_t n = 5; n < 66; n++)
		note(n, n);
	UNIT_EQUAL(bodies.count, 64);
	note(66, 66);
	body_name("body: 0\n", name);
	UNIT_OK(there(name)); /* its first entry is gone, its second is not */
	note(67, 67);
	body_name("body: 1\n", name);
	UNIT_OK(!there(name));
	UNIT_EQUAL(qd_bodies_open(&again_bodies, dir, why), 0);
	UNIT_EQUAL(again_bodies.count, 64);
	UNIT_EQUAL(again_bodies.damaged, 0);
	UNIT_BYTES(again_bodies.history, bodies.history, sizeof bodies.history);
	UNIT_EQUAL(bodies.history[63].tag.version, 67);
	/* a line that decayed */
	shell("sed -i '2s/ /  /; 3s/^1/2/; 4d' \"$A/config/history\"; printf 'half' >>\"$A/config/history\"",
	      dir, "");
	UNIT_EQUAL(qd_bodies_open(&again_bodies, dir, why), 0);
	UNIT_EQUAL(again_bodies.count, 61);
	UNIT_EQUAL(again_bodies.damaged, 3);
	/* a full disk: the history on the disk is what it was */
	atomic_store(&sync_failures, 1);
	struct qd_body_entry e = {.tag = {1, 99}};
	UNIT_EQUAL(-qd_bodies_note(&bodies, &e, why), QD_ERR_IO);
	UNIT_OK(says("history.new: cannot be written: Input/output error"));
	UNIT_EQUAL(qd_bodies_open(&bodies, dir, why), 0);
	UNIT_EQUAL(bodies.count, 61);
	atomic_store(&sync_skip, 1); /* the file is durable, its name is not */
	atomic_store(&sync_failures, 1);
	UNIT_EQUAL(-qd_bodies_write(&bodies, "b\n", 2, e.digest, why), QD_ERR_IO);
	UNIT_OK(says("config: fsync: Input/output error"));
	UNIT_EQUAL(qd_bodies_open(&again_bodies, dir, why), 0);
	UNIT_EQUAL(again_bodies.count, 61);
}

/* ------------------------------------------------ the start */

static struct qd_conf conf;
static struct qd_conf_messages messages;

static int start(const char *file, struct qd_conf_origin *origin)
{
	int rc = qd_conf_start(file, &conf, origin, &messages);
	if (messages.count > 0)
		(void)snprintf(why, sizeof why, "%s", messages.text[0]);
	return -rc;
}

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	UNIT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void the_start_takes_what_was_kept(void)
{
	static const char body[] =
		"cluster: kept # by all\nnodes:\n  a: {id: 3, addresses: [10.0.0.1]}\n"
		"  b: {id: 4, addresses: [10.0.0.2]}\n  c: {id: 5, addresses: [10.0.0.3]}\n";
	char file[256], text[1024], name[512];
	struct qd_conf_origin origin;
	fresh_dir("start");
	(void)snprintf(file, sizeof file, "%s/f.yaml", top);
	UNIT_EQUAL(start(file, &origin), QD_ERR_IO);
	UNIT_OK(says("the configuration cannot be read: No such file or directory"));
	(void)snprintf(text, sizeof text,
		       "node: a\nkey_file: /k\nstate_dir: %s\n# ours\ncluster: file\nnodes:\n  a: {id: 3, "
		       "addresses: "
		       "[10.0.0.1]}\nlog: {level: debug}\n",
		       dir);
	write_file(file, text);
	UNIT_EQUAL(start(file, &origin), 0);
	UNIT_OK(!origin.kept && origin.body.verbatim);
	UNIT_TEXT(conf.cluster, "file");
	static const char cut[] = "# ours\ncluster: file\nnodes:\n  a: {id: 3, addresses: [10.0.0.1]}\n";
	UNIT_EQUAL(origin.body.len_bytes, strlen(cut));
	UNIT_BYTES(origin.body.text, cut, strlen(cut));
	free(origin.body.text);
	/* in a store that has promised nothing, the file counts */
	struct qd_kept kept;
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	kept.head.tag = (struct qd_tag){128, 7};
	qd_body_digest(body, strlen(body), kept.head.body);
	UNIT_OK(keep(s, &kept, body));
	UNIT_EQUAL(start(file, &origin), 0);
	UNIT_OK(!origin.kept);
	free(origin.body.text);
	/* and in one that has, the store */
	kept.promised = 128;
	UNIT_OK(keep(s, &kept, NULL));
	qd_kept_close(s);
	UNIT_EQUAL(start(file, &origin), 0);
	UNIT_OK(origin.kept && origin.tag.epoch == 128 && origin.tag.version == 7);
	UNIT_TEXT(conf.cluster, "kept");
	UNIT_EQUAL(conf.node_id, 3);
	UNIT_EQUAL(conf.members, 0x1c);
	UNIT_EQUAL(conf.log_level, QD_LEVEL_DEBUG);
	UNIT_EQUAL(origin.body.len_bytes, strlen(body));
	free(origin.body.text);
	/* whatever the file says of the cluster; but not of itself */
	(void)snprintf(text, sizeof text, "node: z\nkey_file: /k\nstate_dir: %s\nnodes: nonsense\n", dir);
	write_file(file, text);
	UNIT_EQUAL(start(file, &origin), QD_ERR_CONFIG);
	UNIT_OK(says("f.yaml:1:7: node: expected a name or an id of nodes, found \"z\"; there is a (3) b (4) "
		     "c (5)"));
	UNIT_OK(origin.body.text == NULL);
	/* a body that is gone is told */
	body_name(body, name);
	UNIT_EQUAL(unlink(name), 0);
	UNIT_EQUAL(start(file, &origin), QD_ERR_NOT_FOUND);
	UNIT_OK(says("f.yaml: "));
	UNIT_OK(says("is not there; copy it from another node's state_dir/config"));
	/* without a cluster there is no body, and no store is needed */
	fresh_dir("start2");
	(void)snprintf(text, sizeof text,
		       "node: a\nstate_dir: %s\ncluster: c\nnodes: {a: 1}\nquorum_disk: {paths: "
		       "[iscsi://h/iqn.2003-01.x:d/0]}\n",
		       dir);
	write_file(file, text);
	UNIT_EQUAL(start(file, &origin), 0);
	UNIT_OK(!origin.kept && origin.body.text == NULL && !conf.has_cluster);
	UNIT_OK(!there(dir));
}

static const struct unit_test TESTS[] = {
	{"a full disk is told, and the old stays", a_full_disk_keeps_the_old},
	{"a disk that does not make durable is told, and the old stays", a_failing_disk_keeps_the_old},
	{"a disk that hangs holds up nobody but the job", a_hanging_disk_holds_up_nobody},
	{"nothing is kept without its body", keeping_needs_the_body},
	{"the start takes the cluster's keys from the store", the_start_takes_what_was_kept},
	{"the history is short, and outlives a line", history_is_short_and_whole},
};

int main(void)
{
	return kepts_main("t_kept_disk", TESTS, UNIT_COUNT(TESTS));
}
