/* SPDX-License-Identifier: Apache-2.0 */
/* mount: file systems of listed block devices for containers in a user namespace. */
#include "specs/handlers/rows.h"

/* Only calls for a new superblock: none of MS_REMOUNT, BIND, MOVE, UNBINDABLE, PRIVATE, SLAVE, SHARED. */
static const struct option_spec options[] = {
	{
		.key = "filesystems",
		.type = OPTION_STRINGS,
		.fallback = "",
		.help = "File system types, TYPE or TYPE:shift (ids shifted to the container's). "
			"Others are left "
			"to the kernel and the profile.",
	},
	{
		.key = "devices",
		.type = OPTION_DEVICES,
		.fallback = "",
		.help = "Block devices that may be mounted from; EPERM for every other.",
	},
	{
		.key = "options",
		.type = OPTION_STRINGS,
		.fallback = "discard, nodiscard, noload, norecovery, acl, noacl, user_xattr, "
			    "nouser_xattr, "
			    "errors=remount-ro, errors=continue",
		.help = "Options in the call's data that may be given, OPTION, OPTION=VALUE or "
			"OPTION=*.",
	},
	{ 0 },
};

const struct handler_spec handler_spec_mount = {
	.name = "mount",
	.calls = "mount[flags & 0x1e3020 == 0]",
	.default_option = "filesystems",
	.options = options,
	.help = "Mounts listed file systems from listed block devices, nosuid and nodev for good, "
		"which the "
		"kernel refuses inside a user namespace.",
};
