/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns, run as a set of states: backtracking would take quadratic time on a hostile path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/glob.h"

enum element_type { ELEMENT_CHAR, ELEMENT_ONE, ELEMENT_STAR, ELEMENT_STARS };

struct element {
	uint8_t type;
	char c;
};

struct glob {
	size_t n;	 /* state n is the match */
	size_t n_prefix; /* elements before the first that is no plain character */
	struct element elements[GLOB_MAX];
};

#define STATE_WORDS (GLOB_MAX / 64 + 1)

struct states {
	uint64_t bits[STATE_WORDS];
};

int glob_new(const char *pattern, struct glob **ret, struct wl_err *err)
{
	_cleanup_free_ struct glob *g = calloc(1, sizeof(*g));

	if (!g)
		return wl_err_set(err, -ENOMEM, "pattern \"%.100s\"", pattern);
	for (const char *p = pattern; *p; p++) {
		struct element e = { .type = ELEMENT_CHAR, .c = *p };

		if (g->n == GLOB_MAX)
			return wl_err_say(err, -EINVAL, "pattern \"%.40s...\" is longer than %d",
					  pattern, GLOB_MAX);
		if (*p == '?') {
			e.type = ELEMENT_ONE;
		} else if (*p == '*') {
			e.type = ELEMENT_STAR;
			while (p[1] == '*') {
				e.type = ELEMENT_STARS;
				p++;
			}
		} else if (*p == '\\') {
			if (!p[1])
				return wl_err_say(err, -EINVAL, "pattern \"%.100s\" ends in '\\'",
						  pattern);
			e.c = *++p;
		}
		g->elements[g->n++] = e;
	}
	while (g->n_prefix < g->n && g->elements[g->n_prefix].type == ELEMENT_CHAR)
		g->n_prefix++;
	*ret = TAKE_PTR(g);
	return 0;
}

void glob_free(struct glob *glob)
{
	free(glob);
}

/* A star may match nothing: whoever is before it is behind it too. */
static void states_add(const struct glob *g, struct states *s, size_t i)
{
	for (;; i++) {
		s->bits[i / 64] |= UINT64_C(1) << (i % 64);
		if (i == g->n || g->elements[i].type < ELEMENT_STAR)
			return;
	}
}

/* The states after character c; true if one of them matches whatever follows. */
static bool states_step(const struct glob *g, const struct states *from, struct states *ret_to,
			char c)
{
	memset(ret_to, 0, sizeof(*ret_to));
	for (size_t w = 0; w <= g->n / 64; w++)
		for (uint64_t bits = from->bits[w]; bits; bits &= bits - 1) {
			size_t i = w * 64 + (size_t)__builtin_ctzll(bits);
			const struct element *e = &g->elements[i];

			if (i == g->n)
				continue;
			if (e->type == ELEMENT_STARS && i + 1 == g->n)
				return true;
			if (e->type == ELEMENT_STARS || (e->type == ELEMENT_STAR && c != '/'))
				states_add(g, ret_to, i);
			else if ((e->type == ELEMENT_CHAR && e->c == c) ||
				 (e->type == ELEMENT_ONE && c != '/'))
				states_add(g, ret_to, i + 1);
		}
	return false;
}

bool glob_match(const struct glob *g, const char *text, size_t len)
{
	struct states now = { 0 }, next;

	if (len < g->n_prefix)
		return false;
	for (size_t i = 0; i < g->n_prefix; i++)
		if (g->elements[i].c != text[i])
			return false;
	states_add(g, &now, g->n_prefix);
	for (size_t i = g->n_prefix; i < len; i++) {
		if (states_step(g, &now, &next, text[i]))
			return true;
		now = next;
	}
	return now.bits[g->n / 64] >> (g->n % 64) & 1;
}
