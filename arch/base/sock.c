/* SPDX-License-Identifier: Apache-2.0 */
/* UNIX sockets with file descriptors in their messages. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * SOCK_FDS_MAX)];
};

static int send_some(int sock, const char *data, size_t len, const int *fds, size_t n_fds,
		     size_t *ret_sent)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	if (n_fds > SOCK_FDS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*ret_sent = (size_t)n;
	return 0;
}

int sock_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds)
{
	const char *p = data;

	do {
		size_t sent = 0;
		int r;

		r = send_some(sock, p, len, fds, n_fds, &sent);
		if (r < 0)
			return r;
		n_fds = 0;
		p += sent;
		len -= sent;
	} while (len > 0);
	return 0;
}

/* Closes every fd of the message that the caller does not get: a peer may send as many as it likes. */
static int take_fds(struct msghdr *msg, int *fds, size_t *n_fds)
{
	size_t room = *n_fds, n = 0;
	int r = msg->msg_flags & MSG_CTRUNC ? -EMSGSIZE : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < room)
				fds[n++] = fd;
			else {
				fd_close(fd);
				r = -EMSGSIZE;
			}
		}
	}
	if (r < 0) {
		while (n > 0)
			fd_close(fds[--n]);
	}
	*n_fds = n;
	return r;
}

ssize_t sock_recv(int sock, void *data, size_t size, int *fds, size_t *n_fds)
{
	struct iovec iov = { .iov_base = data, .iov_len = size };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;
	int r;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		*n_fds = 0;
		return -errno;
	}
	r = take_fds(&msg, fds, n_fds);
	if (r < 0)
		return r;
	return n;
}

/* Address of `path`; a path too long for sun_path goes through *ret_dir, an fd of its directory. */
static int make_address(const char *path, struct sockaddr_un *addr, int *ret_dir)
{
	char dir[PATH_MAX], name[PATH_MAX];
	const char *base;
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (path[0] != '/')
		return -EINVAL;
	if (strlen(path) < sizeof(addr->sun_path)) {
		memcpy(addr->sun_path, path, strlen(path) + 1);
		return 0;
	}
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(dir, path);
	strcpy(name, path);
	base = basename(name);
	*ret_dir = open(dirname(dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%s", *ret_dir, base);
	return n < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

int sock_connect(const char *path, struct wl_err *err)
{
	_cleanup_close_ int dir = -EBADF, fd = -EBADF;
	struct sockaddr_un addr;
	int r;

	r = make_address(path, &addr, &dir);
	if (r < 0)
		return wl_err_set(err, r, "socket '%s'", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return wl_err_set(err, -errno, "socket '%s'", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return wl_err_set(err, -errno, "connect to socket '%s'", path);
	return TAKE_FD(fd);
}

int sock_listen(const char *path, struct wl_err *err)
{
	_cleanup_close_ int dir = -EBADF, fd = -EBADF, probe = -EBADF;
	struct sockaddr_un addr;
	mode_t mask;
	int r;

	r = make_address(path, &addr, &dir);
	if (r < 0)
		return wl_err_set(err, r, "socket '%s'", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return wl_err_set(err, -errno, "socket '%s'", path);

	probe = sock_connect(path, NULL);
	if (probe >= 0)
		return wl_err_say(
			err, -EADDRINUSE,
			"socket '%s': another listener is there; stop it or name another path",
			path);
	if (probe == -ECONNREFUSED && unlink(addr.sun_path) < 0 && errno != ENOENT)
		return wl_err_set(err, -errno, "remove stale socket '%s'", path);

	/* bind() makes the file: it must never be open to others, not even for a moment. */
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return wl_err_set(err, r, "bind socket '%s'", path);
	if (listen(fd, 128) < 0)
		return wl_err_set(err, -errno, "listen on socket '%s'", path);
	return TAKE_FD(fd);
}
