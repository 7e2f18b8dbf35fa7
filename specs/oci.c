/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI documents that waylay reads. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/buf.h"
#include "arch/base/cleanup.h"
#include "specs/oci.h"

/* The id becomes part of file names and lines of text: nothing in it may mean something there. */
bool oci_id_is_valid(const char *id)
{
	size_t len = strlen(id);

	if (len == 0 || len > 255 || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return false;
	for (const char *p = id; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.+-", *p))
			return false;
	return true;
}

void oci_state_free(struct oci_state *state)
{
	if (!state)
		return;
	free(state->id);
	free(state->status);
	free(state->bundle);
	json_free(state->doc);
	free(state);
}

static int check_id(const struct json *doc, struct wl_err *err)
{
	const char *id = json_get_string(doc, "id");

	if (!id)
		return wl_err_say(err, -EINVAL,
				  "container state: no \"id\"; this reads what an OCI runtime "
				  "gives to hooks");
	if (!oci_id_is_valid(id))
		return wl_err_say(
			err, -EINVAL,
			"container id '%.80s': not 1 to 255 characters of A-Z a-z 0-9 _ . + -", id);
	return 0;
}

int oci_state_from_json(struct json *take_doc, struct oci_state **ret, struct wl_err *err)
{
	_cleanup_(oci_state_freep) struct oci_state *state = calloc(1, sizeof(*state));
	const char *status = json_get_string(take_doc, "status");
	const char *bundle = json_get_string(take_doc, "bundle");
	int64_t pid = 0;
	int r;

	if (!state) {
		json_free(take_doc);
		return wl_err_set(err, -ENOMEM, "container state");
	}
	state->doc = take_doc;
	r = check_id(take_doc, err);
	if (r < 0)
		return r;
	if (json_get_int(take_doc, "pid", 0, INT_MAX, &pid) == -EINVAL)
		return wl_err_say(err, -EINVAL, "container state: \"pid\" is no process id");
	state->pid = (pid_t)pid;
	state->id = strdup(json_get_string(take_doc, "id"));
	state->status = strdup(status ? status : "");
	if (bundle && bundle[0] == '/')
		state->bundle = strdup(bundle);
	if (!state->id || !state->status || (bundle && bundle[0] == '/' && !state->bundle))
		return wl_err_set(err, -ENOMEM, "container state");
	state->annotations = json_get(take_doc, "annotations");
	*ret = TAKE_PTR(state);
	return 0;
}

int oci_state_read(int fd, struct oci_state **ret, struct wl_err *err)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json *doc = NULL;
	char chunk[16384];
	ssize_t n;
	int r;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return wl_err_set(err, -errno, "read the container state");
		buf_append(&text, chunk, (size_t)n);
		if (text.failed)
			return wl_err_set(err, -ENOMEM, "container state");
		if (text.len > OCI_STATE_MAX)
			return wl_err_say(err, -E2BIG, "container state: larger than %u bytes",
					  OCI_STATE_MAX);
	}
	if (text.len == 0)
		return wl_err_say(
			err, -EINVAL,
			"container state: nothing on stdin; an OCI runtime writes it there");
	r = json_parse(text.data, text.len, "container state", &doc, err);
	return r < 0 ? r : oci_state_from_json(doc, ret, err);
}

static bool has_user_namespace(const struct json *linux_part)
{
	const struct json *list = json_get(linux_part, "namespaces");

	for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->u.list.n; i++) {
		const char *type = json_get_string(list->u.list.items[i], "type");

		if (type && strcmp(type, "user") == 0)
			return true;
	}
	return false;
}

int oci_config_load_file(const char *path, struct oci_config **ret, struct wl_err *err)
{
	_cleanup_(oci_config_freep) struct oci_config *config = calloc(1, sizeof(*config));
	const struct json *linux_part;
	int r;

	if (!config)
		return wl_err_set(err, -ENOMEM, "'%s'", path);
	r = json_load(path, &config->doc, err);
	if (r < 0)
		return r;
	if (config->doc->type != JSON_OBJECT)
		return wl_err_say(err, -EINVAL, "'%s' is no OCI configuration: it holds %s", path,
				  json_type_name(config->doc->type));
	linux_part = json_get(config->doc, "linux");
	config->annotations = json_get(config->doc, "annotations");
	config->seccomp = json_get(linux_part, "seccomp");
	if (config->seccomp && config->seccomp->type == JSON_NULL)
		config->seccomp = NULL;
	config->no_new_privileges =
		json_get_bool(json_get(config->doc, "process"), "noNewPrivileges", false);
	config->has_userns = has_user_namespace(linux_part);
	*ret = TAKE_PTR(config);
	return 0;
}

int oci_config_load(const char *bundle, struct oci_config **ret, struct wl_err *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/config.json", bundle) < 0) {
		path = NULL;
		return wl_err_set(err, -ENOMEM, "'%s'", bundle);
	}
	return oci_config_load_file(path, ret, err);
}

void oci_config_free(struct oci_config *config)
{
	if (!config)
		return;
	json_free(config->doc);
	free(config);
}
