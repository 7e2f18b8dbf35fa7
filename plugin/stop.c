/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container's interception on request, while its processes live. */
#include <errno.h>

#include "plugin/loop.h"

void stop_begin(struct shard *s, struct tenant *t)
{
	if (t->is_gone || t->is_stopped)
		return;
	t->is_stopped = s->has_stopped = true;
	atomic_store(&t->c->blob->stopped, 1);
	shard_watch(s, t); /* only the container's end is polled for from here on */
}

/* Asked again until nothing waits: a call may be on its way through a worker or its undo. */
static void give_up_calls(struct shard *s, struct tenant *t)
{
	for (unsigned i = 0; i < JOURNAL_SLOTS && t->in_flight > 0; i++) {
		struct slot *slot = &s->journal->slots[i];
		uint32_t state;

		if (s->owner[i] != t)
			continue;
		state = atomic_load_explicit(&slot->state, memory_order_acquire);
		if (state == SLOT_ARMED)
			dispatch_refuse(s, t, i, ENOSYS, "stopped");
		else if (state == SLOT_ACTING && !slot->undoing && !s->cancel[i])
			pool_cancel(s, t, i, ENOSYS);
	}
}

void stop_go_on(struct shard *s)
{
	s->has_stopped = false;
	for (struct tenant *t = s->all; t; t = t->next) {
		if (!t->is_stopped || t->is_gone)
			continue;
		give_up_calls(s, t);
		if (t->in_flight == 0)
			shard_gone(s, t);
		else
			s->has_stopped = true;
	}
}
