/* SPDX-License-Identifier: Apache-2.0 */
/* Callers' memory, read so that a page which never comes does not hold up the other containers. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "arch/base/log.h"
#include "plugin/listener.h"
#include "plugin/loop.h"

#define STUCK_NS (300 * 1000000ull) /* a read takes a microsecond; from a slow disk milliseconds */
/* When to look again: while there is a read, there are containers, there are none. */
#define BUSY_MS	 50
#define IDLE_MS	 250
#define ALONE_MS 1000

static ssize_t watched_read(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct reading *r = (struct reading *)mem->ctx;
	struct mem task = mem_of_task(mem->tid);
	ssize_t n;

	if (atomic_load_explicit(&r->blob->is_unreadable, memory_order_relaxed))
		return -EFAULT;
	r->count++;
	atomic_store_explicit(&r->now, (uint64_t)r->blob->key << 32 | r->count,
			      memory_order_relaxed);
	n = task.read(&task, addr, buf, len);
	atomic_store_explicit(&r->now, 0, memory_order_relaxed);
	return n;
}

struct mem shard_mem(struct shard *s, const struct tenant *t, unsigned slot)
{
	s->reading.blob = t->c->blob;
	return (struct mem){ .read = watched_read,
			     .tid = (pid_t)s->journal->slots[slot].notif.pid,
			     .ctx = &s->reading };
}

/* The kernel waits for a page of a FUSE file or of a userfaultfd in process_vm_readv(), and for a writer
 * that waits for such a page with the address space locked; only a fatal signal ends that (userfaultfd:
 * tried on 6.18; FUSE and /proc/TID/mem fault by the same kernel code, not tried). So it ends by the way
 * that is there anyway: this process dies and its successor goes on from the journal, knowing
 * not to read that container's memory again. */
static void end_stuck(struct listener *l, uint32_t key)
{
	struct tenant *t = tenants_find(&l->tenants, key);

	/* Without a keeper the containers would lose their listener: it will be there in a moment. */
	if (!t || l->link.sock < 0)
		return;
	atomic_store(&t->c->blob->is_unreadable, 1);
	log_error("container %s: reading its memory takes for ever; its calls are shown without "
		  "what their pointers point to from now on, and the listener restarts",
		  t->c->blob->id);
	_exit(1);
}

int reading_look(struct listener *l)
{
	uint64_t now = event_now();
	bool is_any = false;

	for (unsigned i = 0; i < l->n_shards; i++) {
		struct reading *r = &l->shards[i]->reading;
		uint64_t at = atomic_load_explicit(&r->now, memory_order_relaxed);

		if (at == 0 || at != r->seen) {
			r->seen = at;
			r->seen_ns = now;
		} else if (now - r->seen_ns > STUCK_NS)
			end_stuck(l, (uint32_t)(at >> 32));
		is_any |= at != 0;
	}
	return is_any ? BUSY_MS : l->tenants.n > 0 ? IDLE_MS : ALONE_MS;
}
