/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/rules.h"
#include "witness/core.h"

enum {
	C_MS = 6000, /* challenge */
};

/* A tenant, its clock, and the last answer. */
struct bench {
	struct qd_tenant tenant;
	struct qd_mono now;
	uint64_t id;
	uint32_t wants; /* mask that the last step gave */
	struct qd_witness_answer answer;
};

static struct bench bench_of(bool confirmed)
{
	struct bench b = {.now = {UINT64_C(1000000000000)}};
	const struct qd_witness_record record = {.confirmed = confirmed};
	qd_tenant_init(&b.tenant, &record, b.now);
	return b;
}

static void wait_ms(struct bench *b, int64_t ms)
{
	b->now = qd_mono_add(b->now, qd_span_ms(ms));
}

static struct qd_witness_request request(struct bench *b, enum qd_witness_ask ask, uint32_t node,
					 uint64_t epoch)
{
	return (struct qd_witness_request){.ask = ask,
					   .id = ++b->id,
					   .node = node,
					   .incarnation = 100 + node,
					   .epoch = epoch,
					   .challenge_ns = (uint64_t)qd_span_ms(C_MS).ns};
}

/* Asks, writes at once what must be written, and gives the verdict. */
static enum qd_witness_verdict say(struct bench *b, const struct qd_witness_request *q)
{
	b->answer = (struct qd_witness_answer){0};
	b->wants = qd_tenant_step(&b->tenant, q, b->now, &b->answer);
	if ((b->wants & QD_TENANT_WRITE) != 0)
		UNIT_OK(qd_tenant_written(&b->tenant, true, b->now, &b->answer));
	else
		UNIT_EQUAL(b->wants, QD_TENANT_ANSWER);
	UNIT_EQUAL(b->answer.id, q->id);
	UNIT_EQUAL(b->answer.incarnation, q->incarnation);
	return b->answer.verdict;
}

static enum qd_witness_verdict ask(struct bench *b, enum qd_witness_ask ask, uint32_t node, uint64_t epoch)
{
	const struct qd_witness_request q = request(b, ask, node, epoch);
	return say(b, &q);
}

static enum qd_witness_verdict put(struct bench *b, uint32_t node, uint64_t epoch, struct qd_tag tag,
				   uint8_t byte)
{
	struct qd_witness_request q = request(b, QD_WITNESS_PUT, node, epoch);
	q.tag = tag;
	memset(q.digest, byte, sizeof q.digest);
	return say(b, &q);
}

/* The witness ends and starts again with what is durable. */
static void restart(struct bench *b)
{
	const struct qd_witness_record kept = b->tenant.record;
	wait_ms(b, 1);
	qd_tenant_init(&b->tenant, &kept, b->now);
}

static uint64_t ms(uint64_t ns)
{
	return ns / 1000000;
}

/* ------------------------------------------------ wrong inputs */

static void foreign_node(void)
{
	struct bench b = bench_of(true);
	(void)ask(&b, QD_WITNESS_SHOW, 0, 0);
}

static void node_zero(void)
{
	UNIT_OK(unit_aborts(foreign_node));
}

static void no_holder(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 0), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(put(&b, 1, 0, (struct qd_tag){1, 1}, 1), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 0), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(b.tenant.record.epoch, 0);
	UNIT_EQUAL(b.tenant.record.tag.version, 0);
}

static void unconfirmed(void)
{
	struct bench b = bench_of(false);
	static const enum qd_witness_ask ASKS[] = {QD_WITNESS_LOCK, QD_WITNESS_RENEW, QD_WITNESS_PUT,
						   QD_WITNESS_RELEASE, QD_WITNESS_SHOW};
	wait_ms(&b, 1000000);
	for (size_t i = 0; i < UNIT_COUNT(ASKS); i++) {
		unit_case("ask %zu", i);
		UNIT_EQUAL(ask(&b, ASKS[i], 1, 64), QD_WITNESS_UNCONFIRMED);
		UNIT_EQUAL(b.wants, QD_TENANT_ANSWER);
	}
}

/* ------------------------------------------------ the lock */

static void grants_once(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_WRITE);
	UNIT_EQUAL(b.answer.epoch, 64);
	UNIT_EQUAL(b.answer.holder, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 63), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 63), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_HELD);
	UNIT_EQUAL(b.tenant.record.epoch, 64); /* refused without promising */
}

static void challenge(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, 3000);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_ANSWER); /* nothing is written */
	wait_ms(&b, C_MS - 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_HELD);
	UNIT_EQUAL(ms(b.answer.age_ns), C_MS - 1);
	wait_ms(&b, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), C_MS);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 129), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 129), QD_WITNESS_NOT_HOLDER);
}

/* Reload to shorter times on one node only: the longer of both counts. */
static void longer_challenge(void)
{
	struct bench b = bench_of(true);
	struct qd_witness_request q = request(&b, QD_WITNESS_LOCK, 1, 64);
	q.challenge_ns = (uint64_t)qd_span_ms(60000).ns;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
	wait_ms(&b, 59999);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_HELD);
	restart(&b);
	wait_ms(&b, 59999);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_HELD);
	q = request(&b, QD_WITNESS_LOCK, 2, 129);
	q.challenge_ns = (uint64_t)qd_span_ms(90000).ns;
	wait_ms(&b, 1);
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_HELD);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_OK);
}

static void own_again(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 128), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.epoch, 128);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OLD_EPOCH);
}

static void retries(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, 100);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_ANSWER);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){64, 1}, 7), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_WRITE);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){64, 1}, 7), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_ANSWER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_WRITE);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_ANSWER);
	/* but a LOCK that comes late does not take back what was released */
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(b.answer.holder, 0);
}

static void older_start(void)
{
	struct bench b = bench_of(true);
	struct qd_witness_request q = request(&b, QD_WITNESS_LOCK, 1, 64);
	q.incarnation = 500;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 128), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 64), QD_WITNESS_NOT_HOLDER);
	/* a newer start stopped what the older one ran */
	q = request(&b, QD_WITNESS_RENEW, 1, 64);
	q.incarnation = 501;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_NOT_HOLDER);
	q = request(&b, QD_WITNESS_LOCK, 1, 128);
	q.incarnation = 501;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
	q = request(&b, QD_WITNESS_RELEASE, 1, 128);
	q.incarnation = 502;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
}

/* ------------------------------------------------ ages */

static void ages(void)
{
	struct bench b = bench_of(true);
	wait_ms(&b, 500);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 500); /* who was answered before the start is not known */
	UNIT_EQUAL(ms(b.answer.start_ns), 500);
	wait_ms(&b, 1000);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 1500);
	wait_ms(&b, 200);
	UNIT_EQUAL(ask(&b, QD_WITNESS_SHOW, 2, 0), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 200);
	wait_ms(&b, 200);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 2, 64),
		   QD_WITNESS_NOT_HOLDER); /* refused: no answer that counts */
	UNIT_EQUAL(ask(&b, QD_WITNESS_SHOW, 3, 0), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 400);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_SHOW, 3, 0), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 1900);
}

static void yields(void)
{
	struct bench b = bench_of(true);
	wait_ms(&b, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, 100);
	UNIT_EQUAL(ask(&b, QD_WITNESS_YIELD, 2, 64), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(b.answer.last, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_YIELD, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.holder, 0);
	wait_ms(&b, 100);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 200); /* its rights may still run */
	UNIT_EQUAL(b.answer.last, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 2, 129), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_SHOW, 1, 0), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.last, 0); /* the own start */
}

static enum qd_witness_verdict lock_for(struct bench *b, uint32_t node, uint64_t epoch, int64_t lasts_ms)
{
	struct qd_witness_request q = request(b, QD_WITNESS_LOCK, node, epoch);
	q.challenge_ns = (uint64_t)qd_span_ms(lasts_ms).ns;
	return say(b, &q);
}

/* The age is waited for by the times of who asks: with shorter ones its wait would end before the rights do. */
static void yields_to_shorter(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_YIELD, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, C_MS - 1);
	UNIT_EQUAL(lock_for(&b, 2, 130, C_MS / 2), QD_WITNESS_HELD);
	UNIT_EQUAL(b.answer.holder, 0);
	wait_ms(&b, 1);
	UNIT_EQUAL(lock_for(&b, 2, 130, C_MS / 2), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_YIELD, 2, 130), QD_WITNESS_OK);
	UNIT_EQUAL(lock_for(&b, 3, 195, C_MS), QD_WITNESS_OK); /* longer ones wait long enough */
}

static void earlier_start_with_longer(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, 100);
	UNIT_EQUAL(lock_for(&b, 1, 128, C_MS / 2), QD_WITNESS_OK); /* the same start knows what it renewed */
	UNIT_EQUAL(lock_for(&b, 1, 192, C_MS), QD_WITNESS_OK);
	struct qd_witness_request q = request(&b, QD_WITNESS_LOCK, 1, 256);
	q.incarnation++;
	q.challenge_ns /= 2;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_HELD);
	wait_ms(&b, C_MS);
	q.id = ++b.id;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
}

/* The short memory never makes an age longer than it is. */
static void many_nodes(void)
{
	struct bench b = bench_of(true);
	uint64_t epoch = 1;
	uint64_t seed = 5;
	uint64_t last[17] = {0};
	wait_ms(&b, 20000);
	for (int i = 0; i < 5000; i++) {
		const uint32_t node = 1 + (uint32_t)(unit_random(&seed) % 16);
		wait_ms(&b, (int64_t)(unit_random(&seed) % 50));
		const bool kept = unit_random(&seed) % 3 == 0;
		if (b.tenant.record.holder != 0 && !kept) {
			const uint32_t holder = b.tenant.record.holder;
			UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, holder, epoch), QD_WITNESS_OK);
			last[holder] = 0;
		} else {
			wait_ms(&b, C_MS);
		}
		uint64_t newest = b.tenant.started.ns;
		for (uint32_t n = 1; n <= 16; n++)
			newest = n != node && last[n] > newest ? last[n] : newest;
		if (!UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, node, ++epoch), QD_WITNESS_OK) ||
		    !UNIT_OK(b.answer.age_ns <= b.now.ns - newest))
			return;
		last[node] = b.now.ns;
	}
}

static void two_nodes_exactly(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, C_MS);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_OK);
	for (uint64_t i = 1; i <= 10; i++) {
		wait_ms(&b, 10);
		UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 2, 129), QD_WITNESS_OK);
		UNIT_EQUAL(ms(b.answer.age_ns), C_MS + 10 * i);
	}
	UNIT_EQUAL(ask(&b, QD_WITNESS_SHOW, 1, 0), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.age_ns, 0);
}

/* ------------------------------------------------ restarts and stores */

static void holds_down(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, 3600000);
	restart(&b);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_HELD);
	UNIT_EQUAL(b.answer.age_ns, 0);
	wait_ms(&b, C_MS - 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_HELD);
	wait_ms(&b, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 129), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), C_MS);
}

static void holder_over_restart(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	restart(&b);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 128), QD_WITNESS_OK);
}

static void confirms(void)
{
	struct bench b = bench_of(false);
	b.tenant.record = (struct qd_witness_record){
		.epoch = 1000, .holder = 2, .incarnation = 102, .tag = {900, 4}, .digest = {9}};
	struct qd_witness_request q = request(&b, QD_WITNESS_CONFIRM, 1, 640);
	q.tag = (struct qd_tag){640, 3};
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
	UNIT_EQUAL(b.wants, QD_TENANT_WRITE);
	UNIT_EQUAL(b.tenant.record.epoch, 1000); /* never below what is there */
	UNIT_EQUAL(b.tenant.record.tag.epoch, 900);
	UNIT_EQUAL(b.tenant.record.digest[0], 9);
	UNIT_EQUAL(b.answer.holder, 0);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 2, 1000), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 1000), QD_WITNESS_OLD_EPOCH);

	b = bench_of(false);
	q.epoch = 6400;
	q.tag = (struct qd_tag){6400, 5};
	memset(q.digest, 3, sizeof q.digest);
	wait_ms(&b, 250);
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.epoch, 6400);
	UNIT_EQUAL(b.answer.tag.version, 5);
	UNIT_EQUAL(b.answer.digest[31], 3);
	/* the epoch is that of a view: its leader, and nobody else, may come for the lock with it, once */
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 2, 6400), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 6400), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RELEASE, 1, 6400), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 6400), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 6464), QD_WITNESS_OK);
	UNIT_EQUAL(ms(b.answer.age_ns), 250); /* whom the lost store had answered: nobody knows */
	/* a second one changes nothing */
	q.epoch = 64000;
	UNIT_EQUAL(say(&b, &q), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.epoch, 6464);
	UNIT_EQUAL(b.answer.holder, 1);
}

/* ------------------------------------------------ tags */

static void tags(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){64, 5}, 1), QD_WITNESS_OK);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){64, 4}, 1), QD_WITNESS_OLD_TAG);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){63, 9}, 1), QD_WITNESS_OLD_TAG);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){64, 5}, 2), QD_WITNESS_OLD_TAG);
	UNIT_EQUAL(b.answer.tag.version, 5);
	UNIT_EQUAL(b.answer.digest[0], 1);
	UNIT_EQUAL(put(&b, 1, 64, (struct qd_tag){64, 6}, 2), QD_WITNESS_OK);
	UNIT_EQUAL(put(&b, 2, 64, (struct qd_tag){64, 7}, 2), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(put(&b, 1, 128, (struct qd_tag){64, 7}, 2), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(b.tenant.record.tag.version, 6);
}

/* ------------------------------------------------ durability */

static void durable_first(void)
{
	struct bench b = bench_of(true);
	struct qd_witness_request q = request(&b, QD_WITNESS_LOCK, 1, 64);
	struct qd_witness_answer other = {0};
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &q, b.now, &b.answer), QD_TENANT_WRITE);
	UNIT_EQUAL(b.tenant.next.holder, 1);
	/* until then: retries are not answered, a look says what is durable */
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &q, b.now, &other), QD_TENANT_SILENT);
	struct qd_witness_request second = request(&b, QD_WITNESS_LOCK, 2, 129);
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &second, b.now, &other), QD_TENANT_SILENT);
	struct qd_witness_request look = request(&b, QD_WITNESS_SHOW, 2, 0);
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &look, b.now, &other), QD_TENANT_ANSWER);
	UNIT_EQUAL(other.epoch, 0);
	UNIT_EQUAL(other.holder, 0);
	wait_ms(&b, 700);
	UNIT_OK(qd_tenant_written(&b.tenant, true, b.now, &b.answer));
	UNIT_EQUAL(b.answer.id, q.id);
	UNIT_EQUAL(b.answer.verdict, QD_WITNESS_OK);
	/* it counts from its answer */
	UNIT_EQUAL(ask(&b, QD_WITNESS_SHOW, 2, 0), QD_WITNESS_OK);
	UNIT_EQUAL(b.answer.age_ns, 0);
}

static void not_durable(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	wait_ms(&b, C_MS);
	struct qd_witness_request q = request(&b, QD_WITNESS_LOCK, 2, 129);
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &q, b.now, &b.answer), QD_TENANT_WRITE);
	UNIT_OK(qd_tenant_written(&b.tenant, false, b.now, &b.answer));
	UNIT_EQUAL(b.answer.verdict, QD_WITNESS_STORE);
	UNIT_EQUAL(b.answer.epoch, 64);
	UNIT_EQUAL(b.answer.holder, 1);
	UNIT_EQUAL(ask(&b, QD_WITNESS_RENEW, 1, 64), QD_WITNESS_OK); /* renewals go on */
}

static void renews_during_put(void)
{
	struct bench b = bench_of(true);
	UNIT_EQUAL(ask(&b, QD_WITNESS_LOCK, 1, 64), QD_WITNESS_OK);
	struct qd_witness_request q = request(&b, QD_WITNESS_PUT, 1, 64);
	q.tag = (struct qd_tag){64, 1};
	struct qd_witness_answer other = {0};
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &q, b.now, &b.answer), QD_TENANT_WRITE);
	const struct qd_witness_request beat = request(&b, QD_WITNESS_RENEW, 1, 64);
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &beat, b.now, &other), QD_TENANT_ANSWER);
	UNIT_EQUAL(other.verdict, QD_WITNESS_OK);
	UNIT_EQUAL(other.tag.version, 0); /* not durable yet */
	UNIT_OK(qd_tenant_written(&b.tenant, true, b.now, &b.answer));
	UNIT_EQUAL(b.answer.tag.version, 1);
	UNIT_OK(!qd_tenant_written(&b.tenant, true, b.now, &b.answer));

	/* nor is the loser renewed while its successor's grant is on its way */
	wait_ms(&b, C_MS);
	q = request(&b, QD_WITNESS_LOCK, 2, 129);
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &q, b.now, &b.answer), QD_TENANT_WRITE);
	UNIT_EQUAL(qd_tenant_step(&b.tenant, &beat, b.now, &other), QD_TENANT_SILENT);
}

static const struct unit_test TESTS[] = {
	{"a request of node 0 is a programmer's error", node_zero},
	{"where nobody was granted the lock, nobody renews, writes a tag, releases or locks epoch 0",
	 no_holder},
	{"a store that is not the witness's own grants nothing, however long one waits", unconfirmed},
	{"a lock is granted once an epoch, and a refusal promises nothing", grants_once},
	{"another node gets the lock when the last renewal is C old, and not 1 ms earlier", challenge},
	{"of two challenge times the longer counts, also after a restart", longer_challenge},
	{"the holder may raise its epoch at once", own_again},
	{"what is asked again is answered again, and written once", retries},
	{"an earlier start of the holder's node does nothing, a later one may lock and release", older_start},
	{"the age is that of the last good answer to anybody else, or of the own start", ages},
	{"a yielded lock is free at once, and its node's age stays", yields},
	{"a yielded lock is not free for shorter times than its holder had", yields_to_shorter},
	{"nor is that of an earlier start of the node", earlier_start_with_longer},
	{"with many nodes no age is longer than it is", many_nodes},
	{"with two nodes ages are exact", two_nodes_exactly},
	{"after a restart everybody counts as just answered", holds_down},
	{"the holder goes on after a restart of the witness", holder_over_restart},
	{"a confirmation takes the counts over, never downwards, and frees the lock", confirms},
	{"a tag never goes back, nor does its digest change", tags},
	{"a grant is answered when it is durable, not before", durable_first},
	{"what could not be written has not happened", not_durable},
	{"a renewal does not wait for a tag on its way to the disk", renews_during_put},
};

int main(void)
{
	return unit_run("t_witness_core", TESTS, UNIT_COUNT(TESTS));
}
