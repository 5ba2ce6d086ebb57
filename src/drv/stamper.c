/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/stamper.h"

enum {
	UNIT_ATTENTIONS_MAX = 8, /* in a row */
};

void qd_stamper_init(struct qd_stamper *s, struct qd_span interval, uint32_t node_id)
{
	*s = (struct qd_stamper){.interval = interval, .node_id = node_id};
}

void qd_stamper_begin(struct qd_stamper *s, uint64_t epoch, struct qd_mono now)
{
	if (s->interval.ns == 0 || s->epoch == epoch)
		return;
	s->epoch = epoch;
	s->due = now;
	s->sequence = 0;
	s->conflicts_of_epoch = 0;
	s->searching = true;
	s->low = 0;
	s->high = 0; /* not known before the capacity */
}

void qd_stamper_end(struct qd_stamper *s)
{
	s->epoch = 0;
}

struct qd_mono qd_stamper_deadline(const struct qd_stamper *s)
{
	return s->epoch == 0 || s->busy ? QD_NEVER : s->due; /* an answer or a loss makes a turn of its own */
}

void qd_stamper_put_off(struct qd_stamper *s, struct qd_mono now)
{
	if (qd_mono_reached(now, qd_stamper_deadline(s)))
		s->due = qd_mono_add(now, s->interval);
}

/* Slots low..high-1 are still in question: everything below low has a stamp, high and above have none. */
static void searched(struct qd_stamper *s)
{
	struct qd_stamp found;
	uint64_t middle = s->low + (s->high - s->low) / 2;
	if (qd_disk_iscsi_read_whole(&s->command)) {
		if (qd_stamp_decode(s->sector, s->command.len_bytes, &found))
			s->low = middle + 1;
		else
			s->high = middle;
	}
	s->searching = s->low < s->high;
	s->slot = s->low;
}

static void count(struct qd_stamper *s, enum qd_outcome outcome)
{
	if (outcome == QD_OUTCOME_GOOD)
		s->counters.good++;
	else if (outcome == QD_OUTCOME_CONFLICT)
		s->counters.conflict++;
	else
		s->counters.failed++;
	s->conflicts_of_epoch += outcome == QD_OUTCOME_CONFLICT;
}

static void on_answer(struct qd_scsi_command *c)
{
	struct qd_stamper *s = c->context;
	s->busy = false;
	if (qd_outcome_is_unit_attention(c->outcome) && ++s->unit_attentions < UNIT_ATTENTIONS_MAX) {
		s->busy = qd_session_send(s->session,
					  c); /* not executed: at once again, as any file system would */
		return;
	}
	s->unit_attentions = 0;
	const bool present = s->command_epoch == s->epoch;
	if (s->command_searches) {
		if (present)
			searched(s);
		return;
	}
	count(s, c->outcome);
	if (c->outcome != QD_OUTCOME_GOOD || !present)
		return;
	s->slot++;
	s->sequence++;
}

static void notice_loss(struct qd_stamper *s)
{
	if (!s->busy || (s->session->state == QD_SESSION_UP && s->session->number == s->session_number))
		return;
	s->busy = false;
	s->counters.unknown += !s->command_searches;
}

static void queue(struct qd_stamper *s, struct qd_session *session)
{
	s->command.done = on_answer;
	s->command.context = s;
	s->session = session;
	s->session_number = session->number;
	s->command_epoch = s->epoch;
	s->command_searches = s->searching;
	s->busy = qd_session_send(session, &s->command);
}

void qd_stamper_run(struct qd_stamper *s, struct qd_session *session, uint64_t data_lba,
		    const struct qd_disk_capacity *capacity, struct qd_mono now)
{
	notice_loss(s);
	if (s->epoch == 0 || s->busy || !qd_mono_reached(now, s->due))
		return;
	const uint64_t slots = capacity->sectors > data_lba ? capacity->sectors - data_lba : 0;
	if (s->searching && s->high == 0)
		s->high = slots;
	s->searching = s->searching && s->low < s->high;
	if (s->searching) { /* one step a turn, at once */
		qd_disk_iscsi_read(&s->command, data_lba + s->low + (s->high - s->low) / 2, 1,
				   capacity->sector_bytes, s->sector);
		queue(s, session);
		if (!s->busy)
			s->due = qd_mono_add(now, s->interval);
		return;
	}
	s->due = qd_mono_add(now, s->interval);
	if (s->slot >= slots)
		return; /* full */
	const struct qd_stamp stamp = {
		.epoch = s->epoch,
		.sequence = s->sequence,
		.slot = s->slot,
		.boot_ns = now.ns,
		.node_id = s->node_id,
	};
	qd_stamp_encode(&stamp, s->sector, capacity->sector_bytes);
	qd_disk_iscsi_write(&s->command, data_lba + s->slot, 1, capacity->sector_bytes, false, s->sector);
	queue(s, session);
}
