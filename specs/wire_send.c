/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over message: composing it, and the answers. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "arch/base/sock.h"
#include "specs/base64.h"
#include "specs/keys.h"
#include "specs/wire.h"
#include "specs/wire_steps.h"

#define ACK_MAX 4096

static void write_metadata(struct buf *out, enum wire_step step, const struct policy *policy,
			   const struct bpf_prog *profile)
{
	buf_printf(out, "{\"waylay\":{\"version\":1,\"step\":\"%s\"", wire_step_names[step]);
	if (policy) {
		buf_puts(out, ",\"policy\":");
		policy_to_json(policy, out);
	}
	if (profile && profile->len > 0) {
		buf_puts(out, ",\"profile\":\"");
		base64_write(out, profile->insns, profile->len * sizeof(*profile->insns));
		buf_puts(out, "\"");
	}
	buf_puts(out, "}}");
}

static void write_message(struct buf *out, const char *metadata, const char *id, pid_t pid,
			  const char *bundle, bool has_fd)
{
	buf_printf(out, "{\"ociVersion\":\"1.0.2\",\"fds\":[%s],\"pid\":%d,\"metadata\":",
		   has_fd ? "\"seccompFd\"" : "", pid);
	buf_json_string(out, metadata);
	buf_puts(out, ",\"state\":{\"ociVersion\":\"1.0.2\",\"id\":");
	buf_json_string(out, id);
	buf_printf(out, ",\"status\":\"creating\",\"pid\":%d", pid);
	if (bundle) {
		buf_puts(out, ",\"bundle\":");
		buf_json_string(out, bundle);
	}
	buf_puts(out, "}}\n");
}

int wire_send(int sock, enum wire_step step, const char *id, pid_t pid, const char *bundle,
	      const struct policy *policy, const struct bpf_prog *profile, int seccomp_fd)
{
	_cleanup_(buf_done) struct buf metadata = { 0 }, text = { 0 };
	bool has_fd = seccomp_fd >= 0;

	write_metadata(&metadata, step, policy, profile);
	if (metadata.failed)
		return -ENOMEM;
	write_message(&text, metadata.data, id, pid, bundle, has_fd);
	if (text.failed)
		return -ENOMEM;
	if (text.len > WIRE_MAX)
		return -E2BIG;
	return sock_send(sock, text.data, text.len, &seccomp_fd, has_fd);
}

int wire_send_ack(int sock, const struct wl_err *err)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (err) {
		buf_puts(&text, "{\"error\":");
		buf_json_string(&text, err->msg);
		buf_printf(&text, ",\"errno\":%d}\n", err->code < 0 ? -err->code : EINVAL);
	} else {
		buf_puts(&text, "{\"ok\":true}\n");
	}
	if (text.failed)
		return -ENOMEM;
	return sock_send(sock, text.data, text.len, NULL, 0);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One line, or the reason why there is none. */
static int read_line(int sock, int timeout_ms, char *line, size_t size, struct wl_err *err)
{
	int64_t deadline = now_ms() + timeout_ms;
	size_t len = 0;

	while (len == 0 || line[len - 1] != '\n') {
		struct pollfd pfd = { .fd = sock, .events = POLLIN };
		int64_t left = deadline - now_ms();
		size_t no_fds = 0;
		ssize_t n;
		int r;

		r = poll(&pfd, 1, left > 0 ? (int)left : 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return wl_err_set(err, -errno, "wait for the listener's answer");
		if (r == 0)
			return wl_err_say(err, -ETIMEDOUT,
					  "the listener did not answer within %d ms", timeout_ms);
		if (len + 1 >= size)
			return wl_err_say(err, -EINVAL, "the listener's answer is too long");
		n = sock_recv(sock, line + len, size - 1 - len, NULL, &no_fds);
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return wl_err_set(err, (int)n, "read the listener's answer");
		if (n == 0)
			return wl_err_say(err, -EPIPE, "the listener hung up without an answer");
		len += (size_t)n;
	}
	line[len] = '\0';
	return 0;
}

int wire_recv_ack(int sock, int timeout_ms, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	char line[ACK_MAX];
	int64_t e = EINVAL;
	const char *text;
	int r;

	r = read_line(sock, timeout_ms, line, sizeof(line), err);
	if (r == 0)
		r = json_parse(line, strlen(line), "the listener's answer", &doc, err);
	if (r < 0)
		return r;
	if (json_get_bool(doc, "ok", false))
		return 0;
	text = json_get_string(doc, "error");
	if (!text || json_get_int(doc, "errno", 1, 4095, &e) < 0)
		return wl_err_say(err, -EINVAL, "the listener's answer is neither yes nor no");
	return wl_err_say(err, -(int)e, "%s", text);
}
