/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: names resolved for one call of one ABI, normalised. */
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/decode.h"
#include "specs/condition_expr.h"
#include "specs/glob.h"

struct bind {
	const struct condition *c;
	const struct abi *abi;
	const struct syscall_def *def; /* NULL: a raw number */
	struct condition_bound *b;
	struct wl_err *err;
};

/* A side of a comparison: a constant, or an argument and a constant mask. */
struct operand {
	enum { OPERAND_CONST, OPERAND_ARG, OPERAND_STRING } kind;
	unsigned column;
	unsigned arg;
	bool has_mask;
	wide number; /* CONST: value; ARG: mask */
	const char *text;
};

static const char *arg_name(const struct bind *b, unsigned arg)
{
	static const char *const raw[SYSCALL_ARGS] = { "arg0", "arg1", "arg2",
						       "arg3", "arg4", "arg5" };

	return b->def ? b->def->args[arg].name : raw[arg];
}

static uint8_t arg_kind(const struct bind *b, unsigned arg)
{
	return b->def ? b->def->args[arg].kind : ARG_NONE;
}

static bool is_signed(const struct bind *b, unsigned arg)
{
	return b->def && b->def->args[arg].is_signed;
}

/* The bits that the kernel looks at; all of them where the tables do not know the call. */
static uint64_t row_mask(const struct bind *b, unsigned arg)
{
	return b->def ? arg_row_mask(&b->def->args[arg], b->abi) : UINT64_MAX;
}

static bool is_string(uint8_t kind)
{
	return kind == ARG_PATH || kind == ARG_STR;
}

/* Index of the argument called `name`; "path" also means the first path, "arg3" also the fourth. */
static int find_arg(const struct bind *b, const char *name)
{
	unsigned n = b->def ? b->def->nargs : SYSCALL_ARGS;
	int r = b->def ? sysno_arg(b->def, name) : -ENOENT;

	if (r >= 0)
		return r;
	if (strcmp(name, "path") == 0)
		for (unsigned i = 0; i < n; i++)
			if (arg_kind(b, i) == ARG_PATH)
				return (int)i;
	if (strncmp(name, "arg", 3) == 0 && name[3] >= '0' && (unsigned)(name[3] - '0') < n &&
	    !name[4])
		return name[3] - '0';
	return -ENOENT;
}

static bool looks_like_constant(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			return false;
	return true;
}

static int unknown_name(const struct bind *b, const struct expr *e)
{
	const char *call = b->def ? b->def->name : "an unknown call";
	char names[256];
	struct out o = out_init(names, sizeof(names) - 1);

	if (looks_like_constant(e->text))
		return expr_error(b->c, e->column, -EINVAL, b->err, "unknown constant '%s'",
				  e->text);
	for (unsigned i = 0; i < (b->def ? b->def->nargs : SYSCALL_ARGS); i++) {
		if (i > 0)
			out_str(&o, ", ");
		out_str(&o, arg_name(b, i));
	}
	*o.at = '\0';
	if (o.at == names)
		return expr_error(b->c, e->column, -ENOENT, b->err,
				  "%s has no argument '%s'; it has none at all", call, e->text);
	return expr_error(b->c, e->column, -ENOENT, b->err, "%s has no argument '%s'; it has %s",
			  call, e->text, names);
}

static int bind_name(const struct bind *b, const struct expr *e, struct operand *ret)
{
	int arg = find_arg(b, e->text);
	uint64_t value;

	*ret = (struct operand){ .kind = OPERAND_ARG, .column = e->column };
	if (arg >= 0) {
		ret->arg = (unsigned)arg;
		return 0;
	}
	if (!looks_like_constant(e->text) || const_value(b->abi, e->text, &value) < 0)
		return unknown_name(b, e);
	ret->kind = OPERAND_CONST;
	/* AT_FDCWD and the like come sign-extended from 32 bits: they are negative numbers. */
	ret->number = value > UINT64_MAX - INT32_MAX ? (wide)(int64_t)value : (wide)value;
	return 0;
}

static int bind_operand(const struct bind *b, unsigned i, struct operand *ret);

static int bind_unary(const struct bind *b, const struct expr *e, struct operand *ret)
{
	int r = bind_operand(b, e->a, ret);

	if (r < 0)
		return r;
	if (ret->kind != OPERAND_CONST)
		return expr_error(b->c, e->column, -EINVAL, b->err, "'%c' is for constants",
				  e->op == EXPR_INV ? '~' : '-');
	ret->number = e->op == EXPR_INV ? ~ret->number : -ret->number;
	ret->column = e->column;
	return 0;
}

static int bind_bits(const struct bind *b, const struct expr *e, struct operand *ret)
{
	struct operand x, y;
	int r;

	r = bind_operand(b, e->a, &x);
	if (r == 0)
		r = bind_operand(b, e->b, &y);
	if (r < 0)
		return r;
	if (x.kind == OPERAND_CONST && y.kind == OPERAND_CONST) {
		*ret = x;
		ret->number = e->op == EXPR_BAND ? x.number & y.number : x.number | y.number;
		return 0;
	}
	if (e->op == EXPR_BOR)
		return expr_error(b->c, e->column, -EINVAL, b->err,
				  "'|' joins constants; use || between conditions");
	if (x.kind == OPERAND_CONST) {
		struct operand t = x;

		x = y;
		y = t;
	}
	if (x.kind != OPERAND_ARG || y.kind != OPERAND_CONST)
		return expr_error(
			b->c, e->column, -EINVAL, b->err,
			"'&' takes an argument and a constant; use && between conditions");
	*ret = x;
	ret->number = x.has_mask ? x.number & y.number : y.number;
	ret->has_mask = true;
	return 0;
}

static int bind_operand(const struct bind *b, unsigned i, struct operand *ret)
{
	const struct expr *e = &b->c->exprs[i];

	*ret = (struct operand){ .kind = OPERAND_CONST, .column = e->column };
	switch ((int)e->op) {
	case EXPR_NUMBER:
		ret->number = e->number;
		return 0;
	case EXPR_STRING:
		ret->kind = OPERAND_STRING;
		ret->text = e->text;
		return 0;
	case EXPR_NAME:
		return bind_name(b, e, ret);
	case EXPR_INV:
	case EXPR_NEG:
		return bind_unary(b, e, ret);
	case EXPR_BAND:
	case EXPR_BOR:
		return bind_bits(b, e, ret);
	default:
		return expr_error(b->c, e->column, -EINVAL, b->err,
				  "this is true or false, and no number to compute with");
	}
}

static struct cnode *new_node(const struct bind *b, struct cnode node)
{
	struct cnode *n = &b->b->nodes[b->b->n_nodes++];

	*n = node;
	return n;
}

/* Brings a constant to the argument's bits. 0xffffffff for an int is -1's other spelling where only bits
 * count; in an ordering it would silently mean another number, so it is refused there. */
static int fit_constant(const struct bind *b, const struct operand *arg, const struct operand *k,
			bool is_ordering, uint64_t *ret)
{
	wide max = row_mask(b, arg->arg), min = -(max / 2) - 1;
	bool sign = is_signed(b, arg->arg);

	if (is_ordering && sign)
		max = max / 2;
	else if (is_ordering)
		min = 0;
	if (k->number < min || k->number > max)
		return expr_error(b->c, k->column, -EINVAL, b->err,
				  "the constant does not fit argument '%s' (%d bits, %s)",
				  arg_name(b, arg->arg),
				  __builtin_popcountll(row_mask(b, arg->arg)),
				  sign ? "signed" : "unsigned");
	*ret = (uint64_t)k->number & row_mask(b, arg->arg);
	return 0;
}

static enum cnode_cmp opposite(enum cnode_cmp cmp)
{
	static const enum cnode_cmp of[] = {
		[CMP_EQ] = CMP_NE, [CMP_NE] = CMP_EQ, [CMP_LT] = CMP_GE,
		[CMP_GE] = CMP_LT, [CMP_LE] = CMP_GT, [CMP_GT] = CMP_LE
	};

	return of[cmp];
}

static enum cnode_cmp mirrored(enum cnode_cmp cmp)
{
	static const enum cnode_cmp of[] = {
		[CMP_EQ] = CMP_EQ, [CMP_NE] = CMP_NE, [CMP_LT] = CMP_GT,
		[CMP_GT] = CMP_LT, [CMP_LE] = CMP_GE, [CMP_GE] = CMP_LE
	};

	return of[cmp];
}

static struct cnode *const_node(const struct bind *b, bool truth)
{
	return new_node(b, (struct cnode){ .op = CNODE_CONST, .truth = truth });
}

static int bind_test(const struct bind *b, const struct operand *arg, enum cnode_cmp cmp,
		     const struct operand *k, struct cnode **ret)
{
	struct cnode node = {
		.op = CNODE_TEST,
		.arg = (uint8_t)arg->arg,
		.width = 64,
		.is_signed = is_signed(b, arg->arg),
		.cmp = cmp,
		.mask = row_mask(b, arg->arg),
	};
	int r;

	if (node.mask <= UINT32_MAX)
		node.width = 32; /* a 16-bit argument is 32 bits with a mask */
	if (arg->has_mask) {
		struct operand mask = { .column = arg->column, .number = arg->number };

		r = fit_constant(b, arg, &mask, false, &node.mask);
		if (r < 0)
			return r;
	}
	r = fit_constant(b, arg, k, cmp >= CMP_LT, &node.value);
	if (r < 0)
		return r;
	*ret = new_node(b, node);
	return 0;
}

static int bind_string(const struct bind *b, const struct expr *e, const struct operand *arg,
		       const struct operand *text, bool is_negated, struct cnode **ret)
{
	bool is_glob = e->op == EXPR_GLOB || e->op == EXPR_NGLOB;
	struct string_test *t;
	struct wl_err why;
	int r = 0;

	if (arg->kind != OPERAND_ARG || text->kind != OPERAND_STRING || arg->has_mask)
		return expr_error(b->c, e->column, -EINVAL, b->err,
				  "a string is compared with an argument, written on the left");
	if (!is_string(arg_kind(b, arg->arg)))
		return expr_error(b->c, arg->column, -EINVAL, b->err, "argument '%s' is no string",
				  arg_name(b, arg->arg));
	t = &b->b->tests[b->b->n_tests++];
	t->is_negated = is_negated ^ (e->op == EXPR_NE || e->op == EXPR_NGLOB);
	t->text = strdup(text->text);
	t->len = strlen(text->text);
	if (!t->text)
		return wl_err_set(b->err, -ENOMEM, "condition");
	if (is_glob)
		r = glob_new(t->text, &t->glob, &why);
	if (r < 0)
		return expr_error(b->c, text->column, r, b->err, "%s", why.msg);
	b->b->needs_memory = true;
	*ret = new_node(b, (struct cnode){ .op = CNODE_MEMORY,
					   .arg = (uint8_t)arg->arg,
					   .value = b->b->n_tests - 1 });
	return 0;
}

static int bind_comparison(const struct bind *b, const struct expr *e, bool is_negated,
			   struct cnode **ret)
{
	bool is_glob = e->op == EXPR_GLOB || e->op == EXPR_NGLOB;
	struct operand x, y;
	enum cnode_cmp cmp;
	int r;

	r = bind_operand(b, e->a, &x);
	if (r == 0)
		r = bind_operand(b, e->b, &y);
	if (r < 0)
		return r;
	if (is_glob && y.kind != OPERAND_STRING)
		return expr_error(b->c, y.column, -EINVAL, b->err, "'~' takes a pattern in quotes");
	if (is_glob || x.kind == OPERAND_STRING || y.kind == OPERAND_STRING) {
		if (!is_glob && e->op != EXPR_EQ && e->op != EXPR_NE)
			return expr_error(b->c, e->column, -EINVAL, b->err,
					  "strings know ==, !=, ~ and !~ only");
		return bind_string(b, e, &x, &y, is_negated, ret);
	}

	cmp = (enum cnode_cmp)(e->op - EXPR_EQ); /* both in the same order */
	if (is_negated)
		cmp = opposite(cmp);
	if (x.kind == OPERAND_CONST && y.kind == OPERAND_CONST) {
		*ret = const_node(b, cnode_compare(cmp, x.number < y.number, x.number == y.number));
		return 0;
	}
	if (x.kind == OPERAND_ARG && y.kind == OPERAND_ARG)
		return expr_error(
			b->c, e->column, -EINVAL, b->err,
			"an argument is compared with a constant, not with another argument");
	if (x.kind == OPERAND_ARG)
		return bind_test(b, &x, cmp, &y, ret);
	return bind_test(b, &y, mirrored(cmp), &x, ret);
}

static bool has_memory(const struct cnode *n)
{
	return n->op == CNODE_MEMORY || ((n->op == CNODE_AND || n->op == CNODE_OR) &&
					 (has_memory(n->a) || has_memory(n->b)));
}

/* Constants vanish; what costs no read of memory stands left, where it is looked at first. */
static struct cnode *join(const struct bind *b, enum cnode_op op, struct cnode *x, struct cnode *y)
{
	bool neutral = op == CNODE_AND;

	if (x->op == CNODE_CONST)
		return x->truth == neutral ? y : x;
	if (y->op == CNODE_CONST)
		return y->truth == neutral ? x : y;
	if (has_memory(x) && !has_memory(y))
		return new_node(b, (struct cnode){ .op = op, .a = y, .b = x });
	return new_node(b, (struct cnode){ .op = op, .a = x, .b = y });
}

/* Negation is carried down to the leaves. */
static int bind_truth(const struct bind *b, unsigned i, bool is_negated, struct cnode **ret)
{
	const struct expr *e = &b->c->exprs[i];
	struct operand arg, zero = { .kind = OPERAND_CONST, .column = e->column };
	struct cnode *x, *y;
	int r;

	if (e->op == EXPR_NOT)
		return bind_truth(b, e->a, !is_negated, ret);
	if (e->op == EXPR_AND || e->op == EXPR_OR) {
		r = bind_truth(b, e->a, is_negated, &x);
		if (r == 0)
			r = bind_truth(b, e->b, is_negated, &y);
		if (r < 0)
			return r;
		*ret = join(b, (e->op == EXPR_AND) != is_negated ? CNODE_AND : CNODE_OR, x, y);
		return 0;
	}
	if (e->op >= EXPR_EQ && e->op <= EXPR_NGLOB)
		return bind_comparison(b, e, is_negated, ret);

	r = bind_operand(b, i, &arg);
	if (r < 0)
		return r;
	if (arg.kind == OPERAND_STRING)
		return expr_error(b->c, e->column, -EINVAL, b->err,
				  "a string alone says nothing; write path ~ \"...\"");
	if (arg.kind == OPERAND_CONST) {
		*ret = const_node(b, (arg.number != 0) != is_negated);
		return 0;
	}
	return bind_test(b, &arg, is_negated ? CMP_EQ : CMP_NE, &zero, ret);
}

int condition_bind(const struct condition *c, const struct abi *abi, const struct syscall_def *def,
		   struct condition_bound **ret, struct wl_err *err)
{
	struct condition_bound *bound = calloc(1, sizeof(*bound));
	struct bind b = { .c = c, .abi = abi, .def = def, .b = bound, .err = err };
	struct cnode *root = NULL;
	int r;

	if (!bound)
		return wl_err_set(err, -ENOMEM, "condition");
	bound->nodes = calloc(c->n_exprs, sizeof(*bound->nodes));
	bound->tests = calloc(c->n_exprs, sizeof(*bound->tests));
	if (bound->nodes && bound->tests)
		r = bind_truth(&b, c->root, false, &root);
	else
		r = wl_err_set(err, -ENOMEM, "condition");
	if (r < 0) {
		condition_bound_free(bound);
		return r;
	}
	bound->root = root;
	bound->needs_memory = has_memory(root);
	*ret = bound;
	return 0;
}
