/* SPDX-License-Identifier: Apache-2.0 */
/* Text into memory: a growing buffer for cold paths, a fixed one for the path of a call. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Growing buffer; always NUL-terminated once written to. Out of memory is remembered in `failed` and
 * reported once at the end, so that a row of appends needs one check. */
struct buf {
	char *data; /* owned */
	size_t len, cap;
	bool failed;
};

void buf_done(struct buf *b);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Text as a JSON string with its quotes. */
void buf_json_string(struct buf *b, const char *s);
/* Hands the text over (free() it); NULL if any append failed. */
char *buf_take(struct buf *b);

/* Fixed window for hand-written JSON on the hot path: allocates nothing. What does not fit is dropped
 * and `cut` is set; nothing is written past `end`. Not NUL-terminated. */
struct out {
	char *at, *end;
	bool cut;
};

static inline struct out out_init(char *mem, size_t size)
{
	return (struct out){ .at = mem, .end = mem + size };
}

/* Inline: an event is some dozens of these, most of a length that the compiler knows. */
static inline void out_mem(struct out *o, const char *s, size_t len)
{
	if ((size_t)(o->end - o->at) < len) {
		o->cut = true;
		return;
	}
	memcpy(o->at, s, len);
	o->at += len;
}

static inline void out_str(struct out *o, const char *s)
{
	out_mem(o, s, strlen(s));
}

static inline void out_char(struct out *o, char c)
{
	if (o->at < o->end)
		*o->at++ = c;
	else
		o->cut = true;
}

void out_u64(struct out *o, uint64_t v);
void out_i64(struct out *o, int64_t v);
void out_hex(struct out *o, uint64_t v); /* with 0x */
void out_oct(struct out *o, uint64_t v); /* with a leading 0 */
/* `len` raw bytes as the inside of a JSON string: ", \, control characters, DEL and every byte that
 * is not valid UTF-8 come as escapes (a raw byte 0xNN as \u00NN), so any bytes give valid JSON. */
void out_escaped(struct out *o, const char *s, size_t len);
/* Length of the valid UTF-8 sequence of two to four bytes at s, 0 if there is none (overlong forms and surrogates too). */
size_t utf8_sequence(const char *s, size_t left);
/* A complete JSON string, quotes included. */
void out_json_string(struct out *o, const char *s);
