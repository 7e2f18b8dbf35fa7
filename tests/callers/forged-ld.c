/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in a rootfs as the ELF interpreter, so that it runs under the identity of whatever dynamic
 * program the container executes: with args /proc/self/exe that is the runtime's own binary. */
#include <sys/syscall.h>

static long sys3(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

static void say(const char *text)
{
	long len = 0;

	while (text[len])
		len++;
	sys3(SYS_write, 1, (long)text, len);
}

static void say_result(const char *name, long r)
{
	char digits[24], *p = digits + sizeof(digits) - 1;
	unsigned long n = r < 0 ? -(unsigned long)r : (unsigned long)r;

	*p = '\0';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	say(name);
	say(r < 0 ? " = -" : " = ");
	say(p);
	say("\n");
}

/* No libc: its start-up would take the other program's headers (AT_PHDR) for its own. */
void _start(void);
__attribute__((noreturn, force_align_arg_pointer)) void _start(void)
{
	say("forged interpreter\n");
	say_result("mkdir", sys3(SYS_mkdir, (long)"/tmp/forged", 0755, 0));
	say_result("chmod", sys3(SYS_chmod, (long)"/tmp", 0777, 0));
	for (;;)
		sys3(SYS_exit_group, 0, 0, 0);
}
