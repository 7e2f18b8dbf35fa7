/* SPDX-License-Identifier: Apache-2.0 */
/* Text into memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/buf.h"

static bool buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	if (b->failed || __builtin_add_overflow(b->len, more + 1, &need)) {
		b->failed = true;
		return false;
	}
	if (need <= b->cap)
		return true;

	cap = b->cap ? b->cap : 256;
	while (cap < need)
		if (__builtin_mul_overflow(cap, 2, &cap)) {
			b->failed = true;
			return false;
		}
	p = realloc(b->data, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->data = p;
	b->cap = cap;
	return true;
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		b->failed = true;
	else if (buf_reserve(b, (size_t)n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_json_string(struct buf *b, const char *s)
{
	size_t len = strlen(s);
	struct out o;

	/* The worst byte becomes six characters. */
	if (!buf_reserve(b, len * 6 + 2))
		return;
	o = out_init(b->data + b->len, len * 6 + 2);
	out_json_string(&o, s);
	b->len = (size_t)(o.at - b->data);
	b->data[b->len] = '\0';
}

char *buf_take(struct buf *b)
{
	char *p;

	if (!buf_reserve(b, 0) || b->failed) {
		buf_done(b);
		return NULL;
	}
	b->data[b->len] = '\0';
	p = b->data;
	*b = (struct buf){ 0 };
	return p;
}

/* Inline for each base: dividing by a constant is a multiplication. */
static inline __attribute__((always_inline)) void out_base(struct out *o, uint64_t v, unsigned base)
{
	char tmp[24], *p = tmp + sizeof(tmp);

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	out_mem(o, p, (size_t)(tmp + sizeof(tmp) - p));
}

void out_u64(struct out *o, uint64_t v)
{
	out_base(o, v, 10);
}

void out_i64(struct out *o, int64_t v)
{
	if (v < 0)
		out_char(o, '-');
	out_u64(o, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void out_hex(struct out *o, uint64_t v)
{
	out_mem(o, "0x", 2);
	out_base(o, v, 16);
}

void out_oct(struct out *o, uint64_t v)
{
	if (v)
		out_char(o, '0');
	out_base(o, v, 8);
}

size_t utf8_sequence(const char *str, size_t left)
{
	const unsigned char *s = (const unsigned char *)str;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if (s[0] < 0xc2 || s[0] > 0xf4 || left < n)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

/* What stands for itself in a JSON string. */
static const bool is_plain[256] = { [0x20 ... '"' - 1] = true,
				    ['"' + 1 ... '\\' - 1] = true,
				    ['\\' + 1 ... 0x7e] = true };

void out_escaped(struct out *o, const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t plain = 0, i = 0;

	while (i < len) {
		char esc[6] = { '\\', 'u', '0', '0' };
		size_t n = 1;

		if (is_plain[s[i]]) {
			i++;
			continue;
		}
		if (s[i] >= 0x80) {
			n = utf8_sequence(str + i, len - i);
			if (n) {
				i += n;
				continue;
			}
		}
		out_mem(o, str + plain, i - plain);
		switch (s[i]) {
		case '"':
		case '\\':
			esc[1] = (char)s[i];
			out_mem(o, esc, 2);
			break;
		case '\n':
			out_mem(o, "\\n", 2);
			break;
		case '\t':
			out_mem(o, "\\t", 2);
			break;
		default:
			esc[4] = "0123456789abcdef"[s[i] >> 4];
			esc[5] = "0123456789abcdef"[s[i] & 15];
			out_mem(o, esc, 6);
		}
		plain = ++i;
	}
	out_mem(o, str + plain, i - plain);
}

void out_json_string(struct out *o, const char *s)
{
	out_char(o, '"');
	out_escaped(o, s, strlen(s));
	out_char(o, '"');
}
