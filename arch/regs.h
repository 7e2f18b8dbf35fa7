/* SPDX-License-Identifier: Apache-2.0 */
/* A stopped task's registers, as far as its system calls go: the kernel's register set plus a row of
 * offsets, so that a new ABI is a row and no code. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/abi.h"
#include "arch/sysno.h"

#define REGS_MAX       512 /* bytes; the largest NT_PRSTATUS set of the known ABIs is ppc64's, 384 */
#define REGS_NOT_SHOWN UINT16_MAX

/* Offsets are bytes into the NT_PRSTATUS register set (struct user_regs_struct, struct user_pt_regs). */
struct regs_row {
	uint32_t audit_arch;
	uint16_t size;	   /* of the set */
	uint8_t word;	   /* bytes of one register */
	uint8_t insn_size; /* of the system call instruction */
	/* A word with one of these bits says that the instruction has 2 bytes (Thumb); bit 0: none. */
	uint16_t short_insn_at;
	uint32_t short_insn_bit;
	uint16_t ip, sp, result;
	uint16_t arg[SYSCALL_ARGS]; /* as the instruction takes them */
	uint16_t nr;		    /* the number as the instruction takes it */
	bool nr_in_insn; /* the instruction may hold the number itself: then nr is ignored */
	/* Where the kernel keeps the number once the call was entered: an offset, or a set of its own. A
	 * task with -1 there is in no call, so nothing is restarted for it on its way to user mode. */
	int16_t entered_nr;	 /* -1: it is the set below */
	uint16_t entered_nr_set; /* NT_ARM_SYSTEM_CALL, ...: one 32-bit number; 0: none */
	/* Where the kernel takes the first argument from once the call was entered, or REGS_NOT_SHOWN. The
	 * others stay where the instruction took them. */
	uint16_t entered_arg0;
	/* A failed call is told by this bit and a positive errno (bit 0: by -errno), unless the word at
	 * no_error_flag_at has no_error_flag_value in its upper bits (& ~0xf). */
	uint16_t error_flag_at, no_error_flag_at;
	uint32_t error_flag_bit, no_error_flag_value;
};

struct regs {
	const struct regs_row *row;
	uint8_t raw[REGS_MAX] __attribute__((aligned(8)));
};

/* The row of the ABI that this program was compiled for. */
const struct regs_row *regs_native(void);
/* The row for a call of this ABI by a task whose register set has that size: int 0x80 in 64-bit code is an
 * i386 call in x86_64's registers. size 0: the ABI's usual one. NULL if there is none. */
const struct regs_row *regs_row(const struct abi *abi, size_t size);

/* The task must be in a ptrace-stop of the caller's and of the native ABI (-EINVAL if the kernel's set has
 * another size: a 32-bit task). -ESRCH: it died. */
int regs_get(pid_t tid, struct regs *ret_regs);
/* The same for a call of any ABI that the kernel runs; `abi` as PTRACE_GET_SYSCALL_INFO tells it. */
int regs_get_call(pid_t tid, const struct abi *abi, struct regs *ret_regs);
int regs_set(pid_t tid, const struct regs *regs);

/* At a syscall-entry stop: the number of the call, or another one from now on; -1: no call is made, the
 * task goes straight to its exit stop (result: as regs_set_result there says, else -ENOSYS). */
int regs_change_call(pid_t tid, const struct regs *regs, int nr);
int regs_cancel_call(pid_t tid, const struct regs *regs);

/* Arguments at a syscall-entry stop, of a copy: the kernel makes the call with these once it is set.
 * -EOPNOTSUPP for the first one of riscv64, which its register set lacks. */
int regs_arg(const struct regs *regs, unsigned i, uint64_t *ret_value);
int regs_set_arg(struct regs *regs, unsigned i, uint64_t value);

/* Changes a copy taken at a syscall stop so that the task, let go with it from a syscall-exit stop, runs
 * its system call instruction again with this number and these arguments. */
void regs_redo_call(struct regs *regs, uint64_t nr, const uint64_t args[SYSCALL_ARGS]);

/* Result of the call as the task sees it: negative errno or a value. */
int64_t regs_result(const struct regs *regs);
/* Changes a copy so that the task, let go with it from an exit stop, has got this result. */
void regs_set_result(struct regs *regs, int64_t result);
