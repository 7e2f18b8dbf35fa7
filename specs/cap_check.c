/* SPDX-License-Identifier: Apache-2.0 */
/* The host's cap: what a policy asks against what is allowed, and where outputs go. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/cap.h"
#include "specs/device.h"
#include "specs/handler_spec.h"
#include "specs/oci.h"

static const char *cap_name(const struct cap *cap)
{
	return cap->path ? cap->path : "the built-in default (there is no " CAP_DEFAULT_PATH ")";
}

const char *const cap_sinks[CAP_SINK_COUNT + 1] = {
	[CAP_SINK_JOURNALD] = "journald",
	[CAP_SINK_STDERR] = "stderr",
};

/* CAP_SINK_COUNT: it is none. */
static unsigned find_sink(const char *spec)
{
	unsigned i = 0;

	while (i < CAP_SINK_COUNT && strcmp(spec, cap_sinks[i]) != 0)
		i++;
	return i;
}

/* "file:NAME" and "unix:NAME" have a name; "journald" and "stderr" have none; else all of it is the name. */
static const char *output_name(const char *spec)
{
	if (find_sink(spec) < CAP_SINK_COUNT)
		return NULL;
	if (strncmp(spec, "file:", 5) == 0 || strncmp(spec, "unix:", 5) == 0)
		return spec + 5;
	return spec;
}

static bool is_clean(const char *name)
{
	const char *p = name;

	if (!*name || name[strlen(name) - 1] == '/')
		return false;
	while (*p) {
		size_t len = strcspn(p, "/");

		if (len == 2 && memcmp(p, "..", 2) == 0)
			return false;
		p += len;
		p += *p == '/';
	}
	return true;
}

/* What of an absolute name lies below dir, or NULL. */
static const char *below(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	if (len == 1)
		len = 0; /* "/" */
	if (strncmp(name, dir, len) != 0 || name[len] != '/')
		return NULL;
	while (name[len] == '/')
		len++;
	return name[len] ? name + len : NULL;
}

static int find_output(const struct cap *cap, const char *spec, const char **ret_dir,
		       const char **ret_rest, struct wl_err *err)
{
	const char *name = output_name(spec);
	_cleanup_(buf_done) struct buf dirs = { 0 };

	if (!name || !is_clean(name))
		return wl_err_say(err, -EINVAL,
				  "output '%.100s': no name of a file (no '..', no '/' at its end)",
				  spec);
	*ret_dir = NULL;
	*ret_rest = name;
	if (name[0] != '/')
		return 0;
	for (size_t i = 0; i < cap->n_output_dirs; i++) {
		*ret_rest = below(cap->output_dirs[i], name);
		*ret_dir = cap->output_dirs[i];
		if (*ret_rest)
			return 0;
		buf_printf(&dirs, "%s%s", i ? ", " : "", cap->output_dirs[i]);
	}
	return wl_err_say(
		err, -EPERM,
		"output '%.100s' is outside output_dirs (%.100s) of %s; a relative name goes to "
		"%s/<container id>/",
		spec, dirs.data ? dirs.data : "none", cap_name(cap), cap->log_dir);
}

int cap_output(const struct cap *cap, const char *container_id, const char *spec, char **ret_dir,
	       char **ret_name, struct wl_err *err)
{
	_cleanup_free_ char *dir = NULL, *name = NULL;
	const char *below_dir, *rest;
	int r;

	if (!oci_id_is_valid(container_id))
		return wl_err_say(err, -EINVAL, "container id '%.80s' is no plain name",
				  container_id);
	r = find_output(cap, spec, &below_dir, &rest, err);
	if (r < 0)
		return r;
	name = strdup(rest);
	if (below_dir)
		dir = strdup(below_dir);
	else if (asprintf(&dir, "%s/%s", cap->log_dir, container_id) < 0)
		dir = NULL;
	if (!dir || !name)
		return wl_err_set(err, -ENOMEM, "output '%.100s'", spec);
	*ret_dir = TAKE_PTR(dir);
	*ret_name = TAKE_PTR(name);
	return 0;
}

/* The next word of a comma list, without white space around it; NULL at the end. */
static const char *next_word(const char **rest, size_t *ret_len)
{
	const char *word = *rest;
	size_t len;

	if (!word)
		return NULL;
	len = strcspn(word, ",");
	*rest = word[len] ? word + len + 1 : NULL;
	for (; len > 0 && isspace((unsigned char)*word); len--)
		word++;
	while (len > 0 && isspace((unsigned char)word[len - 1]))
		len--;
	*ret_len = len;
	return word;
}

static bool is_listed(const char *list, const char *value, size_t len)
{
	const char *word;
	size_t n;

	while ((word = next_word(&list, &n)) != NULL)
		if (n == len && n > 0 && memcmp(word, value, n) == 0)
			return true;
	return false;
}

static int check_devices(const char *asked, const char *limit)
{
	_cleanup_free_ struct device_list *want = malloc(sizeof(*want)),
					  *have = malloc(sizeof(*have));
	int r;

	if (!want || !have)
		return -ENOMEM;
	r = device_list_parse(asked, want, NULL);
	if (r == 0)
		r = device_list_parse(limit, have, NULL);
	for (size_t i = 0; r == 0 && i < want->n; i++)
		if (!device_list_covers(have, &want->rules[i]))
			r = -EPERM;
	return r;
}

/* Every element of a comma list; an empty one asks for nothing. */
static int check_strings(const char *asked, const char *limit)
{
	const char *word;
	size_t len;

	if (!asked[strspn(asked, " ")])
		return 0;
	while ((word = next_word(&asked, &len)) != NULL)
		if (!is_listed(limit, word, len))
			return -EPERM;
	return 0;
}

static int check_option(const struct option_spec *o, const char *asked, const char *limit)
{
	if (strcmp(limit, "*") == 0)
		return 0;
	switch (o->type) {
	case OPTION_DEVICES:
		return check_devices(asked, limit);
	case OPTION_STRINGS:
		return check_strings(asked, limit);
	case OPTION_BOOL:
	case OPTION_ENUM:
		break;
	}
	return is_listed(limit, asked, strlen(asked)) ? 0 : -EPERM;
}

/* An option that the cap does not mention may only have its default. */
static const char *limit_of(const struct cap_handler *h, const struct option_spec *o)
{
	for (size_t i = 0; i < h->n_limits; i++)
		if (strcmp(h->limits[i].key, o->key) == 0)
			return h->limits[i].value;
	return o->fallback;
}

static int check_handler(const struct cap *cap, const struct rule *rule, struct wl_err *err)
{
	const struct cap_handler *h = NULL;

	for (size_t i = 0; i < cap->n_handlers && !h; i++)
		if (cap->handlers[i].spec == rule->handler)
			h = &cap->handlers[i];
	if (cap->all_handlers || (h && h->is_free))
		return 0;
	if (!h)
		return wl_err_say(err, -EPERM, "rule '%s': handler %s is not allowed by %s",
				  rule->name, rule->handler->name, cap_name(cap));
	for (const struct option_spec *o = rule->handler->options; o->key; o++) {
		const char *asked = rule_option(rule, o->key), *limit = limit_of(h, o);
		int r = check_option(o, asked, limit);

		if (r < 0)
			return wl_err_say(err, r,
					  "rule '%s': handler %s, option %s: '%.150s' is above the "
					  "cap '%.150s' "
					  "of %s",
					  rule->name, rule->handler->name, o->key, asked, limit,
					  cap_name(cap));
	}
	return 0;
}

static int check_outputs(const struct cap *cap, const struct policy *policy, struct wl_err *err)
{
	const char *specs[] = { policy->events, policy->record };
	unsigned sink = policy->events ? find_sink(policy->events) : CAP_SINK_COUNT;

	if (sink < CAP_SINK_COUNT && !(cap->sinks & 1u << sink))
		return wl_err_say(err, -EPERM,
				  "events '%s' is not among sinks of %s; file:NAME goes to "
				  "%s/<container id>/",
				  policy->events, cap_name(cap), cap->log_dir);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		const char *dir, *rest;
		int r;

		if (!specs[i] || !output_name(specs[i]))
			continue;
		r = find_output(cap, specs[i], &dir, &rest, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cap_check(const struct cap *cap, const struct policy *policy, struct wl_err *err)
{
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		int r = 0;

		if (!(cap->actions & 1u << rule->action))
			return wl_err_say(
				err, -EPERM,
				"rule '%s': action %s%s%s is not among allow.actions of %s",
				rule->name, action_rows[rule->action].name,
				rule->handler ? " of " : "",
				rule->handler ? rule->handler->name : "", cap_name(cap));
		if (rule->handler)
			r = check_handler(cap, rule, err);
		if (r < 0)
			return r;
	}
	return check_outputs(cap, policy, err);
}
