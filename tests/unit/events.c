/* SPDX-License-Identifier: Apache-2.0 */
/* hook/event_text: events as people read them. */
#include <stdlib.h>

#include "arch/base/cleanup.h"
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

int main(void)
{
	TAP_RUN(an_event_becomes_one_line);
	TAP_RUN(only_escapes_of_NUL_are_changed);
	return TAP_DONE();
}
