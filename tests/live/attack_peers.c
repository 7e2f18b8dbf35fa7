/* SPDX-License-Identifier: Apache-2.0 */
/* Peers, hand-overs and outputs that mean harm. Needs root and seccomp notify. */
#include "tests/live/attack.h"

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
	const char *waylayd = argc > 1 ? argv[1] : "build/plugin/waylayd";
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	LAB_RUN(forged_messages_are_refused_and_leave_nothing);
	LAB_RUN(a_runtimes_own_hand_over_brings_its_policy_and_evades_no_cap);
	LAB_RUN(an_fd_that_is_served_already_is_refused);
	LAB_RUN(a_full_disk_costs_events_but_tears_none);
	LAB_RUN(an_output_is_never_somebody_elses_file);
	LAB_RUN(a_reader_that_never_reads_costs_nobody_else_an_event);
	return TAP_DONE();
}
