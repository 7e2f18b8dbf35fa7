/* SPDX-License-Identifier: Apache-2.0 */
/* The listener: its main thread, which takes containers in and sees them off. */
#pragma once

#include <stdbool.h>

#include "arch/base/err.h"
#include "plugin/keeper.h"
#include "plugin/loop.h"
#include "plugin/options.h"
#include "plugin/tenant.h"
#include "plugin/writer.h"
#include "specs/cap.h"
#include "specs/policy.h"

struct conn;

struct listener {
	const struct listener_options *options;
	struct cap *cap;       /* owned */
	struct policy *policy; /* owned; --policy, NULL: none */
	struct sink common;    /* --events */
	bool has_common;
	bool is_activated; /* the socket is systemd's */
	struct keeper_link link;
	struct tenants tenants;
	struct task_watch watch;
	struct shard *shards[SHARDS_MAX]; /* owned */
	struct writer writer;
	unsigned n_shards;
	_Atomic uint32_t next_worker;
	int epoll, listen_fd, done_fd, signal_fd; /* owned */
	struct conn *conns;
	unsigned n_conns;
	struct tenant *closing, *grave; /* last events being written; memory not yet freed */
	bool had_container, had_message, stop;
	uint64_t keeper_since, refused_ns;
	unsigned n_early;   /* keepers that died young, since the last tick */
	unsigned n_refused; /* since the last line about it */
	uint64_t alone_ns;  /* --once: since when there is neither container nor connection */
};

/* ---- between the listener's own files ---- */

/* receive.c: connections. */
void receive_accept(struct listener *l);
void receive_readable(struct listener *l, struct conn *conn);
/* Once a second: closes what is slow, answers `ended` that waited too long. */
void receive_tick(struct listener *l);
/* A container has gone for good: answers those who wait for it. */
void receive_ended(struct listener *l, const char *id);
void receive_done(struct listener *l);

/* reading.c: sees to it that no shard is held up by a caller's memory. Milliseconds until it wants to look
 * again. */
int reading_look(struct listener *l);

/* intake.c: policies and containers. */
int intake_check(struct listener *l, const char *id, const struct policy *policy,
		 struct wl_err *err);
struct wire_msg;
/* Takes msg->seccomp_fd on success. */
int intake_add(struct listener *l, struct wire_msg *msg, const struct policy *policy, bool is_plain,
	       struct wl_err *err);
/* From the keeper. Takes the fds. */
void intake_resume(struct listener *l, int fds[KEEP_FDS]);
int intake_started(struct listener *l, const char *id, struct wl_err *err);
bool intake_has(struct listener *l, const char *id);
/* Hands everything to the (new) keeper. */
void intake_put_all(struct listener *l);
/* Containers that the shards are done with, and whose events are written: off with them. */
void intake_collect(struct listener *l);
void intake_tick(struct listener *l);
