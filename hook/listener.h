/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a private listener: `waylayd --once`, found next to this program. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "arch/base/err.h"

struct listener_start {
	const char *socket; /* absolute; its directory exists */
	const char *config; /* absolute, or NULL: the default cap */
	const char *events; /* or NULL */
	bool keep_stderr;   /* it writes events to our stderr; else it logs to syslog only */
};

/* Starts it in a session of its own, with no fd of ours, and connects as soon as it listens. Returns the
 * connected fd; if it ends at once, its own last words are the error. *ret_pid (may be NULL): its pid, a
 * child of ours. */
int listener_start(const struct listener_start *start, pid_t *ret_pid, struct wl_err *err);
