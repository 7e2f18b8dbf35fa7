/* SPDX-License-Identifier: Apache-2.0 */
/* Random filters and calls for the simulation suite, reproducible from a printed seed. */
#pragma once

#include <stdint.h>

#include "arch/abi.h"
#include "arch/bpf/bpf.h"

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* 0..n-1 */
static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(rng_next(rng) >> 33) % n;
}
static inline bool rng_chance(struct rng *rng, unsigned percent)
{
	return rng_below(rng, 100) < percent;
}
/* From WAYLAY_SEED, else from the clock; printed as a TAP comment. */
struct rng rng_start(void);

/* Values worth trying: constants of a program and their neighbours. */
struct pool {
	uint32_t *values; /* owned */
	size_t n, cap;
};
void pool_done(struct pool *pool);
void pool_add(struct pool *pool, uint32_t value);
void pool_add_prog(struct pool *pool, const struct bpf_prog *prog);
uint32_t pool_pick(const struct pool *pool, struct rng *rng);

/* A verdict, any action, seldom one that does not exist. */
uint32_t gen_verdict(struct rng *rng);
/* A valid program of any shape: all operations, scratch words, X. */
int gen_wild(struct rng *rng, unsigned max_len, struct bpf_prog *ret);
/* A program as compilers of profiles make them: architecture, number, a few arguments. */
int gen_profile(struct rng *rng, const struct abi *native, unsigned n_calls, struct bpf_prog *ret);
/* A call with interesting values; argument registers with garbage in their upper halves. */
void gen_data(struct rng *rng, const struct pool *pool, struct seccomp_data *ret);
/* The call in the byte order of a machine's kernel, as its program's loads see it. */
struct seccomp_data as_kernel_has_it(const struct abi *native, struct seccomp_data data);
