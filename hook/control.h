/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the listeners of this host (specs/wire.md, "Control"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "specs/cap.h"
#include "specs/json.h"

/* What `ps`, `stop` and `metrics` have in common on their command lines. */
struct control_options {
	const char *config, *socket; /* NULL: none given */
	bool is_json;
	const char *container; /* NULL: none given */
};
/* -1: go on; else the exit status, said. */
int control_parse(const char *name, int argc, char **argv, bool has_json, bool wants_container,
		  struct control_options *ret);

/* Sockets at which listeners may be: the host's, then the private ones in the order of their names; or the
 * one of `options`. */
struct control_sockets {
	char **paths; /* owned */
	size_t n;
};
int control_find(const struct control_options *options, struct control_sockets *ret,
		 struct wl_err *err);
void control_sockets_done(struct control_sockets *s);

/* Asks one thing. `members`: what stands in the question beside the version: "\"do\":\"ps\"". -ENOENT or
 * -ECONNREFUSED: nobody listens there. *ret: the answer, owned. A listener's no is err and its code;
 * *ret_is_no tells it from a failure to ask. */
int control_ask(const char *path, const char *members, struct json **ret, bool *ret_is_no,
		struct wl_err *err);

/* Everything that the listener at path says of itself and its containers, in as many pages as it takes:
 * each is given to fn. A listener that is not there, or ends in between, is no error. */
int control_pages(const char *path, const char *verb,
		  int (*fn)(void *ctx, const char *path, const struct json *page), void *ctx,
		  struct wl_err *err);
/* The same of every listener. Goes on where one fails; the first failure is the result. */
int control_pages_all(const struct control_sockets *sockets, const char *verb,
		      int (*fn)(void *ctx, const char *path, const struct json *page), void *ctx,
		      struct wl_err *err);
