/* SPDX-License-Identifier: Apache-2.0 */
/* One stopped task under ptrace: its stops one after the other, and calls made in its name. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/base/err.h"
#include "arch/kernel.h"
#include "arch/regs.h"

/* PTRACE_GET_SYSCALL_INFO (Linux 5.3), as far as it is used. */
struct syscall_info {
	uint8_t op;
	uint32_t arch;
	uint64_t ip, sp;
	uint64_t nr, args[SYSCALL_ARGS]; /* op PTRACE_SYSCALL_INFO_ENTRY */
	int64_t result;			 /* op PTRACE_SYSCALL_INFO_EXIT */
};

enum stop_kind {
	STOP_ENTRY, /* of a system call, info.nr and info.args are valid */
	STOP_EXIT,
	STOP_EXEC,  /* its execve has succeeded; the new program has not run an instruction yet */
	STOP_EVENT, /* PTRACE_INTERRUPT's, or a group-stop's begin or end: never seen by callers */
};

struct task {
	pid_t pid;
	int pidfd; /* owned */
	unsigned stops;
	int signal; /* to be delivered at the next resumption, 0: none */
	bool is_group_stopped;
	bool is_lost; /* it died, or was not where it had to be: only task_kill is left */
	bool is_masked;
	uint64_t mask; /* the task's own, while is_masked */
	/* NULL, or told the number of each stop: tests kill the tracer there. */
	void (*at_stop)(void *ctx, unsigned n);
	void *at_stop_ctx;
};

/* pidfd first, then the start time, then PTRACE_SEIZE and PTRACE_INTERRUPT, and waits for the stop. */
int task_attach(struct task *task, pid_t pid, uint64_t start_time, struct wl_err *err);
void task_done(struct task *task);

/* Lets the task go by `how` (PTRACE_SYSCALL, PTRACE_CONT) to its next stop of one of the kinds; signals
 * are passed on and group-stops kept on the way. -ESRCH: it died (and is reaped as far as we can). */
int task_resume(struct task *task, int how, enum stop_kind *ret_kind,
		struct syscall_info *ret_info);

/* Between these two no signal but SIGKILL and SIGSTOP gets to the task. */
int task_mask_signals(struct task *task);
int task_restore_signals(struct task *task);

/* From a syscall-exit stop: runs a call in the task and returns at that call's exit stop. `notify_fd` is
 * the listener of the task's own filter if that notifies this very call, else -EBADF: it is then
 * continued by us. 0 with *ret_result, or -ESRCH, -EPROTO (not where we must be). */
int task_call(struct task *task, const struct regs *at, uint64_t nr,
	      const uint64_t args[SYSCALL_ARGS], int notify_fd, int64_t *ret_result);

/* Kills the whole process and waits until it can run no more. */
void task_kill(struct task *task);
/* Writes a line to the task's standard error, if that takes it at once. */
void task_tell(const struct task *task, const char *text);
/* Values of /proc/PID/status. */
struct task_status {
	bool no_new_privs;
	bool has_sys_admin; /* effective, in its own user namespace */
	unsigned filters;
};
int task_read_status(const struct task *task, struct task_status *ret);
