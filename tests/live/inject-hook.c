/* SPDX-License-Identifier: Apache-2.0 */
/* A createRuntime hook without policy or listener: overrides one call through hook/inject.c and answers it
 * itself. For tests of the injection under real runtimes and under fake-init.
 * inject-hook [key=value]... [pid=PID]; without pid the state JSON is on stdin.
 *   call=N        the call that is notified, default mkdir; `all=1`: every call but rt_sigreturn
 *   answer=N      its result, default 0
 *   profile=0|1   config.json has a linux.seccomp
 *   log=FILE      what happened, one line each
 *   dump=FILE     the program that init was about to load
 *   fail=build|deliver|started
 *   die=N         the installer ends itself with SIGKILL at its Nth stop
 *   shoot=N       init is killed at its Nth stop
 *   start=N       start time that init must have */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "arch/regs.h"
#include "hook/inject.h"

struct harness {
	unsigned call, all, profile, die, shoot, check;
	int answer;
	uint64_t start;
	pid_t pid;
	const char *log, *dump, *fail;
	volatile int *is_started; /* shared with the answering process */
};

static void say(const struct harness *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct harness *h, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	ssize_t ignored;
	int fd, n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	fd = open(h->log ?: "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ignored = write(fd, line, (size_t)n);
	(void)ignored;
	fd_close(fd);
}

static int build(void *ctx, const struct bpf_prog *profile, struct bpf_prog *ret_merged,
		 bool *ret_needs_listener, struct wl_err *err)
{
	const struct harness *h = ctx;
	const struct sock_filter one[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, regs_native()->audit_arch, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, h->all ? SYS_rt_sigreturn : h->call,
			 h->all ? 1 : 0, h->all ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	unsigned n = ARRAY_SIZE(one), rest = profile->len ? profile->len : 1;

	say(h, "build len=%u", profile->len);
	if (h->dump && profile->len) {
		FILE *f = fopen(h->dump, "we");

		fwrite(profile->insns, sizeof(*profile->insns), profile->len, f);
		fclose(f);
	}
	if (h->fail && strcmp(h->fail, "build") == 0)
		return wl_err_say(err, -EINVAL, "build failed as told");
	ret_merged->insns = calloc(n + rest, sizeof(*one));
	memcpy(ret_merged->insns, one, sizeof(one));
	memcpy(ret_merged->insns + n, profile->len ? profile->insns : &allow, rest * sizeof(allow));
	ret_merged->len = n + rest;
	*ret_needs_listener = true;
	return 0;
}

/* Answers until the container has ended. */
static void answer(const struct harness *h, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	while (poll(&pfd, 1, -1) >= 0 && !(pfd.revents & POLLHUP)) {
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { 0 };

		if (notif_recv(fd, &req) < 0)
			continue;
		resp.id = req.id;
		if (!*h->is_started || (unsigned)req.data.nr != h->call) {
			resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		} else {
			resp.val = h->answer;
			say(h, "answered %d", req.data.nr);
		}
		notif_send(fd, &resp);
	}
	say(h, "listener ends");
}

static int deliver(void *ctx, int notify_fd, const struct bpf_prog *profile, struct wl_err *err)
{
	struct harness *h = ctx;

	say(h, "deliver");
	if (h->fail && strcmp(h->fail, "deliver") == 0)
		return wl_err_say(err, -ECONNREFUSED, "deliver failed as told");
	if (fork() == 0) {
		if (fork() != 0)
			_exit(0);
		setsid();
		answer(h, notify_fd);
		_exit(0);
	}
	wait(NULL);
	return 0;
}

static int started(void *ctx, struct wl_err *err)
{
	struct harness *h = ctx;

	*h->is_started = 1;
	say(h, "started");
	if (h->fail && strcmp(h->fail, "started") == 0)
		return wl_err_say(err, -EPIPE, "started failed as told");
	return 0;
}

static void failed(void *ctx, const struct wl_err *err)
{
	say(ctx, "failed %d %s", err->code, err->msg);
}

static int check_call(void *ctx, const struct seccomp_data *data, struct wl_err *err)
{
	struct harness *h = ctx;

	return data->nr == (int)h->check ? wl_err_say(err, -EPERM, "call %d is needed", data->nr)
					 : 0;
}

static void at_stop(void *ctx, unsigned n)
{
	const struct harness *h = ctx;

	if (n == h->die)
		kill(getpid(), SIGKILL);
	if (n == h->shoot)
		kill(h->pid, SIGKILL);
}

static int install(struct harness *h, int ready)
{
	struct inject_ops ops = {
		.build = build,
		.deliver = deliver,
		.started = started,
		.failed = failed,
		.check_call = h->check ? check_call : NULL,
		.at_stop = at_stop,
	};
	const struct inject_target target = {
		.pid = h->pid,
		.start_time = h->start,
		.has_profile = h->profile,
	};
	struct inject *inj = NULL;
	struct wl_err err = { 0 };
	ssize_t ignored;
	int r;

	r = inject_attach(&target, &inj, &err);
	if (r < 0)
		say(h, "attach %d %s", r, err.msg);
	ignored = write(ready, r < 0 ? "n" : "y", 1);
	(void)ignored;
	close(ready);
	if (r < 0)
		return 1;
	r = inject_run(inj, &ops, h, &err);
	say(h, "end %d stops=%u %s", r, inject_stops(inj), r < 0 ? err.msg : "");
	inject_free(inj);
	return r < 0;
}

static void take_option(struct harness *h, const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t n = value ? (size_t)(value - arg) : strlen(arg);
	const struct {
		const char *key;
		unsigned *number;
		const char **text;
	} rows[] = {
		{ "call", &h->call, NULL },	  { "all", &h->all, NULL },
		{ "profile", &h->profile, NULL }, { "die", &h->die, NULL },
		{ "shoot", &h->shoot, NULL },	  { "check", &h->check, NULL },
		{ "log", NULL, &h->log },	  { "dump", NULL, &h->dump },
		{ "fail", NULL, &h->fail },
	};

	value = value ? value + 1 : "1";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strncmp(rows[i].key, arg, n) != 0 || rows[i].key[n])
			continue;
		if (rows[i].number)
			*rows[i].number = (unsigned)strtoul(value, NULL, 0);
		else
			*rows[i].text = value;
	}
	if (strncmp(arg, "answer=", 7) == 0)
		h->answer = atoi(value);
	else if (strncmp(arg, "pid=", 4) == 0)
		h->pid = atoi(value);
	else if (strncmp(arg, "start=", 6) == 0)
		h->start = strtoull(value, NULL, 0);
}

static pid_t pid_of_state(void)
{
	char text[65536], *p;
	ssize_t n, len = 0;

	while ((n = read(STDIN_FILENO, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	text[len] = '\0';
	p = strstr(text, "\"pid\"");
	return p ? atoi(p + strcspn(p, "0123456789")) : 0;
}

int main(int argc, char **argv)
{
	struct harness h = { .call = SYS_mkdir, .profile = 1 };
	int ready[2];
	char c = 'n';
	pid_t pid;

	for (int i = 1; i < argc; i++)
		take_option(&h, argv[i]);
	if (!h.pid)
		h.pid = pid_of_state();
	h.is_started = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h.is_started == MAP_FAILED || pipe2(ready, O_CLOEXEC) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		setsid();
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		prctl(PR_SET_NAME, "inject-hook-i");
		_exit(install(&h, ready[1]));
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1 || c != 'y') {
		fprintf(stderr, "inject-hook: not attached\n");
		return 1;
	}
	return 0;
}
