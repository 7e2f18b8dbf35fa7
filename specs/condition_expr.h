/* SPDX-License-Identifier: Apache-2.0 */
/* What parser, binder and evaluator of conditions share. Nobody else includes this. */
#pragma once

#include "specs/condition.h"

#define CONDITION_MAX_TEXT  4096
#define CONDITION_MAX_EXPRS 512
#define CONDITION_MAX_DEPTH 32

enum expr_op {
	EXPR_NONE,
	EXPR_NUMBER,
	EXPR_NAME,
	EXPR_STRING,
	EXPR_NOT,  /* ! */
	EXPR_INV,  /* ~ in front */
	EXPR_NEG,  /* - in front */
	EXPR_BAND, /* & */
	EXPR_BOR,  /* | */
	EXPR_EQ,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_GLOB,  /* ~ between */
	EXPR_NGLOB, /* !~ */
	EXPR_AND,   /* && */
	EXPR_OR,    /* || */
	EXPR_OPEN,  /* tokens only: */
	EXPR_CLOSE,
	EXPR_COMMA,
};

/* Wide enough for -2^64..2^64: constants are computed exactly and fitted to an argument at the end. */
typedef __int128 wide;

struct expr {
	enum expr_op op;
	unsigned a, b;	 /* indices */
	unsigned column; /* of the operator or the word, from 1 */
	wide number;
	char *text; /* owned; NAME, STRING */
};

struct condition {
	char *text;	    /* owned */
	struct expr *exprs; /* owned */
	unsigned n_exprs, root;
};

/* "condition '<text>': column N: ..." */
int expr_error(const struct condition *c, unsigned column, int code, struct wl_err *err,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* One test on a string; cnode.value of a CNODE_MEMORY is its index. */
struct string_test {
	bool is_negated;
	struct glob *glob; /* owned; NULL: equal to text */
	char *text;	   /* owned */
	size_t len;
};

struct condition_bound {
	struct cnode *nodes; /* owned; room for all at once: they point at each other */
	unsigned n_nodes;
	struct string_test *tests; /* owned */
	unsigned n_tests;
	const struct cnode *root;
	bool needs_memory;
};

bool cnode_compare(enum cnode_cmp cmp, bool is_less, bool is_equal);
