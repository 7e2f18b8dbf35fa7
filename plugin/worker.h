/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes: where emulation happens. Children of the keeper, one container each. */
#pragma once

#include <stdint.h>

#include "plugin/container.h"
#include "plugin/journal.h"

/* What the loop sends, one SEQPACKET message each, and what comes back unchanged when it is done.
 *
 * The loop has set slot->state = SLOT_ACTING and filled slot->job, job->slot and job->rule before. The
 * worker does the call, writes slot->resp (id included; id 0: already answered, REPLY_SENT), sets the state
 * SLOT_DONE and sends the message back.
 *
 * A message whose slot is not ACTING or holds another notif.id is dropped without an answer: a restarted
 * listener sends what its predecessor may have sent already.
 *
 * WORKER_UNDO: take back what job->undo describes (the caller has gone, or the worker that did it died
 * half-way), set undo.kind to 0, leave resp alone, set SLOT_DONE, send the message back. The state is
 * ACTING here too. undo.kind 0 is no error. */
struct worker_msg {
	uint32_t slot;
	uint32_t flags;
	uint64_t id; /* slots[slot].notif.id */
};
#define WORKER_UNDO (1u << 0)

/* EOF on the control socket: no more work, exit. */
struct worker_setup {
	int control; /* SOCK_SEQPACKET, to the loop */
	int journal_fd;
	int notify_fd; /* for ID_VALID and ADDFD only */
	int blob_fd;
};

/* Body of a worker process, called after fork in the keeper's child with nothing else open. Stays in the
 * host's pid namespace and cgroup, outside every container: a mount namespace of its own with nothing in
 * it, PR_SET_DUMPABLE 0, and between two calls nothing of a container open or joined, so that it pins no
 * mount. Dies with the keeper, which has set PR_SET_PDEATHSIG. Returns the exit status. */
int worker_main(const struct worker_setup *setup);
/* The same with journal and container already mapped (borrowed). 0 at EOF, or negative errno. */
int worker_run(struct journal *journal, struct container *container, int control);
