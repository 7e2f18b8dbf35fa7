/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay events`. */
#pragma once

int cmd_events(int argc, char **argv);
