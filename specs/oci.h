/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI documents that waylay reads: container state and config.json. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "arch/base/err.h"
#include "specs/json.h"

#define OCI_STATE_MAX (1u << 20)

struct oci_state {
	char *id;	  /* owned; checked: [A-Za-z0-9_.+-]{1,255}, not "." or ".." */
	char *status;	  /* owned; "creating", ... or "" */
	char *bundle;	  /* owned; absolute, or NULL (crun may say ".") */
	pid_t pid;	  /* 0 if not given */
	struct json *doc; /* owned; the whole document */
	const struct json *annotations; /* in doc; NULL if the runtime left them out */
};

/* Reads stdin-like fd to its end (at most OCI_STATE_MAX) and parses. */
int oci_state_read(int fd, struct oci_state **ret, struct wl_err *err);
int oci_state_from_json(struct json *take_doc, struct oci_state **ret, struct wl_err *err);
void oci_state_free(struct oci_state *state);
static inline void oci_state_freep(struct oci_state **s)
{
	oci_state_free(*s);
}
bool oci_id_is_valid(const char *id);

struct oci_config {
	struct json *doc;		/* owned */
	const struct json *annotations; /* in doc, or NULL */
	const struct json *seccomp;	/* linux.seccomp, or NULL */
	bool no_new_privileges;
	bool has_userns; /* linux.namespaces has "user" */
};

/* Loads <bundle>/config.json. */
int oci_config_load(const char *bundle, struct oci_config **ret, struct wl_err *err);
int oci_config_load_file(const char *path, struct oci_config **ret, struct wl_err *err);
void oci_config_free(struct oci_config *config);
static inline void oci_config_freep(struct oci_config **c)
{
	oci_config_free(*c);
}
