/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/tenants.h"

#include <string.h>
#include <sys/mman.h>

enum {
	INDEX_SLOTS = 2 * QD_TENANTS_MAX,
	NS_PER_S = 1000000000,
};

static void *reserve(size_t bytes)
{
	void *p =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void give_back(void *p, size_t bytes)
{
	if (p != NULL)
		(void)munmap(p, bytes);
}

int qd_tenants_open(struct qd_tenants *t)
{
	bool good = true;
	*t = (struct qd_tenants){.one = reserve(QD_TENANTS_MAX * sizeof *t->one),
				 .index = reserve(INDEX_SLOTS * sizeof *t->index)};
	for (size_t i = 0; i < QD_NODES_MAX; i++) {
		t->peer[i] = reserve(QD_TENANTS_MAX * sizeof *t->peer[i]);
		good = good && t->peer[i] != NULL;
	}
	if (good && t->one != NULL && t->index != NULL)
		return 0;
	qd_tenants_close(t);
	return -1;
}

void qd_tenants_close(struct qd_tenants *t)
{
	if (t->one != NULL) {
		for (uint32_t i = 0; i < t->count; i++)
			qd_keyfile_wipe(&t->one[i].keys);
	}
	give_back(t->one, QD_TENANTS_MAX * sizeof *t->one);
	give_back(t->index, INDEX_SLOTS * sizeof *t->index);
	for (size_t i = 0; i < QD_NODES_MAX; i++)
		give_back(t->peer[i], QD_TENANTS_MAX * sizeof *t->peer[i]);
	*t = (struct qd_tenants){.count = 0};
}

static uint64_t slot_of(const uint8_t *cluster)
{
	uint64_t h = 0;
	memcpy(&h, cluster, sizeof h); /* random by itself */
	return h % INDEX_SLOTS;
}

int32_t qd_tenants_find(const struct qd_tenants *t, const uint8_t cluster[QD_KEYFILE_CLUSTER_BYTES])
{
	for (uint64_t at = slot_of(cluster); t->index[at] != 0; at = (at + 1) % INDEX_SLOTS) {
		const uint32_t number = t->index[at] - 1;
		if (memcmp(t->one[number].keys.cluster, cluster, QD_KEYFILE_CLUSTER_BYTES) == 0)
			return (int32_t)number;
	}
	return QD_TENANTS_NONE;
}

int32_t qd_tenants_serve(struct qd_tenants *t, const struct qd_keyfile *keys, struct qd_grants *grants,
			 struct qd_mono started)
{
	const int32_t known = qd_tenants_find(t, keys->cluster);
	if (known != QD_TENANTS_NONE) {
		t->one[known].keys = *keys;
		t->one[known].served = true;
		return known;
	}
	int32_t place = qd_grants_find(grants, keys->cluster);
	if (place == QD_GRANTS_NONE)
		place = qd_grants_add(grants, keys->cluster);
	if (t->count == QD_TENANTS_MAX || place == QD_GRANTS_NONE)
		return QD_TENANTS_NONE;
	const uint32_t number = t->count++;
	struct qd_tenants_one *one = &t->one[number];
	*one = (struct qd_tenants_one){.keys = *keys, .served = true, .place = place};
	qd_tenant_init(&one->lock, &grants->place[place].record, started);
	uint64_t at = slot_of(keys->cluster);
	while (t->index[at] != 0) /* there are twice as many as tenants */
		at = (at + 1) % INDEX_SLOTS;
	t->index[at] = number + 1;
	return (int32_t)number;
}

bool qd_rate_take(struct qd_rate *r, uint32_t per_s, uint32_t burst, struct qd_mono now)
{
	const uint64_t step_ns = NS_PER_S / per_s;
	const uint64_t base = r->next_ns > now.ns ? r->next_ns : now.ns;
	if (base - now.ns > step_ns * burst)
		return false;
	r->next_ns = base + step_ns;
	return true;
}

static bool is_twin(const struct qd_tenants_peer *p, const struct qd_witness_request *q, uint64_t source,
		    struct qd_mono now)
{
	return p->source != 0 && source != p->source && q->incarnation != p->incarnation &&
	       qd_mono_sub(now, p->heard).ns < QD_TENANTS_ALIVE_S * (int64_t)NS_PER_S;
}

enum qd_tenants_verdict qd_tenants_judge(struct qd_tenants *t, int32_t tenant,
					 const struct qd_witness_request *q, uint64_t source,
					 struct qd_mono now)
{
	qd_assert(tenant >= 0 && (uint32_t)tenant < t->count && q->node >= 1 && q->node <= QD_NODES_MAX);
	struct qd_tenants_peer *p = &t->peer[q->node - 1][tenant];
	const bool newer =
		q->incarnation > p->incarnation || (q->incarnation == p->incarnation && q->id > p->id);
	if (is_twin(p, q, source, now))
		return QD_TENANTS_TWIN;
	if (!newer)
		return QD_TENANTS_STALE;
	*p = (struct qd_tenants_peer){
		.incarnation = q->incarnation, .id = q->id, .source = source, .heard = now};
	return QD_TENANTS_FRESH;
}
