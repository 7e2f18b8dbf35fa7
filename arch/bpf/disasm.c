/* SPDX-License-Identifier: Apache-2.0 */
/* A filter as text that people can follow: words by name, numbers by the names of their calls. */
#include <endian.h>
#include <stdlib.h>

#include "arch/abi.h"
#include "arch/base/cleanup.h"
#include "arch/bpf/bpf.h"
#include "arch/bpf/op.h"
#include "arch/sysno.h"

/* What is known when an instruction is reached, whichever way. */
struct known {
	bool is_reached;
	bool has_word; /* A holds word `word` of seccomp_data */
	bool has_arch; /* arch was found to be `arch` */
	uint32_t word, arch;
};

static void meet(struct known *at, const struct known *from)
{
	if (!at->is_reached) {
		*at = *from;
		at->is_reached = true;
		return;
	}
	at->has_word = at->has_word && from->has_word && at->word == from->word;
	at->has_arch = at->has_arch && from->has_arch && at->arch == from->arch;
}

static bool writes_a(enum bpf_op op)
{
	switch ((int)op) {
	case BPF_OP_LD_ABS:
	case BPF_OP_LD_IMM:
	case BPF_OP_LD_MEM:
	case BPF_OP_LD_LEN:
	case BPF_OP_ALU_K:
	case BPF_OP_ALU_X:
	case BPF_OP_NEG:
	case BPF_OP_TXA:
		return true;
	default:
		return false;
	}
}

/* Hands on what is known at pc to the instructions that follow it. */
static void spread(const struct sock_filter *insn, unsigned pc, struct known *k)
{
	struct known now = k[pc];
	enum bpf_op op = bpf_op(insn);

	if (writes_a(op)) {
		now.has_word = op == BPF_OP_LD_ABS;
		now.word = insn->k / 4;
	}
	if (op == BPF_OP_RET_K || op == BPF_OP_RET_A)
		return;
	if (op == BPF_OP_JA) {
		meet(&k[pc + 1 + insn->k], &now);
		return;
	}
	if (op != BPF_OP_JMP_K && op != BPF_OP_JMP_X) {
		meet(&k[pc + 1], &now);
		return;
	}
	meet(&k[pc + 1 + insn->jf], &now);
	if (op == BPF_OP_JMP_K && BPF_OP(insn->code) == BPF_JEQ && now.has_word && now.word == 1) {
		now.has_arch = true;
		now.arch = insn->k;
	}
	meet(&k[pc + 1 + insn->jt], &now);
}

static void put_word(struct buf *out, uint32_t word)
{
	bool high = (word % 2 == 0) == (__BYTE_ORDER == __BIG_ENDIAN);

	if (word == 0)
		buf_puts(out, "nr");
	else if (word == 1)
		buf_puts(out, "arch");
	else if (word < 4)
		buf_printf(out, "ip.%s", high ? "high" : "low");
	else
		buf_printf(out, "arg%u.%s", (word - 4) / 2, high ? "high" : "low");
}

/* A constant that A is compared with, as what it stands for. */
static void put_constant(struct buf *out, const struct known *k, uint32_t value)
{
	const struct abi *abi = NULL;
	const struct syscall_def *def = NULL;

	if (k->has_word && k->word == 1)
		for (int i = 0; i < ABI_COUNT && !abi; i++)
			if (abi_get((enum abi_index)i)->audit_arch == value)
				abi = abi_get((enum abi_index)i);
	if (abi) {
		buf_puts(out, abi->name);
		return;
	}
	if (k->has_word && k->word == 0 && k->has_arch) {
		abi = abi_of(k->arch, value);
		def = abi ? sysno_find(abi, value) : NULL;
	}
	if (def)
		buf_printf(out, "%s (%u%s)", def->name, value & ~abi->nr_bit,
			   abi->nr_bit ? ", x32" : "");
	else
		buf_printf(out, value < 1024 ? "%u" : "0x%x", value);
}

static const char *alu_text(unsigned op)
{
	switch (op) {
	case BPF_ADD:
		return "+";
	case BPF_SUB:
		return "-";
	case BPF_MUL:
		return "*";
	case BPF_DIV:
		return "/";
	case BPF_AND:
		return "&";
	case BPF_OR:
		return "|";
	case BPF_XOR:
		return "^";
	case BPF_LSH:
		return "<<";
	default:
		return ">>";
	}
}

static void put_jump(struct buf *out, const struct sock_filter *insn, unsigned pc,
		     const struct known *k)
{
	unsigned op = BPF_OP(insn->code);

	buf_printf(out, "if A %s ",
		   op == BPF_JEQ   ? "=="
		   : op == BPF_JGT ? ">"
		   : op == BPF_JGE ? ">="
				   : "&");
	if (bpf_op(insn) == BPF_OP_JMP_X)
		buf_puts(out, "X");
	else if (op == BPF_JSET)
		buf_printf(out, "0x%x", insn->k);
	else
		put_constant(out, k, insn->k);
	buf_printf(out, " goto %u else %u", pc + 1 + insn->jt, pc + 1 + insn->jf);
}

static void put_insn(struct buf *out, const struct sock_filter *insn, unsigned pc,
		     const struct known *k)
{
	switch (bpf_op(insn)) {
	case BPF_OP_BAD:
		buf_printf(out, "? code 0x%x k 0x%x", insn->code, insn->k);
		break;
	case BPF_OP_LD_ABS:
		buf_puts(out, "A = ");
		put_word(out, insn->k / 4);
		break;
	case BPF_OP_LD_IMM:
	case BPF_OP_LDX_IMM:
		buf_printf(out, "%c = 0x%x", bpf_op(insn) == BPF_OP_LD_IMM ? 'A' : 'X', insn->k);
		break;
	case BPF_OP_LD_MEM:
	case BPF_OP_LDX_MEM:
		buf_printf(out, "%c = M[%u]", bpf_op(insn) == BPF_OP_LD_MEM ? 'A' : 'X', insn->k);
		break;
	case BPF_OP_LD_LEN:
	case BPF_OP_LDX_LEN:
		buf_printf(out, "%c = length", bpf_op(insn) == BPF_OP_LD_LEN ? 'A' : 'X');
		break;
	case BPF_OP_ST:
	case BPF_OP_STX:
		buf_printf(out, "M[%u] = %c", insn->k, bpf_op(insn) == BPF_OP_ST ? 'A' : 'X');
		break;
	case BPF_OP_ALU_K:
		buf_printf(out, "A = A %s 0x%x", alu_text(BPF_OP(insn->code)), insn->k);
		break;
	case BPF_OP_ALU_X:
		buf_printf(out, "A = A %s X", alu_text(BPF_OP(insn->code)));
		break;
	case BPF_OP_NEG:
		buf_puts(out, "A = -A");
		break;
	case BPF_OP_TAX:
		buf_puts(out, "X = A");
		break;
	case BPF_OP_TXA:
		buf_puts(out, "A = X");
		break;
	case BPF_OP_JA:
		buf_printf(out, "goto %u", pc + 1 + insn->k);
		break;
	case BPF_OP_JMP_K:
	case BPF_OP_JMP_X:
		put_jump(out, insn, pc, k);
		break;
	case BPF_OP_RET_K:
		buf_puts(out, "return ");
		bpf_verdict_text(insn->k, out);
		break;
	case BPF_OP_RET_A:
		buf_puts(out, "return A");
		break;
	}
}

void bpf_disasm(const struct bpf_prog *prog, struct buf *ret_text)
{
	/* Jumps of a program that was not validated may lead outside. */
	bool is_valid = bpf_validate(prog->insns, prog->len, NULL) == 0;
	_cleanup_free_ struct known *known = calloc(prog->len + 1, sizeof(*known));

	if (!known) {
		ret_text->failed = true;
		return;
	}
	known[0].is_reached = true;
	for (unsigned pc = 0; pc < prog->len; pc++) {
		if (is_valid && known[pc].is_reached)
			spread(&prog->insns[pc], pc, known);
		buf_printf(ret_text, "%5u  ", pc);
		put_insn(ret_text, &prog->insns[pc], pc, &known[pc]);
		buf_puts(ret_text, "\n");
	}
}
