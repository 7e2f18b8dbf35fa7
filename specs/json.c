/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text -> tree with positions. yajl checks the grammar; bytes, limits and places are ours. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "specs/json.h"

#define JSON_MAX_VALUES (1u << 20) /* of one document: each costs about 100 bytes */

/* yajl's own yajl_get_bytes_consumed() is reset with each chunk and says nothing of where a token began
 * (escapes are decoded into another buffer). yajl calls back once for every token but ',' and ':', in
 * order, so a second cursor over the text that steps from token to token knows the exact place. */
struct cursor {
	const char *at, *end;
	const char *counted; /* line and column are those of this byte */
	unsigned line, column;
};

struct parser {
	struct cursor cursor;
	struct json *stack[JSON_MAX_DEPTH];
	unsigned depth, n_values;
	struct json *root;
	char *key; /* owned; waits for its value */
	int code;  /* negative errno that a callback gave up with */
	char reason[320];
};

static void cursor_count(struct cursor *c)
{
	for (; c->counted < c->at; c->counted++) {
		if (*c->counted == '\n') {
			c->line++;
			c->column = 1;
		} else if ((*c->counted & 0xc0) != 0x80) {
			c->column++; /* characters, not the bytes of one */
		}
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void cursor_skip_space(struct cursor *c)
{
	while (c->at < c->end && is_space(*c->at))
		c->at++;
}

/* Puts line and column at the start of the next token. */
static void cursor_find_token(struct cursor *c)
{
	cursor_skip_space(c);
	if (c->at < c->end && (*c->at == ',' || *c->at == ':')) {
		c->at++;
		cursor_skip_space(c);
	}
	cursor_count(c);
}

static void cursor_skip_token(struct cursor *c)
{
	if (c->at == c->end)
		return;
	if (*c->at == '"') {
		for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
			if (*c->at == '\\' && c->at + 1 < c->end)
				c->at++;
		if (c->at < c->end)
			c->at++;
	} else if (strchr("{}[]", *c->at)) {
		c->at++;
	} else {
		while (c->at < c->end && !is_space(*c->at) && !strchr(",:{}[]\"", *c->at))
			c->at++;
	}
}

__attribute__((format(printf, 3, 4))) static int give_up(struct parser *p, int code,
							 const char *fmt, ...)
{
	va_list ap;

	p->code = code;
	va_start(ap, fmt);
	vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
	va_end(ap);
	return 0; /* tells yajl to stop */
}

static int list_append(struct json *list, char *take_key, struct json *item)
{
	size_t n = list->u.list.n;

	/* Grows at each power of two: no capacity field needed. */
	if ((n & (n - 1)) == 0) {
		size_t cap = n ? n * 2 : 1;
		struct json **items = reallocarray(list->u.list.items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->u.list.items = items;
		if (list->type == JSON_OBJECT) {
			char **keys = reallocarray(list->u.list.keys, cap, sizeof(*keys));

			if (!keys)
				return -ENOMEM;
			list->u.list.keys = keys;
		}
	}
	list->u.list.items[n] = item;
	if (list->type == JSON_OBJECT)
		list->u.list.keys[n] = take_key;
	list->u.list.n++;
	return 0;
}

/* A new value in its place in the tree; NULL after give_up(). */
static struct json *add_value(struct parser *p, enum json_type type)
{
	struct json *j;

	cursor_find_token(&p->cursor);
	if (++p->n_values > JSON_MAX_VALUES) {
		give_up(p, -E2BIG, "more than %u values", JSON_MAX_VALUES);
		return NULL;
	}
	j = calloc(1, sizeof(*j));
	if (!j) {
		give_up(p, -ENOMEM, "out of memory");
		return NULL;
	}
	j->type = type;
	j->line = p->cursor.line;
	j->column = p->cursor.column;
	if (!p->root) {
		p->root = j;
	} else if (list_append(p->stack[p->depth - 1], p->key, j) < 0) {
		free(j);
		give_up(p, -ENOMEM, "out of memory");
		return NULL;
	} else {
		p->key = NULL; /* the object's now */
	}
	return j;
}

static int add_scalar(struct parser *p, enum json_type type, struct json **ret)
{
	*ret = add_value(p, type);
	cursor_skip_token(&p->cursor);
	return *ret != NULL;
}

static int on_null(void *ctx)
{
	struct json *j;

	return add_scalar(ctx, JSON_NULL, &j);
}

static int on_boolean(void *ctx, int value)
{
	struct json *j;

	if (!add_scalar(ctx, JSON_BOOL, &j))
		return 0;
	j->u.boolean = value;
	return 1;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct parser *p = ctx;
	char *end, copy[512];
	struct json *j;

	if (!add_scalar(p, JSON_INT, &j))
		return 0;
	if (len >= sizeof(copy))
		return give_up(p, -EINVAL, "a number of %zu digits", len);
	memcpy(copy, text, len);
	copy[len] = '\0';

	if (!strpbrk(copy, ".eE")) {
		errno = 0;
		j->u.integer = strtoll(copy, &end, 10);
		if (errno == 0)
			return 1;
		errno = 0;
		if (copy[0] != '-') {
			j->u.integer = (int64_t)strtoull(copy, &end, 10);
			j->is_big = true;
			if (errno == 0)
				return 1;
		}
		j->is_big = false;
	}
	j->type = JSON_DOUBLE;
	j->u.number = strtod(copy, &end);
	if (!isfinite(j->u.number))
		return give_up(p, -EINVAL, "number %.40s is out of range", copy);
	return 1;
}

static char *copy_text(struct parser *p, const unsigned char *text, size_t len)
{
	char *copy;

	/* "\u0000": every later user of the text would see another string than the document says. */
	if (memchr(text, '\0', len)) {
		give_up(p, -EINVAL, "a string holds the character NUL (\\u0000)");
		return NULL;
	}
	copy = strndup((const char *)text, len);
	if (!copy)
		give_up(p, -ENOMEM, "out of memory");
	return copy;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct json *j;

	if (!add_scalar(ctx, JSON_STRING, &j))
		return 0;
	j->u.string.text = copy_text(ctx, text, len);
	j->u.string.len = len;
	return j->u.string.text != NULL;
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;

	cursor_find_token(&p->cursor);
	p->key = copy_text(p, text, len);
	cursor_skip_token(&p->cursor);
	return p->key != NULL;
}

static int open_list(struct parser *p, enum json_type type)
{
	struct json *j = add_value(p, type);

	if (!j)
		return 0;
	if (p->depth == JSON_MAX_DEPTH)
		return give_up(p, -EINVAL, "more than %d levels of nesting", JSON_MAX_DEPTH);
	p->stack[p->depth++] = j;
	cursor_skip_token(&p->cursor);
	return 1;
}

static int on_open_object(void *ctx)
{
	return open_list(ctx, JSON_OBJECT);
}

static int on_open_array(void *ctx)
{
	return open_list(ctx, JSON_ARRAY);
}

static int on_close_array(void *ctx)
{
	struct parser *p = ctx;

	cursor_find_token(&p->cursor);
	cursor_skip_token(&p->cursor);
	p->depth--;
	return 1;
}

struct key_place {
	const char *key;
	size_t index;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key_place *ka = a, *kb = b;
	int r = strcmp(ka->key, kb->key);

	return r ? r : (ka->index > kb->index) - (ka->index < kb->index);
}

/* Readers differ in which of two equal keys they take: what one checked another would not see. Sorted,
 * since a hostile document has 100000 keys in one object. */
static int on_close_object(void *ctx)
{
	struct parser *p = ctx;
	const struct json *j = p->stack[p->depth - 1];
	size_t n = j->u.list.n;
	_cleanup_free_ struct key_place *places = NULL;

	if (n > 1) {
		places = calloc(n, sizeof(*places));
		if (!places)
			return give_up(p, -ENOMEM, "out of memory");
		for (size_t i = 0; i < n; i++)
			places[i] = (struct key_place){ j->u.list.keys[i], i };
		qsort(places, n, sizeof(*places), compare_keys);
	}
	for (size_t i = 1; i < n; i++) {
		const struct json *second = j->u.list.items[places[i].index];

		if (strcmp(places[i - 1].key, places[i].key) != 0)
			continue;
		p->cursor.line = second->line;
		p->cursor.column = second->column;
		return give_up(p, -EINVAL, "key \"%.100s\" is given a second time", places[i].key);
	}
	return on_close_array(p);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_open_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close_object,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close_array,
};

/* The UTF-16 unit of an escape "\uXXXX" at s, or -1. */
static long escape_unit(const char *s, const char *end)
{
	unsigned v = 0;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		char c = s[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		v = v << 4 | (unsigned)digit;
	}
	return v;
}

/* What yajl 2.1 lets through or stumbles over: \v and \f as white space, overlong and surrogate UTF-8,
 * "\ud800" without its other half (taken as '?'; read past the end of the text before Debian's patch for
 * CVE-2017-16516). */
static const char *check_bytes(struct cursor *c)
{
	bool in_string = false;

	while (c->at < c->end) {
		size_t left = (size_t)(c->end - c->at);
		long unit;

		if ((unsigned char)*c->at >= 0x80) {
			size_t n = utf8_sequence(c->at, left);

			if (n == 0)
				return "not valid UTF-8";
			c->at += n;
			continue;
		}
		if (*c->at == '\0')
			return "a NUL byte";
		if (*c->at == '"')
			in_string = !in_string;
		if (!in_string && (unsigned char)*c->at < ' ' && !is_space(*c->at))
			return "a control character";
		if (!in_string || *c->at != '\\') {
			c->at++;
			continue;
		}
		unit = escape_unit(c->at, c->end);
		if (unit >= 0xd800 && unit < 0xdc00) {
			unit = escape_unit(c->at + 6, c->end);
			if (unit < 0xdc00 || unit > 0xdfff)
				return "half a surrogate pair";
			c->at += 6;
		} else if (unit >= 0xdc00 && unit < 0xe000) {
			return "half a surrogate pair";
		}
		/* A backslash at the very end is left to yajl. */
		c->at += unit >= 0 ? 6 : left > 1 ? 2 : 1;
	}
	return NULL;
}

static int run_yajl(struct parser *p, const char *text, size_t len)
{
	yajl_handle y = yajl_alloc(&callbacks, NULL, p);
	yajl_status status;

	if (!y)
		return give_up(p, -ENOMEM, "out of memory"), p->code;
	status = yajl_parse(y, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(y);
	if (status == yajl_status_error) {
		unsigned char *said = yajl_get_error(y, 0, NULL, 0);

		cursor_find_token(&p->cursor);
		give_up(p, -EINVAL, "%s", said ? (char *)said : "parse error");
		p->reason[strcspn(p->reason, "\n")] = '\0';
		if (said)
			yajl_free_error(y, said);
	}
	yajl_free(y);
	return p->code;
}

int json_parse(const char *text, size_t len, const char *what, struct json **ret,
	       struct wl_err *err)
{
	struct parser p = { 0 };
	struct cursor start = {
		.at = text, .end = text + len, .counted = text, .line = 1, .column = 1
	};
	const char *bad;

	if (len > JSON_MAX_SIZE)
		return wl_err_say(err, -E2BIG, "%s: larger than %u bytes", what, JSON_MAX_SIZE);
	p.cursor = start;
	bad = check_bytes(&p.cursor);
	if (bad) {
		cursor_count(&p.cursor);
		give_up(&p, -EINVAL, "%s", bad);
	} else {
		p.cursor = start;
		run_yajl(&p, text, len);
	}
	free(p.key);
	if (p.code < 0) {
		json_free(p.root);
		return wl_err_say(err, p.code, "%s: line %u, column %u: %s", what, p.cursor.line,
				  p.cursor.column, p.reason);
	}
	*ret = p.root;
	return 0;
}
