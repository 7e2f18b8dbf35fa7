/* SPDX-License-Identifier: Apache-2.0 */
/* Call lists: `openat[flags & O_CREAT], i386/mount:EPERM, @network, #451` -> items of a rule. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/handler_spec.h"
#include "specs/multiplex.h"
#include "specs/policy_rows.h"

#define NR_MAX ((1 << 30) - 1) /* bit 30 is x32's */

struct list {
	struct rule *rule;
	const char *text, *what;
	const char *item, *item_end; /* of the item at hand, without white space around it */
	struct wl_err *err;
};

__attribute__((format(printf, 3, 4))) static int fail_at(struct list *l, const char *at,
							 const char *fmt, ...)
{
	char why[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return wl_err_say(l->err, -EINVAL, "%s: position %zu: %s", l->what,
			  (size_t)(at - l->text) + 1, why);
}

void call_item_done(struct call_item *item)
{
	free(item->name);
	free(item->text);
	condition_free(item->condition);
	*item = (struct call_item){ 0 };
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* End of the item that starts at p: a comma outside brackets, or the end of the text. */
static int find_end(struct list *l, const char *p, const char **ret_end)
{
	const char *open = NULL;
	char quote = 0;

	for (; *p; p++) {
		if (quote) {
			if (*p == '\\' && p[1])
				p++;
			else if (*p == quote)
				quote = 0;
		} else if (open && (*p == '"' || *p == '\'')) {
			quote = *p;
		} else if (!open && *p == '[') {
			open = p;
		} else if (open && *p == ']') {
			open = NULL;
		} else if (!open && *p == ',') {
			break;
		}
	}
	if (open)
		return fail_at(l, open,
			       quote ? "'[' without its ']' (a quote is open)"
				     : "'[' without its ']'");
	*ret_end = p;
	return 0;
}

static int parse_abi(struct list *l, const char **p, struct call_item *item)
{
	const char *end = *p;
	char name[32];
	size_t len;

	while (is_name_char(*end))
		end++;
	if (*end != '/')
		return 0;
	len = (size_t)(end - *p);
	snprintf(name, sizeof(name), "%.*s", (int)len, *p);
	item->abi = len < sizeof(name) ? abi_by_name(name) : NULL;
	if (!item->abi) {
		char known[160] = "";

		for (int i = 0; i < ABI_COUNT; i++)
			snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
				 i ? ", " : "", abi_get((enum abi_index)i)->name);
		return fail_at(l, *p, "unknown ABI '%s'; there are %s", name, known);
	}
	*p = end + 1;
	return 0;
}

static int check_name(struct list *l, const char *at, const struct call_item *item)
{
	_cleanup_(buf_done) struct buf other = { 0 };
	const char *close;

	if (!sysno_is_known(item->name)) {
		close = sysno_suggest(item->name);
		return fail_at(l, at, "unknown syscall '%s'%s%s%s", item->name,
			       close ? "; did you mean '" : "", close ? close : "",
			       close ? "'?" : "");
	}
	if (!item->abi || sysno_number(item->abi, item->name) >= 0)
		return 0;
	if (multiplex_item(item, l->rule->action, &other) && !other.failed)
		return fail_at(l, at, "%s has no syscall '%s' of its own; write %s",
			       item->abi->name, item->name, other.data);
	return fail_at(l, at, "%s has no syscall '%s'", item->abi->name, item->name);
}

static int parse_group(struct list *l, const char *at, const char *name, struct call_item *item)
{
	item->groups = sysno_group(name);
	if (!item->groups)
		return fail_at(l, at, "unknown group '@%s'; there are %s", name,
			       sysno_group_names());
	return 0;
}

static int parse_number(struct list *l, const char *at, const char *digits, struct call_item *item)
{
	char *end;

	errno = 0;
	item->nr = strtoll(digits, &end, 10);
	if (!isdigit((unsigned char)*digits) || *end || errno || item->nr > NR_MAX)
		return fail_at(l, at, "'#%s' is no syscall number", digits);
	return 0;
}

/* (name | '@'group | '#'number) */
static int parse_target(struct list *l, const char **p, struct call_item *item)
{
	const char *at = *p, *end = at + (*at == '@' || *at == '#');
	_cleanup_free_ char *word = NULL;

	for (*p = end; is_name_char(**p);)
		(*p)++;
	if (*p == end)
		return fail_at(l, at, "a syscall's name, @group or #number belongs here");
	word = strndup(end, (size_t)(*p - end));
	if (!word)
		return wl_err_set(l->err, -ENOMEM, "%s", l->what);
	if (strlen(word) > 64)
		return fail_at(l, at, "'%.20s...' is no name of a syscall", word);
	if (*at == '@')
		return parse_group(l, at, word, item);
	if (*at == '#')
		return parse_number(l, at, word, item);
	item->name = TAKE_PTR(word);
	return check_name(l, at, item);
}

static int parse_condition(struct list *l, const char **p, struct call_item *item)
{
	const char *start = *p + 1, *end;
	int r;

	/* find_end() has seen the ']'; the last one before the item's end is not meant: `a[x]:E]`. */
	for (end = start; *end != ']'; end++)
		if (*end == '"' || *end == '\'') {
			char quote = *end;

			for (end++; *end != quote; end++)
				if (*end == '\\')
					end++;
		}
	*p = end + 1;
	r = condition_parse(start, (size_t)(end - start), &item->condition, l->err);
	if (r < 0)
		return wl_err_prefix(l->err, r, "%s: position %zu", l->what,
				     (size_t)(l->item - l->text) + 1);
	return 0;
}

static int parse_errno(struct list *l, const char **p, struct call_item *item)
{
	enum action action = l->rule->action;
	const char *at = *p + 1;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)(l->item_end - at), at);
	if (action != ACTION_DENY && action != ACTION_ERRNO)
		return fail_at(l, *p, "':%s': %s takes no errno", name, action_rows[action].name);
	item->errnum = errno_parse(name);
	if (item->errnum < 0)
		return fail_at(l, at, "unknown errno '%s'; write a name like EPERM or 1..4095",
			       name);
	*p = l->item_end;
	return 0;
}

/* Binds the item's condition for one call. 0, -ENOENT: the call lacks an argument. */
static int try_bind(struct list *l, const struct call_item *item, const struct abi *abi,
		    const struct syscall_def *def)
{
	struct condition_bound *bound = NULL;
	bool needs_memory;
	int r;

	l->rule->n_bound += condition_size(item->condition);
	if (l->rule->n_bound > POLICY_MAX_BOUND)
		return policy_too_many_bound(l->err);
	r = condition_bind(item->condition, abi, def, &bound, l->err);
	if (r < 0)
		return r;
	needs_memory = condition_needs_memory(bound);
	condition_bound_free(bound);
	if (needs_memory && rule_relation(l->rule) == RELATION_RESTRICT)
		return wl_err_say(
			l->err, -EINVAL,
			"'%s' cannot depend on memory (strings): the container can change it after "
			"the check; use 'redirect' with 'strict' for paths",
			action_rows[l->rule->action].name);
	return 0;
}

/* A group's calls without the argument are left out; a group of none such is a mistake. */
static int bind_group(struct list *l, const struct call_item *item, const struct abi *abi,
		      bool *is_bound)
{
	for (size_t i = 0; i < abi->n_numbers; i++) {
		const struct syscall_def *def = sysno_def(&abi->numbers[i]);
		int r;

		if (!def || !(def->groups & item->groups))
			continue;
		r = try_bind(l, item, abi, def);
		if (r < 0 && r != -ENOENT)
			return r;
		*is_bound |= r == 0;
	}
	return 0;
}

static int bind_on(struct list *l, const struct call_item *item, const struct abi *abi,
		   bool *is_bound)
{
	int64_t nr = item->nr;
	int r;

	if (item->groups)
		return bind_group(l, item, abi, is_bound);
	if (item->name)
		nr = sysno_number(abi, item->name);
	else
		nr |= abi->nr_bit;
	if (nr < 0)
		return 0;
	r = try_bind(l, item, abi, sysno_find(abi, (uint32_t)nr));
	*is_bound |= r == 0;
	return r;
}

/* Every ABI that this machine's kernel runs; any other one for a call that exists only elsewhere. */
static int check_condition(struct list *l, const struct call_item *item)
{
	const struct abi *family[3];
	size_t n = abi_family(abi_native(), family);
	bool is_bound = false;
	int r = 0;

	if (item->abi) {
		family[0] = item->abi;
		n = 1;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		r = bind_on(l, item, family[i], &is_bound);
		if (r == -ENOENT && i > 0)
			wl_err_prefix(l->err, r, "on %s (name the ABI to leave it out: %s/%.40s)",
				      family[i]->name, family[0]->name, item->text);
	}
	for (int i = 0; i < ABI_COUNT && r == 0 && !is_bound && !item->abi; i++)
		r = bind_on(l, item, abi_get((enum abi_index)i), &is_bound);
	if (r == 0 && !is_bound)
		r = wl_err_say(l->err, -EINVAL, "no call of the group has these arguments");
	if (r < 0)
		return wl_err_prefix(l->err, r == -ENOENT ? -EINVAL : r, "%s: position %zu",
				     l->what, (size_t)(l->item - l->text) + 1);
	return 0;
}

/* A handler can carry out its own calls only. */
static int check_handler(struct list *l, const struct call_item *item)
{
	const struct handler_spec *spec = l->rule->handler;
	const char *p;

	if (l->rule->action != ACTION_EMULATE || !spec)
		return 0;
	if (!item->name)
		return fail_at(l, l->item, "emulate takes calls by name");
	for (p = spec->calls; (p = strstr(p, item->name)) != NULL; p++) {
		char before = p == spec->calls ? ',' : p[-1], after = p[strlen(item->name)];

		if ((before == ',' || before == ' ') && !is_name_char(after))
			return 0;
	}
	return fail_at(l, l->item, "handler %s does not take '%s'", spec->name, item->name);
}

static int parse_item(struct list *l, struct call_item *item)
{
	const char *p = l->item;
	int r;

	item->text = strndup(l->item, (size_t)(l->item_end - l->item));
	if (!item->text)
		return wl_err_set(l->err, -ENOMEM, "%s", l->what);
	r = parse_abi(l, &p, item);
	if (r == 0)
		r = parse_target(l, &p, item);
	if (r == 0 && p < l->item_end && *p == '[')
		r = parse_condition(l, &p, item);
	if (r == 0 && p < l->item_end && *p == ':')
		r = parse_errno(l, &p, item);
	if (r == 0 && p < l->item_end)
		r = fail_at(l, p, "'%.*s' does not belong here", (int)(l->item_end - p), p);
	if (r == 0)
		r = check_handler(l, item);
	if (r == 0 && item->condition)
		r = check_condition(l, item);
	return r;
}

static int append_item(struct list *l, struct call_item *take)
{
	struct rule *rule = l->rule;
	struct call_item *items;

	if (rule->n_items == POLICY_MAX_ITEMS)
		return wl_err_say(l->err, -E2BIG, "%s: more than %d items", l->what,
				  POLICY_MAX_ITEMS);
	/* Grows at each power of two: no capacity field needed. */
	if ((rule->n_items & (rule->n_items - 1)) == 0) {
		items = reallocarray(rule->items, rule->n_items ? rule->n_items * 2 : 1,
				     sizeof(*items));
		if (!items)
			return wl_err_set(l->err, -ENOMEM, "%s", l->what);
		rule->items = items;
	}
	rule->items[rule->n_items++] = *take;
	*take = (struct call_item){ 0 };
	return 0;
}

static bool has_item(const struct rule *rule, const char *text)
{
	for (size_t i = 0; i < rule->n_items; i++)
		if (strcmp(rule->items[i].text, text) == 0)
			return true;
	return false;
}

/* Once each: a policy that has been over the wire has them already. */
static int add_other_entry(struct list *l, const struct call_item *item)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (!multiplex_item(item, l->rule->action, &text))
		return 0;
	if (text.failed)
		return wl_err_set(l->err, -ENOMEM, "%s", l->what);
	return has_item(l->rule, text.data)
		       ? 0
		       : policy_parse_list(l->rule, text.data, item->name, l->err);
}

static int read_item(struct list *l)
{
	struct call_item item = { .nr = -1 };
	int r;

	r = parse_item(l, &item);
	if (r == 0)
		r = add_other_entry(l, &item);
	if (r == 0)
		r = append_item(l, &item);
	call_item_done(&item);
	return r;
}

int policy_parse_list(struct rule *rule, const char *text, const char *what, struct wl_err *err)
{
	struct list l = { .rule = rule, .text = text, .what = what, .err = err };
	const char *p = text, *end = text;
	int r;

	for (;; p = end + 1) {
		while (isspace((unsigned char)*p))
			p++;
		l.item = p;
		r = find_end(&l, p, &end);
		if (r < 0)
			return r;
		for (l.item_end = end; l.item_end > p && isspace((unsigned char)l.item_end[-1]);)
			l.item_end--;
		r = read_item(&l);
		if (r < 0 || !*end)
			return r;
	}
}
