/* SPDX-License-Identifier: Apache-2.0 */
/* arch/decode: calls and images of memory, and the exact JSON that comes of them. */
#include <errno.h>
#include <stdlib.h>
#include <yajl/yajl_tree.h>

#include "arch/base/cleanup.h"
#include "arch/decode.h"
#include "tests/unit/tap.h"

#define BASE 0x10000u /* where the image lies in the caller's memory */

struct image {
	const void *bytes;
	size_t len;
};

/* Behind the image nothing can be read. */
static ssize_t image_read(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	const struct image *image = mem->ctx;

	if (addr < BASE || addr - BASE >= image->len)
		return -EFAULT;
	if (len > image->len - (addr - BASE))
		len = image->len - (size_t)(addr - BASE);
	memcpy(buf, (const char *)image->bytes + (addr - BASE), len);
	return (ssize_t)len;
}

static struct call call_of(enum abi_index index, const char *name, const uint64_t args[6])
{
	const struct abi *abi = abi_get(index);
	struct seccomp_data data = { .arch = abi->audit_arch };
	struct call call;

	data.nr = (int)sysno_number(abi, name);
	if (data.nr == -ENOENT)
		printf("# %s has no %s\n", abi->name, name);
	memcpy(data.args, args, sizeof(data.args));
	call_init(&call, &data);
	return call;
}

static bool is_json(const char *text)
{
	char err[256];
	yajl_val v = yajl_tree_parse(text, err, sizeof(err));
	bool ok = YAJL_IS_OBJECT(v);

	if (!ok)
		printf("# not JSON: %s\n# %s\n", text, err);
	yajl_tree_free(v);
	return ok;
}

static char result[256 * 1024];

static const char *decode_with(const struct call *call, const struct mem *mem,
			       const struct decode_copy *copies, unsigned n_copies, unsigned flags)
{
	struct out out = out_init(result, sizeof(result) - 1);

	decode_args(&out, call, mem, copies, n_copies, flags);
	*out.at = '\0';
	tap_ok(!out.cut);
	tap_ok(is_json(result));
	return result;
}

static const char *decode(enum abi_index abi, const char *name, const uint64_t args[6],
			  const void *bytes, size_t len)
{
	struct image image = { bytes, len };
	struct mem mem = { .read = image_read, .ctx = &image };
	struct call call = call_of(abi, name, args);

	return decode_with(&call, &mem, NULL, 0, DECODE_MEMORY);
}

#define ARGS(...) ((const uint64_t[6]){ __VA_ARGS__ })
#define HIGH	  0xdeadbeef00000000ull

/* Calls whose memory is one string, or none. */
static const struct row {
	enum abi_index abi;
	const char *call;
	uint64_t args[6];
	const char *text;
	const char *json;
} rows[] = {
	{ ABI_X86_64,
	  "openat",
	  { HIGH | 0xffffff9c, BASE, HIGH | 02000000 },
	  "/etc/\"x\n",
	  "{\"dirfd\":\"AT_FDCWD\",\"pathname\":\"/etc/"
	  "\\\"x\\n\",\"flags\":\"O_RDONLY|O_CLOEXEC\"}" },
	{ ABI_X86_64,
	  "openat",
	  { 5, BASE, 0x40000242, HIGH | 0xffff01a4 },
	  "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_RDWR|O_CREAT|O_TRUNC|0x40000000\","
	  "\"mode\":\"0644\"}" },
	{ ABI_X86_64,
	  "openat",
	  { 5, BASE, 020200001, 0600 },
	  "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_WRONLY|O_TMPFILE\",\"mode\":\"0600\"}" },
	{ ABI_X86_64,
	  "openat",
	  { 5, BASE, 3 },
	  "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_ACCMODE\"}" },
	{ ABI_AARCH64,
	  "openat",
	  { 5, BASE, 040000 | 0100000 },
	  "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_RDONLY|O_DIRECTORY|O_NOFOLLOW\"}" },
	{ ABI_X86_64,
	  "openat",
	  { 5, BASE, 040000 | 0100000 },
	  "a",
	  "{\"dirfd\":5,\"pathname\":\"a\",\"flags\":\"O_RDONLY|O_DIRECT|O_LARGEFILE\"}" },
	{ ABI_I386,
	  "open",
	  { HIGH | BASE, 0 },
	  "a",
	  "{\"pathname\":\"a\",\"flags\":\"O_RDONLY\"}" },
	{ ABI_X86_64,
	  "open",
	  { HIGH | BASE, 0 },
	  "a",
	  "{\"pathname\":\"0xdeadbeef00010000\",\"pathname_error\":\"EFAULT\",\"flags\":\"O_"
	  "RDONLY\"}" },
	{ ABI_X86_64, "open", { 0, 0 }, "a", "{\"pathname\":null,\"flags\":\"O_RDONLY\"}" },
	{ ABI_X86_64,
	  "mknod",
	  { BASE, HIGH | 020666, HIGH | 0x103 },
	  "null",
	  "{\"pathname\":\"null\",\"mode\":\"S_IFCHR|0666\",\"dev\":\"c 1:3\"}" },
	{ ABI_X86_64,
	  "mknod",
	  { BASE, 060600, 0x12345678 },
	  "x",
	  "{\"pathname\":\"x\",\"mode\":\"S_IFBLK|0600\",\"dev\":\"b 1110:74616\"}" },
	{ ABI_X86_64,
	  "mknod",
	  { BASE, 010644, 0 },
	  "x",
	  "{\"pathname\":\"x\",\"mode\":\"S_IFIFO|0644\",\"dev\":\"0:0\"}" },
	{ ABI_S390X,
	  "mknod",
	  { BASE, 0130000, 0xffffffff },
	  "x",
	  "{\"pathname\":\"x\",\"mode\":\"0130000\",\"dev\":\"4095:1048575\"}" },
	{ ABI_X86_64,
	  "mount",
	  { 0, BASE, 0, 0xc0ed0000 | 0x5021, 0 },
	  "/t",
	  "{\"source\":null,\"target\":\"/t\",\"filesystemtype\":null,"
	  "\"mountflags\":\"MS_MGC_VAL|MS_RDONLY|MS_REMOUNT|MS_BIND|MS_REC\",\"data\":null}" },
	{ ABI_X86_64,
	  "mount",
	  { 0, 0, 0, 0, BASE },
	  "rw,username=u,password=a,,b,x=1",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\","
	  "\"data\":\"rw,username=u,password=***,x=1\"}" },
	{ ABI_X86_64,
	  "mount",
	  { 0, 0, 0, 0, BASE },
	  "PASS=p",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\","
	  "\"data\":\"PASS=***\"}" },
	{ ABI_X86_64,
	  "mount",
	  { 0, 0, 0, 0, BASE },
	  ",,pass,a=b=pass,",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\","
	  "\"data\":\",,pass,a=b=pass,\"}" },
	{ ABI_X86_64,
	  "mount",
	  { 0, 0, 0, 0, BASE },
	  "\1\2\3",
	  "{\"source\":null,\"target\":null,\"filesystemtype\":null,\"mountflags\":\"0\","
	  "\"data\":\"(binary, 3 bytes to the first NUL)\"}" },
	{ ABI_X86_64,
	  "umount2",
	  { BASE, 0x8000000a },
	  "/t",
	  "{\"target\":\"/t\",\"flags\":\"MNT_DETACH|UMOUNT_NOFOLLOW|0x80000000\"}" },
	{ ABI_X86_64,
	  "clone",
	  { 0x1200011, 0, 0, 0x7f, 0 },
	  "",
	  "{\"flags\":\"SIGCHLD|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID\",\"stack\":0,"
	  "\"parent_tid\":null,\"child_tid\":\"0x7f\",\"tls\":0}" },
	{ ABI_S390X,
	  "clone",
	  { 4096, 0x11, 0, 0, 0 },
	  "",
	  "{\"stack\":4096,\"flags\":\"SIGCHLD\",\"parent_tid\":null,\"child_tid\":null,\"tls\":"
	  "0}" },
	{ ABI_X86_64,
	  "unshare",
	  { 0x7e020080 },
	  "",
	  "{\"flags\":\"CLONE_NEWTIME|CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|"
	  "CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET\"}" },
	{ ABI_X86_64, "kill", { HIGH | 0xffffffff, 9 }, "", "{\"pid\":-1,\"sig\":\"SIGKILL\"}" },
	{ ABI_X86_64, "kill", { 1, 34 }, "", "{\"pid\":1,\"sig\":\"SIGRT_2\"}" },
	{ ABI_X86_64, "kill", { 1, 65 }, "", "{\"pid\":1,\"sig\":65}" },
	{ ABI_X86_64, "kill", { 1, HIGH }, "", "{\"pid\":1,\"sig\":0}" },
	{ ABI_X86_64,
	  "chown",
	  { BASE, HIGH | 0xffffffff, 1000 },
	  "f",
	  "{\"pathname\":\"f\",\"owner\":-1,\"group\":1000}" },
	{ ABI_X86_64,
	  "socket",
	  { 2, 0x80801, 6 },
	  "",
	  "{\"domain\":\"AF_INET\",\"type\":\"SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC\","
	  "\"protocol\":\"IPPROTO_TCP\"}" },
	{ ABI_X86_64,
	  "socket",
	  { 16, 3, 15 },
	  "",
	  "{\"domain\":\"AF_NETLINK\",\"type\":\"SOCK_RAW\",\"protocol\":\"NETLINK_KOBJECT_"
	  "UEVENT\"}" },
	{ ABI_X86_64,
	  "socket",
	  { 99, 0, 0x12345678 },
	  "",
	  "{\"domain\":99,\"type\":\"0\",\"protocol\":305419896}" },
	{ ABI_X86_64,
	  "fcntl",
	  { 3, 4, 02000 },
	  "",
	  "{\"fd\":3,\"op\":\"F_SETFL\",\"arg\":\"O_RDONLY|O_APPEND\"}" },
	{ ABI_X86_64, "fcntl", { 3, 3, 0x1234 }, "", "{\"fd\":3,\"op\":\"F_GETFL\"}" },
	{ ABI_X86_64, "fcntl", { 3, 77, 0x1234 }, "", "{\"fd\":3,\"op\":77,\"arg\":\"0x1234\"}" },
	{ ABI_X86_64,
	  "ioctl",
	  { 0, 0x5413, 0x1000 },
	  "",
	  "{\"fd\":0,\"op\":\"TIOCGWINSZ\",\"arg\":\"0x1000\"}" },
	{ ABI_PPC64LE,
	  "ioctl",
	  { 0, 0x40087468, 0 },
	  "",
	  "{\"fd\":0,\"op\":\"TIOCGWINSZ\",\"arg\":null}" },
	{ ABI_X86_64,
	  "ioctl",
	  { 0, HIGH | 0xc0debeef, 0 },
	  "",
	  "{\"fd\":0,\"op\":\"0xc0debeef\",\"arg\":null}" },
	{ ABI_X86_64,
	  "prctl",
	  { 15, BASE },
	  "name",
	  "{\"op\":\"PR_SET_NAME\",\"arg2\":\"name\",\"arg3\":null,\"arg4\":0,\"arg5\":0}" },
	{ ABI_X86_64,
	  "prctl",
	  { 24, 21 },
	  "",
	  "{\"op\":\"PR_CAPBSET_DROP\",\"arg2\":\"CAP_SYS_ADMIN\",\"arg3\":null,\"arg4\":0,"
	  "\"arg5\":0}" },
	{ ABI_X86_64,
	  "write",
	  { 1, BASE, 4 },
	  "a\0\xff",
	  "{\"fd\":1,\"buf\":\"a\\u0000\\u00ff\\u0000\",\"count\":4}" },
	{ ABI_X86_64,
	  "write",
	  { 1, BASE, UINT64_MAX },
	  "abc",
	  "{\"fd\":1,\"buf\":\"abc\\u0000\",\"buf_error\":\"EFAULT\",\"count\":"
	  "18446744073709551615}" },
	{ ABI_X86_64,
	  "lseek",
	  { 1, UINT64_MAX, 1 },
	  "",
	  "{\"fd\":1,\"offset\":-1,\"whence\":\"SEEK_CUR\"}" },
	{ ABI_I386,
	  "lseek",
	  { 1, 0xffffffff, 1 },
	  "",
	  "{\"fd\":1,\"offset\":-1,\"whence\":\"SEEK_CUR\"}" },
	{ ABI_X86_64,
	  "mmap",
	  { 0, 4096, 3, 0x22, UINT64_MAX, 0 },
	  "",
	  "{\"addr\":0,\"length\":4096,\"prot\":\"PROT_READ|PROT_WRITE\","
	  "\"flags\":\"MAP_PRIVATE|MAP_ANONYMOUS\",\"fd\":-1,\"offset\":0}" },
	{ ABI_X86_64,
	  "shmget",
	  { 0, 1, 03600 },
	  "",
	  "{\"key\":0,\"size\":1,\"shmflg\":\"IPC_CREAT|IPC_EXCL|0600\"}" },
	{ ABI_X86_64,
	  "reboot",
	  { 0xfee1dead, 672274793, 0x1234567, 0 },
	  "",
	  "{\"magic\":\"LINUX_REBOOT_MAGIC1\",\"magic2\":\"LINUX_REBOOT_MAGIC2\","
	  "\"op\":\"LINUX_REBOOT_CMD_RESTART\",\"arg\":null}" },
	{ ABI_X86_64, "getpid", { 1, 2, 3 }, "", "{}" },
};

static void a_call_becomes_exactly_this_json(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tap_str_eq(decode(rows[i].abi, rows[i].call, rows[i].args, rows[i].text,
				  rows[i].call[0] == 'w' ? 4 : strlen(rows[i].text) + 1),
			   rows[i].json);
}

static void a_call_without_a_row_shows_its_registers(void)
{
	struct seccomp_data data = { .nr = 99999, .args = { 1, UINT64_MAX } };
	struct call call;

	data.arch = abi_get(ABI_X86_64)->audit_arch;
	tap_int_eq(call_init(&call, &data), 0);
	tap_str_eq(decode_with(&call, NULL, NULL, 0, 0),
		   "{\"arg0\":\"0x1\",\"arg1\":\"0xffffffffffffffff\",\"arg2\":\"0x0\","
		   "\"arg3\":\"0x0\",\"arg4\":\"0x0\",\"arg5\":\"0x0\"}");
}

static void without_memory_pointers_stay_addresses(void)
{
	struct call call = call_of(ABI_X86_64, "mount", ARGS(BASE, BASE, BASE, 0, BASE));
	struct decode_copy copy = { .arg = 0, .data = "secret", .len = 6 };

	tap_str_eq(decode_with(&call, NULL, &copy, 1, 0),
		   "{\"source\":\"0x10000\",\"target\":\"0x10000\",\"filesystemtype\":\"0x10000\","
		   "\"mountflags\":\"0\",\"data\":\"0x10000\"}");
}

static ssize_t read_counted(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	++*(unsigned *)(uintptr_t)mem->ctx;
	return -EFAULT;
}

static void a_copy_is_shown_and_memory_is_not_read_again(void)
{
	unsigned reads = 0;
	struct mem mem = { .read = read_counted, .ctx = &reads };
	struct call call = call_of(ABI_X86_64, "openat", ARGS(3, BASE, 0));
	struct decode_copy copy = { .arg = 1, .data = "/decided", .len = 8 };

	tap_str_eq(decode_with(&call, &mem, &copy, 1, DECODE_MEMORY),
		   "{\"dirfd\":3,\"pathname\":\"/decided\",\"flags\":\"O_RDONLY\"}");
	copy.len = 9;
	tap_str_eq(decode_with(&call, &mem, &copy, 1, DECODE_MEMORY),
		   "{\"dirfd\":3,\"pathname\":\"/decided\",\"flags\":\"O_RDONLY\"}");
	copy.len = 3;
	copy.is_cut = true;
	tap_str_eq(
		decode_with(&call, NULL, &copy, 1, DECODE_MEMORY),
		"{\"dirfd\":3,\"pathname\":\"/de\",\"pathname_cut\":true,\"flags\":\"O_RDONLY\"}");
	copy.len = 0;
	copy.is_cut = false;
	tap_str_eq(decode_with(&call, NULL, &copy, 1, DECODE_MEMORY),
		   "{\"dirfd\":3,\"pathname\":\"\",\"flags\":\"O_RDONLY\"}");
	tap_int_eq(reads, 0);
}

static void secrets_are_shown_only_on_request(void)
{
	static const char text[] = "user=a,password=b";
	struct image image = { text, sizeof(text) };
	struct mem mem = { .read = image_read, .ctx = &image };
	struct call call = call_of(ABI_X86_64, "mount", ARGS(0, 0, 0, 0, BASE));

	tap_ok(strstr(decode_with(&call, &mem, NULL, 0, DECODE_MEMORY), "password=***"));
	tap_ok(strstr(decode_with(&call, &mem, NULL, 0, DECODE_MEMORY | DECODE_SECRETS),
		      "password=b"));
}

static void a_long_string_is_cut_and_marked(void)
{
	_cleanup_free_ char *text = malloc(2 * DECODE_STRING_MAX);
	const char *json;

	memset(text, 'a', 2 * DECODE_STRING_MAX);
	text[DECODE_STRING_MAX] = '\0';
	json = decode(ABI_X86_64, "chdir", ARGS(BASE), text, 2 * DECODE_STRING_MAX);
	tap_int_eq(strlen(json), DECODE_STRING_MAX + strlen("{\"path\":\"\"}"));
	text[DECODE_STRING_MAX] = 'b';
	json = decode(ABI_X86_64, "chdir", ARGS(BASE), text, 2 * DECODE_STRING_MAX);
	tap_int_eq(strlen(json), DECODE_STRING_MAX + strlen("{\"path\":\"\",\"path_cut\":true}"));
	tap_ok(strstr(json, "aa\",\"path_cut\":true}") != NULL);
	/* No NUL before the end of memory. */
	tap_str_eq(decode(ABI_X86_64, "chdir", ARGS(BASE), text, 100),
		   "{\"path\":\"0x10000\",\"path_error\":\"EFAULT\"}");
}

static void a_buffer_shows_at_most_128_bytes(void)
{
	char bytes[200];
	const char *json;

	memset(bytes, 'x', sizeof(bytes));
	json = decode(ABI_X86_64, "write", ARGS(1, BASE, 128), bytes, sizeof(bytes));
	tap_ok(!strstr(json, "_cut") &&
	       strlen(json) == 128 + strlen("{'fd':1,'buf':'','count':128}"));
	json = decode(ABI_X86_64, "write", ARGS(1, BASE, 129), bytes, sizeof(bytes));
	tap_ok(strstr(json, "x\",\"buf_cut\":true,\"count\":129}") != NULL);
	tap_str_eq(decode(ABI_X86_64, "write", ARGS(1, BASE, 0), bytes, sizeof(bytes)),
		   "{\"fd\":1,\"buf\":\"\",\"count\":0}");
	tap_str_eq(decode(ABI_X86_64, "write", ARGS(1, 1, 1), bytes, sizeof(bytes)),
		   "{\"fd\":1,\"buf\":\"0x1\",\"buf_error\":\"EFAULT\",\"count\":1}");
	/* A size_t of a 32-bit caller has 32 bits. */
	json = decode(ABI_I386, "write", ARGS(1, BASE, HIGH | 1), bytes, sizeof(bytes));
	tap_str_eq(json, "{\"fd\":1,\"buf\":\"x\",\"count\":1}");
}

/* An argv of n strings "s" in a 64-bit caller. */
static size_t make_argv(unsigned char *image, unsigned n, uint64_t last)
{
	uint64_t *ptrs = (uint64_t *)(void *)image;

	for (unsigned i = 0; i < n; i++)
		ptrs[i] = BASE + 1000;
	ptrs[n] = last;
	memcpy(image + 1000, "s", 2);
	return 1002;
}

static void an_argv_is_shown_to_its_32nd_string(void)
{
	_Alignas(8) unsigned char image[1100];
	uint64_t args[6] = { BASE + 1000, BASE, 0 };
	size_t len = make_argv(image, 2, 0);
	const char *json;

	tap_str_eq(decode(ABI_X86_64, "execve", args, image, len),
		   "{\"pathname\":\"s\",\"argv\":[\"s\",\"s\"],\"envp\":null}");
	len = make_argv(image, 31, 0);
	json = decode(ABI_X86_64, "execve", args, image, len);
	tap_ok(!strstr(json, "argv_cut"));
	len = make_argv(image, 33, 0);
	json = decode(ABI_X86_64, "execve", args, image, len);
	tap_ok(strstr(json, "\"s\"],\"argv_cut\":true,") != NULL);
	/* A pointer to nowhere among them, and an array without end. */
	len = make_argv(image, 1, 1);
	tap_ok(strstr(decode(ABI_X86_64, "execve", args, image, len), "[\"s\",\"0x1\"") != NULL);
	args[1] = BASE + 1000 - 8;
	((uint64_t *)(void *)image)[124] = BASE + 1000;
	tap_str_eq(decode(ABI_X86_64, "execve", args, image, len),
		   "{\"pathname\":\"s\",\"argv\":[\"s\"],\"argv_error\":\"EFAULT\",\"envp\":null}");
	args[1] = 8;
	tap_str_eq(decode(ABI_X86_64, "execve", args, image, len),
		   "{\"pathname\":\"s\",\"argv\":\"0x8\",\"argv_error\":\"EFAULT\",\"envp\":null}");
}

static void an_argv_has_at_most_4096_bytes_in_all(void)
{
	static unsigned char image[8192];
	uint64_t args[6] = { 0, BASE, 0 };
	uint64_t *ptrs = (uint64_t *)(void *)image;
	const char *json;

	memset(image, 0, sizeof(image));
	memset(image + 1000, 'x', 3000);
	for (unsigned i = 0; i < 8; i++)
		ptrs[i] = BASE + 1000;
	json = decode(ABI_X86_64, "execve", args, image, sizeof(image));
	tap_ok(strstr(json, "\"argv_cut\":true") != NULL);
	tap_ok(strlen(json) < 4096 + 100);
}

static void an_environment_loses_its_secrets(void)
{
	static const char text[] = "HOME=/\0AWS_SECRET_ACCESS_KEY=abc\0X=pass";
	unsigned char image[200] = { 0 };
	uint32_t ptrs[] = { BASE + 100, BASE + 107, BASE + 133, 0 };

	memcpy(image, ptrs, sizeof(ptrs));
	memcpy(image + 100, text, sizeof(text));
	tap_str_eq(decode(ABI_I386, "execve", ARGS(0, 0, BASE), image, sizeof(image)),
		   "{\"pathname\":null,\"argv\":null,"
		   "\"envp\":[\"HOME=/\",\"AWS_SECRET_ACCESS_KEY=***\",\"X=pass\"]}");
}

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
	{ ABI_X86_64, "futex", { 0, 0x81, 1, 7, 0, 0 }, B(""),
	  "{\"uaddr\":null,\"futex_op\":\"FUTEX_WAKE|FUTEX_PRIVATE_FLAG\",\"val\":1,\"timeout\":7,"
	  "\"uaddr2\":null,\"val3\":0}" },
	/* clang-format on */
};

static void a_structure_is_read_as_its_abi_has_it(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(structs); i++)
		tap_str_eq(decode(structs[i].abi, structs[i].call, structs[i].args,
				  structs[i].bytes, structs[i].len),
			   structs[i].json);
}

static void every_name_in_calls_tab_is_known(void)
{
	for (unsigned a = 0; a < ABI_COUNT; a++) {
		const struct abi *abi = abi_get(a);

		for (size_t i = 0; i < abi->n_numbers; i++) {
			const struct syscall_def *def = abi->numbers[i].def;

			for (unsigned k = 0; k < def->nargs; k++) {
				if (decode_knows(def->args[k].kind, def->args[k].set))
					continue;
				printf("# %s: argument %s: no '%s'\n", def->name, def->args[k].name,
				       def->args[k].set);
				tap_bad_checks++;
			}
		}
	}
}

static void constants_have_the_values_of_their_abi(void)
{
	static const struct {
		enum abi_index abi;
		const char *name;
		uint64_t value;
	} consts[] = {
		{ ABI_X86_64, "O_DIRECTORY", 0200000 },
		{ ABI_ARM, "O_DIRECTORY", 040000 },
		{ ABI_PPC64LE, "O_DIRECT", 0400000 },
		{ ABI_AARCH64, "O_DIRECT", 0200000 },
		{ ABI_X86_64, "AF_INET6", 10 },
		{ ABI_X86_64, "S_IFBLK", 060000 },
		{ ABI_X86_64, "S_IFMT", 0170000 },
		{ ABI_X86_64, "SIGKILL", 9 },
		{ ABI_X86_64, "SIGRT_1", 33 },
		{ ABI_X86_64, "EPERM", 1 },
		{ ABI_X86_64, "AT_FDCWD", -100ull },
		{ ABI_X86_64, "O_ACCMODE", 3 },
		{ ABI_X86_64, "CLONE_NEWUSER", 0x10000000 },
		{ ABI_X86_64, "SOCK_CLOEXEC", 02000000 },
		{ ABI_PPC64LE, "SO_PASSCRED", 20 },
		{ ABI_X86_64, "MAP_32BIT", 0x40 },
	};
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(consts); i++) {
		value = 0;
		tap_int_eq(const_value(abi_get(consts[i].abi), consts[i].name, &value), 0);
		tap_int_eq(value, consts[i].value);
	}
	value = 77;
	tap_int_eq(const_value(abi_get(ABI_ARM), "MAP_32BIT", &value), -ENOENT);
	tap_int_eq(const_value(abi_get(ABI_ARM), "O_NONSENSE", &value), -ENOENT);
	tap_int_eq(const_value(abi_get(ABI_ARM), "5", &value), -ENOENT);
	tap_int_eq(const_value(abi_get(ABI_ARM), "", &value), -ENOENT);
	tap_int_eq(const_value(abi_get(ABI_ARM), "SIGRT_33", &value), -ENOENT);
	tap_int_eq(value, 77);
}

/* A condition names constants without a set: one name, one value. */
static void a_constant_has_one_value_in_all_sets(void)
{
	static const char *const sets[] = {
		"open_flags",	       "pipe_flags",	    "at_flags",
		"at_unlink",	       "at_access",	    "clone_flags",
		"clone3_flags",	       "unshare_flags",	    "ns_type",
		"mount_flags",	       "mount_propagation", "msync_flags",
		"msg_flags",	       "msg_ipc_flags",	    "signals",
		"socket_type",	       "socket_flags",	    "userfaultfd_flags",
		"delete_module_flags", "semctl_cmd",	    "shmctl_cmd",
		"msgctl_cmd",	       "ipc_flags",	    "shm_flags",
		"sol_netlink",	       "netlink_protocol",  "ioctl_cmd",
	};

	for (unsigned a = 0; a < ABI_COUNT; a++)
		for (size_t s = 0; s < ARRAY_SIZE(sets); s++) {
			const struct const_set *set = const_set_find(sets[s], abi_get(a));
			uint64_t value = 0;

			tap_ok(set != NULL);
			for (unsigned i = 0; set && i < set->n_rows; i++) {
				tap_int_eq(const_value(abi_get(a), set->rows[i].name, &value), 0);
				if (value != set->rows[i].value)
					printf("# %s\n", set->rows[i].name);
				tap_int_eq(value, set->rows[i].value);
			}
		}
}

static void what_does_not_fit_leaves_a_whole_object(void)
{
	static const char text[] = "/some/path/that/is/rather/long/for/a/small/window";
	struct image image = { text, sizeof(text) };
	struct mem mem = { .read = image_read, .ctx = &image };
	struct call call = call_of(ABI_X86_64, "mount", ARGS(BASE, BASE, BASE, ~0ull, BASE));
	struct call unknown = { .abi = call.abi, .data = call.data };
	char small[512];

	for (size_t size = 0; size < 400; size++) {
		struct out out = out_init(small, size), again;

		memset(small, '?', sizeof(small));
		decode_args(&out, &call, &mem, NULL, 0, DECODE_MEMORY);
		tap_int_eq(small[size], '?');
		tap_ok(out.cut == (size < 32));
		if (out.cut) {
			tap_int_eq(out.at - small, 0);
			continue;
		}
		*out.at = '\0';
		tap_ok(is_json(small));
		again = out_init(small, size);
		decode_args(&again, &unknown, &mem, NULL, 0, DECODE_MEMORY);
		*again.at = '\0';
		tap_ok(is_json(small));
	}
}

static void what_was_there_before_stays(void)
{
	struct call call = call_of(ABI_X86_64, "close", ARGS(3));
	char text[64];
	struct out out = out_init(text, sizeof(text) - 1);

	out_str(&out, "\"args\":");
	decode_args(&out, &call, NULL, NULL, 0, 0);
	out_str(&out, ",");
	*out.at = '\0';
	tap_str_eq(text, "\"args\":{\"fd\":3},");
}

int main(void)
{
	TAP_RUN(a_call_becomes_exactly_this_json);
	TAP_RUN(a_call_without_a_row_shows_its_registers);
	TAP_RUN(without_memory_pointers_stay_addresses);
	TAP_RUN(a_copy_is_shown_and_memory_is_not_read_again);
	TAP_RUN(secrets_are_shown_only_on_request);
	TAP_RUN(a_long_string_is_cut_and_marked);
	TAP_RUN(a_buffer_shows_at_most_128_bytes);
	TAP_RUN(an_argv_is_shown_to_its_32nd_string);
	TAP_RUN(an_argv_has_at_most_4096_bytes_in_all);
	TAP_RUN(an_environment_loses_its_secrets);
	TAP_RUN(a_structure_is_read_as_its_abi_has_it);
	TAP_RUN(every_name_in_calls_tab_is_known);
	TAP_RUN(constants_have_the_values_of_their_abi);
	TAP_RUN(a_constant_has_one_value_in_all_sets);
	TAP_RUN(what_does_not_fit_leaves_a_whole_object);
	TAP_RUN(what_was_there_before_stays);
	return TAP_DONE();
}
