/* SPDX-License-Identifier: Apache-2.0 */
/* An error a person can act on: code plus one line that names object, value and remedy. */
#pragma once

/* Library code fills it and returns its code; programs print it, once. Success leaves it as it was.
 * Lives on the caller's stack, needs no release. NULL is allowed where nobody wants the text. */
struct wl_err {
	int code; /* negative errno */
	char msg[640];
};

/* Fills err with "<text>: <strerror(-code)>" and returns code (negative errno). Control characters
 * in the text are replaced by '?', so that a hostile name cannot forge lines. */
int wl_err_set(struct wl_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same without the errno's text, where the text itself says all. */
int wl_err_say(struct wl_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "<text>: " in front of what err says; returns err's code. */
int wl_err_prefix(struct wl_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "EPERM" for 1 and -1; NULL for a number without a name. */
const char *errno_name(int e);

/* Positive errno for "EPERM" or a decimal number 1..4095; -EINVAL otherwise. */
int errno_parse(const char *s);
