/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's rules for a seccomp filter, in the kernel's order of judgement. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/bpf.h"
#include "arch/bpf/op.h"

/* What seccomp_check_filter() lets through; bpf_check_classic() alone knows more (MOD, packet loads). */
/* clang-format off */
const uint8_t bpf_op_of_code[256] = {
	[BPF_LD | BPF_W | BPF_ABS]	= BPF_OP_LD_ABS,
	[BPF_LD | BPF_W | BPF_LEN]	= BPF_OP_LD_LEN,
	[BPF_LD | BPF_IMM]		= BPF_OP_LD_IMM,
	[BPF_LD | BPF_MEM]		= BPF_OP_LD_MEM,
	[BPF_LDX | BPF_W | BPF_LEN]	= BPF_OP_LDX_LEN,
	[BPF_LDX | BPF_IMM]		= BPF_OP_LDX_IMM,
	[BPF_LDX | BPF_MEM]		= BPF_OP_LDX_MEM,
	[BPF_ST]			= BPF_OP_ST,
	[BPF_STX]			= BPF_OP_STX,
	[BPF_ALU | BPF_ADD | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_SUB | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_MUL | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_DIV | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_AND | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_OR | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_XOR | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_LSH | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_RSH | BPF_K]	= BPF_OP_ALU_K,
	[BPF_ALU | BPF_ADD | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_SUB | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_MUL | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_DIV | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_AND | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_OR | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_XOR | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_LSH | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_RSH | BPF_X]	= BPF_OP_ALU_X,
	[BPF_ALU | BPF_NEG]		= BPF_OP_NEG,
	[BPF_JMP | BPF_JA]		= BPF_OP_JA,
	[BPF_JMP | BPF_JEQ | BPF_K]	= BPF_OP_JMP_K,
	[BPF_JMP | BPF_JGT | BPF_K]	= BPF_OP_JMP_K,
	[BPF_JMP | BPF_JGE | BPF_K]	= BPF_OP_JMP_K,
	[BPF_JMP | BPF_JSET | BPF_K]	= BPF_OP_JMP_K,
	[BPF_JMP | BPF_JEQ | BPF_X]	= BPF_OP_JMP_X,
	[BPF_JMP | BPF_JGT | BPF_X]	= BPF_OP_JMP_X,
	[BPF_JMP | BPF_JGE | BPF_X]	= BPF_OP_JMP_X,
	[BPF_JMP | BPF_JSET | BPF_X]	= BPF_OP_JMP_X,
	[BPF_RET | BPF_K]		= BPF_OP_RET_K,
	[BPF_RET | BPF_A]		= BPF_OP_RET_A,
	[BPF_MISC | BPF_TAX]		= BPF_OP_TAX,
	[BPF_MISC | BPF_TXA]		= BPF_OP_TXA,
};
/* clang-format on */

static const char *check_insn(const struct sock_filter *insn, unsigned pc, unsigned len)
{
	unsigned alu = BPF_OP(insn->code);

	switch (bpf_op(insn)) {
	case BPF_OP_BAD:
		return "operation that seccomp does not permit";
	case BPF_OP_LD_ABS:
		if (insn->k >= sizeof(struct seccomp_data))
			return "load beyond struct seccomp_data";
		return insn->k & 3 ? "load that is not aligned to 4 bytes" : NULL;
	case BPF_OP_LD_MEM:
	case BPF_OP_LDX_MEM:
	case BPF_OP_ST:
	case BPF_OP_STX:
		return insn->k >= BPF_MEMWORDS ? "scratch word beyond 15" : NULL;
	case BPF_OP_ALU_K:
		if (alu == BPF_DIV && insn->k == 0)
			return "division by zero";
		if ((alu == BPF_LSH || alu == BPF_RSH) && insn->k >= 32)
			return "shift by 32 bits or more";
		return NULL;
	case BPF_OP_JA:
		return insn->k >= len - pc - 1 ? "jump beyond the end" : NULL;
	case BPF_OP_JMP_K:
	case BPF_OP_JMP_X:
		return pc + insn->jt + 1 >= len || pc + insn->jf + 1 >= len ? "jump beyond the end"
									    : NULL;
	case BPF_OP_LD_IMM:
	case BPF_OP_LD_LEN:
	case BPF_OP_LDX_IMM:
	case BPF_OP_LDX_LEN:
	case BPF_OP_ALU_X:
	case BPF_OP_NEG:
	case BPF_OP_RET_K:
	case BPF_OP_RET_A:
	case BPF_OP_TAX:
	case BPF_OP_TXA:
		return NULL;
	}
	return "operation that seccomp does not permit";
}

/* Scratch words that are surely written at each instruction. A return hands its set on to the next
 * instruction as if it fell through: odd, but the kernel's check_load_and_stores() does so, and exactly
 * what the kernel accepts is wanted. Returns the index of the offending instruction or -1. */
static int check_scratch(const struct sock_filter *insns, unsigned len, uint16_t *at)
{
	uint16_t written = 0;

	memset(at, 0xff, len * sizeof(*at));
	for (unsigned pc = 0; pc < len; pc++) {
		const struct sock_filter *insn = &insns[pc];

		written &= at[pc];
		switch ((int)bpf_op(insn)) {
		case BPF_OP_ST:
		case BPF_OP_STX:
			written |= 1u << insn->k;
			break;
		case BPF_OP_LD_MEM:
		case BPF_OP_LDX_MEM:
			if (!(written & 1u << insn->k))
				return (int)pc;
			break;
		case BPF_OP_JA:
			at[pc + 1 + insn->k] &= written;
			written = 0xffff;
			break;
		case BPF_OP_JMP_K:
		case BPF_OP_JMP_X:
			at[pc + 1 + insn->jt] &= written;
			at[pc + 1 + insn->jf] &= written;
			written = 0xffff;
			break;
		default:
			break;
		}
	}
	return -1;
}

int bpf_validate(const struct sock_filter *insns, unsigned len, struct wl_err *err)
{
	_cleanup_free_ uint16_t *written = NULL;
	int bad;

	if (len == 0 || len > BPF_MAXINSNS)
		return wl_err_say(err, -EINVAL, "filter of %u instructions; 1 to %u are permitted",
				  len, BPF_MAXINSNS);
	for (unsigned pc = 0; pc < len; pc++) {
		const char *why = check_insn(&insns[pc], pc, len);

		if (why)
			return wl_err_say(err, -EINVAL,
					  "filter instruction %u (code 0x%02x k 0x%x): %s", pc,
					  insns[pc].code, insns[pc].k, why);
	}
	if (BPF_CLASS(insns[len - 1].code) != BPF_RET)
		return wl_err_say(err, -EINVAL, "filter instruction %u: the last one must return",
				  len - 1);

	written = malloc(len * sizeof(*written));
	if (!written)
		return wl_err_set(err, -ENOMEM, "check of a filter");
	bad = check_scratch(insns, len, written);
	if (bad >= 0)
		return wl_err_say(
			err, -EINVAL,
			"filter instruction %d: scratch word %u is read before it is written", bad,
			insns[bad].k);
	return 0;
}
