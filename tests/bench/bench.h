/* SPDX-License-Identifier: Apache-2.0 */
/* Callers and servers that are measured beside each other. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "tests/live/lab.h"

#define ROUNDS_MAX 64

enum caller_kind { CALLER_GETPPID, CALLER_OPENAT, CALLER_EVENTFD };

/* A process that makes calls when told to, and what serves them. */
struct runner {
	const char *name;
	enum caller_kind kind;
	unsigned calls; /* of one round */
	int ctl;	/* owned; says how many, answers with nanoseconds for each */
	int ping, pong; /* CALLER_EVENTFD */
	struct target target;
	pid_t caller, server;	  /* server 0: none of its own */
	bool is_ready;		  /* has said its pid */
	double ns[2][ROUNDS_MAX]; /* [is unpinned][round] */
};

/* A caller without a filter, or one with a filter that notifies calls of its kind; it waits to be told. */
int runner_start(struct runner *r, const char *name, enum caller_kind kind, bool is_filtered,
		 unsigned calls);
/* The caller's process, when it was started by another program: reads the control socket. */
int runner_call(enum caller_kind kind, int ctl);
/* Starts a program that starts `self --caller KIND FD`, such as strace. */
int runner_exec(struct runner *r, const char *name, enum caller_kind kind, const char *const *argv,
		const char *self, unsigned calls);
/* Forks a server that runs serve(fd) for ever. */
pid_t server_start(void (*serve)(const int *fds, unsigned n), const int *fds, unsigned n);
/* Runs one round: nanoseconds a call; negative if the caller has gone. */
double runner_round(struct runner *r);
void runner_stop(struct runner *r);

/* All threads of a process onto one CPU, or onto all (-1). */
void pin(pid_t pid, int cpu);

/* What waylay is compared with: each loops for ever over notification fds. */
void serve_bare(const int *fds, unsigned n);  /* blocking RECV, one fd */
void serve_epoll(const int *fds, unsigned n); /* epoll in batches */
void serve_naive(const int *fds, unsigned n); /* a first attempt at a listener with a log, one fd */
void serve_ping_pong(const int *fds, unsigned n); /* no seccomp: what two context switches cost */

double median(const double *values, unsigned n);
/* Median of a[i] / b[i]. */
double median_ratio(const double *a, const double *b, unsigned n);

/* Private memory of a process in KiB: what would be free without it. */
long private_kib(pid_t pid);

/* K containers, bare epoll loop beside waylay. False if it could not be measured. */
bool bench_many(const char *waylayd, unsigned k, unsigned rounds, unsigned millis);
