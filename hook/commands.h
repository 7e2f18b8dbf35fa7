/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `waylay`: one row each in hook/waylay.c, one file each (hook/cmd_NAME.c). */
#pragma once

struct command {
	const char *name;
	/* argv[0] is the command's name. Returns the exit status: 0, 1 for a failure that was said in one
	 * line, 2 for bad usage. */
	int (*run)(int argc, char **argv);
	const char *args; /* synopsis of what follows the name: "[--json] FILE" */
	const char *help; /* one line */
	/* What `waylay NAME --help` shows after the synopsis: one line an option; NULL: nothing. */
	const char *options;
};

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* Says "waylay NAME: TEXT; see 'waylay NAME --help'" on stderr and returns COMMAND_USAGE. */
int command_bad_usage(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int cmd_doctor(int argc, char **argv);
