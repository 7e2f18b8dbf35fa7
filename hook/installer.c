/* SPDX-License-Identifier: Apache-2.0 */
/* The installer: carries policy and connection to the stations of hook/inject.c. It may have to wait for
 * hours between `create` and `start`, so it keeps no more memory and fds than that takes. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "hook/failure.h"
#include "hook/handoff.h"
#include "hook/inject.h"
#include "hook/installer.h"
#include "specs/merge.h"
#include "specs/wire.h"

#define ATTACH_TIMEOUT_MS 5000

struct state {
	const struct installer *what;
	int listener;
	/* From the load to the exec, and only if the policy denies anything. */
	struct plan *plan;
	struct bpf_prog profile;
};

static bool has_denials(const struct policy *policy)
{
	for (size_t i = 0; i < policy->n_rules; i++) {
		enum action a = policy->rules[i].action;

		if (a == ACTION_DENY || a == ACTION_KILL || a == ACTION_ERRNO)
			return true;
	}
	return false;
}

/* What merging has used and nobody needs now: between `create` and `start` may be hours, before the load
 * (crun) or after it (runc). */
static void give_memory_back(void)
{
	const uintptr_t page = 4096, far = 1024 * page;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

	malloc_trim(0);
	/* The stack below us was deeper once. */
	madvise((void *)(here - far), far - 2 * page, MADV_DONTNEED);
}

static int build(void *ctx, const struct bpf_prog *profile, struct bpf_prog *ret_merged,
		 bool *ret_needs_listener, struct wl_err *err)
{
	struct state *state = ctx;
	struct merge_stats stats;
	int r;

	r = plan_new(state->what->policy, abi_native(), &state->plan, err);
	if (r < 0)
		return r;
	r = merge_compile(profile->len ? profile : NULL, state->plan, ret_merged, &stats, err);
	if (r < 0)
		return r;
	*ret_needs_listener = merge_needs_listener(state->plan);
	if (profile->len && has_denials(state->what->policy))
		return bpf_prog_copy(&state->profile, profile->insns, profile->len);
	return 0;
}

static int send_load(struct state *state, int notify_fd, const struct bpf_prog *profile,
		     struct wl_err *err)
{
	const struct installer *what = state->what;
	int r;

	r = wire_send(state->listener, WIRE_LOAD, what->id, what->pid, what->bundle, what->policy,
		      profile->len ? profile : NULL, notify_fd);
	return r < 0 ? r : wire_recv_ack(state->listener, HANDOFF_TIMEOUT_MS, err);
}

static int reconnect(struct state *state, struct wl_err *err)
{
	const struct installer *what = state->what;

	fd_close(state->listener);
	state->listener = handoff_offer(what->cap, what->socket_path, what->config_path, what->id,
					what->pid, what->bundle, what->policy, err);
	return state->listener < 0 ? state->listener : 0;
}

static bool is_lost(int code)
{
	return code == -EPIPE || code == -ECONNRESET;
}

static int hand_over(struct state *state, int notify_fd, const struct bpf_prog *profile,
		     struct wl_err *err)
{
	int r;

	r = send_load(state, notify_fd, profile, err);
	if (is_lost(r)) {
		/* The listener that accepted the policy was restarted since; that may be hours ago. */
		r = reconnect(state, err);
		if (r == 0)
			r = send_load(state, notify_fd, profile, err);
	}
	return r < 0 ? wl_err_prefix(err, r, "hand the notification fd over to the listener") : 0;
}

static int deliver(void *ctx, int notify_fd, const struct bpf_prog *profile, struct wl_err *err)
{
	struct state *state = ctx;
	int r;

	r = notify_fd < 0 ? 0 : hand_over(state, notify_fd, profile, err);
	if (!has_denials(state->what->policy)) {
		plan_free(state->plan);
		state->plan = NULL;
	}
	give_memory_back();
	return r;
}

/* A call of the set-up phase that the policy denies and the profile alone would not. */
static int check_call(void *ctx, const struct seccomp_data *data, struct wl_err *err)
{
	struct state *state = ctx;
	const struct abi *abi = abi_of(data->arch, (uint32_t)data->nr);
	const struct syscall_def *def = abi ? sysno_find(abi, (uint32_t)data->nr) : NULL;
	const struct bpf_prog *profile = state->profile.len ? &state->profile : NULL;
	uint32_t before = SECCOMP_RET_ALLOW, after;
	_cleanup_(buf_done) struct buf text = { 0 };

	if (profile)
		before = bpf_run(profile, data, NULL);
	after = merge_verdict(profile, state->plan, data);
	if (after == before || bpf_action_rank(after) >= bpf_action_rank(SECCOMP_RET_USER_NOTIF))
		return 0;
	bpf_verdict_text(after, &text);
	return wl_err_say(
		err, -EPERM,
		"the policy answers %s to '%s', which the runtime itself still needs before it "
		"starts the program: take '%s' out of the list or give it a condition",
		text.data ?: "an error", def ? def->name : "a call without name",
		def ? def->name : "it");
}

static int send_started(struct state *state, struct wl_err *err)
{
	const struct installer *what = state->what;
	int r;

	r = wire_send(state->listener, WIRE_STARTED, what->id, what->pid, what->bundle, NULL, NULL,
		      -EBADF);
	return r < 0 ? r : wire_recv_ack(state->listener, HANDOFF_TIMEOUT_MS, err);
}

static int started(void *ctx, struct wl_err *err)
{
	struct state *state = ctx;
	const struct installer *what = state->what;
	int r;

	if (state->listener < 0)
		return 0;
	r = send_started(state, err);
	if (is_lost(r)) {
		fd_close(state->listener);
		state->listener = handoff_reconnect(what->cap, what->socket_path, what->id, err);
		r = state->listener < 0 ? state->listener : send_started(state, err);
	}
	return r < 0 ? wl_err_prefix(err, r, "tell the listener that the program starts") : 0;
}

static void failed(void *ctx, const struct wl_err *err)
{
	const struct state *state = ctx;

	syslog(LOG_ERR, "container '%s': %s", state->what->id, err->msg);
	failure_record(state->what->cap->state_dir, state->what->id, err->msg);
}

/* Nothing of the hook's stays: a pipe of the runtime's kept open would hang conmon or containerd. */
static int leave_hook(int *listener, int *ready, struct wl_err *err)
{
	int null, high[2];

	setsid();
	prctl(PR_SET_NAME, "waylay-install");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || chdir("/") < 0)
		return wl_err_set(err, -errno, "detach the installer");
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	/* Above everything, then down to 3 and 4. */
	high[0] = fcntl(*ready, F_DUPFD_CLOEXEC, 100);
	high[1] = *listener < 0 ? -EBADF : fcntl(*listener, F_DUPFD_CLOEXEC, 100);
	if (high[0] < 0 || (*listener >= 0 && high[1] < 0))
		return wl_err_set(err, -errno, "detach the installer");
	*ready = dup3(high[0], 3, O_CLOEXEC);
	if (*listener >= 0)
		*listener = dup3(high[1], 4, O_CLOEXEC);
	sys_close_range(*listener >= 0 ? 5 : 4, ~0u);
	return 0;
}

static int install(const struct installer *what, int ready)
{
	const struct inject_ops ops = {
		.build = build,
		.deliver = deliver,
		.started = started,
		.failed = failed,
		.check_call = has_denials(what->policy) ? check_call : NULL,
	};
	const struct inject_target target = {
		.pid = what->pid,
		.start_time = what->start_time,
		.has_profile = what->has_profile,
	};
	struct state state = { .what = what, .listener = what->listener };
	struct wl_err err = { 0 };
	struct inject *inj = NULL;
	ssize_t ignored;
	int r;

	r = leave_hook(&state.listener, &ready, &err);
	if (r == 0)
		r = inject_attach(&target, &inj, &err);
	/* The answer to the hook: nothing for yes, else why not. */
	ignored = write(ready, r < 0 ? err.msg : "", r < 0 ? strlen(err.msg) + 1 : 1);
	(void)ignored;
	fd_close(ready);
	if (r < 0)
		return r;

	openlog("waylay-hook", LOG_PID, LOG_DAEMON);
	give_memory_back();
	r = inject_run(inj, &ops, &state, &err);
	inject_free(inj);
	return r;
}

/* What the installer has to say about its attachment. */
static int await_attachment(int ready, pid_t installer, struct wl_err *err)
{
	struct pollfd pfd = { .fd = ready, .events = POLLIN };
	char text[sizeof(err->msg)];
	ssize_t n;

	if (poll(&pfd, 1, ATTACH_TIMEOUT_MS) != 1) {
		kill(installer, SIGKILL);
		return wl_err_say(err, -ETIMEDOUT, "init was not stopped within %d ms",
				  ATTACH_TIMEOUT_MS);
	}
	n = read(ready, text, sizeof(text) - 1);
	if (n <= 0)
		return wl_err_say(err, -ECHILD, "the installer died while it attached to init");
	text[n] = '\0';
	return text[0] ? wl_err_say(err, -EPERM, "%s", text) : 0;
}

int installer_start(const struct installer *what, struct wl_err *err)
{
	_cleanup_close_ int ready_in = -EBADF, ready_out = -EBADF;
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return wl_err_set(err, -errno, "start the installer");
	ready_in = ready[0];
	ready_out = ready[1];
	pid = fork();
	if (pid < 0)
		return wl_err_set(err, -errno, "start the installer");
	if (pid == 0)
		_exit(install(what, ready_out) < 0);
	ready_out = fd_close(ready_out);
	return await_attachment(ready_in, pid, err);
}
