/* SPDX-License-Identifier: Apache-2.0 */
/* The host's cap: loading. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/cap_json.h"
#include "specs/handler_spec.h"

#define ALL_ACTIONS ((1u << ACTION_COUNT) - 1)
#define DEFAULT_ACTIONS \
	(1u << ACTION_TRACE | 1u << ACTION_LOG | 1u << ACTION_DENY | 1u << ACTION_KILL)

void cap_discard(struct cap *cap)
{
	if (!cap)
		return;
	for (size_t i = 0; i < cap->n_handlers; i++) {
		struct cap_handler *h = &cap->handlers[i];

		for (size_t k = 0; k < h->n_limits; k++) {
			free(h->limits[k].key);
			free(h->limits[k].value);
		}
		free(h->limits);
	}
	for (size_t i = 0; i < cap->n_output_dirs; i++)
		free(cap->output_dirs[i]);
	free(cap->handlers);
	free(cap->output_dirs);
	free(cap->path);
	free(cap->log_dir);
	free(cap->policy_dir);
	free(cap->socket);
	free(cap->state_dir);
	free(cap);
}

static int read_version(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	if (value->u.integer != 1)
		return wl_err_say(err, -EINVAL, "%s: this waylay knows version 1 only", what);
	return 0;
}

/* An absolute path without trailing slashes. */
static int set_path(char **to, const struct json *value, const char *what, struct wl_err *err)
{
	char *copy;

	if (value->type != JSON_STRING || value->u.string.text[0] != '/')
		return wl_err_say(err, -EINVAL, "%s: an absolute path belongs here", what);
	copy = strdup(value->u.string.text);
	if (!copy)
		return wl_err_set(err, -ENOMEM, "%s", what);
	for (size_t len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	free(*to);
	*to = copy;
	return 0;
}

static int read_log_dir(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	return set_path(&((struct cap *)into)->log_dir, value, what, err);
}

static int read_policy_dir(void *into, const struct json *value, const char *what,
			   struct wl_err *err)
{
	return set_path(&((struct cap *)into)->policy_dir, value, what, err);
}

static int read_socket(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	return set_path(&((struct cap *)into)->socket, value, what, err);
}

static int read_state_dir(void *into, const struct json *value, const char *what,
			  struct wl_err *err)
{
	return set_path(&((struct cap *)into)->state_dir, value, what, err);
}

static int read_coverage(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	((struct cap *)into)->require_exec_coverage = value->u.boolean;
	return 0;
}

static int read_output_dirs(void *into, const struct json *value, const char *what,
			    struct wl_err *err)
{
	struct cap *cap = into;

	cap->output_dirs = calloc(value->u.list.n + 1, sizeof(*cap->output_dirs));
	if (!cap->output_dirs)
		return wl_err_set(err, -ENOMEM, "%s", what);
	for (size_t i = 0; i < value->u.list.n; i++) {
		int r = set_path(&cap->output_dirs[i], value->u.list.items[i], what, err);

		if (r < 0)
			return r;
		cap->n_output_dirs++;
	}
	return 0;
}

static int read_sinks(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	struct cap *cap = into;

	for (size_t i = 0; i < value->u.list.n; i++) {
		const struct json *item = value->u.list.items[i];
		int r;

		if (item->type != JSON_STRING)
			return wl_err_say(err, -EINVAL, "%s: a sink is a string", what);
		r = keys_one_of(cap_sinks, item->u.string.text, what, err);
		if (r < 0)
			return r;
		cap->sinks |= 1u << r;
	}
	return 0;
}

static bool is_star(const struct json *value)
{
	return value->type == JSON_STRING && strcmp(value->u.string.text, "*") == 0;
}

static int read_actions(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	const char *names[ACTION_COUNT + 1] = { NULL };
	struct cap *cap = into;

	for (int i = 0; i < ACTION_COUNT; i++)
		names[i] = action_rows[i].name;
	cap->actions = is_star(value) ? ALL_ACTIONS : 0;
	if (value->type == JSON_STRING)
		return is_star(value)
			       ? 0
			       : wl_err_say(err, -EINVAL,
					    "%s: \"*\" or a list of actions belongs here", what);
	for (size_t i = 0; i < value->u.list.n; i++) {
		const struct json *item = value->u.list.items[i];
		int r;

		if (item->type != JSON_STRING)
			return wl_err_say(err, -EINVAL, "%s: an action is a string", what);
		r = keys_one_of(names, item->u.string.text, what, err);
		if (r < 0)
			return r;
		cap->actions |= 1u << r;
	}
	return 0;
}

/* A list of strings or "*" as one text. */
static int limit_text(const struct json *value, struct buf *ret)
{
	if (is_star(value)) {
		buf_puts(ret, "*");
		return 0;
	}
	if (value->type != JSON_ARRAY)
		return -EINVAL;
	buf_puts(ret, "");
	for (size_t i = 0; i < value->u.list.n; i++) {
		const struct json *item = value->u.list.items[i];

		if (item->type != JSON_STRING)
			return -EINVAL;
		buf_printf(ret, "%s%s", i ? "," : "", item->u.string.text);
	}
	return 0;
}

static int check_limit(const struct handler_spec *spec, const char *key, char *text,
		       const char *what, struct wl_err *err)
{
	const struct option_spec *o = handler_spec_option(spec, key);
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy;
	int r = 0;

	if (!copy)
		return wl_err_set(err, -ENOMEM, "%s", what);
	if (!o || o->type == OPTION_DEVICES || o->type == OPTION_STRINGS)
		r = handler_spec_check(spec, key, strcmp(text, "*") == 0 ? "" : text, err);
	else if (strcmp(text, "*") != 0)
		while (rest && r == 0)
			r = handler_spec_check(spec, key, strsep(&rest, ","), err);
	return r < 0 ? wl_err_prefix(err, r, "%s", what) : 0;
}

static int read_limits(struct cap_handler *h, const struct json *value, const char *what,
		       struct wl_err *err)
{
	size_t n = value->u.list.n;

	h->limits = calloc(n + 1, sizeof(*h->limits));
	if (!h->limits)
		return wl_err_set(err, -ENOMEM, "%s", what);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_done) struct buf text = { 0 };
		const char *key = value->u.list.keys[i];
		int r;

		if (limit_text(value->u.list.items[i], &text) < 0)
			return wl_err_say(
				err, -EINVAL,
				"%s: option \"%.60s\": \"*\" or a list of strings belongs here",
				what, key);
		if (text.failed)
			return wl_err_set(err, -ENOMEM, "%s", what);
		r = check_limit(h->spec, key, text.data, what, err);
		if (r < 0)
			return r;
		h->n_limits++;
		h->limits[i].key = strdup(key);
		h->limits[i].value = buf_take(&text);
		if (!h->limits[i].key || !h->limits[i].value)
			return wl_err_set(err, -ENOMEM, "%s", what);
	}
	return 0;
}

/* "*": every option. */
static int read_handler(struct cap *cap, const char *name, const struct json *value,
			const char *what, struct wl_err *err)
{
	struct cap_handler *h = &cap->handlers[cap->n_handlers];
	_cleanup_(buf_done) struct buf names = { 0 };

	h->spec = handler_spec_find(name);
	if (!h->spec) {
		handler_spec_names(&names);
		return wl_err_say(err, -EINVAL, "%s: unknown handler '%.60s'; there are %s", what,
				  name, names.data ? names.data : "");
	}
	cap->n_handlers++;
	h->is_free = is_star(value);
	if (h->is_free)
		return 0;
	if (value->type != JSON_OBJECT)
		return wl_err_say(err, -EINVAL,
				  "%s: \"*\" or an object of options belongs to handler %s", what,
				  name);
	return read_limits(h, value, what, err);
}

static int read_handlers(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	struct cap *cap = into;

	cap->all_handlers = is_star(value);
	if (value->type == JSON_STRING)
		return is_star(value) ? 0
				      : wl_err_say(err, -EINVAL,
						   "%s: \"*\" or an object belongs here", what);
	cap->handlers = calloc(value->u.list.n + 1, sizeof(*cap->handlers));
	if (!cap->handlers)
		return wl_err_set(err, -ENOMEM, "%s", what);
	for (size_t i = 0; i < value->u.list.n; i++) {
		int r = read_handler(cap, value->u.list.keys[i], value->u.list.items[i], what, err);

		if (r < 0)
			return r;
	}
	return 0;
}

const struct key_row cap_allow_keys[] = {
	{ "actions", KEY_STRING | KEY_ARRAY, read_actions, "Actions containers may ask for." },
	{ "handlers", KEY_STRING | KEY_OBJECT, read_handlers, "Handlers and their options." },
	{ 0 },
};

static int read_allow(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	return keys_read(cap_allow_keys, value, ((struct cap *)into)->path, into, err);
}

const struct key_row cap_keys[] = {
	{ "$schema", KEY_STRING, NULL, "For editors." },
	{ "version", KEY_INT, read_version, "1, if given." },
	{ "allow", KEY_OBJECT, read_allow, "What containers may ask for." },
	{ "output_dirs", KEY_ARRAY, read_output_dirs, "Where absolute outputs may lie." },
	{ "sinks", KEY_ARRAY, read_sinks, "Where events may go beside files and sockets." },
	{ "log_dir", KEY_STRING, read_log_dir, "Where relative outputs go, by container." },
	{ "policy_dir", KEY_STRING, read_policy_dir, "Policy files that containers may name." },
	{ "socket", KEY_STRING, read_socket, "The host's listener." },
	{ "state_dir", KEY_STRING, read_state_dir, "Private sockets and failures." },
	{ "require_exec_coverage", KEY_BOOL, read_coverage, "Refuse the hook route." },
	{ 0 },
};

static struct cap *cap_new(const char *path)
{
	_cleanup_(cap_freep) struct cap *cap = calloc(1, sizeof(*cap));

	if (!cap)
		return NULL;
	cap->actions = DEFAULT_ACTIONS;
	cap->log_dir = strdup("/var/log/waylay");
	cap->policy_dir = strdup(WAYLAY_SYSCONFDIR "/waylay/policies");
	cap->socket = strdup("/run/waylay/waylay.sock");
	cap->state_dir = strdup("/run/waylay");
	if (path)
		cap->path = strdup(path);
	if (!cap->log_dir || !cap->policy_dir || !cap->socket || !cap->state_dir ||
	    (path && !cap->path))
		return NULL;
	return TAKE_PTR(cap);
}

int cap_from_json(const struct json *doc, const char *path, struct cap **ret, struct wl_err *err)
{
	_cleanup_(cap_freep) struct cap *cap = cap_new(path);
	int r;

	if (!cap)
		return wl_err_set(err, -ENOMEM, "'%s'", path);
	r = keys_read(cap_keys, doc, path, cap, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(cap);
	return 0;
}

int cap_load(const char *path, struct cap **ret, struct wl_err *err)
{
	const char *name = path ? path : CAP_DEFAULT_PATH;
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT && !path) {
		struct cap *cap = cap_new(NULL);

		if (!cap)
			return wl_err_set(err, -ENOMEM, "the host's cap");
		*ret = cap;
		return 0;
	}
	if (fd < 0)
		return wl_err_set(err, -errno, "open '%s'", name);
	r = json_check_owner(fd, name, err);
	if (r == 0)
		r = json_load_fd(fd, name, &doc, err);
	return r < 0 ? r : cap_from_json(doc, name, ret, err);
}
