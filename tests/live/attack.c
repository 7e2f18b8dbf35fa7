/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that mean harm: nobody else may notice. Needs root and seccomp notify. */
#include "tests/live/attack.h"

/* ---- memory that never comes ---- */

struct trap {
	bool is_set; /* shared: the caller is about to call */
	bool may_end;
};

/* A page whose first touch waits for somebody who never answers. NULL: not permitted here. */
static char *make_trap_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) < 0 ||
	    ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return NULL;
	return page;
}

static int open_trap(void *arg)
{
	struct trap *trap = arg;
	char *page = make_trap_page();

	if (!page)
		return 77;
	__atomic_store_n(&trap->is_set, true, __ATOMIC_RELEASE);
	syscall(SYS_openat, AT_FDCWD, page, O_RDONLY);
	return 1; /* not reached: the kernel waits for the page as well */
}

static bool is_told(void *arg)
{
	return EVENTS(lab.events, "\"container\":\"evil\"", "\"syscall\":\"openat\"",
		      "\"note\":\"memory not read\"") == 1;
}

static void a_callers_page_that_never_comes_holds_up_nobody_else(void)
{
	struct trap *trap = shared(sizeof(*trap));
	struct target evil = { 0 }, good = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&evil, two_calls, open_trap, trap), 0);
	tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
	tap_ok(run(&evil, "evil", trace_two));
	tap_ok(lab_wait(is_set, &trap->is_set));
	tap_ok(run(&good, "good", trace_two));
	tap_int_eq(target_wait(&good), 0);
	/* Another shard may have served it: then the listener has not even noticed yet. */
	tap_ok(lab_wait(is_told, NULL));
	kill(evil.pid, SIGKILL);
	tap_int_eq(target_wait(&evil), -SIGKILL);
	tap_ok(lab_wait(has_ended_event, (void *)"good"));
	tap_ok(lab_wait(has_ended_event, (void *)"evil"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"getppid\"", "\"container\":\"good\""), 100);
	tap_ok(is_told(NULL));
	tap_int_eq(lab_stop(&lab), 0);
	munmap(trap, sizeof(*trap));
}

/* ---- more than its share ---- */

#define HOG_THREADS 600

static void *call_once(void *arg)
{
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
	syscall(SYS_getppid);
	return NULL;
}

static int hog(void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (int i = 0; i < HOG_THREADS; i++)
		if (pthread_create(&thread, &attr, call_once, arg) != 0)
			return 1;
	pause();
	return 0;
}

#define HOGS 6

static bool is_full(void *n)
{
	return __atomic_load_n((int *)n, __ATOMIC_RELAXED) == HOG_THREADS;
}

static void containers_full_of_delayed_calls_hold_up_nobody_else(void)
{
	static const char delay[] = "{\"version\":1,\"rules\":[{\"action\":\"delay\","
				    "\"milliseconds\":8000,\"syscalls\":[\"getppid\"]}]}";
	int *n = shared(sizeof(int) * HOGS);
	struct target hogs[HOGS] = { 0 }, good = { 0 };
	char id[16];

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	for (int i = 0; i < HOGS; i++) {
		tap_int_eq(target_start(&hogs[i], getppid_only, hog, &n[i]), 0);
		snprintf(id, sizeof(id), "hog-%d", i);
		tap_ok(run(&hogs[i], id, delay));
	}
	for (int i = 0; i < HOGS; i++)
		tap_ok(lab_wait(is_full, &n[i]));
	tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
	tap_ok(run(&good, "good", trace_two));
	tap_int_eq(target_wait(&good), 0);
	for (int i = 0; i < HOGS; i++) {
		kill(hogs[i].pid, SIGKILL);
		tap_int_eq(target_wait(&hogs[i]), -SIGKILL);
	}
	tap_int_eq(lab_stop(&lab), 0);
	munmap(n, sizeof(int) * HOGS);
}

static int stop_self(void *arg)
{
	*(bool *)arg = true;
	raise(SIGSTOP);
	syscall(SYS_getppid);
	return 0;
}

static void floods_killed_and_stopped_callers_hold_up_nobody_else(void)
{
	bool *flags = shared(4096);
	struct target evil[4] = { 0 }, good = { 0 };
	struct baseline listener;
	char id[32];

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	listener.pid = lab_find(&lab, "waylayd", 0);
	listener.fds = lab_count_fds(listener.pid) + 2;
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 4; i++) {
			snprintf(id, sizeof(id), "evil-%d-%d", round, i);
			flags[i] = false;
			evil[i] = (struct target){ 0 };
			tap_int_eq(target_start(&evil[i], two_calls, i < 3 ? flood : stop_self,
						&flags[i]),
				   0);
			tap_ok(run(&evil[i], id, trace_two));
			tap_ok(lab_wait(is_set, &flags[i]));
		}
		kill(evil[0].pid, SIGSTOP);
		good = (struct target){ 0 };
		snprintf(id, sizeof(id), "good-%d", round);
		tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
		tap_ok(run(&good, id, trace_two));
		tap_int_eq(target_wait(&good), 0);
		for (int i = 0; i < 4; i++) {
			kill(evil[i].pid, SIGKILL);
			tap_int_eq(target_wait(&evil[i]), -SIGKILL);
		}
	}
	tap_ok(lab_wait(is_back, &listener));
	tap_int_eq(lab_find(&lab, "waylayd", 0), listener.pid);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(flags, 4096);
}

/* Patterns that keep many states alive, and paths as long as they can be. */
static char *make_costly_policy(int n)
{
	static const char head[] = "{\"version\":1,\"rules\":[{\"action\":\"trace\",\"syscalls\":[";
	char *text = malloc((size_t)n * 300 + 200), *at = text;

	at += sprintf(at, "%s", head);
	for (int i = 0; i < n; i++) {
		at += sprintf(at, "%s\"openat[pathname ~ \\\"", i ? "," : "");
		for (int k = 0; k < 80; k++)
			at += sprintf(at, "*a?");
		at += sprintf(at, "%d\\\"]\"", i);
	}
	sprintf(at, "]},{\"action\":\"trace\",\"syscalls\":[\"getppid\"]}]}");
	return text;
}

static int open_costly(void *arg)
{
	char path[4095];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (;;) {
		syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
		__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	}
	return 0;
}

static void patterns_that_cost_a_lot_hold_up_nobody_else(void)
{
	_cleanup_free_ char *policy = make_costly_policy(32), *above = make_costly_policy(33);
	bool *has_called = shared(4096);
	struct target evil = { 0 }, good = { 0 };
	char msg[640];

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&evil, two_calls, open_costly, has_called), 0);
	tap_int_eq(target_hand_over(&evil, &lab, "evil", above, NULL, true, msg), -E2BIG);
	tap_ok(strstr(msg, "more patterns for this call") != NULL);
	tap_ok(run(&evil, "evil", policy));
	tap_ok(lab_wait(is_set, has_called));
	tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
	tap_ok(run(&good, "good", trace_two));
	tap_int_eq(target_wait(&good), 0);
	kill(evil.pid, SIGKILL);
	tap_int_eq(target_wait(&evil), -SIGKILL);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(has_called, 4096);
}

/* Each item is a rule for a thousand calls of three ABIs. */
static void a_policy_of_very_many_groups_is_refused_at_once(void)
{
	_cleanup_free_ char *policy = malloc(16384 * 12 + 200);
	struct target evil = { 0 };
	char msg[640], *at = policy;
	uint64_t start;

	at += sprintf(at, "{\"version\":1,\"rules\":[{\"action\":\"log\",\"syscalls\":[\"@all\"");
	for (int i = 0; i < 16000; i++)
		at += sprintf(at, ",\"@all\"");
	sprintf(at, "]}]}");
	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&evil, two_calls, ask_parent, NULL), 0);
	start = now_ms();
	tap_int_eq(target_hand_over(&evil, &lab, "evil", policy, NULL, true, msg), -E2BIG);
	tap_ok(strstr(msg, "use groups less often") != NULL);
	tap_ok(now_ms() - start < 1000);
	kill(evil.pid, SIGKILL);
	target_wait(&evil);
	tap_int_eq(lab_stop(&lab), 0);
}

/* ---- emulated calls ---- */

static const char emulate_mknod[] =
	"{\"version\":1,\"rules\":[{\"action\":\"emulate\",\"handler\":\"mknod\","
	"\"syscalls\":[\"mknod\"],\"options\":{\"devices\":\"c 1:3\",\"strategy\":\"node\"}}]}";
static const int mknod_only[] = { SYS_mknod, -1 };

static void on_signal(int sig)
{
}

static _Noreturn void *send_urgent(void *arg)
{
	const struct timespec pause = { .tv_nsec = 300000 };
	pid_t leader = getpid();

	for (;;) {
		syscall(SYS_tgkill, leader, leader, SIGURG);
		nanosleep(&pause, NULL);
	}
}

/* Each call makes another file: one that runs twice fails with EEXIST, or leaves one too many. */
static int make_nodes_under_signals(void *arg)
{
	const struct itimerval timer = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t thread;
	char path[64];

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGURG, &sa, NULL);
	if (setitimer(ITIMER_REAL, &timer, NULL) < 0 ||
	    pthread_create(&thread, NULL, send_urgent, NULL) != 0)
		return 1;
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/tmp/n%d", i);
		if (syscall(SYS_mknod, path, S_IFCHR | 0600, makedev(1, 3)) != 0)
			return errno == EEXIST ? 2 : 3;
		if (unlink(path) != 0)
			return 4;
	}
	return 0;
}

static void an_emulated_call_runs_once_under_a_timer_and_SIGURG(void)
{
	struct target t = { .in_box = true };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, mknod_only, make_nodes_under_signals, NULL), 0);
	tap_ok(run(&t, "timer", emulate_mknod));
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(has_ended_event, (void *)"timer"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"mknod\"", "\"return\":0"), 300);
	tap_int_eq(lab_stop(&lab), 0);
}

#define STUCK_THREADS 20

static void *make_stuck(void *page)
{
	syscall(SYS_mknod, page, S_IFCHR | 0600, makedev(1, 3));
	return NULL;
}

static int make_many_stuck(void *arg)
{
	char *page = make_trap_page();
	pthread_t thread;

	if (!page)
		return 77;
	for (int i = 0; i < STUCK_THREADS; i++)
		if (pthread_create(&thread, NULL, make_stuck, page) != 0)
			return 1;
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	pause();
	return 0;
}

static int make_one(void *arg)
{
	uint64_t start = now_ms();

	if (syscall(SYS_mknod, "/tmp/one", S_IFCHR | 0600, makedev(1, 3)) != 0)
		return errno;
	return now_ms() - start < 3000 ? 0 : 200;
}

#define STUCK_BOXES 3

static void emulated_calls_that_are_stuck_hold_up_nobody_else(void)
{
	struct target evil[STUCK_BOXES] = { 0 }, good = { .in_box = true };
	bool *is_stuck = shared(4096);
	struct baseline listener;
	char id[32];

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	listener.pid = lab_find(&lab, "waylayd", 0);
	listener.fds = lab_count_fds(listener.pid) + 2;
	for (int i = 0; i < STUCK_BOXES; i++) {
		snprintf(id, sizeof(id), "stuck-%d", i);
		tap_int_eq(target_start(&evil[i], mknod_only, make_many_stuck, &is_stuck[i]), 0);
		tap_ok(run(&evil[i], id, emulate_mknod));
		tap_ok(lab_wait(is_set, &is_stuck[i]));
	}
	tap_int_eq(target_start(&good, mknod_only, make_one, NULL), 0);
	tap_ok(run(&good, "good", emulate_mknod));
	tap_int_eq(target_wait(&good), 0);
	for (int i = 0; i < STUCK_BOXES; i++) {
		kill(evil[i].pid, SIGKILL);
		tap_int_eq(target_wait(&evil[i]), -SIGKILL);
	}
	tap_ok(lab_wait(is_back, &listener));
	tap_int_eq(lab_find(&lab, "waylayd", 0), listener.pid);
	tap_int_eq(lab_find(&lab, "waylay-worker", 0), 0);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(is_stuck, 4096);
}

static void a_listener_that_hangs_does_not_stop_a_kill(void)
{
	struct target t = { 0 };
	uint64_t start;
	pid_t pid;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, two_calls, ask_parent, NULL), 0);
	pid = lab_find(&lab, "waylayd", 0);
	tap_ok(run(&t, "killed", trace_two));
	tap_int_eq(kill(pid, SIGSTOP), 0);
	start = now_ms();
	kill(t.pid, SIGKILL);
	tap_int_eq(target_wait(&t), -SIGKILL);
	tap_ok(now_ms() - start < 1000);
	kill(pid, SIGCONT);
	tap_int_eq(lab_stop(&lab), 0);
}

int main(int argc, char **argv)
{
	const char *waylayd = argc > 1 ? argv[1] : "build/plugin/waylayd";
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	LAB_RUN(a_callers_page_that_never_comes_holds_up_nobody_else);
	LAB_RUN(containers_full_of_delayed_calls_hold_up_nobody_else);
	LAB_RUN(floods_killed_and_stopped_callers_hold_up_nobody_else);
	LAB_RUN(patterns_that_cost_a_lot_hold_up_nobody_else);
	LAB_RUN(a_policy_of_very_many_groups_is_refused_at_once);
	LAB_RUN(an_emulated_call_runs_once_under_a_timer_and_SIGURG);
	LAB_RUN(emulated_calls_that_are_stuck_hold_up_nobody_else);
	LAB_RUN(a_listener_that_hangs_does_not_stop_a_kill);
	return TAP_DONE();
}
