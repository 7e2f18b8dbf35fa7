/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as the caller's kernel would resolve them, up to the last component. */
#pragma once

#include <limits.h>

#include "plugin/caller.h"

/* Where something is to be made: hand (fd, last) to an *at() call. `last` keeps trailing slashes, "." and
 * "..", so that the kernel gives the same errno as for the whole path. */
struct place {
	int fd;		  /* owned */
	const char *last; /* in the path given */
};

/* Splits in front of the last component: "a/b//" -> "a/" and "b//"; "b" -> "" and "b"; "/" -> "" and "/".
 * Returns where the last component begins. */
size_t resolve_split(const char *path);

/* For a path that begins with a link of the caller's own procfs directory (/proc/self/fd/N/, /proc/self/cwd/,
 * /proc/self/root/, or thread-self), which in a worker would be the worker's: what is behind it, as an O_PATH
 * fd, and the rest of the path in *ret_rest (not empty, relative). -ENOENT if the path does not begin so;
 * -ESRCH if there is no such fd: ENOENT for the caller. Inside caller_enter(). */
int resolve_own_link(const struct caller *c, const char *path, const char **ret_rest);

/* The directory that is to hold `path`'s last component. To be called between caller_become() and
 * caller_unbecome(), inside caller_enter(). `base`: what a relative path starts from (an O_PATH fd, or the
 * error of opening it, which counts only for a relative path). Other magic
 * links of procfs are not followed (-ELOOP). `path` is not empty and at most PATH_MAX - 1 long. */
int resolve_parent(int base, const char *path, struct place *ret);
