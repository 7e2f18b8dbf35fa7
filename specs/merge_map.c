/* SPDX-License-Identifier: Apache-2.0 */
/* The profile's verdicts, turned into those of the merged filter: annotations.md, "Who wins". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/merge_parts.h"

uint32_t merge_map_verdict(const struct merge *m, uint32_t verdict, const struct mapping *mapping)
{
	uint32_t v = plan_profile_verdict(verdict, m->plan->policy->engine),
		 action = v & SECCOMP_RET_ACTION_FULL;

	if (mapping->kind == MAP_RESTRICT &&
	    bpf_action_rank(mapping->restricted) < bpf_action_rank(v))
		return mapping->notify ? mapping->notify_by : mapping->restricted;
	if (mapping->kind == MAP_KEEP || !mapping->notify)
		return v;
	if (action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_LOG || action == SECCOMP_RET_ALLOW)
		return mapping->notify;
	return v;
}

/* A verdict that is computed: told apart by its action when the filter runs. */
static uint32_t map_computed(struct merge *m, uint32_t expr, const struct mapping *mapping)
{
	static const uint32_t actions[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
		SECCOMP_RET_ERRNO,	  SECCOMP_RET_USER_NOTIF,  SECCOMP_RET_TRACE,
		SECCOMP_RET_LOG,	  SECCOMP_RET_ALLOW,
	};
	struct bpf_dag *dag = &m->dag;
	uint32_t keep = bpf_node_ret_expr(dag, expr), node = keep;
	uint32_t action =
		bpf_expr_alu(dag, BPF_AND, expr, bpf_expr_const(dag, SECCOMP_RET_ACTION_FULL));

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		/* Data that no rule writes: what comes back changed is not the profile's own. */
		uint32_t probe = actions[i] | 0xfffe, to = merge_map_verdict(m, probe, mapping);

		if (to != probe)
			node = bpf_node_test(dag, BPF_JEQ, action, bpf_expr_const(dag, actions[i]),
					     bpf_node_ret(dag, to), node);
	}
	return node;
}

static uint32_t mapping_id(struct merge *m, const struct mapping *mapping)
{
	struct mapping *more;

	for (uint32_t i = 0; i < m->n_mappings; i++)
		if (memcmp(&m->mappings[i], mapping, sizeof(*mapping)) == 0)
			return i;
	if (m->n_mappings == MERGE_MAPPINGS) {
		m->dag.error = -E2BIG;
		return 0;
	}
	more = realloc(m->mappings, (m->n_mappings + 1) * sizeof(*more));
	if (!more) {
		m->dag.error = -ENOMEM;
		return 0;
	}
	m->mappings = more;
	more[m->n_mappings] = *mapping;
	return m->n_mappings++;
}

static uint32_t pair_hash(uint32_t mapping, uint32_t node)
{
	return (mapping * 0x9e3779b9u ^ node) * 0x85ebca6bu >> 7;
}

static uint32_t *pair_slot(struct merge *m, uint32_t mapping, uint32_t node)
{
	uint32_t at = pair_hash(mapping, node) & m->mapped.mask;

	for (; m->mapped.slots[at]; at = (at + 1) & m->mapped.mask) {
		const struct mapped_pair *p = &m->pairs[m->mapped.slots[at] - 1];

		if (p->mapping == mapping && p->node == node)
			break;
	}
	return &m->mapped.slots[at];
}

static int pairs_grow(struct merge *m)
{
	uint32_t cap = m->cap_pairs ? 2 * m->cap_pairs : 1024;
	struct mapped_pair *pairs = realloc(m->pairs, cap * sizeof(*pairs));
	uint32_t *slots = calloc(2 * (size_t)cap, sizeof(*slots));

	m->pairs = pairs ? pairs : m->pairs;
	if (!pairs || !slots) {
		free(slots);
		m->dag.error = -ENOMEM;
		return -ENOMEM;
	}
	free(m->mapped.slots);
	m->mapped.slots = slots;
	m->mapped.mask = 2 * cap - 1;
	m->cap_pairs = cap;
	for (uint32_t i = 0; i < m->n_pairs; i++)
		*pair_slot(m, pairs[i].mapping, pairs[i].node) = i + 1;
	return 0;
}

static uint32_t map(struct merge *m, uint32_t id, uint32_t node);

/* A copy of the block whose ways out are mapped. */
static uint32_t map_block(struct merge *m, uint32_t id, uint32_t node)
{
	const struct bpf_prog *prog = m->dag.blocks[m->dag.nodes[node].a].prog;
	uint32_t *exits = calloc(prog->len, sizeof(*exits));
	bool is_same = true;

	if (!exits) {
		m->dag.error = -ENOMEM;
		return 0;
	}
	for (unsigned pc = 0; pc < prog->len; pc++) {
		uint32_t exit = m->dag.blocks[m->dag.nodes[node].a].exits[pc];

		if (exit)
			exits[pc] = map(m, id, exit);
		is_same = is_same && exits[pc] == exit;
	}
	if (!is_same)
		return bpf_node_block(&m->dag, prog, exits);
	free(exits);
	return node;
}

static uint32_t map_uncached(struct merge *m, uint32_t id, uint32_t node)
{
	const struct bpf_node *n = &m->dag.nodes[node];
	uint32_t verdict;

	if (bpf_node_is_const(&m->dag, node, &verdict))
		return bpf_node_ret(&m->dag, merge_map_verdict(m, verdict, &m->mappings[id]));
	if (n->kind == BPF_NODE_RET)
		return map_computed(m, n->a, &m->mappings[id]);
	if (n->kind == BPF_NODE_BLOCK)
		return map_block(m, id, node);
	return bpf_node_test(&m->dag, n->op, n->a, n->b, map(m, id, n->t), map(m, id, n->f));
}

static uint32_t map(struct merge *m, uint32_t id, uint32_t node)
{
	uint32_t to;

	if (m->dag.error || (m->n_pairs == m->cap_pairs && pairs_grow(m) < 0))
		return 0;
	if (*pair_slot(m, id, node))
		return m->pairs[*pair_slot(m, id, node) - 1].to;
	to = map_uncached(m, id, node);
	if (m->dag.error || (m->n_pairs == m->cap_pairs && pairs_grow(m) < 0))
		return 0;
	m->pairs[m->n_pairs] = (struct mapped_pair){ id, node, to };
	*pair_slot(m, id, node) = ++m->n_pairs;
	return to;
}

uint32_t merge_map_node(struct merge *m, uint32_t node, const struct mapping *mapping)
{
	return map(m, mapping_id(m, mapping), node);
}
