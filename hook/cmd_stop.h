/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay stop` */
#pragma once

int cmd_stop(int argc, char **argv);
