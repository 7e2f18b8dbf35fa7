/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way to the writer: one producer, one consumer, shared memory that outlives both. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_SIZE  (1u << 20)  /* bytes of records; a power of two */
#define RING_ROOM  (64u << 10) /* the longest record */
#define RING_ALIGN 8
#define RING_HIGH  (RING_SIZE / 4) /* a consumer at rest is woken */

/* Positions count bytes ever written; offset = position % RING_SIZE. */
struct ring {
	uint64_t magic;
	uint32_t size;
	uint32_t unused;
	_Atomic uint64_t lost;				    /* records that found no room */
	_Atomic uint64_t head __attribute__((aligned(64))); /* published */
	_Atomic uint64_t tail __attribute__((aligned(64))); /* written out */
	/* The consumer's write in progress. If it dies in the middle, its successor compares the file's
	 * size with size_before and goes on behind what was written. The records from..to are written
	 * sink by sink, in the order of each sink's first record. */
	struct {
		_Atomic uint64_t from, to; /* equal: none */
		_Atomic uint32_t current;  /* of the two below; the other is being filled in */
		struct {
			uint32_t key; /* of the sink's first record */
			uint32_t is_file;
			uint64_t size_before;
		} of[2];
	} batch __attribute__((aligned(64)));
	char data[RING_SIZE] __attribute__((aligned(4096)));
};
#define RING_MAGIC 0x776179316c617913ull

/* The futex of a consumer, which may have several rings. */
struct ring_bell {
	_Atomic uint32_t bytes; /* it waits for so many in one of them; 0: awake */
};

int ring_create(struct ring **ret, int *ret_fd);
int ring_map(int fd, struct ring **ret);
void ring_unmap(struct ring *r);

/* Producer. A reservation is RING_ROOM bytes to write a record's text into; nothing is visible before the
 * commit, and what was not committed is simply written over. */
struct ring_spot {
	char *text;
	uint64_t at;
};
/* False: full; the caller counts the loss. */
bool ring_reserve(struct ring *r, struct ring_spot *ret);
/* Where the head will stand after a commit of len bytes: noted in the journal before the commit, so that
 * a successor can tell whether the event was written. */
uint64_t ring_end(const struct ring_spot *spot, size_t len);
/* What a record of that many bytes of text takes. */
size_t ring_record_size(size_t len);
/* Bytes that are free. */
uint64_t ring_left(const struct ring *r);
void ring_commit(struct ring *r, const struct ring_spot *spot, uint32_t key, size_t len);
/* Wakes a sleeping consumer if there is what it waits for; one load if it is awake. */
void ring_wake(const struct ring *r, struct ring_bell *bell);
void ring_wake_anyway(struct ring_bell *bell); /* whatever it waits for */
/* True if the record that ends at `end` (0: none) was committed. */
static inline bool ring_has(const struct ring *r, uint64_t end)
{
	return end != 0 && atomic_load_explicit(&r->head, memory_order_acquire) >= end;
}

/* Consumer. The record at position *pos, and *pos moved behind it; false at the head. */
struct ring_record {
	const char *text;
	size_t len;
	uint32_t key;
};
bool ring_next(const struct ring *r, uint64_t *pos, struct ring_record *ret);
/* Waits until there are so many bytes of records (1: any) in one of the rings or timeout_ms have passed
 * (-1: for ever). */
void ring_wait(struct ring *const *rings, unsigned n, struct ring_bell *bell, int timeout_ms,
	       uint32_t bytes);
