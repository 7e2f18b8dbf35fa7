/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay metrics`: the listeners' counters in the text format of Prometheus. */
#include <errno.h>
#include <stdio.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_metrics.h"
#include "hook/commands.h"
#include "hook/control.h"
#include "hook/metrics_text.h"

static int add_page(void *ctx, const char *path, const struct json *page)
{
	return metrics_text_add(ctx, path, page);
}

int cmd_metrics(int argc, char **argv)
{
	_cleanup_(control_sockets_done) struct control_sockets sockets = { 0 };
	_cleanup_(metrics_text_done) struct metrics_text text = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	struct control_options options;
	struct wl_err err = { 0 };
	int r;

	r = control_parse("metrics", argc, argv, false, false, &options);
	if (r >= 0)
		return r;
	r = control_find(&options, &sockets, &err);
	if (r == 0)
		r = control_pages_all(&sockets, "metrics", add_page, &text, &err);
	metrics_text_write(&text, &out);
	if (r == 0 && out.failed)
		r = wl_err_set(&err, -ENOMEM, "print");
	if (r < 0) {
		log_error("metrics: %s", err.msg);
		return COMMAND_FAILED;
	}
	fputs(out.data, stdout);
	return COMMAND_OK;
}
