/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments whose meaning another argument decides. */
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/decode/decode.h"

/* clang-format off */
static const struct choice_row fcntl_arg[] = {
	{ 0, ARG_FD, NULL },			/* F_DUPFD */
	{ 1030, ARG_FD, NULL },			/* F_DUPFD_CLOEXEC */
	{ 2, ARG_LFLAGS, "fd_flags" },		/* F_SETFD */
	{ 4, ARG_LFLAGS, "open_flags" },	/* F_SETFL */
	{ 6, ARG_STRUCT, "flock" },		/* F_SETLK */
	{ 7, ARG_STRUCT, "flock" },		/* F_SETLKW */
	{ 5, ARG_STRUCT, "flock" },		/* F_GETLK */
	{ 12, ARG_STRUCT, "flock64" },		/* F_GETLK64 */
	{ 13, ARG_STRUCT, "flock64" },		/* F_SETLK64 */
	{ 14, ARG_STRUCT, "flock64" },		/* F_SETLKW64 */
	{ 36, ARG_STRUCT, "flock64" },		/* F_OFD_GETLK */
	{ 37, ARG_STRUCT, "flock64" },		/* F_OFD_SETLK */
	{ 38, ARG_STRUCT, "flock64" },		/* F_OFD_SETLKW */
	{ 8, ARG_PID, NULL },			/* F_SETOWN */
	{ 10, ARG_SIGNAL, NULL },		/* F_SETSIG */
	{ 1024, ARG_ENUM, "lease_type" },	/* F_SETLEASE */
	{ 1026, ARG_LFLAGS, "dnotify_mask" },	/* F_NOTIFY */
	{ 1031, ARG_INT, NULL },		/* F_SETPIPE_SZ */
	{ 1033, ARG_LFLAGS, "seal_flags" },	/* F_ADD_SEALS */
	{ 1, ARG_NONE, NULL }, { 3, ARG_NONE, NULL }, { 9, ARG_NONE, NULL },
	{ 11, ARG_NONE, NULL }, { 1025, ARG_NONE, NULL }, { 1032, ARG_NONE, NULL },
	{ 1034, ARG_NONE, NULL },
};
static const struct choice_row prctl_arg2[] = {
	{ 1, ARG_SIGNAL, NULL },		/* PR_SET_PDEATHSIG */
	{ 4, ARG_INT, NULL },			/* PR_SET_DUMPABLE */
	{ 15, ARG_STR, NULL },			/* PR_SET_NAME */
	{ 22, ARG_ENUM, "seccomp_mode" },	/* PR_SET_SECCOMP */
	{ 23, ARG_ENUM, "capability" },		/* PR_CAPBSET_READ */
	{ 24, ARG_ENUM, "capability" },		/* PR_CAPBSET_DROP */
	{ 28, ARG_LFLAGS, "securebits" },	/* PR_SET_SECUREBITS */
	{ 35, ARG_ENUM, "prctl_mm" },		/* PR_SET_MM */
	{ 36, ARG_INT, NULL },			/* PR_SET_CHILD_SUBREAPER */
	{ 38, ARG_INT, NULL },			/* PR_SET_NO_NEW_PRIVS */
	{ 47, ARG_ENUM, "cap_ambient_op" },	/* PR_CAP_AMBIENT */
};
static const struct choice_row prctl_arg3[] = {
	{ 22, ARG_STRUCT, "sock_fprog" },	/* PR_SET_SECCOMP */
	{ 47, ARG_ENUM, "capability" },		/* PR_CAP_AMBIENT */
};
static const struct choice_row seccomp_arg[] = {
	{ 1, ARG_STRUCT, "sock_fprog" },	/* SECCOMP_SET_MODE_FILTER */
	{ 2, ARG_STRUCT, "int_value" },		/* SECCOMP_GET_ACTION_AVAIL */
};
static const struct choice_row ptrace_data[] = {
	{ 0x4200, ARG_LFLAGS, "ptrace_options" }, /* PTRACE_SETOPTIONS */
	{ 0x4206, ARG_LFLAGS, "ptrace_options" }, /* PTRACE_SEIZE */
	{ 7, ARG_SIGNAL, NULL },		/* PTRACE_CONT */
	{ 9, ARG_SIGNAL, NULL },		/* PTRACE_SINGLESTEP */
	{ 17, ARG_SIGNAL, NULL },		/* PTRACE_DETACH */
	{ 24, ARG_SIGNAL, NULL },		/* PTRACE_SYSCALL */
};
static const struct choice_row socket_protocol[] = {
	{ 2, ARG_ENUM, "ip_protocol" },		/* AF_INET */
	{ 10, ARG_ENUM, "ip_protocol" },	/* AF_INET6 */
	{ 16, ARG_ENUM, "netlink_protocol" },	/* AF_NETLINK */
};
static const struct choice_row sockopt_name[] = {
	{ 1, ARG_ENUM, "sol_socket" },
	{ 0, ARG_ENUM, "sol_ip" },
	{ 41, ARG_ENUM, "sol_ipv6" },
	{ 6, ARG_ENUM, "sol_tcp" },
	{ 17, ARG_ENUM, "sol_udp" },
	{ 270, ARG_ENUM, "sol_netlink" },
	{ 263, ARG_ENUM, "sol_packet" },
};
/* FUTEX_WAKE and friends pass a number where FUTEX_WAIT has a timeout. */
static const struct choice_row futex_timeout[] = {
	{ 1, ARG_ULONG, NULL }, { 3, ARG_ULONG, NULL }, { 4, ARG_ULONG, NULL },
	{ 5, ARG_ULONG, NULL }, { 7, ARG_ULONG, NULL }, { 8, ARG_ULONG, NULL },
	{ 10, ARG_ULONG, NULL }, { 12, ARG_ULONG, NULL },
};
static const struct choice_row reboot_arg[] = {
	{ 0xa1b2c3d4, ARG_STR, NULL },		/* LINUX_REBOOT_CMD_RESTART2 */
};
static const struct choice_row keyctl_arg2[] = {
	{ 1, ARG_STR, NULL },			/* KEYCTL_JOIN_SESSION_KEYRING */
};
static const struct choice_row semctl_arg[] = {
	{ 16, ARG_INT, NULL },			/* SETVAL */
};
static const struct choice_row ioctl_arg[] = {
	{ 0x5421, ARG_STRUCT, "int_value" },	/* FIONBIO */
	{ 0x5410, ARG_STRUCT, "int_value" },	/* TIOCSPGRP */
};
static const struct choice_row mqueue_mode[] = { { 0, ARG_NONE, NULL } };

#define CHOICE(name, by, mask, kind, set) \
	{ "by_" #name, by, mask, kind, set, name, ARRAY_SIZE(name) }
/* Sorted by name. */
static const struct choice choices[] = {
	CHOICE(fcntl_arg, 1, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(futex_timeout, 1, 0x7f, ARG_STRUCT, "timespec"),
	{ "by_futex_timeout64", 1, 0x7f, ARG_STRUCT, "timespec64", futex_timeout,
	  ARRAY_SIZE(futex_timeout) },
	CHOICE(ioctl_arg, 1, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(keyctl_arg2, 0, UINT32_MAX, ARG_LONG, NULL),
	/* The mode counts only with O_CREAT; __O_TMPFILE needs it too. */
	{ "by_open_mode", 1, 0x400040, ARG_MODE, NULL, mqueue_mode, ARRAY_SIZE(mqueue_mode) },
	{ "by_openat_mode", 2, 0x400040, ARG_MODE, NULL, mqueue_mode, ARRAY_SIZE(mqueue_mode) },
	CHOICE(prctl_arg2, 0, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(prctl_arg3, 0, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(ptrace_data, 0, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(reboot_arg, 2, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(seccomp_arg, 0, UINT32_MAX, ARG_PTR, NULL),
	CHOICE(semctl_arg, 2, 0xff, ARG_PTR, NULL),
	CHOICE(socket_protocol, 0, UINT32_MAX, ARG_INT, NULL),
	CHOICE(sockopt_name, 1, UINT32_MAX, ARG_INT, NULL),
};
/* clang-format on */

static int by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct choice *)row)->name);
}

const struct choice *choice_find(const char *name)
{
	/* Told from a constant set or a structure by the first letters: most names are no choices. */
	if (strncmp(name, "by_", 3) != 0)
		return NULL;
	return bsearch(name, choices, ARRAY_SIZE(choices), sizeof(choices[0]), by_name);
}
