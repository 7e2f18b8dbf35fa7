/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of loongarch64: struct user_pt_regs. */
#include "arch/kernel.h"
#include "arch/regs/rows.h"

#define R(n) (8 * (n))
enum { ORIG_A0 = 256, ERA = 264, SIZE = 360 };

const struct regs_row regs_row_loongarch64 = {
	.audit_arch = AUDIT_ARCH_LOONGARCH64,
	.size = SIZE,
	.word = 8,
	.insn_size = 4, /* syscall 0 */
	.ip = ERA,
	.sp = R(3),
	.result = R(4),
	.arg = { R(4), R(5), R(6), R(7), R(8), R(9) },
	.nr = R(11),
	.entered_nr = R(11),
	.entered_arg0 = ORIG_A0,
};

#ifdef __loongarch64
#include <asm/ptrace.h>
#include <stddef.h>

_Static_assert(ORIG_A0 == offsetof(struct user_pt_regs, orig_a0), "orig_a0");
_Static_assert(ERA == offsetof(struct user_pt_regs, csr_era), "csr_era");
_Static_assert(SIZE == sizeof(struct user_pt_regs), "size");
#endif
