/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/handler: the table agrees with what the policy parser knows; strings are copied once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugin/handler.h"
#include "specs/handler_spec.h"
#include "tests/unit/tap.h"

static void every_handler_that_can_be_asked_for_exists_and_no_other(void)
{
	unsigned i;

	for (i = 0; handlers[i] && handler_specs[i]; i++) {
		tap_str_eq(handlers[i]->name, handler_specs[i]->name);
		tap_ok(handlers[i]->handle != NULL);
		tap_ok(i == 0 || strcmp(handlers[i - 1]->name, handlers[i]->name) < 0);
		tap_ok(handler_find(handlers[i]->name) == handlers[i]);
	}
	tap_ok(i > 0 && !handlers[i] && !handler_specs[i]);
	tap_ok(handler_find("nosuch") == NULL);
	tap_ok(handler_find("") == NULL);
}

static int copy_path(struct job *job, const void *path, const char **ret)
{
	struct request req = { .tid = getpid(), .job = job };

	req.call.abi = abi_native();
	req.call.data.args[1] = (uint64_t)(uintptr_t)path;
	return request_copy_path(&req, 1, ret);
}

static void a_path_is_copied_with_the_kernels_limits(void)
{
	struct job *job = calloc(1, sizeof(*job));
	char long_path[4097];
	const char *got = "?";

	memset(long_path, 'p', sizeof(long_path));
	long_path[4095] = '\0';
	tap_int_eq(copy_path(job, long_path, &got), 0);
	tap_int_eq(strlen(got), 4095);
	tap_int_eq(job->n_copies, 1);
	tap_int_eq(job->copies[0].arg, 1);
	tap_int_eq(job->copies[0].len, 4095);
	tap_ok(!job->copies[0].is_cut);
	job->n_copies = job->text_len = 0;
	long_path[4095] = 'p';
	long_path[4096] = '\0';
	got = "?";
	tap_int_eq(copy_path(job, long_path, &got), -ENAMETOOLONG);
	tap_str_eq(got, "?");
	tap_ok(job->copies[0].is_cut);
	tap_int_eq(job->copies[0].len, 4095);
	job->n_copies = job->text_len = 0;
	tap_int_eq(copy_path(job, "", &got), -ENOENT);
	tap_int_eq(copy_path(job, (void *)8, &got), -EFAULT);
	free(job);
}

static void a_full_job_takes_no_more(void)
{
	struct job *job = calloc(1, sizeof(*job));
	const char *got;

	for (unsigned i = 0; i < 4; i++)
		tap_int_eq(copy_path(job, "abc", &got), 0);
	tap_int_eq(copy_path(job, "abc", &got), -E2BIG);
	tap_str_eq(job->text + job->copies[3].offset, "abc");
	job->n_copies = 0;
	job->text_len = JOB_TEXT - 4095;
	tap_int_eq(copy_path(job, "abc", &got), -E2BIG);
	free(job);
}

/* A call that a handler does not take, as the policy `"syscalls": ["mknod"]` sends it one. */
static struct reply make_fifo(uint32_t profile_verdict)
{
	struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, profile_verdict);
	struct container c = { .profile = { .insns = &ret, .len = 1 } };
	struct request req = { .container = &c };
	struct seccomp_data data = { .arch = abi_native()->audit_arch,
				     .nr = (int)sysno_number(abi_native(), "mknodat") };

	data.args[2] = 0xabc00000000 | S_IFIFO | 0600;
	call_init(&req.call, &data);
	return handler_find("mknod")->handle(&req);
}

static void what_a_handler_does_not_take_gets_the_profiles_verdict(void)
{
	tap_int_eq(make_fifo(SECCOMP_RET_ALLOW).kind, REPLY_CONTINUE);
	tap_int_eq(make_fifo(SECCOMP_RET_LOG).kind, REPLY_CONTINUE);
	tap_int_eq(make_fifo(SECCOMP_RET_ERRNO | EACCES).kind, REPLY_ERRNO);
	tap_int_eq(make_fifo(SECCOMP_RET_ERRNO | EACCES).errnum, EACCES);
	/* What is no errno would be a success to the caller. */
	tap_int_eq(make_fifo(SECCOMP_RET_ERRNO | 0xffff).errnum, 4095);
	tap_int_eq(make_fifo(SECCOMP_RET_ERRNO).kind, REPLY_RETURN);
	tap_int_eq(make_fifo(SECCOMP_RET_ERRNO).value, 0);
	tap_int_eq(make_fifo(SECCOMP_RET_TRACE).errnum, ENOSYS);
	tap_int_eq(make_fifo(SECCOMP_RET_TRAP).kind, REPLY_ERRNO);
	tap_int_eq(make_fifo(SECCOMP_RET_KILL_PROCESS).kind, REPLY_ERRNO);
}

int main(void)
{
	TAP_RUN(every_handler_that_can_be_asked_for_exists_and_no_other);
	TAP_RUN(a_path_is_copied_with_the_kernels_limits);
	TAP_RUN(what_a_handler_does_not_take_gets_the_profiles_verdict);
	TAP_RUN(a_full_job_takes_no_more);
	return TAP_DONE();
}
