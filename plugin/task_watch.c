/* SPDX-License-Identifier: Apache-2.0 */
/* Births and names of tasks, as perf's sideband tells them. */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/task_watch.h"

#define RING_PAGES 8   /* several hundred records; who comes too late begins anew */
#define LONGEST	   256 /* more than a record has: where the kernel may be writing now */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int watch_cpu(int cpu, const struct perf_event_mmap_page **ret_page)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY,
					.comm = 1 };
	struct perf_event_mmap_page *page;
	/* The mapping keeps the event alive. Read-only: the kernel writes on over what nobody has read. */
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	page = mmap(NULL, (1 + RING_PAGES) * page_size(), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	*ret_page = page;
	return 0;
}

void task_watch_init(struct task_watch *w)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	*w = (struct task_watch){ 0 };
	if (n > TASK_WATCH_CPUS)
		return;
	for (int cpu = 0; cpu < n; cpu++) {
		int r = watch_cpu(cpu, &w->pages[w->n]);

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
		munmap((void *)(uintptr_t)w->pages[i], (1 + RING_PAGES) * page_size());
	w->n = 0;
}

/* A record's beginning, as the kernel has it for fork and exit (pid, ppid, tid, ptid) and comm (pid, tid, name). */
struct record {
	struct perf_event_header header;
	uint32_t words[4];
};

/* Records are of 8-byte units and may go over the ring's end. */
static struct record copy_record(const char *ring, size_t size, uint64_t at)
{
	struct record r;

	for (size_t i = 0; i < sizeof(r); i += 8)
		memcpy((char *)&r + i, ring + (at + i) % size, 8);
	return r;
}

/* False: they make no sense, or were written over meanwhile. */
static bool read_records(const struct perf_event_mmap_page *page, uint64_t from, uint64_t to,
			 task_watch_changed *changed, void *arg)
{
	size_t size = RING_PAGES * page_size();
	const char *ring = (const char *)page + page_size();

	if (to - from > size - LONGEST)
		return false;
	for (uint64_t at = from; at < to;) {
		struct record r = copy_record(ring, size, at);

		if (r.header.size < sizeof(r.header) || r.header.size % 8 != 0)
			return false;
		if (r.header.type == PERF_RECORD_FORK || r.header.type == PERF_RECORD_EXIT)
			changed(arg, (pid_t)r.words[2]);
		else if (r.header.type == PERF_RECORD_COMM)
			changed(arg, (pid_t)r.words[1]);
		at += r.header.size;
	}
	return __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE) - from <= size - LONGEST;
}

void task_watch_read(const struct task_watch *w, struct task_watch_reader *reader,
		     task_watch_changed *changed, void *arg)
{
	for (unsigned i = 0; i < w->n; i++) {
		uint64_t head = __atomic_load_n(&w->pages[i]->data_head, __ATOMIC_ACQUIRE);

		if (head == reader->at[i])
			continue;
		if (!read_records(w->pages[i], reader->at[i], head, changed, arg))
			changed(arg, 0);
		reader->at[i] = head;
	}
}
