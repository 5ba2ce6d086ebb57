/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration slots on a real tgt: what is written comes back, and whatever happens to one slot the other counts. */
#include "base/crc32c.h"
#include "codec/qdisk_fields.h"
#include "drv/bench.h"
#include "drv/paths_ops.h"
#include "drv/proxy.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	HEADER_PDU_BYTES = 48, /* of iSCSI */
	CDB_FLAGS_AT = 33,     /* in it: byte 1 of the CDB, behind the operation code */
	WRPROTECT = 0x20,      /* no target without protection information takes it: INVALID FIELD IN CDB */
	TEXT_SOME = 3000,
};

static struct bench bench;
static struct proxy proxy;

/* ------------------------------------------------ what is there */

static struct qd_head head(uint64_t version)
{
	struct qd_head h = {
		.tag = {64 * 3, version},
		.votes = {.model = QD_MODEL_NODE_AND_DISK, .nodes = 3, .weight = {1, 1}},
		.has_old = version % 2 == 0,
		.forced_by = 2,
		.forced_unix_s = 1000 + version,
	};
	if (h.has_old)
		h.old = (struct qd_votes){.nodes = 7, .weight = {1, 1, 2}, .low = 3};
	memset(h.body, (int)version, sizeof h.body);
	return h;
}

/* Byte i of the text of a version. */
static uint8_t letter(uint64_t version, size_t i)
{
	return (uint8_t)(version * 131 + i * 7 + i / 251);
}

static void have_text(uint64_t version, size_t len)
{
	const struct qd_head h = head(version);
	memcpy(bench.digest, h.body, sizeof bench.digest);
	for (size_t i = 0; i < len && i < sizeof bench.text; i++)
		bench.text[i] = letter(version, i);
	bench.text_bytes = len;
}

static void forget_text(void)
{
	memset(bench.digest, 0xee, sizeof bench.digest);
	memset(bench.text, 0xee, sizeof bench.text);
	bench.text_bytes = SIZE_MAX;
}

static enum qd_outcome write_slots(uint64_t version, size_t len)
{
	const struct qd_head h = head(version);
	have_text(version, len);
	return bench_answer(&bench, bench_write_slots(&bench, 0, &h));
}

/* READ_SLOTS answers with this version (0: none) and its text of so many bytes was handed over. */
static bool is_read(uint64_t version, size_t len)
{
	const uint64_t texts = bench.texts;
	const struct qd_head h = version == 0 ? (struct qd_head){0} : head(version);
	forget_text();
	if (bench_do(&bench, 0, QD_OP_READ_SLOTS) != QD_OUTCOME_GOOD)
		return false;
	const struct qd_head *found = bench.last.u.answer.u.slot;
	bool same = qd_tag_compare(found->tag, h.tag) == 0 && found->votes.nodes == h.votes.nodes &&
		    found->has_old == h.has_old && found->old.low == h.old.low &&
		    found->forced_unix_s == h.forced_unix_s &&
		    memcmp(found->body, h.body, sizeof h.body) == 0;
	if (version == 0)
		return same && bench.texts == texts;
	same = same && bench.texts == texts + 1 && bench.text_bytes == len &&
	       memcmp(bench.digest, h.body, sizeof h.body) == 0;
	for (size_t i = 0; same && i < len; i++)
		same = bench.text[i] == letter(version, i);
	return same;
}

/* ------------------------------------------------ the file behind the LUN */

struct disk {
	struct qd_iscsi_target target;
	uint32_t sector;
};

static struct disk disk;
static uint8_t image[QD_QDISK_SLOT_BYTES];

static off_t slot_at(uint32_t slot, size_t at)
{
	return (off_t)(qd_qdisk_slot_lba(disk.sector, slot) * disk.sector + at);
}

static void poke(uint32_t slot, size_t at, const void *data, size_t len)
{
	char file[128];
	rig_file(&disk.target, file, sizeof file);
	const int fd = open(file, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && pwrite(fd, data, len, slot_at(slot, at)) == (ssize_t)len);
	(void)close(fd);
}

static void peek(uint32_t slot, size_t at, void *data, size_t len)
{
	char file[128];
	rig_file(&disk.target, file, sizeof file);
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && pread(fd, data, len, slot_at(slot, at)) == (ssize_t)len);
	(void)close(fd);
}

/* Put a version there, as a node before us did; 0: zeros. */
static void put(uint32_t slot, uint64_t version, size_t len)
{
	const struct qd_head h = head(version);
	memset(image, 0, sizeof image);
	for (size_t i = 0; i < len; i++)
		image[qd_config_text_at(disk.sector) + i] = letter(version, i);
	if (version != 0)
		(void)qd_config_slot_seal(&h, image, disk.sector, len);
	poke(slot, 0, image, sizeof image);
}

/* The version that a slot holds whole; 0: none. */
static uint64_t held_by(uint32_t slot)
{
	struct qd_config_content c;
	peek(slot, 0, image, sizeof image);
	qd_config_slot_judge(image, sizeof image, disk.sector, &c);
	return c.head.tag.version;
}

static bool both_hold(uint64_t version)
{
	return held_by(0) == version && held_by(1) == version;
}

static void begin(uint32_t sector)
{
	disk.sector = sector;
	rig_target(&(struct rig_lun){.block_bytes = sector}, "a", &disk.target);
	rig_format(&disk.target, "bench", sector);
	bench_open(&bench, &disk.target, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK);
}

static void begin_through_proxy(void)
{
	char why[128];
	begin(512);
	bench_close(&bench);
	proxy_start(&proxy, rig.port);
	struct qd_iscsi_target t = disk.target;
	t.port = proxy.port;
	CHECK(qd_iscsi_target_resolve(&t, why, sizeof why) == 0);
	bench_open(&bench, &t, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK);
}

static void finish_with_proxy(void)
{
	bench_close(&bench);
	proxy_stop(&proxy);
}

/* ------------------------------------------------ tests */

static void blank_slots_are_none(void)
{
	const uint32_t sizes[] = {512, 4096};
	for (size_t i = 0; i < 2; i++) {
		begin(sizes[i]);
		CHECK(is_read(0, 0));
		bench_close(&bench);
	}
}

static void what_is_written_comes_back(void)
{
	const uint32_t sizes[] = {512, 4096};
	const size_t texts[] = {0, 1, 256, 257, TEXT_SOME, 65536, 65536 * 3 + 5, 900000, QD_QDISK_TEXT_MAX,
				10};
	for (size_t i = 0; i < 2; i++) {
		begin(sizes[i]);
		for (uint64_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
			const struct qd_mono begun = qd_clock_now();
			NEED(write_slots(k + 1, texts[k]) == QD_OUTCOME_GOOD);
			const struct qd_span took = qd_mono_sub(qd_clock_now(), begun);
			NEED(both_hold(k + 1));
			bench_close(&bench); /* another node's memory, too, has nothing of it */
			bench_open(&bench, &disk.target, 1);
			NEED(bench_login(&bench, 0) == QD_DISK_OK);
			NEED(is_read(k + 1, texts[k]));
			if (texts[k] == TEXT_SOME || texts[k] == QD_QDISK_TEXT_MAX)
				printf("  %zu bytes: %lld us\n", texts[k], (long long)(took.ns / 1000));
		}
		NEED(write_slots(3, 5) == QD_OUTCOME_GOOD); /* which version is newer is the core's to know */
		CHECK(both_hold(3));
		bench_close(&bench);
	}
}

/* A byte of one slot is wrong, under checksums that are wrong with it, or right all the same. */
static void spoil(uint32_t slot, size_t at, bool sealed)
{
	struct qd_config_slot header;
	peek(slot, 0, image, sizeof image);
	image[at] ^= 0x40;
	if (sealed && at >= disk.sector &&
	    qd_config_slot_decode(image, disk.sector, &header) == QD_QDISK_OK) {
		header.body_crc32c = qd_crc32c(0, image + disk.sector, header.body_bytes);
		qd_config_slot_encode(&header, image, disk.sector);
	}
	poke(slot, 0, image, sizeof image);
}

static void a_damaged_slot_leaves_the_other(void)
{
	const uint32_t sizes[] = {512, 4096};
	for (size_t i = 0; i < 2; i++) {
		begin(sizes[i]);
		const struct {
			const char *what;
			size_t at;
			bool sealed;
		} damages[] = {
			{"magic", 0, false},
			{"tag of the header", 24, false},
			{"length of the body", 13, false},
			{"checksum of the body", 32, false},
			{"checksum of the header", QD_QDISK_CRC_AT, false},
			{"head", sizes[i] + 64, false},
			{"tag of the head, sealed", sizes[i] + 16, true},
			{"model, sealed", sizes[i] + 64, true},
			{"text", sizes[i] + QD_QDISK_HEAD_BYTES + 2999, false},
		};
		for (size_t k = 0; k < sizeof damages / sizeof damages[0]; k++) {
			for (uint32_t slot = 0; slot < 2; slot++) {
				put(slot, 6, TEXT_SOME);
				put(1 - slot, 5, 1000);
				CHECK(is_read(6, TEXT_SOME));
				spoil(slot, damages[k].at, damages[k].sealed);
				if (!CHECK(is_read(5, 1000)))
					printf("  %s of slot %u\n", damages[k].what, slot);
				/* what counts is not written over first: stopped in between, see below */
				CHECK(write_slots(7, 20) == QD_OUTCOME_GOOD && both_hold(7));
				put(0, 6, 10);
				put(1, 6, 10);
				spoil(0, damages[k].at < sizes[i] + 265 ? damages[k].at : sizes[i] + 260,
				      damages[k].sealed);
				CHECK(is_read(6, 10));
				spoil(1, 20, false);
				CHECK(is_read(0, 0));
			}
		}
		bench_close(&bench);
	}
}

static void a_newer_format_is_left_alone(void)
{
	begin(512);
	for (uint32_t slot = 0; slot < 2; slot++) {
		put(1 - slot, 5, 10);
		put(slot, 4, 10);
		image[512] = QD_QDISK_HEAD_FORMAT + 1;
		poke(slot, 0, image, sizeof image);
		spoil(slot, 512 + 250, true); /* seals it */
		CHECK(bench_do(&bench, 0, QD_OP_READ_SLOTS) == QD_OUTCOME_ERROR);
		CHECK(strstr(qd_paths_slots_why(bench.paths), "newer format") != NULL);
		CHECK(write_slots(6, 10) == QD_OUTCOME_ERROR);
		CHECK(held_by(1 - slot) == 5);
		put(slot, 4, 10);
		CHECK(is_read(5, 10));
		CHECK(qd_paths_slots_why(bench.paths)[0] == '\0');
	}
	bench_close(&bench);
}

static void the_store_has_its_say(void)
{
	begin(512);
	NEED(write_slots(1, 10) == QD_OUTCOME_GOOD);
	const struct qd_head unknown = head(2);
	CHECK(bench_answer(&bench, bench_write_slots(&bench, 0, &unknown)) == QD_OUTCOME_ERROR);
	CHECK(strstr(qd_paths_slots_why(bench.paths), "store") != NULL);
	CHECK(write_slots(2, QD_QDISK_TEXT_MAX + 1) == QD_OUTCOME_ERROR);
	bench.text_refused = true;
	CHECK(write_slots(2, 10) == QD_OUTCOME_ERROR);
	CHECK(bench_do(&bench, 0, QD_OP_READ_SLOTS) == QD_OUTCOME_ERROR);
	CHECK(strstr(qd_paths_slots_why(bench.paths), "kept") != NULL);
	bench.text_refused = false;
	CHECK(both_hold(1));
	CHECK(is_read(1, 10)); /* and the buffers are free */
	bench_close(&bench);
}

static void one_at_a_time(void)
{
	struct qd_iscsi_target t[2];
	begin(512);
	bench_close(&bench);
	t[0] = disk.target;
	t[1] = disk.target;
	(void)snprintf(t[1].initiator, sizeof t[1].initiator, "iqn.2026-11.test.quorumd:b");
	bench_open(&bench, t, 2);
	CHECK(bench_do(&bench, 0, QD_OP_READ_SLOTS) == QD_OUTCOME_NOT_READY);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK && bench_login(&bench, 1) == QD_DISK_OK);
	const struct qd_head h = head(1);
	have_text(1, TEXT_SOME);
	const uint64_t first = bench_write_slots(&bench, 0, &h);
	const uint64_t here = bench_submit(&bench, 0, QD_OP_READ_SLOTS);
	CHECK(bench_answer(&bench, here) == QD_OUTCOME_BUSY);
	const uint64_t there = bench_write_slots(&bench, 1, &h);
	CHECK(bench_answer(&bench, there) == QD_OUTCOME_BUSY);
	CHECK(bench_answer(&bench, first) == QD_OUTCOME_GOOD);
	CHECK(is_read(1, TEXT_SOME));
	/* forgotten with its session, at once or when the loss is told */
	(void)bench_submit(&bench, 0, QD_OP_READ_SLOTS);
	CHECK(bench_do(&bench, 1, QD_OP_READ_SLOTS) == QD_OUTCOME_BUSY);
	qd_paths_teardown(bench.paths, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
	CHECK(bench_do(&bench, 1, QD_OP_READ_SLOTS) == QD_OUTCOME_GOOD);
	bench_close(&bench);
}

static void renewals_go_between(void)
{
	/* two headers of blank slots; then for each the body in 16 pieces, the header, and 16 pieces of the whole */
	enum { LOOKS = 20, COMMANDS = 2 + 2 * (16 + 1 + 16) };
	begin(512);
	const struct qd_head h = head(1);
	const uint64_t sent = qd_paths_session(bench.paths, 0)->sent;
	have_text(1, QD_QDISK_TEXT_MAX);
	const uint64_t slots = bench_write_slots(&bench, 0, &h);
	for (int i = 0; i < LOOKS; i++)
		NEED(bench_answer(&bench, bench_submit(&bench, 0, QD_OP_READ_RESERVATION)) ==
		     QD_OUTCOME_GOOD); /* answered before the slots are */
	CHECK(bench_answer(&bench, slots) == QD_OUTCOME_GOOD);
	CHECK(qd_paths_session(bench.paths, 0)->sent == sent + LOOKS + COMMANDS);
	CHECK(both_hold(1));
	bench_close(&bench);
}

/* Path 1 is another initiator's, which has registered. */
static bool begin_with_another(void)
{
	begin(512);
	bench_close(&bench);
	struct qd_iscsi_target t[2] = {disk.target, disk.target};
	(void)snprintf(t[1].initiator, sizeof t[1].initiator, "iqn.2026-11.test.quorumd:b");
	bench_open(&bench, t, 2);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK && bench_login(&bench, 1) == QD_DISK_OK);
	return write_slots(4, TEXT_SOME) == QD_OUTCOME_GOOD &&
	       bench_answer(&bench, bench_pr(&bench, 1, QD_PR_REGISTER_AND_IGNORE, 0, 2)) == QD_OUTCOME_GOOD;
}

static void who_may_not_write_says_so(void)
{
	NEED(begin_with_another());
	CHECK(bench_answer(&bench, bench_pr(&bench, 1, QD_PR_RESERVE, 2, 0)) == QD_OUTCOME_GOOD);
	CHECK(write_slots(5, TEXT_SOME) == QD_OUTCOME_CONFLICT);
	CHECK(both_hold(4));
	CHECK(is_read(4, TEXT_SOME));
	bench_close(&bench);
	rig_target(&(struct rig_lun){.read_only = true}, "a", &disk.target);
	rig_format(&disk.target, "bench", 512);
	bench_open(&bench, &disk.target, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK);
	CHECK(write_slots(1, 10) == QD_OUTCOME_WRITE_PROTECTED);
	CHECK(is_read(0, 0));
	bench_close(&bench);
}

/* The reservation goes in the middle of a long write: one slot is half written, the other whole. */
static void the_reservation_goes_in_the_middle(void)
{
	NEED(begin_with_another());
	const struct qd_session *session = qd_paths_session(bench.paths, 0);
	const struct qd_head h = head(5);
	uint64_t others = session->sent;
	have_text(5, QD_QDISK_TEXT_MAX);
	const uint64_t slots = bench_write_slots(&bench, 0, &h);
	/* Two headers, two bodies and a WRITE are answered when the second WRITE is sent; 17 of them make a slot. */
	while (session->sent < others + 6) {
		others++;
		NEED(bench_answer(&bench, bench_submit(&bench, 0, QD_OP_READ_RESERVATION)) ==
		     QD_OUTCOME_GOOD);
	}
	const uint64_t reserve = bench_pr(&bench, 1, QD_PR_RESERVE, 2, 0);
	for (int i = 0; i < 2; i++) { /* of two paths, so in either order */
		NEED(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_DONE);
		const struct qd_answer *answer = &bench.last.u.answer;
		CHECK(answer->id.value == slots || answer->id.value == reserve);
		CHECK(answer->outcome == (answer->id.value == slots ? QD_OUTCOME_CONFLICT : QD_OUTCOME_GOOD));
	}
	CHECK(is_read(4, TEXT_SOME));
	CHECK(held_by(0) == 4 && held_by(1) == 0);
	bench_close(&bench);
}

static void fua_refused_is_made_up_for(void)
{
	begin_through_proxy();
	/* Two headers of blank slots are read; what is sent third is the first WRITE. */
	proxy_order(&proxy, PROXY_FLIP_UP, 2 * HEADER_PDU_BYTES + CDB_FLAGS_AT, WRPROTECT);
	CHECK(write_slots(1, TEXT_SOME) == QD_OUTCOME_GOOD);
	CHECK(both_hold(1));
	const struct qd_path_driver *path = (const struct qd_path_driver *)qd_paths_session(bench.paths, 0);
	_Static_assert(offsetof(struct qd_path_driver, session) == 0,
		       "the session is the path's first member");
	CHECK(path->no_fua);
	CHECK(is_read(1, TEXT_SOME));
	/* Where FUA has been refused a refusal is a refusal: two headers, two bodies, a WRITE. */
	proxy_order(&proxy, PROXY_FLIP_UP, 4 * HEADER_PDU_BYTES + CDB_FLAGS_AT, WRPROTECT);
	CHECK(write_slots(2, TEXT_SOME) == QD_OUTCOME_UNSUPPORTED);
	CHECK(is_read(1, TEXT_SOME));
	/* Headers, bodies; body (with its 3,584 bytes), header (512), then SYNCHRONIZE CACHE: byte 1 is no flag of ours
	 * there, but its operation code is one that no disk has once a bit of it is flipped. */
	proxy_order(&proxy, PROXY_FLIP_UP, 6 * HEADER_PDU_BYTES + 3584 + 512 + CDB_FLAGS_AT - 1, 0xc0);
	CHECK(write_slots(2, TEXT_SOME) == QD_OUTCOME_UNKNOWN);
	CHECK(bench.last.kind == QD_EVENT_DONE);
	CHECK(is_read(2, TEXT_SOME)); /* tgt has it all the same, in one slot */
	CHECK(held_by(0) == 1 && held_by(1) == 2);
	finish_with_proxy();
}

/* The connection goes at every command of a WRITE_SLOTS, and within. */
static void cut_from(uint64_t slot0, uint64_t slot1, uint32_t step)
{
	enum {
		MORE = 20000,
		WRITTEN = 2 * (3584 + 512)
	}; /* all that is sent, rounded up; and of that into slots */
	uint32_t losses = 0;
	bool done = false;
	const uint64_t old = slot0 > slot1 ? slot0 : slot1;
	for (uint32_t at = 1; at < MORE && !done; at += step) {
		put(0, slot0, TEXT_SOME);
		put(1, slot1, TEXT_SOME);
		proxy_order(&proxy, PROXY_CUT_UP, at, 0);
		const struct qd_head h = head(9);
		have_text(9, TEXT_SOME);
		(void)bench_write_slots(&bench, 0, &h);
		NEED(bench_next(&bench, RIG_LIMIT_MS));
		done = bench.last.kind == QD_EVENT_DONE;
		CHECK(!done || bench.last.u.answer.outcome == QD_OUTCOME_GOOD);
		losses += !done;
		proxy_order(&proxy, PROXY_RESET, 0, 0);
		while (bench.last.kind == QD_EVENT_DONE && CHECK(bench_next(&bench, RIG_LIMIT_MS)))
			;
		NEED(bench_login(&bench, 0) == QD_DISK_OK);
		if (!CHECK(is_read(old, old == 0 ? 0 : TEXT_SOME) || is_read(9, TEXT_SOME)) ||
		    !CHECK(!done || both_hold(9))) {
			printf("  at byte %u, slots of %llu and %llu\n", at, (unsigned long long)slot0,
			       (unsigned long long)slot1);
			return;
		}
	}
	CHECK(done && losses * step > WRITTEN);
}

static void lost_at_every_command(void)
{
	begin_through_proxy();
	cut_from(5, 5, 61);
	cut_from(5, 4, 83);
	cut_from(4, 5, 83);
	cut_from(0, 5, 89);
	cut_from(5, 0, 89);
	cut_from(0, 0, 97);
	CHECK(write_slots(10, TEXT_SOME) == QD_OUTCOME_GOOD);
	finish_with_proxy();
}

/* Every answer of a READ_SLOTS and of a WRITE_SLOTS is the last one. */
static void lost_at_every_answer(void)
{
	begin_through_proxy();
	for (uint32_t writes = 0; writes < 2; writes++) {
		bool done = false;
		for (uint32_t at = 1; at < 40000 && !done; at += writes ? 251 : 127) {
			put(0, 4, TEXT_SOME);
			put(1, 5, TEXT_SOME);
			proxy_order(&proxy, PROXY_CUT_DOWN, at, 0);
			const struct qd_head h = head(9);
			have_text(9, TEXT_SOME);
			if (writes)
				(void)bench_write_slots(&bench, 0, &h);
			else
				(void)bench_submit(&bench, 0, QD_OP_READ_SLOTS);
			NEED(bench_next(&bench, RIG_LIMIT_MS));
			done = bench.last.kind == QD_EVENT_DONE;
			CHECK(!done || bench.last.u.answer.outcome == QD_OUTCOME_GOOD);
			proxy_order(&proxy, PROXY_RESET, 0, 0);
			while (bench.last.kind == QD_EVENT_DONE && CHECK(bench_next(&bench, RIG_LIMIT_MS)))
				;
			NEED(bench_login(&bench, 0) == QD_DISK_OK);
			NEED(is_read(5, TEXT_SOME) || (writes && is_read(9, TEXT_SOME)));
		}
		CHECK(done);
	}
	finish_with_proxy();
}

/* What comes back is not what was written: never GOOD, never taken for a configuration. */
static void flipped_on_the_way_back(void)
{
	begin_through_proxy();
	uint32_t noticed = 0;
	/* Two blank headers with their data come first, then answers to two writes; then 4 KiB that are compared. */
	for (uint32_t at = 2 * (HEADER_PDU_BYTES + 512) + 2 * HEADER_PDU_BYTES; at < 9000; at += 97) {
		put(0, 0, 0);
		put(1, 0, 0);
		proxy_order(&proxy, PROXY_FLIP_DOWN, at, 0x10);
		const struct qd_head h = head(9);
		have_text(9, TEXT_SOME);
		const uint64_t id = bench_write_slots(&bench, 0, &h);
		if (!bench_next(&bench, 200)) { /* the answer to a command that nobody sent, say */
			qd_paths_teardown(bench.paths, 0);
			NEED(bench_next(&bench, RIG_LIMIT_MS));
		}
		if (bench.last.kind == QD_EVENT_DONE && bench.last.u.answer.id.value == id) {
			CHECK(bench.last.u.answer.outcome != QD_OUTCOME_GOOD || both_hold(9));
			const bool differs =
				strstr(qd_paths_slots_why(bench.paths), "reads back otherwise") != NULL;
			CHECK(differs == (bench.last.u.answer.outcome == QD_OUTCOME_GARBAGE));
			noticed += differs;
		}
		proxy_order(&proxy, PROXY_RESET, 0, 0);
		while (bench.last.kind == QD_EVENT_DONE && CHECK(bench_next(&bench, RIG_LIMIT_MS)))
			;
		NEED(bench_login(&bench, 0) == QD_DISK_OK);
	}
	CHECK(noticed > 60);
	finish_with_proxy();
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"blank slots hold no configuration", blank_slots_are_none},
		{"what is written comes back, from no text to the longest, with sectors of 512 and 4096 "
		 "bytes",
		 what_is_written_comes_back},
		{"a damaged slot leaves the other one", a_damaged_slot_leaves_the_other},
		{"slots of a newer format are neither read nor written", a_newer_format_is_left_alone},
		{"a text that the store has not, or does not take, makes no GOOD", the_store_has_its_say},
		{"one operation on the slots at a time", one_at_a_time},
		{"a long write is many short commands, and others go between", renewals_go_between},
		{"who may not write is told so, and nothing changes", who_may_not_write_says_so},
		{"a reservation lost in the middle leaves one slot whole",
		 the_reservation_goes_in_the_middle},
		{"refused FUA is made up for by SYNCHRONIZE CACHE", fua_refused_is_made_up_for},
		{"a session lost at every command leaves the old configuration or the new one",
		 lost_at_every_command},
		{"a session lost at every answer, too", lost_at_every_answer},
		{"what reads back otherwise is noticed", flipped_on_the_way_back},
	};
	return rig_main("t_paths_slots", tests, sizeof tests / sizeof tests[0], argc, argv);
}
