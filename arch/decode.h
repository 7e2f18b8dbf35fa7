/* SPDX-License-Identifier: Apache-2.0 */
/* A call's arguments as JSON: names, flags, strings and structures instead of registers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/base/buf.h"
#include "arch/call.h"
#include "arch/mem.h"

struct const_row {
	uint64_t value;
	const char *name;
};

/* A named set of constants. Rows are tried in order; a row of several bits stands before its parts. */
struct const_set {
	const char *name;
	const struct const_row *rows;
	unsigned n_rows;
	uint64_t mask;		/* ARG_FLAGS: bits of an enumeration inside the flags (O_ACCMODE), or 0 */
	const struct abi *abi;	/* NULL: all; else these values are that ABI's own */
};

/* NULL if unknown. `abi` picks the ABI's own values where they differ (O_DIRECTORY on arm). */
const struct const_set *const_set_find(const char *name, const struct abi *abi);
/* Value of a constant by name in all sets that argument i of the call uses, and in the common ones
 * (errno names, S_IF*, signal names); -ENOENT. For conditions. */
int const_value(const struct abi *abi, const char *name, uint64_t *ret_value);

enum decode_flags {
	DECODE_MEMORY = 1 << 0,	 /* follow pointers; without it scalars only, pointers as addresses */
	DECODE_SECRETS = 1 << 1, /* show what is redacted by default (mount data: passwords) */
};

#define DECODE_STRING_MAX 4096 /* bytes of one string shown; more is cut and marked */

/* Memory of the caller that was read for a condition or a handler already: decode shows this copy and
 * does not read again, so that what is logged is what was decided on. */
struct decode_copy {
	unsigned arg;
	const void *data;
	size_t len;
	bool is_cut;
};

/* Appends the object `{"dirfd":"AT_FDCWD","pathname":"/etc/x","flags":"O_RDONLY|O_CLOEXEC"}`.
 * Strings that were cut come with a sibling key `"<name>_cut":true`; memory that cannot be read gives
 * the address as a hex string and `"<name>_error":"EFAULT"`. Unknown calls: {"arg0":"0x..",...}.
 * Allocates nothing; at most DECODE_STRING_MAX bytes a string, 32 strings of an argv. `mem` may be NULL
 * without DECODE_MEMORY. */
void decode_args(struct out *out, const struct call *call, const struct mem *mem,
		 const struct decode_copy *copies, unsigned n_copies, unsigned flags);

/* "c 1:3"/"b 7:0" for a mode and dev of mknod; for handlers' messages. */
void decode_device(struct out *out, uint32_t mode, uint32_t dev);
