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

/* What a relative path starts from, as an O_PATH fd: the thread's working directory (AT_FDCWD) or what its fd is;
 * negative errno counts only for a relative path. Inside caller_enter(), before caller_become().
 *
 * A path that begins with a link of the caller's own procfs directory (/proc/self/fd/N, /proc/self/cwd,
 * /proc/self/root, or thread-self) would in a worker lead to the worker's: it is replaced by what is behind it, and
 * *path by the rest, which is relative or "". Without such an fd: -ENOENT and "". */
int resolve_base(const struct caller *c, int dirfd, const char **path);

/* The directory that is to hold `path`'s last component. To be called between caller_become() and
 * caller_unbecome(), inside caller_enter(). `base` and `path` as resolve_base() left them. Other magic
 * links of procfs are not followed (-ELOOP). `path` is not empty and at most PATH_MAX - 1 long. */
int resolve_parent(int base, const char *path, struct place *ret);

/* What `path` leads to, last link followed, as an O_PATH fd; same place and rules. "": the base itself. */
int resolve_target(int base, const char *path);
