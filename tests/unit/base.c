/* SPDX-License-Identifier: Apache-2.0 */
/* arch/base: text, errors, sockets. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/buf.h"
#include "arch/base/cleanup.h"
#include "arch/base/err.h"
#include "arch/base/sock.h"
#include "tests/unit/tap.h"

static void any_bytes_become_valid_json(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" },
		{ "q\"b\\n\n", "q\\\"b\\\\n\\n" },
		{ "\x01\x7f", "\\u0001\\u007f" },
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "\xc0\xaf", "\\u00c0\\u00af" },	     /* overlong '/' */
		{ "\xed\xa0\x80", "\\u00ed\\u00a0\\u0080" }, /* a surrogate */
		{ "\xe2\x82", "\\u00e2\\u0082" },	     /* cut */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char mem[128];
		struct out o = out_init(mem, sizeof(mem) - 1);

		out_escaped(&o, rows[i].in, strlen(rows[i].in));
		*o.at = '\0';
		tap_str_eq(mem, rows[i].out);
	}
}

static void what_does_not_fit_is_cut_and_said(void)
{
	char mem[9] = "????????";
	struct out o = out_init(mem, 4);

	out_str(&o, "abc");
	out_str(&o, "de");
	tap_ok(o.cut);
	tap_int_eq(o.at - mem, 3);
	tap_int_eq(mem[4], '?');
}

static void numbers_are_written_in_every_base(void)
{
	char mem[128];
	struct out o = out_init(mem, sizeof(mem) - 1);

	out_i64(&o, INT64_MIN);
	out_char(&o, ' ');
	out_hex(&o, UINT64_MAX);
	out_char(&o, ' ');
	out_oct(&o, 0644);
	out_char(&o, ' ');
	out_oct(&o, 0);
	*o.at = '\0';
	tap_str_eq(mem, "-9223372036854775808 0xffffffffffffffff 0644 0");
}

static void an_error_names_its_cause_and_hides_control_characters(void)
{
	struct wl_err err;

	tap_int_eq(wl_err_set(&err, -ENOENT, "open '%s'", "a\nb"), -ENOENT);
	tap_str_eq(err.msg, "open 'a?b': No such file or directory");
	wl_err_prefix(&err, -ENOENT, "policy");
	tap_str_eq(err.msg, "policy: open 'a?b': No such file or directory");
	tap_int_eq(errno_parse("ENOMEDIUM"), ENOMEDIUM);
	tap_int_eq(errno_parse("EWOULDBLOCK"), EAGAIN);
	tap_int_eq(errno_parse("4095"), 4095);
	tap_int_eq(errno_parse("4096"), -EINVAL);
	tap_int_eq(errno_parse("0"), -EINVAL);
	tap_int_eq(errno_parse("EFOO"), -EINVAL);
	tap_str_eq(errno_name(-EPERM), "EPERM");
}

static int open_fds(void)
{
	_cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	return n;
}

static void surplus_fds_of_a_message_are_closed(void)
{
	int pair[2], send[5], got[2], before;
	size_t n = 2;
	char c;

	tap_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	for (int i = 0; i < 5; i++)
		send[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	before = open_fds();
	tap_int_eq(sock_send(pair[0], "x", 1, send, 5), 0);
	tap_int_eq(sock_recv(pair[1], &c, 1, got, &n), -EMSGSIZE);
	tap_int_eq(n, 0);
	tap_int_eq(open_fds(), before);
	n = 2;
	tap_int_eq(sock_send(pair[0], "y", 1, send, 2), 0);
	tap_int_eq(sock_recv(pair[1], &c, 1, got, &n), 1);
	tap_int_eq(n, 2);
	tap_ok(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	for (int i = 0; i < 5; i++)
		close(send[i]);
	close(got[0]);
	close(got[1]);
	close(pair[0]);
	close(pair[1]);
}

static void a_socket_listens_at_a_long_path_and_replaces_a_stale_file(void)
{
	char dir[] = "/tmp/waylay-base-XXXXXX", sub[300], path[512];
	struct wl_err err = { 0 };
	int a, b;

	tap_ok(mkdtemp(dir) != NULL);
	snprintf(sub, sizeof(sub), "%s/%0150d", dir, 7);
	tap_int_eq(mkdir(sub, 0700), 0);
	snprintf(path, sizeof(path), "%s/sock", sub);
	a = sock_listen(path, &err);
	tap_ok(a >= 0);
	tap_int_eq(sock_listen(path, &err), -EADDRINUSE);
	close(a);
	tap_int_eq(sock_connect(path, &err), -ECONNREFUSED);
	a = sock_listen(path, &err);
	tap_ok(a >= 0);
	b = sock_connect(path, &err);
	tap_ok(b >= 0);
	close(a);
	close(b);
	unlink(path);
	rmdir(sub);
	rmdir(dir);
}

int main(void)
{
	TAP_RUN(any_bytes_become_valid_json);
	TAP_RUN(what_does_not_fit_is_cut_and_said);
	TAP_RUN(numbers_are_written_in_every_base);
	TAP_RUN(an_error_names_its_cause_and_hides_control_characters);
	TAP_RUN(surplus_fds_of_a_message_are_closed);
	TAP_RUN(a_socket_listens_at_a_long_path_and_replaces_a_stale_file);
	return TAP_DONE();
}
