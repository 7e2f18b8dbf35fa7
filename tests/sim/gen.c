/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/gen.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "arch/base/cleanup.h"

uint64_t rng_next(struct rng *rng)
{
	uint64_t x = rng->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

struct rng rng_start(void)
{
	const char *given = getenv("WAYLAY_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = given ? strtoull(given, NULL, 0)
		     : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
	printf("# WAYLAY_SEED=%" PRIu64 "\n", seed);
	return (struct rng){ seed };
}

void pool_done(struct pool *pool)
{
	free(pool->values);
	*pool = (struct pool){ 0 };
}

void pool_add(struct pool *pool, uint32_t value)
{
	if (pool->n == pool->cap) {
		size_t cap = pool->cap ? 2 * pool->cap : 256;
		uint32_t *more = realloc(pool->values, cap * sizeof(*more));

		if (!more)
			abort();
		pool->values = more;
		pool->cap = cap;
	}
	pool->values[pool->n++] = value;
}

void pool_add_prog(struct pool *pool, const struct bpf_prog *prog)
{
	for (unsigned i = 0; i < prog->len; i++)
		if (BPF_CLASS(prog->insns[i].code) == BPF_JMP)
			pool_add(pool, prog->insns[i].k);
}

static const uint32_t edges[] = { 0,	      1,	  2,	      4,	  0x7fffffff,
				  0x80000000, 0xfffffffe, 0xffffffff, 0x40000000, 0x3fffffff };

uint32_t pool_pick(const struct pool *pool, struct rng *rng)
{
	uint32_t v;

	if (pool->n == 0 || rng_chance(rng, 10))
		return edges[rng_below(rng, ARRAY_SIZE(edges))];
	if (rng_chance(rng, 5))
		return (uint32_t)rng_next(rng);
	v = pool->values[rng_below(rng, (uint32_t)pool->n)];
	return rng_chance(rng, 70) ? v : v + (rng_chance(rng, 50) ? 1u : -1u);
}

uint32_t gen_verdict(struct rng *rng)
{
	static const uint32_t verdicts[] = {
		SECCOMP_RET_ALLOW,
		SECCOMP_RET_ALLOW,
		SECCOMP_RET_ALLOW,
		SECCOMP_RET_ALLOW | 3,
		SECCOMP_RET_ERRNO | 1,
		SECCOMP_RET_ERRNO | 38,
		SECCOMP_RET_ERRNO,
		SECCOMP_RET_LOG,
		SECCOMP_RET_TRACE | 9,
		SECCOMP_RET_TRAP | 2,
		SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_KILL_PROCESS,
		SECCOMP_RET_KILL_PROCESS | 4,
		0x12340005,
	};

	return verdicts[rng_below(rng, ARRAY_SIZE(verdicts))];
}

static uint32_t gen_const(struct rng *rng)
{
	switch (rng_below(rng, 6)) {
	case 0:
		return edges[rng_below(rng, ARRAY_SIZE(edges))];
	case 1:
		return 1u << rng_below(rng, 32);
	case 2:
		return AUDIT_ARCH_X86_64;
	case 3:
		return AUDIT_ARCH_I386;
	case 4:
		return rng_below(rng, 500) | (rng_chance(rng, 10) ? 0x40000000 : 0);
	default:
		return (uint32_t)rng_next(rng) >> rng_below(rng, 32);
	}
}

/* One instruction of any kind; jumps reach at most `room` instructions further. */
static struct sock_filter wild_insn(struct rng *rng, unsigned room)
{
	static const uint16_t alu[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND,
					BPF_OR,	 BPF_XOR, BPF_LSH, BPF_RSH };
	static const uint16_t jmp[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint32_t k = gen_const(rng), slot = rng_below(rng, 4), reach = room < 12 ? room : 12;
	uint16_t src = rng_chance(rng, 80) ? BPF_K : BPF_X, op;

	switch (rng_below(rng, 20)) {
	case 0:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, k);
	case 1:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, k);
	case 2:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, slot);
	case 3:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_MEM, slot);
	case 4:
		return (struct sock_filter)BPF_STMT(rng_chance(rng, 50) ? BPF_ST : BPF_STX, slot);
	case 5:
		return (struct sock_filter)BPF_STMT(
			rng_chance(rng, 50) ? BPF_MISC | BPF_TAX : BPF_MISC | BPF_TXA, 0);
	case 6:
		return (struct sock_filter)BPF_STMT(
			(rng_chance(rng, 50) ? BPF_LD : BPF_LDX) | BPF_LEN, 0);
	case 7:
	case 8:
	case 9:
		op = alu[rng_below(rng, ARRAY_SIZE(alu))];
		if (src == BPF_K && (op == BPF_LSH || op == BPF_RSH))
			k &= 31;
		return (struct sock_filter)BPF_STMT((uint16_t)(BPF_ALU | op | src), k ? k : 1);
	case 10:
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_NEG, 0);
	case 11:
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, rng_below(rng, reach + 1));
	case 12:
		return (struct sock_filter)BPF_STMT(BPF_RET | (rng_chance(rng, 30) ? BPF_A : BPF_K),
						    gen_verdict(rng));
	case 13:
	case 14:
	case 15:
		return (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS,
			4 * (rng_chance(rng, 50) ? rng_below(rng, 2) : rng_below(rng, 16)));
	default:
		op = jmp[rng_below(rng, ARRAY_SIZE(jmp))];
		return (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | op | src), k,
						    (uint8_t)rng_below(rng, reach + 1),
						    (uint8_t)rng_below(rng, reach + 1));
	}
}

int gen_wild(struct rng *rng, unsigned max_len, struct bpf_prog *ret)
{
	unsigned len = 5 + rng_below(rng, max_len);
	struct sock_filter *insns = malloc(len * sizeof(*insns));

	if (!insns)
		return -ENOMEM;
	for (unsigned i = 0; i < len - 1; i++)
		insns[i] = i < 4 ? (struct sock_filter)BPF_STMT(BPF_ST, i)
				 : wild_insn(rng, len - i - 2);
	insns[len - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, gen_verdict(rng));
	*ret = (struct bpf_prog){ .insns = insns, .len = len };
	return 0;
}

struct writer {
	struct sock_filter *insns;
	unsigned len;
};

static void add(struct writer *w, uint16_t code, uint32_t k, unsigned jt, unsigned jf)
{
	w->insns[w->len++] = (struct sock_filter)BPF_JUMP(code, k, (uint8_t)jt, (uint8_t)jf);
}

/* One call: by number, maybe with an argument's halves tested; falls through if it is another. */
static void add_call(struct writer *w, struct rng *rng, uint32_t nr)
{
	static const uint16_t jmp[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	unsigned n = rng_chance(rng, 70) ? 0 : 1 + rng_below(rng, 3);
	uint16_t op = rng_chance(rng, 90) ? BPF_JEQ : jmp[rng_below(rng, ARRAY_SIZE(jmp))];

	add(w, BPF_JMP | op | BPF_K, nr, 0, 4 * n + 1);
	for (unsigned i = 0; i < n; i++) {
		add(w, BPF_LD | BPF_W | BPF_ABS, 16 + 4 * rng_below(rng, 12), 0, 0);
		if (rng_chance(rng, 30))
			add(w, BPF_ALU | BPF_AND | BPF_K, gen_const(rng), 0, 0);
		else
			add(w, BPF_JMP | BPF_JA, 0, 0, 0);
		add(w, (uint16_t)(BPF_JMP | jmp[rng_below(rng, ARRAY_SIZE(jmp))] | BPF_K),
		    gen_const(rng), rng_below(rng, 2), rng_below(rng, 2));
		add(w, BPF_RET | BPF_K, gen_verdict(rng), 0, 0);
	}
	add(w, BPF_RET | BPF_K, gen_verdict(rng), 0, 0);
}

int gen_profile(struct rng *rng, const struct abi *native, unsigned n_calls, struct bpf_prog *ret)
{
	const struct abi *family[3];
	size_t n_family = abi_family(native, family);
	uint32_t arches[3] = { native->audit_arch, family[n_family - 1]->audit_arch,
			       AUDIT_ARCH_PARISC };
	unsigned n_arches = 1 + rng_below(rng, ARRAY_SIZE(arches));
	struct writer w = { .insns = malloc((20 + n_arches * (10 + n_calls * 14)) *
					    sizeof(*w.insns)) };

	if (!w.insns)
		return -ENOMEM;
	for (unsigned a = 0; a < n_arches; a++) {
		unsigned at, n = 1 + rng_below(rng, n_calls);

		add(&w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
		add(&w, BPF_JMP | BPF_JEQ | BPF_K, arches[a], 1, 0);
		at = w.len;
		add(&w, BPF_JMP | BPF_JA, 0, 0, 0);
		add(&w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
		if (rng_chance(rng, 50)) {
			add(&w, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 2);
			add(&w, BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0);
			add(&w, BPF_RET | BPF_K, gen_verdict(rng), 0, 0);
		}
		for (unsigned i = 0; i < n; i++)
			add_call(&w, rng,
				 rng_below(rng, 480) | (rng_chance(rng, 5) ? 0x40000000 : 0));
		add(&w, BPF_RET | BPF_K, gen_verdict(rng), 0, 0);
		w.insns[at].k = w.len - at - 1;
	}
	add(&w, BPF_RET | BPF_K, gen_verdict(rng), 0, 0);
	*ret = (struct bpf_prog){ .insns = w.insns, .len = w.len };
	return 0;
}

void gen_data(struct rng *rng, const struct pool *pool, struct seccomp_data *ret)
{
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64,
					   AUDIT_ARCH_I386,   AUDIT_ARCH_I386,	 AUDIT_ARCH_AARCH64,
					   AUDIT_ARCH_S390X };

	ret->arch = rng_chance(rng, 95) ? arches[rng_below(rng, ARRAY_SIZE(arches))]
					: pool_pick(pool, rng);
	ret->nr = (int)(rng_chance(rng, 50) ? rng_below(rng, 500) : pool_pick(pool, rng));
	ret->instruction_pointer = (uint64_t)pool_pick(pool, rng) << 32 | pool_pick(pool, rng);
	for (int i = 0; i < 6; i++) {
		ret->args[i] = pool_pick(pool, rng);
		if (rng_chance(rng, 50))
			ret->args[i] |= (uint64_t)pool_pick(pool, rng) << 32;
	}
}

struct seccomp_data as_kernel_has_it(const struct abi *native, struct seccomp_data data)
{
	if (native->big_endian == abi_native()->big_endian)
		return data;
	data.instruction_pointer = data.instruction_pointer << 32 | data.instruction_pointer >> 32;
	for (int i = 0; i < 6; i++)
		data.args[i] = data.args[i] << 32 | data.args[i] >> 32;
	return data;
}
