/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of x86_64 (x32 too) and i386: struct user_regs_struct and user_regs_struct32. */
#include "arch/kernel.h"
#include "arch/regs/rows.h"

enum { RBP = 32, RBX = 40, R10 = 56, R9 = 64, R8 = 72, RAX = 80, RCX = 88, RDX = 96, RSI = 104 };
enum { RDI = 112, ORIG_RAX = 120, RIP = 128, RSP = 152, SIZE = 216 };
enum { EBX = 0, ECX = 4, EDX = 8, ESI = 12, EDI = 16, EBP = 20, EAX = 24, ORIG_EAX = 44 };
enum { EIP = 48, ESP = 60, SIZE_32 = 68 };

const struct regs_row regs_row_x86_64 = {
	.audit_arch = AUDIT_ARCH_X86_64,
	.size = SIZE,
	.word = 8,
	.insn_size = 2, /* syscall: 0f 05 */
	.ip = RIP,
	.sp = RSP,
	.result = RAX,
	.arg = { RDI, RSI, RDX, R10, R8, R9 },
	.nr = RAX,
	.entered_nr = ORIG_RAX,
	.entered_arg0 = RDI,
};

const struct regs_row regs_row_i386 = {
	.audit_arch = AUDIT_ARCH_I386,
	.size = SIZE_32,
	.word = 4,
	/* int 0x80: cd 80. After sysenter and syscall the kernel returns behind the int 0x80 that stands
	 * in the vdso for that purpose, so going back by 2 is right for them too. */
	.insn_size = 2,
	.ip = EIP,
	.sp = ESP,
	.result = EAX,
	.arg = { EBX, ECX, EDX, ESI, EDI, EBP },
	.nr = EAX,
	.entered_nr = ORIG_EAX,
	.entered_arg0 = EBX,
};

/* The register set is that of the code segment, the call's ABI that of the instruction. */
const struct regs_row regs_row_i386_in_64 = {
	.audit_arch = AUDIT_ARCH_I386,
	.size = SIZE,
	.word = 8,
	.insn_size = 2,
	.ip = RIP,
	.sp = RSP,
	.result = RAX,
	.arg = { RBX, RCX, RDX, RSI, RDI, RBP },
	.nr = RAX,
	.entered_nr = ORIG_RAX,
	.entered_arg0 = RBX,
};

#if defined(__x86_64__) && !defined(__ILP32__)
#include <stddef.h>
#include <sys/user.h>

#define SAME(offset, reg) _Static_assert((offset) == offsetof(struct user_regs_struct, reg), #reg)
SAME(RBP, rbp);
SAME(RBX, rbx);
SAME(R10, r10);
SAME(R9, r9);
SAME(R8, r8);
SAME(RAX, rax);
SAME(RCX, rcx);
SAME(RDX, rdx);
SAME(RSI, rsi);
SAME(RDI, rdi);
SAME(ORIG_RAX, orig_rax);
SAME(RIP, rip);
SAME(RSP, rsp);
_Static_assert(SIZE == sizeof(struct user_regs_struct), "size");
#endif
