/* SPDX-License-Identifier: Apache-2.0 */
/* Writing lines without ever being held up by a reader. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "plugin/sink.h"

#define READER_MS 20 /* how long a slow reader is waited for, a batch */
#define TELL_NS	  60000000000ull

static void tell(struct sink *s, int r)
{
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	if (s->told_ns && now - s->told_ns < TELL_NS)
		return;
	s->told_ns = now;
	log_error("events cannot be written and are lost: %s", strerror(-r));
}

/* Others' events wait in the ring meanwhile: one reader's slowness must not become their loss. */
static int wait_writable(struct sink *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int n = poll(&p, 1, s->is_stalled ? 0 : READER_MS);

	s->is_stalled = n == 0;
	if (n <= 0)
		return -EAGAIN;
	return p.revents & POLLOUT ? 0 : -EPIPE;
}

/* A file or stderr; `done` bytes of the first line are there already. What a full disk leaves of a line is taken back, so that no line is torn. */
static unsigned write_file(struct sink *s, const struct iovec *lines, unsigned n, size_t done)
{
	for (unsigned i = 0; i < n; i++, done = 0) {
		const char *p = (const char *)lines[i].iov_base + done;
		size_t left = lines[i].iov_len - done;

		while (left > 0) {
			ssize_t w = write(s->fd, p, left);

			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0) {
				int r = -errno;
				off_t end = lseek(s->fd, 0, SEEK_END);

				if (left < lines[i].iov_len && end > 0 && s->kind == SINK_FILE &&
				    ftruncate(s->fd, end - (off_t)(lines[i].iov_len - left)) < 0)
					r = -errno;
				tell(s, r);
				return n - i;
			}
			p += w;
			left -= (size_t)w;
		}
	}
	return 0;
}

static size_t total_of(const struct iovec *lines, unsigned n)
{
	size_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += lines[i].iov_len;
	return total;
}

/* The usual case is one call for the whole batch. */
static unsigned write_batch(struct sink *s, const struct iovec *lines, unsigned n)
{
	ssize_t w;
	unsigned i = 0;

	do
		w = writev(s->fd, lines, (int)n);
	while (w < 0 && errno == EINTR);
	if (w == (ssize_t)total_of(lines, n))
		return 0;
	if (w < 0)
		w = 0;
	while (i < n && (size_t)w >= lines[i].iov_len)
		w -= (ssize_t)lines[i++].iov_len;
	return write_file(s, lines + i, n - i, (size_t)w);
}

static unsigned write_stderr(struct sink *s, const struct iovec *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (wait_writable(s) < 0 || write_file(s, &lines[i], 1, 0) > 0)
			return n - i;
	return 0;
}

static int flush_rest(struct sink *s)
{
	while (s->rest.len > 0) {
		ssize_t w = send(s->fd, s->rest.data, s->rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (w < 0 && errno == EAGAIN && wait_writable(s) == 0)
			continue;
		if (w < 0)
			return -errno;
		s->rest.len -= (size_t)w;
		memmove(s->rest.data, s->rest.data + w, s->rest.len);
	}
	return 0;
}

static unsigned write_stream(struct sink *s, const struct iovec *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ssize_t w = -1;
		int r = flush_rest(s);

		while (r == 0) {
			w = send(s->fd, lines[i].iov_base, lines[i].iov_len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
			if (w >= 0 || errno != EAGAIN)
				break;
			r = wait_writable(s);
		}
		if (w < 0) {
			tell(s, r < 0 ? r : -errno);
			return n - i;
		}
		buf_append(&s->rest, (char *)lines[i].iov_base + w, lines[i].iov_len - (size_t)w);
		if (s->rest.failed)
			return n - i;
	}
	return 0;
}

static unsigned write_datagrams(struct sink *s, const struct iovec *lines, unsigned n)
{
	static const char head[] = "PRIORITY=6\nSYSLOG_IDENTIFIER=waylay\nMESSAGE=";
	unsigned lost = 0;

	for (unsigned i = 0; i < n; i++) {
		/* journald's native protocol: an entry a datagram, a field a line. */
		struct iovec iov[2] = { { .iov_base = (char *)head, .iov_len = sizeof(head) - 1 },
					lines[i] };
		bool is_journal = s->kind == SINK_JOURNALD;
		struct msghdr msg = { .msg_iov = is_journal ? iov : iov + 1,
				      .msg_iovlen = is_journal ? 2 : 1 };
		ssize_t w = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (w < 0 && errno == EAGAIN && lost == 0 && wait_writable(s) == 0)
			w = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (w < 0) {
			tell(s, -errno);
			lost++;
		}
	}
	return lost;
}

unsigned sink_write(struct sink *s, const struct iovec *lines, unsigned n)
{
	switch (s->kind) {
	case SINK_FILE:
		return write_batch(s, lines, n);
	case SINK_STREAM:
		return write_stream(s, lines, n);
	case SINK_DATAGRAM:
	case SINK_JOURNALD:
		return write_datagrams(s, lines, n);
	case SINK_STDERR:
		return write_stderr(s, lines, n);
	}
	return n;
}
