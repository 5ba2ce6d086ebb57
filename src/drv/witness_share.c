/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/witness_share.h"

#include "drv/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	STACK_BYTES = 256 * 1024, /* counts against locked memory */
	ANSWERS = QD_WITNESS_SHARE_QUEUE + 1,
};

struct waiting {
	struct qd_witness_request request;
	struct qd_mono since;
};

struct qd_witness_share {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	int event_fd;
	bool busy;   /* the thread is at the share */
	bool closed; /* the owner has gone: whoever is last frees */
	struct qd_mono busy_since;
	uint32_t waiting_count;
	uint32_t answer_count;
	struct waiting waiting[QD_WITNESS_SHARE_QUEUE];
	struct qd_witness_answer answers[ANSWERS];
	struct qd_witness_share_counts counts;
	char why[QD_SHARE_WHY_MAX];
	struct qd_share_lock lock; /* the thread's alone */
};

static void lock(struct qd_witness_share *s)
{
	const int rc = pthread_mutex_lock(&s->mutex);
	qd_assert(rc == 0);
}

static void unlock(struct qd_witness_share *s)
{
	const int rc = pthread_mutex_unlock(&s->mutex);
	qd_assert(rc == 0);
}

static void free_all(struct qd_witness_share *s)
{
	if (s->event_fd >= 0)
		(void)close(s->event_fd);
	(void)pthread_cond_destroy(&s->wake);	/* nobody waits: its thread is here, or was joined */
	(void)pthread_mutex_destroy(&s->mutex); /* nobody else knows it any more */
	free(s);
}

/* ------------------------------------------------ the thread */

/* With the mutex. The next request that is worth its time; false: closed. */
static bool next(struct qd_witness_share *s, struct qd_witness_request *to)
{
	for (;;) {
		while (s->waiting_count == 0 && !s->closed)
			(void)pthread_cond_wait(&s->wake, &s->mutex); /* fails for mutexes of others only */
		if (s->closed)
			return false;
		const struct waiting first = s->waiting[0];
		s->waiting_count--;
		memmove(s->waiting, s->waiting + 1, s->waiting_count * sizeof s->waiting[0]);
		s->busy_since = qd_clock_now();
		if (qd_mono_sub(s->busy_since, first.since).ns < qd_span_ms(QD_WITNESS_SHARE_OLD_MS).ns) {
			*to = first.request;
			s->busy = true;
			return true;
		}
		s->counts.dropped++;
	}
}

/* With the mutex. */
static void give(struct qd_witness_share *s, const struct qd_witness_answer *answer)
{
	const uint64_t one = 1;
	const uint64_t took_ns = (uint64_t)qd_mono_sub(qd_clock_now(), s->busy_since).ns;
	s->counts.slowest_ns = took_ns > s->counts.slowest_ns ? took_ns : s->counts.slowest_ns;
	s->counts.answered++;
	memcpy(s->why, s->lock.why, sizeof s->why);
	s->busy = false;
	if (s->answer_count == ANSWERS) { /* not fetched: the oldest is worth least */
		s->answer_count--;
		memmove(s->answers, s->answers + 1, s->answer_count * sizeof s->answers[0]);
	}
	s->answers[s->answer_count++] = *answer;
	if (!s->closed && write(s->event_fd, &one, sizeof one) < 0 &&
	    errno != EAGAIN) /* full: readable anyway */
		QD_UNREACHABLE("an eventfd cannot be written");
}

static void *run(void *context)
{
	struct qd_witness_share *s = context;
	struct qd_witness_request request;
	struct qd_witness_answer answer;
	lock(s);
	while (next(s, &request)) {
		unlock(s);
		qd_share_lock_ask(&s->lock, &request, &answer);
		lock(s);
		give(s, &answer);
	}
	unlock(s);
	free_all(s);
	return NULL;
}

/* Detached, with every signal blocked: the loop's signals are the loop's. */
static int start(struct qd_witness_share *s)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int rc = pthread_attr_init(&attributes);
	if (rc != 0)
		return rc;
	rc = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (rc == 0)
		rc = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (rc == 0 && (sigfillset(&all) != 0 || pthread_sigmask(SIG_SETMASK, &all, &old) != 0))
		rc = EINVAL;
	if (rc == 0) {
		rc = pthread_create(&s->thread, &attributes, run, s);
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL); /* it was good before */
	}
	(void)pthread_attr_destroy(&attributes);
	return rc;
}

/* ------------------------------------------------ the owner */

/* The thread has no real-time priority: while it holds the mutex it gets that of who waits for it. */
static int make_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;
	int rc = pthread_mutexattr_init(&attributes);
	if (rc == 0)
		rc = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	if (rc == 0)
		rc = pthread_mutex_init(mutex, &attributes);
	return rc;
}

struct qd_witness_share *qd_witness_share_open(const struct qd_share_files *files, const char *root,
					       const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES], uint32_t node)
{
	struct qd_witness_share *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const bool good = s->event_fd >= 0 && qd_share_lock_init(&s->lock, files, root, cluster, node) == 0 &&
			  make_mutex(&s->mutex) == 0 && pthread_cond_init(&s->wake, NULL) == 0 &&
			  start(s) == 0;
	if (good)
		return s;
	if (s->event_fd >= 0)
		(void)close(s->event_fd);
	free(s);
	return NULL;
}

void qd_witness_share_close(struct qd_witness_share *s)
{
	if (s == NULL)
		return;
	lock(s);
	s->closed = true;
	(void)pthread_cond_signal(&s->wake); /* never fails on a condition that was made */
	unlock(s);
}

int qd_witness_share_fd(const struct qd_witness_share *s)
{
	return s->event_fd;
}

bool qd_witness_share_ask(struct qd_witness_share *s, const struct qd_witness_request *request)
{
	lock(s);
	/* Asked again: the later one is worth more, and one answer is enough. */
	const struct qd_witness_request *last =
		s->waiting_count > 0 ? &s->waiting[s->waiting_count - 1].request : NULL;
	if (last != NULL && last->ask == request->ask && last->epoch == request->epoch) {
		s->waiting_count--;
		s->counts.replaced++;
	}
	const bool room = s->waiting_count < QD_WITNESS_SHARE_QUEUE;
	if (room)
		s->waiting[s->waiting_count++] =
			(struct waiting){.request = *request, .since = qd_clock_now()};
	else
		s->counts.refused++;
	(void)pthread_cond_signal(&s->wake);
	unlock(s);
	return room;
}

bool qd_witness_share_take(struct qd_witness_share *s, struct qd_witness_answer *answer)
{
	uint64_t times;
	lock(s);
	const bool any = s->answer_count > 0;
	if (any) {
		*answer = s->answers[0];
		s->answer_count--;
		memmove(s->answers, s->answers + 1, s->answer_count * sizeof s->answers[0]);
	}
	if (s->answer_count == 0 && read(s->event_fd, &times, sizeof times) < 0 && errno != EAGAIN)
		QD_UNREACHABLE("an eventfd cannot be read");
	unlock(s);
	return any;
}

struct qd_witness_share_counts qd_witness_share_counts(struct qd_witness_share *s)
{
	lock(s);
	struct qd_witness_share_counts counts = s->counts;
	counts.hangs_ns = s->busy ? (uint64_t)qd_mono_sub(qd_clock_now(), s->busy_since).ns : 0;
	unlock(s);
	return counts;
}

void qd_witness_share_why(struct qd_witness_share *s, char why[QD_SHARE_WHY_MAX])
{
	lock(s);
	memcpy(why, s->why, QD_SHARE_WHY_MAX);
	unlock(s);
}
