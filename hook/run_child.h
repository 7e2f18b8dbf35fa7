/* SPDX-License-Identifier: Apache-2.0 */
/* A child that loads a filter on itself and then waits to be let go, without a call that the filter might
 * notify before anybody listens. */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "arch/base/err.h"
#include "arch/bpf/bpf.h"

struct run_child {
	pid_t pid;
	int pidfd;		   /* owned */
	int ready;		   /* owned; closing it without run_child_load ends the child */
	struct run_shared *shared; /* owned */
};

/* `path` and `argv` are for the execve; `mask` is the signal mask that the program gets. */
int run_child_start(const char *path, char **argv, const sigset_t *mask,
		    const struct bpf_prog *filter, bool wants_listener, struct run_child *ret,
		    struct wl_err *err);
/* Has the filter loaded; *ret_fd (owned) is the notification fd, -EBADF if none is wanted. */
int run_child_load(struct run_child *child, int *ret_fd, struct wl_err *err);
/* Lets it exec. */
void run_child_go(struct run_child *child);
/* Releases what we hold of it; a child that was not let go is killed. */
void run_child_done(struct run_child *child);
