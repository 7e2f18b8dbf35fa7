/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two halves of the mknod handler. */
#pragma once

#include <sys/stat.h>

#include "plugin/caller.h"
#include "plugin/handler.h"
#include "plugin/resolve.h"

enum mknod_undo_kind { MKNOD_UNDO_NONE, MKNOD_UNDO_NODE, MKNOD_UNDO_BIND };

struct mknod_work {
	struct request *req;
	const char *path; /* the caller's, copied */
	int base;	  /* what a relative path starts from: O_PATH fd or negative errno */
	mode_t mode;
	dev_t dev;
	uint64_t
		extra_caps; /* that the caller's own capabilities in its user namespace amount to here */
	struct place place;
};

/* Writes the undo record in front of a side effect. */
void mknod_undo_begin(struct mknod_work *w, enum mknod_undo_kind kind);
/* What was made, once it is known. */
void mknod_undo_note(struct mknod_work *w, const struct stat *st);

/* An empty file with a device node of our own bind-mounted over it. The caller's root is entered; after it
 * no longer. 0 or negative errno; nothing is left behind on failure. */
int mknod_bind(struct mknod_work *w);
void mknod_undo(struct request *req);
