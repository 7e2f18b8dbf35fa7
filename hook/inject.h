/* SPDX-License-Identifier: Apache-2.0 */
/* In-flight installation: the merged filter takes the place of the one that a container's init loads
 * for itself. Works on a half-made init by ptrace; knows nothing of policies or listeners. */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/base/err.h"
#include "arch/bpf/bpf.h"

struct inject;

/* What the caller decides at each station. All run in the installer while init is stopped. */
struct inject_ops {
	/* The program that init is about to load (validated; len 0: there is no profile) -> the one to load
	 * in its place, and whether it needs a notification fd (NEW_LISTENER). */
	int (*build)(void *ctx, const struct bpf_prog *profile, struct bpf_prog *ret_merged,
		     bool *ret_needs_listener, struct wl_err *err);
	/* After the load, before init runs on: hand over the notification fd (borrowed; -EBADF if none). */
	int (*deliver)(void *ctx, int notify_fd, const struct bpf_prog *profile,
		       struct wl_err *err);
	/* NULL, or: a call that init makes between load and exec, seen at its entry. Negative: the filter
	 * denies it. The call gets the filter's answer; if init then ends without having started the
	 * program, the first such err is the reason (a denied call that the runtime still needs). */
	int (*check_call)(void *ctx, const struct seccomp_data *data, struct wl_err *err);
	/* Init's own execve has succeeded (PTRACE_EVENT_EXEC). Failure kills init. */
	int (*started)(void *ctx, struct wl_err *err);
	/* The reason of a failure, once, before init gets it as the errno of its load (or is killed). */
	void (*failed)(void *ctx, const struct wl_err *err);
	/* NULL, or called with the number of each ptrace-stop: tests end the installer there. */
	void (*at_stop)(void *ctx, unsigned n);
};

struct inject_target {
	pid_t pid;
	uint64_t
		start_time; /* field 22 of /proc/PID/stat as read when the state was checked; 0: unknown */
	bool has_profile; /* config.json has a linux.seccomp: wait for init's own load */
};

/* Field 22 of /proc/PID/stat: with the pid it names a process for good. -ESRCH: there is none. */
int inject_start_time(pid_t pid, uint64_t *ret_start_time);

/* No container's init: it shares mount and pid namespace with us. It must not be stopped, let alone die
 * with us. */
bool inject_is_host_process(pid_t pid);

/* Writes a line to the standard error of a process, if that takes it at once. Needs no attachment. */
void inject_tell(pid_t pid, const char *text);

/* pidfd, start time, PTRACE_SEIZE (TRACESYSGOOD|TRACEEXEC|TRACEEXIT|EXITKILL), PTRACE_INTERRUPT. After 0 init
 * cannot get further without us. -ESRCH, -EPERM (yama, rootless crun: the text names the spec route). */
int inject_attach(const struct inject_target *target, struct inject **ret, struct wl_err *err);

/* Steps init to its load (or to the latest stop that still permits one), loads, delivers, and waits for
 * the exec; then detaches. 0, or negative errno with the reason after init got its failure or died. */
int inject_run(struct inject *inj, const struct inject_ops *ops, void *ctx, struct wl_err *err);
/* Ptrace-stops of init so far: what the injection costs. */
unsigned inject_stops(const struct inject *inj);
void inject_free(struct inject *inj);
