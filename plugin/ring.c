/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way to the writer. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/ring.h"

/* In front of each record. key 0: padding up to the end of the buffer. */
struct header {
	uint32_t len, key;
};

_Static_assert(sizeof(struct header) == RING_ALIGN, "records stay aligned");

size_t ring_record_size(size_t len)
{
	return sizeof(struct header) + (len + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
}

int ring_create(struct ring **ret, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	struct ring *r;

	fd = memfd_create("waylay-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*r)) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		return -errno;
	r->size = RING_SIZE;
	r->magic = RING_MAGIC;
	*ret = r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int ring_map(int fd, struct ring **ret)
{
	struct ring *r;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != sizeof(*r))
		return -EINVAL;
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		return -errno;
	if (r->magic != RING_MAGIC || r->size != RING_SIZE) {
		munmap(r, sizeof(*r));
		return -EINVAL;
	}
	*ret = r;
	return 0;
}

void ring_unmap(struct ring *r)
{
	if (r)
		munmap(r, sizeof(*r));
}

bool ring_reserve(struct ring *r, struct ring_spot *ret)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);
	size_t need = ring_record_size(RING_ROOM), to_end = RING_SIZE - head % RING_SIZE;
	size_t pad = to_end < need ? to_end : 0;

	if (used + pad + need > RING_SIZE) {
		atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
		return false;
	}
	if (pad) {
		struct header *h = (struct header *)&r->data[head % RING_SIZE];

		*h = (struct header){ .len = (uint32_t)(pad - sizeof(*h)) };
	}
	ret->at = head + pad;
	ret->text = &r->data[ret->at % RING_SIZE] + sizeof(struct header);
	return true;
}

uint64_t ring_left(const struct ring *r)
{
	return RING_SIZE - (atomic_load_explicit(&r->head, memory_order_relaxed) -
			    atomic_load_explicit(&r->tail, memory_order_acquire));
}

uint64_t ring_end(const struct ring_spot *spot, size_t len)
{
	return spot->at + ring_record_size(len);
}

void ring_commit(struct ring *r, const struct ring_spot *spot, uint32_t key, size_t len)
{
	struct header *h = (struct header *)(spot->text - sizeof(*h));

	*h = (struct header){ .len = (uint32_t)len, .key = key };
	atomic_store_explicit(&r->head, ring_end(spot, len), memory_order_release);
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static uint64_t used(const struct ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) -
	       atomic_load_explicit(&r->tail, memory_order_relaxed);
}

void ring_wake(const struct ring *r, struct ring_bell *bell)
{
	uint32_t bytes;

	/* The consumer says what it waits for and then looks at the head once more; this fence is the other
	 * half. */
	atomic_thread_fence(memory_order_seq_cst);
	bytes = atomic_load_explicit(&bell->bytes, memory_order_relaxed);
	if (bytes != 0 && used(r) >= bytes)
		ring_wake_anyway(bell);
}

void ring_wake_anyway(struct ring_bell *bell)
{
	if (atomic_exchange(&bell->bytes, 0))
		futex(&bell->bytes, FUTEX_WAKE, INT_MAX, NULL);
}

void ring_wait(struct ring *const *rings, unsigned n, struct ring_bell *bell, int timeout_ms,
	       uint32_t bytes)
{
	struct timespec ts = { .tv_sec = timeout_ms / 1000,
			       .tv_nsec = (long)(timeout_ms % 1000) * 1000000 };
	bool is_any = false;

	atomic_store(&bell->bytes, bytes);
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < n; i++)
		is_any |= used(rings[i]) >= bytes;
	if (!is_any)
		futex(&bell->bytes, FUTEX_WAIT, bytes, timeout_ms < 0 ? NULL : &ts);
	atomic_store(&bell->bytes, 0);
}

bool ring_next(const struct ring *r, uint64_t *pos, struct ring_record *ret)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	while (*pos < head) {
		const char *at = &r->data[*pos % RING_SIZE];
		const struct header *h = (const struct header *)at;

		*pos += ring_record_size(h->len);
		if (h->key == 0)
			continue;
		*ret = (struct ring_record){ .text = at + sizeof(*h),
					     .len = h->len,
					     .key = h->key };
		return true;
	}
	return false;
}
