/* SPDX-License-Identifier: Apache-2.0 */
/* A listener under test, and processes with a filter whose fd goes to it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "arch/kernel.h"
#include "specs/wire.h"
#include "tests/live/lab.h"

#define DEADLINE_MS 10000
#define ACK_MS	    5000

/* The only waiting of these tests: looks again every two milliseconds, up to the deadline. */
bool lab_wait(bool (*is_true)(void *), void *arg)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct timespec now, start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!is_true(arg)) {
		nanosleep(&pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >
		    DEADLINE_MS)
			return false;
	}
	return true;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0)
		return -errno;
	return 0;
}

int lab_init(struct lab *lab, const char *waylayd)
{
	char text[512];

	memset(lab, 0, sizeof(*lab));
	strcpy(lab->dir, "/tmp/waylay-lab-XXXXXX");
	if (!mkdtemp(lab->dir) || !realpath(waylayd, lab->waylayd))
		return -errno;
	snprintf(lab->socket, sizeof(lab->socket), "%s/l.sock", lab->dir);
	snprintf(lab->events, sizeof(lab->events), "%s/events.jsonl", lab->dir);
	snprintf(lab->config, sizeof(lab->config), "%s/waylay.json", lab->dir);
	snprintf(text, sizeof(text),
		 "{\"version\":1,\"allow\":{\"actions\":\"*\",\"handlers\":\"*\"},"
		 "\"log_dir\":\"%s/log\",\"output_dirs\":[\"%s\"]}\n",
		 lab->dir, lab->dir);
	return write_file(lab->config, text);
}

static bool is_listening(void *arg)
{
	int fd = sock_connect(arg, NULL);

	fd_close(fd);
	return fd >= 0;
}

int lab_start(struct lab *lab, bool events, const char *const *more)
{
	const char *argv[24] = { lab->waylayd, "--socket", lab->socket, "--config", lab->config };
	char sink[128];
	unsigned n = 5;

	if (events) {
		snprintf(sink, sizeof(sink), "file:%s", lab->events);
		argv[n++] = "--events";
		argv[n++] = sink;
	}
	while (more && *more)
		argv[n++] = *more++;
	lab->first = fork();
	if (lab->first == 0) {
		execv(lab->waylayd, (char **)argv);
		_exit(127);
	}
	return lab_wait(is_listening, lab->socket) ? 0 : -ETIMEDOUT;
}

static bool has_text(pid_t pid, const char *file, const char *text)
{
	char path[64], data[4096];
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, data, sizeof(data));
	return n > 0 && memmem(data, (size_t)n, text, strlen(text));
}

pid_t lab_find(const struct lab *lab, const char *comm, pid_t not )
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *e;
	char line[64];

	snprintf(line, sizeof(line), "%s\n", comm);
	while (dir && (e = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0 && pid != not &&has_text(pid, "comm", line) &&
		    has_text(pid, "cmdline", lab->dir))
			return pid;
	}
	return 0;
}

static bool is_over(void *arg)
{
	struct lab *lab = arg;

	waitpid(lab->first, NULL, WNOHANG);
	return !lab_find(lab, "waylayd", 0) && !lab_find(lab, "waylay-keeper", 0);
}

int lab_stop(struct lab *lab)
{
	pid_t pid = lab_find(lab, "waylayd", 0);

	if (pid > 0)
		kill(pid, SIGTERM);
	return lab_wait(is_over, lab) ? 0 : -ETIMEDOUT;
}

void lab_done(struct lab *lab)
{
	char command[128];
	pid_t pid;

	while ((pid = lab_find(lab, "waylay-keeper", 0)) > 0 ||
	       (pid = lab_find(lab, "waylayd", 0)) > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
	}
	if (strncmp(lab->dir, "/tmp/waylay-lab-", 16) == 0) {
		snprintf(command, sizeof(command), "rm -rf -- '%s'", lab->dir);
		if (system(command) != 0)
			perror(command);
	}
}

unsigned lab_count_fds(pid_t pid)
{
	char path[64];
	_cleanup_closedir_ DIR *dir = NULL;
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	return n;
}

bool lab_has_full_keeper(void *lab_keeper)
{
	const struct lab_keeper *k = lab_keeper;
	pid_t pid = lab_find(k->lab, "waylay-keeper", k->dead);

	return pid > 0 && lab_count_fds(pid) >= k->fds;
}

bool lab_is_in_call(pid_t pid, long nr)
{
	char text[32];

	/* Blocked by seccomp it is "in" the call: /proc/PID/syscall shows the number. */
	snprintf(text, sizeof(text), "%ld ", nr);
	return has_text(pid, "syscall", text);
}

/* ---- targets ---- */

static int load_filter(const int *calls)
{
	struct sock_filter insns[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog prog = { .len = 1, .filter = insns };
	unsigned n = 1;

	for (; *calls >= 0 && n < 60; calls++) {
		insns[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							  (unsigned)*calls, 0, 1);
		insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	return sys_seccomp(
		SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
}

/* A device on a file system that the box's own root mounted could not be opened: as in a container. */
static bool enter_box(int sock)
{
	char c;

	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && send(sock, "", 1, 0) == 1 &&
	       recv(sock, &c, 1, 0) == 1 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("lab", "/tmp", "tmpfs", 0, NULL) == 0;
}

static int map_ids(const struct target *t)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char path[64], c;

	if (recv(t->go, &c, 1, 0) != 1)
		return -EIO;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)t->pid, files[i]);
		r = write_file(path, "0 100000 65536");
		if (r < 0)
			return r;
	}
	return send(t->go, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -EIO;
}

static _Noreturn void run_target(int sock, bool in_box, const int *calls, int (*body)(void *),
				 void *arg)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int fd;
	char c;

	if (in_box && !enter_box(sock))
		_exit(124);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = load_filter(calls);
	if (fd < 0 || sock_send(sock, "", 1, &fd, 1) < 0)
		_exit(125);
	close(fd);
	if (poll(&p, 1, -1) != 1 || recv(sock, &c, 1, 0) != 1)
		_exit(125);
	close(sock);
	_exit(body(arg));
}

int target_start(struct target *t, const int *calls, int (*body)(void *), void *arg)
{
	size_t n = 1;
	int pair[2];
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	t->pid = fork();
	if (t->pid == 0) {
		close(pair[0]);
		run_target(pair[1], t->in_box, calls, body, arg);
	}
	close(pair[1]);
	t->go = pair[0];
	if (t->in_box && map_ids(t) < 0)
		return -EIO;
	if (sock_recv(t->go, &c, 1, &t->notify_fd, &n) != 1 || n != 1)
		return -EIO;
	return 0;
}

static int send_step(int sock, enum wire_step step, const char *id, const struct target *t,
		     const struct policy *policy, const struct bpf_prog *profile,
		     struct wl_err *err)
{
	int fd = step == WIRE_LOAD ? t->notify_fd : -EBADF, r;

	r = wire_send(sock, step, id, t->pid, "/", policy, profile, fd);
	return r < 0 ? wl_err_set(err, r, "send") : wire_recv_ack(sock, ACK_MS, err);
}

int target_hand_over(struct target *t, const struct lab *lab, const char *id, const char *policy,
		     const struct bpf_prog *profile, bool started, char msg[640])
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_close_ int sock = -EBADF;
	struct wl_err err = { 0 };
	int r;

	msg[0] = '\0';
	r = json_parse(policy, strlen(policy), "policy", &doc, &err);
	if (r == 0)
		r = policy_from_json(doc, "policy", &p, &err);
	if (r == 0)
		r = sock = sock_connect(lab->socket, &err);
	if (r >= 0)
		r = send_step(sock, WIRE_OFFER, id, t, p, NULL, &err);
	if (r >= 0)
		r = send_step(sock, WIRE_LOAD, id, t, p, profile, &err);
	if (r >= 0)
		t->notify_fd = fd_close(t->notify_fd);
	if (r >= 0 && started)
		r = send_step(sock, WIRE_STARTED, id, t, NULL, NULL, &err);
	if (r < 0) {
		memcpy(msg, err.msg, sizeof(err.msg));
		return r;
	}
	return TAKE_FD(sock);
}

void target_go(struct target *t)
{
	send(t->go, "", 1, MSG_NOSIGNAL);
	t->go = fd_close(t->go);
}

struct waiting {
	pid_t pid;
	int status;
};

static bool has_ended(void *arg)
{
	struct waiting *w = arg;

	return waitpid(w->pid, &w->status, WNOHANG) == w->pid;
}

int target_wait(struct target *t)
{
	struct waiting w = { .pid = t->pid };
	bool in_time = lab_wait(has_ended, &w);

	if (!in_time) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	t->go = fd_close(t->go);
	t->notify_fd = fd_close(t->notify_fd);
	if (!in_time)
		return -ETIMEDOUT;
	return WIFEXITED(w.status) ? WEXITSTATUS(w.status) : -WTERMSIG(w.status);
}

unsigned events_count(const char *path, const char *const *texts)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	unsigned n = 0;

	while (f && getline(&line, &size, f) > 0) {
		bool has_all = true;

		for (const char *const *t = texts; *t; t++)
			has_all &= strstr(line, *t) != NULL;
		n += has_all;
	}
	return n;
}
