/* SPDX-License-Identifier: Apache-2.0 */
/* Every step of the compiler alone against the interpreter: lift, specialise, split, prune, emit. */
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/dag.h"
#include "tests/sim/gen.h"
#include "tests/unit/tap.h"

#define DAG_NODES 65536
#define CALLS	  60

static struct rng rng;
static unsigned n_lifted, n_too_large;

/* A program is right if it answers as the original for each of the calls. */
static bool same(const struct bpf_prog *a, const struct bpf_prog *b,
		 const struct seccomp_data *calls)
{
	struct wl_err err = { 0 };

	if (bpf_validate(b->insns, b->len, &err) < 0) {
		printf("# %s\n", err.msg);
		return false;
	}
	for (unsigned i = 0; i < CALLS; i++)
		if (bpf_run(a, &calls[i], NULL) != bpf_run(b, &calls[i], NULL))
			return false;
	return true;
}

static bool emits_same(struct bpf_dag *dag, uint32_t node, const struct bpf_prog *prog,
		       const struct seccomp_data *calls)
{
	_cleanup_(bpf_prog_done) struct bpf_prog out = { 0 };
	int r = bpf_emit(dag, node, &out);

	if (r == -E2BIG) {
		n_too_large++;
		return true;
	}
	return r == 0 && same(prog, &out, calls);
}

/* arch known, split by number, put together again. */
static bool splits_same(struct bpf_dag *dag, uint32_t root, const struct bpf_prog *prog,
			const struct seccomp_data *calls)
{
	_cleanup_(bpf_ranges_done) struct bpf_ranges ranges = { 0 };
	uint32_t arch = AUDIT_ARCH_X86_64, singles[3];
	uint32_t node = bpf_node_restrict(dag, root, BPF_WORD_ARCH, arch), tree;
	uint32_t other = bpf_node_exclude(dag, root, BPF_WORD_ARCH, &arch, 1), whole;
	int r;

	singles[0] = rng_below(&rng, 100);
	singles[1] = singles[0] + 1 + rng_below(&rng, 3);
	singles[2] = UINT32_MAX;
	if (dag->nodes[node].words & BPF_WORD_BIT(BPF_WORD_ARCH))
		return false;
	r = bpf_ranges_split(dag, node, singles, 3, &ranges);
	if (r < 0)
		return r == -E2BIG;
	for (size_t i = 0; i < ranges.n; i++) {
		if (ranges.r[i].lo == ranges.r[i].hi &&
		    dag->nodes[ranges.r[i].node].words & BPF_WORD_BIT(BPF_WORD_NR))
			return false;
		if (ranges.r[i].lo != (i ? ranges.r[i - 1].hi + 1 : 0))
			return false;
		ranges.r[i].node = bpf_node_prune(dag, ranges.r[i].node);
	}
	tree = bpf_ranges_tree(dag, &ranges);
	whole = bpf_node_test(dag, BPF_JEQ, bpf_expr_load(dag, BPF_WORD_ARCH),
			      bpf_expr_const(dag, arch), tree, other);
	for (unsigned i = 0; i < CALLS; i++)
		if (bpf_node_eval(dag, whole, &calls[i]) != bpf_run(prog, &calls[i], NULL))
			return false;
	return emits_same(dag, whole, prog, calls);
}

/* The fallback: the program as a block, its returns mapped to themselves. */
static bool block_same(const struct bpf_prog *prog, const struct seccomp_data *calls)
{
	struct bpf_dag dag;
	uint32_t *exits = calloc(prog->len, sizeof(*exits)), node, dynamic;
	bool ok;

	if (!exits || bpf_dag_init(&dag, DAG_NODES) < 0)
		return false;
	dynamic = bpf_node_ret_expr(&dag, bpf_expr_scratch(&dag, BPF_BLOCK_SLOT));
	for (unsigned pc = 0; pc < prog->len; pc++)
		if (BPF_CLASS(prog->insns[pc].code) == BPF_RET)
			exits[pc] = BPF_RVAL(prog->insns[pc].code) == BPF_A
					    ? dynamic
					    : bpf_node_ret(&dag, prog->insns[pc].k);
	node = bpf_node_block(&dag, prog, exits);
	node = bpf_node_test(&dag, BPF_JEQ, bpf_expr_load(&dag, BPF_WORD_ARCH),
			     bpf_expr_const(&dag, AUDIT_ARCH_X86_64), node,
			     bpf_node_test(&dag, BPF_JEQ, bpf_expr_load(&dag, BPF_WORD_NR),
					   bpf_expr_const(&dag, 77), bpf_node_ret(&dag, 1), node));
	ok = true;
	for (unsigned i = 0; i < CALLS && ok; i++)
		if (calls[i].nr == 77)
			((struct seccomp_data *)calls)[i].nr = 76;
	ok = emits_same(&dag, node, prog, calls);
	bpf_dag_done(&dag);
	return ok;
}

static bool check(const struct bpf_prog *prog)
{
	_cleanup_(pool_done) struct pool pool = { 0 };
	struct seccomp_data calls[CALLS];
	struct bpf_dag dag;
	uint32_t node = 0;
	bool ok = true;
	int r;

	pool_add_prog(&pool, prog);
	for (unsigned i = 0; i < CALLS; i++)
		gen_data(&rng, &pool, &calls[i]);
	if (bpf_validate(prog->insns, prog->len, NULL) < 0 || bpf_dag_init(&dag, DAG_NODES) < 0)
		return false;
	r = bpf_lift(&dag, prog, &node);
	if (r == 0) {
		n_lifted++;
		for (unsigned i = 0; i < CALLS && ok; i++)
			ok = bpf_node_eval(&dag, node, &calls[i]) == bpf_run(prog, &calls[i], NULL);
		ok = ok && emits_same(&dag, node, prog, calls) &&
		     splits_same(&dag, node, prog, calls);
	} else {
		ok = r == -E2BIG;
	}
	bpf_dag_done(&dag);
	return ok && block_same(prog, calls);
}

static int gen_x86_profile(struct rng *r, unsigned n, struct bpf_prog *ret)
{
	return gen_profile(r, abi_get(ABI_X86_64), n, ret);
}

static void run(int (*gen)(struct rng *, unsigned, struct bpf_prog *), unsigned size,
		unsigned times)
{
	n_lifted = n_too_large = 0;
	for (unsigned i = 0; i < times; i++) {
		_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
		struct rng before = rng;

		if (gen(&rng, size, &prog) < 0 || !check(&prog)) {
			printf("# program of %u instructions from state %" PRIu64 "\n", prog.len,
			       before.state);
			tap_ok(!"answers as the program it was made of");
			return;
		}
	}
	printf("# %u of %u programs lifted, %u times larger than the kernel takes\n", n_lifted,
	       times, n_too_large);
	tap_ok(n_lifted > times / 2);
}

static void short_wild_programs_survive_every_step(void)
{
	run(gen_wild, 30, 3000);
}

static void long_wild_programs_survive_every_step(void)
{
	run(gen_wild, 400, 300);
}

static void profiles_survive_every_step(void)
{
	run(gen_x86_profile, 20, 1000);
}

static void large_profiles_survive_every_step(void)
{
	run(gen_x86_profile, 90, 60);
}

/* A chain as long as the kernel takes must not exhaust the stack. */
static void the_longest_chain_survives(void)
{
	static struct sock_filter insns[BPF_MAXINSNS];
	struct bpf_prog prog = { .insns = insns, .len = BPF_MAXINSNS };

	insns[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16);
	for (unsigned i = 1; i < BPF_MAXINSNS; i++)
		insns[i] =
			i % 2 && i < BPF_MAXINSNS - 1
				? (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1)
				: (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
	tap_ok(check(&prog));
}

/* Twelve sums that depend on the way taken: 2^12 states, too many to take apart. */
static void programs_that_explode_become_blocks(void)
{
	struct sock_filter insns[80];
	unsigned n = 0;
	struct bpf_prog prog = { .insns = insns };

	insns[n++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	for (unsigned i = 0; i < 15; i++) {
		insns[n++] =
			(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16 + 4 * (i % 12));
		insns[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1u << i, 0, 3);
		insns[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0);
		insns[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1u << i);
		insns[n++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	}
	insns[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0);
	insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	prog.len = n;
	n_lifted = 0;
	tap_ok(check(&prog));
	tap_int_eq(n_lifted, 0);
}

int main(void)
{
	rng = rng_start();
	TAP_RUN(short_wild_programs_survive_every_step);
	TAP_RUN(long_wild_programs_survive_every_step);
	TAP_RUN(profiles_survive_every_step);
	TAP_RUN(large_profiles_survive_every_step);
	TAP_RUN(the_longest_chain_survives);
	TAP_RUN(programs_that_explode_become_blocks);
	return TAP_DONE();
}
