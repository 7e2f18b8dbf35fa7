/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules concern which call, and who wins. */
#include "specs/plan.h"

#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/bpf.h"

/* One rule's item for one call of one ABI, before sorting. */
struct entry {
	const struct abi *abi;
	uint32_t nr;
	uint32_t order; /* of coming: rules and items as written */
	const struct syscall_def *def;
	const struct rule *rule;
	const struct call_item *item;
};

struct entries {
	struct entry *e;
	size_t n, cap;
};

static int compare_call(uint32_t arch_a, uint32_t nr_a, uint32_t arch_b, uint32_t nr_b)
{
	if (arch_a != arch_b)
		return arch_a < arch_b ? -1 : 1;
	return (nr_a > nr_b) - (nr_a < nr_b);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = compare_call(x->abi->audit_arch, x->nr, y->abi->audit_arch, y->nr);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

/* Whether the rule can be carried out without asking the listener. */
static bool is_plain(const struct rule *rule)
{
	switch (rule->action) {
	case ACTION_DENY:
	case ACTION_KILL:
	case ACTION_ERRNO:
	case ACTION_ALLOW:
		return true;
	case ACTION_RETURN:
		return rule->value == 0;
	case ACTION_TRACE:
	case ACTION_LOG:
	case ACTION_DELAY:
	case ACTION_EMULATE:
	case ACTION_REDIRECT:
	case ACTION_COUNT:
		break;
	}
	return false;
}

static int add(struct entries *list, const struct abi *abi, uint32_t nr,
	       const struct syscall_def *def, const struct rule *rule, const struct call_item *item)
{
	if (def && def->groups & GROUP_NEVER && !is_plain(rule))
		return 0;
	if (list->n == PLAN_RULES_MAX)
		return -E2BIG;
	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 256;
		struct entry *more = realloc(list->e, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->e = more;
		list->cap = cap;
	}
	list->e[list->n] = (struct entry){ abi, nr, (uint32_t)list->n, def, rule, item };
	list->n++;
	return 0;
}

static int add_group(struct entries *list, const struct abi *abi, const struct rule *rule,
		     const struct call_item *item)
{
	bool is_all = item->groups == ~(uint32_t)GROUP_NEVER;

	for (size_t i = 0; i < abi->n_numbers; i++) {
		const struct syscall_number *row = &abi->numbers[i];
		const struct syscall_def *def = sysno_def(row);
		int r;

		if (def->groups & GROUP_NEVER || !(is_all || def->groups & item->groups))
			continue;
		r = add(list, abi, row->nr, def, rule, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_item(struct entries *list, const struct abi *abi, const struct rule *rule,
		    const struct call_item *item)
{
	int64_t nr;

	if (item->abi && item->abi != abi)
		return 0;
	if (item->groups)
		return add_group(list, abi, rule, item);
	nr = item->name ? sysno_number(abi, item->name) : item->nr | (int64_t)abi->nr_bit;
	if (nr < 0)
		return 0; /* that ABI has no such call */
	return add(list, abi, (uint32_t)nr, sysno_find(abi, (uint32_t)nr), rule, item);
}

static int collect(const struct policy *policy, const struct abi *native, struct entries *list)
{
	const struct abi *family[3];
	size_t n = abi_family(native, family);

	for (size_t i = 0; i < policy->n_rules; i++)
		for (size_t k = 0; k < policy->rules[i].n_items; k++)
			for (size_t a = 0; a < n; a++) {
				int r = add_item(list, family[a], &policy->rules[i],
						 &policy->rules[i].items[k]);

				if (r < 0)
					return r;
			}
	return 0;
}

static int bind_rule(const struct policy *policy, const struct entry *e, struct plan_rule *ret,
		     struct wl_err *err)
{
	int errnum = e->item->errnum ? e->item->errnum : e->rule->errnum;
	int r;

	*ret = (struct plan_rule){ .rule = e->rule,
				   .errnum = errnum ? errnum : EPERM,
				   .index = (unsigned)(e->rule - policy->rules) };
	if (!e->item->condition)
		return 0;
	r = condition_bind(e->item->condition, e->abi, e->def, &ret->condition, err);
	if (r < 0)
		return wl_err_prefix(err, r, "rule '%s', %s", e->rule->name, e->item->text);
	/* The kernel reads the memory after us: what the filter let pass could be anything by then. */
	if (rule_relation(e->rule) == RELATION_RESTRICT && condition_needs_memory(ret->condition))
		return wl_err_say(
			err, -EINVAL,
			"rule '%s', %s: %s cannot depend on memory, which the caller can change; "
			"use redirect with strict",
			e->rule->name, e->item->text, action_rows[e->rule->action].name);
	return 0;
}

/* Never notified, so nobody could look at the memory: the rule has no say there. */
static bool is_never_open(const struct entry *e, const struct plan_rule *pr)
{
	return e->def && e->def->groups & GROUP_NEVER && pr->condition &&
	       condition_needs_memory(pr->condition);
}

static int add_cost(struct plan_call *pc, const struct entry *e, const struct plan_rule *pr,
		    struct wl_err *err)
{
	pc->cost += pr->condition ? condition_cost(pr->condition) : 0;
	if (pc->cost <= PLAN_COST_MAX)
		return 0;
	return wl_err_say(
		err, -E2BIG,
		"rule '%s', %.100s: more patterns for this call than %d (a long one counts "
		"more, a plain prefix with ** nothing): use fewer or shorter ones",
		e->rule->name, e->item->text, PLAN_COST_MAX);
}

static int fill(struct plan *plan, const struct entries *list, struct wl_err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct entry *e = &list->e[i];
		struct plan_call *pc = plan->n_calls ? &plan->calls[plan->n_calls - 1] : NULL;
		struct plan_rule *pr = &plan->rules[plan->n_rules++];
		int r = bind_rule(plan->policy, e, pr, err);

		/* A group means its calls that have the arguments of the condition. */
		if (is_never_open(e, pr) || (r == -ENOENT && e->item->groups)) {
			condition_bound_free(pr->condition);
			plan->n_rules--;
			continue;
		}
		if (r < 0)
			return r;
		if (!pc || pc->abi != e->abi || pc->nr != e->nr) {
			pc = &plan->calls[plan->n_calls++];
			*pc = (struct plan_call){
				.abi = e->abi, .nr = e->nr, .def = e->def, .rules = pr
			};
		}
		pc->n_rules++;
		r = add_cost(pc, e, pr, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_new(const struct policy *policy, const struct abi *native, struct plan **ret,
	     struct wl_err *err)
{
	_cleanup_(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
	struct entries list = { 0 };
	int r;

	if (!plan)
		return wl_err_set(err, -ENOMEM, "plan of a policy");
	r = collect(policy, native, &list);
	if (r == 0) {
		plan->policy = policy;
		plan->native = native;
		plan->calls = calloc(list.n + 1, sizeof(*plan->calls));
		plan->rules = calloc(list.n + 1, sizeof(*plan->rules));
		if (!plan->calls || !plan->rules)
			r = -ENOMEM;
	}
	if (r < 0) {
		free(list.e);
		return r == -E2BIG ? wl_err_say(err, r,
						"policy: more than %d rules, counted for each call "
						"that they concern: use groups less often",
						PLAN_RULES_MAX)
				   : wl_err_set(err, r, "plan of a policy");
	}
	if (list.n > 1)
		qsort(list.e, list.n, sizeof(*list.e), compare_entries);
	r = fill(plan, &list, err);
	free(list.e);
	if (r == 0)
		*ret = TAKE_PTR(plan);
	return r;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_rules; i++)
		condition_bound_free(plan->rules[i].condition);
	free(plan->rules);
	free(plan->calls);
	free(plan);
}

const struct plan_call *plan_find(const struct plan *plan, uint32_t audit_arch, uint32_t nr)
{
	size_t lo = 0, hi = plan->n_calls;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct plan_call *pc = &plan->calls[mid];
		int r = compare_call(pc->abi->audit_arch, pc->nr, audit_arch, nr);

		if (r == 0)
			return pc;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static uint32_t restrict_verdict(const struct plan_rule *pr)
{
	return pr->rule->action == ACTION_KILL ? SECCOMP_RET_KILL_PROCESS
					       : SECCOMP_RET_ERRNO | (uint32_t)pr->errnum;
}

static uint32_t override_verdict(const struct plan_rule *pr)
{
	if (pr->rule->action == ACTION_ERRNO)
		return SECCOMP_RET_ERRNO | (uint32_t)pr->errnum;
	return pr->rule->action == ACTION_ALLOW ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF;
}

static void note_observer(const struct plan_rule *pr, struct decision *d)
{
	if (pr->rule->action == ACTION_DELAY)
		d->delay = d->delay ? d->delay : pr;
	else if (!d->observer ||
		 (d->observer->rule->action == ACTION_LOG && pr->rule->action == ACTION_TRACE))
		d->observer = pr;
}

void plan_decide(const struct plan_call *pc, const struct call *call, uint32_t profile_verdict,
		 struct string_copies *copies, struct decision *ret)
{
	const struct plan_rule *restricts = NULL, *overrides = NULL;
	struct decision d = { .verdict = plan_profile_verdict(profile_verdict, ENGINE_NOTIFY) };

	for (size_t i = 0; i < pc->n_rules; i++) {
		const struct plan_rule *pr = &pc->rules[i];
		enum relation relation = rule_relation(pr->rule);
		enum tri holds = TRI_TRUE;

		if (relation == RELATION_OVERRIDE && overrides)
			continue;
		if (pr->condition)
			holds = condition_eval(pr->condition, call, copies);
		if (holds == TRI_FALSE)
			continue;
		if (relation == RELATION_OBSERVE) {
			note_observer(pr, &d);
		} else if (relation == RELATION_OVERRIDE) {
			overrides = pr;
			d.is_open = holds == TRI_UNKNOWN;
		} else if (!restricts || bpf_action_rank(restrict_verdict(pr)) <
						 bpf_action_rank(restrict_verdict(restricts))) {
			restricts = pr;
		}
	}
	if (restricts) {
		uint32_t verdict = restrict_verdict(restricts);

		d.is_open = false;
		/* Of two equally strong answers the profile's stays: its errno is what programs expect. */
		if (bpf_action_rank(verdict) < bpf_action_rank(d.verdict) ||
		    restricts->rule->action == ACTION_KILL) {
			d.by = restricts;
			d.verdict = verdict;
		}
	} else if (overrides) {
		d.by = overrides;
		d.verdict = override_verdict(overrides);
	}
	*ret = d;
}
