/* SPDX-License-Identifier: Apache-2.0 */
/* A container without a runtime for tests of a worker: namespaces, a filter, and a loop that drives it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "plugin/container.h"
#include "plugin/journal.h"

#define BOX_BASE 100000u /* host id of the box's root */

/* What a case saw; sent through a pipe. */
struct outcome {
	int err;      /* positive errno of the call, 0: success */
	int stat_err; /* of lstat() on the target afterwards */
	unsigned mode, uid, gid, nlink;
	unsigned long rdev;
	int open_err; /* of open(O_RDWR) on the target */
	long extra;
};

struct box {
	bool is_native; /* no user namespace, no filter: what the kernel says to real root */
	char root[64];	/* on the host */
	pid_t init, worker;
	int command, result, control, notify;
	const char *handler;
	struct journal *journal;
	struct container container;
	struct container_blob blob;
	pthread_t loop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool hold_answers; /* the loop stops between the worker's answer and SEND */
	bool is_held, is_over;
	_Atomic unsigned n_calls, n_undone;
	char last_how[32];
};

/* `handler`: "mknod" or "mount"; its calls are notified. `options`: the rule's options as JSON members, "" for none. `prepare` runs as the box's root in its
 * root directory before the filter. Exits the program with a message if the box cannot be made. */
void box_start(struct box *b, bool is_native, const char *handler, const char *options,
	       void (*prepare)(void));
/* fn in a new process of the box, working directory /w. `arg` travels with it. */
struct outcome box_run(struct box *b, void (*fn)(struct outcome *ret, long arg), long arg);
void box_hold(struct box *b, bool on);
/* Waits until an answer is held (5 s); false if none came. */
bool box_wait_held(struct box *b);
void box_stop(struct box *b);

/* For cases: the call's errno and what is at `path` now. */
void outcome_of(struct outcome *ret, long result, const char *path);
