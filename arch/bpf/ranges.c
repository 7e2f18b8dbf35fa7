/* SPDX-License-Identifier: Apache-2.0 */
/* A decision by syscall number: from tests of nr to ranges and, once rules have changed them, back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/dag.h"
#include "arch/bpf/op.h"

#define NR_BIT BPF_WORD_BIT(BPF_WORD_NR)

/* A masked nr is constant on aligned blocks as large as the mask's lowest bit. Down to this size the
 * blocks are few enough (64) to be ranges: bit 30, which tells x32, is the case that matters. */
#define BLOCK_SHIFT_MIN 26

/* Sets of nodes to visit end here; a program that needs more keeps its tests of nr. */
#define SPLIT_STEPS_MAX 200000u

void bpf_ranges_done(struct bpf_ranges *ranges)
{
	free(ranges->r);
	*ranges = (struct bpf_ranges){ 0 };
}

/* Number space cut into cells, in each of which every comparison of nr has one outcome. */
struct split {
	struct bpf_dag *dag;
	uint32_t *lo; /* first number of each cell, ascending; lo[0] is 0 */
	size_t n, cap;
	unsigned steps;
};

typedef uint64_t set_word;
#define SET_BITS 64

static bool cut_at(struct split *s, uint64_t at)
{
	if (at > UINT32_MAX)
		return true;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		uint32_t *more = realloc(s->lo, cap * sizeof(*more));

		if (!more) {
			s->dag->error = -ENOMEM;
			return false;
		}
		s->lo = more;
		s->cap = cap;
	}
	s->lo[s->n++] = (uint32_t)at;
	return true;
}

/* Size (log 2) of the blocks on which an expression of nr is constant; 0 if there are no useful ones. */
static unsigned block_shift(const struct bpf_dag *dag, const struct bpf_node *n)
{
	const struct bpf_expr *a = &dag->exprs[n->a], *b = &dag->exprs[n->b];
	uint32_t mask;

	if (b->kind != BPF_EXPR_CONST)
		return 0;
	if (a->kind == BPF_EXPR_LOAD && n->op == BPF_JSET)
		mask = b->a;
	else if (a->kind == BPF_EXPR_ALU && a->op == BPF_AND &&
		 dag->exprs[a->a].kind == BPF_EXPR_LOAD && bpf_expr_is_const(dag, a->b))
		mask = dag->exprs[a->b].a;
	else
		return 0;
	if (mask == 0 || (unsigned)__builtin_ctz(mask) < BLOCK_SHIFT_MIN)
		return 0;
	return (unsigned)__builtin_ctz(mask);
}

/* nr OP constant, nothing else: what a cell's bounds decide. */
static bool is_comparison(const struct bpf_dag *dag, const struct bpf_node *n)
{
	return dag->exprs[n->a].kind == BPF_EXPR_LOAD && dag->exprs[n->a].a == BPF_WORD_NR &&
	       bpf_expr_is_const(dag, n->b) && n->op != BPF_JSET;
}

static bool is_of_nr(const struct bpf_dag *dag, const struct bpf_node *n)
{
	return (dag->exprs[n->a].words | dag->exprs[n->b].words) == NR_BIT;
}

static bool cut_for_node(struct split *s, const struct bpf_node *n)
{
	struct bpf_dag *dag = s->dag;
	unsigned shift;

	if (n->kind != BPF_NODE_TEST || !is_of_nr(dag, n))
		return true;
	if (is_comparison(dag, n)) {
		uint64_t k = dag->exprs[n->b].a;

		return cut_at(s, k) && (n->op != BPF_JEQ || cut_at(s, k + 1));
	}
	shift = block_shift(dag, n);
	for (uint64_t at = 0; shift && at <= UINT32_MAX; at += 1ull << shift)
		if (!cut_at(s, at))
			return false;
	return true;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int make_cells(struct split *s, uint32_t root, const uint32_t *singles, size_t n_singles)
{
	_cleanup_free_ uint8_t *wanted = calloc(root + 1, 1);
	size_t n = 0;

	if (!wanted)
		return -ENOMEM;
	if (!cut_at(s, 0))
		return -ENOMEM;
	wanted[root] = 1;
	for (uint32_t id = root; id > 0; id--) {
		const struct bpf_node *node = &s->dag->nodes[id];

		if (!wanted[id] || !(node->words & NR_BIT))
			continue;
		if (!cut_for_node(s, node))
			return -ENOMEM;
		if (node->kind == BPF_NODE_TEST)
			wanted[node->t] = wanted[node->f] = 1;
	}
	for (size_t i = 0; i < n_singles; i++)
		if (!cut_at(s, singles[i]) || !cut_at(s, (uint64_t)singles[i] + 1))
			return -ENOMEM;
	qsort(s->lo, s->n, sizeof(*s->lo), compare_u32);
	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || s->lo[i] != s->lo[n - 1])
			s->lo[n++] = s->lo[i];
	s->n = n;
	return 0;
}

static uint32_t cell_hi(const struct split *s, size_t c)
{
	return c + 1 < s->n ? s->lo[c + 1] - 1 : UINT32_MAX;
}

/* The cell that begins at nr (every constant that nr is compared with begins one). */
static size_t cell_of(const struct split *s, uint32_t nr)
{
	size_t lo = 0, hi = s->n - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2;

		if (s->lo[mid] <= nr)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

static size_t set_words(const struct split *s)
{
	return (s->n + SET_BITS - 1) / SET_BITS;
}

static bool set_is_empty(const struct split *s, const set_word *set)
{
	for (size_t i = 0; i < set_words(s); i++)
		if (set[i])
			return false;
	return true;
}

/* Calls for each cell of the set. */
#define FOR_EACH_CELL(s, set, c)                                                                \
	for (size_t w_ = 0; w_ < set_words(s); w_++)                                            \
		for (set_word m_ = (set)[w_]; m_; m_ &= m_ - 1)                                 \
			for (size_t c = w_ * SET_BITS + (size_t)__builtin_ctzll(m_), once_ = 1; \
			     once_; once_ = 0)

static void split_node(struct split *s, uint32_t node, set_word *set, uint32_t *ret);

/* Outcome of a test of nr alone in a cell: 1, 0, or -1 where it differs inside the cell. */
static int cell_outcome(const struct split *s, const struct bpf_node *n, size_t c)
{
	uint32_t words[BPF_WORDS] = { [BPF_WORD_NR] = s->lo[c] };

	if (s->lo[c] != cell_hi(s, c) && !is_comparison(s->dag, n) && !block_shift(s->dag, n))
		return -1;
	return bpf_test(n->op, bpf_expr_eval(s->dag, n->a, words),
			bpf_expr_eval(s->dag, n->b, words));
}

/* A test that the cells do not decide: kept, above what each cell has below it. */
static void split_open(struct split *s, const struct bpf_node *n, const set_word *set,
		       uint32_t *ret)
{
	size_t words = set_words(s);
	_cleanup_free_ set_word *copy = malloc(words * sizeof(*copy));
	_cleanup_free_ uint32_t *t = malloc(s->n * sizeof(*t)), *f = malloc(s->n * sizeof(*f));

	if (!copy || !t || !f) {
		s->dag->error = -ENOMEM;
		return;
	}
	if (set_is_empty(s, set))
		return;
	s->steps += (unsigned)(s->n / 16); /* this much is copied and looked at */
	memcpy(copy, set, words * sizeof(*copy));
	split_node(s, n->t, copy, t);
	memcpy(copy, set, words * sizeof(*copy));
	split_node(s, n->f, copy, f);
	if (s->dag->error)
		return;
	FOR_EACH_CELL(s, set, c)
	ret[c] = bpf_node_test(s->dag, n->op, n->a, n->b, t[c], f[c]);
}

/* A test of nr that is no plain comparison: true, false and undecided cells go their ways. */
static void split_odd(struct split *s, const struct bpf_node *n, const set_word *set, uint32_t *ret)
{
	size_t words = set_words(s);
	_cleanup_free_ set_word *way = calloc(3 * words, sizeof(*way));

	if (!way) {
		s->dag->error = -ENOMEM;
		return;
	}
	FOR_EACH_CELL(s, set, c)
	way[(size_t)(cell_outcome(s, n, c) + 1) * words + c / SET_BITS] |= 1ull << c % SET_BITS;
	split_open(s, n, way, ret);
	split_node(s, n->f, way + words, ret);
	split_node(s, n->t, way + 2 * words, ret);
}

/* nr >= k: the set's upper part goes one way. */
static void split_at(struct split *s, uint32_t node, set_word *set, size_t cell, uint32_t *ret)
{
	size_t words = set_words(s);
	_cleanup_free_ set_word *upper = calloc(words, sizeof(*upper));

	if (!upper) {
		s->dag->error = -ENOMEM;
		return;
	}
	for (size_t w = cell / SET_BITS; w < words; w++) {
		set_word keep = w == cell / SET_BITS ? (1ull << cell % SET_BITS) - 1 : 0;

		upper[w] = set[w] & ~keep;
		set[w] &= keep;
	}
	split_node(s, node, upper, ret);
}

/* Sets ret[c] for every cell of the set, which is used up. */
static void split_node(struct split *s, uint32_t node, set_word *set, uint32_t *ret)
{
	for (;;) {
		const struct bpf_node *n = &s->dag->nodes[node];
		size_t c;

		if (++s->steps > SPLIT_STEPS_MAX)
			s->dag->error = -E2BIG;
		if (s->dag->error || set_is_empty(s, set))
			return;
		if (n->kind != BPF_NODE_TEST || !(n->words & NR_BIT)) {
			FOR_EACH_CELL(s, set, cell)
			ret[cell] = node;
			return;
		}
		if (!is_of_nr(s->dag, n)) {
			split_open(s, n, set, ret);
			return;
		}
		if (!is_comparison(s->dag, n)) {
			split_odd(s, n, set, ret);
			return;
		}
		c = cell_of(s, s->dag->exprs[n->b].a);
		if (n->op == BPF_JGE) {
			split_at(s, n->t, set, c, ret);
		} else if (set[c / SET_BITS] >> c % SET_BITS & 1) {
			uint32_t nr = s->dag->exprs[n->b].a;

			ret[c] = bpf_node_restrict(s->dag, n->t, BPF_WORD_NR, nr);
			set[c / SET_BITS] &= ~(1ull << c % SET_BITS);
		}
		node = n->f;
	}
}

static int join_cells(struct split *s, const uint32_t *nodes, const uint32_t *singles,
		      size_t n_singles, struct bpf_ranges *ret)
{
	size_t n = 0, next = 0;
	bool was_single = false;

	ret->r = malloc(s->n * sizeof(*ret->r));
	if (!ret->r)
		return -ENOMEM;
	for (size_t c = 0; c < s->n; c++) {
		bool is_single;

		while (next < n_singles && singles[next] < s->lo[c])
			next++;
		is_single = next < n_singles && singles[next] == s->lo[c];
		if (n > 0 && ret->r[n - 1].node == nodes[c] && !is_single && !was_single)
			ret->r[n - 1].hi = cell_hi(s, c);
		else
			ret->r[n++] = (struct bpf_range){ s->lo[c], cell_hi(s, c), nodes[c] };
		was_single = is_single;
	}
	ret->n = n;
	return 0;
}

int bpf_ranges_split(struct bpf_dag *dag, uint32_t node, const uint32_t *singles, size_t n_singles,
		     struct bpf_ranges *ret)
{
	struct split s = { .dag = dag };
	_cleanup_free_ uint32_t *nodes = NULL;
	_cleanup_free_ set_word *all = NULL;
	int r = make_cells(&s, node, singles, n_singles);

	if (r == 0) {
		nodes = calloc(s.n, sizeof(*nodes));
		all = calloc(set_words(&s), sizeof(*all));
		r = nodes && all ? 0 : -ENOMEM;
	}
	if (r == 0) {
		for (size_t c = 0; c < s.n; c++)
			all[c / SET_BITS] |= 1ull << c % SET_BITS;
		split_node(&s, node, all, nodes);
		/* A number of its own is known below, also where the program does more than compare it. */
		for (size_t c = 0; c < s.n && !dag->error; c++)
			if (s.lo[c] == cell_hi(&s, c))
				nodes[c] = bpf_node_restrict(dag, nodes[c], BPF_WORD_NR, s.lo[c]);
		r = dag->error;
	}
	if (r == 0)
		r = join_cells(&s, nodes, singles, n_singles, ret);
	free(s.lo);
	return r;
}

/* How often a range's decision is run, roughly: what the kernel has in its bitmap is never run, an
 * argument is tested for calls that are made, refused calls are rare. */
static uint32_t range_weight(const struct bpf_dag *dag, const struct bpf_range *r)
{
	uint32_t verdict;

	if (!bpf_node_is_const(dag, r->node, &verdict))
		return 128;
	return verdict == SECCOMP_RET_ALLOW ? 1 : 2;
}

struct tree {
	struct bpf_dag *dag;
	const struct bpf_range *r;
	const uint64_t *before; /* weight of the ranges before each */
	uint32_t nr;
};

/* Ranges first..last (inclusive). */
static uint32_t build_tree(struct tree *t, size_t first, size_t last)
{
	const struct bpf_range *r = t->r;
	uint64_t middle = (t->before[first] + t->before[last + 1] + 1) / 2;
	size_t lo = first + 1, hi = last;
	uint32_t left, right;

	if (first == last)
		return r[first].node;
	/* One number inside a range of equal answers takes one test. */
	if (last - first == 2 && r[first].node == r[last].node &&
	    r[first + 1].lo == r[first + 1].hi)
		return bpf_node_test(t->dag, BPF_JEQ, t->nr,
				     bpf_expr_const(t->dag, r[first + 1].lo), r[first + 1].node,
				     r[first].node);
	/* The first range of the right half: halves as even as they get. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->before[mid] < middle)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo > first + 1 && middle - t->before[lo - 1] < t->before[lo] - middle)
		lo--;
	left = build_tree(t, first, lo - 1);
	right = build_tree(t, lo, last);
	return bpf_node_test(t->dag, BPF_JGE, t->nr, bpf_expr_const(t->dag, r[lo].lo), right, left);
}

uint32_t bpf_ranges_tree(struct bpf_dag *dag, const struct bpf_ranges *ranges)
{
	_cleanup_free_ uint64_t *before = malloc((ranges->n + 1) * sizeof(*before));
	_cleanup_free_ struct bpf_range *r = malloc(ranges->n * sizeof(*r));
	struct tree t = { .dag = dag, .r = r, .before = before };
	size_t n = 0;

	if (!before || !r) {
		dag->error = -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < ranges->n; i++) {
		if (n > 0 && r[n - 1].node == ranges->r[i].node)
			r[n - 1].hi = ranges->r[i].hi;
		else
			r[n++] = ranges->r[i];
	}
	before[0] = 0;
	for (size_t i = 0; i < n; i++)
		before[i + 1] = before[i] + range_weight(dag, &r[i]);
	t.nr = bpf_expr_load(dag, BPF_WORD_NR);
	return build_tree(&t, 0, n - 1);
}
