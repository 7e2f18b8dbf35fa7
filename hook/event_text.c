/* SPDX-License-Identifier: Apache-2.0 */
/* An event as a line for people. */
#include "hook/event_text.h"

#include <string.h>

#include "arch/abi.h"
#include "arch/base/cleanup.h"
#include "arch/sysno.h"

#define SYMBOL_FOR_NUL "\xe2\x90\x80" /* U+2400 */

void event_text_prepare(char *line, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (line[i] != '\\')
			continue;
		if (i + 6 <= len && memcmp(line + i + 1, "u0000", 5) == 0)
			line[i + 2] = '2', line[i + 3] = '4';
		i++;
	}
}

/* Text without what could forge a line or speak to a terminal: C0, DEL and C1 (as U+0080..U+009f). */
static void put_safe(struct buf *out, const char *text, bool is_quoted)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (strncmp((const char *)s, SYMBOL_FOR_NUL, 3) == 0) {
			buf_puts(out, "\\0");
			s += 2;
		} else if (*s == '\n') {
			buf_puts(out, "\\n");
		} else if (*s == '\t') {
			buf_puts(out, "\\t");
		} else if (is_quoted && (*s == '"' || *s == '\\')) {
			buf_printf(out, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			buf_printf(out, "\\x%02x", *s);
		} else if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) {
			buf_printf(out, "\\x%02x", s[1]);
			s++;
		} else {
			buf_append(out, s, 1);
		}
	}
}

static void put_quoted(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	put_safe(out, text, true);
	buf_puts(out, "\"");
}

static const char *token_end(const char *s)
{
	return s + strcspn(s, "|");
}

static bool is_name_or_number(const char *s, size_t len)
{
	size_t upper = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	if (len > 2 && s[0] == '0' && s[1] == 'x')
		return strspn(s + 2, "0123456789abcdef") + 2 >= len;
	return len && upper >= len;
}

/* Flags, enumerations, addresses, modes: what strace shows without quotes. */
static bool is_symbolic(const char *s)
{
	if (*s == '~')
		s++;
	if (!*s)
		return false;
	for (;;) {
		const char *end = token_end(s);

		if (!is_name_or_number(s, (size_t)(end - s)))
			return false;
		if (!*end)
			return true;
		s = end + 1;
	}
}

/* "c 1:3", "1:3" */
static bool is_device(const char *s)
{
	size_t major, minor;

	if ((*s == 'c' || *s == 'b') && s[1] == ' ')
		s += 2;
	major = strspn(s, "0123456789");
	if (!major || s[major] != ':')
		return false;
	minor = strspn(s + major + 1, "0123456789");
	return minor && !s[major + 1 + minor];
}

static void put_value(struct buf *out, const struct json *v, bool is_text);

/* "<name><suffix>" in the same object. */
static const struct json *sibling(const struct json *object, const char *name, const char *suffix)
{
	char key[128];
	int n = snprintf(key, sizeof(key), "%s%s", name, suffix);

	return n > 0 && n < (int)sizeof(key) ? json_get(object, key) : NULL;
}

static bool has_suffix(const struct json *object, const char *key, const char *suffix)
{
	size_t len = strlen(key), n = strlen(suffix);
	char name[128];

	if (len <= n || strcmp(key + len - n, suffix) != 0 || len - n >= sizeof(name))
		return false;
	memcpy(name, key, len - n);
	name[len - n] = '\0';
	return json_get(object, name) != NULL;
}

/* One argument or member, unless it only says something about another one. */
static bool put_member(struct buf *out, const struct json *object, size_t i, bool has_keys,
		       bool is_text, bool is_first)
{
	const char *key = object->u.list.keys[i];

	if (has_suffix(object, key, "_cut") || has_suffix(object, key, "_error"))
		return false;
	if (!is_first)
		buf_puts(out, ", ");
	if (has_keys) {
		put_safe(out, key, false);
		buf_puts(out, "=");
	}
	put_value(out, object->u.list.items[i], is_text && !sibling(object, key, "_error"));
	if (sibling(object, key, "_cut"))
		buf_puts(out, "...");
	return true;
}

static void put_object(struct buf *out, const struct json *v)
{
	bool is_first = true;

	buf_puts(out, "{");
	for (size_t i = 0; i < v->u.list.n; i++)
		if (put_member(out, v, i, true, false, is_first))
			is_first = false;
	buf_puts(out, "}");
}

static void put_value(struct buf *out, const struct json *v, bool is_text)
{
	switch (v->type) {
	case JSON_NULL:
		buf_puts(out, "NULL");
		break;
	case JSON_BOOL:
		buf_puts(out, v->u.boolean ? "true" : "false");
		break;
	case JSON_INT:
		if (v->is_big)
			buf_printf(out, "%llu", (unsigned long long)v->u.integer);
		else
			buf_printf(out, "%lld", (long long)v->u.integer);
		break;
	case JSON_DOUBLE:
		buf_printf(out, "%.17g", v->u.number);
		break;
	case JSON_STRING:
		if (!is_text && (is_symbolic(v->u.string.text) || is_device(v->u.string.text)))
			buf_puts(out, v->u.string.text);
		else
			put_quoted(out, v->u.string.text);
		break;
	case JSON_ARRAY:
		buf_puts(out, "[");
		for (size_t i = 0; i < v->u.list.n; i++) {
			buf_puts(out, i ? ", " : "");
			put_value(out, v->u.list.items[i], is_text);
		}
		buf_puts(out, "]");
		break;
	case JSON_OBJECT:
		put_object(out, v);
		break;
	}
}

static const struct syscall_def *def_of(const char *arch, const char *syscall)
{
	const struct abi *abi = arch ? abi_by_name(arch) : NULL;
	int64_t nr = abi && syscall ? sysno_number(abi, syscall) : -1;

	return nr >= 0 ? sysno_find(abi, (uint32_t)nr) : NULL;
}

/* True if the table says that the argument is a string, whatever it looks like ("A" is a file name). */
static bool is_text_argument(const struct syscall_def *def, const char *name)
{
	int i = def ? sysno_arg(def, name) : -1;

	if (i < 0)
		return false;
	switch (def->args[i].kind) {
	case ARG_PATH:
	case ARG_STR:
	case ARG_STRV:
	case ARG_BUF:
		return true;
	default:
		return false;
	}
}

static void put_call(struct buf *out, const struct json *event)
{
	const char *arch = json_get_string(event, "arch");
	const char *name = json_get_string(event, "syscall");
	const struct json *args = json_get(event, "args");
	const struct syscall_def *def = def_of(arch, name);
	bool is_first = true;

	if (arch && strcmp(arch, abi_native()->name) != 0) {
		put_safe(out, arch, false);
		buf_puts(out, "/");
	}
	put_safe(out, name, false);
	buf_puts(out, "(");
	for (size_t i = 0; args && args->type == JSON_OBJECT && i < args->u.list.n; i++) {
		const char *key = args->u.list.keys[i];

		if (strcmp(key, "args_cut") == 0)
			buf_puts(out, is_first ? "..." : ", ...");
		else if (put_member(out, args, i, false, is_text_argument(def, key), is_first))
			is_first = false;
	}
	buf_puts(out, ")");
}

static void put_result(struct buf *out, const struct json *event)
{
	const struct json *errnum = json_get(event, "errno"), *ret = json_get(event, "return");
	const struct json *latency = json_get(event, "latency_us");

	buf_puts(out, " = ");
	if (errnum) {
		buf_puts(out, "-1 ");
		put_value(out, errnum, false);
	} else if (ret) {
		put_value(out, ret, false);
	} else {
		buf_puts(out, "?");
	}
	if (latency && (latency->type == JSON_INT || latency->type == JSON_DOUBLE))
		buf_printf(out, " <%.6f>",
			   (latency->type == JSON_INT ? (double)latency->u.integer
						      : latency->u.number) /
				   1e6);
}

static void put_word(struct buf *out, const char *before, const char *text)
{
	if (!text || !*text)
		return;
	buf_puts(out, before);
	put_safe(out, text, false);
}

static void put_decision(struct buf *out, const struct json *event)
{
	const char *action = json_get_string(event, "action");
	const char *rule = json_get_string(event, "rule");
	const char *decision = json_get_string(event, "decision");

	if (!action && !rule && !decision)
		return;
	buf_puts(out, " [");
	put_safe(out, action ? action : "?", false);
	put_word(out, " ", json_get_string(event, "handler"));
	put_word(out, " how ", json_get_string(event, "how"));
	if (rule)
		put_word(out, " by rule ", rule);
	if (decision && (!rule || strcmp(decision, "rule") != 0))
		put_word(out, rule ? ", decided by " : " by ", decision);
	put_word(out, ", ", json_get_string(event, "note"));
	buf_puts(out, "]");
}

/* "2026-11-22T12:00:01.123456Z" -> "12:00:01.123456" */
static void put_time(struct buf *out, const char *ts)
{
	const char *t = ts ? strchr(ts, 'T') : NULL;
	size_t len = t ? strspn(t + 1, "0123456789:.") : 0;

	if (len)
		buf_append(out, t + 1, len);
	else
		put_safe(out, ts ? ts : "?", false);
	buf_puts(out, " ");
}

static void put_id(struct buf *out, const struct json *event, const char *key, const char *before)
{
	const struct json *v = json_get(event, key);

	if (!v || v->type != JSON_INT)
		return;
	buf_puts(out, before);
	put_value(out, v, false);
}

/* The start and end of a container, lost events, calls taken back: everything that is no call. */
static void put_other(struct buf *out, const struct json *event, const char *what)
{
	static const char *const shown[] = { "ts", "event", "container" };

	buf_puts(out, " --- ");
	put_safe(out, what ? what : "?", false);
	for (size_t i = 0; i < event->u.list.n; i++) {
		const char *key = event->u.list.keys[i];
		bool is_shown = false;

		for (size_t k = 0; k < ARRAY_SIZE(shown); k++)
			is_shown |= strcmp(key, shown[k]) == 0;
		if (is_shown)
			continue;
		buf_puts(out, " ");
		put_safe(out, key, false);
		buf_puts(out, "=");
		put_value(out, event->u.list.items[i], false);
	}
	buf_puts(out, " ---");
}

void event_text(struct buf *out, const struct json *event)
{
	put_time(out, json_get_string(event, "ts"));
	put_word(out, "", json_get_string(event, "container"));
	if (!json_get_string(event, "syscall")) {
		put_other(out, event, json_get_string(event, "event"));
		buf_puts(out, "\n");
		return;
	}
	buf_puts(out, "[");
	put_id(out, event, "tid", "");
	put_id(out, event, "ns_pid", "/");
	buf_puts(out, "] ");
	put_word(out, "", json_get_string(event, "comm"));
	buf_puts(out, json_get_string(event, "comm") ? " " : "");
	put_call(out, event);
	put_result(out, event);
	put_decision(out, event);
	buf_puts(out, "\n");
}
