/* SPDX-License-Identifier: Apache-2.0 */
/* A container's annotations -> policy. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "specs/annotations.h"
#include "specs/handler_spec.h"
#include "specs/keys.h"
#include "specs/policy_rows.h"

#define FOREIGN_TRACE  "io.containers.trace-syscall" /* oci-seccomp-bpf-hook's */
#define EMULATE_PREFIX "emulate."

struct reader {
	const struct json *annotations;
	const char *policy_dir;
	struct policy *policy;
	struct policy *file; /* owned; of the key `policy` */
};

static int fail(struct wl_err *err, int r, const char *what)
{
	return wl_err_prefix(err, r, "%s", what);
}

static int no_memory(struct wl_err *err, const char *what)
{
	return wl_err_set(err, -ENOMEM, "%s", what);
}

static int read_list(struct reader *rd, enum action action, const char *value, const char *what,
		     struct wl_err *err)
{
	struct rule *rule = policy_add_rule(rd->policy, action, NULL);

	if (!rule)
		return no_memory(err, what);
	return policy_parse_list(rule, value, what, err);
}

static int read_kill(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	return read_list(rd, ACTION_KILL, value, what, err);
}

static int read_deny(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	return read_list(rd, ACTION_DENY, value, what, err);
}

static int read_trace(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	return read_list(rd, ACTION_TRACE, value, what, err);
}

static int read_log(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	return read_list(rd, ACTION_LOG, value, what, err);
}

static int set_text(char **to, const char *value, const char *what, struct wl_err *err)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : no_memory(err, what);
}

static int read_engine(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	int r = keys_one_of(engine_names, value, what, err);

	if (r < 0)
		return r;
	rd->policy->engine = (enum engine)r;
	return 0;
}

static int read_on_loss(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	int r = keys_one_of(on_loss_names, value, what, err);

	if (r < 0)
		return r;
	rd->policy->on_loss = (enum on_loss)r;
	rd->policy->gives_on_loss = true;
	return 0;
}

static int read_events(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	int r = policy_check_events(value, err);

	return r < 0 ? fail(err, r, what) : set_text(&rd->policy->events, value, what, err);
}

static int read_record(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	if (!*value)
		return wl_err_say(err, -EINVAL, "%s: the name of a file belongs here", what);
	return set_text(&rd->policy->record, value, what, err);
}

/* "of:/out.json" or "if:/base.json;of:/out.json". */
static int read_foreign_trace(struct reader *rd, const char *value, const char *what,
			      struct wl_err *err)
{
	_cleanup_free_ char *copy = strdup(value), *out = NULL;
	char *save = NULL;

	if (!copy)
		return no_memory(err, what);
	for (char *p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
		bool is_out = strncmp(p, "of:", 3) == 0;

		if ((!is_out && strncmp(p, "if:", 3) != 0) || p[3] != '/' || (is_out && out))
			return wl_err_say(err, -EINVAL,
					  "%s: '%.80s' is not of:/FILE or if:/FILE;of:/FILE", what,
					  value);
		if (is_out && !(out = strdup(p + 3)))
			return no_memory(err, what);
	}
	if (!out)
		return wl_err_say(err, -EINVAL, "%s: of:/FILE is missing", what);
	free(rd->policy->record);
	rd->policy->record = TAKE_PTR(out);
	return 0;
}

static bool is_plain_name(const char *name)
{
	if (*name == '.' || !*name || strlen(name) > 200)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return true;
}

/* NAME, or else NAME.json; ret_path says which was opened. */
static int open_policy(const char *dir, const char *name, char *ret_path, size_t size)
{
	_cleanup_close_ int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -ENOENT;

	if (dir_fd < 0)
		return -errno;
	for (int i = 0; i < 2 && fd == -ENOENT; i++) {
		char file[256];

		snprintf(file, sizeof(file), "%s%s", name, i ? ".json" : "");
		fd = sys_openat2(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0,
				 RESOLVE_BENEATH);
		if (fd >= 0)
			snprintf(ret_path, size, "%s/%s", dir, file);
	}
	return fd;
}

static int read_policy(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_close_ int fd = -EBADF;
	char path[512];
	int r;

	if (!is_plain_name(value))
		return wl_err_say(
			err, -EINVAL,
			"%s: '%.80s' is no name of a policy: a file's name in %s, without '/'",
			what, value, rd->policy_dir);
	fd = open_policy(rd->policy_dir, value, path, sizeof(path));
	if (fd < 0)
		return wl_err_set(err, fd, "%s: policy '%s/%s'", what, rd->policy_dir, value);
	r = json_check_owner(fd, path, err);
	if (r == 0)
		r = json_load_fd(fd, path, &doc, err);
	if (r == 0)
		r = policy_from_json(doc, path, &rd->file, err);
	return r < 0 ? fail(err, r, what) : 0;
}

static struct rule *find_emulate(struct policy *policy, const struct handler_spec *spec)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].handler == spec)
			return &policy->rules[i];
	return NULL;
}

/* The rule of a handler, made at its first mention. */
static int get_emulate(struct reader *rd, const char *name, const char *what, struct rule **ret,
		       struct wl_err *err)
{
	const struct handler_spec *spec = handler_spec_find(name);
	_cleanup_(buf_done) struct buf names = { 0 };
	struct rule *rule;

	if (!spec) {
		handler_spec_names(&names);
		return wl_err_say(err, -EINVAL, "%s: unknown handler '%.60s'; there are %s", what,
				  name, names.data ? names.data : "");
	}
	rule = find_emulate(rd->policy, spec);
	if (!rule) {
		int r;

		rule = policy_add_rule(rd->policy, ACTION_EMULATE, NULL);
		if (!rule)
			return no_memory(err, what);
		rule->handler = spec;
		r = policy_parse_list(rule, spec->calls, spec->name, err);
		if (r < 0)
			return fail(err, r, what);
	}
	*ret = rule;
	return 0;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int read_emulate(struct reader *rd, const char *value, const char *what, struct wl_err *err)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy;
	struct rule *rule;

	if (!copy)
		return no_memory(err, what);
	while (rest) {
		int r = get_emulate(rd, trim(strsep(&rest, ",")), what, &rule, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* "KEY=VALUE; KEY=VALUE", or the value of the handler's default option. */
static int read_handler_options(struct reader *rd, const char *handler, const char *value,
				const char *what, struct wl_err *err)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy;
	struct rule *rule;
	int r;

	if (!copy)
		return no_memory(err, what);
	r = get_emulate(rd, handler, what, &rule, err);
	if (r < 0)
		return r;
	if (!strchr(value, '=')) {
		r = rule_set_option(rule, rule->handler->default_option, trim(copy), err);
		return r < 0 ? fail(err, r, what) : 0;
	}
	while (rest) {
		char *item = trim(strsep(&rest, ";")), *equals = strchr(item, '=');

		if (!equals)
			return wl_err_say(err, -EINVAL, "%s: '%.80s' is not KEY=VALUE", what, item);
		*equals = '\0';
		r = rule_set_option(rule, trim(item), trim(equals + 1), err);
		if (r < 0)
			return fail(err, r, what);
	}
	return 0;
}

/* All "emulate.<handler>" keys, in the order of the handlers' table. */
static int read_all_handler_options(struct reader *rd, struct wl_err *err)
{
	for (const struct handler_spec *const *s = handler_specs; *s; s++) {
		char key[96], what[128];
		const char *value;
		int r;

		snprintf(key, sizeof(key), ANNOTATION_PREFIX EMULATE_PREFIX "%s", (*s)->name);
		value = json_get_string(rd->annotations, key);
		if (!value)
			continue;
		snprintf(what, sizeof(what), "annotation %s", key);
		r = read_handler_options(rd, (*s)->name, value, what, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* In this order rules are made: JSON objects have none. */
/* clang-format off */
static const struct {
	const char *key;
	int (*read)(struct reader *rd, const char *value, const char *what, struct wl_err *err);
	const char *help;
} rows[] = {
	{ "policy", read_policy, "name of a policy file below the host's policy folder" },
	{ "kill", read_kill, "call list: the process is killed" },
	{ "deny", read_deny, "call list: refused with an errno, EPERM if none is given" },
	{ "emulate", read_emulate, "list of handlers that carry calls out for the container" },
	{ "trace", read_trace, "call list: each call becomes an event with decoded arguments" },
	{ "log", read_log, "call list: as trace, scalar arguments only" },
	{ "engine", read_engine, "notify (default) or trace" },
	{ "events", read_events, "where events go: file:NAME, unix:NAME, journald, stderr" },
	{ "record", read_record, "NAME: write a seccomp profile of the calls that were made" },
	{ "on-listener-loss", read_on_loss, "wait (default), enosys or kill" },
};
/* clang-format on */

void annotations_help(struct buf *ret_text)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		buf_printf(ret_text, ANNOTATION_PREFIX "%s\t%s\n", rows[i].key, rows[i].help);
	for (const struct handler_spec *const *s = handler_specs; *s; s++)
		buf_printf(ret_text, ANNOTATION_PREFIX EMULATE_PREFIX "%s\toptions of %s\n",
			   (*s)->name, (*s)->name);
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			return true;
	return strncmp(key, EMULATE_PREFIX, strlen(EMULATE_PREFIX)) == 0 &&
	       handler_spec_find(key + strlen(EMULATE_PREFIX));
}

static int unknown_key(const char *key, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf known = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		buf_printf(&known, "%s, ", rows[i].key);
	for (const struct handler_spec *const *s = handler_specs; *s; s++)
		buf_printf(&known, "%s" EMULATE_PREFIX "%s", s == handler_specs ? "" : ", ",
			   (*s)->name);
	return wl_err_say(err, -EINVAL,
			  "annotation %.100s: unknown key; after " ANNOTATION_PREFIX
			  " there are %s",
			  key, known.data ? known.data : "");
}

/* Counts our keys; an unknown or non-string one is an error. */
static int check_keys(const struct json *annotations, size_t *ret_n, struct wl_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < annotations->u.list.n; i++) {
		const char *key = annotations->u.list.keys[i];
		bool is_ours = strncmp(key, ANNOTATION_PREFIX, strlen(ANNOTATION_PREFIX)) == 0;

		if (!is_ours && strcmp(key, FOREIGN_TRACE) != 0)
			continue;
		if (is_ours && !is_known(key + strlen(ANNOTATION_PREFIX)))
			return unknown_key(key, err);
		if (annotations->u.list.items[i]->type != JSON_STRING)
			return wl_err_say(err, -EINVAL,
					  "annotation %s: the value is %s, and should be a "
					  "string",
					  key, json_type_name(annotations->u.list.items[i]->type));
		n++;
	}
	*ret_n = n;
	return 0;
}

static int read_key(struct reader *rd, const char *key,
		    int (*read)(struct reader *rd, const char *value, const char *what,
				struct wl_err *err),
		    struct wl_err *err)
{
	const char *value = json_get_string(rd->annotations, key);
	char what[128];
	int r;

	if (!value)
		return 0;
	snprintf(what, sizeof(what), "annotation %s", key);
	r = read(rd, value, what, err);
	if (r < 0)
		return r;
	r = policy_check_supported(rd->policy, err);
	if (r == 0)
		r = policy_check_size(rd->policy, err);
	return r < 0 ? fail(err, r, what) : 0;
}

static int read_all(struct reader *rd, struct wl_err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++) {
		char key[96];

		snprintf(key, sizeof(key), ANNOTATION_PREFIX "%s", rows[i].key);
		r = read_key(rd, key, rows[i].read, err);
		if (r == 0 && rows[i].read == read_emulate)
			r = read_all_handler_options(rd, err);
	}
	if (r == 0)
		r = read_key(rd, FOREIGN_TRACE, read_foreign_trace, err);
	return r;
}

int annotations_parse(const struct json *annotations, const char *policy_dir,
		      struct policy **ret_policy, struct wl_err *err)
{
	_cleanup_(policy_freep) struct policy *own = NULL, *file = NULL;
	struct reader rd = { .annotations = annotations, .policy_dir = policy_dir };
	size_t n = 0;
	int r = 0;

	if (annotations && annotations->type != JSON_OBJECT && annotations->type != JSON_NULL)
		return wl_err_say(err, -EINVAL, "annotations: this is %s, and should be an object",
				  json_type_name(annotations->type));
	if (annotations && annotations->type == JSON_OBJECT)
		r = check_keys(annotations, &n, err);
	if (r < 0)
		return r;
	if (n == 0) {
		*ret_policy = NULL;
		return 0;
	}
	own = rd.policy = policy_new();
	if (!own)
		return no_memory(err, "annotations");
	r = read_all(&rd, err);
	file = rd.file;
	if (r == 0 && file)
		r = policy_append(file, own, err);
	if (r < 0)
		return r;
	*ret_policy = file ? TAKE_PTR(file) : TAKE_PTR(own);
	return 0;
}
