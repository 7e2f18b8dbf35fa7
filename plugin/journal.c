/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight, in shared memory that outlives the listener. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/journal.h"

int journal_create(struct journal **ret, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	struct journal *j;

	fd = memfd_create("waylay-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*j)) < 0)
		return -errno;
	/* A file that shrank under a mapping would be SIGBUS in whoever holds it. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j == MAP_FAILED)
		return -errno;
	j->n_slots = JOURNAL_SLOTS;
	j->n_jobs = JOURNAL_JOBS;
	j->slot_size = sizeof(struct slot);
	j->magic = JOURNAL_MAGIC;
	*ret = j;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int journal_map(int fd, struct journal **ret)
{
	struct journal *j;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != sizeof(*j))
		return -EINVAL;
	j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j == MAP_FAILED)
		return -errno;
	if (j->magic != JOURNAL_MAGIC || j->n_slots != JOURNAL_SLOTS || j->n_jobs != JOURNAL_JOBS ||
	    j->slot_size != sizeof(struct slot)) {
		munmap(j, sizeof(*j));
		return -EINVAL;
	}
	*ret = j;
	return 0;
}

void journal_unmap(struct journal *j)
{
	if (j)
		munmap(j, sizeof(*j));
}

void slot_clear(struct slot *slot)
{
	/* First what says "received": a listener that dies in the middle leaves a slot that is empty, or
	 * one whose id the kernel no longer knows. */
	__atomic_store_n(&slot->notif.data.arch, 0, __ATOMIC_RELEASE);
	slot->notif = (struct seccomp_notif){ 0 };
	slot->resp = (struct seccomp_notif_resp){ 0 };
	slot->rule = slot->job = slot->worker = slot->undoing = slot->attempts = 0;
	slot->received_ns = slot->deadline_ns = 0;
	__atomic_store_n(&slot->event_end, 0, __ATOMIC_RELEASE);
}

void slot_free(struct slot *slot)
{
	slot_clear(slot);
	atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_release);
}
