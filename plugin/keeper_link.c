/* SPDX-License-Identifier: Apache-2.0 */
/* The listener's side of the keeper, and the messages between them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "plugin/keeper.h"

int keeper_recv(int sock, struct keeper_msg *ret_msg, int fds[KEEP_FDS])
{
	struct keeper_msg msg;
	int got[KEEP_FDS];
	size_t n = KEEP_FDS, next = 0;
	ssize_t len;

	len = sock_recv(sock, &msg, sizeof(msg), got, &n);
	if (len <= 0)
		return (int)len;
	for (unsigned i = 0; i < KEEP_FDS; i++)
		fds[i] = msg.fd_mask & (1u << i) && next < n ? got[next++] : -EBADF;
	while (next < n)
		fd_close(got[next++]);
	if (len != sizeof(msg)) {
		for (unsigned i = 0; i < KEEP_FDS; i++)
			fds[i] = fd_close(fds[i]);
		return -EBADMSG;
	}
	*ret_msg = msg;
	return 1;
}

int keeper_send(int sock, const struct keeper_msg *msg, const int *fds)
{
	struct keeper_msg copy = *msg;
	int list[KEEP_FDS];
	size_t n = 0;

	copy.fd_mask = 0;
	for (unsigned i = 0; fds && i < KEEP_FDS; i++)
		if (fds[i] >= 0) {
			copy.fd_mask |= 1u << i;
			list[n++] = fds[i];
		}
	return sock_send(sock, &copy, sizeof(copy), list, n);
}

/* Only async-signal-safe calls: the listener has threads. */
static _Noreturn void exec_keeper(int sock, char **argv)
{
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fcntl(sock, F_SETFD, 0) == 0)
		execv("/proc/self/exe", argv);
	_exit(127);
}

/* argv with `--keeper-fd N` behind argv[0]; the strings are borrowed, the array is the caller's. */
static char **keeper_argv(char **argv, char *fd_text)
{
	size_t n = 0;
	char **v;

	while (argv[n])
		n++;
	v = calloc(n + 3, sizeof(*v));
	if (!v)
		return NULL;
	v[0] = argv[0];
	v[1] = (char *)"--keeper-fd";
	v[2] = fd_text;
	memcpy(v + 3, argv + 1, n * sizeof(*v));
	return v;
}

int keeper_link_start(struct keeper_link *link, struct wl_err *err)
{
	_cleanup_free_ char **argv = NULL;
	int pair[2];
	char text[16];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return wl_err_set(err, -errno, "keeper: socketpair");
	snprintf(text, sizeof(text), "%d", pair[1]);
	argv = keeper_argv(link->argv, text);
	pid = argv ? fork() : -1;
	if (pid < 0) {
		int r = argv ? -errno : -ENOMEM;

		fd_close(pair[0]);
		fd_close(pair[1]);
		return wl_err_set(err, r, "start the keeper process");
	}
	if (pid == 0)
		exec_keeper(pair[1], argv);
	fd_close(pair[1]);
	link->sock = pair[0];
	return 0;
}

void keeper_link_send(struct keeper_link *link, const struct keeper_msg *msg, const int *fds)
{
	pthread_mutex_lock(&link->lock);
	keeper_send(link->sock, msg, fds);
	pthread_mutex_unlock(&link->lock);
}
