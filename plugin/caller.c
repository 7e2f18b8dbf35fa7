/* SPDX-License-Identifier: Apache-2.0 */
/* The calling thread, opened through the host's procfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/caller.h"

#define STATUS_MAX (2u << 20) /* 65536 supplementary groups are the kernel's limit: 720 KiB */

/* A task that has gone gives ENOENT for its directory and ESRCH for what is below. */
static int open_at(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

static int read_status(const struct caller *c, struct caller_status *ret)
{
	_cleanup_close_ int fd = open_at(c->proc, "status", O_RDONLY);
	_cleanup_free_ char *large = NULL;
	char small[4096], *text = small;
	size_t size = sizeof(small);
	ssize_t len;

	if (fd < 0)
		return fd;
	/* One read is of one instant. What does not fit is read again, whole. */
	while ((len = pread(fd, text, size - 1, 0)) == (ssize_t)size - 1) {
		if (size == STATUS_MAX)
			return -E2BIG;
		size = STATUS_MAX;
		text = large = malloc(size);
		if (!large)
			return -ENOMEM;
	}
	if (len < 0)
		return -errno;
	text[len] = '\0';
	return caller_parse_status(text, ret);
}

int caller_open_root(struct home *home, pid_t tid, struct caller *ret)
{
	struct caller c = { .home = home, .tid = tid, .proc = -EBADF, .root = -EBADF };
	char name[16];

	snprintf(name, sizeof(name), "%d", tid);
	c.proc = open_at(home->proc, name, O_PATH | O_DIRECTORY);
	if (c.proc < 0)
		return c.proc;
	c.root = open_at(c.proc, "root", O_PATH | O_DIRECTORY);
	if (c.root < 0) {
		int r = c.root;

		caller_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int caller_open(struct home *home, pid_t tid, struct caller *ret)
{
	struct caller c;
	int r = caller_open_root(home, tid, &c);

	if (r < 0)
		return r;
	r = read_status(&c, &c.status);
	if (r == 0)
		r = ns_id_of(c.proc, ".", "user", &c.userns);
	if (r == -ENOENT)
		r = -ESRCH;
	if (r < 0) {
		caller_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

void caller_done(struct caller *c)
{
	c->proc = fd_close(c->proc);
	c->root = fd_close(c->root);
	free(TAKE_PTR(c->status.groups));
}

int caller_open_cwd(const struct caller *c)
{
	return open_at(c->proc, "cwd", O_PATH | O_DIRECTORY);
}

int caller_open_fd(const struct caller *c, int fd)
{
	char name[24];
	int r;

	if (fd < 0)
		return -EBADF;
	/* The thread's own table, and no second file: following this link gives the same mount and
	 * directory. pidfd_getfd() would need PIDFD_THREAD (6.9) for threads. */
	snprintf(name, sizeof(name), "fd/%d", fd);
	r = open_at(c->proc, name, O_PATH);
	return r == -ESRCH ? -EBADF : r;
}

bool caller_has_cap(const struct caller *c, int cap)
{
	return (c->status.cap_eff & CAP_BIT(cap)) && c->userns.ino != 0 &&
	       ns_id_eq(&c->userns, &c->home->container_userns);
}
