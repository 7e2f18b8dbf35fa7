/* SPDX-License-Identifier: Apache-2.0 */
/* arch/bpf: what is accepted, what a program answers, what the kernel would cache. */
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/bpf.h"
#include "tests/unit/tap.h"

#define S(code, k)	   BPF_STMT(code, k)
#define J(code, k, jt, jf) BPF_JUMP(code, k, jt, jf)
#define RET(v)		   S(BPF_RET | BPF_K, v)
#define LD_ABS(off)	   S(BPF_LD | BPF_W | BPF_ABS, off)
#define ALLOW		   SECCOMP_RET_ALLOW

#define PROG(...) ((struct sock_filter[]){ __VA_ARGS__ })
#define VALID(...)                                                                               \
	(bpf_validate(PROG(__VA_ARGS__), sizeof(PROG(__VA_ARGS__)) / sizeof(struct sock_filter), \
		      NULL) == 0)
#define RUN(data, ...) \
	run(PROG(__VA_ARGS__), sizeof(PROG(__VA_ARGS__)) / sizeof(struct sock_filter), data)

static const struct seccomp_data no_data;

static uint32_t run(struct sock_filter *insns, unsigned len, const struct seccomp_data *data)
{
	struct bpf_prog prog = { .insns = insns, .len = len };

	tap_int_eq(bpf_validate(insns, len, NULL), 0);
	return bpf_run(&prog, data ? data : &no_data, NULL);
}

static void a_program_has_1_to_4096_instructions(void)
{
	static struct sock_filter insns[BPF_MAXINSNS + 1];

	for (unsigned i = 0; i < BPF_MAXINSNS + 1; i++)
		insns[i] = (struct sock_filter)RET(ALLOW);
	tap_int_eq(bpf_validate(insns, 0, NULL), -EINVAL);
	tap_int_eq(bpf_validate(insns, 1, NULL), 0);
	tap_int_eq(bpf_validate(insns, BPF_MAXINSNS, NULL), 0);
	tap_int_eq(bpf_validate(insns, BPF_MAXINSNS + 1, NULL), -EINVAL);
}

static void only_the_operations_of_seccomp_are_accepted(void)
{
	unsigned n = 0;

	for (unsigned code = 0; code <= 0xffff; code++) {
		struct sock_filter insns[3] = { S(BPF_ST, 1), S((uint16_t)code, 1), RET(ALLOW) };

		/* A jump by 1 leaves the program; 0 stays inside. */
		if (BPF_CLASS(code) == BPF_JMP)
			insns[1].k = 0;
		n += bpf_validate(insns, 3, NULL) == 0;
	}
	/* 41 rows of kernel/seccomp.c:seccomp_check_filter, less LD ABS, which wants k = 4n. */
	tap_int_eq(n, 40);
	tap_ok(!VALID(S(BPF_ALU | BPF_MOD | BPF_K, 3), RET(ALLOW)));
	tap_ok(!VALID(S(BPF_LD | BPF_H | BPF_ABS, 0), RET(ALLOW)));
}

static void loads_are_aligned_and_inside_seccomp_data(void)
{
	tap_ok(VALID(LD_ABS(60), RET(ALLOW)));
	tap_ok(!VALID(LD_ABS(64), RET(ALLOW)));
	tap_ok(!VALID(LD_ABS(2), RET(ALLOW)));
	tap_ok(!VALID(LD_ABS(0xfffff000u), RET(ALLOW)));
}

static void jumps_stay_inside(void)
{
	tap_ok(VALID(S(BPF_JMP | BPF_JA, 0), RET(ALLOW)));
	tap_ok(!VALID(S(BPF_JMP | BPF_JA, 1), RET(ALLOW)));
	tap_ok(!VALID(S(BPF_JMP | BPF_JA, 0xffffffff), RET(ALLOW)));
	tap_ok(VALID(J(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0), RET(0), RET(ALLOW)));
	tap_ok(!VALID(J(BPF_JMP | BPF_JEQ | BPF_K, 1, 2, 0), RET(0), RET(ALLOW)));
	tap_ok(!VALID(J(BPF_JMP | BPF_JEQ | BPF_X, 1, 0, 2), RET(0), RET(ALLOW)));
}

static void the_last_instruction_returns(void)
{
	tap_ok(!VALID(RET(ALLOW), S(BPF_LD | BPF_IMM, 0)));
	tap_ok(VALID(S(BPF_RET | BPF_A, 0)));
}

static void division_and_shift_constants_are_checked(void)
{
	tap_ok(!VALID(S(BPF_ALU | BPF_DIV | BPF_K, 0), RET(ALLOW)));
	tap_ok(VALID(S(BPF_ALU | BPF_DIV | BPF_X, 0), RET(ALLOW)));
	tap_ok(VALID(S(BPF_ALU | BPF_LSH | BPF_K, 31), RET(ALLOW)));
	tap_ok(!VALID(S(BPF_ALU | BPF_RSH | BPF_K, 32), RET(ALLOW)));
}

static void scratch_words_are_written_before_they_are_read(void)
{
	tap_ok(!VALID(S(BPF_LD | BPF_MEM, 0), RET(ALLOW)));
	tap_ok(VALID(S(BPF_ST, 15), S(BPF_LDX | BPF_MEM, 15), RET(ALLOW)));
	tap_ok(!VALID(S(BPF_ST, 16), RET(ALLOW)));
	/* written on one way only */
	tap_ok(!VALID(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 0),
		      RET(ALLOW)));
	tap_ok(VALID(S(BPF_ST, 0), J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET(ALLOW),
		     S(BPF_LD | BPF_MEM, 0), RET(ALLOW)));
	/* After a jump the next instruction is unreachable: the kernel takes everything as written. */
	tap_ok(VALID(S(BPF_JMP | BPF_JA, 1), S(BPF_LD | BPF_MEM, 0), RET(ALLOW)));
	tap_ok(!VALID(RET(ALLOW), S(BPF_LD | BPF_MEM, 0), RET(ALLOW)));
}

static void the_error_names_the_instruction(void)
{
	struct wl_err err = { 0 };
	struct sock_filter insns[] = { LD_ABS(0), LD_ABS(64), RET(ALLOW) };

	tap_int_eq(bpf_validate(insns, 3, &err), -EINVAL);
	tap_ok(strstr(err.msg, "instruction 1") && strstr(err.msg, "beyond struct seccomp_data"));
}

static void arithmetic_is_that_of_the_kernel(void)
{
	tap_int_eq(RUN(NULL, S(BPF_RET | BPF_A, 0)), 0);
	tap_int_eq(RUN(NULL, S(BPF_MISC | BPF_TXA, 0), S(BPF_RET | BPF_A, 0)), 0);
	tap_int_eq(RUN(NULL, S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_RET | BPF_A, 0)), 64);
	tap_int_eq(RUN(NULL, S(BPF_LD | BPF_IMM, 7), S(BPF_ALU | BPF_SUB | BPF_K, 9),
		       S(BPF_RET | BPF_A, 0)),
		   0xfffffffe);
	tap_int_eq(
		RUN(NULL, S(BPF_LD | BPF_IMM, 5), S(BPF_ALU | BPF_NEG, 0), S(BPF_RET | BPF_A, 0)),
		0xfffffffb);
	/* Division by an X of 0 ends the program with 0. */
	tap_int_eq(RUN(NULL, S(BPF_LD | BPF_IMM, 5), S(BPF_ALU | BPF_DIV | BPF_X, 0), RET(ALLOW)),
		   0);
	tap_int_eq(RUN(NULL, S(BPF_LD | BPF_IMM, 5), S(BPF_LDX | BPF_IMM, 2),
		       S(BPF_ALU | BPF_DIV | BPF_X, 0), S(BPF_RET | BPF_A, 0)),
		   2);
	tap_int_eq(RUN(NULL, S(BPF_LD | BPF_IMM, 5), S(BPF_LDX | BPF_IMM, 33),
		       S(BPF_ALU | BPF_LSH | BPF_X, 0), S(BPF_RET | BPF_A, 0)),
		   10);
}

static void scratch_and_x_carry_values(void)
{
	tap_int_eq(RUN(NULL, S(BPF_LD | BPF_IMM, 3), S(BPF_ST, 4), S(BPF_LDX | BPF_MEM, 4),
		       S(BPF_LD | BPF_IMM, 4), S(BPF_ALU | BPF_ADD | BPF_X, 0), S(BPF_STX, 0),
		       S(BPF_MISC | BPF_TAX, 0), S(BPF_LD | BPF_MEM, 0),
		       S(BPF_ALU | BPF_MUL | BPF_X, 0), S(BPF_RET | BPF_A, 0)),
		   21);
}

static void tests_compare_unsigned_and_take_the_right_branch(void)
{
	const struct seccomp_data data = { .args = { 0xffffffff80000000u } };
	uint32_t low = offsetof(struct seccomp_data, args[0]);

	tap_int_eq(RUN(&data, LD_ABS(low), J(BPF_JMP | BPF_JGT | BPF_K, 0x7fffffff, 1, 0), RET(1),
		       RET(2)),
		   2);
	tap_int_eq(RUN(&data, LD_ABS(low), J(BPF_JMP | BPF_JGE | BPF_K, 0x80000001, 1, 0), RET(1),
		       RET(2)),
		   1);
	tap_int_eq(RUN(&data, LD_ABS(low), J(BPF_JMP | BPF_JSET | BPF_K, 0x80000001, 1, 0), RET(1),
		       RET(2)),
		   2);
	tap_int_eq(RUN(&data, LD_ABS(low + 4), J(BPF_JMP | BPF_JEQ | BPF_K, ~0u, 1, 0), RET(1),
		       RET(2)),
		   2);
}

static void actions_are_ranked_as_the_kernel_ranks_them(void)
{
	static const uint32_t order[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
					  SECCOMP_RET_TRAP,	    SECCOMP_RET_ERRNO,
					  SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,
					  SECCOMP_RET_LOG,	    SECCOMP_RET_ALLOW };

	for (size_t i = 1; i < ARRAY_SIZE(order); i++) {
		tap_ok(bpf_action_rank(order[i - 1]) < bpf_action_rank(order[i]));
		tap_int_eq(bpf_stronger(order[i], order[i - 1]), order[i - 1]);
		tap_int_eq(bpf_stronger(order[i - 1], order[i]), order[i - 1]);
	}
	tap_int_eq(bpf_stronger(SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38),
		   SECCOMP_RET_ERRNO | 1);
	tap_int_eq(bpf_action_rank(0x12340000), bpf_action_rank(SECCOMP_RET_KILL_PROCESS));
}

static bool const_allow(struct sock_filter *insns, unsigned len)
{
	struct bpf_prog prog = { .insns = insns, .len = len };

	return bpf_is_const_allow(&prog, AUDIT_ARCH_X86_64, 39);
}

static void only_the_kernel_s_few_instructions_may_lead_to_a_cached_allow(void)
{
	uint32_t nr = offsetof(struct seccomp_data, nr);
	uint32_t arch = offsetof(struct seccomp_data, arch);
	struct sock_filter plain[] = { LD_ABS(arch),
				       J(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
				       RET(0),
				       LD_ABS(nr),
				       S(BPF_ALU | BPF_AND | BPF_K, 0xff),
				       S(BPF_JMP | BPF_JA, 0),
				       J(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 2),
				       J(BPF_JMP | BPF_JGE | BPF_K, 39, 0, 1),
				       J(BPF_JMP | BPF_JGT | BPF_K, 39, 0, 1),
				       RET(0),
				       RET(ALLOW) };
	struct sock_filter arg[] = { LD_ABS(16), RET(ALLOW) };
	struct sock_filter log[] = { RET(SECCOMP_RET_LOG) };
	struct sock_filter add[] = { S(BPF_ALU | BPF_ADD | BPF_K, 0), RET(ALLOW) };
	struct sock_filter data[] = { RET(ALLOW | 1) };

	tap_ok(const_allow(plain, ARRAY_SIZE(plain)));
	plain[8].k = 38;
	tap_ok(!const_allow(plain, ARRAY_SIZE(plain)));
	tap_ok(!const_allow(arg, ARRAY_SIZE(arg)));
	tap_ok(!const_allow(log, ARRAY_SIZE(log)));
	tap_ok(!const_allow(add, ARRAY_SIZE(add)));
	tap_ok(!const_allow(data, ARRAY_SIZE(data)));
}

static void verdicts_have_names(void)
{
	static const struct {
		uint32_t verdict;
		const char *text;
	} rows[] = {
		{ SECCOMP_RET_ALLOW, "ALLOW" },	       { SECCOMP_RET_ERRNO | 1, "ERRNO(EPERM)" },
		{ SECCOMP_RET_ERRNO, "ERRNO(0)" },     { SECCOMP_RET_ERRNO | 4000, "ERRNO(4000)" },
		{ SECCOMP_RET_TRACE | 7, "TRACE(7)" }, { SECCOMP_RET_USER_NOTIF, "USER_NOTIF" },
		{ 0x12340001, "0x12340001" },	       { SECCOMP_RET_KILL_PROCESS, "KILL_PROCESS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(buf_done) struct buf text = { 0 };

		bpf_verdict_text(rows[i].verdict, &text);
		tap_str_eq(text.data, rows[i].text);
	}
}

int main(void)
{
	TAP_RUN(a_program_has_1_to_4096_instructions);
	TAP_RUN(only_the_operations_of_seccomp_are_accepted);
	TAP_RUN(loads_are_aligned_and_inside_seccomp_data);
	TAP_RUN(jumps_stay_inside);
	TAP_RUN(the_last_instruction_returns);
	TAP_RUN(division_and_shift_constants_are_checked);
	TAP_RUN(scratch_words_are_written_before_they_are_read);
	TAP_RUN(the_error_names_the_instruction);
	TAP_RUN(arithmetic_is_that_of_the_kernel);
	TAP_RUN(scratch_and_x_carry_values);
	TAP_RUN(tests_compare_unsigned_and_take_the_right_branch);
	TAP_RUN(actions_are_ranked_as_the_kernel_ranks_them);
	TAP_RUN(only_the_kernel_s_few_instructions_may_lead_to_a_cached_allow);
	TAP_RUN(verdicts_have_names);
	return TAP_DONE();
}
