/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over message: reading it from a stream, understanding it. */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "specs/base64.h"
#include "specs/keys.h"
#include "specs/oci.h"
#include "specs/wire.h"
#include "specs/wire_steps.h"

const char *const wire_step_names[] = {
	[WIRE_PLAIN] = "plain",	    [WIRE_OFFER] = "offer", [WIRE_LOAD] = "load",
	[WIRE_STARTED] = "started", [WIRE_ENDED] = "ended", NULL,
};

struct wire_reader {
	struct buf text;   /* what has come and belongs to no message yet */
	size_t start, end; /* the message: from its '{'; `end` has been looked at so far */
	unsigned depth;
	bool is_in_string, is_escaped;
	int fds[WIRE_FDS_MAX]; /* owned */
	size_t n_fds;
};

struct wire_reader *wire_reader_new(void)
{
	return calloc(1, sizeof(struct wire_reader));
}

static void close_fds(struct wire_reader *r)
{
	while (r->n_fds > 0)
		fd_close(r->fds[--r->n_fds]);
}

void wire_reader_free(struct wire_reader *r)
{
	if (!r)
		return;
	close_fds(r);
	buf_done(&r->text);
	free(r);
}

void wire_msg_free(struct wire_msg *m)
{
	if (!m)
		return;
	json_free(m->doc);
	fd_close(m->seccomp_fd);
	policy_free(m->policy);
	bpf_prog_done(&m->profile);
	free(m->metadata);
	free(m);
}

/* Steps over the byte at `end`; 1 after the closing brace. Brackets inside strings do not count. Whether
 * it is JSON is found out later: here only the end is looked for. */
static int scan_byte(struct wire_reader *r, char c)
{
	if (r->is_in_string) {
		if (r->is_escaped)
			r->is_escaped = false;
		else if (c == '\\')
			r->is_escaped = true;
		else if (c == '"')
			r->is_in_string = false;
		return 0;
	}
	if (r->depth == 0) {
		if (c == '{') {
			r->depth = 1;
			r->start = r->end;
			return 0;
		}
		/* A NUL may follow a message of a runtime that sends strings as C has them. */
		return c == '\0' || strchr(" \t\r\n", c) ? 0 : -EINVAL;
	}
	if (c == '"')
		r->is_in_string = true;
	else if (c == '{' || c == '[')
		r->depth++;
	else if (c == '}' || c == ']')
		r->depth--;
	return r->depth == 0;
}

/* 1: [start, end) is a message. */
static int scan(struct wire_reader *r)
{
	while (r->end < r->text.len) {
		int found = scan_byte(r, r->text.data[r->end]);

		if (found < 0)
			return found;
		r->end++;
		if (found)
			return 1;
	}
	return 0;
}

static void drop_message(struct wire_reader *r)
{
	size_t rest = r->text.len - r->end;

	memmove(r->text.data, r->text.data + r->end, rest);
	r->text.len = rest;
	r->start = r->end = 0;
	close_fds(r);
}

static bool is_notify_fd(int fd)
{
	static const char want[] = "anon_inode:seccomp notify";
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link));
	return n == (ssize_t)strlen(want) && memcmp(link, want, strlen(want)) == 0;
}

/* The fd whose name is seccompFd; the others stay with the reader, which closes them. */
static int take_fd(struct wire_reader *r, struct wire_msg *m, struct wl_err *err)
{
	const struct json *names = json_get(m->doc, "fds");
	size_t at = SIZE_MAX;

	if (names && names->type != JSON_ARRAY)
		return wl_err_say(err, -EINVAL, "message: \"fds\" is no array");
	for (size_t i = 0; names && i < names->u.list.n; i++) {
		const struct json *name = names->u.list.items[i];

		if (name->type != JSON_STRING)
			return wl_err_say(err, -EINVAL, "message: \"fds\" is no array of strings");
		if (strcmp(name->u.string.text, "seccompFd") != 0)
			continue;
		if (at != SIZE_MAX)
			return wl_err_say(err, -EINVAL, "message: two fds of the name seccompFd");
		at = i;
	}
	if (at == SIZE_MAX)
		return 0;
	if (at >= r->n_fds)
		return wl_err_say(err, -EINVAL,
				  "message: seccompFd is named but did not come with it");
	if (!is_notify_fd(r->fds[at]))
		return wl_err_say(err, -EINVAL,
				  "message: the seccompFd is no seccomp notification fd");
	m->seccomp_fd = TAKE_FD(r->fds[at]);
	return 0;
}

static int read_state(struct wire_msg *m, struct wl_err *err)
{
	const struct json *state = json_get(m->doc, "state");
	int64_t pid = 0, init = 0;

	m->id = json_get_string(state, "id");
	if (!m->id || !oci_id_is_valid(m->id))
		return wl_err_say(err, -EINVAL, "message: state.id is no container id");
	if (json_get_int(m->doc, "pid", -1, INT_MAX, &pid) == -EINVAL ||
	    json_get_int(state, "pid", -1, INT_MAX, &init) == -EINVAL)
		return wl_err_say(err, -EINVAL, "message of container %s: a pid is no process id",
				  m->id);
	m->pid = (pid_t)pid;
	m->init = (pid_t)init;
	m->bundle = json_get_string(state, "bundle");
	return 0;
}

static int read_version(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	if (value->u.integer != 1)
		return wl_err_say(err, -EINVAL, "%s: version 1 only is known here", what);
	return 0;
}

static int read_step(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	int r = keys_one_of(wire_step_names, value->u.string.text, what, err);

	if (r < 0)
		return r;
	((struct wire_msg *)into)->step = (enum wire_step)r;
	return 0;
}

static int read_policy(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	struct wire_msg *m = into;

	return policy_from_json(value, "policy of the message", &m->policy, err);
}

static int read_profile(void *into, const struct json *value, const char *what, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf bytes = { 0 };
	struct wire_msg *m = into;
	size_t n;
	int r;

	r = base64_read(&bytes, value->u.string.text, value->u.string.len);
	n = bytes.len / sizeof(struct sock_filter);
	if (r < 0 || bytes.len % sizeof(struct sock_filter) != 0 || n > BPF_MAXINSNS)
		return wl_err_say(err, -EINVAL, "%s: this is no filter in base64", what);
	if (n == 0)
		return 0;
	r = bpf_prog_copy(&m->profile, (const struct sock_filter *)(const void *)bytes.data,
			  (unsigned)n);
	if (r < 0)
		return wl_err_set(err, r, "%s", what);
	r = bpf_validate(m->profile.insns, m->profile.len, err);
	return r < 0 ? wl_err_prefix(err, r, "%s", what) : 0;
}

static const struct key_row metadata_keys[] = {
	{ "version", KEY_INT, read_version, "Always 1." },
	{ "step", KEY_STRING, read_step, "Which message this is; absent: a runtime's." },
	{ "policy", KEY_OBJECT, read_policy, "The policy." },
	{ "profile", KEY_STRING, read_profile, "The profile's program, base64." },
	{ 0 },
};

/* Somebody else's metadata is kept as text; ours is an object with the key "waylay". */
static int read_metadata(struct wire_msg *m, struct wl_err *err)
{
	const struct json *metadata = json_get(m->doc, "metadata"), *ours;
	_cleanup_(json_freep) struct json *inner = NULL;
	int r;

	if (!metadata || metadata->type != JSON_STRING)
		return 0;
	if (metadata->u.string.text[0] == '{')
		json_parse(metadata->u.string.text, metadata->u.string.len, "metadata", &inner,
			   NULL);
	ours = json_get(inner, "waylay");
	if (!ours) {
		m->metadata = strdup(metadata->u.string.text);
		return m->metadata ? 0 : wl_err_set(err, -ENOMEM, "message");
	}
	r = keys_read(metadata_keys, ours, "metadata", m, err);
	if (r < 0)
		return r;
	if (!json_get(ours, "version"))
		return wl_err_say(err, -EINVAL, "metadata: \"version\": 1 is missing");
	return 0;
}

static int check_step(const struct wire_msg *m, struct wl_err *err)
{
	bool has_fd = m->seccomp_fd >= 0;

	if (m->step == WIRE_PLAIN && !has_fd)
		return wl_err_say(err, -EINVAL,
				  "message of container %s: no seccompFd came with it", m->id);
	if (m->step != WIRE_PLAIN && m->step != WIRE_LOAD && has_fd)
		return wl_err_say(err, -EINVAL, "message of container %s: step %s takes no fd",
				  m->id, wire_step_names[m->step]);
	if ((m->step == WIRE_OFFER || m->step == WIRE_LOAD) && !m->policy)
		return wl_err_say(err, -EINVAL, "message of container %s: step %s needs a policy",
				  m->id, wire_step_names[m->step]);
	return 0;
}

static int read_message(struct wire_reader *r, struct wire_msg **ret, struct wl_err *err)
{
	_cleanup_(wire_msg_freep) struct wire_msg *m = calloc(1, sizeof(*m));
	int e;

	if (!m)
		return wl_err_set(err, -ENOMEM, "message");
	m->seccomp_fd = -EBADF;
	e = json_parse(r->text.data + r->start, r->end - r->start, "message", &m->doc, err);
	m->control = json_get(m->doc, "waylay-control");
	if (e == 0 && m->control) {
		*ret = TAKE_PTR(m);
		return 1;
	}
	if (e == 0)
		e = read_state(m, err);
	if (e == 0)
		e = take_fd(r, m, err);
	if (e == 0)
		e = read_metadata(m, err);
	if (e == 0)
		e = check_step(m, err);
	if (e < 0)
		return e;
	*ret = TAKE_PTR(m);
	return 1;
}

/* 1 with a message, 0: more is needed. */
static int next_message(struct wire_reader *r, struct wire_msg **ret, struct wl_err *err)
{
	int e = scan(r);

	if (e < 0)
		return wl_err_say(err, e, "message: this is no JSON object");
	if (r->end - r->start > WIRE_MAX)
		return wl_err_say(err, -E2BIG, "message: larger than %u bytes", WIRE_MAX);
	if (e == 0) {
		/* White space between messages must not pile up. */
		if (r->depth == 0)
			r->end = r->start = r->text.len = 0;
		return 0;
	}
	e = read_message(r, ret, err);
	drop_message(r);
	return e;
}

static int receive(struct wire_reader *r, int sock, struct wl_err *err)
{
	bool is_first = r->depth == 0 && r->n_fds == 0;
	int fds[WIRE_FDS_MAX];
	size_t n_fds = WIRE_FDS_MAX;
	char chunk[16384];
	ssize_t n;

	n = sock_recv(sock, chunk, sizeof(chunk), fds, &n_fds);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return wl_err_set(err, (int)n, "message");
	for (size_t i = 0; i < n_fds; i++) {
		if (is_first)
			r->fds[r->n_fds++] = fds[i];
		else
			fd_close(fds[i]);
	}
	if (n_fds > 0 && !is_first)
		return wl_err_say(err, -EINVAL, "message: fds in its middle");
	if (n == 0 && r->depth > 0)
		return wl_err_say(err, -EINVAL, "message: cut off after %zu bytes", r->text.len);
	if (n == 0)
		return wl_err_set(err, -EPIPE, "message");
	buf_append(&r->text, chunk, (size_t)n);
	return r->text.failed ? wl_err_set(err, -ENOMEM, "message") : 1;
}

int wire_reader_feed(struct wire_reader *r, int sock, struct wire_msg **ret_msg, struct wl_err *err)
{
	struct wire_msg *msg = NULL;
	int e;

	/* Two messages may have come in one piece. */
	e = next_message(r, &msg, err);
	if (e == 0) {
		e = receive(r, sock, err);
		if (e == 1)
			e = next_message(r, &msg, err);
	}
	if (e == 1)
		*ret_msg = msg;
	return e;
}
