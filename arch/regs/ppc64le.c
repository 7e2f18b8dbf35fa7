/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of ppc64le: struct pt_regs, within a set of 48 words. */
#include "arch/kernel.h"
#include "arch/regs/rows.h"

#define R(n) (8 * (n))
enum { NIP = 256, CCR = 304, TRAP = 320, SIZE = 384 };

const struct regs_row regs_row_ppc64le = {
	.audit_arch = AUDIT_ARCH_PPC64LE,
	.size = SIZE,
	.word = 8,
	.insn_size = 4, /* sc, scv 0 */
	.ip = NIP,
	.sp = R(1),
	.result = R(3),
	.arg = { R(3), R(4), R(5), R(6), R(7), R(8) },
	.nr = R(0),
	.entered_nr = R(0),
	.entered_arg0 =
		R(3), /* not orig_gpr3: the call is made with r3 as it is after the tracer */
	/* sc: a positive errno and summary overflow in cr0; scv (trap 0x3000): -errno, as elsewhere. */
	.error_flag_at = CCR,
	.error_flag_bit = 0x10000000,
	.no_error_flag_at = TRAP,
	.no_error_flag_value = 0x3000,
};

#if defined(__powerpc64__)
#include <asm/ptrace.h>
#include <stddef.h>

_Static_assert(NIP == offsetof(struct pt_regs, nip), "nip");
_Static_assert(CCR == offsetof(struct pt_regs, ccr), "ccr");
_Static_assert(TRAP == offsetof(struct pt_regs, trap), "trap");
#endif
