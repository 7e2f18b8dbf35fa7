/* SPDX-License-Identifier: Apache-2.0 */
/* mknod and mknodat: device nodes that the kernel refuses inside a user namespace. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/handlers/mknod.h"
#include "plugin/handlers/rows.h"
#include "specs/device.h"

#define DAC_CAPS (CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH))

/* Where each argument stands. */
static const struct mknod_form {
	const char *name;
	int dirfd; /* -1: none */
	uint8_t path, mode, dev;
} forms[] = {
	{ "mknod", -1, 0, 1, 2 },
	{ "mknodat", 0, 1, 2, 3 },
};

static const struct mknod_form *find_form(const struct call *call)
{
	for (size_t i = 0; call->def && i < ARRAY_SIZE(forms); i++)
		if (strcmp(forms[i].name, call->def->name) == 0)
			return &forms[i];
	return NULL;
}

static bool is_listed(const struct rule *rule, const struct mknod_work *w)
{
	struct device_list list;

	return device_list_parse(rule_option(rule, "devices"), &list, NULL) == 0 &&
	       device_list_has(&list, S_ISCHR(w->mode) ? 'c' : 'b', major(w->dev), minor(w->dev));
}

static bool is_allowed(const struct mknod_work *w)
{
	const struct rule *rule = w->req->rule;

	if (!is_listed(rule, w))
		return false;
	return strcmp(rule_option(rule, "require-cap"), "false") == 0 ||
	       caller_has_cap(w->req->caller, CAP_MKNOD);
}

void mknod_undo_begin(struct mknod_work *w, enum mknod_undo_kind kind)
{
	struct job *job = w->req->job;
	char link[40];
	size_t size = sizeof(job->undo.path), len = strcspn(w->place.last, "/");
	ssize_t n;

	/* Seen from the caller's root, where we stand. A directory outside it is "(unreachable)". */
	snprintf(link, sizeof(link), "thread-self/fd/%d", w->place.fd);
	n = readlinkat(w->req->home->proc, link, job->undo.path, size);
	if (n <= 0 || (size_t)n + 1 + len >= size || job->undo.path[0] != '/')
		return;
	job->undo.path[n] = '/';
	memcpy(job->undo.path + n + 1, w->place.last, len);
	job->undo.path[(size_t)n + 1 + len] = '\0';
	job->undo.a = job->undo.b = 0;
	__atomic_store_n(&job->undo.kind, (uint32_t)kind, __ATOMIC_RELEASE);
}

void mknod_undo_note(struct mknod_work *w, const struct stat *st)
{
	w->req->job->undo.a = st->st_dev;
	w->req->job->undo.b = st->st_ino;
}

/* The kernel's own mknod, with the ids and capabilities that are set. */
static int resolve_and_make(void *ctx)
{
	struct mknod_work *w = ctx;
	int r = resolve_parent(w->base, w->path, &w->place);

	if (r < 0)
		return r;
	return mknodat(w->place.fd, w->place.last, w->mode, w->dev) < 0 ? -errno : 0;
}

/* Every check but that for CAP_MKNOD, which is the kernel's last: -EPERM if all are passed. */
static int check_as_caller(struct mknod_work *w)
{
	const struct caller *c = w->req->caller;
	int r = resolve_and_make(w);

	if (r != -EACCES || !(c->status.cap_eff & DAC_CAPS) ||
	    ns_id_eq(&c->userns, &c->home->init_userns))
		return r;
	/* The caller's DAC capabilities count where owner and group are mapped in its user namespace, on
	 * each component: only the kernel can say. */
	w->place.fd = fd_close(w->place.fd);
	w->extra_caps = DAC_CAPS;
	if (caller_unbecome(c) < 0)
		return -EIO;
	r = caller_run_as(c, c->status.cap_eff, resolve_and_make, w);
	return caller_become(c, 0) < 0 ? -EIO : r;
}

static int make_node(struct mknod_work *w, struct stat *ret_st)
{
	int r = caller_set_caps(w->req->caller, CAP_BIT(CAP_MKNOD) | w->extra_caps);

	if (r == 0 && mknodat(w->place.fd, w->place.last, w->mode, w->dev) < 0)
		r = -errno;
	if (r == 0 && fstatat(w->place.fd, w->place.last, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0)
		mknod_undo_note(w, ret_st);
	return r;
}

/* Whether the node can be opened where it stands, without opening it: on a mount with nodev, or a
 * superblock of a user namespace (SB_I_NODEV, shown nowhere), the kernel says EACCES before it looks at
 * O_NOATIME, which it refuses to others than the owner: EPERM. Tried on 6.18: ext4, tmpfs, idmapped. */
static bool can_be_opened(struct mknod_work *w)
{
	struct caller stranger = *w->req->caller;
	bool is_blocked = true;
	int fd;

	stranger.status.uid[3] = stranger.status.uid[3] == 65534 ? 65533 : 65534;
	stranger.status.cap_eff = 0;
	stranger.status.n_groups = 0;
	if (caller_become(&stranger, DAC_CAPS) == 0) {
		fd = openat(w->place.fd, w->place.last,
			    O_RDONLY | O_NOATIME | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
		is_blocked = fd < 0 && errno == EACCES;
		fd_close(fd);
	}
	return !is_blocked;
}

static int remove_node(struct mknod_work *w, const struct stat *made)
{
	struct stat st;

	if (fstatat(w->place.fd, w->place.last, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (st.st_dev != made->st_dev || st.st_ino != made->st_ino)
		return -EEXIST;
	return unlinkat(w->place.fd, w->place.last, 0) < 0 ? -errno : 0;
}

/* As the caller at first; as the worker, or as whom it was, when it returns. */
static int make(struct mknod_work *w)
{
	const char *strategy = rule_option(w->req->rule, "strategy");
	struct job *job = w->req->job;
	struct stat st;
	int r = -EPERM;

	if (strcmp(strategy, "bind") != 0) {
		mknod_undo_begin(w, MKNOD_UNDO_NODE);
		r = make_node(w, &st);
		if (r == 0 && (strcmp(strategy, "node") == 0 || can_be_opened(w))) {
			snprintf(job->how, sizeof(job->how), "node");
			return 0;
		}
		if (caller_unbecome(w->req->caller) < 0)
			return -EIO;
		if (r == 0)
			r = remove_node(w, &st) ?: -EPERM;
		job->undo.kind = MKNOD_UNDO_NONE;
	} else if (caller_unbecome(w->req->caller) < 0) {
		return -EIO;
	}
	/* EPERM: an overlay mounted inside the user namespace, whose owner cannot make nodes either. */
	if (r != -EPERM || strcmp(strategy, "node") == 0)
		return r;
	r = mknod_bind(w);
	if (r == 0)
		snprintf(job->how, sizeof(job->how), "bind");
	return r;
}

static int mknod_as_caller(struct mknod_work *w, int dirfd)
{
	int r = caller_enter(w->req->caller);

	if (r < 0)
		return r;
	w->base = resolve_base(w->req->caller, dirfd, &w->path);
	/* A link of procfs is there, whatever is behind it. */
	if (w->path[0] == '\0')
		return w->base < 0 ? w->base : -EEXIST;
	r = caller_become(w->req->caller, 0);
	if (r == 0)
		r = check_as_caller(w);
	if (r == -EPERM && w->place.fd >= 0 && is_allowed(w))
		r = request_is_valid(w->req) ? make(w) : -EINTR;
	return caller_unbecome(w->req->caller) < 0 ? -EIO : r;
}

static struct reply mknod_handle(struct request *req)
{
	const struct mknod_form *form = find_form(&req->call);
	struct mknod_work w = { .req = req, .place.fd = -EBADF, .base = -EBADF };
	uint32_t dev;
	int r;

	if (!form)
		return reply_errno(ENOSYS);
	w.mode = (mode_t)(uint16_t)arg_uint(&req->call, form->mode);
	dev = arg_uint(&req->call, form->dev);
	/* 12 bits of major, 20 of minor: new_decode_dev(). */
	w.dev = makedev((dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00));
	/* Safe whatever the caller does meanwhile: type and device are registers, and what is no device,
	 * or a whiteout, the kernel makes with the caller's own rights. */
	if (!(S_ISCHR(w.mode) && w.dev != 0) && !S_ISBLK(w.mode))
		return request_left_to_profile(req);
	r = request_copy_path(req, form->path, &w.path);
	if (r < 0)
		return reply_errno(r);
	r = mknod_as_caller(&w, form->dirfd < 0 ? AT_FDCWD
						: arg_int(&req->call, (unsigned)form->dirfd));
	fd_close(w.base);
	fd_close(w.place.fd);
	return r < 0 ? reply_errno(r) : reply_return(0);
}

const struct handler handler_mknod = {
	.name = "mknod",
	.handle = mknod_handle,
	.undo = mknod_undo,
};
