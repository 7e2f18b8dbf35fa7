/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process: takes one call after the other, becomes its caller, acts, becomes itself again. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/kernel.h"
#include "plugin/handler.h"
#include "plugin/worker.h"
#include "plugin/worker_home.h"
#include "specs/handler_spec.h"

struct worker_self {
	struct home home;
	struct journal *journal;
	struct container *container;
	int control;
};

static void answer(struct slot *slot, const struct reply *reply)
{
	struct seccomp_notif_resp resp = { .id = slot->notif.id };

	if (reply->kind == REPLY_ERRNO)
		resp.error = -reply->errnum;
	else if (reply->kind == REPLY_RETURN)
		resp.val = reply->value;
	else if (reply->kind == REPLY_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else
		resp.id = 0;
	slot->resp = resp;
}

/* The slot, its job and rule if the message is about a call that waits for us, else NULL. */
static struct slot *find_work(struct worker_self *self, const struct worker_msg *msg,
			      struct request *ret)
{
	struct slot *slot;

	if (msg->slot >= JOURNAL_SLOTS)
		return NULL;
	slot = &self->journal->slots[msg->slot];
	if (atomic_load_explicit(&slot->state, memory_order_acquire) != SLOT_ACTING ||
	    slot->notif.id != msg->id || slot->job == 0 || slot->job > JOURNAL_JOBS)
		return NULL;
	*ret = (struct request){ .container = self->container,
				 .home = &self->home,
				 .id = slot->notif.id,
				 .received_ns = slot->received_ns,
				 .tid = (pid_t)slot->notif.pid,
				 .job = &self->journal->jobs[slot->job - 1] };
	if (ret->job->rule >= self->container->policy->n_rules)
		return NULL;
	ret->rule = &self->container->policy->rules[ret->job->rule];
	return slot;
}

static struct reply open_and_handle(const struct handler *handler, struct request *req)
{
	struct caller caller;
	struct reply reply;
	int r = caller_open(req->home, req->tid, &caller);

	/* Nobody is left to see the errno, or it is a host that is out of memory or fds. */
	if (r < 0)
		return reply_errno(r == -ESRCH ? EINTR : EIO);
	req->caller = &caller;
	reply = request_is_valid(req) ? handler->handle(req) : reply_errno(EINTR);
	req->caller = NULL;
	caller_done(&caller);
	return reply;
}

static int do_call(struct request *req, struct slot *slot)
{
	const struct handler *handler =
		req->rule->handler ? handler_find(req->rule->handler->name) : NULL;
	struct reply reply = reply_errno(ENOSYS);

	req->job->n_copies = req->job->text_len = 0;
	req->job->how[0] = '\0';
	if (handler && call_init(&req->call, &slot->notif.data) == 0)
		reply = open_and_handle(handler, req);
	answer(slot, &reply);
	return caller_leave(req->home);
}

static int do_undo(struct request *req, struct slot *slot)
{
	const struct handler *handler =
		req->rule->handler ? handler_find(req->rule->handler->name) : NULL;

	if (req->job->undo.kind && handler && handler->undo &&
	    call_init(&req->call, &slot->notif.data) == 0)
		handler->undo(req);
	req->job->undo.kind = 0;
	return caller_leave(req->home);
}

static int serve(struct worker_self *self)
{
	for (;;) {
		struct worker_msg msg;
		struct request req;
		struct slot *slot;
		ssize_t n = recv(self->control, &msg, sizeof(msg), 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		slot = n == sizeof(msg) ? find_work(self, &msg, &req) : NULL;
		if (!slot)
			continue;
		r = msg.flags & WORKER_UNDO ? do_undo(&req, slot) : do_call(&req, slot);
		atomic_store_explicit(&slot->state, SLOT_DONE, memory_order_release);
		if (send(self->control, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
			return errno == EPIPE ? 0 : -errno;
		if (r < 0)
			return r;
	}
}

int worker_run(struct journal *journal, struct container *container, int control)
{
	struct worker_self self = { .journal = journal,
				    .container = container,
				    .control = control };
	struct wl_err err = { 0 };
	int r = worker_home_init(&self.home, container->blob->init, &container->blob->userns, &err);

	if (r < 0) {
		log_error("container %s: %s", container->blob->id, err.msg);
		return r;
	}
	if (container->blob->userns.ino == 0)
		log_error("container %s: its user namespace is unknown (init %d); what needs a "
			  "capability gets EPERM",
			  container->blob->id, container->blob->init);
	r = serve(&self);
	if (r < 0)
		log_error("container %s: worker: %s", container->blob->id, strerror(-r));
	worker_home_done(&self.home);
	return r;
}
