/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: hand-overs from hooks and runtimes. A slow or hostile peer harms nobody else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/base/sock.h"
#include "plugin/control.h"
#include "plugin/listener.h"
#include "specs/wire.h"

#define CONNS_MAX  4096
#define SILENT_NS  (10ull * 1000000000) /* to the first complete message */
#define ENDED_NS   (10ull * 1000000000) /* for a container's last process to go */
#define SILENT_MAX 256 /* connections without a complete message; the oldest makes room */

struct conn {
	struct conn *next;
	int fd;			    /* owned */
	struct wire_reader *reader; /* owned */
	uint64_t since_ns;
	bool has_spoken;
	char *waits_for; /* owned; `ended` of this id is to be answered */
};

static void close_conn(struct listener *l, struct conn *conn)
{
	for (struct conn **p = &l->conns; *p; p = &(*p)->next)
		if (*p == conn) {
			*p = conn->next;
			break;
		}
	l->n_conns--;
	fd_close(conn->fd);
	wire_reader_free(conn->reader);
	free(conn->waits_for);
	free(conn);
}

void receive_done(struct listener *l)
{
	while (l->conns)
		close_conn(l, l->conns);
}

static bool is_permitted(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

/* New ones stand first, so the last silent one is the oldest. */
static void make_room(struct listener *l)
{
	struct conn *oldest = NULL;
	unsigned n = 0;

	for (struct conn *c = l->conns; c; c = c->next)
		if (!c->has_spoken) {
			oldest = c;
			n++;
		}
	if (n >= SILENT_MAX)
		close_conn(l, oldest);
}

void receive_accept(struct listener *l)
{
	_cleanup_close_ int fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *conn;

	if (fd < 0) {
		/* Out of fds: the peer stays in the backlog; do not spin over it. */
		if (errno == EMFILE || errno == ENFILE)
			usleep(1000);
		return;
	}
	if (!is_permitted(fd) || l->n_conns >= CONNS_MAX)
		return;
	make_room(l);
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return;
	conn->reader = wire_reader_new();
	ev.data.ptr = conn;
	if (!conn->reader || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		wire_reader_free(conn->reader);
		free(conn);
		return;
	}
	conn->fd = TAKE_FD(fd);
	conn->since_ns = event_now();
	conn->next = l->conns;
	l->conns = conn;
	l->n_conns++;
}

/* The policy that came with a runtime's hand-over: in waylay's form, as `waylay merge` writes it, or a
 * bare document. NULL: none. */
static int plain_policy(struct wire_msg *msg, struct policy **ret, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	int r;

	*ret = TAKE_PTR(msg->policy);
	if (*ret || !msg->metadata || msg->metadata[strspn(msg->metadata, " \t\r\n")] != '{')
		return 0;
	r = json_parse(msg->metadata, strlen(msg->metadata), "listenerMetadata", &doc, err);
	return r < 0 ? r : policy_from_json(doc, "listenerMetadata", ret, err);
}

/* A runtime's own hand-over. Its metadata is the policy, or there is --policy, or nothing says what is
 * to be done: then the fd is closed and the calls get ENOSYS, which is no permission. */
static int take_plain(struct listener *l, struct wire_msg *msg, struct wl_err *err)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	int r;

	if (msg->seccomp_fd < 0)
		return wl_err_say(err, -EINVAL, "container %s: no seccompFd came with it", msg->id);
	r = plain_policy(msg, &policy, err);
	if (r == 0 && policy)
		r = intake_check(l, msg->id, policy, err);
	if (r < 0)
		return r;
	if (!policy && !l->policy)
		return wl_err_say(
			err, -EINVAL,
			"container %s: no policy came with its notification fd; put one into "
			"linux.seccomp.listenerMetadata or give waylayd --policy",
			msg->id);
	return intake_add(l, msg, policy ? policy : l->policy, true, err);
}

static int take_offer(struct listener *l, const struct wire_msg *msg, struct wl_err *err)
{
	if (!msg->policy)
		return wl_err_say(err, -EINVAL, "container %s: an offer without a policy", msg->id);
	return intake_check(l, msg->id, msg->policy, err);
}

static int take_load(struct listener *l, struct wire_msg *msg, struct wl_err *err)
{
	int r;

	r = take_offer(l, msg, err);
	if (r < 0)
		return r;
	if (msg->seccomp_fd < 0)
		return wl_err_say(err, -EINVAL, "container %s: no seccompFd came with it", msg->id);
	return intake_add(l, msg, msg->policy, false, err);
}

/* Answered by receive_ended(). */
static bool wait_for_end(struct conn *conn, const char *id)
{
	free(conn->waits_for);
	conn->waits_for = strdup(id);
	conn->since_ns = event_now();
	return conn->waits_for != NULL;
}

/* An operator's question. An answer fits into the socket's buffer, unless the peer asks on without reading. */
static bool take_control(struct listener *l, struct conn *conn, const struct json *request)
{
	_cleanup_(buf_done) struct buf answer = { 0 };
	const char *awaited = NULL;
	struct wl_err err = { 0 };

	if (control_answer(l, request, &answer, &awaited, &err) < 0)
		return wire_send_ack(conn->fd, &err) == 0;
	if (awaited)
		return wait_for_end(conn, awaited);
	return !answer.failed && sock_send(conn->fd, answer.data, answer.len, NULL, 0) == 0;
}

/* False: the connection is to be closed. */
static bool take(struct listener *l, struct conn *conn, struct wire_msg *msg)
{
	struct wl_err err = { 0 };
	int r = -EINVAL;

	switch (msg->step) {
	case WIRE_PLAIN:
		r = take_plain(l, msg, &err);
		if (r < 0)
			log_error("%s", err.msg);
		return false; /* the specification: one message a connection */
	case WIRE_OFFER:
		r = take_offer(l, msg, &err);
		break;
	case WIRE_LOAD:
		r = take_load(l, msg, &err);
		break;
	case WIRE_STARTED:
		r = intake_started(l, msg->id, &err);
		break;
	case WIRE_ENDED:
		if (intake_has(l, msg->id))
			return wait_for_end(conn, msg->id);
		r = 0;
		break;
	}
	if (r < 0)
		log_error("%s", err.msg);
	return wire_send_ack(conn->fd, r < 0 ? &err : NULL) == 0;
}

/* At most one line a second: nonsense must not fill the log either. */
static void tell_refusal(struct listener *l, const char *text)
{
	uint64_t now = event_now();

	if (l->refused_ns && now - l->refused_ns < 1000000000u) {
		l->n_refused++;
		return;
	}
	log_error("message refused: %s (and %u like it)", text, l->n_refused);
	l->refused_ns = now;
	l->n_refused = 0;
}

void receive_readable(struct listener *l, struct conn *conn)
{
	struct wl_err err = { 0 };
	int r;

	for (;;) {
		_cleanup_(wire_msg_freep) struct wire_msg *msg = NULL;

		r = wire_reader_feed(conn->reader, conn->fd, &msg, &err);
		if (r == 0)
			return;
		if (r < 0)
			break;
		conn->has_spoken = true;
		l->had_message |= !msg->control; /* who only looks does not start a container */
		if (!(msg->control ? take_control(l, conn, msg->control) : take(l, conn, msg))) {
			r = -EPIPE;
			break;
		}
	}
	if (r != -EPIPE && r != -ECONNRESET) {
		tell_refusal(l, err.msg[0] ? err.msg : strerror(-r));
		wire_send_ack(conn->fd, &err);
	}
	close_conn(l, conn);
}

void receive_ended(struct listener *l, const char *id)
{
	struct conn *next;

	for (struct conn *c = l->conns; c; c = next) {
		next = c->next;
		if (!c->waits_for || strcmp(c->waits_for, id) != 0)
			continue;
		free(TAKE_PTR(c->waits_for));
		if (wire_send_ack(c->fd, NULL) < 0)
			close_conn(l, c);
	}
}

void receive_tick(struct listener *l)
{
	uint64_t now = event_now();
	struct conn *next;

	for (struct conn *c = l->conns; c; c = next) {
		uint64_t age = now - c->since_ns;

		next = c->next;
		if (c->waits_for && age > ENDED_NS) {
			struct wl_err err = { 0 };

			wl_err_say(&err, -EBUSY,
				   "container %s: processes with its filter are still alive",
				   c->waits_for);
			wire_send_ack(c->fd, &err);
			close_conn(l, c);
		} else if (!c->has_spoken && age > SILENT_NS)
			close_conn(l, c);
	}
}
