/* SPDX-License-Identifier: Apache-2.0 */
/* Turning a fresh child of the keeper into a worker: what it keeps, what it can no longer do. */
#pragma once

#include "arch/base/err.h"
#include "plugin/caller.h"

/* Own mount namespace with only a tmpfs in it, host's procfs kept,
 * capabilities cut to what handlers need, not dumpable. The process must have one thread and no other
 * process may share its fs_struct. */
int worker_home_init(struct home *ret, pid_t container_init, const struct ns_id *container_userns,
		     struct wl_err *err);
void worker_home_done(struct home *home);
/* A new, empty store in place of a full one; the old lives on with what is mounted from it. Leaves the
 * caller's root if one is entered. */
int worker_home_new_store(struct home *home);
