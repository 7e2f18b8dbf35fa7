/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and peers that mean harm: nobody else may notice. Needs root and seccomp notify. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "tests/live/lab.h"
#include "tests/unit/tap.h"

static const char *waylayd;
static struct lab lab;

static const char trace_two[] =
	"{\"version\":1,\"rules\":[{\"action\":\"trace\",\"syscalls\":[\"openat\",\"getppid\"]}]}";
static const int getppid_only[] = { SYS_getppid, -1 };
static const int two_calls[] = { SYS_openat, SYS_getppid, -1 };

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool run(struct target *t, const char *id, const char *policy)
{
	char msg[640];
	int sock = target_hand_over(t, &lab, id, policy, NULL, true, msg);

	if (sock < 0) {
		printf("# %s\n", msg);
		return false;
	}
	fd_close(sock);
	target_go(t);
	return true;
}

struct baseline {
	pid_t pid;
	unsigned fds;
};

static bool is_back(void *arg)
{
	struct baseline *b = arg;

	return lab_count_fds(b->pid) <= b->fds;
}

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

static bool is_set(void *arg)
{
	return __atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE);
}

static int ask_parent(void *arg)
{
	uint64_t start = now_ms();

	for (int i = 0; i < 100; i++)
		if (syscall(SYS_getppid) <= 0)
			return 1;
	return now_ms() - start < 3000 ? 0 : 2;
}

static void *shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static bool has_ended_event(void *id)
{
	char text[128];

	snprintf(text, sizeof(text), "\"container\":\"%s\"", (const char *)id);
	return EVENTS(lab.events, "\"event\":\"end\"", text) == 1;
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

#define FLOOD_THREADS 100

static _Noreturn void *call_for_ever(void *arg)
{
	for (;;)
		syscall(SYS_openat, AT_FDCWD, "/etc/hostname/no", O_RDONLY);
}

static int flood(void *arg)
{
	pthread_t thread;

	for (int i = 0; i < FLOOD_THREADS; i++)
		if (pthread_create(&thread, NULL, call_for_ever, NULL) != 0)
			return 1;
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	call_for_ever(NULL);
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

/* ---- hand-overs ---- */

static void an_fd_that_is_served_already_is_refused(void)
{
	struct target first = { 0 }, good = { 0 };
	char msg[640] = "";
	int copy, sock;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&first, two_calls, ask_parent, NULL), 0);
	copy = fcntl(first.notify_fd, F_DUPFD_CLOEXEC, 3);
	sock = target_hand_over(&first, &lab, "one", trace_two, NULL, true, msg);
	tap_ok(sock >= 0);
	fd_close(sock);
	first.notify_fd = copy;
	sock = target_hand_over(&first, &lab, "two", trace_two, NULL, true, msg);
	tap_ok(sock < 0);
	printf("# %s\n", msg);
	tap_ok(strstr(msg, "container one") != NULL);
	first.notify_fd = fd_close(first.notify_fd);
	target_go(&first);
	tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
	tap_ok(run(&good, "good", trace_two));
	tap_int_eq(target_wait(&first), 0);
	tap_int_eq(target_wait(&good), 0);
	tap_int_eq(lab_stop(&lab), 0);
}

static int send_raw(const char *text, size_t len, int fd, char *answer, size_t size)
{
	_cleanup_close_ int sock = sock_connect(lab.socket, NULL);
	struct pollfd p = { .fd = sock, .events = POLLIN };
	ssize_t n;

	answer[0] = '\0';
	if (sock < 0 || sock_send(sock, text, len, &fd, fd >= 0) < 0)
		return -1;
	if (poll(&p, 1, 5000) != 1)
		return -2; /* neither answered nor closed */
	n = recv(sock, answer, size - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	return 0;
}

#define STATE(id) "\"state\":{\"id\":\"" id "\",\"pid\":1}"

static void forged_messages_are_refused_and_leave_nothing(void)
{
	static const char *const texts[] = {
		"{\"fds\":[\"seccompFd\"]," STATE("../../etc") "}",
		"{\"fds\":[\"seccompFd\"]," STATE("a/b") "}",
		"{\"fds\":[\"seccompFd\"]," STATE("a\\nb") "}",
		"{\"fds\":[\"seccompFd\"]," STATE("..") "}",
		"{\"fds\":[\"seccompFd\"]," STATE("a\\u0000b") "}",
		"{\"fds\":[\"seccompFd\"]," STATE("") "}",
		"{\"fds\":[\"seccompFd\"]," STATE("fine") "}", /* /dev/null is no notify fd */
		"{\"fds\":[\"seccompFd\",\"seccompFd\"]," STATE("fine") "}",
		"{\"fds\":[\"x\",\"seccompFd\"]," STATE("fine") "}",
		"{\"fds\":{\"seccompFd\":1}," STATE("fine") "}",
		"{\"fds\":[]," STATE("fine") ",\"metadata\":\"{\\\"waylay\\\":{\\\"version\\\":1,"
					     "\\\"step\\\":\\\"started\\\"}}\"}",
		"{\"fds\":[]," STATE("fine") ",\"metadata\":\"{\\\"waylay\\\":{\\\"version\\\":1,"
					     "\\\"step\\\":\\\"load\\\"}}\"}",
		"{\"fds\":[]," STATE(
			"fine") ",\"metadata\":\"{\\\"waylay\\\":{\\\"version\\\":2}}\"}",
		"{\"pid\":\"x\"}",
		"[]",
		"{\"a\":{\"a\":{}}}}",
	};
	_cleanup_free_ char *huge = malloc(1100000);
	struct baseline listener;
	char answer[4096];
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	listener.pid = lab_find(&lab, "waylayd", 0);
	listener.fds = lab_count_fds(listener.pid);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		tap_int_eq(send_raw(texts[i], strlen(texts[i]), null, answer, sizeof(answer)), 0);
		if (strstr(answer, "\"ok\"") || strchr(answer, '\n') != strrchr(answer, '\n'))
			tap_str_eq(texts[i], answer);
	}
	memset(huge, 'x', 1100000);
	memcpy(huge, "{\"state\":{\"id\":\"", 16);
	memcpy(huge + 1000000, "\"}}", 3); /* an id of 1 MB, below the limit of a message */
	tap_int_eq(send_raw(huge, 1000003, null, answer, sizeof(answer)), 0);
	tap_ok(!strstr(answer, "\"ok\""));
	tap_ok(lab_wait(is_back, &listener));
	tap_int_eq(lab_find(&lab, "waylayd", 0), listener.pid);
	tap_int_eq(lab_stop(&lab), 0);
	fd_close(null);
}

/* What a runtime sends for listenerPath, with listenerMetadata as `waylay merge` writes it. */
static int send_plain(struct target *t, const char *id, const char *rules)
{
	_cleanup_close_ int fd = TAKE_FD(t->notify_fd);
	char text[1024], answer[256];
	int n;

	n = snprintf(text, sizeof(text),
		     "{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"metadata\":"
		     "\"{\\\"waylay\\\":{\\\"version\\\":1,\\\"policy\\\":{\\\"version\\\":1,"
		     "\\\"rules\\\":[%s]}}}\",\"state\":{\"id\":\"%s\",\"pid\":%d}}",
		     t->pid, rules, id, t->pid);
	return send_raw(text, (size_t)n, fd, answer, sizeof(answer));
}

static int expect_own_answer(void *arg)
{
	return syscall(SYS_getppid) == 4242 ? 0 : 1;
}

static int expect_enosys(void *arg)
{
	return syscall(SYS_getppid) == -1 && errno == ENOSYS ? 0 : 1;
}

static const char return_4242[] = "{\\\"action\\\":\\\"return\\\",\\\"value\\\":4242,"
				  "\\\"syscalls\\\":[\\\"getppid\\\"]}";

static void a_runtimes_own_hand_over_brings_its_policy_and_evades_no_cap(void)
{
	struct target t = { 0 }, above = { 0 };
	FILE *f;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, expect_own_answer, NULL), 0);
	tap_int_eq(send_plain(&t, "plain", return_4242), 0);
	target_go(&t);
	tap_int_eq(target_wait(&t), 0);
	tap_int_eq(lab_stop(&lab), 0);

	f = fopen(lab.config, "we");
	fputs("{\"version\":1}\n", f);
	fclose(f);
	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&above, getppid_only, expect_enosys, NULL), 0);
	tap_int_eq(send_plain(&above, "above", return_4242), 0);
	target_go(&above);
	tap_int_eq(target_wait(&above), 0);
	tap_int_eq(lab_stop(&lab), 0);
}

/* ---- places for events ---- */

static int call_a_lot(void *arg)
{
	static char path[3000];

	memset(path, 'x', sizeof(path) - 1);
	for (int i = 0; i < 400; i++) {
		syscall(SYS_openat, AT_FDCWD, path + i * 7, O_RDONLY);
		syscall(SYS_getppid);
	}
	return 0;
}

static unsigned torn_lines(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	unsigned n = 0, torn = 0;
	ssize_t len;

	while (f && (len = getline(&line, &size, f)) > 0) {
		n++;
		torn += strncmp(line, "{\"ts\":\"", 7) != 0 || line[len - 1] != '\n' ||
			line[len - 2] != '}';
	}
	printf("# %u lines\n", n);
	return n > 0 ? torn : 1;
}

static void a_full_disk_costs_events_but_tears_none(void)
{
	struct target t = { 0 };
	char log[128], file[192];

	snprintf(log, sizeof(log), "%s/log", lab.dir);
	snprintf(file, sizeof(file), "%s/full/events.jsonl", log);
	tap_int_eq(mkdir(log, 0700) | mount("full", log, "tmpfs", 0, "size=100k,mode=700"), 0);
	tap_int_eq(lab_start(&lab, false, NULL), 0);
	tap_int_eq(target_start(&t, two_calls, call_a_lot, NULL), 0);
	tap_ok(run(&t, "full", trace_two));
	tap_int_eq(target_wait(&t), 0);
	tap_int_eq(lab_stop(&lab), 0);
	tap_int_eq(torn_lines(file), 0);
	tap_int_eq(umount2(log, MNT_DETACH), 0);
}

static bool is_refused(const char *id, const char *events)
{
	struct target t = { 0 };
	char policy[512], msg[640];
	int sock;

	snprintf(policy, sizeof(policy),
		 "{\"version\":1,\"events\":\"%s\",\"rules\":[{\"action\":"
		 "\"trace\",\"syscalls\":[\"openat\"]}]}",
		 events);
	tap_int_eq(target_start(&t, two_calls, ask_parent, NULL), 0);
	sock = target_hand_over(&t, &lab, id, policy, NULL, true, msg);
	printf("# %s: %s\n", events, sock < 0 ? msg : "taken");
	kill(t.pid, SIGKILL);
	target_wait(&t);
	fd_close(sock);
	return sock < 0;
}

static void an_output_is_never_somebody_elses_file(void)
{
	char dir[128], path[192], other[192];
	int fd;

	tap_int_eq(lab_start(&lab, false, NULL), 0);
	snprintf(path, sizeof(path), "%s/log", lab.dir);
	snprintf(dir, sizeof(dir), "%s/log/c", lab.dir);
	tap_int_eq(mkdir(path, 0700) | mkdir(dir, 0700), 0);
	snprintf(other, sizeof(other), "%s/other", lab.dir);
	fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	tap_ok(write(fd, "secret\n", 7) == 7);
	fd_close(fd);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	tap_int_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/link", dir);
	tap_int_eq(symlink(other, path), 0);
	snprintf(path, sizeof(path), "%s/hard", dir);
	tap_int_eq(link(other, path), 0);
	snprintf(path, sizeof(path), "%s/sub", dir);
	tap_int_eq(symlink(lab.dir, path), 0);
	snprintf(path, sizeof(path), "%s/full", dir);
	tap_int_eq(mknod(path, S_IFCHR | 0600, makedev(1, 7)), 0);
	tap_ok(is_refused("c", "file:fifo"));
	tap_ok(is_refused("c", "file:link"));
	tap_ok(is_refused("c", "file:hard"));
	tap_ok(is_refused("c", "file:full"));
	tap_ok(is_refused("c", "file:sub/new"));
	tap_ok(is_refused("c", "file:../other"));
	tap_ok(is_refused("c", "unix:link"));
	tap_ok(is_refused("c", "unix:fifo"));
	tap_ok(is_refused("c", "file:/etc/passwd"));
	snprintf(path, sizeof(path), "%s/new", lab.dir);
	tap_int_eq(access(path, F_OK), -1);
	tap_int_eq(EVENTS(other, "secret"), 1);
	tap_int_eq(lab_stop(&lab), 0);
}

static void a_reader_that_never_reads_costs_nobody_else_an_event(void)
{
	struct target evil = { 0 }, good = { 0 };
	bool *is_flooding = shared(4096);
	char path[128], text[512];
	int sock;

	snprintf(path, sizeof(path), "%s/reader", lab.dir);
	sock = sock_listen(path, NULL); /* nobody ever accepts */
	tap_ok(sock >= 0);
	snprintf(text, sizeof(text),
		 "{\"version\":1,\"events\":\"unix:%s\",\"rules\":[{\"action\":\"trace\","
		 "\"syscalls\":[\"openat\",\"getppid\"]}]}",
		 path);
	tap_int_eq(lab_start(&lab, false, NULL), 0);
	tap_int_eq(target_start(&evil, two_calls, flood, is_flooding), 0);
	tap_ok(run(&evil, "evil", text));
	tap_ok(lab_wait(is_set, is_flooding));
	for (int i = 0; i < 10; i++) {
		good = (struct target){ 0 };
		tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
		tap_ok(run(&good, "good", trace_two));
		tap_int_eq(target_wait(&good), 0);
	}
	kill(evil.pid, SIGKILL);
	tap_int_eq(target_wait(&evil), -SIGKILL);
	tap_int_eq(lab_stop(&lab), 0);
	snprintf(path, sizeof(path), "%s/log/good/events.jsonl", lab.dir);
	tap_int_eq(EVENTS(path, "\"syscall\":\"getppid\""), 1000);
	tap_int_eq(torn_lines(path), 0);
	fd_close(sock);
	munmap(is_flooding, 4096);
}

int main(int argc, char **argv)
{
	waylayd = argc > 1 ? argv[1] : "build/plugin/waylayd";
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
#define LIVE(test)                                            \
	do {                                                  \
		if (argc > 2 && !strstr(#test, argv[2]))      \
			break;                                \
		if (lab_init(&lab, waylayd) < 0) {            \
			printf("Bail out! no %s\n", waylayd); \
			return 1;                             \
		}                                             \
		TAP_RUN(test);                                \
		lab_done(&lab);                               \
	} while (0)
	LIVE(a_callers_page_that_never_comes_holds_up_nobody_else);
	LIVE(containers_full_of_delayed_calls_hold_up_nobody_else);
	LIVE(floods_killed_and_stopped_callers_hold_up_nobody_else);
	LIVE(patterns_that_cost_a_lot_hold_up_nobody_else);
	LIVE(a_policy_of_very_many_groups_is_refused_at_once);
	LIVE(an_emulated_call_runs_once_under_a_timer_and_SIGURG);
	LIVE(emulated_calls_that_are_stuck_hold_up_nobody_else);
	LIVE(a_listener_that_hangs_does_not_stop_a_kill);
	LIVE(forged_messages_are_refused_and_leave_nothing);
	LIVE(a_runtimes_own_hand_over_brings_its_policy_and_evades_no_cap);
	LIVE(an_fd_that_is_served_already_is_refused);
	LIVE(a_full_disk_costs_events_but_tears_none);
	LIVE(an_output_is_never_somebody_elses_file);
	LIVE(a_reader_that_never_reads_costs_nobody_else_an_event);
	return TAP_DONE();
}
