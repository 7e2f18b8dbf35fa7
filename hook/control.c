/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the listeners of this host. */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "hook/commands.h"
#include "hook/control.h"

#define ANSWER_MS  15000 /* `stop` may have to wait for workers and for slow readers of events */
#define ANSWER_MAX (1u << 20)

int control_parse(const char *name, int argc, char **argv, bool has_json, bool wants_container,
		  struct control_options *ret)
{
	static const struct option rows[] = { { "config", required_argument, NULL, 'c' },
					      { "socket", required_argument, NULL, 's' },
					      { "json", no_argument, NULL, 'j' },
					      { 0 } };
	int opt;

	*ret = (struct control_options){ 0 };
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		if (opt == 'c')
			ret->config = optarg;
		else if (opt == 's')
			ret->socket = optarg;
		else if (opt == 'j' && has_json)
			ret->is_json = true;
		else
			return command_bad_usage(name, "bad option '%s'", argv[optind - 1]);
	}
	if (wants_container && optind == argc)
		return command_bad_usage(name, "no container given");
	if (wants_container)
		ret->container = argv[optind++];
	if (optind < argc)
		return command_bad_usage(name, "unexpected argument '%s'", argv[optind]);
	return -1;
}

static int add_path(struct control_sockets *s, const char *path)
{
	char **paths = realloc(s->paths, (s->n + 1) * sizeof(*paths));

	if (!paths)
		return -ENOMEM;
	s->paths = paths;
	s->paths[s->n] = strdup(path);
	return s->paths[s->n] ? (s->n++, 0) : -ENOMEM;
}

void control_sockets_done(struct control_sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->paths[i]);
	free(s->paths);
	*s = (struct control_sockets){ 0 };
}

/* As hook/handoff.c names them. */
static int find_private(const char *state_dir, struct control_sockets *ret)
{
	char pattern[PATH_MAX];
	glob_t found;
	int r = 0;

	if (snprintf(pattern, sizeof(pattern), "%s/private/*.sock", state_dir) >=
	    (int)sizeof(pattern))
		return -ENAMETOOLONG;
	if (glob(pattern, GLOB_PERIOD, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && r == 0; i++)
		r = add_path(ret, found.gl_pathv[i]);
	globfree(&found);
	return r;
}

int control_find(const struct control_options *options, struct control_sockets *ret,
		 struct wl_err *err)
{
	_cleanup_(cap_freep) struct cap *cap = NULL;
	struct control_sockets s = { 0 };
	int r;

	if (options->socket) {
		r = add_path(&s, options->socket);
	} else {
		r = cap_load(options->config, &cap, err);
		if (r < 0)
			return r;
		r = add_path(&s, cap->socket);
		if (r == 0)
			r = find_private(cap->state_dir, &s);
	}
	if (r < 0) {
		control_sockets_done(&s);
		return wl_err_set(err, r, "find listeners");
	}
	*ret = s;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int read_line(int fd, struct buf *line)
{
	int64_t deadline = now_ms() + ANSWER_MS;

	while (line->len == 0 || line->data[line->len - 1] != '\n') {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		char chunk[16384];
		size_t no_fds = 0;
		ssize_t n;

		if (poll(&p, 1, left > 0 ? (int)left : 0) == 0)
			return -ETIMEDOUT;
		n = sock_recv(fd, chunk, sizeof(chunk), NULL, &no_fds);
		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		buf_append(line, chunk, (size_t)n);
		if (line->failed || line->len > ANSWER_MAX)
			return -EMSGSIZE;
	}
	return 0;
}

int control_ask(const char *path, const char *members, struct json **ret, bool *ret_is_no,
		struct wl_err *err)
{
	_cleanup_(buf_done) struct buf text = { 0 }, line = { 0 };
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_close_ int fd = -EBADF;
	int64_t code = EINVAL;
	const char *no;
	int r;

	*ret_is_no = false;
	fd = sock_connect(path, err);
	if (fd < 0)
		return fd;
	buf_printf(&text, "{\"waylay-control\":{\"version\":1,%s}}\n", members);
	r = text.failed ? -ENOMEM : sock_send(fd, text.data, text.len, NULL, 0);
	if (r == 0)
		r = read_line(fd, &line);
	if (r < 0)
		return wl_err_set(err, r, "ask the listener at '%s'", path);
	r = json_parse(line.data, line.len, "the listener's answer", &doc, err);
	if (r < 0)
		return r;
	if (json_get_bool(doc, "ok", false)) {
		*ret = TAKE_PTR(doc);
		return 0;
	}
	no = json_get_string(doc, "error");
	json_get_int(doc, "errno", 1, 4095, &code);
	*ret_is_no = no != NULL;
	return wl_err_say(err, -(int)code, "%s", no ? no : "the listener's answer is no answer");
}

/* Nobody is there any more, or never was: the socket of a private listener goes with its container. */
static bool is_absent(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED || code == -EPIPE || code == -ECONNRESET;
}

int control_pages(const char *path, const char *verb,
		  int (*fn)(void *ctx, const char *path, const struct json *page), void *ctx,
		  struct wl_err *err)
{
	int64_t from = 0;

	for (;;) {
		_cleanup_(json_freep) struct json *page = NULL;
		char members[80];
		bool is_no;
		int r;

		snprintf(members, sizeof(members), "\"do\":\"%s\",\"from\":%lld", verb,
			 (long long)from);
		r = control_ask(path, members, &page, &is_no, err);
		if (r < 0)
			return is_absent(r) && !is_no ? 0 : r;
		r = fn(ctx, path, page);
		if (r < 0)
			return wl_err_set(err, r, "listener at '%s'", path);
		/* Always onwards, whatever the other side says. */
		if (json_get_int(page, "next", from + 1, INT_MAX, &from) < 0)
			return 0;
	}
}

int control_pages_all(const struct control_sockets *sockets, const char *verb,
		      int (*fn)(void *ctx, const char *path, const struct json *page), void *ctx,
		      struct wl_err *err)
{
	int result = 0;

	for (size_t i = 0; i < sockets->n; i++) {
		struct wl_err failure = { 0 };
		int r = control_pages(sockets->paths[i], verb, fn, ctx, &failure);

		if (r < 0 && result == 0) {
			result = r;
			*err = failure;
		}
	}
	return result;
}
