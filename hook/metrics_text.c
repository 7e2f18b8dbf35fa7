/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners' counters in the text format of Prometheus. */
#include <errno.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "hook/metrics_text.h"

#define BASE_NS 1024 /* the upper end of the first bucket; each further one is twice as wide */

enum kind {
	CALLS,
	OTHERS,
	LATENCY_BUCKET,
	LATENCY_SUM,
	LATENCY_COUNT,
	LOST,
	CONTAINERS,
	QUEUE,
	RING_LOST,
	RESTARTS,
	KINDS
};

/* No help: it belongs to the metric above. */
static const struct {
	const char *name, *suffix, *type, *help;
} kinds[KINDS] = {
	[CALLS] = { "waylay_calls_total", "", "counter", "Intercepted calls that were answered." },
	[OTHERS] = { "waylay_other_calls_total", "", "counter",
		     "Answered calls of kinds that found no counter of their own." },
	[LATENCY_BUCKET] = { "waylay_call_duration_seconds", "_bucket", "histogram",
			     "Time from receiving a call to its answer." },
	[LATENCY_SUM] = { "waylay_call_duration_seconds", "_sum", NULL, NULL },
	[LATENCY_COUNT] = { "waylay_call_duration_seconds", "_count", NULL, NULL },
	[LOST] = { "waylay_events_lost_total", "", "counter", "Events that were lost." },
	[CONTAINERS] = { "waylay_containers", "", "gauge", "Containers that are served." },
	[QUEUE] = { "waylay_queue_depth", "", "gauge", "Calls received and not answered." },
	[RING_LOST] = { "waylay_ring_drops_total", "", "counter",
			"Events that found no room in a ring." },
	[RESTARTS] = { "waylay_listener_restarts_total", "", "counter",
		       "Listeners that took over from one that died." },
};

struct metrics_sample {
	enum kind kind;
	char *labels; /* owned; what stands between the braces */
	uint64_t value;
};

/* A label's value: backslash, quote and line end are escaped, and nothing else. */
static void put_label(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=\"", name);
	for (const char *s = value; *s; s++) {
		if (*s == '\n')
			buf_puts(out, "\\n");
		else if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else
			buf_append(out, s, 1);
	}
	buf_puts(out, "\"");
}

/* Takes the labels. */
static int add_sample(struct metrics_text *m, enum kind kind, struct buf *labels, uint64_t value)
{
	struct metrics_sample *samples = m->samples;
	char *text = buf_take(labels);

	if (m->n == m->room) {
		size_t room = m->room ? m->room * 2 : 64;

		samples = realloc(samples, room * sizeof(*samples));
		if (samples) {
			m->samples = samples;
			m->room = room;
		}
	}
	if (!text || !samples) {
		free(text);
		return -ENOMEM;
	}
	samples[m->n++] = (struct metrics_sample){ .kind = kind, .labels = text, .value = value };
	return 0;
}

static int add_one(struct metrics_text *m, enum kind kind, const char *label, const char *value,
		   const struct json *of, const char *key)
{
	struct buf labels = { 0 };
	uint64_t n;

	if (json_get_u64(of, key, &n) < 0)
		return -EBADMSG;
	put_label(&labels, label, value);
	return add_sample(m, kind, &labels, n);
}

static int add_counts(struct metrics_text *m, const char *id, const struct json *counts)
{
	static const char *const names[] = { "syscall", "action", "errno" };
	int r = 0;

	if (!counts || counts->type != JSON_ARRAY)
		return -EBADMSG;
	for (size_t i = 0; i < counts->u.list.n && r == 0; i++) {
		const struct json *row = counts->u.list.items[i];
		_cleanup_(buf_done) struct buf labels = { 0 };
		uint64_t n;

		if (json_get_u64(row, "n", &n) < 0)
			return -EBADMSG;
		put_label(&labels, "container", id);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			const char *value = json_get_string(row, names[k]);

			if (!value)
				return -EBADMSG;
			buf_puts(&labels, ",");
			put_label(&labels, names[k], value);
		}
		r = add_sample(m, CALLS, &labels, n);
	}
	return r;
}

static int add_bucket(struct metrics_text *m, const char *id, double end, uint64_t n)
{
	struct buf labels = { 0 };

	put_label(&labels, "container", id);
	if (end > 0)
		buf_printf(&labels, ",le=\"%.9f\"", end);
	else
		buf_puts(&labels, ",le=\"+Inf\"");
	return add_sample(m, LATENCY_BUCKET, &labels, n);
}

/* Prometheus' buckets count what is below their end, ours what is between two ends. */
static int add_latency(struct metrics_text *m, const char *id, const struct json *latency)
{
	const struct json *buckets = json_get(latency, "buckets");
	struct buf labels = { 0 };
	double end = BASE_NS / 1e9;
	uint64_t below = 0;
	int r;

	if (!buckets || buckets->type != JSON_ARRAY)
		return -EBADMSG;
	r = add_one(m, LATENCY_SUM, "container", id, latency, "sum_ns");
	for (size_t i = 0; i < buckets->u.list.n && r == 0; i++, end *= 2) {
		const struct json *n = buckets->u.list.items[i];

		if (n->type != JSON_INT)
			return -EBADMSG;
		below += (uint64_t)n->u.integer;
		r = add_bucket(m, id, i + 1 < buckets->u.list.n ? end : 0, below);
	}
	if (r < 0)
		return r;
	put_label(&labels, "container", id);
	return add_sample(m, LATENCY_COUNT, &labels, below);
}

static int add_container(struct metrics_text *m, const struct json *c)
{
	const char *id = json_get_string(c, "id");
	int r;

	if (!id)
		return -EBADMSG;
	r = add_counts(m, id, json_get(c, "counts"));
	if (r == 0)
		r = add_latency(m, id, json_get(c, "latency"));
	if (r == 0)
		r = add_one(m, OTHERS, "container", id, c, "others");
	return r < 0 ? r : add_one(m, LOST, "container", id, c, "lost");
}

static int add_listener(struct metrics_text *m, const char *path, const struct json *l)
{
	static const struct {
		enum kind kind;
		const char *key;
	} of[] = { { CONTAINERS, "containers" },
		   { QUEUE, "queue" },
		   { RING_LOST, "ring_lost" },
		   { RESTARTS, "restarts" } };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(of) && r == 0; i++)
		r = add_one(m, of[i].kind, "listener", path, l, of[i].key);
	return r;
}

int metrics_text_add(struct metrics_text *m, const char *path, const struct json *page)
{
	const struct json *containers = json_get(page, "containers");
	int r = 0;

	if (!containers || containers->type != JSON_ARRAY)
		return -EBADMSG;
	if (json_get_bool(page, "first", false))
		r = add_listener(m, path, json_get(page, "listener"));
	for (size_t i = 0; i < containers->u.list.n && r == 0; i++)
		r = add_container(m, containers->u.list.items[i]);
	return r;
}

/* "+Inf" is the last of a histogram's ends; else any order will do. */
static int order_of(char c)
{
	return c == '+' ? 256 : (unsigned char)c;
}

static int compare(const void *a, const void *b)
{
	const struct metrics_sample *x = a, *y = b;
	const char *s = x->labels, *t = y->labels;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	while (*s && *s == *t) {
		s++;
		t++;
	}
	return order_of(*s) - order_of(*t);
}

static void write_kind(enum kind kind, struct buf *out)
{
	if (kinds[kind].help)
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", kinds[kind].name, kinds[kind].help,
			   kinds[kind].name, kinds[kind].type);
}

void metrics_text_write(struct metrics_text *m, struct buf *out)
{
	size_t i = 0;

	if (m->n > 0)
		qsort(m->samples, m->n, sizeof(*m->samples), compare);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		write_kind(kind, out);
		while (i < m->n && m->samples[i].kind == kind) {
			const struct metrics_sample *s = &m->samples[i];
			uint64_t sum = 0;

			for (; i < m->n && compare(s, &m->samples[i]) == 0; i++)
				sum += m->samples[i].value;
			buf_printf(out, "%s%s{%s} ", kinds[kind].name, kinds[kind].suffix,
				   s->labels);
			if (kind == LATENCY_SUM)
				buf_printf(out, "%.9f\n", (double)sum / 1e9);
			else
				buf_printf(out, "%llu\n", (unsigned long long)sum);
		}
	}
}

void metrics_text_done(struct metrics_text *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->samples[i].labels);
	free(m->samples);
	*m = (struct metrics_text){ 0 };
}
