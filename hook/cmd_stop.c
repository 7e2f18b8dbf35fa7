/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay stop`: ends the interception of a container. */
#include <errno.h>
#include <stdio.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_stop.h"
#include "hook/commands.h"
#include "hook/control.h"

/* Every listener is asked: an id may be served by more than one. *ret_n: how many did it. */
static int stop(const struct control_sockets *sockets, const char *id, unsigned *ret_n,
		struct wl_err *err)
{
	_cleanup_(buf_done) struct buf members = { 0 };
	int result = 0;

	buf_puts(&members, "\"do\":\"stop\",\"container\":");
	buf_json_string(&members, id);
	if (members.failed)
		return wl_err_set(err, -ENOMEM, "container %s", id);
	for (size_t i = 0; i < sockets->n; i++) {
		_cleanup_(json_freep) struct json *answer = NULL;
		struct wl_err failure = { 0 };
		bool is_no;
		int r;

		r = control_ask(sockets->paths[i], members.data, &answer, &is_no, &failure);
		*ret_n += r == 0;
		if (r == -ENOENT || (r == -ECONNREFUSED && !is_no))
			continue; /* no listener there, or no such container with it */
		if (r < 0 && result == 0) {
			result = r;
			*err = failure;
		}
	}
	return result;
}

int cmd_stop(int argc, char **argv)
{
	_cleanup_(control_sockets_done) struct control_sockets sockets = { 0 };
	struct control_options options;
	struct wl_err err = { 0 };
	unsigned n = 0;
	int r;

	r = control_parse("stop", argc, argv, false, true, &options);
	if (r >= 0)
		return r;
	r = control_find(&options, &sockets, &err);
	if (r == 0)
		r = stop(&sockets, options.container, &n, &err);
	if (r == 0 && n == 0)
		r = wl_err_say(&err, -ENOENT,
			       "no listener here has a container '%s'; see 'waylay ps'",
			       options.container);
	if (r < 0) {
		log_error("stop: %s", err.msg);
		return COMMAND_FAILED;
	}
	printf("container %s: interception has ended, its events are written; calls that its "
	       "filter "
	       "hands to the listener get ENOSYS, what the filter denies stays denied\n",
	       options.container);
	return COMMAND_OK;
}
