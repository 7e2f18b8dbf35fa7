/* SPDX-License-Identifier: Apache-2.0 */
/* A shard with one container: RECV itself waits, which saves a system call of each intercepted call (an
 * eighth of all that the kernel needs for it). */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <time.h>

#include "plugin/loop.h"

#define KICK_NS 50000 /* between kicks: the first may have come just before RECV began to wait */

static void ignore(int sig)
{
}

int alone_init(struct wl_err *err)
{
	/* No SA_RESTART: RECV is to give EINTR. */
	struct sigaction sa = { .sa_handler = ignore };

	return sigaction(ALONE_SIGNAL, &sa, NULL) < 0 ? wl_err_set(err, -errno, "sigaction") : 0;
}

static bool is_alone(const struct shard *s)
{
	return s->all && !s->all->next && !s->all->is_gone && s->all->in_flight == 0 &&
	       s->n_waiting == 0 && !s->has_starved && !s->ending && !s->has_workers && !s->stop;
}

/* Since Linux 6.11 a waiting RECV ends with ENOENT when the last user of the filter has gone. Before, only
 * poll tells that, and each call pays for the poll that nobody needs (70 ns, tried). */
bool alone_recv_tells_end(void)
{
	struct utsname name;
	unsigned major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 11));
}

/* The shard's epoll stays what tells of everything else; while RECV waits main watches it, and kicks. */
static bool enter(struct shard *s, struct tenant *t)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = s };

	if (epoll_ctl(s->main_epoll, EPOLL_CTL_ADD, s->epoll, &ev) < 0)
		return false;
	if (s->recv_tells_end)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, t->c->notify_fd, NULL);
	else
		shard_poll_calls(s, t, false);
	return true;
}

static void leave(struct shard *s, struct tenant *t)
{
	epoll_ctl(s->main_epoll, EPOLL_CTL_DEL, s->epoll, NULL);
	if (s->recv_tells_end)
		shard_listen(s, t);
	else
		shard_watch(s, t);
}

void alone_serve(struct shard *s)
{
	struct tenant *t = s->all;

	if (!is_alone(s) || !enter(s, t))
		return;
	/* Whatever ends this is for epoll to tell: a kick's reason, the container's end, or nothing. */
	while (!atomic_load_explicit(&s->is_kicked, memory_order_relaxed) &&
	       shard_receive(s, t) == 0 && is_alone(s))
		;
	atomic_store(&s->is_kicked, false);
	leave(s, t);
}

void alone_kick(struct shard *s)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = s };
	const struct timespec pause = { .tv_nsec = KICK_NS };

	atomic_store(&s->is_kicked, true);
	pthread_kill(s->thread, ALONE_SIGNAL);
	nanosleep(&pause, NULL);
	/* If it was too early, main is back here at once: what there is to be handled still is there. */
	epoll_ctl(s->main_epoll, EPOLL_CTL_MOD, s->epoll, &ev);
}
