/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads that make calls at the same time, each checking every answer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls_each;
static pid_t parent;
static atomic_long wrong;

static void *work(void *arg)
{
	for (long i = 0; i < calls_each; i++)
		if (syscall(SYS_getppid) != parent)
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

/* threads THREADS CALLS: prints "THREADS*CALLS calls, N wrong". */
int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 8;
	pthread_t thread[256];

	if (n < 1 || n > 256)
		return 2;
	calls_each = argc > 2 ? atol(argv[2]) : 100;
	parent = getppid();
	for (int i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, work, NULL) != 0)
			return 2;
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	printf("%ld calls, %ld wrong\n", n * calls_each, (long)wrong);
	return wrong ? 1 : 0;
}
