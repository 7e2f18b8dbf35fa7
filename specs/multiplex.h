/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that some ABIs (i386, s390x, ppc64le) also, or only, have as a number inside socketcall and ipc. */
#pragma once

#include "specs/policy.h"

/* Appends the item that stands beside `item` in a rule of this action, so that nothing is evaded by the other
 * entry: `socket:ENOSYS` -> "socketcall[call == SYS_SOCKET]:ENOSYS". Returns false if there is none. An item
 * with a condition has one for deny and kill only, without the condition: the arguments are in memory. */
bool multiplex_item(const struct call_item *item, enum action action, struct buf *ret_text);
