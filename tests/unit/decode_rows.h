/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, what lies in the caller's memory, and the JSON of it. */
#pragma once

#include "arch/abi.h"

#define BASE 0x10000u /* where the image lies in the caller's memory */
#define HIGH 0xdeadbeef00000000ull

/* clang-format off */
/* Calls whose memory is one string, or none. */
static const struct row {
	enum abi_index abi;
	const char *call;
	uint64_t args[6];
	const char *text;
	const char *json;
} rows[] = {
	{ ABI_X86_64, "openat", { HIGH | 0xffffff9c, BASE, HIGH | 02000000 }, "/etc/\"x\n",
	  "{\"dirfd\":\"AT_FDCWD\",\"pathname\":\"/etc/\\\"x\\n\",\"flags\":\"O_RDONLY|O_CLOEXEC\"}" },
	{ ABI_X86_64, "openat", { 5, BASE, 0x40000242, HIGH | 0xffff01a4 }, "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_RDWR|O_CREAT|O_TRUNC|0x40000000\",\"mode\""
	  ":\"0644\"}" },
	{ ABI_X86_64, "openat", { 5, BASE, 020200001, 0600 }, "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_WRONLY|O_TMPFILE\",\"mode\":\"0600\"}" },
	{ ABI_X86_64, "openat", { 5, BASE, 3 }, "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_ACCMODE\"}" },
	{ ABI_AARCH64, "openat", { 5, BASE, 040000 | 0100000 }, "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_RDONLY|O_DIRECTORY|O_NOFOLLOW\"}" },
	{ ABI_X86_64, "openat", { 5, BASE, 040000 | 0100000 }, "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_RDONLY|O_DIRECT|O_LARGEFILE\"}" },
	{ ABI_I386, "open", { HIGH | BASE, 0 }, "a",
	  "{\"pathname\":\"a\",\"flags\":\"O_RDONLY\"}" },
	{ ABI_X86_64, "open", { HIGH | BASE, 0 }, "a",
	  "{\"pathname\":\"0xdeadbeef00010000\",\"pathname_error\":\"EFAULT\",\"flags\":\"O_RDONLY"
	  "\"}" },
	{ ABI_X86_64, "open", { 0, 0 }, "a",
	  "{\"pathname\":null,\"flags\":\"O_RDONLY\"}" },
	{ ABI_X86_64, "mknod", { BASE, HIGH | 020666, HIGH | 0x103 }, "null",
	  "{\"pathname\":\"null\",\"mode\":\"S_IFCHR|0666\",\"dev\":\"c 1:3\"}" },
	{ ABI_X86_64, "mknod", { BASE, 060600, 0x12345678 }, "x",
	  "{\"pathname\":\"x\",\"mode\":\"S_IFBLK|0600\",\"dev\":\"b 1110:74616\"}" },
	{ ABI_X86_64, "mknod", { BASE, 010644, 0 }, "x",
	  "{\"pathname\":\"x\",\"mode\":\"S_IFIFO|0644\",\"dev\":\"0:0\"}" },
	{ ABI_S390X, "mknod", { BASE, 0130000, 0xffffffff }, "x",
	  "{\"pathname\":\"x\",\"mode\":\"0130000\",\"dev\":\"4095:1048575\"}" },
	{ ABI_X86_64, "mount", { 0, BASE, 0, 0xc0ed0000 | 0x5021, 0 }, "/t",
	  "{\"source\":null,\"target\":\"/t\",\"filesystemtype\":null,\"mountflags\":\"MS_MGC_VAL|M"
	  "S_RDONLY|MS_REMOUNT|MS_BIND|MS_REC\",\"data\":null}" },
	{ ABI_X86_64, "mount", { 0, 0, 0, 0, BASE }, "rw,username=u,password=a,,b,x=1",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\",\"data\":"
	  "\"rw,username=u,password=***,x=1\"}" },
	{ ABI_X86_64, "mount", { 0, 0, 0, 0, BASE }, "PASS=p",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\",\"data\":"
	  "\"PASS=***\"}" },
	{ ABI_X86_64, "mount", { 0, 0, 0, 0, BASE }, ",,pass,a=b=pass,",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\",\"data\":"
	  "\",,pass,a=b=pass,\"}" },
	{ ABI_X86_64, "mount", { 0, 0, 0, 0, BASE }, "\1\2\3",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\",\"data\":"
	  "\"(binary, 3 bytes to the first NUL)\"}" },
	{ ABI_X86_64, "umount2", { BASE, 0x8000000a }, "/t",
	  "{\"target\":\"/t\",\"flags\":\"MNT_DETACH|UMOUNT_NOFOLLOW|0x80000000\"}" },
	{ ABI_X86_64, "clone", { 0x1200011, 0, 0, 0x7f, 0 }, "",
	  "{\"flags\":\"SIGCHLD|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID\",\"stack\":null,\"parent_t"
	  "id\":null,\"child_tid\":\"0x7f\",\"tls\":null}" },
	{ ABI_S390X, "clone", { 4096, 0x11, 0, 0, 0 }, "",
	  "{\"stack\":\"0x1000\",\"flags\":\"SIGCHLD\",\"parent_tid\":null,\"child_tid\":null,\"tls\":null}" },
	{ ABI_X86_64, "unshare", { 0x7e020080 }, "",
	  "{\"flags\":\"CLONE_NEWTIME|CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_N"
	  "EWUSER|CLONE_NEWPID|CLONE_NEWNET\"}" },
	{ ABI_X86_64, "kill", { HIGH | 0xffffffff, 9 }, "",
	  "{\"pid\":-1,\"sig\":\"SIGKILL\"}" },
	{ ABI_X86_64, "kill", { 1, 34 }, "",
	  "{\"pid\":1,\"sig\":\"SIGRT_2\"}" },
	{ ABI_X86_64, "kill", { 1, 65 }, "",
	  "{\"pid\":1,\"sig\":65}" },
	{ ABI_X86_64, "kill", { 1, HIGH }, "",
	  "{\"pid\":1,\"sig\":0}" },
	{ ABI_X86_64, "chown", { BASE, HIGH | 0xffffffff, 1000 }, "f",
	  "{\"pathname\":\"f\",\"owner\":-1,\"group\":1000}" },
	{ ABI_I386, "chown", { BASE, 0x1ffff, 0x103e8 }, "f",
	  "{\"pathname\":\"f\",\"owner\":-1,\"group\":1000}" },
	{ ABI_I386, "chown32", { BASE, 0xffff, 0x103e8 }, "f",
	  "{\"pathname\":\"f\",\"owner\":65535,\"group\":66536}" },
	{ ABI_X86_64, "socket", { 2, 0x80801, 6 }, "",
	  "{\"domain\":\"AF_INET\",\"type\":\"SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC\",\"protocol\""
	  ":\"IPPROTO_TCP\"}" },
	{ ABI_X86_64, "socket", { 16, 3, 15 }, "",
	  "{\"domain\":\"AF_NETLINK\",\"type\":\"SOCK_RAW\",\"protocol\":\"NETLINK_KOBJECT_UEVENT\""
	  "}" },
	{ ABI_X86_64, "socket", { 99, 0, 0x12345678 }, "",
	  "{\"domain\":99,\"type\":\"0\",\"protocol\":305419896}" },
	{ ABI_X86_64, "fcntl", { 3, 4, 02000 }, "",
	  "{\"fd\":3,\"op\":\"F_SETFL\",\"arg\":\"O_RDONLY|O_APPEND\"}" },
	{ ABI_X86_64, "fcntl", { 3, 3, 0x1234 }, "",
	  "{\"fd\":3,\"op\":\"F_GETFL\"}" },
	{ ABI_X86_64, "fcntl", { 3, 77, 0x1234 }, "",
	  "{\"fd\":3,\"op\":77,\"arg\":\"0x1234\"}" },
	{ ABI_X86_64, "ioctl", { 0, 0x5413, 0x1000 }, "",
	  "{\"fd\":0,\"op\":\"TIOCGWINSZ\",\"arg\":\"0x1000\"}" },
	{ ABI_PPC64LE, "ioctl", { 0, 0x40087468, 0 }, "",
	  "{\"fd\":0,\"op\":\"TIOCGWINSZ\",\"arg\":null}" },
	{ ABI_X86_64, "ioctl", { 0, HIGH | 0xc0debeef, 0 }, "",
	  "{\"fd\":0,\"op\":\"0xc0debeef\",\"arg\":null}" },
	{ ABI_X86_64, "prctl", { 15, BASE }, "name",
	  "{\"op\":\"PR_SET_NAME\",\"arg2\":\"name\",\"arg3\":null,\"arg4\":0,\"arg5\":0}" },
	{ ABI_X86_64, "prctl", { 24, 21 }, "",
	  "{\"op\":\"PR_CAPBSET_DROP\",\"arg2\":\"CAP_SYS_ADMIN\",\"arg3\":null,\"arg4\":0,\"arg5\""
	  ":0}" },
	{ ABI_X86_64, "write", { 1, BASE, 4 }, "a\0\xff",
	  "{\"fd\":1,\"buf\":\"a\\u0000\\u00ff\\u0000\",\"count\":4}" },
	{ ABI_X86_64, "write", { 1, BASE, UINT64_MAX }, "abc",
	  "{\"fd\":1,\"buf\":\"abc\\u0000\",\"buf_error\":\"EFAULT\",\"count\":18446744073709551615"
	  "}" },
	{ ABI_X86_64, "lseek", { 1, UINT64_MAX, 1 }, "",
	  "{\"fd\":1,\"offset\":-1,\"whence\":\"SEEK_CUR\"}" },
	{ ABI_I386, "lseek", { 1, 0xffffffff, 1 }, "",
	  "{\"fd\":1,\"offset\":-1,\"whence\":\"SEEK_CUR\"}" },
	{ ABI_X86_64, "mmap", { 0, 4096, 3, 0x22, UINT64_MAX, 0 }, "",
	  "{\"addr\":null,\"length\":4096,\"prot\":\"PROT_READ|PROT_WRITE\",\"flags\":\"MAP_PRIVATE"
	  "|MAP_ANONYMOUS\",\"fd\":-1,\"offset\":0}" },
	{ ABI_X86_64, "shmget", { 0, 1, 03600 }, "",
	  "{\"key\":0,\"size\":1,\"shmflg\":\"IPC_CREAT|IPC_EXCL|0600\"}" },
	{ ABI_X86_64, "reboot", { 0xfee1dead, 672274793, 0x1234567, 0 }, "",
	  "{\"magic\":\"LINUX_REBOOT_MAGIC1\",\"magic2\":\"LINUX_REBOOT_MAGIC2\",\"op\":\"LINUX_REB"
	  "OOT_CMD_RESTART\",\"arg\":null}" },
	{ ABI_X86_64, "getpid", { 1, 2, 3 }, "",
	  "{}" },
};

/* Structures, as the bytes that an ABI has. */
static const struct struct_row {
	enum abi_index abi;
	const char *call;
	uint64_t args[6];
	const char *bytes;
	size_t len;
	const char *json;
} structs[] = {
/* clang-format off */
#define B(s) s, sizeof(s) - 1
	{ ABI_X86_64, "connect", { 3, BASE, 16 }, B("\2\0\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_INET\",\"addr\":\"127.0.0.1\",\"port\":80},\"addrlen\":16}" },
	{ ABI_S390X, "connect", { 3, BASE, 16 }, B("\0\2\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_INET\",\"addr\":\"127.0.0.1\",\"port\":80},\"addrlen\":16}" },
	{ ABI_X86_64, "connect", { 3, BASE, 28 },
	  B("\12\0\1\xbb\0\0\0\0\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\2\0\0\0"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_INET6\",\"addr\":\"2001:db8::1\",\"port\":443,"
	  "\"scope_id\":2},\"addrlen\":28}" },
	{ ABI_X86_64, "connect", { 3, BASE, 110 }, B("\1\0/run/x.sock\0rest"),
	  "{\"sockfd\":3,\"addr\":\"0x10000\",\"addr_error\":\"EFAULT\",\"addrlen\":110}" },
	{ ABI_X86_64, "bind", { 3, BASE, 18 }, B("\1\0/run/x.sock\0rest"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_UNIX\",\"path\":\"/run/x.sock\"},\"addrlen\":18}" },
	{ ABI_X86_64, "bind", { 3, BASE, 6 }, B("\1\0\0a\0b"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_UNIX\",\"path\":\"@a\\u0000b\",\"abstract\":true},"
	  "\"addrlen\":6}" },
	{ ABI_X86_64, "bind", { 3, BASE, 2 }, B("\1\0"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_UNIX\"},\"addrlen\":2}" },
	{ ABI_X86_64, "bind", { 3, BASE, 1 }, B("\1\0"),
	  "{\"sockfd\":3,\"addr\":\"0x10000\",\"addrlen\":1}" },
	{ ABI_X86_64, "bind", { 3, BASE, 0xffffffff }, B("\1\0"),
	  "{\"sockfd\":3,\"addr\":\"0x10000\",\"addrlen\":-1}" },
	{ ABI_X86_64, "bind", { 3, BASE, HIGH | 2 }, B("\x63\0"),
	  "{\"sockfd\":3,\"addr\":{\"family\":99},\"addrlen\":2}" },
	{ ABI_X86_64, "bind", { 3, BASE, 12 }, B("\x10\0\0\0\1\0\0\0\2\0\0\0"),
	  "{\"sockfd\":3,\"addr\":{\"family\":\"AF_NETLINK\",\"pid\":1,\"groups\":\"0x2\"},\"addrlen\":12}" },
	{ ABI_X86_64, "openat2", { 3, 0, BASE, 24 },
	  B("\0\0\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0"),
	  "{\"dirfd\":3,\"pathname\":null,\"how\":{\"flags\":\"O_RDONLY|O_CLOEXEC|O_PATH\",\"mode\":\"0\","
	  "\"resolve\":\"RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH\"},\"size\":24}" },
	{ ABI_X86_64, "openat2", { 3, 0, BASE, 15 },
	  B("\0\0\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0"),
	  "{\"dirfd\":3,\"pathname\":null,\"how\":{\"flags\":\"O_RDONLY|O_CLOEXEC|O_PATH\"},\"size\":15}" },
	{ ABI_X86_64, "openat2", { 3, 0, BASE, UINT64_MAX },
	  B("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	  "{\"dirfd\":3,\"pathname\":null,\"how\":{\"flags\":\"O_WRONLY\",\"mode\":\"0\",\"resolve\":\"0\"},"
	  "\"size\":18446744073709551615}" },
	{ ABI_X86_64, "nanosleep", { BASE, 0 }, B("\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
	  "{\"duration\":{\"sec\":1,\"nsec\":-1},\"rem\":null}" },
	{ ABI_I386, "nanosleep", { BASE, 0 }, B("\1\0\0\0\xff\xff\xff\xff"),
	  "{\"duration\":{\"sec\":1,\"nsec\":-1},\"rem\":null}" },
	{ ABI_X32, "nanosleep", { BASE, 0 }, B("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"),
	  "{\"duration\":{\"sec\":1,\"nsec\":2},\"rem\":null}" },
	{ ABI_S390X, "nanosleep", { BASE, 0 }, B("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"),
	  "{\"duration\":{\"sec\":1,\"nsec\":2},\"rem\":null}" },
	{ ABI_X86_64, "epoll_ctl", { 3, 1, 4, BASE }, B("\1\0\0\x80\x78\x56\x34\x12\0\0\0\0"),
	  "{\"epfd\":3,\"op\":\"EPOLL_CTL_ADD\",\"fd\":4,\"event\":{\"events\":\"EPOLLIN|EPOLLET\","
	  "\"data\":\"0x12345678\"}}" },
	{ ABI_I386, "epoll_ctl", { 3, 1, 4, BASE }, B("\1\0\0\x80\x78\x56\x34\x12\0\0\0\0"),
	  "{\"epfd\":3,\"op\":\"EPOLL_CTL_ADD\",\"fd\":4,\"event\":{\"events\":\"EPOLLIN|EPOLLET\","
	  "\"data\":\"0x12345678\"}}" },
	{ ABI_AARCH64, "epoll_ctl", { 3, 2, 4, BASE }, B("\1\0\0\0\0\0\0\0\x78\x56\x34\x12\0\0\0\0"),
	  "{\"epfd\":3,\"op\":\"EPOLL_CTL_DEL\",\"fd\":4,\"event\":{\"events\":\"EPOLLIN\","
	  "\"data\":\"0x12345678\"}}" },
	{ ABI_ARM, "epoll_ctl", { 3, 2, 4, BASE }, B("\1\0\0\0\0\0\0\0\x78\x56\x34\x12\0\0\0\0"),
	  "{\"epfd\":3,\"op\":\"EPOLL_CTL_DEL\",\"fd\":4,\"event\":{\"events\":\"EPOLLIN\","
	  "\"data\":\"0x12345678\"}}" },
	{ ABI_X86_64, "poll", { BASE, 2, 5 }, B("\3\0\0\0\1\0\0\0\4\0\0\0\x10\0\0\0"),
	  "{\"fds\":[{\"fd\":3,\"events\":\"POLLIN\"},{\"fd\":4,\"events\":\"POLLHUP\"}],\"nfds\":2,"
	  "\"timeout\":5}" },
	{ ABI_X86_64, "poll", { BASE, 0xffffffff, 5 }, B("\3\0\0\0\1\0\0\0\4\0\0"),
	  "{\"fds\":[{\"fd\":3,\"events\":\"POLLIN\"}],\"fds_error\":\"EFAULT\",\"nfds\":4294967295,"
	  "\"timeout\":5}" },
	{ ABI_X86_64, "rt_sigprocmask", { 0, BASE, 0, 8 }, B("\2\x40\0\0\0\0\0\x80"),
	  "{\"how\":\"SIG_BLOCK\",\"set\":\"SIGINT|SIGTERM|SIGRT_32\",\"oldset\":null,\"sigsetsize\":8}" },
	{ ABI_S390X, "rt_sigprocmask", { 0, BASE, 0, 8 }, B("\0\0\0\0\0\0\x40\2"),
	  "{\"how\":\"SIG_BLOCK\",\"set\":\"SIGINT|SIGTERM\",\"oldset\":null,\"sigsetsize\":8}" },
	{ ABI_X86_64, "rt_sigprocmask", { 2, BASE, 0, 8 }, B("\xff\xfe\xff\xff\xff\xff\xff\xff"),
	  "{\"how\":\"SIG_SETMASK\",\"set\":\"~SIGKILL\",\"oldset\":null,\"sigsetsize\":8}" },
	{ ABI_X86_64, "rt_sigprocmask", { 2, BASE, 0, 9 }, B("\xff"),
	  "{\"how\":\"SIG_SETMASK\",\"set\":\"0x10000\",\"oldset\":null,\"sigsetsize\":9}" },
	{ ABI_X86_64, "rt_sigaction", { 2, BASE, 0, 8 },
	  B("\1\0\0\0\0\0\0\0\4\0\0\x14\0\0\0\0\0\x10\0\0\0\0\0\0\1\0\0\0\0\0\0\0"),
	  "{\"signum\":\"SIGINT\",\"act\":{\"handler\":\"SIG_IGN\","
	  "\"flags\":\"SA_SIGINFO|SA_RESTORER|SA_RESTART\",\"mask\":\"SIGHUP\"},\"oldact\":null,"
	  "\"sigsetsize\":8}" },
	{ ABI_I386, "rt_sigaction", { 2, BASE, 0, 8 },
	  B("\0\x20\0\0\4\0\0\x10\0\0\0\0\1\0\0\0\0\0\0\0"),
	  "{\"signum\":\"SIGINT\",\"act\":{\"handler\":\"0x2000\",\"flags\":\"SA_SIGINFO|SA_RESTART\","
	  "\"mask\":\"SIGHUP\"},\"oldact\":null,\"sigsetsize\":8}" },
	{ ABI_RISCV64, "rt_sigaction", { 2, BASE, 0, 8 },
	  B("\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\1\0\0\0\0\0\0\0"),
	  "{\"signum\":\"SIGINT\",\"act\":{\"handler\":\"SIG_DFL\",\"flags\":\"SA_RESTART\","
	  "\"mask\":\"SIGHUP\"},\"oldact\":null,\"sigsetsize\":8}" },
	{ ABI_X86_64, "prlimit64", { 0, 7, BASE, 0 }, B("\0\4\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
	  "{\"pid\":0,\"resource\":\"RLIMIT_NOFILE\",\"new_limit\":{\"cur\":1024,"
	  "\"max\":18446744073709551615},\"old_limit\":null}" },
	{ ABI_I386, "setrlimit", { 7, BASE }, B("\0\4\0\0\0\x10\0\0"),
	  "{\"resource\":\"RLIMIT_NOFILE\",\"rlim\":{\"cur\":1024,\"max\":4096}}" },
	{ ABI_X86_64, "fcntl", { 3, 6, BASE }, B("\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	  "{\"fd\":3,\"op\":\"F_SETLK\",\"arg\":{\"type\":\"F_WRLCK\",\"whence\":\"SEEK_SET\",\"start\":5,"
	  "\"len\":7,\"pid\":0}}" },
	{ ABI_I386, "fcntl64", { 3, 13, BASE }, B("\1\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0"),
	  "{\"fd\":3,\"op\":\"F_SETLK64\",\"arg\":{\"type\":\"F_WRLCK\",\"whence\":\"SEEK_SET\",\"start\":5,"
	  "\"len\":7,\"pid\":0}}" },
	{ ABI_ARM, "fcntl64", { 3, 13, BASE },
	  B("\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	  "{\"fd\":3,\"op\":\"F_SETLK64\",\"arg\":{\"type\":\"F_WRLCK\",\"whence\":\"SEEK_SET\",\"start\":5,"
	  "\"len\":7,\"pid\":0}}" },
	{ ABI_X86_64, "setsockopt", { 3, 1, 2, BASE, 4 }, B("\1\0\0\0"),
	  "{\"sockfd\":3,\"level\":\"SOL_SOCKET\",\"optname\":\"SO_REUSEADDR\",\"optval\":1,\"optlen\":4}" },
	{ ABI_X86_64, "setsockopt", { 3, 6, 13, BASE, 5 }, B("cubic"),
	  "{\"sockfd\":3,\"level\":\"SOL_TCP\",\"optname\":\"TCP_CONGESTION\",\"optval\":\"cubic\",\"optlen\":5}" },
	{ ABI_X86_64, "setgroups", { 2, BASE }, B("\1\0\0\0\2\0\0\0"),
	  "{\"size\":2,\"list\":[1,2]}" },
	{ ABI_I386, "setgroups", { 2, BASE }, B("\1\0\2\0"), "{\"size\":2,\"list\":[1,2]}" },
	{ ABI_X86_64, "seccomp", { 1, 8, BASE }, B("\5\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0"),
	  "{\"operation\":\"SECCOMP_SET_MODE_FILTER\",\"flags\":\"SECCOMP_FILTER_FLAG_NEW_LISTENER\","
	  "\"args\":{\"len\":5,\"filter\":\"0x1000\"}}" },
	{ ABI_I386, "socketcall", { 3, BASE }, B("\3\0\0\0\x0c\0\1\0\x10\0\0\0\2\0\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0"),
	  "{\"call\":\"SYS_CONNECT\",\"args\":{\"sockfd\":3,\"addr\":{\"family\":\"AF_INET\","
	  "\"addr\":\"127.0.0.1\",\"port\":80},\"addrlen\":16}}" },
	{ ABI_I386, "socketcall", { 10, BASE }, B("\3\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"),
	  "{\"call\":\"SYS_RECV\",\"args\":[\"0x3\",\"0x0\",\"0x1\",\"0x0\"]}" },
	{ ABI_I386, "socketcall", { 21, BASE }, B("\3"), "{\"call\":21,\"args\":\"0x10000\"}" },
	{ ABI_X86_64, "capset", { BASE, BASE + 8 },
	  B("\x22\5\x08\x20\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	  "{\"hdrp\":{\"version\":\"0x20080522\",\"pid\":0},\"datap\":[{\"effective\":\"0x1\","
	  "\"permitted\":\"0x2\",\"inheritable\":\"0x3\"},{\"effective\":\"0x0\",\"permitted\":\"0x0\","
	  "\"inheritable\":\"0x0\"}]}" },
	{ ABI_X86_64, "bpf", { 6, BASE, 16 }, B("\x10\0\1\0\0\0\0\0\3\0\0\0\0\0\0\0/sys/fs/bpf/x\0"),
	  "{\"cmd\":\"BPF_OBJ_PIN\",\"attr\":{\"pathname\":\"/sys/fs/bpf/x\",\"bpf_fd\":3,"
	  "\"file_flags\":\"0x0\"},\"size\":16}" },
	{ ABI_X86_64, "fsconfig", { 3, 1, BASE, BASE + 9 }, B("password\0hunter2\0"),
	  "{\"fd\":3,\"cmd\":\"FSCONFIG_SET_STRING\",\"key\":\"password\",\"value\":\"***\",\"aux\":0}" },
	{ ABI_X86_64, "fsconfig", { 3, 1, BASE, BASE + 5 }, B("size\0" "64m\0"),
	  "{\"fd\":3,\"cmd\":\"FSCONFIG_SET_STRING\",\"key\":\"size\",\"value\":\"64m\",\"aux\":0}" },
	{ ABI_X86_64, "sendmsg", { 3, BASE, 0 },
	  B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x38\0\1\0\0\0\0\0\1\0\0\0\0\0\0\0\x48\0\1\0\0\0\0\0\x14\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0" "\x60\0\1\0\0\0\0\0\2\0\0\0\0\0\0\0"
	    "\x14\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\7\0\0\0" "\0\0\0\0" "hi"),
	  "{\"sockfd\":3,\"msg\":{\"name\":null,\"iov\":[{\"base\":\"hi\",\"len\":2}],\"control\":{"
	  "\"level\":\"SOL_SOCKET\",\"type\":\"SCM_RIGHTS\",\"fds\":[7]},\"controllen\":20},\"flags\":\"0\"}" },
	{ ABI_X86_64, "select", { 70, BASE, 0, 0, 0 }, B("\1\0\0\0\0\0\0\x80\x20\0\0\0\0\0\0\0"),
	  "{\"nfds\":70,\"readfds\":[0,63,69],\"writefds\":null,\"exceptfds\":null,\"timeout\":null}" },
	{ ABI_X86_64, "sched_setaffinity", { 0, 9, BASE }, B("\5\0\0\0\0\0\0\x80"),
	  "{\"pid\":0,\"cpusetsize\":9,\"mask\":[0,2,63]}" },
	{ ABI_S390X, "sched_setaffinity", { 0, 8, BASE }, B("\x80\0\0\0\0\0\0\5"),
	  "{\"pid\":0,\"cpusetsize\":8,\"mask\":[0,2,63]}" },
	{ ABI_X86_64, "futex", { 0, 0x81, 1, 7, 0, 0 }, B(""),
	  "{\"uaddr\":null,\"futex_op\":\"FUTEX_WAKE|FUTEX_PRIVATE_FLAG\",\"val\":1,\"timeout\":7,"
	  "\"uaddr2\":null,\"val3\":0}" },
};
/* clang-format on */
