/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoders share. Private to arch/decode. */
#pragma once

#include "arch/decode.h"
#include "arch/layout.h"

#define DECODE_ITEMS_MAX 16  /* elements of an array of structures */
#define DECODE_BYTES_MAX 128 /* bytes of a buffer */

/* One call being decoded. */
struct dec {
	struct out *out;
	const char *start; /* where the object began in out */
	const struct call *call;
	const struct mem *mem; /* NULL: pointers are not followed */
	const struct decode_copy *copies;
	unsigned n_copies;
	unsigned flags;
	unsigned arg; /* index of the current argument */
};

/* Values: how a number of `width` bits is shown. Kinds as in enum arg_kind. */
void dec_flags(struct out *o, const struct const_set *set, uint64_t value);
void dec_enum(struct out *o, const struct const_set *set, uint64_t value, bool is_64);
void dec_mode(struct out *o, uint32_t mode);
void dec_signal(struct out *o, uint32_t sig);
/* A number of kind `kind` (scalars only); `is_signed` for those that can be both. */
void dec_scalar(const struct dec *d, uint8_t kind, const char *set, uint64_t value, bool is_signed);
/* An address that is not followed: null or "0x...". */
void dec_address(const struct dec *d, uint64_t addr);

/* JSON: a comma where one is needed, then "name<suffix>":. */
void dec_key(const struct dec *d, const char *name, const char *suffix);
void dec_comma(const struct dec *d);
void dec_mark_cut(const struct dec *d, const char *name);
/* "name":"0xaddr","name_error":"EFAULT". */
void dec_unreadable(const struct dec *d, const char *name, uint64_t addr, int error);

/* True if there is something to read at addr; else writes "name": null or the address. */
bool dec_may_follow(const struct dec *d, const char *name, uint64_t addr);
/* Reads as mem_read does, from the copy of the current argument where there is one. */
int dec_read(const struct dec *d, uint64_t addr, void *buf, size_t len);
/* Reads at most len bytes; returns how many (> 0) or negative errno. */
ssize_t dec_read_some(const struct dec *d, uint64_t addr, void *buf, size_t len);
/* As mem_read_string. */
ssize_t dec_read_string(const struct dec *d, uint64_t addr, char *buf, size_t size);

/* "name":"text" with its marks; null for address 0. `secret` redacts key=value lists. */
void dec_string(const struct dec *d, const char *name, uint64_t addr);
void dec_mount_data(const struct dec *d, const char *name, uint64_t addr);
void dec_buffer(const struct dec *d, const char *name, uint64_t addr, uint64_t len);
void dec_strings(const struct dec *d, const char *name, uint64_t addr);
/* The number of variables only: they often hold secrets. Without DECODE_SECRETS, that is. */
void dec_environment(const struct dec *d, const char *name, uint64_t addr);
/* Text of key=value items separated by commas, secrets as ***; returns false if the bytes are no text. */
bool dec_redacted(const struct dec *d, const char *text, size_t len);
bool dec_is_secret(const char *key, size_t len);

/* How a structure's field is shown. */
enum show {
	SHOW_NUMBER,
	SHOW_HEX,
	SHOW_OCTAL,
	SHOW_ADDRESS,
	SHOW_FLAGS,
	SHOW_ENUM,
	SHOW_SIGNAL,
	SHOW_FD,
	SHOW_STRING, /* pointer to a string */
	SHOW_NONE,   /* padding, reserved, output */
};

struct field {
	const char *name;
	uint8_t type; /* enum layout_type */
	uint8_t show;
	const char *set;
};

enum struct_flags {
	STRUCT_SIZED = 1 << 0,	/* the length argument is the structure's size: extensible */
	STRUCT_ARRAY = 1 << 1,	/* the length argument is the number of elements */
	STRUCT_PACKED = 1 << 2, /* on x86_64 and x32 */
	STRUCT_PAIR = 1 << 3,	/* two of them */
};

struct struct_row {
	const char *name;
	const struct field *fields;
	uint8_t n_fields;
	uint8_t flags;
	/* Instead of fields. `len` is the value of the length argument or 0. */
	void (*show)(const struct dec *d, const char *name, uint64_t addr, uint64_t len);
};

/* NULL if unknown. */
const struct struct_row *struct_find(const char *name);
void dec_struct(const struct dec *d, const struct struct_row *row, const char *name, uint64_t addr,
		uint64_t len);
/* The members of one structure from a copy of its bytes, without braces: as many as are complete. */
void dec_fields(const struct dec *d, const struct field *fields, unsigned n, bool is_packed,
		const void *bytes, size_t len);
size_t dec_fields_size(const struct abi *abi, const struct field *fields, unsigned n,
		       bool is_packed);

/* {...} of a call made through another one (socketcall). */
void dec_inner_call(const struct dec *d, const struct call *inner);

/* Decoders by topic; each as struct_row.show. */
#define DECODER(fn) void fn(const struct dec *d, const char *name, uint64_t addr, uint64_t len)
DECODER(dec_sockaddr);
DECODER(dec_msghdr);
DECODER(dec_mmsghdr);
DECODER(dec_iovec);
DECODER(dec_sigset);
DECODER(dec_sigaction);
DECODER(dec_mount_data_struct);
DECODER(dec_bpf_attr);
DECODER(dec_fsconfig_value);
DECODER(dec_socketcall);
DECODER(dec_ids);
DECODER(dec_ids16);
DECODER(dec_int_value);
DECODER(dec_sockopt_value);
DECODER(dec_fd_set);
DECODER(dec_cpu_set);
#undef DECODER
/* "name":{...} from bytes already here. */
void dec_sockaddr_bytes(const struct dec *d, const char *name, const void *bytes, size_t len,
			bool is_cut);

/* An argument whose meaning another argument decides. */
struct choice_row {
	uint64_t value;
	uint8_t kind;
	const char *set;
};
struct choice {
	const char *name;
	uint8_t by;    /* index of the deciding argument */
	uint32_t mask; /* of its bits */
	uint8_t kind;  /* where no row matches */
	const char *set;
	const struct choice_row *rows;
	uint8_t n_rows;
};
/* NULL if there is none of that name. */
const struct choice *choice_find(const char *name);
