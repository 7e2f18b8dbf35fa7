/* SPDX-License-Identifier: Apache-2.0 */
/* The short-lived process that holds a container's init from the hook's return to the program's exec. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "specs/cap.h"
#include "specs/policy.h"

/* Everything is borrowed; the installer has its own copy after the fork. */
struct installer {
	const char *id;
	const char *bundle;
	pid_t pid;
	uint64_t start_time;
	bool has_profile;
	const struct policy *policy;
	const struct cap *cap;
	const char *socket_path; /* NULL: the cap's */
	const char *config_path; /* NULL: the default */
	int listener; /* connected, the policy accepted; -EBADF: nothing of the policy needs a listener */
};

/* Forks the installer and returns once it holds init: then nothing of the container can run before its
 * filter is loaded. Failures that come later reach the user as the runtime's own error, with the reason on
 * init's stderr, in syslog and in <state_dir>/failed/<id>. */
int installer_start(const struct installer *what, struct wl_err *err);
