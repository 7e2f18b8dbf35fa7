/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a filter as the kernel does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/bpf/bpf.h"
#include "arch/bpf/op.h"

void bpf_prog_done(struct bpf_prog *prog)
{
	free(prog->insns);
	prog->insns = NULL;
	prog->len = 0;
}

int bpf_prog_copy(struct bpf_prog *ret_prog, const struct sock_filter *insns, unsigned len)
{
	struct sock_filter *copy = malloc(len ? len * sizeof(*copy) : 1);

	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, insns, len * sizeof(*copy));
	*ret_prog = (struct bpf_prog){ .insns = copy, .len = len };
	return 0;
}

uint32_t bpf_alu(unsigned op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	default:
		return a >> (b & 31);
	}
}

struct machine {
	uint32_t a, x;
	uint32_t m[BPF_MEMWORDS];
};

/* One instruction that neither jumps nor returns. */
static void step(struct machine *s, const struct sock_filter *insn, const struct seccomp_data *data)
{
	switch ((int)bpf_op(insn)) {
	case BPF_OP_LD_ABS:
		memcpy(&s->a, (const char *)data + insn->k, sizeof(s->a));
		break;
	case BPF_OP_LD_IMM:
		s->a = insn->k;
		break;
	case BPF_OP_LD_MEM:
		s->a = s->m[insn->k];
		break;
	case BPF_OP_LD_LEN:
		s->a = sizeof(*data);
		break;
	case BPF_OP_LDX_IMM:
		s->x = insn->k;
		break;
	case BPF_OP_LDX_MEM:
		s->x = s->m[insn->k];
		break;
	case BPF_OP_LDX_LEN:
		s->x = sizeof(*data);
		break;
	case BPF_OP_ST:
		s->m[insn->k] = s->a;
		break;
	case BPF_OP_STX:
		s->m[insn->k] = s->x;
		break;
	case BPF_OP_ALU_K:
		s->a = bpf_alu(BPF_OP(insn->code), s->a, insn->k);
		break;
	case BPF_OP_ALU_X:
		s->a = bpf_alu(BPF_OP(insn->code), s->a, s->x);
		break;
	case BPF_OP_NEG:
		s->a = -s->a;
		break;
	case BPF_OP_TAX:
		s->x = s->a;
		break;
	case BPF_OP_TXA:
		s->a = s->x;
		break;
	default:
		break;
	}
}

uint32_t bpf_run(const struct bpf_prog *prog, const struct seccomp_data *data, unsigned *ret_count)
{
	/* The kernel clears A and X first (bpf_convert_filter), scratch words are written before read. */
	struct machine s = { 0 };
	uint32_t verdict = SECCOMP_RET_KILL_PROCESS;
	unsigned count = 0;

	for (unsigned pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *insn = &prog->insns[pc];
		enum bpf_op op = bpf_op(insn);

		count++;
		if (op == BPF_OP_RET_K || op == BPF_OP_RET_A) {
			verdict = op == BPF_OP_RET_K ? insn->k : s.a;
			break;
		}
		if (op == BPF_OP_JA) {
			pc += insn->k;
		} else if (op == BPF_OP_JMP_K || op == BPF_OP_JMP_X) {
			uint32_t b = op == BPF_OP_JMP_K ? insn->k : s.x;

			pc += bpf_test(BPF_OP(insn->code), s.a, b) ? insn->jt : insn->jf;
		} else if (op == BPF_OP_ALU_X && BPF_OP(insn->code) == BPF_DIV && s.x == 0) {
			/* "For cBPF programs, this was always return 0" (bpf_convert_filter). */
			verdict = 0;
			break;
		} else {
			step(&s, insn, data);
		}
	}
	if (ret_count)
		*ret_count = count;
	return verdict;
}

bool bpf_is_const_allow(const struct bpf_prog *prog, uint32_t arch, uint32_t nr)
{
	uint32_t reg = 0;

	for (unsigned pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *insn = &prog->insns[pc];
		enum bpf_op op = bpf_op(insn);

		if (op == BPF_OP_LD_ABS && insn->k == offsetof(struct seccomp_data, nr))
			reg = nr;
		else if (op == BPF_OP_LD_ABS && insn->k == offsetof(struct seccomp_data, arch))
			reg = arch;
		else if (op == BPF_OP_RET_K)
			return insn->k == SECCOMP_RET_ALLOW;
		else if (op == BPF_OP_JA)
			pc += insn->k;
		else if (op == BPF_OP_JMP_K)
			pc += bpf_test(BPF_OP(insn->code), reg, insn->k) ? insn->jt : insn->jf;
		else if (op == BPF_OP_ALU_K && BPF_OP(insn->code) == BPF_AND)
			reg &= insn->k;
		else
			return false;
	}
	return false;
}
