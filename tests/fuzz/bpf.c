/* SPDX-License-Identifier: Apache-2.0 */
/* Any program: validate, take apart, specialise, merge, emit, run. What is accepted must come out meaning the
 * same.
 *
 * Input: policy (index), flags (bit 0: mend the program first, bit 1: s390x), then instructions of 8 bytes.
 * The calls that are tried follow from the input by a hash. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/bpf/dag.h"
#include "arch/bpf/op.h"
#include "specs/merge.h"
#include "specs/plan.h"
#include "tests/sim/gen.h"
#include "tests/unit/rules.h"

#define CALLS 40

static const char *const policies[][6] = {
	{ NULL },
	{ "trace @all", NULL },
	{ "deny getpid, mount[flags & 1]", "trace mount, read[count > 100]", NULL },
	{ "errno write", "allow read[fd == 3]", "kill close[fd < 0]", NULL },
	{ "emulate openat[path ~ \"/etc/*\" || flags & 3 == 1]", "log openat", NULL },
	{ "trace #0, #5, #1000", "deny #1[arg0 == 1], #7", "return getpid", NULL },
};

static void must(bool cond, const char *what)
{
	if (cond)
		return;
	fprintf(stderr, "bpf: %s\n", what);
	abort();
}

/* Brings instructions into what the checker wants, so that most inputs get past it. */
static void mend(struct sock_filter *insns, unsigned len)
{
	uint8_t codes[256];
	unsigned n_codes = 0;

	for (unsigned c = 0; c < 256; c++)
		if (bpf_op_of_code[c])
			codes[n_codes++] = (uint8_t)c;
	for (unsigned i = 0; i < len; i++) {
		struct sock_filter *insn = &insns[i];
		unsigned room = len - i - 1;

		insn->code = i + 1 == len ? BPF_RET | BPF_K : codes[insn->code % n_codes];
		switch ((int)bpf_op(insn)) {
		case BPF_OP_LD_ABS:
			insn->k = insn->k % 16 * 4;
			break;
		case BPF_OP_LD_MEM:
		case BPF_OP_LDX_MEM:
		case BPF_OP_ST:
		case BPF_OP_STX:
			insn->k %= BPF_MEMWORDS;
			break;
		case BPF_OP_ALU_K:
			if (BPF_OP(insn->code) == BPF_LSH || BPF_OP(insn->code) == BPF_RSH)
				insn->k &= 31;
			insn->k += insn->k == 0;
			break;
		case BPF_OP_JA:
			insn->k %= room;
			break;
		case BPF_OP_JMP_K:
		case BPF_OP_JMP_X:
			insn->jt = (uint8_t)(insn->jt % room);
			insn->jf = (uint8_t)(insn->jf % room);
			break;
		default:
			break;
		}
	}
}

static void check_dag(const struct bpf_prog *prog, struct seccomp_data *calls)
{
	struct bpf_prog out = { 0 };
	struct bpf_dag dag;
	uint32_t root, node;
	int r;

	if (bpf_dag_init(&dag, 65536) < 0)
		return;
	if (bpf_lift(&dag, prog, &root) < 0) {
		bpf_dag_done(&dag);
		return;
	}
	for (unsigned i = 0; i < CALLS; i++) {
		node = bpf_node_restrict(&dag, root, BPF_WORD_ARCH, calls[i].arch);
		node = bpf_node_restrict(&dag, node, BPF_WORD_NR, (uint32_t)calls[i].nr);
		node = bpf_node_prune(&dag, node);
		must(bpf_node_eval(&dag, node, &calls[i]) == bpf_run(prog, &calls[i], NULL),
		     "specialised for a call it means something else");
	}
	r = bpf_emit(&dag, root, &out);
	must(r == 0 || r == -E2BIG || r == -ENOMEM, "emit");
	if (r == 0) {
		must(bpf_validate(out.insns, out.len, NULL) == 0, "what is emitted is not valid");
		for (unsigned i = 0; i < CALLS; i++)
			must(bpf_run(&out, &calls[i], NULL) == bpf_run(prog, &calls[i], NULL),
			     "emitted again it means something else");
	}
	bpf_prog_done(&out);
	bpf_dag_done(&dag);
}

static void check_merge(const struct bpf_prog *prog, const struct abi *native,
			const struct plan *plan, struct seccomp_data *calls)
{
	struct bpf_prog merged = { 0 };
	int r = merge_compile(prog, plan, &merged, NULL, NULL);

	must(r == 0 || r == -E2BIG || r == -EBUSY || r == -ENOMEM, "merge");
	for (unsigned i = 0; r == 0 && i < CALLS; i++) {
		struct seccomp_data words;

		if (plan->n_calls && i % 2) {
			calls[i].arch = plan->calls[i % plan->n_calls].abi->audit_arch;
			calls[i].nr = (int)plan->calls[i % plan->n_calls].nr;
		}
		words = as_kernel_has_it(native, calls[i]);
		must(bpf_run(&merged, &words, NULL) == merge_verdict(prog, plan, &calls[i]),
		     "the merged filter is not what profile and rules say");
	}
	bpf_prog_done(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data calls[CALLS];
	struct bpf_prog prog = { 0 };
	struct pool pool = { 0 };
	struct rng rng = { size };
	const struct abi *native;
	struct policy *policy;
	struct plan *plan;

	if (size < 10 || (size - 2) / 8 > BPF_MAXINSNS)
		return 0;
	for (size_t i = 0; i < size; i++)
		rng.state = (rng.state ^ data[i]) * 0x100000001b3;
	if (bpf_prog_copy(&prog, (const void *)(data + 2), (unsigned)((size - 2) / 8)) < 0)
		return 0;
	if (data[1] & 1)
		mend(prog.insns, prog.len);
	if (bpf_validate(prog.insns, prog.len, NULL) < 0) {
		bpf_prog_done(&prog);
		return 0;
	}
	pool_add_prog(&pool, &prog);
	for (unsigned i = 0; i < CALLS; i++)
		gen_data(&rng, &pool, &calls[i]);
	native = abi_get(data[1] & 2 ? ABI_S390X : ABI_X86_64);
	policy = policy_of(data[1] & 4 ? ENGINE_TRACE : ENGINE_NOTIFY,
			   policies[data[0] % (sizeof(policies) / sizeof(policies[0]))]);
	check_dag(&prog, calls);
	if (plan_new(policy, native, &plan, NULL) == 0) {
		check_merge(&prog, native, plan, calls);
		plan_free(plan);
	}
	policy_free(policy);
	pool_done(&pool);
	bpf_prog_done(&prog);
	return 0;
}
