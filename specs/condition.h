/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on a call's arguments: `flags & O_CREAT && path ~ "/etc/" ...`, see annotations.md. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/base/buf.h"
#include "arch/base/err.h"
#include "arch/call.h"
#include "arch/mem.h"

struct condition;	/* as written: names unresolved */
struct condition_bound; /* for one (ABI, syscall): names resolved to arguments and constants */

/* Parses text[0..len). Errors give the position inside the text: "condition 'mode & S_X': column 8:
 * unknown constant 'S_X'" (unknown names are found when binding). */
int condition_parse(const char *text, size_t len, struct condition **ret, struct wl_err *err);
void condition_free(struct condition *c);
/* Words in it: what it costs to bind it. */
size_t condition_size(const struct condition *c);
/* The text it was parsed from. */
const char *condition_text(const struct condition *c);

/* Resolves names for one call of one ABI. -ENOENT with "mount has no argument 'foo'; it has source,
 * target, ..." if an argument does not exist there. */
int condition_bind(const struct condition *c, const struct abi *abi, const struct syscall_def *def,
		   struct condition_bound **ret, struct wl_err *err);
void condition_bound_free(struct condition_bound *b);

/* True if any part looks at memory (strings, structures) and so cannot be pushed down into BPF. */
bool condition_needs_memory(const struct condition_bound *b);

/* glob_cost() of all its patterns. */
unsigned condition_cost(const struct condition_bound *b);

enum tri { TRI_FALSE, TRI_TRUE, TRI_UNKNOWN };

/* One private copy of a string argument, read at most once per request (arch/mem.h). */
struct string_copy {
	int state; /* 0: not read yet; 1: here; negative errno: unreadable */
	bool is_cut;
	size_t len;
	char text[4096];
};
struct string_copies {
	const struct mem *mem; /* NULL: memory must not be read; parts that need it are unknown */
	struct string_copy *of[SYSCALL_ARGS]; /* NULL: no room given for that argument */
};

/* The copy of argument `arg`, read now if nobody did before; NULL if it must not be read. */
const struct string_copy *string_copies_get(struct string_copies *copies, const struct call *call,
					    unsigned arg);

/* Evaluates; unknown only where `copies` is NULL or gives no memory. Memory that cannot be read makes
 * the part false, negated or not (the kernel will answer EFAULT itself). */
enum tri condition_eval(const struct condition_bound *b, const struct call *call,
			struct string_copies *copies);

/* The integer part as a tree for the filter compiler. Each leaf test is one comparison of an argument
 * at its proper width. Memory tests appear as CNODE_MEMORY. There is no negation (it is in the leaves), so
 * taking every CNODE_MEMORY for true gives a condition that holds at least wherever the whole one does.
 * A CNODE_CONST stands only at the root. */
enum cnode_op { CNODE_AND, CNODE_OR, CNODE_TEST, CNODE_MEMORY, CNODE_CONST };
enum cnode_cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };
struct cnode {
	enum cnode_op op;
	const struct cnode *a, *b; /* AND, OR */
	uint8_t arg;		   /* TEST: (args[arg] & mask) cmp value, at width bits; MEMORY */
	uint8_t width;		   /* 32 (low half only) or 64 */
	bool is_signed;
	enum cnode_cmp cmp;
	uint64_t mask, value; /* no bits above width; MEMORY: value is private */
	bool truth;	      /* CONST */
};
/* Borrowed from b. */
const struct cnode *condition_tree(const struct condition_bound *b);
