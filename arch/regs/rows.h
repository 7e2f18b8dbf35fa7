/* SPDX-License-Identifier: Apache-2.0 */
/* The register rows, one file a family of processors. Offsets are numbers, not offsetof: a row must be
 * there on every machine (tests, simulation). The native file proves them against the system's header. */
#pragma once

#include "arch/regs.h"

extern const struct regs_row regs_row_x86_64;
extern const struct regs_row regs_row_i386;
extern const struct regs_row regs_row_i386_in_64; /* int 0x80 made by 64-bit code */
extern const struct regs_row regs_row_aarch64;
extern const struct regs_row regs_row_arm;
extern const struct regs_row regs_row_riscv64;
extern const struct regs_row regs_row_ppc64le;
extern const struct regs_row regs_row_s390x;
extern const struct regs_row regs_row_loongarch64;
