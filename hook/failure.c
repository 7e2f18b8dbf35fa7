/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons of failed starts, kept for `waylay doctor`: the runtime's message may not have them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "hook/failure.h"
#include "hook/handoff.h"

static bool make_path(const char *state_dir, const char *id, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/failed/%s", state_dir, id) < PATH_MAX;
}

void failure_record(const char *state_dir, const char *id, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];

	if (handoff_make_dir(state_dir, "failed", NULL) < 0 || !make_path(state_dir, id, path))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || dprintf(fd, "%lld %s\n", (long long)time(NULL), text) < 0)
		syslog(LOG_ERR, "write '%s': %m", path);
}

void failure_forget(const char *state_dir, const char *id)
{
	char path[PATH_MAX];

	if (make_path(state_dir, id, path))
		unlink(path);
}
