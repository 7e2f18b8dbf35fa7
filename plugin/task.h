/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ids of the calling tasks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TASK_CACHE 256

struct task {
	pid_t tid; /* 0: empty */
	uint32_t owner;
	pid_t tgid;
	pid_t ns_pid; /* tgid's number in its own pid namespace: see task_get */
	int comm_fd;  /* owned */
	unsigned comm_len;
	char comm[16];
};

struct task_cache {
	int proc; /* owned */
	struct task tasks[TASK_CACHE];
};

int task_cache_init(struct task_cache *cache);
void task_cache_done(struct task_cache *cache);

/* The task of a received call of `owner`; NULL if it has gone. `ns_pid` is the thread's number in the innermost pid
 * namespace. The caller must ask ID_VALID afterwards: only then was it the caller that was looked at.
 *
 * Valid across exec, prctl(PR_SET_NAME) and pid reuse: the cached fd of /proc/TID/comm is bound to the
 * struct pid, not to the number, so reading it gives the name of now, or ESRCH once the task has gone
 * (fs/proc/base.c:comm_show). */
const struct task *task_get(struct task_cache *cache, pid_t tid, uint32_t owner);
/* Forgets the tasks of that owner (a container's key). */
void task_cache_drop(struct task_cache *cache, uint32_t owner);

/* True if an unblocked signal waits for the thread: it cannot be delivered before the call is answered. */
bool task_has_signal(const struct task_cache *cache, pid_t tid);
