/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp of an OCI configuration -> cBPF, by libseccomp, as runc and crun do it. */
#include "specs/profile.h"

#include <ctype.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "arch/base/cleanup.h"

#define PROFILE_MAX_ARGS 6

static void release_ctx(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* Actions as the OCI specification names them. errnoRet goes to ERRNO and TRACE, EPERM by default. */
static const struct {
	const char *name;
	uint32_t action;
	bool takes_errno;
} action_names[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
};

static const struct {
	const char *name;
	enum scmp_compare op;
} compare_names[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

static int bad(const struct json *at, struct wl_err *err, const char *what)
{
	return wl_err_say(err, -EINVAL, "linux.seccomp, line %u, column %u: %s", at->line,
			  at->column, what);
}

static int notifies(struct wl_err *err)
{
	return wl_err_say(
		err, -EBUSY,
		"linux.seccomp sends notifications to a listener of its own; a filter has one "
		"listener: take listenerPath and SCMP_ACT_NOTIFY out of it");
}

static int get_action(const struct json *of, const char *key, const char *errno_key, uint32_t *ret,
		      struct wl_err *err)
{
	const char *name = json_get_string(of, key);
	int64_t errnum = EPERM;

	if (!name)
		return bad(of, err, "an action is missing");
	if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		return notifies(err);
	if (json_get_int(of, errno_key, 0, 0xffff, &errnum) == -EINVAL)
		return bad(of, err, "errnoRet is a number from 0 to 65535");
	for (size_t i = 0; i < ARRAY_SIZE(action_names); i++)
		if (strcmp(name, action_names[i].name) == 0) {
			*ret = action_names[i].action |
			       (action_names[i].takes_errno ? (uint32_t)errnum : 0);
			return 0;
		}
	return bad(json_get(of, key), err, "unknown action");
}

/* Native is there from the start; what the runtimes do not know they refuse, and so do we. */
static int add_arches(scmp_filter_ctx ctx, const struct json *arches, struct wl_err *err)
{
	for (size_t i = 0; arches && arches->type == JSON_ARRAY && i < arches->u.list.n; i++) {
		const struct json *item = arches->u.list.items[i];
		char name[32] = "";
		uint32_t token;
		int r;

		if (item->type == JSON_STRING &&
		    strncmp(item->u.string.text, "SCMP_ARCH_", 10) == 0)
			snprintf(name, sizeof(name), "%s", item->u.string.text + 10);
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		token = seccomp_arch_resolve_name(name);
		if (token == 0)
			return bad(item, err, "unknown architecture");
		r = seccomp_arch_add(ctx, token);
		if (r < 0 && r != -EEXIST)
			return wl_err_set(err, r, "architecture %s of linux.seccomp", name);
	}
	return 0;
}

static int get_u64(const struct json *of, const char *key, uint64_t *ret)
{
	const struct json *v = json_get(of, key);

	*ret = 0;
	if (!v)
		return 0;
	if (v->type != JSON_INT || (v->u.integer < 0 && !v->is_big))
		return -EINVAL;
	*ret = (uint64_t)v->u.integer;
	return 0;
}

static int get_arg(const struct json *arg, struct scmp_arg_cmp *ret, struct wl_err *err)
{
	const char *op = json_get_string(arg, "op");
	int64_t index = -1;
	uint64_t a, b;

	if (json_get_int(arg, "index", 0, PROFILE_MAX_ARGS - 1, &index) < 0)
		return bad(arg, err, "index is a number from 0 to 5");
	if (get_u64(arg, "value", &a) < 0 || get_u64(arg, "valueTwo", &b) < 0)
		return bad(arg, err, "value and valueTwo are numbers from 0 to 2^64 - 1");
	for (size_t i = 0; op && i < ARRAY_SIZE(compare_names); i++)
		if (strcmp(op, compare_names[i].name) == 0) {
			*ret = (struct scmp_arg_cmp){ (unsigned)index, compare_names[i].op, a, b };
			return 0;
		}
	return bad(arg, err, "unknown comparison");
}

struct profile_rule {
	uint32_t action;
	struct scmp_arg_cmp args[PROFILE_MAX_ARGS];
	unsigned n_args;
	bool is_any; /* several comparisons of one argument: the runtimes take each for a rule */
};

static int get_args(const struct json *args, struct profile_rule *rule, struct wl_err *err)
{
	unsigned seen = 0;

	for (size_t i = 0; args && args->type == JSON_ARRAY && i < args->u.list.n; i++) {
		int r;

		if (i == PROFILE_MAX_ARGS)
			return bad(args, err, "more than 6 comparisons in one rule");
		r = get_arg(args->u.list.items[i], &rule->args[i], err);
		if (r < 0)
			return r;
		rule->is_any = rule->is_any || seen & 1u << rule->args[i].arg;
		seen |= 1u << rule->args[i].arg;
		rule->n_args++;
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct profile_rule *rule, int nr)
{
	int r = 0;

	if (!rule->is_any)
		return seccomp_rule_add_array(ctx, rule->action, nr, rule->n_args, rule->args);
	for (unsigned i = 0; i < rule->n_args && r == 0; i++)
		r = seccomp_rule_add_array(ctx, rule->action, nr, 1, &rule->args[i]);
	return r;
}

static int add_calls(scmp_filter_ctx ctx, const struct json *entry, uint32_t default_action,
		     struct wl_err *err)
{
	const struct json *names = json_get(entry, "names");
	struct profile_rule rule = { 0 };
	int r = get_action(entry, "action", "errnoRet", &rule.action, err);

	if (r < 0)
		return r;
	if (!names || names->type != JSON_ARRAY)
		return bad(entry, err, "names is missing");
	r = get_args(json_get(entry, "args"), &rule, err);
	if (r < 0 || rule.action == default_action) /* libseccomp refuses what says nothing new */
		return r;
	for (size_t i = 0; i < names->u.list.n; i++) {
		const struct json *name = names->u.list.items[i];
		int nr;

		if (name->type != JSON_STRING)
			return bad(name, err, "a name is a string");
		nr = seccomp_syscall_resolve_name(name->u.string.text);
		if (nr == __NR_SCMP_ERROR)
			continue; /* not known to this libseccomp: skipped, as runtimes do */
		r = add_rule(ctx, &rule, nr);
		/* The first of two equal rules stands; runtimes report everything else. */
		if (r < 0 && r != -EEXIST)
			return wl_err_set(err, r, "linux.seccomp, line %u: rule for %s", name->line,
					  name->u.string.text);
	}
	return 0;
}

static int read_program(int fd, struct bpf_prog *ret_prog)
{
	_cleanup_free_ struct sock_filter *insns = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > (off_t)(BPF_MAXINSNS * sizeof(*insns)))
		return -E2BIG;
	insns = malloc((size_t)st.st_size);
	if (!insns)
		return -ENOMEM;
	if (pread(fd, insns, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	ret_prog->len = (unsigned)((size_t)st.st_size / sizeof(*insns));
	ret_prog->insns = TAKE_PTR(insns);
	return 0;
}

int profile_compile(const struct json *seccomp, struct bpf_prog *ret_prog, struct wl_err *err)
{
	_cleanup_(release_ctx) scmp_filter_ctx ctx = NULL;
	_cleanup_close_ int fd = -EBADF;
	const struct json *calls = json_get(seccomp, "syscalls");
	const char *listener = json_get_string(seccomp, "listenerPath");
	uint32_t action;
	int r;

	if (listener && *listener)
		return notifies(err);
	r = get_action(seccomp, "defaultAction", "defaultErrnoRet", &action, err);
	if (r < 0)
		return r;
	ctx = seccomp_init(action);
	if (!ctx)
		return wl_err_set(err, -ENOMEM, "linux.seccomp");
	r = add_arches(ctx, json_get(seccomp, "architectures"), err);
	for (size_t i = 0; r == 0 && calls && calls->type == JSON_ARRAY && i < calls->u.list.n; i++)
		r = add_calls(ctx, calls->u.list.items[i], action, err);
	if (r < 0)
		return r;
	fd = memfd_create("profile", MFD_CLOEXEC);
	if (fd < 0)
		return wl_err_set(err, -errno, "linux.seccomp: memfd");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return wl_err_set(err, r, "linux.seccomp: libseccomp");
	r = read_program(fd, ret_prog);
	return r < 0 ? wl_err_set(err, r, "linux.seccomp: program of libseccomp") : 0;
}
