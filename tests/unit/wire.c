/* SPDX-License-Identifier: Apache-2.0 */
/* specs/wire.h: messages of runtimes and our own, in any pieces, and what hostile peers send. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "arch/base/sock.h"
#include "arch/kernel.h"
#include "specs/base64.h"
#include "specs/wire.h"
#include "tests/unit/tap.h"

static int notify_fd = -1;

static const struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };

/* A listener of this process, whose filter never notifies. */
static void make_notify_fd(void)
{
	struct sock_fprog prog = { .len = 1, .filter = (struct sock_filter *)allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	notify_fd = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

struct pair {
	int ours, theirs;
	struct wire_reader *reader;
};

static struct pair make_pair(void)
{
	int fds[2] = { -1, -1 };

	tap_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	return (struct pair){ fds[0], fds[1], wire_reader_new() };
}

static void end_pair(struct pair *p)
{
	wire_reader_free(p->reader);
	fd_close(p->ours);
	fd_close(p->theirs);
}

/* Reads until a message, an error, or nothing more is there. */
static int feed(struct pair *p, struct wire_msg **ret, struct wl_err *err)
{
	*err = (struct wl_err){ 0 };
	for (int i = 0; i < 200; i++) {
		int r = wire_reader_feed(p->reader, p->ours, ret, err);

		if (r != 0)
			return r;
	}
	return 0;
}

/* As crun exec 1.8.1 sends it. */
static const char crun_text[] =
	"{\n  \"ociVersion\": \"0.2.0\",\n  \"fds\": [\n    \"seccompFd\"\n  ],\n"
	"  \"pid\": 0,\n  \"metadata\": \"a \\\"b\\\" } {\",\n  \"state\": {\n"
	"    \"ociVersion\": \"0.2.0\",\n    \"id\": \"c1\",\n    \"status\": "
	"\"running\",\n    \"pid\": 77,\n    \"bundle\": \".\",\n    "
	"\"annotations\": {\"x\": \"[\"}\n  }\n}\n";

static void a_runtimes_message_is_understood(void)
{
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;

	if (notify_fd < 0) {
		end_pair(&p);
		tap_skip("no notification fd to be had here");
	}
	tap_int_eq(sock_send(p.theirs, crun_text, strlen(crun_text), &notify_fd, 1), 0);
	tap_int_eq(feed(&p, &m, &err), 1);
	if (m) {
		tap_int_eq(m->step, WIRE_PLAIN);
		tap_str_eq(m->id, "c1");
		tap_int_eq(m->pid, 0);
		tap_int_eq(m->init, 77);
		tap_str_eq(m->bundle, ".");
		tap_str_eq(m->metadata, "a \"b\" } {");
		tap_ok(m->seccomp_fd >= 0 && !m->policy && m->profile.len == 0);
	}
	wire_msg_free(m);
	end_pair(&p);
}

static void a_message_may_come_byte_by_byte(void)
{
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;
	int before = open_fds(), r = 0;

	if (notify_fd < 0) {
		end_pair(&p);
		tap_skip("no notification fd to be had here");
	}
	for (size_t i = 0; i < strlen(crun_text) - 1; i++) {
		tap_int_eq(r, 0);
		sock_send(p.theirs, crun_text + i, 1, &notify_fd, i == 0);
		r = wire_reader_feed(p.reader, p.ours, &m, &err);
	}
	tap_int_eq(r, 1);
	wire_msg_free(m);
	tap_int_eq(open_fds(), before);
	end_pair(&p);
}

static struct policy *some_policy(void)
{
	struct policy *p = policy_new();
	struct wl_err err = { 0 };

	policy_parse_list(policy_add_rule(p, ACTION_TRACE, NULL),
			  "openat[path ~ \"/a\\\"b/*\"], @mount", "t", &err);
	return p;
}

static void our_own_steps_arrive_as_they_were_sent(void)
{
	struct bpf_prog profile = { .insns = (struct sock_filter *)allow, .len = 1 };
	struct policy *policy = some_policy();
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;
	struct buf a = { 0 }, b = { 0 };

	/* All in one piece: a hook connection carries several messages. */
	tap_int_eq(wire_send(p.theirs, WIRE_OFFER, "id1", 5, "/b", policy, NULL, -EBADF), 0);
	tap_int_eq(wire_send(p.theirs, WIRE_LOAD, "id2", 6, NULL, policy, &profile, -EBADF), 0);
	tap_int_eq(wire_send(p.theirs, WIRE_STARTED, "id3", 7, "/b", NULL, NULL, -EBADF), 0);
	tap_int_eq(wire_send(p.theirs, WIRE_ENDED, "id4", 0, NULL, NULL, NULL, -EBADF), 0);
	close(p.theirs);
	p.theirs = -EBADF;

	tap_int_eq(feed(&p, &m, &err), 1);
	tap_ok(m && m->step == WIRE_OFFER && m->pid == 5 && m->init == 5 && m->profile.len == 0);
	tap_str_eq(m ? m->bundle : NULL, "/b");
	policy_to_json(policy, &a);
	if (m)
		policy_to_json(m->policy, &b);
	tap_str_eq(b.data, a.data);
	wire_msg_free(m);
	m = NULL;
	tap_int_eq(feed(&p, &m, &err), 1);
	tap_ok(m && m->step == WIRE_LOAD && m->profile.len == 1 && !m->bundle && m->policy);
	tap_ok(m && m->profile.insns[0].k == SECCOMP_RET_ALLOW);
	wire_msg_free(m);
	m = NULL;
	tap_int_eq(feed(&p, &m, &err), 1);
	tap_ok(m && m->step == WIRE_STARTED && !m->policy);
	wire_msg_free(m);
	m = NULL;
	tap_int_eq(feed(&p, &m, &err), 1);
	tap_ok(m && m->step == WIRE_ENDED);
	tap_str_eq(m ? m->id : NULL, "id4");
	wire_msg_free(m);
	m = NULL;
	tap_int_eq(feed(&p, &m, &err), -EPIPE);
	tap_ok(!m);
	buf_done(&a);
	buf_done(&b);
	policy_free(policy);
	end_pair(&p);
}

static void a_load_carries_its_fd(void)
{
	struct policy *policy = some_policy();
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;

	if (notify_fd >= 0) {
		tap_int_eq(wire_send(p.theirs, WIRE_LOAD, "id", 6, NULL, policy, NULL, notify_fd),
			   0);
		tap_int_eq(feed(&p, &m, &err), 1);
		tap_ok(m && m->seccomp_fd >= 0 && fcntl(m->seccomp_fd, F_GETFD) & FD_CLOEXEC);
	}
	wire_msg_free(m);
	policy_free(policy);
	end_pair(&p);
}

#define STATE	   "\"state\":{\"id\":\"x\",\"pid\":1}"
#define META(text) "{\"fds\":[]," STATE ",\"metadata\":\"{\\\"waylay\\\":{" text "}}\"}"

static void broken_messages_end_the_connection_and_leak_nothing(void)
{
	static const struct {
		const char *text;
		int n_fds; /* /dev/null, that many times */
		const char *say;
	} rows[] = {
		{ "x", 0, "message: this is no JSON object" },
		{ "[1]", 1, "message: this is no JSON object" },
		{ "{]", 1,
		  "message: line 1, column 2: parse error: invalid object key (must be a string)" },
		{ "{}", 2, "message: state.id is no container id" },
		{ "{\"state\":{\"id\":\"../x\"}}", 0, "message: state.id is no container id" },
		{ "{\"state\":{\"id\":\"x\",\"pid\":\"1\"}}", 0,
		  "message of container x: a pid is no process id" },
		{ "{" STATE ",\"pid\":-2}", 0, "message of container x: a pid is no process id" },
		{ "{" STATE "}", 16, "message of container x: no seccompFd came with it" },
		{ "{" STATE "}", 17, "message: Message too long" },
		{ "{" STATE ",\"fds\":1}", 1, "message: \"fds\" is no array" },
		{ "{" STATE ",\"fds\":[1]}", 1, "message: \"fds\" is no array of strings" },
		{ "{" STATE ",\"fds\":[\"seccompFd\",\"seccompFd\"]}", 2,
		  "message: two fds of the name seccompFd" },
		{ "{" STATE ",\"fds\":[\"a\",\"seccompFd\"]}", 1,
		  "message: seccompFd is named but did not come with it" },
		{ "{" STATE ",\"fds\":[\"seccompFd\"]}", 1,
		  "message: the seccompFd is no seccomp notification fd" },
		{ META("\\\"version\\\":2"), 0,
		  "metadata: line 1, column 22: version 1 only is known here" },
		{ META("\\\"step\\\":\\\"ended\\\""), 0, "metadata: \"version\": 1 is missing" },
		{ META("\\\"version\\\":1,\\\"step\\\":\\\"x\\\""), 0,
		  "metadata: line 1, column 31: 'x' is none of plain, offer, load, started, "
		  "ended" },
		{ META("\\\"version\\\":1,\\\"x\\\":1"), 0,
		  "metadata: line 1, column 28: unknown key \"x\"; there are version, step, "
		  "policy, profile" },
		{ META("\\\"version\\\":1,\\\"step\\\":\\\"offer\\\""), 0,
		  "message of container x: step offer needs a policy" },
		{ META("\\\"version\\\":1,\\\"profile\\\":\\\"!!!!\\\""), 0,
		  "metadata: line 1, column 34: this is no filter in base64" },
		{ META("\\\"version\\\":1,\\\"profile\\\":\\\"AAAA\\\""), 0,
		  "metadata: line 1, column 34: this is no filter in base64" },
		{ META("\\\"version\\\":1,\\\"policy\\\":{\\\"version\\\":1,\\\"x\\\":1}"), 0,
		  "policy of the message: line 1, column 50: unknown key \"x\"; there are $schema, "
		  "version, "
		  "name, engine, on-listener-loss, events, record, rules" },
	};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[32];

	for (size_t i = 0; i < 32; i++)
		fds[i] = null;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pair p = make_pair();
		struct wire_msg *m = NULL;
		int before = open_fds();
		struct wl_err err;

		sock_send(p.theirs, rows[i].text, strlen(rows[i].text), fds, (size_t)rows[i].n_fds);
		tap_ok(feed(&p, &m, &err) < 0);
		tap_str_eq(err.msg, rows[i].say);
		tap_ok(!m);
		wire_reader_free(p.reader);
		p.reader = NULL;
		tap_int_eq(open_fds(), before);
		end_pair(&p);
	}
	close(null);
}

static void a_profile_that_the_kernel_would_refuse_is_refused(void)
{
	static const struct sock_filter bad[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
						  BPF_STMT(BPF_RET | BPF_K, 0) };
	struct bpf_prog profile = { .insns = (struct sock_filter *)bad, .len = 2 };
	struct policy *policy = some_policy();
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;

	tap_int_eq(wire_send(p.theirs, WIRE_LOAD, "id", 6, NULL, policy, &profile, -EBADF), 0);
	tap_int_eq(feed(&p, &m, &err), -EINVAL);
	tap_ok(strncmp(err.msg, "metadata: line 1, column ", 25) == 0);
	policy_free(policy);
	end_pair(&p);
}

static void fds_in_the_middle_of_a_message_are_refused(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), before = open_fds();
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;

	sock_send(p.theirs, "{\"a\"", 4, NULL, 0);
	tap_int_eq(feed(&p, &m, &err), 0);
	sock_send(p.theirs, ":1", 2, &null, 1);
	tap_int_eq(feed(&p, &m, &err), -EINVAL);
	tap_str_eq(err.msg, "message: fds in its middle");
	end_pair(&p);
	tap_int_eq(open_fds(), before);
	close(null);
}

static void fds_before_the_first_byte_of_a_message_belong_to_it(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	int before = open_fds();
	struct wl_err err;

	/* One batch of fds a message: a peer that sends white space with fds fills nothing up. */
	sock_send(p.theirs, " ", 1, &null, 1);
	tap_int_eq(feed(&p, &m, &err), 0);
	sock_send(p.theirs, " ", 1, &null, 1);
	tap_int_eq(feed(&p, &m, &err), -EINVAL);
	wire_reader_free(p.reader);
	p.reader = NULL;
	tap_int_eq(open_fds(), before);
	end_pair(&p);
	close(null);
}

static void a_cut_or_endless_message_is_refused(void)
{
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	char chunk[4096];
	struct wl_err err;
	size_t sent = 0;
	int r = 0;

	sock_send(p.theirs, "{\"a\":", 5, NULL, 0);
	close(p.theirs);
	p.theirs = -EBADF;
	tap_int_eq(feed(&p, &m, &err), -EINVAL);
	tap_str_eq(err.msg, "message: cut off after 5 bytes");
	end_pair(&p);

	p = make_pair();
	memset(chunk, ' ', sizeof(chunk));
	sock_send(p.theirs, "{", 1, NULL, 0);
	while (r == 0 && sent < 2 * WIRE_MAX) {
		sock_send(p.theirs, chunk, sizeof(chunk), NULL, 0);
		sent += sizeof(chunk);
		r = wire_reader_feed(p.reader, p.ours, &m, &err);
	}
	tap_int_eq(r, -E2BIG);
	/* Found out with the chunk that passes the limit. */
	tap_ok(sent >= WIRE_MAX && sent <= WIRE_MAX + sizeof(chunk));
	end_pair(&p);
}

static void answers_are_yes_or_an_error_with_its_code(void)
{
	struct wl_err no = { .code = -EPERM, .msg = "rule \"x\": not allowed" }, err = { 0 };
	struct pair p = make_pair();

	tap_int_eq(wire_send_ack(p.theirs, NULL), 0);
	tap_int_eq(wire_recv_ack(p.ours, 1000, &err), 0);
	tap_int_eq(wire_send_ack(p.theirs, &no), 0);
	tap_int_eq(wire_recv_ack(p.ours, 1000, &err), -EPERM);
	tap_str_eq(err.msg, no.msg);
	tap_int_eq(wire_recv_ack(p.ours, 20, &err), -ETIMEDOUT);
	sock_send(p.theirs, "{\"ok\":false}\n", 13, NULL, 0);
	tap_int_eq(wire_recv_ack(p.ours, 1000, &err), -EINVAL);
	sock_send(p.theirs, "{\"error\":\"x\",\"errno\":0}\n", 24, NULL, 0);
	tap_int_eq(wire_recv_ack(p.ours, 1000, &err), -EINVAL);
	close(p.theirs);
	p.theirs = -EBADF;
	tap_int_eq(wire_recv_ack(p.ours, 1000, &err), -EPIPE);
	end_pair(&p);
}

static void base64_has_one_spelling(void)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = { { "", "" },	{ "f", "Zg==" },	{ "fo", "Zm8=" },
		     { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe\xfd", "//79" } };
	static const char *const bad[] = { "Z",	   "Zg",       "Zg=",  "Zh==", "Zm9=",
					   "====", "Zg==Zg==", "Z===", "Zm 9", "Zm9\n" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf text = { 0 }, bytes = { 0 };

		buf_puts(&text, "");
		buf_puts(&bytes, "");
		base64_write(&text, rows[i].bytes, strlen(rows[i].bytes));
		tap_str_eq(text.data, rows[i].text);
		tap_int_eq(base64_read(&bytes, text.data, text.len), 0);
		tap_str_eq(bytes.data, rows[i].bytes);
		buf_done(&text);
		buf_done(&bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf bytes = { 0 };

		tap_int_eq(base64_read(&bytes, bad[i], strlen(bad[i])), -EINVAL);
		buf_done(&bytes);
	}
}

/* A question is no hand-over: nothing else of it counts, and its fds are closed. */
static void a_question_of_an_operator_comes_through_with_nothing_else(void)
{
	static const char text[] = "{\"waylay-control\":{\"do\":\"ps\"},\"fds\":[\"seccompFd\"]}\n";
	struct pair p = make_pair();
	struct wire_msg *m = NULL;
	struct wl_err err;
	int fds_before = open_fds(), fd = dup(2);

	tap_int_eq(sock_send(p.theirs, text, strlen(text), &fd, 1), 0);
	fd_close(fd);
	tap_int_eq(feed(&p, &m, &err), 1);
	tap_ok(m && m->control && !m->id && !m->policy && m->seccomp_fd < 0);
	tap_str_eq(m ? json_get_string(m->control, "do") : NULL, "ps");
	tap_int_eq(open_fds(), fds_before);
	wire_msg_free(m);
	m = NULL;
	tap_int_eq(sock_send(p.theirs, crun_text, strlen(crun_text), NULL, 0), 0);
	tap_int_eq(feed(&p, &m, &err), -EINVAL); /* the fd of the question is not its own */
	wire_msg_free(m);
	end_pair(&p);
}

int main(void)
{
	make_notify_fd();
	TAP_RUN(a_runtimes_message_is_understood);
	TAP_RUN(a_message_may_come_byte_by_byte);
	TAP_RUN(our_own_steps_arrive_as_they_were_sent);
	TAP_RUN(a_load_carries_its_fd);
	TAP_RUN(broken_messages_end_the_connection_and_leak_nothing);
	TAP_RUN(a_profile_that_the_kernel_would_refuse_is_refused);
	TAP_RUN(fds_in_the_middle_of_a_message_are_refused);
	TAP_RUN(fds_before_the_first_byte_of_a_message_belong_to_it);
	TAP_RUN(a_cut_or_endless_message_is_refused);
	TAP_RUN(answers_are_yes_or_an_error_with_its_code);
	TAP_RUN(base64_has_one_spelling);
	TAP_RUN(a_question_of_an_operator_comes_through_with_nothing_else);
	return TAP_DONE();
}
