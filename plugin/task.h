/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ids of the calling tasks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugin/task_watch.h"

#define TASK_CACHE 1024
#define TASK_NS	   100000000 /* asked again after this even if nothing is known to have changed */

struct task {
	pid_t tid; /* 0: empty */
	uint32_t owner;
	pid_t tgid;
	pid_t ns_pid;	     /* tgid's number in its own pid namespace: see task_get */
	int comm_fd;	     /* owned, unless empty */
	bool is_known;	     /* nothing has happened to it since the name was read */
	uint64_t checked_ns; /* when that was */
	unsigned text_len;
	char text[176]; /* members of an event: pid, tid, ns_pid and comm */
};

struct task_cache {
	int proc;			/* owned */
	const struct task_watch *watch; /* borrowed */
	struct task_watch_reader reader;
	struct task tasks[TASK_CACHE];
};

int task_cache_init(struct task_cache *cache, const struct task_watch *watch);
void task_cache_done(struct task_cache *cache);

/* The task of a received call of `owner`; NULL if it has gone. `ns_pid` is the thread's number in the
 * innermost pid namespace.
 *
 * Valid across exec, prctl(PR_SET_NAME) and pid reuse. Nothing is read (*ret_is_known) while no task was
 * born with that number and it was not renamed since: the number can then mean no other task. Else the name is read anew
 * through a cached fd of /proc/TID/comm, which is bound to the struct pid, not to the number: it gives
 * the name of now, or ESRCH once the task has gone (fs/proc/base.c:comm_show). Only ID_VALID, asked
 * afterwards, tells then that it was the caller that was looked at. A CPU that is brought up later is not
 * watched: what happens there is seen TASK_NS later, and no pid comes back in that time. */
const struct task *task_get(struct task_cache *cache, pid_t tid, uint32_t owner, uint64_t now_ns,
			    bool *ret_is_known);
/* True: still nothing has happened to it. Memory that was read through the number of a known task is then
 * the caller's. */
bool task_is_still(struct task_cache *cache, const struct task *t);
/* Forgets the tasks of that owner (a container's key). */
void task_cache_drop(struct task_cache *cache, uint32_t owner);

/* True if an unblocked signal waits for the thread: it cannot be delivered before the call is answered. */
bool task_has_signal(const struct task_cache *cache, pid_t tid);
