/* SPDX-License-Identifier: Apache-2.0 */
/* One row a handler: plugin/handlers/NAME.c defines it, plugin/handler.c lists it. */
#pragma once

#include "plugin/handler.h"

extern const struct handler handler_mknod;
extern const struct handler handler_mount;
