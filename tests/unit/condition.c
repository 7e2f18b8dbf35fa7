/* SPDX-License-Identifier: Apache-2.0 */
/* specs/condition.h and specs/glob.h: precedence, widths and signs, memory, places of errors. */
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "specs/condition.h"
#include "specs/glob.h"
#include "tests/unit/tap.h"

/* Rows of the tests' own: what is tested here does not depend on the tables. */
static const struct syscall_def def_mknodat = {
	.name = "mknodat",
	.nargs = 4,
	.args =
		(const struct syscall_arg[]){
			{ .name = "dirfd", .alias = "dfd", .kind = ARG_DIRFD, .is_signed = true },
			{ .name = "pathname", .kind = ARG_PATH },
			{ .name = "mode", .kind = ARG_MODE, .bits = 16 },
			{ .name = "dev", .kind = ARG_DEV } },
};
static const struct syscall_def def_lseek = {
	.name = "lseek",
	.nargs = 3,
	.args =
		(const struct syscall_arg[]){
			{ .name = "fd", .kind = ARG_UINT },
			{ .name = "offset", .kind = ARG_LONG, .is_signed = true },
			{ .name = "size", .kind = ARG_ULONG } },
};
static const struct syscall_def def_getpid = { .name = "getpid" };

static struct condition_bound *bind_on(const struct abi *abi, const struct syscall_def *def,
				       const char *text, struct wl_err *err)
{
	struct condition_bound *b = NULL;
	struct condition *c = NULL;

	*err = (struct wl_err){ 0 };
	if (condition_parse(text, strlen(text), &c, err) == 0)
		condition_bind(c, abi, def, &b, err);
	condition_free(c);
	return b;
}

static struct condition_bound *bind(const struct syscall_def *def, const char *text)
{
	struct wl_err err;
	struct condition_bound *b = bind_on(abi_get(ABI_X86_64), def, text, &err);

	if (!b)
		printf("# %s\n", err.msg);
	return b;
}

static int eval(const struct syscall_def *def, const char *text, uint64_t a0, uint64_t a1,
		uint64_t a2, uint64_t a3)
{
	struct call call = { .abi = abi_get(ABI_X86_64),
			     .def = def,
			     .data = { .args = { a0, a1, a2, a3 } } };
	struct condition_bound *b = bind(def, text);
	int r = -1;

	if (b)
		r = condition_eval(b, &call, NULL);
	condition_bound_free(b);
	return r;
}

static void precedence_is_that_of_go(void)
{
	static const struct {
		const char *text;
		uint64_t mode, dev;
		int result;
	} rows[] = {
		{ "mode & S_IFMT == S_IFBLK", 0060644, 0, TRI_TRUE },
		{ "mode & S_IFMT == S_IFBLK", 0020644, 0, TRI_FALSE },
		{ "mode & S_IFMT == S_IFCHR && dev != 0 || mode & S_IFMT == S_IFBLK", 020666, 0,
		  TRI_FALSE },
		{ "mode & S_IFMT == S_IFCHR && dev != 0 || mode & S_IFMT == S_IFBLK", 020666, 259,
		  TRI_TRUE },
		{ "mode & S_IFMT == S_IFCHR && dev != 0 || mode & S_IFMT == S_IFBLK", 060666, 0,
		  TRI_TRUE },
		{ "dev == 1 || dev == 2 && mode == 3", 0, 1, TRI_TRUE },
		{ "(dev == 1 || dev == 2) && mode == 3", 0, 1, TRI_FALSE },
		{ "!(dev == 1 || mode == 3)", 3, 2, TRI_FALSE },
		{ "!(dev == 1 || mode == 3)", 4, 2, TRI_TRUE },
		{ "!dev", 0, 0, TRI_TRUE },
		{ "!dev && mode", 0, 0, TRI_FALSE },
		{ "mode & 0111", 0755, 0, TRI_TRUE },
		{ "mode & 0x49", 0644, 0, TRI_FALSE },
		{ "mode & ~0777", 0777, 0, TRI_FALSE },
		{ "mode & ~0777", 01777, 0, TRI_TRUE },
		{ "mode & (S_ISUID | S_ISGID) == S_ISUID", 04755, 0, TRI_TRUE },
		{ "mode & (S_ISUID | S_ISGID) == S_ISUID", 06755, 0, TRI_FALSE },
		{ "dev == makedev(1, 3)", 0, 0x103, TRI_TRUE },
		{ "dev == makedev(4095,1048575)", 0, 0xffffffff, TRI_TRUE },
		{ "dev == makedev(10,  0x1ff)", 0, 0x100aff, TRI_TRUE },
		{ "3 < dev", 0, 4, TRI_TRUE },
		{ "3 < dev", 0, 3, TRI_FALSE },
		{ "3 >= dev", 0, 3, TRI_TRUE },
		{ "1 == 1", 0, 0, TRI_TRUE },
		{ "!(dev == 5) || 1 == 2", 0, 5, TRI_FALSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = eval(&def_mknodat, rows[i].text, 0, 0, rows[i].mode, rows[i].dev);

		if (r != rows[i].result)
			printf("# row %zu: %s\n", i, rows[i].text);
		tap_int_eq(r, rows[i].result);
	}
}

static void the_upper_half_of_a_32_bit_argument_does_not_count(void)
{
	uint64_t junk = 0xdeadbeef00000000;

	tap_int_eq(eval(&def_mknodat, "dev == 259", 0, 0, 0, junk | 259), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "dev > 259", 0, 0, 0, junk | 259), TRI_FALSE);
	tap_int_eq(eval(&def_mknodat, "dirfd < 0", junk | 0xffffff9c, 0, 0, 0), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "dirfd < 0", junk | 3, 0, 0, 0), TRI_FALSE);
	tap_int_eq(eval(&def_mknodat, "dirfd == AT_FDCWD", junk | 0xffffff9c, 0, 0, 0), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "dirfd >= AT_FDCWD", 0xffffff9c, 0, 0, 0), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "dirfd == -1", 0x00000000ffffffff, 0, 0, 0), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "dfd == 0xffffffff", 0xffffffff, 0, 0, 0), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "mode == 0644", 0, 0, 0xabcd01a4, 0), TRI_TRUE);
	tap_int_eq(eval(&def_mknodat, "mode & 0177777 > 0644", 0, 0, 0xabcd01a4, 0), TRI_FALSE);
}

static void words_compare_with_64_bits_and_their_sign(void)
{
	tap_int_eq(eval(&def_lseek, "offset < 0", 0, UINT64_MAX, 0, 0), TRI_TRUE);
	tap_int_eq(eval(&def_lseek, "offset >= -9223372036854775808", 0, 1ull << 63, 0, 0),
		   TRI_TRUE);
	tap_int_eq(eval(&def_lseek, "size > 0x7fffffffffffffff", 0, 0, UINT64_MAX, 0), TRI_TRUE);
	tap_int_eq(eval(&def_lseek, "size == 0xffffffffffffffff", 0, 0, UINT64_MAX, 0), TRI_TRUE);
	tap_int_eq(eval(&def_lseek, "size & 0x100000000", 0, 0, 1ull << 32, 0), TRI_TRUE);
	tap_int_eq(eval(&def_lseek, "fd < 0x80000000", 0xffffffff, 0, 0, 0), TRI_FALSE);
}

static void a_word_of_a_32_bit_abi_is_32_bits(void)
{
	struct call call = { .abi = abi_get(ABI_I386),
			     .def = &def_lseek,
			     .data = { .args = { 0, 0xffffffff, 0, 0 } } };
	struct wl_err err;
	struct condition_bound *b = bind_on(call.abi, &def_lseek, "offset < 0", &err);

	tap_ok(b && condition_tree(b)->width == 32 && condition_tree(b)->is_signed);
	tap_ok(b && condition_eval(b, &call, NULL) == TRI_TRUE);
	condition_bound_free(b);
	tap_ok(!bind_on(call.abi, &def_lseek, "size == 0x100000000", &err));
	tap_str_eq(err.msg, "condition 'size == 0x100000000': column 9: the constant does not fit "
			    "argument 'size' (32 bits, unsigned)");
}

static void errors_name_column_and_remedy(void)
{
	static const struct {
		const struct syscall_def *def;
		const char *text, *say;
	} rows[] = {
		{ &def_mknodat, "mode & S_X", "column 8: unknown constant 'S_X'" },
		{ &def_mknodat, "mode &", "column 7: the condition ends too early" },
		{ &def_mknodat, "", "column 1: the condition ends too early" },
		{ &def_mknodat, "foo == 1",
		  "column 1: mknodat has no argument 'foo'; it has dirfd, "
		  "pathname, mode, dev" },
		{ &def_getpid, "fd", "column 1: getpid has no argument 'fd'; it has none at all" },
		{ &def_mknodat, "mode = 1", "column 6: '=' is no comparison; write ==" },
		{ &def_mknodat, "mode == 1 == 1",
		  "column 11: comparisons do not chain; join them by &&" },
		{ &def_mknodat, "(mode == 1", "column 11: ')' is missing" },
		{ &def_mknodat, "mode == 1)", "column 10: the condition should have ended here" },
		{ &def_mknodat, "mode == 08",
		  "column 9: no number; decimal, 0x hexadecimal and 0 octal "
		  "are known" },
		{ &def_mknodat, "mode == 1x",
		  "column 9: no number; decimal, 0x hexadecimal and 0 octal "
		  "are known" },
		{ &def_mknodat, "mode == 18446744073709551616",
		  "column 9: a number of more than 64 bits" },
		{ &def_mknodat, "path ~ \"a", "column 8: a string without its closing quote" },
		{ &def_mknodat, "path ~ 3", "column 8: '~' takes a pattern in quotes" },
		{ &def_mknodat, "path < \"x\"", "column 6: strings know ==, !=, ~ and !~ only" },
		{ &def_mknodat, "mode ~ \"x\"", "column 1: argument 'mode' is no string" },
		{ &def_mknodat, "\"x\"",
		  "column 1: a string alone says nothing; write path ~ \"...\"" },
		{ &def_mknodat, "\"x\" == path",
		  "column 5: a string is compared with an argument, written "
		  "on the left" },
		{ &def_mknodat, "path ~ \"a\\\\\"", "column 8: pattern \"a\\\" ends in '\\'" },
		{ &def_mknodat, "mode == dev",
		  "column 6: an argument is compared with a constant, not "
		  "with another argument" },
		{ &def_mknodat, "mode & dev",
		  "column 6: '&' takes an argument and a constant; use && "
		  "between conditions" },
		{ &def_mknodat, "mode | 1",
		  "column 6: '|' joins constants; use || between conditions" },
		{ &def_mknodat, "~mode", "column 1: '~' is for constants" },
		{ &def_mknodat, "(mode == 1) & 1",
		  "column 7: this is true or false, and no number to "
		  "compute with" },
		{ &def_mknodat, "dev < -1",
		  "column 7: the constant does not fit argument 'dev' (32 bits, "
		  "unsigned)" },
		{ &def_mknodat, "dirfd < 0x80000000",
		  "column 9: the constant does not fit argument "
		  "'dirfd' (32 bits, signed)" },
		{ &def_mknodat, "dev == 0x100000000",
		  "column 8: the constant does not fit argument 'dev' "
		  "(32 bits, unsigned)" },
		{ &def_mknodat, "mode == 0200000",
		  "column 9: the constant does not fit argument 'mode' "
		  "(16 bits, unsigned)" },
		{ &def_mknodat, "makedev(1)", "column 10: makedev(major, minor) is written so" },
		{ &def_mknodat, "makedev(x, 1)",
		  "column 9: makedev(major, minor) takes two numbers" },
		{ &def_mknodat, "dev == makedev(4096, 1)",
		  "column 8: a major is below 4096, a minor below "
		  "1048576" },
		{ &def_mknodat, "mode $ 1", "column 6: a character that means nothing here" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_err err;
		char want[640];

		snprintf(want, sizeof(want), "condition '%s': %s", rows[i].text, rows[i].say);
		tap_ok(!bind_on(abi_get(ABI_X86_64), rows[i].def, rows[i].text, &err));
		tap_str_eq(err.msg, want);
	}
}

static void limits_of_length_and_depth_hold(void)
{
	char text[5000];
	struct condition *c = NULL;

	memset(text, '(', 33);
	strcpy(text + 32, "1");
	memset(text + 33, ')', 32);
	tap_int_eq(condition_parse(text, 65, &c, NULL), 0);
	condition_free(c);
	memset(text, '(', 33);
	strcpy(text + 33, "1");
	memset(text + 34, ')', 33);
	c = NULL;
	tap_int_eq(condition_parse(text, 67, &c, NULL), -EINVAL);
	memset(text, '!', 4000);
	text[4000] = '1';
	tap_int_eq(condition_parse(text, 4001, &c, NULL), -EINVAL);
	memset(text, ' ', sizeof(text));
	text[0] = '1';
	tap_int_eq(condition_parse(text, 4097, &c, NULL), -EINVAL);
	tap_int_eq(condition_parse(text, 4096, &c, NULL), 0);
	condition_free(c);
	for (int i = 0; i < 1000; i++)
		memcpy(text + 2 * i, i < 999 ? "1|" : "1 ", 2);
	c = NULL;
	tap_int_eq(condition_parse(text, 2000, &c, NULL), -EINVAL);
}

static void negation_is_in_the_leaves_and_constants_are_gone(void)
{
	struct condition_bound *b = bind(&def_mknodat, "!(path ~ \"/a\" && (dev < 3 || 1 == 2))");
	const struct cnode *n = b ? condition_tree(b) : NULL;

	tap_ok(n && n->op == CNODE_OR);
	/* The test that costs no read of memory comes first. */
	tap_ok(n && n->a->op == CNODE_TEST && n->a->cmp == CMP_GE && n->a->value == 3);
	tap_ok(n && n->a->mask == UINT32_MAX && n->a->arg == 3);
	tap_ok(n && n->b->op == CNODE_MEMORY && n->b->arg == 1);
	tap_ok(b && condition_needs_memory(b));
	condition_bound_free(b);
	b = bind(&def_mknodat, "path ~ \"/a\" && 0");
	tap_ok(b && condition_tree(b)->op == CNODE_CONST && !condition_needs_memory(b));
	condition_bound_free(b);
}

static const char *fake_text;
static unsigned fake_reads;

static ssize_t fake_read(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	size_t have = strlen(fake_text) + 1;

	fake_reads++;
	if (addr < 0x1000 || addr >= 0x1000 + have)
		return -EFAULT;
	have -= addr - 0x1000;
	memcpy(buf, fake_text + (addr - 0x1000), len < have ? len : have);
	return (ssize_t)(len < have ? len : have);
}

static int eval_path(const char *text, uint64_t addr, bool may_read, const char *path)
{
	struct call call = { .abi = abi_get(ABI_X86_64),
			     .def = &def_mknodat,
			     .data = { .args = { 0, addr, 0, 5 } } };
	struct condition_bound *b = bind(&def_mknodat, text);
	struct mem mem = { .read = fake_read };
	static struct string_copy copy;
	struct string_copies copies = { .mem = may_read ? &mem : NULL, .of = { NULL, &copy } };
	int r;

	memset(&copy, 0, sizeof(copy));
	fake_text = path;
	r = b ? (int)condition_eval(b, &call, &copies) : -1;
	condition_bound_free(b);
	return r;
}

static void strings_are_compared_on_one_copy(void)
{
	tap_int_eq(eval_path("path == \"/a\"", 0x1000, true, "/a"), TRI_TRUE);
	tap_int_eq(eval_path("pathname != \"/a\"", 0x1000, true, "/a"), TRI_FALSE);
	tap_int_eq(eval_path("arg1 ~ '/etc/*'", 0x1000, true, "/etc/x"), TRI_TRUE);
	tap_int_eq(eval_path("path !~ \"/etc/*\"", 0x1000, true, "/etc/x/y"), TRI_TRUE);
	fake_reads = 0;
	tap_int_eq(
		eval_path("path == \"/b\" || path == \"/c\" || path == \"/a\"", 0x1000, true, "/a"),
		TRI_TRUE);
	tap_int_eq(fake_reads, 1);
	fake_reads = 0;
	tap_int_eq(eval_path("path == \"/b\" && dev == 6", 0x1000, true, "/b"), TRI_FALSE);
	tap_int_eq(fake_reads, 0);
	tap_int_eq(eval_path("path == 'it\\'s' ", 0x1000, true, "it's"), TRI_TRUE);
}

static void unreadable_memory_is_false_and_unread_memory_unknown(void)
{
	char path[5000];

	tap_int_eq(eval_path("path == \"/a\"", 0, true, "/a"), TRI_FALSE);
	tap_int_eq(eval_path("path != \"/a\"", 0, true, "/a"), TRI_FALSE);
	tap_int_eq(eval_path("!(path == \"/a\")", 0, true, "/a"), TRI_FALSE);
	tap_int_eq(eval_path("path == \"/a\"", 0x1000, false, "/a"), TRI_UNKNOWN);
	tap_int_eq(eval_path("path == \"/a\" || dev == 5", 0x1000, false, "/a"), TRI_TRUE);
	tap_int_eq(eval_path("path == \"/a\" && dev == 6", 0x1000, false, "/a"), TRI_FALSE);
	tap_int_eq(eval_path("path == \"/a\" || dev == 6", 0x1000, false, "/a"), TRI_UNKNOWN);
	memset(path, 'x', sizeof(path) - 1);
	path[4095] = '\0';
	tap_int_eq(eval_path("path ~ \"x**\"", 0x1000, true, path), TRI_TRUE);
	path[4095] = 'x';
	path[4999] = '\0';
	tap_int_eq(eval_path("path ~ \"x**\"", 0x1000, true, path), TRI_FALSE);
	tap_int_eq(eval_path("path != \"x\"", 0x1000, true, path), TRI_FALSE);
}

static bool slow_match(const char *p, const char *t)
{
	if (!*p)
		return !*t;
	if (p[0] == '*' && p[1] == '*') {
		while (p[1] == '*')
			p++;
		return slow_match(p + 1, t) || (*t && slow_match(p - 1, t + 1));
	}
	if (*p == '*')
		return slow_match(p + 1, t) || (*t && *t != '/' && slow_match(p, t + 1));
	if (!*t)
		return false;
	return (*p == *t || (*p == '?' && *t != '/')) && slow_match(p + 1, t + 1);
}

static int match(const char *pattern, const char *text)
{
	struct glob *g = NULL;
	int r;

	if (glob_new(pattern, &g, NULL) < 0)
		return -1;
	r = glob_match(g, text, strlen(text));
	glob_free(g);
	return r;
}

static void patterns_match_as_documented(void)
{
	unsigned seed = 7, bad = 0;

	tap_int_eq(match("/etc/*", "/etc/passwd"), 1);
	tap_int_eq(match("/etc/*", "/etc/"), 1);
	tap_int_eq(match("/etc/*", "/etc/a/b"), 0);
	tap_int_eq(match("/etc/**", "/etc/a/b"), 1);
	tap_int_eq(match("/etc", "/etc/"), 0);
	tap_int_eq(match("", ""), 1);
	tap_int_eq(match("", "a"), 0);
	tap_int_eq(match("\\*", "*"), 1);
	tap_int_eq(match("\\*", "a"), 0);
	tap_int_eq(match("[a]", "[a]"), 1);
	for (int i = 0; i < 20000; i++) {
		char pattern[8], text[9];
		unsigned n = 0, m = 0;

		for (seed = seed * 1103515245 + 12345; n < (seed >> 16) % 7; n++)
			pattern[n] = "ab/?**"[((seed = seed * 1103515245 + 12345) >> 16) % 6];
		for (seed = seed * 1103515245 + 12345; m < (seed >> 16) % 8; m++)
			text[m] = "ab/"[((seed = seed * 1103515245 + 12345) >> 16) % 3];
		pattern[n] = text[m] = '\0';
		if (match(pattern, text) == slow_match(pattern, text))
			continue;
		printf("# '%s' on '%s'\n", pattern, text);
		bad++;
	}
	tap_int_eq(bad, 0);
}

static void a_pattern_may_have_255_elements(void)
{
	char pattern[GLOB_MAX + 2], text[GLOB_MAX + 1];

	memset(pattern, '?', sizeof(pattern));
	memset(text, 'x', sizeof(text));
	pattern[GLOB_MAX + 1] = text[GLOB_MAX] = '\0';
	tap_int_eq(match(pattern, text), -1);
	pattern[GLOB_MAX] = '\0';
	tap_int_eq(match(pattern, text), 1);
	text[GLOB_MAX - 1] = '/';
	tap_int_eq(match(pattern, text), 0);
}

static void a_hostile_path_costs_no_quadratic_time(void)
{
	char *text = malloc(1 << 20);
	struct glob *g = NULL;

	memset(text, 'a', 1 << 20);
	tap_int_eq(glob_new("**a*a**a*b", &g, NULL), 0);
	tap_ok(!glob_match(g, text, 1 << 20));
	glob_free(g);
	free(text);
}

static void raw_numbers_have_six_raw_arguments(void)
{
	tap_int_eq(eval(NULL, "arg1 == 0x100000000", 0, 1ull << 32, 0, 0), TRI_TRUE);
	tap_int_eq(eval(NULL, "arg5 == 0 && arg0 > 1", UINT64_MAX, 0, 0, 0), TRI_TRUE);
}

int main(void)
{
	TAP_RUN(precedence_is_that_of_go);
	TAP_RUN(the_upper_half_of_a_32_bit_argument_does_not_count);
	TAP_RUN(words_compare_with_64_bits_and_their_sign);
	TAP_RUN(a_word_of_a_32_bit_abi_is_32_bits);
	TAP_RUN(errors_name_column_and_remedy);
	TAP_RUN(limits_of_length_and_depth_hold);
	TAP_RUN(negation_is_in_the_leaves_and_constants_are_gone);
	TAP_RUN(strings_are_compared_on_one_copy);
	TAP_RUN(unreadable_memory_is_false_and_unread_memory_unknown);
	TAP_RUN(patterns_match_as_documented);
	TAP_RUN(a_pattern_may_have_255_elements);
	TAP_RUN(a_hostile_path_costs_no_quadratic_time);
	TAP_RUN(raw_numbers_have_six_raw_arguments);
	return TAP_DONE();
}
