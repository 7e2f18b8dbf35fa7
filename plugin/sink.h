/* SPDX-License-Identifier: Apache-2.0 */
/* Where events go: opening places safely, and writing lines without ever being held up by a reader. */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "arch/base/buf.h"
#include "arch/base/err.h"
#include "specs/cap.h"

enum sink_kind { SINK_FILE = 1, SINK_STREAM, SINK_DATAGRAM, SINK_JOURNALD, SINK_STDERR };

struct sink {
	enum sink_kind kind;
	int fd;		  /* owned */
	struct buf rest;  /* SINK_STREAM: end of a line that was sent in part */
	uint64_t told_ns; /* when a failure was last logged */
	bool is_stalled; /* its reader was waited for in vain: not again before it has taken a line */
};

/* Opens what a container's policy asks for ("file:NAME", "unix:NAME", "journald", "stderr"; NULL:
 * "file:events.jsonl"), within the host's cap. The container's directory is made if it is not there. An
 * existing file is only taken if waylay made it. */
int sink_open(const struct cap *cap, const char *id, const char *spec, struct sink *ret,
	      struct wl_err *err);
/* The operator's own choice (--events): any path. */
int sink_open_operator(const char *spec, struct sink *ret, struct wl_err *err);
void sink_done(struct sink *sink);

/* Writes complete lines. Returns how many of them were lost (reader too slow, disk full). */
unsigned sink_write(struct sink *sink, const struct iovec *lines, unsigned n);
