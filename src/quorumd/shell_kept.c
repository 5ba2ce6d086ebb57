/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_kept.h"

#include "base/assert.h"
#include "quorumd/errors.h"
#include "quorumd/kept_slots.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	STACK_BYTES = 256 * 1024,
	STACK_TOUCHED_BYTES =
		64 * 1024, /* more than the deepest call needs; touched before memory is locked */
	CLOSE_LIMIT_S = 2,
};

/* Whose the job is. Each side writes it, and what comes with it, only while it is its own; the eventfds wake the other. */
enum job_state {
	JOB_NONE = 0, /* the loop's: nothing to do */
	JOB_GIVEN,    /* the thread's */
	JOB_DONE,     /* the loop's: the result waits */
};

struct qd_kept_store {
	struct qd_kept_slots slots;
	struct qd_bodies bodies;
	uint8_t body_checked[QD_DIGEST_BYTES]; /* the last one that was seen to be there and right */
	bool has_checked;
	pthread_t thread;
	bool running;
	int wake; /* eventfd: the loop has something */
	int done; /* eventfd: the thread has */
	atomic_bool stop;
	atomic_int state; /* of `job` */
	struct {
		uint64_t turn;
		struct qd_kept kept;
		const char *body;
		size_t body_bytes;
		bool ok;
		char why[QD_KEPT_WHY_MAX];
	} job;
	char later[QD_KEPT_WHY_MAX]; /* a trouble behind the last job's answer; the thread's */
	atomic_int body_state;	     /* of the two below */
	struct qd_body_job body_job;
	struct qd_body_result result;
};

static uint64_t unix_now(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_REALTIME, &t); /* for people; cannot fail for this clock */
	return t.tv_sec > 0 ? (uint64_t)t.tv_sec : 0;
}

/* ------------------------------------------------ the thread */

/* The body that the head names is in the store, durable and right. */
static int keep_body(struct qd_kept_store *s)
{
	const uint8_t *wanted = s->job.kept.head.body;
	uint8_t digest[QD_DIGEST_BYTES];
	int rc = 0;
	if (s->job.body == NULL && s->has_checked && memcmp(s->body_checked, wanted, sizeof digest) == 0)
		return 0;
	if (s->job.body == NULL)
		rc = qd_bodies_check(&s->bodies, wanted, s->job.why);
	else {
		qd_body_digest(s->job.body, s->job.body_bytes, digest);
		if (memcmp(digest, wanted, sizeof digest) != 0) {
			(void)snprintf(s->job.why, sizeof s->job.why,
				       "the configuration that came is not the one that was announced");
			return -QD_ERR_PROTOCOL;
		}
		rc = qd_bodies_write(&s->bodies, s->job.body, s->job.body_bytes, digest, s->job.why);
	}
	if (rc == 0) {
		memcpy(s->body_checked, wanted, sizeof s->body_checked);
		s->has_checked = true;
	}
	return rc;
}

static void wake_loop(struct qd_kept_store *s)
{
	const uint64_t one = 1;
	ssize_t n = write(s->done, &one, sizeof one);
	qd_assert(n == (ssize_t)sizeof one); /* a counter of 1: never full */
}

/* What may come after the answer: nothing that the core counts on. */
static void tidy_up(struct qd_kept_store *s, const struct qd_kept *kept)
{
	struct qd_body_entry entry = {.tag = kept->head.tag, .unix_s = unix_now()};
	memcpy(entry.digest, kept->head.body, sizeof entry.digest);
	s->later[0] = '\0';
	if (qd_bodies_note(&s->bodies, &entry, s->later) == 0 && atomic_load(&s->state) != JOB_GIVEN)
		(void)qd_kept_slots_mirror(&s->slots,
					   s->later); /* `later` says it; the next job goes there first */
}

static void work(struct qd_kept_store *s)
{
	const struct qd_kept kept = s->job.kept;
	s->job.why[0] = '\0';
	int rc = keep_body(s);
	if (rc == 0)
		rc = qd_kept_slots_write(&s->slots, &kept, s->job.why);
	s->job.ok = rc == 0;
	if (rc == 0)
		memcpy(s->job.why, s->later, sizeof s->job.why);
	atomic_store(&s->state, JOB_DONE);
	wake_loop(s);
	if (rc == 0)
		tidy_up(s, &kept);
}

static void work_on_body(struct qd_kept_store *s)
{
	const struct qd_body_job *job = &s->body_job;
	struct qd_body_result *r = &s->result;
	r->turn = job->turn;
	r->status = 0;
	r->why[0] = '\0';
	memcpy(r->digest, job->digest, sizeof r->digest);
	switch (job->kind) {
	case QD_BODY_JOB_PUT:
		r->status = qd_bodies_write(&s->bodies, job->text, job->text_bytes, r->digest, r->why);
		break;
	case QD_BODY_JOB_GET:
		r->status = qd_bodies_read(&s->bodies, job->digest, job->to, job->cap_bytes, &r->body_bytes,
					   r->why);
		break;
	case QD_BODY_JOB_HISTORY:
		r->count = s->bodies.count;
		memcpy(r->history, s->bodies.history, sizeof r->history);
		break;
	case QD_BODY_JOB_NONE:
	case QD_BODY_JOB_COUNT:
		QD_UNREACHABLE("job for the store of bodies");
	}
	atomic_store(&s->body_state, JOB_DONE);
	wake_loop(s);
}

/* As main.c does it for its own thread: of root's capabilities only the one for a state directory that is another user's. */
static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct have[2] = {{0}};
	if (syscall(SYS_capget, &header, have) != 0)
		return; /* whoever forbids this call has taken them away already */
	have[0].permitted &= 1u << CAP_DAC_OVERRIDE;
	have[0].effective &= 1u << CAP_DAC_OVERRIDE;
	have[0].inheritable = 0;
	have[1] = (struct __user_cap_data_struct){0};
	(void)syscall(SYS_capset, &header, have); /* less of what one has is never refused */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void touch_stack(void)
{
	volatile char stack[STACK_TOUCHED_BYTES];
	for (size_t i = 0; i < sizeof stack; i += 4096)
		stack[i] = 1;
}

static void *run(void *context)
{
	struct qd_kept_store *s = context;
	touch_stack();
	drop_privileges();
	while (!atomic_load(&s->stop)) {
		uint64_t count = 0;
		ssize_t n = read(s->wake, &count, sizeof count);
		if (n < 0 && errno != EINTR)
			break;
		if (atomic_load(&s->state) == JOB_GIVEN)
			work(s);
		if (atomic_load(&s->body_state) == JOB_GIVEN)
			work_on_body(s);
	}
	return NULL;
}

static int start_thread(struct qd_kept_store *s, char *why)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	(void)sigfillset(&all);
	int rc = pthread_attr_init(&attributes);
	if (rc == 0)
		rc = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* Signals are the loop's. */
	if (rc == 0)
		rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc == 0) {
		rc = pthread_create(&s->thread, &attributes, run, s);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* what was valid before is */
	}
	(void)pthread_attr_destroy(&attributes); /* nothing hangs on it */
	s->running = rc == 0;
	if (rc == 0)
		return 0;
	(void)snprintf(why, QD_KEPT_WHY_MAX, "no thread for the node's store: %s", strerrordesc_np(rc));
	return -QD_ERR_NOMEM;
}

/* ------------------------------------------------ opening */

static struct qd_kept_origin self_of(const struct qd_kept_options *o)
{
	struct qd_kept_origin self = {.node_id = o->node_id};
	memcpy(self.machine, o->machine_id, sizeof self.machine);
	memcpy(self.cluster, o->cluster_id, sizeof self.cluster);
	return self;
}

static int refuse(char *why, const char *dir, const char *what)
{
	(void)snprintf(why, QD_KEPT_WHY_MAX,
		       "%s: kept.0 and kept.1 belong to %s. If this directory was copied here, give this "
		       "node its own "
		       "state_dir; if that was changed on purpose, remove these two files: this node then "
		       "has no vote until "
		       "the others have taken it in",
		       dir, what);
	return -QD_ERR_REFUSED;
}

/* Both slots, not only the newest: a mixture is no store of this node either. */
static int judge_node(const struct qd_kept_slots *s, char *why)
{
	for (uint32_t i = 0; i < QD_KEPT_SLOTS; i++) {
		const struct qd_kept_origin *was = &s->file[i].slot.origin;
		const struct qd_kept_origin *is = &s->file[i].origin;
		if (s->file[i].verdict != QD_KEPT_OK || qd_kept_origin_same_node(was, is))
			continue;
		if (memcmp(was->machine, is->machine, sizeof is->machine) != 0)
			return refuse(why, s->dir, "another machine");
		if (memcmp(was->cluster, is->cluster, sizeof is->cluster) != 0)
			return refuse(why, s->dir, "another cluster than that of the key file");
		char what[64];
		(void)snprintf(what, sizeof what, "node %u, and this one is node %u", was->node_id,
			       is->node_id);
		return refuse(why, s->dir, what);
	}
	return 0;
}

/* What the slots prove. */
static enum qd_kept_found judge_place(const struct qd_kept_slots *s)
{
	bool empty = true;
	bool copied = false;
	for (uint32_t i = 0; i < QD_KEPT_SLOTS; i++) {
		empty = empty && s->file[i].verdict == QD_KEPT_EMPTY;
		/* An empty one beside one that is not was made by somebody else: ours are never empty together but at
		 * the very first start, before there is a vote. */
		copied = copied || s->file[i].verdict == QD_KEPT_EMPTY ||
			 (s->file[i].verdict == QD_KEPT_OK &&
			  !qd_kept_origin_same_place(&s->file[i].slot.origin, &s->file[i].origin));
	}
	if (s->newest == QD_KEPT_SLOTS)
		return empty ? QD_KEPT_FOUND_NEW : QD_KEPT_FOUND_LOST;
	return copied ? QD_KEPT_FOUND_COPIED : QD_KEPT_FOUND_OWN;
}

static void say_found(enum qd_kept_found found, const char *dir, char *why)
{
	const char *what = "";
	why[0] = '\0';
	switch (found) {
	case QD_KEPT_FOUND_OWN:
		return;
	case QD_KEPT_FOUND_NEW:
		what = "is new";
		break;
	case QD_KEPT_FOUND_COPIED:
		what = "was copied, or restored from a copy, and may lack what this node promised since";
		break;
	case QD_KEPT_FOUND_LOST:
		what = "is damaged: neither kept.0 nor kept.1 can be read";
		break;
	case QD_KEPT_FOUND_COUNT:
		QD_UNREACHABLE("what was found in the store");
	}
	(void)snprintf(why, QD_KEPT_WHY_MAX,
		       "%s: the node's store %s: no vote until a view that is quorate without this node has "
		       "taken it in",
		       dir, what);
}

/* What the core begins with, and its body in the store. */
static int first_kept(struct qd_kept_store *s, const struct qd_kept_options *o, enum qd_kept_found found,
		      struct qd_kept *kept, char *why)
{
	const bool made = found == QD_KEPT_FOUND_NEW || found == QD_KEPT_FOUND_LOST;
	memset(kept, 0, sizeof(*kept));
	if (!made)
		*kept = s->slots.last;
	kept->has_vote = kept->has_vote && found == QD_KEPT_FOUND_OWN;
	if (qd_kept_untouched(kept)) {
		kept->head = *o->first;
		return qd_bodies_write(&s->bodies, o->first_body, o->first_body_bytes, kept->head.body, why);
	}
	return qd_bodies_check(&s->bodies, kept->head.body, why);
}

static int write_both(struct qd_kept_store *s, const struct qd_kept *kept, char *why)
{
	struct qd_body_entry entry = {.tag = kept->head.tag, .unix_s = unix_now()};
	memcpy(entry.digest, kept->head.body, sizeof entry.digest);
	int rc = qd_kept_slots_write(&s->slots, kept, why);
	if (rc == 0)
		rc = qd_kept_slots_mirror(&s->slots, why);
	return rc == 0 ? qd_bodies_note(&s->bodies, &entry, why) : rc;
}

static int open_store(struct qd_kept_store *s, const struct qd_kept_options *o, char *why)
{
	const struct qd_kept_origin self = self_of(o);
	if (mkdir(o->state_dir, 0700) != 0 && errno != EEXIST) {
		(void)snprintf(why, QD_KEPT_WHY_MAX, "%s: cannot be made: %s", o->state_dir,
			       strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	int rc = qd_kept_slots_open(&s->slots, o->state_dir, &self, true, why);
	if (rc == 0)
		rc = judge_node(&s->slots, why);
	return rc == 0 ? qd_bodies_open(&s->bodies, o->state_dir, why) : rc;
}

static int open_all(struct qd_kept_store *s, const struct qd_kept_options *o, struct qd_kept *kept,
		    enum qd_kept_found *found, char *why)
{
	int rc = open_store(s, o, why);
	if (rc != 0)
		return rc;
	*found = judge_place(&s->slots);
	rc = first_kept(s, o, *found, kept, why);
	if (rc == 0)
		rc = write_both(s, kept, why);
	if (rc != 0)
		return rc;
	qd_bodies_sweep(&s->bodies, kept->head.body);
	s->wake = eventfd(0, EFD_CLOEXEC);
	s->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0 || s->done < 0) {
		(void)snprintf(why, QD_KEPT_WHY_MAX, "eventfd: %s", strerrordesc_np(errno));
		return -QD_ERR_NOMEM;
	}
	rc = start_thread(s, why);
	if (rc == 0)
		say_found(*found, o->state_dir, why);
	return rc;
}

static struct qd_kept_store *allocate(char *why)
{
	struct qd_kept_store *s = calloc(1, sizeof *s);
	if (s == NULL) {
		(void)snprintf(why, QD_KEPT_WHY_MAX, "out of memory");
		return NULL;
	}
	s->wake = -1;
	s->done = -1;
	for (uint32_t i = 0; i < QD_KEPT_SLOTS; i++)
		s->slots.file[i].fd = -1;
	return s;
}

int qd_kept_open(const struct qd_kept_options *options, struct qd_kept_store **out, struct qd_kept *kept,
		 enum qd_kept_found *found, char *why)
{
	*out = NULL;
	*found = QD_KEPT_FOUND_NEW;
	struct qd_kept_store *s = allocate(why);
	if (s == NULL)
		return -QD_ERR_NOMEM;
	int rc = open_all(s, options, kept, found, why);
	if (rc != 0)
		qd_kept_close(s);
	else
		*out = s;
	return rc;
}

int qd_kept_create(const struct qd_kept_options *options, char *why)
{
	struct qd_kept kept = {.head = *options->first, .has_vote = true};
	struct qd_kept_store *s = allocate(why);
	if (s == NULL)
		return -QD_ERR_NOMEM;
	int rc = open_store(s, options, why);
	if (rc == 0 && judge_place(&s->slots) != QD_KEPT_FOUND_NEW) {
		(void)snprintf(why, QD_KEPT_WHY_MAX,
			       "%s: this node has a store already, and is or was in a cluster; remove kept.0 "
			       "and kept.1 if "
			       "that cluster is no more",
			       options->state_dir);
		rc = -QD_ERR_REFUSED;
	}
	if (rc == 0)
		rc = qd_bodies_write(&s->bodies, options->first_body, options->first_body_bytes,
				     kept.head.body, why);
	if (rc == 0)
		rc = write_both(s, &kept, why);
	qd_kept_close(s);
	return rc;
}

static int peek(const char *state_dir, struct qd_kept *kept, char *why)
{
	const struct qd_kept_origin nobody = {.node_id = QD_NODE_ID_MIN};
	struct qd_kept_slots slots;
	why[0] = '\0';
	int rc = qd_kept_slots_open(&slots, state_dir, &nobody, false, why);
	if (rc == 0 && slots.newest == QD_KEPT_SLOTS)
		rc = -QD_ERR_NOT_FOUND;
	*kept = slots.last;
	qd_kept_slots_close(&slots);
	return rc;
}

int qd_kept_peek(const char *state_dir, struct qd_head *head, char *why)
{
	struct qd_kept kept;
	int rc = peek(state_dir, &kept, why);
	*head = kept.head;
	return rc;
}

int qd_kept_peek_used(const char *state_dir, struct qd_head *head, char *why)
{
	struct qd_kept kept;
	int rc = peek(state_dir, &kept, why);
	*head = kept.head;
	return rc == 0 && qd_kept_untouched(&kept) ? -QD_ERR_NOT_FOUND : rc;
}

/* ------------------------------------------------ the loop's side */

int qd_kept_fd(const struct qd_kept_store *s)
{
	return s->done;
}

bool qd_kept_idle(const struct qd_kept_store *s)
{
	return atomic_load(&s->state) == JOB_NONE;
}

static void wake_thread(struct qd_kept_store *s)
{
	const uint64_t one = 1;
	ssize_t n = write(s->wake, &one, sizeof one);
	qd_assert(n == (ssize_t)sizeof one); /* a small counter: never full */
}

void qd_kept_write_async(struct qd_kept_store *s, uint64_t turn, const struct qd_kept *kept, const char *body,
			 size_t body_bytes)
{
	qd_assert(qd_kept_idle(s));
	s->job.turn = turn;
	s->job.kept = *kept;
	s->job.body = body;
	s->job.body_bytes = body_bytes;
	atomic_store(&s->state, JOB_GIVEN);
	wake_thread(s);
}

/* The descriptor is readable until somebody asks. */
static void drain(struct qd_kept_store *s)
{
	uint64_t count = 0;
	(void)!read(s->done, &count, sizeof count); /* nothing there: the states say what is done */
}

bool qd_kept_done(struct qd_kept_store *s, uint64_t *turn, bool *ok, char *why)
{
	drain(s);
	if (atomic_load(&s->state) != JOB_DONE)
		return false;
	*turn = s->job.turn;
	*ok = s->job.ok;
	memcpy(why, s->job.why, sizeof s->job.why);
	s->job.body = NULL;
	atomic_store(&s->state, JOB_NONE);
	return true;
}

bool qd_kept_body_idle(const struct qd_kept_store *s)
{
	return atomic_load(&s->body_state) == JOB_NONE;
}

void qd_kept_body_async(struct qd_kept_store *s, const struct qd_body_job *job)
{
	qd_assert(qd_kept_body_idle(s));
	s->body_job = *job;
	atomic_store(&s->body_state, JOB_GIVEN);
	wake_thread(s);
}

const struct qd_body_result *qd_kept_body_done(struct qd_kept_store *s)
{
	drain(s);
	if (atomic_load(&s->body_state) != JOB_DONE)
		return NULL;
	atomic_store(&s->body_state, JOB_NONE);
	return &s->result;
}

/* False: it did not end in time. */
static bool end_thread(struct qd_kept_store *s)
{
	struct timespec until = {0};
	atomic_store(&s->stop, true);
	wake_thread(s);
	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
	until.tv_sec += CLOSE_LIMIT_S;
	if (pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &until) == 0)
		return true;
	(void)pthread_detach(s->thread); /* it is ours, and was not joined */
	return false;
}

void qd_kept_close(struct qd_kept_store *s)
{
	if (s == NULL || (s->running && !end_thread(s)))
		return;
	qd_kept_slots_close(&s->slots);
	if (s->wake >= 0)
		(void)close(s->wake); /* an eventfd loses nothing */
	if (s->done >= 0)
		(void)close(s->done);
	free(s);
}
