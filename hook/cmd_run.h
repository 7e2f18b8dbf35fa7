/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay run`. */
#pragma once

int cmd_run(int argc, char **argv);
