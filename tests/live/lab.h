/* SPDX-License-Identifier: Apache-2.0 */
/* A listener under test, and processes with a filter of the test's choice whose fd goes to it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/bpf/bpf.h"

struct lab {
	char dir[64]; /* made and removed by the lab; root's own */
	char socket[96], events[96], config[96];
	char waylayd[4096];
	pid_t first; /* the process that lab_start() started */
};

/* Makes the directory and a configuration that permits everything. 0 or negative errno. */
int lab_init(struct lab *lab, const char *waylayd);
/* Starts `waylayd --socket .. --config ..` with more arguments (NULL at the end), and waits until its
 * socket is there. `events` false: without --events, each container has its own file. */
int lab_start(struct lab *lab, bool events, const char *const *more);
/* SIGTERM to whoever listens now; waits until neither listener nor keeper is left. 0, or -ETIMEDOUT. */
int lab_stop(struct lab *lab);
/* Kills what is left and removes the directory. */
void lab_done(struct lab *lab);

/* The pid of this lab's process of that name ("waylayd", "waylay-keeper", "waylay-worker"), other than
 * `not`; 0 if there is none. */
pid_t lab_find(const struct lab *lab, const char *comm, pid_t not );
/* Waits up to ten seconds until `is_true` holds. */
bool lab_wait(bool (*is_true)(void *), void *arg);
unsigned lab_count_fds(pid_t pid);
/* For lab_wait(): another keeper than `dead` is there and holds `fds` at least. A new one has its name before
 * it has been given everything: a listener that dies between the two takes the rest with it
 * (plugin/README.md: keeper and listener). */
struct lab_keeper {
	const struct lab *lab;
	pid_t dead;
	unsigned fds;
};
bool lab_has_full_keeper(void *lab_keeper);
/* True if the process sleeps in that call. */
bool lab_is_in_call(pid_t pid, long nr);

/* A child with a filter that notifies these calls (-1 at the end) of the native ABI. It waits for
 * target_go() and then runs `body`, whose result is its exit status. */
struct target {
	bool in_box; /* set before the start: own user and mount namespace, root there, /tmp is its own */
	pid_t pid;
	int notify_fd; /* owned until handed over */
	int go;
};
int target_start(struct target *t, const int *calls, int (*body)(void *), void *arg);
/* WIRE_OFFER, WIRE_LOAD and, if `started`, WIRE_STARTED. `policy` is a document's text. Returns the
 * connection (the caller's) or negative errno, with the text in *msg. */
int target_hand_over(struct target *t, const struct lab *lab, const char *id, const char *policy,
		     const struct bpf_prog *profile, bool started, char msg[640]);
void target_go(struct target *t);
/* Exit status, or -signal; -ETIMEDOUT after ten seconds (it is killed then). */
int target_wait(struct target *t);

/* Number of lines in the file that contain all of the texts (NULL at the end). */
unsigned events_count(const char *path, const char *const *texts);
#define EVENTS(path, ...) events_count(path, (const char *const[]){ __VA_ARGS__, NULL })

/* A row of main(): the test in a fresh `lab` with `waylayd`, unless argv[2] names others. Wants tap.h. */
#define LAB_RUN(test)                                         \
	do {                                                  \
		if (argc > 2 && !strstr(#test, argv[2]))      \
			break;                                \
		if (lab_init(&lab, waylayd) < 0) {            \
			printf("Bail out! no %s\n", waylayd); \
			return 1;                             \
		}                                             \
		TAP_RUN(test);                                \
		lab_done(&lab);                               \
	} while (0)
