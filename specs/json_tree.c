/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing a JSON tree. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "specs/json.h"

int json_load_fd(int fd, const char *what, struct json **ret, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	char chunk[16384];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return wl_err_set(err, -errno, "stat '%s'", what);
	if (!S_ISREG(st.st_mode))
		return wl_err_say(err, -EINVAL, "'%s' is no regular file", what);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return wl_err_set(err, -errno, "read '%s'", what);
		buf_append(&text, chunk, (size_t)n);
		if (text.failed)
			return wl_err_set(err, -ENOMEM, "read '%s'", what);
		if (text.len > JSON_MAX_SIZE)
			break; /* json_parse says so */
	}
	return json_parse(text.data ? text.data : "", text.len, what, ret, err);
}

int json_load(const char *path, struct json **ret, struct wl_err *err)
{
	_cleanup_close_ int fd = -EBADF;

	/* O_NONBLOCK: a FIFO in the file's place must not hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return wl_err_set(err, -errno, "open '%s'", path);
	return json_load_fd(fd, path, ret, err);
}

/* Whoever can write the file decides what containers may do. */
int json_check_owner(int fd, const char *what, struct wl_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return wl_err_set(err, -errno, "stat '%s'", what);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
		return wl_err_say(err, -EPERM,
				  "'%s' can be written by others than root (owner %u, mode %04o); "
				  "chown root and chmod go-w it",
				  what, st.st_uid, st.st_mode & 07777);
	return 0;
}

void json_free(struct json *j)
{
	if (!j)
		return;
	if (j->type == JSON_STRING)
		free(j->u.string.text);
	if (j->type == JSON_ARRAY || j->type == JSON_OBJECT) {
		for (size_t i = 0; i < j->u.list.n; i++) {
			json_free(j->u.list.items[i]);
			if (j->u.list.keys)
				free(j->u.list.keys[i]);
		}
		free(j->u.list.items);
		free(j->u.list.keys);
	}
	free(j);
}

const struct json *json_get(const struct json *j, const char *key)
{
	if (!j || j->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < j->u.list.n; i++)
		if (strcmp(j->u.list.keys[i], key) == 0)
			return j->u.list.items[i];
	return NULL;
}

const char *json_get_string(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	return v && v->type == JSON_STRING ? v->u.string.text : NULL;
}

int json_get_int(const struct json *j, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const struct json *v = json_get(j, key);

	if (!v)
		return -ENOENT;
	if (v->type != JSON_INT || v->is_big || v->u.integer < min || v->u.integer > max)
		return -EINVAL;
	*ret = v->u.integer;
	return 0;
}

int json_get_u64(const struct json *j, const char *key, uint64_t *ret)
{
	const struct json *v = json_get(j, key);

	if (!v)
		return -ENOENT;
	if (v->type != JSON_INT || (v->u.integer < 0 && !v->is_big))
		return -EINVAL;
	*ret = (uint64_t)v->u.integer;
	return 0;
}

bool json_get_bool(const struct json *j, const char *key, bool fallback)
{
	const struct json *v = json_get(j, key);

	return v && v->type == JSON_BOOL ? v->u.boolean : fallback;
}

static void write_double(struct buf *out, double number)
{
	char text[40];

	/* 17 digits give any double back; the point keeps it a double. */
	snprintf(text, sizeof(text), "%.17g", number);
	buf_puts(out, text);
	if (!strpbrk(text, ".e"))
		buf_puts(out, ".0");
}

static void write_list(struct buf *out, const struct json *j)
{
	bool is_object = j->type == JSON_OBJECT;

	buf_puts(out, is_object ? "{" : "[");
	for (size_t i = 0; i < j->u.list.n; i++) {
		if (i > 0)
			buf_puts(out, ",");
		if (is_object) {
			buf_json_string(out, j->u.list.keys[i]);
			buf_puts(out, ":");
		}
		json_write(out, j->u.list.items[i]);
	}
	buf_puts(out, is_object ? "}" : "]");
}

void json_write(struct buf *out, const struct json *j)
{
	switch (j->type) {
	case JSON_NULL:
		buf_puts(out, "null");
		break;
	case JSON_BOOL:
		buf_puts(out, j->u.boolean ? "true" : "false");
		break;
	case JSON_INT:
		if (j->is_big)
			buf_printf(out, "%llu", (unsigned long long)j->u.integer);
		else
			buf_printf(out, "%lld", (long long)j->u.integer);
		break;
	case JSON_DOUBLE:
		write_double(out, j->u.number);
		break;
	case JSON_STRING:
		buf_json_string(out, j->u.string.text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_list(out, j);
		break;
	}
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = { "null",	 "true or false", "an integer", "a number",
					     "a string", "an array",	  "an object" };

	return names[type];
}
