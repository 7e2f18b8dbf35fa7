/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in few words: "trace LIST", "deny LIST", ... */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specs/policy.h"

#define ERRNO_E 7 /* of deny */
#define ERRNO_V 9 /* of errno */

/* NULL at the end. Items without an errno of their own get the two above; return gives 5. */
static inline struct policy *policy_of(enum engine engine, const char *const *rules)
{
	struct policy *policy = policy_new();

	policy->engine = engine;
	for (; *rules; rules++) {
		struct wl_err err = { 0 };
		char name[16];
		const char *list = strchr(*rules, ' ') + 1;
		struct rule *rule = NULL;

		for (unsigned a = 0; a < ACTION_COUNT; a++) {
			snprintf(name, sizeof(name), "%s ", action_rows[a].name);
			if (strncmp(*rules, name, strlen(name)) == 0)
				rule = policy_add_rule(policy, (enum action)a, *rules);
		}
		if (!rule || policy_parse_list(rule, list, "test", &err) < 0) {
			fprintf(stderr, "%s: %s\n", *rules, err.msg);
			abort();
		}
		rule->errnum = rule->action == ACTION_DENY ? ERRNO_E : ERRNO_V;
		rule->value = 5;
	}
	return policy;
}
