/* SPDX-License-Identifier: Apache-2.0 */
/* mknod and mknodat: device nodes for containers in a user namespace. */
#include "specs/handlers/rows.h"

/* A character device 0:0 is an overlayfs whiteout, which the kernel makes for anybody (5.8); FIFOs, sockets
 * and plain files too. Only devices come to us. */
#define IS_DEVICE "[mode & S_IFMT == S_IFCHR && dev != 0 || mode & S_IFMT == S_IFBLK]"

static const struct option_spec options[] = {
	{
		.key = "devices",
		.type = OPTION_DEVICES,
		.fallback = "c 1:3, c 1:5, c 1:7, c 1:8, c 1:9, c 5:0, c 5:1",
		.help = "Device nodes that may be made; EPERM for every other.",
	},
	{
		.key = "strategy",
		.type = OPTION_ENUM,
		.fallback = "auto",
		.values = "auto|node|bind",
		.help = "A real node, a bind mount of the host's node over an empty file, or the "
			"first "
			"where the file system lets it be opened and else the second.",
	},
	{
		.key = "require-cap",
		.type = OPTION_BOOL,
		.fallback = "true",
		.help = "Only callers with CAP_MKNOD in the container's user namespace; others get "
			"EPERM.",
	},
	{ 0 },
};

const struct handler_spec handler_spec_mknod = {
	.name = "mknod",
	.calls = "mknod" IS_DEVICE ", mknodat" IS_DEVICE,
	.default_option = "devices",
	.options = options,
	.help = "Makes the listed device nodes, which the kernel refuses inside a user namespace.",
};
