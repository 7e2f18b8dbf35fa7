/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the host's cap file, for the reader, `waylay check` and the schema's test. */
#pragma once

#include "specs/cap.h"
#include "specs/keys.h"

extern const struct key_row cap_keys[], cap_allow_keys[];
/* `path` is only named. */
int cap_from_json(const struct json *doc, const char *path, struct cap **ret, struct wl_err *err);
