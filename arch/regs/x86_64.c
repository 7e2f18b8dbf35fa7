/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of x86_64: the only machine-dependent part of the injection. */
#include "arch/kernel.h"
#include "arch/regs.h"

#ifdef __x86_64__
#include <stddef.h>
#include <sys/user.h>

#define AT(reg) offsetof(struct user_regs_struct, reg)

static const struct regs_row row = {
	.audit_arch = AUDIT_ARCH_X86_64,
	.size = sizeof(struct user_regs_struct),
	.word = 8,
	.insn_size = 2, /* syscall: 0f 05; int 0x80 has the same length, but makes an i386 call */
	.ip = AT(rip),
	.sp = AT(rsp),
	.result = AT(rax),
	.arg = { AT(rdi), AT(rsi), AT(rdx), AT(r10), AT(r8), AT(r9) },
	.nr = AT(rax),
	.entered_nr = AT(orig_rax),
};

const struct regs_row *regs_native(void)
{
	return &row;
}
#endif
