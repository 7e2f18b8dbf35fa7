/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over message: OCI container process state, plus waylay's own part in `metadata`. wire.md */
#pragma once

#include <sys/types.h>

#include "arch/base/err.h"
#include "arch/bpf/bpf.h"
#include "specs/json.h"
#include "specs/policy.h"

#define WIRE_MAX     (1u << 20) /* bytes of one message */
#define WIRE_FDS_MAX 16

enum wire_step {
	WIRE_PLAIN, /* from a runtime's listenerPath: no metadata of ours, or a policy without a step */
	WIRE_OFFER,   /* policy, no fd: may it be done? */
	WIRE_LOAD,    /* seccompFd, policy, profile's program */
	WIRE_STARTED, /* init's exec happened: the set-up phase is over */
	WIRE_ENDED, /* poststop: answer when nothing of the container is held and all is written */
};

struct wire_msg {
	enum wire_step step;
	struct json *doc; /* owned; the whole message */
	/* In doc: a question of an operator's command ("waylay-control"; plugin/control.h). Else NULL. With
	 * it nothing below is set, and step is WIRE_PLAIN. */
	const struct json *control;
	const char *id;		 /* container id, in doc; checked by oci_id_is_valid */
	pid_t pid;		 /* the process with the filter; 0 or -1 if unknown */
	pid_t init;		 /* state.pid */
	const char *bundle;	 /* in doc or NULL */
	int seccomp_fd;		 /* owned; -EBADF if none */
	struct policy *policy;	 /* owned; NULL: none came with it */
	struct bpf_prog profile; /* owned; len 0: no profile */
	char *metadata;		 /* owned; WIRE_PLAIN: listenerMetadata as it came, or NULL */
};

/* Incremental reader for one connection: feed it what recvmsg gave until a message is complete. */
struct wire_reader;
struct wire_reader *wire_reader_new(void);
void wire_reader_free(struct wire_reader *r); /* closes fds it still holds */
/* One sock_recv on a readable (possibly non-blocking) socket. Returns 1 with *ret_msg (owned) when a
 * message is complete, 0 when more is needed (-EAGAIN included), -EPIPE at the end of the stream,
 * -EINVAL/-E2BIG/-EMSGSIZE for a broken, huge or fd-laden one (the connection is then to be closed).
 * fds are taken from a message's first bytes only; names in "fds" say which is which; extra ones are
 * closed, two of the name seccompFd refused; a seccompFd must be "anon_inode:seccomp notify". Several
 * messages may have come in one piece: after a 1 call again before waiting for more. */
int wire_reader_feed(struct wire_reader *r, int sock, struct wire_msg **ret_msg,
		     struct wl_err *err);
void wire_msg_free(struct wire_msg *m);
static inline void wire_msg_freep(struct wire_msg **m)
{
	wire_msg_free(*m);
}

/* Composes and sends one message of ours. `profile` NULL or policy NULL where the step has none. */
int wire_send(int sock, enum wire_step step, const char *id, pid_t pid, const char *bundle,
	      const struct policy *policy, const struct bpf_prog *profile, int seccomp_fd);
/* The answer: one line, {"ok":true} or {"error":"text","errno":1}. */
int wire_send_ack(int sock, const struct wl_err *err_or_null);
/* Waits up to timeout_ms; a negative ack becomes *err and its code. -ETIMEDOUT, -EPIPE. */
int wire_recv_ack(int sock, int timeout_ms, struct wl_err *err);
