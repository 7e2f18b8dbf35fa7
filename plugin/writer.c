/* SPDX-License-Identifier: Apache-2.0 */
/* From the ring to the sinks, in batches. */
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin/writer.h"

#define BATCH 256 /* larger writes: a file's pages are filled at once */
/* After a batch the writer rests, so that a busy shard wakes it some hundred times a second at most: when
 * this is over, or when the ring fills up. */
#define REST_MS 5
/* Callers and shard can keep every CPU busy for longer than the ring lasts. */
#define WRITER_NICE -10

static struct sink *find_sink(struct writer *w, uint32_t key, struct tenant **ret_tenant)
{
	struct tenant *t;

	pthread_mutex_lock(&w->tenants->lock);
	t = tenants_find(w->tenants, key);
	pthread_mutex_unlock(&w->tenants->lock);
	/* It stays: main frees a container only when all its events are written. */
	*ret_tenant = t;
	return t && t->sink.fd >= 0 ? &t->sink : w->common;
}

static void begin_batch(struct writer *w, const struct sink *sink, uint32_t key, uint64_t from,
			uint64_t to)
{
	struct stat st;

	w->ring->batch.is_file = (sink->kind == SINK_FILE || sink->kind == SINK_STDERR) &&
				 fstat(sink->fd, &st) == 0 && S_ISREG(st.st_mode);
	w->ring->batch.size_before = w->ring->batch.is_file ? (uint64_t)st.st_size : 0;
	w->ring->batch.key = key;
	atomic_store(&w->ring->batch.from, from);
	atomic_store(&w->ring->batch.to, to);
}

static void end_batch(struct writer *w, uint64_t to)
{
	atomic_store(&w->ring->tail, to);
	if (atomic_load(&w->is_wanted))
		eventfd_write(w->done_fd, 1);
}

static void count_lost(struct tenant *t, unsigned lost)
{
	if (t && lost > 0)
		atomic_fetch_add(&t->c->blob->events_lost, lost);
}

/* Records of one container, as many as stand together. */
static bool write_some(struct writer *w)
{
	uint64_t from = atomic_load(&w->ring->tail), to = from, pos = from;
	struct iovec lines[BATCH];
	struct ring_record record;
	struct tenant *t = NULL;
	struct sink *sink;
	uint32_t key = 0;
	unsigned n = 0;

	while (n < BATCH && ring_next(w->ring, &pos, &record)) {
		if (n > 0 && record.key != key)
			break;
		key = record.key;
		lines[n++] =
			(struct iovec){ .iov_base = (char *)record.text, .iov_len = record.len };
		to = pos;
	}
	if (n == 0)
		return false;
	sink = find_sink(w, key, &t);
	if (sink) {
		begin_batch(w, sink, key, from, to);
		count_lost(t, sink_write(sink, lines, n));
	}
	end_batch(w, to);
	return true;
}

/* A predecessor died in the middle of a batch: what the file has grown by is written. Other sinks cannot
 * tell; there a line may come twice. */
static void finish_batch(struct writer *w)
{
	uint64_t from = atomic_load(&w->ring->batch.from), to = atomic_load(&w->ring->batch.to);
	uint64_t done = 0, pos = from, start = from;
	struct ring_record record;
	struct tenant *t;
	struct sink *sink;
	struct stat st;

	if (from != atomic_load(&w->ring->tail) || to <= from)
		return;
	sink = find_sink(w, w->ring->batch.key, &t);
	if (!sink)
		return;
	if (w->ring->batch.is_file && fstat(sink->fd, &st) == 0 &&
	    (uint64_t)st.st_size > w->ring->batch.size_before)
		done = (uint64_t)st.st_size - w->ring->batch.size_before;
	while (start < to && ring_next(w->ring, &pos, &record)) {
		struct iovec line = { .iov_base = (char *)record.text, .iov_len = record.len };
		size_t skip = done < record.len ? (size_t)done : record.len;

		start = pos;
		done -= skip;
		line.iov_base = (char *)line.iov_base + skip;
		line.iov_len -= skip;
		if (line.iov_len > 0)
			count_lost(t, sink_write(sink, &line, 1));
	}
	end_batch(w, to);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;

	prctl(PR_SET_NAME, "waylay-writer");
	setpriority(PRIO_PROCESS, 0, WRITER_NICE); /* of this thread; as permitted */
	finish_batch(w);
	for (;;) {
		bool is_last = atomic_load(&w->stop), did_any = false;

		while (write_some(w))
			did_any = true;
		if (is_last)
			return NULL;
		if (did_any)
			ring_wait(w->ring, REST_MS, RING_HIGH);
		else
			ring_wait(w->ring, -1, 1);
	}
}

int writer_start(struct writer *w, struct wl_err *err)
{
	int r = pthread_create(&w->thread, NULL, writer_main, w);

	return r ? wl_err_set(err, -r, "start a thread") : 0;
}

void writer_stop(struct writer *w)
{
	struct timespec until;

	atomic_store(&w->stop, true);
	/* Again and again: it may have looked at `stop` just before and be about to sleep. */
	do {
		ring_wake_anyway(w->ring);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += REST_MS * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(w->thread, NULL, &until) != 0);
}
