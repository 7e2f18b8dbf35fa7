/* SPDX-License-Identifier: Apache-2.0 */
/* A container as the listener serves it: its fds, its events' sink, its workers. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugin/container.h"
#include "plugin/sink.h"

#define TENANTS_MAX 16384 /* a power of two */
#define WORKERS_MAX 8	  /* of one container at once */

struct worker {
	uint32_t key;	   /* 0: no worker */
	int control;	   /* owned; -EBADF: asked for, not there yet */
	int pidfd;	   /* owned */
	uint32_t slot;	   /* + 1; 0: idle */
	bool is_ended;	   /* its socket is closed; the keeper has not reaped it yet */
	bool is_killed;	   /* the keeper was told to */
	bool is_orphan;	   /* its keeper is dead: nobody will report that it was reaped */
	uint64_t since_ns; /* idle, or asked for, since */
};

struct tenant {
	struct container *c;	  /* owned */
	struct sink sink;	  /* the writer's */
	int pidfd;		  /* of init; owned */
	_Atomic uint64_t in_ring; /* bytes of its events that wait for the writer */
	/* The shard's own. */
	unsigned in_flight, n_jobs;
	bool is_watched;  /* RECV is polled for */
	bool is_gone;	  /* POLLHUP */
	bool is_stopped;  /* nothing is received any more: stop.c */
	bool has_unknown; /* a call without a rule was logged already */
	struct worker workers[WORKERS_MAX];
	struct freezer *freezer; /* owned; NULL: none, or not looked for yet */
	uint64_t frozen_ns;	 /* when it was last looked at; 0: never */
	bool is_freezing;
	struct tenant *next, *next_ending;
	/* Set by the shard, under the table's lock: nothing of it is in use any more but its last events. */
	bool is_done;
	struct tenant *next_done;
	bool is_closing; /* main: waits for the last events to be written */
};

/* All containers by key: the key's low bits are the index, the rest a generation. */
struct tenants {
	pthread_mutex_t
		lock; /* for add, remove and the writers' look-up; never on the path of a call */
	uint32_t generation;
	unsigned n;
	struct tenant *at[TENANTS_MAX];
};

/* A key that is free now, or 0: too many. Caller holds the lock. */
uint32_t tenants_new_key(struct tenants *all);
void tenants_add(struct tenants *all, struct tenant *t);
void tenants_remove(struct tenants *all, struct tenant *t);
/* NULL if it has gone. */
struct tenant *tenants_find(struct tenants *all, uint32_t key);
void tenant_free(struct tenant *t);
