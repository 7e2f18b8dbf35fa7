/* SPDX-License-Identifier: Apache-2.0 */
/* What waylayd is told on its command line. Apart from listener.h because <getopt.h> and
 * specs/policy.h both have a struct option. */
#pragma once

#include <stdbool.h>

struct listener_options {
	const char *socket; /* absolute; NULL: systemd's, or as the host's configuration says */
	const char *policy, *events, *config;
	bool once;
};

/* Body of the listener. resume_fd: pair with a keeper that has everything, or -1: the first one. `argv`:
 * how the keeper starts a successor. Returns the exit status. */
int listener_main(const struct listener_options *options, int resume_fd, char **argv);
