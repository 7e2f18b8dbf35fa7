/* SPDX-License-Identifier: Apache-2.0 */
/* Objects read by a table of keys. */
#include <errno.h>
#include <string.h>

#include "specs/keys.h"

struct place json_place(const struct json *j, const char *doc)
{
	struct place place;

	snprintf(place.text, sizeof(place.text), "%.250s: line %u, column %u", doc, j->line,
		 j->column);
	return place;
}

static int unknown_key(const struct key_row *rows, const char *key, const char *what,
		       struct wl_err *err)
{
	_cleanup_(buf_done) struct buf known = { 0 };

	for (const struct key_row *row = rows; row->key; row++)
		buf_printf(&known, "%s%s", row == rows ? "" : ", ", row->key);
	return wl_err_say(err, -EINVAL, "%s: unknown key \"%.60s\"; there are %s", what, key,
			  known.data ? known.data : "");
}

static int wrong_type(const struct key_row *row, const struct json *value, const char *what,
		      struct wl_err *err)
{
	char wanted[96] = "";

	for (unsigned t = JSON_NULL; t <= JSON_OBJECT; t++)
		if (row->types & 1u << t)
			snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%s%s",
				 *wanted ? " or " : "", json_type_name((enum json_type)t));
	return wl_err_say(err, -EINVAL, "%s: \"%s\" is %s, and should be %s", what, row->key,
			  json_type_name(value->type), wanted);
}

int keys_read(const struct key_row *rows, const struct json *j, const char *doc, void *into,
	      struct wl_err *err)
{
	if (j->type != JSON_OBJECT)
		return wl_err_say(err, -EINVAL, "%s: this is %s, and should be an object",
				  json_place(j, doc).text, json_type_name(j->type));
	for (size_t i = 0; i < j->u.list.n; i++) {
		const struct json *value = j->u.list.items[i];
		struct place place = json_place(value, doc);
		const struct key_row *row = rows;
		int r;

		while (row->key && strcmp(row->key, j->u.list.keys[i]) != 0)
			row++;
		if (!row->key)
			return unknown_key(rows, j->u.list.keys[i], place.text, err);
		if (!(row->types & 1u << value->type))
			return wrong_type(row, value, place.text, err);
		r = row->read ? row->read(into, value, place.text, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int keys_one_of(const char *const *names, const char *value, const char *what, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf known = { 0 };

	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], value) == 0)
			return i;
		buf_printf(&known, "%s%s", i ? ", " : "", names[i]);
	}
	return wl_err_say(err, -EINVAL, "%s: '%.60s' is none of %s", what, value,
			  known.data ? known.data : "");
}
