/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in the running kernel: what it accepts, what it answers, what it shows of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "hook/explain.h"
#include "specs/merge.h"
#include "tests/sim/gen.h"
#include "tests/unit/rules.h"
#include "tests/unit/tap.h"

static struct rng rng;
static char **profile_paths; /* NULL at the end */

static int load(const struct bpf_prog *prog)
{
	struct sock_fprog fprog = { .len = (unsigned short)prog->len, .filter = prog->insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &fprog);
}

/* True if the kernel takes the program. A child that cannot even exit under it has taken it. */
static bool kernel_takes(const struct bpf_prog *prog)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
					     SIGABRT, SIGSYS, SIGTRAP };
		int r;

		/* A program may deny exit itself; then the child must die of what comes next, and not in a
		 * sanitizer's handler that cannot exit either. */
		for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
			signal(fatal[i], SIG_DFL);
		r = load(prog);
		/* Not _exit(): sanitizers make calls of their own before it. */
		syscall(SYS_exit_group, r < 0 ? -r : 0);
		__builtin_trap();
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EINVAL)
		printf("# load: %s\n", strerror(WEXITSTATUS(status)));
	return !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

/* Changes one field of one instruction. */
static void spoil(struct bpf_prog *prog)
{
	struct sock_filter *insn = &prog->insns[rng_below(&rng, prog->len)];

	switch (rng_below(&rng, 5)) {
	case 0:
		insn->code = (uint16_t)(rng_next(&rng) & 0xff);
		break;
	case 1:
		insn->k = (uint32_t)rng_next(&rng) >> rng_below(&rng, 32);
		break;
	case 2:
		insn->jt = (uint8_t)rng_next(&rng);
		break;
	case 3:
		insn->jf = (uint8_t)rng_below(&rng, 8);
		break;
	default:
		prog->len -= prog->len > 1;
	}
}

static void the_validator_accepts_exactly_what_the_kernel_accepts(void)
{
	unsigned n_taken = 0;

	for (unsigned i = 0; i < 1500; i++) {
		_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
		unsigned n = rng_below(&rng, 4);
		struct wl_err err = { 0 };
		bool ours, kernel;

		if (gen_wild(&rng, 25, &prog) < 0)
			return;
		/* The generator's own prefix writes the scratch words; here some of it goes. */
		if (rng_chance(&rng, 40))
			prog.insns[rng_below(&rng, 4)] =
				(struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
		while (n-- > 0)
			spoil(&prog);
		ours = bpf_validate(prog.insns, prog.len, &err) == 0;
		kernel = kernel_takes(&prog);
		n_taken += kernel;
		if (ours != kernel) {
			_cleanup_(buf_done) struct buf text = { 0 };

			bpf_disasm(&prog, &text);
			printf("# the kernel %s it, we say: %s\n", kernel ? "takes" : "refuses",
			       ours ? "valid" : err.msg);
			tap_ok(ours == kernel);
			return;
		}
	}
	printf("# %u of 1500 taken\n", n_taken);
	tap_ok(n_taken > 150 && n_taken < 1350);
}

/* An i386 call by int 0x80, from seven words: number and arguments. As bytes, so that this file compiles
 * everywhere. */
static const uint8_t int80_code[] = {
	0x53, 0x55,	  /* push rbx, rbp */
	0x8b, 0x07,	  /* mov eax, [rdi] */
	0x8b, 0x5f, 0x04, /* mov ebx, [rdi+4] */
	0x8b, 0x4f, 0x08, /* mov ecx, [rdi+8] */
	0x8b, 0x57, 0x0c, /* mov edx, [rdi+12] */
	0x8b, 0x77, 0x10, /* mov esi, [rdi+16] */
	0x8b, 0x6f, 0x18, /* mov ebp, [rdi+24] */
	0x8b, 0x7f, 0x14, /* mov edi, [rdi+20] */
	0xcd, 0x80,	  /* int 0x80 */
	0x5d, 0x5b,	  /* pop rbp, rbx */
	0x48, 0x63, 0xc0, /* movsx rax, eax */
	0xc3,		  /* ret */
};

static long (*int80)(const uint32_t *words);

static bool prepare_int80(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (abi_native()->index != ABI_X86_64 || page == MAP_FAILED)
		return false;
	memcpy(page, int80_code, sizeof(int80_code));
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0)
		return false;
	memcpy(&int80, &page, sizeof(int80));
	return true;
}

/* Calls that do no harm whoever makes them; upper halves of 32-bit arguments hold garbage. */
#define G 0xdead00000000
static const struct sample {
	const char *abi, *name;
	uint64_t args[4];
} samples[] = {
	{ "x86_64", "getppid", { 0 } },
	{ "x86_64", "getuid", { 0 } },
	{ "x86_64", "umask", { G | 022 } },
	{ "x86_64", "personality", { 0 } },
	{ "x86_64", "personality", { 0xffffffff } },
	{ "x86_64", "personality", { G | 0xffffffff } },
	{ "x86_64", "kill", { (uint32_t)-1, G | 99 } },
	{ "x86_64", "kill", { 1, 65 } },
	{ "x86_64", "kill", { G | 0x7fffffff, 64 } },
	{ "x86_64", "socket", { 99, 1, 0 } },
	{ "x86_64", "socket", { G | 1, 99, 0 } },
	{ "x86_64", "socket", { 40, 99, 0 } },
	{ "x86_64", "mount", { 0, 0, 0, G } },
	{ "x86_64", "mount", { 0, 0, 0, 0x1000 } },
	{ "x86_64", "setns", { (uint32_t)-1, 0 } },
	{ "x86_64", "bpf", { 0xffff, 0, 0 } },
	{ "x86_64", "swapon", { 0, 0 } },
	{ "x86_64", "openat", { (uint32_t)-1, 0, 0x40 } },
	{ "x86_64", "openat", { (uint32_t)-1, 0, 0x4000000000 } },
	{ "x86_64", "mprotect", { 1, 0x100000001, 0 } },
	{ "x86_64", "mprotect", { 1, 1, 0 } },
	{ "x86_64", "seccomp", { 1, 8, 0 } },
	{ "x86_64", "seccomp", { 1, 8, 1 } },
	{ "x86_64", "seccomp", { G | 1, G | 9, 0x100000000 } },
	{ "x86_64", "ptrace", { 77, (uint32_t)-1 } },
	{ "x86_64", "sched_yield", { 0 } },
	{ "x32", "getppid", { 0 } },
	{ "x32", "mount", { 0 } },
	{ "i386", "getppid", { 0 } },
	{ "i386", "getuid", { 0 } },
	{ "i386", "personality", { 0xffffffff } },
	{ "i386", "kill", { (uint32_t)-1, 99 } },
	{ "i386", "mount", { 0, 0, 0, 0 } },
	{ "i386", "socket", { 99, 1, 0 } },
	{ "i386", "seccomp", { 1, 8, 1 } },
	{ "i386", "seccomp", { 1, 8, 0 } },
	{ "i386", "swapon", { 0, 0 } },
	{ "i386", "sched_yield", { 0 } },
	/* These leave something behind, so they come last. */
	{ "x86_64", "personality", { 0x0400000 } },
};

static struct seccomp_data data_of(const struct sample *s)
{
	const struct abi *abi = abi_by_name(s->abi);
	struct seccomp_data data = { .arch = abi->audit_arch,
				     .nr = (int)sysno_number(abi, s->name) };

	for (int i = 0; i < 4; i++)
		data.args[i] = s->args[i];
	return data;
}

static long make_call(const struct sample *s)
{
	struct seccomp_data d = data_of(s);
	long r;

	if (d.arch == AUDIT_ARCH_I386) {
		uint32_t words[7] = { (uint32_t)d.nr, (uint32_t)d.args[0], (uint32_t)d.args[1],
				      (uint32_t)d.args[2], (uint32_t)d.args[3] };

		return int80(words);
	}
	r = syscall((uint32_t)d.nr, d.args[0], d.args[1], d.args[2], d.args[3]);
	return r < 0 ? -errno : r;
}

/* All samples in one child, those that kill one by one; results in shared memory. */
static void run_samples(const struct bpf_prog *prog, const bool *kills, long *results, int *signals)
{
	for (size_t first = 0; first < ARRAY_SIZE(samples); first++) {
		bool alone = kills && kills[first];
		int status;
		pid_t pid;

		if (!alone && first > 0)
			continue;
		pid = fork();
		if (pid == 0) {
			if (prog && load(prog) < 0)
				_exit(1);
			for (size_t i = first; i < ARRAY_SIZE(samples); i++)
				if (alone ? i == first : !(kills && kills[i]))
					results[i] = make_call(&samples[i]);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		signals[first] = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		if (!alone && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
			printf("# child: status %x\n", status);
	}
}

static bool is_fatal(uint32_t verdict)
{
	return bpf_action_rank(verdict) <= bpf_action_rank(SECCOMP_RET_TRAP);
}

static void check_sample(size_t i, uint32_t verdict, long got, long unfiltered, int sig)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;
	long expected = unfiltered;

	if (is_fatal(verdict)) {
		tap_int_eq(sig, SIGSYS);
		return;
	}
	if (action == SECCOMP_RET_ERRNO)
		expected = -(long)(verdict & SECCOMP_RET_DATA);
	else if (action == SECCOMP_RET_USER_NOTIF || action == SECCOMP_RET_TRACE)
		expected = -ENOSYS; /* nobody listens */
	if (got != expected)
		printf("# %s/%s(%llx, %llx, %llx): verdict %x, %ld without filter\n",
		       samples[i].abi, samples[i].name, (unsigned long long)samples[i].args[0],
		       (unsigned long long)samples[i].args[1],
		       (unsigned long long)samples[i].args[2], verdict, unfiltered);
	tap_int_eq(got, expected);
}

static void check_policy(const struct bpf_prog *profile, const char *const *rules)
{
	static long *results;
	_cleanup_(bpf_prog_done) struct bpf_prog merged = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	_cleanup_(policy_freep) struct policy *policy = policy_of(ENGINE_NOTIFY, rules);
	uint32_t verdicts[ARRAY_SIZE(samples)];
	bool kills[ARRAY_SIZE(samples)];
	int signals[ARRAY_SIZE(samples)] = { 0 }, no_signals[ARRAY_SIZE(samples)];
	struct wl_err err = { 0 };
	long *unfiltered;

	results = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unfiltered = results + ARRAY_SIZE(samples);
	tap_int_eq(plan_new(policy, abi_native(), &plan, &err), 0);
	tap_int_eq(merge_compile(profile, plan, &merged, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct seccomp_data data = data_of(&samples[i]);

		verdicts[i] = merge_verdict(profile, plan, &data);
		kills[i] = is_fatal(verdicts[i]);
	}
	run_samples(NULL, NULL, unfiltered, no_signals);
	run_samples(&merged, kills, results, signals);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		check_sample(i, verdicts[i], results[i], unfiltered[i], signals[i]);
	munmap(results, 8192);
}

static void the_kernel_answers_as_profile_and_rules_say(void)
{
	static const char *const policies[][6] = {
		{ NULL },
		{ "trace getppid, personality, i386/mount", "deny mount, i386/swapon:ENOSYS",
		  NULL },
		{ "deny kill[pid < 0 && sig == 99], kill[sig == 64]", "errno umask", NULL },
		{ "errno socket[family == 99]", "allow personality", "trace setns", NULL },
		{ "deny openat[flags & O_CREAT], x86_64/mprotect[len > 0x100000000]", NULL },
		{ "kill swapon, bpf", "deny x32/getppid", "emulate mount[flags & 0x1000]", NULL },
		{ "trace seccomp", "allow ptrace", "errno x86_64/ptrace", "log getuid", NULL },
	};

	if (!prepare_int80())
		tap_skip("not an x86_64 machine");
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		check_policy(NULL, policies[i]);
	for (char **path = profile_paths; *path; path++) {
		_cleanup_(bpf_prog_done) struct bpf_prog profile = { 0 };
		_cleanup_close_ int fd = open(*path, O_RDONLY | O_CLOEXEC);
		struct sock_filter insns[BPF_MAXINSNS];
		ssize_t n = read(fd, insns, sizeof(insns));

		tap_ok(n > 0 && bpf_prog_copy(&profile, insns,
					      (unsigned)((size_t)n / sizeof(insns[0]))) == 0);
		for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
			check_policy(&profile, policies[i]);
	}
}

static void the_kernel_gives_back_the_filters_of_a_process(void)
{
	struct sock_filter first[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_filter second[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
					BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct bpf_prog a = { first, 1 }, b = { second, 2 };
	struct filters filters;
	struct wl_err err = { 0 };
	int ready[2], r;
	char byte = 0;
	pid_t pid;

	tap_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		byte = load(&a) == 0 && load(&b) == 0;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	tap_ok(read(ready[0], &byte, 1) == 1 && byte == 1);
	r = filters_of_process(pid, &filters, &err);
	if (r == -EACCES || r == -EPERM) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		tap_skip("needs CAP_SYS_ADMIN");
	}
	tap_int_eq(r, 0);
	tap_int_eq(filters.n, 2);
	tap_ok(filters.prog[0].len == 2 && filters.prog[1].len == 1);
	tap_ok(memcmp(filters.prog[0].insns, second, sizeof(second)) == 0);
	filters_done(&filters);
	/* The process has noticed nothing: it still waits. */
	tap_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	/* A process without filters. */
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	tap_int_eq(filters_of_process(pid, &filters, &err), 0);
	tap_int_eq(filters.n, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	profile_paths = argv + 1;
	rng = rng_start();
	TAP_RUN(the_validator_accepts_exactly_what_the_kernel_accepts);
	TAP_RUN(the_kernel_answers_as_profile_and_rules_say);
	TAP_RUN(the_kernel_gives_back_the_filters_of_a_process);
	return TAP_DONE();
}
