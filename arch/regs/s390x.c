/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of s390x: s390_regs (psw, gprs, access registers, orig_gpr2). */
#include "arch/kernel.h"
#include "arch/regs/rows.h"

#define GPR(n) (16 + 8 * (n))
enum { PSW_ADDR = 8, ORIG_GPR2 = 208, SIZE = 216 };

const struct regs_row regs_row_s390x = {
	.audit_arch = AUDIT_ARCH_S390X,
	.size = SIZE,
	.word = 8,
	.insn_size =
		2, /* svc. A call is made again only if it was `svc 0` (number in gpr1): libc's own
			 * calls below 256 have the number in the instruction */
	.ip = PSW_ADDR,
	.sp = GPR(15),
	.result = GPR(2),
	.arg = { GPR(2), GPR(3), GPR(4), GPR(5), GPR(6), GPR(7) },
	.nr = GPR(1),
	.entered_nr = GPR(2), /* number at the entry stop, result at the exit stop */
	.entered_arg0 = ORIG_GPR2,
	.nr_in_insn = true,
};

#ifdef __s390x__
#include <asm/ptrace.h>
#include <stddef.h>

_Static_assert(PSW_ADDR == offsetof(s390_regs, psw.addr), "psw");
_Static_assert(GPR(2) == offsetof(s390_regs, gprs[2]), "gpr2");
_Static_assert(ORIG_GPR2 == offsetof(s390_regs, orig_gpr2), "orig_gpr2");
_Static_assert(SIZE == sizeof(s390_regs), "size");
#endif
