/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI hook: at createRuntime it hands init to the installer, at poststop it waits for the end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/failure.h"
#include "hook/handoff.h"
#include "hook/inject.h"
#include "hook/installer.h"
#include "specs/annotations.h"
#include "specs/merge.h"
#include "specs/oci.h"
#include "specs/profile.h"

/* Every wait of ours ends earlier; this is for what was not thought of (a bundle on a dead NFS server). */
#define HOOK_TIMEOUT_S 60

struct options {
	const char *socket, *config;
};

static const char help[] =
	"Usage: waylay-hook [--socket PATH] [--config FILE]\n\n"
	"OCI hook: the runtime runs it at createRuntime and at poststop, with the container's "
	"state on\n"
	"stdin. Containers without an annotation of waylay's are left alone.\n\n"
	"  --socket PATH  the host's listener (default: the configuration's); if nobody listens "
	"there, a\n"
	"                 private listener is started\n"
	"  --config FILE  what containers may ask for (default: " CAP_DEFAULT_PATH ")\n";

/* 1: go on; else main's exit status is -r. */
static int parse_options(char **argv, struct options *ret)
{
	struct {
		const char *name;
		const char **value;
	} rows[] = { { "--socket", &ret->socket }, { "--config", &ret->config } };

	for (char **arg = argv + 1; *arg; arg++) {
		size_t i;

		if (strcmp(*arg, "--help") == 0 || strcmp(*arg, "-h") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(*arg, "--version") == 0) {
			printf("waylay-hook %s\n", WAYLAY_VERSION);
			return 0;
		}
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			size_t n = strlen(rows[i].name);

			if (strncmp(*arg, rows[i].name, n) != 0)
				continue;
			if ((*arg)[n] == '=')
				*rows[i].value = *arg + n + 1;
			else if ((*arg)[n] == '\0' && arg[1])
				*rows[i].value = *++arg;
			else
				continue;
			break;
		}
		if (i == ARRAY_SIZE(rows)) {
			log_error("bad argument '%s'; see 'waylay-hook --help'", *arg);
			return -2;
		}
		if ((*rows[i].value)[0] != '/') {
			log_error("%s: '%s' is no absolute path", rows[i].name, *rows[i].value);
			return -2;
		}
	}
	return 1;
}

/* Most containers ask for nothing: they must not depend on our configuration being right. */
static bool concerns_us(const struct json *annotations)
{
	if (!annotations || annotations->type != JSON_OBJECT)
		return false;
	for (size_t i = 0; i < annotations->u.list.n; i++) {
		const char *key = annotations->u.list.keys[i];

		if (strncmp(key, ANNOTATION_PREFIX, strlen(ANNOTATION_PREFIX)) == 0 ||
		    strcmp(key, "io.containers.trace-syscall") == 0)
			return true;
	}
	return false;
}

/* A filter of the rules alone that is longer than this may not fit beside a profile (4096 is the kernel's
 * limit, podman's default profile merges to some hundreds). */
#define TRIAL_LEN 1024

/* Whether rules and profile fit into one filter, before init is touched. Compiling the profile here as the
 * runtime does takes libseccomp 10 ms, a third of a container's start: only where it could matter. What does
 * not fit all the same is the failure of init's own load, which the runtime reports. */
static int try_merge(const struct plan *plan, const struct json *seccomp, struct wl_err *err)
{
	_cleanup_(bpf_prog_done) struct bpf_prog merged = { 0 }, profile = { 0 }, both = { 0 };
	struct merge_stats stats;
	int r;

	r = merge_compile(NULL, plan, &merged, &stats, err);
	if (r < 0 || !seccomp || stats.merged_len <= TRIAL_LEN)
		return r;
	r = profile_compile(seccomp, &profile, err);
	return r < 0 ? r : merge_compile(&profile, plan, &both, &stats, err);
}

/* All else that can be known to fail before init is touched. */
static int check_policy(const struct policy *policy, const struct cap *cap,
			const struct oci_config *config, bool *ret_needs_listener,
			struct wl_err *err)
{
	const char *path = json_get_string(config->seccomp, "listenerPath");
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r;

	r = cap_check(cap, policy, err);
	if (r < 0)
		return r;
	if (cap->require_exec_coverage)
		return wl_err_say(
			err, -EPERM,
			"'%s' has require_exec_coverage, and a hook does not see `exec`: use the "
			"spec route, `waylay merge`",
			cap->path ?: CAP_DEFAULT_PATH);
	if (policy->engine == ENGINE_TRACE)
		return wl_err_say(err, -ENOTSUP,
				  "annotation " ANNOTATION_PREFIX
				  "engine: 'trace' is not built in: use "
				  "'notify'");
	if (path && *path)
		return wl_err_say(
			err, -EBUSY,
			"linux.seccomp has a listenerPath ('%s'): its notifications are somebody "
			"else's, and a filter has one listener: take it out or waylay's "
			"annotations",
			path);
	r = plan_new(policy, abi_native(), &plan, err);
	if (r < 0)
		return r;
	r = try_merge(plan, config->seccomp, err);
	if (r < 0)
		return r;
	*ret_needs_listener = merge_needs_listener(plan);
	return 0;
}

/* Releases the config before the installer is made, which may live for hours with what is left. */
static int create(const struct options *options, const struct oci_state *state,
		  struct oci_config **take_config, const struct json *annotations,
		  struct wl_err *err)
{
	_cleanup_(oci_config_freep) struct oci_config *config = TAKE_PTR(*take_config);
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(cap_freep) struct cap *cap = NULL;
	_cleanup_close_ int listener = -EBADF;
	bool needs_listener = false, has_profile;
	uint64_t start_time = 0;
	int r;

	if (state->pid <= 0)
		return wl_err_say(err, -EINVAL,
				  "state of '%s' names no pid: not a createRuntime hook?",
				  state->id);
	r = inject_start_time(state->pid, &start_time);
	if (r < 0)
		return wl_err_set(err, r, "state of '%s': pid %d", state->id, (int)state->pid);
	if (inject_is_host_process(state->pid))
		return wl_err_say(
			err, -EINVAL,
			"state of '%s': pid %d is a process of the host, not a container's init",
			state->id, (int)state->pid);
	r = cap_load(options->config, &cap, err);
	if (r < 0)
		return r;
	failure_forget(cap->state_dir, state->id);
	r = annotations_parse(annotations, cap->policy_dir, &policy, err);
	if (r < 0 || !policy)
		return r;
	r = check_policy(policy, cap, config, &needs_listener, err);
	if (r < 0)
		return r;
	if (needs_listener) {
		listener = handoff_offer(cap, options->socket, options->config, state->id,
					 state->pid, state->bundle, policy, err);
		if (listener < 0)
			return listener;
	}
	has_profile = config->seccomp;
	oci_config_free(TAKE_PTR(config));
	const struct installer what = {
		.id = state->id,
		.bundle = state->bundle,
		.pid = state->pid,
		.start_time = start_time,
		.has_profile = has_profile,
		.policy = policy,
		.cap = cap,
		.socket_path = options->socket,
		.config_path = options->config,
		.listener = listener,
	};
	return installer_start(&what, err);
}

static int end(const struct options *options, const struct oci_state *state, struct wl_err *err)
{
	_cleanup_(cap_freep) struct cap *cap = NULL;
	int r;

	r = cap_load(options->config, &cap, err);
	return r < 0 ? r : handoff_ended(cap, options->socket, state->id, err);
}

/* crun 1.8.1 gives hooks /dev/null for a standard error, and says only that one failed. */
static bool is_mute(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) < 0 ||
	       (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

/* As main says it, for those who do not see the hook's output. */
static void tell_user(const struct options *options, const struct oci_state *state,
		      const char *text)
{
	_cleanup_(cap_freep) struct cap *cap = NULL;
	char line[sizeof(((struct wl_err *)0)->msg) + 32];

	snprintf(line, sizeof(line), "waylay-hook: %s\n", text);
	if (is_mute() && state->pid > 0)
		inject_tell(state->pid, line);
	if (cap_load(options->config, &cap, NULL) == 0)
		failure_record(cap->state_dir, state->id, text);
}

static int run(const struct options *options, struct wl_err *err)
{
	_cleanup_(oci_config_freep) struct oci_config *config = NULL;
	_cleanup_(oci_state_freep) struct oci_state *state = NULL;
	const struct json *annotations;
	bool is_over;
	int r;

	r = oci_state_read(STDIN_FILENO, &state, err);
	if (r < 0)
		return r;
	is_over = strcmp(state->status, "stopped") == 0;
	r = state->bundle ? oci_config_load(state->bundle, &config, err)
			  : wl_err_say(err, -EINVAL, "state of '%s' names no absolute bundle path",
				       state->id);
	/* At poststop the bundle may be on its way out. */
	if (r < 0 && !is_over) {
		tell_user(options, state, err->msg);
		return r;
	}
	/* crun 1.8.1 leaves annotations out of the state. */
	annotations = config && config->annotations ? config->annotations : state->annotations;
	if (config && !concerns_us(annotations))
		return 0;
	if (is_over)
		return end(options, state, err);
	r = create(options, state, &config, annotations, err);
	if (r < 0)
		tell_user(options, state, err->msg);
	return r;
}

static void give_up(int sig)
{
	static const char text[] = "waylay-hook: gave up after 60 s without an answer\n";
	ssize_t ignored;

	ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
	_exit(1);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct wl_err err = { 0 };
	int r;

	/* The image's configuration can put variables into a hook's environment: none of them counts. */
	clearenv();
	log_init("waylay-hook", 0);
	r = parse_options(argv, &options);
	if (r <= 0)
		return -r;
	if (isatty(STDIN_FILENO)) {
		log_error("this is an OCI hook: the runtime runs it with the container's state on "
			  "stdin; see "
			  "'waylay-hook --help'");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, give_up);
	alarm(HOOK_TIMEOUT_S);
	r = run(&options, &err);
	if (r < 0) {
		log_init("waylay-hook", 1);
		log_error("%s", err.msg);
		return 1;
	}
	return 0;
}
