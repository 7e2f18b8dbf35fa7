/* SPDX-License-Identifier: Apache-2.0 */
/* Structures that are nothing but fields: one table each. */
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/decode/decode.h"

/* clang-format off */
#define F(name, type, show)	    { name, LAYOUT_##type, SHOW_##show, NULL }
#define FS(name, type, show, set)   { name, LAYOUT_##type, SHOW_##show, set }

static const struct field open_how[] = {
	FS("flags", U64, FLAGS, "open_flags"), F("mode", U64, OCTAL),
	FS("resolve", U64, FLAGS, "resolve_flags"),
};
static const struct field timespec[] = { F("sec", KLONG, NUMBER), F("nsec", KLONG, NUMBER) };
static const struct field timespec64[] = { F("sec", S64, NUMBER), F("nsec", S64, NUMBER) };
static const struct field timeval[] = { F("sec", KLONG, NUMBER), F("usec", KLONG, NUMBER) };
static const struct field itimerval[] = {
	F("interval_sec", KLONG, NUMBER), F("interval_usec", KLONG, NUMBER),
	F("value_sec", KLONG, NUMBER), F("value_usec", KLONG, NUMBER),
};
static const struct field itimerspec[] = {
	F("interval_sec", KLONG, NUMBER), F("interval_nsec", KLONG, NUMBER),
	F("value_sec", KLONG, NUMBER), F("value_nsec", KLONG, NUMBER),
};
static const struct field itimerspec64[] = {
	F("interval_sec", S64, NUMBER), F("interval_nsec", S64, NUMBER),
	F("value_sec", S64, NUMBER), F("value_nsec", S64, NUMBER),
};
static const struct field utimbuf[] = { F("actime", KLONG, NUMBER), F("modtime", KLONG, NUMBER) };
static const struct field clone_args[] = {
	FS("flags", A64, FLAGS, "clone3_flags"), F("pidfd", A64, ADDRESS),
	F("child_tid", A64, ADDRESS), F("parent_tid", A64, ADDRESS), F("exit_signal", A64, SIGNAL),
	F("stack", A64, ADDRESS), F("stack_size", A64, NUMBER), F("tls", A64, ADDRESS),
	F("set_tid", A64, ADDRESS), F("set_tid_size", A64, NUMBER), F("cgroup", A64, FD),
};
static const struct field rlimit[] = { F("cur", UKLONG, NUMBER), F("max", UKLONG, NUMBER) };
static const struct field rlimit64[] = { F("cur", U64, NUMBER), F("max", U64, NUMBER) };
static const struct field mount_attr[] = {
	FS("attr_set", U64, FLAGS, "mount_attr"), FS("attr_clr", U64, FLAGS, "mount_attr"),
	FS("propagation", U64, FLAGS, "mount_propagation"), F("userns_fd", U64, FD),
};
static const struct field pollfd[] = {
	F("fd", S32, FD), FS("events", U16, FLAGS, "poll_events"), F(NULL, U16, NONE),
};
/* Packed on x86_64 only; there the kernel says __packed, elsewhere natural alignment holds. */
static const struct field epoll_event[] = {
	FS("events", U32, FLAGS, "epoll_events"), F("data", U64, HEX),
};
static const struct field sched_attr[] = {
	F("size", U32, NUMBER), FS("policy", U32, ENUM, "sched_policy"),
	FS("flags", U64, FLAGS, "sched_flags"), F("nice", S32, NUMBER), F("priority", U32, NUMBER),
	F("runtime", U64, NUMBER), F("deadline", U64, NUMBER), F("period", U64, NUMBER),
};
static const struct field sched_param[] = { F("sched_priority", S32, NUMBER) };
static const struct field cap_header[] = { F("version", U32, HEX), F("pid", S32, NUMBER) };
static const struct field cap_data[] = {
	F("effective", U32, HEX), F("permitted", U32, HEX), F("inheritable", U32, HEX),
};
static const struct field file_handle[] = {
	F("handle_bytes", U32, NUMBER), F("handle_type", S32, NUMBER),
};
static const struct field flock[] = {
	FS("type", U16, ENUM, "lease_type"), FS("whence", U16, ENUM, "lseek_whence"),
	F("start", KLONG, NUMBER), F("len", KLONG, NUMBER), F("pid", S32, NUMBER),
};
static const struct field flock64[] = {
	FS("type", U16, ENUM, "lease_type"), FS("whence", U16, ENUM, "lseek_whence"),
	F("start", S64, NUMBER), F("len", S64, NUMBER), F("pid", S32, NUMBER),
};
static const struct field landlock_ruleset_attr[] = {
	FS("handled_access_fs", U64, FLAGS, "landlock_access_fs"),
	FS("handled_access_net", U64, FLAGS, "landlock_access_net"),
	FS("scoped", U64, FLAGS, "landlock_scope"),
};
static const struct field mnt_id_req[] = {
	F("size", U32, NUMBER), F("mnt_ns_fd", U32, NUMBER), F("mnt_id", U64, NUMBER),
	F("param", U64, HEX),
};
static const struct field ns_id_req[] = {
	F("size", U32, NUMBER), F(NULL, U32, NONE), F("ns_id", U64, NUMBER),
	FS("ns_type", U32, FLAGS, "ns_type"),
};
static const struct field mq_attr[] = {
	FS("flags", KLONG, FLAGS, "open_flags"), F("maxmsg", KLONG, NUMBER),
	F("msgsize", KLONG, NUMBER),
};
static const struct field perf_event_attr[] = {
	F("type", U32, NUMBER), F("size", U32, NUMBER), F("config", U64, HEX),
};
static const struct field sembuf[] = {
	F("num", U16, NUMBER), F("op", U16, NUMBER), F("flg", U16, HEX),
};
static const struct field sigevent[] = {
	F("value", WORD, HEX), F("signo", S32, SIGNAL), F("notify", S32, NUMBER),
};
static const struct field xattr_args[] = {
	F("value", A64, ADDRESS), F("size", U32, NUMBER), FS("flags", U32, FLAGS, "xattr_flags"),
};
static const struct field stack_t_fields[] = {
	F("sp", WORD, ADDRESS), FS("flags", S32, FLAGS, "sigaltstack_flags"),
	F("size", WORD, NUMBER),
};
static const struct field io_uring_params[] = {
	F("sq_entries", U32, NUMBER), F("cq_entries", U32, NUMBER),
	FS("flags", U32, FLAGS, "io_uring_setup_flags"), F("sq_thread_cpu", U32, NUMBER),
	F("sq_thread_idle", U32, NUMBER), F(NULL, U32, NONE), F("wq_fd", U32, FD),
};
static const struct field timezone[] = {
	F("minuteswest", S32, NUMBER), F("dsttime", S32, NUMBER),
};
static const struct field sigset_arg[] = { F("sigset", WORD, ADDRESS), F("size", WORD, NUMBER) };
static const struct field iovec_out[] = { F("base", WORD, ADDRESS), F("len", WORD, NUMBER) };
static const struct field sock_fprog[] = { F("len", U16, NUMBER), F("filter", WORD, ADDRESS) };

#define ROW(name, fields, flags) { name, fields, ARRAY_SIZE(fields), flags, NULL }
#define FN(name, fn)		 { name, NULL, 0, 0, fn }

/* Sorted by name. */
static const struct struct_row structs[] = {
	FN("bpf_attr", dec_bpf_attr),
	ROW("cap_data", cap_data, STRUCT_PAIR),
	ROW("cap_header", cap_header, 0),
	ROW("clone_args", clone_args, STRUCT_SIZED),
	FN("cpu_set", dec_cpu_set),
	ROW("epoll_event", epoll_event, STRUCT_PACKED),
	FN("fd_set", dec_fd_set),
	ROW("file_handle", file_handle, 0),
	ROW("flock", flock, 0),
	ROW("flock64", flock64, 0),
	FN("fsconfig_value", dec_fsconfig_value),
	FN("ids", dec_ids),
	FN("ids16", dec_ids16),
	FN("int_value", dec_int_value),
	ROW("io_uring_params", io_uring_params, 0),
	FN("iovec", dec_iovec),
	ROW("iovec_out", iovec_out, STRUCT_ARRAY),
	ROW("itimerspec", itimerspec, 0),
	ROW("itimerspec64", itimerspec64, 0),
	ROW("itimerval", itimerval, 0),
	ROW("landlock_ruleset_attr", landlock_ruleset_attr, STRUCT_SIZED),
	FN("mmsghdr", dec_mmsghdr),
	ROW("mnt_id_req", mnt_id_req, 0),
	ROW("mount_attr", mount_attr, STRUCT_SIZED),
	FN("mount_data", dec_mount_data_struct),
	ROW("mq_attr", mq_attr, 0),
	FN("msghdr", dec_msghdr),
	ROW("ns_id_req", ns_id_req, 0),
	ROW("open_how", open_how, STRUCT_SIZED),
	ROW("perf_event_attr", perf_event_attr, 0),
	ROW("pollfd", pollfd, STRUCT_ARRAY),
	ROW("rlimit", rlimit, 0),
	ROW("rlimit64", rlimit64, 0),
	ROW("sched_attr", sched_attr, 0),
	ROW("sched_param", sched_param, 0),
	ROW("sembuf", sembuf, STRUCT_ARRAY),
	FN("sigaction", dec_sigaction),
	ROW("sigevent", sigevent, 0),
	FN("sigset", dec_sigset),
	ROW("sigset_arg", sigset_arg, 0),
	ROW("sock_fprog", sock_fprog, 0),
	FN("sockaddr", dec_sockaddr),
	FN("socketcall_args", dec_socketcall),
	FN("sockopt_value", dec_sockopt_value),
	ROW("stack_t", stack_t_fields, 0),
	ROW("timespec", timespec, 0),
	ROW("timespec2", timespec, STRUCT_PAIR),
	ROW("timespec64", timespec64, 0),
	ROW("timespec64_2", timespec64, STRUCT_PAIR),
	ROW("timeval", timeval, 0),
	ROW("timeval2", timeval, STRUCT_PAIR),
	ROW("timezone", timezone, 0),
	ROW("utimbuf", utimbuf, 0),
	ROW("xattr_args", xattr_args, STRUCT_SIZED),
};
/* clang-format on */

static int by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct struct_row *)row)->name);
}

const struct struct_row *struct_find(const char *name)
{
	return bsearch(name, structs, ARRAY_SIZE(structs), sizeof(structs[0]), by_name);
}

static size_t field_offset(const struct abi *abi, uint8_t type, bool is_packed, size_t *at)
{
	size_t offset = *at;

	if (!is_packed)
		return layout_next(abi, type, at);
	*at += layout_size(abi, type);
	return offset;
}

size_t dec_fields_size(const struct abi *abi, const struct field *fields, unsigned n,
		       bool is_packed)
{
	size_t at = 0, align = 1;

	for (unsigned i = 0; i < n; i++) {
		unsigned a = layout_align(abi, fields[i].type);

		align = a > align ? a : align;
		field_offset(abi, fields[i].type, is_packed, &at);
	}
	return is_packed ? at : (at + align - 1) & ~(align - 1);
}

static void dec_field(const struct dec *d, const struct field *f, uint64_t value)
{
	const struct const_set *set;
	bool is_64 = layout_size(d->call->abi, f->type) == 8;

	if (f->show == SHOW_STRING) {
		dec_string(d, f->name, value);
		return;
	}
	dec_key(d, f->name, "");
	set = f->set ? const_set_find(f->set, d->call->abi) : NULL;
	switch ((enum show)f->show) {
	case SHOW_HEX:
		out_char(d->out, '"');
		out_hex(d->out, value);
		out_char(d->out, '"');
		break;
	case SHOW_OCTAL:
		out_char(d->out, '"');
		out_oct(d->out, value);
		out_char(d->out, '"');
		break;
	case SHOW_ADDRESS:
		dec_address(d, value);
		break;
	case SHOW_FLAGS:
		dec_flags(d->out, set, value);
		break;
	case SHOW_ENUM:
		dec_enum(d->out, set, value, is_64);
		break;
	case SHOW_SIGNAL:
		if (value <= UINT32_MAX)
			dec_signal(d->out, (uint32_t)value);
		else
			out_u64(d->out, value);
		break;
	case SHOW_FD:
		if (is_64)
			out_u64(d->out, value);
		else
			out_i64(d->out, (int32_t)value);
		break;
	case SHOW_NUMBER:
	case SHOW_STRING:
	case SHOW_NONE:
	default:
		if (layout_is_signed(f->type))
			out_i64(d->out, (int64_t)value);
		else
			out_u64(d->out, value);
	}
}

void dec_fields(const struct dec *d, const struct field *fields, unsigned n, bool is_packed,
		const void *bytes, size_t len)
{
	const struct abi *abi = d->call->abi;
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t offset = field_offset(abi, fields[i].type, is_packed, &at);

		if (at > len)
			return;
		if (fields[i].show != SHOW_NONE)
			dec_field(d, &fields[i],
				  layout_get(abi, fields[i].type, (const char *)bytes + offset));
	}
}

static bool row_is_packed(const struct dec *d, const struct struct_row *row)
{
	return row->flags & STRUCT_PACKED && d->call->abi->native == ABI_X86_64 &&
	       d->call->abi->index != ABI_I386;
}

static void dec_one(const struct dec *d, const struct struct_row *row, const void *bytes,
		    size_t len)
{
	dec_comma(d);
	out_char(d->out, '{');
	dec_fields(d, row->fields, row->n_fields, row_is_packed(d, row), bytes, len);
	out_char(d->out, '}');
}

static void dec_array(const struct dec *d, const struct struct_row *row, const char *name,
		      uint64_t addr, uint64_t count)
{
	size_t size =
		dec_fields_size(d->call->abi, row->fields, row->n_fields, row_is_packed(d, row));
	unsigned char bytes[DECODE_ITEMS_MAX * 32];
	unsigned n = count < DECODE_ITEMS_MAX ? (unsigned)count : DECODE_ITEMS_MAX, have;
	ssize_t r = 0;

	if (n * size > sizeof(bytes))
		n = (unsigned)(sizeof(bytes) / size);
	if (n)
		r = dec_read_some(d, addr, bytes, n * size);
	if (r < 0) {
		dec_unreadable(d, name, addr, (int)r);
		return;
	}
	have = (unsigned)((size_t)r / size);
	dec_key(d, name, "");
	out_char(d->out, '[');
	for (unsigned i = 0; i < have; i++)
		dec_one(d, row, bytes + i * size, size);
	out_char(d->out, ']');
	if (have < n) {
		dec_key(d, name, "_error");
		out_str(d->out, "\"EFAULT\"");
	} else if (n < count) {
		dec_mark_cut(d, name);
	}
}

void dec_struct(const struct dec *d, const struct struct_row *row, const char *name, uint64_t addr,
		uint64_t len)
{
	unsigned char bytes[128];
	size_t size;
	int r;

	if (!dec_may_follow(d, name, addr))
		return;
	if (row->show) {
		row->show(d, name, addr, len);
		return;
	}
	if (row->flags & (STRUCT_ARRAY | STRUCT_PAIR)) {
		dec_array(d, row, name, addr, row->flags & STRUCT_PAIR ? 2 : len);
		return;
	}
	size = dec_fields_size(d->call->abi, row->fields, row->n_fields, row_is_packed(d, row));
	if (row->flags & STRUCT_SIZED && len < size)
		size = (size_t)len;
	r = dec_read(d, addr, bytes, size);
	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	dec_one(d, row, bytes, size);
}
