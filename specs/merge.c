/* SPDX-License-Identifier: Apache-2.0 */
/* Profile + plan -> the one merged filter. HACKING.md, "The merge". */
#include "specs/merge.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/merge_parts.h"

#define MERGE_NODES 65536u

/* A kernel's 64-bit ABI and its 32-bit ABI, as far as seccomp_data.arch tells them apart. */
#define FAMILY_ARCHES 3

static void merge_done(struct merge *m)
{
	bpf_dag_done(&m->dag);
	free(m->mappings);
	free(m->mapped.slots);
	free(m->pairs);
}

static bool rule_may_notify(const struct plan_rule *pr)
{
	if (rule_relation(pr->rule) == RELATION_OBSERVE)
		return true;
	if (rule_relation(pr->rule) == RELATION_RESTRICT)
		return false;
	return pr->rule->action == ACTION_EMULATE || pr->rule->action == ACTION_REDIRECT ||
	       (pr->rule->action == ACTION_RETURN && pr->rule->value != 0) ||
	       (pr->condition && condition_needs_memory(pr->condition));
}

bool merge_needs_listener(const struct plan *plan)
{
	if (plan->policy->engine != ENGINE_NOTIFY)
		return false;
	for (size_t i = 0; i < plan->n_rules; i++)
		if (rule_may_notify(&plan->rules[i]))
			return true;
	return false;
}

/* The profile as a decision: taken apart, or as a block if that would explode. */
static uint32_t profile_node(struct merge *m, const struct bpf_prog *profile, bool as_block)
{
	uint32_t node = 0, computed, *exits;

	if (!profile || profile->len == 0)
		return bpf_node_ret(&m->dag, SECCOMP_RET_ALLOW);
	if (!as_block)
		return bpf_lift(&m->dag, profile, &node) < 0 ? 0 : node;
	exits = calloc(profile->len, sizeof(*exits));
	if (!exits) {
		m->dag.error = -ENOMEM;
		return 0;
	}
	computed = bpf_node_ret_expr(&m->dag, bpf_expr_scratch(&m->dag, BPF_BLOCK_SLOT));
	for (unsigned pc = 0; pc < profile->len; pc++)
		if (BPF_CLASS(profile->insns[pc].code) == BPF_RET)
			exits[pc] = BPF_RVAL(profile->insns[pc].code) == BPF_A
					    ? computed
					    : bpf_node_ret(&m->dag, profile->insns[pc].k);
	return bpf_node_block(&m->dag, profile, exits);
}

static bool profile_notifies(const struct merge *m, const struct bpf_prog *profile, bool as_block)
{
	for (unsigned pc = 0; as_block && profile && pc < profile->len; pc++)
		if (profile->insns[pc].code == (BPF_RET | BPF_K) &&
		    (profile->insns[pc].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			return true;
	for (uint32_t id = 1; !as_block && id < m->dag.n_nodes; id++) {
		uint32_t verdict;

		if (bpf_node_is_const(&m->dag, id, &verdict) &&
		    (verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			return true;
	}
	return false;
}

/* The calls of one seccomp_data.arch that rules or the guard concern, ascending. */
struct concerned {
	const struct plan_call *first; /* of this arch, in the plan */
	size_t n_calls;
	const struct abi *abis[FAMILY_ARCHES];
	size_t n_abis;
	uint32_t *numbers; /* owned */
	size_t n;
};

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int find_concerned(const struct merge *m, uint32_t arch, const struct abi *const *family,
			  size_t n_family, struct concerned *c)
{
	size_t n = 0;

	*c = (struct concerned){ 0 };
	for (size_t i = 0; i < m->plan->n_calls; i++)
		if (m->plan->calls[i].abi->audit_arch == arch) {
			c->first = c->n_calls ? c->first : &m->plan->calls[i];
			c->n_calls++;
		}
	c->numbers = malloc((c->n_calls + FAMILY_ARCHES) * sizeof(*c->numbers));
	if (!c->numbers)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_calls; i++)
		c->numbers[c->n++] = c->first[i].nr;
	for (size_t i = 0; i < n_family; i++) {
		int64_t nr = sysno_number(family[i], "seccomp");

		if (family[i]->audit_arch != arch)
			continue;
		c->abis[c->n_abis++] = family[i];
		if (m->has_guard && nr >= 0)
			c->numbers[c->n++] = (uint32_t)nr;
	}
	qsort(c->numbers, c->n, sizeof(*c->numbers), compare_u32);
	for (size_t i = 0; i < c->n; i++)
		if (n == 0 || c->numbers[i] != c->numbers[n - 1])
			c->numbers[n++] = c->numbers[i];
	c->n = n;
	return 0;
}

static const struct abi *abi_of_number(const struct concerned *c, uint32_t nr)
{
	const struct abi *abi = c->abis[0];

	for (size_t i = 0; i < c->n_abis; i++)
		if (c->abis[i]->nr_bit == (nr & c->abis[i]->nr_bit) &&
		    c->abis[i]->nr_bit >= abi->nr_bit)
			abi = c->abis[i];
	return abi;
}

/* Whether the listener (or tracer) can be asked: that verdict is somewhere below the node. */
static bool can_notify(const struct merge *m, uint32_t node, uint8_t *known)
{
	const struct bpf_node *n = &m->dag.nodes[node];
	uint32_t verdict, action = m->plan->policy->engine == ENGINE_TRACE ? SECCOMP_RET_TRACE
									   : SECCOMP_RET_USER_NOTIF;
	bool can;

	if (known[node])
		return known[node] == 2;
	if (n->kind == BPF_NODE_TEST)
		can = can_notify(m, n->t, known) || can_notify(m, n->f, known);
	else
		can = bpf_node_is_const(&m->dag, node, &verdict) &&
		      (verdict & SECCOMP_RET_ACTION_FULL) == action;
	known[node] = can ? 2 : 1;
	return can;
}

static void count_notified(struct merge *m, const struct bpf_ranges *ranges)
{
	_cleanup_free_ uint8_t *known = calloc(m->dag.n_nodes, 1);

	for (size_t i = 0; known && i < ranges->n; i++)
		m->n_notified += ranges->r[i].lo == ranges->r[i].hi &&
				 can_notify(m, ranges->r[i].node, known);
}

/* All calls of one arch: a tree over their numbers. */
static uint32_t merge_arch(struct merge *m, uint32_t profile, uint32_t arch, struct concerned *c)
{
	_cleanup_(bpf_ranges_done) struct bpf_ranges ranges = { 0 };
	static const struct mapping keep = { .kind = MAP_KEEP };
	uint32_t node = bpf_node_restrict(&m->dag, profile, BPF_WORD_ARCH, arch);
	size_t next = 0;
	int r = bpf_ranges_split(&m->dag, node, c->numbers, c->n, &ranges);

	if (r < 0) {
		m->dag.error = r;
		return 0;
	}
	for (size_t i = 0; i < ranges.n && !m->dag.error; i++) {
		struct bpf_range *range = &ranges.r[i];

		if (next < c->n && range->lo == c->numbers[next]) {
			uint32_t nr = c->numbers[next++];

			range->node = merge_compose(m, plan_find(m->plan, arch, nr),
						    abi_of_number(c, nr), nr, range->node);
		} else {
			range->node =
				merge_map_node(m, bpf_node_prune(&m->dag, range->node), &keep);
		}
	}
	if (!m->dag.error)
		count_notified(m, &ranges);
	return bpf_ranges_tree(&m->dag, &ranges);
}

/* Architectures as seccomp_data has them, native first; x32 hides behind x86_64. */
static size_t family_arches(const struct abi *const *family, size_t n, uint32_t *arches)
{
	size_t n_arches = 0;

	for (size_t i = 0; i < n; i++)
		if (n_arches == 0 || (arches[0] != family[i]->audit_arch &&
				      arches[n_arches - 1] != family[i]->audit_arch))
			arches[n_arches++] = family[i]->audit_arch;
	return n_arches;
}

static int merge_all(struct merge *m, uint32_t profile, uint32_t *ret_node)
{
	static const struct mapping keep = { .kind = MAP_KEEP };
	const struct abi *family[FAMILY_ARCHES];
	size_t n_family = abi_family(m->plan->native, family), n_arches;
	uint32_t arches[FAMILY_ARCHES], arch = bpf_expr_load(&m->dag, BPF_WORD_ARCH), node;

	n_arches = family_arches(family, n_family, arches);
	/* No kernel of this family says another arch; it gets what the profile has for it. */
	node = bpf_node_exclude(&m->dag, profile, BPF_WORD_ARCH, arches, n_arches);
	node = merge_map_node(m, node, &keep);
	for (size_t i = n_arches; i-- > 0 && !m->dag.error;) {
		struct concerned c;
		int r = find_concerned(m, arches[i], family, n_family, &c);

		if (r == 0)
			node = bpf_node_test(&m->dag, BPF_JEQ, arch,
					     bpf_expr_const(&m->dag, arches[i]),
					     merge_arch(m, profile, arches[i], &c), node);
		free(c.numbers);
		if (r < 0)
			return r;
	}
	*ret_node = node;
	return m->dag.error;
}

int merge_try(const struct bpf_prog *profile, const struct plan *plan, bool as_block,
	      struct bpf_prog *ret_prog, unsigned *ret_notified, struct wl_err *err)
{
	_cleanup_(merge_done) struct merge m = { .plan = plan };
	uint32_t node = 0;
	int r;

	ret_prog->len = BPF_MAXINSNS + 1;
	m.has_guard = merge_needs_listener(plan);
	r = bpf_dag_init(&m.dag, MERGE_NODES);
	if (r < 0)
		return r;
	node = profile_node(&m, profile, as_block);
	if (m.dag.error)
		return m.dag.error;
	if (profile_notifies(&m, profile, as_block))
		return wl_err_say(
			err, -EBUSY,
			"the profile sends notifications to a listener of its own; a filter "
			"has one listener: take listenerPath and SCMP_ACT_NOTIFY out of it");
	r = merge_all(&m, node, &node);
	if (ret_notified)
		*ret_notified = m.n_notified;
	return r < 0 ? r : bpf_emit(&m.dag, node, ret_prog);
}

int merge_compile(const struct bpf_prog *profile, const struct plan *plan,
		  struct bpf_prog *ret_prog, struct merge_stats *ret_stats, struct wl_err *err)
{
	struct bpf_prog prog = { 0 };
	unsigned notified = 0;
	unsigned needed;
	int r = merge_try(profile, plan, false, &prog, &notified, err);

	needed = prog.len;
	if (r == -E2BIG && profile)
		r = merge_try(profile, plan, true, &prog, &notified, err);
	if (r == -E2BIG)
		return merge_blame(profile, plan, needed, err);
	if (r == -EBUSY)
		return r;
	if (r < 0)
		return wl_err_set(err, r, "merge of profile and policy");
	r = bpf_validate(prog.insns, prog.len, err);
	if (r < 0) {
		bpf_prog_done(&prog);
		return wl_err_prefix(err, r, "merged filter (a mistake of waylay's)");
	}
	if (ret_stats)
		*ret_stats = (struct merge_stats){ .profile_len = profile ? profile->len : 0,
						   .merged_len = prog.len,
						   .notified = notified };
	*ret_prog = prog;
	return 0;
}

/* As a kernel of the plan's byte order has the words of an argument. */
static struct seccomp_data as_kernel_has_it(const struct plan *plan,
					    const struct seccomp_data *data)
{
	struct seccomp_data d = *data;

	if (plan->native->big_endian != (__BYTE_ORDER == __BIG_ENDIAN)) {
		d.instruction_pointer = d.instruction_pointer << 32 | d.instruction_pointer >> 32;
		for (int i = 0; i < 6; i++)
			d.args[i] = d.args[i] << 32 | d.args[i] >> 32;
	}
	return d;
}

/* The filter's answer for a decision: what needs nobody is said at once. */
static uint32_t decision_verdict(const struct plan *plan, const struct decision *d)
{
	const struct plan_rule *observer = d->observer ? d->observer : d->delay;
	const struct plan_rule *asked = d->by ? d->by : observer;
	uint32_t action = d->verdict & SECCOMP_RET_ACTION_FULL;
	bool is_override = d->by && rule_relation(d->by->rule) == RELATION_OVERRIDE;

	if (is_override && !d->is_open && !observer && d->by->rule->action == ACTION_RETURN &&
	    d->by->rule->value == 0)
		return SECCOMP_RET_ERRNO;
	if (action != SECCOMP_RET_USER_NOTIF && !(is_override && (d->is_open || observer)) &&
	    !(observer && (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ||
			   action == SECCOMP_RET_ERRNO)))
		return d->verdict;
	return plan->policy->engine == ENGINE_TRACE ? SECCOMP_RET_TRACE | (asked->index + 1)
						    : SECCOMP_RET_USER_NOTIF;
}

uint32_t merge_verdict(const struct bpf_prog *profile, const struct plan *plan,
		       const struct seccomp_data *data)
{
	struct seccomp_data words = as_kernel_has_it(plan, data);
	uint32_t verdict =
		profile && profile->len ? bpf_run(profile, &words, NULL) : SECCOMP_RET_ALLOW;
	const struct plan_call *pc = plan_find(plan, data->arch, (uint32_t)data->nr);
	struct decision d = { .verdict = plan_profile_verdict(verdict, plan->policy->engine) };
	struct call call;

	if (call_init(&call, data) < 0)
		return d.verdict;
	if (pc)
		plan_decide(pc, &call, d.verdict, NULL, &d);
	/* The guard is one more restricting rule, the weakest of them, and never asks. */
	if (merge_needs_listener(plan) && call.abi->native == plan->native->index &&
	    merge_is_guarded(call.abi, (uint32_t)data->nr) && merge_guard_holds(call.abi, data)) {
		if (d.by && rule_relation(d.by->rule) == RELATION_RESTRICT)
			return d.verdict;
		return bpf_stronger(plan_profile_verdict(verdict, plan->policy->engine),
				    SECCOMP_RET_ERRNO | EBUSY);
	}
	return decision_verdict(plan, &d);
}
