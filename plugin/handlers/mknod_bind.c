/* SPDX-License-Identifier: Apache-2.0 */
/* The mknod handler where a real node could not be opened: a node of ours over an empty file. And undo. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "plugin/handlers/mknod.h"
#include "plugin/worker_home.h"

/* The node in the worker's own tmpfs gets owner, group and mode of the placeholder, in which umask, setgid
 * directories and default ACLs have had their say. */
static int store_node(struct mknod_work *w, const struct stat *like, char *name, size_t size)
{
	struct home *home = w->req->home;
	struct caller owner = { .home = home };
	int r;

	owner.status.uid[3] = like->st_uid;
	owner.status.gid[3] = like->st_gid;
	umask(0);
	snprintf(name, size, "%u", home->serial++);
	r = caller_become(&owner, CAP_BIT(CAP_MKNOD));
	if (r == 0 &&
	    mknodat(home->store, name, (w->mode & S_IFMT) | (like->st_mode & 07777), w->dev) < 0)
		r = -errno;
	return caller_unbecome(&owner) < 0 ? -EIO : r;
}

static int clone_node(struct mknod_work *w, const struct stat *like)
{
	char name[16];
	int r = store_node(w, like, name, sizeof(name));

	if (r == -ENOSPC) {
		r = worker_home_new_store(w->req->home);
		if (r == 0)
			r = store_node(w, like, name, sizeof(name));
	}
	if (r < 0)
		return r;
	return sys_open_tree(w->req->home->store, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int attach(struct mknod_work *w, int tree, int target)
{
	int r = caller_join_mounts(w->req->caller);

	if (r < 0)
		return r;
	return sys_move_mount(tree, "", target, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int make_placeholder(struct mknod_work *w, struct stat *ret_st)
{
	const struct caller *c = w->req->caller;
	int r = caller_become(c, w->extra_caps), fd = -EBADF;

	if (r == 0) {
		fd = openat(w->place.fd, w->place.last,
			    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, w->mode & 07777);
		r = fd < 0 ? -errno : 0;
	}
	if (caller_unbecome(c) < 0)
		r = -EIO;
	if (r == 0 && fstat(fd, ret_st) < 0)
		r = -errno;
	if (r < 0) {
		fd_close(fd);
		/* procfs and the like: no file and no node can be made there. */
		return r == -EACCES ? -EPERM : r;
	}
	mknod_undo_note(w, ret_st);
	return fd;
}

static void remove_if_same(int dir, const char *name, uint64_t dev, uint64_t ino)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == dev &&
	    st.st_ino == ino)
		unlinkat(dir, name, 0);
}

int mknod_bind(struct mknod_work *w)
{
	_cleanup_close_ int target = -EBADF, tree = -EBADF;
	struct stat st;
	int r;

	mknod_undo_begin(w, MKNOD_UNDO_BIND);
	target = make_placeholder(w, &st);
	if (target < 0) {
		w->req->job->undo.kind = MKNOD_UNDO_NONE;
		return target;
	}
	tree = clone_node(w, &st);
	r = tree < 0 ? tree : attach(w, tree, target);
	if (r < 0) {
		remove_if_same(w->place.fd, w->place.last, st.st_dev, st.st_ino);
		w->req->job->undo.kind = MKNOD_UNDO_NONE;
	}
	return r;
}

/* Younger than the call: for a worker that died before it could note what it made. */
static bool is_made_since(const struct request *req, const struct stat *st)
{
	struct timespec mono, real;
	int64_t since;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	since = real.tv_sec * 1000000000ll + real.tv_nsec -
		(mono.tv_sec * 1000000000ll + mono.tv_nsec - (int64_t)req->received_ns);
	/* A file's time is that of the last tick: up to 10 ms behind. */
	return st->st_ctim.tv_sec * 1000000000ll + st->st_ctim.tv_nsec >= since - 10000000;
}

static int stand_in_callers_root(struct request *req)
{
	struct caller c;
	int r = caller_open_root(req->home, req->tid, &c);

	if (r < 0)
		r = caller_open_root(req->home, req->home->container_init, &c);
	if (r < 0)
		return r;
	r = caller_join_mounts(&c);
	if (r == 0)
		r = caller_enter(&c);
	caller_done(&c);
	return r;
}

void mknod_undo(struct request *req)
{
	struct job *job = req->job;
	_cleanup_close_ int dir = -EBADF;
	char *slash = strrchr(job->undo.path, '/');
	const char *name;
	struct stat st;

	if (!slash || stand_in_callers_root(req) < 0)
		return;
	name = slash + 1;
	*slash = '\0';
	/* The record names directories, not links: whatever is a link now was put there since. */
	dir = sys_openat2(AT_FDCWD, slash == job->undo.path ? "/" : job->undo.path,
			  O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
			  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (job->undo.kind == MKNOD_UNDO_BIND && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) {
		if (fchdir(dir) < 0 || umount2(name, UMOUNT_NOFOLLOW | MNT_DETACH) < 0 ||
		    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return;
	}
	if (job->undo.b == 0 && is_made_since(req, &st)) {
		job->undo.a = st.st_dev;
		job->undo.b = st.st_ino;
	}
	remove_if_same(dir, name, job->undo.a, job->undo.b);
}
