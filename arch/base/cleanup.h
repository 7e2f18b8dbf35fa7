/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership: one owner per resource, visible in its declaration. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Hands a pointer or fd over to another owner and leaves the empty value behind. */
#define TAKE_PTR(p)                        \
	__extension__({                    \
		__auto_type _take_p = (p); \
		(p) = NULL;                \
		_take_p;                   \
	})
#define TAKE_FD(fd)                  \
	__extension__({              \
		int _take_fd = (fd); \
		(fd) = -EBADF;       \
		_take_fd;            \
	})

/* Closes an fd if it is one and always returns -EBADF: `fd = fd_close(fd)`. Keeps errno. Never
 * retried on EINTR: Linux has released the number by then (close(2)). */
static inline int fd_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -EBADF;
}

static inline void cleanup_closep(int *fd)
{
	fd_close(*fd);
}

static inline void cleanup_freep(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_close_	   _cleanup_(cleanup_closep)
#define _cleanup_free_	   _cleanup_(cleanup_freep)
#define _cleanup_fclose_   _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
