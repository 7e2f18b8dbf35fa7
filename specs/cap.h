/* SPDX-License-Identifier: Apache-2.0 */
/* The host's cap: what containers may ask for (/etc/waylay/waylay.json). */
#pragma once

#include <stdbool.h>

#include "arch/base/err.h"
#include "specs/policy.h"

#define CAP_DEFAULT_PATH WAYLAY_SYSCONFDIR "/waylay/waylay.json"

/* Where events may go beside files and sockets: shared with the host and without a limit of size. */
enum cap_sink { CAP_SINK_JOURNALD, CAP_SINK_STDERR, CAP_SINK_COUNT };
extern const char *const cap_sinks[CAP_SINK_COUNT + 1]; /* names; NULL at the end */

struct cap {
	char *path;	  /* where it came from, for messages; NULL: built in */
	uint32_t actions; /* bit per enum action that may be asked for */
	struct cap_handler {
		const struct handler_spec *spec;
		bool is_free; /* "*": whatever its options */
		struct handler_option
			*limits; /* key -> list of what is allowed, or "*"; absent: the default */
		size_t n_limits;
	} * handlers; /* handlers that may be asked for; "*" gives all */
	size_t n_handlers;
	bool all_handlers;
	char **output_dirs; /* absolute; outputs by absolute path must lie below one */
	size_t n_output_dirs;
	unsigned sinks;	  /* bit per enum cap_sink: outputs that are no file of the container's */
	char *log_dir;	  /* relative outputs go to <log_dir>/<container id>/; /var/log/waylay */
	char *policy_dir; /* /etc/waylay/policies */
	char *socket;	  /* host's listener; /run/waylay/waylay.sock */
	char *state_dir;  /* private sockets, failed/; /run/waylay */
	bool require_exec_coverage;
};

/* Loads path; path NULL: the default place, where a missing file means the built-in default (observe,
 * deny, kill, engine, events and record below log_dir; no override). A file that others than root can
 * write is refused. */
int cap_load(const char *path, struct cap **ret, struct wl_err *err);
/* Not named cap_free: libcap has that name, and a static library's would silently take its place. */
void cap_discard(struct cap *cap);
static inline void cap_freep(struct cap **c)
{
	cap_discard(*c);
}

/* -EPERM with key, value and cap for the first thing that the policy asks above the cap. Called by the
 * hook (early message) and by the listener for every policy that arrives with an fd (enforcement). */
int cap_check(const struct cap *cap, const struct policy *policy, struct wl_err *err);

/* Where an output ("file:NAME", as in policy->events) really goes: *ret_dir (absolute, owned) and
 * *ret_name (relative, owned), to be opened below that directory with RESOLVE_BENEATH|NO_SYMLINKS.
 * -EPERM outside the allowed directories, -EINVAL for a container id that is no plain name. */
int cap_output(const struct cap *cap, const char *container_id, const char *spec, char **ret_dir,
	       char **ret_name, struct wl_err *err);
