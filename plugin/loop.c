/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a shard: RECV, decide, event, SEND. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/freezer.h"
#include "plugin/loop.h"

#define BATCH	      64 /* events of one epoll_wait: 1.11 times the throughput of 1 */
#define NO_SLOT	      JOURNAL_SLOTS
#define CHECK_NS      (CHECK_MS * 1000000ull)
#define IDLE_CHECK_MS 1000
#define LOOKS	      64 /* at callers' signals, each CHECK_MS */
#define STOP_NS	      (2 * 1000000000ull)

/* epoll's 64 bits: what, which worker, the container's key. A key outlives a freed tenant, a pointer
 * would not. */
enum { SOURCE_WAKE, SOURCE_NOTIFY, SOURCE_WORKER };

static uint64_t source(unsigned what, unsigned worker, uint32_t key)
{
	return (uint64_t)what << 56 | (uint64_t)worker << 32 | key;
}

uint64_t shard_event_worker(const struct tenant *t, unsigned worker)
{
	return source(SOURCE_WORKER, worker, t->c->key);
}

/* ---- slots ---- */

static void arm(struct shard *s)
{
	if (s->armed != NO_SLOT || s->n_free == 0)
		return;
	s->armed = s->free[--s->n_free];
	atomic_store_explicit(&s->journal->slots[s->armed].state, SLOT_ARMED, memory_order_release);
}

bool shard_poll_calls(struct shard *s, struct tenant *t, bool want)
{
	struct epoll_event ev = { .events = want ? EPOLLIN : 0,
				  .data.u64 = source(SOURCE_NOTIFY, 0, t->c->key) };

	if (want == t->is_watched || t->is_gone ||
	    epoll_ctl(s->epoll, EPOLL_CTL_MOD, t->c->notify_fd, &ev) < 0)
		return false;
	t->is_watched = want;
	return true;
}

/* As many slots as are left for all others, and the first one always: a second container full of calls
 * that wait gets half of what the first one left, and so on; nobody is shut out. */
static bool has_share(const struct shard *s, const struct tenant *t)
{
	unsigned left = s->n_free + (s->armed != NO_SLOT);

	return left > 0 && !t->is_stopped &&
	       (t->in_flight == 0 || t->in_flight + SLOTS_KEPT < left);
}

void shard_watch(struct shard *s, struct tenant *t)
{
	bool want = has_share(s, t);

	if (shard_poll_calls(s, t, want) && !want)
		s->has_starved = true;
}

static void rewatch(struct shard *s)
{
	s->has_starved = false;
	for (struct tenant *t = s->all; t; t = t->next) {
		shard_watch(s, t);
		s->has_starved |= !t->is_watched && !t->is_gone;
	}
}

void shard_wait(struct shard *s, unsigned i)
{
	struct tenant *t = s->owner[i];

	if (!t->freezer)
		t->freezer = freezer_open((pid_t)s->journal->slots[i].notif.pid);
	if (s->n_waiting == 0)
		s->checked_ns = event_now();
	s->waiting[s->n_waiting++] = (uint16_t)i;
}

void shard_unwait(struct shard *s, unsigned i)
{
	for (unsigned k = 0; k < s->n_waiting; k++)
		if (s->waiting[k] == i) {
			memmove(&s->waiting[k], &s->waiting[k + 1],
				(s->n_waiting - k - 1) * sizeof(s->waiting[0]));
			s->n_waiting--;
			return;
		}
}

void shard_release(struct shard *s, unsigned i)
{
	struct slot *slot = &s->journal->slots[i];
	struct tenant *t = s->owner[i];

	if (s->n_waiting > 0)
		shard_unwait(s, i);
	if (slot->job) {
		s->job_used[slot->job - 1] = false;
		t->n_jobs--;
		s->n_jobs--;
	}
	t->in_flight--;
	s->owner[i] = NULL;
	s->cancel[i] = 0;
	if (s->armed == NO_SLOT) { /* the usual case: the same slot again, warm */
		slot_clear(slot);
		atomic_store_explicit(&slot->state, SLOT_ARMED, memory_order_release);
		s->armed = i;
	} else {
		slot_free(slot);
		s->free[s->n_free++] = (uint16_t)i;
	}
	/* Others that have starved are looked at once a CHECK_MS: there are many of them, perhaps. */
	if (s->has_starved && !t->is_watched)
		shard_watch(s, t);
}

void shard_own(struct shard *s, struct tenant *t, unsigned i)
{
	s->owner[i] = t;
	t->in_flight++;
}

/* ---- calls ---- */

int shard_receive(struct shard *s, struct tenant *t)
{
	struct slot *slot;
	unsigned i;
	int r;

	arm(s);
	if (!has_share(s, t)) {
		shard_watch(s, t);
		return -EBUSY;
	}
	i = s->armed;
	slot = &s->journal->slots[i];
	slot->container = t->c->key;
	r = notif_recv(t->c->notify_fd, &slot->notif);
	if (r < 0) {
		slot_clear(slot);
		return r;
	}
	s->armed = NO_SLOT;
	shard_own(s, t, i);
	slot->received_ns = event_now();
	dispatch_call(s, t, i, true);
	return 0;
}

static bool is_freezing(struct tenant *t, uint64_t now)
{
	if (t->frozen_ns == 0 || now - t->frozen_ns >= CHECK_NS) {
		t->is_freezing = freezer_is_freezing(t->freezer);
		t->frozen_ns = now;
	}
	return t->is_freezing;
}

/* A received call holds signals and the freezer up (WAIT_KILLABLE_RECV), so what waits gives way. */
static void check_slot(struct shard *s, unsigned i, bool with_signals, uint64_t now)
{
	struct slot *slot = &s->journal->slots[i];
	struct tenant *t = s->owner[i];
	bool is_late = slot->deadline_ns && now >= slot->deadline_ns, is_cancelled;
	uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);

	if (state == SLOT_ARMED && is_late) {
		shard_unwait(s, i);
		dispatch_call(s, t, i, false);
		return;
	}
	/* Not in its first milliseconds: most calls end by themselves before a signal could matter. */
	is_cancelled = with_signals && now - slot->received_ns >= CHECK_NS &&
		       (is_freezing(t, now) || task_has_signal(&s->tasks, (pid_t)slot->notif.pid));
	if (!is_late && !is_cancelled)
		return;
	if (state == SLOT_ARMED)
		dispatch_refuse(s, t, i, EINTR, "cancelled");
	else if (state == SLOT_ACTING)
		pool_cancel(s, t, i, is_late ? ETIMEDOUT : EINTR);
}

static void check_waiting(struct shard *s)
{
	uint16_t slots[JOURNAL_SLOTS];
	unsigned n = s->n_waiting;
	uint64_t now = event_now();
	bool with_signals = now - s->checked_ns >= CHECK_NS;

	memcpy(slots, s->waiting, n * sizeof(slots[0]));
	/* A look at a caller's signals takes some microseconds, which the calls of others wait for: with very
	 * many that wait, a part of them each time. */
	for (unsigned k = 0; k < n; k++)
		if (s->owner[slots[k]])
			check_slot(s, slots[k],
				   with_signals && (k + n - s->looked_at % n) % n < LOOKS, now);
	if (with_signals)
		s->looked_at += LOOKS;
	if (s->has_starved && (with_signals || s->n_waiting == 0))
		rewatch(s);
	if (!with_signals)
		return;
	s->checked_ns = now;
	for (struct tenant *t = s->all; t; t = t->next)
		if (t->n_jobs > 0)
			pool_assign(s, t);
}

/* ---- containers ---- */

void shard_gone(struct shard *s, struct tenant *t)
{
	if (t->is_gone)
		return;
	t->is_gone = true;
	atomic_store(&t->c->blob->ended, 1);
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, t->c->notify_fd, NULL);
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		/* Nobody is left to be answered. But a worker writes into its slot until it is dead: the slot
		 * must not be another container's before. */
		if (s->owner[i] == t && !pool_holds(t, i))
			shard_release(s, i);
	task_cache_drop(&s->tasks, t->c->key);
	t->next_ending = s->ending;
	s->ending = t;
}

static void unlink_tenant(struct shard *s, struct tenant *t)
{
	for (struct tenant **p = &s->all; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			return;
		}
}

static void finish_ending(struct shard *s)
{
	struct tenant **p = &s->ending, *t;

	while ((t = *p) != NULL) {
		if (!pool_end(s, t) || !reply_started(s, t) || !reply_ended(s, t)) {
			p = &t->next_ending;
			continue;
		}
		*p = t->next_ending;
		unlink_tenant(s, t);
		pthread_mutex_lock(&s->lock);
		t->next_done = s->done;
		s->done = t;
		pthread_mutex_unlock(&s->lock);
		eventfd_write(s->done_fd, 1);
	}
}

int shard_listen(struct shard *s, struct tenant *t)
{
	struct epoll_event ev = { .events = EPOLLIN,
				  .data.u64 = source(SOURCE_NOTIFY, 0, t->c->key) };

	t->is_watched = true;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, t->c->notify_fd, &ev) < 0 ? -errno : 0;
}

static void add_tenant(struct shard *s, struct tenant *t)
{
	int r;

	/* Linux 6.6; without it a wake-up may go to another CPU, which costs twenty times the call. */
	ioctl(t->c->notify_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	t->next = s->all;
	s->all = t;
	reply_started(s, t);
	r = shard_listen(s, t);
	if (r < 0) {
		log_error("container %s: cannot be listened to: %s", t->c->blob->id, strerror(-r));
		shard_gone(s, t);
	} else if (atomic_load(&t->c->blob->stopped))
		stop_begin(s, t); /* a listener died over it */
}

static void run_command(struct shard *s, const struct command *c)
{
	struct tenant *t;

	switch (c->op) {
	case COMMAND_ADD:
		add_tenant(s, c->tenant);
		break;
	case COMMAND_WORKER:
		pool_worker_up(s, c);
		break;
	case COMMAND_REAPED:
		pool_worker_reaped(s, c);
		break;
	case COMMAND_KEEPER_LOST:
		for (t = s->all; t; t = t->next)
			pool_keeper_lost(s, t);
		break;
	case COMMAND_STOP:
		s->stop = true;
		break;
	case COMMAND_END:
		t = tenants_find(s->tenants, c->container);
		if (t)
			stop_begin(s, t);
		break;
	}
}

static void run_commands(struct shard *s)
{
	struct command *c, *next;
	eventfd_t ignored;

	eventfd_read(s->wake, &ignored);
	pthread_mutex_lock(&s->lock);
	c = s->commands;
	s->commands = NULL;
	s->commands_end = &s->commands;
	pthread_mutex_unlock(&s->lock);
	for (; c; c = next) {
		next = c->next;
		run_command(s, c);
		free(c);
	}
}

int shard_command(struct shard *s, const struct command *command)
{
	struct command *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = *command;
	c->next = NULL;
	pthread_mutex_lock(&s->lock);
	*s->commands_end = c;
	s->commands_end = &c->next;
	pthread_mutex_unlock(&s->lock);
	eventfd_write(s->wake, 1);
	return 0;
}

/* ---- the loop ---- */

static void handle(struct shard *s, const struct epoll_event *ev)
{
	unsigned what = (unsigned)(ev->data.u64 >> 56), worker = ev->data.u64 >> 32 & 0xff;
	struct tenant *t;

	if (what == SOURCE_WAKE) {
		run_commands(s);
		return;
	}
	t = tenants_find(s->tenants, (uint32_t)ev->data.u64);
	if (!t)
		return;
	if (what == SOURCE_WORKER) {
		if (t->workers[worker].control >= 0)
			pool_readable(s, t, &t->workers[worker]);
		return;
	}
	/* Does not block: poll said that a call waits, nobody else receives from this fd, and a call whose
	 * caller has gone meanwhile gives ENOENT. That and EINTR are no reason to end anything. */
	if (ev->events & EPOLLIN && !t->is_gone)
		shard_receive(s, t);
	else if (ev->events & (EPOLLHUP | EPOLLERR))
		shard_gone(s, t);
}

static int timeout_of(const struct shard *s)
{
	uint64_t now, at;

	if (s->n_waiting == 0)
		return s->ending || s->has_stopped ? CHECK_MS : s->has_workers ? IDLE_CHECK_MS : -1;
	now = event_now();
	at = s->checked_ns + CHECK_NS;
	for (unsigned k = 0; k < s->n_waiting; k++) {
		uint64_t deadline = s->journal->slots[s->waiting[k]].deadline_ns;

		if (deadline && deadline < at)
			at = deadline;
	}
	return at <= now ? 0 : (int)((at - now + 999999) / 1000000);
}

static void check_idle(struct shard *s, uint64_t *last)
{
	uint64_t now = event_now();

	if (now - *last < IDLE_CHECK_MS * 1000000ull)
		return;
	*last = now;
	s->has_workers = false;
	for (struct tenant *t = s->all; t; t = t->next)
		s->has_workers |= pool_check_idle(s, t, now);
}

void shard_poll(struct shard *s, int timeout_ms)
{
	struct epoll_event events[BATCH];
	int n = epoll_wait(s->epoll, events, BATCH, timeout_ms);

	for (int i = 0; i < n; i++)
		handle(s, &events[i]);
}

static void *shard_main(void *arg)
{
	struct shard *s = arg;
	uint64_t idle_ns = 0;

	prctl(PR_SET_NAME, "waylay-shard");
	run_commands(s);
	shard_resume(s);
	arm(s);
	while (!s->stop) {
		alone_serve(s);
		shard_poll(s, timeout_of(s));
		if (s->n_waiting > 0 || s->has_starved)
			check_waiting(s);
		if (s->has_stopped)
			stop_go_on(s);
		if (s->ending)
			finish_ending(s);
		if (s->has_workers)
			check_idle(s, &idle_ns);
	}
	return NULL;
}

int shard_init(struct shard *s, unsigned index, int journal_fd, int ring_fd,
	       const struct task_watch *watch, struct wl_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = source(SOURCE_WAKE, 0, 0) };
	int r;

	*s = (struct shard){ .index = index,
			     .armed = NO_SLOT,
			     .epoll = -EBADF,
			     .wake = -EBADF,
			     .recv_tells_end = alone_recv_tells_end(),
			     .journal_fd = journal_fd,
			     .ring_fd = ring_fd };
	pthread_mutex_init(&s->lock, NULL);
	s->commands_end = &s->commands;
	for (unsigned i = 0; i < SYSCALL_ARGS; i++)
		s->copies.of[i] = &s->texts[i];
	r = journal_fd >= 0 ? journal_map(journal_fd, &s->journal)
			    : journal_create(&s->journal, &s->journal_fd);
	if (r < 0)
		return wl_err_set(err, r, "journal");
	r = ring_fd >= 0 ? ring_map(ring_fd, &s->ring) : ring_create(&s->ring, &s->ring_fd);
	if (r < 0)
		return wl_err_set(err, r, "event ring");
	r = task_cache_init(&s->tasks, watch);
	if (r < 0)
		return wl_err_set(err, r, "/proc");
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->epoll < 0 || s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &ev) < 0)
		return wl_err_set(err, -errno, "epoll");
	return 0;
}

void shard_done(struct shard *s)
{
	task_cache_done(&s->tasks);
	fd_close(s->epoll);
	fd_close(s->wake);
	journal_unmap(s->journal);
	ring_unmap(s->ring);
	fd_close(s->journal_fd);
	fd_close(s->ring_fd);
	pthread_mutex_destroy(&s->lock);
}

int shard_start(struct shard *s, struct wl_err *err)
{
	int r = pthread_create(&s->thread, NULL, shard_main, s);

	return r ? wl_err_set(err, -r, "start a thread") : 0;
}

void shard_stop(struct shard *s)
{
	struct command stop = { .op = COMMAND_STOP };
	uint64_t until = event_now() + STOP_NS;

	if (shard_command(s, &stop) < 0)
		return;
	/* One that a caller's memory holds up (see plugin/reading.c) is not waited for. */
	while (pthread_tryjoin_np(s->thread, NULL) == EBUSY && event_now() < until)
		alone_kick(s);
}
