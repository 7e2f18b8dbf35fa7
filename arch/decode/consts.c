/* SPDX-License-Identifier: Apache-2.0 */
/* Constant sets: look-up by name, and numbers as names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/err.h"
#include "arch/decode/decode.h"

#include "arch/consts.inc"

/* FNV-1a, as arch/tables/consts.py fills the table. */
static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

const struct const_set *const_set_find(const char *name, const struct abi *abi)
{
	if (!name)
		return NULL;
	for (uint32_t at = name_hash(name) % CONST_SLOTS; const_slots[at];
	     at = (at + 1) % CONST_SLOTS) {
		unsigned i = const_slots[at] - 1u;

		if (strcmp(const_sets[i].name, name) == 0)
			return &const_sets[i].sets[const_sets[i].by_abi[abi->index]];
	}
	return NULL;
}

/* "SIGRT_0" is the kernel's first real-time signal, 32. */
static int realtime_signal(const char *name, uint64_t *ret_value)
{
	char *end;
	long n;

	if (strncmp(name, "SIGRT_", 6) != 0 || name[6] < '0' || name[6] > '9')
		return -ENOENT;
	n = strtol(name + 6, &end, 10);
	if (*end || n > 32)
		return -ENOENT;
	*ret_value = 32 + (uint64_t)n;
	return 0;
}

int const_value(const struct abi *abi, const char *name, uint64_t *ret_value)
{
	int e;

	for (unsigned i = 0; i < ARRAY_SIZE(const_sets); i++) {
		const struct const_set *set = &const_sets[i].sets[const_sets[i].by_abi[abi->index]];

		for (unsigned r = 0; r < set->n_rows; r++)
			if (strcmp(set->rows[r].name, name) == 0) {
				*ret_value = set->rows[r].value;
				return 0;
			}
	}
	/* A number is no name. */
	e = name[0] == 'E' ? errno_parse(name) : -ENOENT;
	if (e > 0) {
		*ret_value = (uint64_t)e;
		return 0;
	}
	return realtime_signal(name, ret_value);
}

struct joined {
	struct out *o;
	bool has_any;
};

static void join(struct joined *j, const char *name)
{
	if (j->has_any)
		out_char(j->o, '|');
	j->has_any = true;
	if (name)
		out_str(j->o, name);
}

static const char *row_name(const struct const_set *set, uint64_t value)
{
	for (unsigned i = 0; i < set->n_rows; i++)
		if (set->rows[i].value == value)
			return set->rows[i].name;
	return NULL;
}

void dec_flags(struct out *o, const struct const_set *set, uint64_t value)
{
	struct joined j = { .o = o };
	uint64_t rest = value;
	const char *name;

	out_char(o, '"');
	if (set && set->mask) {
		uint64_t part = value & set->mask;

		name = row_name(set, part);
		if (name) {
			join(&j, name);
			rest &= ~set->mask;
		}
	}
	for (unsigned i = 0; set && i < set->n_rows && rest; i++) {
		const struct const_row *row = &set->rows[i];

		if (!row->value || (row->value & ~set->mask) == 0 ||
		    (rest & row->value) != row->value)
			continue;
		join(&j, row->name);
		rest &= ~row->value;
	}
	if (set && rest & set->octal) {
		join(&j, NULL);
		out_oct(o, rest & set->octal);
		rest &= ~set->octal;
	}
	if (rest || !j.has_any) {
		name = set && !value ? row_name(set, 0) : NULL;
		join(&j, name);
		if (!name && rest)
			out_hex(o, rest);
		else if (!name)
			out_char(o, '0');
	}
	out_char(o, '"');
}

/* Numbers that people read as numbers stay numbers; others (ioctl commands, magic values) are hex. */
static void number(struct out *o, uint64_t value, bool is_64)
{
	int64_t v = is_64 ? (int64_t)value : (int32_t)value;

	if (v >= -4096 && v <= 0xffff) {
		out_i64(o, v);
		return;
	}
	out_char(o, '"');
	out_hex(o, is_64 ? value : (uint32_t)value);
	out_char(o, '"');
}

void dec_enum(struct out *o, const struct const_set *set, uint64_t value, bool is_64)
{
	uint64_t mask = is_64 ? UINT64_MAX : UINT32_MAX;

	for (unsigned i = 0; set && i < set->n_rows; i++) {
		if (((set->rows[i].value ^ value) & mask) == 0) {
			out_char(o, '"');
			out_str(o, set->rows[i].name);
			out_char(o, '"');
			return;
		}
	}
	number(o, value, is_64);
}

void dec_signal(struct out *o, uint32_t sig)
{
	/* The numbers of signals are the same on all ABIs here. */
	const struct const_set *set = const_set_find("signals", abi_get(ABI_X86_64));
	const char *name = set ? row_name(set, sig) : NULL;

	if (!name && (sig < 32 || sig > 64)) {
		out_i64(o, (int32_t)sig);
		return;
	}
	out_char(o, '"');
	if (name) {
		out_str(o, name);
	} else {
		out_str(o, "SIGRT_");
		out_u64(o, sig - 32);
	}
	out_char(o, '"');
}
