/* SPDX-License-Identifier: Apache-2.0 */
/* specs/annotations.h: every key, the order of rules, what is refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "specs/annotations.h"
#include "tests/unit/tap.h"

static char policy_dir[] = "/tmp/waylay-annotations-XXXXXX";

static int parse(const char *text, struct policy **ret, struct wl_err *err)
{
	struct json *doc = NULL;
	int r;

	*err = (struct wl_err){ 0 };
	r = json_parse(text, strlen(text), "t", &doc, err);
	if (r == 0)
		r = annotations_parse(doc, policy_dir, ret, err);
	json_free(doc);
	return r;
}

static void a_container_without_our_keys_is_none_of_our_business(void)
{
	static const char *const rows[] = { "{}", "null", "{\"dev.waylayx\":\"1\",\"a\":2}" };
	struct wl_err err;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *p = (struct policy *)&err;

		tap_int_eq(parse(rows[i], &p, &err), 0);
		tap_ok(!p);
	}
	struct policy *p = (struct policy *)&err;
	tap_int_eq(annotations_parse(NULL, policy_dir, &p, &err), 0);
	tap_ok(!p);
}

static void every_key_arrives_in_a_fixed_order(void)
{
	struct policy *p = NULL;
	struct wl_err err;

	tap_int_eq(
		parse("{\"dev.waylay.log\":\"dup\",\"dev.waylay.trace\":\"openat[flags & O_CREAT], "
		      "@mount\",\"other\":1,\"dev.waylay.emulate.mknod\":\"c 1:3, b 7:*\","
		      "\"dev.waylay.deny\":\"ptrace:ENOSYS\",\"dev.waylay.emulate\":\"mknod\","
		      "\"dev.waylay.kill\":\"reboot\",\"dev.waylay.engine\":\"notify\","
		      "\"dev.waylay.events\":\"file:e.jsonl\","
		      "\"dev.waylay.on-listener-loss\":\"kill\"}",
		      &p, &err),
		0);
	if (!p) {
		printf("# %s\n", err.msg);
		return;
	}
	tap_int_eq(p->n_rules, 5);
	tap_int_eq(p->rules[0].action, ACTION_KILL);
	tap_int_eq(p->rules[1].action, ACTION_DENY);
	tap_int_eq(p->rules[2].action, ACTION_EMULATE);
	tap_int_eq(p->rules[3].action, ACTION_TRACE);
	tap_int_eq(p->rules[4].action, ACTION_LOG);
	tap_str_eq(rule_option(&p->rules[2], "devices"), "c 1:3, b 7:*");
	tap_int_eq(p->rules[2].n_items, 2);
	tap_int_eq(p->rules[3].n_items, 2);
	tap_str_eq(p->events, "file:e.jsonl");
	tap_int_eq(p->on_loss, LOSS_KILL);
	policy_free(p);
}

static void options_of_a_handler_ask_for_it_and_come_by_name_too(void)
{
	struct policy *p = NULL;
	struct wl_err err;

	tap_int_eq(parse("{\"dev.waylay.emulate.mknod\":\"devices = c 1:3,c 1:5; strategy=bind;"
			 "require-cap=false\"}",
			 &p, &err),
		   0);
	tap_int_eq(p ? p->n_rules : 0, 1);
	if (!p)
		return;
	tap_str_eq(rule_option(&p->rules[0], "devices"), "c 1:3,c 1:5");
	tap_str_eq(rule_option(&p->rules[0], "strategy"), "bind");
	tap_str_eq(rule_option(&p->rules[0], "require-cap"), "false");
	policy_free(p);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", policy_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	tap_ok(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static void a_named_policy_comes_first_and_annotations_settings_win(void)
{
	struct policy *p = NULL;
	struct wl_err err;

	write_file("slow.json",
		   "{\"version\":1,\"events\":\"stderr\",\"name\":\"slow\",\"rules\":[{\"action\":"
		   "\"trace\",\"syscalls\":\"fsync\"}]}",
		   0644);
	tap_int_eq(parse("{\"dev.waylay.policy\":\"slow\",\"dev.waylay.trace\":\"dup\","
			 "\"dev.waylay.events\":\"journald\"}",
			 &p, &err),
		   0);
	tap_int_eq(p ? p->n_rules : 0, 2);
	if (p) {
		tap_str_eq(p->rules[0].items[0].name, "fsync");
		tap_str_eq(p->rules[1].items[0].name, "dup");
		tap_str_eq(p->events, "journald");
		tap_str_eq(p->name, "slow");
	}
	policy_free(p);
	p = NULL;
	tap_int_eq(parse("{\"dev.waylay.policy\":\"slow.json\"}", &p, &err), 0);
	policy_free(p);
}

static void what_happens_without_a_listener_is_said_last_by_the_annotation(void)
{
	static const struct {
		const char *annotations;
		enum on_loss on_loss;
	} rows[] = {
		{ "{\"dev.waylay.policy\":\"loss\"}", LOSS_KILL },
		{ "{\"dev.waylay.policy\":\"loss\",\"dev.waylay.on-listener-loss\":\"enosys\"}",
		  LOSS_ENOSYS },
		{ "{\"dev.waylay.policy\":\"loss\",\"dev.waylay.on-listener-loss\":\"wait\"}",
		  LOSS_WAIT },
	};
	struct policy *p = NULL;
	struct wl_err err;

	write_file("loss.json", "{\"version\":1,\"on-listener-loss\":\"kill\"}", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_int_eq(parse(rows[i].annotations, &p, &err), 0);
		tap_int_eq(p->on_loss, rows[i].on_loss);
		policy_free(p);
	}
}

static void a_policy_file_is_plain_below_its_folder_and_the_hosts_own(void)
{
	static const char *const bad[] = {
		"", ".", "..", "../x", "/etc/passwd", "a/b", "a\\u000ab"
	};
	struct policy *p = NULL;
	struct wl_err err;
	char text[128], link[128];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "{\"dev.waylay.policy\":\"%s\"}", bad[i]);
		tap_int_eq(parse(text, &p, &err), -EINVAL);
		tap_ok(strstr(err.msg, "is no name of a policy") != NULL);
	}
	tap_int_eq(parse("{\"dev.waylay.policy\":\"nothing\"}", &p, &err), -ENOENT);
	tap_ok(strncmp(err.msg, "annotation dev.waylay.policy: policy '/tmp/", 43) == 0);
	write_file("open.json", "{\"version\":1}", 0666);
	tap_int_eq(parse("{\"dev.waylay.policy\":\"open\"}", &p, &err), -EPERM);
	tap_ok(strstr(err.msg, "can be written by others than root") != NULL);
	snprintf(link, sizeof(link), "%s/out", policy_dir);
	tap_int_eq(symlink("/etc/passwd", link), 0);
	tap_int_eq(parse("{\"dev.waylay.policy\":\"out\"}", &p, &err), -EXDEV);
	write_file("bad.json", "{\"version\":1,\n\"x\":1}", 0644);
	tap_int_eq(parse("{\"dev.waylay.policy\":\"bad\"}", &p, &err), -EINVAL);
	tap_ok(strstr(err.msg, "/bad.json: line 2, column 5: unknown key \"x\"") != NULL);
}

static void mistakes_name_key_value_and_what_is_valid(void)
{
	static const struct {
		const char *text;
		int code;
		const char *say;
	} rows[] = {
		{ "{\"dev.waylay.trase\":\"dup\"}", -EINVAL,
		  "annotation dev.waylay.trase: unknown key; after dev.waylay. there are policy, "
		  "kill, deny, "
		  "emulate, trace, log, engine, events, record, on-listener-loss, emulate.mknod, "
		  "emulate.mount" },
		{ "{\"dev.waylay.\":\"\"}", -EINVAL,
		  "annotation dev.waylay.: unknown key; after dev.waylay. there are policy, kill, "
		  "deny, "
		  "emulate, trace, log, engine, events, record, on-listener-loss, emulate.mknod, "
		  "emulate.mount" },
		{ "{\"dev.waylay.emulate.mkno\":\"\"}", -EINVAL,
		  "annotation dev.waylay.emulate.mkno: unknown key; after dev.waylay. there are "
		  "policy, kill, "
		  "deny, emulate, trace, log, engine, events, record, on-listener-loss, "
		  "emulate.mknod, emulate.mount" },
		{ "{\"dev.waylay.trace\":1}", -EINVAL,
		  "annotation dev.waylay.trace: the value is an integer, and should be a string" },
		{ "[]", -EINVAL, "annotations: this is an array, and should be an object" },
		{ "{\"dev.waylay.trace\":\"dup, opnat\"}", -EINVAL,
		  "annotation dev.waylay.trace: position 6: unknown syscall 'opnat'; did you mean "
		  "'openat'?" },
		{ "{\"dev.waylay.trace\":\"\"}", -EINVAL,
		  "annotation dev.waylay.trace: position 1: a syscall's name, @group or #number "
		  "belongs here" },
		{ "{\"dev.waylay.emulate\":\"mknod,\"}", -EINVAL,
		  "annotation dev.waylay.emulate: unknown handler ''; there are mknod, mount" },
		{ "{\"dev.waylay.emulate.mknod\":\"c 1\"}", -EINVAL,
		  "annotation dev.waylay.emulate.mknod: handler mknod, option devices: 'c 1' is no "
		  "device; "
		  "write \"c MAJOR:MINOR\" or \"b MAJOR:*\"" },
		{ "{\"dev.waylay.emulate.mknod\":\"strategy=bind;x\"}", -EINVAL,
		  "annotation dev.waylay.emulate.mknod: 'x' is not KEY=VALUE" },
		{ "{\"dev.waylay.emulate.mknod\":\"strategy=bind;strategy=node\"}", -EINVAL,
		  "annotation dev.waylay.emulate.mknod: option 'strategy' is given a second time" },
		{ "{\"dev.waylay.events\":\"x\"}", -EINVAL,
		  "annotation dev.waylay.events: 'x' is no place for events; write file:NAME, "
		  "unix:NAME, "
		  "journald or stderr" },
		{ "{\"dev.waylay.on-listener-loss\":\"x\"}", -EINVAL,
		  "annotation dev.waylay.on-listener-loss: 'x' is none of wait, enosys, kill" },
		{ "{\"dev.waylay.engine\":\"trace\"}", -ENOSYS,
		  "annotation dev.waylay.engine: engine 'trace' is not there yet in this version; "
		  "leave "
		  "'notify'" },
		{ "{\"dev.waylay.record\":\"x\"}", -ENOSYS,
		  "annotation dev.waylay.record: 'record' is not there yet in this version" },
		{ "{\"io.containers.trace-syscall\":\"if:/a;of:/b\"}", -ENOSYS,
		  "annotation io.containers.trace-syscall: 'record' is not there yet in this "
		  "version" },
		{ "{\"io.containers.trace-syscall\":\"if:/a\"}", -EINVAL,
		  "annotation io.containers.trace-syscall: of:/FILE is missing" },
		{ "{\"io.containers.trace-syscall\":\"of:a\"}", -EINVAL,
		  "annotation io.containers.trace-syscall: 'of:a' is not of:/FILE or "
		  "if:/FILE;of:/FILE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *p = NULL;
		struct wl_err err;

		tap_int_eq(parse(rows[i].text, &p, &err), rows[i].code);
		tap_str_eq(err.msg, rows[i].say);
		tap_ok(!p);
	}
}

/* One call of one ABI had 65536 rules, which the merge counts in 16 bits. */
static void all_lists_together_have_at_most_16384_calls(void)
{
	const size_t n = POLICY_MAX_ITEMS / 2;
	struct buf text = { 0 };
	struct wl_err err = { 0 };
	struct policy *p = NULL;
	struct json *doc;

	buf_puts(&text, "{\"dev.waylay.trace\":\"i386/read");
	for (size_t i = 1; i < n; i++)
		buf_puts(&text, ",i386/read");
	buf_puts(&text, "\",\"dev.waylay.log\":\"i386/read");
	for (size_t i = 0; i < n; i++)
		buf_puts(&text, ",i386/read");
	buf_puts(&text, "\"}");
	tap_int_eq(json_parse(text.data, text.len, "t", &doc, NULL), 0);
	tap_int_eq(annotations_parse(doc, policy_dir, &p, &err), -E2BIG);
	tap_str_eq(err.msg, "annotation dev.waylay.log: more than 16384 calls in rules");
	policy_free(p);
	json_free(doc);
	buf_done(&text);
}

static void the_help_names_every_key(void)
{
	struct buf help = { 0 };

	annotations_help(&help);
	tap_ok(strncmp(help.data, "dev.waylay.policy\t", 18) == 0);
	tap_ok(strstr(help.data, "\ndev.waylay.trace\tcall list") != NULL);
	tap_ok(strstr(help.data, "\ndev.waylay.emulate.mknod\t") != NULL);
	buf_done(&help);
}

int main(void)
{
	char cmd[64];

	if (!mkdtemp(policy_dir))
		return 1;
	TAP_RUN(a_container_without_our_keys_is_none_of_our_business);
	TAP_RUN(every_key_arrives_in_a_fixed_order);
	TAP_RUN(options_of_a_handler_ask_for_it_and_come_by_name_too);
	TAP_RUN(a_named_policy_comes_first_and_annotations_settings_win);
	TAP_RUN(what_happens_without_a_listener_is_said_last_by_the_annotation);
	TAP_RUN(a_policy_file_is_plain_below_its_folder_and_the_hosts_own);
	TAP_RUN(mistakes_name_key_value_and_what_is_valid);
	TAP_RUN(all_lists_together_have_at_most_16384_calls);
	TAP_RUN(the_help_names_every_key);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", policy_dir);
	return system(cmd) || TAP_DONE();
}
