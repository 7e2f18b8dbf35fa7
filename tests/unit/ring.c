/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/ring and plugin/journal: shared memory that outlives who writes it. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/journal.h"
#include "plugin/ring.h"
#include "tests/unit/tap.h"

static bool put(struct ring *r, uint32_t key, const char *text, size_t len)
{
	struct ring_spot spot;

	if (!ring_reserve(r, &spot))
		return false;
	memcpy(spot.text, text, len);
	ring_commit(r, &spot, key, len);
	return true;
}

static void records_come_out_in_order_with_their_keys(void)
{
	_cleanup_close_ int fd = -EBADF;
	struct ring_record record;
	struct ring *r;
	uint64_t pos = 0;

	tap_int_eq(ring_create(&r, &fd), 0);
	tap_ok(!ring_next(r, &pos, &record));
	tap_ok(put(r, 7, "one", 3));
	tap_ok(put(r, 8, "", 0));
	tap_ok(put(r, 9, "eleven chars", 12));
	tap_ok(ring_next(r, &pos, &record));
	tap_int_eq(record.key, 7);
	tap_int_eq(record.len, 3);
	tap_ok(memcmp(record.text, "one", 3) == 0);
	tap_ok(ring_next(r, &pos, &record));
	tap_int_eq(record.len, 0);
	tap_ok(ring_next(r, &pos, &record));
	tap_int_eq(record.key, 9);
	tap_int_eq(pos, r->head);
	tap_ok(!ring_next(r, &pos, &record));
	ring_unmap(r);
}

static void an_uncommitted_record_does_not_exist(void)
{
	_cleanup_close_ int fd = -EBADF;
	struct ring_record record;
	struct ring_spot spot;
	struct ring *r;
	uint64_t pos = 0, end;

	tap_int_eq(ring_create(&r, &fd), 0);
	tap_ok(ring_reserve(r, &spot));
	memset(spot.text, 'x', RING_ROOM);
	end = ring_end(&spot, 100);
	tap_ok(!ring_has(r, end));
	tap_ok(!ring_has(r, 0));
	tap_ok(!ring_next(r, &pos, &record));
	ring_commit(r, &spot, 1, 100);
	tap_ok(ring_has(r, end));
	tap_ok(!ring_has(r, end + 1));
	ring_unmap(r);
}

static void a_full_ring_refuses_and_counts_and_never_overwrites(void)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *big = malloc(RING_ROOM);
	struct ring_record record;
	struct ring *r;
	uint64_t pos = 0;
	unsigned n = 0, seen = 0;

	memset(big, 'b', RING_ROOM);
	tap_int_eq(ring_create(&r, &fd), 0);
	while (put(r, 1, big, RING_ROOM))
		n++;
	tap_ok(n >= RING_SIZE / RING_ROOM - 2);
	tap_ok(r->head - r->tail <= RING_SIZE);
	tap_int_eq(r->lost, 1);
	while (ring_next(r, &pos, &record))
		seen++;
	tap_int_eq(seen, n);
	r->tail = pos;
	tap_ok(put(r, 2, "again", 5));
	tap_ok(ring_next(r, &pos, &record));
	tap_int_eq(record.key, 2);
	ring_unmap(r);
}

struct race {
	struct ring *ring;
	struct ring_bell bell;
	unsigned n;
};

static void *produce(void *arg)
{
	struct race *race = arg;

	for (unsigned i = 1; i <= race->n;) {
		char text[2000];
		size_t len = sizeof(i) + i % (sizeof(text) - sizeof(i));

		memset(text, (int)(i & 0xff), len);
		memcpy(text, &i, sizeof(i));
		if (put(race->ring, i, text, len))
			i++;
		ring_wake(race->ring, &race->bell);
	}
	return NULL;
}

static void a_sleeping_consumer_is_woken_and_gets_every_record_whole(void)
{
	_cleanup_close_ int fd = -EBADF;
	struct race race = { .n = 20000 };
	unsigned expected = 1, bad = 0;
	uint64_t pos = 0;
	pthread_t thread;

	tap_int_eq(ring_create(&race.ring, &fd), 0);
	tap_int_eq(pthread_create(&thread, NULL, produce, &race), 0);
	while (expected <= race.n) {
		struct ring_record record;

		if (!ring_next(race.ring, &pos, &record)) {
			ring_wait(&race.ring, 1, &race.bell, -1, 1);
			continue;
		}
		bad += record.key != expected || memcmp(record.text, &expected, 4) != 0;
		for (size_t k = 4; k < record.len; k++)
			bad += (unsigned char)record.text[k] != (expected & 0xff);
		expected++;
		race.ring->tail = pos;
	}
	pthread_join(thread, NULL);
	tap_int_eq(bad, 0);
	ring_unmap(race.ring);
}

static void another_process_finds_what_a_dead_one_wrote(void)
{
	_cleanup_close_ int fd = -EBADF;
	struct ring_record record;
	struct ring *r, *again;
	uint64_t pos = 0;
	pid_t pid;

	tap_int_eq(ring_create(&r, &fd), 0);
	pid = fork();
	if (pid == 0) {
		struct ring *own;

		if (ring_map(fd, &own) == 0)
			put(own, 3, "last words", 10);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	tap_int_eq(ring_map(fd, &again), 0);
	tap_ok(ring_next(again, &pos, &record));
	tap_int_eq(record.len, 10);
	ring_unmap(r);
	ring_unmap(again);
}

static void foreign_memory_is_refused(void)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	struct journal *j;
	struct ring *r;

	tap_int_eq(ring_map(fd, &r), -EINVAL);
	tap_int_eq(journal_map(fd, &j), -EINVAL);
	tap_int_eq(ftruncate(fd, sizeof(struct ring)), 0);
	tap_int_eq(ring_map(fd, &r), -EINVAL);
	tap_int_eq(ftruncate(fd, sizeof(struct journal)), 0);
	tap_int_eq(journal_map(fd, &j), -EINVAL);
	tap_int_eq(ftruncate(fd, sizeof(struct journal) - 1), 0);
	tap_int_eq(journal_map(fd, &j), -EINVAL);
}

static void no_slot_straddles_a_page(void)
{
	for (size_t i = 0; i < JOURNAL_SLOTS; i++) {
		size_t at = offsetof(struct journal, slots) + i * sizeof(struct slot);

		if (at / 4096 != (at + sizeof(struct seccomp_notif) - 1) / 4096) {
			tap_int_eq(i, -1);
			return;
		}
	}
}

static void a_cleared_slot_is_what_RECV_wants(void)
{
	static const struct seccomp_notif zero;
	_cleanup_close_ int fd = -EBADF;
	struct journal *j;
	struct slot *slot;

	tap_int_eq(journal_create(&j, &fd), 0);
	slot = &j->slots[JOURNAL_SLOTS - 1];
	tap_ok(!slot_is_received(slot));
	memset(&slot->notif, 0xff, sizeof(slot->notif));
	slot->job = slot->rule = slot->worker = slot->undoing = 1;
	slot->event_end = slot->deadline_ns = 1;
	slot->state = SLOT_DONE;
	tap_ok(slot_is_received(slot));
	slot_free(slot);
	tap_ok(memcmp(&slot->notif, &zero, sizeof(zero)) == 0);
	tap_int_eq(slot->job + slot->rule + slot->worker + slot->undoing, 0);
	tap_int_eq(slot->event_end + slot->deadline_ns, 0);
	tap_int_eq(slot->state, SLOT_FREE);
	journal_unmap(j);
}

int main(void)
{
	TAP_RUN(records_come_out_in_order_with_their_keys);
	TAP_RUN(an_uncommitted_record_does_not_exist);
	TAP_RUN(a_full_ring_refuses_and_counts_and_never_overwrites);
	TAP_RUN(a_sleeping_consumer_is_woken_and_gets_every_record_whole);
	TAP_RUN(another_process_finds_what_a_dead_one_wrote);
	TAP_RUN(foreign_memory_is_refused);
	TAP_RUN(no_slot_straddles_a_page);
	TAP_RUN(a_cleared_slot_is_what_RECV_wants);
	return TAP_DONE();
}
