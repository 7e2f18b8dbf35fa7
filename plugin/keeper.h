/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: a process that holds what must survive the listener, and the parent of the workers. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/base/err.h"

/* One kept thing: up to KEEP_FDS fds under (kind, key). */
enum keep_kind {
	KEEP_LISTEN = 1, /* key 0; fds: the listening socket; arg: 1 if it is systemd's */
	KEEP_SHARD,	 /* key: index; fds: journal, ring */
	KEEP_CONTAINER,	 /* key: container's; fds: notify, blob, sink, pidfd of init */
	KEEP_WORKER, /* key: worker's; fds: listener's end of the control socket, pidfd; arg: container's key */
};
enum { FD_NOTIFY, FD_BLOB, FD_SINK, FD_PIDFD, KEEP_FDS };
enum { FD_JOURNAL, FD_RING };
enum { FD_CONTROL, FD_WORKER_PIDFD };

enum keeper_op {
	/* Listener to keeper. Nothing is acknowledged: what was sent stays in the socket and will be read,
	 * even if the listener is killed in the next instant. */
	KEEPER_PUT = 1, /* keep, instead of what was there under (kind, key) */
	KEEPER_DROP,
	KEEPER_SPAWN, /* start worker `key` for container `arg`; answered by SPAWNED */
	KEEPER_READY, /* the listener has everything and serves */
	KEEPER_QUIT,  /* orderly end: drop all, end the workers, exit */
	/* Keeper to listener. */
	KEEPER_HELLO, /* it runs; the first message of a keeper that a listener has started */
	KEEPER_ITEM,  /* one kept thing, after a restart */
	KEEPER_ITEMS_END,
	KEEPER_SPAWNED, /* worker `key` of container `arg`: its fds, or `error` */
	KEEPER_REAPED,	/* worker `key` of container `arg` has ended */
};

struct keeper_msg {
	uint32_t op, kind, key, arg;
	int32_t error;
	uint32_t fd_mask; /* bit i: fds[i] is among those that came along, in order */
};

/* One message with its fds put into fds[0..KEEP_FDS) (-EBADF: absent). Owned by the caller. 1, 0 at the
 * end of the stream, or negative errno (-EAGAIN on a non-blocking socket). */
int keeper_recv(int sock, struct keeper_msg *ret_msg, int fds[KEEP_FDS]);
/* fds may be NULL; absent ones negative. */
int keeper_send(int sock, const struct keeper_msg *msg, const int *fds);

/* Body of the keeper process. `sock`: SEQPACKET pair with the listener; argv: how to start a new listener
 * ("--resume-fd N" is put behind argv[0]). Returns the exit status. */
int keeper_main(int sock, char **argv);

/* The listener's side. The mutex is for senders of several threads and for the replacement of a dead
 * keeper; nothing on the path of a call takes it. */
struct keeper_link {
	int sock;
	pthread_mutex_t lock;
	char **argv;
};
/* Starts a keeper process (fork and exec of /proc/self/exe, own session). */
int keeper_link_start(struct keeper_link *link, struct wl_err *err);
/* Errors are not told: a dead keeper is noticed by its socket, and its successor gets everything. */
void keeper_link_send(struct keeper_link *link, const struct keeper_msg *msg, const int *fds);
