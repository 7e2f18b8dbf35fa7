/* SPDX-License-Identifier: Apache-2.0 */
/* hook/inject.c against fake-init: every trap of the injection, without a container runtime. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "tests/live/inject_rows.h"
#include "tests/unit/tap.h"

#define DEADLINE_MS 20000
#define TEXT_MAX    8192

static const char *fake_init, *fake_init32, *hook_program;
static char log_path[64];

struct init {
	pid_t pid;
	int in, out, err;
};

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void split(char *text, char **argv, unsigned n)
{
	for (char *p = strtok(text, " "); p && n < 30; p = strtok(NULL, " "))
		argv[n++] = p;
	argv[n] = NULL;
}

static void start_init(const char *steps, struct init *ret)
{
	char text[256], *argv[32] = { (char *)"fake-init" };
	const char *path = fake_init;
	int in[2], out[2], err[2], is_exec[2];
	char c;

	if (strncmp(steps, "32 ", 3) == 0) {
		path = fake_init32;
		steps += 3;
	}
	snprintf(text, sizeof(text), "%s", steps);
	split(text, argv, 1);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
	    pipe2(is_exec, O_CLOEXEC) < 0)
		exit(1);
	ret->pid = fork();
	if (ret->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execv(path, argv);
		_exit(127);
	}
	fd_close(is_exec[1]);
	if (read(is_exec[0], &c, 1) != 0)
		exit(1);
	fd_close(is_exec[0]);
	fd_close(in[0]);
	fd_close(out[1]);
	fd_close(err[1]);
	ret->in = in[1];
	ret->out = out[0];
	ret->err = err[0];
}

/* Runs the hook to its end, as a runtime does. Returns its exit status. */
static int run_hook(pid_t pid, const char *options)
{
	char text[256], pid_text[32], log_text[80],
		*argv[32] = { (char *)"inject-hook", pid_text, log_text, (char *)"answer=42" };
	pid_t hook;
	int status;

	snprintf(text, sizeof(text), "%s", options);
	snprintf(pid_text, sizeof(pid_text), "pid=%d", (int)pid);
	snprintf(log_text, sizeof(log_text), "log=%s", log_path);
	split(text, argv, 4);
	hook = fork();
	if (hook == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 2);
		execv(hook_program, argv);
		_exit(127);
	}
	waitpid(hook, &status, 0);
	return WEXITSTATUS(status);
}

/* To the end of the stream or the deadline; false then. */
static bool read_all(int fd, char *text, long deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < TEXT_MAX - 1) {
		long left = deadline - now_ms();

		if (left <= 0 || poll(&pfd, 1, (int)left) != 1)
			break;
		n = read(fd, text + len, TEXT_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	return n == 0;
}

static void read_log(char *text)
{
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);

	text[n > 0 ? n : 0] = '\0';
	fd_close(fd);
}

static bool wait_text(char *text, const char *want)
{
	long deadline = now_ms() + DEADLINE_MS;
	const struct timespec ts = { .tv_nsec = 1000000 };

	do {
		read_log(text);
		if (strstr(text, want))
			return true;
		nanosleep(&ts, NULL);
	} while (now_ms() < deadline);
	return false;
}

/* Status as in struct row; INT32_MIN when it does not end in time (it is killed then). */
static int wait_init(pid_t pid)
{
	long deadline = now_ms() + DEADLINE_MS;
	const struct timespec ts = { .tv_nsec = 1000000 };
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ms() > deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return INT32_MIN;
		}
		nanosleep(&ts, NULL);
	}
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_lines(const char *what, const char *text, const char *const want[4])
{
	for (unsigned i = 0; i < 4 && want[i]; i++) {
		bool is_unwanted = want[i][0] == '!';

		if ((strstr(text, want[i] + is_unwanted) != NULL) != is_unwanted)
			continue;
		printf("# %s: expected %s'%s' in:\n# %s\n", what, is_unwanted ? "no " : "",
		       want[i] + is_unwanted, text);
		tap_bad_checks++;
	}
}

/* Processes of the hook's that are still there. */
static unsigned count_strays(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d))) {
		char path[300], text[512] = "";
		int fd;
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		fd = e->d_name[0] < '1' || e->d_name[0] > '9' ? -1
							      : open(path, O_RDONLY | O_CLOEXEC);
		len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		fd_close(fd);
		for (ssize_t i = 0; i + 1 < len; i++)
			if (text[i] == '\0')
				text[i] = ' ';
		n += strstr(text, log_path) != NULL;
	}
	closedir(d);
	return n;
}

static bool wait_no_strays(void)
{
	long deadline = now_ms() + DEADLINE_MS;
	const struct timespec ts = { .tv_nsec = 2000000 };

	while (count_strays() > 0) {
		if (now_ms() > deadline)
			return false;
		nanosleep(&ts, NULL);
	}
	return true;
}

static void report(const char *name)
{
	printf("%sok %u - %s\n", tap_bad_checks ? "not " : "", ++tap_count, name);
	fflush(stdout);
	tap_bad_tests += tap_bad_checks ? 1 : 0;
}

static void run_row(const struct row *row)
{
	char out[TEXT_MAX], err[TEXT_MAX], log[TEXT_MAX];
	long deadline = now_ms() + DEADLINE_MS;
	struct init init;

	tap_bad_checks = 0;
	unlink(log_path);
	start_init(row->steps, &init);
	tap_int_eq(run_hook(init.pid, row->hook),
		   row->log[0] && strncmp(row->log[0], "attach", 6) == 0);
	/* The 32-bit init may be dead by now. */
	tap_ok(write(init.in, "x", 1) == 1 || errno == EPIPE);
	tap_ok(read_all(init.out, out, deadline));
	tap_int_eq(wait_init(init.pid), row->status);
	tap_ok(wait_no_strays());
	read_all(init.err, err, deadline);
	read_log(log);
	check_lines("output", out, row->out);
	check_lines("log", log, row->log);
	if (row->err && !strstr(err, row->err)) {
		printf("# stderr: expected '%s' in '%s'\n", row->err, err);
		tap_bad_checks++;
	}
	fd_close(init.in);
	fd_close(init.out);
	fd_close(init.err);
	report(row->name);
}

static char state_of(pid_t pid)
{
	char path[64], text[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	fd_close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	return p ? p[2] : '?';
}

/* Between create and start somebody may stop init and go on later. */
static void a_group_stop_is_kept_and_ended_by_SIGCONT(void)
{
	char out[TEXT_MAX], log[TEXT_MAX];
	long deadline = now_ms() + DEADLINE_MS;
	const struct timespec ts = { .tv_nsec = 30000000 };
	struct init init;

	unlink(log_path);
	start_init("sync load=seccomp sync exec", &init);
	tap_int_eq(run_hook(init.pid, ""), 0);
	kill(init.pid, SIGSTOP);
	nanosleep(&ts, NULL);
	tap_int_eq(write(init.in, "x", 1), 1);
	nanosleep(&ts, NULL);
	read_log(log);
	tap_ok(!strstr(log, "build"));
	kill(init.pid, SIGCONT);
	tap_ok(wait_text(log, "deliver"));
	kill(init.pid, SIGSTOP);
	nanosleep(&ts, NULL);
	tap_ok(state_of(init.pid) == 't' || state_of(init.pid) == 'T');
	kill(init.pid, SIGCONT);
	tap_int_eq(write(init.in, "x", 1), 1);
	tap_ok(read_all(init.out, out, deadline));
	tap_int_eq(wait_init(init.pid), 0);
	tap_ok(strstr(out, "mkdir: 42") != NULL);
	tap_ok(wait_no_strays());
}

static void read_own_cpus(char *text, size_t size)
{
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(text, (int)size, f) && strncmp(text, "Cpus_allowed_list:", 18) != 0)
		;
	if (f)
		fclose(f);
}

static void the_tracers_pin_is_seen_by_nobody(void)
{
	char out[TEXT_MAX], mine[256], childs[272], cpus[32];
	struct init init;
	cpu_set_t set;

	read_own_cpus(mine, sizeof(mine));
	snprintf(childs, sizeof(childs), "child %s", mine);
	sched_getaffinity(0, sizeof(set), &set);
	snprintf(cpus, sizeof(cpus), "cpus: %d\n", CPU_COUNT(&set));
	if (CPU_COUNT(&set) < 2)
		tap_skip("one CPU");
	unlink(log_path);
	start_init("sync affinity load=seccomp affinity exec", &init);
	tap_int_eq(run_hook(init.pid, "check=110"), 0); /* steps on after the load */
	tap_int_eq(write(init.in, "x", 1), 1);
	tap_ok(read_all(init.out, out, now_ms() + DEADLINE_MS));
	tap_int_eq(wait_init(init.pid), 0);
	tap_ok(strstr(out, childs) == out);
	tap_ok(strstr(out, childs) && strstr(strstr(out, childs) + 1, childs));
	tap_ok(strstr(out, cpus) && strstr(strstr(out, cpus) + 1, cpus));
	tap_ok(strstr(out, mine) &&
	       strncmp(strstr(out, "Seccomp_filters") - strlen(mine), mine, strlen(mine)) == 0);
	tap_ok(wait_no_strays());
}

/* The given end at stop 2, 3, 4, (the first is the attachment's) ... until a run comes through. */
static void end_at_every_stop(const char *option, const char *steps, const char *more, int status)
{
	char out[TEXT_MAX], hook[128], log[TEXT_MAX];
	unsigned n;

	for (n = 2; n < 400; n++) {
		long deadline = now_ms() + DEADLINE_MS;
		struct init init;
		int hook_status, r;

		unlink(log_path);
		start_init(steps, &init);
		snprintf(hook, sizeof(hook), "%s=%u %s", option, n, more);
		hook_status = run_hook(init.pid, hook);
		if (write(init.in, "x", 1) != 1)
			tap_ok(errno == EPIPE);
		tap_ok(read_all(init.out, out, deadline));
		r = wait_init(init.pid);
		tap_ok(wait_no_strays());
		fd_close(init.in);
		fd_close(init.out);
		fd_close(init.err);
		read_log(log);
		if (strstr(log, "end 0"))
			break;
		/* Before it was attached to, the hook itself has failed: the runtime ends init. */
		if (r != status && hook_status == 0) {
			printf("# %s: init ended with %d\n", hook, r);
			tap_bad_checks++;
		}
		tap_ok(hook_status != 0 || !strstr(out, "program ran"));
	}
	tap_ok(n > 10 && n < 400);
	printf("# %s: %u stops\n", option, n - 1);
}

static void init_dies_with_an_installer_that_is_killed_at_any_stop(void)
{
	end_at_every_stop("die", "sync probe load=seccomp getppid exec", "", -SIGKILL);
	end_at_every_stop("die", "sync load=seccomp exec", "all=1", -SIGKILL);
	end_at_every_stop("die", "sync capset exec", "profile=0", -SIGKILL);
}

static void the_installer_ends_with_an_init_that_is_killed_at_any_stop(void)
{
	end_at_every_stop("shoot", "sync probe load=seccomp getppid exec", "", -SIGKILL);
	end_at_every_stop("shoot", "sync load=seccomp exec", "all=1", -SIGKILL);
	end_at_every_stop("shoot", "sync nnp exec", "profile=0", -SIGKILL);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 3 || geteuid() != 0) {
		printf("1..0 # SKIP needs root and the paths of fake-init and inject-hook\n");
		return 0;
	}
	hook_program = argv[1];
	fake_init = argv[2];
	fake_init32 = argv[3];
	snprintf(log_path, sizeof(log_path), "/tmp/waylay-inject-%d.log", (int)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (fake_init32 || strncmp(rows[i].steps, "32 ", 3) != 0)
			run_row(&rows[i]);
	TAP_RUN(a_group_stop_is_kept_and_ended_by_SIGCONT);
	TAP_RUN(the_tracers_pin_is_seen_by_nobody);
	TAP_RUN(init_dies_with_an_installer_that_is_killed_at_any_stop);
	TAP_RUN(the_installer_ends_with_an_init_that_is_killed_at_any_stop);
	unlink(log_path);
	return TAP_DONE();
}
