/* SPDX-License-Identifier: Apache-2.0 */
/* arch/mem: reads at the ends of pages, of strings and of lives. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/mem.h"
#include "tests/unit/tap.h"

#define PAGES 4

static size_t page;

/* PAGES readable pages between two PROT_NONE ones. */
static char *guarded(void)
{
	char *p = mmap(NULL, (PAGES + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + page, PAGES * page, PROT_READ | PROT_WRITE) < 0)
		abort();
	memset(p + page, 'a', PAGES * page);
	return p + page;
}

static void guarded_done(char *p)
{
	munmap(p - page, (PAGES + 2) * page);
}

static uint64_t addr_of(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void a_read_gives_exactly_what_was_asked_or_EFAULT(void)
{
	struct mem mem = mem_of_task(getpid());
	char *p = guarded(), *end = p + PAGES * page, got[64];

	memcpy(end - 4, "tail", 4);
	tap_int_eq(mem_read(&mem, addr_of(end - 4), got, 4), 0);
	tap_ok(memcmp(got, "tail", 4) == 0);
	tap_int_eq(mem_read(&mem, addr_of(end - 4), got, 5), -EFAULT);
	tap_int_eq(mem_read(&mem, addr_of(end), got, 1), -EFAULT);
	tap_int_eq(mem_read(&mem, addr_of(p - 1), got, 2), -EFAULT);
	tap_int_eq(mem_read(&mem, addr_of(p), got, 1), 0);
	tap_int_eq(mem_read(&mem, 0, got, 1), -EFAULT);
	tap_int_eq(mem_read(&mem, UINT64_MAX, got, 1), -EFAULT);
	tap_int_eq(mem_read(&mem, UINT64_MAX - 3, got, 8), -EFAULT);
	tap_int_eq(mem_read(&mem, 1, got, 0), 0);
	guarded_done(p);
}

static void a_string_may_end_exactly_at_the_last_readable_byte(void)
{
	struct mem mem = mem_of_task(getpid());
	char *p = guarded(), *end = p + PAGES * page, got[8192];

	end[-1] = '\0';
	tap_int_eq(mem_read_string(&mem, addr_of(end - 1), got, sizeof(got)), 0);
	tap_str_eq(got, "");
	tap_int_eq(mem_read_string(&mem, addr_of(end - 4), got, sizeof(got)), 3);
	tap_str_eq(got, "aaa");
	/* Around the first small read. */
	for (int len = 250; len <= 260; len++)
		tap_int_eq(mem_read_string(&mem, addr_of(end - 1 - len), got, sizeof(got)), len);
	/* Across a page boundary, from each side of it. */
	tap_int_eq(mem_read_string(&mem, addr_of(end - page), got, sizeof(got)), page - 1);
	tap_int_eq(mem_read_string(&mem, addr_of(end - page - 1), got, sizeof(got)), page);
	tap_int_eq(mem_read_string(&mem, addr_of(end - page + 1), got, sizeof(got)), page - 2);
	tap_ok(got[0] == 'a' && got[page - 3] == 'a' && got[page - 2] == '\0');
	guarded_done(p);
}

static void a_string_without_end_is_EFAULT_at_the_guard_page(void)
{
	struct mem mem = mem_of_task(getpid());
	char *p = guarded(), *end = p + PAGES * page, got[8192];

	tap_int_eq(mem_read_string(&mem, addr_of(end - 1), got, sizeof(got)), -EFAULT);
	tap_int_eq(mem_read_string(&mem, addr_of(end - 300), got, sizeof(got)), -EFAULT);
	tap_int_eq(mem_read_string(&mem, addr_of(end - page - 300), got, sizeof(got)), -EFAULT);
	tap_int_eq(mem_read_string(&mem, addr_of(end), got, sizeof(got)), -EFAULT);
	tap_int_eq(mem_read_string(&mem, 0, got, sizeof(got)), -EFAULT);
	tap_int_eq(mem_read_string(&mem, UINT64_MAX, got, sizeof(got)), -EFAULT);
	guarded_done(p);
}

static void a_string_longer_than_the_room_is_cut_and_terminated(void)
{
	struct mem mem = mem_of_task(getpid());
	char *p = guarded(), got[8192];

	p[4095] = '\0';
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, 4096), 4095);
	p[4095] = 'b';
	p[4096] = '\0';
	memset(got, 'x', sizeof(got));
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, 4096), -ENAMETOOLONG);
	tap_int_eq(strlen(got), 4095);
	tap_int_eq(got[4096], 'x');
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, 4097), 4096);
	got[1] = 'x';
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, 1), -ENAMETOOLONG);
	tap_int_eq(got[0], '\0');
	tap_int_eq(got[1], 'x');
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, 0), -ENAMETOOLONG);
	guarded_done(p);
}

/* Counts calls and refuses whatever touches the page behind the one given as ctx. */
static ssize_t read_strict(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	uint64_t last = *(const uint64_t *)mem->ctx;

	if (addr + len > last)
		return -EFAULT;
	memset(buf, 'a', len);
	if (addr + len == last)
		((char *)buf)[len - 1] = '\0';
	return (ssize_t)len;
}

static void a_string_is_never_read_across_a_page_without_need(void)
{
	uint64_t last = 0x20000;
	struct mem mem = { .read = read_strict, .ctx = &last };
	char got[16384];

	for (int len = 1; len < 10000; len += 7)
		tap_int_eq(mem_read_string(&mem, last - (unsigned)len, got, sizeof(got)), len - 1);
}

static void pages_without_read_permission_are_not_read(void)
{
	struct mem mem = mem_of_task(getpid());
	char *p = guarded(), got[16];

	/* /proc/self/mem would give these bytes. */
	tap_int_eq(mprotect(p + page, page, PROT_NONE), 0);
	tap_int_eq(mem_read(&mem, addr_of(p + page), got, 1), -EFAULT);
	tap_int_eq(mem.read(&mem, addr_of(p + page - 3), got, 16), 3);
	tap_int_eq(mem_read(&mem, addr_of(p + page - 3), got, 16), -EFAULT);
	tap_int_eq(mprotect(p + page, page, PROT_READ), 0);
	tap_int_eq(mem_read(&mem, addr_of(p + page), got, 16), 0);
	tap_int_eq(mem_write(getpid(), addr_of(p + page), "x", 1), -EFAULT);
	guarded_done(p);
}

static void another_process_is_read_and_written_until_it_is_gone(void)
{
	int pipe_fd[2];
	char *p = guarded(), got[16];
	struct mem mem;
	pid_t child;

	tap_int_eq(pipe2(pipe_fd, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		char c;

		memcpy(p, "child", 6);
		if (write(pipe_fd[1], "r", 1) == 1)
			for (;;)
				pause();
		_exit(read(pipe_fd[0], &c, 1) < 0);
	}
	tap_int_eq(read(pipe_fd[0], got, 1), 1);
	mem = mem_of_task(child);
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, sizeof(got)), 5);
	tap_str_eq(got, "child");
	tap_int_eq(mem_write(child, addr_of(p), "paren", 6), 0);
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, sizeof(got)), 5);
	tap_str_eq(got, "paren");
	tap_int_eq(p[0], 'a');
	tap_int_eq(mem_write(child, addr_of(p + PAGES * page - 2), "xyz", 3), -EFAULT);
	tap_int_eq(mem_write(child, UINT64_MAX, "xyz", 3), -EFAULT);
	tap_int_eq(mem_write(child, 0, "", 0), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	tap_int_eq(mem_read(&mem, addr_of(p), got, 1), -ESRCH);
	tap_int_eq(mem_read_string(&mem, addr_of(p), got, 16), -ESRCH);
	tap_int_eq(mem_write(child, addr_of(p), "x", 1), -ESRCH);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	guarded_done(p);
}

int main(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	TAP_RUN(a_read_gives_exactly_what_was_asked_or_EFAULT);
	TAP_RUN(a_string_may_end_exactly_at_the_last_readable_byte);
	TAP_RUN(a_string_without_end_is_EFAULT_at_the_guard_page);
	TAP_RUN(a_string_longer_than_the_room_is_cut_and_terminated);
	TAP_RUN(a_string_is_never_read_across_a_page_without_need);
	TAP_RUN(pages_without_read_permission_are_not_read);
	TAP_RUN(another_process_is_read_and_written_until_it_is_gone);
	return TAP_DONE();
}
