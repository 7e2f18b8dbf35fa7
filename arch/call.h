/* SPDX-License-Identifier: Apache-2.0 */
/* One system call as intercepted, and the only way to read its arguments. */
#pragma once

#include <linux/seccomp.h>
#include <stdint.h>

#include "arch/abi.h"
#include "arch/sysno.h"

/* Arguments are raw 64-bit registers: an int may arrive with garbage in its upper half (measured:
 * 0xffffffff000001a4 for a mode), a 32-bit ABI's pointer likewise. Never read args[] directly. */
struct call {
	const struct abi *abi;
	const struct syscall_def *def; /* NULL: a number that the tables do not know */
	struct seccomp_data data;      /* private copy */
};

/* Fills *ret_call; -ENOSYS if the audit_arch is not in the table (def and abi are then NULL). */
int call_init(struct call *ret_call, const struct seccomp_data *data);

static inline int32_t arg_int(const struct call *c, unsigned i)
{
	return (int32_t)c->data.args[i];
}

static inline uint32_t arg_uint(const struct call *c, unsigned i)
{
	return (uint32_t)c->data.args[i];
}

/* A pointer, size_t or unsigned long: a word of the caller's ABI. */
static inline uint64_t arg_word(const struct call *c, unsigned i)
{
	return c->abi->word == 4 ? (uint32_t)c->data.args[i] : c->data.args[i];
}

/* Width in bits (32 or 64) and sign of argument i as the kernel's prototype and the ABI have it;
 * 64 bits unsigned where the call is not in the tables. */
unsigned arg_width(const struct call *c, unsigned i);
bool arg_is_signed(const struct call *c, unsigned i);
/* The value at that width, sign- or zero-extended accordingly (of a 16-bit type only those bits). */
int64_t arg_value(const struct call *c, unsigned i);
/* Width for a row of the table, without a call. Its sign: struct syscall_arg.is_signed. */
unsigned arg_kind_width(uint8_t kind, const struct abi *abi);
/* Bits of an argument that the kernel looks at: its width, but 16 for a mode (umode_t) and the 16-bit
 * ids of i386 and arm, so that `mode == 0644` or `uid == 0` is not evaded by garbage in bits 16..31.
 * Apply it before comparing. */
uint64_t arg_row_mask(const struct syscall_arg *arg, const struct abi *abi);
