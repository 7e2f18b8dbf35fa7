/* SPDX-License-Identifier: Apache-2.0 */
/* A container's annotations -> policy. */
#pragma once

#include "specs/json.h"
#include "specs/policy.h"

#define ANNOTATION_PREFIX "dev.waylay."

/* Reads every `dev.waylay.*` key (and io.containers.trace-syscall) of an annotations object; NULL or no
 * such key gives *ret_policy = NULL and 0: the container is none of waylay's business. `policy_dir` is
 * where `dev.waylay.policy` names are looked up (openat2 RESOLVE_BENEATH; a name, no path). Unknown keys
 * under the prefix: -EINVAL with the list of valid ones. Order of the resulting rules is fixed (kill,
 * deny, override, observe; within one, as written), since JSON objects have none. */
int annotations_parse(const struct json *annotations, const char *policy_dir,
		      struct policy **ret_policy, struct wl_err *err);
/* Appends one line a key, "key<TAB>help", for --help and manuals. */
void annotations_help(struct buf *ret_text);
