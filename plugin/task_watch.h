/* SPDX-License-Identifier: Apache-2.0 */
/* Whether any task of the host was born, has ended or got another name since: a few loads, no system call. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TASK_WATCH_CPUS 64 /* with more, looking at all of them costs as much as asking /proc */

/* perf's sideband records (fork, exit, comm) of each CPU go into a small ring that is never read: only how
 * far it has come matters. The kernel writes the record before the new task, the program behind an exec,
 * or the renamed task makes its next system call (kernel/fork.c:copy_process, perf_event_fork before
 * wake_up_new_task; fs/exec.c:__set_task_comm). */
struct task_watch {
	unsigned n; /* 0: not permitted here; then nothing is known without asking */
	const uint64_t *heads[TASK_WATCH_CPUS];
};

void task_watch_init(struct task_watch *w);
void task_watch_done(struct task_watch *w);

/* The same number twice: no task of the host was born or renamed in between. */
static inline uint64_t task_watch_now(const struct task_watch *w)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < w->n; i++)
		sum += __atomic_load_n(w->heads[i], __ATOMIC_ACQUIRE);
	return sum;
}
