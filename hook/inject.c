/* SPDX-License-Identifier: Apache-2.0 */
/* In-flight installation: from the attachment to init's exec. HACKING.md, "The hook route". */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>

#include "arch/base/cleanup.h"
#include "hook/inject.h"
#include "hook/inject_load.h"
#include "hook/inject_pin.h"

/* A runtime that goes on in spite of a denied call does not need it; one that spins on it (Go's futex
 * sleep) would do so for ever. */
#define REFUSED_CALLS_MAX 64

struct inject {
	struct task task;
	struct inject_target target;
	struct pin pin;
	bool is_pin_paused;
	const struct inject_ops *ops;
	void *ctx;
	bool is_loaded;
	unsigned filters_before;
	unsigned refused_calls;
	int failure; /* negative errno: what every load of init's gets from now on */
	struct wl_err reason;
};

int inject_attach(const struct inject_target *target, struct inject **ret, struct wl_err *err)
{
	struct inject *inj;
	int r;

	inj = calloc(1, sizeof(*inj));
	if (!inj)
		return wl_err_set(err, -ENOMEM, "attach to init");
	inj->target = *target;
	r = task_attach(&inj->task, target->pid, target->start_time, err);
	if (r < 0) {
		inject_free(inj);
		return r;
	}
	*ret = inj;
	return 0;
}

void inject_free(struct inject *inj)
{
	if (!inj)
		return;
	task_done(&inj->task);
	free(inj);
}

/* Once, whatever else goes wrong on the way down. */
static int fail(struct inject *inj, int code, const struct wl_err *err)
{
	char line[sizeof(err->msg) + 16];

	if (inj->failure)
		return inj->failure;
	inj->failure = code < 0 ? code : -EPROTO;
	inj->reason = *err;
	if (!inj->reason.code)
		wl_err_set(&inj->reason, inj->failure, "put the merged filter into init");
	snprintf(line, sizeof(line), "waylay: %s\n", inj->reason.msg);
	task_tell(&inj->task, line);
	if (inj->ops->failed)
		inj->ops->failed(inj->ctx, &inj->reason);
	return inj->failure;
}

static int fail_and_kill(struct inject *inj, int code, const struct wl_err *err)
{
	fail(inj, code, err);
	task_kill(&inj->task);
	return -ESRCH;
}

/* At the entry stop: no call, straight to the exit stop. */
static int cancel(struct inject *inj, struct regs *ret_at)
{
	struct syscall_info info;
	enum stop_kind kind;
	struct regs regs;
	int r;

	r = regs_get(inj->task.pid, &regs);
	if (r == 0)
		r = regs_cancel_call(inj->task.pid, &regs);
	if (r == 0)
		r = task_resume(&inj->task, PTRACE_SYSCALL, &kind, &info);
	if (r == 0 && kind != STOP_EXIT)
		r = -EPROTO;
	return r < 0 ? r : regs_get(inj->task.pid, ret_at);
}

/* Build, load, deliver. `at`: the exit stop of the cancelled call. */
static int replace(struct inject *inj, const struct regs *at, const struct load *load,
		   struct wl_err *err)
{
	_cleanup_(bpf_prog_done) struct bpf_prog merged = { 0 };
	_cleanup_close_ int fd = -EBADF;
	struct task_status status;
	bool wants_listener = false;
	int r;

	if (load->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return wl_err_say(
			err, -EBUSY,
			"linux.seccomp has a listenerPath: its notifications are somebody "
			"else's; remove it or waylay's annotations");
	r = task_read_status(&inj->task, &status);
	if (r < 0)
		return wl_err_set(err, r, "read the status of init %d", (int)inj->task.pid);
	inj->filters_before = status.filters;
	r = inj->ops->build(inj->ctx, &load->prog, &merged, &wants_listener, err);
	if (r < 0)
		return r;
	r = load_inject(&inj->task, at, &merged, load->flags, wants_listener, &fd, err);
	if (r < 0)
		return r;
	inj->is_loaded = true;
	return inj->ops->deliver(inj->ctx, fd, &load->prog, err);
}

/* At the entry stop of a load, or of the call before which `load` (empty) must happen: that call is then
 * made as it stood. -ESRCH: init is dead. */
static int take_over(struct inject *inj, const struct syscall_info *call, const struct load *load)
{
	struct wl_err err = { 0 };
	struct regs at;
	int r, failed;

	r = task_mask_signals(&inj->task);
	if (r == 0)
		r = cancel(inj, &at);
	if (r < 0)
		return r;

	failed = inj->failure ?: replace(inj, &at, load, &err);
	if (inj->task.is_lost)
		return fail_and_kill(inj, failed, &err);
	if (failed < 0)
		fail(inj, failed, &err);

	if (failed == 0 && load->prog.len == 0)
		regs_redo_call(&at, call->nr, call->args);
	else
		regs_set_result(&at, failed);
	r = regs_set(inj->task.pid, &at);
	return r < 0 ? r : task_restore_signals(&inj->task);
}

static int see_call(struct inject *inj, const struct syscall_info *call)
{
	_cleanup_(load_done) struct load load = { 0 };
	struct wl_err err = { 0 };
	int r;

	if (abi_of(call->arch, (uint32_t)call->nr) != abi_native()) {
		r = wl_err_say(
			&err, -ENOTSUP,
			"the runtime's init makes 32-bit or x32 calls: waylay's hook needs a "
			"runtime of the machine's own ABI");
		return fail_and_kill(inj, r, &err);
	}
	r = load_read(&inj->task, call, &load, &err);
	if (r < 0)
		fail(inj, r, &err);
	else if (r == 0 && !load_is_last_chance(&inj->task, call))
		return 0;
	else if (r == 0 && inj->target.has_profile && call->nr != SYS_execve &&
		 call->nr != SYS_execveat)
		return 0;
	else if (r == 0 && inj->target.has_profile) {
		r = wl_err_say(
			&err, -EPERM,
			"config.json has a linux.seccomp, but init is about to start the program "
			"without having loaded it");
		fail(inj, r, &err);
	}
	return take_over(inj, call, &load);
}

/* One system call stop further. */
static int step(struct inject *inj, enum stop_kind *ret_kind, struct syscall_info *ret_info)
{
	int r;

	r = task_resume(&inj->task, PTRACE_SYSCALL, ret_kind, ret_info);
	if (r < 0)
		return r;
	if (*ret_kind == STOP_ENTRY && pin_must_pause(&inj->pin, ret_info->nr)) {
		pin_off(&inj->pin);
		inj->is_pin_paused = true;
	} else if (inj->is_pin_paused) {
		pin_on(&inj->pin);
		inj->is_pin_paused = false;
	}
	return 0;
}

static int step_to_load(struct inject *inj)
{
	while (!inj->is_loaded || inj->failure) {
		struct syscall_info info;
		enum stop_kind kind;
		int r;

		r = step(inj, &kind, &info);
		if (r < 0)
			return r;
		if (kind == STOP_EXEC) {
			struct wl_err err;

			r = wl_err_say(&err, -EPERM,
				       "init started a program before its filter was loaded");
			return fail_and_kill(inj, r, &err);
		}
		r = kind == STOP_ENTRY ? see_call(inj, &info) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* A denied call in the set-up gets its errno from the filter. Only if init then ends was it needed. */
static int check_call(struct inject *inj, const struct syscall_info *call)
{
	const struct seccomp_data data = {
		.nr = (int)call->nr,
		.arch = call->arch,
		.instruction_pointer = call->ip,
		.args = { call->args[0], call->args[1], call->args[2], call->args[3], call->args[4],
			  call->args[5] },
	};
	struct wl_err err = { 0 };
	int r;

	if (inj->refused_calls && (call->nr == SYS_exit_group || call->nr == SYS_exit))
		fail(inj, inj->reason.code, &inj->reason);
	r = inj->ops->check_call(inj->ctx, &data, &err);
	if (r == 0)
		return 0;
	if (inj->refused_calls++ == 0)
		inj->reason = err;
	return inj->refused_calls < REFUSED_CALLS_MAX ? 0 : fail_and_kill(inj, r, &inj->reason);
}

static int wait_for_exec(struct inject *inj)
{
	const bool is_stepping = inj->ops->check_call;

	if (!is_stepping)
		pin_off(&inj->pin);
	for (;;) {
		struct syscall_info info;
		enum stop_kind kind;
		int r;

		r = is_stepping ? step(inj, &kind, &info)
				: task_resume(&inj->task, PTRACE_CONT, &kind, &info);
		if (r < 0 || kind == STOP_EXEC)
			return r;
		if (kind == STOP_ENTRY && is_stepping)
			r = check_call(inj, &info);
		if (r < 0)
			return r;
	}
}

/* At PTRACE_EVENT_EXEC. */
static int start(struct inject *inj, struct wl_err *err)
{
	struct task_status status;
	int r;

	r = task_read_status(&inj->task, &status);
	if (r < 0)
		return wl_err_set(err, r, "read the status of init %d", (int)inj->task.pid);
	if (status.filters > inj->filters_before + 1)
		return wl_err_say(
			err, -EPERM,
			"init has loaded %u seccomp filters where one was expected: the others "
			"would hide calls from waylay",
			status.filters - inj->filters_before);
	r = inj->ops->started(inj->ctx, err);
	if (r < 0)
		return r;
	return ptrace(PTRACE_DETACH, inj->task.pid, NULL, NULL) < 0
		       ? wl_err_set(err, -errno, "detach")
		       : 0;
}

/* Init is dead, or was given its failure and has ended by it. */
static int give_up(struct inject *inj, int r, struct wl_err *err)
{
	struct wl_err own = { 0 };

	/* The group may outlive its first thread: nothing of it may go on unwatched. */
	task_kill(&inj->task);
	if (inj->failure || inj->refused_calls) {
		own = inj->reason;
		if (!inj->failure && inj->ops->failed)
			inj->ops->failed(inj->ctx, &own);
	} else {
		wl_err_say(&own, r, "init ended before it started the container's program");
	}
	if (err)
		*err = own;
	return own.code;
}

int inject_run(struct inject *inj, const struct inject_ops *ops, void *ctx, struct wl_err *err)
{
	struct wl_err own = { 0 };
	int r;

	inj->ops = ops;
	inj->ctx = ctx;
	inj->task.at_stop = ops->at_stop;
	inj->task.at_stop_ctx = ctx;
	pin_init(&inj->pin, inj->task.pid);
	pin_on(&inj->pin);
	r = step_to_load(inj);
	if (r == 0)
		r = wait_for_exec(inj);
	if (r < 0)
		return give_up(inj, r, err);
	pin_off(&inj->pin);
	r = start(inj, &own);
	if (r < 0) {
		fail_and_kill(inj, r, &own);
		return give_up(inj, r, err);
	}
	return 0;
}

unsigned inject_stops(const struct inject *inj)
{
	return inj->task.stops;
}
