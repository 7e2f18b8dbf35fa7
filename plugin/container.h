/* SPDX-License-Identifier: Apache-2.0 */
/* A container as listener and workers know it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/bpf/bpf.h"
#include "plugin/metrics.h"
#include "plugin/ns.h"
#include "specs/plan.h"
#include "specs/policy.h"

/* What is known of a container, in a memfd that keeper, listener and workers share: written once at the
 * hand-over (but for the atomics), so that a new listener finds everything again. */
struct container_blob {
	uint64_t magic;
	uint32_t size; /* of the whole memfd */
	uint32_t key;  /* nonzero, unique in the keeper's life */
	pid_t init;
	/* Taken before the container's program runs: later its init may have made itself another one, in
	 * which anybody has all capabilities. Zero: unknown, nobody has a capability. */
	struct ns_id userns;
	uint32_t on_loss;		      /* enum on_loss, for the keeper */
	uint32_t policy_offset, policy_len;   /* JSON text */
	uint32_t profile_offset, profile_len; /* struct sock_filter array, len in instructions */
	uint32_t shard;			      /* whose journal and ring */
	uint32_t sink_kind;		      /* enum sink_kind */
	uint32_t is_hooked;		      /* came by the hook route: exec is not covered */
	_Atomic uint32_t started;	      /* the set-up phase is over */
	_Atomic uint32_t ended;		      /* the last task has gone, or it was stopped */
	_Atomic uint32_t stopped;	      /* `waylay stop`: nothing is answered any more */
	_Atomic uint32_t is_unreadable;	      /* a read of its memory never returned */
	_Atomic uint64_t calls;		      /* requests answered */
	_Atomic uint64_t events_lost, lost_reported;
	_Atomic uint64_t start_event,
		end_event; /* ring positions behind these events; 0: not yet */
	uint64_t since_ns; /* CLOCK_MONOTONIC, of the hand-over */
	struct metrics metrics;
	char id[256];
};
#define CONTAINER_MAGIC 0x776179316c617902ull

struct container {
	struct container_blob *blob;
	uint32_t key;
	int notify_fd, blob_fd;	 /* owned */
	struct policy *policy;	 /* owned */
	struct plan *plan;	 /* owned */
	struct bpf_prog profile; /* borrowed from blob; len 0: none */
};

struct container_info {
	const char *id;
	uint32_t key;
	pid_t init;
	const struct policy *policy;
	const struct bpf_prog *profile; /* NULL: none */
	uint32_t shard, sink_kind;
	bool is_started, is_hooked;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};

/* A new blob for a hand-over; *ret_fd owned by the caller. */
int container_blob_create(const struct container_info *info, int *ret_fd, struct wl_err *err);
/* Maps a blob and parses what is in it. Takes both fds on success. */
int container_open(int blob_fd, int notify_fd, struct container **ret, struct wl_err *err);
void container_free(struct container *c);
static inline void container_freep(struct container **c)
{
	container_free(*c);
}
