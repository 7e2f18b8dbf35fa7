/* SPDX-License-Identifier: Apache-2.0 */
/* Issues one system call with exactly the registers that its arguments say, and prints the result. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * raw [-n TIMES] [-t | -l] [-x] NAME|NUMBER [ARG...]
 *
 * ARG: a number (0x.., 0.., decimal, negative), or "s:TEXT" for the address of TEXT.
 * -t: from a thread that is no leader; -l: the same after the leader has exited; -x: x32's number.
 * Prints "NAME = RESULT" or "NAME = -1 ERRNO"; with -n only the last one. Exit 0 if the call succeeded.
 */
static const struct {
	const char *name;
	long nr;
} names[] = {
#define N(name)                   \
	{                         \
#name, SYS_##name \
	}
	N(bpf),	     N(chdir),	     N(chmod),	 N(chroot),	 N(dup),    N(execve),
	N(fchmodat), N(getcwd),	     N(getpid),	 N(getppid),	 N(gettid), N(kexec_load),
	N(kill),     N(link),	     N(mkdir),	 N(mkdirat),	 N(mknod),  N(mknodat),
	N(mount),    N(open),	     N(openat),	 N(personality), N(prctl),  N(ptrace),
	N(rmdir),    N(sched_yield), N(seccomp), N(setns),	 N(socket), N(swapon),
	N(symlink),  N(sysinfo),     N(umount2), N(uname),	 N(unlink), N(unshare),
};

struct call {
	const char *name;
	long nr, args[6], times;
	bool is_ok;
};

static long parse_arg(const char *s)
{
	if (strncmp(s, "s:", 2) == 0)
		return (long)(s + 2);
	/* Registers are what is asked for: 64 bits there, the low half of them here with -m32. */
	return s[0] == '-' ? (long)strtoll(s, NULL, 0) : (long)strtoull(s, NULL, 0);
}

static void *do_call(void *arg)
{
	struct call *c = arg;
	long r = -1;

	for (long i = 0; i < c->times; i++)
		r = syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
			    c->args[5]);
	if (r == -1)
		printf("%s = -1 %s\n", c->name, strerrorname_np(errno));
	else
		printf("%s = %ld\n", c->name, r);
	fflush(stdout);
	c->is_ok = r != -1;
	return NULL;
}

static void *do_call_and_exit(void *arg)
{
	struct call *c = arg;

	do_call(c);
	_exit(c->is_ok ? 0 : 1);
}

static long number_of(const char *s)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, s) == 0)
			return names[i].nr;
	return strtol(s, NULL, 0);
}

int main(int argc, char **argv)
{
	static struct call c = { .times = 1 }; /* outlives the leader */
	bool in_thread = false, without_leader = false, is_x32 = false;
	pthread_t thread;
	int opt;

	while ((opt = getopt(argc, argv, "+n:tlx")) != -1) {
		if (opt == 'n')
			c.times = atol(optarg);
		else if (opt == 't')
			in_thread = true;
		else if (opt == 'l')
			without_leader = true;
		else if (opt == 'x')
			is_x32 = true;
		else
			return 2;
	}
	if (optind >= argc)
		return 2;
	c.name = argv[optind];
	c.nr = number_of(c.name) | (is_x32 ? 0x40000000 : 0);
	for (int i = 0; i < 6 && optind + 1 + i < argc; i++)
		c.args[i] = parse_arg(argv[optind + 1 + i]);

	if (without_leader) {
		if (pthread_create(&thread, NULL, do_call_and_exit, &c) != 0)
			return 2;
		pthread_exit(NULL);
	}
	if (in_thread) {
		if (pthread_create(&thread, NULL, do_call, &c) != 0)
			return 2;
		pthread_join(thread, NULL);
	} else
		do_call(&c);
	return c.is_ok ? 0 : 1;
}
