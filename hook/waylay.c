/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay`: the command for people. Finds the subcommand in a table and runs it. */
#include <stdio.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_check.h"
#include "hook/cmd_events.h"
#include "hook/cmd_explain.h"
#include "hook/cmd_metrics.h"
#include "hook/cmd_ps.h"
#include "hook/cmd_run.h"
#include "hook/cmd_stop.h"
#include "hook/commands.h"
#include "specs/cap.h"

/* One row a subcommand, sorted by name: { name, function, synopsis, help, options }. */
static const struct command commands[] = {
	{ "check", cmd_check, "[--config FILE] FILE...",
	  "say whether policy files and host configurations are right",
	  "  --config FILE  is the policy below this host configuration's cap, too?\n"
	  "Errors have line and column. Exit status 1: at least one file is wrong." },
	{ "doctor", cmd_doctor, "[--json] [--config FILE]",
	  "say what of kernel, runtimes and permissions is there, and what is missing",
	  "  --json         the same as JSON\n"
	  "  --config FILE  the host's configuration (default: " CAP_DEFAULT_PATH ")" },
	{ "events", cmd_events, "[OPTIONS] FILE|-", "print a file of events as strace would",
	  "  -f, --follow          go on as the file grows\n"
	  "  --syscall NAME,...    only these calls\n"
	  "  --container ID,...    only these containers\n"
	  "  --errno NAME,...      only calls answered with one of these (EPERM, ...)\n"
	  "Lines that are no events are reported and skipped; the exit status is then 1." },
	{ "explain", cmd_explain, "[OPTIONS] CONFIG.json|--pid PID [CALL...]",
	  "say what a container's filter answers to which call, and why",
	  "  --bpf           show the filter, disassembled\n"
	  "  --policy FILE   take the rules from a policy file, not from the annotations\n"
	  "  --config FILE   the host's configuration, instead of the default\n"
	  "  --pid PID       show the filters that a running process has\n"
	  "  --dump FILE     with --pid: write the filters' instructions: FILE, FILE.1, ..." },
	{ "metrics", cmd_metrics, "[--config FILE] [--socket PATH]",
	  "print the listeners' counters as Prometheus reads them",
	  "  --config FILE  the host's configuration: where its listeners are\n"
	  "  --socket PATH  ask this listener only" },
	{ "ps", cmd_ps, "[--json] [--config FILE] [--socket PATH]",
	  "list the containers whose system calls are intercepted now",
	  "  --json         the same as JSON\n"
	  "  --config FILE  the host's configuration: where its listeners are\n"
	  "  --socket PATH  ask this listener only" },
	{ "run", cmd_run, "[OPTIONS] -- COMMAND [ARGUMENT...]",
	  "run a command with its system calls intercepted; no container and no root needed",
	  "  --trace LIST    calls to show, with decoded arguments: openat, @network, @all\n"
	  "  --log LIST      the same, scalar arguments only\n"
	  "  --deny LIST     calls to deny: mount, ptrace:ENOSYS\n"
	  "  --kill LIST     calls that kill the process\n"
	  "  --policy FILE   rules from a policy file; the options' come after them\n"
	  "  --events SINK   file:PATH, unix:PATH, journald or stderr (default)\n"
	  "  --config FILE   the host's configuration: what a policy may ask for\n"
	  "The exit status is the command's, 128 + N if signal N ended it." },
	{ "stop", cmd_stop, "[--config FILE] [--socket PATH] CONTAINER",
	  "end the interception of a container, which goes on",
	  "  --config FILE  the host's configuration: where its listeners are\n"
	  "  --socket PATH  ask this listener only\n"
	  "Its events are written when this returns. Calls that its filter hands to the listener\n"
	  "get ENOSYS from then on; what the filter denies by itself stays denied." },
	{ NULL, NULL, NULL, NULL, NULL },
};

static const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static void print_help(void)
{
	printf("Usage: waylay COMMAND [ARGUMENTS]\n"
	       "       waylay --help | --version | COMMAND --help\n\n"
	       "Intercepts system calls of OCI containers: see them, answer them, carry them "
	       "out.\n\n"
	       "Commands:\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-10s %s\n", c->name, c->help);
}

static void print_command_help(const struct command *c)
{
	printf("Usage: waylay %s %s\n\n%s\n", c->name, c->args, c->help);
	if (c->options)
		printf("\n%s\n", c->options);
}

int main(int argc, char **argv)
{
	const struct command *c;

	log_init("waylay", 0);
	if (argc < 2) {
		log_error("no command given; see 'waylay --help'");
		return COMMAND_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help();
		return COMMAND_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("waylay %s\n", WAYLAY_VERSION);
		return COMMAND_OK;
	}
	c = command_find(argv[1]);
	if (!c) {
		log_error("unknown command '%s'; see 'waylay --help'", argv[1]);
		return COMMAND_USAGE;
	}
	if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		print_command_help(c);
		return COMMAND_OK;
	}
	return c->run(argc - 1, argv + 1);
}
