/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules make a merged filter too large: tried, one left out at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/merge_parts.h"

/* Rules tried at most, those of the most calls first: each try is a whole merge. */
#define BLAME_TRIES 12
#define BLAME_NAMED 3

struct suspect {
	unsigned rule; /* index in the policy */
	size_t n_calls;
	unsigned saves; /* instructions */
};

static int by_calls(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	return (x->n_calls < y->n_calls) - (x->n_calls > y->n_calls);
}

static int by_savings(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	return (x->saves < y->saves) - (x->saves > y->saves);
}

/* Size of the merge without one rule; 0 if that cannot be told. */
static unsigned size_without(const struct bpf_prog *profile, const struct plan *plan, unsigned rule)
{
	_cleanup_(plan_freep) struct plan *less = NULL;
	_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
	_cleanup_free_ struct rule *rules = malloc(plan->policy->n_rules * sizeof(*rules));
	struct policy policy = *plan->policy;
	int r;

	if (!rules)
		return 0;
	memcpy(rules, policy.rules, rule * sizeof(*rules));
	memcpy(rules + rule, policy.rules + rule + 1, (policy.n_rules - rule - 1) * sizeof(*rules));
	policy.rules = rules;
	policy.n_rules--;
	r = plan_new(&policy, plan->native, &less, NULL);
	if (r == 0)
		r = merge_try(profile, less, false, &prog, NULL, NULL);
	return r == 0 || r == -E2BIG ? prog.len : 0;
}

int merge_blame(const struct bpf_prog *profile, const struct plan *plan, unsigned needed,
		struct wl_err *err)
{
	size_t n_rules = plan->policy->n_rules,
	       n_tried = n_rules < BLAME_TRIES ? n_rules : BLAME_TRIES;
	_cleanup_free_ struct suspect *s = calloc(n_rules + 1, sizeof(*s));
	_cleanup_(buf_done) struct buf names = { 0 };

	for (unsigned i = 0; s && i < n_rules; i++)
		s[i].rule = i;
	for (size_t i = 0; s && i < plan->n_rules; i++)
		s[plan->rules[i].index].n_calls++;
	if (s)
		qsort(s, n_rules, sizeof(*s), by_calls);
	for (size_t i = 0; s && i < n_tried; i++) {
		unsigned size = size_without(profile, plan, s[i].rule);

		s[i].saves = size && size < needed ? needed - size : 0;
	}
	if (s)
		qsort(s, n_tried, sizeof(*s), by_savings);
	for (size_t i = 0; s && i < n_tried && i < BLAME_NAMED && s[i].saves; i++)
		buf_printf(&names, "%s'%s' (saves %u)", i ? ", " : "",
			   plan->policy->rules[s[i].rule].name, s[i].saves);
	return wl_err_say(err, -E2BIG,
			  "the merged filter needs %u instructions, the kernel takes %u; %s%s",
			  needed, BPF_MAXINSNS,
			  names.len ? "drop or simplify rules: " : "the profile is too large",
			  names.len ? names.data : "");
}
