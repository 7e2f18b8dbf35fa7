/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper process: an fd store, the parent of the workers, and who starts the next listener. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/container.h"
#include "plugin/keeper.h"
#include "plugin/keeper_store.h"
#include "plugin/worker.h"

#define LOSS_MS	       5000 /* without a listener: what on-listener-loss says is done */
#define RETRY_MAX_MS   1000
#define GIVE_UP_MS     8000 /* the same, and no container lives: nothing is left to keep */
#define LISTENER_SND_S 10

struct keeper {
	int sock; /* to the listener; -EBADF: there is none */
	int signal_fd;
	pid_t listener; /* our child, or 0: it started us */
	char **argv;
	struct keep_item *items;
	struct keep_worker *workers;
	uint64_t lost_ms; /* since when nobody serves; 0: somebody does */
	uint64_t retry_ms, retry_at;
	bool did_loss;
	bool quit;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void tell(struct keeper *k, enum keeper_op op, uint32_t key, uint32_t container, int error,
		 const int *fds)
{
	struct keeper_msg msg = { .op = op, .key = key, .arg = container, .error = error };

	if (k->sock >= 0)
		keeper_send(k->sock, &msg, fds);
}

/* In the child: nothing open but stdio and the four fds at 3..6. */
static _Noreturn void run_worker(pid_t parent, int control, int journal, const struct keep_item *c)
{
	int fds[4] = { control, journal, c->fds[FD_NOTIFY], c->fds[FD_BLOB] };
	struct worker_setup setup = { .control = 3, .journal_fd = 4, .notify_fd = 5, .blob_fd = 6 };
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "waylay-worker");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (unsigned i = 0; i < 4; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
		if (fds[i] < 0)
			_exit(1);
	}
	for (int i = 0; i < 4; i++)
		if (dup3(fds[i], 3 + i, O_CLOEXEC) < 0)
			_exit(1);
	sys_close_range(7, ~0u);
	_exit(worker_main(&setup));
}

static int spawn(struct keeper *k, uint32_t key, uint32_t container, const int **ret_fds)
{
	int fds[KEEP_FDS] = { -EBADF, -EBADF, -EBADF, -EBADF };
	struct keep_item *c = keep_find(k->items, KEEP_CONTAINER, container), *shard;
	struct container_blob head;
	int pair[2];
	pid_t pid, self = getpid();

	if (!c || pread(c->fds[FD_BLOB], &head, sizeof(head), 0) != sizeof(head))
		return -ENOENT;
	shard = keep_find(k->items, KEEP_SHARD, head.shard);
	if (!shard)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run_worker(self, pair[1], shard->fds[FD_JOURNAL], c);
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return -EAGAIN;
	}
	fds[FD_CONTROL] = pair[0];
	fds[FD_WORKER_PIDFD] = sys_pidfd_open(pid, 0);
	if (fds[FD_WORKER_PIDFD] < 0 || keep_worker_add(&k->workers, key, container, pid) < 0 ||
	    keep_put(&k->items, KEEP_WORKER, key, container, fds) < 0) {
		fd_close(fds[FD_CONTROL]);
		fd_close(fds[FD_WORKER_PIDFD]);
		kill(pid, SIGKILL);
		return -ENOMEM;
	}
	*ret_fds = keep_find(k->items, KEEP_WORKER, key)->fds;
	return 0;
}

static void handle(struct keeper *k, const struct keeper_msg *msg, int fds[KEEP_FDS])
{
	const int *worker_fds = NULL;
	int r;

	switch (msg->op) {
	case KEEPER_PUT:
		if (keep_put(&k->items, msg->kind, msg->key, msg->arg, fds) < 0)
			break;
		return; /* the fds are the store's now */
	case KEEPER_DROP:
		keep_drop(&k->items, msg->kind, msg->key);
		break;
	case KEEPER_SPAWN:
		r = spawn(k, msg->key, msg->arg, &worker_fds);
		tell(k, KEEPER_SPAWNED, msg->key, msg->arg, -r, worker_fds);
		break;
	case KEEPER_READY:
		k->lost_ms = 0;
		k->retry_ms = 0;
		k->did_loss = false;
		break;
	case KEEPER_QUIT:
		k->quit = true;
		break;
	default:
		break;
	}
	for (unsigned i = 0; i < KEEP_FDS; i++)
		fds[i] = fd_close(fds[i]);
}

static void listener_lost(struct keeper *k)
{
	k->sock = fd_close(k->sock);
	if (k->listener >
	    0) /* alive but without its socket: it must not answer beside its successor */
		kill(k->listener, SIGKILL);
	if (k->lost_ms == 0)
		k->lost_ms = now_ms();
	k->retry_at = now_ms() + k->retry_ms;
	k->retry_ms = k->retry_ms ? k->retry_ms * 2 : 10;
	if (k->retry_ms > RETRY_MAX_MS)
		k->retry_ms = RETRY_MAX_MS;
}

static _Noreturn void exec_listener(struct keeper *k, int sock)
{
	char text[16];
	size_t n = 0;
	char **v;
	sigset_t none;

	while (k->argv[n])
		n++;
	v = calloc(n + 3, sizeof(*v));
	if (!v)
		_exit(127);
	snprintf(text, sizeof(text), "%d", sock);
	v[0] = k->argv[0];
	v[1] = (char *)"--resume-fd";
	v[2] = text;
	memcpy(v + 3, k->argv + 1, n * sizeof(*v));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fcntl(sock, F_SETFD, 0) == 0)
		execv("/proc/self/exe", v);
	_exit(127);
}

static void hand_over(struct keeper *k)
{
	struct keeper_msg msg = { .op = KEEPER_ITEMS_END };
	int r;

	for (const struct keep_item *i = k->items; i; i = i->next) {
		struct keeper_msg item = {
			.op = KEEPER_ITEM, .kind = i->kind, .key = i->key, .arg = i->arg
		};

		r = keeper_send(k->sock, &item, i->fds);
		if (r < 0) {
			log_error("keeper: cannot hand over to the new listener: %s", strerror(-r));
			if (k->listener > 0)
				kill(k->listener, SIGKILL);
			return; /* its death is seen at the socket */
		}
	}
	keeper_send(k->sock, &msg, NULL);
}

static void start_listener(struct keeper *k)
{
	struct timeval tv = { .tv_sec = LISTENER_SND_S };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		listener_lost(k);
		return;
	}
	pid = fork();
	if (pid == 0)
		exec_listener(k, pair[1]);
	fd_close(pair[1]);
	k->sock = pair[0];
	k->listener = pid;
	if (pid < 0) {
		k->listener = 0;
		listener_lost(k);
		return;
	}
	setsockopt(k->sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	hand_over(k);
}

/* What the containers asked for when nobody comes back. */
static void apply_loss(struct keeper *k)
{
	struct keep_item *next;

	k->did_loss = true;
	for (struct keep_item *i = k->items; i; i = next) {
		struct container_blob head;

		next = i->next;
		if (i->kind != KEEP_CONTAINER ||
		    pread(i->fds[FD_BLOB], &head, sizeof(head), 0) != sizeof(head) ||
		    head.on_loss == LOSS_WAIT)
			continue;
		head.id[sizeof(head.id) - 1] = '\0';
		log_error("keeper: no listener for %d s: container %s: %s", LOSS_MS / 1000, head.id,
			  head.on_loss == LOSS_KILL ? "killed" : "its calls get ENOSYS");
		if (head.on_loss == LOSS_KILL && i->fds[FD_PIDFD] >= 0)
			sys_pidfd_send_signal(i->fds[FD_PIDFD], SIGKILL);
		keep_drop(&k->items, i->kind, i->key);
	}
}

/* POLLHUP: no task with that filter is left. */
static bool has_living_container(const struct keeper *k)
{
	for (const struct keep_item *i = k->items; i; i = i->next) {
		struct pollfd p = { .fd = i->fds[FD_NOTIFY] };

		if (i->kind == KEEP_CONTAINER && (poll(&p, 1, 0) <= 0 || !(p.revents & POLLHUP)))
			return true;
	}
	return false;
}

/* A listener that can never start (its configuration is broken) must not be retried for ever. */
static void give_up(struct keeper *k)
{
	if (has_living_container(k))
		return;
	log_error("keeper: no listener can be started and no container is left: the end");
	if (k->listener > 0)
		kill(k->listener, SIGKILL);
	k->quit = true;
}

static void reap(struct keeper *k)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(k->signal_fd, &info, sizeof(info)) == sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct keep_worker w;

		if (pid == k->listener)
			k->listener = 0;
		if (!keep_worker_take(&k->workers, pid, &w))
			continue;
		keep_drop(&k->items, KEEP_WORKER, w.key);
		tell(k, KEEPER_REAPED, w.key, w.container, 0, NULL);
	}
}

static void read_listener(struct keeper *k)
{
	struct keeper_msg msg;
	int fds[KEEP_FDS];
	int r;

	r = keeper_recv(k->sock, &msg, fds);
	/* A peer that closes with messages unread gives this once, before what it had sent: QUIT. */
	if (r == -ECONNRESET)
		r = keeper_recv(k->sock, &msg, fds);
	if (r == 1)
		handle(k, &msg, fds);
	else if (r != -EAGAIN && r != -EBADMSG && r != -EMSGSIZE)
		listener_lost(k);
}

static int timeout_of(const struct keeper *k)
{
	uint64_t now = now_ms(), at = UINT64_MAX;

	if (k->sock < 0)
		at = k->retry_at;
	if (k->lost_ms && !k->did_loss && k->lost_ms + LOSS_MS < at)
		at = k->lost_ms + LOSS_MS;
	if (at == UINT64_MAX)
		return -1;
	return at > now ? (int)(at - now) : 0;
}

static int prepare(struct keeper *k)
{
	struct rlimit limit;
	sigset_t set;
	int null;

	prctl(PR_SET_NAME, "waylay-keeper");
	prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* Its end is the listener's to order: a signal to the whole service must not take the fds away. */
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (k->signal_fd < 0 || null < 0)
		return -errno;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	fd_close(null);
	return chdir("/") < 0 ? -errno : 0;
}

int keeper_main(int sock, char **argv)
{
	struct keeper k = { .sock = sock, .signal_fd = -EBADF, .argv = argv };

	if (fcntl(sock, F_SETFD, FD_CLOEXEC) < 0 || prepare(&k) < 0)
		return 1;
	tell(&k, KEEPER_HELLO, 0, 0, 0, NULL);
	while (!k.quit) {
		struct pollfd p[2] = { { .fd = k.sock, .events = POLLIN },
				       { .fd = k.signal_fd, .events = POLLIN } };

		if (poll(p, 2, timeout_of(&k)) < 0 && errno != EINTR)
			return 1;
		if (p[1].revents)
			reap(&k);
		if (k.sock >= 0 && p[0].revents)
			read_listener(&k);
		if (k.sock < 0 && now_ms() >= k.retry_at)
			start_listener(&k);
		if (k.lost_ms && !k.did_loss && now_ms() >= k.lost_ms + LOSS_MS)
			apply_loss(&k);
		if (k.lost_ms && now_ms() >= k.lost_ms + GIVE_UP_MS)
			give_up(&k);
	}
	while (k.items)
		keep_drop(&k.items, k.items->kind, k.items->key);
	return 0;
}
