/* SPDX-License-Identifier: Apache-2.0 */
/* The merged filter, run, against what profile and rules say: random profiles under random policies. */
#include <errno.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "specs/merge.h"
#include "specs/plan.h"
#include "specs/policy.h"
#include "tests/sim/gen.h"
#include "tests/sim/gen_policy.h"
#include "tests/unit/tap.h"

#define CALLS 150

static struct rng rng;
static unsigned n_refused, n_too_large, n_notified;

/* Calls that rules are about, and others. */
static void pick_call(const struct plan *plan, const struct pool *pool, struct seccomp_data *ret)
{
	const struct abi *family[3];
	size_t n = abi_family(plan->native, family);
	const struct abi *abi = family[rng_below(&rng, (uint32_t)n)];

	gen_data(&rng, pool, ret);
	if (rng_chance(&rng, 85)) {
		ret->arch = abi->audit_arch;
		if (rng_chance(&rng, 50))
			ret->nr = (int)abi->numbers[rng_below(&rng, (uint32_t)abi->n_numbers)].nr;
	}
	if (plan->n_calls && rng_chance(&rng, 60)) {
		const struct plan_call *pc = &plan->calls[rng_below(&rng, (uint32_t)plan->n_calls)];

		ret->arch = pc->abi->audit_arch;
		ret->nr = (int)pc->nr;
	}
	/* What the guard is about. */
	if (rng_chance(&rng, 10)) {
		ret->arch = abi->audit_arch;
		ret->nr = (int)sysno_number(abi, "seccomp");
		ret->args[0] = rng_below(&rng, 3) | (rng_chance(&rng, 50) ? 0xabcd00000000 : 0);
		ret->args[1] = rng_below(&rng, 16) | (rng_chance(&rng, 50) ? 0x800000000 : 0);
		ret->args[2] = (uint64_t)rng_below(&rng, 2) << 32 | rng_below(&rng, 2);
	}
}

/* The caller's memory: the same path everywhere, or none. */
static ssize_t read_path(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	const char *path = mem->ctx;
	size_t n = path ? strlen(path) + 1 : 0;

	if (!path)
		return -EFAULT;
	n = n < len ? n : len;
	memcpy(buf, path, n);
	return (ssize_t)n;
}

/* Filter and listener together: what the filter answers by itself is what a listener that sees the memory
 * would have said, whatever is there. */
static bool check_memory(const struct bpf_prog *profile, const struct plan *plan,
			 const struct seccomp_data *data, const struct seccomp_data *words,
			 uint32_t got)
{
	static const char *const paths[] = { "/etc/passwd", "/tmp/x", NULL };
	const struct plan_call *pc = plan_find(plan, data->arch, (uint32_t)data->nr);
	uint32_t verdict = profile->len ? bpf_run(profile, words, NULL) : SECCOMP_RET_ALLOW;
	struct call call;
	bool is_asked = got == SECCOMP_RET_USER_NOTIF ||
			(plan->policy->engine == ENGINE_TRACE &&
			 (got & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE);

	/* The guard of seccomp(2) asks nobody and knows no memory. */
	if (!pc || is_asked || call_init(&call, data) < 0 ||
	    (pc->def && strcmp(pc->def->name, "seccomp") == 0))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		static struct string_copy room[SYSCALL_ARGS];
		struct mem mem = { .read = read_path, .ctx = paths[i] };
		struct string_copies copies = { .mem = &mem };
		struct decision d;
		bool is_zero;

		for (int k = 0; k < SYSCALL_ARGS; k++) {
			room[k].state = 0;
			copies.of[k] = &room[k];
		}
		plan_decide(pc, &call, plan_profile_verdict(verdict, plan->policy->engine), &copies,
			    &d);
		is_zero = d.by && d.by->rule->action == ACTION_RETURN && d.by->rule->value == 0 &&
			  got == SECCOMP_RET_ERRNO;
		if (d.is_open || (d.verdict != got && !is_zero)) {
			printf("# with '%s' in memory the listener says %x, the filter %x\n",
			       paths[i] ? paths[i] : "nothing", d.verdict, got);
			return false;
		}
	}
	return true;
}

static bool check_calls(const struct bpf_prog *profile, const struct plan *plan,
			const struct bpf_prog *merged, const struct pool *pool)
{
	for (unsigned i = 0; i < CALLS; i++) {
		struct seccomp_data data, words;
		uint32_t expected, got;

		pick_call(plan, pool, &data);
		words = as_kernel_has_it(plan->native, data);
		expected = merge_verdict(profile, plan, &data);
		got = bpf_run(merged, &words, NULL);
		n_notified += got == SECCOMP_RET_USER_NOTIF;
		if (got == expected && check_memory(profile, plan, &data, &words, got))
			continue;
		printf("# arch %x nr %d (%x): filter says %x, rules say %x\n", data.arch, data.nr,
		       (unsigned)data.nr, got, expected);
		for (int k = 0; k < 6; k++)
			printf("#   arg%d %" PRIx64 "\n", k, (uint64_t)data.args[k]);
		return false;
	}
	return true;
}

/* What nothing intercepts must stay in the kernel's bitmap. */
static bool check_bitmap(const struct bpf_prog *profile, const struct plan *plan,
			 const struct bpf_prog *merged)
{
	const struct abi *family[3];
	size_t n = abi_family(plan->native, family);

	for (size_t a = 0; a < n; a++)
		for (uint32_t nr = 0; nr < 500; nr++) {
			uint32_t arch = family[a]->audit_arch;

			if (family[a]->nr_bit || plan_find(plan, arch, nr) ||
			    (int64_t)nr == sysno_number(family[a], "seccomp") ||
			    !bpf_is_const_allow(profile, arch, nr))
				continue;
			if (!bpf_is_const_allow(merged, arch, nr)) {
				printf("# arch %x nr %u is no longer always allowed\n", arch, nr);
				return false;
			}
		}
	return true;
}

static const struct bpf_prog no_profile;

static bool check(const struct bpf_prog *profile, const struct policy *policy,
		  const struct abi *native)
{
	_cleanup_(bpf_prog_done) struct bpf_prog merged = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	_cleanup_(pool_done) struct pool pool = { 0 };
	struct wl_err err = { 0 };
	int r = plan_new(policy, native, &plan, &err);

	/* The parser checks conditions against this machine's ABIs: others may differ in a call's arguments
	 * and their widths. */
	if (r < 0) {
		n_refused++;
		return true;
	}
	r = merge_compile(profile, plan, &merged, NULL, &err);
	if (r == -E2BIG) {
		n_too_large++;
		return true;
	}
	if (r < 0) {
		printf("# %s\n", err.msg);
		return false;
	}
	if (profile->len)
		pool_add_prog(&pool, profile);
	pool_add_prog(&pool, &merged);
	return check_calls(profile, plan, &merged, &pool) &&
	       (!profile->len || check_bitmap(profile, plan, &merged));
}

static const enum abi_index natives[] = { ABI_X86_64,  ABI_AARCH64, ABI_RISCV64,
					  ABI_PPC64LE, ABI_S390X,   ABI_LOONGARCH64 };

static void run(const struct abi *native, unsigned times, bool is_wild)
{
	n_refused = n_too_large = n_notified = 0;
	for (unsigned i = 0; i < times; i++) {
		_cleanup_(bpf_prog_done) struct bpf_prog profile = { 0 };
		_cleanup_(policy_freep) struct policy *policy = NULL;
		struct rng before = rng;
		int r = is_wild ? gen_wild(&rng, 60, &profile)
				: gen_profile(&rng, native, 30, &profile);

		policy = gen_policy(&rng, native, 1 + rng_below(&rng, 6));
		if (r < 0 || !policy ||
		    !check(rng_chance(&rng, 5) ? &no_profile : &profile, policy, native)) {
			_cleanup_(buf_done) struct buf text = { 0 };

			if (policy)
				policy_to_json(policy, &text);
			printf("# %s, from state %" PRIu64 ": %s\n", native->name, before.state,
			       text.data ? text.data : "");
			tap_ok(!"the filter says what profile and rules say");
			return;
		}
	}
	printf("# %s: %u merges, %u refused, %u too large, %u calls notified\n", native->name,
	       times, n_refused, n_too_large, n_notified);
	tap_ok(n_refused < times / 20 && n_too_large < times / 20 && n_notified > times);
}

static void merged_filters_say_what_profile_and_rules_say(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(natives); i++)
		run(abi_get(natives[i]), i == 0 ? 1000 : 250, false);
}

static void so_they_do_for_wild_programs(void)
{
	run(abi_get(ABI_X86_64), 1000, true);
	run(abi_get(ABI_S390X), 200, true);
}

int main(void)
{
	rng = rng_start();
	TAP_RUN(merged_filters_say_what_profile_and_rules_say);
	TAP_RUN(so_they_do_for_wild_programs);
	return TAP_DONE();
}
