/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay explain`: what a container's filter will say of each call, and which rule makes it so. */
#include "hook/cmd_explain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/commands.h"
#include "hook/explain.h"
#include "specs/annotations.h"
#include "specs/cap.h"
#include "specs/merge.h"
#include "specs/oci.h"
#include "specs/profile.h"

struct explain_options {
	bool show_bpf;
	const char *policy, *cap, *pid, *dump, *config;
	char **calls;
	int n_calls;
};

struct subject {
	const struct bpf_prog *profile; /* NULL: none */
	struct bpf_prog merged;
	struct plan *plan;
	struct explained before, after;
	const struct abi *abi; /* being listed */
};

static void put(struct buf *text)
{
	if (text->data)
		fputs(text->data, stdout);
	buf_done(text);
}

static const char *relation_text(const struct rule *rule)
{
	switch (rule_relation(rule)) {
	case RELATION_OBSERVE:
		return "observes: the profile's verdict holds";
	case RELATION_RESTRICT:
		return "restricts: the stronger of profile and rule";
	case RELATION_OVERRIDE:
		return "overrides: the rule decides first";
	}
	return "";
}

static void put_rules(const struct subject *s, const struct plan_call *pc, struct buf *out)
{
	const struct plan_rule *overridden = NULL;

	for (size_t i = 0; i < pc->n_rules; i++) {
		const struct plan_rule *pr = &pc->rules[i];
		bool is_override = rule_relation(pr->rule) == RELATION_OVERRIDE;

		buf_printf(out, "    rule %u '%s' %s", pr->index + 1, pr->rule->name,
			   action_rows[pr->rule->action].name);
		if (pr->rule->action == ACTION_DENY || pr->rule->action == ACTION_ERRNO)
			buf_printf(out, " %s",
				   errno_name(pr->errnum) ? errno_name(pr->errnum) : "");
		buf_printf(out, " %s", relation_text(pr->rule));
		if (pr->condition)
			buf_printf(out, "; %s",
				   condition_needs_memory(pr->condition)
					   ? "its condition reads memory: the listener decides"
					   : "its condition is tested in the filter");
		if (is_override && overridden)
			buf_printf(out, "; never reached behind rule %u", overridden->index + 1);
		buf_puts(out, "\n");
		if (is_override && !pr->condition && !overridden)
			overridden = pr;
	}
	if (merge_needs_listener(s->plan) && pc->def && strcmp(pc->def->name, "seccomp") == 0)
		buf_puts(out,
			 "    and a listener of its own (NEW_LISTENER) is refused with EBUSY\n");
}

static void explain_call(struct subject *s, const struct named_call *c)
{
	const struct plan_call *pc = plan_find(s->plan, c->abi->audit_arch, c->nr);
	uint32_t arch = c->abi->audit_arch;
	struct buf out = { 0 };

	explain_call_name(c->abi, c->nr, &out);
	buf_puts(&out, "\n    profile: ");
	explained_text(&s->before, arch, c->nr, &out);
	buf_printf(&out, ", %u instructions\n", explained_ask(&s->before, arch, c->nr).count);
	explained_residual(&s->before, arch, c->nr, "      ", &out);
	buf_puts(&out, "    filter:  ");
	explained_text(&s->after, arch, c->nr, &out);
	buf_printf(&out, ", %u instructions%s\n", explained_ask(&s->after, arch, c->nr).count,
		   bpf_is_const_allow(&s->merged, arch, c->nr)
			   ? " (none: the kernel's bitmap knows it)"
			   : "");
	explained_residual(&s->after, arch, c->nr, "      ", &out);
	if (pc)
		put_rules(s, pc, &out);
	else
		buf_puts(&out, "    no rule: the profile decides\n");
	put(&out);
}

/* One line for a call with rules: what was, what is, which rules made it so. */
static void call_line(void *ctx, uint32_t nr, struct buf *out)
{
	struct subject *s = ctx;
	const struct plan_call *pc = plan_find(s->plan, s->abi->audit_arch, nr);

	if (!pc)
		return;
	explained_text(&s->before, s->abi->audit_arch, nr, out);
	buf_puts(out, " -> ");
	explained_text(&s->after, s->abi->audit_arch, nr, out);
	buf_puts(out, "  by");
	for (size_t i = 0; i < pc->n_rules; i++) {
		const struct plan_rule *pr = &pc->rules[i];

		/* A rule of many items stands here once: its conditions are or-ed. */
		if (i == 0 || pr->rule != pr[-1].rule)
			buf_printf(out, " %s%s", pr->rule->name, pr->condition ? "[...]" : "");
	}
}

/* Instructions executed, over the calls that the kernel has to run the filter for. */
static void put_counts(struct subject *s, struct buf *out)
{
	const struct abi *family[3];
	size_t n = abi_family(s->plan->native, family);

	for (size_t a = 0; a < n; a++) {
		uint64_t before = 0, after = 0, runs = 0;

		for (size_t i = 0; i < family[a]->n_numbers; i++) {
			uint32_t nr = family[a]->numbers[i].nr, arch = family[a]->audit_arch;

			if (bpf_is_const_allow(&s->merged, arch, nr))
				continue;
			runs++;
			before += explained_ask(&s->before, arch, nr).count;
			after += explained_ask(&s->after, arch, nr).count;
		}
		if (runs)
			buf_printf(out,
				   "  %s: %llu calls run the filter: on average %llu instructions "
				   "before, %llu after\n",
				   family[a]->name, (unsigned long long)runs,
				   (unsigned long long)(before / runs),
				   (unsigned long long)(after / runs));
	}
}

static void explain_all(struct subject *s)
{
	const struct abi *family[3];
	size_t n = abi_family(s->plan->native, family);
	struct buf out = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct buf lines = { 0 };

		s->abi = family[i];
		explain_group(family[i], call_line, s, &lines);
		if (lines.data && lines.len)
			buf_printf(&out, "%s: profile -> filter\n%s", family[i]->name, lines.data);
		buf_done(&lines);
	}
	put_counts(s, &out);
	if (merge_needs_listener(s->plan))
		buf_puts(
			&out,
			"  seccomp() with NEW_LISTENER is answered EBUSY, as the kernel does while "
			"a listener lives\n");
	put(&out);
}

static int explain_subject(struct subject *s, const struct explain_options *o, struct wl_err *err)
{
	for (int i = 0; i < o->n_calls; i++) {
		struct named_call calls[3];
		size_t n;
		int r = explain_find_calls(o->calls[i], calls, &n, err);

		if (r < 0)
			return r;
		for (size_t k = 0; k < n; k++)
			explain_call(s, &calls[k]);
	}
	if (o->n_calls == 0)
		explain_all(s);
	if (o->show_bpf) {
		struct buf out = { 0 };

		buf_puts(&out, "merged filter:\n");
		bpf_disasm(&s->merged, &out);
		put(&out);
	}
	return 0;
}

/* Merges and tells. */
static int explain_merge(const struct bpf_prog *profile, const struct policy *policy,
			 const struct explain_options *o, struct wl_err *err)
{
	struct subject s = { .profile = profile };
	struct merge_stats stats = { 0 };
	int r = plan_new(policy, abi_native(), &s.plan, err);

	if (r == 0)
		r = merge_compile(profile, s.plan, &s.merged, &stats, err);
	if (r < 0) {
		plan_free(s.plan);
		return r;
	}
	printf("profile: %u instructions%s\n", stats.profile_len,
	       profile ? " as libseccomp compiles it; what the runtime loads is merged in the end"
		       : " (no linux.seccomp: everything is allowed)");
	printf("policy:  %zu rules, engine %s\n", policy->n_rules,
	       policy->engine == ENGINE_TRACE ? "trace" : "notify");
	printf("merged:  %u instructions, %u calls can be notified\n", stats.merged_len,
	       stats.notified);
	r = explained_init(&s.before, profile);
	if (r == 0)
		r = explained_init(&s.after, &s.merged);
	if (r == 0)
		r = explain_subject(&s, o, err);
	else
		wl_err_set(err, r, "explain");
	explained_done(&s.before);
	explained_done(&s.after);
	bpf_prog_done(&s.merged);
	plan_free(s.plan);
	return r;
}

/* The policy that the container asks for, and whether this host grants it. */
static int find_policy(const struct oci_config *config, const struct explain_options *o,
		       struct policy **ret, struct wl_err *err)
{
	_cleanup_(cap_freep) struct cap *cap = NULL;
	struct wl_err refused = { 0 };
	int r = cap_load(o->cap, &cap, err);

	if (r < 0)
		return r;
	if (o->policy)
		r = policy_load(o->policy, ret, err);
	else
		r = annotations_parse(config->annotations, cap->policy_dir, ret, err);
	if (r < 0)
		return r;
	if (*ret && cap_check(cap, *ret, &refused) < 0)
		printf("refused: %s\n", refused.msg);
	if (*ret)
		return 0;
	printf("no annotation dev.waylay.*: waylay leaves this container alone\n");
	*ret = policy_new();
	return *ret ? 0 : wl_err_set(err, -ENOMEM, "explain");
}

static int explain_config(const struct explain_options *o, struct wl_err *err)
{
	_cleanup_(oci_config_freep) struct oci_config *config = NULL;
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(bpf_prog_done) struct bpf_prog profile = { 0 };
	int r = oci_config_load_file(o->config, &config, err);

	if (r == 0)
		r = find_policy(config, o, &policy, err);
	if (r == 0 && config->seccomp)
		r = profile_compile(config->seccomp, &profile, err);
	if (r == 0)
		r = explain_merge(config->seccomp ? &profile : NULL, policy, o, err);
	return r;
}

/* Options stand before the file and the calls. */
static int parse(int argc, char **argv, struct explain_options *o)
{
	const struct {
		const char *name;
		const char **value;
	} with_value[] = { { "--policy", &o->policy },
			   { "--config", &o->cap },
			   { "--pid", &o->pid },
			   { "--dump", &o->dump } };
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		size_t k = 0;

		if (strcmp(argv[i], "--bpf") == 0) {
			o->show_bpf = true;
			continue;
		}
		while (k < ARRAY_SIZE(with_value) && strcmp(argv[i], with_value[k].name) != 0)
			k++;
		if (k == ARRAY_SIZE(with_value))
			return command_bad_usage("explain", "unknown option '%s'", argv[i]);
		if (i + 1 == argc)
			return command_bad_usage("explain", "option '%s' wants a value", argv[i]);
		*with_value[k].value = argv[++i];
	}
	if (!o->pid && i == argc)
		return command_bad_usage("explain", "give a CONFIG.json or --pid PID");
	o->config = o->pid ? NULL : argv[i++];
	o->calls = argv + i;
	o->n_calls = argc - i;
	return 0;
}

int cmd_explain(int argc, char **argv)
{
	struct explain_options o = { 0 };
	struct wl_err err = { 0 };
	char *end = NULL;
	long pid = 0;
	int r = parse(argc, argv, &o);

	if (r)
		return r;
	if (o.pid)
		pid = strtol(o.pid, &end, 10);
	if (o.pid && (*end || pid <= 0 || pid > INT_MAX))
		return command_bad_usage("explain", "'%s' is no process id", o.pid);
	r = o.pid ? explain_process((int)pid, o.show_bpf, o.dump, o.calls, o.n_calls, &err)
		  : explain_config(&o, &err);
	if (r == 0)
		return COMMAND_OK;
	log_error("explain: %s", err.msg);
	return COMMAND_FAILED;
}
