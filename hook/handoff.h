/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a listener (or starting a private one) and speaking the wire protocol with it. */
#pragma once

#include "arch/bpf/bpf.h"
#include "specs/cap.h"
#include "specs/policy.h"

/* A listener that accepts the connection and then says nothing must not hang a container's start. */
#define HANDOFF_TIMEOUT_MS 10000

#define HANDOFF_RESTART_MS 5000

/* Connects to the host's listener at cap->socket (or `socket_path` if not NULL); if nobody listens there,
 * starts a private one (`waylayd --once`) on <state_dir>/private/<id>.sock and connects to that. Then
 * offers the policy and waits for the acceptance. Returns the connected fd. */
int handoff_offer(const struct cap *cap, const char *socket_path, const char *config_path,
		  const char *id, pid_t pid, const char *bundle, const struct policy *policy,
		  struct wl_err *err);
/* To the listener that has the container already, which may be being restarted. */
int handoff_reconnect(const struct cap *cap, const char *socket_path, const char *id,
		      struct wl_err *err);
/* Poststop: tells whichever listener has the container that it has ended and waits until nothing of it is
 * held and everything is written. 0 also if no listener knows it. */
int handoff_ended(const struct cap *cap, const char *socket_path, const char *id,
		  struct wl_err *err);
/* Makes <state_dir>/<name>, 0700. */
int handoff_make_dir(const char *state_dir, const char *name, struct wl_err *err);
