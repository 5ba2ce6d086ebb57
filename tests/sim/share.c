/* SPDX-License-Identifier: Apache-2.0 */
/* A witness on a share: drv/share_lock.c as it is, on files that take their time, hang, fail, and are written by who is
 * dead by then. */
#include "sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static const uint8_t CLUSTER[QD_WITNESS_CLUSTER_BYTES] = {0x5a, 1};

/* The request that is being computed. */
static struct {
	struct sim *s;
	uint32_t machine;
	enum sim_share_kind kind; /* of the first operation without a result */
	const char *name;
	const uint8_t *data;
	jmp_buf out;
} at;

/* ---- the files, as the thread's code sees them ---- */

static struct sim_share_thread *here(void)
{
	return &at.s->c.share.threads[at.machine];
}

static struct sim_share_result *step(enum sim_share_kind kind, const char *name, const uint8_t *data)
{
	struct sim_share_thread *t = here();
	if (t->cursor < t->count)
		return &t->results[t->cursor++];
	at.kind = kind;
	at.name = name;
	at.data = data;
	longjmp(at.out, 1);
}

static int list(const char *dir, qd_share_name_fn *fn, void *context)
{
	const struct sim_share_result *r = step(SIM_SHARE_LIST, "", NULL);
	(void)dir;
	for (uint32_t i = 0; i < r->count; i++)
		fn(context, here()->names[r->first + i]);
	return r->rc;
}

static int read_file(const char *dir, const char *name, uint8_t *to, size_t len_bytes)
{
	const struct sim_share_result *r = step(SIM_SHARE_READ, name, NULL);
	(void)dir;
	qd_assert(len_bytes == sizeof(r->data));
	memcpy(to, r->data, sizeof(r->data));
	return r->rc;
}

static int write_file(const char *dir, const char *name, const uint8_t *data, size_t len_bytes)
{
	(void)dir;
	qd_assert(len_bytes == QD_WITNESS_SECTOR_BYTES);
	return step(SIM_SHARE_WRITE, name, data)->rc;
}

static int create(const char *dir, const char *name, const char *own, const uint8_t *data, size_t len_bytes)
{
	(void)dir;
	(void)own; /* written there first, then linked: it is there as a whole, or not */
	qd_assert(len_bytes == QD_WITNESS_SECTOR_BYTES);
	return step(SIM_SHARE_CREATE, name, data)->rc;
}

static void remove_file(const char *dir, const char *name)
{
	(void)dir;
	(void)step(SIM_SHARE_REMOVE, name, NULL); /* harmless when it failed */
}

static int identify(const char *dir, uint64_t *inode, uint64_t *birth_ns)
{
	const struct sim_share_result *r = step(SIM_SHARE_IDENTIFY, "", NULL);
	(void)dir;
	*inode = r->inode;
	*birth_ns = r->birth_ns;
	return r->rc;
}

static struct qd_mono now(void)
{
	struct sim_share_thread *t = here();
	qd_assert(t->cursor < SIM_SHARE_STEPS);
	if (t->cursor == t->count)
		t->results[t->count++] =
			(struct sim_share_result){.now_ns = host_local(at.s, &at.s->machines[at.machine])};
	return (struct qd_mono){t->results[t->cursor++].now_ns};
}

static bool fit(const char *dir, char *why, size_t why_bytes)
{
	(void)dir;
	qd_assert(why_bytes > 0);
	why[0] = '\0';
	return true;
}

static const struct qd_share_files FILES = {list,	 read_file, write_file, create,
					    remove_file, identify,  now,	fit};

/* ---- the files themselves ---- */

static struct sim_share_file *find(struct sim_share *h, const char *name)
{
	for (uint32_t i = 0; i < SIM_SHARE_FILES; i++)
		if (h->files[i].serial != 0 && strcmp(h->files[i].name, name) == 0)
			return &h->files[i];
	return NULL;
}

static int make(struct sim_share *h, const char *name, const uint8_t *data)
{
	for (uint32_t i = 0; i < SIM_SHARE_FILES; i++) {
		struct sim_share_file *f = &h->files[i];
		if (f->serial != 0)
			continue;
		f->serial = ++h->serial;
		memcpy(f->name, name, strlen(name) + 1);
		memcpy(f->data, data, sizeof(f->data));
		return 0;
	}
	return -ENOSPC;
}

/* What the rest of the simulation wants to know of it: confirmed, and which configuration it knows. */
static void sum_up(struct sim *s)
{
	struct sim_share *h = &s->c.share;
	struct qd_witness_record *r = &s->c.witness.durable;
	struct qd_witness_grant g;
	*r = (struct qd_witness_record){.confirmed = false};
	for (uint32_t i = 0; i < SIM_SHARE_FILES; i++) {
		const struct sim_share_file *f = &h->files[i];
		if (f->serial == 0 ||
		    qd_witness_grant_decode(f->data, sizeof(f->data), &g) != QD_WITNESS_SECTOR_OK)
			continue;
		if (strncmp(f->name, "tag-", 4) == 0 && qd_tag_compare(g.record.tag, r->tag) > 0)
			r->tag = g.record.tag;
		if (strncmp(f->name, "grant-", 6) == 0 && g.record.epoch > r->epoch) {
			r->epoch = g.record.epoch;
			r->holder = g.record.holder;
		}
	}
	char name[QD_SHARE_NAME_MAX];
	(void)snprintf(name, sizeof(name), "store-%016x-%016" PRIx64, 1u, h->birth_ns);
	r->confirmed = find(h, name) != NULL;
}

static void do_read(struct sim_share *h, struct sim_share_io *io)
{
	const struct sim_share_file *f = find(h, io->name);
	io->result.rc = f != NULL ? (int)sizeof(f->data) : -ENOENT;
	if (f != NULL)
		memcpy(io->result.data, f->data, sizeof(f->data));
}

static void do_write(struct sim_share *h, struct sim_share_io *io)
{
	struct sim_share_file *f = find(h, io->name);
	io->result.rc = f != NULL ? 0 : make(h, io->name, io->data);
	if (f != NULL)
		memcpy(f->data, io->data, sizeof(f->data));
}

static void execute(struct sim *s, struct sim_share_io *io)
{
	struct sim_share *h = &s->c.share;
	struct sim_share_file *f = NULL;
	if (io->birth_ns != h->birth_ns && io->kind != SIM_SHARE_IDENTIFY) {
		io->result.rc = -ESTALE; /* of a directory that is there no more */
		return;
	}
	switch (io->kind) {
	case SIM_SHARE_LIST:
		io->listed = h->serial;
		return;
	case SIM_SHARE_READ:
		do_read(h, io);
		return;
	case SIM_SHARE_WRITE:
		do_write(h, io);
		return;
	case SIM_SHARE_CREATE:
		/* A second sending of one that was done is told from another's: it is linked to the same file. */
		io->result.rc = find(h, io->name) != NULL ? -EEXIST : make(h, io->name, io->data);
		break;
	case SIM_SHARE_REMOVE:
		f = find(h, io->name);
		if (f != NULL)
			f->serial = 0;
		break;
	case SIM_SHARE_IDENTIFY:
		io->result.inode = 1;
		io->result.birth_ns = h->birth_ns;
		return;
	}
	sum_up(s);
}

/* The second half of a listing: what came meanwhile may be in it, what went is not. */
static void list_rest(struct sim *s, struct sim_share_io *io, struct sim_share_thread *t)
{
	struct sim_share *h = &s->c.share;
	io->result.first = t->name_count;
	for (uint32_t i = 0; i < SIM_SHARE_FILES && t->name_count < SIM_SHARE_NAMES; i++) {
		const struct sim_share_file *f = &h->files[i];
		if (f->serial == 0 || (f->serial > io->listed && sim_chance(s, 128)))
			continue;
		memcpy(t->names[t->name_count++], f->name, sizeof(f->name));
	}
	io->result.count = t->name_count - io->result.first;
}

/* ---- operations under way ---- */

static uint64_t way_ns(struct sim *s)
{
	const uint64_t mean =
		s->o.c.latency_ns[0] / 8; /* a share is near: each file is a way there and back */
	return mean / 2 + sim_below(s, mean + 1);
}

static void push(struct sim *s, const struct sim_share_io *io, uint64_t in_ns)
{
	sim_push(s, s->t + in_ns, SIM_EV_SHARE, io->machine, (uint32_t)(io - s->c.share.ios), 0);
}

static struct sim_share_io *take(struct sim *s)
{
	for (uint32_t i = 0; i < SIM_SHARE_IOS; i++)
		if (!s->c.share.ios[i].used)
			return &s->c.share.ios[i];
	return NULL;
}

/* A fault of its own. */
static void spoil(struct sim *s, struct sim_share_io *io)
{
	static const enum sim_fault kinds[] = {SIM_FAULT_WITNESS_LATE, SIM_FAULT_SHARE_FAILS,
					       SIM_FAULT_SHARE_FAILS_DONE, SIM_FAULT_SHARE_TWICE};
	if (s->healed || sim_below(s, 65536) >= s->o.c.packet_rate * 2u)
		return;
	const enum sim_fault f = kinds[sim_below(s, 4)];
	/* A link that is sent twice finds its file gone the second time. */
	if (!fault_on(s, f) || (f == SIM_FAULT_SHARE_TWICE && io->kind != SIM_SHARE_WRITE))
		return;
	fault_count(s, f, io->machine, (uint64_t)io->kind);
	if (f == SIM_FAULT_WITNESS_LATE) {
		io->late = sim_chance(s, 128) ? SIM_SHARE_ASKED : SIM_SHARE_ANSWERED;
		io->late_until = s->t + sim_between(s, 100, 15000) * SIM_MS;
	} else if (f == SIM_FAULT_SHARE_FAILS) {
		io->error = sim_chance(s, 128) ? -EIO : -ENOSPC;
	} else if (f == SIM_FAULT_SHARE_FAILS_DONE) {
		io->error = EIO;
	} else {
		io->again = true;
	}
}

/* It is not there, or does not hear this machine, or not now. After healing nothing waits any more. */
static bool is_blocked(const struct sim *s, const struct sim_share_io *io)
{
	const struct sim_witness *w = &s->c.witness;
	const uint64_t cut = io->phase == SIM_SHARE_ASKED ? w->request_cut_until[io->machine]
							  : w->answer_cut_until[io->machine];
	const bool late = !s->healed && io->late_until > s->t && io->phase == io->late;
	const bool hangs = s->c.share.hang_until[io->machine] > s->t;
	return !w->up || w->halted_until > s->t || cut > s->t || hangs || late;
}

static void begin(struct sim *s, struct sim_machine *m);

static void deliver(struct sim *s, struct sim_machine *m, struct sim_share_io *io)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	uint64_t until;
	if (!host_runs(s, m, &until)) {
		sim_push(s, until, SIM_EV_SHARE, io->machine, (uint32_t)(io - s->c.share.ios), 0);
		return;
	}
	io->used = false;
	if (io->error != 0)
		io->result.rc = io->error < 0 ? io->error : -io->error;
	qd_assert(t->count < SIM_SHARE_STEPS);
	t->results[t->count++] = io->result;
	begin(s, m);
}

/* NFS sends what was not answered again: the first sending may come after all, much later. */
static void send_again(struct sim *s, const struct sim_share_io *io)
{
	struct sim_share_io *copy = take(s);
	if (!io->again || copy == NULL)
		return;
	*copy = *io;
	copy->again = false;
	copy->phase = SIM_SHARE_ASKED;
	copy->life = 0; /* nobody's */
	copy->error = 0;
	copy->late = SIM_SHARE_ASKED;
	copy->late_until = s->t + sim_between(s, 10, 20000) * SIM_MS;
	push(s, copy, 10 * SIM_MS);
}

void share_handle(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	struct sim_share_io *io = &s->c.share.ios[e->index];
	qd_assert(io->used);
	if (io->phase != SIM_SHARE_ASKED && (!m->process || m->life != io->life)) {
		io->used = false; /* nobody waits for it */
		return;
	}
	if (is_blocked(s, io)) {
		push(s, io, sim_between(s, 50, 300) * SIM_MS);
		return;
	}
	if (io->phase == SIM_SHARE_ANSWERED) {
		deliver(s, m, io);
		return;
	}
	if (io->phase == SIM_SHARE_LISTING) {
		list_rest(s, io, &s->c.share.threads[m->index]);
		io->phase = SIM_SHARE_ANSWERED;
		push(s, io, way_ns(s));
		return;
	}
	/* What was on its way when its machine lost power comes, or does not. */
	if ((!m->powered || m->boots != io->boots) && sim_chance(s, 128)) {
		io->used = false;
		return;
	}
	if (io->error >= 0)
		execute(s, io);
	send_again(s, io);
	io->phase = io->kind == SIM_SHARE_LIST && io->result.rc == 0 ? SIM_SHARE_LISTING : SIM_SHARE_ANSWERED;
	push(s, io, io->phase == SIM_SHARE_LISTING ? sim_between(s, 10, 3000) * 1000 : way_ns(s));
}

/* ---- requests ---- */

static void submit(struct sim *s, struct sim_machine *m)
{
	struct sim_share_io *io = take(s);
	if (io == NULL) {
		sim_fail(s, "contract: more than %d operations on their way to the share",
			 (int)SIM_SHARE_IOS);
		return;
	}
	*io = (struct sim_share_io){.used = true,
				    .kind = at.kind,
				    .machine = m->index,
				    .life = m->life,
				    .boots = m->boots,
				    .birth_ns = s->c.share.birth_ns};
	memcpy(io->name, at.name, strlen(at.name) + 1);
	if (at.data != NULL)
		memcpy(io->data, at.data, sizeof(io->data));
	spoil(s, io);
	push(s, io, way_ns(s) + sim_between(s, 50, 3000) * 1000);
}

static void finish(struct sim *s, struct sim_machine *m, const struct qd_witness_answer *answer)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	const struct qd_witness_request *q = &t->request;
	s->cover->verdicts[answer->verdict]++;
	sim_log_add(s, SIM_LOG_WITNESS, m->index, (uint32_t)q->ask, (uint64_t)answer->verdict, answer->epoch,
		    answer->tag.version);
	check_cluster_shared(s, q, answer);
	t->busy = false;
	struct qd_event ev = {.kind = QD_EVENT_WITNESS, .u.witness = *answer};
	host_step(s, m, &ev);
}

/* The request's code from its beginning: to its end, or to what it does next. */
static void compute(struct sim *s, struct sim_machine *m)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	static struct qd_witness_answer answer;
	at.s = s;
	at.machine = m->index;
	t->lock = t->before;
	t->cursor = 0;
	if (setjmp(at.out) != 0) {
		submit(s, m);
		return;
	}
	qd_share_lock_ask(&t->lock, &t->request, &answer);
	finish(s, m, &answer);
}

/* Goes on with the request under way, or takes the next one. */
static void begin(struct sim *s, struct sim_machine *m)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	if (t->busy)
		compute(s, m);
	while (!t->busy && t->waiting_count > 0 && m->process && t->life == m->life) {
		const struct sim_share_waiting first = t->waiting[0];
		t->waiting_count--;
		memmove(t->waiting, t->waiting + 1, t->waiting_count * sizeof(t->waiting[0]));
		if (host_local(s, m) - first.since_ns >= SIM_SHARE_OLD_MS * SIM_MS)
			continue;
		t->busy = true;
		t->request = first.request;
		t->before = t->lock;
		t->count = 0;
		t->name_count = 0;
		compute(s, m);
	}
}

void share_ask(struct sim *s, struct sim_machine *m, const struct qd_witness_request *request)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	const struct qd_witness_request *last =
		t->waiting_count > 0 ? &t->waiting[t->waiting_count - 1].request : NULL;
	if (last != NULL && last->ask == request->ask && last->epoch == request->epoch)
		t->waiting_count--;
	if (t->waiting_count == SIM_SHARE_QUEUE)
		return;
	t->waiting[t->waiting_count++] =
		(struct sim_share_waiting){.request = *request, .since_ns = host_local(s, m)};
	if (!t->busy) /* not from within the step that asks */
		sim_push(s, s->t + 20 * 1000, SIM_EV_SHARE_WAKE, m->index, 0, m->life);
}

void share_wake(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	uint64_t until;
	if (!m->process || m->life != e->gen || t->busy)
		return;
	if (host_runs(s, m, &until))
		begin(s, m);
	else
		sim_push(s, until, SIM_EV_SHARE_WAKE, m->index, 0, e->gen);
}

/* ---- life ---- */

void share_process(struct sim *s, struct sim_machine *m)
{
	struct sim_share_thread *t = &s->c.share.threads[m->index];
	at.s = s;
	at.machine = m->index;
	t->life = m->life;
	t->busy = false;
	t->waiting_count = 0;
	t->cursor = t->count = 0;
	const int rc = qd_share_lock_init(&t->lock, &FILES, "/share", CLUSTER, m->node_id);
	qd_assert(rc == 0);
}

void share_init(struct sim *s)
{
	struct sim_share *h = &s->c.share;
	struct qd_witness_grant g = {.sequence = 1, .record = {.confirmed = true}};
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	char name[QD_SHARE_NAME_MAX];
	memset(h->files, 0, sizeof(h->files));
	memset(h->old, 0, sizeof(h->old));
	memset(h->hang_until, 0, sizeof(h->hang_until));
	for (uint32_t i = 0; i < SIM_SHARE_IOS; i++)
		h->ios[i].used = false;
	h->serial = 0;
	h->birth_ns = 1000;
	memcpy(g.cluster, CLUSTER, sizeof(g.cluster));
	qd_witness_grant_encode(&g, sector);
	(void)snprintf(name, sizeof(name), "store-%016x-%016" PRIx64, 1u, h->birth_ns);
	const int rc = make(h, name, sector);
	qd_assert(rc == 0);
	sum_up(s);
}

void share_backup(struct sim *s)
{
	memcpy(s->c.share.old, s->c.share.files, sizeof(s->c.share.old));
}

/* Another directory of its name: empty, or with what was in it once. */
void share_lose(struct sim *s, bool wiped)
{
	struct sim_share *h = &s->c.share;
	h->birth_ns++;
	if (wiped)
		memset(h->files, 0, sizeof(h->files));
	else
		memcpy(h->files, h->old, sizeof(h->files));
	sum_up(s);
}

void share_hang(struct sim *s, uint32_t machine, uint64_t until)
{
	for (uint32_t i = 0; i < s->o.machines; i++)
		if (i == machine || machine == SIM_SHARE_THREADS)
			s->c.share.hang_until[i] = until;
}

void share_heal(struct sim *s)
{
	memset(s->c.share.hang_until, 0, sizeof(s->c.share.hang_until));
}
