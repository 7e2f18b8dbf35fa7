/* SPDX-License-Identifier: Apache-2.0 */
/* What a runtime's init does between its createRuntime hooks and the program, one word a step:
 *   sync          read a byte from stdin (a call that is restarted after an attachment)
 *   sleep         50 ms of nanosleep (restarted through restart_syscall)
 *   spin          50 ms without a call
 *   urg           SIGURG every 50 us from now on, as Go's scheduler sends it
 *   threads       two threads that make calls all the time
 *   probe         loads that are feature probes: program NULL, length 0, unreadable
 *   nnp           prctl(PR_SET_NO_NEW_PRIVS)
 *   capset        gives CAP_SYS_ADMIN away, keeps the rest
 *   nocaps        gives all effective capabilities away
 *   setuid        to 1000
 *   load=HOW      HOW: seccomp prctl tsync retry listener invalid; EPERM for getppid
 *   affinity      prints the CPUs of a child that is forked for it, then those that it may set itself
 *   fds           prints the open fds
 *   filters       prints the number of filters of this thread and of the others
 *   getppid       prints its result
 *   try=PATH      an execve that fails
 *   exec thread-exec   execve("/proc/self/exe") with the argument "program"
 *   exit          the end, with status 7
 * A step that fails prints its name and errno and ends with status 3. "program" prints what a container's
 * program would see. */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t main_tid;

static int fail(const char *step)
{
	printf("%s: %s\n", step, strerrorname_np(errno));
	exit(3);
}

static void print_status(const char *path, const char *key)
{
	char line[256];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			printf("%s", line);
	if (f)
		fclose(f);
}

static void print_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	printf("fds:");
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			printf(" %s", e->d_name);
	printf("\n");
	if (d)
		closedir(d);
}

static void print_filters(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	char path[64];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		printf("%s ", atoi(e->d_name) == main_tid ? "main" : "other");
		snprintf(path, sizeof(path), "/proc/self/task/%d/status", atoi(e->d_name));
		print_status(path, "Seccomp_filters:");
	}
	if (d)
		closedir(d);
}

static void print_result(const char *name, long result)
{
	printf("%s: %ld %s\n", name, result, result < 0 ? strerrorname_np(errno) : "ok");
}

/* A child inherits the mask, and sched_getaffinity shows it. */
static void print_affinity(void)
{
	cpu_set_t set;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		printf("child ");
		print_status("/proc/self/status", "Cpus_allowed_list:");
		exit(0);
	}
	waitpid(pid, NULL, 0);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		fail("affinity");
	printf("cpus: %d\n", CPU_COUNT(&set));
}

static int program(void)
{
	print_status("/proc/self/status", "Cpus_allowed_list:");
	print_status("/proc/self/status", "Seccomp_filters:");
	print_status("/proc/self/status", "SigBlk:");
	print_status("/proc/self/status", "TracerPid:");
	print_fds();
	print_result("getppid", syscall(SYS_getppid) > 0 ? 1 : -1);
	print_result("mkdir", syscall(SYS_mkdir, "/nosuch/x", 0700));
	printf("program ran\n");
	return 0;
}

static volatile sig_atomic_t urgs;

static void on_urg(int sig)
{
	urgs++;
}

static void *send_urg(void *arg)
{
	const struct timespec ts = { .tv_nsec = 50000 };

	for (;;) {
		syscall(SYS_tgkill, getpid(), main_tid, SIGURG);
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void *make_calls(void *arg)
{
	const struct timespec ts = { .tv_nsec = 20000 };

	for (;;) {
		syscall(SYS_getppid);
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void *exec_self(void *arg)
{
	/* Not by its path: a build folder below /root is closed to the user that init has become. */
	execl("/proc/self/exe", "fake-init", "program", NULL);
	fail("thread-exec");
	return NULL;
}

static void start_thread(void *(*fn)(void *))
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, NULL) != 0)
		fail("thread");
}

static long elapsed_ms(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

static void set_caps(uint32_t low, uint32_t high)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		fail("capget");
	data[0].effective &= low;
	data[1].effective &= high;
	if (syscall(SYS_capset, &head, data) < 0)
		fail("capset");
}

static void probe(void)
{
	struct sock_fprog empty = { 0 }, unreadable = { .len = 3, .filter = (void *)8 };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) != -1 ||
	    errno != EFAULT)
		fail("probe NULL");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != -1 || errno != EFAULT)
		fail("probe prctl NULL");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &empty) != -1 || errno != EINVAL)
		fail("probe length 0");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &unreadable) != -1 || errno != EFAULT)
		fail("probe unreadable");
}

static void load(const char *how)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(insns) / sizeof(insns[0]), .filter = insns };
	long r;

	if (strcmp(how, "invalid") == 0)
		insns[1].jt = 200;
	if (strcmp(how, "prctl") == 0)
		r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	else
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    strcmp(how, "tsync") == 0	   ? SECCOMP_FILTER_FLAG_TSYNC
			    : strcmp(how, "listener") == 0 ? SECCOMP_FILTER_FLAG_NEW_LISTENER
							   : SECCOMP_FILTER_FLAG_SPEC_ALLOW,
			    &prog);
	if (r < 0 && strcmp(how, "retry") == 0)
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
	if (r != 0) {
		errno = r > 0 ? EPROTO : errno;
		fail("load");
	}
}

static void step(const char *word)
{
	const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : "";
	struct timespec ts = { .tv_nsec = 50000000 }, left = { 0 };
	struct sigaction sa = { .sa_handler = on_urg, .sa_flags = SA_RESTART };
	char c;

	if (strcmp(word, "sync") == 0) {
		if (read(STDIN_FILENO, &c, 1) != 1)
			fail(word);
	} else if (strcmp(word, "sleep") == 0) {
		if (nanosleep(&ts, &left) < 0)
			fail(word);
	} else if (strcmp(word, "spin") == 0) {
		clock_gettime(CLOCK_MONOTONIC, &ts); /* vdso: no call */
		while (elapsed_ms(&ts) < 50)
			;
	} else if (strcmp(word, "urg") == 0) {
		sigaction(SIGURG, &sa, NULL);
		start_thread(send_urg);
	} else if (strcmp(word, "threads") == 0) {
		start_thread(make_calls);
		start_thread(make_calls);
	} else if (strcmp(word, "probe") == 0) {
		probe();
	} else if (strcmp(word, "nnp") == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	} else if (strcmp(word, "capset") == 0) {
		set_caps(~(1u << CAP_SYS_ADMIN), ~0u);
	} else if (strcmp(word, "nocaps") == 0) {
		set_caps(0, 0);
	} else if (strcmp(word, "setuid") == 0) {
		if (syscall(SYS_setuid, 1000) < 0)
			fail(word);
	} else if (strncmp(word, "load=", 5) == 0) {
		load(value);
	} else if (strcmp(word, "affinity") == 0) {
		print_affinity();
	} else if (strcmp(word, "fds") == 0) {
		print_fds();
	} else if (strcmp(word, "filters") == 0) {
		print_filters();
	} else if (strcmp(word, "getppid") == 0) {
		print_result(word, syscall(SYS_getppid) > 0 ? 1 : -1);
	} else if (strncmp(word, "try=", 4) == 0) {
		if (execl(value, value, NULL) < 0)
			printf("try: %s\n", strerrorname_np(errno));
	} else if (strcmp(word, "exec") == 0) {
		exec_self(NULL);
	} else if (strcmp(word, "thread-exec") == 0) {
		start_thread(exec_self);
		pause();
	} else if (strcmp(word, "exit") == 0) {
		exit(7);
	} else {
		errno = EINVAL;
		fail(word);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "program") == 0)
		return program();
	main_tid = getpid();
	for (int i = 1; i < argc; i++)
		step(argv[i]);
	return 0;
}
