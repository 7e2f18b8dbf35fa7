/* SPDX-License-Identifier: Apache-2.0 */
/* What lies behind pointers: strings, buffers, vectors of strings. All of it is hostile. */
#include <errno.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/decode/decode.h"

#define STRINGS_MAX	32
#define ENVIRONMENT_MAX 4096 /* a hostile caller's may have no end */

static const struct decode_copy *copy_at(const struct dec *d, uint64_t addr)
{
	for (unsigned i = 0; i < d->n_copies; i++) {
		const struct decode_copy *c = &d->copies[i];

		if (c->arg == d->arg && addr >= arg_word(d->call, d->arg) &&
		    addr - arg_word(d->call, d->arg) < (c->len ? c->len : 1))
			return c;
	}
	return NULL;
}

ssize_t dec_read_some(const struct dec *d, uint64_t addr, void *buf, size_t len)
{
	const struct decode_copy *copy = copy_at(d, addr);

	if (copy) {
		size_t skip = (size_t)(addr - arg_word(d->call, d->arg)), n = copy->len - skip;

		if (n > len)
			n = len;
		memcpy(buf, (const char *)copy->data + skip, n);
		return n ? (ssize_t)n : -EFAULT;
	}
	if (!d->mem)
		return -ESRCH;
	/* A 32-bit address space ends at 4 GiB: what wraps there is unreadable as it is at 2^64. */
	if (addr + len < addr)
		return -EFAULT;
	return d->mem->read(d->mem, addr, buf, len);
}

int dec_read(const struct dec *d, uint64_t addr, void *buf, size_t len)
{
	ssize_t n;

	if (!len)
		return 0;
	n = dec_read_some(d, addr, buf, len);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EFAULT;
}

ssize_t dec_read_string(const struct dec *d, uint64_t addr, char *buf, size_t size)
{
	const struct decode_copy *copy = copy_at(d, addr);

	if (copy) {
		size_t skip = (size_t)(addr - arg_word(d->call, d->arg));
		size_t n = strnlen((const char *)copy->data + skip, copy->len - skip);
		bool is_cut = n >= size || (copy->is_cut && n == copy->len - skip);

		if (n >= size)
			n = size - 1;
		memcpy(buf, (const char *)copy->data + skip, n);
		buf[n] = '\0';
		return is_cut ? -ENAMETOOLONG : (ssize_t)n;
	}
	if (!d->mem)
		return -ESRCH;
	return mem_read_string(d->mem, addr, buf, size);
}

bool dec_may_follow(const struct dec *d, const char *name, uint64_t addr)
{
	if (addr && (d->mem || copy_at(d, addr)))
		return true;
	dec_key(d, name, "");
	dec_address(d, addr);
	return false;
}

void dec_string(const struct dec *d, const char *name, uint64_t addr)
{
	char text[DECODE_STRING_MAX + 1];
	ssize_t len;

	if (!dec_may_follow(d, name, addr))
		return;
	len = dec_read_string(d, addr, text, sizeof(text));
	if (len < 0 && len != -ENAMETOOLONG) {
		dec_unreadable(d, name, addr, (int)len);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '"');
	out_escaped(d->out, text, len < 0 ? strlen(text) : (size_t)len);
	out_char(d->out, '"');
	if (len < 0)
		dec_mark_cut(d, name);
}

/* Parts of names whose values are nobody's business; over-redacting is cheap. */
static const char *const secret_words[] = { "pass", "secret", "token",	"cred",
					    "key",  "_pwd",   "private" };

static bool has_word(const char *key, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++) {
		size_t k = 0;

		while (k < n && (key[i + k] | 0x20) == (word[k] | 0x20))
			k++;
		if (k == n)
			return true;
	}
	return false;
}

bool dec_is_secret(const char *key, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(secret_words); i++)
		if (has_word(key, len, secret_words[i]))
			return true;
	return false;
}

/* End of an item of a comma list; in a secret a doubled comma is part of it (cifs). */
static size_t item_end(const char *text, size_t at, size_t len, bool is_secret)
{
	for (; at < len; at++) {
		if (text[at] != ',')
			continue;
		if (is_secret && at + 1 < len && text[at + 1] == ',')
			at++;
		else
			break;
	}
	return at;
}

bool dec_redacted(const struct dec *d, const char *text, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\t' && text[i] != '\n')
			return false;
	while (at < len) {
		const char *eq = memchr(text + at, '=', len - at);
		size_t plain_end = item_end(text, at, len, false), end;
		size_t key = eq ? (size_t)(eq - text) : len;

		/* The key ends at the first '=' of the item, if the item has one. */
		if (key >= plain_end || d->flags & DECODE_SECRETS ||
		    !dec_is_secret(text + at, key - at)) {
			end = plain_end;
			out_escaped(d->out, text + at, end - at);
		} else {
			end = item_end(text, at, len, true);
			out_escaped(d->out, text + at, key + 1 - at);
			out_mem(d->out, "***", 3);
		}
		if (end < len)
			out_char(d->out, ',');
		at = end + 1;
	}
	return true;
}

void dec_mount_data(const struct dec *d, const char *name, uint64_t addr)
{
	char text[DECODE_STRING_MAX + 1];
	struct out before;
	ssize_t len;
	size_t n;

	if (!dec_may_follow(d, name, addr))
		return;
	len = dec_read_string(d, addr, text, sizeof(text));
	if (len < 0 && len != -ENAMETOOLONG) {
		dec_unreadable(d, name, addr, (int)len);
		return;
	}
	dec_key(d, name, "");
	n = len < 0 ? strlen(text) : (size_t)len;
	before = *d->out;
	out_char(d->out, '"');
	if (!dec_redacted(d, text, n)) {
		*d->out = before;
		out_mem(d->out, "\"(binary, ", 10);
		out_u64(d->out, n);
		out_str(d->out, " bytes to the first NUL)");
	}
	out_char(d->out, '"');
	if (len < 0)
		dec_mark_cut(d, name);
}

void dec_buffer(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	char bytes[DECODE_BYTES_MAX];
	size_t want = len < sizeof(bytes) ? (size_t)len : sizeof(bytes);
	ssize_t n = 0;

	if (!dec_may_follow(d, name, addr))
		return;
	if (want)
		n = dec_read_some(d, addr, bytes, want);
	if (n < 0) {
		dec_unreadable(d, name, addr, (int)n);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '"');
	out_escaped(d->out, bytes, (size_t)n);
	out_char(d->out, '"');
	if ((size_t)n < want) {
		dec_key(d, name, "_error");
		out_str(d->out, "\"EFAULT\"");
	} else if (len > want) {
		dec_mark_cut(d, name);
	}
}

static void vector_item(const struct dec *d, const char *text, size_t len)
{
	dec_comma(d);
	out_char(d->out, '"');
	out_escaped(d->out, text, len);
	out_char(d->out, '"');
}

void dec_environment(const struct dec *d, const char *name, uint64_t addr)
{
	const unsigned word = d->call->abi->word;
	unsigned char ptrs[64 * 8];
	unsigned n = 0, i = 0;
	ssize_t have;

	if (d->flags & DECODE_SECRETS) {
		dec_strings(d, name, addr);
		return;
	}
	if (!dec_may_follow(d, name, addr))
		return;
	do {
		have = dec_read_some(d, addr + (uint64_t)n * word, ptrs, (size_t)64 * word);
		if (have < (ssize_t)word) {
			dec_unreadable(d, name, addr, have < 0 ? (int)have : -EFAULT);
			return;
		}
		for (i = 0; i < (unsigned)have / word; i++)
			if (layout_get(d->call->abi, LAYOUT_WORD, ptrs + i * word) == 0)
				break;
		n += i;
	} while (i == (unsigned)have / word && n < ENVIRONMENT_MAX);
	dec_key(d, name, "");
	out_char(d->out, '"');
	out_u64(d->out, n);
	out_str(d->out, n < ENVIRONMENT_MAX ? " variables\"" : " or more variables\"");
}

void dec_strings(const struct dec *d, const char *name, uint64_t addr)
{
	unsigned word = d->call->abi->word, i;
	unsigned char ptrs[STRINGS_MAX * 8];
	char text[DECODE_STRING_MAX + 1];
	size_t left = sizeof(text);
	bool is_cut = false, has_end = false;
	int error = 0;
	ssize_t have;

	if (!dec_may_follow(d, name, addr))
		return;
	have = dec_read_some(d, addr, ptrs, STRINGS_MAX * word);
	if (have < (ssize_t)word) {
		dec_unreadable(d, name, addr, have < 0 ? (int)have : -EFAULT);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '[');
	for (i = 0; i < (unsigned)have / word && !is_cut; i++) {
		uint64_t p = layout_get(d->call->abi, LAYOUT_WORD, ptrs + i * word);
		ssize_t len;

		has_end = p == 0;
		if (has_end)
			break;
		len = dec_read_string(d, p, text, left);
		if (len < 0 && len != -ENAMETOOLONG) {
			dec_comma(d);
			dec_address(d, p);
			error = (int)len;
			continue;
		}
		is_cut = len < 0;
		vector_item(d, text, is_cut ? strlen(text) : (size_t)len);
		left -= is_cut ? 0 : (size_t)len;
	}
	out_char(d->out, ']');
	if (is_cut || (!has_end && i == STRINGS_MAX))
		dec_mark_cut(d, name);
	else if (!has_end || error)
		error = error ? error : -EFAULT;
	if (error) {
		dec_key(d, name, "_error");
		out_str(d->out, error == -ESRCH ? "\"ESRCH\"" : "\"EFAULT\"");
	}
}
