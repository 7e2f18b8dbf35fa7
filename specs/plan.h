/* SPDX-License-Identifier: Apache-2.0 */
/* A policy resolved for one machine: which rules concern which call, with conditions bound. Made from
 * the same policy by the hook (to compile the filter) and by the listener (to decide). */
#pragma once

#include <errno.h>

#include "arch/call.h"
#include "specs/policy.h"

/* A policy comes from people who must not be trusted with the host, and the listener serves others too. */
#define PLAN_RULES_MAX 65536 /* rules of a policy, counted for each call that they concern */
#define PLAN_COST_MAX \
	128 /* glob_cost() of one call's patterns: two milliseconds on the longest path */

struct plan_rule {
	const struct rule *rule;
	struct condition_bound *condition; /* owned; NULL: always */
	int errnum;			   /* DENY, ERRNO: positive */
	unsigned index;			   /* of the rule in the policy */
};

/* The rules for one call, in the order of the policy. */
struct plan_call {
	const struct abi *abi;
	uint32_t nr;
	const struct syscall_def *def; /* NULL for a raw number that the tables do not know */
	struct plan_rule *rules;       /* inside plan.rules */
	size_t n_rules;
	unsigned cost; /* of its patterns */
};

struct plan {
	const struct policy *policy; /* borrowed */
	const struct abi *native;
	struct plan_call *calls; /* ascending by (audit_arch, nr) */
	size_t n_calls;
	struct plan_rule *rules; /* of all calls, one after the other */
	size_t n_rules;
};

/* For the ABIs that a kernel of this native ABI runs. Rules that would have to notify a call of
 * GROUP_NEVER are left out there; those that are plain returns stay. */
int plan_new(const struct policy *policy, const struct abi *native, struct plan **ret,
	     struct wl_err *err);
void plan_free(struct plan *plan);
static inline void plan_freep(struct plan **p)
{
	plan_free(*p);
}
/* NULL: no rule for that call. O(log n), allocates nothing. */
const struct plan_call *plan_find(const struct plan *plan, uint32_t audit_arch, uint32_t nr);

/* What is to be done with a call. */
struct decision {
	/* The rule that decided, or NULL: the profile did. */
	const struct plan_rule *by;
	/* First matching TRACE rule, else first matching LOG rule, or NULL: no event for observers. */
	const struct plan_rule *observer;
	const struct plan_rule *delay; /* first matching DELAY rule or NULL */
	uint32_t verdict; /* SECCOMP_RET_* of profile and rules together when no handler decides:
			     ALLOW/LOG, ERRNO|n, KILL*, TRAP, TRACE; for EMULATE, REDIRECT, RETURN:
			     USER_NOTIF */
	/* An override's condition on memory could not be looked at and was taken as met: only without
	 * copies (the filter compiler's view), never for a listener that reads memory. */
	bool is_open;
};

/* Evaluates rules and profile for one call. `profile_verdict` is the profile's own verdict on it
 * (bpf_run; SECCOMP_RET_ALLOW without a profile). Restrict rules win over override rules, whatever
 * their order; among override rules the first that matches decides. Conditions that cannot be told
 * (memory, without copies) count as met. annotations.md, "Who wins". */
void plan_decide(const struct plan_call *pc, const struct call *call, uint32_t profile_verdict,
		 struct string_copies *copies, struct decision *ret);

/* What a profile's verdict means in a merged filter. USER_NOTIF without a listener of its own is ENOSYS to
 * the caller; under our tracer so is TRACE, whose own tracer is not there. Everything else is itself. What a
 * tracer gives to plan_decide has gone through here; plan_decide itself sees to USER_NOTIF only. */
static inline uint32_t plan_profile_verdict(uint32_t verdict, enum engine engine)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	if (action == SECCOMP_RET_USER_NOTIF ||
	    (action == SECCOMP_RET_TRACE && engine == ENGINE_TRACE))
		return SECCOMP_RET_ERRNO | ENOSYS;
	return verdict;
}
