/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of an intercepted call at their true width and sign. */
#include <errno.h>

#include "arch/call.h"

int call_init(struct call *ret_call, const struct seccomp_data *data)
{
	const struct abi *abi = abi_of(data->arch, (uint32_t)data->nr);

	ret_call->data = *data;
	ret_call->abi = abi;
	ret_call->def = abi ? sysno_find(abi, (uint32_t)data->nr) : NULL;
	return abi ? 0 : -ENOSYS;
}

unsigned arg_kind_width(uint8_t kind, const struct abi *abi)
{
	unsigned word = abi->word * 8u;
	const uint8_t widths[] = {
		[ARG_INT] = 32,	  [ARG_UINT] = 32,     [ARG_LONG] = word,   [ARG_ULONG] = word,
		[ARG_U64] = 64,	  [ARG_S64] = 64,      [ARG_FD] = 32,	    [ARG_DIRFD] = 32,
		[ARG_PID] = 32,	  [ARG_UID] = 32,      [ARG_MODE] = 32,	    [ARG_DEV] = 32,
		[ARG_FLAGS] = 32, [ARG_ENUM] = 32,     [ARG_LFLAGS] = word, [ARG_SIGNAL] = 32,
		[ARG_PTR] = word, [ARG_PATH] = word,   [ARG_STR] = word,    [ARG_STRV] = word,
		[ARG_BUF] = word, [ARG_STRUCT] = word,
	};

	return kind < sizeof(widths) && widths[kind] ? widths[kind] : 64;
}

uint64_t arg_row_mask(const struct syscall_arg *arg, const struct abi *abi)
{
	unsigned bits = arg->bits ? arg->bits : arg_kind_width(arg->kind, abi);

	return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

static const struct syscall_arg *arg_row(const struct call *c, unsigned i)
{
	return c->def && i < c->def->nargs ? &c->def->args[i] : NULL;
}

unsigned arg_width(const struct call *c, unsigned i)
{
	const struct syscall_arg *arg = arg_row(c, i);

	return arg ? arg_kind_width(arg->kind, c->abi) : 64;
}

bool arg_is_signed(const struct call *c, unsigned i)
{
	const struct syscall_arg *arg = arg_row(c, i);

	return arg && arg->is_signed;
}

int64_t arg_value(const struct call *c, unsigned i)
{
	const struct syscall_arg *arg = arg_row(c, i);

	if (arg && arg->bits == 16)
		return (uint16_t)c->data.args[i];
	if (arg_width(c, i) == 64)
		return (int64_t)c->data.args[i];
	if (arg_is_signed(c, i))
		return arg_int(c, i);
	return arg_uint(c, i);
}
