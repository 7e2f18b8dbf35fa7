/* SPDX-License-Identifier: Apache-2.0 */
/* Register access by PTRACE_GETREGSET and the ABI's row of offsets. */
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "arch/base/cleanup.h"
#include "arch/regs/rows.h"

#define NO_CALL	  UINT64_MAX
#define MAX_ERRNO 4095
#define ARM_SET_SYSCALL \
	23 /* PTRACE_SET_SYSCALL of 32-bit arm kernels, which lack NT_ARM_SYSTEM_CALL */

/* An ABI's usual row stands before its others. */
static const struct regs_row *const rows[] = {
	&regs_row_x86_64,  &regs_row_i386,  &regs_row_i386_in_64,
	&regs_row_aarch64, &regs_row_arm,   &regs_row_riscv64,
	&regs_row_ppc64le, &regs_row_s390x, &regs_row_loongarch64,
};

const struct regs_row *regs_row(const struct abi *abi, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i]->audit_arch == abi->audit_arch && (!size || rows[i]->size == size))
			return rows[i];
	return NULL;
}

const struct regs_row *regs_native(void)
{
	return regs_row(abi_native(), 0);
}

static void put(struct regs *regs, unsigned offset, uint64_t value)
{
	uint32_t low = (uint32_t)value;

	if (regs->row->word == sizeof(low))
		memcpy(regs->raw + offset, &low, sizeof(low));
	else
		memcpy(regs->raw + offset, &value, sizeof(value));
}

static uint64_t get(const struct regs *regs, unsigned offset)
{
	uint64_t value;
	uint32_t low;

	if (regs->row->word == sizeof(low)) {
		memcpy(&low, regs->raw + offset, sizeof(low));
		return low;
	}
	memcpy(&value, regs->raw + offset, sizeof(value));
	return value;
}

int regs_get_call(pid_t tid, const struct abi *abi, struct regs *ret_regs)
{
	struct regs regs;
	struct iovec iov = { .iov_base = regs.raw, .iov_len = sizeof(regs.raw) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	regs.row = regs_row(abi, iov.iov_len);
	if (!regs.row)
		return -EINVAL;
	*ret_regs = regs;
	return 0;
}

int regs_get(pid_t tid, struct regs *ret_regs)
{
	return regs_get_call(tid, abi_native(), ret_regs);
}

static int set_entered_nr(pid_t tid, const struct regs *regs, int nr)
{
	struct iovec iov = { .iov_base = &nr, .iov_len = sizeof(nr) };
	long r;

	if (abi_native()->index == ABI_ARM)
		r = ptrace(ARM_SET_SYSCALL, tid, 0, (long)nr);
	else
		r = ptrace(PTRACE_SETREGSET, tid, (int)regs->row->entered_nr_set, &iov);
	return r < 0 ? -errno : 0;
}

int regs_set(pid_t tid, const struct regs *regs)
{
	struct iovec iov = { .iov_base = (void *)regs->raw, .iov_len = regs->row->size };

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

int regs_change_call(pid_t tid, const struct regs *regs, int nr)
{
	struct regs changed = *regs;

	if (regs->row->entered_nr < 0)
		return set_entered_nr(tid, regs, nr);
	put(&changed, (unsigned)regs->row->entered_nr, (uint64_t)nr);
	return regs_set(tid, &changed);
}

int regs_cancel_call(pid_t tid, const struct regs *regs)
{
	return regs_change_call(tid, regs, -1);
}

int regs_arg(const struct regs *regs, unsigned i, uint64_t *ret_value)
{
	unsigned at = i == 0 ? regs->row->entered_arg0 : regs->row->arg[i];

	if (at == REGS_NOT_SHOWN)
		return -EOPNOTSUPP;
	*ret_value = get(regs, at);
	return 0;
}

int regs_set_arg(struct regs *regs, unsigned i, uint64_t value)
{
	unsigned at = i == 0 ? regs->row->entered_arg0 : regs->row->arg[i];

	if (at == REGS_NOT_SHOWN)
		return -EOPNOTSUPP;
	put(regs, at, value);
	return 0;
}

/* The kernel restarts an interrupted call on the way to user mode if the registers look like one. */
static void leave_call(struct regs *regs)
{
	if (regs->row->entered_nr >= 0 && regs->row->entered_nr != regs->row->nr)
		put(regs, (unsigned)regs->row->entered_nr, NO_CALL);
}

static unsigned insn_size(const struct regs *regs)
{
	const struct regs_row *row = regs->row;

	return row->short_insn_bit && (get(regs, row->short_insn_at) & row->short_insn_bit)
		       ? 2
		       : row->insn_size;
}

void regs_redo_call(struct regs *regs, uint64_t nr, const uint64_t args[SYSCALL_ARGS])
{
	leave_call(regs);
	put(regs, regs->row->ip, get(regs, regs->row->ip) - insn_size(regs));
	for (unsigned i = 0; i < SYSCALL_ARGS; i++)
		put(regs, regs->row->arg[i], args[i]);
	put(regs, regs->row->nr, nr);
}

static bool has_error_flag(const struct regs *regs)
{
	const struct regs_row *row = regs->row;

	return row->error_flag_bit &&
	       (get(regs, row->no_error_flag_at) & ~(uint64_t)0xf) != row->no_error_flag_value;
}

int64_t regs_result(const struct regs *regs)
{
	const struct regs_row *row = regs->row;
	uint64_t v = get(regs, row->result);

	if (has_error_flag(regs) && (get(regs, row->error_flag_at) & row->error_flag_bit))
		return -(int64_t)v;
	/* An i386 call's result is an int even where it came through 64-bit registers. */
	return row->audit_arch & __AUDIT_ARCH_64BIT ? (int64_t)v : (int32_t)v;
}

void regs_set_result(struct regs *regs, int64_t result)
{
	const struct regs_row *row = regs->row;
	bool is_error = result < 0 && result >= -MAX_ERRNO;

	leave_call(regs);
	if (has_error_flag(regs)) {
		uint64_t flags = get(regs, row->error_flag_at) & ~(uint64_t)row->error_flag_bit;

		put(regs, row->error_flag_at, flags | (is_error ? row->error_flag_bit : 0));
		result = is_error ? -result : result;
	}
	put(regs, row->result, (uint64_t)result);
}
