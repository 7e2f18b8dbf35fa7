/* SPDX-License-Identifier: Apache-2.0 */
/* specs/policy.h: call lists, documents, limits, the way there and back. */
#include <stdlib.h>

#include "specs/handler_spec.h"
#include "specs/policy.h"
#include "tests/unit/tap.h"

static int parse_list(enum action action, const char *text, struct policy **ret, struct wl_err *err)
{
	struct policy *p = policy_new();
	int r = policy_parse_list(policy_add_rule(p, action, NULL), text, "t", err);

	if (r < 0 || !ret)
		policy_free(p);
	else
		*ret = p;
	return r;
}

static void items_end_at_commas_outside_brackets_and_quotes(void)
{
	struct policy *p = NULL;
	struct wl_err err = { 0 };
	const struct call_item *i;

	tap_int_eq(parse_list(ACTION_TRACE,
			      " openat[path ~ \"/a,b]:c\\\"[\" || path == '\"'] ,@mount,\n #451 , "
			      "i386/mount[flags & 1]",
			      &p, &err),
		   0);
	if (!p)
		printf("# %s\n", err.msg);
	tap_int_eq(p ? p->rules[0].n_items : 0, 4);
	if (!p)
		return;
	i = p->rules[0].items;
	tap_str_eq(i[0].name, "openat");
	tap_str_eq(condition_text(i[0].condition), "path ~ \"/a,b]:c\\\"[\" || path == '\"'");
	tap_ok(!i[0].abi && i[0].nr == -1 && i[0].groups == 0);
	tap_int_eq(i[1].groups, sysno_group("mount"));
	tap_ok(!i[1].name && !i[1].condition);
	tap_int_eq(i[2].nr, 451);
	tap_str_eq(i[2].text, "#451");
	tap_ok(i[3].abi == abi_get(ABI_I386) && i[3].condition);
	tap_str_eq(i[3].text, "i386/mount[flags & 1]");
	policy_free(p);
}

static void an_errno_follows_the_item(void)
{
	struct policy *p = NULL;
	struct wl_err err = { 0 };

	tap_int_eq(parse_list(ACTION_DENY, "kexec_load, ptrace:ESRCH, i386/mount[flags == 1]:38",
			      &p, &err),
		   0);
	if (p) {
		tap_int_eq(p->rules[0].errnum, EPERM);
		tap_int_eq(p->rules[0].items[0].errnum, 0);
		tap_int_eq(p->rules[0].items[1].errnum, ESRCH);
		tap_int_eq(p->rules[0].items[2].errnum, ENOSYS);
	}
	policy_free(p);
}

static void malformed_lists_are_refused_at_their_place(void)
{
	static const struct {
		enum action action;
		const char *text, *say;
	} rows[] = {
		{ ACTION_TRACE, "",
		  "position 1: a syscall's name, @group or #number belongs here" },
		{ ACTION_TRACE, "openat,",
		  "position 8: a syscall's name, @group or #number belongs here" },
		{ ACTION_TRACE, ",openat",
		  "position 1: a syscall's name, @group or #number belongs here" },
		{ ACTION_TRACE, "mount, opnat",
		  "position 8: unknown syscall 'opnat'; did you mean "
		  "'openat'?" },
		{ ACTION_TRACE, "@fil",
		  "position 1: unknown group '@fil'; there are @all @desc @file @ipc "
		  "@memory @modules @mount @network @privileged @process @signal "
		  "@system @time" },
		{ ACTION_TRACE, "amd64/mount",
		  "position 1: unknown ABI 'amd64'; there are x86_64, i386, "
		  "x32, aarch64, arm, riscv64, ppc64le, s390x, loongarch64" },
		{ ACTION_TRACE, "x86_64/socketcall",
		  "position 8: x86_64 has no syscall 'socketcall'" },
		{ ACTION_TRACE, "#",
		  "position 1: a syscall's name, @group or #number belongs here" },
		{ ACTION_TRACE, "#1x", "position 1: '#1x' is no syscall number" },
		{ ACTION_TRACE, "#1073741824", "position 1: '#1073741824' is no syscall number" },
		{ ACTION_TRACE, "openat[flags & O_CREAT", "position 7: '[' without its ']'" },
		{ ACTION_TRACE, "openat[path ~ \"x]",
		  "position 7: '[' without its ']' (a quote is open)" },
		{ ACTION_TRACE, "openat] ", "position 7: ']' does not belong here" },
		{ ACTION_TRACE, "openat mount", "position 7: ' mount' does not belong here" },
		{ ACTION_TRACE, "openat[flags][flags]",
		  "position 14: '[flags]' does not belong here" },
		{ ACTION_TRACE, "openat:EPERM", "position 7: ':EPERM': trace takes no errno" },
		{ ACTION_DENY, "openat:EFOO",
		  "position 8: unknown errno 'EFOO'; write a name like EPERM or "
		  "1..4095" },
		{ ACTION_DENY,
		  "openat:", "position 8: unknown errno ''; write a name like EPERM or 1..4095" },
		{ ACTION_DENY, "openat:4096",
		  "position 8: unknown errno '4096'; write a name like EPERM or "
		  "1..4095" },
		{ ACTION_TRACE, "mount, openat[mode & S_X]",
		  "position 8: condition 'mode & S_X': column 8: "
		  "unknown constant 'S_X'" },
		{ ACTION_TRACE, "dup[path ~ \"x\"]",
		  "position 1: condition 'path ~ \"x\"': column 1: dup "
		  "has no argument 'path'; it has fildes" },
		{ ACTION_TRACE, "@time[path ~ \"x\"]",
		  "position 1: no call of the group has these "
		  "arguments" },
		{ ACTION_DENY, "openat[path ~ \"/etc/**\"]",
		  "position 1: 'deny' cannot depend on memory (strings): the container can change "
		  "it after the "
		  "check; use 'redirect' with 'strict' for paths" },
		{ ACTION_KILL, "@file[path == \"/x\"]",
		  "position 1: 'kill' cannot depend on memory (strings): the container can change "
		  "it after the "
		  "check; use 'redirect' with 'strict' for paths" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_err err = { 0 };
		char want[640];

		snprintf(want, sizeof(want), "t: %s", rows[i].say);
		tap_int_eq(parse_list(rows[i].action, rows[i].text, NULL, &err), -EINVAL);
		tap_str_eq(err.msg, want);
	}
}

/* int 0x80 with socketcall is no way around a rule for socket. */
static void the_other_entry_of_a_multiplexed_call_comes_with_it(void)
{
	static const struct {
		enum action action;
		const char *text;
		unsigned n;
		const char *first;
	} rows[] = {
		{ ACTION_DENY, "i386/socket:ENOSYS", 2, "i386/socketcall[call == SYS_SOCKET]:38" },
		{ ACTION_DENY, "i386/socket[domain == AF_VSOCK]", 2,
		  "i386/socketcall[call == SYS_SOCKET]" },
		{ ACTION_KILL, "s390x/shmat", 2, "s390x/ipc[call & 0xffff == SHMAT]" },
		{ ACTION_TRACE, "i386/socket, i386/socket", 3,
		  "i386/socketcall[call == SYS_SOCKET]" },
		/* The arguments are in memory: what is only watched or overridden keeps its condition. */
		{ ACTION_TRACE, "i386/socket[domain == AF_VSOCK]", 1,
		  "i386/socket[domain == AF_VSOCK]" },
		{ ACTION_DENY, "x86_64/socket", 1, "x86_64/socket" },
		{ ACTION_DENY, "i386/mount", 1, "i386/mount" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *p = NULL;
		struct wl_err err = { 0 };

		tap_int_eq(parse_list(rows[i].action, rows[i].text, &p, &err), 0);
		tap_str_eq(err.msg, "");
		tap_int_eq(p ? p->rules[0].n_items : 0, rows[i].n);
		tap_str_eq(p ? p->rules[0].items[0].text : NULL, rows[i].first);
		policy_free(p);
	}
}

static void a_group_takes_the_calls_that_have_the_argument(void)
{
	struct policy *p = NULL;

	tap_int_eq(parse_list(ACTION_TRACE, "@file[path ~ \"/etc/*\"]", &p, NULL), 0);
	policy_free(p);
}

static struct policy *from_text(const char *text, struct wl_err *err)
{
	struct policy *p = NULL;
	struct json *doc = NULL;

	*err = (struct wl_err){ 0 };
	if (json_parse(text, strlen(text), "p", &doc, err) == 0)
		policy_from_json(doc, "p", &p, err);
	json_free(doc);
	return p;
}

static const char whole[] =
	"{\"version\":1,\"name\":\"n\",\"engine\":\"notify\",\"on-listener-loss\":\"kill\","
	"\"events\":\"file:x.jsonl\",\"rules\":["
	"{\"name\":\"a\",\"action\":\"trace\",\"syscalls\":[\"openat[flags & "
	"O_CREAT]\",\"@mount\"]},"
	"{\"name\":\"deny#1\",\"action\":\"deny\",\"errno\":\"ENOSYS\",\"syscalls\":[\"ptrace:"
	"ESRCH\"]},"
	"{\"name\":\"e\",\"action\":\"errno\",\"errno\":4095,\"syscalls\":[\"i386/mount\"]},"
	"{\"name\":\"r\",\"action\":\"return\",\"value\":-4096,\"syscalls\":[\"getpid\"]},"
	"{\"name\":\"d\",\"action\":\"delay\",\"milliseconds\":600000,\"syscalls\":[\"#1\"]},"
	"{\"name\":\"k\",\"action\":\"kill\",\"syscalls\":[\"reboot\"]},"
	"{\"name\":\"m\",\"action\":\"emulate\",\"handler\":\"mknod\",\"options\":"
	"{\"devices\":\"c 1:3, b 7:*\",\"strategy\":\"bind\"},\"syscalls\":[\"mknodat[dev == "
	"3]\"]}]}";

static void a_document_comes_back_as_it_went(void)
{
	struct wl_err err;
	struct policy *p = from_text(whole, &err);
	struct buf out = { 0 };

	if (!p)
		printf("# %s\n", err.msg);
	tap_int_eq(p ? p->n_rules : 0, 7);
	if (!p)
		return;
	policy_to_json(p, &out);
	tap_str_eq(out.data, whole);
	tap_int_eq(p->on_loss, LOSS_KILL);
	tap_str_eq(p->events, "file:x.jsonl");
	tap_int_eq(p->rules[3].value, -4096);
	tap_int_eq(p->rules[4].delay_ms, 600000);
	tap_str_eq(rule_option(&p->rules[6], "devices"), "c 1:3, b 7:*");
	/* Not given: the handler's own. */
	tap_str_eq(rule_option(&p->rules[6], "require-cap"), "true");
	tap_ok(!rule_option(&p->rules[6], "foo"));
	buf_done(&out);
	policy_free(p);
}

static void emulate_takes_the_calls_of_its_handler(void)
{
	struct wl_err err;
	struct policy *p =
		from_text("{\"version\":1,\"rules\":[{\"action\":\"emulate\",\"handler\":"
			  "\"mknod\",\"options\":{\"devices\":[\"c 1:3\",\"b 7:*\"],"
			  "\"require-cap\":false}}]}",
			  &err);

	tap_int_eq(p && p->n_rules == 1 ? p->rules[0].n_items : 0, 2);
	if (!p) {
		printf("# %s\n", err.msg);
		return;
	}
	tap_str_eq(p->rules[0].name, "emulate#1");
	tap_str_eq(p->rules[0].items[1].name, "mknodat");
	tap_str_eq(rule_option(&p->rules[0], "devices"), "c 1:3, b 7:*");
	tap_str_eq(rule_option(&p->rules[0], "require-cap"), "false");
	policy_free(p);
}

#define RULE(text) "{\"version\":1,\n\"rules\":[" text "]}"

static void mistakes_in_documents_are_named_with_their_place(void)
{
	static const struct {
		const char *text, *say;
	} rows[] = {
		{ "[]", "p: line 1, column 1: this is an array, and should be an object" },
		{ "{}", "p: line 1, column 1: \"version\": 1 is missing" },
		{ "{\"version\":2}", "p: line 1, column 12: this waylay knows version 1 only" },
		{ "{\"version\":\"1\"}",
		  "p: line 1, column 12: \"version\" is a string, and should be an "
		  "integer" },
		{ "{\"version\":1,\n \"rulez\":[]}", "p: line 2, column 10: unknown key \"rulez\"; "
						     "there are $schema, version, name, engine, "
						     "on-listener-loss, events, record, rules" },
		{ "{\"version\":1,\"engine\":\"ebpf\"}",
		  "p: line 1, column 23: 'ebpf' is none of notify, "
		  "trace" },
		{ "{\"version\":1,\"engine\":\"trace\"}",
		  "p: engine 'trace' is not there yet in this "
		  "version; leave 'notify'" },
		{ "{\"version\":1,\"record\":\"x\"}",
		  "p: 'record' is not there yet in this version" },
		{ "{\"version\":1,\"events\":\"tcp:x\"}",
		  "p: line 1, column 23: 'tcp:x' is no place for events; write file:NAME, "
		  "unix:NAME, journald "
		  "or stderr" },
		{ "{\"version\":1,\"events\":\"file:\"}",
		  "p: line 1, column 23: 'file:' is no place for events; write file:NAME, "
		  "unix:NAME, journald "
		  "or stderr" },
		{ RULE("{}"), "p: line 2, column 10: the rule has no \"action\"" },
		{ RULE("1"), "p: line 2, column 10: this is an integer, and should be an object" },
		{ RULE("{\"action\":\"deny\"}"),
		  "p: line 2, column 10: the rule names no \"syscalls\"" },
		{ RULE("{\"action\":\"deny\",\"syscalls\":[]}"),
		  "p: line 2, column 38: the rule names no \"syscalls\"" },
		{ RULE("{\"action\":\"deny\",\"syscalls\":[3]}"),
		  "p: line 2, column 39: a call list is a string, and this is an integer" },
		{ RULE("{\"action\":\"deny\",\"syscalls\":[\"mount\",\n\"mount, foo_bar\"]}"),
		  "p: line 3, column 1: position 8: unknown syscall 'foo_bar'" },
		{ RULE("{\"action\":\"deny\",\"syscalls\":\"mount\",\"value\":1}"),
		  "p: line 2, column 54: action deny takes no \"value\"" },
		{ RULE("{\"action\":\"deny\",\"syscalls\":\"mount\",\"errno\":0}"),
		  "p: line 2, column 54: unknown errno '0'; write a name like EPERM or 1..4095" },
		{ RULE("{\"action\":\"return\",\"syscalls\":\"mount\",\"value\":-4095}"),
		  "p: line 2, column 56: a result is not -4095..-1 (use action errno) and has 63 "
		  "bits" },
		{ RULE("{\"action\":\"return\",\"syscalls\":\"mount\",\"value\":"
		       "9223372036854775808}"),
		  "p: line 2, column 56: a result is not -4095..-1 (use action errno) and has 63 "
		  "bits" },
		{ RULE("{\"action\":\"delay\",\"syscalls\":\"mount\"}"),
		  "p: line 2, column 10: action delay needs \"milliseconds\", 1 to 600000" },
		{ RULE("{\"action\":\"delay\",\"syscalls\":\"mount\",\"milliseconds\":600001}"),
		  "p: line 2, column 62: action delay needs \"milliseconds\", 1 to 600000" },
		{ RULE("{\"action\":\"emulate\"}"),
		  "p: line 2, column 10: action emulate needs a \"handler\" out of mknod, mount" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"x\"}"),
		  "p: line 2, column 40: action emulate needs a \"handler\" out of mknod, mount" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"syscalls\":\"mount\"}"),
		  "p: line 2, column 59: position 1: handler mknod does not take 'mount'" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"syscalls\":\"@file\"}"),
		  "p: line 2, column 59: position 1: emulate takes calls by name" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"options\":{\"strategy\":"
		       "\"x\"}}"),
		  "p: line 2, column 70: handler mknod, option strategy: 'x' is none of "
		  "auto|node|bind" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"options\":{\"devices\":\"c "
		       "1\"}}"),
		  "p: line 2, column 69: handler mknod, option devices: 'c 1' is no device; write "
		  "\"c "
		  "MAJOR:MINOR\" or \"b MAJOR:*\"" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"options\":{\"x\":true}}"),
		  "p: line 2, column 63: handler mknod has no option 'x'; it has devices, "
		  "strategy, "
		  "require-cap" },
		{ RULE("{\"action\":\"emulate\",\"handler\":\"mknod\",\"options\":{\"devices\":1}"
		       "}"),
		  "p: line 2, column 69: an option is a string, true, false or a list of strings" },
		{ RULE("{\"action\":\"redirect\",\"syscalls\":\"mount\"}"),
		  "p: 'redirect' is not there yet in this version" },
		{ RULE("{\"action\":\"kill\",\"syscalls\":\"mount\",\"name\":\"x\"},\n"
		       "{\"action\":\"kill\",\"syscalls\":\"mount\",\"name\":\"x\"}"),
		  "p: line 3, column 44: a rule's name is unique and 1 to 128 characters long" },
		{ RULE("{\"action\":\"kill\",\"syscalls\":\"mount\",\"name\":\"\"}"),
		  "p: line 2, column 53: a rule's name is unique and 1 to 128 characters long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_err err;

		tap_ok(!from_text(rows[i].text, &err));
		tap_str_eq(err.msg, rows[i].say);
	}
}

static void a_policy_has_at_most_1024_rules(void)
{
	struct policy *p = policy_new(), *q = policy_new();

	for (int i = 0; i < POLICY_MAX_RULES; i++)
		tap_ok(policy_add_rule(p, ACTION_TRACE, NULL) != NULL);
	tap_str_eq(p->rules[1023].name, "trace#1024");
	tap_ok(!policy_add_rule(p, ACTION_TRACE, NULL));
	policy_add_rule(q, ACTION_TRACE, NULL);
	tap_int_eq(policy_append(p, q, NULL), -E2BIG);
	tap_int_eq(q->n_rules, 1);
	policy_free(p);
	policy_free(q);
}

static void a_rule_has_at_most_16384_items(void)
{
	size_t n = POLICY_MAX_ITEMS;
	char *text = malloc(3 * n + 3);
	struct wl_err err = { 0 };

	for (size_t i = 0; i < n; i++)
		memcpy(text + 3 * i, "#1,", 3);
	strcpy(text + 3 * n - 1, "");
	tap_int_eq(parse_list(ACTION_TRACE, text, NULL, &err), 0);
	strcpy(text + 3 * n - 1, ",#1");
	tap_int_eq(parse_list(ACTION_TRACE, text, NULL, &err), -E2BIG);
	tap_str_eq(err.msg, "t: more than 16384 items");
	free(text);
}

static void conditions_are_counted_for_each_call_of_a_group(void)
{
	const char item[] = "@all[arg0 == 1 || arg0 == 2]";
	struct buf text = { 0 };
	struct wl_err err = { 0 };

	/* Seven words for some 1200 calls. */
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "%s%s", i ? "," : "", item);
	tap_int_eq(parse_list(ACTION_TRACE, text.data, NULL, &err), 0);
	for (int i = 0; i < 60; i++)
		buf_printf(&text, ",%s", item);
	tap_int_eq(parse_list(ACTION_TRACE, text.data, NULL, &err), -E2BIG);
	tap_ok(strstr(err.msg, "conditions of more than 524288 words"));
	buf_done(&text);
}

static void appending_keeps_names_unique_and_lets_given_settings_win(void)
{
	struct wl_err err;
	struct policy *a = from_text("{\"version\":1,\"name\":\"a\",\"events\":\"stderr\","
				     "\"rules\":[{\"action\":\"trace\",\"syscalls\":\"mount\"}]}",
				     &err);
	struct policy *b = from_text("{\"version\":1,\"on-listener-loss\":\"enosys\","
				     "\"rules\":[{\"action\":\"trace\",\"syscalls\":\"dup\"},"
				     "{\"action\":\"log\",\"syscalls\":\"dup\"}]}",
				     &err);

	tap_int_eq(a && b ? policy_append(a, b, &err) : -1, 0);
	if (!a || !b)
		return;
	tap_int_eq(a->n_rules, 3);
	tap_str_eq(a->rules[0].name, "trace#1");
	tap_str_eq(a->rules[1].name, "trace#1#1");
	tap_str_eq(a->rules[2].name, "log#1");
	tap_str_eq(a->events, "stderr");
	tap_str_eq(a->name, "a");
	tap_int_eq(a->on_loss, LOSS_ENOSYS);
	tap_int_eq(b->n_rules, 0);
	policy_free(a);
	policy_free(b);
}

static void every_handler_row_is_sorted_complete_and_parses(void)
{
	for (size_t i = 0; handler_specs[i]; i++) {
		const struct handler_spec *s = handler_specs[i];
		struct policy *p = policy_new();
		struct rule *rule = policy_add_rule(p, ACTION_EMULATE, NULL);
		struct wl_err err = { 0 };

		tap_ok(i == 0 || strcmp(handler_specs[i - 1]->name, s->name) < 0);
		tap_ok(handler_spec_find(s->name) == s);
		tap_ok(s->help && handler_spec_option(s, s->default_option));
		rule->handler = s;
		tap_int_eq(policy_parse_list(rule, s->calls, s->name, &err), 0);
		tap_str_eq(err.msg, "");
		for (const struct option_spec *o = s->options; o->key; o++) {
			tap_int_eq(handler_spec_check(s, o->key, o->fallback, &err), 0);
			tap_ok(o->help != NULL);
		}
		policy_free(p);
	}
	tap_ok(!handler_spec_find("mkno"));
}

static void every_action_has_its_row(void)
{
	for (int i = 0; i < ACTION_COUNT; i++) {
		tap_int_eq(action_rows[i].action, i);
		tap_ok(action_rows[i].name != NULL);
	}
}

int main(void)
{
	TAP_RUN(items_end_at_commas_outside_brackets_and_quotes);
	TAP_RUN(an_errno_follows_the_item);
	TAP_RUN(malformed_lists_are_refused_at_their_place);
	TAP_RUN(the_other_entry_of_a_multiplexed_call_comes_with_it);
	TAP_RUN(a_group_takes_the_calls_that_have_the_argument);
	TAP_RUN(a_document_comes_back_as_it_went);
	TAP_RUN(emulate_takes_the_calls_of_its_handler);
	TAP_RUN(mistakes_in_documents_are_named_with_their_place);
	TAP_RUN(a_policy_has_at_most_1024_rules);
	TAP_RUN(a_rule_has_at_most_16384_items);
	TAP_RUN(conditions_are_counted_for_each_call_of_a_group);
	TAP_RUN(appending_keeps_names_unique_and_lets_given_settings_win);
	TAP_RUN(every_handler_row_is_sorted_complete_and_parses);
	TAP_RUN(every_action_has_its_row);
	return TAP_DONE();
}
