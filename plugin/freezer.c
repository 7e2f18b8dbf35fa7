/* SPDX-License-Identifier: Apache-2.0 */
/* Is somebody freezing a container? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/freezer.h"

#define DEPTH_MAX 16

struct freezer {
	int fds[DEPTH_MAX]; /* owned */
	unsigned n;
	bool is_v1;
};

/* v2 has the file at every level and no file that tells the sum before everything is frozen; v1's
 * freezer.state tells it. */
static void open_levels(struct freezer *f, const char *root, const char *path, const char *file)
{
	char full[4096 + 128], *end;

	snprintf(full, sizeof(full), "%s%s", root, path);
	end = full + strlen(full);
	while (f->n < DEPTH_MAX && end > full + strlen(root)) {
		int fd;

		snprintf(end, sizeof(full) - (size_t)(end - full), "/%s", file);
		fd = open(full, O_RDONLY | O_CLOEXEC);
		*end = '\0';
		if (fd >= 0)
			f->fds[f->n++] = fd;
		if (f->is_v1)
			break;
		end = strrchr(full, '/');
		*end = '\0';
	}
}

static void take_line(struct freezer *f, char *line)
{
	char *controllers = strchr(line, ':'), *path;

	line[strcspn(line, "\n")] = '\0';
	path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path || f->n > 0)
		return;
	*path++ = '\0';
	controllers++;
	if (strcmp(controllers, "freezer") == 0) {
		f->is_v1 = true;
		open_levels(f, "/sys/fs/cgroup/freezer", path, "freezer.state");
	} else if (strcmp(controllers, "") == 0) {
		f->is_v1 = false;
		open_levels(f, "/sys/fs/cgroup", path, "cgroup.freeze");
		if (f->n == 0)
			open_levels(f, "/sys/fs/cgroup/unified", path, "cgroup.freeze");
	}
}

struct freezer *freezer_open(pid_t pid)
{
	_cleanup_fclose_ FILE *file = NULL;
	struct freezer *f;
	char name[64], line[4096];

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	file = fopen(name, "re");
	f = file ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return NULL;
	while (fgets(line, sizeof(line), file))
		take_line(f, line);
	if (f->n == 0) {
		free(f);
		return NULL;
	}
	return f;
}

bool freezer_is_freezing(const struct freezer *f)
{
	for (unsigned i = 0; f && i < f->n; i++) {
		char text[32];
		ssize_t n = pread(f->fds[i], text, sizeof(text) - 1, 0);

		if (n <= 0)
			continue;
		text[n] = '\0';
		if (f->is_v1 ? strncmp(text, "THAWED", 6) != 0 : text[0] == '1')
			return true;
	}
	return false;
}

void freezer_free(struct freezer *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->n; i++)
		fd_close(f->fds[i]);
	free(f);
}
