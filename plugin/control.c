/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to an operator's questions. */
#include <errno.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "plugin/control.h"
#include "specs/keys.h"

/* An answer must fit into a socket's buffer, so that nobody waits for a peer that does not read: the list
 * is given in pages. */
#define PAGE_SIZE_MAX (48u << 10)

struct question {
	const char *verb, *container;
	int64_t version, from;
};

static int read_version(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	if (value->u.integer != 1)
		return wl_err_say(err, -EINVAL, "%s: version 1 only is known here", what);
	((struct question *)into)->version = 1;
	return 0;
}

static int read_do(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	((struct question *)into)->verb = value->u.string.text;
	return 0;
}

static int read_container(void *into, const struct json *value, const char *what,
			  struct wl_err *err)
{
	((struct question *)into)->container = value->u.string.text;
	return 0;
}

static int read_from(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	if (value->is_big || value->u.integer < 0 || value->u.integer > TENANTS_MAX)
		return wl_err_say(err, -EINVAL, "%s: 0 to %d", what, TENANTS_MAX);
	((struct question *)into)->from = value->u.integer;
	return 0;
}

static const struct key_row keys[] = {
	{ "version", KEY_INT, read_version, "Always 1." },
	{ "do", KEY_STRING, read_do, "What to do." },
	{ "container", KEY_STRING, read_container, "Container id." },
	{ "from", KEY_INT, read_from, "Where a list goes on." },
	{ 0 },
};

static const char *state_of(const struct container_blob *blob)
{
	if (atomic_load(&blob->stopped))
		return "stopping";
	if (atomic_load(&blob->ended))
		return "ending";
	return atomic_load(&blob->started) ? "running" : "starting";
}

static void write_tenant(const struct tenant *t, bool with_counts, struct buf *out)
{
	const struct container_blob *blob = t->c->blob;

	buf_puts(out, "{\"id\":");
	buf_json_string(out, blob->id);
	buf_printf(out,
		   ",\"pid\":%d,\"engine\":\"notify\",\"rules\":%zu,\"state\":\"%s\","
		   "\"age_s\":%llu,\"calls\":%llu,\"lost\":%llu",
		   (int)blob->init, t->c->policy->n_rules, state_of(blob),
		   (unsigned long long)((event_now() - blob->since_ns) / 1000000000),
		   (unsigned long long)blob->calls, (unsigned long long)blob->events_lost);
	if (with_counts) {
		buf_puts(out, ",");
		metrics_write(&blob->metrics, out);
	}
	buf_puts(out, "}");
}

static unsigned queue_depth(const struct journal *journal)
{
	unsigned n = 0;

	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		n += atomic_load_explicit(&journal->slots[i].state, memory_order_relaxed) !=
			     SLOT_FREE &&
		     slot_is_received(&journal->slots[i]);
	return n;
}

static void write_listener(const struct listener *l, struct buf *out)
{
	unsigned long long lost = 0;
	unsigned queue = 0;

	for (unsigned i = 0; i < l->n_shards; i++) {
		lost += atomic_load(&l->shards[i]->ring->lost);
		queue += queue_depth(l->shards[i]->journal);
	}
	buf_printf(out,
		   "\"listener\":{\"containers\":%u,\"shards\":%u,\"restarts\":%llu,"
		   "\"ring_lost\":%llu,\"queue\":%u}",
		   l->tenants.n, l->n_shards,
		   (unsigned long long)atomic_load(&l->shards[0]->journal->restarts), lost, queue);
}

static void write_page(const struct listener *l, unsigned from, bool with_counts, struct buf *out)
{
	const char *comma = "";
	unsigned i;

	buf_printf(out, "{\"ok\":true,\"first\":%s,", from == 0 ? "true" : "false");
	write_listener(l, out);
	buf_puts(out, ",\"containers\":[");
	for (i = from; i < TENANTS_MAX && out->len < PAGE_SIZE_MAX; i++) {
		if (!l->tenants.at[i])
			continue;
		buf_puts(out, comma);
		write_tenant(l->tenants.at[i], with_counts, out);
		comma = ",";
	}
	buf_puts(out, "]");
	if (i < TENANTS_MAX)
		buf_printf(out, ",\"next\":%u", i);
	buf_puts(out, "}\n");
}

static int do_ps(struct listener *l, const struct question *q, struct buf *answer,
		 const char **ret_awaited, struct wl_err *err)
{
	write_page(l, (unsigned)q->from, false, answer);
	return 0;
}

static int do_metrics(struct listener *l, const struct question *q, struct buf *answer,
		      const char **ret_awaited, struct wl_err *err)
{
	write_page(l, (unsigned)q->from, true, answer);
	return 0;
}

/* Before its program runs it is the runtime whose calls would fail. */
static bool is_starting(const struct listener *l, const char *id)
{
	for (unsigned i = 0; i < TENANTS_MAX; i++) {
		const struct tenant *t = l->tenants.at[i];

		if (t && strcmp(t->c->blob->id, id) == 0 && !atomic_load(&t->c->blob->started))
			return true;
	}
	return false;
}

/* All of that id: a process that was exec'd into a container by the spec route is served beside it. */
static int do_stop(struct listener *l, const struct question *q, struct buf *answer,
		   const char **ret_awaited, struct wl_err *err)
{
	if (!q->container)
		return wl_err_say(err, -EINVAL, "stop: \"container\" is missing");
	if (!intake_has(l, q->container))
		return wl_err_say(err, -ENOENT, "container %s is not known here", q->container);
	if (is_starting(l, q->container))
		return wl_err_say(err, -EBUSY, "container %s has not started yet", q->container);
	for (unsigned i = 0; i < TENANTS_MAX; i++) {
		const struct tenant *t = l->tenants.at[i];
		struct command end = { .op = COMMAND_END };

		if (!t || strcmp(t->c->blob->id, q->container) != 0)
			continue;
		end.container = t->c->key;
		if (shard_command(l->shards[t->c->blob->shard], &end) < 0)
			return wl_err_set(err, -ENOMEM, "stop container %s", q->container);
	}
	log_info("container %s: interception is stopped on request", q->container);
	*ret_awaited = q->container;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct listener *l, const struct question *q, struct buf *answer,
		   const char **ret_awaited, struct wl_err *err);
} verbs[] = {
	{ "metrics", do_metrics },
	{ "ps", do_ps },
	{ "stop", do_stop },
};

int control_answer(struct listener *l, const struct json *request, struct buf *answer,
		   const char **ret_awaited, struct wl_err *err)
{
	struct question q = { 0 };
	int r;

	r = keys_read(keys, request, "waylay-control", &q, err);
	if (r < 0)
		return r;
	if (!q.version || !q.verb)
		return wl_err_say(err, -EINVAL,
				  "waylay-control: \"version\": 1 and \"do\" must be there");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, q.verb) == 0)
			return verbs[i].run(l, &q, answer, ret_awaited, err);
	return wl_err_say(err, -EINVAL,
			  "waylay-control: unknown \"do\"; known are metrics, ps, stop");
}
