/* SPDX-License-Identifier: Apache-2.0 */
/* A program, read symbolically: every path followed, values carried as expressions. cBPF only jumps
 * forward, so this ends; equal states at one instruction are followed once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/dag.h"
#include "arch/bpf/op.h"

/* Beyond this many instructions followed a program is not worth taking apart (bpf_node_block). */
#define STEPS_MAX 100000u

/* Registers: scratch words 0..15, A, X. One bit each in liveness masks. */
enum { REG_A = BPF_MEMWORDS, REG_X, REGS };
#define BIT(r) (1u << (r))

struct state {
	uint32_t r[REGS]; /* expressions */
};

/* One visited (instruction, live registers) -> node. */
struct visit {
	uint32_t node;
	uint32_t next;	 /* in the same bucket, index + 1 */
	uint32_t values; /* where its live registers' values start */
	uint16_t pc;
};

struct lift {
	struct bpf_dag *dag;
	const struct bpf_prog *prog;
	uint32_t *live; /* registers read before written, from each instruction on */
	uint8_t *joins; /* ways into each instruction, saturating */
	struct visit *visits;
	uint32_t *values;
	uint32_t n_visits, cap_visits, n_values, cap_values;
	uint32_t buckets[1024];
	uint32_t steps;
};

/* Registers that an instruction reads and the one it writes (REGS: none). */
static uint32_t insn_reads(const struct sock_filter *insn)
{
	switch ((int)bpf_op(insn)) {
	case BPF_OP_LD_MEM:
	case BPF_OP_LDX_MEM:
		return BIT(insn->k);
	case BPF_OP_ST:
	case BPF_OP_ALU_K:
	case BPF_OP_NEG:
	case BPF_OP_JMP_K:
	case BPF_OP_RET_A:
	case BPF_OP_TAX:
		return BIT(REG_A);
	case BPF_OP_STX:
	case BPF_OP_TXA:
		return BIT(REG_X);
	case BPF_OP_ALU_X:
	case BPF_OP_JMP_X:
		return BIT(REG_A) | BIT(REG_X);
	default:
		return 0;
	}
}

static uint32_t insn_writes(const struct sock_filter *insn)
{
	switch ((int)bpf_op(insn)) {
	case BPF_OP_LD_ABS:
	case BPF_OP_LD_IMM:
	case BPF_OP_LD_MEM:
	case BPF_OP_LD_LEN:
	case BPF_OP_ALU_K:
	case BPF_OP_ALU_X:
	case BPF_OP_NEG:
	case BPF_OP_TXA:
		return REG_A;
	case BPF_OP_LDX_IMM:
	case BPF_OP_LDX_MEM:
	case BPF_OP_LDX_LEN:
	case BPF_OP_TAX:
		return REG_X;
	case BPF_OP_ST:
	case BPF_OP_STX:
		return insn->k;
	default:
		return REGS;
	}
}

static void find_live(struct lift *l)
{
	for (unsigned pc = l->prog->len; pc-- > 0;) {
		const struct sock_filter *insn = &l->prog->insns[pc];
		enum bpf_op op = bpf_op(insn);
		uint32_t live = 0, w = insn_writes(insn);
		unsigned to[2] = { pc + 1, 0 }, n = 1;

		if (op == BPF_OP_RET_K || op == BPF_OP_RET_A)
			n = 0;
		else if (op == BPF_OP_JA)
			to[0] = pc + 1 + insn->k;
		else if (op == BPF_OP_JMP_K || op == BPF_OP_JMP_X) {
			to[0] = pc + 1 + insn->jt;
			to[1] = pc + 1 + insn->jf;
			n = 2;
		}
		while (n-- > 0) {
			live |= l->live[to[n]];
			l->joins[to[n]] += l->joins[to[n]] < 2;
		}
		if (w < REGS)
			live &= ~BIT(w);
		l->live[pc] = live | insn_reads(insn);
	}
}

static uint32_t *visit_find(struct lift *l, unsigned pc, const struct state *s)
{
	uint32_t live = l->live[pc], h = pc * 0x9e3779b9u;

	for (uint32_t m = live; m; m &= m - 1)
		h = (h ^ s->r[__builtin_ctz(m)]) * 0x85ebca6bu;
	h = h >> 16 & (sizeof(l->buckets) / sizeof(l->buckets[0]) - 1);
	for (uint32_t i = l->buckets[h]; i; i = l->visits[i - 1].next) {
		const struct visit *v = &l->visits[i - 1];
		const uint32_t *value = &l->values[v->values];
		bool same = v->pc == pc;

		for (uint32_t m = live; m && same; m &= m - 1)
			same = *value++ == s->r[__builtin_ctz(m)];
		if (same)
			return &l->visits[i - 1].node;
	}
	return NULL;
}

static void visit_put(struct lift *l, unsigned pc, const struct state *s, uint32_t node)
{
	uint32_t live = l->live[pc], h = pc * 0x9e3779b9u;

	if (l->n_visits == l->cap_visits || l->n_values + REGS > l->cap_values) {
		uint32_t n = l->cap_visits ? 2 * l->cap_visits : 512;
		struct visit *visits = realloc(l->visits, n * sizeof(*visits));
		uint32_t *values;

		l->visits = visits ? visits : l->visits;
		values = realloc(l->values, n * REGS * sizeof(*values));
		l->values = values ? values : l->values;
		if (!visits || !values) {
			l->dag->error = -ENOMEM;
			return;
		}
		l->cap_visits = n;
		l->cap_values = n * REGS;
	}
	l->visits[l->n_visits] =
		(struct visit){ .node = node, .pc = (uint16_t)pc, .values = l->n_values };
	for (uint32_t m = live; m; m &= m - 1) {
		h = (h ^ s->r[__builtin_ctz(m)]) * 0x85ebca6bu;
		l->values[l->n_values++] = s->r[__builtin_ctz(m)];
	}
	h = h >> 16 & (sizeof(l->buckets) / sizeof(l->buckets[0]) - 1);
	l->visits[l->n_visits].next = l->buckets[h];
	l->buckets[h] = ++l->n_visits;
}

/* One instruction that neither jumps nor returns. */
static void lift_step(struct lift *l, struct state *s, const struct sock_filter *insn)
{
	struct bpf_dag *dag = l->dag;
	uint32_t w = insn_writes(insn), value = 0;

	switch ((int)bpf_op(insn)) {
	case BPF_OP_LD_ABS:
		value = bpf_expr_load(dag, insn->k / 4);
		break;
	case BPF_OP_LD_IMM:
	case BPF_OP_LDX_IMM:
		value = bpf_expr_const(dag, insn->k);
		break;
	case BPF_OP_LD_LEN:
	case BPF_OP_LDX_LEN:
		value = bpf_expr_const(dag, sizeof(struct seccomp_data));
		break;
	case BPF_OP_LD_MEM:
	case BPF_OP_LDX_MEM:
		value = s->r[insn->k];
		break;
	case BPF_OP_ST:
	case BPF_OP_TAX:
		value = s->r[REG_A];
		break;
	case BPF_OP_STX:
	case BPF_OP_TXA:
		value = s->r[REG_X];
		break;
	case BPF_OP_ALU_K:
		value = bpf_expr_alu(dag, BPF_OP(insn->code), s->r[REG_A],
				     bpf_expr_const(dag, insn->k));
		break;
	case BPF_OP_ALU_X:
		value = bpf_expr_alu(dag, BPF_OP(insn->code), s->r[REG_A], s->r[REG_X]);
		break;
	case BPF_OP_NEG:
		value = bpf_expr_neg(dag, s->r[REG_A]);
		break;
	default:
		break;
	}
	if (w < REGS)
		s->r[w] = value;
}

static uint32_t follow(struct lift *l, unsigned pc, struct state *s);

/* Follows from an instruction, or remembers having done so. */
static uint32_t follow_once(struct lift *l, unsigned pc, const struct state *s)
{
	struct state copy = *s;
	uint32_t *known, node;

	if (l->joins[pc] < 2)
		return follow(l, pc, &copy);
	known = visit_find(l, pc, s);
	if (known)
		return *known;
	node = follow(l, pc, &copy);
	visit_put(l, pc, s, node);
	return node;
}

/* A division by a variable ends the program with 0 if that is 0. */
static uint32_t follow_division(struct lift *l, unsigned pc, struct state *s)
{
	struct bpf_dag *dag = l->dag;
	uint32_t x = s->r[REG_X], rest;

	if (bpf_expr_is_const(dag, x) && dag->exprs[x].a == 0)
		return bpf_node_ret(dag, 0);
	lift_step(l, s, &l->prog->insns[pc]);
	rest = follow_once(l, pc + 1, s);
	return bpf_node_test(dag, BPF_JEQ, x, bpf_expr_const(dag, 0), bpf_node_ret(dag, 0), rest);
}

static uint32_t follow_test(struct lift *l, unsigned pc, struct state *s)
{
	const struct sock_filter *insn = &l->prog->insns[pc];
	struct bpf_dag *dag = l->dag;
	uint32_t a = s->r[REG_A], t, f;
	uint32_t b = bpf_op(insn) == BPF_OP_JMP_X ? s->r[REG_X] : bpf_expr_const(dag, insn->k);

	if (bpf_expr_is_const(dag, a) && bpf_expr_is_const(dag, b))
		return follow_once(
			l,
			pc + 1 +
				(bpf_test(BPF_OP(insn->code), dag->exprs[a].a, dag->exprs[b].a)
					 ? insn->jt
					 : insn->jf),
			s);
	t = follow_once(l, pc + 1 + insn->jt, s);
	f = insn->jt == insn->jf ? t : follow_once(l, pc + 1 + insn->jf, s);
	return bpf_node_test(dag, BPF_OP(insn->code), a, b, t, f);
}

static uint32_t follow(struct lift *l, unsigned pc, struct state *s)
{
	for (;; pc++) {
		const struct sock_filter *insn = &l->prog->insns[pc];
		enum bpf_op op = bpf_op(insn);

		if (++l->steps > STEPS_MAX)
			l->dag->error = -E2BIG;
		if (l->dag->error)
			return 0;
		if (op == BPF_OP_RET_K)
			return bpf_node_ret(l->dag, insn->k);
		if (op == BPF_OP_RET_A)
			return bpf_node_ret_expr(l->dag, s->r[REG_A]);
		if (op == BPF_OP_JA)
			return follow_once(l, pc + 1 + insn->k, s);
		if (op == BPF_OP_JMP_K || op == BPF_OP_JMP_X)
			return follow_test(l, pc, s);
		if (op == BPF_OP_ALU_X && BPF_OP(insn->code) == BPF_DIV)
			return follow_division(l, pc, s);
		lift_step(l, s, insn);
		if (l->joins[pc + 1] > 1)
			return follow_once(l, pc + 1, s);
	}
}

int bpf_lift(struct bpf_dag *dag, const struct bpf_prog *prog, uint32_t *ret_node)
{
	_cleanup_free_ struct lift *l = calloc(1, sizeof(*l));
	struct state s;
	uint32_t zero = bpf_expr_const(dag, 0);

	if (!l)
		return -ENOMEM;
	*l = (struct lift){ .dag = dag, .prog = prog };
	l->live = calloc(prog->len + 1, sizeof(*l->live));
	l->joins = calloc(prog->len + 1, sizeof(*l->joins));
	if (l->live && l->joins) {
		for (unsigned i = 0; i < REGS; i++)
			s.r[i] = zero;
		find_live(l);
		*ret_node = follow(l, 0, &s);
	} else {
		dag->error = -ENOMEM;
	}
	free(l->live);
	free(l->joins);
	free(l->visits);
	free(l->values);
	return dag->error;
}
