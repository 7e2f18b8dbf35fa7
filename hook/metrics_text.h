/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners' counters as Prometheus reads them: all samples of a name in one piece. */
#pragma once

#include <stddef.h>

#include "arch/base/buf.h"
#include "specs/json.h"

struct metrics_sample; /* hook/metrics_text.c */

/* Zeroed: empty. Samples of the same name and labels are added up: a container whose exec'd processes came
 * by themselves (the spec route) is served in several pieces. */
struct metrics_text {
	struct metrics_sample *samples; /* owned */
	size_t n, room;
};

/* Takes in what the listener at `path` has answered to "metrics"; of its pages only the first tells of the
 * listener itself. -EBADMSG if something is missing, -ENOMEM. */
int metrics_text_add(struct metrics_text *m, const char *path, const struct json *page);
void metrics_text_write(struct metrics_text *m, struct buf *out);
void metrics_text_done(struct metrics_text *m);
