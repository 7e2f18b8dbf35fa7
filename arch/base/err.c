/* SPDX-License-Identifier: Apache-2.0 */
/* An error a person can act on. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/err.h"

#define ERRNO_MAX 4095 /* MAX_ERRNO in the kernel's include/linux/err.h */

static void scrub(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = '?';
}

static void fill(struct wl_err *err, int code, const char *fmt, va_list ap)
{
	err->code = code;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	scrub(err->msg);
}

int wl_err_set(struct wl_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!err)
		return code;

	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(-code));
	return code;
}

int wl_err_say(struct wl_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;

	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int wl_err_prefix(struct wl_err *err, int code, const char *fmt, ...)
{
	struct wl_err old;
	va_list ap;
	size_t len;

	if (!err)
		return code;

	old = *err;
	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", old.msg);
	return code;
}

const char *errno_name(int e)
{
	return strerrorname_np(abs(e));
}

int errno_parse(const char *s)
{
	char *end;
	long n;

	n = strtol(s, &end, 10);
	if (end != s && *end == '\0')
		return n > 0 && n <= ERRNO_MAX ? (int)n : -EINVAL;

	for (int e = 1; e <= ERRNO_MAX; e++) {
		const char *name = strerrorname_np(e);

		if (name && strcmp(name, s) == 0)
			return e;
	}
	/* glibc names only one of each pair of equal numbers. */
	if (strcmp(s, "EWOULDBLOCK") == 0)
		return EWOULDBLOCK;
	if (strcmp(s, "EDEADLOCK") == 0)
		return EDEADLOCK;
	if (strcmp(s, "ENOTSUP") == 0)
		return ENOTSUP;
	return -EINVAL;
}
