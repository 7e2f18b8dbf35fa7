/* SPDX-License-Identifier: Apache-2.0 */
/* hook/event_text: events as people read them. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "hook/cmd_events.h"
#include "hook/event_text.h"
#include "tests/unit/tap.h"

#define HEAD                                                                                       \
	"{\"ts\":\"2026-11-22T12:00:01.123456Z\",\"container\":\"web\",\"pid\":1234,\"tid\":1235," \
	"\"ns_pid\":7,"
#define SHOWN "12:00:01.123456 web[1235/7] "

static const struct row {
	const char *json, *text;
} rows[] = {
	/* clang-format off */
	{ HEAD "\"comm\":\"busybox\",\"arch\":\"x86_64\",\"syscall\":\"mkdirat\",\"args\":{\"dirfd\":\"AT_FDCWD\","
	  "\"pathname\":\"/x\",\"mode\":\"0755\"},\"action\":\"errno\",\"rule\":\"deny#1\",\"decision\":\"rule\","
	  "\"errno\":\"EPERM\",\"latency_us\":12.0}",
	  SHOWN "busybox mkdirat(AT_FDCWD, \"/x\", 0755) = -1 EPERM <0.000012> [errno by rule deny#1]\n" },
	{ HEAD "\"comm\":\"b\",\"arch\":\"x86_64\",\"syscall\":\"mknod\",\"args\":{\"pathname\":\"n\","
	  "\"mode\":\"S_IFCHR|0666\",\"dev\":\"c 1:3\"},\"action\":\"emulate\",\"rule\":\"emulate#0\","
	  "\"handler\":\"mknod\",\"how\":\"bind\",\"decision\":\"rule\",\"return\":0,\"latency_us\":700}",
	  SHOWN "b mknod(\"n\", S_IFCHR|0666, c 1:3) = 0 <0.000700> [emulate mknod how bind by rule emulate#0]\n" },
	/* A file name in capitals is a string, a flag of the same letters is not. */
	{ HEAD "\"comm\":\"b\",\"arch\":\"x86_64\",\"syscall\":\"openat\",\"args\":{\"dirfd\":3,"
	  "\"pathname\":\"O_RDONLY\",\"pathname_cut\":true,\"flags\":\"O_RDONLY|0x40\"},\"action\":\"continue\"}",
	  SHOWN "b openat(3, \"O_RDONLY\"..., O_RDONLY|0x40) = ? [continue]\n" },
	{ HEAD "\"comm\":\"b\",\"arch\":\"x86_64\",\"syscall\":\"openat\",\"args\":{\"dirfd\":3,"
	  "\"pathname\":\"0x10\",\"pathname_error\":\"EFAULT\",\"args_cut\":true},\"return\":-1}",
	  SHOWN "b openat(3, 0x10, ...) = -1\n" },
	{ HEAD "\"comm\":\"b\",\"arch\":\"i386\",\"syscall\":\"connect\",\"args\":{\"sockfd\":3,\"addr\":{"
	  "\"family\":\"AF_UNIX\",\"path\":\"@a\\u0000b\",\"abstract\":true},\"addrlen\":6}}",
	  SHOWN "b i386/connect(3, {family=AF_UNIX, path=\"@a\\0b\", abstract=true}, 6) = ?\n" },
	{ HEAD "\"comm\":\"b\",\"arch\":\"x86_64\",\"syscall\":\"execve\",\"args\":{\"pathname\":\"/b\","
	  "\"argv\":[\"LS\",\"a\\\"b\"],\"argv_cut\":true,\"envp\":null},\"return\":18446744073709551615}",
	  SHOWN "b execve(\"/b\", [\"LS\", \"a\\\"b\"]..., NULL) = 18446744073709551615\n" },
	/* Nothing forges a line or speaks to the terminal. */
	{ HEAD "\"comm\":\"a\\u001b[31m\\n\\u009b\\u007f\",\"arch\":\"x86_64\",\"syscall\":\"getpid\",\"args\":{},"
	  "\"rule\":\"x\\ny\"}",
	  SHOWN "a\\x1b[31m\\n\\x9b\\x7f getpid() = ? [? by rule x\\ny]\n" },
	{ "{\"ts\":\"2026-11-22T12:00:01.123456Z\",\"event\":\"start\",\"container\":\"web\",\"pid\":12,"
	  "\"engine\":\"notify\"}",
	  "12:00:01.123456 web --- start pid=12 engine=\"notify\" ---\n" },
	{ "{}", "?  --- ? ---\n" },
	{ "{\"ts\":5,\"syscall\":\"close\",\"tid\":\"x\",\"args\":[1],\"latency_us\":\"y\",\"errno\":7}",
	  "? [] close() = -1 7\n" },
	/* clang-format on */
};

static void an_event_becomes_one_line(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_freep) struct json *event = NULL;
		_cleanup_(buf_done) struct buf text = { 0 };
		_cleanup_free_ char *line = strdup(rows[i].json);
		struct wl_err err;

		event_text_prepare(line, strlen(line));
		tap_int_eq(json_parse(line, strlen(line), "event", &event, &err), 0);
		if (!event)
			continue;
		event_text(&text, event);
		tap_str_eq(text.data, rows[i].text);
	}
}

static void only_escapes_of_NUL_are_changed(void)
{
	char text[] = "\\u0000 \\\\u0000 \\u00001 \\u0001 \\u000";

	event_text_prepare(text, strlen(text));
	tap_str_eq(text, "\\u2400 \\\\u0000 \\u24001 \\u0001 \\u000");
}

/* `waylay events ARGS` in a child, its output in a pipe. */
static pid_t start(const char *const *args, int *ret_out)
{
	int out[2], argc = 0;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		abort();
	while (args[argc])
		argc++;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		_exit(cmd_events(argc, (char **)(uintptr_t)args));
	}
	close(out[1]);
	*ret_out = out[0];
	return pid;
}

/* One line, or "" at the end of output or after ten seconds. */
static const char *read_line(int fd)
{
	static char line[512];
	size_t n = 0;

	while (n < sizeof(line) - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 10000) != 1 || read(fd, line + n, 1) != 1)
			break;
		if (line[n++] == '\n')
			break;
	}
	line[n] = '\0';
	return line;
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	tap_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void made_of(char *text, size_t size, int tid)
{
	snprintf(text, size,
		 "{\"ts\":\"T1:2\",\"container\":\"c%d\",\"tid\":%d,\"syscall\":\"close\"}\n", tid,
		 tid);
}

static void a_file_is_followed_as_it_grows_is_emptied_and_replaced(void)
{
	char dir[] = "/tmp/waylay-events-XXXXXX", path[64], old[64], text[256];
	const char *args[] = { "events", "--follow", path, NULL };
	int out, status;
	pid_t pid;

	tap_ok(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/events", dir);
	snprintf(old, sizeof(old), "%s/old", dir);
	made_of(text, sizeof(text), 1);
	append(path, text);
	pid = start(args, &out);
	tap_str_eq(read_line(out), "1:2 c1[1] close() = ?\n");
	/* A line in two pieces is one line. */
	append(path, "{\"ts\":\"T3:4\",\"container\":\"c\",");
	append(path, "\"tid\":2,\"syscall\":\"close\"}\nnonsense\n");
	tap_str_eq(read_line(out), "3:4 c[2] close() = ?\n");
	tap_int_eq(truncate(path, 0), 0);
	made_of(text, sizeof(text), 3);
	append(path, text);
	tap_str_eq(read_line(out), "1:2 c3[3] close() = ?\n");
	tap_int_eq(rename(path, old), 0);
	made_of(text, sizeof(text), 4);
	append(path, text);
	tap_str_eq(read_line(out), "1:2 c4[4] close() = ?\n");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(out);
	unlink(path);
	unlink(old);
	rmdir(dir);
}

static void filters_show_only_what_was_asked_for(void)
{
	static const char text[] =
		"{\"ts\":\"T1\",\"container\":\"a\",\"syscall\":\"openat\",\"errno\":\"EPERM\"}\n"
		"{\"ts\":\"T2\",\"container\":\"ab\",\"syscall\":\"open\",\"errno\":\"ENOENT\"}\n"
		"{\"ts\":\"T3\",\"event\":\"end\",\"container\":\"a\"}";
	char path[] = "/tmp/waylay-events-XXXXXX";
	static const struct {
		const char *option, *value;
		const char *out;
	} cases[] = {
		{ "--syscall", "open", "2 ab[] open() = -1 ENOENT\n" },
		{ "--syscall", "close,openat", "1 a[] openat() = -1 EPERM\n" },
		{ "--container", "ab", "2 ab[] open() = -1 ENOENT\n" },
		{ "--errno", "EPERM", "1 a[] openat() = -1 EPERM\n" },
		{ "--errno", "EPER", "" },
	};
	int fd = mkstemp(path), out, status;

	tap_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *args[] = { "events", cases[i].option, cases[i].value, path, NULL };
		pid_t pid = start(args, &out);

		tap_str_eq(read_line(out), cases[i].out);
		tap_str_eq(read_line(out), "");
		waitpid(pid, &status, 0);
		tap_int_eq(WEXITSTATUS(status), 0);
		close(out);
	}
	close(fd);
	unlink(path);
}

static void a_bad_line_is_skipped_and_the_status_says_so(void)
{
	char path[] = "/tmp/waylay-events-XXXXXX", text[256];
	const char *args[] = { "events", path, NULL }, *none[] = { "events", NULL };
	const char *missing[] = { "events", "/nonexistent/x", NULL };
	int fd = mkstemp(path), out, status;
	pid_t pid;

	made_of(text, sizeof(text), 1);
	append(path, "{\"ts\":\n[]\n\n");
	append(path, text);
	pid = start(args, &out);
	tap_str_eq(read_line(out), "1:2 c1[1] close() = ?\n");
	tap_str_eq(read_line(out), "");
	waitpid(pid, &status, 0);
	tap_int_eq(WEXITSTATUS(status), 1);
	close(out);
	pid = start(none, &out);
	waitpid(pid, &status, 0);
	tap_int_eq(WEXITSTATUS(status), 2);
	close(out);
	pid = start(missing, &out);
	waitpid(pid, &status, 0);
	tap_int_eq(WEXITSTATUS(status), 1);
	close(out);
	close(fd);
	unlink(path);
}

int main(void)
{
	TAP_RUN(an_event_becomes_one_line);
	TAP_RUN(only_escapes_of_NUL_are_changed);
	TAP_RUN(a_file_is_followed_as_it_grows_is_emptied_and_replaced);
	TAP_RUN(filters_show_only_what_was_asked_for);
	TAP_RUN(a_bad_line_is_skipped_and_the_status_says_so);
	return TAP_DONE();
}
