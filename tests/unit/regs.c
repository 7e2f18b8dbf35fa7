/* SPDX-License-Identifier: Apache-2.0 */
/* Register rows: sane for every ABI, and true for a traced child of this machine's ABIs. */
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/regs.h"
#include "tests/unit/tap.h"

#define NO_SUCH_CALL \
	4000 /* in no table of any ABI: the kernel answers ENOSYS and changes nothing */

static const uint64_t probe_args[SYSCALL_ARGS] = { 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666 };

static void every_abi_has_a_row_whose_offsets_lie_in_its_set(void)
{
	for (unsigned i = 0; i < ABI_COUNT; i++) {
		const struct regs_row *row = regs_row(abi_get(i), 0);

		tap_ok(row);
		if (!row)
			continue;
		tap_int_eq(row->audit_arch, abi_get(i)->audit_arch);
		tap_ok(row->size <= REGS_MAX && row->size % row->word == 0);
		tap_ok(regs_row(abi_get(i), row->size) == row);
		tap_ok(!regs_row(abi_get(i), row->size + 4u));
		tap_ok(row->insn_size == 2 || row->insn_size == 4);
		tap_ok(row->ip < row->size && row->sp < row->size && row->result < row->size);
		tap_ok(row->nr < row->size && row->entered_nr < row->size);
		tap_ok((row->entered_nr < 0) == (row->entered_nr_set != 0));
		tap_ok(row->entered_arg0 < row->size || row->entered_arg0 == REGS_NOT_SHOWN);
		for (unsigned a = 0; a < SYSCALL_ARGS; a++) {
			tap_ok(row->arg[a] < row->size && row->arg[a] % row->word == 0);
			for (unsigned b = 0; b < a; b++)
				tap_ok(row->arg[a] != row->arg[b]);
			tap_ok(row->arg[a] != row->nr && row->arg[a] != row->ip);
		}
	}
	tap_ok(regs_native() == regs_row(abi_native(), 0));
}

static void an_error_is_told_by_the_flag_where_the_abi_has_one(void)
{
	struct regs regs = { .row = regs_row(abi_by_name("ppc64le"), 0) };
	uint64_t word;

	regs_set_result(&regs, -EPERM);
	memcpy(&word, regs.raw + regs.row->result, sizeof(word));
	tap_int_eq(word, EPERM);
	tap_int_eq(regs_result(&regs), -EPERM);
	regs_set_result(&regs, 7);
	tap_int_eq(regs_result(&regs), 7);

	word = 0x3001; /* scv */
	memcpy(regs.raw + regs.row->no_error_flag_at, &word, sizeof(word));
	regs_set_result(&regs, -EPERM);
	memcpy(&word, regs.raw + regs.row->result, sizeof(word));
	tap_int_eq(word, -EPERM);
	tap_int_eq(regs_result(&regs), -EPERM);
}

static void a_thumb_call_is_made_again_two_bytes_back(void)
{
	struct regs regs = { .row = regs_row(abi_by_name("arm"), 0) };
	uint32_t ip = 0x1000, cpsr = 0x10, now;

	memcpy(regs.raw + regs.row->ip, &ip, sizeof(ip));
	memcpy(regs.raw + regs.row->short_insn_at, &cpsr, sizeof(cpsr));
	regs_redo_call(&regs, 1, probe_args);
	memcpy(&now, regs.raw + regs.row->ip, sizeof(now));
	tap_int_eq(now, 0xffc);

	cpsr |= regs.row->short_insn_bit;
	memcpy(regs.raw + regs.row->ip, &ip, sizeof(ip));
	memcpy(regs.raw + regs.row->short_insn_at, &cpsr, sizeof(cpsr));
	regs_redo_call(&regs, 1, probe_args);
	memcpy(&now, regs.raw + regs.row->ip, sizeof(now));
	tap_int_eq(now, 0xffe);
}

static void the_first_argument_is_refused_where_no_set_shows_it(void)
{
	struct regs regs = { .row = regs_row(abi_by_name("riscv64"), 0) };
	uint64_t value = 5;

	tap_int_eq(regs_set_arg(&regs, 0, 1), -EOPNOTSUPP);
	tap_int_eq(regs_arg(&regs, 0, &value), -EOPNOTSUPP);
	tap_int_eq(value, 5);
	tap_int_eq(regs_set_arg(&regs, 1, 9), 0);
	tap_int_eq(regs_arg(&regs, 1, &value), 0);
	tap_int_eq(value, 9);
}

static long native_call(void)
{
	return syscall(NO_SUCH_CALL, probe_args[0], probe_args[1], probe_args[2], probe_args[3],
		       probe_args[4], probe_args[5]);
}

/* int 0x80 in 64-bit code, an i386 call, for x86_64 machines: as bytes, so that this file compiles
 * everywhere. */
static const uint8_t int80_code[] = {
	0x53, 0x55,		      /* push rbx, rbp */
	0xb8, 0xa0, 0x0f, 0x00, 0x00, /* mov eax, NO_SUCH_CALL */
	0xbb, 0x11, 0x11, 0x00, 0x00, /* mov ebx, probe_args[0] */
	0xb9, 0x22, 0x22, 0x00, 0x00, /* mov ecx, probe_args[1] */
	0xba, 0x33, 0x33, 0x00, 0x00, /* mov edx, probe_args[2] */
	0xbe, 0x44, 0x44, 0x00, 0x00, /* mov esi, probe_args[3] */
	0xbf, 0x55, 0x55, 0x00, 0x00, /* mov edi, probe_args[4] */
	0xbd, 0x66, 0x66, 0x00, 0x00, /* mov ebp, probe_args[5] */
	0xcd, 0x80,		      /* int 0x80 */
	0x5d, 0x5b, 0x48, 0x63, 0xc0, /* pop rbp, rbx; movsx rax, eax */
	0xc3,			      /* ret */
};

static long compat_call(void)
{
	long (*code)(void);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -ENOMEM;
	memcpy(page, int80_code, sizeof(int80_code));
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0)
		return -EPERM;
	memcpy(&code, &page, sizeof(code));
	return code();
}

/* Runs `make` in a traced child and stops at the entry of NO_SUCH_CALL. 0 or the pid. */
static pid_t stop_at_call(long (*make)(void), struct __ptrace_syscall_info *ret_info)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit((int)(make() & 0x7f));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 0;
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	do {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0 || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status))
			return 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*ret_info), ret_info) < 0)
			return 0;
	} while (ret_info->op != PTRACE_SYSCALL_INFO_ENTRY || ret_info->entry.nr != NO_SUCH_CALL);
	return pid;
}

static int exit_status_after(pid_t pid)
{
	int status = 0;

	ptrace(PTRACE_DETACH, pid, 0, 0);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool next_stop(pid_t pid)
{
	int status;

	return ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
}

/* Reads the call by its row, makes getpgid(pid) of it, sees its result, and gives another one. */
static void check_call(long (*make)(void), const struct abi *abi)
{
	struct __ptrace_syscall_info info;
	struct regs regs;
	pid_t pid = stop_at_call(make, &info);
	uint64_t value;

	if (!pid)
		tap_skip("ptrace or PTRACE_GET_SYSCALL_INFO is not to be had");
	tap_int_eq(info.arch, abi->audit_arch);
	tap_int_eq(regs_get_call(pid, abi, &regs), 0);
	for (unsigned i = 0; i < SYSCALL_ARGS; i++) {
		tap_int_eq(regs_arg(&regs, i, &value), 0);
		tap_int_eq(value, info.entry.args[i]);
		tap_int_eq(value, probe_args[i]);
	}
	tap_int_eq(regs_set_arg(&regs, 0, (uint64_t)pid), 0);
	tap_int_eq(regs_change_call(pid, &regs, (int)sysno_number(abi, "getpgid")), 0);
	tap_ok(next_stop(pid));
	tap_int_eq(regs_get_call(pid, abi, &regs), 0);
	tap_int_eq(regs_result(&regs), getpgrp());

	regs_redo_call(&regs, (uint64_t)sysno_number(abi, "getppid"), probe_args);
	tap_int_eq(regs_set(pid, &regs), 0);
	tap_ok(next_stop(pid) && next_stop(pid));
	tap_int_eq(regs_get_call(pid, abi, &regs), 0);
	tap_int_eq(regs_result(&regs), getpid());

	regs_set_result(&regs, 42);
	tap_int_eq(regs_set(pid, &regs), 0);
	tap_int_eq(exit_status_after(pid), 42);
}

static void a_traced_native_call_is_read_changed_and_made_again(void)
{
	check_call(native_call, abi_native());
}

static void an_i386_call_from_64_bit_code_is_read_from_64_bit_registers(void)
{
	struct regs regs;
	struct __ptrace_syscall_info info;
	pid_t pid;

	if (abi_native()->index != ABI_X86_64)
		tap_skip("not an x86_64 machine");
	pid = stop_at_call(compat_call, &info);
	if (!pid)
		tap_skip("no ptrace, or a kernel without 32-bit calls");
	tap_int_eq(regs_get_call(pid, abi_by_name("i386"), &regs), 0);
	tap_int_eq(regs.row->word, 8);
	tap_int_eq(regs_cancel_call(pid, &regs), 0);
	tap_ok(next_stop(pid));
	tap_int_eq(regs_get_call(pid, abi_by_name("i386"), &regs), 0);
	tap_int_eq(regs_result(&regs), -ENOSYS);
	exit_status_after(pid);
	check_call(compat_call, abi_by_name("i386"));
}

int main(void)
{
	TAP_RUN(every_abi_has_a_row_whose_offsets_lie_in_its_set);
	TAP_RUN(an_error_is_told_by_the_flag_where_the_abi_has_one);
	TAP_RUN(a_thumb_call_is_made_again_two_bytes_back);
	TAP_RUN(the_first_argument_is_refused_where_no_set_shows_it);
	TAP_RUN(a_traced_native_call_is_read_changed_and_made_again);
	TAP_RUN(an_i386_call_from_64_bit_code_is_read_from_64_bit_registers);
	return TAP_DONE();
}
