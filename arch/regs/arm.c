/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of aarch64 (struct user_pt_regs) and of 32-bit arm (struct pt_regs: r0..r15, cpsr, old r0). */
#include <elf.h>

#include "arch/kernel.h"
#include "arch/regs/rows.h"

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

#define X(n) (8 * (n))
#define R(n) (4 * (n))
enum { SP = 248, PC = 256, SIZE = 272, CPSR = 64, SIZE_32 = 72 };

const struct regs_row regs_row_aarch64 = {
	.audit_arch = AUDIT_ARCH_AARCH64,
	.size = SIZE,
	.word = 8,
	.insn_size = 4, /* svc #0 */
	.ip = PC,
	.sp = SP,
	.result = X(0),
	.arg = { X(0), X(1), X(2), X(3), X(4), X(5) },
	.nr = X(8),
	.entered_nr = -1,
	.entered_nr_set = NT_ARM_SYSTEM_CALL,
	.entered_arg0 = X(0),
};

/* As an arm64 kernel shows a 32-bit task; a 32-bit kernel has the same set, but there the number is
 * changed by PTRACE_SET_SYSCALL (regs.c). */
const struct regs_row regs_row_arm = {
	.audit_arch = AUDIT_ARCH_ARM,
	.size = SIZE_32,
	.word = 4,
	.insn_size = 4, /* svc 0 */
	.short_insn_at = CPSR,
	.short_insn_bit = 1 << 5, /* T: Thumb, where svc has 2 bytes */
	.ip = R(15),
	.sp = R(13),
	.result = R(0),
	.arg = { R(0), R(1), R(2), R(3), R(4), R(5) },
	.nr = R(7),
	.entered_nr = -1,
	.entered_nr_set = NT_ARM_SYSTEM_CALL,
	.entered_arg0 = R(0),
};

#ifdef __aarch64__
#include <asm/ptrace.h>
#include <stddef.h>

_Static_assert(SP == offsetof(struct user_pt_regs, sp), "sp");
_Static_assert(PC == offsetof(struct user_pt_regs, pc), "pc");
_Static_assert(SIZE == sizeof(struct user_pt_regs), "size");
#endif
