/* SPDX-License-Identifier: Apache-2.0 */
/* A container without a runtime, and the few lines of a listener that drive its worker. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "plugin/worker.h"
#include "tests/live/mknod_box.h"

struct command {
	void (*fn)(struct outcome *ret, long arg);
	long arg;
};

static _Noreturn void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
}

static int install_filter(bool is_mount)
{
	uint32_t a = is_mount ? SYS_mount : SYS_mknod, b = is_mount ? SYS_mount : SYS_mknodat;
	uint32_t a32 = is_mount ? 21 : 14, b32 = is_mount ? 21 : 297;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 4, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b, 4, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a32, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b32, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };

	return sys_seccomp(
		SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
}

static _Noreturn void serve_commands(int command, int result)
{
	struct command cmd;

	while (read(command, &cmd, sizeof(cmd)) == sizeof(cmd)) {
		pid_t pid = fork();

		if (pid == 0) {
			struct outcome out = { 0 };

			if (chdir("/w") == 0)
				cmd.fn(&out, cmd.arg);
			if (write(result, &out, sizeof(out)) < 0)
				_exit(1);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		/* The end of a case: also for one that was killed. */
		if (write(result, "", 1) < 0)
			_exit(1);
	}
	_exit(0);
}

static _Noreturn void be_init(struct box *b, int command, int result, void (*prepare)(void))
{
	char c = 0;
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS | (b->is_native ? 0 : CLONE_NEWUSER)) < 0)
		_exit(2);
	/* The parent writes the maps between these two. */
	if (write(result, &c, 1) != 1 || read(command, &c, 1) != 1)
		_exit(3);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || setgroups(0, NULL) < 0)
		_exit(4);
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	/* pivot_root() as runtimes do: a chrooted process may not make user namespaces. */
	if (mount(b->root, b->root, NULL, MS_BIND, NULL) < 0 || chdir(b->root) < 0 ||
	    mkdir("proc", 0755) < 0 || mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		_exit(5);
	umask(022);
	prepare();
	if (!b->is_native)
		fd = install_filter(strcmp(b->handler, "mount") == 0);
	if (write(result, &fd, sizeof(fd)) != sizeof(fd) || read(command, &c, 1) != 1)
		_exit(6);
	fd_close(fd);
	serve_commands(command, result);
}

static void hold(struct box *b)
{
	pthread_mutex_lock(&b->lock);
	while (b->hold_answers) {
		b->is_held = true;
		pthread_cond_broadcast(&b->changed);
		pthread_cond_wait(&b->changed, &b->lock);
	}
	b->is_held = false;
	pthread_mutex_unlock(&b->lock);
}

static void ask(struct box *b, struct slot *slot, uint32_t flags)
{
	struct worker_msg msg = { .slot = 0, .flags = flags, .id = slot->notif.id }, back;

	atomic_store(&slot->state, SLOT_ACTING);
	if (send(b->control, &msg, sizeof(msg), 0) < 0 ||
	    recv(b->control, &back, sizeof(back), 0) != sizeof(back) ||
	    memcmp(&msg, &back, sizeof(msg)) != 0 || atomic_load(&slot->state) != SLOT_DONE)
		die("worker");
}

static void serve_call(struct box *b, struct slot *slot)
{
	struct job *job = &b->journal->jobs[0];

	job->slot = job->rule = 0;
	slot->job = 1;
	ask(b, slot, 0);
	b->n_calls++;
	/* Of the last call that did anything. */
	if (job->how[0])
		snprintf(b->last_how, sizeof(b->last_how), "%s", job->how);
	hold(b);
	if (notif_send(b->notify, &slot->resp) == 0) {
		job->undo.kind = 0;
	} else {
		b->n_undone += job->undo.kind != 0;
		ask(b, slot, WORKER_UNDO);
	}
}

static void *run_loop(void *arg)
{
	struct box *b = arg;
	struct slot *slot = &b->journal->slots[0];
	struct timespec now;

	for (;;) {
		struct pollfd p = { .fd = b->notify, .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			die("poll");
		if (p.revents & POLLHUP)
			return NULL;
		memset(&slot->notif, 0, sizeof(slot->notif));
		if (notif_recv(b->notify, &slot->notif) < 0)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &now);
		slot->received_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		serve_call(b, slot);
	}
}

static void start_worker(struct box *b, const char *options)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	struct wl_err err = { 0 };
	char text[1024], path[32];
	struct stat st;
	int pair[2];

	snprintf(text, sizeof(text),
		 "{\"version\":1,\"rules\":[{\"action\":\"emulate\",\"handler\":\"%s\"%s%s%s}]}",
		 b->handler, *options ? ",\"options\":{" : "", options, *options ? "}" : "");
	if (json_parse(text, strlen(text), "policy", &doc, &err) < 0 ||
	    policy_from_json(doc, "policy", &b->container.policy, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	b->blob.init = b->init;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", b->init);
	if (stat(path, &st) < 0)
		die(path);
	b->blob.userns = (struct ns_id){ st.st_dev, st.st_ino };
	snprintf(b->blob.id, sizeof(b->blob.id), "box");
	b->container.blob = &b->blob;
	b->container.notify_fd = b->notify;
	b->journal = mmap(NULL, sizeof(*b->journal), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->journal == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("journal");
	b->worker = fork();
	if (b->worker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd_close(pair[0]);
		_exit(worker_run(b->journal, &b->container, pair[1]) < 0);
	}
	fd_close(pair[1]);
	b->control = pair[0];
	pthread_create(&b->loop, NULL, run_loop, b);
}

static int take_notify_fd(struct box *b, int remote)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(b->init, 0);
	int fd = sys_pidfd_getfd(pidfd, remote);

	if (fd < 0) {
		errno = -fd;
		die("notification fd");
	}
	return fd;
}

void box_start(struct box *b, bool is_native, const char *handler, const char *options,
	       void (*prepare)(void))
{
	int down[2], up[2], remote;
	char path[64], c;
	unsigned owner = is_native ? 0 : BOX_BASE;

	*b = (struct box){ .is_native = is_native,
			   .handler = handler,
			   .root = "/tmp/waylay-worker-XXXXXX" };
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	if (!mkdtemp(b->root) || chmod(b->root, 0755) < 0 || chown(b->root, owner, owner) < 0 ||
	    pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
		die("box");
	fflush(stdout);
	b->init = fork();
	if (b->init == 0) {
		fd_close(down[1]);
		fd_close(up[0]);
		be_init(b, down[0], up[1], prepare);
	}
	fd_close(down[0]);
	fd_close(up[1]);
	b->command = down[1];
	b->result = up[0];
	if (read(b->result, &c, 1) != 1)
		die("init of the box");
	if (!is_native) {
		snprintf(path, sizeof(path), "/proc/%d/uid_map", b->init);
		write_text(path, "0 100000 65536\n");
		snprintf(path, sizeof(path), "/proc/%d/gid_map", b->init);
		write_text(path, "0 100000 65536\n");
	}
	if (write(b->command, "m", 1) != 1 ||
	    read(b->result, &remote, sizeof(remote)) != sizeof(remote))
		die("init of the box");
	if (!is_native) {
		b->notify = take_notify_fd(b, remote);
		start_worker(b, options);
	}
	if (write(b->command, "g", 1) != 1)
		die("init of the box");
}

struct outcome box_run(struct box *b, void (*fn)(struct outcome *ret, long arg), long arg)
{
	struct command cmd = { .fn = fn, .arg = arg };
	struct outcome out = { .err = -1 };
	char c[sizeof(out) + 1];
	size_t len = 0;

	if (write(b->command, &cmd, sizeof(cmd)) != sizeof(cmd))
		die("box");
	/* One byte ends a case; what is before it is the outcome. */
	while (len == 0 || len == sizeof(out)) {
		ssize_t n = read(b->result, c + len, sizeof(c) - len);

		if (n <= 0)
			die("box");
		len += (size_t)n;
	}
	if (len > sizeof(out))
		memcpy(&out, c, sizeof(out));
	return out;
}

void box_hold(struct box *b, bool on)
{
	pthread_mutex_lock(&b->lock);
	b->hold_answers = on;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

bool box_wait_held(struct box *b)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	pthread_mutex_lock(&b->lock);
	while (!b->is_held && r == 0)
		r = pthread_cond_timedwait(&b->changed, &b->lock, &until);
	pthread_mutex_unlock(&b->lock);
	return r == 0;
}

void box_stop(struct box *b)
{
	char cmd[96];

	fd_close(b->command);
	fd_close(b->result);
	kill(b->init, SIGKILL);
	waitpid(b->init, NULL, 0);
	if (!b->is_native) {
		pthread_join(b->loop, NULL);
		fd_close(b->control);
		waitpid(b->worker, NULL, 0);
		fd_close(b->notify);
		policy_free(b->container.policy);
		munmap(b->journal, sizeof(*b->journal));
	}
	snprintf(cmd, sizeof(cmd), "rm -rf --one-file-system %s", b->root);
	if (system(cmd) != 0)
		printf("# %s is left\n", b->root);
}

void outcome_of(struct outcome *ret, long result, const char *path)
{
	struct stat st;
	int fd;

	ret->err = result < 0 ? errno : 0;
	ret->stat_err = lstat(path, &st) < 0 ? errno : 0;
	if (ret->stat_err)
		return;
	ret->mode = st.st_mode;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->nlink = (unsigned)st.st_nlink;
	ret->rdev = st.st_rdev;
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	ret->open_err = fd < 0 ? errno : 0;
	fd_close(fd);
}
