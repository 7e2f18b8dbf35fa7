/* SPDX-License-Identifier: Apache-2.0 */
/* specs/merge.h and specs/plan.h against the table "Who wins" of specs/annotations.md, and their edges. */
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "specs/merge.h"
#include "specs/plan.h"
#include "tests/unit/rules.h"
#include "tests/unit/tap.h"

#define ERRNO_P 11

static const char *annotations_md;

struct merged {
	struct policy *policy;
	struct plan *plan;
	struct bpf_prog prog, profile;
};

static int make(struct merged *m, enum engine engine, const struct bpf_prog *profile,
		const char *const *rules, struct wl_err *err)
{
	int r;

	*m = (struct merged){ .policy = policy_of(engine, rules) };
	r = plan_new(m->policy, abi_get(ABI_X86_64), &m->plan, err);
	if (r == 0)
		r = merge_compile(profile, m->plan, &m->prog, NULL, err);
	if (r == 0 && profile)
		r = bpf_prog_copy(&m->profile, profile->insns, profile->len);
	return r;
}

static void unmake(struct merged *m)
{
	bpf_prog_done(&m->prog);
	bpf_prog_done(&m->profile);
	plan_free(m->plan);
	policy_free(m->policy);
}

static uint32_t ask(const struct merged *m, const struct abi *abi, const char *name,
		    const uint64_t args[6])
{
	struct seccomp_data data = { .arch = abi->audit_arch, .nr = (int)sysno_number(abi, name) };
	uint32_t verdict;

	for (int i = 0; args && i < 6; i++)
		data.args[i] = args[i];
	verdict = bpf_run(&m->prog, &data, NULL);
	tap_int_eq(merge_verdict(m->profile.len ? &m->profile : NULL, m->plan, &data), verdict);
	return verdict;
}

#define RULES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ARGS(...)  ((const uint64_t[6]){ __VA_ARGS__ })

static uint32_t x86(const struct merged *m, const char *name, const uint64_t args[6])
{
	return ask(m, abi_get(ABI_X86_64), name, args);
}

/* The verdict that a cell of the table means. */
static uint32_t cell_verdict(const char *cell, uint32_t asked)
{
	static const struct {
		const char *text;
		uint32_t verdict;
	} words[] = {
		{ "KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "TRAP", SECCOMP_RET_TRAP },
		{ "TRACE", SECCOMP_RET_TRACE },
		{ "LOG", SECCOMP_RET_LOG },
		{ "ALLOW", SECCOMP_RET_ALLOW },
		{ "ERRNO p", SECCOMP_RET_ERRNO | ERRNO_P },
		{ "ERRNO e", SECCOMP_RET_ERRNO | ERRNO_E },
		{ "ERRNO v", SECCOMP_RET_ERRNO | ERRNO_V },
	};

	if (strcmp(cell, "asked") == 0)
		return asked;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].text, cell) == 0)
			return words[i].verdict;
	printf("# the table has a cell '%s'\n", cell);
	abort();
}

/* Columns as the table has them. */
static const char *const columns[][4] = {
	{ NULL },
	{ "trace getppid", NULL },
	{ "deny getppid", NULL },
	{ "kill getppid", NULL },
	{ "trace getppid", "deny getppid", NULL },
	{ "errno getppid", NULL },
	{ "emulate getppid", NULL },
	{ "trace getppid", "errno getppid", NULL },
	{ "errno getppid", "deny getppid", NULL },
};

static void check_row(enum engine engine, char *cells[], size_t n)
{
	uint32_t profile_verdict = cell_verdict(cells[0], 0);
	struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, profile_verdict);
	struct bpf_prog profile = { .insns = &ret, .len = 1 };

	tap_int_eq(n, ARRAY_SIZE(columns) + 1);
	for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
		/* The rule that is asked about: an override if there is one, else the first observer, but
		 * with deny the one that gives the errno. */
		static const unsigned position[] = { 0, 1, 0, 0, 2, 0, 1, 2, 0 };
		unsigned by = position[c];
		struct wl_err err = { 0 };
		struct merged m;
		uint32_t asked, got;

		if (c == 4 && (profile_verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			by = 1; /* the profile's errno stays: nobody but the observer asks */
		asked = engine == ENGINE_TRACE ? SECCOMP_RET_TRACE | by : SECCOMP_RET_USER_NOTIF;
		tap_int_eq(make(&m, engine, &profile, columns[c], &err), 0);
		got = x86(&m, "getppid", NULL);
		if (got != cell_verdict(cells[c + 1], asked))
			printf("# row %s, column %zu, engine %d\n", cells[0], c, (int)engine);
		tap_int_eq(got, cell_verdict(cells[c + 1], asked));
		/* What no rule is about keeps the profile's verdict. */
		if (engine == ENGINE_NOTIFY)
			tap_int_eq(x86(&m, "getpid", NULL), profile_verdict);
		unmake(&m);
	}
}

static size_t split_row(char *line, char *cells[16])
{
	size_t n = 0;
	char *save = NULL;

	for (char *cell = strtok_r(line, "|\n", &save); cell && n < 16;
	     cell = strtok_r(NULL, "|\n", &save)) {
		cell += strspn(cell, " ");
		cell[strcspn(cell, " ") ? strlen(cell) : 0] = '\0';
		for (char *end = cell + strlen(cell); end > cell && end[-1] == ' ';)
			*--end = '\0';
		if (*cell)
			cells[n++] = cell;
	}
	return n;
}

static void check_table(enum engine engine)
{
	_cleanup_fclose_ FILE *f = fopen(annotations_md, "re");
	char line[1024], *cells[16];
	unsigned rows = 0;
	bool is_table = false;

	tap_ok(f);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "| profile |", 11) == 0) {
			is_table = fgets(line, sizeof(line), f) != NULL;
			continue;
		}
		is_table = is_table && line[0] == '|';
		if (!is_table)
			continue;
		/* With a tracer of ours the row of TRACE does not exist: annotations.md says where it stands. */
		if (engine == ENGINE_TRACE && strncmp(line, "| TRACE", 7) == 0)
			continue;
		check_row(engine, cells, split_row(line, cells));
		rows++;
	}
	tap_int_eq(rows, engine == ENGINE_TRACE ? 6 : 7);
}

static void the_filter_answers_as_the_table_who_wins_says(void)
{
	check_table(ENGINE_NOTIFY);
}

static void the_tracer_is_asked_with_the_rule_s_position(void)
{
	check_table(ENGINE_TRACE);
}

static void a_profile_s_own_trace_means_enosys_under_our_tracer(void)
{
	struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 3);
	struct bpf_prog profile = { .insns = &ret, .len = 1 };
	struct merged m;

	tap_int_eq(make(&m, ENGINE_TRACE, &profile, RULES("trace getppid"), NULL), 0);
	tap_int_eq(x86(&m, "getpid", NULL), SECCOMP_RET_ERRNO | ENOSYS);
	tap_int_eq(x86(&m, "getppid", NULL), SECCOMP_RET_TRACE | 1);
	unmake(&m);
}

static void of_two_denies_the_first_stays_and_kill_beats_both(void)
{
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL,
			RULES("deny getppid:EACCES, getpid:EACCES", "deny getppid:ENOSYS",
			      "kill getpid"),
			NULL),
		   0);
	tap_int_eq(x86(&m, "getppid", NULL), SECCOMP_RET_ERRNO | EACCES);
	tap_int_eq(x86(&m, "getpid", NULL), SECCOMP_RET_KILL_PROCESS);
	unmake(&m);
}

static void the_first_override_that_matches_decides(void)
{
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL,
			RULES("errno kill[sig == 9]", "allow kill[pid == 1]", "emulate kill"),
			NULL),
		   0);
	tap_int_eq(x86(&m, "kill", ARGS(1, 9)), SECCOMP_RET_ERRNO | ERRNO_V);
	tap_int_eq(x86(&m, "kill", ARGS(1, 15)), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "kill", ARGS(2, 15)), SECCOMP_RET_USER_NOTIF);
	unmake(&m);
}

static void return_0_is_a_plain_answer_and_other_values_are_asked(void)
{
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES("return getppid", "return getpid"), NULL),
		   0);
	tap_int_eq(x86(&m, "getppid", NULL), SECCOMP_RET_USER_NOTIF);
	unmake(&m);
	m.policy = policy_of(ENGINE_NOTIFY, RULES("return getppid"));
	m.policy->rules[0].value = 0;
	m.profile = (struct bpf_prog){ 0 };
	tap_int_eq(plan_new(m.policy, abi_get(ABI_X86_64), &m.plan, NULL), 0);
	tap_int_eq(merge_compile(NULL, m.plan, &m.prog, NULL, NULL), 0);
	tap_int_eq(x86(&m, "getppid", NULL), SECCOMP_RET_ERRNO);
	tap_ok(!merge_needs_listener(m.plan));
	unmake(&m);
}

static void conditions_look_at_the_low_half_of_an_int_and_at_its_sign(void)
{
	struct merged m;
	const uint64_t garbage = 0xdeadbeef00000000;

	tap_int_eq(
		make(&m, ENGINE_NOTIFY, NULL,
		     RULES("deny kill[sig == 9 && pid < 0]", "deny x86_64/mmap[len > 0x100000000]",
			   "deny openat[flags & O_CREAT]"),
		     NULL),
		0);
	tap_int_eq(x86(&m, "kill", ARGS(garbage | 0xffffffff, garbage | 9)),
		   SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "kill", ARGS(garbage | 1, 9)), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "kill", ARGS(0x80000000, 9)), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "kill", ARGS(0x7fffffff, 9)), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "mmap", ARGS(0, 0x100000000)), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "mmap", ARGS(0, 0x100000001)), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "mmap", ARGS(0, 0x200000000)), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "openat", ARGS(0, 0, 0x40)), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "openat", ARGS(0, 0, 0x4000000000)), SECCOMP_RET_ALLOW);
	unmake(&m);
}

static void rules_hold_on_every_abi_or_on_the_one_they_name(void)
{
	const struct abi *i386 = abi_get(ABI_I386), *x32 = abi_get(ABI_X32);
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES("deny getppid, i386/getpid, #39"), NULL), 0);
	tap_int_eq(x86(&m, "getppid", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(ask(&m, i386, "getppid", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(ask(&m, x32, "getppid", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(ask(&m, i386, "getpid", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	/* 39 is getpid on x86_64 and x32, mkdir on i386. */
	tap_int_eq(x86(&m, "getpid", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(ask(&m, x32, "getpid", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(ask(&m, i386, "mkdir", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "mkdir", NULL), SECCOMP_RET_ALLOW);
	unmake(&m);
}

static void a_condition_on_memory_is_left_to_the_listener(void)
{
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL,
			RULES("errno openat[flags & O_CREAT && path ~ \"/etc/*\"]"), NULL),
		   0);
	tap_int_eq(x86(&m, "openat", ARGS(0, 0, 0x40)), SECCOMP_RET_USER_NOTIF);
	tap_int_eq(x86(&m, "openat", ARGS(0, 0, 0)), SECCOMP_RET_ALLOW);
	tap_ok(merge_needs_listener(m.plan));
	unmake(&m);
}

/* Each level asks for what is below it more than once. */
static void deeply_nested_conditions_take_no_time(void)
{
	_cleanup_(buf_done) struct buf list = { 0 };
	struct merged m;

	buf_puts(&list, "errno openat[");
	for (int i = 0; i < 12; i++)
		buf_printf(&list, "path ~ \"/a%d\" && (dfd == %d || (", i, i);
	buf_puts(&list, "path ~ \"/b\"");
	for (int i = 0; i < 12; i++)
		buf_puts(&list, "))");
	buf_puts(&list, "]");
	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES(list.data), NULL), 0);
	tap_int_eq(x86(&m, "openat", NULL), SECCOMP_RET_USER_NOTIF);
	unmake(&m);
}

/* Every override that may be chosen, under every restriction that may be. */
static void many_conditions_on_one_call_take_no_time(void)
{
	struct policy *policy = policy_new();
	struct bpf_prog prog = { 0 };
	struct wl_err err = { 0 };
	struct plan *plan;

	for (int i = 0; i < 1000; i++) {
		struct rule *rule =
			policy_add_rule(policy, i % 2 ? ACTION_DENY : ACTION_ERRNO, "r");
		char item[64];

		rule->errnum = 1 + i;
		snprintf(item, sizeof(item), "kill[pid == %d && sig < %d]", i, i % 60);
		tap_int_eq(policy_parse_list(rule, item, "test", NULL), 0);
	}
	tap_int_eq(plan_new(policy, abi_get(ABI_X86_64), &plan, NULL), 0);
	tap_int_eq(merge_compile(NULL, plan, &prog, NULL, &err), -E2BIG);
	plan_free(plan);
	policy_free(policy);
}

/* Each denial under each observation: cubic before rules that come to the same were taken for one. */
static void many_denials_and_observations_of_one_call_take_no_time(void)
{
	_cleanup_(buf_done) struct buf deny = { 0 }, trace = { 0 };
	struct merged m;

	buf_puts(&deny, "deny read[");
	buf_puts(&trace, "trace read[");
	for (int i = 0; i < 900; i++) {
		buf_printf(&deny, "%sfd == %d]", i ? ", read[" : "", 2 * i);
		buf_printf(&trace, "%sfd == %d]", i ? ", read[" : "", 3 * i);
	}
	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES(deny.data, trace.data), NULL), 0);
	tap_int_eq(x86(&m, "read", ARGS(2)), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "read", ARGS(3)), SECCOMP_RET_USER_NOTIF);
	tap_int_eq(x86(&m, "read", ARGS(6)), SECCOMP_RET_USER_NOTIF);
	tap_int_eq(x86(&m, "read", ARGS(1)), SECCOMP_RET_ALLOW);
	unmake(&m);
}

static void sigreturn_is_never_asked_and_may_be_denied(void)
{
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL,
			RULES("trace @all", "trace rt_sigreturn", "deny restart_syscall"), NULL),
		   0);
	tap_int_eq(x86(&m, "rt_sigreturn", NULL), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "restart_syscall", NULL), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(ask(&m, abi_get(ABI_I386), "sigreturn", NULL), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "exit_group", NULL), SECCOMP_RET_USER_NOTIF);
	unmake(&m);
}

#define NEW_LISTENER 8
static void no_second_listener_can_be_installed_on_any_abi(void)
{
	const struct abi *i386 = abi_get(ABI_I386), *x32 = abi_get(ABI_X32);
	const uint32_t busy = SECCOMP_RET_ERRNO | EBUSY;
	const uint64_t garbage = 0xabc00000000;
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES("trace getppid", "allow seccomp"), NULL), 0);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, NEW_LISTENER, 0x1000)), busy);
	tap_int_eq(x86(&m, "seccomp", ARGS(garbage | 1, garbage | 0x1f, 0x100000000)), busy);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, NEW_LISTENER, 0)), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, 4, 0x1000)), SECCOMP_RET_ALLOW);
	tap_int_eq(x86(&m, "seccomp", ARGS(0, NEW_LISTENER, 0x1000)), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&m, i386, "seccomp", ARGS(1, NEW_LISTENER, 0x1000)), busy);
	tap_int_eq(ask(&m, i386, "seccomp", ARGS(1, NEW_LISTENER, garbage)), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&m, x32, "seccomp", ARGS(1, NEW_LISTENER, 0x100000000)), busy);
	unmake(&m);
	/* Without anything to ask there is no listener to protect. */
	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES("deny getppid"), NULL), 0);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, NEW_LISTENER, 0x1000)), SECCOMP_RET_ALLOW);
	unmake(&m);
}

static void the_guard_leaves_stronger_verdicts_alone(void)
{
	struct sock_filter trap = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | 5);
	struct bpf_prog profile = { .insns = &trap, .len = 1 };
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, &profile, RULES("emulate getppid"), NULL), 0);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, NEW_LISTENER, 1)), SECCOMP_RET_TRAP | 5);
	unmake(&m);
	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL,
			RULES("emulate getppid", "kill seccomp[flags & 0x10]", "trace seccomp"),
			NULL),
		   0);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, NEW_LISTENER | 0x10, 1)), SECCOMP_RET_KILL_PROCESS);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, NEW_LISTENER, 1)), SECCOMP_RET_ERRNO | EBUSY);
	tap_int_eq(x86(&m, "seccomp", ARGS(1, 0, 1)), SECCOMP_RET_USER_NOTIF);
	unmake(&m);
}

static void a_profile_that_notifies_is_refused(void)
{
	struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	struct bpf_prog profile = { .insns = &ret, .len = 1 };
	struct wl_err err = { 0 };
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, &profile, RULES("trace getppid"), &err), -EBUSY);
	tap_ok(strstr(err.msg, "listenerPath"));
	unmake(&m);
}

/* RET A of a value that depends on an argument. */
static void computed_verdicts_are_told_apart_when_the_filter_runs(void)
{
	struct sock_filter insns[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
				       BPF_STMT(BPF_RET | BPF_A, 0) };
	struct bpf_prog profile = { .insns = insns, .len = 2 };
	struct merged m;

	tap_int_eq(make(&m, ENGINE_NOTIFY, &profile, RULES("trace read", "deny write"), NULL), 0);
	tap_int_eq(x86(&m, "read", ARGS(SECCOMP_RET_ALLOW)), SECCOMP_RET_USER_NOTIF);
	tap_int_eq(x86(&m, "read", ARGS(SECCOMP_RET_TRAP | 7)), SECCOMP_RET_TRAP | 7);
	tap_int_eq(x86(&m, "read", ARGS(0x12345678)), 0x12345678);
	tap_int_eq(x86(&m, "read", ARGS(SECCOMP_RET_USER_NOTIF)), SECCOMP_RET_USER_NOTIF);
	tap_int_eq(x86(&m, "write", ARGS(SECCOMP_RET_LOG)), SECCOMP_RET_ERRNO | ERRNO_E);
	tap_int_eq(x86(&m, "write", ARGS(SECCOMP_RET_ERRNO | 99)), SECCOMP_RET_ERRNO | 99);
	tap_int_eq(x86(&m, "close", ARGS(SECCOMP_RET_ERRNO | 99)), SECCOMP_RET_ERRNO | 99);
	/* Nobody but us listens: what the kernel says without a listener. */
	tap_int_eq(x86(&m, "close", ARGS(SECCOMP_RET_USER_NOTIF | 3)), SECCOMP_RET_ERRNO | ENOSYS);
	unmake(&m);
}

/* 1200 calls, each with a condition that no other has. */
static void a_filter_that_is_too_large_names_the_rules_to_drop(void)
{
	struct policy *policy = policy_new();
	struct rule *rule = policy_add_rule(policy, ACTION_DENY, "big");
	struct wl_err err = { 0 };
	struct bpf_prog prog = { 0 };
	struct plan *plan;

	for (unsigned i = 0; i < 1200; i++) {
		char item[128];

		snprintf(item, sizeof(item), "x86_64/#%u[arg0 == %u || arg1 == %u || arg2 == %u]",
			 1000 + i, i, i + 1, i + 2);
		tap_int_eq(policy_parse_list(rule, item, "test", NULL), 0);
	}
	rule = policy_add_rule(policy, ACTION_DENY, "small");
	tap_int_eq(policy_parse_list(rule, "getppid", "test", NULL), 0);
	tap_int_eq(plan_new(policy, abi_get(ABI_X86_64), &plan, NULL), 0);
	tap_int_eq(merge_compile(NULL, plan, &prog, NULL, &err), -E2BIG);
	tap_ok(strstr(err.msg, "'big' (saves "));
	plan_free(plan);
	policy_free(policy);
}

static void a_restriction_cannot_depend_on_memory(void)
{
	struct policy *policy = policy_of(ENGINE_NOTIFY, RULES("trace openat[path ~ \"/etc/*\"]"));
	struct wl_err err = { 0 };
	struct plan *plan;

	policy->rules[0].action = ACTION_DENY;
	tap_int_eq(plan_new(policy, abi_get(ABI_X86_64), &plan, &err), -EINVAL);
	tap_ok(strstr(err.msg, "memory"));
	policy_free(policy);
}

static void decisions_name_rule_observer_and_delay(void)
{
	struct merged m;
	struct decision d;
	struct call call;
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64, .nr = 110 };

	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL,
			RULES("log getppid", "trace getppid", "trace getppid", "errno getppid"),
			NULL),
		   0);
	call_init(&call, &data);
	plan_decide(plan_find(m.plan, data.arch, 110), &call, SECCOMP_RET_KILL_THREAD, NULL, &d);
	tap_int_eq(d.by->index, 3);
	tap_int_eq(d.observer->index, 1);
	tap_ok(!d.delay && !d.is_open);
	tap_int_eq(d.verdict, SECCOMP_RET_ERRNO | ERRNO_V);
	tap_ok(!plan_find(m.plan, data.arch, 111));
	unmake(&m);
	tap_int_eq(make(&m, ENGINE_NOTIFY, NULL, RULES("log getppid", "deny getppid"), NULL), 0);
	plan_decide(plan_find(m.plan, data.arch, 110), &call, SECCOMP_RET_ERRNO | 38, NULL, &d);
	tap_ok(!d.by);
	tap_int_eq(d.observer->index, 0);
	tap_int_eq(d.verdict, SECCOMP_RET_ERRNO | 38);
	unmake(&m);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	annotations_md = argv[1];
	TAP_RUN(the_filter_answers_as_the_table_who_wins_says);
	TAP_RUN(the_tracer_is_asked_with_the_rule_s_position);
	TAP_RUN(a_profile_s_own_trace_means_enosys_under_our_tracer);
	TAP_RUN(of_two_denies_the_first_stays_and_kill_beats_both);
	TAP_RUN(the_first_override_that_matches_decides);
	TAP_RUN(return_0_is_a_plain_answer_and_other_values_are_asked);
	TAP_RUN(conditions_look_at_the_low_half_of_an_int_and_at_its_sign);
	TAP_RUN(rules_hold_on_every_abi_or_on_the_one_they_name);
	TAP_RUN(a_condition_on_memory_is_left_to_the_listener);
	TAP_RUN(deeply_nested_conditions_take_no_time);
	TAP_RUN(many_conditions_on_one_call_take_no_time);
	TAP_RUN(many_denials_and_observations_of_one_call_take_no_time);
	TAP_RUN(sigreturn_is_never_asked_and_may_be_denied);
	TAP_RUN(no_second_listener_can_be_installed_on_any_abi);
	TAP_RUN(the_guard_leaves_stronger_verdicts_alone);
	TAP_RUN(a_profile_that_notifies_is_refused);
	TAP_RUN(computed_verdicts_are_told_apart_when_the_filter_runs);
	TAP_RUN(a_filter_that_is_too_large_names_the_rules_to_drop);
	TAP_RUN(a_restriction_cannot_depend_on_memory);
	TAP_RUN(decisions_name_rule_observer_and_delay);
	return TAP_DONE();
}
