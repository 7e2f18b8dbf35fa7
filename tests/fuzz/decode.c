/* SPDX-License-Identifier: Apache-2.0 */
/* arch/decode against hostile calls and hostile memory: always a whole JSON object inside its window.
 *
 * Input: abi, flags, room (2 bytes), call (2 bytes: index into the ABI's table, or a raw number behind
 * its end), six arguments (a byte, then 8: bit 0 of the byte points the low 16 bits into the image);
 * the rest is the caller's memory, at 0x10000. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "arch/decode.h"

#define BASE 0x10000u
#define HEAD (6 + 6 * 9)

struct image {
	const uint8_t *bytes;
	size_t len;
};

static ssize_t image_read(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	const struct image *image = mem->ctx;

	if (addr < BASE || addr - BASE >= image->len)
		return -EFAULT;
	if (len > image->len - (addr - BASE))
		len = image->len - (size_t)(addr - BASE);
	memcpy(buf, image->bytes + (addr - BASE), len);
	return (ssize_t)len;
}

static void must(int cond, const char *what, const char *text, size_t len)
{
	if (cond)
		return;
	fprintf(stderr, "decode: %s: %.*s\n", what, (int)len, text);
	abort();
}

static void check_json(const char *text, size_t len)
{
	yajl_handle h = yajl_alloc(NULL, NULL, NULL);

	must(len >= 2 && text[0] == '{' && text[len - 1] == '}', "no object", text, len);
	must(yajl_parse(h, (const unsigned char *)text, len) == yajl_status_ok, "no JSON", text,
	     len);
	must(yajl_complete_parse(h) == yajl_status_ok, "not complete", text, len);
	yajl_free(h);
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data sd = { 0 };
	struct image image;
	struct mem mem = { .read = image_read, .ctx = &image };
	const struct abi *abi;
	struct decode_copy copy;
	struct call call;
	struct out out;
	size_t room, nr;
	char *text;

	if (size < HEAD)
		return 0;
	abi = abi_get(data[0] % ABI_COUNT);
	room = get(data + 2, 2);
	nr = get(data + 4, 2);
	sd.arch = abi->audit_arch;
	sd.nr = (int)(nr < abi->n_numbers ? abi->numbers[nr].nr : nr);
	for (unsigned i = 0; i < 6; i++) {
		const uint8_t *p = data + 6 + (size_t)i * 9;

		sd.args[i] = p[0] & 1 ? BASE + get(p + 1, 2) : get(p + 1, 8);
	}
	image = (struct image){ data + HEAD, size - HEAD };
	call_init(&call, &sd);
	text = malloc(room + 1);
	if (!text)
		return 0;
	out = out_init(text, room);
	copy = (struct decode_copy){ data[1] >> 2 & 7, image.bytes, image.len, data[1] >> 5 & 1 };
	decode_args(&out, &call, &mem, &copy, data[1] >> 7, data[1] & 3);
	must(out.cut == (room < 32), "cut", text, (size_t)(out.at - text));
	if (out.cut)
		must(out.at == text, "wrote although cut", text, 0);
	else
		check_json(text, (size_t)(out.at - text));
	free(text);
	return 0;
}
