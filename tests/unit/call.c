/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments at their width and sign, with garbage in upper halves. */
#include <errno.h>
#include <linux/audit.h>

#include "arch/call.h"
#include "tests/unit/tap.h"

#define GARBAGE 0xdeadbeef00000000ULL

static struct call call_of(const char *abi_name, const char *name, const uint64_t args[6])
{
	const struct abi *abi = abi_by_name(abi_name);
	struct seccomp_data data = { .arch = abi->audit_arch, .nr = (int)sysno_number(abi, name) };
	struct call call;

	memcpy(data.args, args, sizeof(data.args));
	tap_int_eq(call_init(&call, &data), 0);
	tap_str_eq(call.def->name, name);
	return call;
}

static void the_upper_half_of_an_int_is_ignored(void)
{
	const uint64_t args[6] = { GARBAGE | 0xffffff9c, 0x1234567890, GARBAGE | 0x80000,
				   GARBAGE | 0xabcd01a4 };
	struct call c = call_of("x86_64", "openat", args);

	tap_int_eq(arg_value(&c, 0), -100);
	tap_int_eq(arg_int(&c, 0), -100);
	tap_int_eq(arg_value(&c, 1), 0x1234567890);
	tap_int_eq(arg_value(&c, 2), 0x80000);
	tap_int_eq(arg_value(&c, 3), 0x01a4); /* umode_t has 16 bits */
	tap_int_eq(arg_row_mask(&c.def->args[3], c.abi), 0xffff);
	tap_int_eq(arg_width(&c, 0), 32);
	tap_int_eq(arg_width(&c, 1), 64);
	tap_ok(arg_is_signed(&c, 0));
	tap_ok(!arg_is_signed(&c, 1));
}

static void flags_that_the_kernel_cuts_to_32_bits_are_compared_so(void)
{
	const uint64_t mount_args[6] = { 0, 0, 0, GARBAGE | 0x1000 };
	const uint64_t clone_args[6] = { GARBAGE | 0x10000000 };
	struct call mount = call_of("x86_64", "mount", mount_args);
	struct call clone = call_of("x86_64", "clone", clone_args);

	tap_int_eq(arg_value(&mount, 3), 0x1000);
	tap_int_eq(arg_value(&clone, 0), 0x10000000);
}

static void a_word_has_32_bits_on_a_32_bit_abi(void)
{
	const uint64_t args[6] = { GARBAGE | 0xfffffff0, 5 };
	struct call c = call_of("i386", "munmap", args);
	struct call x32 = call_of("x32", "munmap", args);

	tap_int_eq(arg_word(&c, 0), 0xfffffff0);
	tap_int_eq(arg_value(&c, 0), 0xfffffff0);
	tap_int_eq(arg_width(&c, 0), 32);
	tap_int_eq(arg_word(&x32, 0), 0xfffffff0);
}

static void an_unsigned_int_of_the_high_half_stays_positive(void)
{
	const uint64_t args[6] = { 0, 0, 0xffffffff };
	struct call c = call_of("x86_64", "mknod", args);

	tap_int_eq(arg_value(&c, 2), 0xffffffff);
}

static void ids_of_old_32_bit_calls_have_16_bits(void)
{
	const uint64_t args[6] = { 0xabcd0000 };
	struct call old = call_of("i386", "setuid", args);
	struct call new = call_of("i386", "setuid32", args);
	struct call native = call_of("x86_64", "setuid", args);

	tap_int_eq(arg_value(&old, 0), 0);
	tap_int_eq(arg_row_mask(&old.def->args[0], old.abi), 0xffff);
	tap_int_eq(arg_value(&new, 0), 0xabcd0000);
	tap_int_eq(arg_value(&native, 0), 0xabcd0000);
	tap_int_eq(arg_row_mask(&native.def->args[0], native.abi), UINT32_MAX);
}

static void a_file_offset_is_64_bits_and_signed(void)
{
	const uint64_t args[6] = { 3, 0, 0, UINT64_MAX };
	struct call c = call_of("x86_64", "pread64", args);
	struct call c32 = call_of("i386", "pread64", args);

	tap_int_eq(arg_value(&c, 3), -1);
	tap_int_eq(arg_width(&c, 3), 64);
	tap_int_eq(c32.def->nargs, 5);
	tap_int_eq(arg_value(&c32, 3), 0xffffffff);
}

static void clone_has_its_arguments_in_each_abis_order(void)
{
	const uint64_t args[6] = { 0 };

	tap_int_eq(sysno_arg(call_of("x86_64", "clone", args).def, "tls"), 4);
	tap_int_eq(sysno_arg(call_of("i386", "clone", args).def, "tls"), 3);
	tap_int_eq(sysno_arg(call_of("aarch64", "clone", args).def, "tls"), 3);
	tap_int_eq(sysno_arg(call_of("s390x", "clone", args).def, "clone_flags"), 1);
	tap_int_eq(sysno_arg(call_of("x86_64", "clone", args).def, "flags"), 0);
}

static void a_number_outside_the_tables_is_raw(void)
{
	const struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64,
					   .nr = 9999,
					   .args = { UINT64_MAX } };
	struct call c;

	tap_int_eq(call_init(&c, &data), 0);
	tap_ok(!c.def);
	tap_int_eq(arg_width(&c, 0), 64);
	tap_ok(!arg_is_signed(&c, 0));
	tap_int_eq(arg_value(&c, 0), -1);
}

static void an_unknown_audit_arch_is_refused(void)
{
	const struct seccomp_data data = { .arch = 1, .nr = 0 };
	struct call c;

	tap_int_eq(call_init(&c, &data), -ENOSYS);
	tap_ok(!c.abi);
	tap_ok(!c.def);
}

int main(void)
{
	TAP_RUN(the_upper_half_of_an_int_is_ignored);
	TAP_RUN(flags_that_the_kernel_cuts_to_32_bits_are_compared_so);
	TAP_RUN(a_word_has_32_bits_on_a_32_bit_abi);
	TAP_RUN(an_unsigned_int_of_the_high_half_stays_positive);
	TAP_RUN(ids_of_old_32_bit_calls_have_16_bits);
	TAP_RUN(a_file_offset_is_64_bits_and_signed);
	TAP_RUN(clone_has_its_arguments_in_each_abis_order);
	TAP_RUN(a_number_outside_the_tables_is_raw);
	TAP_RUN(an_unknown_audit_arch_is_refused);
	return TAP_DONE();
}
