/* SPDX-License-Identifier: Apache-2.0 */
/* Text of a condition -> expression tree, names unresolved. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/condition_expr.h"

enum token { TOKEN_END, TOKEN_NUMBER, TOKEN_NAME, TOKEN_STRING, TOKEN_OP, TOKEN_BAD };

struct parse {
	struct condition *c;
	const char *at, *end;
	enum token token;
	enum expr_op op;	/* TOKEN_OP */
	const char *start;	/* of the token */
	const char *string_end; /* TOKEN_STRING: the closing quote */
	unsigned depth;
	struct wl_err *err;
};

/* Longer spellings before their beginnings. */
static const struct {
	const char *text;
	enum expr_op op;
} operators[] = {
	{ "&&", EXPR_AND },   { "||", EXPR_OR },  { "==", EXPR_EQ },  { "!=", EXPR_NE },
	{ "!~", EXPR_NGLOB }, { "<=", EXPR_LE },  { ">=", EXPR_GE },  { "<", EXPR_LT },
	{ ">", EXPR_GT },     { "&", EXPR_BAND }, { "|", EXPR_BOR },  { "~", EXPR_GLOB },
	{ "!", EXPR_NOT },    { "-", EXPR_NEG },  { "(", EXPR_OPEN }, { ")", EXPR_CLOSE },
	{ ",", EXPR_COMMA },
};

static bool is_name_char(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

static int fail_at(struct parse *p, const char *at, const char *what)
{
	return expr_error(p->c, (unsigned)(at - p->c->text) + 1, -EINVAL, p->err, "%s", what);
}

static int next_string(struct parse *p)
{
	char quote = *p->at++;

	while (p->at < p->end && *p->at != quote) {
		if (*p->at == '\\' && p->at + 1 < p->end)
			p->at++;
		p->at++;
	}
	if (p->at >= p->end)
		return fail_at(p, p->start, "a string without its closing quote");
	p->token = TOKEN_STRING;
	p->string_end = p->at++;
	return 0;
}

static int next(struct parse *p)
{
	while (p->at < p->end && isspace((unsigned char)*p->at))
		p->at++;
	p->start = p->at;
	p->token = TOKEN_END;
	if (p->at == p->end)
		return 0;
	if (*p->at == '"' || *p->at == '\'')
		return next_string(p);
	if (is_name_char(*p->at)) {
		p->token = isdigit((unsigned char)*p->at) ? TOKEN_NUMBER : TOKEN_NAME;
		while (p->at < p->end && is_name_char(*p->at))
			p->at++;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		size_t len = strlen(operators[i].text);

		if ((size_t)(p->end - p->at) < len || memcmp(p->at, operators[i].text, len) != 0)
			continue;
		p->token = TOKEN_OP;
		p->op = operators[i].op;
		p->at += len;
		return 0;
	}
	return fail_at(p, p->at,
		       *p->at == '=' ? "'=' is no comparison; write =="
				     : "a character that means nothing here");
}

static bool is_op(const struct parse *p, enum expr_op op)
{
	return p->token == TOKEN_OP && p->op == op;
}

/* -EINVAL if there is no room. Indices, not pointers: the array never moves, but 0 can mean none. */
static int add_expr(struct parse *p, enum expr_op op, const char *at, unsigned a, unsigned b,
		    unsigned *ret)
{
	struct expr *e;

	if (p->c->n_exprs == CONDITION_MAX_EXPRS)
		return fail_at(p, at, "too long a condition");
	*ret = p->c->n_exprs++;
	e = &p->c->exprs[*ret];
	*e = (struct expr){ .op = op, .a = a, .b = b, .column = (unsigned)(at - p->c->text) + 1 };
	return 0;
}

static int parse_number(struct parse *p, unsigned *ret)
{
	char text[32], *tail;
	size_t len = (size_t)(p->at - p->start);
	int r;

	if (len >= sizeof(text))
		return fail_at(p, p->start, "a number of more than 64 bits");
	memcpy(text, p->start, len);
	text[len] = '\0';
	r = add_expr(p, EXPR_NUMBER, p->start, 0, 0, ret);
	if (r < 0)
		return r;
	errno = 0;
	p->c->exprs[*ret].number = strtoull(text, &tail, 0);
	if (errno == ERANGE)
		return fail_at(p, p->start, "a number of more than 64 bits");
	if (*tail)
		return fail_at(p, p->start,
			       "no number; decimal, 0x hexadecimal and 0 octal are known");
	return next(p);
}

/* Quotes and backslashes are written with a backslash; other pairs stay for the pattern ("\*"). */
static int parse_string(struct parse *p, unsigned *ret)
{
	char *to;
	int r;

	r = add_expr(p, EXPR_STRING, p->start, 0, 0, ret);
	if (r < 0)
		return r;
	to = malloc((size_t)(p->string_end - p->start));
	if (!to)
		return -ENOMEM;
	p->c->exprs[*ret].text = to;
	for (const char *s = p->start + 1; s < p->string_end; s++) {
		if (*s == '\\' && (s[1] == '\\' || s[1] == *p->start))
			s++;
		*to++ = *s;
	}
	*to = '\0';
	return next(p);
}

static int parse_or(struct parse *p, unsigned *ret);

static int expect(struct parse *p, enum expr_op op, const char *what)
{
	if (!is_op(p, op))
		return fail_at(p, p->start, what);
	return next(p);
}

/* makedev(1, 3): the kernel's 32-bit encoding of a device number, as mknod's `dev` has it. */
static int parse_makedev(struct parse *p, unsigned i)
{
	uint64_t n[2];
	int r;

	r = next(p);
	for (int k = 0; k < 2 && r == 0; k++) {
		unsigned number;

		if (p->token != TOKEN_NUMBER)
			return fail_at(p, p->start, "makedev(major, minor) takes two numbers");
		r = parse_number(p, &number);
		if (r < 0)
			return r;
		n[k] = (uint64_t)p->c->exprs[number].number;
		r = expect(p, k ? EXPR_CLOSE : EXPR_COMMA, "makedev(major, minor) is written so");
	}
	if (r < 0)
		return r;
	if (n[0] >= 1u << 12 || n[1] >= 1u << 20)
		return expr_error(p->c, p->c->exprs[i].column, -EINVAL, p->err,
				  "a major is below 4096, a minor below 1048576");
	p->c->exprs[i].op = EXPR_NUMBER;
	p->c->exprs[i].number = (n[1] & 0xff) | n[0] << 8 | (n[1] & ~UINT64_C(0xff)) << 12;
	return 0;
}

static int parse_name(struct parse *p, unsigned *ret)
{
	size_t len = (size_t)(p->at - p->start);
	bool is_makedev = len == 7 && memcmp(p->start, "makedev", 7) == 0;
	int r;

	r = add_expr(p, EXPR_NAME, p->start, 0, 0, ret);
	if (r < 0)
		return r;
	p->c->exprs[*ret].text = strndup(p->start, len);
	if (!p->c->exprs[*ret].text)
		return -ENOMEM;
	r = next(p);
	if (r == 0 && is_makedev && is_op(p, EXPR_OPEN))
		return parse_makedev(p, *ret);
	return r;
}

static int parse_primary(struct parse *p, unsigned *ret)
{
	int r;

	if (p->token == TOKEN_NUMBER)
		return parse_number(p, ret);
	if (p->token == TOKEN_STRING)
		return parse_string(p, ret);
	if (p->token == TOKEN_NAME)
		return parse_name(p, ret);
	if (!is_op(p, EXPR_OPEN))
		return fail_at(p, p->start,
			       p->token == TOKEN_END
				       ? "the condition ends too early"
				       : "a name, a number, a string or '(' belongs here");
	if (++p->depth > CONDITION_MAX_DEPTH)
		return fail_at(p, p->start, "too deeply nested");
	r = next(p);
	if (r == 0)
		r = parse_or(p, ret);
	p->depth--;
	return r < 0 ? r : expect(p, EXPR_CLOSE, "')' is missing");
}

static int parse_unary(struct parse *p, unsigned *ret)
{
	const char *at = p->start;
	enum expr_op op = p->op;
	unsigned a;
	int r;

	if (!is_op(p, EXPR_NOT) && !is_op(p, EXPR_GLOB) && !is_op(p, EXPR_NEG))
		return parse_primary(p, ret);
	if (++p->depth > CONDITION_MAX_DEPTH)
		return fail_at(p, at, "too deeply nested");
	r = next(p);
	if (r == 0)
		r = parse_unary(p, &a);
	p->depth--;
	if (r < 0)
		return r;
	return add_expr(p, op == EXPR_GLOB ? EXPR_INV : op, at, a, 0, ret);
}

/* Binary operators, tightest first. '|' is for constants: flags & (O_CREAT | O_EXCL). */
#define OPS(...) ((const enum expr_op[]){ __VA_ARGS__, EXPR_NONE })
static const struct level {
	const enum expr_op *ops;
	bool is_chain; /* a op b op c */
} levels[] = {
	{ OPS(EXPR_BAND), true },
	{ OPS(EXPR_BOR), true },
	{ OPS(EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE, EXPR_GLOB, EXPR_NGLOB), false },
	{ OPS(EXPR_AND), true },
	{ OPS(EXPR_OR), true },
};

static bool is_in_level(const struct parse *p, const struct level *level)
{
	for (const enum expr_op *op = level->ops; *op != EXPR_NONE; op++)
		if (is_op(p, *op))
			return true;
	return false;
}

static int parse_level(struct parse *p, int i, unsigned *ret)
{
	bool is_first = true;
	int r;

	if (i < 0)
		return parse_unary(p, ret);
	r = parse_level(p, i - 1, ret);
	while (r == 0 && is_in_level(p, &levels[i])) {
		const char *at = p->start;
		enum expr_op op = p->op;
		unsigned b;

		if (!is_first && !levels[i].is_chain)
			return fail_at(p, at, "comparisons do not chain; join them by &&");
		is_first = false;
		r = next(p);
		if (r == 0)
			r = parse_level(p, i - 1, &b);
		if (r == 0)
			r = add_expr(p, op, at, *ret, b, ret);
	}
	return r;
}

static int parse_or(struct parse *p, unsigned *ret)
{
	return parse_level(p, (int)ARRAY_SIZE(levels) - 1, ret);
}

/* A policy may hold thousands of conditions. */
static struct condition *shrink(struct condition *c)
{
	struct expr *exprs = reallocarray(c->exprs, c->n_exprs, sizeof(*exprs));

	if (exprs)
		c->exprs = exprs;
	return c;
}

int condition_parse(const char *text, size_t len, struct condition **ret, struct wl_err *err)
{
	struct condition *c = calloc(1, sizeof(*c));
	struct parse p = { .c = c, .err = err };
	int r;

	if (!c)
		return wl_err_set(err, -ENOMEM, "condition");
	if (len > CONDITION_MAX_TEXT) {
		free(c);
		return wl_err_say(err, -EINVAL, "condition '%.40s...' is longer than %d characters",
				  text, CONDITION_MAX_TEXT);
	}
	c->text = strndup(text, len);
	c->exprs = calloc(CONDITION_MAX_EXPRS, sizeof(*c->exprs));
	r = c->text && c->exprs ? 0 : -ENOMEM;
	if (r == 0) {
		p.at = c->text;
		p.end = c->text + strlen(c->text);
		r = next(&p);
	}
	if (r == 0)
		r = parse_or(&p, &c->root);
	if (r == 0 && p.token != TOKEN_END)
		r = fail_at(&p, p.start, "the condition should have ended here");
	if (r == -ENOMEM)
		wl_err_set(err, r, "condition");
	if (r < 0) {
		condition_free(c);
		return r;
	}
	*ret = shrink(c);
	return 0;
}

void condition_free(struct condition *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->exprs && i < c->n_exprs; i++)
		free(c->exprs[i].text);
	free(c->exprs);
	free(c->text);
	free(c);
}

size_t condition_size(const struct condition *c)
{
	return c->n_exprs;
}

const char *condition_text(const struct condition *c)
{
	return c->text;
}

int expr_error(const struct condition *c, unsigned column, int code, struct wl_err *err,
	       const char *fmt, ...)
{
	char what[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return wl_err_say(err, code, "condition '%.160s': column %u: %s", c->text, column, what);
}
