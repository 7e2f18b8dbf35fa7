/* SPDX-License-Identifier: Apache-2.0 */
/* UNIX sockets with file descriptors in their messages. All fds are close-on-exec. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "arch/base/err.h"

#define SOCK_FDS_MAX 32 /* fds taken from one message; the kernel allows 253 (SCM_MAX_FD) */

/* Sends all of data, with the fds on its first byte. Borrowed fds. 0 or negative errno (-EPIPE without
 * a signal). Blocks. */
int sock_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds);

/* One recvmsg. Returns the bytes read (0: end of stream) or negative errno. Received fds are put into
 * fds[0..*n_fds) and belong to the caller; a message with more fds than `*n_fds` had room for, or cut
 * control data, closes them all and gives -EMSGSIZE. `n_fds` holds the room on entry. */
ssize_t sock_recv(int sock, void *data, size_t size, int *fds, size_t *n_fds);

/* Connects to / listens on a stream socket at an absolute path, which may be longer than sun_path
 * (it is then reached through its directory's fd). Returns the fd. A stale socket file is replaced by
 * sock_listen only if nobody accepts on it (-EADDRINUSE otherwise); its mode is 0600. */
int sock_connect(const char *path, struct wl_err *err);
int sock_listen(const char *path, struct wl_err *err);
