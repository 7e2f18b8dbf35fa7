/* SPDX-License-Identifier: Apache-2.0 */
/* arch/decode: calls and images of memory, and the exact JSON that comes of them. */
#include <errno.h>
#include <stdlib.h>
#include <yajl/yajl_tree.h>

#include "arch/base/cleanup.h"
#include "arch/decode.h"
#include "tests/unit/decode_rows.h"
#include "tests/unit/tap.h"

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
	/* Without memory there are only the copies: no error, just an address. */
	call = call_of(ABI_X86_64, "openat2", ARGS(3, BASE, BASE + 100, 24));
	copy.len = 2;
	tap_str_eq(decode_with(&call, NULL, &copy, 1, DECODE_MEMORY),
		   "{\"dirfd\":3,\"pathname\":\"/d\",\"how\":\"0x10064\",\"size\":24}");
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

static void an_environment_is_counted_since_it_holds_secrets(void)
{
	static const char text[] = "HOME=/\0AWS_SECRET_ACCESS_KEY=abc\0X=pass";
	unsigned char image[200] = { 0 };
	uint32_t ptrs[] = { BASE + 100, BASE + 107, BASE + 133, 0 };

	memcpy(image, ptrs, sizeof(ptrs));
	memcpy(image + 100, text, sizeof(text));
	tap_str_eq(decode(ABI_I386, "execve", ARGS(0, 0, BASE), image, sizeof(image)),
		   "{\"pathname\":null,\"argv\":null,\"envp\":\"3 variables\"}");
	tap_str_eq(decode(ABI_I386, "execve", ARGS(0, 0, BASE + 12), image, sizeof(image)),
		   "{\"pathname\":null,\"argv\":null,\"envp\":\"0 variables\"}");
	memset(image, 1, sizeof(image)); /* no end before the memory's */
	tap_str_eq(decode(ABI_I386, "execve", ARGS(0, 0, BASE), image, sizeof(image)),
		   "{\"pathname\":null,\"argv\":null,"
		   "\"envp\":\"0x10000\",\"envp_error\":\"EFAULT\"}");
}

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
			const struct syscall_def *def = sysno_def(&abi->numbers[i]);

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

static const char *key_of(const struct syscall_arg *a)
{
	return a->alias ? a->alias : a->name;
}

static void no_call_has_two_arguments_of_one_name(void)
{
	for (unsigned a = 0; a < ABI_COUNT; a++) {
		const struct abi *abi = abi_get(a);

		for (size_t i = 0; i < abi->n_numbers; i++) {
			const struct syscall_def *def = sysno_def(&abi->numbers[i]);

			for (unsigned k = 0; k < def->nargs; k++)
				for (unsigned n = 0; n < k; n++)
					if (strcmp(key_of(&def->args[k]), key_of(&def->args[n])) ==
					    0) {
						printf("# %s: two '%s'\n", def->name,
						       key_of(&def->args[k]));
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
	TAP_RUN(an_environment_is_counted_since_it_holds_secrets);
	TAP_RUN(a_structure_is_read_as_its_abi_has_it);
	TAP_RUN(every_name_in_calls_tab_is_known);
	TAP_RUN(no_call_has_two_arguments_of_one_name);
	TAP_RUN(constants_have_the_values_of_their_abi);
	TAP_RUN(what_does_not_fit_leaves_a_whole_object);
	TAP_RUN(what_was_there_before_stays);
	return TAP_DONE();
}
