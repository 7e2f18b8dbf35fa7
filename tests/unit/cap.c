/* SPDX-License-Identifier: Apache-2.0 */
/* specs/cap.h and specs/device.h: what may be asked for, and where outputs go. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "specs/cap_json.h"
#include "specs/device.h"
#include "tests/unit/tap.h"

static struct cap *from_text(const char *text, struct wl_err *err)
{
	struct json *doc = NULL;
	struct cap *cap = NULL;

	*err = (struct wl_err){ 0 };
	if (json_parse(text, strlen(text), "c", &doc, err) == 0)
		cap_from_json(doc, "c", &cap, err);
	json_free(doc);
	return cap;
}

static struct policy *policy_of(const char *rule)
{
	struct policy *p = NULL;
	struct json *doc = NULL;
	struct wl_err err = { 0 };
	char text[1024];

	snprintf(text, sizeof(text), "{\"version\":1,%s}", rule);
	if (json_parse(text, strlen(text), "p", &doc, &err) < 0 ||
	    policy_from_json(doc, "p", &p, &err) < 0)
		printf("# %s\n", err.msg);
	json_free(doc);
	return p;
}

/* "" if the policy passes. */
static const char *check(const char *cap_text, const char *rule)
{
	static struct wl_err err;
	struct cap *cap = from_text(cap_text, &err);
	struct policy *p = policy_of(rule);
	int r = -1;

	if (!cap)
		printf("# %s\n", err.msg);
	if (cap && p)
		r = cap_check(cap, p, &err);
	cap_discard(cap);
	policy_free(p);
	tap_ok(r == 0 || r == -EPERM);
	return r == 0 ? "" : err.msg;
}

#define RULE(text) "\"rules\":[" text "]"
#define MKNOD(option) \
	RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"options\":{" option "}}")
#define CAP(text) "{\"version\":1,\"allow\":{" text "}}"

static void the_default_allows_to_watch_and_to_restrict(void)
{
	struct cap *cap = NULL;
	struct wl_err err = { 0 };
	struct stat st;

	if (stat(CAP_DEFAULT_PATH, &st) == 0)
		tap_skip("this machine has a cap of its own");
	tap_int_eq(cap_load(NULL, &cap, &err), 0);
	tap_ok(cap && !cap->path &&
	       cap->actions == (1u << ACTION_TRACE | 1u << ACTION_LOG | 1u << ACTION_DENY |
				1u << ACTION_KILL));
	tap_ok(cap && !cap->all_handlers && cap->n_handlers == 0 && cap->n_output_dirs == 0);
	tap_str_eq(cap ? cap->log_dir : NULL, "/var/log/waylay");
	tap_str_eq(cap ? cap->socket : NULL, "/run/waylay/waylay.sock");
	cap_discard(cap);
}

static void actions_and_handlers_are_checked(void)
{
	static const char deny[] = RULE("{\"action\":\"deny\",\"syscalls\":\"mount\"}");
	static const char allow[] =
		RULE("{\"name\":\"x\",\"action\":\"allow\",\"syscalls\":\"mount\"}");

	tap_str_eq(check("{\"version\":1}", deny), "");
	tap_str_eq(check(CAP("\"actions\":[\"deny\"]"), deny), "");
	tap_str_eq(check(CAP("\"actions\":[]"), deny),
		   "rule 'deny#1': action deny is not among allow.actions of c");
	tap_str_eq(check("{\"version\":1}", allow),
		   "rule 'x': action allow is not among allow.actions of c");
	tap_str_eq(check(CAP("\"actions\":\"*\""), allow), "");
	tap_str_eq(check(CAP("\"actions\":\"*\""), MKNOD("")),
		   "rule 'emulate#1': handler mknod is not allowed by c");
	tap_str_eq(check(CAP("\"handlers\":\"*\""), MKNOD("")),
		   "rule 'emulate#1': action emulate of mknod is not among allow.actions of c");
	tap_str_eq(
		check(CAP("\"actions\":\"*\",\"handlers\":\"*\""), MKNOD("\"require-cap\":false")),
		"");
	tap_str_eq(check(CAP("\"actions\":\"*\",\"handlers\":{\"mknod\":\"*\"}"),
			 MKNOD("\"devices\":\"b 1:1\"")),
		   "");
}

static void options_stay_below_their_limits(void)
{
	static const char cap[] = CAP("\"actions\":[\"emulate\"],\"handlers\":{\"mknod\":{"
				      "\"devices\":[\"c 1:3\",\"b 7:*\"],"
				      "\"strategy\":[\"bind\",\"auto\"]}}");
	static const char *const good[] = { "c 1:3", "b 7:*", "b 7:0, c 1:3", "" };
	static const char *const bad[] = { "b 1:3", "c 1:4", "c 2:3", "c 1:*",
					   "c *:3", "b *:*", "b *:0" };
	char option[128], say[256];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(option, sizeof(option), MKNOD("\"devices\":\"%s\""), good[i]);
		tap_str_eq(check(cap, option), "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(option, sizeof(option), MKNOD("\"devices\":\"%s\""), bad[i]);
		snprintf(say, sizeof(say),
			 "rule 'emulate#1': handler mknod, option devices: '%s' is above the cap "
			 "'c 1:3,b 7:*' "
			 "of c",
			 bad[i]);
		tap_str_eq(check(cap, option), say);
	}
	/* Without the option its default counts. */
	tap_ok(strstr(check(cap, MKNOD("")), "'c 1:3, c 1:5,") != NULL);
	tap_ok(strstr(check(cap, MKNOD("\"devices\":\"c 1:3\",\"strategy\":\"node\"")),
		      "strategy"));
	tap_str_eq(check(cap, MKNOD("\"devices\":\"c 1:3\",\"strategy\":\"bind\"")), "");
	/* What the cap does not mention may have its default only. */
	tap_str_eq(check(cap, MKNOD("\"devices\":\"c 1:3\",\"require-cap\":true")), "");
	tap_ok(strstr(check(cap, MKNOD("\"devices\":\"c 1:3\",\"require-cap\":false")),
		      "require-cap"));
}

static void mistakes_in_the_file_are_named_with_their_place(void)
{
	static const struct {
		const char *text, *say;
	} rows[] = {
		{ "{\"version\":3}", "c: line 1, column 12: this waylay knows version 1 only" },
		{ CAP("\"x\":1"),
		  "c: line 1, column 27: unknown key \"x\"; there are actions, handlers" },
		{ CAP("\"actions\":\"trace\""),
		  "c: line 1, column 33: \"*\" or a list of actions belongs here" },
		{ CAP("\"actions\":[\"x\"]"),
		  "c: line 1, column 33: 'x' is none of trace, log, delay, deny, kill, "
		  "errno, return, allow, emulate, redirect" },
		{ CAP("\"handlers\":{\"x\":{}}"),
		  "c: line 1, column 34: unknown handler 'x'; there are mknod, mount" },
		{ CAP("\"handlers\":{\"mknod\":1}"),
		  "c: line 1, column 34: \"*\" or an object of options belongs to "
		  "handler mknod" },
		{ CAP("\"handlers\":{\"mknod\":{\"devices\":\"c 1:3\"}}"),
		  "c: line 1, column 34: option \"devices\": \"*\" or a list of strings belongs "
		  "here" },
		{ CAP("\"handlers\":{\"mknod\":{\"devices\":[\"c 1\"]}}"),
		  "c: line 1, column 34: handler mknod, option devices: 'c 1' is no device; write "
		  "\"c "
		  "MAJOR:MINOR\" or \"b MAJOR:*\"" },
		{ CAP("\"handlers\":{\"mknod\":{\"strategy\":[\"x\"]}}"),
		  "c: line 1, column 34: handler mknod, option strategy: 'x' is none of "
		  "auto|node|bind" },
		{ "{\"version\":1,\"socket\":\"x\"}",
		  "c: line 1, column 23: an absolute path belongs here" },
		{ "{\"version\":1,\"output_dirs\":[1]}",
		  "c: line 1, column 28: an absolute path belongs here" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_err err;

		tap_ok(!from_text(rows[i].text, &err));
		tap_str_eq(err.msg, rows[i].say);
	}
}

static void only_the_hosts_own_file_is_believed(void)
{
	static const char text[] = "{\"version\":1,\"log_dir\":\"/x//\"}";
	char path[] = "/tmp/waylay-cap-XXXXXX";
	struct wl_err err = { 0 };
	struct cap *cap = NULL;
	int fd = mkstemp(path);

	tap_int_eq(write(fd, text, strlen(text)), strlen(text));
	tap_int_eq(cap_load(path, &cap, &err), 0);
	tap_str_eq(cap ? cap->log_dir : NULL, "/x");
	tap_str_eq(cap ? cap->path : NULL, path);
	cap_discard(cap);
	cap = NULL;
	fchmod(fd, 0620);
	tap_int_eq(cap_load(path, &cap, &err), -EPERM);
	fchmod(fd, 0602);
	tap_int_eq(cap_load(path, &cap, &err), -EPERM);
	tap_ok(strstr(err.msg, "chown root and chmod go-w") != NULL);
	fchmod(fd, 0644);
	if (geteuid() == 0) {
		tap_int_eq(fchown(fd, 1000, 0), 0);
		tap_int_eq(cap_load(path, &cap, &err), -EPERM);
	}
	unlink(path);
	/* A file that was named must be there. */
	tap_int_eq(cap_load(path, &cap, &err), -ENOENT);
	tap_ok(!cap);
	close(fd);
}

static void outputs_stay_in_their_directories(void)
{
	static const struct {
		const char *spec, *dir, *name;
		int code;
	} rows[] = {
		{ "file:e.jsonl", "/log/id-1", "e.jsonl", 0 },
		{ "unix:a/b", "/log/id-1", "a/b", 0 },
		{ "e", "/log/id-1", "e", 0 },
		{ "file:..e", "/log/id-1", "..e", 0 },
		{ "file:/out/x", "/out", "x", 0 },
		{ "file:/out//x/y", "/out", "x/y", 0 },
		{ "file:/var/o/x", "/var/o", "x", 0 },
		{ "file:/outx", NULL, NULL, -EPERM },
		{ "file:/out", NULL, NULL, -EPERM },
		{ "file:/etc/x", NULL, NULL, -EPERM },
		{ "file:/log/id-1/x", NULL, NULL, -EPERM },
		{ "file:/out/../etc/x", NULL, NULL, -EINVAL },
		{ "file:../x", NULL, NULL, -EINVAL },
		{ "file:a/..", NULL, NULL, -EINVAL },
		{ "file:a/", NULL, NULL, -EINVAL },
		{ "file:", NULL, NULL, -EINVAL },
		{ "stderr", NULL, NULL, -EINVAL },
	};
	struct wl_err err;
	struct cap *cap =
		from_text("{\"version\":1,\"log_dir\":\"/log\",\"output_dirs\":[\"/out/\","
			  "\"/var/o\"]}",
			  &err);
	struct cap *any = from_text("{\"version\":1,\"output_dirs\":[\"/\"]}", &err);
	char *dir = NULL, *name = NULL;

	for (size_t i = 0; cap && i < ARRAY_SIZE(rows); i++) {
		int r = cap_output(cap, "id-1", rows[i].spec, &dir, &name, &err);

		if (r != rows[i].code)
			printf("# %s\n", rows[i].spec);
		tap_int_eq(r, rows[i].code);
		if (r < 0)
			continue;
		tap_str_eq(dir, rows[i].dir);
		tap_str_eq(name, rows[i].name);
		free(dir);
		free(name);
	}
	tap_int_eq(cap_output(cap, "../id", "e", &dir, &name, &err), -EINVAL);
	tap_int_eq(cap_output(any, "id", "file:/etc/x", &dir, &name, &err), 0);
	tap_str_eq(dir, "/");
	tap_str_eq(name, "etc/x");
	free(dir);
	free(name);
	cap_discard(cap);
	cap_discard(any);
	tap_str_eq(
		check("{\"version\":1}", "\"events\":\"file:/etc/x\""),
		"output 'file:/etc/x' is outside output_dirs (none) of c; a relative name goes to "
		"/var/log/waylay/<container id>/");
	tap_str_eq(check("{\"version\":1}", "\"events\":\"journald\""),
		   "events 'journald' is not among sinks of c; file:NAME goes to "
		   "/var/log/waylay/<container id>/");
	tap_str_eq(check("{\"version\":1,\"sinks\":[\"journald\"]}", "\"events\":\"journald\""),
		   "");
	tap_ok(strstr(check("{\"version\":1,\"sinks\":[\"journald\"]}", "\"events\":\"stderr\""),
		      "'stderr' is not among") != NULL);
}

static void devices_have_one_spelling_each(void)
{
	static const char *const bad[] = { "c",	     "c 1",    "c1:3",	   "c 1:3 b 1:1", "c 1:3,",
					   ",c 1:3", "x 1:3",  "c 4096:1", "c 1:1048576", "c -1:1",
					   "c 1:",   "c 1:3x", "c 0x1:3" };
	struct device_list list;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_int_eq(device_list_parse(bad[i], &list, NULL), -EINVAL);
	tap_int_eq(device_list_parse(" c  4095:1048575 ,b 7:* ", &list, NULL), 0);
	tap_int_eq(list.n, 2);
	tap_ok(device_list_has(&list, 'c', 4095, 1048575));
	tap_ok(!device_list_has(&list, 'b', 4095, 1048575));
	tap_ok(device_list_has(&list, 'b', 7, 123));
	tap_ok(!device_list_has(&list, 'b', 8, 0));
	tap_int_eq(device_list_parse("", &list, NULL), 0);
	tap_int_eq(list.n, 0);
}

#define MOUNT(options) \
	RULE("{\"action\":\"emulate\",\"handler\":\"mount\",\"options\":{" options "}}")
#define MOUNT_CAP(limits) CAP("\"actions\":[\"emulate\"],\"handlers\":{\"mount\":{" limits "}}")

static void lists_of_strings_are_below_the_cap_word_by_word(void)
{
	static const char types[] = MOUNT_CAP("\"filesystems\":[\"ext4:shift\", \"xfs\"]");
	static const struct {
		const char *cap, *rule;
		bool is_allowed;
	} rows[] = {
		{ MOUNT_CAP(""), MOUNT(""), true }, /* the defaults */
		{ types, MOUNT(""), true },
		{ types, MOUNT("\"filesystems\":\"xfs ,  ext4:shift\""), true },
		{ types, MOUNT("\"filesystems\":[\"ext4:shift\"]"), true },
		{ types, MOUNT("\"options\":\"acl,noacl\""), true }, /* of the default */
		{ types, MOUNT("\"filesystems\":\"ext4\""), false },
		{ types, MOUNT("\"filesystems\":\"xfs,,ext4:shift\""), false },
		{ types, MOUNT("\"filesystems\":\"xfs, *\""), false },
		{ types, MOUNT("\"options\":\"journal_path=*\""), false },
		{ types, MOUNT("\"devices\":\"b 7:0\""), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = check(rows[i].cap, rows[i].rule);

		if ((*why == '\0') != rows[i].is_allowed)
			printf("# row %zu: %s\n", i, why);
		tap_int_eq(*why == '\0', rows[i].is_allowed);
	}
}

int main(void)
{
	TAP_RUN(lists_of_strings_are_below_the_cap_word_by_word);
	TAP_RUN(the_default_allows_to_watch_and_to_restrict);
	TAP_RUN(actions_and_handlers_are_checked);
	TAP_RUN(options_stay_below_their_limits);
	TAP_RUN(mistakes_in_the_file_are_named_with_their_place);
	TAP_RUN(only_the_hosts_own_file_is_believed);
	TAP_RUN(outputs_stay_in_their_directories);
	TAP_RUN(devices_have_one_spelling_each);
	return TAP_DONE();
}
