/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/gen_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "arch/sysno.h"
#include "specs/handler_spec.h"

static void add_number(struct rng *rng, struct buf *out)
{
	switch (rng_below(rng, 5)) {
	case 0:
		buf_printf(out, "%u", rng_below(rng, 5));
		break;
	case 1:
		buf_printf(out, "-%u", 1 + rng_below(rng, 5));
		break;
	case 2:
		buf_printf(out, "0x%x", 1u << rng_below(rng, 31));
		break;
	case 3:
		buf_printf(out, "0x%x", 0x7fffffffu - rng_below(rng, 2));
		break;
	default:
		buf_printf(out, "0x%llx",
			   (unsigned long long)(rng_next(rng) >> rng_below(rng, 64)));
	}
}

static void add_test(struct rng *rng, const struct syscall_def *def, struct buf *out)
{
	static const char *const compare[] = { "==", "!=", "<", "<=", ">", ">=" };
	unsigned arg = rng_below(rng, def->nargs);

	if (def->args[arg].kind == ARG_PATH && rng_chance(rng, 60)) {
		buf_printf(out, "arg%u %s \"/etc/*\"", arg, rng_chance(rng, 50) ? "~" : "!~");
		return;
	}
	buf_printf(out, "arg%u ", arg);
	if (rng_chance(rng, 30)) {
		buf_puts(out, "& ");
		add_number(rng, out);
		buf_puts(out, " ");
	}
	if (rng_chance(rng, 80)) {
		buf_printf(out, "%s ", compare[rng_below(rng, ARRAY_SIZE(compare))]);
		add_number(rng, out);
	}
}

static void add_condition(struct rng *rng, const struct syscall_def *def, unsigned depth,
			  struct buf *out)
{
	if (depth == 0 || rng_chance(rng, 50)) {
		add_test(rng, def, out);
		return;
	}
	if (rng_chance(rng, 20))
		buf_puts(out, "!");
	buf_puts(out, "(");
	add_condition(rng, def, depth - 1, out);
	buf_puts(out, rng_chance(rng, 50) ? " && " : " || ");
	add_condition(rng, def, depth - 1, out);
	buf_puts(out, ")");
}

static void add_item(struct rng *rng, const struct abi *native, enum action action, struct buf *out)
{
	const struct abi *family[3];
	size_t n = abi_family(native, family);
	const struct abi *abi = family[rng_below(rng, (uint32_t)n)];
	const struct syscall_def *def =
		sysno_def(&abi->numbers[rng_below(rng, (uint32_t)abi->n_numbers)]);

	if (rng_chance(rng, 15))
		def = sysno_find(native, (uint32_t)sysno_number(native, "seccomp"));
	if (rng_chance(rng, 50))
		buf_printf(out, "%s/", abi->name);
	if (rng_chance(rng, 5) && action == ACTION_LOG)
		buf_puts(out, "@file");
	else if (rng_chance(rng, 5))
		buf_printf(out, "#%u", rng_below(rng, 600));
	else
		buf_puts(out, def->name);
	if (out->data[out->len - 1] == *def->name || def->nargs == 0 || rng_chance(rng, 40))
		return;
	buf_puts(out, "[");
	add_condition(rng, def, 3, out);
	buf_puts(out, "]");
	if ((action == ACTION_DENY || action == ACTION_ERRNO) && rng_chance(rng, 30))
		buf_puts(out, ":ENOSYS");
}

static void set_outcome(struct rng *rng, struct rule *rule)
{
	static const int64_t values[] = { 0, 1, -5, 1234567 };

	if (rule->action == ACTION_DENY || rule->action == ACTION_ERRNO)
		rule->errnum = 1 + (int)rng_below(rng, 3);
	if (rule->action == ACTION_RETURN)
		rule->value = values[rng_below(rng, ARRAY_SIZE(values))];
	if (rule->action == ACTION_DELAY)
		rule->delay_ms = 5;
	if (rule->action == ACTION_EMULATE)
		rule->handler = handler_specs[0];
}

struct policy *gen_policy(struct rng *rng, const struct abi *native, unsigned n)
{
	struct policy *policy = policy_new();

	if (!policy)
		return NULL;
	policy->engine = rng_chance(rng, 20) ? ENGINE_TRACE : ENGINE_NOTIFY;
	for (unsigned i = 0; i < n; i++) {
		enum action action = (enum action)rng_below(rng, ACTION_COUNT);
		struct rule *rule;
		char name[32];

		if (action == ACTION_REDIRECT)
			action = ACTION_EMULATE;
		snprintf(name, sizeof(name), "r%u", i);
		rule = policy_add_rule(policy, action, name);
		if (!rule)
			break;
		set_outcome(rng, rule);
		/* What does not parse (a constant that does not fit, memory under deny) is tried anew. */
		for (unsigned k = 0; k < 3; k++) {
			_cleanup_(buf_done) struct buf item = { 0 };

			add_item(rng, native, action, &item);
			policy_parse_list(rule, item.data, "random", NULL);
		}
	}
	return policy;
}
