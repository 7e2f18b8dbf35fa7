/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-over messages in any pieces: the same outcome however the stream was cut.
 *
 * Input: size of a piece (1 byte), then the stream. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "specs/wire.h"

struct outcome {
	unsigned messages;
	int code;
};

static int feed_all(struct wire_reader *reader, int sock, struct outcome *o)
{
	int r;

	do {
		struct wire_msg *m = NULL;
		struct wl_err err = { 0 };

		r = wire_reader_feed(reader, sock, &m, &err);
		if ((r == 1) != (m != NULL) || (r < 0 && !err.msg[0]))
			abort();
		o->messages += r == 1;
		wire_msg_free(m);
	} while (r == 1);
	return r;
}

static struct outcome run(const uint8_t *data, size_t size, size_t piece)
{
	struct wire_reader *reader = wire_reader_new();
	struct outcome o = { 0 };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	for (size_t at = 0; at < size && o.code == 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (sock_send(fds[0], data + at, n, NULL, 0) < 0)
			abort();
		o.code = feed_all(reader, fds[1], &o);
	}
	close(fds[0]);
	while (o.code == 0)
		o.code = feed_all(reader, fds[1], &o);
	close(fds[1]);
	wire_reader_free(reader);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome a, b;

	if (size < 2)
		return 0;
	a = run(data + 1, size - 1, (size_t)data[0] + 1);
	b = run(data + 1, size - 1, 16384);
	if (a.messages != b.messages || a.code != b.code) {
		fprintf(stderr, "wire: %u messages and %d, or %u and %d\n", a.messages, a.code,
			b.messages, b.code);
		abort();
	}
	return 0;
}
