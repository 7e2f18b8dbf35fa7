/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents and host configurations: no text crashes the readers; an accepted policy survives the way
 * over the wire unchanged. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specs/cap_json.h"
#include "specs/plan.h"

static void must(bool cond, const char *what, const char *text)
{
	if (cond)
		return;
	fprintf(stderr, "policy: %s: %s\n", what, text);
	abort();
}

static void check_policy(const struct json *doc, const struct cap *cap)
{
	_cleanup_(policy_freep) struct policy *policy = NULL, *again = NULL;
	_cleanup_(buf_done) struct buf once = { 0 }, twice = { 0 };
	_cleanup_(json_freep) struct json *copy = NULL;
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct wl_err err = { 0 };

	if (policy_from_json(doc, "fuzz", &policy, &err) < 0) {
		must(err.msg[0] && !policy, "a failure without words", "");
		return;
	}
	policy_to_json(policy, &once);
	must(json_parse(once.data, once.len, "again", &copy, &err) == 0 &&
		     policy_from_json(copy, "again", &again, &err) == 0,
	     "does not come back", err.msg);
	policy_to_json(again, &twice);
	must(strcmp(once.data, twice.data) == 0, "comes back different", twice.data);
	must(plan_new(policy, abi_native(), &plan, &err) == 0, "a checked policy has no plan",
	     err.msg);
	if (cap)
		cap_check(cap, policy, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char cap_text[] = "{\"version\":1,\"allow\":{\"actions\":\"*\",\"handlers\":{"
				       "\"mknod\":{\"devices\":[\"c "
				       "1:3\",\"b 7:*\"]}}},\"output_dirs\":[\"/a\"]}";
	_cleanup_(json_freep) struct json *doc = NULL, *cap_doc = NULL;
	_cleanup_(cap_freep) struct cap *cap = NULL, *other = NULL;
	struct wl_err err = { 0 };

	if (json_parse((const char *)data, size, "fuzz", &doc, &err) < 0)
		return 0;
	must(json_parse(cap_text, strlen(cap_text), "cap", &cap_doc, &err) == 0 &&
		     cap_from_json(cap_doc, "cap", &cap, &err) == 0,
	     "the cap", err.msg);
	check_policy(doc, cap);
	cap_from_json(doc, "fuzz", &other, &err);
	return 0;
}
