/* SPDX-License-Identifier: Apache-2.0 */
/* What a program tells its operator. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "arch/base/log.h"

static const char *log_program = "waylay";
static int log_to_syslog;

void log_init(const char *program, int also_syslog)
{
	log_program = program;
	log_to_syslog = also_syslog;
	if (also_syslog)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

static void log_line(int priority, const char *fmt, va_list ap)
{
	char text[1024], line[1200];
	ssize_t ignored;
	int n;

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	/* One write, so that lines of several processes do not mix. */
	n = snprintf(line, sizeof(line), "%s: %s\n", log_program, text);
	ignored =
		write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	(void)ignored;
	if (log_to_syslog)
		syslog(priority, "%s", text);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_ERR, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_INFO, fmt, ap);
	va_end(ap);
}
