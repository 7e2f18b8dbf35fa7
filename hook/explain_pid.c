/* SPDX-License-Identifier: Apache-2.0 */
/* The filters that a process really has, out of the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "hook/explain.h"

void filters_done(struct filters *filters)
{
	for (unsigned i = 0; i < filters->n; i++)
		bpf_prog_done(&filters->prog[i]);
	filters->n = 0;
}

static int read_filter(int pid, unsigned index, struct bpf_prog *ret)
{
	long n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, NULL);

	if (n < 0)
		return -errno;
	if (n == 0 || n > BPF_MAXINSNS)
		return -EINVAL;
	ret->insns = calloc((size_t)n, sizeof(*ret->insns));
	if (!ret->insns)
		return -ENOMEM;
	ret->len = (unsigned)n;
	if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, ret->insns) < 0) {
		int r = -errno;

		bpf_prog_done(ret);
		return r;
	}
	return 0;
}

/* The kernel counts from the filter that was loaded first, and says ENOENT behind the last; EINVAL is what
 * a process without any says. */
static int read_filters(int pid, struct filters *ret)
{
	for (unsigned i = 0; i < EXPLAIN_FILTERS_MAX; i++) {
		int r = read_filter(pid, i, &ret->prog[i]);

		if (r == -ENOENT || (r == -EINVAL && i == 0))
			break;
		if (r < 0)
			return r;
		ret->n++;
	}
	for (unsigned i = 0; i < ret->n / 2; i++) {
		struct bpf_prog older = ret->prog[i];

		ret->prog[i] = ret->prog[ret->n - 1 - i];
		ret->prog[ret->n - 1 - i] = older;
	}
	return 0;
}

int filters_of_process(int pid, struct filters *ret, struct wl_err *err)
{
	int status, r;

	*ret = (struct filters){ 0 };
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return wl_err_set(err, -errno, "attach to process %d", pid);
	/* A task that waits in a call goes on waiting afterwards: INTERRUPT is no signal. */
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) < 0)
		r = -errno;
	else
		r = WIFSTOPPED(status) ? read_filters(pid, ret) : -ESRCH;
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	if (r == 0)
		return 0;
	filters_done(ret);
	if (r == -EACCES)
		return wl_err_say(
			err, r,
			"the kernel shows the filters of process %d only to CAP_SYS_ADMIN "
			"without a filter of its own: run it as root on the host",
			pid);
	return wl_err_set(err, r, "filters of process %d", pid);
}
