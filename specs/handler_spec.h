/* SPDX-License-Identifier: Apache-2.0 */
/* What an emulation handler is called, which calls it takes and which options it knows: the half of a
 * handler that the filter compiler and the policy parser need. plugin/handlers/ has the other half. */
#pragma once

#include <stddef.h>

#include "arch/base/buf.h"
#include "arch/base/err.h"

enum option_type {
	OPTION_BOOL,	/* true false */
	OPTION_ENUM,	/* one of `values` */
	OPTION_DEVICES, /* comma list of "c 1:3", "b 7:*" */
	OPTION_STRINGS, /* comma list */
};

struct option_spec {
	const char *key;
	enum option_type type;
	const char *fallback; /* value when not given */
	const char *values;   /* OPTION_ENUM: "auto|node|bind" */
	const char *help;     /* one sentence for the manual */
};

struct handler_spec {
	const char *name;  /* "mknod" */
	const char *calls; /* call list in the annotations' grammar: what must be notified for it */
	/* Where `dev.waylay.emulate.<name>: VALUE` goes when VALUE is no key=value list. */
	const char *default_option;
	const struct option_spec *options; /* ends with a row without key */
	const char *help;
};

/* Adding one: specs/handlers/NAME.c with the row, a line in specs/handlers/rows.h and in specs/handler_spec.c. */
extern const struct handler_spec *const handler_specs[]; /* sorted by name, NULL at the end */

const struct handler_spec *handler_spec_find(const char *name);
/* Row of an option or NULL. */
const struct option_spec *handler_spec_option(const struct handler_spec *spec, const char *key);
/* Appends "mknod, mount, ..." for messages. */
void handler_spec_names(struct buf *ret_text);
/* -EINVAL with key, value and what is valid. */
int handler_spec_check(const struct handler_spec *spec, const char *key, const char *value,
		       struct wl_err *err);
