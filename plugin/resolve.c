/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as the caller's kernel would resolve them: by the kernel, in the caller's root, with its ids. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "plugin/resolve.h"

size_t resolve_split(const char *path)
{
	size_t end = strlen(path);

	while (end > 0 && path[end - 1] == '/')
		end--;
	while (end > 0 && path[end - 1] != '/')
		end--;
	return end;
}

static bool has_procfs(void)
{
	_cleanup_close_ int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Behind `prefix` or NULL. */
static const char *skip_prefix(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 ? path + len : NULL;
}

static int parse_fd(const char **at)
{
	unsigned fd = 0;

	/* procfs knows no leading zero. */
	if (**at < '0' || **at > '9' || ((*at)[0] == '0' && (*at)[1] != '/' && (*at)[1] != '\0'))
		return -1;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		fd = fd * 10 + (unsigned)(**at - '0');
		if (fd > INT_MAX / 10 - 1)
			return -1;
	}
	return (int)fd;
}

/* -ENOENT: the path does not begin with such a link; -ESRCH: it does, but there is no such fd. */
static int open_own_link(const struct caller *c, const char *path, const char **ret_rest)
{
	static const char *const own[] = { "/proc/self/", "/proc/thread-self/" };
	const char *at = NULL, *rest;
	int fd = -1;

	for (size_t i = 0; !at && i < ARRAY_SIZE(own); i++)
		at = skip_prefix(path, own[i]);
	if (!at)
		return -ENOENT;
	if ((rest = skip_prefix(at, "fd/")))
		fd = parse_fd(&rest);
	else if (!(rest = skip_prefix(at, "cwd")) && !(rest = skip_prefix(at, "root")))
		return -ENOENT;
	if ((at[0] == 'f' && fd < 0) || (rest[0] != '/' && rest[0] != '\0') || !has_procfs())
		return -ENOENT;
	*ret_rest = rest + strspn(rest, "/");
	if (at[0] == 'f') {
		fd = caller_open_fd(c, fd);
		/* What procfs says of a number that is not open; the worker may have that one. */
		return fd == -EBADF ? -ESRCH : fd;
	}
	return at[0] == 'c' ? caller_open_cwd(c) : fcntl(c->root, F_DUPFD_CLOEXEC, 0);
}

int resolve_base(const struct caller *c, int dirfd, const char **path)
{
	const char *rest = "";
	int fd;

	if ((*path)[0] != '/')
		return dirfd == AT_FDCWD ? caller_open_cwd(c) : caller_open_fd(c, dirfd);
	fd = open_own_link(c, *path, &rest);
	if (fd == -ENOENT)
		return -EBADF;
	*path = fd < 0 ? "" : rest;
	return fd == -ESRCH ? -ENOENT : fd;
}

int resolve_parent(int base, const char *path, struct place *ret)
{
	size_t split = resolve_split(path);
	char parent[PATH_MAX];
	int fd;

	if (path[0] != '/' && base < 0)
		return base;
	if (split >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, split);
	parent[split] = '\0';
	if (split == 0 && path[0] == '/')
		memcpy(parent, "/", 2);
	if (parent[0] == '\0') {
		fd = fcntl(base, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
	} else {
		/* A trailing slash is kept: it is what makes the kernel want a directory there. */
		fd = sys_openat2(path[0] == '/' ? AT_FDCWD : base, parent,
				 O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);
		if (fd < 0)
			return fd;
	}
	*ret = (struct place){ .fd = fd, .last = path + split };
	return 0;
}

int resolve_target(int base, const char *path)
{
	int fd;

	if (path[0] != '/' && base < 0)
		return base;
	if (path[0] == '\0') {
		fd = fcntl(base, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	return sys_openat2(path[0] == '/' ? AT_FDCWD : base, path, O_PATH | O_CLOEXEC, 0,
			   RESOLVE_NO_MAGICLINKS);
}
