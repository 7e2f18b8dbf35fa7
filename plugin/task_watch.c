/* SPDX-License-Identifier: Apache-2.0 */
/* Births and names of tasks, as perf's sideband tells them. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/task_watch.h"

/* The page with the counters, and the least ring: without one nothing is counted. */
static size_t map_size(void)
{
	return 2 * (size_t)sysconf(_SC_PAGESIZE);
}

static int watch_cpu(int cpu, const uint64_t **ret_head)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY,
					.comm = 1 };
	struct perf_event_mmap_page *page;
	/* The mapping keeps the event alive. Read-only: the kernel writes on over what nobody reads. */
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	page = mmap(NULL, map_size(), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	*ret_head = (const uint64_t *)&page->data_head;
	return 0;
}

void task_watch_init(struct task_watch *w)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	*w = (struct task_watch){ 0 };
	if (n > TASK_WATCH_CPUS)
		return;
	for (int cpu = 0; cpu < n; cpu++) {
		int r = watch_cpu(cpu, &w->heads[w->n]);

		if (r == -ENODEV) /* offline */
			continue;
		if (r < 0) {
			task_watch_done(w);
			return;
		}
		w->n++;
	}
}

void task_watch_done(struct task_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		munmap((char *)(uintptr_t)w->heads[i] -
			       offsetof(struct perf_event_mmap_page, data_head),
		       map_size());
	w->n = 0;
}
