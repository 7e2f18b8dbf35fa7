/* SPDX-License-Identifier: Apache-2.0 */
/* System calls by name and number, with their arguments' names and types: data, one row a call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/abi.h"

#define SYSCALL_ARGS 6

/* How an argument is read and shown. Width and sign follow from it: that is what conditions compare. */
enum arg_kind {
	ARG_NONE,
	ARG_INT,    /* 32 bits, signed */
	ARG_UINT,   /* 32 bits, unsigned */
	ARG_LONG,   /* a word of the ABI, signed */
	ARG_ULONG,  /* a word of the ABI, unsigned (size_t too) */
	ARG_U64,    /* 64 bits, unsigned, in one register (32-bit ABIs have two ARG_UINT instead) */
	ARG_S64,    /* the same, signed (loff_t) */
	ARG_FD,	    /* 32 bits, signed; a file descriptor */
	ARG_DIRFD,  /* the same, AT_FDCWD by name */
	ARG_PID,    /* 32 bits, signed */
	ARG_UID,    /* 32 bits, unsigned, -1 shown as -1 */
	ARG_MODE,   /* octal, with the file type by name */
	ARG_DEV,    /* 32 bits: "1:3" (12-bit major, 20-bit minor: new_decode_dev) */
	ARG_FLAGS,  /* 32 bits, by a constant set, or-ed */
	ARG_ENUM,   /* 32 bits, by a constant set, one of */
	ARG_LFLAGS, /* a word of the ABI, by a constant set, or-ed */
	ARG_SIGNAL, /* 32 bits, by name */
	ARG_PTR,    /* an address that is not followed */
	ARG_PATH,   /* NUL-terminated path */
	ARG_STR,    /* NUL-terminated string that is no path */
	ARG_STRV,   /* NULL-terminated array of strings (argv) */
	ARG_BUF,    /* bytes read by the kernel, length in argument `aux` */
	ARG_STRUCT, /* decoded by the function named in `set` */
};

struct const_set; /* arch/decode.h */

struct syscall_arg {
	const char *name;  /* as the kernel's prototype says */
	const char *alias; /* as the manual page says where that differs, else NULL */
	const char *type;  /* C type as in the prototype, for people: "const char *" */
	const char *set;   /* constant set ("open_flags") or structure ("sockaddr"), or NULL */
	uint8_t kind;	   /* enum arg_kind */
	uint8_t aux; /* ARG_BUF, ARG_STRUCT: index of the argument that holds the length; else 0 */
	bool is_signed; /* as a number, by its C type (an fd is signed whatever the prototype says) */
	uint8_t bits; /* 16 where the C type is that narrow (umode_t, old_uid_t), else 0: as the kind */
};

/* Groups of the annotation grammar (@file ...), one bit each. */
enum syscall_group {
	GROUP_FILE = 1 << 0,
	GROUP_NETWORK = 1 << 1,
	GROUP_PROCESS = 1 << 2,
	GROUP_MOUNT = 1 << 3,
	GROUP_PRIVILEGED = 1 << 4,
	GROUP_MODULES = 1 << 5,
	GROUP_TIME = 1 << 6,
	GROUP_MEMORY = 1 << 7,
	GROUP_IPC = 1 << 8,
	GROUP_SIGNAL = 1 << 9,
	GROUP_DESC = 1 << 10, /* calls on file descriptors */
	GROUP_SYSTEM = 1 << 11,
	GROUP_OTHER = 1 << 12, /* has no name of its own: calls of no other group, in @all only */
	/* Never notified, whoever asks (rt_sigreturn, sigreturn, restart_syscall): an interrupted
	 * notified sigreturn crashes its caller (tried on 6.18). These calls are in no other group, so
	 * that (groups & sysno_group(name)) never meets them; not in @all either. */
	GROUP_NEVER = 1 << 30,
};

struct syscall_def {
	const char *name;
	uint32_t groups;
	uint8_t nargs;
	const struct syscall_arg *args; /* nargs of them */
};

/* The call of a row of abi->numbers. Never NULL. */
const struct syscall_def *sysno_def(const struct syscall_number *row);
/* NULL if the ABI has no such number. */
const struct syscall_def *sysno_find(const struct abi *abi, uint32_t nr);
/* Number with the ABI's nr_bit, or -ENOENT (int64_t: x32 numbers do not matter, but -1 would). */
int64_t sysno_number(const struct abi *abi, const char *name);
/* Index of the argument with this name: the kernel's, else the manual page's; "path" also means the
 * only path of a call. -ENOENT if there is none. */
int sysno_arg(const struct syscall_def *def, const char *name);
/* True if any ABI knows the name. */
bool sysno_is_known(const char *name);
/* The closest known name for a misspelt one, or NULL. */
const char *sysno_suggest(const char *name);
/* Bit of a group's name without '@' ("file"); "all" gives ~GROUP_NEVER; 0 for an unknown name. */
uint32_t sysno_group(const char *name);
/* "@all @desc @file ...", for messages. Static. */
const char *sysno_group_names(void);
