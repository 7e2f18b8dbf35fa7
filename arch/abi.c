/* SPDX-License-Identifier: Apache-2.0 */
/* The ABI rows. */
#include <linux/audit.h>
#include <string.h>

#include "arch/abi.h"
#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "arch/syscall_tables.h"

#define X32_BIT 0x40000000u

#define TABLE(abi)                                                          \
	.numbers = syscall_numbers_##abi, .n_numbers = SYSCALL_COUNT_##abi, \
	.by_name = syscall_by_name_##abi

/* libseccomp's token is the audit_arch, but for x32, which lacks __AUDIT_ARCH_64BIT there.
 * 2.5.4 knows all of these except loongarch64. */
static const struct abi abis[ABI_COUNT] = {
	[ABI_X86_64] = {
		.name = "x86_64",
		.index = ABI_X86_64,
		.audit_arch = AUDIT_ARCH_X86_64,
		.word = 8,
		.native = ABI_X86_64,
		.oci_arch = "SCMP_ARCH_X86_64",
		.libseccomp_arch = AUDIT_ARCH_X86_64,
		TABLE(x86_64),
	},
	[ABI_I386] = {
		.name = "i386",
		.index = ABI_I386,
		.audit_arch = AUDIT_ARCH_I386,
		.word = 4,
		.native = ABI_X86_64,
		.oci_arch = "SCMP_ARCH_X86",
		.libseccomp_arch = AUDIT_ARCH_I386,
		TABLE(i386),
	},
	[ABI_X32] = {
		.name = "x32",
		.index = ABI_X32,
		.audit_arch = AUDIT_ARCH_X86_64,
		.nr_bit = X32_BIT,
		.word = 4,
		.native = ABI_X86_64,
		.oci_arch = "SCMP_ARCH_X32",
		.libseccomp_arch = EM_X86_64 | __AUDIT_ARCH_LE,
		TABLE(x32),
	},
	[ABI_AARCH64] = {
		.name = "aarch64",
		.index = ABI_AARCH64,
		.audit_arch = AUDIT_ARCH_AARCH64,
		.word = 8,
		.native = ABI_AARCH64,
		.oci_arch = "SCMP_ARCH_AARCH64",
		.libseccomp_arch = AUDIT_ARCH_AARCH64,
		TABLE(aarch64),
	},
	[ABI_ARM] = {
		.name = "arm",
		.index = ABI_ARM,
		.audit_arch = AUDIT_ARCH_ARM,
		.word = 4,
		.native = ABI_AARCH64,
		.oci_arch = "SCMP_ARCH_ARM",
		.libseccomp_arch = AUDIT_ARCH_ARM,
		TABLE(arm),
	},
	[ABI_RISCV64] = {
		.name = "riscv64",
		.index = ABI_RISCV64,
		.audit_arch = AUDIT_ARCH_RISCV64,
		.word = 8,
		.native = ABI_RISCV64,
		.oci_arch = "SCMP_ARCH_RISCV64",
		.libseccomp_arch = AUDIT_ARCH_RISCV64,
		TABLE(riscv64),
	},
	[ABI_PPC64LE] = {
		.name = "ppc64le",
		.index = ABI_PPC64LE,
		.audit_arch = AUDIT_ARCH_PPC64LE,
		.word = 8,
		.native = ABI_PPC64LE,
		.oci_arch = "SCMP_ARCH_PPC64LE",
		.libseccomp_arch = AUDIT_ARCH_PPC64LE,
		TABLE(ppc64le),
	},
	[ABI_S390X] = {
		.name = "s390x",
		.index = ABI_S390X,
		.audit_arch = AUDIT_ARCH_S390X,
		.word = 8,
		.big_endian = true,
		.native = ABI_S390X,
		.oci_arch = "SCMP_ARCH_S390X",
		.libseccomp_arch = AUDIT_ARCH_S390X,
		TABLE(s390x),
	},
	[ABI_LOONGARCH64] = {
		.name = "loongarch64",
		.index = ABI_LOONGARCH64,
		.audit_arch = AUDIT_ARCH_LOONGARCH64,
		.word = 8,
		.native = ABI_LOONGARCH64,
		.oci_arch = "SCMP_ARCH_LOONGARCH64",
		TABLE(loongarch64),
	},
};

const struct abi *abi_get(enum abi_index index)
{
	return &abis[index];
}

const struct abi *abi_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		if (strcmp(abis[i].name, name) == 0)
			return &abis[i];
	return NULL;
}

const struct abi *abi_of(uint32_t audit_arch, uint32_t nr)
{
	if (audit_arch == AUDIT_ARCH_X86_64)
		return (nr & X32_BIT) && nr != UINT32_MAX ? &abis[ABI_X32] : &abis[ABI_X86_64];
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		if (abis[i].audit_arch == audit_arch)
			return &abis[i];
	return NULL;
}

const struct abi *abi_native(void)
{
#if defined(__x86_64__) && defined(__ILP32__)
	return &abis[ABI_X32];
#elif defined(__x86_64__)
	return &abis[ABI_X86_64];
#elif defined(__i386__)
	return &abis[ABI_I386];
#elif defined(__aarch64__)
	return &abis[ABI_AARCH64];
#elif defined(__arm__)
	return &abis[ABI_ARM];
#elif defined(__riscv) && __riscv_xlen == 64
	return &abis[ABI_RISCV64];
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
	return &abis[ABI_PPC64LE];
#elif defined(__s390x__)
	return &abis[ABI_S390X];
#elif defined(__loongarch64)
	return &abis[ABI_LOONGARCH64];
#else
#error "no row in arch/abi.c for this architecture"
#endif
}

size_t abi_family(const struct abi *native, const struct abi *ret[3])
{
	size_t n = 0;

	ret[n++] = native;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		if (abis[i].native == native->index && &abis[i] != native)
			ret[n++] = &abis[i];
	return n;
}
