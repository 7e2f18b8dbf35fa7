/* SPDX-License-Identifier: Apache-2.0 */
/* A container that wants to be its own listener: tries SECCOMP_FILTER_FLAG_NEW_LISTENER. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void try(const char *what, unsigned flags, void *prog)
{
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);

	printf("%s = %s\n", what, r >= 0 ? "OK" : strerrorname_np(errno));
}

int main(void)
{
	struct sock_filter allow[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog prog = { 1, allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	try("listener", SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	try("listener with other flags",
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_LOG |
		    SECCOMP_FILTER_FLAG_SPEC_ALLOW,
	    &prog);
	try("probe", SECCOMP_FILTER_FLAG_NEW_LISTENER, NULL);
	try("plain filter", 0, &prog);
	return 0;
}
