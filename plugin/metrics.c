/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a container. */
#include <string.h>

#include "arch/call.h"
#include "arch/decode.h"
#include "arch/sysno.h"
#include "plugin/metrics.h"

#define PROBES 16 /* rows looked at before a call is one of the others */

static bool is_same(const struct metrics_call *a, const struct metrics_call *b)
{
	return a->nr == b->nr && a->what == b->what && a->errnum == b->errnum && a->arch == b->arch;
}

/* One writer: a plain addition between a relaxed load and store is enough. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static unsigned bucket_of(uint64_t ns)
{
	unsigned k = 0;

	if (ns > 1u << METRICS_BASE_LOG)
		k = 64 - (unsigned)__builtin_clzll(ns - 1) - METRICS_BASE_LOG;
	return k < METRICS_BUCKETS ? k : METRICS_BUCKETS - 1;
}

static void count_kind(struct metrics *m, const struct metrics_call *call)
{
	uint32_t hash = (call->nr * 31 + call->what * 7 + call->errnum) * 0x9e3779b1u;

	for (unsigned i = 0; i < PROBES; i++) {
		struct metrics_row *row = &m->rows[((hash >> 16) + i) % METRICS_ROWS];

		if (atomic_load_explicit(&row->count, memory_order_relaxed) == 0) {
			/* Readable before it is counted. A writer that dies in between leaves a free row. */
			row->call = *call;
			atomic_store_explicit(&row->count, 1, memory_order_release);
			return;
		}
		if (is_same(&row->call, call)) {
			add(&row->count, 1);
			return;
		}
	}
	add(&m->others, 1);
}

void metrics_count(struct metrics *m, const struct metrics_call *call, uint64_t latency_ns)
{
	count_kind(m, call);
	add(&m->latency[bucket_of(latency_ns)], 1);
	add(&m->latency_sum_ns, latency_ns);
}

static void write_syscall(const struct metrics_call *call, struct buf *out)
{
	const struct abi *abi = abi_of(call->arch, call->nr);
	const struct syscall_def *def = abi ? sysno_find(abi, call->nr) : NULL;

	buf_puts(out, "\"");
	if (abi && abi != abi_native())
		buf_printf(out, "%s/", abi->name);
	if (def)
		buf_puts(out, def->name);
	else
		buf_printf(out, "#%u", abi ? call->nr & ~abi->nr_bit : call->nr);
	buf_puts(out, "\"");
}

static const char *name_of(uint32_t what)
{
	static const char *const answers[] = { "continue", "errno", "return", "kill" };

	if (what < ACTION_COUNT)
		return action_rows[what].name;
	return what < METRICS_STORED ? answers[what - METRICS_ANSWER] : "stored";
}

static void write_row(const struct metrics_call *call, uint64_t count, struct buf *out)
{
	const char *name = call->errnum ? errno_name((int)call->errnum) : "";

	buf_puts(out, "{\"syscall\":");
	write_syscall(call, out);
	buf_printf(out, ",\"action\":\"%s\",\"errno\":", name_of(call->what));
	if (name)
		buf_printf(out, "\"%s\"", name);
	else
		buf_printf(out, "\"%u\"", call->errnum);
	buf_printf(out, ",\"n\":%llu}", (unsigned long long)count);
}

void metrics_write(const struct metrics *m, struct buf *out)
{
	const char *comma = "";

	buf_puts(out, "\"counts\":[");
	for (unsigned i = 0; i < METRICS_ROWS; i++) {
		const struct metrics_row *row = &m->rows[i];
		uint64_t n = atomic_load_explicit(&row->count, memory_order_acquire);

		if (n == 0)
			continue;
		buf_puts(out, comma);
		write_row(&row->call, n, out);
		comma = ",";
	}
	buf_printf(out, "],\"others\":%llu,\"latency\":{\"sum_ns\":%llu,\"buckets\":[",
		   (unsigned long long)m->others, (unsigned long long)m->latency_sum_ns);
	for (unsigned i = 0; i < METRICS_BUCKETS; i++)
		buf_printf(out, "%s%llu", i ? "," : "", (unsigned long long)m->latency[i]);
	buf_puts(out, "]}");
}
