/* SPDX-License-Identifier: Apache-2.0 */
/* What the attacks share. Each of the two programs includes it once. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "tests/live/lab.h"
#include "tests/unit/tap.h"

static struct lab lab;

__attribute__((unused)) static const char trace_two[] =
	"{\"version\":1,\"rules\":[{\"action\":\"trace\",\"syscalls\":[\"openat\",\"getppid\"]}]}";
__attribute__((unused)) static const int getppid_only[] = { SYS_getppid, -1 };
__attribute__((unused)) static const int two_calls[] = { SYS_openat, SYS_getppid, -1 };

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline bool run(struct target *t, const char *id, const char *policy)
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

struct baseline {
	pid_t pid;
	unsigned fds;
};

static inline bool is_back(void *arg)
{
	struct baseline *b = arg;

	return lab_count_fds(b->pid) <= b->fds;
}

static inline bool is_set(void *arg)
{
	return __atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE);
}

static inline int ask_parent(void *arg)
{
	uint64_t start = now_ms();

	for (int i = 0; i < 100; i++)
		if (syscall(SYS_getppid) <= 0)
			return 1;
	return now_ms() - start < 3000 ? 0 : 2;
}

static inline void *shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline bool has_ended_event(void *id)
{
	char text[128];

	snprintf(text, sizeof(text), "\"container\":\"%s\"", (const char *)id);
	return EVENTS(lab.events, "\"event\":\"end\"", text) == 1;
}

#define FLOOD_THREADS 100

static inline _Noreturn void *call_for_ever(void *arg)
{
	for (;;)
		syscall(SYS_openat, AT_FDCWD, "/etc/hostname/no", O_RDONLY);
}

static inline int flood(void *arg)
{
	pthread_t thread;

	for (int i = 0; i < FLOOD_THREADS; i++)
		if (pthread_create(&thread, NULL, call_for_ever, NULL) != 0)
			return 1;
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	call_for_ever(NULL);
}
