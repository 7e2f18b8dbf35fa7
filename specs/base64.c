/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "specs/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct buf *out, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;
		char four[4];

		if (n > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (n > 2)
			bits |= p[i + 2];
		for (int k = 0; k < 4; k++)
			four[k] = digits[bits >> (18 - 6 * k) & 63];
		memset(four + n + 1, '=', 3 - n);
		buf_append(out, four, 4);
	}
}

int base64_read(struct buf *out, const char *text, size_t len)
{
	if (len % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t n = 3;
		uint32_t bits = 0;
		uint8_t three[3];

		if (i + 4 == len)
			n -= (size_t)(text[i + 3] == '=') +
			     (text[i + 2] == '=' && text[i + 3] == '=');
		for (size_t k = 0; k <= n; k++) {
			const char *d = text[i + k] ? strchr(digits, text[i + k]) : NULL;

			if (!d)
				return -EINVAL;
			bits |= (uint32_t)(d - digits) << (18 - 6 * k);
		}
		for (size_t k = 0; k < 3; k++)
			three[k] = (uint8_t)(bits >> (16 - 8 * k));
		/* Bits below the last byte: two texts must not mean the same bytes. */
		if (bits & ((1u << (24 - 8 * n)) - 1))
			return -EINVAL;
		buf_append(out, three, n);
	}
	return out->failed ? -ENOMEM : 0;
}
