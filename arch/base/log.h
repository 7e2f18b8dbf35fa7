/* SPDX-License-Identifier: Apache-2.0 */
/* What a program tells its operator: one line to stderr, on request to syslog as well. */
#pragma once

#include "arch/base/err.h"

/* `program` must stay valid. With `also_syslog` each line goes to syslog(3) too (daemon.*). */
void log_init(const char *program, int also_syslog);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
