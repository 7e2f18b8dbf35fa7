/* SPDX-License-Identifier: Apache-2.0 */
/* Register access by PTRACE_GETREGSET and the ABI's row of offsets. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "arch/regs.h"

#define NO_CALL UINT64_MAX

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

int regs_get(pid_t tid, struct regs *ret_regs)
{
	struct regs regs = { .row = regs_native() };
	struct iovec iov = { .iov_base = regs.raw, .iov_len = sizeof(regs.raw) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	if (iov.iov_len != regs.row->size)
		return -EINVAL;
	*ret_regs = regs;
	return 0;
}

static int set_entered_nr(pid_t tid, const struct regs *regs, int nr)
{
	struct iovec iov = { .iov_base = &nr, .iov_len = sizeof(nr) };

	return ptrace(PTRACE_SETREGSET, tid, (int)regs->row->entered_nr_set, &iov) < 0 ? -errno : 0;
}

int regs_set(pid_t tid, const struct regs *regs)
{
	struct iovec iov = { .iov_base = (void *)regs->raw, .iov_len = regs->row->size };

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

int regs_cancel_call(pid_t tid, const struct regs *regs)
{
	struct regs cancelled = *regs;

	if (regs->row->entered_nr < 0)
		return set_entered_nr(tid, regs, -1);
	put(&cancelled, (unsigned)regs->row->entered_nr, NO_CALL);
	return regs_set(tid, &cancelled);
}

/* The kernel restarts an interrupted call on the way to user mode if the registers look like one. */
static void leave_call(struct regs *regs)
{
	if (regs->row->entered_nr >= 0 && regs->row->entered_nr != regs->row->nr)
		put(regs, (unsigned)regs->row->entered_nr, NO_CALL);
}

void regs_redo_call(struct regs *regs, uint64_t nr, const uint64_t args[SYSCALL_ARGS])
{
	leave_call(regs);
	put(regs, regs->row->ip, get(regs, regs->row->ip) - regs->row->insn_size);
	for (unsigned i = 0; i < SYSCALL_ARGS; i++)
		put(regs, regs->row->arg[i], args[i]);
	put(regs, regs->row->nr, nr);
}

int64_t regs_result(const struct regs *regs)
{
	uint64_t v = get(regs, regs->row->result);

	return regs->row->word == 4 ? (int32_t)v : (int64_t)v;
}

void regs_set_result(struct regs *regs, int64_t result)
{
	leave_call(regs);
	put(regs, regs->row->result, (uint64_t)result);
}
