/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns: `*` stops at '/', `**` does not, `?` is one character but '/', `\` takes the next as it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "arch/base/err.h"

#define GLOB_MAX 255 /* elements of a pattern */

struct glob;

int glob_new(const char *pattern, struct glob **ret, struct wl_err *err);
void glob_free(struct glob *glob);
/* What a match may cost for each character of the text, in units of some nanoseconds; 0: next to nothing. */
unsigned glob_cost(const struct glob *glob);
/* Time is bounded by text length x pattern length whatever the text: it comes from a container. Allocates
 * nothing. */
bool glob_match(const struct glob *glob, const char *text, size_t len);
