/* SPDX-License-Identifier: Apache-2.0 */
/* The table of emulation handlers and the check of their options. */
#include <errno.h>
#include <string.h>

#include "arch/base/buf.h"
#include "arch/base/cleanup.h"
#include "specs/device.h"
#include "specs/handlers/rows.h"

const struct handler_spec *const handler_specs[] = {
	&handler_spec_mknod,
	&handler_spec_mount,
	NULL,
};

const struct handler_spec *handler_spec_find(const char *name)
{
	for (const struct handler_spec *const *s = handler_specs; *s; s++)
		if (strcmp((*s)->name, name) == 0)
			return *s;
	return NULL;
}

void handler_spec_names(struct buf *ret_text)
{
	for (const struct handler_spec *const *s = handler_specs; *s; s++)
		buf_printf(ret_text, "%s%s", s == handler_specs ? "" : ", ", (*s)->name);
}

const struct option_spec *handler_spec_option(const struct handler_spec *spec, const char *key)
{
	for (const struct option_spec *o = spec->options; o->key; o++)
		if (strcmp(o->key, key) == 0)
			return o;
	return NULL;
}

static int unknown_option(const struct handler_spec *spec, const char *key, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf known = { 0 };

	for (const struct option_spec *o = spec->options; o->key; o++)
		buf_printf(&known, "%s%s", o == spec->options ? "" : ", ", o->key);
	return wl_err_say(err, -EINVAL, "handler %s has no option '%s'; it has %s", spec->name, key,
			  known.data ? known.data : "none");
}

static bool is_one_of(const char *values, const char *value)
{
	size_t len = strlen(value);

	for (const char *p = values; *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == len && memcmp(p, value, len) == 0)
			return true;
	return false;
}

int handler_spec_check(const struct handler_spec *spec, const char *key, const char *value,
		       struct wl_err *err)
{
	const struct option_spec *o = handler_spec_option(spec, key);
	struct device_list devices;
	const char *values = "true|false";
	int r;

	if (!o)
		return unknown_option(spec, key, err);
	switch (o->type) {
	case OPTION_DEVICES:
		r = device_list_parse(value, &devices, err);
		if (r < 0)
			return wl_err_prefix(err, r, "handler %s, option %s", spec->name, key);
		return 0;
	case OPTION_ENUM:
		values = o->values;
		break;
	case OPTION_BOOL:
		break;
	case OPTION_STRINGS:
		return 0;
	}
	if (is_one_of(values, value))
		return 0;
	return wl_err_say(err, -EINVAL, "handler %s, option %s: '%s' is none of %s", spec->name,
			  key, value, values);
}
