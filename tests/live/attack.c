/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and peers that mean harm: nobody else may notice. Needs root and seccomp notify. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "tests/live/lab.h"
#include "tests/unit/tap.h"

static const char *waylayd;
static struct lab lab;

static const char trace_two[] =
	"{\"version\":1,\"rules\":[{\"action\":\"trace\",\"syscalls\":[\"openat\",\"getppid\"]}]}";
static const int two_calls[] = { SYS_openat, SYS_getppid, -1 };

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool run(struct target *t, const char *id, const char *policy)
{
	char msg[640];
	int sock = target_hand_over(t, &lab, id, policy, NULL, true, msg);

	if (sock < 0) {
		printf("# %s\n", msg);
		return false;
	}
	fd_close(sock);
	target_go(t);
	return true;
}

/* ---- memory that never comes ---- */

struct trap {
	bool is_set; /* shared: the caller is about to call */
	bool may_end;
};

/* A page whose first touch waits for somebody who never answers. NULL: not permitted here. */
static char *make_trap_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) < 0 ||
	    ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return NULL;
	return page;
}

static int open_trap(void *arg)
{
	struct trap *trap = arg;
	char *page = make_trap_page();

	if (!page)
		return 77;
	__atomic_store_n(&trap->is_set, true, __ATOMIC_RELEASE);
	syscall(SYS_openat, AT_FDCWD, page, O_RDONLY);
	return 1; /* not reached: the kernel waits for the page as well */
}

static bool is_set(void *arg)
{
	return __atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE);
}

static int ask_parent(void *arg)
{
	uint64_t start = now_ms();

	for (int i = 0; i < 100; i++)
		if (syscall(SYS_getppid) <= 0)
			return 1;
	return now_ms() - start < 3000 ? 0 : 2;
}

static void *shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static bool has_ended_event(void *id)
{
	char text[128];

	snprintf(text, sizeof(text), "\"container\":\"%s\"", (const char *)id);
	return EVENTS(lab.events, "\"event\":\"end\"", text) == 1;
}

static void a_callers_page_that_never_comes_holds_up_nobody_else(void)
{
	struct trap *trap = shared(sizeof(*trap));
	struct target evil = { 0 }, good = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&evil, two_calls, open_trap, trap), 0);
	tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
	tap_ok(run(&evil, "evil", trace_two));
	tap_ok(lab_wait(is_set, &trap->is_set));
	tap_ok(run(&good, "good", trace_two));
	tap_int_eq(target_wait(&good), 0);
	kill(evil.pid, SIGKILL);
	tap_int_eq(target_wait(&evil), -SIGKILL);
	tap_ok(lab_wait(has_ended_event, (void *)"good"));
	tap_ok(lab_wait(has_ended_event, (void *)"evil"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"getppid\"", "\"container\":\"good\""), 100);
	tap_int_eq(EVENTS(lab.events, "\"container\":\"evil\"", "\"syscall\":\"openat\"",
			  "\"note\":\"memory not read\""),
		   1);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(trap, sizeof(*trap));
}

int main(int argc, char **argv)
{
	waylayd = argc > 1 ? argv[1] : "build/plugin/waylayd";
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
#define LIVE(test)                                            \
	do {                                                  \
		if (argc > 2 && !strstr(#test, argv[2]))      \
			break;                                \
		if (lab_init(&lab, waylayd) < 0) {            \
			printf("Bail out! no %s\n", waylayd); \
			return 1;                             \
		}                                             \
		TAP_RUN(test);                                \
		lab_done(&lab);                               \
	} while (0)
	LIVE(a_callers_page_that_never_comes_holds_up_nobody_else);
	return TAP_DONE();
}
