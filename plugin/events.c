/* SPDX-License-Identifier: Apache-2.0 */
/* Events as lines of JSON. */
#include <stdio.h>
#include <string.h>

#include "plugin/events.h"

#define TAIL_ROOM 2048 /* what comes behind the arguments */
#define ARGS_ROOM 4096 /* scalars of any call */
#define SECOND_NS 1000000000ull
#define TIME_LEN  19 /* 2026-11-22T07:14:22 */

uint64_t event_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static void check_clock(struct event_clock *clock, uint64_t mono_ns)
{
	struct timespec real;

	if (clock->checked_ns && mono_ns - clock->checked_ns < SECOND_NS)
		return;
	clock_gettime(CLOCK_REALTIME, &real);
	clock->checked_ns = event_now();
	clock->offset_ns = (int64_t)real.tv_sec * (int64_t)SECOND_NS + real.tv_nsec -
			   (int64_t)clock->checked_ns;
}

void event_ts(struct event_clock *clock, uint64_t mono_ns, struct out *out)
{
	uint64_t ns, micros;
	char fraction[8] = ".000000Z";
	time_t second;

	check_clock(clock, mono_ns);
	ns = (uint64_t)((int64_t)mono_ns + clock->offset_ns);
	second = (time_t)(ns / SECOND_NS);
	micros = ns % SECOND_NS / 1000;
	if (second != clock->second) {
		struct tm tm;

		gmtime_r(&second, &tm);
		strftime(clock->text, sizeof(clock->text), "%Y-%m-%dT%H:%M:%S", &tm);
		clock->second = second;
	}
	for (int i = 6; i > 0; i--, micros /= 10)
		fraction[i] = (char)('0' + micros % 10);
	out_mem(out, clock->text, TIME_LEN);
	out_mem(out, fraction, sizeof(fraction));
}

#define out_lit(o, s) out_mem(o, s, sizeof(s) - 1)

#define put_key(o, key) out_lit(o, ",\"" key "\":")
#define put_name(o, key, value)            \
	do {                               \
		put_key(o, key);           \
		out_json_string(o, value); \
	} while (0)
#define put_number(o, key, value)  \
	do {                       \
		put_key(o, key);   \
		out_i64(o, value); \
	} while (0)
/* A word of ours, or a checked id: nothing to be escaped. */
#define put_word(o, key, value)                \
	do {                                   \
		out_lit(o, ",\"" key "\":\""); \
		out_str(o, value);             \
		out_char(o, '"');              \
	} while (0)

static void put_head(struct out *o, struct event_clock *clock, uint64_t at_ns)
{
	out_lit(o, "{\"ts\":\"");
	event_ts(clock, at_ns, o);
	out_char(o, '"');
}

static void put_caller(struct out *o, const struct call_event *e)
{
	put_word(o, "container", e->container->blob->id);
	out_mem(o, e->task->text, e->task->text_len);
}

static void put_call(struct out *o, const struct call *call)
{
	out_lit(o, ",\"arch\":\"");
	if (call->abi)
		out_str(o, call->abi->name);
	else
		out_hex(o, call->data.arch);
	out_lit(o, "\",\"syscall\":\"");
	if (call->def)
		out_str(o, call->def->name);
	else {
		out_char(o, '#');
		out_u64(o, (uint32_t)call->data.nr);
	}
	out_char(o, '"');
}

/* Arguments that do not fit are shown again without memory; a cut line would not be JSON. */
static void put_args(struct out *o, const struct call_event *e)
{
	struct out window = { .at = o->at, .end = o->end - TAIL_ROOM };

	if (!e->call->abi)
		return;
	out_lit(&window, ",\"args\":");
	decode_args(&window, e->call, e->mem, e->copies, e->n_copies, e->mem ? DECODE_MEMORY : 0);
	if (!window.cut) {
		o->at = window.at;
		return;
	}
	out_lit(o, ",\"args\":");
	decode_args(o, e->call, NULL, NULL, 0, 0);
	out_lit(o, ",\"args_cut\":true");
}

static void put_answer(struct out *o, const struct call_event *e)
{
	static const char *const names[] = { [ANSWER_CONTINUE] = "continue",
					     [ANSWER_ERRNO] = "errno",
					     [ANSWER_RETURN] = "return",
					     [ANSWER_KILL] = "kill" };
	const char *name;

	/* What was asked for; what became of it is told by decision and errno or return. */
	put_word(o, "action", e->rule ? action_rows[e->rule->action].name : names[e->answer]);
	if (e->rule)
		put_name(o, "rule", e->rule->name);
	if (e->handler)
		put_word(o, "handler", e->handler);
	if (e->how && e->how[0])
		put_name(o, "how", e->how);
	if (e->note)
		put_name(o, "note", e->note);
	put_word(o, "decision", e->decision);
	if (e->answer == ANSWER_ERRNO) {
		name = errno_name(e->errnum);
		if (name)
			put_word(o, "errno", name);
		else
			put_number(o, "errno", e->errnum);
	} else if (e->answer == ANSWER_RETURN)
		put_number(o, "return", e->value);
}

static void put_latency(struct out *o, uint64_t ns)
{
	out_lit(o, ",\"latency_us\":");
	out_u64(o, ns / 1000);
	out_char(o, '.');
	out_char(o, (char)('0' + ns / 100 % 10));
	out_lit(o, "}\n");
}

size_t event_call(struct event_clock *clock, const struct call_event *e, char *text)
{
	struct out o = out_init(text, EVENT_SIZE);

	put_head(&o, clock, e->received_ns);
	put_caller(&o, e);
	put_call(&o, e->call);
	put_args(&o, e);
	put_answer(&o, e);
	clock->answered_ns = event_now();
	put_latency(&o, clock->answered_ns - e->received_ns);
	return (size_t)(o.at - text);
}

static struct out begin(struct event_clock *clock, const struct container *c, const char *event,
			char *text)
{
	struct out o = out_init(text, EVENT_SIZE);

	put_head(&o, clock, event_now());
	put_word(&o, "event", event);
	put_word(&o, "container", c->blob->id);
	return o;
}

static size_t finish(struct out *o, const char *text)
{
	out_lit(o, "}\n");
	return (size_t)(o->at - text);
}

size_t event_start(struct event_clock *clock, const struct container *c, char *text)
{
	struct out o = begin(clock, c, "start", text);

	put_number(&o, "pid", c->blob->init);
	put_name(&o, "engine", "notify");
	put_number(&o, "rules", (int64_t)c->policy->n_rules);
	if (c->policy->name)
		put_name(&o, "policy", c->policy->name);
	if (c->blob->is_hooked)
		put_name(&o, "note",
			 "processes started by exec have the container's profile but are not "
			 "intercepted; the spec route covers them");
	return finish(&o, text);
}

size_t event_end(struct event_clock *clock, const struct container *c, char *text)
{
	struct out o = begin(clock, c, "end", text);

	put_number(&o, "pid", c->blob->init);
	put_number(&o, "calls", (int64_t)c->blob->calls);
	put_number(&o, "lost", (int64_t)c->blob->events_lost);
	if (atomic_load(&c->blob->stopped))
		put_name(&o, "note", "stopped; its intercepted calls get ENOSYS");
	return finish(&o, text);
}

size_t event_lost(struct event_clock *clock, const struct container *c, uint64_t count, char *text)
{
	struct out o = begin(clock, c, "lost", text);

	put_number(&o, "count", (int64_t)count);
	return finish(&o, text);
}

size_t event_undone(struct event_clock *clock, const struct container *c, pid_t tid,
		    const char *handler, char *text)
{
	struct out o = begin(clock, c, "undone", text);

	put_number(&o, "tid", tid);
	put_name(&o, "handler", handler);
	return finish(&o, text);
}
