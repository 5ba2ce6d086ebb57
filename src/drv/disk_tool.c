/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/disk_tool.h"

#include "drv/disk_iscsi.h"
#include "drv/pr_iscsi.h"
#include "quorumd/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qd_disk_tool {
	struct qd_loop loop;
	struct qd_iscsi_target target;
	struct qd_session session;
	struct qd_span limit;
	bool login_over;
	bool login_ok;
	bool answered;
	bool dead; /* no answer in time, or the session is lost */
	bool capacity_known;
	bool no_fua;
	enum qd_outcome unit_attention;
	struct qd_disk_capacity capacity;
	struct qd_scsi_command command;
	char why[QD_DISK_TOOL_WHY_MAX];
	uint8_t data[QD_PR_FULL_STATUS_BYTES];
};

static void on_login(void *context, bool ok)
{
	struct qd_disk_tool *t = context;
	t->login_over = true;
	t->login_ok = ok;
}

static void on_lost(void *context)
{
	struct qd_disk_tool *t = context;
	t->dead = true;
}

static void on_answer(struct qd_scsi_command *c)
{
	struct qd_disk_tool *t = c->context;
	t->answered = true;
}

/* One turn of the loop; false: the deadline has come. */
static bool turn(struct qd_disk_tool *t, struct qd_mono deadline)
{
	if (qd_mono_reached(qd_clock_now(), deadline))
		return false;
	return qd_loop_arm(&t->loop, deadline) == 0 && qd_loop_turn(&t->loop) == 0;
}

static int log_in(struct qd_disk_tool *t, char *why)
{
	const struct qd_mono deadline = qd_mono_add(qd_clock_now(), t->limit);
	bool begun = qd_session_open(&t->session);
	while (begun && !t->login_over && turn(t, deadline))
		;
	if (t->login_ok)
		return 0;
	if (begun && !t->login_over) {
		(void)snprintf(why, QD_DISK_TOOL_WHY_MAX, "%s: no answer in %lld ms", t->target.address,
			       (long long)qd_span_to_ms(t->limit));
		return -QD_ERR_TIMEOUT;
	}
	(void)snprintf(why, QD_DISK_TOOL_WHY_MAX, "%s: %s", t->target.address, qd_session_why(&t->session));
	if (t->session.refused_auth)
		return -QD_ERR_AUTH;
	return strncmp(qd_session_why(&t->session), "no connection", 13) == 0 ? -QD_ERR_UNREACHABLE
									      : -QD_ERR_PROTOCOL;
}

int qd_disk_tool_open(const struct qd_iscsi_target *target, struct qd_span limit, struct qd_disk_tool **out,
		      char why[QD_DISK_TOOL_WHY_MAX])
{
	*out = NULL;
	why[0] = '\0';
	struct qd_disk_tool *t = calloc(1, sizeof *t);
	if (t == NULL) {
		(void)snprintf(why, QD_DISK_TOOL_WHY_MAX, "out of memory");
		return -QD_ERR_NOMEM;
	}
	t->target = *target;
	t->limit = limit;
	t->session = (struct qd_session){
		.loop = &t->loop,
		.target = &t->target,
		.on_login = on_login,
		.on_lost = on_lost,
		.context = t,
	};
	int rc = qd_iscsi_target_resolve(&t->target, why, QD_DISK_TOOL_WHY_MAX);
	if (rc == 0 && qd_loop_open(&t->loop) != 0)
		rc = -QD_ERR_NOMEM;
	if (rc == 0)
		rc = log_in(t, why);
	if (rc != 0) {
		qd_disk_tool_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

void qd_disk_tool_close(struct qd_disk_tool *t)
{
	if (t == NULL)
		return;
	qd_session_close(&t->session);
	qd_loop_close(&t->loop);
	explicit_bzero(&t->target, sizeof t->target);
	free(t);
}

void qd_disk_tool_set_limit(struct qd_disk_tool *t, struct qd_span limit)
{
	t->limit = limit;
}

const char *qd_disk_tool_why(const struct qd_disk_tool *t)
{
	return t->why;
}

enum qd_outcome qd_disk_tool_unit_attention(struct qd_disk_tool *t)
{
	enum qd_outcome last = t->unit_attention;
	t->unit_attention = QD_OUTCOME_UNKNOWN;
	return last;
}

struct qd_sense qd_disk_tool_sense(const struct qd_disk_tool *t)
{
	return t->command.sense;
}

/* ------------------------------------------------ one command */

static enum qd_outcome give_up(struct qd_disk_tool *t, const char *what)
{
	t->dead = true;
	(void)snprintf(t->why, sizeof t->why, "%s: %s", t->target.address, what);
	qd_session_close(&t->session);
	return QD_OUTCOME_UNKNOWN;
}

static enum qd_outcome describe(struct qd_disk_tool *t, enum qd_outcome outcome)
{
	const struct qd_scsi_command *c = &t->command;
	if (c->sense.valid)
		(void)snprintf(t->why, sizeof t->why, "%s (sense %02x/%02x/%02x)", qd_outcome_name(outcome),
			       c->sense.key, c->sense.asc, c->sense.ascq);
	else
		(void)snprintf(t->why, sizeof t->why, "%s (status %02x)", qd_outcome_name(outcome),
			       c->status);
	return outcome;
}

/* Send t->command once and wait for its answer. */
static enum qd_outcome send_once(struct qd_disk_tool *t)
{
	if (t->dead)
		return QD_OUTCOME_UNKNOWN;
	const struct qd_mono deadline = qd_mono_add(qd_clock_now(), t->limit);
	t->answered = false;
	t->command.done = on_answer;
	t->command.context = t;
	t->command.sense = (struct qd_sense){0};
	if (!qd_session_send(&t->session, &t->command))
		return give_up(t, "the command cannot be sent");
	qd_session_flush(&t->session);
	while (!t->answered && !t->dead && turn(t, deadline))
		;
	if (t->dead)
		return give_up(t, qd_session_why(&t->session));
	if (!t->answered)
		return give_up(t, "no answer in time");
	return describe(t, t->command.outcome);
}

/* The same; unit attentions are taken: the command that they end was not executed. */
static enum qd_outcome run(struct qd_disk_tool *t)
{
	enum qd_outcome o = send_once(t);
	for (int i = 0; i < QD_DISK_TOOL_UA_RETRIES && qd_outcome_is_unit_attention(o); i++) {
		t->unit_attention = o;
		o = send_once(t);
	}
	return o;
}

static enum qd_outcome read_capacity(struct qd_disk_tool *t)
{
	if (t->capacity_known)
		return QD_OUTCOME_GOOD;
	qd_disk_iscsi_capacity(&t->command, t->data);
	enum qd_outcome o = run(t);
	if (o != QD_OUTCOME_GOOD)
		return o;
	o = qd_disk_iscsi_capacity_of(&t->command, &t->capacity);
	t->capacity_known = o == QD_OUTCOME_GOOD;
	return describe(t, o);
}

/* ------------------------------------------------ identity */

static void copy_text(char *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? (char)from[i] : ' ';
	to[len] = '\0';
	while (len > 0 && to[len - 1] == ' ')
		to[--len] = '\0';
}

enum {
	DESIGNATOR_T10 = 1,
	DESIGNATOR_EUI = 2,
	DESIGNATOR_NAA = 3,
};

static void write_designator(char *to, size_t cap, uint8_t type, const uint8_t *data, size_t len)
{
	if (type == DESIGNATOR_T10) {
		size_t n = (size_t)snprintf(to, cap, "t10.");
		copy_text(to + n, data, len < cap - n - 1 ? len : cap - n - 1);
		return;
	}
	size_t n = (size_t)snprintf(to, cap, type == DESIGNATOR_NAA ? "naa." : "eui.");
	for (size_t i = 0; i < len && n + 3 <= cap; i++)
		n += (size_t)snprintf(to + n, cap - n, "%02x", data[i]);
}

/* Designators of the logical unit, the best type (highest number here) wins: SPC-4 7.8.6. */
static void read_designators(const uint8_t *page, size_t len, char *to, size_t cap)
{
	uint8_t best = 0;
	to[0] = '\0';
	if (len < 4 || page[1] != 0x83)
		return;
	size_t end = 4 + ((size_t)page[2] << 8 | page[3]);
	if (end > len)
		end = len;
	for (size_t at = 4; at + 4 <= end && at + 4 + page[at + 3] <= end; at += 4u + page[at + 3]) {
		uint8_t type = page[at + 1] & 0x0f;
		bool of_unit = (page[at + 1] & 0x30) == 0;
		if (!of_unit || type < DESIGNATOR_T10 || type > DESIGNATOR_NAA || type <= best)
			continue;
		best = type;
		write_designator(to, cap, type, page + at + 4, page[at + 3]);
	}
}

enum qd_outcome qd_disk_tool_info(struct qd_disk_tool *t, struct qd_disk_info *info)
{
	enum qd_outcome o = read_capacity(t);
	if (o != QD_OUTCOME_GOOD)
		return o;
	*info = (struct qd_disk_info){.sectors = t->capacity.sectors,
				      .sector_bytes = t->capacity.sector_bytes};
	qd_disk_iscsi_inquiry(&t->command, t->data);
	o = run(t);
	if (o != QD_OUTCOME_GOOD)
		return o;
	if (t->command.received_bytes < 36)
		return describe(t, QD_OUTCOME_GARBAGE);
	info->device_type = t->data[0] & 0x1f;
	copy_text(info->vendor, t->data + 8, 8);
	copy_text(info->product, t->data + 16, 16);
	copy_text(info->revision, t->data + 32, 4);
	qd_disk_iscsi_identity(&t->command, t->data);
	o = run(t);
	if (o == QD_OUTCOME_GOOD)
		read_designators(t->data, t->command.received_bytes, info->designator,
				 sizeof info->designator);
	else if (o == QD_OUTCOME_UNKNOWN)
		return o;
	qd_disk_iscsi_mode_sense(&t->command, t->data);
	o = run(t);
	if (o == QD_OUTCOME_GOOD && t->command.received_bytes >= 3) {
		info->write_protected = (t->data[2] & 0x80) != 0;
		info->dpofua = (t->data[2] & 0x10) != 0;
	}
	return o == QD_OUTCOME_UNKNOWN ? o : QD_OUTCOME_GOOD;
}

/* ------------------------------------------------ sectors */

enum qd_outcome qd_disk_tool_read(struct qd_disk_tool *t, uint64_t lba, uint32_t count, uint8_t *to)
{
	enum qd_outcome o = read_capacity(t);
	if (o != QD_OUTCOME_GOOD)
		return o;
	qd_assert(count > 0 && count <= QD_DISK_TOOL_TRANSFER_MAX / t->capacity.sector_bytes);
	qd_disk_iscsi_read(&t->command, lba, count, t->capacity.sector_bytes, to);
	o = run(t);
	if (o == QD_OUTCOME_GOOD && !qd_disk_iscsi_read_whole(&t->command))
		return describe(t, QD_OUTCOME_GARBAGE);
	return o;
}

enum qd_outcome qd_disk_tool_write(struct qd_disk_tool *t, uint64_t lba, uint32_t count, const uint8_t *from)
{
	enum qd_outcome o = read_capacity(t);
	if (o != QD_OUTCOME_GOOD)
		return o;
	const uint32_t sector = t->capacity.sector_bytes;
	qd_assert(count > 0 && count <= QD_DISK_TOOL_TRANSFER_MAX / sector);
	uint8_t *data = malloc((size_t)count * sector); /* libiscsi's vectors are not const */
	if (data == NULL)
		return give_up(t, "out of memory");
	memcpy(data, from, (size_t)count * sector);
	qd_disk_iscsi_write(&t->command, lba, count, sector, !t->no_fua, data);
	o = run(t);
	if (o == QD_OUTCOME_UNSUPPORTED && !t->no_fua) {
		t->no_fua = true;
		qd_disk_iscsi_write(&t->command, lba, count, sector, false, data);
		o = run(t);
	}
	free(data);
	return o == QD_OUTCOME_GOOD && t->no_fua ? qd_disk_tool_synchronize(t) : o;
}

enum qd_outcome qd_disk_tool_synchronize(struct qd_disk_tool *t)
{
	qd_disk_iscsi_synchronize(&t->command);
	return run(t);
}

/* ------------------------------------------------ persistent reservations */

enum qd_outcome qd_disk_tool_pr_out(struct qd_disk_tool *t, const struct qd_pr_out_args *args)
{
	qd_pr_iscsi_out(&t->command, args, t->data);
	return run(t);
}

enum qd_outcome qd_disk_tool_read_keys(struct qd_disk_tool *t, struct qd_key *keys, size_t keys_max,
				       struct qd_pr_keys *out)
{
	uint32_t bytes = QD_PR_KEYS_FIRST_BYTES;
	do {
		qd_pr_iscsi_in(&t->command, QD_PR_READ_KEYS, t->data, bytes);
		enum qd_outcome o = run(t);
		if (o != QD_OUTCOME_GOOD)
			return o;
		bytes = qd_pr_iscsi_keys_again(&t->command);
	} while (bytes != 0);
	return describe(t, qd_pr_iscsi_keys(&t->command, keys, keys_max, out));
}

enum qd_outcome qd_disk_tool_read_reservation(struct qd_disk_tool *t, struct qd_pr_reservation *out)
{
	qd_pr_iscsi_in(&t->command, QD_PR_READ_RESERVATION, t->data, 24);
	enum qd_outcome o = run(t);
	return o == QD_OUTCOME_GOOD ? describe(t, qd_pr_iscsi_reservation(&t->command, out)) : o;
}

enum qd_outcome qd_disk_tool_capabilities(struct qd_disk_tool *t, struct qd_pr_capabilities *out)
{
	qd_pr_iscsi_in(&t->command, QD_PR_REPORT_CAPABILITIES, t->data, 8);
	enum qd_outcome o = run(t);
	return o == QD_OUTCOME_GOOD ? describe(t, qd_pr_iscsi_capabilities(&t->command, out)) : o;
}

enum qd_outcome qd_disk_tool_full_status(struct qd_disk_tool *t, struct qd_pr_full_status_cursor *cursor)
{
	qd_pr_iscsi_in(&t->command, QD_PR_READ_FULL_STATUS, t->data, QD_PR_FULL_STATUS_BYTES);
	enum qd_outcome o = run(t);
	if (o != QD_OUTCOME_GOOD)
		return o;
	bool ok = qd_pr_full_status_begin(t->data, t->command.received_bytes, cursor);
	return ok ? o : describe(t, QD_OUTCOME_GARBAGE);
}

/* NOLINTNEXTLINE(readability-function-size): a raw command has this many parts */
enum qd_outcome qd_disk_tool_command(struct qd_disk_tool *t, const uint8_t *cdb, size_t cdb_len,
				     const uint8_t *out_data, size_t out_len_bytes, uint8_t *in_data,
				     size_t *in_len_bytes)
{
	qd_assert(cdb_len <= QD_SCSI_CDB_MAX && (out_data == NULL || in_data == NULL));
	qd_assert(out_len_bytes <= sizeof t->data);
	struct qd_scsi_command *c = &t->command;
	memset(c->cdb, 0, sizeof c->cdb);
	memcpy(c->cdb, cdb, cdb_len);
	c->cdb_len = (uint32_t)cdb_len;
	c->direction = QD_SCSI_NO_DATA;
	c->data = NULL;
	c->len_bytes = 0;
	if (out_data != NULL && out_len_bytes > 0) {
		memcpy(t->data, out_data, out_len_bytes);
		c->direction = QD_SCSI_OUT;
		c->data = t->data;
		c->len_bytes = (uint32_t)out_len_bytes;
	} else if (in_data != NULL && *in_len_bytes > 0) {
		c->direction = QD_SCSI_IN;
		c->data = in_data;
		c->len_bytes = (uint32_t)*in_len_bytes;
	}
	enum qd_outcome o = send_once(t);
	if (in_len_bytes != NULL)
		*in_len_bytes = o == QD_OUTCOME_GOOD ? c->received_bytes : 0;
	return o;
}
