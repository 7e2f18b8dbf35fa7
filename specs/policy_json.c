/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents (specs/schema/policy.schema.json) -> checked policies. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/handler_spec.h"
#include "specs/policy_json.h"
#include "specs/policy_rows.h"

/* A rule is only understood as a whole: its keys come in any order. */
struct rule_draft {
	const struct json *name, *syscalls, *action, *errnum, *value, *milliseconds, *handler,
		*options;
};

static int set_text(char **to, const struct json *value, const char *what, struct wl_err *err)
{
	*to = strdup(value->u.string.text);
	return *to ? 0 : wl_err_set(err, -ENOMEM, "%s", what);
}

int policy_check_events(const char *value, struct wl_err *err)
{
	static const char *const with_name[] = { "file:", "unix:" };

	if (strcmp(value, "journald") == 0 || strcmp(value, "stderr") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(with_name); i++)
		if (strncmp(value, with_name[i], strlen(with_name[i])) == 0 &&
		    value[strlen(with_name[i])] && strlen(value) < PATH_MAX)
			return 0;
	return wl_err_say(
		err, -EINVAL,
		"'%.80s' is no place for events; write file:NAME, unix:NAME, journald or stderr",
		value);
}

int policy_check_supported(const struct policy *policy, struct wl_err *err)
{
	if (policy->engine == ENGINE_TRACE)
		return wl_err_say(
			err, -ENOSYS,
			"engine 'trace' is not there yet in this version; leave 'notify'");
	if (policy->record)
		return wl_err_say(err, -ENOSYS, "'record' is not there yet in this version");
	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].action == ACTION_REDIRECT)
			return wl_err_say(err, -ENOSYS,
					  "'redirect' is not there yet in this version");
	return 0;
}

static int read_version(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	if (value->u.integer != 1)
		return wl_err_say(err, -EINVAL, "%s: this waylay knows version 1 only", what);
	return 0;
}

static int read_name(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	return set_text(&((struct policy *)into)->name, value, what, err);
}

static int read_engine(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	int r = keys_one_of(engine_names, value->u.string.text, what, err);

	if (r < 0)
		return r;
	((struct policy *)into)->engine = (enum engine)r;
	return 0;
}

static int read_on_loss(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	int r = keys_one_of(on_loss_names, value->u.string.text, what, err);

	if (r < 0)
		return r;
	((struct policy *)into)->on_loss = (enum on_loss)r;
	((struct policy *)into)->gives_on_loss = true;
	return 0;
}

static int read_events(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	int r = policy_check_events(value->u.string.text, err);

	if (r < 0)
		return wl_err_prefix(err, r, "%s", what);
	return set_text(&((struct policy *)into)->events, value, what, err);
}

static int read_record(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	return set_text(&((struct policy *)into)->record, value, what, err);
}

#define DRAFT_READER(field)                                                                  \
	static int read_rule_##field(void *into, const struct json *value, const char *what, \
				     struct wl_err *err)                                     \
	{                                                                                    \
		((struct rule_draft *)into)->field = value;                                  \
		return 0;                                                                    \
	}
DRAFT_READER(name)
DRAFT_READER(syscalls)
DRAFT_READER(action)
DRAFT_READER(errnum)
DRAFT_READER(value)
DRAFT_READER(milliseconds)
DRAFT_READER(handler)
DRAFT_READER(options)

const struct key_row policy_rule_keys[] = {
	{ "name", KEY_STRING, read_rule_name, "Name of the rule in events and messages." },
	{ "syscalls", KEY_ARRAY | KEY_STRING, read_rule_syscalls, "Call lists the rule is for." },
	{ "action", KEY_STRING, read_rule_action, "What is done with these calls." },
	{ "errno", KEY_STRING | KEY_INT, read_rule_errnum, "Answer of deny and errno; EPERM." },
	{ "value", KEY_INT, read_rule_value, "Result of action return; 0." },
	{ "milliseconds", KEY_INT, read_rule_milliseconds, "Length of action delay." },
	{ "handler", KEY_STRING, read_rule_handler, "Who carries out action emulate." },
	{ "options", KEY_OBJECT, read_rule_options, "Options of the handler." },
	{ 0 },
};

/* "deny takes no 'value'" and the like: a key that would be ignored is a mistake. */
static int check_keys_fit(const struct rule_draft *d, enum action action, const char *doc,
			  struct wl_err *err)
{
	const struct {
		const struct json *given;
		const char *key;
		unsigned actions;
	} rows[] = {
		{ d->errnum, "errno", 1u << ACTION_DENY | 1u << ACTION_ERRNO },
		{ d->value, "value", 1u << ACTION_RETURN },
		{ d->milliseconds, "milliseconds", 1u << ACTION_DELAY },
		{ d->handler, "handler", 1u << ACTION_EMULATE },
		{ d->options, "options", 1u << ACTION_EMULATE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].given && !(rows[i].actions & 1u << action))
			return wl_err_say(err, -EINVAL, "%s: action %s takes no \"%s\"",
					  json_place(rows[i].given, doc).text,
					  action_rows[action].name, rows[i].key);
	return 0;
}

static int find_action(const struct json *rule, const struct rule_draft *d, const char *doc,
		       enum action *ret, struct wl_err *err)
{
	const char *names[ACTION_COUNT + 1] = { NULL };
	int r;

	for (int i = 0; i < ACTION_COUNT; i++)
		names[i] = action_rows[i].name;
	if (!d->action)
		return wl_err_say(err, -EINVAL, "%s: the rule has no \"action\"",
				  json_place(rule, doc).text);
	r = keys_one_of(names, d->action->u.string.text, json_place(d->action, doc).text, err);
	if (r < 0)
		return r;
	*ret = (enum action)r;
	return 0;
}

static int fill_errno(struct rule *rule, const struct json *value, const char *doc,
		      struct wl_err *err)
{
	char number[24];
	const char *text = number;
	int e;

	if (value->type == JSON_STRING)
		text = value->u.string.text;
	else
		snprintf(number, sizeof(number), "%lld", (long long)value->u.integer);
	e = errno_parse(text);
	if (e < 0)
		return wl_err_say(err, -EINVAL,
				  "%s: unknown errno '%.40s'; write a name like EPERM or 1..4095",
				  json_place(value, doc).text, text);
	rule->errnum = e;
	return 0;
}

/* The errno range is an error to the caller: `errno` says that plainly. */
static int fill_value(struct rule *rule, const struct json *value, const char *doc,
		      struct wl_err *err)
{
	if (value->is_big || (value->u.integer < 0 && value->u.integer >= -4095))
		return wl_err_say(
			err, -EINVAL,
			"%s: a result is not -4095..-1 (use action errno) and has 63 bits",
			json_place(value, doc).text);
	rule->value = value->u.integer;
	return 0;
}

static int fill_delay(struct rule *rule, const struct json *j, const struct rule_draft *d,
		      const char *doc, struct wl_err *err)
{
	const struct json *value = d->milliseconds ? d->milliseconds : j;

	if (!d->milliseconds || value->is_big || value->u.integer < 1 ||
	    value->u.integer > POLICY_MAX_DELAY_MS)
		return wl_err_say(err, -EINVAL, "%s: action delay needs \"milliseconds\", 1 to %d",
				  json_place(value, doc).text, POLICY_MAX_DELAY_MS);
	rule->delay_ms = (unsigned)value->u.integer;
	return 0;
}

/* A list of strings is one comma list to the handler. */
static int option_text(const struct json *value, struct buf *ret)
{
	switch (value->type) {
	case JSON_STRING:
		buf_puts(ret, value->u.string.text);
		break;
	case JSON_BOOL:
		buf_puts(ret, value->u.boolean ? "true" : "false");
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < value->u.list.n; i++) {
			if (value->u.list.items[i]->type != JSON_STRING)
				return -EINVAL;
			buf_printf(ret, "%s%s", i ? ", " : "",
				   value->u.list.items[i]->u.string.text);
		}
		buf_puts(ret, "");
		break;
	case JSON_NULL:
	case JSON_INT:
	case JSON_DOUBLE:
	case JSON_OBJECT:
		return -EINVAL;
	}
	return ret->failed ? -ENOMEM : 0;
}

static int fill_options(struct rule *rule, const struct json *options, const char *doc,
			struct wl_err *err)
{
	for (size_t i = 0; i < options->u.list.n; i++) {
		_cleanup_(buf_done) struct buf text = { 0 };
		struct place at = json_place(options->u.list.items[i], doc);
		int r;

		r = option_text(options->u.list.items[i], &text);
		if (r < 0)
			return wl_err_say(
				err, r,
				"%s: an option is a string, true, false or a list of strings",
				at.text);
		r = rule_set_option(rule, options->u.list.keys[i], text.data, err);
		if (r < 0)
			return wl_err_prefix(err, r, "%s", at.text);
	}
	return 0;
}

static int fill_handler(struct rule *rule, const struct json *j, const struct rule_draft *d,
			const char *doc, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf names = { 0 };
	const struct json *at = d->handler ? d->handler : j;

	if (d->handler)
		rule->handler = handler_spec_find(d->handler->u.string.text);
	if (!rule->handler) {
		handler_spec_names(&names);
		return wl_err_say(err, -EINVAL, "%s: action emulate needs a \"handler\" out of %s",
				  json_place(at, doc).text, names.data ? names.data : "");
	}
	if (d->options)
		return fill_options(rule, d->options, doc, err);
	return 0;
}

static int fill_calls(struct rule *rule, const struct json *j, const struct rule_draft *d,
		      const char *doc, struct wl_err *err)
{
	const struct json *calls = d->syscalls;
	size_t n = calls && calls->type == JSON_ARRAY ? calls->u.list.n : 0;
	int r = 0;

	if (!calls && rule->handler)
		return policy_parse_list(rule, rule->handler->calls, rule->handler->name, err);
	if (!calls || (calls->type == JSON_ARRAY && n == 0))
		return wl_err_say(err, -EINVAL, "%s: the rule names no \"syscalls\"",
				  json_place(calls ? calls : j, doc).text);
	if (calls->type == JSON_STRING)
		return policy_parse_list(rule, calls->u.string.text, json_place(calls, doc).text,
					 err);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct json *item = calls->u.list.items[i];
		struct place at = json_place(item, doc);

		if (item->type != JSON_STRING)
			return wl_err_say(err, -EINVAL,
					  "%s: a call list is a string, and this is %s", at.text,
					  json_type_name(item->type));
		r = policy_parse_list(rule, item->u.string.text, at.text, err);
	}
	return r;
}

static int fill_rule(struct rule *rule, const struct json *j, const struct rule_draft *d,
		     const char *doc, struct wl_err *err)
{
	int r;

	r = check_keys_fit(d, rule->action, doc, err);
	if (r == 0 && d->errnum)
		r = fill_errno(rule, d->errnum, doc, err);
	if (r == 0 && d->value)
		r = fill_value(rule, d->value, doc, err);
	if (r == 0 && rule->action == ACTION_DELAY)
		r = fill_delay(rule, j, d, doc, err);
	if (r == 0 && rule->action == ACTION_EMULATE)
		r = fill_handler(rule, j, d, doc, err);
	return r < 0 ? r : fill_calls(rule, j, d, doc, err);
}

static int read_rule(struct policy *policy, const struct json *j, const char *doc,
		     struct wl_err *err)
{
	struct rule_draft d = { 0 };
	const char *name = NULL;
	enum action action = ACTION_TRACE;
	struct rule *rule;
	int r;

	r = keys_read(policy_rule_keys, j, doc, &d, err);
	if (r == 0)
		r = find_action(j, &d, doc, &action, err);
	if (r < 0)
		return r;
	if (d.name) {
		name = d.name->u.string.text;
		if (!*name || strlen(name) > POLICY_MAX_NAME || policy_has_rule(policy, name))
			return wl_err_say(err, -EINVAL,
					  "%s: a rule's name is unique and 1 to %d characters long",
					  json_place(d.name, doc).text, POLICY_MAX_NAME);
	}
	rule = policy_add_rule(policy, action, name);
	if (!rule)
		return wl_err_say(err, -E2BIG, "%s: more than %d rules (or no memory)",
				  json_place(j, doc).text, POLICY_MAX_RULES);
	r = fill_rule(rule, j, &d, doc, err);
	if (r < 0)
		return r;
	r = policy_check_size(policy, err);
	return r < 0 ? wl_err_prefix(err, r, "%s", json_place(j, doc).text) : 0;
}

/* Rules are read last, with the document's name at hand: policy_from_json() does it. */
const struct key_row policy_keys[] = {
	{ "$schema", KEY_STRING, NULL, "For editors." },
	{ "version", KEY_INT, read_version, "Always 1." },
	{ "name", KEY_STRING, read_name, "Name of the policy." },
	{ "engine", KEY_STRING, read_engine, "How calls are intercepted." },
	{ "on-listener-loss", KEY_STRING, read_on_loss, "What happens when the listener is lost." },
	{ "events", KEY_STRING, read_events, "Where events go." },
	{ "record", KEY_STRING, read_record, "Where a profile of the calls made goes." },
	{ "rules", KEY_ARRAY, NULL, "The rules, in order." },
	{ 0 },
};

int policy_from_json(const struct json *doc, const char *what, struct policy **ret,
		     struct wl_err *err)
{
	_cleanup_(policy_freep) struct policy *policy = policy_new();
	const struct json *rules;
	int r;

	if (!policy)
		return wl_err_set(err, -ENOMEM, "%s", what);
	r = keys_read(policy_keys, doc, what, policy, err);
	if (r < 0)
		return r;
	if (!json_get(doc, "version"))
		return wl_err_say(err, -EINVAL, "%s: \"version\": 1 is missing",
				  json_place(doc, what).text);
	rules = json_get(doc, "rules");
	for (size_t i = 0; rules && i < rules->u.list.n; i++) {
		r = read_rule(policy, rules->u.list.items[i], what, err);
		if (r < 0)
			return r;
	}
	r = policy_check_supported(policy, err);
	if (r < 0)
		return wl_err_prefix(err, r, "%s", what);
	*ret = TAKE_PTR(policy);
	return 0;
}

int policy_load(const char *path, struct policy **ret, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	int r;

	r = json_load(path, &doc, err);
	return r < 0 ? r : policy_from_json(doc, path, ret, err);
}
