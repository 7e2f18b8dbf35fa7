/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON document as a tree that remembers where each value stood (parsed by yajl). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/base/buf.h"
#include "arch/base/cleanup.h"
#include "arch/base/err.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_DOUBLE,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	enum json_type type;
	unsigned line,
		column; /* of the value's first character, from 1; columns count characters */
	bool is_big;	/* JSON_INT above INT64_MAX: integer holds the bits of a uint64_t */
	union {
		bool boolean;
		int64_t integer;
		double number;
		struct {
			char *text; /* NUL-terminated; holds no NUL of its own (refused at parsing) */
			size_t len;
		} string;
		struct {
			struct json **items;
			char **keys; /* NULL for an array; else n keys, unique (a duplicate is refused) */
			size_t n;
		} list;
	} u;
};

#define JSON_MAX_DEPTH 64
#define JSON_MAX_SIZE  (16u << 20)

/* Parses one complete document: strict UTF-8, no duplicate keys, no NUL in strings. An integer beyond 64
 * bits becomes a JSON_DOUBLE. `what` names it in errors ("policy '/x.json'"). Errors read
 * "<what>: line 3, column 7: ...". -EINVAL, -E2BIG, -ENOMEM. */
int json_parse(const char *text, size_t len, const char *what, struct json **ret,
	       struct wl_err *err);
/* Reads and parses a regular file. */
int json_load(const char *path, struct json **ret, struct wl_err *err);
/* The same from an open file; fd is borrowed. */
int json_load_fd(int fd, const char *what, struct json **ret, struct wl_err *err);
/* -EPERM for a file that others than root (or this program's own user) can write. */
int json_check_owner(int fd, const char *what, struct wl_err *err);
void json_free(struct json *j);
static inline void json_freep(struct json **j)
{
	json_free(*j);
}

/* NULL if j is NULL, no object, or has no such key. */
const struct json *json_get(const struct json *j, const char *key);
/* Member of that type or NULL. */
const char *json_get_string(const struct json *j, const char *key);
/* 0, -ENOENT without the key, -EINVAL for another type or out of [min, max]. */
int json_get_int(const struct json *j, const char *key, int64_t min, int64_t max, int64_t *ret);
/* The same for 0..UINT64_MAX (seccomp's valueTwo). */
int json_get_u64(const struct json *j, const char *key, uint64_t *ret);
bool json_get_bool(const struct json *j, const char *key, bool fallback);
/* Writes the tree back as compact JSON (deterministic: the order of the document). */
void json_write(struct buf *out, const struct json *j);
/* "a string", "an object", ... for messages. */
const char *json_type_name(enum json_type type);
