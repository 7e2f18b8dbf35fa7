/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness (sd_notify(3)) and socket activation (sd_listen_fds(3)), without the library. */
#pragma once

#include <stdbool.h>

#define SYSTEMD_LISTEN_FD 3

/* "READY=1" and the like; nothing where there is no systemd. */
void systemd_notify(const char *text);
/* True if systemd passed one socket to this process. */
bool systemd_has_socket(void);
