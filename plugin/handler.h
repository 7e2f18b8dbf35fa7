/* SPDX-License-Identifier: Apache-2.0 */
/* Emulation handlers: a request in, a reply value out. They run in workers. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "arch/call.h"
#include "plugin/container.h"
#include "plugin/journal.h"

enum reply_kind { REPLY_ERRNO, REPLY_RETURN, REPLY_CONTINUE, REPLY_SENT };

/* A handler cannot forget to answer, and cannot answer twice. CONTINUE is a convenience, never a security
 * decision: the caller can change its memory after we looked. REPLY_SENT: ADDFD_FLAG_SEND did it. */
struct reply {
	enum reply_kind kind;
	int errnum;    /* ERRNO: positive */
	int64_t value; /* RETURN */
};

struct caller; /* plugin/caller.h */
struct home;

struct request {
	const struct container *container;
	const struct rule *rule; /* with its options */
	struct call call;
	uint64_t id;	      /* notification id */
	uint64_t received_ns; /* CLOCK_MONOTONIC */
	pid_t tid;
	struct job *job;       /* copies and undo record */
	struct home *home;     /* the worker's */
	struct caller *caller; /* opened and validated before handle() runs; NULL in undo() */
};

struct handler {
	const char *name; /* as in specs/handler_spec.h */
	struct reply (*handle)(struct request *req);
	/* Take back exactly what job->undo describes: the caller has gone before the answer reached it, or
	 * the worker that acted has died half-way. May be NULL. Runs with the worker's own root and ids. */
	void (*undo)(struct request *req);
};

extern const struct handler *const handlers[]; /* sorted by name, NULL at the end */
const struct handler *handler_find(const char *name);

/* Copies a string of the caller, once, into the job, where the event finds it: decide and act on *ret.
 * -EFAULT; -ENAMETOOLONG if it has no end within max bytes (its start is kept for the event). */
int request_copy_string(struct request *req, unsigned arg, size_t max, const char **ret);
/* The same with the kernel's rules for a path: -ENOENT if empty, -ENAMETOOLONG from PATH_MAX on. */
int request_copy_path(struct request *req, unsigned arg, const char **ret);

/* As if the rule were not there: the profile's verdict, and where that permits the call, the kernel. */
struct reply request_left_to_profile(const struct request *req);

/* The call still waits. What was copied by thread id before this is the caller's, not that of a later
 * process of the same number. To be asked before every side effect. */
bool request_is_valid(const struct request *req);

static inline struct reply reply_errno(int e)
{
	return (struct reply){ .kind = REPLY_ERRNO, .errnum = e < 0 ? -e : e };
}
static inline struct reply reply_return(int64_t v)
{
	return (struct reply){ .kind = REPLY_RETURN, .value = v };
}
static inline struct reply reply_continue(void)
{
	return (struct reply){ .kind = REPLY_CONTINUE };
}
