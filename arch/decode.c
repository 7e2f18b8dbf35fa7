/* SPDX-License-Identifier: Apache-2.0 */
/* A call's arguments as JSON. */
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/decode/decode.h"

#define TAIL "\"args_cut\":true}" /* what is kept free for the end of an object that does not fit */

/* How argument i is shown, after the argument that decides it has been asked. */
static void resolve(const struct call *call, const struct syscall_arg *a, uint8_t *ret_kind,
		    const char **ret_set)
{
	const struct choice *choice = a->set ? choice_find(a->set) : NULL;

	*ret_kind = a->kind;
	*ret_set = a->set;
	if (!choice)
		return;
	*ret_kind = choice->kind;
	*ret_set = choice->set;
	for (unsigned i = 0; i < choice->n_rows; i++) {
		if (choice->rows[i].value != (arg_uint(call, choice->by) & choice->mask))
			continue;
		*ret_kind = choice->rows[i].kind;
		*ret_set = choice->rows[i].set;
		return;
	}
}

/* Lengths may be an int or a size_t; a negative int stays a huge number. */
static uint64_t length_of(const struct call *call, const struct syscall_arg *a)
{
	return (uint64_t)arg_value(call, a->aux);
}

/* The register; of a 16-bit id (i386, arm) what the kernel takes it for: 0xffff is -1. */
static uint64_t scalar_of(const struct dec *d, const struct syscall_arg *a)
{
	uint64_t value = d->call->data.args[d->arg];

	if (a->kind != ARG_UID || a->bits != 16)
		return value;
	value &= UINT16_MAX;
	return value == UINT16_MAX ? UINT32_MAX : value;
}

static void dec_arg(const struct dec *d, const struct syscall_arg *a, const char *name)
{
	uint64_t word = arg_word(d->call, d->arg);
	const struct struct_row *row;
	const char *set;
	uint8_t kind;

	resolve(d->call, a, &kind, &set);
	switch (kind) {
	case ARG_NONE:
		return;
	case ARG_PATH:
	case ARG_STR:
		dec_string(d, name, word);
		return;
	case ARG_STRV:
		if (set && strcmp(set, "env") == 0)
			dec_environment(d, name, word);
		else
			dec_strings(d, name, word);
		return;
	case ARG_BUF:
		dec_buffer(d, name, word, length_of(d->call, a));
		return;
	case ARG_STRUCT:
		row = struct_find(set);
		if (row) {
			dec_struct(d, row, name, word, length_of(d->call, a));
			return;
		}
		/* fall through */
	case ARG_PTR:
		dec_key(d, name, "");
		dec_address(d, word);
		return;
	default:
		dec_key(d, name, "");
		dec_scalar(d, kind, set, scalar_of(d, a), a->is_signed);
	}
}

/* False if not all of them fit: none is then written. */
static bool dec_unknown(const struct dec *d)
{
	char name[] = "arg0", *before = d->out->at;

	for (unsigned i = 0; i < SYSCALL_ARGS; i++, name[3]++) {
		dec_key(d, name, "");
		out_char(d->out, '"');
		out_hex(d->out, arg_word(d->call, i));
		out_char(d->out, '"');
	}
	if (d->out->cut)
		d->out->at = before;
	return !d->out->cut;
}

/* The room for this was kept free. */
static void end_cut(const struct dec *d)
{
	d->out->cut = false;
	d->out->end += sizeof(TAIL);
	dec_comma(d);
	out_mem(d->out, TAIL, sizeof(TAIL) - 1);
}

/* One argument; if it does not fit, only that it was there. False if not even this fits. */
static bool dec_arg_or_mark(const struct dec *d, const struct syscall_arg *a)
{
	const char *name = a->alias ? a->alias : a->name;
	char *before = d->out->at;

	dec_arg(d, a, name);
	if (!d->out->cut)
		return true;
	d->out->at = before;
	d->out->cut = false;
	dec_mark_cut(d, name);
	if (!d->out->cut)
		return true;
	d->out->at = before;
	return false;
}

static void dec_all(struct dec *d)
{
	const struct syscall_def *def = d->call->def;

	out_char(d->out, '{');
	if (!def && !dec_unknown(d)) {
		end_cut(d);
		return;
	}
	for (d->arg = 0; def && d->arg < def->nargs; d->arg++) {
		if (dec_arg_or_mark(d, &def->args[d->arg]))
			continue;
		end_cut(d);
		return;
	}
	d->out->end += sizeof(TAIL);
	out_char(d->out, '}');
}

void decode_args(struct out *out, const struct call *call, const struct mem *mem,
		 const struct decode_copy *copies, unsigned n_copies, unsigned flags)
{
	struct out window = { .at = out->at, .end = out->end };
	struct dec d = {
		.out = &window,
		.start = out->at,
		.call = call,
		.flags = flags,
	};

	if (flags & DECODE_MEMORY) {
		d.mem = mem;
		d.copies = copies;
		d.n_copies = n_copies;
	}
	if (out->cut || out->end - out->at < 32) {
		out->cut = true;
		return;
	}
	window.end -= sizeof(TAIL);
	dec_all(&d);
	out->at = window.at;
	out->cut = out->cut || window.cut;
}

void dec_inner_call(const struct dec *d, const struct call *inner)
{
	struct dec in = *d;

	in.call = inner;
	in.n_copies = 0;
	out_char(d->out, '{');
	for (in.arg = 0; in.arg < inner->def->nargs; in.arg++)
		dec_arg(&in, &inner->def->args[in.arg],
			inner->def->args[in.arg].alias ? inner->def->args[in.arg].alias
						       : inner->def->args[in.arg].name);
	out_char(d->out, '}');
}

bool decode_knows(uint8_t kind, const char *set)
{
	const struct abi *abi = abi_get(ABI_X86_64);

	if (set && choice_find(set))
		return true;
	switch (kind) {
	case ARG_FLAGS:
	case ARG_LFLAGS:
	case ARG_ENUM:
		return set && const_set_find(set, abi);
	case ARG_STRUCT:
		return set && struct_find(set);
	case ARG_STRV:
		return !set || strcmp(set, "env") == 0;
	default:
		return !set;
	}
}
