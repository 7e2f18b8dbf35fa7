/* SPDX-License-Identifier: Apache-2.0 */
/* Emulation handlers: a request in, a reply value out. They run in workers. */
#pragma once

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

struct request {
	const struct container *container;
	const struct rule *rule; /* with its options */
	struct call call;
	uint64_t id;		 /* notification id */
	pid_t tid;
	struct job *job;	 /* copies and undo record */
	struct caller *caller;	 /* opened and validated before handle() runs */
};

struct handler {
	const char *name; /* as in specs/handler_spec.h */
	struct reply (*handle)(struct request *req);
	/* The caller has gone before the answer reached it: take back what job->undo describes. May be NULL. */
	void (*undo)(struct request *req);
};

extern const struct handler *const handlers[]; /* sorted by name, NULL at the end */
const struct handler *handler_find(const char *name);

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
