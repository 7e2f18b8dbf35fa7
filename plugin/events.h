/* SPDX-License-Identifier: Apache-2.0 */
/* Events as lines of JSON, written by hand into a fixed window: nothing is allocated. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "arch/decode.h"
#include "plugin/container.h"
#include "plugin/task.h"

/* Wall-clock time from the monotonic clock: one clock read a call; the offset is refreshed every second,
 * the text of the second only when it changes. */
struct event_clock {
	uint64_t checked_ns;
	int64_t offset_ns;
	time_t second;
	char text[24]; /* 2026-11-22T07:14:22 */
	uint64_t
		answered_ns; /* CLOCK_MONOTONIC of the last event of a call, until its answer is sent; or 0 */
};

uint64_t event_now(void); /* CLOCK_MONOTONIC, ns */
void event_ts(struct event_clock *clock, uint64_t mono_ns, struct out *out);

enum answer { ANSWER_CONTINUE, ANSWER_ERRNO, ANSWER_RETURN, ANSWER_KILL };

struct call_event {
	const struct container *container;
	const struct call *call;
	const struct task *task;
	const struct mem *mem;		  /* NULL: scalars only */
	const struct decode_copy *copies; /* what was decided on */
	unsigned n_copies;
	const struct rule *rule;   /* that decided, else that observed; NULL: none */
	const char *decision;	   /* "profile", "rule", "kernel" */
	const char *handler, *how; /* emulation; NULL: none */
	const char *note;	   /* "cancelled", ...; NULL: none */
	enum answer answer;
	int errnum;    /* ERRNO: positive */
	int64_t value; /* RETURN */
	uint64_t received_ns;
};

/* Writes the line, newline included, and returns its length. It fits into EVENT_SIZE: where decoded
 * arguments do not, they are given as scalars with "args_cut":true. */
#define EVENT_SIZE (64u << 10)
size_t event_call(struct event_clock *clock, const struct call_event *e, char *text);

/* {"ts":..,"event":"start",..} */
size_t event_start(struct event_clock *clock, const struct container *c, char *text);
size_t event_end(struct event_clock *clock, const struct container *c, char *text);
/* Events that were lost since the last such record. */
size_t event_lost(struct event_clock *clock, const struct container *c, uint64_t count, char *text);
/* An emulated call was taken back: its caller went away before the answer reached it. */
size_t event_undone(struct event_clock *clock, const struct container *c, pid_t tid,
		    const char *handler, char *text);
