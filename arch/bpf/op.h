/* SPDX-License-Identifier: Apache-2.0 */
/* The opcodes that a seccomp filter may use, by what has to be known about each. */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

enum bpf_op {
	BPF_OP_BAD, /* everything that the kernel's seccomp checker refuses */
	BPF_OP_LD_ABS,
	BPF_OP_LD_IMM,
	BPF_OP_LD_MEM,
	BPF_OP_LD_LEN,
	BPF_OP_LDX_IMM,
	BPF_OP_LDX_MEM,
	BPF_OP_LDX_LEN,
	BPF_OP_ST,
	BPF_OP_STX,
	BPF_OP_ALU_K,
	BPF_OP_ALU_X,
	BPF_OP_NEG,
	BPF_OP_JA,
	BPF_OP_JMP_K,
	BPF_OP_JMP_X,
	BPF_OP_RET_K,
	BPF_OP_RET_A,
	BPF_OP_TAX,
	BPF_OP_TXA,
};

extern const uint8_t bpf_op_of_code[256];

static inline enum bpf_op bpf_op(const struct sock_filter *insn)
{
	return insn->code < 256 ? (enum bpf_op)bpf_op_of_code[insn->code] : BPF_OP_BAD;
}

/* Result of `a OP b` for BPF_ADD ... BPF_XOR. Division by zero is the caller's business: there the
 * program ends with 0. Shifts take the low five bits, as the kernel's 32-bit shifts do. */
uint32_t bpf_alu(unsigned op, uint32_t a, uint32_t b);

/* Truth of `a OP b` for BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET. */
static inline int bpf_test(unsigned op, uint32_t a, uint32_t b)
{
	return op == BPF_JEQ   ? a == b
	       : op == BPF_JGT ? a > b
	       : op == BPF_JGE ? a >= b
			       : (a & b) != 0;
}
