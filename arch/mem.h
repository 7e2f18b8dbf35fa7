/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to another task's memory. Everything behind it is hostile. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where memory is read from; the indirection is what fuzzers and unit tests put their own behind. */
struct mem {
	/* Reads up to len bytes at addr; returns the bytes read, short at the first unreadable page,
	 * or negative errno (-EFAULT: not even one byte; -ESRCH: the task has gone). */
	ssize_t (*read)(const struct mem *mem, uint64_t addr, void *buf, size_t len);
	pid_t tid;
	const void *ctx;
};

/* The memory of a live task, by process_vm_readv: follows the protections as the kernel does for the
 * task itself, which /proc/TID/mem does not (that one reads PROT_NONE pages). Allocates nothing. */
struct mem mem_of_task(pid_t tid);

/* Exactly len bytes or -EFAULT. */
int mem_read(const struct mem *mem, uint64_t addr, void *buf, size_t len);

/* A NUL-terminated string. Returns its length (buf is then terminated), -ENAMETOOLONG if no NUL is
 * among the first size bytes (buf holds size - 1 of them, terminated), -EFAULT if memory ends before
 * the NUL. Reads 256 bytes first and then page by page, never across a page without need: the
 * neighbour page may be unmapped. */
ssize_t mem_read_string(const struct mem *mem, uint64_t addr, char *buf, size_t size);

/* Exactly len bytes written or negative errno, by process_vm_writev. */
int mem_write(pid_t tid, uint64_t addr, const void *buf, size_t len);
