/* SPDX-License-Identifier: Apache-2.0 */
/* What waylay is compared with. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "tests/bench/bench.h"

#define BATCH 64

static void set_sync(int fd)
{
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

static void answer_one(int fd)
{
	struct seccomp_notif req = { 0 };
	struct seccomp_notif_resp resp = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	if (notif_recv(fd, &req) < 0)
		return;
	resp.id = req.id;
	notif_send(fd, &resp);
}

void serve_bare(const int *fds, unsigned n)
{
	set_sync(fds[0]);
	for (;;)
		answer_one(fds[0]);
}

void serve_epoll(const int *fds, unsigned n)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[BATCH];

	for (unsigned i = 0; i < n; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fds[i] };

		set_sync(fds[i]);
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &ev);
	}
	for (;;) {
		int got = epoll_wait(epoll, events, BATCH, -1);

		for (int i = 0; i < got; i++)
			if (events[i].events & EPOLLIN)
				answer_one(events[i].data.fd);
			else
				epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
	}
}

static void log_naively(const struct seccomp_notif *req, int notify, int out)
{
	char path[4096] = "", line[8192], name[64];
	_cleanup_close_ int mem = -EBADF;
	uint64_t id = req->id;
	int len;

	snprintf(name, sizeof(name), "/proc/%u/mem", req->pid);
	mem = open(name, O_RDONLY | O_CLOEXEC);
	if (mem < 0 || notif_id_valid(notify, id) < 0)
		return;
	if (pread(mem, path, sizeof(path) - 1, (off_t)req->data.args[1]) < 0 ||
	    notif_id_valid(notify, id) < 0)
		return;
	len = snprintf(line, sizeof(line),
		       "{\"pid\":%u,\"nr\":%d,\"path\":\"%s\",\"flags\":%llu,\"mode\":%llu}\n",
		       req->pid, req->data.nr, path, (unsigned long long)req->data.args[2],
		       (unsigned long long)req->data.args[3]);
	if (len > 0 && write(out, line, (size_t)len) < 0)
		perror("naive listener");
}

void serve_naive(const int *fds, unsigned n)
{
	int out = fds[1];

	set_sync(fds[0]);
	for (;;) {
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		if (notif_recv(fds[0], &req) < 0)
			continue;
		log_naively(&req, fds[0], out);
		resp.id = req.id;
		notif_send(fds[0], &resp);
	}
}

void serve_ping_pong(const int *fds, unsigned n)
{
	eventfd_t value;

	while (eventfd_read(fds[0], &value) == 0)
		eventfd_write(fds[1], 1);
}

pid_t server_start(void (*serve)(const int *fds, unsigned n), const int *fds, unsigned n)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve(fds, n);
	_exit(0);
}
