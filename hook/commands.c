/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands of `waylay` say in the same words. */
#include <stdarg.h>
#include <stdio.h>

#include "arch/base/log.h"
#include "hook/commands.h"

int command_bad_usage(const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("%s: %s; see 'waylay %s --help'", name, text, name);
	return COMMAND_USAGE;
}
