/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay check`: policy files and host configurations. */
#pragma once

int cmd_check(int argc, char **argv);
