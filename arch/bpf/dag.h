/* SPDX-License-Identifier: Apache-2.0 */
/* A filter as a decision DAG: tests on words of seccomp_data, verdicts at the leaves. HACKING.md, "The
 * merge". Programs are lifted into it, specialised, composed with rules, and emitted from it. */
#pragma once

#include "arch/bpf/bpf.h"

/* Words of struct seccomp_data as loads see them; one bit each in `words` masks. */
#define BPF_WORD_NR	0
#define BPF_WORD_ARCH	1
#define BPF_WORDS	(sizeof(struct seccomp_data) / 4)
#define BPF_WORD_BIT(w) (1u << (w))
/* Not a word of the call's: what a block left in its slot. */
#define BPF_WORD_SLOT BPF_WORDS
/* Word of argument i: 0 and 1 are the halves in memory order. */
#define BPF_WORD_ARG(i, half) (4 + 2 * (i) + (half))

enum bpf_expr_kind { BPF_EXPR_CONST, BPF_EXPR_LOAD, BPF_EXPR_SCRATCH, BPF_EXPR_ALU, BPF_EXPR_NEG };

/* A 32-bit value, hash-consed: equal values are mostly equal ids. Ids from 1; 0 is no expression. */
struct bpf_expr {
	uint8_t kind;
	uint8_t op;	/* ALU: BPF_ADD ... BPF_XOR */
	uint16_t size;	/* instructions to compute it, saturating */
	uint32_t words; /* which words it depends on */
	uint32_t a,
		b; /* ALU, NEG: operands. CONST: a is the value. LOAD: the word. SCRATCH: the slot */
};

enum bpf_node_kind { BPF_NODE_RET, BPF_NODE_TEST, BPF_NODE_BLOCK };

/* A decision, hash-consed. TEST: op is BPF_JEQ, BPF_JGE or BPF_JSET (the others are rewritten); a is never
 * constant. Ids from 1; 0 is no node (out of memory or budget, see bpf_dag.error). */
struct bpf_node {
	uint8_t kind;
	uint8_t op;
	uint32_t words; /* of everything reachable */
	uint32_t a, b;	/* expressions; RET: a is the verdict; BLOCK: a indexes bpf_dag.blocks */
	uint32_t t, f;	/* TEST: nodes */
};

/* A whole program kept as code, where taking it apart would grow beyond all limits: runs from its first
 * instruction; where it would return, control goes to a node instead. */
struct bpf_block {
	const struct bpf_prog *prog; /* borrowed */
	uint32_t *exits; /* owned; per instruction: for returns, the node that follows */
};

/* RET A of a block leaves its verdict here for the node that follows. */
#define BPF_BLOCK_SLOT 15

/* Open addressing over ids; 0 is an empty slot. */
struct bpf_table {
	uint32_t *slots;
	uint32_t mask, n;
};

struct bpf_dag {
	struct bpf_expr *exprs;
	struct bpf_node *nodes;
	struct bpf_block *blocks;
	uint32_t n_exprs, n_nodes, n_blocks;
	struct bpf_table expr_table, node_table;
	uint32_t max_nodes;
	int error; /* sticky: -ENOMEM, or -E2BIG beyond max_nodes */
};

/* -ENOMEM. max_nodes bounds both nodes and expressions. */
int bpf_dag_init(struct bpf_dag *dag, uint32_t max_nodes);
void bpf_dag_done(struct bpf_dag *dag);

uint32_t bpf_expr_const(struct bpf_dag *dag, uint32_t value);
uint32_t bpf_expr_load(struct bpf_dag *dag, unsigned word);
uint32_t bpf_expr_scratch(struct bpf_dag *dag, unsigned slot);
uint32_t bpf_expr_neg(struct bpf_dag *dag, uint32_t a);
/* Folds and normalises. A constant divisor is not 0, a variable one is tested before (bpf_lift). */
uint32_t bpf_expr_alu(struct bpf_dag *dag, unsigned op, uint32_t a, uint32_t b);
static inline bool bpf_expr_is_const(const struct bpf_dag *dag, uint32_t e)
{
	return dag->exprs[e].kind == BPF_EXPR_CONST;
}
/* The value for given words (those not in `known` must not matter). */
uint32_t bpf_expr_eval(const struct bpf_dag *dag, uint32_t e, const uint32_t words[BPF_WORDS]);

uint32_t bpf_node_ret(struct bpf_dag *dag, uint32_t verdict);
uint32_t bpf_node_ret_expr(struct bpf_dag *dag, uint32_t e);
/* Any of BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET; decides at once what is known. */
uint32_t bpf_node_test(struct bpf_dag *dag, unsigned op, uint32_t a, uint32_t b, uint32_t t,
		       uint32_t f);
/* Takes exits. */
uint32_t bpf_node_block(struct bpf_dag *dag, const struct bpf_prog *prog, uint32_t *exits);
/* True if the node is a constant verdict, which goes to *ret_verdict (may be NULL). */
bool bpf_node_is_const(const struct bpf_dag *dag, uint32_t node, uint32_t *ret_verdict);

/* What the node answers; blocks are run too. For tests and for explain. */
uint32_t bpf_node_eval(const struct bpf_dag *dag, uint32_t node, const struct seccomp_data *data);

/* The node with one word known. */
uint32_t bpf_node_restrict(struct bpf_dag *dag, uint32_t node, unsigned word, uint32_t value);
/* The node where a word is known to be none of n values (tests for equality with them fail). */
uint32_t bpf_node_exclude(struct bpf_dag *dag, uint32_t node, unsigned word, const uint32_t *values,
			  size_t n);
/* Drops tests whose outcome follows from the tests before them. */
uint32_t bpf_node_prune(struct bpf_dag *dag, uint32_t node);

/* lift.c: the whole program, nothing assumed. -E2BIG: beyond max_nodes. */
int bpf_lift(struct bpf_dag *dag, const struct bpf_prog *prog, uint32_t *ret_node);

/* ranges.c: the node by number. Ranges ascend and cover 0..2^32-1 without a gap. */
struct bpf_range {
	uint32_t lo, hi; /* inclusive */
	uint32_t node;
};
struct bpf_ranges {
	struct bpf_range *r; /* owned */
	size_t n;
};
void bpf_ranges_done(struct bpf_ranges *ranges);
/* Splits by number. `singles` (ascending) become ranges of their own, in which nr is known; adjacent
 * ranges of equal nodes are joined otherwise. Ranges whose decision still depends on nr (by more than
 * comparisons) keep tests of nr in their nodes. */
int bpf_ranges_split(struct bpf_dag *dag, uint32_t node, const uint32_t *singles, size_t n_singles,
		     struct bpf_ranges *ret);
/* The opposite: a tree of comparisons of nr over the ranges, frequent ones near the root. */
uint32_t bpf_ranges_tree(struct bpf_dag *dag, const struct bpf_ranges *ranges);

/* emit.c: a program that decides as the node does. -E2BIG with ret_prog->len set to the size that would be
 * needed (at least) and no instructions. */
int bpf_emit(struct bpf_dag *dag, uint32_t node, struct bpf_prog *ret_prog);
