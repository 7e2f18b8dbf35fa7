/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of foreign ABIs: fields by type, offsets by the ABI's rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/abi.h"

enum layout_type {
	LAYOUT_U8,
	LAYOUT_U16,
	LAYOUT_BE16, /* network order whatever the ABI */
	LAYOUT_S32,
	LAYOUT_U32,
	LAYOUT_S64,
	LAYOUT_U64,
	LAYOUT_A64,   /* __aligned_u64: 8 bytes apart on i386 too */
	LAYOUT_WORD,  /* a pointer or compat_ulong_t: the ABI's word */
	LAYOUT_SWORD, /* compat_long_t */
	/* __kernel_long_t: as a word, but 8 bytes on x32 (struct timespec, struct rlimit). */
	LAYOUT_KLONG,
	LAYOUT_UKLONG,
};

unsigned layout_size(const struct abi *abi, enum layout_type type);
/* Alignment inside a structure: the size, but 4 for 64-bit integers on i386. */
unsigned layout_align(const struct abi *abi, enum layout_type type);
/* Offset of the next field behind *at; moves *at behind it. */
size_t layout_next(const struct abi *abi, enum layout_type type, size_t *at);
/* The value at p in the ABI's byte order, sign- or zero-extended. */
uint64_t layout_get(const struct abi *abi, enum layout_type type, const void *p);
bool layout_is_signed(enum layout_type type);
