/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on arguments as tests of 32-bit words. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "specs/merge_parts.h"

/* A comparison of (low word, high word) at its mask; the high word is not looked at for 32 bits. */
struct compare {
	struct bpf_dag *dag;
	uint32_t lo, hi;   /* expressions, masked; hi 0: 32 bits */
	uint32_t klo, khi; /* constants */
	bool is_signed;
};

static uint32_t arg_word_expr(struct bpf_dag *dag, const struct abi *abi, unsigned arg, bool high,
			      uint32_t mask)
{
	unsigned half = high == abi->big_endian ? 0 : 1;

	return bpf_expr_alu(dag, BPF_AND, bpf_expr_load(dag, BPF_WORD_ARG(arg, half)),
			    bpf_expr_const(dag, mask));
}

static uint32_t test(struct bpf_dag *dag, unsigned op, uint32_t expr, uint32_t k, uint32_t t,
		     uint32_t f)
{
	return bpf_node_test(dag, op, expr, bpf_expr_const(dag, k), t, f);
}

/* word < k. Signed: the negative half is greater as a register and less as a number. */
static uint32_t word_less(struct bpf_dag *dag, uint32_t expr, uint32_t k, bool is_signed,
			  uint32_t t, uint32_t f)
{
	const uint32_t sign = 0x80000000u;

	if (!is_signed)
		return test(dag, BPF_JGE, expr, k, f, t);
	if (k < sign)
		return test(dag, BPF_JGE, expr, sign, t, test(dag, BPF_JGE, expr, k, f, t));
	return test(dag, BPF_JGE, expr, k, f, test(dag, BPF_JGE, expr, sign, t, f));
}

static uint32_t equal(const struct compare *c, uint32_t t, uint32_t f)
{
	uint32_t low = test(c->dag, BPF_JEQ, c->lo, c->klo, t, f);

	return c->hi ? test(c->dag, BPF_JEQ, c->hi, c->khi, low, f) : low;
}

static uint32_t less(const struct compare *c, uint32_t t, uint32_t f)
{
	uint32_t low;

	if (!c->hi)
		return word_less(c->dag, c->lo, c->klo, c->is_signed, t, f);
	low = test(c->dag, BPF_JGE, c->lo, c->klo, f, t);
	return test(c->dag, BPF_JEQ, c->hi, c->khi, low,
		    word_less(c->dag, c->hi, c->khi, c->is_signed, t, f));
}

/* value <= k as value < k + 1, or always where there is no greater value. */
static uint32_t less_or_equal(const struct compare *c, uint32_t t, uint32_t f)
{
	struct compare next = *c;
	uint64_t k = (uint64_t)c->khi << 32 | c->klo;
	uint64_t max = c->hi ? UINT64_MAX : UINT32_MAX;

	if (k == (c->is_signed ? max >> 1 : max))
		return t;
	next.klo = (uint32_t)(k + 1);
	next.khi = c->hi ? (uint32_t)((k + 1) >> 32) : 0;
	return less(&next, t, f);
}

static uint32_t compare_test(struct bpf_dag *dag, const struct abi *abi, const struct cnode *n,
			     uint32_t t, uint32_t f)
{
	struct compare c = {
		.dag = dag,
		.lo = arg_word_expr(dag, abi, n->arg, false, (uint32_t)n->mask),
		.klo = (uint32_t)n->value,
		.is_signed = n->is_signed,
	};

	if (n->width == 64) {
		c.hi = arg_word_expr(dag, abi, n->arg, true, (uint32_t)(n->mask >> 32));
		c.khi = (uint32_t)(n->value >> 32);
	}
	switch (n->cmp) {
	case CMP_EQ:
		return equal(&c, t, f);
	case CMP_NE:
		return equal(&c, f, t);
	case CMP_LT:
		return less(&c, t, f);
	case CMP_LE:
		return less_or_equal(&c, t, f);
	case CMP_GT:
		return less_or_equal(&c, f, t);
	case CMP_GE:
		return less(&c, f, t);
	}
	return f;
}

static bool has_memory(const struct cnode *n)
{
	return n->op == CNODE_MEMORY || ((n->op == CNODE_AND || n->op == CNODE_OR) &&
					 (has_memory(n->a) || has_memory(n->b)));
}

/* What parts with memory in them came to: each is asked for at most four ways on (met or open, not met or
 * open), and a part that is nested deeply would be asked twice as often at each level. */
struct memo {
	struct memo_row {
		const struct cnode *n;
		uint32_t yes, no, open, node;
	} * rows; /* owned */
	size_t n, cap;
};

struct condition_walk {
	struct bpf_dag *dag;
	const struct abi *abi;
	struct memo memo;
};

static uint32_t walk(struct condition_walk *w, const struct cnode *n, uint32_t yes, uint32_t no,
		     uint32_t open);

static uint32_t walk_join(struct condition_walk *w, const struct cnode *n, uint32_t yes,
			  uint32_t no, uint32_t open)
{
	uint32_t rest = walk(w, n->b, yes, no, open), rest_open = open;

	/* Unknown and false is false, unknown and true is unknown; or the other way round. */
	if (n->op == CNODE_AND) {
		if (has_memory(n->a))
			rest_open = walk(w, n->b, open, no, open);
		return walk(w, n->a, rest, no, rest_open);
	}
	if (has_memory(n->a))
		rest_open = walk(w, n->b, yes, open, open);
	return walk(w, n->a, yes, rest, rest_open);
}

static uint32_t walk_remembered(struct condition_walk *w, const struct cnode *n, uint32_t yes,
				uint32_t no, uint32_t open)
{
	struct memo *memo = &w->memo;
	uint32_t node;

	for (size_t i = 0; i < memo->n; i++)
		if (memo->rows[i].n == n && memo->rows[i].yes == yes && memo->rows[i].no == no &&
		    memo->rows[i].open == open)
			return memo->rows[i].node;
	node = walk_join(w, n, yes, no, open);
	if (memo->n == memo->cap) {
		size_t cap = memo->cap ? 2 * memo->cap : 64;
		struct memo_row *more = realloc(memo->rows, cap * sizeof(*more));

		if (!more) {
			w->dag->error = -ENOMEM;
			return 0;
		}
		memo->rows = more;
		memo->cap = cap;
	}
	memo->rows[memo->n++] = (struct memo_row){ n, yes, no, open, node };
	return node;
}

static uint32_t walk(struct condition_walk *w, const struct cnode *n, uint32_t yes, uint32_t no,
		     uint32_t open)
{
	if (w->dag->error)
		return 0;
	switch (n->op) {
	case CNODE_CONST:
		return n->truth ? yes : no;
	case CNODE_MEMORY:
		return open;
	case CNODE_TEST:
		return compare_test(w->dag, w->abi, n, yes, no);
	case CNODE_AND:
	case CNODE_OR:
		return has_memory(n) ? walk_remembered(w, n, yes, no, open)
				     : walk_join(w, n, yes, no, open);
	}
	return no;
}

uint32_t merge_condition(struct bpf_dag *dag, const struct abi *abi, const struct cnode *tree,
			 uint32_t yes, uint32_t no, uint32_t open)
{
	struct condition_walk w = { .dag = dag, .abi = abi };
	uint32_t node = walk(&w, tree, yes, no, open);

	free(w.memo.rows);
	return node;
}

bool merge_is_guarded(const struct abi *abi, uint32_t nr)
{
	return sysno_number(abi, "seccomp") == (int64_t)nr;
}

/* x32 calls come through the 64-bit entry with whole registers, though its pointers have 32 bits. */
static bool has_wide_pointer(const struct abi *abi)
{
	return abi->word == 8 || abi->nr_bit != 0;
}

uint32_t merge_guard(struct bpf_dag *dag, const struct abi *abi, uint32_t yes, uint32_t no)
{
	uint32_t op = arg_word_expr(dag, abi, 0, false, ~0u);
	uint32_t flags = arg_word_expr(dag, abi, 1, false, ~0u);
	uint32_t lo = arg_word_expr(dag, abi, 2, false, ~0u);
	uint32_t hi = arg_word_expr(dag, abi, 2, true, ~0u);
	uint32_t node = test(dag, BPF_JEQ, lo, 0, no, yes);

	if (has_wide_pointer(abi))
		node = test(dag, BPF_JEQ, hi, 0, node, yes);
	node = test(dag, BPF_JSET, flags, SECCOMP_FILTER_FLAG_NEW_LISTENER, node, no);
	return test(dag, BPF_JEQ, op, SECCOMP_SET_MODE_FILTER, node, no);
}

bool merge_guard_holds(const struct abi *abi, const struct seccomp_data *data)
{
	uint64_t pointer = data->args[2];

	if (!has_wide_pointer(abi))
		pointer = (uint32_t)pointer;
	return (uint32_t)data->args[0] == SECCOMP_SET_MODE_FILTER &&
	       (uint32_t)data->args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER && pointer != 0;
}
