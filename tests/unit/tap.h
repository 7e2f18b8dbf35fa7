/* SPDX-License-Identifier: Apache-2.0 */
/* TAP in a few lines. A test is a function whose name is a sentence; TAP_RUN prints it. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_bad_checks, tap_bad_tests;
static char tap_skip_reason[128];

#define TAP_RUN(fn)                                                                               \
	do {                                                                                      \
		char tap_name[128];                                                               \
                                                                                                  \
		tap_bad_checks = 0;                                                               \
		tap_skip_reason[0] = '\0';                                                        \
		fn();                                                                             \
		snprintf(tap_name, sizeof(tap_name), "%s", #fn);                                  \
		for (char *tap_p = tap_name; *tap_p; tap_p++)                                     \
			if (*tap_p == '_')                                                        \
				*tap_p = ' ';                                                     \
		printf("%sok %u - %s%s%s\n", tap_bad_checks ? "not " : "", ++tap_count, tap_name, \
		       tap_skip_reason[0] ? " # SKIP " : "", tap_skip_reason);                    \
		fflush(stdout);                                                                   \
		tap_bad_tests += tap_bad_checks ? 1 : 0;                                          \
	} while (0)

#define TAP_DONE() (printf("1..%u\n", tap_count), tap_bad_tests ? 1 : 0)

#define tap_skip(reason)                                                            \
	do {                                                                        \
		snprintf(tap_skip_reason, sizeof(tap_skip_reason), "%s", (reason)); \
		return;                                                             \
	} while (0)

#define tap_ok(cond)                                                                  \
	do {                                                                          \
		if (!(cond)) {                                                        \
			printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			tap_bad_checks++;                                             \
		}                                                                     \
	} while (0)

#define tap_int_eq(a, b)                                                                         \
	do {                                                                                     \
		intmax_t tap_a = (intmax_t)(a), tap_b = (intmax_t)(b);                           \
                                                                                                 \
		if (tap_a != tap_b) {                                                            \
			printf("# %s:%d: %s is %" PRIdMAX ", expected %" PRIdMAX "\n", __FILE__, \
			       __LINE__, #a, tap_a, tap_b);                                      \
			tap_bad_checks++;                                                        \
		}                                                                                \
	} while (0)

#define tap_str_eq(a, b)                                                                       \
	do {                                                                                   \
		const char *tap_a = (a), *tap_b = (b);                                         \
                                                                                               \
		if (!tap_a || !tap_b || strcmp(tap_a, tap_b) != 0) {                           \
			printf("# %s:%d: %s is '%s', expected '%s'\n", __FILE__, __LINE__, #a, \
			       tap_a ? tap_a : "(null)", tap_b ? tap_b : "(null)");            \
			tap_bad_checks++;                                                      \
		}                                                                              \
	} while (0)
