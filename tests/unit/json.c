/* SPDX-License-Identifier: Apache-2.0 */
/* specs/json.h: places, limits, and what is refused. */
#include <stdlib.h>
#include <sys/stat.h>

#include "specs/json.h"
#include "tests/unit/tap.h"

static struct json *parse(const char *text)
{
	struct wl_err err = { 0 };
	struct json *j = NULL;

	if (json_parse(text, strlen(text), "t", &j, &err) < 0)
		printf("# %s\n", err.msg);
	return j;
}

static void check_refused(const char *text, size_t len, int code, const char *say)
{
	struct json *j = (struct json *)&j;
	struct wl_err err = { 0 };

	tap_int_eq(json_parse(text, len, "t", &j, &err), code);
	tap_str_eq(err.msg, say);
	tap_ok(j == (struct json *)&j);
}

static void every_value_knows_its_line_and_column(void)
{
	struct json *j = parse("  {\"a\" : [1,\n -2.5e1 , \"x\\\"\\\\\" ,\ttrue],\r\n"
			       "\"\\u00e9\xc3\xa9\": {\"b\":null}, \"z\":[] }");
	const struct json *a = json_get(j, "a"), *e = json_get(j, "\xc3\xa9\xc3\xa9");
	static const unsigned places[][2] = { { 1, 11 }, { 2, 2 }, { 2, 11 }, { 2, 21 } };

	tap_ok(j && j->line == 1 && j->column == 3);
	tap_ok(a && a->line == 1 && a->column == 10 && a->u.list.n == 4);
	for (size_t i = 0; a && i < 4; i++) {
		tap_int_eq(a->u.list.items[i]->line, places[i][0]);
		tap_int_eq(a->u.list.items[i]->column, places[i][1]);
	}
	tap_str_eq(a ? a->u.list.items[2]->u.string.text : NULL, "x\"\\");
	/* Columns count characters: the e with an accent is one. */
	tap_ok(e && e->line == 3 && e->column == 12);
	tap_ok(json_get(e, "b") && json_get(e, "b")->column == 17);
	tap_ok(json_get(j, "z") && json_get(j, "z")->column == 28);
	json_free(j);
}

static void a_lone_scalar_is_a_document(void)
{
	struct json *j = parse("\n 12");

	tap_ok(j && j->type == JSON_INT && j->u.integer == 12 && j->line == 2 && j->column == 2);
	json_free(j);
}

static void integers_of_64_bits_are_exact(void)
{
	static const char text[] = "[9223372036854775807,-9223372036854775808,"
				   "9223372036854775808,18446744073709551615]";
	struct json *j = parse(text), *o;
	struct buf out = { 0 };
	uint64_t u = 0;
	int64_t v = 7;

	tap_ok(j && j->u.list.items[0]->u.integer == INT64_MAX);
	tap_ok(j && j->u.list.items[1]->u.integer == INT64_MIN);
	json_write(&out, j);
	tap_str_eq(out.data, text);
	buf_done(&out);
	json_free(j);

	o = parse("{\"m\":18446744073709551615,\"n\":-1,\"h\":18446744073709551616,\"d\":1.0}");
	tap_int_eq(json_get_u64(o, "m", &u), 0);
	tap_ok(u == UINT64_MAX);
	tap_int_eq(json_get_u64(o, "n", &u), -EINVAL);
	tap_int_eq(json_get_int(o, "m", INT64_MIN, INT64_MAX, &v), -EINVAL);
	tap_int_eq(json_get_int(o, "n", -1, 0, &v), 0);
	tap_int_eq(v, -1);
	tap_int_eq(json_get_int(o, "n", 0, 5, &v), -EINVAL);
	tap_int_eq(json_get_int(o, "x", 0, 5, &v), -ENOENT);
	tap_int_eq(json_get_int(o, "d", 0, 5, &v), -EINVAL);
	tap_ok(json_get(o, "h") && json_get(o, "h")->type == JSON_DOUBLE);
	json_free(o);
}

static void broken_documents_are_refused_where_they_break(void)
{
	static const struct {
		const char *text, *say;
	} rows[] = {
		{ "", "t: line 1, column 1: parse error: premature EOF" },
		{ " \n ", "t: line 2, column 2: parse error: premature EOF" },
		{ "{\n\"a\": 1,}",
		  "t: line 2, column 8: parse error: invalid object key (must be a string)" },
		{ "[1 2]",
		  "t: line 1, column 4: parse error: after array element, I expect ',' or ']'" },
		{ "[1]\n x", "t: line 2, column 2: parse error: trailing garbage" },
		{ "{} {}", "t: line 1, column 4: parse error: trailing garbage" },
		{ "[1, tru]", "t: line 1, column 5: lexical error: invalid string in json text." },
		{ "[01]",
		  "t: line 1, column 4: parse error: after array element, I expect ',' or ']'" },
		{ "[\"a\nb\"]",
		  "t: line 1, column 2: lexical error: invalid character inside string." },
		{ "[\"\\x\"]",
		  "t: line 1, column 2: lexical error: inside a string, '\\' occurs before a "
		  "character which it may not." },
		{ "[", "t: line 1, column 2: parse error: premature EOF" },
		{ "[/* c */1]",
		  "t: line 1, column 2: lexical error: probable comment found in input "
		  "text, comments are not enabled." },
		{ "{\"a\":1,\n \"b\":{\"a\":2},\"a\":3}",
		  "t: line 2, column 18: key \"a\" is given a second time" },
		{ "[\"a\\u0000b\"]",
		  "t: line 1, column 2: a string holds the character NUL (\\u0000)" },
		{ "{\"a\\u0000b\":1}",
		  "t: line 1, column 2: a string holds the character NUL (\\u0000)" },
		{ "[\"\\ud800\"]", "t: line 1, column 3: half a surrogate pair" },
		{ "[\"\\ud800\\", "t: line 1, column 3: half a surrogate pair" },
		{ "[\"\\ud800\\u0041\"]", "t: line 1, column 3: half a surrogate pair" },
		{ "[\"\\udc00\"]", "t: line 1, column 3: half a surrogate pair" },
		{ "[\"a\xff\"]", "t: line 1, column 4: not valid UTF-8" },
		{ "[\"\xc0\xaf\"]", "t: line 1, column 3: not valid UTF-8" },
		{ "[\"\xed\xa0\x80\"]", "t: line 1, column 3: not valid UTF-8" },
		{ "[1,\v2]", "t: line 1, column 4: a control character" },
		{ "[1e999]", "t: line 1, column 2: number 1e999 is out of range" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_ok(rows[i].text != NULL);
		check_refused(rows[i].text, strlen(rows[i].text), -EINVAL, rows[i].say);
	}
	check_refused("[1]\0", 4, -EINVAL, "t: line 1, column 4: a NUL byte");
}

static void a_surrogate_pair_becomes_one_character(void)
{
	struct json *j = parse("\"\\ud83d\\ude00\\\\u0041\"");

	tap_str_eq(j ? j->u.string.text : NULL, "\xf0\x9f\x98\x80\\u0041");
	json_free(j);
}

static void nesting_ends_at_64_levels(void)
{
	char text[2 * JSON_MAX_DEPTH + 3];
	struct json *j;

	memset(text, '[', JSON_MAX_DEPTH);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	text[2 * JSON_MAX_DEPTH] = '\0';
	j = parse(text);
	tap_ok(j != NULL);
	json_free(j);
	memset(text, '[', JSON_MAX_DEPTH + 1);
	memset(text + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	check_refused(text, 2 * JSON_MAX_DEPTH + 2, -EINVAL,
		      "t: line 1, column 65: more than 64 levels of nesting");
}

static void size_and_number_of_values_are_limited(void)
{
	size_t len = JSON_MAX_SIZE + 1;
	char *text = malloc(len);
	struct json *j = NULL;

	memset(text, ' ', len);
	text[0] = '1';
	check_refused(text, len, -E2BIG, "t: larger than 16777216 bytes");
	tap_int_eq(json_parse(text, len - 1, "t", &j, NULL), 0);
	json_free(j);

	/* 2^20 - 1 members and the array itself are 2^20 values. */
	text[0] = '[';
	for (unsigned i = 0; i < (1u << 20) - 1; i++) {
		text[1 + 2 * i] = '1';
		text[2 + 2 * i] = ',';
	}
	text[2 + 2 * ((1u << 20) - 2)] = ']';
	j = NULL;
	tap_int_eq(json_parse(text, len - 1, "t", &j, NULL), 0);
	json_free(j);
	text[2 + 2 * ((1u << 20) - 2)] = ',';
	text[3 + 2 * ((1u << 20) - 2)] = '1';
	text[4 + 2 * ((1u << 20) - 2)] = ']';
	check_refused(text, len - 1, -E2BIG, "t: line 1, column 2097152: more than 1048576 values");
	free(text);
}

static void a_tree_is_written_as_it_was_read(void)
{
	static const char text[] =
		"{\"b\":[1,-2,1.5,100.0,\"\\\"\\n\\u0001\xc3\xa9\",null,true,false],"
		"\"a\":{},\"c\":[]}";
	struct json *j = parse(text);
	struct buf out = { 0 };

	json_write(&out, j);
	tap_str_eq(out.data, text);
	buf_done(&out);
	json_free(j);
}

static void getters_check_the_type(void)
{
	struct json *j = parse("{\"s\":\"x\",\"b\":true,\"i\":1}");

	tap_str_eq(json_get_string(j, "s"), "x");
	tap_ok(json_get_string(j, "i") == NULL);
	tap_ok(json_get_bool(j, "b", false));
	tap_ok(json_get_bool(j, "i", true));
	tap_ok(json_get(j, "S") == NULL);
	tap_ok(json_get(NULL, "s") == NULL);
	tap_ok(json_get(json_get(j, "s"), "s") == NULL);
	json_free(j);
}

static void only_a_regular_file_is_loaded(void)
{
	char path[] = "/tmp/waylay-json-XXXXXX";
	struct wl_err err = { 0 };
	struct json *j = NULL;
	int fd = mkstemp(path);

	tap_int_eq(write(fd, "{\"a\":}", 6), 6);
	close(fd);
	tap_int_eq(json_load(path, &j, &err), -EINVAL);
	tap_ok(strncmp(err.msg, path, strlen(path)) == 0);
	unlink(path);
	tap_int_eq(json_load(path, &j, &err), -ENOENT);
	tap_int_eq(mkfifo(path, 0600), 0);
	tap_int_eq(json_load(path, &j, &err), -EINVAL);
	tap_ok(strstr(err.msg, "no regular file") != NULL);
	unlink(path);
}

int main(void)
{
	TAP_RUN(every_value_knows_its_line_and_column);
	TAP_RUN(a_lone_scalar_is_a_document);
	TAP_RUN(integers_of_64_bits_are_exact);
	TAP_RUN(broken_documents_are_refused_where_they_break);
	TAP_RUN(a_surrogate_pair_becomes_one_character);
	TAP_RUN(nesting_ends_at_64_levels);
	TAP_RUN(size_and_number_of_values_are_limited);
	TAP_RUN(a_tree_is_written_as_it_was_read);
	TAP_RUN(getters_check_the_type);
	TAP_RUN(only_a_regular_file_is_loaded);
	return TAP_DONE();
}
