/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/caller: ids and rights out of a status file; threads; tasks that have gone. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/caller.h"
#include "tests/unit/tap.h"

static const char good[] =
	"Name:\tx\\nUid: 7\nUmask:\t0027\nTgid:\t41\nPid:\t42\nNSpid:\t42\t7\t3\n"
	"Uid:\t1\t2\t3\t4294967294\nGid:\t5\t6\t7\t8\nGroups:\t10 20 4294967294 \n"
	"CapEff:\t000001ffffffffff\n";

static void every_field_is_read_at_its_width(void)
{
	struct caller_status st = { 0 };

	tap_int_eq(caller_parse_status(good, &st), 0);
	tap_int_eq(st.uid[0], 1);
	tap_int_eq(st.uid[3], 4294967294u);
	tap_int_eq(st.gid[3], 8);
	tap_int_eq(st.umask, 027);
	tap_int_eq(st.tgid, 41);
	tap_int_eq(st.ns_tid, 3);
	tap_ok(st.cap_eff == 0x1ffffffffffull);
	tap_int_eq(st.n_groups, 3);
	tap_int_eq(st.groups[2], 4294967294u);
	free(st.groups);
}

static void a_missing_or_bad_field_is_an_error(void)
{
	static const char *const keys[] = { "Uid",   "Gid",  "Groups", "CapEff",
					    "Umask", "Tgid", "NSpid" };
	struct caller_status st;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char text[sizeof(good)], line[16];

		memcpy(text, good, sizeof(good));
		snprintf(line, sizeof(line), "\n%s:", keys[i]);
		strstr(text, line)[1] = '_';
		tap_int_eq(caller_parse_status(text, &st), -EINVAL);
	}
	tap_int_eq(caller_parse_status("", &st), -EINVAL);
	tap_int_eq(caller_parse_status("Uid:\t1\t2\t3\nGid:\t1\t2\t3\t4\n", &st), -EINVAL);
}

static struct home own_home(void)
{
	struct home home = { .mnt_ns = -EBADF, .store = -EBADF };
	struct stat st;

	home.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	stat("/proc/self/ns/user", &st);
	home.init_userns = home.container_userns = (struct ns_id){ st.st_dev, st.st_ino };
	return home;
}

struct thread {
	pthread_barrier_t opened, done;
	pid_t tid;
};

static void *thread_with_its_own_cwd(void *arg)
{
	struct thread *t = arg;

	t->tid = (pid_t)syscall(SYS_gettid);
	if (unshare(CLONE_FS) < 0 || chdir("/proc") < 0)
		t->tid = 0;
	umask(0135);
	pthread_barrier_wait(&t->opened);
	pthread_barrier_wait(&t->done);
	return NULL;
}

static void a_thread_has_its_own_cwd_and_umask(void)
{
	struct home home = own_home();
	struct caller c;
	struct thread t;
	struct stat a, b;
	pthread_t id;
	int cwd;

	pthread_barrier_init(&t.opened, NULL, 2);
	pthread_barrier_init(&t.done, NULL, 2);
	pthread_create(&id, NULL, thread_with_its_own_cwd, &t);
	pthread_barrier_wait(&t.opened);
	tap_int_eq(caller_open(&home, t.tid, &c), 0);
	tap_int_eq(c.status.umask, 0135);
	tap_int_eq(c.status.tgid, getpid());
	cwd = caller_open_cwd(&c);
	fstat(cwd, &a);
	fd_close(cwd);
	stat("/proc", &b);
	tap_ok(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	caller_done(&c);
	pthread_barrier_wait(&t.done);
	pthread_join(id, NULL);
	fd_close(home.proc);
}

static void a_caller_that_has_gone_is_esrch(void)
{
	struct home home = own_home();
	struct caller c;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	tap_int_eq(caller_open(&home, pid, &c), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	tap_int_eq(caller_open_fd(&c, 0), -EBADF);
	caller_done(&c);
	tap_int_eq(caller_open(&home, pid, &c), -ESRCH);
	tap_int_eq(caller_open(&home, 0, &c), -ESRCH);
	fd_close(home.proc);
}

static void a_capability_counts_only_in_the_containers_user_namespace(void)
{
	struct home home = { .container_userns = { 4, 77 } };
	struct caller c = { .home = &home, .userns = { 4, 77 } };

	tap_ok(!caller_has_cap(&c, CAP_MKNOD));
	c.status.cap_eff = ~CAP_BIT(CAP_MKNOD);
	tap_ok(!caller_has_cap(&c, CAP_MKNOD));
	c.status.cap_eff = CAP_BIT(CAP_MKNOD);
	tap_ok(caller_has_cap(&c, CAP_MKNOD));
	c.userns.ino = 78;
	tap_ok(!caller_has_cap(&c, CAP_MKNOD));
	c.userns = (struct ns_id){ 5, 77 };
	tap_ok(!caller_has_cap(&c, CAP_MKNOD));
	/* Unknown is not equal to unknown. */
	c.userns = home.container_userns = (struct ns_id){ 0, 0 };
	tap_ok(!caller_has_cap(&c, CAP_MKNOD));
}

static void fds_are_found_by_number(void)
{
	struct home home = own_home();
	struct caller c;
	int fd;

	tap_int_eq(caller_open(&home, getpid(), &c), 0);
	fd = caller_open_fd(&c, home.proc);
	tap_ok(fd >= 0);
	fd_close(fd);
	tap_int_eq(caller_open_fd(&c, -1), -EBADF);
	tap_int_eq(caller_open_fd(&c, 1 << 30), -EBADF);
	caller_done(&c);
	fd_close(home.proc);
}

static void many_groups_do_not_fit_the_first_read(void)
{
	struct home home = own_home();
	gid_t groups[3000];
	struct caller c;

	if (geteuid() != 0)
		tap_skip("needs root");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		groups[i] = 1000000u + (gid_t)i;
	tap_int_eq(setgroups(ARRAY_SIZE(groups), groups), 0);
	tap_int_eq(caller_open(&home, getpid(), &c), 0);
	tap_int_eq(c.status.n_groups, ARRAY_SIZE(groups));
	tap_int_eq(c.status.groups[2999], 1002999);
	tap_ok(c.status.cap_eff != 0);
	caller_done(&c);
	setgroups(0, NULL);
	fd_close(home.proc);
}

int main(void)
{
	TAP_RUN(every_field_is_read_at_its_width);
	TAP_RUN(a_missing_or_bad_field_is_an_error);
	TAP_RUN(a_thread_has_its_own_cwd_and_umask);
	TAP_RUN(a_caller_that_has_gone_is_esrch);
	TAP_RUN(a_capability_counts_only_in_the_containers_user_namespace);
	TAP_RUN(fds_are_found_by_number);
	TAP_RUN(many_groups_do_not_fit_the_first_read);
	return TAP_DONE();
}
