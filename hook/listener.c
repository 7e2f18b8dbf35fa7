/* SPDX-License-Identifier: Apache-2.0 */
/* A private listener: the same program as the host's, for one container. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "arch/kernel.h"
#include "hook/listener.h"

#define START_TIMEOUT_MS 5000

/* Next to this program: as installed, then as built. */
static int find_program(char ret_path[PATH_MAX], struct wl_err *err)
{
	static const char *const below[] = { "waylayd", "../plugin/waylayd" };
	static const char *const fixed[] = { WAYLAY_LIBEXECDIR "/waylay/waylayd",
					     WAYLAY_LIBEXECDIR "/waylayd" };
	char self[PATH_MAX];
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return wl_err_set(err, -errno, "read /proc/self/exe");
	self[n] = '\0';
	dirname(self);
	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		if (snprintf(ret_path, PATH_MAX, "%s/%s", self, below[i]) < PATH_MAX &&
		    access(ret_path, X_OK) == 0)
			return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (snprintf(ret_path, PATH_MAX, "%s", fixed[i]) < PATH_MAX &&
		    access(ret_path, X_OK) == 0)
			return 0;
	return wl_err_say(
		err, -ENOENT,
		"no listener: nothing listens on the host's socket and waylayd is neither in '%s' "
		"nor in '%s': start or install waylayd",
		self, WAYLAY_LIBEXECDIR "/waylay");
}

/* Only async-signal-safe calls would matter in a threaded program; the hook has one thread. */
static void run_program(const char *path, const struct listener_start *start, int last_words)
{
	const char *argv[9] = { path, "--once", "--socket", start->socket };
	char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	unsigned n = 4;
	sigset_t none;
	int null;

	if (start->config) {
		argv[n++] = "--config";
		argv[n++] = start->config;
	}
	if (start->events) {
		argv[n++] = "--events";
		argv[n++] = start->events;
	}
	setsid();
	/* Its stderr is a pipe that nobody reads once it runs. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!start->keep_stderr)
		dup2(last_words, STDERR_FILENO);
	sys_close_range(STDERR_FILENO + 1, ~0u);
	if (chdir("/") == 0)
		execve(path, (char *const *)argv, env);
	_exit(127);
}

static void sleep_ms(long ms)
{
	const struct timespec ts = { .tv_nsec = ms * 1000000 };

	nanosleep(&ts, NULL);
}

/* It ended instead of listening. */
static int say_why(const char *path, int status, int last_words, struct wl_err *err)
{
	char text[512], *nl;
	ssize_t n;

	n = read(last_words, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	nl = strchr(text, '\n');
	if (nl)
		*nl = '\0';
	if (text[0])
		return wl_err_say(err, -ECHILD, "start listener '%s': %s", path, text);
	return wl_err_say(err, -ECHILD, "start listener '%s': it ended with %s %d", path,
			  WIFSIGNALED(status) ? "signal" : "status",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int listener_start(const struct listener_start *start, pid_t *ret_pid, struct wl_err *err)
{
	_cleanup_close_ int words_in = -EBADF, words_out = -EBADF;
	char path[PATH_MAX];
	int words[2], r;
	pid_t pid;

	r = find_program(path, err);
	if (r < 0)
		return r;
	if (pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0)
		return wl_err_set(err, -errno, "start listener '%s'", path);
	words_in = words[0];
	words_out = words[1];
	pid = fork();
	if (pid < 0)
		return wl_err_set(err, -errno, "start listener '%s'", path);
	if (pid == 0)
		run_program(path, start, words_out);

	for (int waited = 0; waited < START_TIMEOUT_MS; waited++) {
		int status, fd;

		fd = sock_connect(start->socket, NULL);
		if (fd >= 0) {
			if (ret_pid)
				*ret_pid = pid;
			return fd;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return say_why(path, status, words_in, err);
		sleep_ms(1);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return wl_err_say(err, -ETIMEDOUT,
			  "start listener '%s': it does not listen on '%s' after %d ms", path,
			  start->socket, START_TIMEOUT_MS);
}
