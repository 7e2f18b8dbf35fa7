/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2) of a listed block device's file system, which the kernel refuses inside a user namespace. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "plugin/handlers/mount.h"
#include "plugin/handlers/rows.h"
#include "plugin/resolve.h"
#include "specs/device.h"

enum { ARG_SOURCE, ARG_TARGET, ARG_TYPE, ARG_MOUNT_FLAGS, ARG_DATA };

#define OTHER_MOUNTS \
	(MS_REMOUNT | MS_BIND | MS_MOVE | MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)

/* The next entry of a comma list, or NULL; blanks around it do not belong to it. */
static const char *next_entry(const char **list, size_t *ret_len)
{
	const char *at = *list + strspn(*list, ", \t\n"), *end = at + strcspn(at, ",");

	if (*at == '\0')
		return NULL;
	*list = end;
	while (end > at && strchr(" \t\n", end[-1]))
		end--;
	*ret_len = (size_t)(end - at);
	return at;
}

static bool find_type(const char *list, struct mount_work *w)
{
	size_t n = strlen(w->type), len;
	const char *e;

	while (n && (e = next_entry(&list, &len))) {
		if (len < n || memcmp(e, w->type, n) != 0)
			continue;
		w->is_shifted = len == n + 6 && memcmp(e + n, ":shift", 6) == 0;
		if (len == n || w->is_shifted)
			return true;
	}
	return false;
}

static bool is_listed_option(const char *list, const char *option, size_t n)
{
	const char *e;
	size_t len;

	while ((e = next_entry(&list, &len))) {
		if (len == n && memcmp(e, option, n) == 0)
			return true;
		/* "key=*" */
		if (len >= 2 && e[len - 1] == '*' && e[len - 2] == '=' && n >= len &&
		    memcmp(e, option, len - 1) == 0)
			return true;
	}
	return false;
}

static bool are_options_listed(const struct mount_work *w)
{
	const char *list = rule_option(w->req->rule, "options");

	for (const char *at = w->data; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") && !is_listed_option(list, at, strcspn(at, ",")))
			return false;
	return true;
}

/* mount(2) takes a page of data at most and ends it there. */
static int copy_data(struct mount_work *w)
{
	uint64_t addr = arg_word(&w->req->call, ARG_DATA);
	size_t room = JOB_TEXT - w->req->job->text_len;
	int r;

	if (addr == 0)
		return 0;
	r = request_copy_string(w->req, ARG_DATA, room < 4096 ? room : 4096, &w->data);
	/* A larger text cannot be one of our listed options. */
	return r == -ENAMETOOLONG ? -EINVAL : r;
}

static int copy_arguments(struct mount_work *w)
{
	int r = request_copy_string(w->req, ARG_SOURCE, 1024, &w->source);

	if (r == 0)
		r = copy_data(w);
	if (r == 0)
		r = request_copy_path(w->req, ARG_TARGET, &w->target);
	return r;
}

/* As the kernel would look: the caller's rights on every component and on the node itself. */
static int find_source(struct mount_work *w, int base, const char *path)
{
	_cleanup_close_ int fd = resolve_target(base, path);
	int mode = R_OK | (w->flags & MS_RDONLY ? 0 : W_OK);
	struct device_list list;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	if (faccessat(fd, "", mode, AT_EMPTY_PATH | AT_EACCESS) < 0)
		return -errno;
	if (device_list_parse(rule_option(w->req->rule, "devices"), &list, NULL) < 0 ||
	    !device_list_has(&list, 'b', major(st.st_rdev), minor(st.st_rdev)))
		return -EPERM;
	w->dev = st.st_rdev;
	return 0;
}

static int find_both(struct mount_work *w)
{
	const struct caller *c = w->req->caller;
	_cleanup_close_ int target_base = -EBADF, source_base = -EBADF;
	const char *source = w->source, *target = w->target;
	int r = caller_enter(c);

	if (r < 0)
		return r;
	target_base = resolve_base(c, AT_FDCWD, &target);
	source_base = resolve_base(c, AT_FDCWD, &source);
	r = caller_become(c, 0);
	if (r < 0)
		return r;
	w->target_fd = resolve_target(target_base, target);
	r = w->target_fd < 0 ? w->target_fd : 0;
	/* The kernel's order: the target's path, the capability, the rest. */
	if (r == 0 && !caller_has_cap(c, CAP_SYS_ADMIN))
		r = -EPERM;
	if (r == 0)
		r = find_source(w, source_base, source);
	return caller_unbecome(c) < 0 ? -EIO : r;
}

static struct reply mount_handle(struct request *req)
{
	struct mount_work w = { .req = req, .target_fd = -EBADF };
	int r;

	w.flags = arg_uint(&req->call, ARG_MOUNT_FLAGS);
	/* The old magic number in the upper half says nothing. */
	if ((w.flags & MS_MGC_MSK) == MS_MGC_VAL)
		w.flags &= ~MS_MGC_MSK;
	/* Without a user namespace the kernel can do it all itself. */
	if (w.flags & OTHER_MOUNTS || ns_id_eq(&req->caller->userns, &req->home->init_userns) ||
	    arg_word(&req->call, ARG_TYPE) == 0)
		return request_left_to_profile(req);
	r = request_copy_string(req, ARG_TYPE, 128, &w.type);
	if (r == -ENAMETOOLONG)
		return reply_errno(ENODEV);
	if (r < 0)
		return reply_errno(r);
	/* Safe: whatever the memory says by then, the profile permits the call, and the kernel looks at the
	 * caller's own rights. */
	if (!find_type(rule_option(req->rule, "filesystems"), &w))
		return request_left_to_profile(req);
	r = copy_arguments(&w);
	if (r == 0)
		r = find_both(&w);
	if (r == 0 && !are_options_listed(&w))
		r = -EPERM;
	if (r == 0)
		r = caller_leave(req->home);
	if (r == 0)
		r = request_is_valid(req) ? mount_make(&w) : -EINTR;
	fd_close(w.target_fd);
	return r < 0 ? reply_errno(r) : reply_return(0);
}

const struct handler handler_mount = {
	.name = "mount",
	.handle = mount_handle,
	.undo = mount_undo,
};
