/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `waylay doctor`: what is asked of the machine, and where the answers go. */
#pragma once

#include <stdbool.h>

#include "arch/base/buf.h"

enum finding {
	FINDING_OK,
	FINDING_NOTE,	 /* works without, but worse: the remedy says what is lost */
	FINDING_MISSING, /* needed */
};

struct doctor {
	bool as_json;
	unsigned n_missing, n_lines;
	struct buf out; /* owned */
};

/* One line of the report. `remedy` may be NULL for FINDING_OK. */
void doctor_report(struct doctor *d, enum finding finding, const char *name, const char *remedy,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Kernel features, each tried on a child of this process; nothing is guessed from the version. */
void doctor_check_kernel(struct doctor *d);
