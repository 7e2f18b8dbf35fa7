/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of devices as options have them: "c 1:3, c 10:229, b 7:*". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/base/err.h"

#define DEVICE_ANY	UINT32_MAX
#define DEVICE_MAX_MAJ	((1u << 12) - 1) /* as the kernel's new_encode_dev() has them */
#define DEVICE_MAX_MIN	((1u << 20) - 1)
#define DEVICE_LIST_MAX 256

struct device_rule {
	char type;	       /* 'c' or 'b' */
	uint32_t major, minor; /* DEVICE_ANY: every */
};

struct device_list {
	struct device_rule rules[DEVICE_LIST_MAX];
	size_t n;
};

/* The list may be empty. -EINVAL with the entry and the form. */
int device_list_parse(const char *text, struct device_list *ret, struct wl_err *err);
bool device_list_has(const struct device_list *list, char type, uint32_t major, uint32_t minor);
/* True if `list` has every device that `rule` stands for. */
bool device_list_covers(const struct device_list *list, const struct device_rule *rule);
