/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process from its four fds. */
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "plugin/worker.h"

int worker_main(const struct worker_setup *setup)
{
	struct container *container = NULL;
	struct journal *journal;
	struct wl_err err = { 0 };
	int r;

	r = journal_map(setup->journal_fd, &journal);
	if (r < 0) {
		log_error("worker: journal: %s", strerror(-r));
		return 1;
	}
	fd_close(setup->journal_fd);
	r = container_open(setup->blob_fd, setup->notify_fd, &container, &err);
	if (r < 0)
		log_error("worker: %s", err.msg);
	else
		r = worker_run(journal, container, setup->control);
	container_free(container);
	journal_unmap(journal);
	return r < 0;
}
