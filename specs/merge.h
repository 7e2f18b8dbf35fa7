/* SPDX-License-Identifier: Apache-2.0 */
/* Profile + plan -> the one merged filter. DESIGN: HACKING.md, "The merge". */
#pragma once

#include "arch/bpf/bpf.h"
#include "specs/plan.h"

struct merge_stats {
	unsigned profile_len, merged_len; /* instructions */
	unsigned notified;		  /* calls (ABI, nr) that can be notified */
};

/* Compiles the merged filter. `profile` NULL: no profile (everything allowed). The result answers for
 * every (arch, nr, arguments) what profile and rules together say:
 * - observe: ALLOW/LOG and ERRNO become USER_NOTIF, KILL/TRAP/TRACE stay;
 * - restrict: the stronger of profile and rule, a plain return; notified instead if also observed;
 * - override: constant answers (errno, return 0, allow) as plain returns unless observed, others notified;
 * - a condition on memory counts as true here (the listener decides);
 * - if anything is notified: seccomp(SET_MODE_FILTER, flags & NEW_LISTENER, non-NULL) is ERRNO(EBUSY) on
 *   every ABI;
 * - calls of GROUP_NEVER keep the profile's verdict.
 * Errors: -E2BIG (which rules to drop), -EBUSY (the profile itself notifies), -EINVAL. */
int merge_compile(const struct bpf_prog *profile, const struct plan *plan,
		  struct bpf_prog *ret_prog, struct merge_stats *ret_stats, struct wl_err *err);

/* True if the merged filter can return USER_NOTIF for any call. */
bool merge_needs_listener(const struct plan *plan);

/* The verdict that the merged filter must give for one call, computed without compiling: for the
 * installer's "does the runtime still need a denied call" check and for explain. */
uint32_t merge_verdict(const struct bpf_prog *profile, const struct plan *plan,
		       const struct seccomp_data *data);
