/* SPDX-License-Identifier: Apache-2.0 */
/* Many containers on one listener, beside a bare epoll loop with as many. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "arch/base/cleanup.h"
#include "tests/bench/bench.h"

#define THREADS_MAX 16

static const char policy[] =
	"{\"version\":1,\"rules\":[{\"action\":\"log\",\"syscalls\":[\"getppid\"]}]}";
static const int getppid_only[] = { SYS_getppid, -1 };

/* In shared memory: a whole set of callers calls while `go` is odd, and sleeps while it is even. */
struct set {
	_Atomic uint32_t go, asleep;
	_Atomic bool is_over;
	struct {
		_Atomic uint64_t calls;
	} __attribute__((aligned(64))) of[];
};

struct seat {
	struct set *set;
	unsigned index;
};

struct many {
	struct set *set;
	unsigned k, n_started;
	struct target *targets;
	struct seat *seats;
	pid_t servers[THREADS_MAX];
	double per_second[ROUNDS_MAX];
};

static int call_in_turns(void *arg)
{
	const struct seat *seat = arg;
	struct set *set = seat->set;
	unsigned i = seat->index;

	for (;;) {
		uint32_t go;

		atomic_fetch_add(&set->asleep, 1);
		while (!((go = atomic_load(&set->go)) & 1) && !set->is_over)
			syscall(SYS_futex, &set->go, FUTEX_WAIT, go, NULL, NULL, 0);
		if (set->is_over)
			return 0;
		while (atomic_load_explicit(&set->go, memory_order_relaxed) == go) {
			syscall(SYS_getppid);
			atomic_store_explicit(
				&set->of[i].calls,
				atomic_load_explicit(&set->of[i].calls, memory_order_relaxed) + 1,
				memory_order_relaxed);
		}
	}
}

static void pause_ms(unsigned ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static uint64_t total(const struct many *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->k; i++)
		sum += atomic_load_explicit(&m->set->of[i].calls, memory_order_relaxed);
	return sum;
}

static void turn(struct many *m)
{
	atomic_fetch_add(&m->set->go, 1);
	syscall(SYS_futex, &m->set->go, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Calls a second. What the first third does is not counted: a thousand callers wake up in it. */
static double run_set(struct many *m, unsigned millis)
{
	struct timespec a, b;
	uint64_t from, to;

	while (atomic_load(&m->set->asleep) < m->k)
		pause_ms(1);
	atomic_store(&m->set->asleep, 0);
	turn(m);
	pause_ms(millis / 3);
	clock_gettime(CLOCK_MONOTONIC, &a);
	from = total(m);
	pause_ms(millis);
	to = total(m);
	clock_gettime(CLOCK_MONOTONIC, &b);
	turn(m);
	return (double)(to - from) /
	       ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
}

static bool start_callers(struct many *m, unsigned k)
{
	size_t size = sizeof(*m->set) + k * sizeof(m->set->of[0]);

	m->k = k;
	m->set = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	m->targets = calloc(k, sizeof(*m->targets));
	m->seats = calloc(k, sizeof(*m->seats));
	if (m->set == MAP_FAILED || !m->targets || !m->seats)
		return false;
	for (; m->n_started < k; m->n_started++) {
		unsigned i = m->n_started;

		m->seats[i].set = m->set;
		m->seats[i].index = i;
		if (target_start(&m->targets[i], getppid_only, call_in_turns, &m->seats[i]) < 0)
			return false;
	}
	return true;
}

/* One process for each thread that a listener would have: they share nothing. */
static bool serve_with_epoll(struct many *m, unsigned threads)
{
	int *fds = calloc(m->k, sizeof(*fds));
	bool is_up = fds != NULL;

	for (unsigned part = 0; is_up && part < threads; part++) {
		unsigned n = 0;

		for (unsigned i = part; i < m->k; i += threads)
			fds[n++] = m->targets[i].notify_fd;
		m->servers[part] = server_start(serve_epoll, fds, n);
		is_up = m->servers[part] > 0;
	}
	for (unsigned i = 0; i < m->k; i++) {
		m->targets[i].notify_fd = fd_close(m->targets[i].notify_fd);
		target_go(&m->targets[i]);
	}
	free(fds);
	return is_up;
}

static bool serve_with_waylay(struct many *m, const struct lab *lab)
{
	for (unsigned i = 0; i < m->k; i++) {
		char id[32], msg[640];
		int sock;

		snprintf(id, sizeof(id), "many-%u", i);
		sock = target_hand_over(&m->targets[i], lab, id, policy, NULL, true, msg);
		if (sock < 0) {
			fprintf(stderr, "%s\n", msg);
			return false;
		}
		fd_close(sock);
		target_go(&m->targets[i]);
	}
	return true;
}

static void stop_callers(struct many *m)
{
	atomic_store(&m->set->is_over, true);
	turn(m);
	turn(m);
	for (unsigned i = 0; i < m->n_started; i++) {
		if (m->targets[i].go >= 0)
			kill(m->targets[i].pid, SIGKILL);
		waitpid(m->targets[i].pid, NULL, 0);
		fd_close(m->targets[i].go);
		fd_close(m->targets[i].notify_fd);
	}
	for (unsigned i = 0; i < THREADS_MAX; i++)
		if (m->servers[i] > 0) {
			kill(m->servers[i], SIGKILL);
			waitpid(m->servers[i], NULL, 0);
		}
	free(m->targets);
	free(m->seats);
}

/* What is compared: one thread and as many as there are CPUs, of the bare loop and of waylayd. */
enum { BARE_ONE, BARE_ALL, WAYLAY_ONE, WAYLAY_ALL, SETS };

struct comparison {
	unsigned k, rounds, millis, threads;
	struct many sets[SETS];
	struct lab labs[2]; /* one shard, all */
	pid_t waylayd[2];
	long empty_kib;
	unsigned lost;
};

static void print_ratio(const char *what, double value, double least)
{
	printf("  %-44s %.2f   (at least %.2f: %s)\n", what, value, least,
	       value >= least ? "reached" : "MISSED");
}

static void report(struct comparison *c)
{
	static const char *const names[SETS] = { "bare epoll loop, one thread",
						 "bare epoll loop, a thread each CPU",
						 "waylay log, one shard",
						 "waylay log, a shard each CPU" };
	double bare_gain, waylay_gain;

	for (unsigned i = 0; i < SETS; i++)
		printf("  %-36s %8.0f calls/s\n", names[i],
		       median(c->sets[i].per_second, c->rounds));
	print_ratio("one shard / one thread",
		    median_ratio(c->sets[WAYLAY_ONE].per_second, c->sets[BARE_ONE].per_second,
				 c->rounds),
		    0.90);
	print_ratio("all shards / all threads",
		    median_ratio(c->sets[WAYLAY_ALL].per_second, c->sets[BARE_ALL].per_second,
				 c->rounds),
		    0.90);
	bare_gain =
		median_ratio(c->sets[BARE_ALL].per_second, c->sets[BARE_ONE].per_second, c->rounds);
	waylay_gain = median_ratio(c->sets[WAYLAY_ALL].per_second, c->sets[WAYLAY_ONE].per_second,
				   c->rounds);
	printf("  gain of the other threads: bare loop %.2f, waylay %.2f\n", bare_gain,
	       waylay_gain);
	print_ratio("waylay's gain / the bare loop's", waylay_gain / bare_gain, 0.95);
	if (c->lost > 0)
		printf("  events lost for a full ring, told %u times\n", c->lost);
}

static void print_memory(const struct comparison *c, const char *when)
{
	long kib = private_kib(c->waylayd[1]);

	printf("  private memory %s: %ld KiB, %.1f KiB a container   (at most 4 MiB + 4 KiB each: "
	       "%s)\n",
	       when, kib, (double)(kib - c->empty_kib) / c->k,
	       kib <= 4096 + 4 * (long)c->k ? "reached" : "MISSED");
}

/* A listener that is started on one CPU makes one shard. */
static bool start_listeners(struct comparison *c, const char *waylayd)
{
	for (unsigned i = 0; i < 2; i++) {
		int r = lab_init(&c->labs[i], waylayd);

		pin(getpid(), i == 0 ? 0 : -1);
		if (r == 0)
			r = lab_start(&c->labs[i], true, NULL);
		pin(getpid(), -1);
		if (r < 0)
			return false;
		c->waylayd[i] = lab_find(&c->labs[i], "waylayd", 0);
		pin(c->waylayd[i], -1);
	}
	c->empty_kib = private_kib(c->waylayd[1]);
	return true;
}

static bool start_sets(struct comparison *c)
{
	for (unsigned i = 0; i < SETS; i++)
		if (!start_callers(&c->sets[i], c->k))
			return false;
	return serve_with_epoll(&c->sets[BARE_ONE], 1) &&
	       serve_with_epoll(&c->sets[BARE_ALL], c->threads) &&
	       serve_with_waylay(&c->sets[WAYLAY_ONE], &c->labs[0]) &&
	       serve_with_waylay(&c->sets[WAYLAY_ALL], &c->labs[1]);
}

static void run_rounds(struct comparison *c)
{
	for (int round = -1; round < (int)c->rounds; round++) {
		for (unsigned i = 0; i < SETS; i++) {
			double calls = run_set(&c->sets[i], c->millis);

			if (round >= 0)
				c->sets[i].per_second[round] = calls;
		}
		for (unsigned i = 0; i < 2; i++) {
			c->lost += EVENTS(c->labs[i].events, "\"event\":\"lost\"");
			if (truncate(c->labs[i].events, 0) < 0)
				perror(c->labs[i].events);
		}
	}
}

bool bench_many(const char *waylayd, unsigned k, unsigned rounds, unsigned millis)
{
	struct comparison *c = calloc(1, sizeof(*c));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool is_up;

	if (!c)
		return false;
	c->k = k;
	c->rounds = rounds;
	c->millis = millis;
	c->threads = cpus < THREADS_MAX ? (unsigned)cpus : THREADS_MAX;
	is_up = start_listeners(c, waylayd) && start_sets(c);
	if (is_up) {
		printf("\n%u containers\n", k);
		print_memory(c, "before the load");
		run_rounds(c);
		report(c);
		print_memory(c, "after it");
	}
	for (unsigned i = 0; i < SETS; i++)
		if (c->sets[i].set)
			stop_callers(&c->sets[i]);
	for (unsigned i = 0; i < 2; i++) {
		lab_stop(&c->labs[i]);
		lab_done(&c->labs[i]);
	}
	free(c);
	return is_up;
}
