/* SPDX-License-Identifier: Apache-2.0 */
/* An event as a line for people, in strace's manner. */
#pragma once

#include "arch/base/buf.h"
#include "specs/json.h"

/* Appends `12:00:01.123456 web[1234/7] busybox mkdirat(AT_FDCWD, "/x", 0755) = -1 EPERM <0.000012>
 * [errno by rule deny#1]` with a newline for one event (an object). Fields that are missing or of another
 * type are left out. Nothing of the event can forge a line or reach the terminal as a control code. */
void event_text(struct buf *out, const struct json *event);

/* A line's text for json_parse: \u0000 (which decode writes for a NUL byte, and json_parse refuses) becomes
 * U+2400 in place, same length. event_text shows it as \0. */
void event_text_prepare(char *line, size_t len);
