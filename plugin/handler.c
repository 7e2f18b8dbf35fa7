/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handlers, and what every handler starts with. */
#include <errno.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "arch/mem.h"
#include "plugin/handler.h"
#include "plugin/handlers/rows.h"

const struct handler *const handlers[] = {
	&handler_mknod,
	&handler_mount,
	NULL,
};

const struct handler *handler_find(const char *name)
{
	for (unsigned i = 0; handlers[i]; i++)
		if (strcmp(handlers[i]->name, name) == 0)
			return handlers[i];
	return NULL;
}

bool request_is_valid(const struct request *req)
{
	return notif_id_valid(req->container->notify_fd, req->id) == 0;
}

#define ERRNO_MAX 4095

struct reply request_left_to_profile(const struct request *req)
{
	uint32_t verdict = SECCOMP_RET_ALLOW, data;

	if (req->container->profile.len)
		verdict = bpf_run(&req->container->profile, &req->call.data, NULL);
	data = verdict & SECCOMP_RET_DATA;
	/* The kernel caps an errno in a filter's answer; in a listener's it does not. */
	if ((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		return data ? reply_errno((int)(data < ERRNO_MAX ? data : ERRNO_MAX))
			    : reply_return(0);
	if ((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE)
		return reply_errno(ENOSYS);
	if (bpf_action_rank(verdict) < bpf_action_rank(SECCOMP_RET_LOG))
		return reply_errno(EPERM);
	return reply_continue();
}

int request_copy_string(struct request *req, unsigned arg, size_t max, const char **ret)
{
	struct job *job = req->job;
	struct mem mem = mem_of_task(req->tid);
	char *at = job->text + job->text_len;
	struct job_copy *copy;
	ssize_t len;

	if (job->n_copies == ARRAY_SIZE(job->copies) || max > sizeof(job->text) - job->text_len)
		return -E2BIG;
	len = mem_read_string(&mem, arg_word(&req->call, arg), at, max);
	if (len < 0 && len != -ENAMETOOLONG)
		return (int)len;
	copy = &job->copies[job->n_copies++];
	*copy = (struct job_copy){ .arg = arg, .offset = job->text_len };
	copy->len = (uint32_t)strlen(at);
	copy->is_cut = len < 0;
	job->text_len += copy->len + 1;
	*ret = at;
	return len < 0 ? (int)len : 0;
}

int request_copy_path(struct request *req, unsigned arg, const char **ret)
{
	const char *path;
	int r = request_copy_string(req, arg, PATH_MAX, &path);

	if (r < 0)
		return r;
	if (path[0] == '\0')
		return -ENOENT;
	*ret = path;
	return 0;
}
