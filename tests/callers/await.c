/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for one thing with a deadline, by events: what tests use in place of sleep. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * await SECONDS file PATH      it exists
 *               gone PATH      it does not exist
 *               socket PATH    somebody accepts connections there
 *               line PATH TEXT the file contains TEXT
 *               exit PID       the process has ended
 * Exit 0 if it came true, 1 after the deadline.
 */
static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool accepts(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_there;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	is_there = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	close(fd);
	return is_there;
}

static bool contains(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0)
		found = strstr(line, text) != NULL;
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool is_true(const char *what, const char *path, const char *text)
{
	struct stat st;

	if (strcmp(what, "file") == 0)
		return lstat(path, &st) == 0;
	if (strcmp(what, "gone") == 0)
		return lstat(path, &st) < 0 && errno == ENOENT;
	if (strcmp(what, "socket") == 0)
		return accepts(path);
	return contains(path, text);
}

static int await_exit(pid_t pid, int64_t deadline)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	if (p.fd < 0)
		return errno == ESRCH ? 0 : 2;
	for (;;) {
		int64_t left = deadline - now_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (r > 0)
			return 0;
		if (r == 0)
			return 1;
	}
}

int main(int argc, char **argv)
{
	int64_t deadline;
	char *dir;
	int fd;

	if (argc < 4 || (strcmp(argv[2], "line") == 0 && argc < 5))
		return 2;
	deadline = now_ms() + (int64_t)(atof(argv[1]) * 1000);
	if (strcmp(argv[2], "exit") == 0)
		return await_exit(atoi(argv[3]), deadline);

	fd = inotify_init1(IN_CLOEXEC);
	dir = dirname(strdup(argv[3]));
	if (inotify_add_watch(fd, dir, IN_CREATE | IN_DELETE | IN_MOVE | IN_MODIFY | IN_ATTRIB) <
	    0) {
		fprintf(stderr, "await: %s: %s\n", dir, strerror(errno));
		return 2;
	}
	while (!is_true(argv[2], argv[3], argv[4])) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		char events[4096];

		if (left <= 0)
			return 1;
		/* listen(2) after bind(2) makes no file event, so a socket is asked again soon. */
		if (strcmp(argv[2], "socket") == 0 && left > 20)
			left = 20;
		if (poll(&p, 1, (int)left) > 0 && read(fd, events, sizeof(events)) < 0)
			return 2;
	}
	return 0;
}
