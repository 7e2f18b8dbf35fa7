/* SPDX-License-Identifier: Apache-2.0 */
/* The child of `waylay run`. Between its load and the listener's readiness every call may be notified with
 * nobody to answer, so it speaks through shared memory. */
#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "hook/run_child.h"

/* The hand-over takes less than a millisecond; the clock is read without a call (vdso). */
#define SPIN_NS 20000000ull

struct run_shared {
	_Atomic uint32_t go;
	_Atomic int
		result; /* 0: not loaded yet; negative errno; else 1 + fd, or 1 without a listener */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int load_filter(const struct bpf_prog *filter, bool wants_listener)
{
	struct sock_fprog prog = { .len = (unsigned short)filter->len, .filter = filter->insns };
	unsigned flags = wants_listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER |
						  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
					: 0;
	int r;

	r = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (r == -EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		r = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (r == -EINVAL && wants_listener) {
		/* Before Linux 5.19. */
		flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
		r = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
	}
	return r < 0 ? r : 1 + (wants_listener ? r : 0);
}

static void await_go(struct run_shared *shared)
{
	uint64_t until = now_ns() + SPIN_NS;

	while (!atomic_load(&shared->go) && now_ns() < until)
		;
	/* A listener that is that slow may see this call; one that denies it makes us spin. */
	while (!atomic_load(&shared->go))
		syscall(SYS_futex, &shared->go, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void run(const char *path, char **argv, const sigset_t *mask, const struct bpf_prog *filter,
		bool wants_listener, int ready, struct run_shared *shared)
{
	char c;
	int r;

	if (read(ready, &c, 1) != 1)
		_exit(127);
	/* Not a call between the load and the execve. */
	sigprocmask(SIG_SETMASK, mask, NULL);
	r = load_filter(filter, wants_listener);
	atomic_store(&shared->result, r);
	if (r < 0)
		_exit(127);
	await_go(shared);
	execv(path, argv);
	r = errno;
	dprintf(STDERR_FILENO, "waylay: run: execute '%s': %s\n", path, strerror(r));
	_exit(r == ENOENT ? 127 : 126);
}

int run_child_start(const char *path, char **argv, const sigset_t *mask,
		    const struct bpf_prog *filter, bool wants_listener, struct run_child *ret,
		    struct wl_err *err)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	struct run_shared *shared;
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return wl_err_set(err, -errno, "start '%s'", path);
	in = ready[0];
	out = ready[1];
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return wl_err_set(err, -errno, "start '%s'", path);
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		munmap(shared, sizeof(*shared));
		return wl_err_set(err, r, "start '%s'", path);
	}
	if (pid == 0) {
		out = fd_close(out);
		run(path, argv, mask, filter, wants_listener, in, shared);
	}
	*ret = (struct run_child){ .pid = pid, .ready = TAKE_FD(out), .shared = shared };
	ret->pidfd = sys_pidfd_open(pid, 0);
	if (ret->pidfd < 0)
		return wl_err_set(err, ret->pidfd, "start '%s'", path);
	return 0;
}

int run_child_load(struct run_child *child, int *ret_fd, struct wl_err *err)
{
	const struct timespec ts = { .tv_nsec = 20000 };
	int result, fd;

	if (write(child->ready, "x", 1) != 1)
		return wl_err_set(err, -errno, "start the program");
	while ((result = atomic_load(&child->shared->result)) == 0) {
		siginfo_t si = { 0 };

		if (waitid(P_PID, (id_t)child->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    si.si_pid)
			return wl_err_say(err, -ECHILD,
					  "the child died while it loaded its filter");
		nanosleep(&ts, NULL);
	}
	if (result == -EBUSY)
		return wl_err_say(err, result,
				  "load the filter: a seccomp listener is there already "
				  "(waylay run inside waylay run?)");
	if (result < 0)
		return wl_err_set(err, result, "load the filter");
	if (result == 1)
		return 0;
	fd = sys_pidfd_getfd(child->pidfd, result - 1);
	if (fd < 0)
		return wl_err_set(err, fd, "take the notification fd out of the child");
	*ret_fd = fd;
	return 0;
}

void run_child_go(struct run_child *child)
{
	atomic_store(&child->shared->go, 1);
	syscall(SYS_futex, &child->shared->go, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void run_child_done(struct run_child *child)
{
	if (child->shared && !atomic_load(&child->shared->go)) {
		sys_pidfd_send_signal(child->pidfd, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	if (child->shared)
		munmap(child->shared, sizeof(*child->shared));
	fd_close(child->pidfd);
	fd_close(child->ready);
	*child = (struct run_child){ .pidfd = -EBADF, .ready = -EBADF };
}
