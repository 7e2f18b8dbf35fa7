/* SPDX-License-Identifier: Apache-2.0 */
/* Is somebody freezing a container? A received call cannot be frozen: it must be answered first. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct freezer;

/* Opens the freezer files of the process's cgroup and its ancestors (v2) or its v1 freezer. NULL if there
 * are none: nothing can freeze it then. */
struct freezer *freezer_open(pid_t pid);
bool freezer_is_freezing(const struct freezer *f);
void freezer_free(struct freezer *f);
