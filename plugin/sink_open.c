/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the places where events go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "plugin/sink.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define DEFAULT_SPEC   "file:events.jsonl"
/* What every event begins with: by it waylay knows its own file again. */
#define EVENT_START "{\"ts\":\""
#define BELOW	    (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/* An existing file is appended to only if waylay made it: an output name must not be a way to spoil
 * somebody's file. */
static int check_own_file(int fd, const char *name, struct wl_err *err)
{
	char start[sizeof(EVENT_START) - 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return wl_err_set(err, -errno, "events file '%s'", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
	    (st.st_mode & 07777) != 0600)
		return wl_err_say(
			err, -EEXIST,
			"events file '%s' exists and was not made by waylay; name another", name);
	n = pread(fd, start, sizeof(start), 0);
	if (n == 0 || (n == sizeof(start) && memcmp(start, EVENT_START, sizeof(start)) == 0))
		return 0;
	return wl_err_say(err, -EEXIST,
			  "events file '%s' exists and does not hold waylay's events; name another",
			  name);
}

/* The container's own directory is made; other output directories are the operator's. */
static int open_dir(const char *dir, struct wl_err *err)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char *slash;

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : wl_err_set(err, -errno, "output directory '%s'", dir);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		_cleanup_free_ char *parent = strndup(dir, (size_t)(slash - dir));

		if (!parent)
			return wl_err_set(err, -ENOMEM, "output directory");
		if (mkdir(parent, 0700) < 0 && errno != EEXIST)
			return wl_err_set(err, -errno, "make output directory '%s'", parent);
	}
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return wl_err_set(err, -errno, "make output directory '%s'", dir);
	fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : wl_err_set(err, -errno, "output directory '%s'", dir);
}

static int open_file(int dir, const char *name, struct wl_err *err)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = sys_openat2(dir, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
			 0600, BELOW);
	if (fd >= 0)
		return TAKE_FD(fd);
	if (fd != -EEXIST)
		return wl_err_set(err, fd, "make events file '%s'", name);
	/* O_NONBLOCK: somebody's FIFO of that name must not hold us up. */
	fd = sys_openat2(dir, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0,
			 BELOW);
	if (fd < 0)
		return wl_err_set(err, fd, "open events file '%s'", name);
	r = check_own_file(fd, name, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* Connects to a socket file that is already open (O_PATH): nothing is resolved a second time. */
static int connect_path(int path_fd, const char *name, enum sink_kind *ret_kind, struct wl_err *err)
{
	static const struct {
		int type;
		enum sink_kind kind;
	} tries[] = { { SOCK_STREAM, SINK_STREAM }, { SOCK_DGRAM, SINK_DATAGRAM } };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r = -EPROTOTYPE;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", path_fd);
	for (size_t i = 0; i < ARRAY_SIZE(tries) && r == -EPROTOTYPE; i++) {
		_cleanup_close_ int fd =
			socket(AF_UNIX, tries[i].type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			return wl_err_set(err, -errno, "socket");
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
			*ret_kind = tries[i].kind;
			return TAKE_FD(fd);
		}
		r = -errno;
	}
	return wl_err_set(err, r, "connect to events socket '%s'", name);
}

static int open_journald(struct sink *ret, struct wl_err *err)
{
	_cleanup_close_ int path = open(JOURNAL_SOCKET, O_PATH | O_CLOEXEC);
	struct sink sink = { 0 };

	if (path < 0)
		return wl_err_set(err, -errno, "events to journald: '%s'", JOURNAL_SOCKET);
	sink.fd = connect_path(path, JOURNAL_SOCKET, &sink.kind, err);
	if (sink.fd < 0)
		return sink.fd;
	sink.kind = SINK_JOURNALD;
	*ret = sink;
	return 0;
}

static int open_stderr(struct sink *ret, struct wl_err *err)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return wl_err_set(err, -errno, "events to stderr");
	*ret = (struct sink){ .kind = SINK_STDERR, .fd = fd };
	return 0;
}

int sink_open(const struct cap *cap, const char *id, const char *spec, struct sink *ret,
	      struct wl_err *err)
{
	_cleanup_free_ char *dir = NULL, *name = NULL;
	_cleanup_close_ int dir_fd = -EBADF, path = -EBADF;
	struct sink sink = { .kind = SINK_FILE };
	int r;

	if (!spec)
		spec = DEFAULT_SPEC;
	if (strcmp(spec, "journald") == 0)
		return open_journald(ret, err);
	if (strcmp(spec, "stderr") == 0)
		return open_stderr(ret, err);
	r = cap_output(cap, id, spec, &dir, &name, err);
	if (r < 0)
		return r;
	dir_fd = open_dir(dir, err);
	if (dir_fd < 0)
		return dir_fd;
	if (strncmp(spec, "unix:", 5) == 0) {
		path = sys_openat2(dir_fd, name, O_PATH | O_CLOEXEC, 0, BELOW);
		if (path < 0)
			return wl_err_set(err, path, "events socket '%s' in '%s'", name, dir);
		sink.fd = connect_path(path, name, &sink.kind, err);
	} else
		sink.fd = open_file(dir_fd, name, err);
	if (sink.fd < 0)
		return wl_err_prefix(err, sink.fd, "container %s", id);
	*ret = sink;
	return 0;
}

int sink_open_operator(const char *spec, struct sink *ret, struct wl_err *err)
{
	_cleanup_close_ int path = -EBADF;
	struct sink sink = { .kind = SINK_FILE };

	if (strcmp(spec, "journald") == 0)
		return open_journald(ret, err);
	if (strcmp(spec, "stderr") == 0)
		return open_stderr(ret, err);
	if (strncmp(spec, "file:", 5) == 0) {
		sink.fd =
			open(spec + 5, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
		if (sink.fd < 0)
			return wl_err_set(err, -errno, "events file '%s'", spec + 5);
	} else if (strncmp(spec, "unix:", 5) == 0) {
		path = open(spec + 5, O_PATH | O_CLOEXEC);
		if (path < 0)
			return wl_err_set(err, -errno, "events socket '%s'", spec + 5);
		sink.fd = connect_path(path, spec + 5, &sink.kind, err);
		if (sink.fd < 0)
			return sink.fd;
	} else
		return wl_err_say(err, -EINVAL,
				  "events '%s': expected file:PATH, unix:PATH, journald or stderr",
				  spec);
	*ret = sink;
	return 0;
}

void sink_done(struct sink *sink)
{
	sink->fd = fd_close(sink->fd);
	buf_done(&sink->rest);
}
