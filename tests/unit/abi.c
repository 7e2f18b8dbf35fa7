/* SPDX-License-Identifier: Apache-2.0 */
/* ABI rows: told apart by what seccomp_data says. */
#include <ctype.h>
#include <linux/audit.h>
#include <seccomp.h>

#include "arch/abi.h"
#include "arch/base/cleanup.h"
#include "tests/unit/tap.h"

static void every_abi_is_found_by_name_and_by_its_calls(void)
{
	for (unsigned i = 0; i < ABI_COUNT; i++) {
		const struct abi *abi = abi_get(i);

		tap_int_eq(abi->index, i);
		tap_ok(abi_by_name(abi->name) == abi);
		for (size_t k = 0; k < abi->n_numbers; k++)
			tap_ok(abi_of(abi->audit_arch, abi->numbers[k].nr) == abi);
	}
	tap_ok(!abi_by_name("x86"));
}

static void x32_is_told_by_bit_30_but_a_cancelled_call_is_not_x32(void)
{
	tap_str_eq(abi_of(AUDIT_ARCH_X86_64, 0x3fffffff)->name, "x86_64");
	tap_str_eq(abi_of(AUDIT_ARCH_X86_64, 0x40000000)->name, "x32");
	tap_str_eq(abi_of(AUDIT_ARCH_X86_64, 0xfffffffe)->name, "x32");
	tap_str_eq(abi_of(AUDIT_ARCH_X86_64, 0xffffffff)->name, "x86_64");
	tap_str_eq(abi_of(AUDIT_ARCH_I386, 0x40000000)->name, "i386");
}

static void an_unknown_audit_arch_has_no_abi(void)
{
	tap_ok(!abi_of(0, 0));
	tap_ok(!abi_of(AUDIT_ARCH_MIPS, 1));
	tap_ok(!abi_of(UINT32_MAX, UINT32_MAX));
}

static void oci_and_libseccomp_tokens_mean_the_same_abi(void)
{
	for (unsigned i = 0; i < ABI_COUNT; i++) {
		const struct abi *abi = abi_get(i);
		char lower[32] = "";

		if (!abi->libseccomp_arch)
			continue;
		/* libseccomp's resolver takes the OCI name without the prefix, in lower case. */
		snprintf(lower, sizeof(lower), "%s", abi->oci_arch + strlen("SCMP_ARCH_"));
		for (char *p = lower; *p; p++)
			*p = (char)tolower(*p);
		tap_int_eq(seccomp_arch_resolve_name(lower), abi->libseccomp_arch);
	}
	tap_int_eq(abi_native()->libseccomp_arch, seccomp_arch_native());
}

static void families_are_what_one_kernel_can_run(void)
{
	const struct abi *family[3];

	tap_int_eq(abi_family(abi_by_name("x86_64"), family), 3);
	tap_str_eq(family[0]->name, "x86_64");
	tap_str_eq(family[1]->name, "i386");
	tap_str_eq(family[2]->name, "x32");
	tap_int_eq(abi_family(abi_by_name("aarch64"), family), 2);
	tap_str_eq(family[1]->name, "arm");
	tap_int_eq(abi_family(abi_by_name("s390x"), family), 1);
}

int main(void)
{
	TAP_RUN(every_abi_is_found_by_name_and_by_its_calls);
	TAP_RUN(x32_is_told_by_bit_30_but_a_cancelled_call_is_not_x32);
	TAP_RUN(an_unknown_audit_arch_has_no_abi);
	TAP_RUN(oci_and_libseccomp_tokens_mean_the_same_abi);
	TAP_RUN(families_are_what_one_kernel_can_run);
	return TAP_DONE();
}
