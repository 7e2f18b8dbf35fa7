/* SPDX-License-Identifier: Apache-2.0 */
/* Containers come and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/listener.h"
#include "specs/wire.h"

static int open_sink(struct listener *l, const char *id, const struct policy *policy,
		     struct sink *ret, struct wl_err *err)
{
	if (l->has_common && !policy->events) {
		*ret = (struct sink){ .fd = -EBADF };
		return 0;
	}
	return sink_open(l->cap, id, policy->events, ret, err);
}

int intake_check(struct listener *l, const char *id, const struct policy *policy,
		 struct wl_err *err)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct sink sink;
	int r;

	r = cap_check(l->cap, policy, err);
	if (r < 0)
		return wl_err_prefix(err, r, "container %s", id);
	if (policy->engine != ENGINE_NOTIFY)
		return wl_err_say(err, -EOPNOTSUPP,
				  "container %s: engine 'trace' is not served by this listener; "
				  "use engine 'notify'",
				  id);
	r = plan_new(policy, abi_native(), &plan, err);
	if (r < 0)
		return r;
	r = open_sink(l, id, policy, &sink, err);
	if (r < 0)
		return r;
	sink_done(&sink);
	return 0;
}

static void put(struct listener *l, const struct tenant *t)
{
	struct keeper_msg msg = { .op = KEEPER_PUT, .kind = KEEP_CONTAINER, .key = t->c->key };
	int fds[KEEP_FDS] = { [FD_NOTIFY] = t->c->notify_fd,
			      [FD_BLOB] = t->c->blob_fd,
			      [FD_SINK] = t->sink.fd,
			      [FD_PIDFD] = t->pidfd };

	keeper_link_send(&l->link, &msg, fds);
}

static void drop(struct listener *l, const struct tenant *t)
{
	struct keeper_msg msg = { .op = KEEPER_DROP, .kind = KEEP_CONTAINER, .key = t->c->key };

	keeper_link_send(&l->link, &msg, NULL);
}

void intake_put_all(struct listener *l)
{
	struct keeper_msg msg = { .op = KEEPER_PUT, .kind = KEEP_LISTEN, .arg = l->is_activated };
	int fds[KEEP_FDS] = { l->listen_fd, -EBADF, -EBADF, -EBADF };

	keeper_link_send(&l->link, &msg, fds);
	for (unsigned i = 0; i < l->n_shards; i++) {
		struct keeper_msg shard = { .op = KEEPER_PUT, .kind = KEEP_SHARD, .key = i };
		int of[KEEP_FDS] = { [FD_JOURNAL] = l->shards[i]->journal_fd,
				     [FD_RING] = l->shards[i]->ring_fd,
				     -EBADF,
				     -EBADF };

		keeper_link_send(&l->link, &shard, of);
	}
	for (unsigned i = 0; i < TENANTS_MAX && l->tenants.n > 0; i++)
		if (l->tenants.at[i])
			put(l, l->tenants.at[i]);
	msg = (struct keeper_msg){ .op = KEEPER_READY };
	keeper_link_send(&l->link, &msg, NULL);
}

static unsigned least_loaded(const struct listener *l)
{
	unsigned load[SHARDS_MAX] = { 0 }, best = 0;

	if (l->n_shards == 1)
		return 0;
	for (unsigned i = 0; i < TENANTS_MAX; i++)
		if (l->tenants.at[i])
			load[l->tenants.at[i]->c->blob->shard]++;
	for (unsigned i = 1; i < l->n_shards; i++)
		if (load[i] < load[best])
			best = i;
	return best;
}

static void enter(struct listener *l, struct tenant *t, bool is_resumed)
{
	struct command add = { .op = COMMAND_ADD, .tenant = t, .is_resumed = is_resumed };

	l->had_container = true;
	if (shard_command(l->shards[t->c->blob->shard], &add) < 0)
		log_error("container %s: out of memory", t->c->blob->id);
}

/* A second reader would wait in RECV for the calls that the first one has taken, and all others with it. */
static const struct tenant *find_same_fd(const struct listener *l, int fd)
{
	for (unsigned i = 0; i < TENANTS_MAX && l->tenants.n > 0; i++) {
		const struct tenant *t = l->tenants.at[i];

		if (t && t->c->notify_fd >= 0 && sys_is_same_file(t->c->notify_fd, fd))
			return t;
	}
	return NULL;
}

static int make_container(struct listener *l, struct wire_msg *msg, const struct policy *policy,
			  bool is_plain, struct tenant *t, struct wl_err *err)
{
	struct container_info info = { .id = msg->id,
				       .policy = policy,
				       .profile = msg->profile.len ? &msg->profile : NULL,
				       .init = is_plain && msg->pid > 0 ? msg->pid : msg->init,
				       .sink_kind = t->sink.kind,
				       .is_started = is_plain,
				       .since_ns = event_now(),
				       .is_hooked = !is_plain && msg->bundle };
	const struct tenant *same = find_same_fd(l, msg->seccomp_fd);
	_cleanup_close_ int blob = -EBADF;
	int r;

	if (same)
		return wl_err_say(
			err, -EBUSY,
			"container %s: its notification fd is served already, as container %s",
			msg->id, same->c->blob->id);
	info.key = tenants_new_key(&l->tenants);
	info.shard = least_loaded(l);
	if (info.key == 0)
		return wl_err_say(err, -EMFILE, "container %s: %d containers are the limit",
				  msg->id, TENANTS_MAX);
	if (info.profile) {
		r = bpf_validate(info.profile->insns, info.profile->len, err);
		if (r < 0)
			return wl_err_prefix(err, r, "container %s: profile", msg->id);
	}
	r = container_blob_create(&info, &blob, err);
	if (r < 0)
		return r;
	r = container_open(blob, msg->seccomp_fd, &t->c, err);
	if (r < 0)
		return r;
	blob = -EBADF;
	msg->seccomp_fd = -EBADF;
	t->pidfd = info.init > 0 ? sys_pidfd_open(info.init, 0) : -EBADF;
	return 0;
}

static void tenant_freep(struct tenant **t)
{
	tenant_free(*t);
}

int intake_add(struct listener *l, struct wire_msg *msg, const struct policy *policy, bool is_plain,
	       struct wl_err *err)
{
	_cleanup_(tenant_freep) struct tenant *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return wl_err_set(err, -ENOMEM, "container %s", msg->id);
	t->pidfd = t->sink.fd = -EBADF;
	r = open_sink(l, msg->id, policy, &t->sink, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&l->tenants.lock);
	r = make_container(l, msg, policy, is_plain, t, err);
	if (r == 0)
		tenants_add(&l->tenants, t);
	pthread_mutex_unlock(&l->tenants.lock);
	if (r < 0)
		return r;
	/* First to the keeper: from the first RECV on the fd must outlive us. */
	put(l, t);
	enter(l, TAKE_PTR(t), false);
	return 0;
}

void intake_resume(struct listener *l, int fds[KEEP_FDS])
{
	_cleanup_(tenant_freep) struct tenant *t = calloc(1, sizeof(*t));
	struct wl_err err = { 0 };
	int r = -ENOMEM;

	if (t) {
		t->pidfd = fds[FD_PIDFD];
		t->sink.fd = fds[FD_SINK];
		r = container_open(fds[FD_BLOB], fds[FD_NOTIFY], &t->c, &err);
	}
	if (r == 0 && t->c->blob->shard >= l->n_shards)
		r = wl_err_say(&err, -EINVAL, "shard %u is missing", t->c->blob->shard);
	if (r < 0) {
		log_error("a container cannot be taken over, its calls get ENOSYS: %s", err.msg);
		if (!t || !t->c) {
			fd_close(fds[FD_BLOB]);
			fd_close(fds[FD_NOTIFY]);
		}
		return;
	}
	t->sink.kind = t->c->blob->sink_kind;
	tenants_add(&l->tenants, t);
	enter(l, TAKE_PTR(t), true);
}

bool intake_has(struct listener *l, const char *id)
{
	for (unsigned i = 0; i < TENANTS_MAX && l->tenants.n > 0; i++)
		if (l->tenants.at[i] && strcmp(l->tenants.at[i]->c->blob->id, id) == 0)
			return true;
	return false;
}

int intake_started(struct listener *l, const char *id, struct wl_err *err)
{
	bool has_any = false;

	for (unsigned i = 0; i < TENANTS_MAX && l->tenants.n > 0; i++) {
		struct tenant *t = l->tenants.at[i];

		if (!t || strcmp(t->c->blob->id, id) != 0)
			continue;
		atomic_store(&t->c->blob->started, 1);
		has_any = true;
	}
	return has_any ? 0 : wl_err_say(err, -ENOENT, "container %s is not known here", id);
}

/* Everything that the container holds is given back at once; only the memory stays a moment, for a shard
 * that may just be looking at the table. */
static void bury(struct listener *l, struct tenant *t)
{
	char id[sizeof(t->c->blob->id)];

	snprintf(id, sizeof(id), "%s", t->c->blob->id);
	drop(l, t);
	pthread_mutex_lock(&l->tenants.lock);
	tenants_remove(&l->tenants, t);
	pthread_mutex_unlock(&l->tenants.lock);
	t->c->notify_fd = fd_close(t->c->notify_fd);
	t->c->blob_fd = fd_close(t->c->blob_fd);
	t->pidfd = fd_close(t->pidfd);
	sink_done(&t->sink);
	t->next_done = l->grave;
	l->grave = t;
	if (!intake_has(l, id))
		receive_ended(l, id);
}

void intake_collect(struct listener *l)
{
	struct tenant **p = &l->closing, *t;

	for (unsigned i = 0; i < l->n_shards; i++) {
		struct shard *s = l->shards[i];

		pthread_mutex_lock(&s->lock);
		t = s->done;
		s->done = NULL;
		pthread_mutex_unlock(&s->lock);
		while (t) {
			struct tenant *next = t->next_done;

			t->next_done = l->closing;
			l->closing = t;
			t = next;
		}
	}
	atomic_store(&l->writer.is_wanted, l->closing != NULL);
	while ((t = *p) != NULL) {
		if (!writer_has_written(l->shards[t->c->blob->shard]->ring,
					t->c->blob->end_event)) {
			p = &t->next_done;
			continue;
		}
		*p = t->next_done;
		bury(l, t);
	}
}

void intake_tick(struct listener *l)
{
	while (l->grave) {
		struct tenant *t = l->grave;

		l->grave = t->next_done;
		tenant_free(t);
	}
}
