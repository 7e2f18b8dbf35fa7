/* SPDX-License-Identifier: Apache-2.0 */
/* A shard with one container: RECV itself waits, which saves a system call of each intercepted call (an
 * eighth of all that the kernel needs for it). */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
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
	       s->n_waiting == 0 && !s->ending && !s->has_workers && !s->stop;
}

/* The shard's epoll stays what tells of everything else, the container's end included; while RECV waits
 * main watches it, and kicks. */
static bool enter(struct shard *s, struct tenant *t)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = s };

	if (epoll_ctl(s->main_epoll, EPOLL_CTL_ADD, s->epoll, &ev) < 0)
		return false;
	shard_poll_calls(s, t, false);
	return true;
}

static void leave(struct shard *s, struct tenant *t)
{
	epoll_ctl(s->main_epoll, EPOLL_CTL_DEL, s->epoll, NULL);
	shard_watch(s, t);
}

bool alone_serve(struct shard *s)
{
	struct tenant *t = s->all;

	if (!is_alone(s) || !enter(s, t))
		return false;
	while (is_alone(s)) {
		bool is_kicked = atomic_load_explicit(&s->is_kicked, memory_order_relaxed) &&
				 atomic_exchange(&s->is_kicked, false);

		/* ENOENT may be the container's end: RECV would not wait any more (Linux 6.11). */
		if (is_kicked || shard_receive(s, t) < 0)
			shard_poll(s, 0);
	}
	leave(s, t);
	return true;
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
