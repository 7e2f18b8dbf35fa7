/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with a command and an argument that follows from it: bpf, fsconfig, socketcall. */
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/decode/decode.h"

void dec_mount_data_struct(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	dec_mount_data(d, name, addr);
}

/* clang-format off */
#define F(name, type, show)	    { name, LAYOUT_##type, SHOW_##show, NULL }
#define FS(name, type, show, set)   { name, LAYOUT_##type, SHOW_##show, set }

static const struct field map_create[] = {
	FS("map_type", U32, ENUM, "bpf_map_type"), F("key_size", U32, NUMBER),
	F("value_size", U32, NUMBER), F("max_entries", U32, NUMBER),
	FS("map_flags", U32, FLAGS, "bpf_map_flags"), F("inner_map_fd", U32, FD),
};
static const struct field map_elem[] = {
	F("map_fd", U32, FD), F("key", A64, ADDRESS), F("value", A64, ADDRESS), F("flags", A64, HEX),
};
static const struct field prog_load[] = {
	FS("prog_type", U32, ENUM, "bpf_prog_type"), F("insn_cnt", U32, NUMBER),
	F("insns", A64, ADDRESS), F("license", A64, STRING), F("log_level", U32, NUMBER),
};
static const struct field object[] = {
	F("pathname", A64, STRING), F("bpf_fd", U32, FD), F("file_flags", U32, HEX),
};
static const struct field attach[] = {
	F("target_fd", U32, FD), F("attach_bpf_fd", U32, FD),
	FS("attach_type", U32, ENUM, "bpf_attach_type"), F("attach_flags", U32, HEX),
};
static const struct field by_id[] = { F("id", U32, NUMBER), F("next_id", U32, NUMBER) };
static const struct field raw_tracepoint[] = { F("name", A64, STRING), F("prog_fd", U32, FD) };
static const struct field link_create[] = {
	F("prog_fd", U32, FD), F("target_fd", U32, FD),
	FS("attach_type", U32, ENUM, "bpf_attach_type"), F("flags", U32, HEX),
};

#define ROW(cmd, fields) { cmd, ARRAY_SIZE(fields), fields }
static const struct {
	uint8_t cmd, n_fields;
	const struct field *fields;
} bpf_attrs[] = {
	ROW(0, map_create), ROW(1, map_elem), ROW(2, map_elem), ROW(3, map_elem), ROW(4, map_elem),
	ROW(5, prog_load), ROW(6, object), ROW(7, object), ROW(8, attach), ROW(9, attach),
	ROW(11, by_id), ROW(12, by_id), ROW(13, by_id), ROW(14, by_id), ROW(17, raw_tracepoint),
	ROW(19, by_id), ROW(21, map_elem), ROW(23, by_id), ROW(28, link_create), ROW(30, by_id),
	ROW(31, by_id),
};

/* What a call made through socketcall(2) is called by itself, by its number there. */
static const struct {
	const char *call;
	uint8_t nargs;
} socket_calls[] = {
	{ NULL, 0 }, { "socket", 3 }, { "bind", 3 }, { "connect", 3 }, { "listen", 2 },
	{ "accept", 3 }, { "getsockname", 3 }, { "getpeername", 3 }, { "socketpair", 4 },
	{ "send", 4 }, { "recv", 4 }, { "sendto", 6 }, { "recvfrom", 6 }, { "shutdown", 2 },
	{ "setsockopt", 5 }, { "getsockopt", 5 }, { "sendmsg", 3 }, { "recvmsg", 3 },
	{ "accept4", 4 }, { "recvmmsg", 5 }, { "sendmmsg", 4 },
};
/* clang-format on */

void dec_bpf_attr(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint32_t cmd = arg_uint(d->call, 0);
	uint8_t bytes[64];
	unsigned i = 0;
	size_t n;
	int r;

	while (i < ARRAY_SIZE(bpf_attrs) && bpf_attrs[i].cmd != cmd)
		i++;
	if (i == ARRAY_SIZE(bpf_attrs)) {
		dec_key(d, name, "");
		dec_address(d, addr);
		return;
	}
	n = dec_fields_size(d->call->abi, bpf_attrs[i].fields, bpf_attrs[i].n_fields, false);
	if ((uint32_t)len < n)
		n = (uint32_t)len;
	r = dec_read(d, addr, bytes, n);
	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '{');
	dec_fields(d, bpf_attrs[i].fields, bpf_attrs[i].n_fields, false, bytes, n);
	out_char(d->out, '}');
}

/* fsconfig(fd, cmd, key, value, aux) */
void dec_fsconfig_value(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	char key[64];
	ssize_t n = dec_read_string(d, arg_word(d->call, 2), key, sizeof(key));

	switch (arg_uint(d->call, 1)) {
	case 1: /* FSCONFIG_SET_STRING */
	case 3: /* FSCONFIG_SET_PATH */
	case 4: /* FSCONFIG_SET_PATH_EMPTY */
		/* A key that cannot be read may be anything. */
		if (!(d->flags & DECODE_SECRETS) && (n < 0 || dec_is_secret(key, (size_t)n))) {
			dec_key(d, name, "");
			out_str(d->out, "\"***\"");
			return;
		}
		dec_string(d, name, addr);
		return;
	case 2: /* FSCONFIG_SET_BINARY: aux is the length */
		dec_key(d, name, "");
		out_str(d->out, "\"(binary, ");
		out_u64(d->out, arg_uint(d->call, 4));
		out_str(d->out, " bytes)\"");
		return;
	default:
		dec_key(d, name, "");
		dec_address(d, addr);
	}
}

/* The inner call's arguments, as if it had been made by itself. */
void dec_socketcall(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	const struct abi *abi = d->call->abi;
	uint32_t which = arg_uint(d->call, 0);
	struct call inner = *d->call;
	uint8_t bytes[6 * 8];
	int64_t nr;
	int r;

	if (which == 0 || which >= ARRAY_SIZE(socket_calls)) {
		dec_key(d, name, "");
		dec_address(d, addr);
		return;
	}
	r = dec_read(d, addr, bytes, (size_t)socket_calls[which].nargs * abi->word);
	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	for (unsigned i = 0; i < socket_calls[which].nargs; i++)
		inner.data.args[i] = layout_get(abi, LAYOUT_WORD, bytes + i * abi->word);
	nr = sysno_number(abi, socket_calls[which].call);
	inner.def = nr >= 0 ? sysno_find(abi, (uint32_t)nr) : NULL;
	dec_key(d, name, "");
	if (inner.def) {
		dec_inner_call(d, &inner);
		return;
	}
	/* i386 has no accept, send and recv of its own. */
	out_char(d->out, '[');
	for (unsigned i = 0; i < socket_calls[which].nargs; i++) {
		dec_comma(d);
		out_char(d->out, '"');
		out_hex(d->out, inner.data.args[i]);
		out_char(d->out, '"');
	}
	out_char(d->out, ']');
}
