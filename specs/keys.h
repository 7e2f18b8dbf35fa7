/* SPDX-License-Identifier: Apache-2.0 */
/* Objects read by a table of keys: one row a key, unknown keys and wrong types refused with their place. */
#pragma once

#include "specs/json.h"

struct key_row {
	const char *key;
	unsigned types; /* bits 1 << enum json_type */
	/* NULL: allowed and ignored. `what` is "<document>: line L, column C", to put in front of errors. */
	int (*read)(void *into, const struct json *value, const char *what, struct wl_err *err);
	const char *help; /* one sentence */
};

#define KEY_STRING (1u << JSON_STRING)
#define KEY_INT	   (1u << JSON_INT)
#define KEY_BOOL   (1u << JSON_BOOL)
#define KEY_ARRAY  (1u << JSON_ARRAY)
#define KEY_OBJECT (1u << JSON_OBJECT)

/* "<doc>: line L, column C" of a value. */
struct place {
	char text[320];
};
struct place json_place(const struct json *j, const char *doc);

/* Reads every member of j, in the document's order, by its row; rows end with one without key. */
int keys_read(const struct key_row *rows, const struct json *j, const char *doc, void *into,
	      struct wl_err *err);
/* Index of the string in a NULL-terminated list; -EINVAL with the list. */
int keys_one_of(const char *const *names, const char *value, const char *what, struct wl_err *err);
