/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of policies share: annotations, policy files, the host's cap. */
#pragma once

#include "specs/policy.h"

extern const char *const engine_names[];  /* by enum engine, NULL at the end */
extern const char *const on_loss_names[]; /* by enum on_loss, NULL at the end */

void call_item_done(struct call_item *item);
bool policy_has_rule(const struct policy *policy, const char *name);
/* -E2BIG if there are more items or bound conditions than a policy may have. */
int policy_check_size(const struct policy *policy, struct wl_err *err);
int policy_too_many_bound(struct wl_err *err);
/* Checks against the handler's row and appends. */
int rule_set_option(struct rule *rule, const char *key, const char *value, struct wl_err *err);
/* Sinks: "file:NAME", "unix:NAME", "journald", "stderr". -EINVAL with the list. */
int policy_check_events(const char *value, struct wl_err *err);
/* -ENOSYS for what the grammar knows but this version does not do yet. */
int policy_check_supported(const struct policy *policy, struct wl_err *err);
