/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars, and the JSON around every value. */
#include <sys/stat.h>

#include "arch/base/err.h"
#include "arch/decode/decode.h"

#define AT_FDCWD_VALUE (-100) /* linux/fcntl.h; the same everywhere */

void dec_comma(const struct dec *d)
{
	char last = d->out->at > d->start ? d->out->at[-1] : '{';

	if (last != '{' && last != '[' && last != ':')
		out_char(d->out, ',');
}

void dec_key(const struct dec *d, const char *name, const char *suffix)
{
	dec_comma(d);
	out_char(d->out, '"');
	out_str(d->out, name);
	out_str(d->out, suffix);
	out_mem(d->out, "\":", 2);
}

void dec_mark_cut(const struct dec *d, const char *name)
{
	dec_key(d, name, "_cut");
	out_str(d->out, "true");
}

void dec_address(const struct dec *d, uint64_t addr)
{
	if (!addr) {
		out_str(d->out, "null");
		return;
	}
	out_char(d->out, '"');
	out_hex(d->out, addr);
	out_char(d->out, '"');
}

void dec_unreadable(const struct dec *d, const char *name, uint64_t addr, int error)
{
	const char *text = errno_name(error);

	dec_key(d, name, "");
	dec_address(d, addr);
	dec_key(d, name, "_error");
	out_json_string(d->out, text ? text : "EFAULT");
}

void dec_mode(struct out *o, uint32_t mode)
{
	static const char *const types[16] = {
		[S_IFIFO >> 12] = "S_IFIFO",   [S_IFCHR >> 12] = "S_IFCHR",
		[S_IFDIR >> 12] = "S_IFDIR",   [S_IFBLK >> 12] = "S_IFBLK",
		[S_IFREG >> 12] = "S_IFREG",   [S_IFLNK >> 12] = "S_IFLNK",
		[S_IFSOCK >> 12] = "S_IFSOCK",
	};
	const char *type;

	/* umode_t has 16 bits: the kernel does not look at more. */
	mode &= 0xffff;
	type = types[mode >> 12];
	out_char(o, '"');
	if (type) {
		out_str(o, type);
		out_char(o, '|');
		mode &= 07777;
	}
	out_oct(o, mode);
	out_char(o, '"');
}

void decode_device(struct out *o, uint32_t mode, uint32_t dev)
{
	if (S_ISCHR(mode & 0xffff))
		out_mem(o, "c ", 2);
	else if (S_ISBLK(mode & 0xffff))
		out_mem(o, "b ", 2);
	/* new_decode_dev(): 12 bits of major, 20 of minor. */
	out_u64(o, (dev & 0xfff00) >> 8);
	out_char(o, ':');
	out_u64(o, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

/* The mode of the call that this device number belongs to (mknod), or 0. */
static uint32_t mode_of_call(const struct dec *d)
{
	const struct syscall_def *def = d->call->def;

	for (unsigned i = 0; def && i < def->nargs; i++)
		if (def->args[i].kind == ARG_MODE)
			return arg_uint(d->call, i);
	return 0;
}

static void dec_fd(struct out *o, int32_t fd, bool is_dir)
{
	if (is_dir && fd == AT_FDCWD_VALUE)
		out_str(o, "\"AT_FDCWD\"");
	else
		out_i64(o, fd);
}

void dec_scalar(const struct dec *d, uint8_t kind, const char *set, uint64_t value, bool is_signed)
{
	const struct const_set *consts = set ? const_set_find(set, d->call->abi) : NULL;
	bool is_64;

	switch (kind) {
	case ARG_FD:
	case ARG_DIRFD:
		dec_fd(d->out, (int32_t)value, kind == ARG_DIRFD);
		break;
	case ARG_UID:
		if ((uint32_t)value == UINT32_MAX)
			out_i64(d->out, -1);
		else
			out_u64(d->out, (uint32_t)value);
		break;
	case ARG_MODE:
		dec_mode(d->out, (uint32_t)value);
		break;
	case ARG_DEV:
		out_char(d->out, '"');
		decode_device(d->out, mode_of_call(d), (uint32_t)value);
		out_char(d->out, '"');
		break;
	case ARG_FLAGS:
		dec_flags(d->out, consts, (uint32_t)value);
		break;
	case ARG_LFLAGS:
		dec_flags(d->out, consts, d->call->abi->word == 8 ? value : (uint32_t)value);
		break;
	case ARG_ENUM:
		dec_enum(d->out, consts, value, false);
		break;
	case ARG_SIGNAL:
		dec_signal(d->out, (uint32_t)value);
		break;
	default:
		is_64 = arg_kind_width(kind, d->call->abi) == 64;
		if (!is_64)
			value = is_signed ? (uint64_t)(int64_t)(int32_t)value : (uint32_t)value;
		if (is_signed)
			out_i64(d->out, (int64_t)value);
		else
			out_u64(d->out, value);
		break;
	}
}
