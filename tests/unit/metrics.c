/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/metrics: kinds of calls are told apart, none is lost; latencies fall into the right bucket. */
#include <errno.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/call.h"
#include "plugin/metrics.h"
#include "specs/json.h"
#include "tests/unit/tap.h"

static struct metrics m;

static struct metrics_call call_of(const struct abi *abi, const char *name, uint32_t what,
				   int errnum)
{
	return (struct metrics_call){ .arch = abi->audit_arch,
				      .nr = (uint32_t)sysno_number(abi, name),
				      .what = what,
				      .errnum = (uint32_t)errnum };
}

static struct json *show(void)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json *doc = NULL;
	struct wl_err err = { 0 };

	buf_puts(&text, "{");
	metrics_write(&m, &text);
	buf_puts(&text, "}");
	if (text.failed || json_parse(text.data, text.len, "metrics", &doc, &err) < 0) {
		printf("# %s\n", err.msg);
		tap_ok(false);
	}
	return doc;
}

/* 0 if there is no such row. */
static int64_t count_of(const struct json *doc, const char *syscall, const char *action,
			const char *errnum)
{
	const struct json *counts = json_get(doc, "counts");
	int64_t n = 0;

	for (size_t i = 0; counts && i < counts->u.list.n; i++) {
		const struct json *row = counts->u.list.items[i];

		if (strcmp(json_get_string(row, "syscall"), syscall) == 0 &&
		    strcmp(json_get_string(row, "action"), action) == 0 &&
		    strcmp(json_get_string(row, "errno"), errnum) == 0)
			json_get_int(row, "n", 0, INT64_MAX, &n);
	}
	return n;
}

static int64_t bucket(const struct json *doc, size_t i)
{
	const struct json *buckets = json_get(json_get(doc, "latency"), "buckets");

	return buckets && i < buckets->u.list.n ? buckets->u.list.items[i]->u.integer : -1;
}

static void calls_are_counted_by_abi_number_action_and_errno(void)
{
	const struct abi *native = abi_native(), *family[3];
	size_t n = abi_family(native, family);
	_cleanup_(json_freep) struct json *doc = NULL;
	struct metrics_call open = call_of(native, "openat", ACTION_TRACE, 0);
	struct metrics_call denied = call_of(native, "openat", ACTION_TRACE, EPERM);
	struct metrics_call odd = { .arch = 77, .nr = 5, .what = METRICS_STORED, .errnum = 4000 };
	struct metrics_call killed = call_of(native, "mount", METRICS_ANSWER + 3, EPERM);

	memset(&m, 0, sizeof(m));
	for (int i = 0; i < 5; i++)
		metrics_count(&m, &open, 1);
	metrics_count(&m, &denied, 1);
	metrics_count(&m, &odd, 1);
	metrics_count(&m, &killed, 1);
	if (n > 1) {
		struct metrics_call other = call_of(family[1], "openat", ACTION_TRACE, 0);

		metrics_count(&m, &other, 1);
	}
	doc = show();
	tap_int_eq(count_of(doc, "openat", "trace", ""), 5);
	tap_int_eq(count_of(doc, "openat", "trace", "EPERM"), 1);
	tap_int_eq(count_of(doc, "#5", "stored", "4000"), 1);
	tap_int_eq(count_of(doc, "mount", "kill", "EPERM"), 1);
	if (n > 1) {
		char name[64];

		snprintf(name, sizeof(name), "%s/openat", family[1]->name);
		tap_int_eq(count_of(doc, name, "trace", ""), 1);
	}
}

static void what_finds_no_row_is_one_of_the_others_and_none_is_lost(void)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *counts;
	int64_t sum = 0, others = 0;

	memset(&m, 0, sizeof(m));
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t nr = 0; nr < 400; nr++) {
			struct metrics_call call = { .arch = abi_native()->audit_arch,
						     .nr = nr,
						     .what = nr % METRICS_STORED,
						     .errnum = nr % 100 };

			metrics_count(&m, &call, 1);
		}
	doc = show();
	counts = json_get(doc, "counts");
	tap_ok(counts && counts->u.list.n > METRICS_ROWS / 2 && counts->u.list.n <= METRICS_ROWS);
	for (size_t i = 0; counts && i < counts->u.list.n; i++) {
		int64_t n = 0;

		json_get_int(counts->u.list.items[i], "n", 0, INT64_MAX, &n);
		tap_int_eq(n, 2);
		sum += n;
	}
	json_get_int(doc, "others", 1, INT64_MAX, &others);
	tap_int_eq(sum + others, 800);
}

static void a_latency_falls_into_the_bucket_whose_end_it_does_not_exceed(void)
{
	struct metrics_call call = { .arch = abi_native()->audit_arch };
	_cleanup_(json_freep) struct json *doc = NULL;
	const uint64_t ns[] = {
		0, 1024, 1025, 2048, 2049, 1ull << 30, (1ull << 30) + 1, UINT64_MAX / 2
	};
	uint64_t sum = 0, got = 0;

	memset(&m, 0, sizeof(m));
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		metrics_count(&m, &call, ns[i]);
		sum += ns[i];
	}
	doc = show();
	tap_int_eq(bucket(doc, 0), 2);
	tap_int_eq(bucket(doc, 1), 2);
	tap_int_eq(bucket(doc, 2), 1);
	tap_int_eq(bucket(doc, METRICS_BUCKETS - 2), 1);
	tap_int_eq(bucket(doc, METRICS_BUCKETS - 1), 2);
	tap_int_eq(bucket(doc, METRICS_BUCKETS), -1);
	tap_int_eq(json_get_u64(json_get(doc, "latency"), "sum_ns", &got), 0);
	tap_ok(got == sum);
}

/* A listener was killed between a row's name and its count. */
static void a_row_without_a_count_is_free(void)
{
	struct metrics_call call = call_of(abi_native(), "getppid", ACTION_LOG, 0);
	_cleanup_(json_freep) struct json *doc = NULL;

	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < METRICS_ROWS; i++)
		m.rows[i].call =
			(struct metrics_call){ .arch = 1, .nr = 2, .what = 3, .errnum = 4 };
	metrics_count(&m, &call, 1);
	doc = show();
	tap_int_eq(json_get(doc, "counts")->u.list.n, 1);
	tap_int_eq(count_of(doc, "getppid", "log", ""), 1);
}

int main(void)
{
	TAP_RUN(calls_are_counted_by_abi_number_action_and_errno);
	TAP_RUN(what_finds_no_row_is_one_of_the_others_and_none_is_lost);
	TAP_RUN(a_latency_falls_into_the_bucket_whose_end_it_does_not_exceed);
	TAP_RUN(a_row_without_a_count_is_free);
	return TAP_DONE();
}
