/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reads and writes of another task's memory. */
#include "arch/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The smallest page of any architecture here. With larger real pages (16 or 64 KiB) a string is merely
 * read in more pieces. */
#define MEM_PAGE 4096u

/* Most strings are short paths: one small read, and a second one for the rest. */
#define MEM_FIRST 256u

static ssize_t task_read(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = { .iov_base = buf, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n;

	if (addr != (uintptr_t)addr)
		return -EFAULT;
	/* A short count: a page after the first cannot be read. Within one iovec element the kernel stops
	 * at the page, though process_vm_readv(2) promises whole elements only (tried on 6.18). */
	n = process_vm_readv(mem->tid, &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

struct mem mem_of_task(pid_t tid)
{
	return (struct mem){ .read = task_read, .tid = tid };
}

int mem_read(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	ssize_t n;

	if (len == 0)
		return 0;
	if (addr + (len - 1) < addr)
		return -EFAULT;
	n = mem->read(mem, addr, buf, len);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EFAULT;
}

ssize_t mem_read_string(const struct mem *mem, uint64_t addr, char *buf, size_t size)
{
	size_t have = 0;

	if (size == 0)
		return -ENAMETOOLONG;
	while (have < size) {
		uint64_t at = addr + have;
		size_t want = MEM_PAGE - (size_t)(at % MEM_PAGE);
		const char *nul;
		ssize_t n;

		if (at < addr)
			return -EFAULT;
		if (have == 0 && want > MEM_FIRST)
			want = MEM_FIRST;
		if (want > size - have)
			want = size - have;
		n = mem->read(mem, at, buf + have, want);
		if (n <= 0)
			return n == 0 ? -EFAULT : n;
		nul = memchr(buf + have, '\0', (size_t)n);
		if (nul)
			return nul - buf;
		if ((size_t)n < want)
			return -EFAULT;
		have += want;
	}
	buf[size - 1] = '\0';
	return -ENAMETOOLONG;
}

int mem_write(pid_t tid, uint64_t addr, const void *buf, size_t len)
{
	struct iovec local = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n;

	if (len == 0)
		return 0;
	if (addr != (uintptr_t)addr || addr + (len - 1) < addr)
		return -EFAULT;
	n = process_vm_writev(tid, &local, 1, &remote, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}
