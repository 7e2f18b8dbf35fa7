/* SPDX-License-Identifier: Apache-2.0 */
/* specs/json.h: what is accepted comes back the same after being written, at places inside the text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specs/json.h"

static void must(bool cond, const char *what)
{
	if (cond)
		return;
	fprintf(stderr, "json: %s\n", what);
	abort();
}

/* Every value stands where its first character is. */
static void check_places(const struct json *j, const char *text, size_t len)
{
	static const char *const first[] = {
		"n", "tf", "-0123456789", "-0123456789", "\"", "[", "{"
	};
	unsigned line = 1, column = 1;
	const char *at = NULL;

	for (size_t i = 0; i < len && !at; i++) {
		if ((text[i] & 0xc0) == 0x80)
			continue;
		if (line == j->line && column == j->column)
			at = text + i;
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	must(at && strchr(first[j->type], *at), "a value is not at its place");
	if (j->type != JSON_ARRAY && j->type != JSON_OBJECT)
		return;
	for (size_t i = 0; i < j->u.list.n && i < 64; i++)
		check_places(j->u.list.items[i], text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_freep) struct json *j = NULL, *again = NULL;
	_cleanup_(buf_done) struct buf once = { 0 }, twice = { 0 };
	struct wl_err err = { 0 };

	if (json_parse((const char *)data, size, "fuzz", &j, &err) < 0) {
		must(!j && strncmp(err.msg, "fuzz: ", 6) == 0, "a failure without words");
		return 0;
	}
	check_places(j, (const char *)data, size);
	json_write(&once, j);
	must(json_parse(once.data, once.len, "fuzz", &again, &err) == 0, "what was written");
	json_write(&twice, again);
	must(strcmp(once.data, twice.data) == 0, "written twice");
	return 0;
}
