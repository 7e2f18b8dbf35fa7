/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of devices. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "specs/device.h"

static const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* Returns what follows the number, NULL if there is none or it is above max. */
static const char *parse_number(const char *p, uint32_t max, uint32_t *ret)
{
	uint32_t n = 0;

	if (*p == '*') {
		*ret = DEVICE_ANY;
		return p + 1;
	}
	if (!isdigit((unsigned char)*p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (uint32_t)(*p - '0');
		if (n > max)
			return NULL;
	}
	*ret = n;
	return p;
}

static const char *parse_rule(const char *p, struct device_rule *ret)
{
	p = skip_space(p);
	if (*p != 'c' && *p != 'b')
		return NULL;
	ret->type = *p++;
	if (!isspace((unsigned char)*p))
		return NULL;
	p = parse_number(skip_space(p), DEVICE_MAX_MAJ, &ret->major);
	if (!p || *p != ':')
		return NULL;
	p = parse_number(p + 1, DEVICE_MAX_MIN, &ret->minor);
	return p ? skip_space(p) : NULL;
}

int device_list_parse(const char *text, struct device_list *ret, struct wl_err *err)
{
	const char *p = skip_space(text);
	size_t n = 0;

	while (*p) {
		const char *end;

		if (n == DEVICE_LIST_MAX)
			return wl_err_say(err, -E2BIG, "more than %d devices", DEVICE_LIST_MAX);
		end = parse_rule(p, &ret->rules[n]);
		if (!end || (*end && *end != ',') || (*end == ',' && !*skip_space(end + 1)))
			return wl_err_say(
				err, -EINVAL,
				"'%.*s' is no device; write \"c MAJOR:MINOR\" or \"b MAJOR:*\"",
				(int)strcspn(p, ","), p);
		n++;
		p = *end ? skip_space(end + 1) : end;
	}
	ret->n = n;
	return 0;
}

static bool covers(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && (a->major == DEVICE_ANY || a->major == b->major) &&
	       (a->minor == DEVICE_ANY || a->minor == b->minor);
}

bool device_list_covers(const struct device_list *list, const struct device_rule *rule)
{
	for (size_t i = 0; i < list->n; i++)
		if (covers(&list->rules[i], rule))
			return true;
	return false;
}

bool device_list_has(const struct device_list *list, char type, uint32_t major, uint32_t minor)
{
	struct device_rule rule = { .type = type, .major = major, .minor = minor };

	return device_list_covers(list, &rule);
}
