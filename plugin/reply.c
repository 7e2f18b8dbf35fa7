/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, each with its event, exactly once. */
#include <errno.h>
#include <signal.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/loop.h"

static void count_lost(struct tenant *t)
{
	atomic_fetch_add_explicit(&t->c->blob->events_lost, 1, memory_order_relaxed);
}

/* Never more of the ring than is left for all others: a flood costs its own events first. */
static bool reserve(struct shard *s, const struct tenant *t, struct ring_spot *ret)
{
	return atomic_load_explicit(&t->in_ring, memory_order_relaxed) <= ring_left(s->ring) &&
	       ring_reserve(s->ring, ret);
}

static void commit(struct shard *s, struct tenant *t, const struct ring_spot *spot, size_t len)
{
	atomic_fetch_add_explicit(&t->in_ring, ring_record_size(len), memory_order_relaxed);
	ring_commit(s->ring, spot, t->c->key, len);
}

/* Losses are told as soon as there is room again. */
static void tell_lost(struct shard *s, struct tenant *t)
{
	struct container_blob *blob = t->c->blob;
	uint64_t lost = atomic_load_explicit(&blob->events_lost, memory_order_relaxed);
	struct ring_spot spot;

	if (lost == atomic_load_explicit(&blob->lost_reported, memory_order_relaxed))
		return;
	if (!reserve(s, t, &spot))
		return;
	commit(s, t, &spot, event_lost(&s->clock, t->c, lost - blob->lost_reported, spot.text));
	atomic_store_explicit(&blob->lost_reported, lost, memory_order_relaxed);
}

/* What conditions and handlers read is what is shown. */
static unsigned collect_copies(const struct shard *s, const struct slot *slot,
			       struct decode_copy copies[SYSCALL_ARGS])
{
	unsigned n = 0;

	if (slot->job) {
		const struct job *job = &s->journal->jobs[slot->job - 1];

		for (uint32_t i = 0; i < job->n_copies && i < ARRAY_SIZE(job->copies); i++) {
			const struct job_copy *c = &job->copies[i];

			if (c->offset > JOB_TEXT || c->len > JOB_TEXT - c->offset)
				continue;
			copies[n++] = (struct decode_copy){ .arg = c->arg,
							    .data = job->text + c->offset,
							    .len = c->len,
							    .is_cut = c->is_cut };
		}
		return n;
	}
	for (unsigned i = 0; s->has_texts && i < SYSCALL_ARGS; i++)
		if (s->texts[i].state == 1)
			copies[n++] = (struct decode_copy){ .arg = i,
							    .data = s->texts[i].text,
							    .len = s->texts[i].len,
							    .is_cut = s->texts[i].is_cut };
	return n;
}

/* 0, or -ENOENT: the caller has gone, and what was read may be another's. */
static int write_event(struct shard *s, struct tenant *t, struct slot *slot,
		       const struct call *call, const struct verdict *v)
{
	struct mem mem = shard_mem(s, t, (unsigned)(slot - s->journal->slots));
	struct decode_copy copies[SYSCALL_ARGS];
	struct call_event e = { .container = t->c,
				.call = call,
				.mem = v->has_memory ? &mem : NULL,
				.copies = copies,
				.rule = v->rule,
				.decision = v->decision,
				.handler = v->handler,
				.how = v->how,
				.note = v->note,
				.answer = v->answer,
				.errnum = v->errnum,
				.value = v->value,
				.received_ns = slot->received_ns };
	struct ring_spot spot;
	bool is_known;
	size_t len;

	if (v->has_memory && !v->note && atomic_load(&t->c->blob->is_unreadable))
		e.note = "memory not read";
	tell_lost(s, t);
	if (!reserve(s, t, &spot)) {
		count_lost(t);
		return 0;
	}
	e.task = task_get(&s->tasks, (pid_t)slot->notif.pid, slot->container, slot->received_ns,
			  &is_known);
	if (!e.task)
		return -ENOENT;
	e.n_copies = collect_copies(s, slot, copies);
	len = event_call(&s->clock, &e, spot.text);
	/* What was read above was read through a number. It is the caller's if nothing has
	 * happened to that number since the last call, and else if the call still is there. */
	if ((!is_known || !task_is_still(&s->tasks, e.task)) &&
	    notif_id_valid(t->c->notify_fd, slot->notif.id) < 0)
		return -ENOENT;
	__atomic_store_n(&slot->event_end, ring_end(&spot, len), __ATOMIC_RELEASE);
	commit(s, t, &spot, len);
	return 0;
}

static void kill_caller(struct shard *s, struct tenant *t, struct slot *slot)
{
	bool is_known;
	const struct task *task = task_get(&s->tasks, (pid_t)slot->notif.pid, slot->container,
					   event_now(), &is_known);
	_cleanup_close_ int fd = task ? sys_pidfd_open(task->tgid, 0) : -ESRCH;

	/* Asked after the pidfd was opened: so it is the caller's, not that of a later owner of its number. */
	if (fd >= 0 && notif_id_valid(t->c->notify_fd, slot->notif.id) == 0)
		sys_pidfd_send_signal(fd, SIGKILL);
}

static void count(struct shard *s, struct tenant *t, const struct slot *slot,
		  const struct verdict *v)
{
	struct container_blob *blob = t->c->blob;
	/* The event's look at the clock will do. */
	uint64_t now = s->clock.answered_ns ? s->clock.answered_ns : event_now();
	struct metrics_call call = { .arch = slot->notif.data.arch,
				     .nr = (uint32_t)slot->notif.data.nr,
				     .what = METRICS_STORED,
				     .errnum = (uint32_t)-slot->resp.error };

	if (v)
		call.what = v->rule ? v->rule->action : METRICS_ANSWER + v->answer;
	atomic_store_explicit(&blob->calls, blob->calls + 1, memory_order_relaxed);
	metrics_count(&blob->metrics, &call, now - slot->received_ns);
}

int reply_stored(struct shard *s, struct tenant *t, unsigned i, const struct verdict *v)
{
	struct slot *slot = &s->journal->slots[i];
	int r = 0;

	if (slot->resp.id != 0) /* 0: the worker has answered itself */
		r = notif_send(t->c->notify_fd, &slot->resp);
	if (r == 0)
		count(s, t, slot, v);
	s->clock.answered_ns = 0;
	return r < 0 ? -ENOENT : 0;
}

int reply_finish(struct shard *s, struct tenant *t, unsigned i, const struct call *call,
		 const struct verdict *v)
{
	struct slot *slot = &s->journal->slots[i];
	int r;

	if (v->has_event && !ring_has(s->ring, slot->event_end)) {
		r = write_event(s, t, slot, call, v);
		if (r < 0 && slot->resp.id != 0)
			return r;
	}
	if (v->answer == ANSWER_KILL)
		kill_caller(s, t, slot);
	if (slot->job) /* from here on ENOENT at a restart means that it was answered */
		atomic_store_explicit(&slot->state, SLOT_SENDING, memory_order_release);
	r = reply_stored(s, t, i, v);
	if (v->has_event)
		ring_wake(s->ring, s->bell);
	return r;
}

static void fill(struct slot *slot, const struct verdict *v)
{
	slot->resp = (struct seccomp_notif_resp){ .id = slot->notif.id };
	switch (v->answer) {
	case ANSWER_CONTINUE:
		/* Never a security decision: the kernel reads the memory after us. What may not pass is in
		 * the filter, or the kernel refuses it by itself. */
		slot->resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		break;
	case ANSWER_RETURN:
		slot->resp.val = v->value;
		break;
	case ANSWER_ERRNO:
		slot->resp.error = -v->errnum;
		break;
	case ANSWER_KILL:
		slot->resp.error = -EPERM;
		break;
	}
}

void reply_send(struct shard *s, struct tenant *t, unsigned i, const struct call *call,
		const struct verdict *v)
{
	fill(&s->journal->slots[i], v);
	reply_finish(s, t, i, call, v);
	shard_release(s, i);
}

bool reply_started(struct shard *s, struct tenant *t)
{
	struct container_blob *blob = t->c->blob;
	struct ring_spot spot;
	size_t len;

	if (ring_has(s->ring, blob->start_event))
		return true;
	if (!ring_reserve(s->ring, &spot))
		return false;
	len = event_start(&s->clock, t->c, spot.text);
	atomic_store(&blob->start_event, ring_end(&spot, len));
	ring_commit(s->ring, &spot, t->c->key, len);
	ring_wake(s->ring, s->bell);
	return true;
}

bool reply_ended(struct shard *s, struct tenant *t)
{
	struct container_blob *blob = t->c->blob;
	struct ring_spot spot;
	size_t len;

	if (ring_has(s->ring, blob->end_event))
		return true;
	tell_lost(s, t);
	if (!ring_reserve(s->ring, &spot))
		return false;
	len = event_end(&s->clock, t->c, spot.text);
	atomic_store(&blob->end_event, ring_end(&spot, len));
	ring_commit(s->ring, &spot, t->c->key, len);
	ring_wake(s->ring, s->bell);
	return true;
}

void reply_undone(struct shard *s, struct tenant *t, unsigned i, const char *handler)
{
	struct slot *slot = &s->journal->slots[i];
	struct ring_spot spot;

	if (!ring_reserve(s->ring, &spot)) {
		count_lost(t);
		return;
	}
	ring_commit(s->ring, &spot, t->c->key,
		    event_undone(&s->clock, t->c, (pid_t)slot->notif.pid, handler, spot.text));
	ring_wake(s->ring, s->bell);
}
