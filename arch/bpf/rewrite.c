/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions under assumptions: a word known, a word known to be none of some values, tests repeated. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/dag.h"
#include "arch/bpf/op.h"

uint32_t bpf_expr_eval(const struct bpf_dag *dag, uint32_t e, const uint32_t words[BPF_WORDS])
{
	const struct bpf_expr *x = &dag->exprs[e];

	switch (x->kind) {
	case BPF_EXPR_CONST:
		return x->a;
	case BPF_EXPR_LOAD:
		return words[x->a];
	case BPF_EXPR_NEG:
		return -bpf_expr_eval(dag, x->a, words);
	case BPF_EXPR_ALU:
		return bpf_alu(x->op, bpf_expr_eval(dag, x->a, words),
			       bpf_expr_eval(dag, x->b, words));
	default:
		return 0;
	}
}

uint32_t bpf_node_eval(const struct bpf_dag *dag, uint32_t node, const struct seccomp_data *data)
{
	uint32_t words[BPF_WORDS];

	memcpy(words, data, sizeof(words));
	for (;;) {
		const struct bpf_node *n = &dag->nodes[node];

		if (n->kind == BPF_NODE_RET)
			return bpf_expr_eval(dag, n->a, words);
		if (n->kind == BPF_NODE_BLOCK)
			return bpf_run(dag->blocks[n->a].prog, data, NULL);
		node = bpf_test(n->op, bpf_expr_eval(dag, n->a, words),
				bpf_expr_eval(dag, n->b, words))
			       ? n->t
			       : n->f;
	}
}

struct assumption {
	unsigned word;
	/* NULL: the word is `value`; else it is none of these. */
	const uint32_t *excluded;
	size_t n_excluded;
	uint32_t value;
};

static bool is_excluded(const struct bpf_dag *dag, const struct bpf_node *n,
			const struct assumption *as)
{
	const struct bpf_expr *a = &dag->exprs[n->a], *b = &dag->exprs[n->b];

	if (n->op != BPF_JEQ || a->kind != BPF_EXPR_LOAD || a->a != as->word ||
	    b->kind != BPF_EXPR_CONST)
		return false;
	for (size_t i = 0; i < as->n_excluded; i++)
		if (as->excluded[i] == b->a)
			return true;
	return false;
}

/* Operands come before what is made of them (ids ascend), so one pass in the order of ids will do. */
static void map_exprs(struct bpf_dag *dag, const struct assumption *as, uint32_t n, uint32_t *map)
{
	for (uint32_t id = 0; id < n; id++) {
		const struct bpf_expr *x = &dag->exprs[id];

		if (!(x->words & BPF_WORD_BIT(as->word)) || as->excluded)
			map[id] = id;
		else if (x->kind == BPF_EXPR_LOAD)
			map[id] = bpf_expr_const(dag, as->value);
		else if (x->kind == BPF_EXPR_NEG)
			map[id] = bpf_expr_neg(dag, map[x->a]);
		else
			map[id] = bpf_expr_alu(dag, x->op, map[x->a], map[x->b]);
	}
}

static uint32_t map_node(struct bpf_dag *dag, const struct assumption *as, uint32_t id,
			 const uint32_t *exprs, const uint32_t *nodes)
{
	const struct bpf_node *n = &dag->nodes[id];

	if (n->kind == BPF_NODE_BLOCK || !(n->words & BPF_WORD_BIT(as->word)))
		return id;
	if (n->kind == BPF_NODE_RET)
		return bpf_node_ret_expr(dag, exprs[n->a]);
	if (as->excluded && is_excluded(dag, n, as))
		return nodes[n->f];
	return bpf_node_test(dag, n->op, exprs[n->a], exprs[n->b], nodes[n->t], nodes[n->f]);
}

static uint32_t assume(struct bpf_dag *dag, uint32_t root, const struct assumption *as)
{
	_cleanup_free_ uint32_t *exprs = NULL, *nodes = NULL;
	_cleanup_free_ uint8_t *wanted = NULL;

	if (!(dag->nodes[root].words & BPF_WORD_BIT(as->word)))
		return root;
	exprs = malloc(dag->n_exprs * sizeof(*exprs));
	nodes = malloc((root + 1) * sizeof(*nodes));
	wanted = calloc(root + 1, 1);
	if (!exprs || !nodes || !wanted) {
		dag->error = -ENOMEM;
		return 0;
	}
	map_exprs(dag, as, dag->n_exprs, exprs);
	wanted[root] = 1;
	for (uint32_t id = root; id > 0; id--) {
		const struct bpf_node *n = &dag->nodes[id];

		if (wanted[id] && n->kind == BPF_NODE_TEST)
			wanted[n->t] = wanted[n->f] = 1;
	}
	for (uint32_t id = 0; id <= root; id++)
		if (wanted[id])
			nodes[id] = map_node(dag, as, id, exprs, nodes);
	return nodes[root];
}

uint32_t bpf_node_restrict(struct bpf_dag *dag, uint32_t node, unsigned word, uint32_t value)
{
	return assume(dag, node, &(struct assumption){ .word = word, .value = value });
}

uint32_t bpf_node_exclude(struct bpf_dag *dag, uint32_t node, unsigned word, const uint32_t *values,
			  size_t n)
{
	return n ? assume(dag, node,
			  &(struct assumption){ .word = word, .excluded = values, .n_excluded = n })
		 : node;
}

/* Outcomes of the tests on the way down. */
#define FACTS_MAX    64
#define PRUNE_BUDGET 4000

struct fact {
	uint32_t a, k;
	uint8_t op;
	bool held;
};

struct pruner {
	struct bpf_dag *dag;
	struct fact facts[FACTS_MAX];
	unsigned n, budget;
};

/* What the facts leave of expression `a`: an interval, and bits surely clear. */
struct known {
	uint32_t lo, hi, clear;
};

static struct known facts_about(const struct pruner *p, uint32_t a)
{
	struct known s = { .hi = ~0u };

	for (unsigned i = 0; i < p->n; i++) {
		const struct fact *f = &p->facts[i];

		if (f->a != a)
			continue;
		if (f->op == BPF_JEQ && f->held)
			s.lo = s.hi = f->k;
		else if (f->op == BPF_JGE && f->held && f->k > s.lo)
			s.lo = f->k;
		else if (f->op == BPF_JGE && !f->held && f->k - 1 < s.hi)
			s.hi = f->k - 1;
		else if (f->op == BPF_JSET && !f->held)
			s.clear |= f->k;
	}
	return s;
}

/* 1: holds, 0: does not, -1: cannot be told. */
static int outcome(const struct pruner *p, unsigned op, uint32_t a, uint32_t k)
{
	struct known s = facts_about(p, a);

	if (s.lo == s.hi)
		return bpf_test(op, s.lo, k);
	if (op == BPF_JGE)
		return s.lo >= k ? 1 : s.hi < k ? 0 : -1;
	if (op == BPF_JEQ && (k < s.lo || k > s.hi || k & s.clear))
		return 0;
	if (op == BPF_JSET && !(k & ~s.clear))
		return 0;
	for (unsigned i = 0; i < p->n; i++) {
		const struct fact *f = &p->facts[i];

		if (f->a != a || f->op != op)
			continue;
		if (op == BPF_JEQ && f->k == k)
			return 0; /* had it held, lo were hi */
		if (op == BPF_JSET && f->held && !(f->k & ~k))
			return 1;
	}
	return -1;
}

static uint32_t prune(struct pruner *p, uint32_t node)
{
	const struct bpf_node *n = &p->dag->nodes[node];
	struct fact *fact = &p->facts[p->n];
	uint32_t t, f;
	int known;

	if (n->kind != BPF_NODE_TEST)
		return node;
	if (!bpf_expr_is_const(p->dag, n->b) || p->n == FACTS_MAX || p->budget == 0) {
		p->budget = 0;
		return node;
	}
	p->budget--;
	known = outcome(p, n->op, n->a, p->dag->exprs[n->b].a);
	if (known >= 0)
		return prune(p, known ? n->t : n->f);
	p->n++;
	*fact = (struct fact){ .a = n->a, .k = p->dag->exprs[n->b].a, .op = n->op, .held = true };
	t = prune(p, n->t);
	fact->held = false;
	f = prune(p, n->f);
	p->n--;
	return bpf_node_test(p->dag, n->op, n->a, n->b, t, f);
}

uint32_t bpf_node_prune(struct bpf_dag *dag, uint32_t node)
{
	struct pruner p = { .dag = dag, .budget = PRUNE_BUDGET };
	uint32_t r = prune(&p, node);

	/* Out of budget: what was rewritten is right, but may be larger than what was there. */
	return p.budget ? r : node;
}
