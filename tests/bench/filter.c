/* SPDX-License-Identifier: Apache-2.0 */
/* What a merged filter costs a call, against the profile alone, the profile with a stacked filter, and
 * libseccomp's tree; and what compiling it costs. Ratios of medians, all in one invocation, interleaved:
 *
 *	bench-filter PROFILE.bpf [TREE.bpf]
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "specs/merge.h"
#include "tests/unit/rules.h"

#define ROUNDS 21
#define TIMES  20000

static const struct call_row {
	const char *name;
	long nr, args[3];
} calls[] = {
	{ "getppid", SYS_getppid, { 0 } },
	{ "personality", SYS_personality, { 0xffffffff } },
	{ "socket", SYS_socket, { 1, 99, 0 } }, /* EINVAL at once */
	{ "clone",
	  SYS_clone,
	  { 0x10800, 0, 0 } }, /* CLONE_THREAD without CLONE_VM: EINVAL at once */
};

struct variant {
	const char *name;
	const struct bpf_prog *filters[2]; /* loaded in this order */
	double ns[ARRAY_SIZE(calls)][ROUNDS];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void load(const struct bpf_prog *prog)
{
	struct sock_fprog fprog = { .len = (unsigned short)prog->len, .filter = prog->insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &fprog) < 0)
		_exit(1);
}

/* One round of one variant: a fresh process, all calls. */
static void measure(const struct variant *v, double *shared)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (int i = 0; i < 2 && v->filters[i]; i++)
			load(v->filters[i]);
		for (size_t c = 0; c < ARRAY_SIZE(calls); c++) {
			double start = now();

			for (int i = 0; i < TIMES; i++)
				syscall(calls[c].nr, calls[c].args[0], calls[c].args[1],
					calls[c].args[2]);
			shared[c] = (now() - start) / TIMES;
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fprintf(stderr, "%s: the measuring process failed\n", v->name);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[ROUNDS / 2];
}

static unsigned executed(const struct variant *v, const struct call_row *c)
{
	const struct abi *abi = abi_native();
	struct seccomp_data data = { .arch = abi->audit_arch, .nr = (int)c->nr };
	unsigned sum = 0, n;

	for (int i = 0; i < 3; i++)
		data.args[i] = (uint64_t)c->args[i];
	for (int i = 0; i < 2 && v->filters[i]; i++) {
		if (bpf_is_const_allow(v->filters[i], data.arch, (uint32_t)data.nr))
			continue;
		bpf_run(v->filters[i], &data, &n);
		sum += n;
	}
	return sum;
}

static bool read_prog(const char *path, struct bpf_prog *ret)
{
	struct sock_filter insns[BPF_MAXINSNS];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, insns, sizeof(insns));

	return n > 0 && bpf_prog_copy(ret, insns, (unsigned)((size_t)n / sizeof(insns[0]))) == 0;
}

static struct bpf_prog merged_with(const struct bpf_prog *profile, const char *const *rules)
{
	struct policy *policy = policy_of(ENGINE_NOTIFY, rules);
	struct bpf_prog prog = { 0 };
	struct plan *plan = NULL;
	struct wl_err err = { 0 };

	if (plan_new(policy, abi_native(), &plan, &err) < 0 ||
	    merge_compile(profile, plan, &prog, NULL, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	plan_free(plan);
	policy_free(policy);
	return prog;
}

static void compile_times(const struct bpf_prog *profile)
{
	static const char *const calls50[] = {
		"mount",	  "openat[flags & O_CREAT]",
		"personality",	  "clone[clone_flags & 0x10000000]",
		"ptrace",	  "socket[family == AF_INET]",
		"kill[sig == 9]", "prctl[option == 22]",
		"setns",	  "unshare[unshare_flags & 0x20000]",
	};
	static const char *const actions[] = { "trace", "deny", "log", "errno", "kill" };
	char text[50][80];
	const char *rules[51] = { NULL };
	struct policy *policy;
	double times[ROUNDS];
	unsigned len = 0;

	for (int i = 0; i < 50; i++) {
		snprintf(text[i], sizeof(text[i]), "%s %s", actions[i % 5],
			 calls50[(i / 5 + i) % 10]);
		rules[i] = text[i];
	}
	policy = policy_of(ENGINE_NOTIFY, rules);
	for (int i = 0; i < ROUNDS; i++) {
		struct bpf_prog prog = { 0 };
		struct plan *plan = NULL;
		double start = now();

		if (plan_new(policy, abi_native(), &plan, NULL) == 0 &&
		    merge_compile(profile, plan, &prog, NULL, NULL) == 0)
			len = prog.len;
		times[i] = now() - start;
		plan_free(plan);
		bpf_prog_done(&prog);
	}
	printf("compile: profile of %u instructions and 50 rules -> %u, plan and merge %.2f ms "
	       "(limit 1)\n",
	       profile->len, len, median(times) / 1e6);
	policy_free(policy);
}

int main(int argc, char **argv)
{
	static const char *const rules[] = { "emulate mknod, mknodat", "trace mount, umount2",
					     "deny kexec_load, bpf", NULL };
	struct bpf_prog profile, tree = { 0 }, merged, alone;
	double *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cpu_set_t one;

	if (argc < 2 || !read_prog(argv[1], &profile) || (argc > 2 && !read_prog(argv[2], &tree)))
		return 2;
	merged = merged_with(&profile, rules);
	alone = merged_with(NULL, rules);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);

	struct variant variants[] = {
		{ .name = "no filter" },
		{ .name = "profile alone", .filters = { &profile } },
		{ .name = "profile, stacked filter", .filters = { &profile, &alone } },
		{ .name = "merged", .filters = { &merged } },
		{ .name = "rules, no profile", .filters = { &alone } },
		{ .name = "libseccomp's tree", .filters = { tree.len ? &tree : &profile } },
	};
	size_t n = ARRAY_SIZE(variants) - (tree.len ? 0 : 1);

	for (int round = -1; round < ROUNDS; round++)
		for (size_t v = 0; v < n; v++) {
			measure(&variants[v], shared);
			for (size_t c = 0; round >= 0 && c < ARRAY_SIZE(calls); c++)
				variants[v].ns[c][round] = shared[c];
		}
	printf("%s; merged: %u instructions\n", argv[1], merged.len);
	for (size_t c = 0; c < ARRAY_SIZE(calls); c++) {
		double none = median(variants[0].ns[c]), base = median(variants[1].ns[c]);

		printf("\n%-26s %6s %8s %12s %12s\n", calls[c].name, "insns", "ns", "/no filter",
		       "/profile");
		for (size_t v = 0; v < n; v++) {
			double ns = median(variants[v].ns[c]);

			printf("%-26s %6u %8.1f %12.2f %12.2f\n", variants[v].name,
			       executed(&variants[v], &calls[c]), ns, ns / none, ns / base);
		}
	}
	printf("\n");
	compile_times(&profile);
	return 0;
}
