/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay doctor`, the kernel's part: every feature is tried on a child, not guessed from a version. */
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "hook/doctor.h"

#define PROBE_MS 2000
#define PROBE_NR SYS_getppid /* the one call that the child has notified */

enum feature {
	HAS_NOTIFY,
	HAS_LISTENER,
	HAS_CONTINUE,
	HAS_GETFD,
	HAS_VM_READ,
	HAS_SEIZE,
	HAS_SYSCALL_INFO,
	HAS_ADDFD,
	HAS_ADDFD_SEND,
	HAS_WAIT_KILLABLE,
	HAS_SYNC_WAKE_UP,
	HAS_PIDFD_THREAD,
	HAS_MOUNT_API,
	HAS_SET_SYSCALL_INFO,
	FEATURES
};

static const struct {
	const char *name, *since;
	bool is_needed;
	const char *without; /* remedy, or what is lost */
} features[FEATURES] = {
	[HAS_NOTIFY] = { "seccomp user notification", "5.0", true,
			 "use Linux 5.9 or later with CONFIG_SECCOMP_FILTER" },
	[HAS_LISTENER] = { "seccomp listener", "5.0", true,
			   "run it where no other listener is: not below an intercepting manager" },
	[HAS_CONTINUE] = { "seccomp continue", "5.5", true, "use Linux 5.9 or later" },
	[HAS_GETFD] = { "pidfd_getfd", "5.6", true,
			"use Linux 5.9 or later; run as root, with ptrace permitted" },
	[HAS_VM_READ] = { "process_vm_readv", "3.2", true,
			  "use a kernel with CONFIG_CROSS_MEMORY_ATTACH; run as root" },
	[HAS_SEIZE] = { "ptrace seize", "3.4", true,
			"run as root and set kernel.yama.ptrace_scope below 3, or use the spec "
			"route" },
	[HAS_SYSCALL_INFO] = { "ptrace get_syscall_info", "5.3", true, "use Linux 5.9 or later" },
	[HAS_ADDFD] = { "seccomp addfd", "5.9", false, "redirected opens need Linux 5.9" },
	[HAS_ADDFD_SEND] = { "seccomp addfd and send", "5.14", false,
			     "a signal can leave a spare fd behind in the caller" },
	[HAS_WAIT_KILLABLE] = { "seccomp wait_killable_recv", "5.19", false,
				"signals can make an emulated call run twice" },
	[HAS_SYNC_WAKE_UP] = { "seccomp sync wake-up", "6.6", false,
			       "intercepted calls take longer" },
	[HAS_PIDFD_THREAD] = { "pidfd of a thread", "6.9", false,
			       "fds of threads are taken through their leader" },
	[HAS_MOUNT_API] = { "open_tree and move_mount", "5.2", false,
			    "made device nodes cannot be opened in a user namespace" },
	[HAS_SET_SYSCALL_INFO] = { "ptrace set_syscall_info", "6.16", false,
				   "registers are written per architecture" },
};

/* A NULL program is a probe: the kernel looks at the flags first (EINVAL), then at the pointer. */
static bool has_filter_flags(unsigned flags)
{
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, NULL) == -EFAULT;
}

static void probe_alone(bool *has)
{
	uint32_t notif = SECCOMP_RET_USER_NOTIF;
	int fd;

	has[HAS_NOTIFY] = sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &notif) == 0;
	has[HAS_WAIT_KILLABLE] = has_filter_flags(SECCOMP_FILTER_FLAG_NEW_LISTENER |
						  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	fd = sys_pidfd_open(getpid(), PIDFD_THREAD);
	has[HAS_PIDFD_THREAD] = fd >= 0;
	fd_close(fd);
	has[HAS_MOUNT_API] =
		(syscall(SYS_open_tree, -1, NULL, 0) >= 0 || errno != ENOSYS) &&
		(syscall(SYS_move_mount, -1, NULL, -1, NULL, 0) >= 0 || errno != ENOSYS);
}

/* The child: a listener on one call, whose fd number goes to the parent; then the call, three times. Exit
 * status: a bit for each answer that came out as the parent meant it. */
static void child_main(int sock)
{
	struct sock_filter insns[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PROBE_NR },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct sock_fprog prog = { ARRAY_SIZE(insns), insns };
	pid_t parent = getppid();
	int fd, status = 0;
	char go;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(0);
	fd = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	if (write(sock, &fd, sizeof(fd)) != sizeof(fd) || fd < 0 || read(sock, &go, 1) != 1)
		_exit(0);
	if (syscall(PROBE_NR) == parent)
		status |= 1;
	if (fcntl((int)syscall(PROBE_NR), F_GETFD) >= 0)
		status |= 2;
	_exit(status);
}

static int await_request(int notify, struct seccomp_notif *ret_req)
{
	struct pollfd p = { .fd = notify, .events = POLLIN };

	memset(ret_req, 0, sizeof(*ret_req));
	if (poll(&p, 1, PROBE_MS) != 1 || !(p.revents & POLLIN))
		return -ETIMEDOUT;
	return notif_recv(notify, ret_req);
}

static void probe_requests(pid_t pid, int notify, bool *has)
{
	struct seccomp_notif req;
	struct seccomp_notif_resp resp = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	struct seccomp_notif_addfd addfd = { .srcfd = STDERR_FILENO, .newfd_flags = O_CLOEXEC };
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)features, 1 };

	has[HAS_SYNC_WAKE_UP] = ioctl(notify, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
				      SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;

	if (await_request(notify, &req) < 0)
		return;
	has[HAS_VM_READ] = process_vm_readv(pid, &here, 1, &there, 1, 0) == 1;
	addfd.id = req.id;
	has[HAS_ADDFD] = ioctl(notify, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) >= 0;
	resp.id = req.id;
	if (notif_send(notify, &resp) < 0)
		return;

	if (await_request(notify, &req) < 0)
		return;
	addfd.id = req.id;
	addfd.flags = SECCOMP_ADDFD_FLAG_SEND;
	if (ioctl(notify, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0) {
		resp = (struct seccomp_notif_resp){ .id = req.id, .error = -ENOSYS };
		notif_send(notify, &resp);
	}
}

static void probe_ptrace(pid_t pid, bool *has)
{
	struct __ptrace_syscall_info info;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) < 0)
		return;
	has[HAS_SEIZE] = true;
	has[HAS_SYSCALL_INFO] = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0;
	/* With a size of 0 a kernel that knows the request says EINVAL, another one EIO. */
	has[HAS_SET_SYSCALL_INFO] =
		ptrace((enum __ptrace_request)PTRACE_SET_SYSCALL_INFO, pid, NULL, NULL) < 0 &&
		errno == EINVAL;
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void probe_child(pid_t pid, int sock, bool *has)
{
	_cleanup_close_ int pidfd = -EBADF, notify = -EBADF;
	int number;

	/* The child waits in read(): stopped and let go there, it notices nothing. */
	if (read(sock, &number, sizeof(number)) != sizeof(number) || number < 0)
		return;
	has[HAS_LISTENER] = true;
	probe_ptrace(pid, has);
	pidfd = sys_pidfd_open(pid, 0);
	notify = pidfd >= 0 ? sys_pidfd_getfd(pidfd, number) : -EBADF;
	has[HAS_GETFD] = notify >= 0;
	if (notify >= 0 && write(sock, "", 1) == 1)
		probe_requests(pid, notify, has);
}

static void probe_with_child(bool *has)
{
	int pair[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		child_main(pair[1]);
	}
	close(pair[1]);
	if (pid > 0) {
		struct pollfd p = { .fd = pair[0], .events = POLLIN };

		probe_child(pid, pair[0], has);
		shutdown(pair[0], SHUT_WR);
		/* The end of the child is the end of its socket. */
		if (poll(&p, 1, PROBE_MS) != 1)
			kill(pid, SIGKILL);
		close(pair[0]);
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status)) {
			has[HAS_CONTINUE] = WEXITSTATUS(status) & 1;
			has[HAS_ADDFD_SEND] = WEXITSTATUS(status) & 2;
		}
		return;
	}
	close(pair[0]);
}

void doctor_check_kernel(struct doctor *d)
{
	bool has[FEATURES] = { false };
	struct utsname name;

	uname(&name);
	doctor_report(d, FINDING_OK, "kernel", NULL, "%s %s %s", name.sysname, name.release,
		      name.machine);
	probe_alone(has);
	probe_with_child(has);
	for (unsigned i = 0; i < FEATURES; i++) {
		enum finding finding = has[i]		       ? FINDING_OK
				       : features[i].is_needed ? FINDING_MISSING
							       : FINDING_NOTE;

		doctor_report(d, finding, features[i].name, features[i].without, "Linux %s",
			      features[i].since);
	}
}
