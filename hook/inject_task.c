/* SPDX-License-Identifier: Apache-2.0 */
/* One task under ptrace. ESRCH from any request means that it died: SIGKILL ends every stop. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "arch/base/cleanup.h"
#include "hook/inject.h"
#include "hook/inject_task.h"

#define SYSCALL_STOP	  (SIGTRAP | 0x80) /* with PTRACE_O_TRACESYSGOOD */
#define CAP_SYS_ADMIN_BIT 21

static int request(const struct task *task, int what, void *addr, void *data)
{
	return ptrace(what, task->pid, addr, data) < 0 ? -errno : 0;
}

/* Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses. */
int inject_start_time(pid_t pid, uint64_t *ret_start_time)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[1024], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!fgets(line, sizeof(line), f))
		return -ESRCH;
	p = strrchr(line, ')');
	if (!p)
		return -EPROTO;
	for (int field = 2; field < 22; field++) {
		p = strchr(p + 1, ' ');
		if (!p)
			return -EPROTO;
	}
	*ret_start_time = strtoull(p + 1, NULL, 10);
	return 0;
}

static bool is_same_ns(pid_t pid, const char *name)
{
	char path[64], own[64];
	struct stat a, b;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	snprintf(own, sizeof(own), "/proc/self/ns/%s", name);
	return stat(path, &a) == 0 && stat(own, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

bool inject_is_host_process(pid_t pid)
{
	return is_same_ns(pid, "mnt") && is_same_ns(pid, "pid");
}

int task_read_status(const struct task *task, struct task_status *ret)
{
	struct task_status status = { 0 };
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)task->pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), f)) {
		unsigned long long caps;

		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			status.has_sys_admin = caps >> CAP_SYS_ADMIN_BIT & 1;
		else if (strcmp(line, "NoNewPrivs:\t1\n") == 0)
			status.no_new_privs = true;
		else
			sscanf(line, "Seccomp_filters: %u", &status.filters); /* Linux 5.9 */
	}
	*ret = status;
	return 0;
}

static int read_info(const struct task *task, struct syscall_info *ret)
{
	struct __ptrace_syscall_info raw;
	long n;

	n = ptrace(PTRACE_GET_SYSCALL_INFO, task->pid, sizeof(raw), &raw);
	if (n < 0)
		return -errno;
	*ret = (struct syscall_info){
		.op = raw.op,
		.arch = raw.arch,
		.ip = raw.instruction_pointer,
		.sp = raw.stack_pointer,
	};
	if (raw.op == PTRACE_SYSCALL_INFO_ENTRY) {
		ret->nr = raw.entry.nr;
		for (unsigned i = 0; i < SYSCALL_ARGS; i++)
			ret->args[i] = raw.entry.args[i];
	} else if (raw.op == PTRACE_SYSCALL_INFO_EXIT) {
		ret->result = raw.exit.rval;
	}
	return 0;
}

/* Classifies one wait status. 1: a stop for the caller; 0: dealt with here, go on. */
static int take_stop(struct task *task, int status, enum stop_kind *ret_kind,
		     struct syscall_info *ret_info)
{
	int sig = WSTOPSIG(status), event = status >> 16, r;

	if (sig == SYSCALL_STOP && event == 0) {
		r = read_info(task, ret_info);
		if (r < 0)
			return r;
		if (ret_info->op != PTRACE_SYSCALL_INFO_ENTRY &&
		    ret_info->op != PTRACE_SYSCALL_INFO_EXIT)
			return -EPROTO;
		*ret_kind = ret_info->op == PTRACE_SYSCALL_INFO_ENTRY ? STOP_ENTRY : STOP_EXIT;
		return 1;
	}
	if (event == PTRACE_EVENT_STOP) {
		/* SIGTRAP: our own interrupt or SIGCONT; else a group-stop by that signal. */
		task->is_group_stopped = sig != SIGTRAP;
		*ret_kind = STOP_EVENT;
		return 1;
	}
	if (event == PTRACE_EVENT_EXIT) {
		/* The first thread ends: with its process, or since another thread execs (that one has no
		 * filter). The latter takes over its number without waking a sleeping waitpid(PID) (tried
		 * on 6.18); it cannot get that far before we go on. */
		sys_pidfd_send_signal(task->pidfd, SIGKILL);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC) {
		*ret_kind = STOP_EXEC;
		return 1;
	}
	task->signal = sig;
	return 0;
}

static int wait_stop(struct task *task, enum stop_kind *ret_kind, struct syscall_info *ret_info)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(task->pid, &status, __WALL);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return errno == ECHILD ? -ESRCH : -errno;
	if (!WIFSTOPPED(status))
		return -ESRCH;
	task->stops++;
	if (task->at_stop)
		task->at_stop(task->at_stop_ctx, task->stops);
	return take_stop(task, status, ret_kind, ret_info);
}

static int let_go(struct task *task, int how)
{
	void *sig = (void *)(intptr_t)task->signal;
	int r;

	task->signal = 0;
	/* LISTEN keeps a group-stopped task stopped until SIGCONT, as without us. */
	if (task->is_group_stopped)
		r = request(task, PTRACE_LISTEN, NULL, NULL);
	else
		r = request(task, how, NULL, sig);
	/* After ESRCH the death notice is still to be collected by waiting. */
	return r == -ESRCH ? 0 : r;
}

int task_resume(struct task *task, int how, enum stop_kind *ret_kind, struct syscall_info *ret_info)
{
	int r;

	do {
		r = let_go(task, how);
		if (r < 0)
			return r;
		r = wait_stop(task, ret_kind, ret_info);
	} while (r == 0 || (r > 0 && *ret_kind == STOP_EVENT));
	task->is_lost |= r < 0;
	return r < 0 ? r : 0;
}

static int attach_error(int code, pid_t pid, struct wl_err *err)
{
	if (code == -EPERM)
		return wl_err_say(
			err, code,
			"attach to init %d: not permitted (rootless crun, yama ptrace_scope 3, or "
			"another tracer): use the spec route, `waylay merge`",
			(int)pid);
	return wl_err_set(err, code, "attach to init %d", (int)pid);
}

static int stop_now(struct task *task)
{
	const long options =
		PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;
	enum stop_kind kind = STOP_EXIT;
	struct syscall_info info;
	int r;

	r = request(task, PTRACE_INTERRUPT, NULL, NULL);
	while (r == 0) {
		r = wait_stop(task, &kind, &info);
		if (r < 0 || kind == STOP_EVENT)
			break;
		r = let_go(task, PTRACE_CONT);
	}
	return r < 0 ? r : request(task, PTRACE_SETOPTIONS, NULL, (void *)options);
}

int task_attach(struct task *task, pid_t pid, uint64_t start_time, struct wl_err *err)
{
	uint64_t now = 0;
	int r;

	*task = (struct task){ .pid = pid, .pidfd = -EBADF };
	task->pidfd = sys_pidfd_open(pid, 0);
	if (task->pidfd < 0)
		return wl_err_set(err, task->pidfd, "open a pidfd of init %d", (int)pid);
	/* Read after the pidfd was opened: if it is the right one, the pidfd is its. */
	r = inject_start_time(pid, &now);
	if (r < 0)
		return wl_err_set(err, r, "read the start time of init %d", (int)pid);
	if (start_time && now != start_time)
		return wl_err_say(err, -ESRCH,
				  "init %d is another process than the state was about", (int)pid);
	/* Without EXITKILL: the number may have passed to another process since the check. */
	r = request(task, PTRACE_SEIZE, NULL, NULL);
	if (r < 0)
		return attach_error(r, pid, err);
	r = sys_pidfd_send_signal(task->pidfd, 0);
	if (r == 0)
		r = stop_now(task);
	return r < 0 ? wl_err_set(err, r, "stop init %d", (int)pid) : 0;
}

void task_done(struct task *task)
{
	task->pidfd = fd_close(task->pidfd);
}

int task_mask_signals(struct task *task)
{
	const uint64_t all = ~0ull;
	int r;

	r = request(task, PTRACE_GETSIGMASK, (void *)sizeof(task->mask), &task->mask);
	if (r < 0)
		return r;
	task->is_masked = true;
	return request(task, PTRACE_SETSIGMASK, (void *)sizeof(all), (void *)&all);
}

int task_restore_signals(struct task *task)
{
	if (!task->is_masked)
		return 0;
	task->is_masked = false;
	return request(task, PTRACE_SETSIGMASK, (void *)sizeof(task->mask), &task->mask);
}

/* A stop or the end instead of the notification: a SIGSTOP came first, or it was killed. */
static bool has_changed_state(const struct task *task)
{
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)task->pid, &si,
		      WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) < 0 ||
	       si.si_pid != 0;
}

/* The filter that was just loaded notifies a call that we make ourselves, before anybody else listens. */
static int answer_own_call(const struct task *task, int notify_fd)
{
	/* A later kernel's struct may be longer. */
	union {
		struct seccomp_notif notif;
		char room[512];
	} req = { .room = { 0 } };
	struct seccomp_notif_resp resp = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	struct pollfd pfd = { .fd = notify_fd, .events = POLLIN };
	int r;

	/* Not for ever: before Linux 6.11 a zombie that we have not reaped still keeps its filter, so
	 * POLLHUP does not come. */
	while (!(pfd.revents & POLLIN)) {
		if (poll(&pfd, 1, 20) < 0)
			return -errno;
		if (!(pfd.revents & POLLIN) && has_changed_state(task))
			return -EPROTO;
	}
	r = notif_recv(notify_fd, &req.notif);
	if (r == 0) {
		resp.id = req.notif.id;
		r = notif_send(notify_fd, &resp);
	}
	return r;
}

static int run_call(struct task *task, const struct regs *at, uint64_t nr,
		    const uint64_t args[SYSCALL_ARGS], int notify_fd, int64_t *ret_result)
{
	struct regs regs = *at;
	struct syscall_info info;
	enum stop_kind kind;
	int r;

	regs_redo_call(&regs, nr, args);
	r = regs_set(task->pid, &regs);
	if (r == 0)
		r = task_resume(task, PTRACE_SYSCALL, &kind, &info);
	if (r == 0 && (kind != STOP_ENTRY || info.nr != nr))
		r = -EPROTO;
	if (r == 0 && notify_fd >= 0) {
		r = let_go(task, PTRACE_SYSCALL);
		if (r == 0)
			r = answer_own_call(task, notify_fd);
		if (r == 0)
			r = wait_stop(task, &kind, &info);
		r = r == 0 ? -EPROTO : r;
	} else if (r == 0) {
		r = task_resume(task, PTRACE_SYSCALL, &kind, &info);
	}
	if (r >= 0 && kind != STOP_EXIT)
		r = -EPROTO;
	if (r < 0)
		return r;
	*ret_result = info.result;
	return 0;
}

int task_call(struct task *task, const struct regs *at, uint64_t nr,
	      const uint64_t args[SYSCALL_ARGS], int notify_fd, int64_t *ret_result)
{
	int r;

	r = run_call(task, at, nr, args, notify_fd, ret_result);
	task->is_lost |= r < 0;
	return r;
}

void task_kill(struct task *task)
{
	struct pollfd pfd = { .fd = task->pidfd, .events = POLLIN };
	int status;

	sys_pidfd_send_signal(task->pidfd, SIGKILL);
	/* Even then there may be a stop, PTRACE_EVENT_EXIT. */
	while (waitpid(task->pid, &status, __WALL) > 0 && WIFSTOPPED(status))
		request(task, PTRACE_CONT, NULL, NULL);
	poll(&pfd, 1, 1000);
}

void task_tell(const struct task *task, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	struct pollfd pfd = { .events = POLLOUT };
	ssize_t ignored;

	/* Its own open file, whatever that is; taken rather than opened again (a socket cannot be). */
	fd = sys_pidfd_getfd(task->pidfd, STDERR_FILENO);
	pfd.fd = fd;
	if (fd < 0 || poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return;
	ignored = write(fd, text, strlen(text));
	(void)ignored;
}

void inject_tell(pid_t pid, const char *text)
{
	struct task task = { .pid = pid, .pidfd = sys_pidfd_open(pid, 0) };

	task_tell(&task, text);
	task_done(&task);
}
