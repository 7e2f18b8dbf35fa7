/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: evaluated on a call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "specs/condition_expr.h"
#include "specs/glob.h"

bool cnode_compare(enum cnode_cmp cmp, bool is_less, bool is_equal)
{
	switch (cmp) {
	case CMP_EQ:
		return is_equal;
	case CMP_NE:
		return !is_equal;
	case CMP_LT:
		return is_less;
	case CMP_LE:
		return is_less || is_equal;
	case CMP_GT:
		return !is_less && !is_equal;
	case CMP_GE:
		return !is_less;
	}
	return false;
}

void condition_bound_free(struct condition_bound *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->n_tests; i++) {
		glob_free(b->tests[i].glob);
		free(b->tests[i].text);
	}
	free(b->tests);
	free(b->nodes);
	free(b);
}

bool condition_needs_memory(const struct condition_bound *b)
{
	return b->needs_memory;
}

unsigned condition_cost(const struct condition_bound *b)
{
	unsigned cost = 0;

	for (unsigned i = 0; i < b->n_tests; i++)
		cost += b->tests[i].glob ? glob_cost(b->tests[i].glob) : 0;
	return cost;
}

const struct cnode *condition_tree(const struct condition_bound *b)
{
	return b->root;
}

const struct string_copy *string_copies_get(struct string_copies *copies, const struct call *call,
					    unsigned arg)
{
	struct string_copy *s;
	ssize_t n;

	if (!copies || !copies->mem || arg >= SYSCALL_ARGS || !copies->of[arg])
		return NULL;
	s = copies->of[arg];
	if (s->state != 0)
		return s;
	n = mem_read_string(copies->mem, arg_word(call, arg), s->text, sizeof(s->text));
	s->is_cut = n == -ENAMETOOLONG;
	if (n >= 0 || s->is_cut) {
		s->len = s->is_cut ? sizeof(s->text) - 1 : (size_t)n;
		s->state = 1;
	} else {
		s->state = (int)n;
	}
	return s;
}

/* What cannot be read, or is longer than any path (the kernel will answer EFAULT or ENAMETOOLONG), fails
 * the test, negated or not. */
static enum tri eval_string(const struct condition_bound *b, const struct cnode *n,
			    const struct call *call, struct string_copies *copies)
{
	const struct string_test *t = &b->tests[n->value];
	const struct string_copy *s = string_copies_get(copies, call, n->arg);
	bool is_match;

	if (!s)
		return TRI_UNKNOWN;
	if (s->state != 1 || s->is_cut)
		return TRI_FALSE;
	if (t->glob)
		is_match = glob_match(t->glob, s->text, s->len);
	else
		is_match = s->len == t->len && memcmp(s->text, t->text, t->len) == 0;
	return is_match != t->is_negated ? TRI_TRUE : TRI_FALSE;
}

static bool eval_test(const struct cnode *n, const struct call *call)
{
	uint64_t v = call->data.args[n->arg] & n->mask, k = n->value;

	if (!n->is_signed)
		return cnode_compare(n->cmp, v < k, v == k);
	if (n->width == 32)
		return cnode_compare(n->cmp, (int32_t)v < (int32_t)k, (uint32_t)v == (uint32_t)k);
	return cnode_compare(n->cmp, (int64_t)v < (int64_t)k, v == k);
}

static enum tri eval(const struct condition_bound *b, const struct cnode *n,
		     const struct call *call, struct string_copies *copies)
{
	enum tri x, y, decides;

	switch (n->op) {
	case CNODE_CONST:
		return n->truth ? TRI_TRUE : TRI_FALSE;
	case CNODE_TEST:
		return eval_test(n, call) ? TRI_TRUE : TRI_FALSE;
	case CNODE_MEMORY:
		return eval_string(b, n, call, copies);
	case CNODE_AND:
	case CNODE_OR:
		decides = n->op == CNODE_AND ? TRI_FALSE : TRI_TRUE;
		x = eval(b, n->a, call, copies);
		if (x == decides)
			return x;
		y = eval(b, n->b, call, copies);
		return y == decides || x != TRI_UNKNOWN ? y : x;
	}
	return TRI_UNKNOWN;
}

enum tri condition_eval(const struct condition_bound *b, const struct call *call,
			struct string_copies *copies)
{
	return eval(b, b->root, call, copies);
}
