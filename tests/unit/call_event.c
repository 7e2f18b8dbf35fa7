/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/events: every line is JSON and fits, whatever the caller's memory holds. */
#include <errno.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "plugin/events.h"
#include "specs/json.h"
#include "tests/unit/tap.h"

static struct container_blob blob = { .id = "box" };
static struct policy policy;
static struct container container = { .blob = &blob, .policy = &policy };
static struct event_clock event_time;
static char text[EVENT_SIZE + 64];

/* Memory of one byte, repeated for ever; every eighth word a pointer into itself. */
static ssize_t read_same(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	memset(buf, *(const char *)mem->ctx, len);
	return (ssize_t)len;
}

static struct json *show(struct call_event *e)
{
	struct json *doc = NULL;
	struct wl_err err = { 0 };
	size_t len;

	memset(text, 0x7e, sizeof(text));
	len = event_call(&event_time, e, text);
	tap_ok(len > 0 && len <= EVENT_SIZE && text[len - 1] == '\n');
	for (size_t i = EVENT_SIZE; i < sizeof(text); i++)
		if (text[i] != 0x7e) {
			tap_int_eq(i, -1); /* written past the room */
			break;
		}
	if (json_parse(text, len - 1, "event", &doc, &err) < 0) {
		printf("# %s: %.200s\n", err.msg, text);
		tap_ok(false);
	}
	return doc;
}

static struct call_event event_of(struct call *call, const char *name)
{
	static const char members[] = ",\"pid\":11,\"tid\":12,\"ns_pid\":3,\"comm\":\"c\"";
	static struct task task = { .tid = 12, .tgid = 11, .ns_pid = 3 };
	struct seccomp_data data = { .nr = (int)sysno_number(abi_native(), name),
				     .arch = abi_native()->audit_arch,
				     .args = { 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000 } };

	memcpy(task.text, members, sizeof(members) - 1);
	task.text_len = sizeof(members) - 1;
	call_init(call, &data);
	return (struct call_event){ .container = &container,
				    .call = call,
				    .task = &task,
				    .decision = "kernel",
				    .received_ns = 1000000000 };
}

static void memory_full_of_anything_gives_one_line_of_JSON_that_fits(void)
{
	static const char *const calls[] = { "execve",	"renameat2", "mount", "openat",
					     "sendmsg", "write",     "mknod", "ioctl" };
	static const unsigned char bytes[] = { 0x01, '"', 0xff, 0xed, '\\', 'x', 0x7f };

	for (size_t c = 0; c < ARRAY_SIZE(calls); c++)
		for (size_t b = 0; b < ARRAY_SIZE(bytes); b++) {
			struct mem mem = { .read = read_same, .ctx = &bytes[b] };
			_cleanup_(json_freep) struct json *doc = NULL;
			struct call call;
			struct call_event e;

			if (sysno_number(abi_native(), calls[c]) < 0)
				continue;
			e = event_of(&call, calls[c]);
			e.mem = &mem;
			doc = show(&e);
			tap_str_eq(json_get_string(doc, "syscall"), calls[c]);
			tap_ok(json_get(doc, "args") != NULL);
			tap_ok(json_get(doc, "latency_us") != NULL);
		}
}

static void arguments_that_do_not_fit_are_cut_and_say_so(void)
{
	static const char byte = 0x01; /* six characters each as an escape */
	struct mem mem = { .read = read_same, .ctx = &byte };
	_cleanup_(json_freep) struct json *doc = NULL;
	struct call call;
	struct call_event e = event_of(&call, "execve");

	e.mem = &mem;
	doc = show(&e);
	tap_ok(json_get_bool(json_get(doc, "args"), "argv_cut", false));
	tap_ok(json_get_string(json_get(doc, "args"), "pathname") != NULL);
	tap_str_eq(json_get_string(doc, "decision"), "kernel");
}

static void answers_are_told_by_name(void)
{
	_cleanup_(json_freep) struct json *denied = NULL, *returned = NULL, *odd = NULL;
	struct call call;
	struct call_event e = event_of(&call, "getppid");
	int64_t n = 0;

	e.answer = ANSWER_ERRNO;
	e.errnum = EPERM;
	denied = show(&e);
	tap_str_eq(json_get_string(denied, "errno"), "EPERM");
	tap_ok(json_get(denied, "return") == NULL);
	e.errnum = 4000;
	odd = show(&e);
	tap_int_eq(json_get_int(odd, "errno", 0, 4095, &n), 0);
	tap_int_eq(n, 4000);
	e.answer = ANSWER_RETURN;
	e.value = -7;
	returned = show(&e);
	tap_int_eq(json_get_int(returned, "return", INT64_MIN, INT64_MAX, &n), 0);
	tap_int_eq(n, -7);
	tap_ok(json_get(returned, "errno") == NULL);
}

static void unknown_numbers_and_architectures_are_shown_as_they_came(void)
{
	_cleanup_(json_freep) struct json *number = NULL, *arch = NULL;
	struct call call;
	struct call_event e = event_of(&call, "getppid");

	call.def = NULL;
	call.data.nr = 999999;
	number = show(&e);
	tap_str_eq(json_get_string(number, "syscall"), "#999999");
	call.abi = NULL;
	call.data.arch = 0xdeadbeef;
	arch = show(&e);
	tap_str_eq(json_get_string(arch, "arch"), "0xdeadbeef");
}

static void time_is_utc_with_microseconds_and_follows_the_clock(void)
{
	struct event_clock clock = { 0 };
	char first[64], second[64];
	struct out a = out_init(first, sizeof(first)), b = out_init(second, sizeof(second));
	uint64_t now = event_now();
	time_t seconds = time(NULL);
	struct tm tm;
	char expected[32];

	event_ts(&clock, now, &a);
	*a.at = '\0';
	event_ts(&clock, now + 1000, &b);
	*b.at = '\0';
	tap_int_eq(strlen(first), strlen("2026-11-22T07:14:22.123456Z"));
	tap_ok(strcmp(first, second) < 0 || strncmp(first, second, 19) != 0);
	gmtime_r(&seconds, &tm);
	strftime(expected, sizeof(expected), "%Y-%m-%dT%H:", &tm);
	tap_ok(strncmp(first, expected, strlen(expected)) == 0 || tm.tm_min == 0);
}

int main(void)
{
	TAP_RUN(memory_full_of_anything_gives_one_line_of_JSON_that_fits);
	TAP_RUN(arguments_that_do_not_fit_are_cut_and_say_so);
	TAP_RUN(answers_are_told_by_name);
	TAP_RUN(unknown_numbers_and_architectures_are_shown_as_they_came);
	TAP_RUN(time_is_utc_with_microseconds_and_follows_the_clock);
	return TAP_DONE();
}
