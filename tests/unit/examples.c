/* SPDX-License-Identifier: Apache-2.0 */
/* specs/examples and specs/schema against the parsers: files that users copy must be right. Runs in the
 * source folder. */
#include <dirent.h>
#include <stdlib.h>

#include "specs/cap_json.h"
#include "specs/handler_spec.h"
#include "specs/policy_json.h"
#include "tests/unit/tap.h"

static void every_example_is_accepted(void)
{
	DIR *d = opendir("specs/examples");
	struct dirent *e;
	int n = 0;

	tap_ok(d != NULL);
	while (d && (e = readdir(d))) {
		struct policy *policy = NULL;
		struct cap *cap = NULL;
		struct wl_err err = { 0 };
		char path[300];
		int r;

		if (!strstr(e->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), "specs/examples/%s", e->d_name);
		if (strncmp(e->d_name, "host-", 5) == 0)
			r = cap_load(path, &cap, &err);
		else
			r = policy_load(path, &policy, &err);
		if (r < 0)
			printf("# %s\n", err.msg);
		tap_int_eq(r, 0);
		policy_free(policy);
		cap_discard(cap);
		n++;
	}
	tap_ok(n >= 10);
	closedir(d);
}

static void the_default_mknod_policy_lists_its_devices(void)
{
	struct policy *p = NULL;

	tap_int_eq(policy_load("specs/examples/mknod-default.json", &p, NULL), 0);
	tap_str_eq(p ? rule_option(&p->rules[0], "devices") : NULL,
		   handler_spec_option(handler_spec_find("mknod"), "devices")->fallback);
	policy_free(p);
}

/* Each key of the parser is a property of the schema and the other way round. */
static void compare_keys(const struct json *properties, const struct key_row *rows)
{
	size_t n = 0;

	for (; rows[n].key; n++) {
		if (!json_get(properties, rows[n].key))
			printf("# not in the schema: %s\n", rows[n].key);
		tap_ok(json_get(properties, rows[n].key) != NULL);
		tap_ok(rows[n].help != NULL);
	}
	tap_int_eq(properties ? properties->u.list.n : 0, n);
}

static const struct json *walk(const struct json *j, const char *const *keys)
{
	for (; *keys; keys++)
		j = json_get(j, *keys);
	return j;
}
#define WALK(j, ...) walk(j, (const char *const[]){ __VA_ARGS__, NULL })

static void compare_list(const struct json *list, const char *const *names)
{
	size_t n = 0;

	for (; names[n]; n++)
		tap_str_eq(list && n < list->u.list.n ? list->u.list.items[n]->u.string.text : NULL,
			   names[n]);
	tap_int_eq(list ? list->u.list.n : 0, n);
}

static const char **action_names(void)
{
	static const char *names[ACTION_COUNT + 1];

	for (int i = 0; i < ACTION_COUNT; i++)
		names[i] = action_rows[i].name;
	return names;
}

static void the_schema_of_policies_has_the_parsers_keys(void)
{
	struct json *schema = NULL;
	const char *handlers[64] = { NULL };
	const struct json *rule;

	tap_int_eq(json_load("specs/schema/policy.schema.json", &schema, NULL), 0);
	rule = WALK(schema, "$defs", "rule", "properties");
	compare_keys(json_get(schema, "properties"), policy_keys);
	compare_keys(rule, policy_rule_keys);
	compare_list(WALK(rule, "action", "enum"), action_names());
	for (size_t i = 0; handler_specs[i]; i++)
		handlers[i] = handler_specs[i]->name;
	compare_list(WALK(rule, "handler", "enum"), handlers);
	json_free(schema);
}

static void the_schema_of_the_cap_has_the_parsers_keys(void)
{
	struct json *schema = NULL;
	const struct json *allow, *handlers, *actions;

	tap_int_eq(json_load("specs/schema/cap.schema.json", &schema, NULL), 0);
	allow = WALK(schema, "properties", "allow", "properties");
	compare_keys(json_get(schema, "properties"), cap_keys);
	compare_keys(allow, cap_allow_keys);
	actions = WALK(allow, "actions", "anyOf");
	if (actions)
		compare_list(WALK(actions->u.list.items[1], "items", "enum"), action_names());
	handlers = WALK(allow, "handlers", "anyOf");
	tap_ok(actions && handlers);
	for (size_t i = 0; handlers && handler_specs[i]; i++) {
		const struct json *any = WALK(handlers->u.list.items[1], "properties",
					      handler_specs[i]->name, "anyOf");
		const struct json *options =
			any ? json_get(any->u.list.items[1], "properties") : NULL;

		tap_ok(options != NULL);
		for (const struct option_spec *o = handler_specs[i]->options; o->key; o++)
			tap_ok(json_get(options, o->key) != NULL);
	}
	json_free(schema);
}

int main(void)
{
	TAP_RUN(every_example_is_accepted);
	TAP_RUN(the_default_mknod_policy_lists_its_devices);
	TAP_RUN(the_schema_of_policies_has_the_parsers_keys);
	TAP_RUN(the_schema_of_the_cap_has_the_parsers_keys);
	return TAP_DONE();
}
