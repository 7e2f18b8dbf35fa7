/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns, run as a set of states, all in one step: the path is a hostile container's. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/glob.h"

#define WORDS (GLOB_MAX / 64 + 1)

enum element_type { ELEMENT_CHAR, ELEMENT_ONE, ELEMENT_STAR, ELEMENT_STARS };

struct element {
	uint8_t type;
	char c;
};

/* State i: elements before i have matched. Bit i of a mask belongs to element i. */
struct glob {
	size_t n;	 /* state n is the match */
	size_t n_prefix; /* elements before the first that is no plain character */
	size_t n_least;	 /* characters that any match has */
	size_t words;	 /* that hold states 0 to n */
	bool is_open;	 /* the last element is ** */
	char prefix[GLOB_MAX];
	uint8_t class_of[256]; /* 0: in no pattern's element, 1: '/' */
	uint64_t stars[WORDS]; /* both kinds */
	uint64_t masks[];      /* for each class: `words` that go on, `words` that stay */
};

/* Adjacent stars are one element, so no star stands behind another. */
static int parse(const char *pattern, struct element *elements, size_t *ret_n, struct wl_err *err)
{
	size_t n = 0;

	for (const char *p = pattern; *p; p++) {
		struct element e = { .type = ELEMENT_CHAR, .c = *p };

		if (n == GLOB_MAX)
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
		elements[n++] = e;
	}
	*ret_n = n;
	return 0;
}

static unsigned number_classes(const struct element *elements, size_t n, uint8_t class_of[256])
{
	unsigned last = 1;

	class_of['/'] = 1;
	for (size_t i = 0; i < n; i++)
		if (elements[i].type == ELEMENT_CHAR && !class_of[(uint8_t)elements[i].c])
			class_of[(uint8_t)elements[i].c] = (uint8_t)++last;
	return last + 1;
}

static bool goes_on(const struct glob *g, const struct element *e, unsigned class)
{
	return e->type == ELEMENT_ONE
		       ? class != 1
		       : e->type == ELEMENT_CHAR && g->class_of[(uint8_t)e->c] == class;
}

static bool stays(const struct element *e, unsigned class)
{
	return e->type == ELEMENT_STARS || (e->type == ELEMENT_STAR && class != 1);
}

static void fill(struct glob *g, const struct element *elements, unsigned n_classes)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct element *e = &elements[i];
		uint64_t bit = UINT64_C(1) << (i % 64);

		if (e->type >= ELEMENT_STAR)
			g->stars[i / 64] |= bit;
		else
			g->n_least++;
		if (g->n_prefix == i && e->type == ELEMENT_CHAR)
			g->prefix[g->n_prefix++] = e->c;
		for (unsigned c = 0; c < n_classes; c++) {
			uint64_t *masks = &g->masks[c * 2 * g->words + i / 64];

			masks[0] |= goes_on(g, e, c) ? bit : 0;
			masks[g->words] |= stays(e, c) ? bit : 0;
		}
	}
	g->is_open = g->n > 0 && elements[g->n - 1].type == ELEMENT_STARS;
}

int glob_new(const char *pattern, struct glob **ret, struct wl_err *err)
{
	struct element elements[GLOB_MAX];
	uint8_t class_of[256] = { 0 };
	unsigned n_classes;
	struct glob *g;
	size_t n = 0, words;
	int r;

	r = parse(pattern, elements, &n, err);
	if (r < 0)
		return r;
	n_classes = number_classes(elements, n, class_of);
	words = n / 64 + 1;
	g = calloc(1, sizeof(*g) + 2 * words * n_classes * sizeof(g->masks[0]));
	if (!g)
		return wl_err_set(err, -ENOMEM, "pattern \"%.100s\"", pattern);
	g->n = n;
	g->words = words;
	memcpy(g->class_of, class_of, sizeof(class_of));
	fill(g, elements, n_classes);
	*ret = g;
	return 0;
}

void glob_free(struct glob *glob)
{
	free(glob);
}

unsigned glob_cost(const struct glob *g)
{
	/* A prefix and ** end at once. */
	return g->n_prefix + g->is_open >= g->n ? 0 : (unsigned)g->words;
}

/* A star may match nothing: whoever is before it is behind it too. */
static void pass_stars(const struct glob *g, uint64_t now[WORDS])
{
	uint64_t carry = 0;

	for (size_t w = 0; w < g->words; w++) {
		uint64_t at = now[w] & g->stars[w];

		now[w] |= at << 1 | carry;
		carry = at >> 63;
	}
}

/* False: no state is left. */
static bool step(const struct glob *g, uint64_t now[WORDS], char c)
{
	const uint64_t *on = &g->masks[g->class_of[(uint8_t)c] * 2 * g->words];
	const uint64_t *stay = on + g->words;
	uint64_t carry = 0, any = 0;

	for (size_t w = 0; w < g->words; w++) {
		uint64_t moved = now[w] & on[w];

		now[w] = (now[w] & stay[w]) | moved << 1 | carry;
		carry = moved >> 63;
		any |= now[w];
	}
	pass_stars(g, now);
	return any != 0;
}

static bool has_state(const uint64_t now[WORDS], size_t i)
{
	return now[i / 64] >> (i % 64) & 1;
}

bool glob_match(const struct glob *g, const char *text, size_t len)
{
	uint64_t now[WORDS] = { 0 };

	if (len < g->n_least || memcmp(text, g->prefix, g->n_prefix) != 0)
		return false;
	now[g->n_prefix / 64] = UINT64_C(1) << (g->n_prefix % 64);
	pass_stars(g, now);
	for (size_t i = g->n_prefix; i < len; i++) {
		if (g->is_open && has_state(now, g->n - 1))
			return true;
		if (!step(g, now, text[i]))
			return false;
	}
	return has_state(now, g->n);
}
