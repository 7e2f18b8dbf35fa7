/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text (RFC 4648, padded, no line breaks). */
#pragma once

#include <stddef.h>

#include "arch/base/buf.h"

void base64_write(struct buf *out, const void *data, size_t len);
/* Appends the bytes of a text; -EINVAL unless it is exactly what base64_write makes of them. */
int base64_read(struct buf *out, const char *text, size_t len);
