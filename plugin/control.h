/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator's command (`waylay ps`, `stop`, `metrics`) asks of a listener. specs/wire.md, "Control" */
#pragma once

#include "arch/base/buf.h"
#include "plugin/listener.h"
#include "specs/json.h"

/* `request`: the value of "waylay-control", from a peer that is permitted to ask. Writes the answer, one
 * line; or sets *ret_awaited to the id of a container (inside request) whose end is the answer. Negative
 * errno with err: the request is wrong or cannot be met. */
int control_answer(struct listener *l, const struct json *request, struct buf *answer,
		   const char **ret_awaited, struct wl_err *err);
