/* SPDX-License-Identifier: Apache-2.0 */
/* hook/metrics_text: what Prometheus gets is right, whatever a listener says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "hook/metrics_text.h"
#include "tests/unit/tap.h"

#define LATENCY "\"latency\":{\"sum_ns\":1500000000,\"buckets\":[3,0,2]}"
#define LISTENER \
	"\"listener\":{\"containers\":1,\"shards\":1,\"restarts\":2,\"ring_lost\":0,\"queue\":4}"

static int add(struct metrics_text *m, const char *text)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	struct wl_err err = { 0 };

	if (json_parse(text, strlen(text), "page", &doc, &err) < 0) {
		printf("# %s\n", err.msg);
		tap_ok(false);
		return 0;
	}
	return metrics_text_add(m, "/x/a\"b\\c\n.sock", doc);
}

static void tap_has(const struct buf *out, const char *line)
{
	if (!out->data || !strstr(out->data, line)) {
		printf("# missing: %s# in:\n%s", line, out->data ? out->data : "");
		tap_ok(false);
	}
}

static unsigned times(const struct buf *out, const char *text)
{
	unsigned n = 0;

	for (const char *s = out->data; s && (s = strstr(s, text)); s++)
		n++;
	return n;
}

static const char page[] =
	"{\"first\":true," LISTENER ",\"containers\":[{\"id\":\"box\",\"lost\":7,"
	"\"counts\":[{\"syscall\":\"openat\",\"action\":\"trace\",\"errno\":\"EPERM\","
	"\"n\":5}],\"others\":1," LATENCY "}]}";

static void counters_are_named_and_labels_escaped(void)
{
	_cleanup_(metrics_text_done) struct metrics_text m = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };

	tap_int_eq(add(&m, page), 0);
	metrics_text_write(&m, &out);
	tap_has(&out, "# TYPE waylay_calls_total counter\nwaylay_calls_total{container=\"box\","
		      "syscall=\"openat\",action=\"trace\",errno=\"EPERM\"} 5\n");
	tap_has(&out, "waylay_other_calls_total{container=\"box\"} 1\n");
	tap_has(&out, "waylay_events_lost_total{container=\"box\"} 7\n");
	tap_has(&out, "waylay_queue_depth{listener=\"/x/a\\\"b\\\\c\\n.sock\"} 4\n");
	tap_has(&out, "waylay_listener_restarts_total{listener=\"/x/a\\\"b\\\\c\\n.sock\"} 2\n");
}

static void a_histograms_buckets_add_up_in_order(void)
{
	_cleanup_(metrics_text_done) struct metrics_text m = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };

	tap_int_eq(add(&m, page), 0);
	metrics_text_write(&m, &out);
	tap_has(&out,
		"waylay_call_duration_seconds_bucket{container=\"box\",le=\"0.000001024\"} 3\n"
		"waylay_call_duration_seconds_bucket{container=\"box\",le=\"0.000002048\"} 3\n"
		"waylay_call_duration_seconds_bucket{container=\"box\",le=\"+Inf\"} 5\n"
		"waylay_call_duration_seconds_sum{container=\"box\"} 1.500000000\n"
		"waylay_call_duration_seconds_count{container=\"box\"} 5\n");
}

/* Prometheus refuses a text with the same sample twice. */
static void pieces_of_one_container_are_added_up(void)
{
	_cleanup_(metrics_text_done) struct metrics_text m = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };

	tap_int_eq(add(&m, page), 0);
	tap_int_eq(
		add(&m,
		    "{\"first\":false," LISTENER ",\"containers\":[{\"id\":\"box\",\"lost\":1,"
		    "\"counts\":[{\"syscall\":\"openat\",\"action\":\"trace\",\"errno\":\"EPERM\","
		    "\"n\":2}],\"others\":0," LATENCY "}]}"),
		0);
	metrics_text_write(&m, &out);
	tap_has(&out, "action=\"trace\",errno=\"EPERM\"} 7\n");
	tap_has(&out, "waylay_events_lost_total{container=\"box\"} 8\n");
	tap_has(&out, "waylay_call_duration_seconds_bucket{container=\"box\",le=\"+Inf\"} 10\n");
	tap_has(&out, "waylay_queue_depth{listener=\"/x/a\\\"b\\\\c\\n.sock\"} 4\n");
	tap_int_eq(times(&out, "waylay_calls_total{"), 1);
	tap_int_eq(times(&out, "# TYPE waylay_call_duration_seconds histogram\n"), 1);
}

static void an_answer_that_lacks_something_is_refused(void)
{
	static const char *const bad[] = {
		"{}",
		"{\"containers\":{}}",
		"{\"first\":true,\"containers\":[]}",
		"{\"containers\":[5]}",
		"{\"containers\":[{\"id\":\"x\",\"counts\":[],\"others\":0,\"lost\":0}]}",
		"{\"containers\":[{\"id\":\"x\",\"counts\":[{\"n\":1}],\"others\":0,\"lost\":"
		"0," LATENCY "}]}",
		"{\"containers\":[{\"id\":\"x\",\"counts\":[],\"others\":-1,\"lost\":0," LATENCY
		"}]}",
		"{\"containers\":[{\"id\":\"x\",\"counts\":[],\"others\":0,\"lost\":0,"
		"\"latency\":{\"sum_ns\":0,\"buckets\":[\"1\"]}}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(metrics_text_done) struct metrics_text m = { 0 };

		tap_int_eq(add(&m, bad[i]), -EBADMSG);
	}
}

int main(void)
{
	TAP_RUN(counters_are_named_and_labels_escaped);
	TAP_RUN(a_histograms_buckets_add_up_in_order);
	TAP_RUN(pieces_of_one_container_are_added_up);
	TAP_RUN(an_answer_that_lacks_something_is_refused);
	return TAP_DONE();
}
