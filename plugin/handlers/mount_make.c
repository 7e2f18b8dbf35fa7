/* SPDX-License-Identifier: Apache-2.0 */
/* The mount handler's second half: superblock, detached mount, attachment, and taking it back. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "plugin/handlers/mount.h"

#define ATTACH_POINT ".attach" /* in the worker's own tmpfs */

static const struct {
	uint32_t flag;
	const char *option;
} superblock_flags[] = {
	{ MS_RDONLY, "ro" },
	{ MS_SYNCHRONOUS, "sync" },
	{ MS_DIRSYNC, "dirsync" },
	{ MS_LAZYTIME, "lazytime" },
};

/* MS_* and MOUNT_ATTR_* agree in the first four only. */
static const struct {
	uint32_t flag, attr;
} mount_flags[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY },
	{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};

/* What an image must not decide: a crafted one may ask for a panic of the host. */
static const struct {
	const char *type, *key, *value;
} forced[] = {
	{ "ext2", "errors", "remount-ro" },
	{ "ext3", "errors", "remount-ro" },
	{ "ext4", "errors", "remount-ro" },
};

static uint32_t mount_attrs(uint32_t flags)
{
	uint32_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++)
		attrs |= flags & mount_flags[i].flag ? mount_flags[i].attr : 0;
	if (flags & MS_STRICTATIME)
		return attrs | MOUNT_ATTR_STRICTATIME;
	return flags & MS_NOATIME ? attrs | MOUNT_ATTR_NOATIME : attrs;
}

static int set_option(int fs, const char *option, size_t len)
{
	char text[256], *value;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, option, len);
	text[len] = '\0';
	value = strchr(text, '=');
	if (value)
		*value++ = '\0';
	return sys_fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, text, value, 0);
}

static int set_options(int fs, const struct mount_work *w)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(superblock_flags); i++)
		if (w->flags & superblock_flags[i].flag)
			r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, superblock_flags[i].option, NULL,
					 0);
	/* First, so that a listed option of the caller's wins. */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(forced); i++)
		if (strcmp(forced[i].type, w->type) == 0)
			r = sys_fsconfig(fs, FSCONFIG_SET_STRING, forced[i].key, forced[i].value,
					 0);
	for (const char *at = w->data; r == 0 && at && *at;
	     at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ","))
			r = set_option(fs, at, strcspn(at, ","));
	return r;
}

static bool is_plain_path(const char *path)
{
	if (path[0] != '/' || strlen(path) > 200)
		return false;
	for (const char *at = path; at; at = strchr(at + 1, '/'))
		if (at[1] == '.' || at[1] == '/' || at[1] == '\0')
			return false;
	return true;
}

/* A node for the device in our own tmpfs: the path that the kernel looks up cannot be exchanged, and what
 * /proc/mounts shows is nevertheless the caller's, where that is a plain path. */
static int make_source(struct mount_work *w, char *path, size_t size)
{
	int root = w->req->home->store;

	if (is_plain_path(w->source))
		snprintf(path, size, "%s", w->source);
	else
		snprintf(path, size, "/dev/block-%u:%u", major(w->dev), minor(w->dev));
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdirat(root, path + 1, 0700) < 0 && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	unlinkat(root, path + 1, 0);
	return mknodat(root, path + 1, S_IFBLK | 0600, w->dev) < 0 ? -errno : 0;
}

static int make_detached(struct mount_work *w)
{
	_cleanup_close_ int fs = sys_fsopen(w->type, FSOPEN_CLOEXEC);
	char path[256];
	int r;

	if (fs < 0)
		return fs;
	r = make_source(w, path, sizeof(path));
	if (r == 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", path, 0);
	if (r == 0)
		r = set_options(fs, w);
	if (r == 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	unlinkat(w->req->home->store, path + 1, 0);
	return r < 0 ? r : sys_fsmount(fs, FSMOUNT_CLOEXEC, mount_attrs(w->flags));
}

static int shift_ids(const struct mount_work *w, int mnt)
{
	_cleanup_close_ int userns = openat(w->req->caller->proc, "ns/user", O_RDONLY | O_CLOEXEC);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

	if (userns < 0)
		return -errno;
	attr.userns_fd = (uint64_t)userns;
	return sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &attr);
}

struct attachment {
	int mnt_ns, target;
};

/* In a child that has joined the caller's user namespace. A mount namespace copied into a less privileged
 * user namespace has its mounts' flags locked, and a clone keeps that: the container's root cannot take
 * nodev and nosuid away again (tried: EPERM). Attached directly, it could, and an image of its own making
 * would give it any device of the host. */
static int attach_locked(void *ctx)
{
	const struct attachment *a = ctx;
	int tree, r;

	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	tree = sys_open_tree(AT_FDCWD, "/" ATTACH_POINT, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return tree;
	r = setns(a->mnt_ns, CLONE_NEWNS) < 0
		    ? -errno
		    : sys_move_mount(tree, "", a->target, "",
				     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	/* The fd table is the worker's. */
	fd_close(tree);
	return r;
}

static void undo_begin(struct mount_work *w, const struct stat *st)
{
	struct job *job = w->req->job;
	char link[40];
	ssize_t n;

	/* Seen from the caller's root. */
	if (caller_enter(w->req->caller) < 0)
		return;
	snprintf(link, sizeof(link), "thread-self/fd/%d", w->target_fd);
	n = readlinkat(w->req->home->proc, link, job->undo.path, sizeof(job->undo.path) - 1);
	if (n > 0 && job->undo.path[0] == '/') {
		job->undo.path[n] = '\0';
		job->undo.a = st->st_dev;
		job->undo.b = st->st_ino;
		__atomic_store_n(&job->undo.kind, 1, __ATOMIC_RELEASE);
	}
}

static int attach(struct mount_work *w, int mnt)
{
	struct home *home = w->req->home;
	_cleanup_close_ int mnt_ns = openat(w->req->caller->proc, "ns/mnt", O_RDONLY | O_CLOEXEC);
	struct attachment a = { .mnt_ns = mnt_ns, .target = w->target_fd };
	struct stat st;
	int r;

	if (mnt_ns < 0 || fstat(mnt_ns, &st) < 0)
		return -errno;
	/* Never a mount that the host would see. */
	if (ns_id_eq(&(struct ns_id){ st.st_dev, st.st_ino }, &home->host_mnt_ns))
		return -EPERM;
	if (fstat(w->target_fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (fstat(mnt, &st) < 0)
		return -errno;
	undo_begin(w, &st);
	r = caller_leave(home);
	if (r < 0)
		return r;
	if (mkdirat(home->store, ATTACH_POINT, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (fchmodat(home->store, ATTACH_POINT, 0755, 0) < 0)
		return -errno;
	r = sys_move_mount(mnt, "", home->store, ATTACH_POINT, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return r;
	r = caller_run_as(w->req->caller, ~0ull, attach_locked, &a);
	if (umount2("/" ATTACH_POINT, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && r == 0)
		r = -EIO;
	return r;
}

int mount_make(struct mount_work *w)
{
	_cleanup_close_ int mnt = make_detached(w);
	int r = mnt < 0 ? mnt : 0;

	if (r == 0 && w->is_shifted)
		r = shift_ids(w, mnt);
	if (r == 0)
		r = attach(w, mnt);
	if (r < 0)
		w->req->job->undo.kind = 0;
	else
		snprintf(w->req->job->how, sizeof(w->req->job->how), "%s",
			 w->is_shifted ? "shift" : "kernel");
	return r;
}

void mount_undo(struct request *req)
{
	_cleanup_close_ int fd = -EBADF;
	struct caller c;
	struct stat st;
	int r = caller_open_root(req->home, req->tid, &c);

	if (r < 0)
		r = caller_open_root(req->home, req->home->container_init, &c);
	if (r < 0)
		return;
	r = caller_join_mounts(&c);
	if (r == 0)
		r = caller_enter(&c);
	caller_done(&c);
	if (r < 0)
		return;
	fd = sys_openat2(AT_FDCWD, req->job->undo.path, O_PATH | O_CLOEXEC, 0,
			 RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == req->job->undo.a &&
	    st.st_ino == req->job->undo.b)
		umount2(req->job->undo.path, MNT_DETACH | UMOUNT_NOFOLLOW);
}
