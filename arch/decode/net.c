/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, messages and what goes with sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "arch/base/cleanup.h"
#include "arch/decode/decode.h"

#define SOCKADDR_MAX 128 /* sizeof(struct sockaddr_storage): the kernel refuses more */
#define IOV_BYTES    32	 /* shown of one element */
#define SUN_PATH     2	 /* offset in sockaddr_un */

static void key_u64(const struct dec *d, const char *name, uint64_t v)
{
	dec_key(d, name, "");
	out_u64(d->out, v);
}

static void key_text(const struct dec *d, const char *name, const void *text, size_t len)
{
	dec_key(d, name, "");
	out_char(d->out, '"');
	out_escaped(d->out, text, len);
	out_char(d->out, '"');
}

static void addr_unix(const struct dec *d, const uint8_t *b, size_t len)
{
	const char *path = (const char *)b + SUN_PATH;

	if (len <= SUN_PATH)
		return; /* unnamed, or autobind */
	if (path[0]) {
		key_text(d, "path", path, strnlen(path, len - SUN_PATH));
		return;
	}
	/* Abstract: the name is all bytes that the length covers, NULs included. */
	dec_key(d, "path", "");
	out_mem(d->out, "\"@", 2);
	out_escaped(d->out, path + 1, len - SUN_PATH - 1);
	out_char(d->out, '"');
	dec_key(d, "abstract", "");
	out_str(d->out, "true");
}

static void addr_inet(const struct dec *d, const uint8_t *b, size_t len)
{
	if (len < 8)
		return;
	dec_key(d, "addr", "");
	out_char(d->out, '"');
	for (int i = 0; i < 4; i++) {
		if (i)
			out_char(d->out, '.');
		out_u64(d->out, b[4 + i]);
	}
	out_char(d->out, '"');
	key_u64(d, "port", layout_get(d->call->abi, LAYOUT_BE16, b + 2));
}

static void addr_inet6(const struct dec *d, const uint8_t *b, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	uint64_t scope;

	if (len < 24)
		return;
	inet_ntop(AF_INET6, b + 8, text, sizeof(text));
	key_text(d, "addr", text, strlen(text));
	key_u64(d, "port", layout_get(d->call->abi, LAYOUT_BE16, b + 2));
	scope = len >= 28 ? layout_get(d->call->abi, LAYOUT_U32, b + 24) : 0;
	if (scope)
		key_u64(d, "scope_id", scope);
}

static void addr_netlink(const struct dec *d, const uint8_t *b, size_t len)
{
	static const struct field fields[] = {
		{ NULL, LAYOUT_U16, SHOW_NONE, NULL },
		{ NULL, LAYOUT_U16, SHOW_NONE, NULL },
		{ "pid", LAYOUT_U32, SHOW_NUMBER, NULL },
		{ "groups", LAYOUT_U32, SHOW_HEX, NULL },
	};

	dec_fields(d, fields, ARRAY_SIZE(fields), false, b, len);
}

static void addr_packet(const struct dec *d, const uint8_t *b, size_t len)
{
	static const struct field fields[] = {
		{ NULL, LAYOUT_U16, SHOW_NONE, NULL },
		{ "protocol", LAYOUT_BE16, SHOW_ENUM, "eth_protocol" },
		{ "ifindex", LAYOUT_S32, SHOW_NUMBER, NULL },
	};

	dec_fields(d, fields, ARRAY_SIZE(fields), false, b, len);
}

static void addr_vsock(const struct dec *d, const uint8_t *b, size_t len)
{
	static const struct field fields[] = {
		{ NULL, LAYOUT_U16, SHOW_NONE, NULL },
		{ NULL, LAYOUT_U16, SHOW_NONE, NULL },
		{ "port", LAYOUT_U32, SHOW_NUMBER, NULL },
		{ "cid", LAYOUT_U32, SHOW_NUMBER, NULL },
	};

	dec_fields(d, fields, ARRAY_SIZE(fields), false, b, len);
}

static void addr_other(const struct dec *d, const uint8_t *b, size_t len)
{
	if (len > 2)
		key_text(d, "data", b + 2, len - 2 > IOV_BYTES ? IOV_BYTES : len - 2);
}

void dec_sockaddr_bytes(const struct dec *d, const char *name, const void *bytes, size_t len,
			bool is_cut)
{
	static const struct {
		uint16_t family;
		void (*show)(const struct dec *d, const uint8_t *b, size_t len);
	} families[] = {
		{ AF_UNIX, addr_unix },	      { AF_INET, addr_inet },	  { AF_INET6, addr_inet6 },
		{ AF_NETLINK, addr_netlink }, { AF_PACKET, addr_packet }, { AF_VSOCK, addr_vsock },
	};
	uint64_t family = layout_get(d->call->abi, LAYOUT_U16, bytes);
	unsigned i = 0;

	dec_key(d, name, "");
	out_char(d->out, '{');
	dec_key(d, "family", "");
	dec_enum(d->out, const_set_find("socket_domain", d->call->abi), family, false);
	while (i < ARRAY_SIZE(families) && families[i].family != family)
		i++;
	(i < ARRAY_SIZE(families) ? families[i].show : addr_other)(d, bytes, len);
	out_char(d->out, '}');
	if (is_cut)
		dec_mark_cut(d, name);
}

void dec_sockaddr(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint8_t bytes[SOCKADDR_MAX];
	/* The length is an int; what is negative or too long the kernel refuses (EINVAL). */
	size_t n = (uint32_t)len < sizeof(bytes) ? (uint32_t)len : sizeof(bytes);
	int r;

	if (n < 2 || (int32_t)len < 0 || !addr) {
		dec_key(d, name, "");
		dec_address(d, addr);
		return;
	}
	r = dec_read(d, addr, bytes, n);
	if (r < 0)
		dec_unreadable(d, name, addr, r);
	else
		dec_sockaddr_bytes(d, name, bytes, n, (uint32_t)len > n);
}

static void iovec_element(const struct dec *d, const uint8_t *element)
{
	const struct abi *abi = d->call->abi;
	uint64_t base = layout_get(abi, LAYOUT_WORD, element);
	uint64_t len = layout_get(abi, LAYOUT_WORD, element + abi->word);
	char bytes[IOV_BYTES];
	size_t want = len < sizeof(bytes) ? (size_t)len : sizeof(bytes);
	ssize_t n = want ? dec_read_some(d, base, bytes, want) : 0;

	dec_comma(d);
	out_char(d->out, '{');
	if (n < 0) {
		dec_unreadable(d, "base", base, (int)n);
	} else {
		key_text(d, "base", bytes, (size_t)n);
		if (len > (uint64_t)n)
			dec_mark_cut(d, "base");
	}
	key_u64(d, "len", len);
	out_char(d->out, '}');
}

void dec_iovec(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint8_t bytes[DECODE_ITEMS_MAX * 16];
	unsigned size = d->call->abi->word * 2u;
	unsigned n = len < DECODE_ITEMS_MAX ? (unsigned)len : DECODE_ITEMS_MAX;
	ssize_t r = n && addr ? dec_read_some(d, addr, bytes, (size_t)n * size) : 0;

	if (r < 0) {
		dec_unreadable(d, name, addr, (int)r);
		return;
	}
	dec_key(d, name, "");
	if (!addr) {
		dec_address(d, addr);
		return;
	}
	out_char(d->out, '[');
	for (unsigned i = 0; i < (size_t)r / size; i++)
		iovec_element(d, bytes + (size_t)i * size);
	out_char(d->out, ']');
	if ((size_t)r < (size_t)n * size) {
		dec_key(d, name, "_error");
		out_str(d->out, "\"EFAULT\"");
	} else if (len > n) {
		dec_mark_cut(d, name);
	}
}

/* File descriptors or credentials that go with a message: the first control message only. */
static void dec_control(const struct dec *d, uint64_t addr, uint64_t len)
{
	const struct abi *abi = d->call->abi;
	uint8_t bytes[DECODE_BYTES_MAX];
	size_t head = abi->word + 8u, n = len < sizeof(bytes) ? (size_t)len : sizeof(bytes), end;

	if (!addr || n < head || dec_read(d, addr, bytes, n) < 0)
		return;
	end = (size_t)layout_get(abi, LAYOUT_WORD, bytes);
	dec_key(d, "control", "");
	out_char(d->out, '{');
	dec_key(d, "level", "");
	dec_enum(d->out, const_set_find("sockopt_level", abi),
		 layout_get(abi, LAYOUT_U32, bytes + abi->word), false);
	dec_key(d, "type", "");
	dec_enum(d->out, const_set_find("cmsg_type", abi),
		 layout_get(abi, LAYOUT_U32, bytes + abi->word + 4), false);
	/* SOL_SOCKET, SCM_RIGHTS */
	if (layout_get(abi, LAYOUT_U32, bytes + abi->word) == 1 &&
	    layout_get(abi, LAYOUT_U32, bytes + abi->word + 4) == 1) {
		dec_key(d, "fds", "");
		out_char(d->out, '[');
		for (size_t at = head; at + 4 <= n && at + 4 <= end; at += 4) {
			dec_comma(d);
			out_i64(d->out, (int64_t)layout_get(abi, LAYOUT_S32, bytes + at));
		}
		out_char(d->out, ']');
	}
	out_char(d->out, '}');
}

static const uint8_t msghdr_types[] = {
	LAYOUT_WORD, LAYOUT_U32, LAYOUT_WORD, LAYOUT_WORD, LAYOUT_WORD, LAYOUT_WORD, LAYOUT_U32,
};

/* struct msghdr, as the ABI has it (x32: the 32-bit one), padded to its end. */
static size_t msghdr_get(const struct abi *abi, const uint8_t *bytes, uint64_t values[7])
{
	size_t at = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(msghdr_types); i++) {
		size_t offset = layout_next(abi, msghdr_types[i], &at);

		if (bytes)
			values[i] = layout_get(abi, msghdr_types[i], bytes + offset);
	}
	return (at + abi->word - 1u) & ~(size_t)(abi->word - 1u);
}

static void msghdr_members(const struct dec *d, const uint8_t *bytes)
{
	uint64_t v[ARRAY_SIZE(msghdr_types)];

	msghdr_get(d->call->abi, bytes, v);
	dec_sockaddr(d, "name", v[0], v[1]);
	dec_iovec(d, "iov", v[2], v[3]);
	dec_control(d, v[4], v[5]);
	key_u64(d, "controllen", v[5]);
}

void dec_msghdr(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	uint8_t bytes[64];
	int r = dec_read(d, addr, bytes, msghdr_get(d->call->abi, NULL, NULL));

	if (r < 0) {
		dec_unreadable(d, name, addr, r);
		return;
	}
	dec_key(d, name, "");
	out_char(d->out, '{');
	msghdr_members(d, bytes);
	out_char(d->out, '}');
}

void dec_mmsghdr(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	size_t size = msghdr_get(d->call->abi, NULL, NULL) + d->call->abi->word;
	unsigned count = (uint32_t)len < 4 ? (uint32_t)len : 4, i;
	uint8_t bytes[64 + 8];

	dec_key(d, name, "");
	out_char(d->out, '[');
	for (i = 0; i < count; i++) {
		if (dec_read(d, addr + i * size, bytes, size) < 0)
			break;
		dec_comma(d);
		out_char(d->out, '{');
		msghdr_members(d, bytes);
		out_char(d->out, '}');
	}
	out_char(d->out, ']');
	if (i < count) {
		dec_key(d, name, "_error");
		out_str(d->out, "\"EFAULT\"");
	} else if ((uint32_t)len > count) {
		dec_mark_cut(d, name);
	}
}

void dec_sockopt_value(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
{
	if ((int32_t)len < 0) {
		dec_key(d, name, "");
		dec_address(d, addr);
	} else if ((uint32_t)len == 4) {
		dec_int_value(d, name, addr, len);
	} else {
		dec_buffer(d, name, addr, (uint32_t)len);
	}
}
