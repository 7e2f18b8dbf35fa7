/* SPDX-License-Identifier: Apache-2.0 */
/* Constants and thin wrappers that older headers lack: the only compatibility #ifdefs of the tree. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND /* Linux 5.14 */
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#ifndef PIDFD_THREAD /* Linux 6.9 */
#define PIDFD_THREAD O_EXCL
#endif
#ifndef PTRACE_SET_SYSCALL_INFO /* Linux 6.16 */
#define PTRACE_SET_SYSCALL_INFO 0x4212
#endif
#ifndef AUDIT_ARCH_LOONGARCH64
#define AUDIT_ARCH_LOONGARCH64 (258 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE)
#endif
#ifndef OPEN_TREE_CLONE /* Linux 5.2; glibc 2.36 */
#define OPEN_TREE_CLONE		1
#define OPEN_TREE_CLOEXEC	O_CLOEXEC
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif

/* All return the result or negative errno. */

static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
	long r = syscall(SYS_pidfd_open, pid, flags);

	return r < 0 ? -errno : (int)r;
}

/* Do two fds of ours stand for one open file? A kernel without kcmp(2) (CONFIG_KCMP) says no. */
static inline int sys_is_same_file(int fd1, int fd2)
{
	pid_t self = getpid();

	return syscall(SYS_kcmp, self, self, 0 /* KCMP_FILE */, fd1, fd2) == 0;
}

static inline int sys_pidfd_getfd(int pidfd, int fd)
{
	long r = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return r < 0 ? -errno : (int)r;
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	long r = syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);

	return r < 0 ? -errno : 0;
}

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode,
			      uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
	long r = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return r < 0 ? -errno : (int)r;
}

static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	long r = syscall(SYS_open_tree, dir, path, flags);

	return r < 0 ? -errno : (int)r;
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				 unsigned flags)
{
	long r = syscall(SYS_move_mount, from, from_path, to, to_path, flags);

	return r < 0 ? -errno : 0;
}

static inline int sys_fsopen(const char *type, unsigned flags)
{
	long r = syscall(SYS_fsopen, type, flags);

	return r < 0 ? -errno : (int)r;
}

static inline int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return syscall(SYS_fsconfig, fd, cmd, key, value, aux) < 0 ? -errno : 0;
}

static inline int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	long r = syscall(SYS_fsmount, fd, flags, attrs);

	return r < 0 ? -errno : (int)r;
}

static inline int sys_mount_setattr(int fd, const char *path, unsigned flags,
				    struct mount_attr *attr)
{
	return syscall(SYS_mount_setattr, fd, path, flags, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

static inline int sys_close_range(unsigned first, unsigned last)
{
	return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

static inline int sys_seccomp(unsigned op, unsigned flags, void *args)
{
	long r = syscall(SYS_seccomp, op, flags, args);

	return r < 0 ? -errno : (int)r;
}

/* The request buffer must be zeroed (EINVAL otherwise). ENOENT: the caller went away meanwhile. */
static inline int notif_recv(int fd, struct seccomp_notif *req)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, req) < 0 ? -errno : 0;
}

static inline int notif_send(int fd, struct seccomp_notif_resp *resp)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, resp) < 0 ? -errno : 0;
}

/* 0 while the call still waits for its answer, else -ENOENT. */
static inline int notif_id_valid(int fd, uint64_t id)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ? -errno : 0;
}
