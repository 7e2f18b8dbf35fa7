/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with workers: a bounded queue, a few processes a container, no call twice. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/loop.h"
#include "plugin/worker.h"
#include "specs/handler_spec.h"

#define IDLE_NS	   (30ull * 1000000000) /* then a worker is ended */
#define SPAWN_NS   (2ull * 1000000000)	/* a worker that was asked for and did not come */
#define UNDO_TRIES 3
#define JOBS_KEPT  64

static void tell_keeper(struct shard *s, enum keeper_op op, uint32_t key, uint32_t container)
{
	struct keeper_msg msg = { .op = op, .kind = KEEP_WORKER, .key = key, .arg = container };

	keeper_link_send(s->keeper, &msg, NULL);
}

static bool is_alive(const struct worker *w)
{
	return w->key != 0 && w->control >= 0 && !w->is_ended && !w->is_killed;
}

static struct worker *find_worker(struct tenant *t, uint32_t key)
{
	for (unsigned i = 0; key != 0 && i < WORKERS_MAX; i++)
		if (t->workers[i].key == key)
			return &t->workers[i];
	return NULL;
}

/* Not by the keeper: it may be the one that has died. PR_SET_PDEATHSIG does not end its workers either,
 * the kernel clears it whenever a worker becomes its caller (kernel/cred.c:commit_creds). */
static void kill_worker(struct worker *w)
{
	if (w->is_killed || w->pidfd < 0) /* not there yet: killed when it comes */
		return;
	w->is_killed = true;
	sys_pidfd_send_signal(w->pidfd, SIGKILL);
}

static void forget_worker(struct worker *w)
{
	w->pidfd = fd_close(w->pidfd);
	w->key = 0;
}

static void ask_worker(struct shard *s, struct tenant *t)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		struct worker *w = &t->workers[i];

		if (w->key != 0)
			continue;
		*w = (struct worker){ .key = atomic_fetch_add(s->next_worker, 1) + 1,
				      .control = -EBADF,
				      .pidfd = -EBADF,
				      .since_ns = event_now() };
		s->has_workers = true;
		tell_keeper(s, KEEPER_SPAWN, w->key, t->c->key);
		return;
	}
}

static struct worker *idle_worker(struct tenant *t)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		if (is_alive(&t->workers[i]) && t->workers[i].slot == 0)
			return &t->workers[i];
	return NULL;
}

static void give(struct shard *s, struct worker *w, unsigned i)
{
	struct slot *slot = &s->journal->slots[i];
	struct worker_msg msg = { .slot = i,
				  .flags = slot->undoing ? WORKER_UNDO : 0,
				  .id = slot->notif.id };

	slot->worker = w->key;
	w->slot = i + 1;
	/* A failure is the worker's death: its socket tells. */
	send(w->control, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_queued(const struct shard *s, const struct tenant *t, unsigned i)
{
	const struct slot *slot = &s->journal->slots[i];

	return s->owner[i] == t && slot->worker == 0 &&
	       atomic_load_explicit(&slot->state, memory_order_relaxed) == SLOT_ACTING;
}

void pool_assign(struct shard *s, struct tenant *t)
{
	unsigned n_live = 0, n_starting = 0;
	uint64_t oldest = 0;

	if (t->is_gone)
		return;
	for (unsigned k = 0; k < s->n_waiting; k++) {
		unsigned i = s->waiting[k];
		struct worker *w;

		if (!is_queued(s, t, i))
			continue;
		w = idle_worker(t);
		if (w)
			give(s, w, i);
		else if (oldest == 0 || s->journal->slots[i].received_ns < oldest)
			oldest = s->journal->slots[i].received_ns;
	}
	if (oldest == 0)
		return;
	for (unsigned k = 0; k < WORKERS_MAX; k++) {
		n_live += is_alive(&t->workers[k]);
		n_starting += t->workers[k].key != 0 && t->workers[k].control < 0 &&
			      !t->workers[k].is_ended;
	}
	/* A second one only if the first is held up: most calls take less time than a fork. */
	if (n_starting == 0 && (n_live == 0 || event_now() - oldest > CHECK_MS * 1000000ull))
		ask_worker(s, t);
}

static unsigned take_job(struct shard *s)
{
	unsigned j = 0;

	while (j < JOURNAL_JOBS && s->job_used[j])
		j++;
	return j;
}

void pool_submit(struct shard *s, struct tenant *t, unsigned i, const struct call *call,
		 const struct rule *rule, unsigned index)
{
	struct slot *slot = &s->journal->slots[i];
	unsigned j = take_job(s);
	struct job *job;

	slot->rule = index + 1;
	/* The last ones are for containers that have none: those that block cannot shut them out. */
	if (j == JOURNAL_JOBS || t->n_jobs >= TENANT_JOBS_MAX ||
	    (t->n_jobs > 0 && s->n_jobs >= JOURNAL_JOBS - JOBS_KEPT)) {
		dispatch_refuse(s, t, i, EAGAIN, "too many emulated calls at once");
		return;
	}
	s->job_used[j] = true;
	t->n_jobs++;
	s->n_jobs++;
	job = &s->journal->jobs[j];
	job->slot = i;
	job->rule = index;
	job->n_copies = job->text_len = job->undo.kind = 0;
	job->how[0] = '\0';
	slot->job = j + 1;
	slot->worker = 0;
	slot->deadline_ns = event_now() + JOB_MS * 1000000ull;
	atomic_store_explicit(&slot->state, SLOT_ACTING, memory_order_release);
	shard_wait(s, i);
	pool_assign(s, t);
}

static struct job *job_of(struct shard *s, unsigned i)
{
	return &s->journal->jobs[s->journal->slots[i].job - 1];
}

static const struct rule *rule_of(const struct tenant *t, const struct slot *slot)
{
	return &t->c->policy->rules[slot->rule - 1];
}

static void verdict_of(const struct slot *slot, struct verdict *v)
{
	const struct seccomp_notif_resp *resp = &slot->resp;

	if (resp->flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		v->answer = ANSWER_CONTINUE;
	else if (resp->error < 0) {
		v->answer = ANSWER_ERRNO;
		v->errnum = -resp->error;
	} else {
		v->answer = ANSWER_RETURN;
		v->value = resp->val;
	}
}

/* The answer in resp, its event, SEND. A caller that has gone meanwhile gets its call taken back. */
static void finish(struct shard *s, struct tenant *t, unsigned i, const char *note)
{
	struct slot *slot = &s->journal->slots[i];
	struct job *job = job_of(s, i);
	struct verdict v = { .decision = "rule",
			     .rule = rule_of(t, slot),
			     .note = note,
			     .has_event = true,
			     .has_memory = true };
	struct call call;
	char how[sizeof(job->how)];

	memcpy(how, job->how, sizeof(how));
	how[sizeof(how) - 1] = '\0';
	v.how = how;
	v.handler = rule_of(t, slot)->handler ? rule_of(t, slot)->handler->name : "";
	call_init(&call, &slot->notif.data);
	verdict_of(slot, &v);
	if (reply_finish(s, t, i, &call, &v) == -ENOENT && job->undo.kind != 0 && !slot->undoing) {
		pool_undo(s, t, i, 0);
		return;
	}
	job->undo.kind = 0;
	shard_release(s, i);
}

/* A job that could not be done: no event was written, nothing is left of it. */
static void fail(struct shard *s, struct tenant *t, unsigned i, int errnum)
{
	struct slot *slot = &s->journal->slots[i];
	static const struct {
		int errnum;
		const char *note;
	} notes[] = { { ETIMEDOUT, "timed out" },
		      { EINTR, "cancelled" },
		      { EIO, "worker died" },
		      { ENOSYS, "stopped" } };
	const char *note = NULL;

	for (unsigned k = 0; k < ARRAY_SIZE(notes); k++)
		if (notes[k].errnum == errnum)
			note = notes[k].note;
	slot->resp = (struct seccomp_notif_resp){ .id = slot->notif.id, .error = -errnum };
	finish(s, t, i, note);
}

void pool_undo(struct shard *s, struct tenant *t, unsigned i, int errnum)
{
	struct slot *slot = &s->journal->slots[i];

	if (job_of(s, i)->undo.kind == 0 || slot->attempts >= UNDO_TRIES) {
		if (errnum)
			fail(s, t, i, errnum);
		else
			shard_release(s, i);
		return;
	}
	slot->attempts++;
	slot->undoing = (uint32_t)errnum + 1;
	slot->worker = 0;
	slot->deadline_ns = event_now() + JOB_MS * 1000000ull;
	atomic_store_explicit(&slot->state, SLOT_ACTING, memory_order_release);
	pool_assign(s, t);
}

bool pool_holds(const struct tenant *t, unsigned i)
{
	for (unsigned k = 0; k < WORKERS_MAX; k++)
		if (t->workers[k].key != 0 && t->workers[k].slot == i + 1)
			return true;
	return false;
}

/* The slot's worker is done with it. */
static void complete(struct shard *s, struct tenant *t, unsigned i)
{
	struct slot *slot = &s->journal->slots[i];
	int errnum;

	if (t->is_gone) {
		shard_release(s, i);
		return;
	}
	if (!slot->undoing) {
		finish(s, t, i, NULL);
		return;
	}
	errnum = (int)slot->undoing - 1;
	if (errnum == 0) {
		reply_undone(s, t, i, rule_of(t, slot)->name);
		shard_release(s, i);
	} else
		fail(s, t, i, errnum);
}

/* Its worker has died in the middle. */
static void orphan(struct shard *s, struct tenant *t, unsigned i)
{
	struct slot *slot = &s->journal->slots[i];
	int errnum = s->cancel[i] ? s->cancel[i] : EIO;

	s->cancel[i] = 0;
	if (t->is_gone || atomic_load_explicit(&slot->state, memory_order_acquire) == SLOT_DONE)
		complete(s, t, i);
	else
		pool_undo(s, t, i, slot->undoing ? (int)slot->undoing - 1 : errnum);
}

static void worker_closed(struct shard *s, struct tenant *t, struct worker *w)
{
	uint32_t slot = w->slot;

	epoll_ctl(s->epoll, EPOLL_CTL_DEL, w->control, NULL);
	w->control = fd_close(w->control);
	w->is_ended = true;
	w->slot = 0;
	if (w->is_orphan)
		forget_worker(w);
	if (slot)
		orphan(s, t, slot - 1);
}

void pool_readable(struct shard *s, struct tenant *t, struct worker *w)
{
	struct worker_msg msg;
	ssize_t n;
	unsigned i;

	n = recv(w->control, &msg, sizeof(msg), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(msg)) {
		worker_closed(s, t, w);
		return;
	}
	/* What a predecessor asked for may be answered already. */
	if (w->slot == 0 || msg.slot != w->slot - 1 ||
	    s->journal->slots[msg.slot].notif.id != msg.id)
		return;
	i = msg.slot;
	if (atomic_load_explicit(&s->journal->slots[i].state, memory_order_acquire) != SLOT_DONE)
		return;
	w->slot = 0;
	w->since_ns = event_now();
	s->cancel[i] = 0;
	complete(s, t, i);
	pool_assign(s, t);
}

void pool_cancel(struct shard *s, struct tenant *t, unsigned i, int errnum)
{
	struct slot *slot = &s->journal->slots[i];
	struct worker *w = find_worker(t, slot->worker);

	if (w && !w->is_ended) {
		if (!s->cancel[i])
			s->cancel[i] = (uint16_t)errnum;
		kill_worker(w); /* its answer, if it was quicker, counts */
	} else if (slot->undoing || job_of(s, i)->undo.kind) {
		slot->attempts = UNDO_TRIES;
		log_error("container %s: a call could not be taken back", t->c->blob->id);
		pool_undo(s, t, i, slot->undoing ? (int)slot->undoing - 1 : errnum);
	} else
		fail(s, t, i, errnum);
}

void pool_resume(struct shard *s, struct tenant *t, unsigned i)
{
	struct slot *slot = &s->journal->slots[i];
	struct worker *w = find_worker(t, slot->worker);

	/* Its time begins anew: while there was no listener nobody could have finished it. */
	slot->deadline_ns = event_now() + JOB_MS * 1000000ull;
	if (w && is_alive(w) && w->slot == 0 &&
	    atomic_load_explicit(&slot->state, memory_order_acquire) == SLOT_ACTING)
		give(s, w, i); /* again: a worker drops what it has done */
	else if (slot->worker || atomic_load(&slot->state) == SLOT_DONE)
		orphan(s, t, i);
}

void pool_worker_up(struct shard *s, const struct command *c)
{
	struct tenant *t = tenants_find(s->tenants, c->container);
	struct worker *w = t ? find_worker(t, c->key) : NULL;
	struct epoll_event ev = { .events = EPOLLIN };

	if (t && !w && c->is_resumed)
		for (unsigned i = 0; i < WORKERS_MAX && !w; i++)
			if (t->workers[i].key == 0) {
				w = &t->workers[i];
				*w = (struct worker){ .key = c->key,
						      .control = -EBADF,
						      .pidfd = -EBADF };
			}
	if (!w || w->control >= 0 || w->is_ended) {
		if (c->pidfd >= 0)
			sys_pidfd_send_signal(c->pidfd, SIGKILL);
		fd_close(c->fd);
		fd_close(c->pidfd);
		return;
	}
	if (c->fd < 0) {
		log_error("container %s: no worker: %s", t->c->blob->id, strerror(c->error));
		forget_worker(w);
		return;
	}
	s->has_workers = true;
	w->control = c->fd;
	w->pidfd = c->pidfd;
	w->since_ns = event_now();
	ev.data.u64 = shard_event_worker(t, (unsigned)(w - t->workers));
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, w->control, &ev) < 0)
		kill_worker(w);
	if (t->is_gone)
		kill_worker(w);
	else if (!c->is_resumed)
		pool_assign(s, t);
}

void pool_worker_reaped(struct shard *s, const struct command *c)
{
	struct tenant *t = tenants_find(s->tenants, c->container);
	struct worker *w = t ? find_worker(t, c->key) : NULL;

	if (!w)
		return;
	if (w->control >= 0)
		worker_closed(s, t, w);
	forget_worker(w);
	pool_assign(s, t);
}

void pool_keeper_lost(struct shard *s, struct tenant *t)
{
	/* Nobody reaps its workers and tells, so they go too. Each has to be seen dead at its socket before
	 * another may take its call up. */
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		struct worker *w = &t->workers[i];

		if (w->key == 0)
			continue;
		if (w->control < 0)
			forget_worker(w);
		else {
			w->is_orphan = true;
			kill_worker(w);
		}
	}
	pool_assign(s, t);
}

bool pool_check_idle(struct shard *s, struct tenant *t, uint64_t now)
{
	bool has_any = false;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		struct worker *w = &t->workers[i];

		if (w->key == 0)
			continue;
		if (w->control < 0 && !w->is_ended && now - w->since_ns > SPAWN_NS)
			forget_worker(w); /* the keeper that was asked is no more */
		else if (is_alive(w) && w->slot == 0 && now - w->since_ns > IDLE_NS)
			kill_worker(w);
		has_any |= w->key != 0;
	}
	return has_any;
}

bool pool_end(struct shard *s, struct tenant *t)
{
	bool is_empty = true;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (t->workers[i].key == 0)
			continue;
		kill_worker(&t->workers[i]);
		is_empty = false;
	}
	return is_empty;
}
