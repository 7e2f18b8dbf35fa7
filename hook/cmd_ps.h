/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay ps` */
#pragma once

int cmd_ps(int argc, char **argv);
