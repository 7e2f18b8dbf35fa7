/* SPDX-License-Identifier: Apache-2.0 */
/* Hash-consed expressions and decisions: building and normal forms. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/bpf/dag.h"
#include "arch/bpf/op.h"

#define TABLE_MIN 1024u

int bpf_dag_init(struct bpf_dag *dag, uint32_t max_nodes)
{
	*dag = (struct bpf_dag){ .max_nodes = max_nodes, .n_exprs = 1, .n_nodes = 1 };
	/* Whole at once: pages that are never used are never there, and pointers into them stay. */
	dag->exprs = malloc(max_nodes * sizeof(*dag->exprs));
	dag->nodes = malloc(max_nodes * sizeof(*dag->nodes));
	dag->expr_table.slots = calloc(TABLE_MIN, sizeof(uint32_t));
	dag->node_table.slots = calloc(TABLE_MIN, sizeof(uint32_t));
	dag->expr_table.mask = dag->node_table.mask = TABLE_MIN - 1;
	if (!dag->exprs || !dag->nodes || !dag->expr_table.slots || !dag->node_table.slots) {
		bpf_dag_done(dag);
		return -ENOMEM;
	}
	/* What id 0 stands for after an error: harmless to look at, closed to everything. */
	dag->exprs[0] = (struct bpf_expr){ .kind = BPF_EXPR_CONST };
	dag->nodes[0] = (struct bpf_node){ .kind = BPF_NODE_RET };
	return 0;
}

void bpf_dag_done(struct bpf_dag *dag)
{
	for (uint32_t i = 0; i < dag->n_blocks; i++)
		free(dag->blocks[i].exits);
	free(dag->blocks);
	free(dag->exprs);
	free(dag->nodes);
	free(dag->expr_table.slots);
	free(dag->node_table.slots);
	*dag = (struct bpf_dag){ 0 };
}

static uint32_t hash(uint32_t kind_op, uint32_t a, uint32_t b, uint32_t t, uint32_t f)
{
	uint64_t h = kind_op * 0x9e3779b97f4a7c15ull;

	h = (h ^ a) * 0xff51afd7ed558ccdull;
	h = (h ^ b ^ h >> 29) * 0xc4ceb9fe1a85ec53ull;
	h = (h ^ t ^ h >> 31) * 0xff51afd7ed558ccdull;
	h = (h ^ f ^ h >> 29) * 0xc4ceb9fe1a85ec53ull;
	return (uint32_t)(h >> 32);
}

static uint32_t expr_hash(const struct bpf_expr *e)
{
	return hash(e->kind | e->op << 8, e->a, e->b, 0, 0);
}

static uint32_t node_hash(const struct bpf_node *n)
{
	return hash(n->kind | n->op << 8, n->a, n->b, n->t, n->f);
}

static void table_put(struct bpf_table *table, uint32_t id, uint32_t at)
{
	for (at &= table->mask; table->slots[at]; at = (at + 1) & table->mask)
		;
	table->slots[at] = id;
	table->n++;
}

/* Room for one more; n_items items are hashed anew when the table grows. */
static int table_reserve(struct bpf_dag *dag, struct bpf_table *table, bool is_expr,
			 uint32_t n_items)
{
	struct bpf_table more = { .mask = 4 * table->mask + 3 };

	if (n_items >= dag->max_nodes) {
		dag->error = -E2BIG;
		return dag->error;
	}
	if (2 * table->n < table->mask)
		return 0;
	more.slots = calloc(more.mask + 1, sizeof(*more.slots));
	if (!more.slots) {
		dag->error = -ENOMEM;
		return dag->error;
	}
	for (uint32_t id = 1; id < n_items; id++)
		table_put(&more, id,
			  is_expr ? expr_hash(&dag->exprs[id]) : node_hash(&dag->nodes[id]));
	free(table->slots);
	*table = more;
	return 0;
}

static uint32_t expr_intern(struct bpf_dag *dag, const struct bpf_expr *want)
{
	uint32_t h = expr_hash(want);

	for (uint32_t at = h & dag->expr_table.mask; dag->expr_table.slots[at];
	     at = (at + 1) & dag->expr_table.mask) {
		const struct bpf_expr *e = &dag->exprs[dag->expr_table.slots[at]];

		if (e->kind == want->kind && e->op == want->op && e->a == want->a &&
		    e->b == want->b)
			return dag->expr_table.slots[at];
	}
	if (table_reserve(dag, &dag->expr_table, true, dag->n_exprs) < 0)
		return 0;
	dag->exprs[dag->n_exprs] = *want;
	table_put(&dag->expr_table, dag->n_exprs, h);
	return dag->n_exprs++;
}

static uint32_t node_intern(struct bpf_dag *dag, const struct bpf_node *want)
{
	uint32_t h = node_hash(want);

	for (uint32_t at = h & dag->node_table.mask; dag->node_table.slots[at];
	     at = (at + 1) & dag->node_table.mask) {
		const struct bpf_node *n = &dag->nodes[dag->node_table.slots[at]];

		if (n->kind == want->kind && n->op == want->op && n->a == want->a &&
		    n->b == want->b && n->t == want->t && n->f == want->f)
			return dag->node_table.slots[at];
	}
	if (table_reserve(dag, &dag->node_table, false, dag->n_nodes) < 0)
		return 0;
	dag->nodes[dag->n_nodes] = *want;
	table_put(&dag->node_table, dag->n_nodes, h);
	return dag->n_nodes++;
}

uint32_t bpf_expr_const(struct bpf_dag *dag, uint32_t value)
{
	return expr_intern(dag, &(struct bpf_expr){ BPF_EXPR_CONST, .size = 1, .a = value });
}

uint32_t bpf_expr_load(struct bpf_dag *dag, unsigned word)
{
	return expr_intern(dag, &(struct bpf_expr){ BPF_EXPR_LOAD, .size = 1,
						    .words = BPF_WORD_BIT(word), .a = word });
}

uint32_t bpf_expr_scratch(struct bpf_dag *dag, unsigned slot)
{
	return expr_intern(dag,
			   &(struct bpf_expr){ BPF_EXPR_SCRATCH, .size = 1,
					       .words = BPF_WORD_BIT(BPF_WORD_SLOT), .a = slot });
}

uint32_t bpf_expr_neg(struct bpf_dag *dag, uint32_t a)
{
	const struct bpf_expr *x = &dag->exprs[a];

	if (x->kind == BPF_EXPR_CONST)
		return bpf_expr_const(dag, -x->a);
	if (x->kind == BPF_EXPR_NEG)
		return x->a;
	return expr_intern(dag,
			   &(struct bpf_expr){ BPF_EXPR_NEG,
					       .size = (uint16_t)(x->size + (x->size < 0xffff)),
					       .words = x->words, .a = a });
}

static bool op_commutes(unsigned op)
{
	return op == BPF_ADD || op == BPF_MUL || op == BPF_AND || op == BPF_OR || op == BPF_XOR;
}

/* `a OP k` without an operation, or 0. */
static uint32_t alu_identity(struct bpf_dag *dag, unsigned op, uint32_t a, uint32_t k)
{
	switch (op) {
	case BPF_AND:
		return k == 0 ? bpf_expr_const(dag, 0) : k == ~0u ? a : 0;
	case BPF_MUL:
		return k == 0 ? bpf_expr_const(dag, 0) : k == 1 ? a : 0;
	case BPF_OR:
		return k == ~0u ? bpf_expr_const(dag, k) : k == 0 ? a : 0;
	case BPF_DIV:
		return k == 1 ? a : 0;
	default: /* ADD SUB XOR LSH RSH */
		return k == 0 ? a : 0;
	}
}

uint32_t bpf_expr_alu(struct bpf_dag *dag, unsigned op, uint32_t a, uint32_t b)
{
	const struct bpf_expr *x = &dag->exprs[a], *y = &dag->exprs[b];
	uint32_t k, same;
	unsigned size;

	if (x->kind == BPF_EXPR_CONST && y->kind == BPF_EXPR_CONST)
		return bpf_expr_const(dag, bpf_alu(op, x->a, y->a));
	if (op_commutes(op) && (x->kind == BPF_EXPR_CONST || (y->kind != BPF_EXPR_CONST && a > b)))
		return bpf_expr_alu(dag, op, b, a);
	if (y->kind == BPF_EXPR_CONST) {
		k = op == BPF_LSH || op == BPF_RSH ? y->a & 31 : y->a;
		same = alu_identity(dag, op, a, k);
		if (same)
			return same;
		if (op == BPF_AND && x->kind == BPF_EXPR_ALU && x->op == BPF_AND &&
		    bpf_expr_is_const(dag, x->b))
			return bpf_expr_alu(dag, op, x->a,
					    bpf_expr_const(dag, k & dag->exprs[x->b].a));
		b = bpf_expr_const(dag, k);
		y = &dag->exprs[b];
	}
	size = x->size + y->size + (y->kind == BPF_EXPR_CONST ? 0u : 3u);
	return expr_intern(dag,
			   &(struct bpf_expr){ BPF_EXPR_ALU, (uint8_t)op,
					       .size = (uint16_t)(size > 0xffff ? 0xffff : size),
					       .words = x->words | y->words, .a = a, .b = b });
}

uint32_t bpf_node_ret_expr(struct bpf_dag *dag, uint32_t e)
{
	return node_intern(
		dag, &(struct bpf_node){ BPF_NODE_RET, .words = dag->exprs[e].words, .a = e });
}

uint32_t bpf_node_ret(struct bpf_dag *dag, uint32_t verdict)
{
	return bpf_node_ret_expr(dag, bpf_expr_const(dag, verdict));
}

bool bpf_node_is_const(const struct bpf_dag *dag, uint32_t node, uint32_t *ret_verdict)
{
	const struct bpf_node *n = &dag->nodes[node];

	if (n->kind != BPF_NODE_RET || !bpf_expr_is_const(dag, n->a))
		return false;
	if (ret_verdict)
		*ret_verdict = dag->exprs[n->a].a;
	return true;
}

/* (x & m) == k and (x & m) & k as tests of x itself, where that is possible. Returns 0 if not. */
static uint32_t test_masked(struct bpf_dag *dag, unsigned op, const struct bpf_expr *and,
			    uint32_t k, uint32_t t, uint32_t f)
{
	uint32_t m = dag->exprs[ and->b].a, x = and->a;

	if (op == BPF_JSET)
		return m & k ? bpf_node_test(dag, op, x, bpf_expr_const(dag, m & k), t, f) : f;
	if (op != BPF_JEQ)
		return 0;
	if (k & ~m)
		return f;
	if (k == 0)
		return bpf_node_test(dag, BPF_JSET, x, and->b, f, t);
	if (k == m && (m & (m - 1)) == 0)
		return bpf_node_test(dag, BPF_JSET, x, and->b, t, f);
	return 0;
}

/* Tests against a constant in their normal form; 0: it has that form already. */
static uint32_t test_const(struct bpf_dag *dag, unsigned op, uint32_t a, uint32_t k, uint32_t t,
			   uint32_t f)
{
	const struct bpf_expr *x = &dag->exprs[a];

	if (x->kind == BPF_EXPR_CONST)
		return bpf_test(op, x->a, k) ? t : f;
	if (op == BPF_JGE && k == 0)
		return t;
	if (op == BPF_JGE && k == ~0u)
		return bpf_node_test(dag, BPF_JEQ, a, bpf_expr_const(dag, k), t, f);
	if (op == BPF_JGE && k == 1)
		return bpf_node_test(dag, BPF_JEQ, a, bpf_expr_const(dag, 0), f, t);
	if (op == BPF_JSET && k == 0)
		return f;
	if (op == BPF_JSET && k == ~0u)
		return bpf_node_test(dag, BPF_JEQ, a, bpf_expr_const(dag, 0), f, t);
	if (x->kind == BPF_EXPR_ALU && x->op == BPF_AND && bpf_expr_is_const(dag, x->b))
		return test_masked(dag, op, x, k, t, f);
	return 0;
}

uint32_t bpf_node_test(struct bpf_dag *dag, unsigned op, uint32_t a, uint32_t b, uint32_t t,
		       uint32_t f)
{
	uint32_t r;

	if (t == f)
		return t;
	if (a == b)
		return op == BPF_JEQ || op == BPF_JGE ? t
		       : op == BPF_JGT
			       ? f
			       : bpf_node_test(dag, BPF_JEQ, a, bpf_expr_const(dag, 0), f, t);
	if (op == BPF_JGT && bpf_expr_is_const(dag, b)) {
		if (dag->exprs[b].a == ~0u)
			return f;
		return bpf_node_test(dag, BPF_JGE, a, bpf_expr_const(dag, dag->exprs[b].a + 1), t,
				     f);
	}
	/* a > b is !(b >= a) */
	if (op == BPF_JGT)
		return bpf_node_test(dag, BPF_JGE, b, a, f, t);
	if (bpf_expr_is_const(dag, b)) {
		r = test_const(dag, op, a, dag->exprs[b].a, t, f);
		if (r)
			return r;
	} else if (bpf_expr_is_const(dag, a) || (op != BPF_JGE && a > b)) {
		/* k >= b is !(b > k) */
		return op == BPF_JGE ? bpf_node_test(dag, BPF_JGT, b, a, f, t)
				     : bpf_node_test(dag, op, b, a, t, f);
	}
	return node_intern(dag,
			   &(struct bpf_node){ BPF_NODE_TEST, (uint8_t)op,
					       .words = dag->exprs[a].words | dag->exprs[b].words |
							dag->nodes[t].words | dag->nodes[f].words,
					       .a = a, .b = b, .t = t, .f = f });
}

uint32_t bpf_node_block(struct bpf_dag *dag, const struct bpf_prog *prog, uint32_t *exits)
{
	struct bpf_block *more = realloc(dag->blocks, (dag->n_blocks + 1) * sizeof(*more));

	if (!more) {
		free(exits);
		dag->error = -ENOMEM;
		return 0;
	}
	dag->blocks = more;
	dag->blocks[dag->n_blocks] = (struct bpf_block){ .prog = prog, .exits = exits };
	return node_intern(dag, &(struct bpf_node){ BPF_NODE_BLOCK, .words = (1u << BPF_WORDS) - 1,
						    .a = dag->n_blocks++ });
}
