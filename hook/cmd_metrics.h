/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay metrics` */
#pragma once

int cmd_metrics(int argc, char **argv);
