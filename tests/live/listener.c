/* SPDX-License-Identifier: Apache-2.0 */
/* waylayd with real filters and callers, without a container runtime. Needs root and seccomp notify. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "arch/kernel.h"
#include "specs/wire.h"
#include "tests/live/lab.h"
#include "tests/unit/tap.h"

static const char *waylayd;
static struct lab lab;

static const int getppid_only[] = { SYS_getppid, -1 };

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Hands over and lets go; the connection is closed. False with the reason as a diagnosis. */
static bool run(struct target *t, const char *id, const char *policy,
		const struct bpf_prog *profile)
{
	char msg[640];
	int sock = target_hand_over(t, &lab, id, policy, profile, true, msg);

	if (sock < 0) {
		printf("# %s\n", msg);
		return false;
	}
	fd_close(sock);
	target_go(t);
	return true;
}

static bool flushed(void *id)
{
	char text[128];

	snprintf(text, sizeof(text), "\"container\":\"%s\"", (const char *)id);
	return EVENTS(lab.events, "\"event\":\"end\"", text) == 1;
}

struct load {
	long calls, errors, undone; /* of all callers, in shared memory */
	int first_errno;
	bool stop;
};

static struct load *make_load(void)
{
	return mmap(NULL, sizeof(struct load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
}

/* ---- answers ---- */

static int call_some(void *arg)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/etc/hostname", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_getppid) != getppid())
		return 1;
	return 0;
}

static void traced_calls_go_on_and_become_events(void)
{
	static const char policy[] = "{\"version\":1,\"rules\":["
				     "{\"action\":\"trace\",\"syscalls\":[\"openat\"]},"
				     "{\"action\":\"log\",\"syscalls\":[\"getppid\"]}]}";
	static const int calls[] = { SYS_openat, SYS_getppid, -1 };
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, calls, call_some, NULL), 0);
	tap_ok(run(&t, "traced", policy, NULL));
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(flushed, (void *)"traced"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"openat\"", "\"action\":\"trace\"",
			  "\"decision\":\"kernel\"", "/etc/hostname", "O_RDONLY",
			  "\"comm\":\"live-listener\"", "\"arch\":\"x86_64\""),
		   1);
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"getppid\""), 2);
	tap_int_eq(EVENTS(lab.events, "\"event\":\"start\"", "\"container\":\"traced\""), 1);
	tap_int_eq(lab_stop(&lab), 0);
}

static int deny_body(void *arg)
{
	if (syscall(SYS_mkdir, "/nonexistent/x", 0700) != -1 || errno != EXDEV)
		return 1;
	if (syscall(SYS_getppid) != 4242)
		return 2;
	if (syscall(SYS_rmdir, "/nonexistent") != -1 || errno != ENOTTY)
		return 3;
	return 0;
}

static struct sock_filter exdev_for_mkdir[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const struct bpf_prog exdev_profile = { .insns = exdev_for_mkdir, .len = 4 };

static void an_observed_call_gets_the_profiles_errno_and_overrides_their_own(void)
{
	static const char policy[] =
		"{\"version\":1,\"rules\":[{\"action\":\"trace\",\"syscalls\":[\"mkdir\"]},"
		"{\"action\":\"return\",\"value\":4242,\"syscalls\":[\"getppid\"]},"
		"{\"action\":\"errno\",\"errno\":\"ENOTTY\",\"syscalls\":[\"rmdir\"]}]}";
	static const int calls[] = { SYS_mkdir, SYS_getppid, SYS_rmdir, -1 };
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, calls, deny_body, NULL), 0);
	tap_ok(run(&t, "denied", policy, &exdev_profile));
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(flushed, (void *)"denied"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"mkdir\"", "\"errno\":\"EXDEV\"",
			  "\"decision\":\"profile\""),
		   1);
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"getppid\"", "\"return\":4242",
			  "\"decision\":\"rule\""),
		   1);
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"rmdir\"", "\"errno\":\"ENOTTY\""), 1);
	tap_int_eq(lab_stop(&lab), 0);
}

static int mkdir_body(void *arg)
{
	return (int)syscall(SYS_mkdir, "/nonexistent/x", 0700) + 4;
}

/* The rule's condition on memory is not met: what the filter alone could carry out is the listener's. */
static void a_profiles_kill_and_trap_hold_where_a_condition_on_memory_is_not_met(void)
{
	static const char policy[] = "{\"version\":1,\"rules\":[{\"action\":\"allow\","
				     "\"syscalls\":[\"mkdir[path == '/other']\"]}]}";
	static const int calls[] = { SYS_mkdir, -1 };
	static const uint32_t verdicts[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
					     SECCOMP_RET_TRAP, 0x12340000, SECCOMP_RET_TRACE };
	struct sock_filter insns[ARRAY_SIZE(exdev_for_mkdir)];
	const struct bpf_prog profile = { .insns = insns, .len = ARRAY_SIZE(insns) };

	memcpy(insns, exdev_for_mkdir, sizeof(insns));
	tap_int_eq(lab_start(&lab, true, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		struct target t = { 0 };

		insns[2].k = verdicts[i];
		tap_int_eq(target_start(&t, calls, mkdir_body, NULL), 0);
		tap_ok(run(&t, "unmet", policy, &profile));
		tap_int_eq(target_wait(&t), verdicts[i] == SECCOMP_RET_TRACE ? 3 : -SIGKILL);
	}
	tap_int_eq(lab_stop(&lab), 0);
}

static void an_exit_is_never_delayed(void)
{
	static const char policy[] =
		"{\"version\":1,\"rules\":[{\"action\":\"delay\",\"milliseconds\":60000,"
		"\"syscalls\":[\"exit_group\"]}]}";
	static const int calls[] = { SYS_exit_group, -1 };
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, calls, mkdir_body, NULL), 0);
	tap_ok(run(&t, "exits", policy, NULL));
	tap_int_eq(target_wait(&t), 3);
	tap_int_eq(lab_stop(&lab), 0);
}

static int delayed_body(void *arg)
{
	uint64_t start = now_ms();

	if (syscall(SYS_getppid) != getppid())
		return 1;
	return now_ms() - start >= 150 ? 0 : 2;
}

static void on_signal(int sig)
{
}

static int interrupted_body(void *arg)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t start = now_ms();
	long r;

	sigaction(SIGALRM, &sa, NULL);
	ualarm(100000, 0);
	errno = 0;
	r = syscall(SYS_getppid);
	if (r != -1 || errno != EINTR)
		return 1;
	return now_ms() - start < 1000 ? 0 : 2;
}

static void a_delayed_call_waits_and_a_signal_ends_the_wait(void)
{
	static const char brief[] = "{\"version\":1,\"rules\":[{\"action\":\"delay\","
				    "\"milliseconds\":80,\"syscalls\":[\"getppid\"]}]}";
	static const char lengthy[] = "{\"version\":1,\"rules\":[{\"action\":\"delay\","
				      "\"milliseconds\":5000,\"syscalls\":[\"getppid\"]}]}";
	struct target t = { 0 }, i = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, delayed_body, NULL), 0);
	tap_int_eq(target_start(&i, getppid_only, interrupted_body, NULL), 0);
	tap_ok(run(&i, "interrupted", lengthy, NULL));
	tap_ok(run(&t, "delayed", brief, NULL));
	tap_int_eq(target_wait(&t), 0); /* getppid() of libc is delayed too */
	tap_int_eq(target_wait(&i), 0);
	tap_ok(lab_wait(flushed, (void *)"interrupted"));
	tap_int_eq(EVENTS(lab.events, "\"container\":\"interrupted\"", "\"errno\":\"EINTR\"",
			  "\"note\":\"cancelled\""),
		   1);
	tap_int_eq(lab_stop(&lab), 0);
}

static const struct {
	const char *dir, *join, *state, *freeze, *thaw, *look, *frozen;
} freezers[] = {
	{ "/sys/fs/cgroup/freezer/waylay-lab", "cgroup.procs", "freezer.state", "FROZEN", "THAWED",
	  "freezer.state", "FROZEN" },
	{ "/sys/fs/cgroup/unified/waylay-lab", "cgroup.procs", "cgroup.freeze", "1", "0",
	  "cgroup.events", "frozen 1" },
	{ "/sys/fs/cgroup/waylay-lab", "cgroup.procs", "cgroup.freeze", "1", "0", "cgroup.events",
	  "frozen 1" },
};

static bool cgroup_write(const char *dir, const char *file, const char *text)
{
	char path[128];
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool is_frozen(void *arg)
{
	size_t i = *(size_t *)arg;
	char path[128], text[256] = "";
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/%s", freezers[i].dir, freezers[i].look);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strstr(text, freezers[i].frozen);
}

static int until_cancelled(void *arg)
{
	struct load *load = arg;

	__atomic_store_n(&load->calls, 1, __ATOMIC_RELAXED);
	return syscall(SYS_getppid) == -1 && errno == EINTR ? 0 : 1;
}

static bool is_waiting(void *arg)
{
	return lab_is_in_call(*(pid_t *)arg, SYS_getppid);
}

static void the_freezer_is_not_held_up_by_a_waiting_call(void)
{
	static const char policy[] = "{\"version\":1,\"rules\":[{\"action\":\"delay\","
				     "\"milliseconds\":9000,\"syscalls\":[\"getppid\"]}]}";
	struct load *load = make_load();
	unsigned n = 0;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(freezers); i++) {
		struct target t = { 0 };
		char pid[16];
		uint64_t start;

		if (mkdir(freezers[i].dir, 0755) < 0)
			continue;
		tap_int_eq(target_start(&t, getppid_only, until_cancelled, load), 0);
		snprintf(pid, sizeof(pid), "%d", t.pid);
		if (cgroup_write(freezers[i].dir, freezers[i].join, pid) &&
		    cgroup_write(freezers[i].dir, freezers[i].state, freezers[i].thaw)) {
			tap_ok(run(&t, "frozen", policy, NULL));
			tap_ok(lab_wait(is_waiting, &t.pid));
			start = now_ms();
			tap_ok(cgroup_write(freezers[i].dir, freezers[i].state,
					    freezers[i].freeze));
			tap_ok(lab_wait(is_frozen, &i));
			printf("# %s: frozen after %d ms\n", freezers[i].dir,
			       (int)(now_ms() - start));
			tap_ok(now_ms() - start < 500);
			tap_ok(cgroup_write(freezers[i].dir, freezers[i].state, freezers[i].thaw));
			tap_int_eq(target_wait(&t), 0);
			n++;
		} else {
			kill(t.pid, SIGKILL);
			target_wait(&t);
		}
		rmdir(freezers[i].dir);
	}
	munmap(load, sizeof(*load));
	tap_int_eq(lab_stop(&lab), 0);
	if (n == 0)
		tap_skip("no freezer that can be written here");
}

static int setup_body(void *arg)
{
	return syscall(SYS_getppid) == 4242 ? 1 : 0;
}

static void in_the_set_up_phase_nothing_is_overridden_or_told(void)
{
	static const char policy[] = "{\"version\":1,\"rules\":[{\"action\":\"return\","
				     "\"value\":4242,\"syscalls\":[\"getppid\"]}]}";
	struct target t = { 0 };
	char msg[640];
	int sock;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
	sock = target_hand_over(&t, &lab, "setup", policy, NULL, false, msg);
	tap_ok(sock >= 0);
	target_go(&t);
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(flushed, (void *)"setup"));
	tap_int_eq(EVENTS(lab.events, "\"syscall\""), 0);
	fd_close(sock);
	tap_int_eq(lab_stop(&lab), 0);
}

/* ---- deaths ---- */

static int call_until_told(void *arg)
{
	struct load *load = arg;
	long parent = -1;

	while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
		long r = syscall(SYS_getppid);

		if (parent == -1)
			parent = r;
		__atomic_fetch_add(r > 0 && r == parent ? &load->calls : &load->errors, 1,
				   __ATOMIC_RELAXED);
	}
	return 0;
}

static const char log_getppid[] =
	"{\"version\":1,\"rules\":[{\"action\":\"log\",\"syscalls\":[\"getppid\"]}]}";

struct progress {
	struct load *load;
	long from;
};

static bool has_gone_on(void *arg)
{
	struct progress *p = arg;

	return __atomic_load_n(&p->load->calls, __ATOMIC_RELAXED) >= p->from + 50;
}

static bool wait_for_calls(struct load *load)
{
	struct progress p = { load, __atomic_load_n(&load->calls, __ATOMIC_RELAXED) };

	return lab_wait(has_gone_on, &p);
}

#define CALLERS 3

static void start_callers(struct target *t, struct load *load)
{
	for (int i = 0; i < CALLERS; i++) {
		char id[32];

		snprintf(id, sizeof(id), "caller-%d", i);
		tap_int_eq(target_start(&t[i], getppid_only, call_until_told, load), 0);
		tap_ok(run(&t[i], id, log_getppid, NULL));
	}
	tap_ok(wait_for_calls(load));
}

static void end_callers(struct target *t, struct load *load)
{
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < CALLERS; i++) {
		char id[32];

		snprintf(id, sizeof(id), "caller-%d", i);
		tap_int_eq(target_wait(&t[i]), 0);
		tap_ok(lab_wait(flushed, id));
	}
}

static void check_nothing_lost(struct load *load)
{
	struct stat st;

	tap_int_eq(load->errors, 0);
	/* Lost for a full ring would be told; here nothing may be. */
	tap_int_eq(EVENTS(lab.events, "\"event\":\"lost\""), 0);
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"getppid\"", "\"action\":\"log\""),
		   load->calls);
	tap_int_eq(EVENTS(lab.events, "\"event\":\"start\""), CALLERS);
	printf("# %ld calls, %ld bytes of events\n", load->calls,
	       stat(lab.events, &st) == 0 ? (long)st.st_size : -1L);
}

static bool kill_one(const char *comm, pid_t *last)
{
	pid_t pid = lab_find(&lab, comm, 0);

	if (pid == 0 || pid == *last || kill(pid, SIGKILL) < 0)
		return false;
	waitpid(pid, NULL, WNOHANG);
	*last = pid;
	return true;
}

static void listeners_that_are_killed_under_load_lose_no_call_and_no_event(void)
{
	const char *times = getenv("WAYLAY_KILLS");
	int n = times ? atoi(times) : 200, killed = 0;
	struct load *load = make_load();
	struct target t[CALLERS] = { 0 };
	uint64_t deadline = now_ms() + 60000;
	pid_t last = 0;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	start_callers(t, load);
	while (killed < n && now_ms() < deadline) {
		struct timespec pause = { .tv_nsec = 1000 * (random() % 3000) };

		nanosleep(&pause, NULL); /* a random instant, not a wait */
		killed += kill_one("waylayd", &last);
	}
	tap_int_eq(killed, n);
	tap_ok(wait_for_calls(load));
	end_callers(t, load);
	check_nothing_lost(load);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(load, sizeof(*load));
}

static bool has_keeper(void *arg)
{
	return lab_find(&lab, "waylay-keeper", *(pid_t *)arg) != 0;
}

static void a_killed_keeper_is_replaced_and_can_restart_the_listener(void)
{
	struct load *load = make_load();
	struct target t[CALLERS] = { 0 };
	pid_t keeper = 0, listener = 0;
	struct lab_keeper full = { .lab = &lab };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	start_callers(t, load);
	for (int i = 0; i < 5; i++) {
		tap_ok(lab_wait(has_keeper, &keeper));
		full.dead = lab_find(&lab, "waylay-keeper", keeper);
		full.fds = lab_count_fds(full.dead);
		tap_ok(kill_one("waylay-keeper", &keeper));
		tap_ok(wait_for_calls(load));
		tap_ok(lab_wait(lab_has_full_keeper, &full));
		tap_ok(kill_one("waylayd", &listener));
		tap_ok(wait_for_calls(load));
	}
	end_callers(t, load);
	check_nothing_lost(load);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(load, sizeof(*load));
}

static int call_until_enosys(void *arg)
{
	for (;;) {
		long r = syscall(SYS_getppid);

		if (r == -1)
			return errno == ENOSYS ? 7 : 1;
	}
}

static void without_keeper_and_listener_calls_get_ENOSYS(void)
{
	pid_t keeper, listener;
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, call_until_enosys, NULL), 0);
	tap_ok(run(&t, "both", log_getppid, NULL));
	keeper = 0;
	tap_ok(lab_wait(has_keeper, &keeper)); /* it names itself some time after its start */
	keeper = lab_find(&lab, "waylay-keeper", 0);
	listener = lab_find(&lab, "waylayd", 0);
	if (keeper <= 0 || listener <= 0)
		return;
	kill(keeper, SIGSTOP);
	kill(listener, SIGKILL);
	kill(keeper, SIGKILL);
	tap_int_eq(target_wait(&t), 7);
	tap_int_eq(lab_stop(&lab), 0);
}

static bool is_config_written(const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(lab.config, "we");

	return f && fputs(text, f) >= 0;
}

/* A configuration that cannot be read keeps new listeners from starting. The old one goes to `ret`. */
static bool is_config_broken(char *ret, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(lab.config, "re");

	return f && fread(ret, 1, size - 1, f) > 0 && is_config_written("no JSON");
}

static void on_listener_loss_is_done_when_no_listener_comes_back(void)
{
	static const struct {
		const char *id, *policy;
		int status;
	} rows[] = {
		{ "loss-kill",
		  "{\"version\":1,\"on-listener-loss\":\"kill\",\"rules\":[{\"action\":\"log\","
		  "\"syscalls\":[\"getppid\"]}]}",
		  -SIGKILL },
		{ "loss-enosys",
		  "{\"version\":1,\"on-listener-loss\":\"enosys\",\"rules\":[{\"action\":\"log\","
		  "\"syscalls\":[\"getppid\"]}]}",
		  7 },
	};
	struct load *load = make_load();
	struct target t[2] = { 0 }, waits = { 0 };
	char config[512] = "";

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_int_eq(target_start(&t[i], getppid_only, call_until_enosys, NULL), 0);
		tap_ok(run(&t[i], rows[i].id, rows[i].policy, NULL));
	}
	tap_int_eq(target_start(&waits, getppid_only, call_until_told, load), 0);
	tap_ok(run(&waits, "loss-wait", log_getppid, NULL));
	tap_ok(is_config_broken(config, sizeof(config)));
	kill(lab_find(&lab, "waylayd", 0), SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tap_int_eq(target_wait(&t[i]), rows[i].status);
	tap_ok(is_config_written(config));
	tap_ok(wait_for_calls(load));
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	tap_int_eq(target_wait(&waits), 0);
	tap_int_eq(load->errors, 0);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(load, sizeof(*load));
}

static bool is_keeper_gone(void *arg)
{
	return lab_find(&lab, "waylay-keeper", 0) == 0;
}

static void a_keeper_of_nothing_gives_up_where_no_listener_can_start(void)
{
	char config[512] = "";
	pid_t keeper = 0;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_ok(lab_wait(has_keeper, &keeper));
	tap_ok(is_config_broken(config, sizeof(config)));
	kill(lab_find(&lab, "waylayd", 0), SIGKILL);
	tap_ok(lab_wait(is_keeper_gone, NULL));
	tap_ok(is_config_written(config));
	lab_stop(&lab);
}

static void sigterm_ends_listener_and_keeper_and_calls_get_ENOSYS(void)
{
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, call_until_enosys, NULL), 0);
	tap_ok(run(&t, "term", log_getppid, NULL));
	tap_int_eq(lab_stop(&lab), 0);
	tap_int_eq(target_wait(&t), 7);
	tap_int_eq(access(lab.socket, F_OK), -1);
}

/* ---- emulated calls ---- */

static const char emulate_mknod[] =
	"{\"version\":1,\"rules\":[{\"action\":\"emulate\",\"handler\":\"mknod\","
	"\"syscalls\":[\"mknod\"],\"options\":{\"devices\":\"c 1:3\",\"strategy\":\"node\"}}]}";
static const int mknod_only[] = { SYS_mknod, -1 };

static bool make_node(struct load *load, long i)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/tmp/n%ld", i);
	if (syscall(SYS_mknod, path, S_IFCHR | 0600, makedev(1, 3)) == 0)
		return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && unlink(path) == 0;
	/* Its worker was killed: then nothing may be left of it. */
	if (errno == EIO && lstat(path, &st) < 0 && errno == ENOENT) {
		__atomic_fetch_add(&load->undone, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (!load->first_errno)
		load->first_errno = errno;
	return false;
}

static int make_nodes_until_told(void *arg)
{
	struct load *load = arg;

	for (long i = 0; !__atomic_load_n(&load->stop, __ATOMIC_RELAXED); i++)
		__atomic_fetch_add(make_node(load, i) ? &load->calls : &load->errors, 1,
				   __ATOMIC_RELAXED);
	return 0;
}

/* Kills processes of that name under two containers' emulated calls. */
static void kill_under_emulation(const char *comm, int n, bool may_undo)
{
	struct load *load = make_load();
	struct target t[2] = { { .in_box = true }, { .in_box = true } };
	uint64_t deadline = now_ms() + 60000;
	int killed = 0;
	pid_t last = 0;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	for (int i = 0; i < 2; i++) {
		tap_int_eq(target_start(&t[i], mknod_only, make_nodes_until_told, load), 0);
		tap_ok(run(&t[i], i ? "box-1" : "box-0", emulate_mknod, NULL));
	}
	tap_ok(wait_for_calls(load));
	while (killed < n && now_ms() < deadline) {
		struct timespec pause = { .tv_nsec = 1000 * (random() % 3000) };

		nanosleep(&pause, NULL); /* a random instant, not a wait */
		killed += kill_one(comm, &last);
	}
	tap_int_eq(killed, n);
	tap_ok(wait_for_calls(load));
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		tap_int_eq(target_wait(&t[i]), 0);
		tap_ok(lab_wait(flushed, i ? (void *)"box-1" : (void *)"box-0"));
	}
	tap_int_eq(load->errors, 0);
	tap_int_eq(load->first_errno, 0);
	tap_ok(may_undo || load->undone == 0);
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"mknod\"", "\"return\":0"),
		   load->calls - load->undone);
	tap_int_eq(EVENTS(lab.events, "\"syscall\":\"mknod\"", "\"errno\":\"EIO\""), load->undone);
	printf("# %ld calls, %ld of them taken back\n", load->calls, load->undone);
	tap_int_eq(lab_stop(&lab), 0);
	munmap(load, sizeof(*load));
}

static void listeners_that_are_killed_let_no_emulated_call_fail_or_run_twice(void)
{
	kill_under_emulation("waylayd", 60, false);
}

static void a_killed_workers_call_is_taken_back_and_gets_EIO(void)
{
	kill_under_emulation("waylay-worker", 40, true);
}

static void a_killed_keepers_workers_calls_are_taken_back_too(void)
{
	kill_under_emulation("waylay-keeper", 8, true);
}

/* ---- ends ---- */

struct baseline {
	pid_t pid;
	unsigned fds;
};

static bool is_back(void *arg)
{
	struct baseline *b = arg;

	return lab_count_fds(b->pid) <= b->fds;
}

static void after_the_last_process_every_fd_is_back(void)
{
	struct baseline listener, keeper;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	keeper.pid = 0;
	tap_ok(lab_wait(has_keeper, &keeper.pid));
	listener.pid = lab_find(&lab, "waylayd", 0);
	keeper.pid = lab_find(&lab, "waylay-keeper", 0);
	listener.fds = lab_count_fds(listener.pid);
	keeper.fds = lab_count_fds(keeper.pid);
	for (int i = 0; i < 40; i++) {
		struct target t = { 0 };
		char id[32];

		snprintf(id, sizeof(id), "brief-%d", i);
		tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
		tap_ok(run(&t, id, log_getppid, NULL));
		tap_int_eq(target_wait(&t), 0);
		tap_ok(lab_wait(flushed, id));
		if (i ==
		    0) { /* first use opens what stays: task cache entries are per tid, mod 256 */
			listener.fds = lab_count_fds(listener.pid) + 45;
			keeper.fds = lab_count_fds(keeper.pid);
		}
	}
	tap_ok(lab_wait(is_back, &listener));
	tap_ok(lab_wait(is_back, &keeper));
	tap_int_eq(lab_stop(&lab), 0);
}

static bool has_no_listener(void *arg)
{
	waitpid(lab.first, NULL, WNOHANG);
	return !lab_find(&lab, "waylayd", 0) && !lab_find(&lab, "waylay-keeper", 0);
}

static void a_private_listener_ends_with_its_container_and_has_written_all(void)
{
	char file[128];
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, false, (const char *const[]){ "--once", NULL }), 0);
	tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
	tap_ok(run(&t, "once", log_getppid, NULL));
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(has_no_listener, NULL));
	snprintf(file, sizeof(file), "%s/log/once/events.jsonl", lab.dir);
	tap_int_eq(EVENTS(file, "\"syscall\":\"getppid\""), 1);
	tap_int_eq(EVENTS(file, "\"event\":\"end\"", "\"calls\":1", "\"lost\":0"), 1);
	tap_int_eq(access(lab.socket, F_OK), -1);
}

static void a_private_listener_ends_with_the_start_that_failed(void)
{
	static const char policy[] = "{\"version\":1,\"rules\":[{\"action\":\"log\","
				     "\"syscalls\":[\"getppid\"]}]}";
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(json_freep) struct json *doc = NULL;
	struct wl_err err = { 0 };
	uint64_t start;
	int sock;

	tap_int_eq(json_parse(policy, strlen(policy), "policy", &doc, &err), 0);
	tap_int_eq(policy_from_json(doc, "policy", &p, &err), 0);
	tap_int_eq(lab_start(&lab, false, (const char *const[]){ "--once", NULL }), 0);
	sock = sock_connect(lab.socket, &err);
	tap_int_eq(wire_send(sock, WIRE_OFFER, "failed", getpid(), "/", p, NULL, -EBADF), 0);
	tap_int_eq(wire_recv_ack(sock, 5000, &err), 0);
	start = now_ms();
	fd_close(sock);
	tap_ok(lab_wait(has_no_listener, NULL));
	tap_ok(now_ms() - start < 3000);
}

static void ended_is_answered_when_all_is_written(void)
{
	_cleanup_close_ int sock = -EBADF;
	struct wl_err err = { 0 };
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
	tap_ok(run(&t, "poststop", log_getppid, NULL));
	tap_int_eq(target_wait(&t), 0);
	sock = sock_connect(lab.socket, &err);
	tap_int_eq(wire_send(sock, WIRE_ENDED, "poststop", 0, "/", NULL, NULL, -EBADF), 0);
	tap_int_eq(wire_recv_ack(sock, 5000, &err), 0);
	tap_ok(flushed((void *)"poststop"));
	tap_int_eq(wire_send(sock, WIRE_ENDED, "never-seen", 0, "/", NULL, NULL, -EBADF), 0);
	tap_int_eq(wire_recv_ack(sock, 5000, &err), 0);
	tap_int_eq(lab_stop(&lab), 0);
}

/* ---- systemd ---- */

/* What systemd does: the socket as fd 3, and a datagram socket for "READY=1". */
static _Noreturn void exec_activated(int sock, const char *notify)
{
	char pid[16], sink[128];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(sink, sizeof(sink), "file:%s", lab.events);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("NOTIFY_SOCKET", notify, 1);
	if (dup2(sock, 3) == 3 && fcntl(3, F_SETFD, 0) == 0) /* it may be 3 already */
		execl(lab.waylayd, "waylayd", "--socket", lab.socket, "--config", lab.config,
		      "--events", sink, NULL);
	_exit(127);
}

static bool is_ready(void *arg)
{
	char text[128] = "";

	return recv(*(int *)arg, text, sizeof(text) - 1, MSG_DONTWAIT) > 0 &&
	       strncmp(text, "READY=1\nMAINPID=", 16) == 0;
}

static void systemds_socket_is_served_and_left_in_place(void)
{
	_cleanup_close_ int sock = sock_listen(lab.socket, NULL);
	_cleanup_close_ int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	pid_t keeper = 0, listener = 0;
	struct target t = { 0 };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", lab.dir);
	tap_int_eq(bind(notify, (struct sockaddr *)&addr, sizeof(addr)), 0);
	lab.first = fork();
	if (lab.first == 0)
		exec_activated(sock, addr.sun_path);
	tap_ok(lab_wait(is_ready, &notify));
	tap_ok(lab_wait(has_keeper, &keeper));
	tap_ok(kill_one("waylayd", &listener));
	tap_ok(lab_wait(is_ready, &notify)); /* its successor is the main process now */
	tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
	tap_ok(run(&t, "activated", log_getppid, NULL));
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(flushed, (void *)"activated"));
	tap_int_eq(lab_stop(&lab), 0);
	tap_int_eq(access(lab.socket, F_OK), 0);
}

/* ---- peers ---- */

static void a_policy_above_the_cap_is_refused_where_the_fd_arrives(void)
{
	static const char policy[] = "{\"version\":1,\"rules\":[{\"action\":\"return\","
				     "\"value\":1,\"syscalls\":[\"getppid\"]}]}";
	_cleanup_fclose_ FILE *f = NULL;
	struct target t = { 0 };
	char msg[640];

	f = fopen(lab.config, "we");
	tap_ok(f != NULL);
	fprintf(f, "{\"version\":1,\"allow\":{\"actions\":[\"log\"]},\"log_dir\":\"%s/log\"}",
		lab.dir);
	fflush(f);
	tap_int_eq(lab_start(&lab, true, NULL), 0);
	tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
	tap_int_eq(target_hand_over(&t, &lab, "above", policy, NULL, true, msg), -EPERM);
	printf("# %s\n", msg);
	tap_ok(strstr(msg, "return") != NULL);
	tap_ok(run(&t, "below", log_getppid, NULL));
	tap_int_eq(target_wait(&t), 0);
	tap_int_eq(lab_stop(&lab), 0);
}

static void hostile_and_slow_peers_harm_nobody(void)
{
	static char junk[70000];
	int idle[150], fds[30];
	struct baseline listener;
	struct target t = { 0 };

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	listener.pid = lab_find(&lab, "waylayd", 0);
	listener.fds = lab_count_fds(listener.pid) + 2;
	memset(junk, '[', sizeof(junk));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		idle[i] = sock_connect(lab.socket, NULL);
		tap_ok(idle[i] >= 0);
		if (i % 5 == 0) /* says a little, with fds, and then nothing */
			sock_send(idle[i], "{\"ociVersion\":", 14, fds, ARRAY_SIZE(fds) / 2);
		else if (i % 5 == 1) /* nonsense */
			sock_send(idle[i], junk, 1000, NULL, 0);
		else if (i % 5 == 2) /* more fds than anybody needs */
			sock_send(idle[i], "{", 1, fds, ARRAY_SIZE(fds));
		else if (i % 5 == 3)
			sock_send(idle[i], "\0\xff\xfe", 3, NULL, 0);
	}
	tap_int_eq(target_start(&t, getppid_only, setup_body, NULL), 0);
	tap_ok(run(&t, "amid", log_getppid, NULL));
	tap_int_eq(target_wait(&t), 0);
	tap_ok(lab_wait(flushed, (void *)"amid"));
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		fd_close(idle[i]);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(fds[i]);
	tap_ok(lab_wait(is_back, &listener));
	tap_int_eq(lab_find(&lab, "waylayd", 0), listener.pid);
	tap_int_eq(lab_stop(&lab), 0);
}

static void another_user_is_not_served(void)
{
	pid_t pid;
	int status = -1;

	tap_int_eq(lab_start(&lab, true, NULL), 0);
	/* The directory's and the socket's modes are the first wall; the second is under test. */
	tap_int_eq(chmod(lab.dir, 0755) | chmod(lab.socket, 0666), 0);
	pid = fork();
	if (pid == 0) {
		int sock;
		char c;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		sock = sock_connect(lab.socket, NULL);
		sock_send(sock, "{}", 2, NULL, 0);
		_exit(sock < 0 || recv(sock, &c, 1, 0) <= 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	tap_int_eq(status, 0);
	tap_int_eq(lab_stop(&lab), 0);
}

int main(int argc, char **argv)
{
	waylayd = argc > 1 ? argv[1] : "build/plugin/waylayd";
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	LAB_RUN(traced_calls_go_on_and_become_events);
	LAB_RUN(an_observed_call_gets_the_profiles_errno_and_overrides_their_own);
	LAB_RUN(a_profiles_kill_and_trap_hold_where_a_condition_on_memory_is_not_met);
	LAB_RUN(an_exit_is_never_delayed);
	LAB_RUN(a_delayed_call_waits_and_a_signal_ends_the_wait);
	LAB_RUN(the_freezer_is_not_held_up_by_a_waiting_call);
	LAB_RUN(in_the_set_up_phase_nothing_is_overridden_or_told);
	LAB_RUN(listeners_that_are_killed_under_load_lose_no_call_and_no_event);
	LAB_RUN(a_killed_keeper_is_replaced_and_can_restart_the_listener);
	LAB_RUN(without_keeper_and_listener_calls_get_ENOSYS);
	LAB_RUN(on_listener_loss_is_done_when_no_listener_comes_back);
	LAB_RUN(a_keeper_of_nothing_gives_up_where_no_listener_can_start);
	LAB_RUN(sigterm_ends_listener_and_keeper_and_calls_get_ENOSYS);
	LAB_RUN(listeners_that_are_killed_let_no_emulated_call_fail_or_run_twice);
	LAB_RUN(a_killed_workers_call_is_taken_back_and_gets_EIO);
	LAB_RUN(a_killed_keepers_workers_calls_are_taken_back_too);
	LAB_RUN(after_the_last_process_every_fd_is_back);
	LAB_RUN(a_private_listener_ends_with_its_container_and_has_written_all);
	LAB_RUN(a_private_listener_ends_with_the_start_that_failed);
	LAB_RUN(ended_is_answered_when_all_is_written);
	LAB_RUN(systemds_socket_is_served_and_left_in_place);
	LAB_RUN(a_policy_above_the_cap_is_refused_where_the_fd_arrives);
	LAB_RUN(hostile_and_slow_peers_harm_nobody);
	LAB_RUN(another_user_is_not_served);
	return TAP_DONE();
}
