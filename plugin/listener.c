/* SPDX-License-Identifier: Apache-2.0 */
/* The listener's main thread. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/base/sock.h"
#include "arch/kernel.h"
#include "plugin/listener.h"
#include "plugin/systemd.h"

#define TICK_MS		1000
#define ALONE_NS	(10ull * 1000000000) /* --once: nobody came; the container's start has failed */
#define EARLY_MAX	5		     /* in a second */
#define KEEPER_START_MS 10000
#define KEEPER_EARLY	(20 * 1000000ull) /* a keeper that died sooner is replaced at the next tick */

/* ---- start ---- */

static void prepare_process(void)
{
	struct rlimit limit;

	prctl(PR_SET_NAME, "waylayd");
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* keepers are reaped by the kernel */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int watch(struct listener *l, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_fds(struct listener *l, struct wl_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->signal_fd < 0 || l->epoll < 0 || l->done_fd < 0 ||
	    watch(l, l->signal_fd, &l->signal_fd) < 0 || watch(l, l->done_fd, &l->done_fd) < 0)
		return wl_err_set(err, -errno, "epoll");
	return 0;
}

static int load_files(struct listener *l, struct wl_err *err)
{
	int r;

	r = cap_load(l->options->config, &l->cap, err);
	if (r < 0)
		return r;
	if (l->options->policy) {
		r = policy_load(l->options->policy, &l->policy, err);
		if (r < 0)
			return r;
	}
	if (l->options->events) {
		r = sink_open_operator(l->options->events, &l->common, err);
		if (r < 0)
			return r;
		l->has_common = true;
	}
	return 0;
}

static int add_shard(struct listener *l, int journal_fd, int ring_fd, struct wl_err *err)
{
	struct shard *s = calloc(1, sizeof(*s));
	int r;

	if (!s || l->n_shards == SHARDS_MAX) {
		free(s);
		return wl_err_set(err, -ENOMEM, "shard");
	}
	r = shard_init(s, l->n_shards, journal_fd, ring_fd, &l->watch, err);
	if (r < 0) {
		shard_done(s);
		free(s);
		return r;
	}
	s->keeper = &l->link;
	s->tenants = &l->tenants;
	s->next_worker = &l->next_worker;
	s->done_fd = l->done_fd;
	s->main_epoll = l->epoll;
	l->shards[l->n_shards++] = s;
	return 0;
}

/* One a CPU; a private listener has one container. */
static unsigned count_shards(const struct listener *l)
{
	cpu_set_t set;

	if (l->options->once || sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return CPU_COUNT(&set) < SHARDS_MAX ? (unsigned)CPU_COUNT(&set) : SHARDS_MAX;
}

static int start_shards(struct listener *l, struct wl_err *err)
{
	struct writer *w = &l->writer;
	int r;

	w->tenants = &l->tenants;
	w->common = l->has_common ? &l->common : NULL;
	w->done_fd = l->done_fd;
	for (unsigned i = 0; i < l->n_shards; i++) {
		l->shards[i]->bell = &w->bell;
		w->rings[w->n_rings++] = l->shards[i]->ring;
	}
	r = writer_start(w, err);
	for (unsigned i = 0; r == 0 && i < l->n_shards; i++)
		r = shard_start(l->shards[i], err);
	return r;
}

/* /run is empty after a boot. What goes wrong here is told by the bind. */
static void make_parent(const char *path)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash && slash != dir) {
		*slash = '\0';
		mkdir(dir, 0700);
	}
}

static int open_socket(struct listener *l, struct wl_err *err)
{
	const char *path = l->options->socket ? l->options->socket : l->cap->socket;

	if (systemd_has_socket()) {
		l->is_activated = true;
		l->listen_fd = SYSTEMD_LISTEN_FD;
		fcntl(SYSTEMD_LISTEN_FD, F_SETFD, FD_CLOEXEC);
	} else {
		make_parent(path);
		l->listen_fd = sock_listen(path, err);
	}
	if (l->listen_fd < 0)
		return l->listen_fd;
	if (fcntl(l->listen_fd, F_SETFL, O_NONBLOCK) < 0)
		return wl_err_set(err, -errno, "socket '%s'", path);
	return 0;
}

static int await_keeper(struct listener *l, struct wl_err *err)
{
	struct pollfd p = { .fd = l->link.sock, .events = POLLIN };
	struct keeper_msg msg = { 0 };
	int fds[KEEP_FDS], r;

	if (poll(&p, 1, KEEPER_START_MS) != 1)
		return wl_err_say(err, -ETIMEDOUT, "the keeper process does not start");
	r = keeper_recv(l->link.sock, &msg, fds);
	if (r <= 0 || msg.op != KEEPER_HELLO)
		return wl_err_say(err, -EIO, "the keeper process ended at once");
	return 0;
}

/* Everything is ready before the socket is there: who sees it can connect. */
static int start_fresh(struct listener *l, struct wl_err *err)
{
	unsigned n = count_shards(l);
	int r;

	for (unsigned i = 0; i < n; i++) {
		r = add_shard(l, -EBADF, -EBADF, err);
		if (r < 0)
			return r;
	}
	r = keeper_link_start(&l->link, err);
	if (r == 0)
		r = await_keeper(l, err);
	if (r < 0)
		return r;
	r = start_shards(l, err);
	if (r < 0)
		return r;
	return open_socket(l, err);
}

static void resume_worker(struct listener *l, const struct keeper_msg *msg, int fds[KEEP_FDS])
{
	struct command c = { .op = COMMAND_WORKER,
			     .key = msg->key,
			     .container = msg->arg,
			     .fd = fds[FD_CONTROL],
			     .pidfd = fds[FD_WORKER_PIDFD],
			     .is_resumed = true };
	struct tenant *t = tenants_find(&l->tenants, msg->arg);

	if (msg->key > l->next_worker)
		l->next_worker = msg->key;
	if (t && shard_command(l->shards[t->c->blob->shard], &c) == 0)
		fds[FD_CONTROL] = fds[FD_WORKER_PIDFD] = -EBADF;
}

static int resume_item(struct listener *l, const struct keeper_msg *msg, int fds[KEEP_FDS],
		       struct wl_err *err)
{
	int r = 0;

	switch (msg->kind) {
	case KEEP_LISTEN:
		l->listen_fd = TAKE_FD(fds[0]);
		l->is_activated = msg->arg;
		break;
	case KEEP_SHARD:
		r = add_shard(l, fds[FD_JOURNAL], fds[FD_RING], err);
		fds[FD_JOURNAL] = fds[FD_RING] = -EBADF;
		break;
	case KEEP_CONTAINER:
		intake_resume(l, fds);
		return 0;
	case KEEP_WORKER:
		resume_worker(l, msg, fds);
		break;
	default:
		break;
	}
	for (unsigned i = 0; i < KEEP_FDS; i++)
		fd_close(fds[i]);
	return r;
}

static int start_resumed(struct listener *l, struct wl_err *err)
{
	struct keeper_msg msg = { .op = KEEPER_READY };
	int fds[KEEP_FDS], r;

	for (;;) {
		r = keeper_recv(l->link.sock, &msg, fds);
		if (r <= 0)
			return wl_err_set(err, r < 0 ? r : -EPIPE, "take over from the keeper");
		if (msg.op == KEEPER_ITEMS_END)
			break;
		r = resume_item(l, &msg, fds, err);
		if (r < 0)
			return r;
	}
	if (l->n_shards == 0) {
		r = add_shard(l, -EBADF, -EBADF, err);
		if (r < 0)
			return r;
	}
	atomic_fetch_add(&l->shards[0]->journal->restarts, 1);
	r = start_shards(l, err);
	if (r < 0)
		return r;
	if (l->listen_fd < 0)
		return open_socket(l, err);
	return 0;
}

/* ---- serving ---- */

static void replace_keeper(struct listener *l)
{
	struct command lost = { .op = COMMAND_KEEPER_LOST };
	struct wl_err err = { 0 };
	int r;

	pthread_mutex_lock(&l->link.lock);
	l->link.sock = fd_close(l->link.sock);
	r = keeper_link_start(&l->link, &err);
	pthread_mutex_unlock(&l->link.lock);
	l->keeper_since = event_now();
	if (r < 0) {
		log_error("%s", err.msg);
		return; /* again at the next tick */
	}
	intake_put_all(l);
	watch(l, l->link.sock, &l->link);
	for (unsigned i = 0; i < l->n_shards; i++)
		shard_command(l->shards[i], &lost);
	log_info("the keeper was gone; a new one has everything");
}

static void lose_keeper(struct listener *l)
{
	/* At once, as a rule: until there is one again our own death would be the containers' loss. */
	bool is_early = event_now() - l->keeper_since < KEEPER_EARLY && ++l->n_early > EARLY_MAX;

	pthread_mutex_lock(&l->link.lock);
	l->link.sock = fd_close(l->link.sock);
	pthread_mutex_unlock(&l->link.lock);
	if (!is_early)
		replace_keeper(l);
}

static void read_keeper(struct listener *l)
{
	struct command c = { 0 };
	struct keeper_msg msg;
	struct tenant *t;
	int fds[KEEP_FDS], r;

	r = keeper_recv(l->link.sock, &msg, fds);
	if (r == -EAGAIN || r == -EBADMSG)
		return;
	if (r <= 0) {
		lose_keeper(l);
		return;
	}
	c.key = msg.key;
	c.container = msg.arg;
	if (msg.op == KEEPER_SPAWNED) {
		c.op = COMMAND_WORKER;
		c.fd = fds[FD_CONTROL];
		c.pidfd = fds[FD_WORKER_PIDFD];
		c.error = msg.error;
	} else if (msg.op == KEEPER_REAPED)
		c.op = COMMAND_REAPED;
	t = tenants_find(&l->tenants, c.container);
	if (c.op && t && shard_command(l->shards[t->c->blob->shard], &c) == 0)
		return;
	if (c.op == COMMAND_WORKER && fds[FD_WORKER_PIDFD] >= 0) /* its container has gone */
		sys_pidfd_send_signal(fds[FD_WORKER_PIDFD], SIGKILL);
	for (unsigned i = 0; i < KEEP_FDS; i++)
		fd_close(fds[i]);
}

static void reload(struct listener *l)
{
	struct wl_err err = { 0 };
	struct cap *cap;

	if (cap_load(l->options->config, &cap, &err) < 0) {
		log_error("configuration not reloaded: %s", err.msg);
		return;
	}
	cap_discard(l->cap);
	l->cap = cap;
	log_info("configuration reloaded");
}

static void read_signal(struct listener *l)
{
	struct signalfd_siginfo info;

	if (read(l->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload(l);
		return;
	}
	if (l->tenants.n > 0)
		log_info("stopped; intercepted calls of %u containers get ENOSYS from now on",
			 l->tenants.n);
	l->stop = true;
}

static void tick(struct listener *l)
{
	receive_tick(l);
	intake_tick(l);
	l->n_early = 0;
	if (l->link.sock < 0)
		replace_keeper(l);
	if (!l->options->once || l->tenants.n > 0 || l->n_conns > 0)
		l->alone_ns = 0;
	else if (l->alone_ns == 0)
		l->alone_ns = event_now();
	else if (event_now() - l->alone_ns > ALONE_NS)
		l->stop = true;
}

/* The container has gone, or whoever wanted to start it has without handing anything over. */
static bool is_private_over(const struct listener *l)
{
	return l->tenants.n == 0 && (l->had_container || (l->had_message && l->n_conns == 0));
}

static bool find_shard(const struct listener *l, const void *ptr)
{
	for (unsigned i = 0; i < l->n_shards; i++)
		if (l->shards[i] == ptr)
			return true;
	return false;
}

static void serve(struct listener *l)
{
	uint64_t last_tick = event_now();

	while (!l->stop) {
		struct epoll_event ev;
		/* One at a time: handling one event may free the connection of another. */
		int n = epoll_wait(l->epoll, &ev, 1, reading_look(l));
		eventfd_t ignored;

		if (n == 1 && ev.data.ptr == &l->listen_fd)
			receive_accept(l);
		else if (n == 1 && ev.data.ptr == &l->link)
			read_keeper(l);
		else if (n == 1 && ev.data.ptr == &l->signal_fd)
			read_signal(l);
		else if (n == 1 && ev.data.ptr == &l->done_fd) {
			eventfd_read(l->done_fd, &ignored);
			intake_collect(l);
		} else if (n == 1 && find_shard(l, ev.data.ptr))
			alone_kick(ev.data.ptr);
		else if (n == 1)
			receive_readable(l, ev.data.ptr);
		if (event_now() - last_tick > TICK_MS * 1000000ull) {
			last_tick = event_now();
			tick(l);
		}
		if (l->options->once && is_private_over(l))
			l->stop = true;
	}
}

/* Orderly: the keeper goes too, and with it the workers and the last hold on the containers' fds. */
static void finish(struct listener *l)
{
	struct keeper_msg quit = { .op = KEEPER_QUIT };
	const char *path = l->options->socket ? l->options->socket : l->cap->socket;

	systemd_notify("STOPPING=1");
	if (!l->is_activated)
		unlink(path);
	fd_close(l->listen_fd);
	for (unsigned i = 0; i < l->n_shards; i++)
		shard_stop(l->shards[i]);
	writer_stop(&l->writer);
	keeper_link_send(&l->link, &quit, NULL);
	receive_done(l);
}

/* After finish(): no other thread is left. */
static void discard(struct listener *l)
{
	for (unsigned i = 0; i < TENANTS_MAX; i++)
		tenant_free(l->tenants.at[i]);
	for (struct tenant *t = l->grave, *next; t; t = next) {
		next = t->next_done;
		tenant_free(t);
	}
	for (unsigned i = 0; i < l->n_shards; i++) {
		shard_done(l->shards[i]);
		free(l->shards[i]);
	}
	task_watch_done(&l->watch);
	if (l->has_common)
		sink_done(&l->common);
	policy_free(l->policy);
	cap_discard(l->cap);
	free(l);
}

static int start(struct listener *l, int resume_fd, struct wl_err *err)
{
	char text[64];
	int r;

	prepare_process();
	task_watch_init(&l->watch);
	r = open_fds(l, err);
	if (r < 0)
		return r;
	r = alone_init(err);
	if (r < 0)
		return r;
	r = load_files(l, err);
	if (r < 0)
		return r;
	r = resume_fd >= 0 ? start_resumed(l, err) : start_fresh(l, err);
	if (r < 0)
		return r;
	r = watch(l, l->listen_fd, &l->listen_fd);
	if (r == 0)
		r = watch(l, l->link.sock, &l->link);
	if (r < 0)
		return wl_err_set(err, r, "epoll");
	if (resume_fd >= 0) {
		struct keeper_msg ready = { .op = KEEPER_READY };

		keeper_link_send(&l->link, &ready, NULL);
		log_info("took over %u containers from a listener that died", l->tenants.n);
	} else
		intake_put_all(l);
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%d", (int)getpid());
	systemd_notify(text);
	return 0;
}

int listener_main(const struct listener_options *options, int resume_fd, char **argv)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct wl_err err = { 0 };
	int r;

	if (!l)
		return 1;
	l->options = options;
	l->link = (struct keeper_link){ .sock = resume_fd, .argv = argv };
	l->epoll = l->listen_fd = l->done_fd = l->signal_fd = l->common.fd = -EBADF;
	pthread_mutex_init(&l->link.lock, NULL);
	pthread_mutex_init(&l->tenants.lock, NULL);
	if (resume_fd >= 0)
		fcntl(resume_fd, F_SETFD, FD_CLOEXEC);
	r = start(l, resume_fd, &err);
	if (r < 0) {
		struct keeper_msg quit = { .op = KEEPER_QUIT };

		log_error("%s", err.msg);
		/* A first listener that cannot start leaves nothing behind; a later one is tried again. */
		if (resume_fd < 0 && l->link.sock >= 0)
			keeper_send(l->link.sock, &quit, NULL);
		if (l->n_shards == 0) /* else their threads may be at work */
			discard(l);
		return 1;
	}
	serve(l);
	finish(l);
	discard(l);
	return 0;
}
