/* SPDX-License-Identifier: Apache-2.0 */
/* System call tables: numbers, names, arguments, groups; compared with libseccomp. */
#include <seccomp.h>

#include "arch/abi.h"
#include "arch/base/cleanup.h"
#include "arch/call.h"
#include "arch/sysno.h"
#include "tests/unit/tap.h"

static void tables_are_sorted_and_names_unique(void)
{
	for (unsigned i = 0; i < ABI_COUNT; i++) {
		const struct abi *abi = abi_get(i);

		tap_ok(abi->n_numbers > 300);
		for (size_t k = 1; k < abi->n_numbers; k++) {
			tap_ok(abi->numbers[k - 1].nr < abi->numbers[k].nr);
			tap_ok(strcmp(sysno_def(&abi->numbers[abi->by_name[k - 1]])->name,
				      sysno_def(&abi->numbers[abi->by_name[k]])->name) < 0);
		}
	}
}

static void every_number_and_name_leads_back_to_itself(void)
{
	for (unsigned i = 0; i < ABI_COUNT; i++) {
		const struct abi *abi = abi_get(i);

		for (size_t k = 0; k < abi->n_numbers; k++) {
			const struct syscall_number *row = &abi->numbers[k];

			tap_ok(sysno_find(abi, row->nr) == sysno_def(row));
			tap_int_eq(sysno_number(abi, sysno_def(row)->name), row->nr);
			tap_ok(sysno_is_known(sysno_def(row)->name));
			tap_int_eq(row->nr & abi->nr_bit, abi->nr_bit);
		}
		tap_ok(!sysno_find(abi, UINT32_MAX));
		tap_int_eq(sysno_number(abi, "no_such_call"), -ENOENT);
	}
}

/* libseccomp gives pseudo numbers (below 0) for calls that an ABI lacks, and also for those that reach
 * it by socketcall or ipc too (socket on i386 is -101 there): then only the way back can be compared. */
static void rows_agree_with_libseccomp_where_it_knows_them(void)
{
	for (unsigned i = 0; i < ABI_COUNT; i++) {
		const struct abi *abi = abi_get(i);
		unsigned compared = 0;

		if (!abi->libseccomp_arch)
			continue;
		for (size_t k = 0; k < abi->n_numbers; k++) {
			const struct syscall_number *row = &abi->numbers[k];
			int nr = seccomp_syscall_resolve_name_arch(abi->libseccomp_arch,
								   sysno_def(row)->name);
			_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(
				abi->libseccomp_arch, (int)row->nr);

			if (nr >= 0)
				tap_int_eq(nr, row->nr);
			if (name)
				tap_str_eq(sysno_def(row)->name, name);
			compared += name ? 1 : 0;
		}
		tap_ok(compared > 250);
	}
}

static void no_argument_of_a_32_bit_abi_has_64_bits(void)
{
	static const char *const names[] = { "i386", "arm" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct abi *abi = abi_by_name(names[i]);

		for (size_t k = 0; k < abi->n_numbers; k++) {
			const struct syscall_def *def = sysno_def(&abi->numbers[k]);

			for (unsigned a = 0; a < def->nargs; a++)
				if (arg_kind_width(def->args[a].kind, abi) != 32)
					tap_str_eq(def->name, "(no such argument)");
		}
	}
}

/* The kernel's own description of a call: "\tfield:const char * filename;\toffset:24;\tsize:8;..." from
 * offset 16 on. Types are compared without spaces. */
static void compare_with_format(const struct syscall_def *def, FILE *format)
{
	char line[512], field[256], type[256], expected[256];
	unsigned offset, n = 0;

	while (fgets(line, sizeof(line), format)) {
		const struct syscall_arg *arg = &def->args[n];
		size_t len = 0;

		if (sscanf(line, " field:%255[^;]; offset:%u", field, &offset) != 2 || offset < 16)
			continue;
		if (++n > def->nargs)
			continue;
		for (const char *p = field; *p; p++)
			if (*p != ' ')
				type[len++] = *p;
		type[len] = '\0';
		snprintf(field, sizeof(field), "%s%s", arg->type, arg->name);
		len = 0;
		for (const char *p = field; *p; p++)
			if (*p != ' ')
				expected[len++] = *p;
		expected[len] = '\0';
		tap_str_eq(type, expected);
	}
	if (n != def->nargs)
		printf("# %s\n", def->name);
	tap_int_eq(n, def->nargs);
}

static void arguments_are_those_that_tracefs_shows_for_x86_64(void)
{
	static const char *const other_names[][2] = {
		{ "stat", "newstat" },	 { "lstat", "newlstat" },      { "fstat", "newfstat" },
		{ "uname", "newuname" }, { "sendfile", "sendfile64" }, { "umount2", "umount" },
	};
	const struct abi *abi = abi_by_name("x86_64");
	unsigned compared = 0;

	if (abi_native() != abi)
		tap_skip("not an x86_64 machine");
	for (size_t k = 0; k < abi->n_numbers; k++) {
		const struct syscall_def *def = sysno_def(&abi->numbers[k]);
		_cleanup_fclose_ FILE *format = NULL;
		const char *name = def->name;
		char path[128];

		for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
			if (strcmp(name, other_names[i][0]) == 0)
				name = other_names[i][1];
		snprintf(path, sizeof(path),
			 "/sys/kernel/tracing/events/syscalls/sys_enter_%s/format", name);
		format = fopen(path, "re");
		if (!format)
			continue;
		compare_with_format(def, format);
		compared++;
	}
	if (!compared)
		tap_skip("no tracefs at /sys/kernel/tracing");
	tap_ok(compared > 300);
}

/* systemd's sets are what administrators know: what stands in one of them must stand in ours. */
static void groups_hold_what_systemds_sets_hold(void)
{
	static const struct {
		const char *set, *group;
	} rows[] = {
		{ "@mount", "mount" },	      { "@module", "modules" },
		{ "@clock", "time" },	      { "@privileged", "privileged" },
		{ "@chown", "privileged" },   { "@clock", "privileged" },
		{ "@module", "privileged" },  { "@raw-io", "privileged" },
		{ "@reboot", "privileged" },  { "@swap", "privileged" },
		{ "@network-io", "network" }, { "@process", "process" },
	};
	unsigned compared = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char command[128], line[256], name[64];
		FILE *pipe;

		snprintf(command, sizeof(command),
			 "systemd-analyze --no-pager syscall-filter %s 2>/dev/null", rows[i].set);
		pipe = popen(command, "re");
		if (!pipe)
			tap_skip("no shell");
		while (fgets(line, sizeof(line), pipe)) {
			if (sscanf(line, "    %63[a-z0-9_]", name) != 1 || line[0] != ' ')
				continue;
			for (unsigned a = 0; a < ABI_COUNT; a++) {
				int64_t nr = sysno_number(abi_get(a), name);

				if (nr < 0)
					continue;
				compared++;
				if (!(sysno_find(abi_get(a), (uint32_t)nr)->groups &
				      sysno_group(rows[i].group)))
					tap_str_eq(name, rows[i].group);
			}
		}
		pclose(pipe);
	}
	if (!compared)
		tap_skip("no systemd-analyze");
	tap_ok(compared > 500);
}

static void groups_have_names_and_the_never_notified_calls_have_none(void)
{
	const struct abi *x86_64 = abi_by_name("x86_64");
	const struct syscall_def *sigreturn = sysno_find(x86_64, 15);

	tap_str_eq(sigreturn->name, "rt_sigreturn");
	tap_int_eq(sigreturn->groups, GROUP_NEVER);
	tap_int_eq(sigreturn->groups & sysno_group("all"), 0);
	tap_int_eq(sysno_group("file"), GROUP_FILE);
	tap_int_eq(sysno_group("files"), 0);
	for (size_t k = 0; k < x86_64->n_numbers; k++)
		tap_ok(sysno_def(&x86_64->numbers[k])->groups != 0);
}

static void a_misspelt_call_is_told_the_right_one(void)
{
	tap_str_eq(sysno_suggest("opneat"), "openat");
	tap_str_eq(sysno_suggest("mnkod"), "mknod");
	tap_str_eq(sysno_suggest("statmont"), "statmount");
	tap_ok(!sysno_suggest("entirely_unlike_any_call"));
	tap_ok(!sysno_suggest(""));
}

static void arguments_are_found_by_both_their_names(void)
{
	const struct abi *abi = abi_by_name("x86_64");
	const struct syscall_def *openat = sysno_find(abi, (uint32_t)sysno_number(abi, "openat"));
	const struct syscall_def *rename = sysno_find(abi, (uint32_t)sysno_number(abi, "rename"));

	tap_int_eq(sysno_arg(openat, "dfd"), 0);
	tap_int_eq(sysno_arg(openat, "dirfd"), 0);
	tap_int_eq(sysno_arg(openat, "filename"), 1);
	tap_int_eq(sysno_arg(openat, "pathname"), 1);
	tap_int_eq(sysno_arg(openat, "path"), 1);
	tap_int_eq(sysno_arg(openat, "mode"), 3);
	tap_int_eq(sysno_arg(openat, "mod"), -ENOENT);
	tap_int_eq(sysno_arg(rename, "path"), -ENOENT);
}

int main(void)
{
	TAP_RUN(tables_are_sorted_and_names_unique);
	TAP_RUN(every_number_and_name_leads_back_to_itself);
	TAP_RUN(rows_agree_with_libseccomp_where_it_knows_them);
	TAP_RUN(no_argument_of_a_32_bit_abi_has_64_bits);
	TAP_RUN(arguments_are_those_that_tracefs_shows_for_x86_64);
	TAP_RUN(groups_hold_what_systemds_sets_hold);
	TAP_RUN(groups_have_names_and_the_never_notified_calls_have_none);
	TAP_RUN(a_misspelt_call_is_told_the_right_one);
	TAP_RUN(arguments_are_found_by_both_their_names);
	return TAP_DONE();
}
