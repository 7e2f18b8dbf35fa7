/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: several containers' lines in one ring, and what a killed predecessor has left. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/writer.h"
#include "tests/unit/tap.h"

#define FILES 3

struct world {
	struct ring *ring;
	int ring_fd;
	struct tenants tenants;
	struct tenant tenant[FILES];
	struct container container[FILES];
	struct container_blob blob[FILES];
	struct writer writer;
};

static struct world *start_world(void)
{
	struct world *w = calloc(1, sizeof(*w));

	tap_int_eq(ring_create(&w->ring, &w->ring_fd), 0);
	pthread_mutex_init(&w->tenants.lock, NULL);
	for (uint32_t i = 0; i < FILES; i++) {
		w->container[i].key = i + 1;
		w->container[i].blob = &w->blob[i];
		w->tenant[i].c = &w->container[i];
		w->tenant[i].sink.kind = SINK_FILE;
		w->tenant[i].sink.fd =
			open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
		tap_ok(w->tenant[i].sink.fd >= 0);
		tenants_add(&w->tenants, &w->tenant[i]);
	}
	w->writer = (struct writer){
		.rings = { w->ring }, .n_rings = 1, .tenants = &w->tenants, .done_fd = -EBADF
	};
	return w;
}

static void end_world(struct world *w)
{
	for (unsigned i = 0; i < FILES; i++)
		fd_close(w->tenant[i].sink.fd);
	ring_unmap(w->ring);
	fd_close(w->ring_fd);
	free(w);
}

static void put(struct world *w, uint32_t key, unsigned number)
{
	struct ring_spot spot;

	tap_ok(ring_reserve(w->ring, &spot));
	ring_commit(w->ring, &spot, key, (size_t)sprintf(spot.text, "%u.%u\n", key, number));
}

/* Lines 0.. of containers 1, 2, 3, 1, ... */
static void put_all(struct world *w, unsigned rounds)
{
	for (unsigned number = 0; number < rounds; number++)
		for (uint32_t key = 1; key <= FILES; key++)
			put(w, key, number);
}

static void write_all(struct world *w)
{
	tap_int_eq(writer_start(&w->writer, NULL), 0);
	writer_stop(&w->writer);
	tap_ok(writer_has_written(w->ring, atomic_load(&w->ring->head)));
}

/* Every line once and in order. */
static void check_files(struct world *w, unsigned rounds)
{
	for (uint32_t i = 0; i < FILES; i++) {
		_cleanup_fclose_ FILE *f = fdopen(dup(w->tenant[i].sink.fd), "r");
		char line[64], expected[64];
		unsigned number = 0;

		rewind(f);
		for (; fgets(line, sizeof(line), f); number++) {
			snprintf(expected, sizeof(expected), "%u.%u\n", i + 1, number);
			if (strcmp(line, expected) != 0) {
				tap_str_eq(line, expected);
				break;
			}
		}
		tap_int_eq(number, rounds);
	}
}

static void each_containers_lines_go_to_its_file_in_order(void)
{
	struct world *w = start_world();

	put_all(w, 2000);
	write_all(w);
	check_files(w, 2000);
	end_world(w);
}

/* As a writer leaves it that is killed while it writes container `key`'s lines of a batch of `rounds`:
 * the sinks before are done, of this one `bytes`. */
static void die_in(struct world *w, unsigned rounds, uint32_t key, size_t bytes)
{
	char text[256] = "";

	for (uint32_t i = 1; i <= key; i++) {
		text[0] = '\0';
		for (unsigned number = 0; number < rounds; number++)
			sprintf(text + strlen(text), "%u.%u\n", i, number);
		tap_ok(write(w->tenant[i - 1].sink.fd, text, i == key ? bytes : strlen(text)) >= 0);
	}
	w->ring->batch.of[1].key = key;
	w->ring->batch.of[1].is_file = 1;
	w->ring->batch.of[1].size_before = 0;
	w->ring->batch.of[0].key = 77; /* the last group's, or half filled in */
	w->ring->batch.of[0].is_file = 1;
	w->ring->batch.of[0].size_before = 12345;
	atomic_store(&w->ring->batch.current, 1);
	atomic_store(&w->ring->batch.from, atomic_load(&w->ring->tail));
	atomic_store(&w->ring->batch.to, atomic_load(&w->ring->head));
}

static void a_successor_goes_on_in_the_middle_of_a_line(void)
{
	for (uint32_t key = 1; key <= FILES; key++)
		for (size_t bytes = 0; bytes <= 20; bytes++) {
			struct world *w = start_world();

			put_all(w, 5);
			die_in(w, 5, key, bytes);
			put_all(w, 0);
			write_all(w);
			check_files(w, 5);
			end_world(w);
		}
}

static void a_batch_that_is_over_is_not_written_again(void)
{
	struct world *w = start_world();

	put_all(w, 3);
	write_all(w);
	write_all(w);
	check_files(w, 3);
	end_world(w);
}

static void lines_of_a_container_that_has_gone_hold_nobody_up(void)
{
	struct world *w = start_world();

	put(w, 4711, 0);
	put_all(w, 2);
	put(w, 4711, 1);
	write_all(w);
	check_files(w, 2);
	end_world(w);
}

int main(void)
{
	TAP_RUN(each_containers_lines_go_to_its_file_in_order);
	TAP_RUN(a_successor_goes_on_in_the_middle_of_a_line);
	TAP_RUN(a_batch_that_is_over_is_not_written_again);
	TAP_RUN(lines_of_a_container_that_has_gone_hold_nobody_up);
	return TAP_DONE();
}
