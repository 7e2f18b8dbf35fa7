/* SPDX-License-Identifier: Apache-2.0 */
/* The load of a filter inside a stopped task: recognise the task's own, read it, put another in its place. */
#pragma once

#include "arch/bpf/bpf.h"
#include "hook/inject_task.h"

/* A task's own load of a filter, as seen at its entry stop. */
struct load {
	unsigned flags;	      /* SECCOMP_FILTER_FLAG_* as the task gave them */
	struct bpf_prog prog; /* owned */
};

/* 1 and *ret_load if the call that the task is about to make loads a filter; 0 for anything else, probes
 * with a NULL program or length 0 and programs that the kernel cannot read included: those are the
 * kernel's to answer. -EINVAL: a program that the kernel would refuse, -ENOMEM. */
int load_read(const struct task *task, const struct syscall_info *call, struct load *ret_load,
	      struct wl_err *err);
void load_done(struct load *load);

/* True at the entry of a call after which the kernel might no longer permit a load: execve, or one that
 * takes CAP_SYS_ADMIN away from a task without no_new_privs. */
bool load_is_last_chance(const struct task *task, const struct syscall_info *call);

/* From a syscall-exit stop with the registers `at`: loads `prog` in the task. With `wants_listener` the
 * notification fd is taken over into *ret_fd (owned) and closed in the task. */
int load_inject(struct task *task, const struct regs *at, const struct bpf_prog *prog,
		unsigned flags, bool wants_listener, int *ret_fd, struct wl_err *err);
