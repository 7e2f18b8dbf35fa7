/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of riscv64: struct user_regs_struct, pc first and then x1..x31. */
#include "arch/kernel.h"
#include "arch/regs/rows.h"

#define X(n) (8 * (n))
enum { SIZE = 256 };

const struct regs_row regs_row_riscv64 = {
	.audit_arch = AUDIT_ARCH_RISCV64,
	.size = SIZE,
	.word = 8,
	.insn_size = 4, /* ecall; it has no compressed form */
	.ip = X(0),
	.sp = X(2),
	.result = X(10),
	.arg = { X(10), X(11), X(12), X(13), X(14), X(15) },
	.nr = X(17),
	.entered_nr = X(17),
	/* The kernel takes the first argument from orig_a0, which no register set shows (a0 is -ENOSYS at
	 * the entry stop already): only PTRACE_SET_SYSCALL_INFO (6.16) can change it. */
	.entered_arg0 = REGS_NOT_SHOWN,
};

#if defined(__riscv) && __riscv_xlen == 64
#include <asm/ptrace.h>
#include <stddef.h>

_Static_assert(X(17) == offsetof(struct user_regs_struct, a7), "a7");
_Static_assert(SIZE == sizeof(struct user_regs_struct), "size");
#endif
