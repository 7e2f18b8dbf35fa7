/* SPDX-License-Identifier: Apache-2.0 */
/* What a new listener does with the calls that its dead predecessor had received. */
#include <errno.h>

#include "arch/kernel.h"
#include "plugin/loop.h"

static void resume_slot(struct shard *s, struct tenant *t, unsigned i, uint32_t state)
{
	struct slot *slot = &s->journal->slots[i];
	bool is_valid = notif_id_valid(t->c->notify_fd, slot->notif.id) == 0;

	if (state != SLOT_ACTING && state != SLOT_DONE && !is_valid) {
		shard_release(s, i);
		return;
	}
	if (state == SLOT_ACTING || state == SLOT_DONE) {
		shard_wait(s, i);
		pool_resume(s, t, i);
	} else if (state == SLOT_SENDING || ring_has(s->ring, slot->event_end)) {
		reply_stored(s, t, i, NULL);
		shard_release(s, i);
	} else if (slot->attempts >= ATTEMPTS_MAX)
		dispatch_refuse(s, t, i, EIO, "listeners died over it");
	else {
		slot->attempts++;
		if (slot->received_ns == 0)
			slot->received_ns = event_now();
		dispatch_call(s, t, i, true);
	}
}

/* What the last listener had received and not answered; before anything new is received. */
void shard_resume(struct shard *s)
{
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++) {
		struct slot *slot = &s->journal->slots[i];
		uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
		struct tenant *t = tenants_find(s->tenants, slot->container);

		if (state != SLOT_FREE && t && !t->is_gone && slot_is_received(slot)) {
			shard_own(s, t, i);
			if (slot->job > 0 && slot->job <= JOURNAL_JOBS) {
				s->job_used[slot->job - 1] = true;
				t->n_jobs++;
				s->n_jobs++;
			}
			continue;
		}
		slot_free(slot);
		s->free[s->n_free++] = (uint16_t)i;
	}
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		if (s->owner[i])
			resume_slot(s, s->owner[i], i, atomic_load(&s->journal->slots[i].state));
	for (struct tenant *t = s->all; t; t = t->next)
		pool_assign(s, t);
}
