/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations: lines "KEY=VALUE", the keys without their prefix. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specs/annotations.h"

/* The document that a runtime would hand over. */
static void make_document(struct buf *out, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;

	buf_puts(out, "{\"io.kubernetes.x\":\"y\"");
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, '=');
		_cleanup_free_ char *key = NULL;

		if (!value)
			continue;
		*value++ = '\0';
		if (asprintf(&key, ANNOTATION_PREFIX "%s", line) < 0)
			abort();
		buf_puts(out, ",");
		buf_json_string(out, key);
		buf_puts(out, ":");
		buf_json_string(out, value);
	}
	buf_puts(out, "}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_(buf_done) struct buf document = { 0 }, out = { 0 };
	struct wl_err err = { 0 };

	make_document(&document, text);
	/* A key that stands twice ends here. */
	if (json_parse(document.data, document.len, "fuzz", &doc, &err) < 0)
		return 0;
	if (annotations_parse(doc, "/nonexistent", &policy, &err) < 0) {
		if (!err.msg[0])
			abort();
		return 0;
	}
	if (policy)
		policy_to_json(policy, &out);
	return 0;
}
