/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for one call on top of what the profile decides: annotations.md, "Who wins". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/merge_parts.h"

/* What the conditions met so far have chosen: indexes into the call's rules + 1, 0 for none. */
struct choice {
	uint16_t restricts, overrides, observer;
	bool is_open;	 /* the override's condition needs memory */
	bool is_guarded; /* NEW_LISTENER: only what is as strong as EBUSY counts */
};

struct visited {
	struct choice choice;
	uint32_t node;
	uint32_t next; /* of the same rule, index + 1 */
};

/* More ways of choosing on one call than any policy has use for; a hostile one has millions. */
#define VISITED_MAX 32768u

struct compose {
	struct merge *m;
	const struct plan_call *pc;
	uint32_t profile;
	uint16_t *same; /* owned; by rule: the first that comes to the same, + 1; or NULL */
	struct visited *visited; /* owned */
	size_t n, cap;
	uint32_t *heads; /* owned; by rule: its visits, index + 1 */
};

static const struct plan_rule *chosen(const struct compose *c, uint16_t index)
{
	return index ? &c->pc->rules[index - 1] : NULL;
}

/* Stands for "ask the listener": which rule, for a tracer. */
static uint32_t notify(const struct compose *c, uint16_t index)
{
	if (!index)
		return 0;
	if (c->m->plan->policy->engine == ENGINE_TRACE)
		return SECCOMP_RET_TRACE | (c->pc->rules[index - 1].index + 1);
	return SECCOMP_RET_USER_NOTIF;
}

static uint32_t leaf_restricted(struct compose *c, const struct choice *ch)
{
	const struct plan_rule *pr = chosen(c, ch->restricts);
	struct mapping mapping = { .kind = MAP_RESTRICT };

	if (pr && pr->rule->action == ACTION_KILL)
		return bpf_node_ret(&c->m->dag, SECCOMP_RET_KILL_PROCESS);
	mapping.restricted = SECCOMP_RET_ERRNO | (uint32_t)(pr ? pr->errnum : EBUSY);
	if (!ch->is_guarded) {
		mapping.notify = notify(c, ch->observer);
		mapping.notify_by = mapping.notify ? notify(c, ch->restricts) : 0;
	}
	return merge_map_node(c->m, c->profile, &mapping);
}

static uint32_t leaf_overridden(struct compose *c, const struct choice *ch)
{
	const struct plan_rule *pr = chosen(c, ch->overrides);
	uint32_t verdict = 0;
	bool is_plain = !ch->is_open && !ch->observer;

	if (pr->rule->action == ACTION_ERRNO)
		verdict = SECCOMP_RET_ERRNO | (uint32_t)pr->errnum;
	else if (pr->rule->action == ACTION_ALLOW)
		verdict = SECCOMP_RET_ALLOW;
	else if (pr->rule->action == ACTION_RETURN && pr->rule->value == 0)
		verdict = SECCOMP_RET_ERRNO; /* the kernel returns 0 */
	else
		is_plain = false;
	return bpf_node_ret(&c->m->dag, is_plain ? verdict : notify(c, ch->overrides));
}

static uint32_t leaf(struct compose *c, const struct choice *ch)
{
	struct mapping mapping = { .kind = MAP_KEEP };

	if (ch->restricts || ch->is_guarded)
		return leaf_restricted(c, ch);
	if (ch->overrides)
		return leaf_overridden(c, ch);
	if (ch->observer) {
		mapping.kind = MAP_OBSERVE;
		mapping.notify = notify(c, ch->observer);
	}
	return merge_map_node(c->m, c->profile, &mapping);
}

/* Of observers the first TRACE stands for all, else the first LOG, else the first DELAY. */
static int observer_class(const struct plan_rule *pr)
{
	return pr->rule->action == ACTION_TRACE ? 0 : pr->rule->action == ACTION_LOG ? 1 : 2;
}

/* What a rule comes to when it is chosen, as far as the filter's answer goes. */
enum {
	OUTCOME_KILL = 4096,
	OUTCOME_ERRNO,
	OUTCOME_ALLOW = OUTCOME_ERRNO + 4096,
	OUTCOME_OBSERVE,
	OUTCOME_ASK,
	OUTCOMES
};

static unsigned outcome(const struct plan_rule *pr)
{
	if (rule_relation(pr->rule) == RELATION_OBSERVE)
		return OUTCOME_OBSERVE;
	if (pr->rule->action == ACTION_KILL)
		return OUTCOME_KILL;
	if (pr->rule->action == ACTION_ALLOW)
		return OUTCOME_ALLOW;
	if (pr->rule->action == ACTION_RETURN && pr->rule->value == 0)
		return OUTCOME_ERRNO;
	if (pr->errnum < 0 || pr->errnum >= 4096)
		return OUTCOME_ASK;
	if (pr->rule->action == ACTION_DENY)
		return (unsigned)pr->errnum;
	return pr->rule->action == ACTION_ERRNO ? OUTCOME_ERRNO + (unsigned)pr->errnum
						: OUTCOME_ASK;
}

/* Few rules are as quick without. A tracer is told which rule asks: there each is its own. */
#define SAME_MIN 16

static void find_same(struct compose *c)
{
	_cleanup_free_ uint16_t *first = NULL;

	if (!c->pc || c->pc->n_rules < SAME_MIN || c->m->plan->policy->engine != ENGINE_NOTIFY)
		return;
	first = calloc(OUTCOMES, sizeof(*first));
	c->same = malloc(c->pc->n_rules * sizeof(*c->same));
	if (!first || !c->same) {
		c->m->dag.error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < c->pc->n_rules; i++) {
		uint16_t *at = &first[outcome(&c->pc->rules[i])];

		*at = *at ? *at : (uint16_t)(i + 1);
		c->same[i] = *at;
	}
}

/* The choice if rule i (from 0) is met; false: it changes nothing. */
static bool choose(const struct compose *c, const struct choice *ch, uint16_t i, struct choice *ret)
{
	const struct plan_rule *pr = &c->pc->rules[i], *old;
	uint16_t same = c->same ? c->same[i] : (uint16_t)(i + 1);

	memcpy(ret, ch, sizeof(*ret));
	switch (rule_relation(pr->rule)) {
	case RELATION_RESTRICT:
		old = chosen(c, ch->restricts);
		if (old && (old->rule->action == ACTION_KILL || pr->rule->action != ACTION_KILL))
			return false;
		ret->restricts = same;
		ret->overrides = 0;
		ret->is_open = false;
		return true;
	case RELATION_OVERRIDE:
		if (ch->restricts || ch->overrides || ch->is_guarded)
			return false;
		ret->overrides = same;
		return true;
	case RELATION_OBSERVE:
		old = chosen(c, ch->observer);
		if (ch->is_guarded || (old && c->m->plan->policy->engine == ENGINE_NOTIFY) ||
		    (old && observer_class(old) <= observer_class(pr)))
			return false;
		ret->observer = same;
		return true;
	}
	return false;
}

static const struct visited *find_visited(const struct compose *c, const struct choice *ch,
					  uint16_t rule)
{
	for (uint32_t i = c->heads ? c->heads[rule] : 0; i; i = c->visited[i - 1].next)
		if (memcmp(&c->visited[i - 1].choice, ch, sizeof(*ch)) == 0)
			return &c->visited[i - 1];
	return NULL;
}

static void put_visited(struct compose *c, const struct choice *ch, uint16_t rule, uint32_t node)
{
	if (c->n == VISITED_MAX) {
		c->m->dag.error = -E2BIG;
		return;
	}
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct visited *more = realloc(c->visited, cap * sizeof(*more));

		c->visited = more ? more : c->visited;
		c->cap = more ? cap : c->cap;
		if (!c->heads)
			c->heads = calloc(c->pc->n_rules, sizeof(*c->heads));
		if (!more || !c->heads) {
			c->m->dag.error = -ENOMEM;
			return;
		}
	}
	memset(&c->visited[c->n], 0, sizeof(c->visited[c->n]));
	memcpy(&c->visited[c->n].choice, ch, sizeof(*ch));
	c->visited[c->n].node = node;
	c->visited[c->n].next = c->heads[rule];
	c->heads[rule] = (uint32_t)++c->n;
}

/* The decision of rules i.. under what was chosen before. */
static uint32_t compose(struct compose *c, const struct choice *before, uint16_t i)
{
	struct choice ch, met, open;
	uint32_t yes, no, maybe, node;
	const struct plan_rule *pr = NULL;

	memcpy(&ch, before, sizeof(ch));
	for (; c->pc && i < c->pc->n_rules; i++) {
		pr = &c->pc->rules[i];
		if (!choose(c, &ch, i, &met))
			continue;
		if (pr->condition)
			break;
		memcpy(&ch, &met, sizeof(ch));
	}
	if (c->m->dag.error)
		return 0;
	if (!c->pc || !pr || i == c->pc->n_rules)
		return leaf(c, &ch);
	if (find_visited(c, &ch, i))
		return find_visited(c, &ch, i)->node;
	memcpy(&open, &met, sizeof(open));
	open.is_open = rule_relation(pr->rule) == RELATION_OVERRIDE;
	no = compose(c, &ch, (uint16_t)(i + 1));
	yes = compose(c, &met, (uint16_t)(i + 1));
	maybe = compose(c, &open, (uint16_t)(i + 1));
	node = merge_condition(&c->m->dag, c->pc->abi, condition_tree(pr->condition), yes, no,
			       maybe);
	put_visited(c, &ch, i, node);
	return node;
}

uint32_t merge_compose(struct merge *m, const struct plan_call *pc, const struct abi *abi,
		       uint32_t nr, uint32_t profile)
{
	struct compose c = { .m = m, .pc = pc, .profile = profile };
	struct choice none, guarded;
	uint32_t node;

	memset(&none, 0, sizeof(none));
	memset(&guarded, 0, sizeof(guarded));
	guarded.is_guarded = true;
	find_same(&c);
	node = compose(&c, &none, 0);
	if (m->has_guard && merge_is_guarded(abi, nr))
		node = merge_guard(&m->dag, abi, compose(&c, &guarded, 0), node);
	free(c.same);
	free(c.visited);
	free(c.heads);
	return bpf_node_prune(&m->dag, node);
}
