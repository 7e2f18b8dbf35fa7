/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a container, in its shared memory: they outlive the listener. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "arch/base/buf.h"
#include "specs/policy.h"

/* Two to the power of 10, 11, ... ns; the last bucket is for what took longer than all. */
#define METRICS_BUCKETS	 22
#define METRICS_BASE_LOG 10
#define METRICS_ROWS	 128 /* a power of two; kinds of calls that are told apart */

/* What became of a call: an action, if a rule was met; else which answer; else one that a listener had
 * decided on which then died. */
enum { METRICS_ANSWER = ACTION_COUNT, METRICS_STORED = ACTION_COUNT + 4 };

struct metrics_call {
	uint32_t arch, nr; /* as in seccomp_data */
	uint32_t what;
	uint32_t errnum; /* 0: none */
};

struct metrics_row {
	_Atomic uint64_t count; /* 0: the row is free, `call` means nothing */
	struct metrics_call call;
};

struct metrics {
	struct metrics_row rows[METRICS_ROWS]; /* open addressing */
	_Atomic uint64_t others;	       /* calls that found no row */
	_Atomic uint64_t latency[METRICS_BUCKETS], latency_sum_ns;
};

/* By the one thread that answers this container's calls: no lock, no allocation, no atomic addition. Any
 * other may read. */
void metrics_count(struct metrics *m, const struct metrics_call *call, uint64_t latency_ns);

/* Members of a JSON object: "counts":[{"syscall":..,"action":..,"errno":..,"n":..},..],"others":N,
 * "latency":{"sum_ns":N,"buckets":[..]}. A call of another ABI than the native one is named "i386/mount". */
void metrics_write(const struct metrics *m, struct buf *out);
