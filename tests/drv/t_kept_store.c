/* SPDX-License-Identifier: Apache-2.0 */
/* What a node keeps on its own disk: new, copied, restored, torn and damaged stores, in real files. */
#include "drv/kepts.h"

#include "base/crc32c.h"
#include "codec/kept_fields.h"
#include "quorumd/errors.h"
#include "quorumd/kept_slots.h"

/* ------------------------------------------------ stores */

static void a_new_store_has_no_vote(void)
{
	struct qd_kept kept, again;
	uint8_t digest[QD_DIGEST_BYTES];
	fresh_dir("new");
	struct qd_head head;
	UNIT_EQUAL(-qd_kept_peek(dir, &head, why), QD_ERR_NOT_FOUND);
	UNIT_OK(!there(dir));
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	UNIT_OK(says("the node's store is new: no vote until a view that is quorate without this node has "
		     "taken it in"));
	UNIT_OK(!kept.has_vote && kept.promised == 0 && kept.installed.epoch == 0);
	UNIT_EQUAL(kept.head.tag.version, 1);
	qd_body_digest(BODY, strlen(BODY), digest);
	UNIT_BYTES(kept.head.body, digest, sizeof digest);
	qd_kept_close(s);
	UNIT_EQUAL(-qd_kept_peek_used(dir, &head, why), QD_ERR_NOT_FOUND); /* the file counts */
	UNIT_EQUAL(qd_kept_peek(dir, &head, why), 0);
	UNIT_EQUAL(head.tag.version, 1);
	s = open_store(&again, QD_KEPT_FOUND_OWN);
	UNIT_OK(same_kept(&again, &kept));
	kept.has_vote = true;
	kept.promised = 999;
	UNIT_OK(keep(s, &kept, NULL));
	qd_kept_close(s);
	s = open_store(&again, QD_KEPT_FOUND_OWN);
	UNIT_OK(same_kept(&again, &kept));
	qd_kept_close(s);
	UNIT_EQUAL(qd_kept_peek_used(dir, &head, why), 0);
	kept.head = head;
	UNIT_OK(same_kept(&again, &kept));
}

static void cluster_create_gives_the_vote(void)
{
	const struct qd_kept_options o = options();
	struct qd_kept kept;
	fresh_dir("create");
	UNIT_EQUAL(qd_kept_create(&o, why), 0);
	UNIT_EQUAL(-qd_kept_create(&o, why), QD_ERR_REFUSED);
	UNIT_OK(says("this node has a store already"));
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_OWN);
	UNIT_OK(kept.has_vote);
	UNIT_EQUAL(kept.head.tag.version, 1);
	qd_kept_close(s);
}

static void the_file_counts_until_the_first_promise(void)
{
	struct qd_kept_options o = options();
	struct qd_kept_store *s = NULL;
	struct qd_kept kept;
	enum qd_kept_found found;
	uint8_t digest[QD_DIGEST_BYTES];
	fresh_dir("edited");
	UNIT_EQUAL(qd_kept_create(&o, why), 0);
	for (int promised = 0; promised < 2; promised++) {
		o.first_body = promised ? "cluster: third\n" : "cluster: second\n";
		o.first_body_bytes = strlen(o.first_body);
		first.votes.weight[0] = promised ? 3 : 2;
		UNIT_EQUAL(qd_kept_open(&o, &s, &kept, &found, why), 0);
		qd_body_digest("cluster: second\n", 16, digest);
		UNIT_BYTES(kept.head.body, digest, sizeof digest);
		UNIT_EQUAL(kept.head.votes.weight[0], 2);
		UNIT_OK(kept.has_vote && found == QD_KEPT_FOUND_OWN);
		kept.promised = 1;
		UNIT_OK(keep(s, &kept, NULL));
		qd_kept_close(s);
	}
}

static void what_is_kept_comes_back(void)
{
	struct qd_kept kept, want, again;
	uint64_t seed = 5;
	fresh_dir("round");
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_NEW);
	for (int i = 0; i < 200; i++) {
		want = kept;
		want.promised = unit_random(&seed);
		want.installed =
			(struct qd_view){.epoch = unit_random(&seed) | 1, .members = unit_random(&seed) | 1};
		want.installed.incarnation[0] = unit_random(&seed);
		for (uint32_t id = 2; id <= QD_NODES_MAX; id++)
			if (qd_set_has(want.installed.members, id))
				want.installed.incarnation[id - 1] = unit_random(&seed);
		want.head.tag.epoch = unit_random(&seed);
		want.has_vote = unit_random(&seed) % 2 == 0;
		if (!UNIT_OK(keep(s, &want, NULL)))
			break;
		if (unit_random(&seed) % 4 != 0)
			continue;
		qd_kept_close(s);
		s = open_store(&again, QD_KEPT_FOUND_OWN);
		if (!UNIT_OK(same_kept(&again, &want)))
			break;
	}
	qd_kept_close(s);
	/* Where nothing else waited, the other slot has caught up. */
	struct qd_kept_slot a, b;
	uint8_t bytes[QD_KEPT_SLOT_BYTES];
	get_bytes(0, bytes);
	UNIT_EQUAL(qd_kept_decode(bytes, sizeof bytes, &a), QD_KEPT_OK);
	get_bytes(1, bytes);
	UNIT_EQUAL(qd_kept_decode(bytes, sizeof bytes, &b), QD_KEPT_OK);
	UNIT_OK(same_kept(&a.kept, &b.kept));
}

/* Of a write every prefix may have come to the disk. */
static void torn_writes_lose_nothing(void)
{
	const struct qd_kept_origin self = {.node_id = 3};
	struct qd_kept_slots s;
	fresh_dir("torn");
	shell("mkdir \"$A\"", dir, "");
	struct qd_kept old = {.promised = 1, .head = head_of(1)};
	UNIT_EQUAL(qd_kept_slots_open(&s, dir, &self, true, why), 0);
	UNIT_EQUAL(qd_kept_slots_write(&s, &old, why), 0);
	UNIT_EQUAL(qd_kept_slots_mirror(&s, why), 0);
	uint32_t targets = 0;
	for (uint64_t round = 0; round < 2; round++) {
		uint8_t before[QD_KEPT_SLOT_BYTES], after[QD_KEPT_SLOT_BYTES];
		struct qd_kept fresh = old;
		fresh.promised = 0x0101010101010100 + round;
		fresh.installed = (struct qd_view){.epoch = 64 + round, .members = ~UINT64_C(0)};
		unit_fill(fresh.installed.incarnation, sizeof fresh.installed.incarnation, round);
		fresh.head.forced_unix_s = ~UINT64_C(0) >> round;
		const int target = s.newest == 0 ? 1 : 0;
		targets |= 1u << target;
		get_bytes(target, before);
		UNIT_EQUAL(qd_kept_slots_write(&s, &fresh, why), 0);
		get_bytes(target, after);
		for (size_t k = 0; k <= sizeof after; k++) {
			struct qd_kept_slots look;
			put_bytes(target, before, sizeof before, 0);
			put_bytes(target, after, k, 0);
			unit_case("slot %d, %zu bytes", target, k);
			UNIT_EQUAL(qd_kept_slots_open(&look, dir, &self, true, why), 0);
			const bool whole = k == sizeof after;
			if (!UNIT_EQUAL(look.last.promised, whole ? fresh.promised : old.promised) ||
			    !UNIT_OK(same_kept(&look.last, whole ? &fresh : &old)))
				return;
			qd_kept_slots_close(&look);
		}
		old = fresh;
	}
	UNIT_EQUAL(targets, 3);
	qd_kept_slots_close(&s);
}

static void others_are_refused(void)
{
	struct qd_kept kept;
	fresh_dir("others");
	qd_kept_close(open_store(&kept, QD_KEPT_FOUND_NEW));
	struct qd_kept_options o = options();
	o.machine_id[15] = 1;
	UNIT_EQUAL(open_fails(&o), QD_ERR_REFUSED);
	UNIT_OK(says("kept.0 and kept.1 belong to another machine. If this directory was copied here, give "
		     "this node"));
	o = options();
	o.node_id = 4;
	UNIT_EQUAL(open_fails(&o), QD_ERR_REFUSED);
	UNIT_OK(says("belong to node 3, and this one is node 4"));
	o = options();
	o.cluster_id[0] = 8;
	UNIT_EQUAL(open_fails(&o), QD_ERR_REFUSED);
	UNIT_OK(says("belong to another cluster than that of the key file"));
	/* and a newer program's */
	uint8_t bytes[QD_KEPT_SLOT_BYTES];
	get_bytes(1, bytes);
	bytes[8] = 2;
	uint32_t crc = qd_crc32c(0, bytes, QD_KEPT_CRC_AT);
	for (size_t i = 0; i < 4; i++)
		bytes[QD_KEPT_CRC_AT + i] = (uint8_t)(crc >> 8 * i);
	put_bytes(1, bytes, sizeof bytes, 0);
	o = options();
	UNIT_EQUAL(open_fails(&o), QD_ERR_REFUSED);
	UNIT_OK(says("kept.1: was written by a newer quorumd"));
	struct qd_head head;
	UNIT_EQUAL(-qd_kept_peek(dir, &head, why), QD_ERR_REFUSED);
}

/* A store with a vote, closed. */
static void make_voter(const char *name)
{
	const struct qd_kept_options o = options();
	struct qd_kept kept;
	fresh_dir(name);
	UNIT_EQUAL(qd_kept_create(&o, why), 0);
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_OWN);
	kept.promised = 77;
	UNIT_OK(keep(s, &kept, NULL));
	qd_kept_close(s);
}

static void expect_copied(const char *what)
{
	struct qd_kept kept = {0};
	unit_case("%s", what);
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_COPIED);
	UNIT_OK(says(
		"was copied, or restored from a copy, and may lack what this node promised since: no vote"));
	UNIT_OK(!kept.has_vote);
	UNIT_EQUAL(kept.promised, 77);
	qd_kept_close(s);
	/* It is the node's own from now on, still without a vote. */
	s = open_store(&kept, QD_KEPT_FOUND_OWN);
	UNIT_OK(!kept.has_vote);
	qd_kept_close(s);
}

static void copies_have_no_vote(void)
{
	char copy[sizeof dir];
	make_voter("voter");
	(void)snprintf(copy, sizeof copy, "%s/copy", top);
	shell("rm -rf \"$B\"; cp -a \"$A\" \"$B\"", dir, copy);
	memcpy(dir, copy, sizeof dir);
	expect_copied("another directory");
	make_voter("voter");
	shell("cp -a \"$A\" \"$A.old\"; rm -rf \"$A\"; mv \"$A.old\" \"$A\"", dir, "");
	expect_copied("the directory restored");
	make_voter("voter");
	shell("cp -p \"$A/kept.0\" \"$A/x\"; cp -p \"$A/kept.1\" \"$A/y\"; mv \"$A/x\" \"$A/kept.0\"; "
	      "mv \"$A/y\" \"$A/kept.1\"",
	      dir, "");
	expect_copied("the files restored");
	make_voter("voter");
	shell("cp -p \"$A/kept.1\" \"$A/y\"; mv \"$A/y\" \"$A/kept.1\"", dir, "");
	expect_copied("one file restored");
	make_voter("voter");
	shell("cat \"$A/kept.0\" >\"$A/x\"; cat \"$A/kept.1\" >\"$A/kept.0\"; cat \"$A/x\" >\"$A/kept.1\"",
	      dir, "");
	expect_copied("one file's contents in the other");
	make_voter("voter");
	shell("rm \"$A/kept.1\"", dir, "");
	expect_copied("one file removed");
}

static void damage_is_survived_or_told(void)
{
	struct qd_kept kept;
	const uint8_t rot[4] = {1, 2, 3, 4};
	for (int slot = 0; slot < 2; slot++) {
		make_voter("rot");
		put_bytes(slot, rot, sizeof rot, 500);
		unit_case("slot %d", slot);
		struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_OWN);
		UNIT_OK(kept.has_vote && kept.promised == 77);
		qd_kept_close(s);
		/* It was mended at once. */
		put_bytes(1 - slot, rot, sizeof rot, 500);
		s = open_store(&kept, QD_KEPT_FOUND_OWN);
		UNIT_OK(kept.has_vote && kept.promised == 77);
		qd_kept_close(s);
	}
	put_bytes(0, rot, sizeof rot, 500);
	put_bytes(1, rot, sizeof rot, 500);
	struct qd_kept_store *s = open_store(&kept, QD_KEPT_FOUND_LOST);
	UNIT_OK(says("is damaged: neither kept.0 nor kept.1 can be read: no vote"));
	UNIT_OK(!kept.has_vote && kept.promised == 0);
	qd_kept_close(s);
	make_voter("rot");
	shell("printf x >>\"$A/kept.0\"; printf y >>\"$A/kept.1\"", dir, "");
	qd_kept_close(open_store(&kept, QD_KEPT_FOUND_LOST));
	qd_kept_close(open_store(&kept, QD_KEPT_FOUND_OWN));
	/* without their body */
	make_voter("rot");
	char name[512];
	const struct qd_kept_options o = options();
	body_name(BODY, name);
	shell("printf x >>\"$A\"", name, "");
	UNIT_EQUAL(open_fails(&o), QD_ERR_IO);
	UNIT_OK(says("is not what its name says"));
	UNIT_EQUAL(unlink(name), 0);
	UNIT_EQUAL(open_fails(&o), QD_ERR_NOT_FOUND);
	UNIT_OK(says("is not there; copy it from another node's state_dir/config"));
}

static const struct unit_test TESTS[] = {
	{"a new store has no vote, and what is kept in it stays", a_new_store_has_no_vote},
	{"cluster create gives a node its vote, once", cluster_create_gives_the_vote},
	{"the file counts until the node has promised something", the_file_counts_until_the_first_promise},
	{"what is kept comes back, from either slot", what_is_kept_comes_back},
	{"a write that tears at any byte loses nothing", torn_writes_lose_nothing},
	{"stores of other machines, nodes, clusters and formats are refused", others_are_refused},
	{"a copied or restored store has no vote", copies_have_no_vote},
	{"one slot may decay; two are told", damage_is_survived_or_told},
};

int main(void)
{
	return kepts_main("t_kept_store", TESTS, UNIT_COUNT(TESTS));
}
