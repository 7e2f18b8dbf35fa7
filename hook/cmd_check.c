/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay check`: is a policy file, or a host's configuration, right? */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_check.h"
#include "hook/commands.h"
#include "specs/cap_json.h"
#include "specs/plan.h"

/* A host's configuration has keys that no policy has. */
static bool is_host_config(const struct json *doc)
{
	static const char *const keys[] = { "allow",	 "output_dirs",		 "sinks",
					    "log_dir",	 "policy_dir",		 "socket",
					    "state_dir", "require_exec_coverage" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_get(doc, keys[i]))
			return true;
	return false;
}

static int check_policy(const struct json *doc, const char *path, const struct cap *cap,
			struct wl_err *err)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r;

	r = policy_from_json(doc, path, &policy, err);
	if (r < 0)
		return r;
	r = plan_new(policy, abi_native(), &plan, err);
	if (r == 0 && cap)
		r = cap_check(cap, policy, err);
	if (r < 0)
		return wl_err_prefix(err, r, "%s", path);
	printf("%s: a policy of %zu rule%s for %zu system call%s\n", path, policy->n_rules,
	       policy->n_rules == 1 ? "" : "s", plan->n_calls, plan->n_calls == 1 ? "" : "s");
	return 0;
}

static int check_file(const char *path, const struct cap *cap, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_(cap_freep) struct cap *host = NULL;
	int r;

	r = json_load(path, &doc, err);
	if (r < 0)
		return r;
	if (!is_host_config(doc))
		return check_policy(doc, path, cap, err);
	r = cap_from_json(doc, path, &host, err);
	if (r == 0)
		printf("%s: a host's configuration\n", path);
	return r;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { 0 } };
	_cleanup_(cap_freep) struct cap *cap = NULL;
	const char *config = NULL;
	struct wl_err err = { 0 };
	int status = COMMAND_OK, opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'c')
			return command_bad_usage("check", "bad option '%s'", argv[optind - 1]);
		config = optarg;
	}
	if (optind == argc)
		return command_bad_usage("check", "no file given");
	if (config && cap_load(config, &cap, &err) < 0) {
		log_error("check: %s", err.msg);
		return COMMAND_FAILED;
	}
	for (; optind < argc; optind++)
		if (check_file(argv[optind], cap, &err) < 0) {
			log_error("check: %s", err.msg);
			status = COMMAND_FAILED;
		}
	return status;
}
