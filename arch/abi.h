/* SPDX-License-Identifier: Apache-2.0 */
/* System call ABIs: one const row each. The only place that knows what differs between them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum abi_index {
	ABI_X86_64,
	ABI_I386,
	ABI_X32,
	ABI_AARCH64,
	ABI_ARM,
	ABI_RISCV64,
	ABI_PPC64LE,
	ABI_S390X,
	ABI_LOONGARCH64,
	ABI_COUNT
};

struct syscall_def; /* arch/sysno.h */
struct regs;	    /* arch/regs.h */

/* An index and no pointer, so that the tables need no relocation: 27 KB shared by all processes instead of
 * 55 KB that each of them would write to when it starts. */
struct syscall_number {
	uint32_t nr;  /* as in seccomp_data.nr: x32 carries bit 30 */
	uint16_t def; /* sysno_def() */
};

struct abi {
	const char *name; /* as in annotations: "x86_64", "i386", ... */
	enum abi_index index;
	uint32_t audit_arch;
	uint32_t nr_bit; /* set in every number of this ABI (x32), else 0 */
	uint8_t word;	 /* bytes of a long and of a pointer: 4 or 8 */
	bool big_endian;
	enum abi_index native;	  /* the 64-bit ABI of the kernels that run it */
	const char *oci_arch;	  /* SCMP_ARCH_... of the OCI runtime specification */
	uint32_t libseccomp_arch; /* SCMP_ARCH_* value; 0 where libseccomp 2.5.4 has none */
	const struct syscall_number *numbers; /* ascending by nr */
	size_t n_numbers;
	const uint16_t *by_name; /* indexes into numbers, ascending by name */
};

/* Never NULL for an index below ABI_COUNT. */
const struct abi *abi_get(enum abi_index index);
/* NULL for an unknown name. */
const struct abi *abi_by_name(const char *name);
/* ABI of a call as seccomp_data describes it; NULL for an audit_arch not in the table. x32 is told
 * from x86_64 by bit 30 of nr, except nr == -1 (a cancelled call), which is the 64-bit ABI's. */
const struct abi *abi_of(uint32_t audit_arch, uint32_t nr);
/* The ABI this program was compiled for. */
const struct abi *abi_native(void);
/* Fills ret with the ABIs that a kernel with this native ABI can run, native first; returns their
 * number (at most 3). x32 is among x86_64's even if the kernel was built without it. */
size_t abi_family(const struct abi *native, const struct abi *ret[3]);
