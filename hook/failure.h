/* SPDX-License-Identifier: Apache-2.0 */
/* <state_dir>/failed/<container id>: why a container did not start, for `waylay doctor`. */
#pragma once

/* Best effort: what cannot be written goes to syslog. One line, "<seconds since 1970> <text>". */
void failure_record(const char *state_dir, const char *id, const char *text);
/* The container starts again: an old reason is history. */
void failure_forget(const char *state_dir, const char *id);
