/* SPDX-License-Identifier: Apache-2.0 */
/* A container as listener and workers know it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/container.h"

#define BLOB_MAX (8u << 20)

/* Zero if it cannot be known. */
static struct ns_id userns_of(pid_t init)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ns_id id = { 0 };
	char task[16];

	snprintf(task, sizeof(task), "%d", init);
	if (init > 0)
		ns_id_of(proc, task, "user", &id);
	return id;
}

static void write_blob(struct container_blob *blob, const struct container_info *info,
		       const struct buf *json, uint32_t size)
{
	uint32_t profile_len = info->profile ? info->profile->len : 0;
	char *base = (char *)blob;

	blob->size = size;
	blob->key = info->key;
	blob->init = info->init;
	blob->userns = userns_of(info->init);
	blob->on_loss = info->policy->on_loss;
	blob->shard = info->shard;
	blob->sink_kind = info->sink_kind;
	blob->started = info->is_started;
	blob->is_hooked = info->is_hooked;
	blob->since_ns = info->since_ns;
	snprintf(blob->id, sizeof(blob->id), "%s", info->id);
	blob->profile_offset = sizeof(*blob);
	blob->profile_len = profile_len;
	if (profile_len)
		memcpy(base + blob->profile_offset, info->profile->insns,
		       profile_len * sizeof(struct sock_filter));
	blob->policy_offset =
		blob->profile_offset + profile_len * (uint32_t)sizeof(struct sock_filter);
	blob->policy_len = (uint32_t)json->len;
	memcpy(base + blob->policy_offset, json->data, json->len);
	blob->magic = CONTAINER_MAGIC;
}

int container_blob_create(const struct container_info *info, int *ret_fd, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf json = { 0 };
	_cleanup_close_ int fd = -EBADF;
	struct container_blob *blob;
	size_t size;

	if (strlen(info->id) >= sizeof(blob->id))
		return wl_err_say(err, -EINVAL, "container id '%s' is too long", info->id);
	policy_to_json(info->policy, &json);
	if (json.failed || !json.data)
		return wl_err_set(err, -ENOMEM, "container %s", info->id);
	size = sizeof(*blob) + json.len +
	       (info->profile ? info->profile->len * sizeof(struct sock_filter) : 0);
	if (size > BLOB_MAX)
		return wl_err_say(err, -E2BIG, "container %s: policy of %zu bytes is too large",
				  info->id, json.len);

	fd = memfd_create("waylay-container", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return wl_err_set(err, -errno, "container %s: memfd", info->id);
	blob = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (blob == MAP_FAILED)
		return wl_err_set(err, -errno, "container %s: mmap", info->id);
	write_blob(blob, info, &json, (uint32_t)size);
	munmap(blob, size);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int map_blob(int fd, struct container_blob **ret)
{
	struct container_blob *blob;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(*blob) || st.st_size > BLOB_MAX)
		return -EINVAL;
	blob = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (blob == MAP_FAILED)
		return -errno;
	if (blob->magic != CONTAINER_MAGIC || blob->size != (uint64_t)st.st_size) {
		munmap(blob, (size_t)st.st_size);
		return -EINVAL;
	}
	*ret = blob;
	return 0;
}

static int parse_blob(struct container *c, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const char *base = (const char *)c->blob;
	char what[300];
	int r;

	snprintf(what, sizeof(what), "policy of container %s", c->blob->id);
	r = json_parse(base + c->blob->policy_offset, c->blob->policy_len, what, &doc, err);
	if (r < 0)
		return r;
	r = policy_from_json(doc, what, &c->policy, err);
	if (r < 0)
		return r;
	r = plan_new(c->policy, abi_native(), &c->plan, err);
	if (r < 0)
		return r;
	c->profile.len = c->blob->profile_len;
	c->profile.insns = (struct sock_filter *)(base + c->blob->profile_offset);
	if (c->profile.len == 0)
		return 0;
	return bpf_validate(c->profile.insns, c->profile.len, err);
}

int container_open(int blob_fd, int notify_fd, struct container **ret, struct wl_err *err)
{
	_cleanup_(container_freep) struct container *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return wl_err_set(err, -ENOMEM, "container");
	c->blob_fd = c->notify_fd = -EBADF;
	r = map_blob(blob_fd, &c->blob);
	if (r < 0)
		return wl_err_set(err, r, "container's memfd");
	c->key = c->blob->key;
	r = parse_blob(c, err);
	if (r < 0)
		return r;
	c->blob_fd = blob_fd;
	c->notify_fd = notify_fd;
	*ret = TAKE_PTR(c);
	return 0;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	plan_free(c->plan);
	policy_free(c->policy);
	if (c->blob)
		munmap(c->blob, c->blob->size);
	fd_close(c->blob_fd);
	fd_close(c->notify_fd);
	free(c);
}
