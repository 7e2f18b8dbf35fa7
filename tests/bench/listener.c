/* SPDX-License-Identifier: Apache-2.0 */
/* What waylayd costs a call, beside the least that a listener can cost, strace, and a first attempt. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "tests/bench/bench.h"

#define FAST_CALLS 10000
#define SLOW_CALLS 1500

/* One process each; all of them wait while one runs. */
enum row {
	PLAIN,
	PING_PONG,
	BARE,
	EPOLL,
	WAYLAY_LOG,
	OPEN_PLAIN,
	OPEN_BARE,
	OPEN_NAIVE,
	OPEN_STRACE,
	OPEN_STRACE_BPF,
	WAYLAY_TRACE,
	ROWS
};

/* What each row is compared with, up to the first of ROWS. */
static const enum row bases[ROWS][2] = {
	[PLAIN] = { ROWS, ROWS },
	[PING_PONG] = { PLAIN, ROWS },
	[BARE] = { PLAIN, PING_PONG },
	[EPOLL] = { PLAIN, BARE },
	[WAYLAY_LOG] = { PLAIN, BARE },
	[OPEN_PLAIN] = { ROWS, ROWS },
	[OPEN_BARE] = { OPEN_PLAIN, ROWS },
	[OPEN_NAIVE] = { OPEN_PLAIN, OPEN_BARE },
	[OPEN_STRACE] = { OPEN_PLAIN, OPEN_BARE },
	[OPEN_STRACE_BPF] = { OPEN_PLAIN, OPEN_BARE },
	[WAYLAY_TRACE] = { OPEN_PLAIN, OPEN_BARE },
};

struct bench {
	struct runner rows[ROWS];
	bool has[ROWS];
	struct lab labs[2]; /* log, trace */
	pid_t waylayd[ROWS], keeper[ROWS];
	unsigned rounds;
	char self[4096], strace_out[128], naive_out[128];
};

static bool start_server(struct bench *b, enum row row, const char *name, enum caller_kind kind,
			 void (*serve)(const int *, unsigned))
{
	struct runner *r = &b->rows[row];
	int fds[2];

	if (runner_start(r, name, kind, kind != CALLER_EVENTFD, FAST_CALLS) < 0)
		return false;
	fds[0] = kind == CALLER_EVENTFD ? r->ping : r->target.notify_fd;
	fds[1] = r->pong;
	if (serve == serve_naive)
		fds[1] = open(b->naive_out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	r->server = server_start(serve, fds, 1);
	if (kind != CALLER_EVENTFD)
		r->target.notify_fd = fd_close(r->target.notify_fd);
	return true;
}

static bool start_waylay(struct bench *b, enum row row, struct lab *lab, const char *name,
			 const char *waylayd, const char *policy)
{
	enum caller_kind kind = row == WAYLAY_LOG ? CALLER_GETPPID : CALLER_OPENAT;
	struct runner *r = &b->rows[row];
	char msg[640];
	int sock;

	if (lab_init(lab, waylayd) < 0 || lab_start(lab, true, NULL) < 0 ||
	    runner_start(r, name, kind, true, FAST_CALLS) < 0)
		return false;
	sock = target_hand_over(&r->target, lab, name, policy, NULL, true, msg);
	if (sock < 0) {
		fprintf(stderr, "%s\n", msg);
		return false;
	}
	fd_close(sock);
	b->waylayd[row] = lab_find(lab, "waylayd", 0);
	b->keeper[row] = lab_find(lab, "waylay-keeper", 0);
	return true;
}

static void start_all(struct bench *b, const char *waylayd)
{
	const char *strace[] = { "strace", "-f", "-o", b->strace_out, "-e", "trace=openat", NULL };
	const char *bpf[] = { "strace",	       "-f", "-o", b->strace_out, "-e", "trace=openat",
			      "--seccomp-bpf", NULL };

	b->has[PLAIN] =
		runner_start(&b->rows[PLAIN], "getppid", CALLER_GETPPID, false, FAST_CALLS) == 0;
	b->has[PING_PONG] =
		start_server(b, PING_PONG, "eventfd ping-pong", CALLER_EVENTFD, serve_ping_pong);
	b->has[BARE] = start_server(b, BARE, "bare loop", CALLER_GETPPID, serve_bare);
	b->has[EPOLL] = start_server(b, EPOLL, "bare epoll loop", CALLER_GETPPID, serve_epoll);
	b->has[WAYLAY_LOG] = start_waylay(b, WAYLAY_LOG, &b->labs[0], "waylay-log", waylayd,
					  "{\"version\":1,\"rules\":[{\"action\":\"log\","
					  "\"syscalls\":[\"getppid\"]}]}");
	b->has[OPEN_PLAIN] = runner_start(&b->rows[OPEN_PLAIN], "openat+close", CALLER_OPENAT,
					  false, FAST_CALLS) == 0;
	b->has[OPEN_BARE] = start_server(b, OPEN_BARE, "bare loop", CALLER_OPENAT, serve_bare);
	b->has[OPEN_NAIVE] =
		start_server(b, OPEN_NAIVE, "naive listener", CALLER_OPENAT, serve_naive);
	b->has[OPEN_STRACE] = runner_exec(&b->rows[OPEN_STRACE], "strace -f", CALLER_OPENAT, strace,
					  b->self, SLOW_CALLS) == 0;
	b->has[OPEN_STRACE_BPF] = runner_exec(&b->rows[OPEN_STRACE_BPF], "strace --seccomp-bpf",
					      CALLER_OPENAT, bpf, b->self, SLOW_CALLS) == 0;
	b->has[WAYLAY_TRACE] = start_waylay(b, WAYLAY_TRACE, &b->labs[1], "waylay-trace", waylayd,
					    "{\"version\":1,\"rules\":[{\"action\":\"trace\","
					    "\"syscalls\":[\"openat\"]}]}");
}

static void run_row(struct bench *b, enum row row, bool unpinned, int round)
{
	struct runner *r = &b->rows[row];
	int cpu = unpinned ? -1 : 0;
	double ns;

	pin(r->caller, cpu);
	pin(r->server, cpu);
	pin(b->waylayd[row], cpu);
	ns = runner_round(r);
	if (ns < 0) {
		fprintf(stderr, "%s: not run\n", r->name);
		b->has[row] = false;
	} else if (round >= 0)
		r->ns[unpinned][round] = ns;
}

/* The first round is discarded. */
static void run_all(struct bench *b)
{
	for (int round = -1; round < (int)b->rounds; round++)
		for (int unpinned = 0; unpinned < 2; unpinned++)
			for (int row = 0; row < ROWS; row++)
				if (b->has[row])
					run_row(b, (enum row)row, unpinned, round);
}

static double ratio(const struct bench *b, enum row row, enum row base, bool unpinned)
{
	return median_ratio(b->rows[row].ns[unpinned], b->rows[base].ns[unpinned], b->rounds);
}

static void print_table(const struct bench *b, bool unpinned)
{
	printf("\n%-22s %9s   ratio to\n", unpinned ? "unpinned" : "one CPU", "ns/call");
	for (int row = 0; row < ROWS; row++) {
		if (!b->has[row])
			continue;
		printf("%-22s %9.0f", b->rows[row].name,
		       median(b->rows[row].ns[unpinned], b->rounds));
		for (int i = 0; i < 2 && bases[row][i] != ROWS; i++)
			if (b->has[bases[row][i]])
				printf("   %s %.2f", b->rows[bases[row][i]].name,
				       ratio(b, (enum row)row, bases[row][i], unpinned));
		printf("\n");
	}
}

static void print_target(const char *what, bool has, double value, double limit)
{
	if (!has)
		printf("  %-48s not measured\n", what);
	else
		printf("  %-48s %.2f   (at most %.2f: %s)\n", what, value, limit,
		       value <= limit ? "reached" : "MISSED");
}

static void print_targets(const struct bench *b)
{
	bool has_log = b->has[WAYLAY_LOG] && b->has[BARE];
	bool has_trace = b->has[WAYLAY_TRACE] && b->has[OPEN_BARE];

	printf("\nTargets\n");
	for (int unpinned = 0; unpinned < 2; unpinned++) {
		printf(" %s\n", unpinned ? "unpinned" : "one CPU");
		print_target("log of getppid / bare loop", has_log,
			     ratio(b, WAYLAY_LOG, BARE, unpinned), 1.10);
		print_target("trace of openat / bare loop", has_trace,
			     ratio(b, WAYLAY_TRACE, OPEN_BARE, unpinned), 1.30);
		print_target("trace of openat / strace --seccomp-bpf",
			     has_trace && b->has[OPEN_STRACE_BPF],
			     ratio(b, WAYLAY_TRACE, OPEN_STRACE_BPF, unpinned), 0.40);
		print_target("trace of openat / naive listener", has_trace && b->has[OPEN_NAIVE],
			     ratio(b, WAYLAY_TRACE, OPEN_NAIVE, unpinned), 1.00);
	}
	printf(" unpinned / one CPU\n");
	print_target("log of getppid", has_log,
		     median_ratio(b->rows[WAYLAY_LOG].ns[1], b->rows[WAYLAY_LOG].ns[0], b->rounds),
		     1.10);
	print_target(
		"trace of openat", has_trace,
		median_ratio(b->rows[WAYLAY_TRACE].ns[1], b->rows[WAYLAY_TRACE].ns[0], b->rounds),
		1.10);
}

static unsigned count_lost(const struct lab *lab)
{
	return EVENTS(lab->events, "\"event\":\"lost\"");
}

static void stop_all(struct bench *b)
{
	for (int row = 0; row < ROWS; row++)
		runner_stop(&b->rows[row]);
	for (int i = 0; i < 2; i++) {
		if (!b->labs[i].dir[0])
			continue;
		if (lab_stop(&b->labs[i]) < 0)
			fprintf(stderr, "a listener does not end\n");
		printf("  lost events told: %u\n", count_lost(&b->labs[i]));
		lab_done(&b->labs[i]);
	}
	unlink(b->strace_out);
	unlink(b->naive_out);
}

static int bench_calls(const char *waylayd, unsigned rounds)
{
	struct bench *b = calloc(1, sizeof(*b));
	ssize_t n;

	if (!b)
		return 1;
	b->rounds = rounds;
	n = readlink("/proc/self/exe", b->self, sizeof(b->self) - 1);
	if (n < 0)
		return 1;
	snprintf(b->strace_out, sizeof(b->strace_out), "/tmp/waylay-bench-strace.%d", getpid());
	snprintf(b->naive_out, sizeof(b->naive_out), "/tmp/waylay-bench-naive.%d", getpid());
	start_all(b, waylayd);
	run_all(b);
	print_table(b, false);
	print_table(b, true);
	print_targets(b);
	stop_all(b);
	free(b);
	return 0;
}

static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static const char usage[] =
		"Usage: bench-listener WAYLAYD [ROUNDS [calls | many [K]...]]\n";
	unsigned counts[8] = { 10, 100, 1000 }, n = 3, rounds;
	const char *what = argc > 3 ? argv[3] : "all";

	if (argc == 4 && strcmp(argv[1], "--caller") == 0)
		return runner_call(strcmp(argv[2], "openat") == 0 ? CALLER_OPENAT : CALLER_GETPPID,
				   atoi(argv[3]));
	if (argc < 2 || geteuid() != 0) {
		fputs(argc < 2 ? usage : "bench-listener: needs root\n", stderr);
		return 2;
	}
	rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 15;
	if (rounds < 1 || rounds > ROUNDS_MAX)
		rounds = 15;
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	allow_many_files();
	if (strcmp(what, "many") != 0 && bench_calls(argv[1], rounds) != 0)
		return 1;
	if (strcmp(what, "calls") == 0)
		return 0;
	for (int i = 4; i < argc && i < 12; i++) {
		counts[i - 4] = (unsigned)atoi(argv[i]);
		n = (unsigned)i - 3;
	}
	for (unsigned i = 0; i < n; i++)
		if (!bench_many(argv[1], counts[i], rounds, counts[i] >= 1000 ? 1500 : 250))
			return 1;
	return 0;
}
