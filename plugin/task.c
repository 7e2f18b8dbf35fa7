/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ids of the calling tasks. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/base/buf.h"
#include "arch/base/cleanup.h"
#include "plugin/task.h"

#define STATUS_SIZE 4096
#define COMM_MAX    15 /* kernel threads have longer ones; they make no system calls */

int task_cache_init(struct task_cache *cache, const struct task_watch *watch)
{
	cache->watch = watch;
	cache->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return cache->proc < 0 ? -errno : 0;
}

static void forget(struct task *t)
{
	if (t->tid != 0)
		fd_close(t->comm_fd);
	t->tid = 0;
}

void task_cache_done(struct task_cache *cache)
{
	for (unsigned i = 0; i < TASK_CACHE; i++)
		forget(&cache->tasks[i]);
	cache->proc = fd_close(cache->proc);
}

static int open_of(const struct task_cache *cache, pid_t tid, const char *file)
{
	char name[48];
	int fd;

	snprintf(name, sizeof(name), "%d/%s", (int)tid, file);
	fd = openat(cache->proc, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_status(const struct task_cache *cache, pid_t tid, char text[STATUS_SIZE])
{
	_cleanup_close_ int fd = open_of(cache, tid, "status");
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, STATUS_SIZE - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ESRCH;
	text[n] = '\0';
	return 0;
}

/* Text behind "\n<key>:". The name in the first line is escaped by the kernel: it holds no newline. */
static const char *field(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? at + strlen(key) : NULL;
}

static int load(const struct task_cache *cache, pid_t tid, struct task *t)
{
	char text[STATUS_SIZE];
	const char *tgid, *ns;
	int r;

	r = read_status(cache, tid, text);
	if (r < 0)
		return r;
	tgid = field(text, "\nTgid:");
	ns = field(text, "\nNSpid:");
	if (!tgid)
		return -EINVAL;
	t->tgid = (pid_t)strtol(tgid, NULL, 10);
	t->ns_pid = tid;
	while (ns && *ns == '\t')
		t->ns_pid = (pid_t)strtol(ns + 1, (char **)&ns, 10);
	t->comm_fd = open_of(cache, tid, "comm");
	if (t->comm_fd < 0)
		return t->comm_fd;
	t->tid = tid;
	return 0;
}

static void put_number(struct out *o, const char *key, pid_t value)
{
	out_str(o, key);
	out_i64(o, value);
}

static int read_comm(struct task *t)
{
	struct out o = out_init(t->text, sizeof(t->text));
	char comm[32];
	ssize_t n = pread(t->comm_fd, comm, sizeof(comm), 0);

	if (n <= 0)
		return n < 0 ? -errno : -ESRCH;
	if (comm[n - 1] == '\n')
		n--;
	put_number(&o, ",\"pid\":", t->tgid);
	put_number(&o, ",\"tid\":", t->tid);
	put_number(&o, ",\"ns_pid\":", t->ns_pid);
	out_str(&o, ",\"comm\":\"");
	out_escaped(&o, comm, (size_t)n < COMM_MAX ? (size_t)n : COMM_MAX);
	out_char(&o, '"');
	t->text_len = (unsigned)(o.at - t->text);
	return 0;
}

static void changed(void *arg, pid_t tid)
{
	struct task_cache *cache = arg;
	struct task *t = &cache->tasks[(unsigned)tid % TASK_CACHE];

	if (t->tid == tid)
		t->is_known = false;
	for (unsigned i = 0; tid == 0 && i < TASK_CACHE; i++)
		cache->tasks[i].is_known = false;
}

bool task_is_still(struct task_cache *cache, const struct task *t)
{
	task_watch_read(cache->watch, &cache->reader, changed, cache);
	return t->is_known;
}

const struct task *task_get(struct task_cache *cache, pid_t tid, uint32_t owner, uint64_t now_ns,
			    bool *ret_is_known)
{
	struct task *t = &cache->tasks[(unsigned)tid % TASK_CACHE];
	bool is_same = t->tid == tid && t->owner == owner;

	/* Before anything is read: what happens from now on is told the next time. */
	task_watch_read(cache->watch, &cache->reader, changed, cache);
	*ret_is_known = is_same && t->is_known && now_ns - t->checked_ns < TASK_NS;
	if (*ret_is_known)
		return t;
	if (!is_same || read_comm(t) < 0) {
		forget(t);
		if (load(cache, tid, t) < 0 || read_comm(t) < 0) {
			forget(t);
			return NULL;
		}
	}
	t->owner = owner;
	t->is_known = cache->watch->n > 0;
	t->checked_ns = now_ns;
	return t;
}

void task_cache_drop(struct task_cache *cache, uint32_t owner)
{
	for (unsigned i = 0; i < TASK_CACHE; i++)
		if (cache->tasks[i].tid != 0 && cache->tasks[i].owner == owner)
			forget(&cache->tasks[i]);
}

static uint64_t mask_of(const char *text, const char *key)
{
	const char *at = field(text, key);

	return at ? strtoull(at, NULL, 16) : 0;
}

bool task_has_signal(const struct task_cache *cache, pid_t tid)
{
	char text[STATUS_SIZE];

	if (read_status(cache, tid, text) < 0)
		return false;
	return ((mask_of(text, "\nSigPnd:") | mask_of(text, "\nShdPnd:")) &
		~mask_of(text, "\nSigBlk:")) != 0;
}
