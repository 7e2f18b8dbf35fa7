/* SPDX-License-Identifier: Apache-2.0 */
/* The calling thread: who it is, where it stands, and acting with its rights. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugin/ns.h"

/* What a worker has before any call. It lives in a mount namespace of its own that holds nothing but an
 * empty tmpfs, so that a path resolved by mistake finds nothing, and no mount of a container or of the
 * host is pinned between two calls. */
struct home {
	int proc;	 /* the host's procfs */
	int mnt_ns;	 /* the worker's own mount namespace */
	int store;	 /* its tmpfs: nodes that are then bind-mounted elsewhere */
	unsigned serial; /* of names in the store */
	bool is_away;	 /* in another mount namespace */
	uint64_t caps;	 /* permitted, one bit a capability */
	struct ns_id init_userns, container_userns;
	struct ns_id host_mnt_ns;
	pid_t container_init;
};

/* From /proc/TID/status: real, effective, saved, filesystem ids as the host counts them. */
struct caller_status {
	uint32_t uid[4], gid[4];
	uint64_t cap_eff;
	uint32_t umask, n_groups;
	gid_t *groups;	    /* owned */
	pid_t tgid, ns_tid; /* ns_tid: as the caller's own pid namespace counts it */
};

struct caller {
	struct home *home;
	pid_t tid;
	int proc; /* /proc/TID, bound to the task: opens below it fail once the task has gone */
	int root; /* O_PATH */
	struct ns_id userns;
	struct caller_status status;
};

#define CAP_BIT(cap) (1ull << (cap))

/* Parses the text of a status file. -EINVAL if a field is missing or malformed, -ENOMEM. */
int caller_parse_status(const char *text, struct caller_status *ret);

/* Opens what is needed of a thread (any thread: the leader may have exited). The tid may have been reused
 * since the request was received: only an ID_VALID *after* this proves that it is the caller. Negative
 * errno: -ESRCH if it has gone. */
int caller_open(struct home *home, pid_t tid, struct caller *ret);
/* Root and nothing else: to take something back when the thread may have gone. */
int caller_open_root(struct home *home, pid_t tid, struct caller *ret);
/* Must happen before the answer is sent: an O_PATH fd makes the caller's next umount fail (EBUSY). */
void caller_done(struct caller *c);

/* Its working directory, O_PATH. */
int caller_open_cwd(const struct caller *c);
/* What is behind the caller's fd, as O_PATH; -EBADF if it has none of that number. */
int caller_open_fd(const struct caller *c, int fd);

/* The capability is effective and the caller stands in the container's own user namespace: held in a
 * nested one it is not enough, as in the kernel. */
bool caller_has_cap(const struct caller *c, int cap);

/* The worker's root becomes the caller's and its umask the caller's. The mount namespace stays: walking
 * needs none. */
int caller_enter(const struct caller *c);
/* Into the caller's mount namespace, for attaching and detaching mounts; root and working directory are then
 * that namespace's own. -EPERM if it is the host's. */
int caller_join_mounts(const struct caller *c);
/* Back from both, umask 0. A worker that cannot come back must end. */
int caller_leave(struct home *home);

/* Filesystem ids and groups become the caller's; of the capabilities that count for files `caps` and no other
 * are effective. In a container without a user namespace the caller's own come with them. */
int caller_become(const struct caller *c, uint64_t caps);
/* Other capabilities, in between. */
int caller_set_caps(const struct caller *c, uint64_t caps);
/* The worker's own ids, all it has effective. */
int caller_unbecome(const struct caller *c);

/* Runs fn in a short-lived child that is the caller as far as permissions go: its user namespace and ids, and
 * there the capabilities `caps` (the caller's own, or ~0: all); with the worker's root, umask, memory and fds. For what only the kernel
 * can answer exactly: a capability in a user namespace counts for inodes whose ids are mapped in it.
 * Returns what fn returned, or negative errno. */
int caller_run_as(const struct caller *c, uint64_t caps, int (*fn)(void *ctx), void *ctx);
