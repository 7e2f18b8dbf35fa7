/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in memory: made, joined, written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/handler_spec.h"
#include "specs/policy_rows.h"

const struct action_row action_rows[ACTION_COUNT] = {
	[ACTION_TRACE] = { ACTION_TRACE, "trace", RELATION_OBSERVE },
	[ACTION_LOG] = { ACTION_LOG, "log", RELATION_OBSERVE },
	[ACTION_DELAY] = { ACTION_DELAY, "delay", RELATION_OBSERVE },
	[ACTION_DENY] = { ACTION_DENY, "deny", RELATION_RESTRICT },
	[ACTION_KILL] = { ACTION_KILL, "kill", RELATION_RESTRICT },
	[ACTION_ERRNO] = { ACTION_ERRNO, "errno", RELATION_OVERRIDE },
	[ACTION_RETURN] = { ACTION_RETURN, "return", RELATION_OVERRIDE },
	[ACTION_ALLOW] = { ACTION_ALLOW, "allow", RELATION_OVERRIDE },
	[ACTION_EMULATE] = { ACTION_EMULATE, "emulate", RELATION_OVERRIDE },
	[ACTION_REDIRECT] = { ACTION_REDIRECT, "redirect", RELATION_OVERRIDE },
};

const char *const engine_names[] = { "notify", "trace", NULL };
const char *const on_loss_names[] = { "wait", "enosys", "kill", NULL };

struct policy *policy_new(void)
{
	return calloc(1, sizeof(struct policy));
}

static void rule_done(struct rule *rule)
{
	for (size_t i = 0; i < rule->n_items; i++)
		call_item_done(&rule->items[i]);
	for (size_t i = 0; i < rule->n_options; i++) {
		free(rule->options[i].key);
		free(rule->options[i].value);
	}
	free(rule->items);
	free(rule->options);
	free(rule->name);
	*rule = (struct rule){ 0 };
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->n_rules; i++)
		rule_done(&policy->rules[i]);
	free(policy->rules);
	free(policy->name);
	free(policy->events);
	free(policy->record);
	free(policy);
}

bool policy_has_rule(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		if (strcmp(policy->rules[i].name, name) == 0)
			return true;
	return false;
}

static unsigned count_stem(const struct policy *policy, const char *stem)
{
	size_t len = strlen(stem);
	unsigned n = 0;

	for (size_t i = 0; i < policy->n_rules; i++) {
		const char *name = policy->rules[i].name;

		n += strncmp(name, stem, len) == 0 && name[len] == '#';
	}
	return n;
}

/* "trace#1", the first free number from the count on; or a copy of the name. */
static char *make_name(const struct policy *policy, const char *stem, bool is_numbered)
{
	char *name = is_numbered ? NULL : strdup(stem);

	/* Made names are mostly in order: begin at the first that can be free of them. */
	for (unsigned i = count_stem(policy, stem) + 1; is_numbered; i++) {
		if (asprintf(&name, "%s#%u", stem, i) < 0)
			return NULL;
		if (!policy_has_rule(policy, name))
			break;
		free(name);
		name = NULL;
	}
	return name;
}

static struct rule *add_rule(struct policy *policy)
{
	struct rule *rules;

	if (policy->n_rules == POLICY_MAX_RULES)
		return NULL;
	rules = reallocarray(policy->rules, policy->n_rules + 1, sizeof(*rules));
	if (!rules)
		return NULL;
	policy->rules = rules;
	return &rules[policy->n_rules];
}

struct rule *policy_add_rule(struct policy *policy, enum action action, const char *name)
{
	char *copy = make_name(policy, name ? name : action_rows[action].name, !name);
	struct rule *rule = copy ? add_rule(policy) : NULL;

	if (!rule) {
		free(copy);
		return NULL;
	}
	*rule = (struct rule){ .action = action, .name = copy };
	if (action == ACTION_DENY || action == ACTION_ERRNO)
		rule->errnum = EPERM;
	policy->n_rules++;
	return rule;
}

int policy_too_many_bound(struct wl_err *err)
{
	return wl_err_say(err, -E2BIG,
			  "conditions of more than %u words, counted for each call that they are "
			  "for: use groups less often",
			  POLICY_MAX_BOUND);
}

static int check_size(size_t n_items, size_t n_bound, struct wl_err *err)
{
	if (n_items > POLICY_MAX_ITEMS)
		return wl_err_say(err, -E2BIG, "more than %d calls in rules", POLICY_MAX_ITEMS);
	return n_bound > POLICY_MAX_BOUND ? policy_too_many_bound(err) : 0;
}

static void add_size(const struct policy *policy, size_t *n_items, size_t *n_bound)
{
	for (size_t i = 0; i < policy->n_rules; i++) {
		*n_items += policy->rules[i].n_items;
		*n_bound += policy->rules[i].n_bound;
	}
}

int policy_check_size(const struct policy *policy, struct wl_err *err)
{
	size_t n_items = 0, n_bound = 0;

	add_size(policy, &n_items, &n_bound);
	return check_size(n_items, n_bound, err);
}

static void take_text(char **to, char **from)
{
	if (!*from)
		return;
	free(*to);
	*to = TAKE_PTR(*from);
}

int policy_append(struct policy *to, struct policy *from, struct wl_err *err)
{
	size_t n_items = 0, n_bound = 0;
	int r;

	if (to->n_rules + from->n_rules > POLICY_MAX_RULES)
		return wl_err_say(err, -E2BIG, "more than %d rules together", POLICY_MAX_RULES);
	add_size(to, &n_items, &n_bound);
	add_size(from, &n_items, &n_bound);
	r = check_size(n_items, n_bound, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < from->n_rules; i++) {
		struct rule *take = &from->rules[i];
		bool is_known = policy_has_rule(to, take->name);
		char *name = is_known ? make_name(to, take->name, true) : NULL;
		struct rule *rule = is_known && !name ? NULL : add_rule(to);

		if (!rule) {
			free(name);
			return wl_err_set(err, -ENOMEM, "rules");
		}
		if (is_known) {
			free(take->name);
			take->name = name;
		}
		*rule = *take;
		*take = (struct rule){ 0 };
		to->n_rules++;
	}
	from->n_rules = 0;
	take_text(&to->name, &from->name);
	take_text(&to->events, &from->events);
	take_text(&to->record, &from->record);
	/* There is no other engine yet: what differs from the default was given. */
	if (from->engine != ENGINE_NOTIFY)
		to->engine = from->engine;
	if (from->gives_on_loss)
		to->on_loss = from->on_loss;
	to->gives_on_loss |= from->gives_on_loss;
	return 0;
}

const char *rule_option(const struct rule *rule, const char *key)
{
	const struct option_spec *spec;

	for (size_t i = 0; i < rule->n_options; i++)
		if (strcmp(rule->options[i].key, key) == 0)
			return rule->options[i].value;
	spec = rule->handler ? handler_spec_option(rule->handler, key) : NULL;
	return spec ? spec->fallback : NULL;
}

int rule_set_option(struct rule *rule, const char *key, const char *value, struct wl_err *err)
{
	struct handler_option *options;
	int r;

	r = handler_spec_check(rule->handler, key, value, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rule->n_options; i++)
		if (strcmp(rule->options[i].key, key) == 0)
			return wl_err_say(err, -EINVAL, "option '%s' is given a second time", key);
	options = reallocarray(rule->options, rule->n_options + 1, sizeof(*options));
	if (!options)
		return wl_err_set(err, -ENOMEM, "option '%s'", key);
	rule->options = options;
	options[rule->n_options] = (struct handler_option){ strdup(key), strdup(value) };
	rule->n_options++;
	if (!options[rule->n_options - 1].key || !options[rule->n_options - 1].value)
		return wl_err_set(err, -ENOMEM, "option '%s'", key);
	return 0;
}

static void write_key(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(out, ",\"%s\":", key);
	buf_json_string(out, value);
}

static void write_rule(struct buf *out, const struct rule *rule)
{
	const char *e = errno_name(rule->errnum);

	buf_puts(out, "{\"name\":");
	buf_json_string(out, rule->name);
	write_key(out, "action", action_rows[rule->action].name);
	if (rule->errnum && e)
		write_key(out, "errno", e);
	else if (rule->errnum)
		buf_printf(out, ",\"errno\":%d", rule->errnum);
	if (rule->action == ACTION_RETURN)
		buf_printf(out, ",\"value\":%lld", (long long)rule->value);
	if (rule->action == ACTION_DELAY)
		buf_printf(out, ",\"milliseconds\":%u", rule->delay_ms);
	if (rule->handler)
		write_key(out, "handler", rule->handler->name);
	for (size_t i = 0; i < rule->n_options; i++) {
		buf_puts(out, i == 0 ? ",\"options\":{" : ",");
		buf_json_string(out, rule->options[i].key);
		buf_puts(out, ":");
		buf_json_string(out, rule->options[i].value);
	}
	buf_puts(out, rule->n_options ? "}" : "");
	buf_puts(out, ",\"syscalls\":[");
	for (size_t i = 0; i < rule->n_items; i++) {
		buf_puts(out, i ? "," : "");
		buf_json_string(out, rule->items[i].text);
	}
	buf_puts(out, "]}");
}

void policy_to_json(const struct policy *policy, struct buf *out)
{
	buf_puts(out, "{\"version\":1");
	write_key(out, "name", policy->name);
	write_key(out, "engine", engine_names[policy->engine]);
	write_key(out, "on-listener-loss", on_loss_names[policy->on_loss]);
	write_key(out, "events", policy->events);
	write_key(out, "record", policy->record);
	buf_puts(out, ",\"rules\":[");
	for (size_t i = 0; i < policy->n_rules; i++) {
		buf_puts(out, i ? "," : "");
		write_rule(out, &policy->rules[i]);
	}
	buf_puts(out, "]}");
}
