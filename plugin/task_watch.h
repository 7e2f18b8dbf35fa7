/* SPDX-License-Identifier: Apache-2.0 */
/* Which tasks of the host were born or renamed since: a few loads, no system call. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_event_mmap_page;

#define TASK_WATCH_CPUS 64 /* with more, looking at all of them costs as much as asking /proc */

/* perf's sideband records (fork, exit, comm) of each CPU, in a ring that the kernel writes on and on, whoever
 * reads it or not. The record is there before the new task, the program behind an exec, or the renamed
 * task makes its next system call (kernel/fork.c:copy_process, perf_event_fork before wake_up_new_task;
 * fs/exec.c:__set_task_comm). */
struct task_watch {
	unsigned n; /* 0: not permitted here; then nothing is known without asking */
	const struct perf_event_mmap_page *pages[TASK_WATCH_CPUS];
};

/* How far a reader has come. */
struct task_watch_reader {
	uint64_t at[TASK_WATCH_CPUS];
};

void task_watch_init(struct task_watch *w);
void task_watch_done(struct task_watch *w);

/* A task of that number was born, has ended, or got a name; 0: too much has happened to
 * tell, all of them. */
typedef void task_watch_changed(void *arg, pid_t tid);
/* Tells what has happened since the last time. A few loads if nothing has. */
void task_watch_read(const struct task_watch *w, struct task_watch_reader *reader,
		     task_watch_changed *changed, void *arg);
