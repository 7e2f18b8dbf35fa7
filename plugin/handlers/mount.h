/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two halves of the mount handler. */
#pragma once

#include "plugin/caller.h"
#include "plugin/handler.h"

struct mount_work {
	struct request *req;
	const char *type, *source, *target, *data; /* copies; data may be NULL */
	uint32_t flags;				   /* MS_* */
	bool is_shifted;
	dev_t dev;     /* of the source */
	int target_fd; /* O_PATH */
};

/* Superblock, detached mount, attached to the target. The worker stands in its own place. */
int mount_make(struct mount_work *w);
void mount_undo(struct request *req);
