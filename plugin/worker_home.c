/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's own place: outside every container, with nothing in it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/worker_home.h"

/* To look at callers, to stand where they stand, to act with their ids, and what handlers need. */
#define WORKER_CAPS                                                                   \
	(CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYS_CHROOT) | \
	 CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_DAC_OVERRIDE) |      \
	 CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |   \
	 CAP_BIT(CAP_MKNOD))

/* 0777: the caller's own ids make the nodes; nobody else gets here. */
#define STORE_OPTIONS "mode=0777,size=64k,nr_inodes=1024"

static int mount_store(const char *where)
{
	return mount("waylay", where, "tmpfs", MS_NOSUID | MS_NOEXEC, STORE_OPTIONS) < 0 ? -errno
											 : 0;
}

static int own_mounts(struct home *home)
{
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	/* Else the next two would be seen by the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	/* Over /proc: a directory that every host has; the fd on what was there is open already. */
	r = mount_store("/proc");
	if (r < 0)
		return r;
	/* pivot_root(".", "."): the old root is then on top of the new one, and goes. */
	if (chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	home->store = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home->store < 0)
		return -errno;
	home->mnt_ns = openat(home->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return home->mnt_ns < 0 ? -errno : 0;
}

int worker_home_new_store(struct home *home)
{
	_cleanup_close_ int fd = -EBADF;
	int r = caller_leave(home);

	/* From here "/" is the old store, not a caller's root. */
	if (r == 0)
		r = mount_store("/");
	if (r < 0)
		return r;
	/* "/" still means what lies below it; joining our own namespace again leads on top. */
	if (setns(home->mnt_ns, CLONE_NEWNS) < 0)
		return -errno;
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fd_close(home->store);
	home->store = TAKE_FD(fd);
	return 0;
}

static int cut_caps(struct home *home)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	home->caps = (data[0].permitted | (uint64_t)data[1].permitted << 32) & WORKER_CAPS;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted = data[i].effective = (uint32_t)(home->caps >> (32 * i));
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int worker_home_init(struct home *ret, pid_t container_init, const struct ns_id *container_userns,
		     struct wl_err *err)
{
	struct home home = { .proc = -EBADF,
			     .mnt_ns = -EBADF,
			     .store = -EBADF,
			     .container_init = container_init,
			     .container_userns = *container_userns };
	int r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return wl_err_set(err, -errno, "worker: PR_SET_DUMPABLE");
	umask(0);
	home.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home.proc < 0)
		return wl_err_set(err, -errno, "worker: open /proc");
	/* The listener may have a mount namespace of its own (systemd's PrivateMounts); it may also not be
	 * allowed to look at pid 1. */
	r = ns_id_of(home.proc, "1", "mnt", &home.host_mnt_ns);
	if (r < 0)
		r = ns_id_of(home.proc, "thread-self", "mnt", &home.host_mnt_ns);
	if (r == 0)
		r = ns_id_of(home.proc, "thread-self", "user", &home.init_userns);
	if (r < 0) {
		worker_home_done(&home);
		return wl_err_set(err, r, "worker: own namespaces");
	}
	r = own_mounts(&home);
	if (r < 0) {
		worker_home_done(&home);
		return wl_err_set(err, r, "worker: own mount namespace");
	}
	r = cut_caps(&home);
	if (r < 0) {
		worker_home_done(&home);
		return wl_err_set(err, r, "worker: capabilities");
	}
	*ret = home;
	return 0;
}

void worker_home_done(struct home *home)
{
	home->proc = fd_close(home->proc);
	home->mnt_ns = fd_close(home->mnt_ns);
	home->store = fd_close(home->store);
}
