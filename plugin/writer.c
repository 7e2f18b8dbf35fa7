/* SPDX-License-Identifier: Apache-2.0 */
/* From the rings to the sinks, in batches. */
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin/writer.h"

#define WINDOW 256 /* lines at once; the larger a write, the cheaper its lines */
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

struct line {
	struct ring_record record;
	struct tenant *t;  /* NULL: gone */
	struct sink *sink; /* NULL: none */
};

struct window {
	uint64_t from, to; /* ring positions */
	unsigned n;
	struct line lines[WINDOW];
};

static void collect(struct writer *w, struct ring *r, uint64_t limit, struct window *win)
{
	uint64_t pos = atomic_load(&r->tail);

	win->from = win->to = pos;
	for (win->n = 0; win->n < WINDOW && pos < limit; win->n++) {
		struct line *line = &win->lines[win->n], *last = line - 1;

		if (!ring_next(r, &pos, &line->record))
			break;
		win->to = pos;
		if (win->n > 0 && last->record.key == line->record.key) {
			line->t = last->t;
			line->sink = last->sink;
		} else
			line->sink = find_sink(w, line->record.key, &line->t);
	}
}

static bool is_first_of_sink(const struct window *win, unsigned i)
{
	if (!win->lines[i].sink)
		return false;
	for (unsigned k = 0; k < i; k++)
		if (win->lines[k].sink == win->lines[i].sink)
			return false;
	return true;
}

static void begin_group(struct ring *r, const struct window *win, const struct line *first)
{
	uint32_t next = !atomic_load(&r->batch.current);
	const struct sink *sink = first->sink;
	struct stat st;

	r->batch.of[next].is_file = (sink->kind == SINK_FILE || sink->kind == SINK_STDERR) &&
				    fstat(sink->fd, &st) == 0 && S_ISREG(st.st_mode);
	r->batch.of[next].size_before = r->batch.of[next].is_file ? (uint64_t)st.st_size : 0;
	r->batch.of[next].key = first->record.key;
	atomic_store(&r->batch.current, next);
	/* Before the first group these still are those of a batch that is over. */
	atomic_store(&r->batch.from, win->from);
	atomic_store(&r->batch.to, win->to);
}

/* All lines of a sink; `done`: so many bytes of them are written already. */
static void write_group(const struct window *win, unsigned first, uint64_t done)
{
	struct iovec lines[WINDOW];
	uint16_t member[WINDOW];
	struct sink *sink = win->lines[first].sink;
	unsigned n = 0, lost;

	for (unsigned i = first; i < win->n; i++) {
		const struct ring_record *record = &win->lines[i].record;
		size_t skip = done < record->len ? (size_t)done : record->len;

		if (win->lines[i].sink != sink)
			continue;
		done -= skip;
		if (skip == record->len)
			continue;
		lines[n].iov_base = (char *)record->text + skip;
		lines[n].iov_len = record->len - skip;
		member[n++] = (uint16_t)i;
	}
	lost = n > 0 ? sink_write(sink, lines, n) : 0;
	for (unsigned i = n - lost; i < n; i++)
		if (win->lines[member[i]].t)
			atomic_fetch_add(&win->lines[member[i]].t->c->blob->events_lost, 1);
}

/* No longer in the ring; what a predecessor had put there was not counted in this process. */
static void count_written(const struct window *win)
{
	for (unsigned i = 0; i < win->n; i++) {
		struct tenant *t = win->lines[i].t;
		uint64_t size = ring_record_size(win->lines[i].record.len);
		uint64_t old = t ? atomic_load(&t->in_ring) : 0;

		while (t && !atomic_compare_exchange_weak(&t->in_ring, &old,
							  old > size ? old - size : 0))
			;
	}
}

static void write_groups(struct writer *w, struct ring *r, const struct window *win, unsigned from)
{
	for (unsigned i = from; i < win->n; i++)
		if (is_first_of_sink(win, i)) {
			begin_group(r, win, &win->lines[i]);
			write_group(win, i, 0);
		}
	count_written(win);
	atomic_store(&r->tail, win->to);
	if (atomic_load(&w->is_wanted))
		eventfd_write(w->done_fd, 1);
}

static bool write_some(struct writer *w)
{
	struct window win;
	bool did_any = false;

	for (unsigned i = 0; i < w->n_rings; i++) {
		collect(w, w->rings[i], UINT64_MAX, &win);
		if (win.to == win.from)
			continue;
		write_groups(w, w->rings[i], &win, 0);
		did_any = true;
	}
	return did_any;
}

/* A predecessor died in the middle of a batch: what the file has grown by is written. Other sinks cannot
 * tell; there a line may come twice. */
static void finish_batch(struct writer *w, struct ring *r)
{
	uint64_t from = atomic_load(&r->batch.from), to = atomic_load(&r->batch.to), done = 0;
	uint32_t now = atomic_load(&r->batch.current) & 1;
	struct window win;
	unsigned i = 0;
	struct stat st;

	if (from != atomic_load(&r->tail) || to <= from)
		return;
	collect(w, r, to, &win);
	while (i < win.n && win.lines[i].record.key != r->batch.of[now].key)
		i++;
	if (i == win.n) { /* not as it was written: rather twice than never */
		write_groups(w, r, &win, 0);
		return;
	}
	if (win.lines[i].sink) {
		if (r->batch.of[now].is_file && fstat(win.lines[i].sink->fd, &st) == 0 &&
		    (uint64_t)st.st_size > r->batch.of[now].size_before)
			done = (uint64_t)st.st_size - r->batch.of[now].size_before;
		write_group(&win, i, done);
	}
	write_groups(w, r, &win, i + 1);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;

	prctl(PR_SET_NAME, "waylay-writer");
	setpriority(PRIO_PROCESS, 0, WRITER_NICE); /* of this thread; as permitted */
	for (unsigned i = 0; i < w->n_rings; i++)
		finish_batch(w, w->rings[i]);
	for (;;) {
		bool is_last = atomic_load(&w->stop), did_any = false;

		while (write_some(w))
			did_any = true;
		if (is_last)
			return NULL;
		if (did_any)
			ring_wait(w->rings, w->n_rings, &w->bell, REST_MS, RING_HIGH);
		else
			ring_wait(w->rings, w->n_rings, &w->bell, -1, 1);
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
		ring_wake_anyway(&w->bell);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += REST_MS * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(w->thread, NULL, &until) != 0);
}
