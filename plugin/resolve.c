/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as the caller's kernel would resolve them: by the kernel, in the caller's root, with its ids. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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
