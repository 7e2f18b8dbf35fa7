/* SPDX-License-Identifier: Apache-2.0 */
/* specs/profile.h: linux.seccomp as the runtimes compile it. */
#include <errno.h>
#include <linux/audit.h>

#include "arch/abi.h"
#include "arch/sysno.h"
#include "specs/profile.h"
#include "tests/unit/tap.h"

static int compile(const char *text, struct bpf_prog *ret, struct wl_err *err)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	int r = json_parse(text, strlen(text), "test", &doc, err);

	return r < 0 ? r : profile_compile(doc, ret, err);
}

static uint32_t ask(const struct bpf_prog *prog, enum abi_index index, const char *name,
		    uint64_t arg0)
{
	const struct abi *abi = abi_get(index);
	struct seccomp_data data = { .arch = abi->audit_arch,
				     .nr = (int)sysno_number(abi, name),
				     .args = { arg0 } };

	return bpf_run(prog, &data, NULL);
}

static void every_action_of_oci_is_known(void)
{
	static const struct {
		const char *name;
		uint32_t verdict;
	} rows[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":["
			 "\"getppid\"],"
			 "\"action\":\"%s\"}]}",
			 rows[i].name);
		tap_int_eq(compile(text, &prog, NULL), 0);
		tap_int_eq(ask(&prog, ABI_X86_64, "getppid", 0), rows[i].verdict);
		tap_int_eq(ask(&prog, ABI_X86_64, "getpid", 0), SECCOMP_RET_ALLOW);
	}
}

static void errnos_architectures_and_arguments_are_honoured(void)
{
	_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
	struct wl_err err = { 0 };

	tap_int_eq(
		compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
			"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],\"syscalls\":["
			"{\"names\":[\"getppid\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"},"
			"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},"
			"{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":"
			"0,"
			"\"value\":18446744073709551615,\"op\":\"SCMP_CMP_EQ\"}]},"
			"{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
			"{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
			"{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]},"
			"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":"
			"0,"
			"\"value\":240,\"valueTwo\":16,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}",
			&prog, &err),
		0);
	if (err.msg[0])
		printf("# %s\n", err.msg);
	tap_int_eq(ask(&prog, ABI_X86_64, "getppid", 0), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&prog, ABI_I386, "getppid", 0), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&prog, ABI_X32, "getppid", 0), SECCOMP_RET_KILL_THREAD);
	tap_int_eq(ask(&prog, ABI_X86_64, "kill", 0), SECCOMP_RET_ERRNO | 38);
	tap_int_eq(ask(&prog, ABI_X86_64, "umask", UINT64_MAX), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&prog, ABI_X86_64, "umask", UINT64_MAX - 1), SECCOMP_RET_ERRNO | 38);
	/* Two comparisons of one argument: either will do, as in both runtimes. */
	tap_int_eq(ask(&prog, ABI_X86_64, "dup", 1), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&prog, ABI_X86_64, "dup", 2), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&prog, ABI_X86_64, "dup", 3), SECCOMP_RET_ERRNO | 38);
	tap_int_eq(ask(&prog, ABI_X86_64, "close", 0x31f), SECCOMP_RET_ALLOW);
	tap_int_eq(ask(&prog, ABI_X86_64, "close", 0x32f), SECCOMP_RET_ERRNO | 38);
}

static void what_cannot_be_compiled_is_refused_with_its_place(void)
{
	static const struct {
		int code;
		const char *text, *says;
	} rows[] = {
		{ -EBUSY, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}",
		  "listenerPath" },
		{ -EBUSY,
		  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mount\"],"
		  "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		  "listenerPath" },
		{ -EINVAL, "{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "unknown action" },
		{ -EINVAL, "{}", "action is missing" },
		{ -EINVAL,
		  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_PDP11\"]}",
		  "unknown architecture" },
		{ -EINVAL,
		  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mount\"],"
		  "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		  "index" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bpf_prog prog = { 0 };
		struct wl_err err = { 0 };

		tap_int_eq(compile(rows[i].text, &prog, &err), rows[i].code);
		if (!strstr(err.msg, rows[i].says))
			printf("# %s\n", err.msg);
		tap_ok(strstr(err.msg, rows[i].says));
	}
}

int main(void)
{
	TAP_RUN(every_action_of_oci_is_known);
	TAP_RUN(errnos_architectures_and_arguments_are_honoured);
	TAP_RUN(what_cannot_be_compiled_is_refused_with_its_place);
	return TAP_DONE();
}
