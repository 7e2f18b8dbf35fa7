/* SPDX-License-Identifier: Apache-2.0 */
/* Decision DAG -> program, written from its end: what is jumped to stands already, so every offset is
 * known when its jump is written. Each node once; what is too far for eight bits gets a copy (returns)
 * or a jump in between. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/dag.h"
#include "arch/bpf/op.h"

#define JUMP_MAX 255u
/* A program that would be larger than this many times what the kernel takes is given up on. */
#define EMIT_MAX (4u * BPF_MAXINSNS)
/* Computing one value takes at most this many instructions. */
#define EXPR_MAX 256u

/* Where a node can be entered, counted from the program's end; 0: nowhere yet. */
struct entry {
	uint32_t bare;	 /* its value is in A already */
	uint32_t loaded; /* it loads what it needs */
};

#define WAY	     1u
#define WAY_UNLOADED 2u /* some way into the node does not have its value in A */

struct emitter {
	struct bpf_dag *dag;
	struct sock_filter *code; /* backwards */
	unsigned n;
	struct entry *entries;
	uint8_t *ways;	/* WAY_*: how nodes are entered; 0: not reachable */
	uint32_t *size; /* of the node's tree, saturating: what is larger is put farther away */
	struct sock_filter expr[EXPR_MAX];
	unsigned n_expr;
	int error;
};

static void put(struct emitter *e, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (e->n >= EMIT_MAX) {
		e->error = -E2BIG;
		return;
	}
	e->code[e->n++] = (struct sock_filter){ .code = code, .jt = jt, .jf = jf, .k = k };
}

static void expr_put(struct emitter *e, uint16_t code, uint32_t k)
{
	if (e->n_expr >= EXPR_MAX) {
		e->error = -E2BIG;
		return;
	}
	e->expr[e->n_expr++] = (struct sock_filter){ .code = code, .k = k };
}

/* True if computing it takes X. */
static bool expr_uses_x(const struct bpf_dag *dag, uint32_t id)
{
	const struct bpf_expr *x = &dag->exprs[id];

	if (x->kind == BPF_EXPR_NEG)
		return expr_uses_x(dag, x->a);
	return x->kind == BPF_EXPR_ALU && (!bpf_expr_is_const(dag, x->b) || expr_uses_x(dag, x->a));
}

static void expr_to_a(struct emitter *e, uint32_t id, unsigned slot);

/* b into X and a into A; scratch words from `slot` on are free. */
static void expr_to_a_and_x(struct emitter *e, uint32_t a, uint32_t b, unsigned slot)
{
	expr_to_a(e, b, slot);
	if (!expr_uses_x(e->dag, a)) {
		expr_put(e, BPF_MISC | BPF_TAX, 0);
		expr_to_a(e, a, slot);
		return;
	}
	if (slot >= BPF_BLOCK_SLOT) {
		e->error = -E2BIG;
		return;
	}
	expr_put(e, BPF_ST, slot);
	expr_to_a(e, a, slot + 1);
	expr_put(e, BPF_LDX | BPF_MEM, slot);
}

static void expr_to_a(struct emitter *e, uint32_t id, unsigned slot)
{
	const struct bpf_expr *x = &e->dag->exprs[id];

	if (x->size > EXPR_MAX)
		e->error = -E2BIG;
	if (e->error)
		return;
	switch (x->kind) {
	case BPF_EXPR_CONST:
		expr_put(e, BPF_LD | BPF_IMM, x->a);
		break;
	case BPF_EXPR_LOAD:
		expr_put(e, BPF_LD | BPF_W | BPF_ABS, 4 * x->a);
		break;
	case BPF_EXPR_SCRATCH:
		expr_put(e, BPF_LD | BPF_MEM, x->a);
		break;
	case BPF_EXPR_NEG:
		expr_to_a(e, x->a, slot);
		expr_put(e, BPF_ALU | BPF_NEG, 0);
		break;
	default:
		if (bpf_expr_is_const(e->dag, x->b)) {
			expr_to_a(e, x->a, slot);
			expr_put(e, BPF_ALU | x->op | BPF_K, e->dag->exprs[x->b].a);
		} else {
			expr_to_a_and_x(e, x->a, x->b, slot);
			expr_put(e, BPF_ALU | x->op | BPF_X, 0);
		}
	}
}

/* What stands in e->expr goes in front of what is written already. */
static void flush_expr(struct emitter *e)
{
	while (e->n_expr > 0) {
		const struct sock_filter *insn = &e->expr[--e->n_expr];

		put(e, insn->code, 0, 0, insn->k);
	}
}

/* The kernel's check of scratch words takes a return as falling through to the next instruction. What
 * reads a block's slot must not seem to be reached like that: a jump that nobody takes stands before. */
static void put_guard(struct emitter *e, uint32_t words)
{
	if (words & BPF_WORD_BIT(BPF_WORD_SLOT))
		put(e, BPF_JMP | BPF_JA, 0, 0, e->n - 1);
}

/* Entry of `to` for one who comes with the value of expression `a` in A. */
static uint32_t *entry_for(struct emitter *e, uint32_t to, uint32_t a)
{
	const struct bpf_node *n = &e->dag->nodes[to];

	if (n->kind == BPF_NODE_TEST && n->a == a && bpf_expr_is_const(e->dag, n->b))
		return &e->entries[to].bare;
	return &e->entries[to].loaded;
}

static uint8_t way_into(struct emitter *e, uint32_t to, uint32_t a)
{
	return entry_for(e, to, a) == &e->entries[to].bare ? WAY : WAY | WAY_UNLOADED;
}

/* Brings `to` within reach of a jump that stands `spare` instructions further to the front. */
static void bring_near(struct emitter *e, uint32_t to, uint32_t *entry, unsigned spare)
{
	uint32_t verdict;

	if (e->n - *entry + spare <= JUMP_MAX)
		return;
	if (bpf_node_is_const(e->dag, to, &verdict))
		put(e, BPF_RET | BPF_K, 0, 0, verdict);
	else
		put(e, BPF_JMP | BPF_JA, 0, 0, e->n - *entry);
	*entry = e->n;
}

/* A conditional jump to two nodes that stand already; `a` is what A holds then. */
static void put_test(struct emitter *e, uint16_t code, uint32_t k, uint32_t a, uint32_t t,
		     uint32_t f)
{
	uint32_t *et = entry_for(e, t, a), *ef = entry_for(e, f, a);

	/* Bringing one near may push the other away: by one, so one to spare will do. */
	bring_near(e, t, et, 1);
	bring_near(e, f, ef, 0);
	put(e, code, (uint8_t)(e->n - *et), (uint8_t)(e->n - *ef), k);
}

static void emit_node(struct emitter *e, uint32_t node);

static void emit_test(struct emitter *e, uint32_t node)
{
	const struct bpf_node *n = &e->dag->nodes[node];
	bool is_k = bpf_expr_is_const(e->dag, n->b);
	bool t_first = e->size[n->t] > e->size[n->f];

	emit_node(e, t_first ? n->t : n->f);
	emit_node(e, t_first ? n->f : n->t);
	if (e->error)
		return;
	put_test(e, (uint16_t)(BPF_JMP | n->op | (is_k ? BPF_K : BPF_X)),
		 is_k ? e->dag->exprs[n->b].a : 0, n->a, n->t, n->f);
	e->entries[node].bare = e->n;
	if (is_k && !(e->ways[node] & WAY_UNLOADED))
		return;
	if (is_k)
		expr_to_a(e, n->a, 0);
	else
		expr_to_a_and_x(e, n->a, n->b, 0);
	flush_expr(e);
	e->entries[node].loaded = e->n;
	put_guard(e, e->dag->exprs[n->a].words | e->dag->exprs[n->b].words);
}

static void emit_ret(struct emitter *e, uint32_t node)
{
	const struct bpf_node *n = &e->dag->nodes[node];

	if (bpf_expr_is_const(e->dag, n->a)) {
		put(e, BPF_RET | BPF_K, 0, 0, e->dag->exprs[n->a].a);
	} else {
		put(e, BPF_RET | BPF_A, 0, 0, 0);
		expr_to_a(e, n->a, 0);
		flush_expr(e);
	}
	e->entries[node].loaded = e->n;
	put_guard(e, e->dag->exprs[n->a].words);
}

/* One instruction of a block; at[pc] is where each later one stands. */
static void emit_block_insn(struct emitter *e, const struct bpf_block *block, unsigned pc,
			    uint32_t *at)
{
	const struct sock_filter *insn = &block->prog->insns[pc];
	uint32_t exit = block->exits[pc];

	switch ((int)bpf_op(insn)) {
	case BPF_OP_RET_K:
	case BPF_OP_RET_A:
		if (e->n - e->entries[exit].loaded > 0)
			put(e, BPF_JMP | BPF_JA, 0, 0, e->n - e->entries[exit].loaded);
		if (bpf_op(insn) == BPF_OP_RET_A)
			put(e, BPF_ST, 0, 0, BPF_BLOCK_SLOT);
		break;
	case BPF_OP_JA:
		put(e, insn->code, 0, 0, e->n - at[pc + 1 + insn->k]);
		break;
	case BPF_OP_JMP_K:
	case BPF_OP_JMP_X: {
		uint32_t *t = &at[pc + 1 + insn->jt], *f = &at[pc + 1 + insn->jf];

		for (int i = 0; i < 2; i++) {
			uint32_t *to = i ? f : t;

			if (e->n - *to + (i == 0) <= JUMP_MAX)
				continue;
			put(e, BPF_JMP | BPF_JA, 0, 0, e->n - *to);
			*to = e->n;
		}
		put(e, insn->code, (uint8_t)(e->n - *t), (uint8_t)(e->n - *f), insn->k);
		break;
	}
	default:
		put(e, insn->code, insn->jt, insn->jf, insn->k);
	}
	at[pc] = e->n;
}

static bool reads_x(const struct bpf_prog *prog)
{
	for (unsigned pc = 0; pc < prog->len; pc++) {
		enum bpf_op op = bpf_op(&prog->insns[pc]);

		if (op == BPF_OP_STX || op == BPF_OP_TXA || op == BPF_OP_ALU_X ||
		    op == BPF_OP_JMP_X)
			return true;
	}
	return false;
}

static void emit_block(struct emitter *e, uint32_t node)
{
	const struct bpf_block *block = &e->dag->blocks[e->dag->nodes[node].a];
	_cleanup_free_ uint32_t *at = calloc(block->prog->len + 1, sizeof(*at));

	if (!at) {
		e->error = -ENOMEM;
		return;
	}
	for (unsigned pc = 0; pc < block->prog->len; pc++)
		if (block->exits[pc])
			emit_node(e, block->exits[pc]);
	for (unsigned pc = block->prog->len; pc-- > 0 && !e->error;) {
		/* What follows by falling through may have been pushed away by a jump in between. */
		if (BPF_CLASS(block->prog->insns[pc].code) != BPF_RET &&
		    BPF_CLASS(block->prog->insns[pc].code) != BPF_JMP && at[pc + 1] != e->n)
			put(e, BPF_JMP | BPF_JA, 0, 0, e->n - at[pc + 1]);
		emit_block_insn(e, block, pc, at);
	}
	/* The program may count on A and X being 0 when it begins. Only where it does: the kernel's bitmap
	 * wants no LD IMM on the way to an allowed call. */
	if (reads_x(block->prog))
		put(e, BPF_LDX | BPF_IMM, 0, 0, 0);
	if (bpf_op(&block->prog->insns[0]) != BPF_OP_LD_ABS)
		put(e, BPF_LD | BPF_IMM, 0, 0, 0);
	e->entries[node].loaded = e->n;
}

static void emit_node(struct emitter *e, uint32_t node)
{
	if (e->error || e->entries[node].bare || e->entries[node].loaded)
		return;
	switch (e->dag->nodes[node].kind) {
	case BPF_NODE_RET:
		emit_ret(e, node);
		break;
	case BPF_NODE_TEST:
		emit_test(e, node);
		break;
	default:
		emit_block(e, node);
	}
}

/* Children have smaller ids than their parents: one pass up for sizes, one down for the ways in. */
static void survey(struct emitter *e, uint32_t root)
{
	const struct bpf_dag *dag = e->dag;

	for (uint32_t id = 1; id <= root; id++) {
		const struct bpf_node *n = &dag->nodes[id];
		uint32_t size = 1;

		if (n->kind == BPF_NODE_TEST)
			size = 1 + e->size[n->t] + e->size[n->f];
		else if (n->kind == BPF_NODE_BLOCK)
			size = dag->blocks[n->a].prog->len;
		e->size[id] = size > 1u << 24 ? 1u << 24 : size;
	}
	e->ways[root] = WAY | WAY_UNLOADED;
	for (uint32_t id = root; id > 0; id--) {
		const struct bpf_node *n = &dag->nodes[id];

		if (!e->ways[id])
			continue;
		if (n->kind == BPF_NODE_TEST) {
			e->ways[n->t] |= way_into(e, n->t, n->a);
			e->ways[n->f] |= way_into(e, n->f, n->a);
		} else if (n->kind == BPF_NODE_BLOCK) {
			const struct bpf_block *block = &dag->blocks[n->a];

			for (unsigned pc = 0; pc < block->prog->len; pc++)
				e->ways[block->exits[pc]] |= WAY | WAY_UNLOADED;
		}
	}
}

static int take_program(struct emitter *e, struct bpf_prog *ret_prog)
{
	struct sock_filter *insns;

	*ret_prog = (struct bpf_prog){ .len = e->n };
	if (e->error == -E2BIG && e->n <= BPF_MAXINSNS)
		ret_prog->len = BPF_MAXINSNS + 1;
	if (e->error)
		return e->error;
	if (e->n > BPF_MAXINSNS)
		return -E2BIG;
	insns = malloc(e->n * sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	for (unsigned i = 0; i < e->n; i++)
		insns[i] = e->code[e->n - 1 - i];
	ret_prog->insns = insns;
	return 0;
}

int bpf_emit(struct bpf_dag *dag, uint32_t node, struct bpf_prog *ret_prog)
{
	_cleanup_free_ struct emitter *e = calloc(1, sizeof(*e));
	int r = -ENOMEM;

	if (dag->error || !e)
		return dag->error ? dag->error : -ENOMEM;
	e->dag = dag;
	e->code = malloc(EMIT_MAX * sizeof(*e->code));
	e->entries = calloc(node + 1, sizeof(*e->entries));
	e->ways = calloc(node + 1, 1);
	e->size = calloc(node + 1, sizeof(*e->size));
	if (e->code && e->entries && e->ways && e->size) {
		survey(e, node);
		emit_node(e, node);
		r = take_program(e, ret_prog);
	}
	free(e->code);
	free(e->entries);
	free(e->ways);
	free(e->size);
	return r;
}
