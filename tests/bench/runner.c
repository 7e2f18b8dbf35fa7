/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that are told when to call, medians, and where a process's memory is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "tests/bench/bench.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void call_many(enum caller_kind kind, unsigned n, int ping, int pong)
{
	eventfd_t value;

	for (unsigned i = 0; i < n; i++)
		if (kind == CALLER_GETPPID) {
			syscall(SYS_getppid);
		} else if (kind == CALLER_OPENAT) {
			close((int)syscall(SYS_openat, AT_FDCWD, "/etc/hostname",
					   O_RDONLY | O_CLOEXEC, 0));
		} else {
			eventfd_write(ping, 1);
			eventfd_read(pong, &value);
		}
}

static int call_when_told(enum caller_kind kind, int ctl, int ping, int pong)
{
	pid_t self = getpid();
	unsigned n;

	if (write(ctl, &self, sizeof(self)) != sizeof(self))
		return 1;
	while (read(ctl, &n, sizeof(n)) == sizeof(n)) {
		uint64_t from = now_ns();
		double ns;

		call_many(kind, n, ping, pong);
		ns = (double)(now_ns() - from) / n;
		if (write(ctl, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	return 0;
}

int runner_call(enum caller_kind kind, int ctl)
{
	return call_when_told(kind, ctl, -1, -1);
}

static int body(void *arg)
{
	struct runner *r = arg;

	return call_when_told(r->kind, r->ctl, r->ping, r->pong);
}

static int begin(struct runner *r, const char *name, enum caller_kind kind, unsigned calls,
		 int *ret_theirs)
{
	int pair[2];

	*r = (struct runner){ .name = name, .kind = kind, .calls = calls };
	r->target.go = r->target.notify_fd = -EBADF;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -errno;
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	r->ctl = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

int runner_start(struct runner *r, const char *name, enum caller_kind kind, bool is_filtered,
		 unsigned calls)
{
	const int filter[] = { kind == CALLER_OPENAT ? SYS_openat : SYS_getppid, -1 };
	_cleanup_close_ int theirs = -EBADF;
	struct runner child;
	int e;

	e = begin(r, name, kind, calls, &theirs);
	if (e < 0)
		return e;
	if (kind == CALLER_EVENTFD) {
		r->ping = eventfd(0, EFD_CLOEXEC);
		r->pong = eventfd(0, EFD_CLOEXEC);
	}
	child = *r;
	child.ctl = theirs;
	if (is_filtered) {
		e = target_start(&r->target, filter, body, &child);
		r->caller = r->target.pid;
		return e;
	}
	r->caller = fork();
	if (r->caller == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(&child));
	}
	return r->caller < 0 ? -errno : 0;
}

static const char *const kind_names[] = { "getppid", "openat", "eventfd" };

int runner_exec(struct runner *r, const char *name, enum caller_kind kind, const char *const *argv,
		const char *self, unsigned calls)
{
	_cleanup_close_ int theirs = -EBADF;
	const char *args[24];
	char fd[16];
	unsigned n = 0;
	int e = begin(r, name, kind, calls, &theirs);

	if (e < 0)
		return e;
	while (*argv && n < 19)
		args[n++] = *argv++;
	snprintf(fd, sizeof(fd), "%d", theirs);
	args[n++] = self;
	args[n++] = "--caller";
	args[n++] = kind_names[kind];
	args[n++] = fd;
	args[n] = NULL;
	r->server = fork();
	if (r->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(args[0], (char **)args);
		_exit(127);
	}
	return r->server < 0 ? -errno : 0;
}

double runner_round(struct runner *r)
{
	double ns;

	if (!r->is_ready) {
		if (r->target.go >= 0)
			target_go(&r->target);
		/* The caller's first word is its pid. */
		if (read(r->ctl, &r->caller, sizeof(r->caller)) != sizeof(r->caller))
			return -1;
		r->is_ready = true;
	}
	if (write(r->ctl, &r->calls, sizeof(r->calls)) != sizeof(r->calls) ||
	    read(r->ctl, &ns, sizeof(ns)) != sizeof(ns))
		return -1;
	return ns;
}

void runner_stop(struct runner *r)
{
	/* Later callers have inherited the control socket: closing it would end nothing. */
	r->ctl = fd_close(r->ctl);
	if (r->caller > 0) {
		kill(r->caller, SIGKILL);
		waitpid(r->caller, NULL, 0);
	}
	if (r->server > 0) {
		kill(r->server, SIGKILL);
		waitpid(r->server, NULL, 0);
	}
}

void pin(pid_t pid, int cpu)
{
	char path[64];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = pid > 0 ? opendir(path) : NULL;
	while (dir && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			sched_setaffinity((pid_t)strtol(e->d_name, NULL, 10), sizeof(set), &set);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(const double *values, unsigned n)
{
	double sorted[ROUNDS_MAX];

	if (n == 0)
		return 0;
	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double median_ratio(const double *a, const double *b, unsigned n)
{
	double ratios[ROUNDS_MAX];

	for (unsigned i = 0; i < n; i++)
		ratios[i] = a[i] / b[i];
	return median(ratios, n);
}

long private_kib(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[128];
	long kib = 0, n;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %ld", &n) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &n) == 1)
			kib += n;
	return kib;
}
