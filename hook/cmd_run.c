/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay run`: the interception for a plain command, without container and without root. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_run.h"
#include "hook/commands.h"
#include "hook/handoff.h"
#include "hook/listener.h"
#include "hook/run_child.h"
#include "specs/merge.h"
#include "specs/wire.h"

struct run {
	struct policy *policy; /* owned */
	char *events, *config; /* owned; absolute where they are paths */
	char **command;
	char id[32];
	char dir[64]; /* of the private socket; "": none */
	char socket[80];
	int listener; /* owned */
};

static void run_done(struct run *run)
{
	policy_free(run->policy);
	free(run->events);
	free(run->config);
	fd_close(run->listener);
	if (run->dir[0]) {
		unlink(run->socket);
		rmdir(run->dir);
	}
}

/* A path for a process with another working directory; `skip`: characters in front of the path. */
static char *make_absolute(const char *arg, size_t skip)
{
	char cwd[PATH_MAX], *text = NULL;

	if (arg[skip] == '/' || !getcwd(cwd, sizeof(cwd)))
		return strdup(arg);
	return asprintf(&text, "%.*s%s/%s", (int)skip, arg, cwd, arg + skip) < 0 ? NULL : text;
}

static int add_list(struct run *run, enum action action, const char *option, const char *text,
		    struct wl_err *err)
{
	char name[32];
	struct rule *rule;

	snprintf(name, sizeof(name), "%s#%zu", option + 2, run->policy->n_rules + 1);
	rule = policy_add_rule(run->policy, action, name);
	return rule ? policy_parse_list(rule, text, option, err)
		    : wl_err_say(err, -E2BIG, "option %s: too many rules", option);
}

static int take_option(struct run *run, const char *option, const char *value, struct wl_err *err)
{
	static const struct {
		const char *option;
		enum action action;
	} lists[] = { { "--trace", ACTION_TRACE },
		      { "--log", ACTION_LOG },
		      { "--deny", ACTION_DENY },
		      { "--kill", ACTION_KILL } };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(option, lists[i].option) == 0)
			return add_list(run, lists[i].action, option, value, err);
	if (strcmp(option, "--policy") == 0) {
		_cleanup_(policy_freep) struct policy *policy = NULL;
		int r;

		r = policy_load(value, &policy, err);
		return r < 0 ? r : policy_append(run->policy, policy, err);
	}
	if (strcmp(option, "--config") == 0) {
		free(run->config);
		run->config = make_absolute(value, 0);
		return run->config ? 0 : wl_err_set(err, -ENOMEM, "option %s", option);
	}
	free(run->events);
	run->events =
		make_absolute(value, strcmp(value, "stderr") == 0 || strcmp(value, "journald") == 0
					     ? strlen(value)
					     : strcspn(value, ":") + (strchr(value, ':') != NULL));
	return run->events ? 0 : wl_err_set(err, -ENOMEM, "option %s", option);
}

static bool is_option(const char *arg)
{
	static const char *const names[] = { "--trace",	 "--log",    "--deny",	"--kill",
					     "--policy", "--config", "--events" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(arg, names[i]) == 0)
			return true;
	return false;
}

/* 0, or the exit status of a bad command line. */
static int parse(int argc, char **argv, struct run *run)
{
	struct wl_err err = { 0 };
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		char option[16], *eq = strchr(argv[i], '=');
		const char *value;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		snprintf(option, sizeof(option), "%.*s",
			 eq ? (int)(eq - argv[i]) : (int)strlen(argv[i]), argv[i]);
		if (!is_option(option))
			return command_bad_usage("run", "unknown option '%s'", argv[i]);
		value = eq ? eq + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (!value)
			return command_bad_usage("run", "option '%s' needs a value", option);
		if (take_option(run, option, value, &err) < 0)
			return command_bad_usage("run", "%s", err.msg);
	}
	if (i >= argc)
		return command_bad_usage("run", "no command given");
	run->command = argv + i;
	return 0;
}

/* As a shell finds it, but before anything is traced. */
static int find_command(const char *name, char ret_path[PATH_MAX], struct wl_err *err)
{
	const char *p = getenv("PATH") ?: "/usr/local/bin:/usr/bin:/bin";

	if (strchr(name, '/')) {
		snprintf(ret_path, PATH_MAX, "%s", name);
		return 0;
	}
	for (;; p++) {
		size_t n = strcspn(p, ":");

		snprintf(ret_path, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? p : ".", name);
		if (access(ret_path, X_OK) == 0)
			return 0;
		p += n;
		if (!*p)
			return wl_err_say(err, -ENOENT, "command '%s': not found in PATH", name);
	}
}

static int start_listener(struct run *run, struct wl_err *err)
{
	struct listener_start start = {
		.socket = run->socket,
		.config = run->config,
		.events = run->events ?: run->policy->events ?: "stderr",
		.keep_stderr = true,
	};

	snprintf(run->dir, sizeof(run->dir), "/tmp/waylay-run-XXXXXX");
	if (!mkdtemp(run->dir)) {
		run->dir[0] = '\0';
		return wl_err_set(err, -errno, "make a directory in /tmp");
	}
	snprintf(run->socket, sizeof(run->socket), "%s/sock", run->dir);
	run->listener = listener_start(&start, NULL, err);
	if (run->listener < 0)
		return run->listener;
	/* The listener was told where events go; a container's policy would need the cap's leave. */
	free(TAKE_PTR(run->policy->events));
	return 0;
}

static int tell(struct run *run, enum wire_step step, pid_t pid, int fd, struct wl_err *err)
{
	int r;

	r = wire_send(run->listener, step, run->id, pid, NULL, run->policy, NULL, fd);
	if (r < 0)
		return wl_err_set(err, r, "speak to the listener");
	r = wire_recv_ack(run->listener, HANDOFF_TIMEOUT_MS, err);
	return r < 0 ? wl_err_prefix(err, r, "listener") : 0;
}

/* Filter on, fd handed over, and go. */
static int launch(struct run *run, struct run_child *child, bool needs_listener, struct wl_err *err)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	snprintf(run->id, sizeof(run->id), "run-%d", (int)child->pid);
	if (needs_listener) {
		r = start_listener(run, err);
		if (r == 0)
			r = tell(run, WIRE_OFFER, child->pid, -EBADF, err);
		if (r < 0)
			return r;
	}
	r = run_child_load(child, &fd, err);
	if (r < 0)
		return r;
	if (needs_listener) {
		r = tell(run, WIRE_LOAD, child->pid, fd, err);
		/* Before it goes: its execve is the first event. */
		if (r == 0)
			r = tell(run, WIRE_STARTED, child->pid, -EBADF, err);
		if (r < 0)
			return r;
	}
	run_child_go(child);
	return 0;
}

/* Signals that are sent to us are for the program; what a terminal sends it gets itself. */
static int wait_child(const struct run_child *child, const sigset_t *all)
{
	for (;;) {
		siginfo_t si;
		int status;

		if (sigwaitinfo(all, &si) < 0)
			continue;
		if (si.si_signo != SIGCHLD) {
			if (si.si_code <= 0)
				kill(child->pid, si.si_signo);
			continue;
		}
		while (waitpid(child->pid, &status, WNOHANG | WUNTRACED) == child->pid) {
			if (!WIFSTOPPED(status))
				return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
							   : WEXITSTATUS(status);
			/* Job control sees one job. */
			kill(getpid(), SIGSTOP);
			kill(child->pid, SIGCONT);
		}
	}
}

static int run_command(struct run *run, int *ret_status, struct wl_err *err)
{
	_cleanup_(run_child_done) struct run_child child = { .pidfd = -EBADF, .ready = -EBADF };
	_cleanup_(bpf_prog_done) struct bpf_prog filter = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	bool needs_listener;
	struct merge_stats stats;
	char path[PATH_MAX];
	sigset_t all, old;
	int r;

	r = find_command(run->command[0], path, err);
	if (r == 0)
		r = plan_new(run->policy, abi_native(), &plan, err);
	if (r == 0)
		r = merge_compile(NULL, plan, &filter, &stats, err);
	if (r < 0)
		return r;
	needs_listener = merge_needs_listener(plan);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	r = run_child_start(path, run->command, &old, &filter, needs_listener, &child, err);
	if (r == 0)
		r = launch(run, &child, needs_listener, err);
	if (r < 0)
		return r;
	*ret_status = wait_child(&child, &all);
	/* All events are out when we return, unless the program has left others behind. */
	if (needs_listener && tell(run, WIRE_ENDED, child.pid, -EBADF, err) == -EBUSY)
		log_info("run: processes of '%s' are still alive: they go on, intercepted", path);
	return 0;
}

int cmd_run(int argc, char **argv)
{
	_cleanup_(run_done) struct run run = { .listener = -EBADF };
	struct wl_err err = { 0 };
	int r, status = COMMAND_FAILED;

	run.policy = policy_new();
	if (!run.policy) {
		log_error("run: out of memory");
		return COMMAND_FAILED;
	}
	r = parse(argc, argv, &run);
	if (r != 0)
		return r;
	r = run_command(&run, &status, &err);
	if (r < 0) {
		log_error("run: %s", err.msg);
		return r == -ENOENT ? 127 : COMMAND_FAILED;
	}
	return status;
}
