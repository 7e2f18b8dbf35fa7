/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the steps, for both directions. */
#pragma once

extern const char *const wire_step_names[]; /* by enum wire_step, NULL at the end */
