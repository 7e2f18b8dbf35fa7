/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces by identity. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* As nsfs names it; all zero: none. */
struct ns_id {
	uint64_t dev, ino;
};

static inline bool ns_id_eq(const struct ns_id *a, const struct ns_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* `task` is "thread-self" or a number, below the procfs that `proc` is; `ns` is "user", "mnt", ... */
int ns_id_of(int proc, const char *task, const char *ns, struct ns_id *ret);
