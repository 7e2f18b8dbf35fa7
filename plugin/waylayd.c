/* SPDX-License-Identifier: Apache-2.0 */
/* waylayd: the listener, or with --keeper-fd (which only itself gives) the keeper beside it. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/keeper.h"
#include "plugin/options.h"
#include "plugin/systemd.h"

static const char usage[] =
	"Usage: waylayd [--socket PATH] [--policy FILE] [--events SINK] [--config FILE] [--once]\n"
	"\n"
	"Listens for seccomp notification fds of containers and answers their calls.\n"
	"\n"
	"  --socket PATH  listen here (default: 'socket' of the configuration)\n"
	"  --policy FILE  policy for notification fds that come with none of their own\n"
	"  --events SINK  where events go: file:PATH, unix:PATH, journald or stderr\n"
	"                 (default: each container's own file below the log directory)\n"
	"  --config FILE  the host's configuration (default: " WAYLAY_SYSCONFDIR
	"/waylay/waylay.json"
	")\n"
	"  --once         end when the container has ended and everything is written\n"
	"  --help         this text\n"
	"  --version      the version\n"
	"\n"
	"SIGTERM ends it: intercepted calls of containers that are still there get ENOSYS.\n"
	"SIGHUP reads the configuration anew.\n";

enum {
	OPT_SOCKET = 256,
	OPT_POLICY,
	OPT_EVENTS,
	OPT_CONFIG,
	OPT_ONCE,
	OPT_HELP,
	OPT_VERSION,
	OPT_KEEPER,
	OPT_RESUME
};

static const struct option rows[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "events", required_argument, NULL, OPT_EVENTS },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "keeper-fd", required_argument, NULL, OPT_KEEPER },
	{ "resume-fd", required_argument, NULL, OPT_RESUME },
	{ 0 },
};

/* Keeper and later listeners may run elsewhere: every path is made absolute. `skip`: characters in front
 * of the path ("file:"). Leaks on purpose: lives as long as the process. */
static const char *absolute(const char *arg, size_t skip)
{
	char cwd[PATH_MAX], *text;

	if (arg[skip] == '/' || !getcwd(cwd, sizeof(cwd)) ||
	    asprintf(&text, "%.*s%s/%s", (int)skip, arg, cwd, arg + skip) < 0)
		return arg;
	return text;
}

static const char *absolute_sink(const char *arg)
{
	return strncmp(arg, "file:", 5) == 0 || strncmp(arg, "unix:", 5) == 0 ? absolute(arg, 5)
									      : arg;
}

static int parse_fd(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text && *end == '\0' && n > 2 && n < INT_MAX ? (int)n : -EINVAL;
}

/* The canonical command line: what a keeper starts the next listener with. */
static void build_argv(const struct listener_options *o, char *argv[16])
{
	const struct {
		const char *name, *value;
	} args[] = { { "--socket", o->socket },
		     { "--policy", o->policy },
		     { "--events", o->events },
		     { "--config", o->config } };
	unsigned n = 0;

	argv[n++] = (char *)"waylayd";
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		if (args[i].value) {
			argv[n++] = (char *)args[i].name;
			argv[n++] = (char *)args[i].value;
		}
	if (o->once)
		argv[n++] = (char *)"--once";
	argv[n] = NULL;
}

struct arguments {
	struct listener_options options;
	int keeper_fd, resume_fd;
};

/* -1: go on; else the exit status. */
static int take_option(struct arguments *a, int option)
{
	switch (option) {
	case OPT_SOCKET:
		a->options.socket = absolute(optarg, 0);
		return -1;
	case OPT_POLICY:
		a->options.policy = absolute(optarg, 0);
		return -1;
	case OPT_EVENTS:
		a->options.events = absolute_sink(optarg);
		return -1;
	case OPT_CONFIG:
		a->options.config = absolute(optarg, 0);
		return -1;
	case OPT_ONCE:
		a->options.once = true;
		return -1;
	case OPT_HELP:
		fputs(usage, stdout);
		return 0;
	case OPT_VERSION:
		puts("waylayd " WAYLAY_VERSION);
		return 0;
	case OPT_KEEPER:
		a->keeper_fd = parse_fd(optarg);
		return a->keeper_fd < 0 ? 2 : -1;
	case OPT_RESUME:
		a->resume_fd = parse_fd(optarg);
		return a->resume_fd < 0 ? 2 : -1;
	default:
		return 2; /* getopt has said what is wrong */
	}
}

/* Listener and keeper outlive whoever started them: a pipe of a runtime or a shell that stays open here
 * would keep its reader waiting for ever. */
static void close_inherited(int keep)
{
	if (keep > STDERR_FILENO + 1)
		sys_close_range(STDERR_FILENO + 1, (unsigned)keep - 1);
	sys_close_range(keep > STDERR_FILENO ? (unsigned)keep + 1 : STDERR_FILENO + 1, ~0u);
}

static int given_fd(const struct arguments *a)
{
	if (a->keeper_fd >= 0)
		return a->keeper_fd;
	if (a->resume_fd >= 0)
		return a->resume_fd;
	return systemd_has_socket() ? SYSTEMD_LISTEN_FD : -1;
}

int main(int argc, char **argv)
{
	struct arguments a = { .keeper_fd = -1, .resume_fd = -1 };
	char *next_argv[16];
	int option, status;

	log_init("waylayd", 0);
	while ((option = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		status = take_option(&a, option);
		if (status >= 0)
			return status;
	}
	if (optind < argc) {
		fprintf(stderr, "waylayd: unexpected argument '%s'; see waylayd --help\n",
			argv[optind]);
		return 2;
	}
	close_inherited(given_fd(&a));
	build_argv(&a.options, next_argv);
	if (a.keeper_fd >= 0)
		return keeper_main(a.keeper_fd, next_argv);
	return listener_main(&a.options, a.resume_fd, next_argv);
}
