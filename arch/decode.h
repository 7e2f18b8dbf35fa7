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

/* A named set of constants, as one ABI has it. Rows are tried in order; a row of several bits stands
 * before its parts, an alias behind its main name. */
struct const_set {
	const char *name;
	const struct const_row *rows;
	unsigned n_rows;
	uint64_t mask;	/* flags: bits of an enumeration inside the flags (O_ACCMODE), or 0 */
	uint64_t octal; /* flags: bits shown as one octal number (permissions), or 0 */
};

/* NULL if unknown. `abi` picks the ABI's own values where they differ (O_DIRECTORY on arm). */
const struct const_set *const_set_find(const char *name, const struct abi *abi);
/* Value of a constant by name in all sets as this ABI has it; signal and errno names too. -ENOENT.
 * For conditions; slow (tens of microseconds). */
int const_value(const struct abi *abi, const char *name, uint64_t *ret_value);

/* True if decode can show an argument of that kind with that `set` (NULL: none needed): what
 * arch/tables/calls.tab may name. */
bool decode_knows(uint8_t kind, const char *set);

enum decode_flags {
	DECODE_MEMORY =
		1 << 0, /* follow pointers; without it scalars only, pointers as addresses */
	DECODE_SECRETS = 1 << 1, /* show what is redacted by default: see decode_args */
};

#define DECODE_STRING_MAX 4096 /* bytes of one string shown; more is cut and marked */

/* Memory of the caller that was read for a condition or a handler already: decode shows this copy and
 * does not read again, so that what is logged is what was decided on. */
struct decode_copy {
	unsigned arg;
	const void *data; /* strings: with or without their NUL */
	size_t len;
	bool is_cut;
};

/* Appends the object `{"dirfd":"AT_FDCWD","pathname":"/etc/x","flags":"O_RDONLY|O_CLOEXEC"}`. The keys
 * are the manual page's names where they differ from the kernel's (syscall_arg.alias).
 *
 * Numbers are JSON numbers; flags, enumerations, modes ("0644", "S_IFCHR|0666") and devices ("c 1:3")
 * strings; bits and values without a name are hex; NULL is null. Structures are objects, arrays of them
 * arrays. What was cut (strings at DECODE_STRING_MAX bytes, an argv at 32 strings or DECODE_STRING_MAX
 * bytes in all, buffers at 128 bytes, arrays at 16 elements) has a sibling key `"<name>_cut":true`;
 * memory that cannot be read gives the address as a hex string and `"<name>_error":"EFAULT"`. Unknown
 * calls: {"arg0":"0x..",...}.
 *
 * Without DECODE_SECRETS the values of password, pass, secret, token, ... are "***" in mount data,
 * fsconfig and environments, and payloads of keys are not shown.
 *
 * Always a complete object, whatever the caller's memory holds: an argument that does not fit into what
 * is left of `out` is left out with `"<name>_cut":true`; with less than 32 bytes left nothing is written
 * and out->cut is set. Allocates nothing. `mem` may be NULL without DECODE_MEMORY. */
void decode_args(struct out *out, const struct call *call, const struct mem *mem,
		 const struct decode_copy *copies, unsigned n_copies, unsigned flags);

/* "c 1:3"/"b 7:0" for a mode and dev of mknod; "1:3" for a mode of another type. */
void decode_device(struct out *out, uint32_t mode, uint32_t dev);
