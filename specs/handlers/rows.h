/* SPDX-License-Identifier: Apache-2.0 */
/* One row a handler: specs/handlers/NAME.c defines it, specs/handler_spec.c lists it. */
#pragma once

#include "specs/handler_spec.h"

extern const struct handler_spec handler_spec_mknod;
extern const struct handler_spec handler_spec_mount;
