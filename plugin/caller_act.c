/* SPDX-License-Identifier: Apache-2.0 */
/* Acting with a caller's root, umask, ids and rights, and back again. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/caller.h"

/* What the kernel consults of the caller's own capabilities when it creates a file. */
#define FS_CAPS                                                                           \
	(CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER) | \
	 CAP_BIT(CAP_FSETID))

static int set_caps(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)effective, .permitted = (uint32_t)permitted },
		{ .effective = (uint32_t)(effective >> 32),
		  .permitted = (uint32_t)(permitted >> 32) },
	};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* Needed to come back; they say nothing about files. */
#define ID_CAPS (CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID))

/* Raw calls: the C library's would signal other threads, and these run in a child that shares memory.
 * setfs*id() return the previous id and no error; with an id that cannot exist they only tell (and cost
 * a tenth: no new credentials are made). */
static int set_fs_ids(uint32_t uid, uint32_t gid)
{
	syscall(SYS_setfsgid, gid);
	if ((uint32_t)syscall(SYS_setfsgid, -1) != gid)
		return -EPERM;
	syscall(SYS_setfsuid, uid);
	return (uint32_t)syscall(SYS_setfsuid, -1) != uid ? -EPERM : 0;
}

/* The worker itself has no supplementary groups. */
static int set_ids(const struct caller_status *st)
{
	if (st->n_groups && syscall(SYS_setgroups, (size_t)st->n_groups, st->groups) < 0)
		return -errno;
	return set_fs_ids(st->uid[3], st->gid[3]);
}

int caller_set_caps(const struct caller *c, uint64_t caps)
{
	if (ns_id_eq(&c->userns, &c->home->init_userns))
		caps |= c->status.cap_eff & FS_CAPS;
	return set_caps((caps | ID_CAPS) & c->home->caps, c->home->caps);
}

int caller_become(const struct caller *c, uint64_t caps)
{
	int r = set_ids(&c->status);

	/* After the ids: setfsuid() to a nonzero id takes the filesystem capabilities away. */
	return r < 0 ? r : caller_set_caps(c, caps);
}

int caller_unbecome(const struct caller *c)
{
	int r = set_fs_ids(0, 0);

	if (r == 0 && c->status.n_groups && syscall(SYS_setgroups, (size_t)0, NULL) < 0)
		r = -errno;
	return r < 0 ? r : set_caps(c->home->caps, c->home->caps);
}

int caller_enter(const struct caller *c)
{
	if (fchdir(c->root) < 0 || chroot(".") < 0)
		return -errno;
	umask((mode_t)c->status.umask);
	return 0;
}

int caller_join_mounts(const struct caller *c)
{
	_cleanup_close_ int ns = openat(c->proc, "ns/mnt", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (ns < 0 || fstat(ns, &st) < 0)
		return -errno;
	/* Never a mount that the host would see. */
	if (ns_id_eq(&(struct ns_id){ st.st_dev, st.st_ino }, &c->home->host_mnt_ns))
		return -EPERM;
	c->home->is_away = true;
	return setns(ns, CLONE_NEWNS) < 0 ? -errno : 0;
}

int caller_leave(struct home *home)
{
	umask(0);
	if (home->is_away && setns(home->mnt_ns, CLONE_NEWNS) < 0)
		return -errno;
	home->is_away = false;
	return fchdir(home->store) < 0 || chroot(".") < 0 ? -errno : 0;
}

struct run_as {
	const struct caller *c;
	int userns;
	uint64_t caps;
	int (*fn)(void *ctx);
	void *ctx;
	int result;
};

static int run_as_child(void *arg)
{
	struct run_as *run = arg;

	run->result = set_ids(&run->c->status);
	/* Joining gives all capabilities there and none here, and keeps the ids. */
	if (run->result == 0 && syscall(SYS_setns, run->userns, CLONE_NEWUSER) < 0)
		run->result = -errno;
	if (run->result == 0 && run->caps != ~0ull)
		run->result = set_caps(run->caps, run->caps);
	if (run->result == 0)
		run->result = run->fn(run->ctx);
	return 0;
}

int caller_run_as(const struct caller *c, uint64_t caps, int (*fn)(void *ctx), void *ctx)
{
	struct run_as run = { .c = c, .caps = caps, .fn = fn, .ctx = ctx, .result = -EIO };
	_cleanup_close_ int userns = openat(c->proc, "ns/user", O_RDONLY | O_CLOEXEC);
	char stack[16384] __attribute__((aligned(16)));
	pid_t pid;

	if (userns < 0)
		return -errno;
	run.userns = userns;
	/* Invisible in the container's pid namespace, and not dumpable: nothing there can look at it.
	 * It shares the fd table, so that what fn opens stays open. */
	pid = clone(run_as_child, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &run);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return run.result;
}
