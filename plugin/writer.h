/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that carries events from the shards' rings to their sinks. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "arch/base/err.h"
#include "plugin/ring.h"
#include "plugin/sink.h"
#include "plugin/tenant.h"

#define SHARDS_MAX 16

/* One for all shards: a file that is written by one thread alone tells by its size how far that came. */
struct writer {
	pthread_t thread;
	struct ring_bell bell;
	struct ring *rings[SHARDS_MAX]; /* borrowed */
	unsigned n_rings;
	struct tenants *tenants; /* borrowed */
	struct sink
		*common; /* the operator's, for containers that have none of their own; or NULL */
	int done_fd;	 /* main's eventfd, told while `is_wanted` when events were written */
	_Atomic bool is_wanted, stop;
};

/* The fields but `thread` are filled. First finishes what a predecessor was writing when it died. */
int writer_start(struct writer *w, struct wl_err *err);
/* Writes what is in the rings, then ends the thread. */
void writer_stop(struct writer *w);
/* True if everything up to that position of the ring is written. */
static inline bool writer_has_written(const struct ring *r, uint64_t end)
{
	return atomic_load(&r->tail) >= end;
}
