/* SPDX-License-Identifier: Apache-2.0 */
/* A shard: one thread that answers the calls of its containers, with its own journal and ring. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "arch/call.h"
#include "arch/mem.h"
#include "plugin/events.h"
#include "plugin/journal.h"
#include "plugin/keeper.h"
#include "plugin/ring.h"
#include "plugin/task.h"
#include "plugin/tenant.h"
#include "specs/condition.h"

#define SLOTS_KEPT	64    /* never taken by a container that has some; see has_share() */
#define TENANT_JOBS_MAX 16    /* then its emulated calls are answered EAGAIN */
#define CHECK_MS	20    /* how often waiting calls are looked at */
#define JOB_MS		10000 /* an emulated call's time; then ETIMEDOUT */
#define ATTEMPTS_MAX	16    /* listeners that may die over one call; then EIO */

/* What main and keeper tell a shard. */
enum command_op {
	COMMAND_ADD,
	COMMAND_WORKER,
	COMMAND_REAPED,
	COMMAND_KEEPER_LOST,
	COMMAND_STOP,
	COMMAND_END
};

struct command {
	struct command *next;
	enum command_op op;
	struct tenant *tenant;	 /* ADD */
	uint32_t key, container; /* WORKER, REAPED; container: END */
	int fd, pidfd, error;	 /* WORKER: owned; or -EBADF and errno */
	bool is_resumed;	 /* ADD: its start was told already; WORKER: its slots wait */
};

/* The shard's read of a caller's memory, as main watches it. */
struct reading {
	const struct container_blob *blob; /* whose */
	uint32_t count;
	_Atomic uint64_t now;	/* container's key << 32 | count; 0: none */
	uint64_t seen, seen_ns; /* main's */
};

struct shard {
	unsigned index;
	pthread_t thread;
	int epoll, wake; /* owned; wake: eventfd for commands */
	struct journal *journal;
	struct ring *ring;
	struct ring_bell *bell;	 /* the writer's; borrowed */
	int journal_fd, ring_fd; /* owned */
	struct keeper_link *keeper;
	struct tenants *tenants;
	_Atomic uint32_t *next_worker; /* keys of workers, unique in the keeper's life */

	pthread_mutex_t lock; /* for the two lists below */
	struct command *commands, **commands_end;
	struct tenant *done; /* finished containers, for main */
	int done_fd;	     /* main's eventfd; borrowed */
	int main_epoll;	     /* borrowed; its data.ptr for us is the shard: alone_kick() */
	atomic_bool is_kicked;
	bool recv_tells_end; /* of the container, and not only poll */

	/* The thread's own. */
	unsigned n_free, n_waiting, armed; /* armed: slot for the next RECV; JOURNAL_SLOTS: none */
	uint16_t free[JOURNAL_SLOTS], waiting[JOURNAL_SLOTS];
	struct tenant *owner[JOURNAL_SLOTS]; /* of a slot in use */
	uint16_t cancel[JOURNAL_SLOTS];	     /* errno once its worker is dead; 0: not cancelled */
	struct tenant *all, *ending;	     /* the shard's containers; those that have gone */
	bool job_used[JOURNAL_JOBS];
	unsigned n_jobs;
	bool stop, has_workers;
	bool has_stopped; /* containers whose interception ends: stop.c */
	bool has_starved; /* some containers are not polled for lack of slots */
	uint64_t checked_ns;
	unsigned looked_at; /* where in `waiting` the next looks at signals begin */
	struct event_clock clock;
	struct task_cache tasks;
	struct reading reading;
	struct string_copies copies;
	struct string_copy texts[SYSCALL_ARGS];
	bool has_texts; /* the call at hand has conditions: copies may hold what they read */
};

/* New or handed-over journal and ring (fds >= 0: map these). */
int shard_init(struct shard *s, unsigned index, int journal_fd, int ring_fd,
	       const struct task_watch *watch, struct wl_err *err);
void shard_done(struct shard *s);
int shard_start(struct shard *s, struct wl_err *err);
void shard_stop(struct shard *s); /* by main; waits for the thread */
/* Copies the command; from any thread. */
int shard_command(struct shard *s, const struct command *command);

/* ---- between the shard's own files ---- */

/* loop.c */
void shard_watch(struct shard *s, struct tenant *t); /* poll for RECV as the limits allow */
void shard_own(struct shard *s, struct tenant *t, unsigned slot); /* the slot is this container's */
void shard_wait(struct shard *s, unsigned slot);		  /* put on the waiting list */
void shard_unwait(struct shard *s, unsigned slot);
void shard_release(struct shard *s, unsigned slot); /* slot and job are free again */

void shard_gone(struct shard *s,
		struct tenant *t); /* nothing of it will come or be answered any more */

/* stop.c: `waylay stop`. What waits is given up with ENOSYS, what a worker has is taken back; then the
 * container is done with as if it had ended. What the kernel still holds gets ENOSYS when the fd is closed. */
void stop_begin(struct shard *s, struct tenant *t);
void stop_go_on(struct shard *s);

/* resume.c: answers what the last listener had received, and fills the free list; before the first RECV. */
void shard_resume(struct shard *s);

int shard_listen(struct shard *s, struct tenant *t); /* polls for the container's calls and end */
/* RECV and what follows; 0 or negative errno: nothing was received. */
int shard_receive(struct shard *s, struct tenant *t);
void shard_poll(struct shard *s, int timeout_ms); /* one epoll_wait and what follows */
/* Calls are polled for or only the container's end; false: no change. */
bool shard_poll_calls(struct shard *s, struct tenant *t, bool want);

/* alone.c: serves as long as there is one container and nothing else to do. */
#define ALONE_SIGNAL SIGUSR1
int alone_init(struct wl_err *err); /* once a process */
bool alone_recv_tells_end(void);
void alone_serve(struct shard *s);
/* Main: the shard's epoll has something while its RECV waits. */
void alone_kick(struct shard *s);

/* reading.c: the memory of a slot's caller. The loop reads it no other way. */
struct mem shard_mem(struct shard *s, const struct tenant *t, unsigned slot);

/* What epoll says of a worker's socket. */
uint64_t shard_event_worker(const struct tenant *t, unsigned worker);

/* dispatch.c: decides about a received call and answers, delays, or hands to a worker. `may_delay` is
 * false when its delay is over. */
void dispatch_call(struct shard *s, struct tenant *t, unsigned slot, bool may_delay);

/* Answers errnum because the call could not be carried out; `note` says why. */
void dispatch_refuse(struct shard *s, struct tenant *t, unsigned slot, int errnum,
		     const char *note);

/* reply.c: what is answered, with its event, exactly once. */
struct verdict {
	enum answer answer;
	int errnum;
	int64_t value;
	const struct rule *rule; /* that decided, else that observed; NULL: none */
	const char *decision, *handler, *how, *note;
	bool has_event, has_memory;
};
/* Writes the event and sends what stands in slot->resp. 0, or -ENOENT: the caller has gone. The slot is
 * still the caller's to release. */
int reply_finish(struct shard *s, struct tenant *t, unsigned slot, const struct call *call,
		 const struct verdict *v);
/* Fills resp, finishes, releases. */
void reply_send(struct shard *s, struct tenant *t, unsigned slot, const struct call *call,
		const struct verdict *v);
/* SEND of what stands in resp, without an event. `v` for the counters; NULL: decided by a listener that died. */
int reply_stored(struct shard *s, struct tenant *t, unsigned slot, const struct verdict *v);
/* Lifecycle events: true if written (false: the ring is full, try again). */
bool reply_started(struct shard *s, struct tenant *t);
bool reply_ended(struct shard *s, struct tenant *t);
void reply_undone(struct shard *s, struct tenant *t, unsigned slot, const char *handler);

/* pool.c: calls with workers. */
void pool_submit(struct shard *s, struct tenant *t, unsigned slot, const struct call *call,
		 const struct rule *rule, unsigned index);
/* Takes the slot's job back and answers errnum (0: the caller has gone, nothing to answer). */
void pool_undo(struct shard *s, struct tenant *t, unsigned slot, int errnum);
/* Does a worker that may be alive have the slot? */
bool pool_holds(const struct tenant *t, unsigned slot);
/* Puts a slot back that was ACTING when the last listener died. */
void pool_resume(struct shard *s, struct tenant *t, unsigned slot);
void pool_assign(struct shard *s, struct tenant *t);
void pool_readable(struct shard *s, struct tenant *t, struct worker *w);
void pool_worker_up(struct shard *s, const struct command *c);
void pool_worker_reaped(struct shard *s, const struct command *c);
void pool_keeper_lost(struct shard *s, struct tenant *t);
/* Gives an ACTING slot up: answers errnum, at once or when its worker is dead. */
void pool_cancel(struct shard *s, struct tenant *t, unsigned slot, int errnum);
/* Ends workers that have had nothing to do; true if there are workers still. */
bool pool_check_idle(struct shard *s, struct tenant *t, uint64_t now);
/* Ends the container's workers; true once none is left. */
bool pool_end(struct shard *s, struct tenant *t);
