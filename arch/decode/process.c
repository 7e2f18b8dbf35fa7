/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, ids, sets of descriptors, and calls inside calls. */
#include <errno.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/err.h"
#include "arch/decode/decode.h"

#define BITS_MAX 1024 /* of a set of descriptors or processors */

static void signals_of_mask(const struct dec *d, uint64_t mask)
{
	bool has_any = false, is_inverted = __builtin_popcountll(mask) > 32;

	out_char(d->out, '"');
	if (is_inverted) {
		out_char(d->out, '~');
		mask = ~mask;
	}
	for (uint32_t sig = 1; sig <= 64; sig++) {
		struct out *o = d->out;
		char text[24];
		struct out name = out_init(text, sizeof(text));
		size_t len;

		if (!(mask >> (sig - 1) & 1))
			continue;
		if (has_any)
			out_char(o, '|');
		has_any = true;
		dec_signal(&name, sig);
		/* Without the quotes. */
		len = (size_t)(name.at - text);
		out_mem(o, text + 1, len - 2);
	}
	out_char(d->out, '"');
}

/* All ABIs here have 64 signals; the 32-bit ones are little endian, so that their two words are one. */
void dec_sigset(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint8_t bytes[8];
	int r;

	if (len != sizeof(bytes)) {
		dec_key(d, name, "");
		dec_address(d, addr);
		return;
	}
	r = dec_read(d, addr, bytes, sizeof(bytes));
	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	signals_of_mask(d, layout_get(d->call->abi, LAYOUT_U64, bytes));
}

/* struct sigaction as rt_sigaction has it; riscv64 and loongarch64 have no sa_restorer. */
void dec_sigaction(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	const struct abi *abi = d->call->abi;
	bool has_restorer = abi->index != ABI_RISCV64 && abi->index != ABI_LOONGARCH64;
	unsigned words = has_restorer ? 3 : 2;
	size_t at = (size_t)words * abi->word;
	uint8_t bytes[3 * 8 + 8];
	uint64_t handler;
	int r;

	r = dec_read(d, addr, bytes, at + 8);
	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '{');
	dec_key(d, "handler", "");
	handler = layout_get(abi, LAYOUT_WORD, bytes);
	if (handler < 2)
		dec_enum(d->out, const_set_find("sigaction_handler", abi), handler, false);
	else
		dec_address(d, handler);
	dec_key(d, "flags", "");
	dec_flags(d->out, const_set_find("sigaction_flags", abi),
		  layout_get(abi, LAYOUT_WORD, bytes + abi->word) & UINT32_MAX);
	dec_key(d, "mask", "");
	signals_of_mask(d, layout_get(abi, LAYOUT_U64, bytes + at));
	out_char(d->out, '}');
}

static void show_ids(const struct dec *d, const char *name, uint64_t addr, uint64_t len,
		     enum layout_type type)
{
	unsigned size = layout_size(d->call->abi, type);
	uint8_t bytes[32 * 4];
	unsigned n = (uint32_t)len < 32 ? (uint32_t)len : 32;
	int r = dec_read(d, addr, bytes, n * size);

	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '[');
	for (unsigned i = 0; i < n; i++) {
		dec_comma(d);
		out_u64(d->out, layout_get(d->call->abi, type, bytes + i * size));
	}
	out_char(d->out, ']');
	if ((uint32_t)len > n)
		dec_mark_cut(d, name);
}

/* A list of ids: setgroups. */
void dec_ids(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	show_ids(d, name, addr, len, LAYOUT_U32);
}

/* i386 and arm have a setgroups with 16-bit ids. */
void dec_ids16(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	show_ids(d, name, addr, len, LAYOUT_U16);
}

void dec_int_value(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint8_t bytes[4];
	int r = dec_read(d, addr, bytes, sizeof(bytes));

	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	out_i64(d->out, (int64_t)layout_get(d->call->abi, LAYOUT_S32, bytes));
}

/* The numbers of the bits that are set in an array of words. */
static void bit_list(const struct dec *d, const char *name, uint64_t addr, unsigned bits)
{
	const struct abi *abi = d->call->abi;
	unsigned per = abi->word * 8u, words = (bits + per - 1) / per;
	uint8_t bytes[BITS_MAX / 8];
	int r = dec_read(d, addr, bytes, (size_t)words * abi->word);

	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '[');
	for (unsigned i = 0; i < bits; i++) {
		uint64_t word = layout_get(abi, LAYOUT_WORD, bytes + (size_t)(i / per) * abi->word);

		if (!(word >> (i % per) & 1))
			continue;
		dec_comma(d);
		out_u64(d->out, i);
	}
	out_char(d->out, ']');
}

/* select's sets; the first argument is how many bits there are. */
void dec_fd_set(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	int32_t nfds = arg_int(d->call, 0);

	bit_list(d, name, addr, nfds <= 0 ? 0 : nfds < BITS_MAX ? (unsigned)nfds : BITS_MAX);
}

/* sched_setaffinity's mask; the length is in bytes. */
void dec_cpu_set(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint32_t bytes = (uint32_t)len & ~(d->call->abi->word - 1u);

	bit_list(d, name, addr, bytes < BITS_MAX / 8 ? bytes * 8 : BITS_MAX);
}
