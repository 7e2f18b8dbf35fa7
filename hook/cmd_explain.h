/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay explain`. */
#pragma once

#include <stdbool.h>

#include "arch/base/err.h"

int cmd_explain(int argc, char **argv);

/* The filters of a running process: sizes, verdicts filter by filter and all together; `calls` in detail. */
int explain_process(int pid, bool show_bpf, const char *dump, char **calls, int n_calls,
		    struct wl_err *err);
