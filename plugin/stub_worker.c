/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for plugin/worker.c until that is there: answers every call with ENOSYS. */
#include <errno.h>
#include <sys/socket.h>

#include "plugin/worker.h"

int worker_main(const struct worker_setup *setup)
{
	struct journal *j;
	struct worker_msg msg;

	if (journal_map(setup->journal_fd, &j) < 0)
		return 1;
	while (recv(setup->control, &msg, sizeof(msg), 0) == sizeof(msg)) {
		struct slot *slot = &j->slots[msg.slot % JOURNAL_SLOTS];

		if (slot->state != SLOT_ACTING || slot->notif.id != msg.id)
			continue;
		if (!(msg.flags & WORKER_UNDO))
			slot->resp = (struct seccomp_notif_resp){ .id = msg.id, .error = -ENOSYS };
		slot->state = SLOT_DONE;
		send(setup->control, &msg, sizeof(msg), MSG_NOSIGNAL);
	}
	return 0;
}
