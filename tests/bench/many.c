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
	pid_t server;
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

/* Calls a second. What the first tenth does is not counted: a thousand callers wake up in it. */
static double run_set(struct many *m, unsigned millis)
{
	struct timespec a, b;
	uint64_t from, to;

	while (atomic_load(&m->set->asleep) < m->k)
		pause_ms(1);
	atomic_store(&m->set->asleep, 0);
	turn(m);
	pause_ms(millis / 10);
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

static bool serve_with_epoll(struct many *m)
{
	int *fds = calloc(m->k, sizeof(*fds));

	for (unsigned i = 0; fds && i < m->k; i++)
		fds[i] = m->targets[i].notify_fd;
	m->server = fds ? server_start(serve_epoll, fds, m->k) : -1;
	for (unsigned i = 0; fds && i < m->k; i++) {
		m->targets[i].notify_fd = fd_close(fds[i]);
		target_go(&m->targets[i]);
	}
	free(fds);
	return m->server > 0;
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
	if (m->server > 0) {
		kill(m->server, SIGKILL);
		waitpid(m->server, NULL, 0);
	}
	free(m->targets);
	free(m->seats);
}

static void report(const struct many *bare, const struct many *waylay, unsigned rounds,
		   const struct lab *lab, unsigned lost)
{
	double ratio = median_ratio(waylay->per_second, bare->per_second, rounds);

	printf("  bare epoll loop %8.0f calls/s   waylay log %8.0f calls/s   ratio %.2f   "
	       "(at least 0.90: %s)\n",
	       median(bare->per_second, rounds), median(waylay->per_second, rounds), ratio,
	       ratio >= 0.90 ? "reached" : "MISSED");
	if (lost > 0)
		printf("  events lost for a full ring, told %u times\n", lost);
}

static bool measure(struct lab *lab, unsigned k, unsigned rounds, unsigned millis)
{
	struct many bare = { 0 }, waylay = { 0 };
	pid_t waylayd = lab_find(lab, "waylayd", 0);
	long empty = private_kib(waylayd), full;
	unsigned lost = 0;
	bool is_up;

	is_up = start_callers(&bare, k) && serve_with_epoll(&bare) && start_callers(&waylay, k) &&
		serve_with_waylay(&waylay, lab);
	full = private_kib(waylayd);
	if (is_up)
		printf("\n%u containers\n  listener's private memory %ld KiB, empty %ld KiB: "
		       "%.1f KiB a container   (at most 4 MiB + 4 KiB each: %s)\n",
		       k, full, empty, (double)(full - empty) / k,
		       full <= 4096 + 4 * (long)k ? "reached" : "MISSED");
	for (int round = -1; is_up && round < (int)rounds; round++) {
		double a = run_set(&bare, millis), b = run_set(&waylay, millis);

		if (round >= 0) {
			bare.per_second[round] = a;
			waylay.per_second[round] = b;
		}
		lost += EVENTS(lab->events, "\"event\":\"lost\"");
		if (truncate(lab->events, 0) < 0)
			perror(lab->events);
	}
	if (is_up)
		report(&bare, &waylay, rounds, lab, lost);
	if (is_up)
		printf("  private memory after the load %ld KiB\n", private_kib(waylayd));
	stop_callers(&bare);
	stop_callers(&waylay);
	return is_up;
}

bool bench_many(const char *waylayd, unsigned k, unsigned rounds, unsigned millis)
{
	struct lab lab;
	bool is_good;

	if (lab_init(&lab, waylayd) < 0 || lab_start(&lab, true, NULL) < 0)
		return false;
	is_good = measure(&lab, k, rounds, millis);
	lab_stop(&lab);
	lab_done(&lab);
	return is_good;
}
