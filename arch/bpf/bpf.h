/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp's cBPF as data: validate, run, specialise, emit, disassemble. Pure functions, no kernel. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/base/buf.h"
#include "arch/base/err.h"

/* A program; whoever declares it owns insns (bpf_prog_done). */
struct bpf_prog {
	struct sock_filter *insns;
	unsigned len; /* instructions, 1..BPF_MAXINSNS */
};

void bpf_prog_done(struct bpf_prog *prog);
/* Deep copy; 0 or -ENOMEM. */
int bpf_prog_copy(struct bpf_prog *ret_prog, const struct sock_filter *insns, unsigned len);

/* Accepts exactly what the kernel's seccomp checker accepts (kernel/seccomp.c:seccomp_check_filter on
 * top of net/core/filter.c:bpf_check_classic): length, opcodes, jump targets, word-aligned loads inside
 * seccomp_data, scratch memory written before it is read, no division by zero, a return at the end.
 * -EINVAL with the index and text of the offending instruction. */
int bpf_validate(const struct sock_filter *insns, unsigned len, struct wl_err *err);

/* Runs a validated program. Returns its verdict as the kernel gets it (SECCOMP_RET_*, data included).
 * ret_count, if not NULL, gets the number of instructions executed. Allocates nothing. */
uint32_t bpf_run(const struct bpf_prog *prog, const struct seccomp_data *data, unsigned *ret_count);

/* Kernel precedence of an action: lower is stronger (KILL_PROCESS lowest, ALLOW highest), as the signed
 * comparison in kernel/seccomp.c:seccomp_run_filters has it. Unknown actions count as KILL_PROCESS. */
int64_t bpf_action_rank(uint32_t verdict);
/* The stronger of two verdicts; `a` on a tie. */
uint32_t bpf_stronger(uint32_t a, uint32_t b);

/* True if the kernel (5.11+, seccomp_is_const_allow) would find that this call is always allowed by the
 * program, without running it: the same emulation, the same few instructions. */
bool bpf_is_const_allow(const struct bpf_prog *prog, uint32_t arch, uint32_t nr);

/* Readable listing, one instruction a line, with syscall and action names where they can be known. */
void bpf_disasm(const struct bpf_prog *prog, struct buf *ret_text);
/* "ERRNO(EPERM)", "USER_NOTIF", "ALLOW", ... */
void bpf_verdict_text(uint32_t verdict, struct buf *ret_text);
