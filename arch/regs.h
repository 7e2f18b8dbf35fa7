/* SPDX-License-Identifier: Apache-2.0 */
/* A stopped task's registers, as far as its system calls go: the kernel's register set plus a row of
 * offsets, so that a new ABI is a row and no code. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "arch/sysno.h"

#define REGS_MAX 512 /* bytes; the largest NT_PRSTATUS set of the known ABIs is ppc64's, 384 */

/* Offsets are bytes into the NT_PRSTATUS register set (struct user_regs_struct, struct user_pt_regs). */
struct regs_row {
	uint32_t audit_arch;
	uint16_t size;	   /* of the set */
	uint8_t word;	   /* bytes of one register */
	uint8_t insn_size; /* of the system call instruction */
	uint16_t ip, sp, result;
	uint16_t arg[SYSCALL_ARGS]; /* as the instruction takes them */
	uint16_t nr;		    /* the number as the instruction takes it */
	/* Where the kernel keeps the number once the call was entered: an offset, or a set of its own. A task
	 * with -1 there is in no call, so nothing is restarted for it on its way to user mode. */
	int16_t entered_nr;	 /* -1: it is the set below */
	uint16_t entered_nr_set; /* NT_ARM_SYSTEM_CALL, ...: one 32-bit number; 0: none */
};

struct regs {
	const struct regs_row *row;
	uint8_t raw[REGS_MAX] __attribute__((aligned(8)));
};

/* The row of the ABI that this program was compiled for. */
const struct regs_row *regs_native(void);

/* The task must be in a ptrace-stop of the caller's and of the native ABI (-EINVAL if the kernel's set has
 * another size: a 32-bit task). -ESRCH: it died. */
int regs_get(pid_t tid, struct regs *ret_regs);
int regs_set(pid_t tid, const struct regs *regs);

/* At a syscall-entry stop: no call is made (number -1); the task goes straight to its exit stop. */
int regs_cancel_call(pid_t tid, const struct regs *regs);

/* Changes a copy taken at a syscall stop so that the task, let go with it from a syscall-exit stop, runs
 * its system call instruction again with this number and these arguments. */
void regs_redo_call(struct regs *regs, uint64_t nr, const uint64_t args[SYSCALL_ARGS]);

/* Result of the call as the task sees it: negative errno or a value. */
int64_t regs_result(const struct regs *regs);
/* Changes a copy so that the task, let go with it from an exit stop, has got this result. */
void regs_set_result(struct regs *regs, int64_t result);
