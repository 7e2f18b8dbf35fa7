/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay ps`: the containers whose system calls are intercepted now. */
#include <errno.h>
#include <stdio.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_ps.h"
#include "hook/commands.h"
#include "hook/control.h"

struct list {
	bool is_json;
	size_t n; /* printed so far */
};

static long long number(const struct json *c, const char *key)
{
	int64_t n = 0;

	json_get_int(c, key, INT64_MIN, INT64_MAX, &n);
	return n;
}

static const char *text(const struct json *c, const char *key)
{
	const char *s = json_get_string(c, key);

	return s ? s : "?";
}

static void print_age(long long s)
{
	char age[32];

	if (s < 60)
		snprintf(age, sizeof(age), "%llds", s);
	else if (s < 3600)
		snprintf(age, sizeof(age), "%lldm", s / 60);
	else if (s < 86400)
		snprintf(age, sizeof(age), "%lldh", s / 3600);
	else
		snprintf(age, sizeof(age), "%lldd", s / 86400);
	printf(" %5s", age);
}

static void print_line(const struct json *c, const char *path)
{
	printf("%-24s %8lld %-6s %5lld %10lld %6lld", text(c, "id"), number(c, "pid"),
	       text(c, "engine"), number(c, "rules"), number(c, "calls"), number(c, "lost"));
	print_age(number(c, "age_s"));
	printf(" %-8s %s\n", text(c, "state"), path);
}

static int print_object(const struct json *c, const char *path)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	json_write(&out, c);
	if (out.failed || out.len < 2)
		return -ENOMEM;
	out.data[--out.len] = '\0'; /* its closing brace: one member more */
	buf_puts(&out, ",\"listener\":");
	buf_json_string(&out, path);
	if (out.failed)
		return -ENOMEM;
	printf("%s}", out.data);
	return 0;
}

static int print_page(void *ctx, const char *path, const struct json *page)
{
	const struct json *containers = json_get(page, "containers");
	struct list *list = ctx;
	int r = 0;

	if (!containers || containers->type != JSON_ARRAY)
		return -EBADMSG;
	for (size_t i = 0; i < containers->u.list.n && r == 0; i++) {
		const struct json *c = containers->u.list.items[i];

		if (list->is_json) {
			fputs(list->n ? ",\n " : "", stdout);
			r = print_object(c, path);
		} else
			print_line(c, path);
		list->n++;
	}
	return r;
}

int cmd_ps(int argc, char **argv)
{
	_cleanup_(control_sockets_done) struct control_sockets sockets = { 0 };
	struct control_options options;
	struct wl_err err = { 0 };
	struct list list = { 0 };
	int r;

	r = control_parse("ps", argc, argv, true, false, &options);
	if (r >= 0)
		return r;
	list.is_json = options.is_json;
	r = control_find(&options, &sockets, &err);
	if (r == 0) {
		if (options.is_json)
			putchar('[');
		else
			printf("%-24s %8s %-6s %5s %10s %6s %5s %-8s %s\n", "CONTAINER", "PID",
			       "ENGINE", "RULES", "CALLS", "LOST", "AGE", "STATE", "LISTENER");
		r = control_pages_all(&sockets, "ps", print_page, &list, &err);
		if (options.is_json)
			puts("]");
	}
	if (r < 0)
		log_error("ps: %s", err.msg);
	return r < 0 ? COMMAND_FAILED : COMMAND_OK;
}
