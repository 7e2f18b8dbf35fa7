/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/sink: opening places that others may have prepared, writing to readers that may not read. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/sock.h"
#include "plugin/sink.h"
#include "tests/unit/tap.h"

#define LINE "{\"ts\":\"2026-11-22T00:00:00.000000Z\"}\n"

static char dir[64], out[80];
static struct cap *cap;

static const char *at(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_text(const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	tap_ok(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
}

static void load_cap(void)
{
	char text[256];
	struct wl_err err = { 0 };

	snprintf(text, sizeof(text),
		 "{\"version\":1,\"log_dir\":\"%s/log\",\"output_dirs\":[\"%s\"]}", dir, out);
	write_text("cap.json", text, 0600);
	if (cap_load(at("cap.json"), &cap, &err) < 0)
		printf("Bail out! %s\n", err.msg);
}

static int open_it(const char *spec)
{
	struct wl_err err = { 0 };
	struct sink sink = { 0 };
	int r = sink_open(cap, "box", spec, &sink, &err);

	if (r == 0)
		sink_done(&sink);
	return r;
}

static unsigned put(struct sink *s, const char *text, unsigned n)
{
	struct iovec lines[64];

	for (unsigned i = 0; i < n; i++)
		lines[i] = (struct iovec){ .iov_base = (char *)text, .iov_len = strlen(text) };
	return sink_write(s, lines, n);
}

static void a_new_file_is_made_below_the_containers_own_directory(void)
{
	struct sink sink = { 0 };
	struct wl_err err;
	struct stat st;

	tap_int_eq(sink_open(cap, "box", NULL, &sink, &err), 0);
	tap_int_eq(put(&sink, LINE, 3), 0);
	sink_done(&sink);
	tap_int_eq(stat(at("log/box"), &st), 0);
	tap_int_eq(st.st_mode & 07777, 0700);
	tap_int_eq(stat(at("log/box/events.jsonl"), &st), 0);
	tap_int_eq(st.st_mode & 07777, 0600);
	tap_int_eq(st.st_size, 3 * strlen(LINE));
	/* and its own file is continued */
	tap_int_eq(sink_open(cap, "box", "file:events.jsonl", &sink, &err), 0);
	tap_int_eq(put(&sink, LINE, 1), 0);
	sink_done(&sink);
	tap_int_eq(stat(at("log/box/events.jsonl"), &st), 0);
	tap_int_eq(st.st_size, 4 * strlen(LINE));
}

static void what_waylay_did_not_make_is_never_written_to(void)
{
	char path[128];

	write_text("out/shadow", "root:x:0:0\n", 0600);
	snprintf(path, sizeof(path), "file:%s/shadow", out);
	tap_int_eq(open_it(path), -EEXIST);

	write_text("out/open", LINE, 0644);
	snprintf(path, sizeof(path), "file:%s/open", out);
	tap_int_eq(open_it(path), -EEXIST);

	write_text("out/twice", LINE, 0600);
	snprintf(path, sizeof(path), "%s/second-name", out);
	tap_int_eq(link(at("out/twice"), path), 0);
	snprintf(path, sizeof(path), "file:%s/twice", out);
	tap_int_eq(open_it(path), -EEXIST);

	tap_int_eq(mkfifo(at("out/fifo"), 0600), 0);
	snprintf(path, sizeof(path), "file:%s/fifo", out);
	tap_int_eq(open_it(path), -EEXIST);

	write_text("out/mine", LINE, 0600);
	snprintf(path, sizeof(path), "file:%s/mine", out);
	tap_int_eq(open_it(path), 0);
}

static void no_link_and_no_way_out_is_followed(void)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/link", out);
	tap_int_eq(symlink("../victim", path), 0);
	snprintf(path, sizeof(path), "file:%s/link", out);
	tap_ok(open_it(path) < 0);
	tap_int_eq(lstat(at("victim"), &st), -1);

	tap_int_eq(mkdir(at("outside"), 0755), 0);
	snprintf(path, sizeof(path), "%s/dirlink", out);
	tap_int_eq(symlink("../outside", path), 0);
	snprintf(path, sizeof(path), "file:%s/dirlink/x", out);
	tap_ok(open_it(path) < 0);
	tap_int_eq(lstat(at("outside/x"), &st), -1);

	tap_ok(open_it("file:../x") < 0);
	tap_ok(open_it("file:/etc/waylay-test") < 0);
	snprintf(path, sizeof(path), "file:%s/../victim", out);
	tap_ok(open_it(path) < 0);
	tap_int_eq(lstat(at("victim"), &st), -1);
}

static int reader(const char *name, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", out, name);
	tap_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (type == SOCK_STREAM)
		tap_int_eq(listen(fd, 1), 0);
	return fd;
}

static void a_reader_that_does_not_read_costs_lines_and_no_line_is_torn(void)
{
	_cleanup_close_ int server = reader("stream", SOCK_STREAM), peer = -EBADF;
	static char text[9000], got[1 << 20];
	unsigned sent = 0, lost = 0;
	struct sink sink = { 0 };
	struct wl_err err;
	char spec[128];
	ssize_t n, len = 0;

	memset(text, 'x', sizeof(text) - 2);
	text[sizeof(text) - 2] = '\n';
	snprintf(spec, sizeof(spec), "unix:%s/stream", out);
	tap_int_eq(sink_open(cap, "box", spec, &sink, &err), 0);
	tap_int_eq(sink.kind, SINK_STREAM);
	peer = accept(server, NULL, NULL);
	for (; sent < 200; sent += 10)
		lost += put(&sink, text, 10);
	tap_ok(lost > 0 && lost < 200);
	/* It reads again: everything that was not lost arrives, whole lines. */
	while ((n = recv(peer, got + len, sizeof(got) - (size_t)len, MSG_DONTWAIT)) > 0)
		len += n;
	tap_int_eq(put(&sink, LINE, 1), 0);
	while ((n = recv(peer, got + len, sizeof(got) - (size_t)len, MSG_DONTWAIT)) > 0)
		len += n;
	tap_int_eq(len, (200 - lost) * (sizeof(text) - 1) + strlen(LINE));
	tap_ok(memcmp(got + len - strlen(LINE), LINE, strlen(LINE)) == 0);
	sink_done(&sink);
}

static void a_datagram_socket_gets_a_line_each_and_its_end_is_survived(void)
{
	int server = reader("dgram", SOCK_DGRAM);
	struct sink sink = { 0 };
	struct wl_err err;
	char spec[128], got[256];

	snprintf(spec, sizeof(spec), "unix:%s/dgram", out);
	tap_int_eq(sink_open(cap, "box", spec, &sink, &err), 0);
	tap_int_eq(sink.kind, SINK_DATAGRAM);
	tap_int_eq(put(&sink, LINE, 2), 0);
	tap_int_eq(recv(server, got, sizeof(got), MSG_DONTWAIT), strlen(LINE));
	tap_int_eq(recv(server, got, sizeof(got), MSG_DONTWAIT), strlen(LINE));
	fd_close(server);
	tap_int_eq(put(&sink, LINE, 3), 3);
	sink_done(&sink);
}

static void a_full_disk_loses_lines_and_tears_none(void)
{
	struct rlimit limit = { .rlim_cur = 10 * strlen(LINE) + 5, .rlim_max = RLIM_INFINITY };
	struct sink sink = { 0 };
	struct wl_err err;
	struct stat st;
	char spec[128];

	/* A file size limit is a full disk that any test can have: EFBIG after a short write. */
	signal(SIGXFSZ, SIG_IGN);
	snprintf(spec, sizeof(spec), "file:%s/full", out);
	tap_int_eq(sink_open(cap, "box", spec, &sink, &err), 0);
	tap_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	tap_int_eq(put(&sink, LINE, 8), 0);
	tap_int_eq(put(&sink, LINE, 5), 3);
	tap_int_eq(fstat(sink.fd, &st), 0);
	tap_int_eq(st.st_size, 10 * strlen(LINE));
	limit.rlim_cur = RLIM_INFINITY;
	tap_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	tap_int_eq(put(&sink, LINE, 1), 0);
	tap_int_eq(fstat(sink.fd, &st), 0);
	tap_int_eq(st.st_size, 11 * strlen(LINE));
	sink_done(&sink);
}

int main(void)
{
	char command[128];

	strcpy(dir, "/tmp/waylay-sink-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(out, sizeof(out), "%s/out", dir);
	mkdir(out, 0755);
	load_cap();
	TAP_RUN(a_new_file_is_made_below_the_containers_own_directory);
	TAP_RUN(what_waylay_did_not_make_is_never_written_to);
	TAP_RUN(no_link_and_no_way_out_is_followed);
	TAP_RUN(a_reader_that_does_not_read_costs_lines_and_no_line_is_torn);
	TAP_RUN(a_datagram_socket_gets_a_line_each_and_its_end_is_survived);
	TAP_RUN(a_full_disk_loses_lines_and_tears_none);
	cap_freep(&cap);
	snprintf(command, sizeof(command), "rm -rf -- '%s'", dir);
	return system(command) != 0 || TAP_DONE();
}
