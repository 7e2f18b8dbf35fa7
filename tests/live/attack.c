/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and peers that mean harm: nobody else may notice. Needs root and seccomp notify. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
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
	kill(evil.pid, SIGKILL);
	tap_int_eq(target_wait(&evil), -SIGKILL);
	tap_ok(lab_wait(has_ended_event, (void *)"good"));
	tap_ok(lab_wait(has_ended_event, (void *)"evil"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"getppid\"", "\"container\":\"good\""), 100);
	tap_int_eq(EVENTS(lab.events, "\"container\":\"evil\"", "\"syscall\":\"openat\"",
			  "\"note\":\"memory not read\""),
		   1);
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

static void a_reader_that_never_reads_holds_up_nobody_else(void)
{
	struct target evil = { 0 }, good = { 0 };
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
	tap_int_eq(target_start(&evil, two_calls, call_a_lot, NULL), 0);
	tap_int_eq(target_start(&good, two_calls, ask_parent, NULL), 0);
	tap_ok(run(&evil, "evil", text));
	tap_ok(run(&good, "good", trace_two));
	tap_int_eq(target_wait(&good), 0);
	tap_int_eq(target_wait(&evil), 0);
	tap_int_eq(lab_stop(&lab), 0);
	snprintf(path, sizeof(path), "%s/log/good/events.jsonl", lab.dir);
	tap_int_eq(EVENTS(path, "\"syscall\":\"getppid\""), 100);
	tap_int_eq(torn_lines(path), 0);
	fd_close(sock);
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
	LIVE(an_fd_that_is_served_already_is_refused);
	LIVE(a_full_disk_costs_events_but_tears_none);
	LIVE(an_output_is_never_somebody_elses_file);
	LIVE(a_reader_that_never_reads_holds_up_nobody_else);
	return TAP_DONE();
}
