/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper holds: fds by (kind, key), and the pids of the workers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugin/keeper.h"

struct keep_item {
	struct keep_item *next;
	uint32_t kind, key, arg;
	int fds[KEEP_FDS]; /* owned */
};

/* Takes the fds on success; an older item of that (kind, key) is closed. -ENOMEM. */
int keep_put(struct keep_item **list, uint32_t kind, uint32_t key, uint32_t arg,
	     const int fds[KEEP_FDS]);
struct keep_item *keep_find(struct keep_item *list, uint32_t kind, uint32_t key);
void keep_drop(struct keep_item **list, uint32_t kind, uint32_t key);

struct keep_worker {
	struct keep_worker *next;
	uint32_t key, container;
	pid_t pid;
};

int keep_worker_add(struct keep_worker **list, uint32_t key, uint32_t container, pid_t pid);
/* Removes the one of that pid and copies it out; false if there is none. */
bool keep_worker_take(struct keep_worker **list, pid_t pid, struct keep_worker *ret);
