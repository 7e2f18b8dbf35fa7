/* SPDX-License-Identifier: Apache-2.0 */
/* Real profiles under a corpus of policies: every number of every ABI, with boundary and random arguments.
 * Arguments: programs as loaded by runtimes (*.bpf: raw instructions) and profiles (*.json). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "arch/base/cleanup.h"
#include "specs/merge.h"
#include "specs/plan.h"
#include "specs/profile.h"
#include "tests/sim/gen.h"
#include "tests/unit/rules.h"
#include "tests/unit/tap.h"

#define PROFILES_MAX  32
#define ARGS_PER_CALL 6

/* Items that name x86's ABIs or calls are left out for other machines. */
#define PORTABLE 5

static const char *const corpus[][8] = {
	{ NULL },
	{ "trace @all", NULL },
	{ "emulate mknodat", "errno personality", "trace personality, clone, socket", NULL },
	{ "return sethostname, setdomainname", "log @mount", "delay clock_nanosleep", NULL },
	{ "trace openat[flags & 3 == 1], execve, getppid", "kill kexec_load, bpf", NULL },
	/* PORTABLE */
	{ "log @file, @network", "deny mount, umount2, i386/mount:ENOSYS", NULL },
	{ "errno personality[persona == 8]", "trace personality, clone, socket", NULL },
	{ "deny clone[clone_flags & 0x10000000 != 0]", "trace clone[clone_flags & 0x11 == 0x11]",
	  NULL },
	{ "allow kexec_load, ptrace, mount[flags & MS_BIND]", "deny ptrace[request == 16]", NULL },
	{ "deny socket[family != AF_UNIX && family != AF_INET]", "trace socket, connect", NULL },
	{ "emulate openat[path ~ \"/etc/*\" && flags & 3 == 0]", "trace openat2, creat", NULL },
	{ "trace #0, #1, #300, #999, x32/#5", "deny #450, #460, i386/#11[arg0 < 5]", NULL },
	{ "trace seccomp", "kill seccomp[flags & 0x20]", "errno prctl[option == 22]", NULL },
};

static struct rng rng;
static struct profile {
	const char *name;
	const struct abi *native; /* of the machine that the program is for */
	struct bpf_prog prog;
} profiles[PROFILES_MAX];
static unsigned n_profiles;

static bool load_program(const char *path, struct bpf_prog *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sock_filter insns[BPF_MAXINSNS];
	ssize_t n = fd < 0 ? -1 : read(fd, insns, sizeof(insns));

	return n > 0 && bpf_prog_copy(ret, insns, (unsigned)((size_t)n / sizeof(insns[0]))) == 0;
}

static bool load_profile(const char *path, struct bpf_prog *ret)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	struct wl_err err = { 0 };

	if (strstr(path, ".bpf"))
		return load_program(path, ret);
	if (json_load(path, &doc, &err) < 0 || profile_compile(doc, ret, &err) < 0) {
		printf("# %s\n", err.msg);
		return false;
	}
	return true;
}

/* "s390x-podman.bpf" is for s390x, everything else for x86_64. */
static const struct abi *native_of(const char *name)
{
	for (int a = 0; a < ABI_COUNT; a++) {
		const struct abi *abi = abi_get((enum abi_index)a);
		size_t len = strlen(abi->name);

		if (strncmp(name, abi->name, len) == 0 && name[len] == '-')
			return abi;
	}
	return abi_get(ABI_X86_64);
}

struct check {
	const struct profile *profile;
	const struct plan *plan;
	const struct bpf_prog *merged;
	struct pool pool;
	uint64_t before, after, runs; /* instructions, where the kernel runs the filter */
};

static bool check_call(struct check *c, const struct seccomp_data *data)
{
	const struct seccomp_data words = as_kernel_has_it(c->profile->native, *data);
	unsigned before = 0, after = 0;
	uint32_t expected = merge_verdict(&c->profile->prog, c->plan, data);
	uint32_t got = bpf_run(c->merged, &words, &after);

	bpf_run(&c->profile->prog, &words, &before);
	if (!bpf_is_const_allow(c->merged, data->arch, (uint32_t)data->nr)) {
		c->before += before;
		c->after += after;
		c->runs++;
	}
	if (got == expected)
		return true;
	printf("# %s: arch %x nr %d arg0 %" PRIx64 ": filter says %x, rules say %x\n",
	       c->profile->name, data->arch, data->nr, (uint64_t)data->args[0], got, expected);
	return false;
}

static bool is_guarded(const struct check *c, uint32_t arch, uint32_t nr)
{
	const struct abi *abi = abi_of(arch, nr);

	return merge_needs_listener(c->plan) && (int64_t)nr == sysno_number(abi, "seccomp");
}

static bool check_number(struct check *c, uint32_t arch, uint32_t nr)
{
	struct seccomp_data data = { 0 };

	for (unsigned i = 0; i < ARGS_PER_CALL; i++) {
		if (i > 0)
			gen_data(&rng, &c->pool, &data);
		data.arch = arch;
		data.nr = (int)nr;
		if (!check_call(c, &data))
			return false;
	}
	if (!plan_find(c->plan, arch, nr) && bpf_is_const_allow(&c->profile->prog, arch, nr) &&
	    !bpf_is_const_allow(c->merged, arch, nr) && !is_guarded(c, arch, nr)) {
		printf("# %s: arch %x nr %u fell out of the kernel's bitmap\n", c->profile->name,
		       arch, nr);
		return false;
	}
	return true;
}

static bool check_all_numbers(struct check *c)
{
	static const uint32_t odd[] = { 0xffffffff, 0x3fffffff, 0x7fffffff, 0x80000000,
					0x40000000 };

	for (int a = 0; a < ABI_COUNT; a++) {
		const struct abi *abi = abi_get((enum abi_index)a);
		uint32_t last = abi->numbers[abi->n_numbers - 1].nr & ~abi->nr_bit;

		last = last > 1000 ? 1000 : last + 40;
		for (uint32_t nr = 0; nr <= last; nr++)
			if (!check_number(c, abi->audit_arch, nr | abi->nr_bit))
				return false;
		for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
			if (!check_number(c, abi->audit_arch, odd[i]))
				return false;
	}
	return true;
}

static bool check(const struct profile *profile, const char *const *rules)
{
	_cleanup_(bpf_prog_done) struct bpf_prog merged = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	_cleanup_(policy_freep) struct policy *policy = policy_of(ENGINE_NOTIFY, rules);
	struct check c = { .profile = profile, .merged = &merged };
	struct wl_err err = { 0 };
	bool ok;

	if (plan_new(policy, profile->native, &plan, &err) < 0 ||
	    merge_compile(&profile->prog, plan, &merged, NULL, &err) < 0) {
		printf("# %s with %s: %s\n", profile->name, rules[0] ? rules[0] : "no rule",
		       err.msg);
		return false;
	}
	c.plan = plan;
	pool_add_prog(&c.pool, &profile->prog);
	pool_add_prog(&c.pool, &merged);
	ok = check_all_numbers(&c);
	/* Rules cost their own tests; without any the filter must be faster than what it replaces. */
	if (ok && !rules[0] && profile->prog.len > 100 && c.after >= c.before) {
		printf("# %s: on average %" PRIu64 " instructions, %" PRIu64 " before\n",
		       profile->name, c.after / c.runs, c.before / c.runs);
		ok = false;
	}
	if (ok && !rules[0])
		printf("# %s: %u instructions -> %u; per call %" PRIu64 " -> %" PRIu64 "\n",
		       profile->name, profile->prog.len, merged.len, c.before / c.runs,
		       c.after / c.runs);
	pool_done(&c.pool);
	return ok;
}

static void real_profiles_merge_with_every_policy(void)
{
	tap_ok(n_profiles > 0);
	for (unsigned i = 0; i < n_profiles; i++)
		for (size_t k = 0;
		     k < (profiles[i].native->index == ABI_X86_64 ? ARRAY_SIZE(corpus) : PORTABLE);
		     k++)
			tap_ok(check(&profiles[i], corpus[k]));
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc && n_profiles < PROFILES_MAX; i++) {
		const char *slash = strrchr(argv[i], '/');
		struct profile *p = &profiles[n_profiles];

		p->name = slash ? slash + 1 : argv[i];
		p->native = native_of(p->name);
		if (!load_profile(argv[i], &p->prog)) {
			printf("Bail out! cannot load %s\n", argv[i]);
			return 1;
		}
		n_profiles++;
	}
	rng = rng_start();
	TAP_RUN(real_profiles_merge_with_every_policy);
	return TAP_DONE();
}
