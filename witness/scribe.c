/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/scribe.h"

#include "drv/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void lock(struct qd_scribe *s)
{
	const int rc = pthread_mutex_lock(&s->mutex);
	qd_assert(rc == 0);
}

static void unlock(struct qd_scribe *s)
{
	const int rc = pthread_mutex_unlock(&s->mutex);
	qd_assert(rc == 0);
}

/* With the mutex. False: time is up and nothing came. */
static bool wait_for_work(struct qd_scribe *s)
{
	struct timespec until;
	if (clock_gettime(CLOCK_MONOTONIC, &until) != 0)
		QD_UNREACHABLE("CLOCK_MONOTONIC is missing");
	until.tv_sec += QD_SCRIBE_REWRITE_S;
	int rc = 0;
	while (s->queue_count == 0 && !s->stop && rc == 0)
		rc = s->dirty ? pthread_cond_timedwait(&s->wake, &s->mutex, &until)
			      : pthread_cond_wait(&s->wake, &s->mutex);
	return rc == 0;
}

static void write_batch(struct qd_scribe *s, uint32_t count)
{
	const struct qd_mono start = qd_clock_now();
	qd_grants_write(s->grants, s->work, count);
	const uint64_t took_ns = (uint64_t)qd_mono_sub(qd_clock_now(), start).ns;
	const uint64_t one = 1;
	lock(s);
	for (uint32_t i = 0; i < count; i++) {
		s->counts.written += s->work[i].ok;
		s->counts.failed += !s->work[i].ok;
	}
	s->counts.syncs++;
	s->counts.slowest_ns = took_ns > s->counts.slowest_ns ? took_ns : s->counts.slowest_ns;
	s->dirty = true;
	qd_assert(s->done_count + count <= s->cap);
	memcpy(s->done + s->done_count, s->work, count * sizeof *s->work);
	s->done_count += count;
	unlock(s);
	if (write(s->event_fd, &one, sizeof one) < 0 && errno != EAGAIN) /* full: readable anyway */
		QD_UNREACHABLE("an eventfd cannot be written");
}

static void *run(void *context)
{
	struct qd_scribe *s = context;
	struct qd_mono rewritten = qd_clock_now();
	bool stop = false;
	while (!stop) {
		lock(s);
		(void)wait_for_work(s);
		const uint32_t count = s->queue_count;
		struct qd_grants_job *const jobs = s->queue;
		s->queue = s->work;
		s->work = jobs;
		s->queue_count = 0;
		stop = s->stop && count == 0;
		bool dirty = s->dirty;
		unlock(s);
		if (count > 0)
			write_batch(s, count);
		const struct qd_mono now = qd_clock_now();
		if (dirty &&
		    qd_mono_sub(now, rewritten).ns >= qd_span_ms((int64_t)QD_SCRIBE_REWRITE_S * 1000).ns) {
			rewritten = now;
			dirty = qd_grants_rewrite(s->grants) != 0;
			lock(s);
			s->dirty = dirty;
			unlock(s);
		}
	}
	return NULL;
}

static struct qd_grants_job *jobs_of(uint32_t cap)
{
	void *p = mmap(NULL, cap * sizeof(struct qd_grants_job), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

int qd_scribe_start(struct qd_scribe *s, struct qd_grants *grants, uint32_t cap)
{
	pthread_condattr_t attributes;
	*s = (struct qd_scribe){.grants = grants, .cap = cap, .event_fd = -1};
	s->queue = jobs_of(cap);
	s->work = jobs_of(cap);
	s->done = jobs_of(cap);
	s->taken = jobs_of(cap);
	if (s->queue == NULL || s->work == NULL || s->done == NULL || s->taken == NULL)
		return -ENOMEM;
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->event_fd < 0)
		return -errno;
	if (pthread_condattr_init(&attributes) != 0 ||
	    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&s->wake, &attributes) != 0 || pthread_mutex_init(&s->mutex, NULL) != 0)
		return -ENOMEM;
	const int rc = pthread_create(&s->thread, NULL, run, s);
	s->running = rc == 0;
	return -rc;
}

void qd_scribe_stop(struct qd_scribe *s)
{
	if (!s->running)
		return;
	lock(s);
	s->stop = true;
	unlock(s);
	(void)pthread_cond_signal(&s->wake); /* never fails on a condition that was made */
	(void)pthread_join(s->thread, NULL); /* nor on a thread that runs and was not joined */
	s->running = false;
	(void)close(s->event_fd);
	(void)munmap(s->queue, s->cap * sizeof *s->queue);
	(void)munmap(s->work, s->cap * sizeof *s->work);
	(void)munmap(s->done, s->cap * sizeof *s->done);
	(void)munmap(s->taken, s->cap * sizeof *s->taken);
}

void qd_scribe_submit(struct qd_scribe *s, const struct qd_grants_job *job)
{
	lock(s);
	qd_assert(s->queue_count < s->cap);
	s->queue[s->queue_count++] = *job;
	const bool first = s->queue_count == 1;
	unlock(s);
	if (first)
		(void)pthread_cond_signal(&s->wake);
}

uint32_t qd_scribe_take(struct qd_scribe *s, const struct qd_grants_job **jobs)
{
	uint64_t times;
	if (read(s->event_fd, &times, sizeof times) < 0 && errno != EAGAIN)
		QD_UNREACHABLE("an eventfd cannot be read");
	lock(s);
	const uint32_t count = s->done_count;
	struct qd_grants_job *const done = s->done;
	s->done = s->taken;
	s->taken = done;
	s->done_count = 0;
	unlock(s);
	*jobs = done;
	return count;
}

struct qd_scribe_counts qd_scribe_counts(struct qd_scribe *s)
{
	lock(s);
	const struct qd_scribe_counts counts = s->counts;
	unlock(s);
	return counts;
}
