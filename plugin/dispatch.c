/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a received call. */
#include <errno.h>
#include <string.h>

#include "arch/base/log.h"
#include "arch/bpf/bpf.h"
#include "plugin/loop.h"

#define ERRNO_MAX 4095 /* the kernel caps SECCOMP_RET_ERRNO's data there */

/* A verdict of filter and rules as an answer. */
static void take_verdict(uint32_t ret, struct verdict *v)
{
	uint32_t data = ret & SECCOMP_RET_DATA;

	switch (ret & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		v->answer = ANSWER_CONTINUE;
		break;
	case SECCOMP_RET_ERRNO:
		v->answer = data ? ANSWER_ERRNO : ANSWER_RETURN;
		v->errnum = (int)(data > ERRNO_MAX ? ERRNO_MAX : data);
		v->value = 0;
		break;
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF: /* what the kernel says when nobody takes them up */
		v->answer = ANSWER_ERRNO;
		v->errnum = ENOSYS;
		break;
	default: /* KILL_*, and as the kernel has it unknown actions; TRAP's SIGSYS takes a filter */
		v->answer = ANSWER_KILL;
		break;
	}
}

static bool is_named(const struct call *call, const char *name)
{
	return call->def && strcmp(call->def->name, name) == 0;
}

static bool is_exit(const struct call *call)
{
	return is_named(call, "exit") || is_named(call, "exit_group");
}

static uint32_t profile_verdict(const struct tenant *t, const struct call *call)
{
	if (t->c->profile.len == 0)
		return SECCOMP_RET_ALLOW;
	return bpf_run(&t->c->profile, &call->data, NULL);
}

static void observe(struct verdict *v, const struct plan_rule *rule)
{
	if (!rule)
		return;
	v->has_event = true;
	v->has_memory = rule->rule->action == ACTION_TRACE;
	v->rule = rule->rule;
}

/* Decides; the caller's memory is read only for a condition that asks for it. */
static void decide(struct shard *s, const struct plan_call *pc, const struct call *call,
		   uint32_t profile, const struct mem *mem, struct decision *ret)
{
	for (size_t i = 0; i < pc->n_rules && !s->has_texts; i++)
		s->has_texts = pc->rules[i].condition != NULL;
	if (s->has_texts) {
		s->copies.mem = mem;
		for (unsigned i = 0; i < SYSCALL_ARGS; i++)
			s->texts[i].state = 0;
	}
	plan_decide(pc, call, profile, s->has_texts ? &s->copies : NULL, ret);
}

/* From the load of the filter to init's own exec the runtime is at work in the container: it gets the
 * profile's verdict and nothing else. The exec that starts the program is the first event. */
static void dispatch_setup(struct shard *s, struct tenant *t, unsigned i, const struct call *call,
			   const struct plan_call *pc, uint32_t profile)
{
	const struct slot *slot = &s->journal->slots[i];
	struct verdict v = { 0 };
	struct decision d;

	take_verdict(profile, &v);
	v.decision = v.answer == ANSWER_CONTINUE ? "kernel" : "profile";
	if (pc && (is_named(call, "execve") || is_named(call, "execveat"))) {
		bool is_known;
		const struct task *task = task_get(&s->tasks, (pid_t)slot->notif.pid, t->c->key,
						   slot->received_ns, &is_known);
		struct mem mem = shard_mem(s, t, i);

		if (task && task->tgid == t->c->blob->init) {
			decide(s, pc, call, profile, &mem, &d);
			observe(&v, d.observer);
		}
	}
	reply_send(s, t, i, call, &v);
}

/* The rule that decides, as an answer. */
static void take_rule(const struct decision *d, struct verdict *v)
{
	const struct plan_rule *by = d->by;

	if (!by) {
		take_verdict(d->verdict, v);
		v->decision = v->answer == ANSWER_CONTINUE ? "kernel" : "profile";
		return;
	}
	v->has_event = true;
	v->rule = by->rule;
	v->decision = "rule";
	if (by->rule->action == ACTION_RETURN) {
		v->answer = ANSWER_RETURN;
		v->value = by->rule->value;
	} else
		take_verdict(d->verdict, v);
}

static bool delay(struct shard *s, struct tenant *t, unsigned i, const struct decision *d)
{
	struct slot *slot = &s->journal->slots[i];

	if (!d->delay || s->n_free < SLOTS_KEPT / 2)
		return false;
	slot->rule = d->delay->index + 1;
	if (slot->deadline_ns == 0) /* else a restarted listener goes on with the old one */
		slot->deadline_ns = slot->received_ns + d->delay->rule->delay_ms * 1000000ull;
	shard_wait(s, i);
	return true;
}

static void unknown_arch(struct shard *s, struct tenant *t, unsigned i, const struct call *call)
{
	struct verdict v = { .answer = ANSWER_ERRNO, .errnum = ENOSYS, .decision = "rule" };

	if (!t->has_unknown)
		log_error("container %s: a call of unknown architecture 0x%x is answered ENOSYS",
			  t->c->blob->id, call->data.arch);
	t->has_unknown = true;
	reply_send(s, t, i, call, &v);
}

void dispatch_call(struct shard *s, struct tenant *t, unsigned i, bool may_delay)
{
	struct slot *slot = &s->journal->slots[i];
	struct mem mem = shard_mem(s, t, i);
	const struct plan_call *pc;
	struct verdict v = { 0 };
	struct decision d;
	struct call call;
	uint32_t profile;

	s->has_texts = false;
	if (call_init(&call, &slot->notif.data) < 0) {
		unknown_arch(s, t, i, &call);
		return;
	}
	pc = plan_find(t->c->plan, call.data.arch, (uint32_t)call.data.nr);
	profile = profile_verdict(t, &call);
	if (!atomic_load_explicit(&t->c->blob->started, memory_order_acquire)) {
		dispatch_setup(s, t, i, &call, pc, profile);
		return;
	}
	if (!pc) { /* notified by the runtime's own profile, named by no rule */
		take_verdict(profile, &v);
		reply_send(s, t, i, &call, &v);
		return;
	}
	decide(s, pc, &call, profile, &mem, &d);
	if (d.delay && is_exit(&call)) /* nothing may hold an exit up */
		d.delay = NULL;
	if (may_delay && delay(s, t, i, &d))
		return;
	take_rule(&d, &v);
	if (d.observer) {
		v.has_event = true;
		v.has_memory = d.observer->rule->action == ACTION_TRACE;
		if (!d.by)
			v.rule = d.observer->rule;
	}
	if (d.delay) {
		v.has_event = true;
		v.rule = v.rule ? v.rule : d.delay->rule;
		v.note = may_delay ? "not delayed: too many calls wait" : "delayed";
	}
	if (d.by && (d.by->rule->action == ACTION_EMULATE || d.by->rule->action == ACTION_REDIRECT))
		pool_submit(s, t, i, &call, d.by->rule, d.by->index);
	else
		reply_send(s, t, i, &call, &v);
}

void dispatch_refuse(struct shard *s, struct tenant *t, unsigned i, int errnum, const char *note)
{
	struct slot *slot = &s->journal->slots[i];
	struct verdict v = { .answer = ANSWER_ERRNO,
			     .errnum = errnum,
			     .decision = "rule",
			     .note = note,
			     .has_event = true };
	struct call call;

	s->has_texts = false;
	call_init(&call, &slot->notif.data);
	if (slot->rule > 0 && slot->rule <= t->c->policy->n_rules)
		v.rule = &t->c->policy->rules[slot->rule - 1];
	reply_send(s, t, i, &call, &v);
}
