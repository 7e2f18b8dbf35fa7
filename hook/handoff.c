/* SPDX-License-Identifier: Apache-2.0 */
/* Which listener a container gets, and the first and the last thing it is told. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "hook/handoff.h"
#include "hook/listener.h"
#include "specs/wire.h"

static bool is_absent(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED;
}

static int private_path(const struct cap *cap, const char *id, char ret[PATH_MAX],
			struct wl_err *err)
{
	if (snprintf(ret, PATH_MAX, "%s/private/%s.sock", cap->state_dir, id) >= PATH_MAX)
		return wl_err_set(err, -ENAMETOOLONG, "state_dir '%s'", cap->state_dir);
	return 0;
}

int handoff_make_dir(const char *state_dir, const char *name, struct wl_err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", state_dir, name) >= (int)sizeof(path))
		return wl_err_set(err, -ENAMETOOLONG, "state_dir '%s'", state_dir);
	if ((mkdir(state_dir, 0711) < 0 && errno != EEXIST) ||
	    (mkdir(path, 0700) < 0 && errno != EEXIST))
		return wl_err_set(err, -errno, "make directory '%s'", path);
	return 0;
}

static int connect_any(const struct cap *cap, const char *socket_path, const char *config_path,
		       const char *id, struct wl_err *err)
{
	const char *host = socket_path ?: cap->socket;
	struct listener_start start = { .config = config_path };
	char path[PATH_MAX];
	int fd, r;

	fd = sock_connect(host, err);
	if (fd >= 0 || !is_absent(fd))
		return fd;
	r = private_path(cap, id, path, err);
	if (r < 0)
		return r;
	/* The container's own listener may live already: the connection was lost, not it. */
	fd = sock_connect(path, err);
	if (fd >= 0 || !is_absent(fd))
		return fd;
	r = handoff_make_dir(cap->state_dir, "private", err);
	if (r < 0)
		return r;
	start.socket = path;
	return listener_start(&start, NULL, err);
}

int handoff_offer(const struct cap *cap, const char *socket_path, const char *config_path,
		  const char *id, pid_t pid, const char *bundle, const struct policy *policy,
		  struct wl_err *err)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = connect_any(cap, socket_path, config_path, id, err);
	if (fd < 0)
		return fd;
	r = wire_send(fd, WIRE_OFFER, id, pid, bundle, policy, NULL, -EBADF);
	if (r < 0)
		return wl_err_set(err, r, "offer the policy to the listener");
	r = wire_recv_ack(fd, HANDOFF_TIMEOUT_MS, err);
	if (r < 0)
		return wl_err_prefix(err, r, "listener");
	return TAKE_FD(fd);
}

int handoff_reconnect(const struct cap *cap, const char *socket_path, const char *id,
		      struct wl_err *err)
{
	const struct timespec ts = { .tv_nsec = 10000000 };
	char path[PATH_MAX];
	int fd = -ENOENT, r;

	r = private_path(cap, id, path, err);
	if (r < 0)
		return r;
	/* Its keeper is about to start a new one. */
	for (int waited = 0; waited < HANDOFF_RESTART_MS && is_absent(fd); waited += 10) {
		fd = sock_connect(path, err);
		if (is_absent(fd))
			fd = sock_connect(socket_path ?: cap->socket, err);
		if (is_absent(fd))
			nanosleep(&ts, NULL);
	}
	return fd;
}

int handoff_ended(const struct cap *cap, const char *socket_path, const char *id,
		  struct wl_err *err)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	r = private_path(cap, id, path, err);
	if (r < 0)
		return r;
	fd = sock_connect(path, NULL);
	if (fd < 0)
		fd = sock_connect(socket_path ?: cap->socket, err);
	if (fd < 0)
		return is_absent(fd) ? 0 : fd;
	r = wire_send(fd, WIRE_ENDED, id, 0, NULL, NULL, NULL, -EBADF);
	if (r == -EPIPE || r == -ECONNRESET)
		return 0; /* a private listener on its way out has written everything */
	if (r < 0)
		return wl_err_set(err, r, "tell the listener that '%s' has ended", id);
	r = wire_recv_ack(fd, HANDOFF_TIMEOUT_MS, err);
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	return r < 0 ? wl_err_prefix(err, r, "listener") : 0;
}
