/* SPDX-License-Identifier: Apache-2.0 */
/* hook/event_text: whatever an event holds, one line comes of it, without control characters. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/event_text.h"

static void check_line(const struct buf *text)
{
	if (text->failed)
		return;
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if ((c < 0x20 && (c != '\n' || i + 1 < text->len)) || c == 0x7f) {
			fprintf(stderr, "byte %02x at %zu: %s\n", c, i, text->data);
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_freep) struct json *event = NULL;
	_cleanup_(buf_done) struct buf text = { 0 };
	_cleanup_free_ char *line = malloc(size + 1);
	struct wl_err err;

	if (!line)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	event_text_prepare(line, size);
	if (json_parse(line, size, "event", &event, &err) < 0 || event->type != JSON_OBJECT)
		return 0;
	event_text(&text, event);
	check_line(&text);
	return 0;
}
