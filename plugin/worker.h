/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes: where emulation happens. Children of the keeper, one container each. */
#pragma once

#include "plugin/container.h"
#include "plugin/journal.h"

/* The loop sends a slot's number (uint32_t, one SEQPACKET message) after it has set the slot ACTING and
 * filled job.slot and job.rule; the worker does the call, writes slot->resp, sets the slot DONE and sends
 * the number back. EOF on the socket: no more work, exit. */
struct worker_setup {
	int control;	/* SOCK_SEQPACKET, to the loop */
	int journal_fd;
	int notify_fd;	/* for ID_VALID and ADDFD only */
	int blob_fd;
};

/* Body of a worker process, called after fork in the keeper's child with nothing else open. Stays in the
 * host's pid namespace and cgroup, is ready inside the container's mount namespace, PR_SET_DUMPABLE 0,
 * dies with the keeper. Returns the exit status. */
int worker_main(const struct worker_setup *setup);
