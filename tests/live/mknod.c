/* SPDX-License-Identifier: Apache-2.0 */
/* The mknod worker against the real kernel, in a user namespace, without a container runtime. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "tests/live/mknod_box.h"
#include "tests/unit/tap.h"

#define NULL_DEV makedev(1, 3)
#define ZERO_DEV makedev(1, 5)
#define MEM_DEV	 makedev(1, 1) /* not listed */

static void prepare(void)
{
	mkdir("w", 0755);
	mkdir("w/dir", 0755);
	mkdir("tm", 0777);
	mount("t", "tm", "tmpfs", 0, "mode=0755");
	mkdir("jail", 0755);
	mkdir("jail/in", 0755);
	mkdir("open", 01777);
	chmod("open", 01777);
}

static struct box box;

/* A node at a path given as an index, so that it can travel to the box as a number. */
static const char *const paths[] = { "abs",    "/w/a1", "dir/../rel1", "/../../../w/up1",
				     "via/l1", "/tm/t1" };

static void case_make(struct outcome *ret, long i)
{
	symlink("/w/dir", "via");
	outcome_of(ret, mknod(paths[i], S_IFCHR | 0666, NULL_DEV), paths[i]);
}

static void nodes_are_made_by_any_path_and_can_be_opened(void)
{
	for (long i = 0; i < (long)ARRAY_SIZE(paths); i++) {
		struct outcome o = box_run(&box, case_make, i);

		tap_int_eq(o.err, 0);
		tap_int_eq(o.stat_err, 0);
		tap_int_eq(o.mode, S_IFCHR | 0644);
		tap_int_eq(o.rdev, NULL_DEV);
		tap_int_eq(o.uid, 0);
		tap_int_eq(o.gid, 0);
		tap_int_eq(o.nlink, 1);
		tap_int_eq(o.open_err, 0);
		tap_str_eq(box.last_how, strncmp(paths[i], "/tm", 3) == 0 ? "bind" : "node");
		/* It is there again, and nothing is mounted over it. */
		tap_int_eq(box_run(&box, case_make, i).err, EEXIST);
	}
}

static void case_zero(struct outcome *ret, long in_tmpfs)
{
	const char *path = in_tmpfs ? "/tm/zero" : "zero";
	char buf[16] = "xxxxxxxxxxxxxxx", none[16] = { 0 };
	int fd;

	outcome_of(ret, mknod(path, S_IFCHR | 0600, ZERO_DEV), path);
	fd = open(path, O_RDONLY);
	ret->extra =
		read(fd, buf, sizeof(buf)) == sizeof(buf) && memcmp(buf, none, sizeof(buf)) == 0;
	/* Nothing of the worker pins the node or its mount. */
	close(fd);
	if (in_tmpfs && umount2(path, UMOUNT_NOFOLLOW) < 0)
		ret->extra = -errno;
	if (unlink(path) < 0)
		ret->extra = -errno;
}

static void a_node_works_and_can_be_removed_at_once(void)
{
	for (long i = 0; i < 200; i++) {
		struct outcome o = box_run(&box, case_zero, i & 1);

		tap_int_eq(o.err, 0);
		tap_int_eq(o.extra, 1);
	}
}

static void case_umount_at_once(struct outcome *ret, long arg)
{
	mkdir("m", 0755);
	if (mount("t", "m", "tmpfs", 0, NULL) < 0 || chdir("m") < 0)
		return;
	outcome_of(ret, mknod("n", S_IFCHR | 0600, ZERO_DEV), "n");
	ret->extra = umount2("n", 0) < 0 ? -errno : 0;
	if (chdir("..") < 0 || umount2("m", 0) < 0)
		ret->extra = -errno;
}

static void the_worker_pins_no_mount_after_its_answer(void)
{
	for (long i = 0; i < 200; i++) {
		struct outcome o = box_run(&box, case_umount_at_once, 0);

		tap_int_eq(o.err, 0);
		tap_int_eq(o.extra, 0);
	}
}

static void case_many_binds(struct outcome *ret, long n)
{
	for (ret->extra = 0; ret->extra < n; ret->extra++) {
		ret->err = mknod("/tm/many", S_IFCHR | 0600, ZERO_DEV) < 0 ? errno : 0;
		if (ret->err || umount2("/tm/many", UMOUNT_NOFOLLOW) < 0 || unlink("/tm/many") < 0)
			return;
	}
}

static void a_full_store_of_nodes_is_replaced(void)
{
	struct outcome o = box_run(&box, case_many_binds, 2100);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.extra, 2100);
	/* A node of the old store is still good, and so is the new one. */
	tap_int_eq(box_run(&box, case_make, ARRAY_SIZE(paths) - 1).err, EEXIST);
	tap_int_eq(box_run(&box, case_make, ARRAY_SIZE(paths) - 1).open_err, 0);
}

static void case_dirfd(struct outcome *ret, long arg)
{
	int fd = open("dir", O_RDONLY | O_DIRECTORY), file;

	outcome_of(ret, mknodat(fd, "at1", S_IFCHR | 0666, NULL_DEV), "dir/at1");
	file = open("plain", O_CREAT | O_RDWR, 0644);
	ret->extra = mknodat(file, "x", S_IFCHR | 0666, NULL_DEV) < 0 && errno == ENOTDIR;
	ret->extra += mknodat(99, "x", S_IFCHR | 0666, NULL_DEV) < 0 && errno == EBADF;
	ret->extra += mknodat(-1, "x", S_IFCHR | 0666, NULL_DEV) < 0 && errno == EBADF;
	ret->extra += mknodat(99, "/w/dir/abs99", S_IFCHR | 0666, NULL_DEV) == 0;
}

static void a_dirfd_is_the_callers(void)
{
	struct outcome o = box_run(&box, case_dirfd, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.rdev, NULL_DEV);
	tap_int_eq(o.extra, 4);
}

static const char *const own_links[] = { "/proc/self/fd/41/o", "/proc/self/cwd/dir/o",
					 "/proc/self/root/w/dir/o", "/proc/thread-self/fd/41//o" };

static void case_own_link(struct outcome *ret, long i)
{
	int fd = open("dir", O_RDONLY | O_DIRECTORY);

	dup2(fd, 41);
	outcome_of(ret, mknod(own_links[i], S_IFCHR | 0666, NULL_DEV), "/w/dir/o");
	unlink("/w/dir/o");
	ret->extra = mknod("/proc/self/fd/42/o", S_IFCHR | 0666, NULL_DEV) < 0 ? errno : 0;
}

static void the_callers_own_links_in_procfs_are_its_own(void)
{
	for (long i = 0; i < (long)ARRAY_SIZE(own_links); i++) {
		struct outcome o = box_run(&box, case_own_link, i);

		tap_int_eq(o.err, 0);
		tap_int_eq(o.rdev, NULL_DEV);
		tap_int_eq(o.extra, ENOENT);
	}
}

static void case_chroot(struct outcome *ret, long arg)
{
	int out = open("/w", O_RDONLY | O_DIRECTORY);

	if (chdir("/jail") < 0 || chroot(".") < 0)
		return;
	outcome_of(ret, mknod("/../../in/j", S_IFCHR | 0666, NULL_DEV), "/in/j");
	/* As the kernel has it: a directory outside the root is where it is. */
	ret->extra = mknodat(out, "../w/outside", S_IFCHR | 0666, NULL_DEV) == 0 &&
		     faccessat(out, "outside", F_OK, 0) == 0;
}

static void a_chrooted_caller_stays_below_its_root(void)
{
	struct outcome o = box_run(&box, case_chroot, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.stat_err, 0);
	tap_int_eq(o.extra, 1);
}

static void *thread_in_dir(void *arg)
{
	if (unshare(CLONE_FS) == 0 && chdir("dir") == 0)
		*(int *)arg = mknod("thr", S_IFCHR | 0666, NULL_DEV) < 0 ? errno : 0;
	return NULL;
}

static void case_thread(struct outcome *ret, long arg)
{
	pthread_t t;
	int err = -1;

	pthread_create(&t, NULL, thread_in_dir, &err);
	pthread_join(t, NULL);
	outcome_of(ret, 0, "dir/thr");
	ret->err = err;
}

static void a_thread_acts_in_its_own_directory(void)
{
	struct outcome o = box_run(&box, case_thread, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.stat_err, 0);
}

static int survivor_pipe[2];

static void *survivor(void *arg)
{
	char name[32], state = 0;
	struct outcome *ret = arg;

	/* Until the leader is a zombie. */
	while (state != 'Z') {
		char text[512] = "", *p;
		int fd = open("/proc/self/stat", O_RDONLY);

		if (fd < 0)
			break;
		if (read(fd, text, sizeof(text) - 1) > 0 && (p = strrchr(text, ')')))
			state = p[2];
		close(fd);
	}
	snprintf(name, sizeof(name), "orphan");
	outcome_of(ret, mknod(name, S_IFCHR | 0666, NULL_DEV), name);
	ret->extra = state == 'Z';
	if (write(survivor_pipe[1], ret, sizeof(*ret)) < 0)
		_exit(1);
	_exit(0);
}

static void case_leader_gone(struct outcome *ret, long arg)
{
	static struct outcome out;
	pthread_t t;
	pid_t pid;

	if (pipe(survivor_pipe) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		pthread_create(&t, NULL, survivor, &out);
		syscall(SYS_exit, 0);
	}
	if (read(survivor_pipe[0], ret, sizeof(*ret)) != sizeof(*ret))
		ret->err = -2;
	waitpid(pid, NULL, 0);
}

static void a_thread_whose_leader_has_exited_is_served(void)
{
	struct outcome o = box_run(&box, case_leader_gone, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.rdev, NULL_DEV);
	tap_int_eq(o.extra, 1);
}

static void case_umask(struct outcome *ret, long mask)
{
	umask((mode_t)mask);
	outcome_of(ret, mknod("masked", S_IFCHR | 0777, NULL_DEV), "masked");
	unlink("masked");
}

static void the_callers_umask_counts(void)
{
	tap_int_eq(box_run(&box, case_umask, 0).mode, S_IFCHR | 0777);
	tap_int_eq(box_run(&box, case_umask, 0137).mode, S_IFCHR | 0640);
}

static void become(unsigned uid, uint64_t caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)caps, .permitted = (uint32_t)caps },
		{ .effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32) },
	};

	prctl(PR_SET_KEEPCAPS, 1);
	if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
	    syscall(SYS_capset, &head, data) < 0)
		_exit(9);
}

static void case_user(struct outcome *ret, long caps)
{
	become(1000, (uint64_t)caps);
	outcome_of(ret, mknod("/open/user", S_IFCHR | 0666, NULL_DEV), "/open/user");
	unlink("/open/user");
	ret->extra = mknod("/w/user", S_IFCHR | 0666, NULL_DEV) < 0 ? errno : 0;
	unlink("/w/user");
}

static void the_capability_is_needed_and_directories_are_guarded(void)
{
	struct outcome o = box_run(&box, case_user, 0);

	tap_int_eq(o.err, EPERM);
	tap_int_eq(o.stat_err, ENOENT);
	tap_int_eq(o.extra, EACCES);
	o = box_run(&box, case_user, 1L << CAP_MKNOD);
	tap_int_eq(o.err, 0);
	tap_int_eq(o.uid, 1000);
	tap_int_eq(o.gid, 1000);
	tap_int_eq(o.extra, EACCES);
	/* CAP_DAC_OVERRIDE in the box counts for what its ids own. */
	o = box_run(&box, case_user, 1L << CAP_MKNOD | 1L << CAP_DAC_OVERRIDE);
	tap_int_eq(o.err, 0);
	tap_int_eq(o.extra, 0);
}

static void case_hosts_directory(struct outcome *ret, long arg)
{
	outcome_of(ret, mknod("/hosts/x", S_IFCHR | 0666, NULL_DEV), "/hosts/x");
	ret->extra = mknod("/hosts/deep/x", S_IFCHR | 0666, NULL_DEV) < 0 ? errno : 0;
}

static void a_directory_of_an_unmapped_owner_is_closed_to_the_boxs_root(void)
{
	char path[128];
	struct outcome o;

	snprintf(path, sizeof(path), "%s/hosts", box.root);
	tap_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/hosts/deep", box.root);
	tap_int_eq(mkdir(path, 0777), 0);
	o = box_run(&box, case_hosts_directory, 0);
	tap_int_eq(o.err, EACCES);
	tap_int_eq(o.extra, EACCES);
}

static void case_nested(struct outcome *ret, long arg)
{
	if (unshare(CLONE_NEWUSER) < 0)
		ret->extra = errno;
	outcome_of(ret, mknod("/open/nested", S_IFCHR | 0666, NULL_DEV), "/open/nested");
}

static void a_nested_user_namespace_gets_eperm(void)
{
	struct outcome o = box_run(&box, case_nested, 0);

	tap_int_eq(o.extra, 0);
	tap_int_eq(o.err, EPERM);
	tap_int_eq(o.stat_err, ENOENT);
}

static void case_unlisted(struct outcome *ret, long arg)
{
	static const struct {
		mode_t type;
		unsigned major, minor;
	} rows[] = { { S_IFCHR, 1, 1 },	  { S_IFCHR, 1, 4 }, { S_IFBLK, 1, 3 }, { S_IFCHR, 257, 3 },
		     { S_IFCHR, 1, 259 }, { S_IFCHR, 0, 3 }, { S_IFCHR, 3, 1 }, { S_IFBLK, 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		outcome_of(ret,
			   mknod("unl", rows[i].type | 0666, makedev(rows[i].major, rows[i].minor)),
			   "unl");
		if (ret->err != EPERM || ret->stat_err != ENOENT)
			ret->extra |= 1L << i;
	}
}

static void what_is_not_listed_is_eperm(void)
{
	tap_int_eq(box_run(&box, case_unlisted, 0).extra, 0);
}

static void case_garbage(struct outcome *ret, long unlisted)
{
	unsigned long junk = 0xdeadbeef00000000ul, dev = unlisted ? MEM_DEV : NULL_DEV;

	outcome_of(ret,
		   syscall(SYS_mknodat, junk | (uint32_t)AT_FDCWD, "junk",
			   junk | 0x7fff0000ul | S_IFCHR | 0600, junk | dev),
		   "junk");
	unlink("junk");
}

static void garbage_in_upper_halves_changes_nothing(void)
{
	struct outcome o = box_run(&box, case_garbage, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.mode, S_IFCHR | 0600);
	tap_int_eq(o.rdev, NULL_DEV);
	tap_int_eq(box_run(&box, case_garbage, 1).err, EPERM);
}

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c, long d)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory");
	return r;
}

static void case_i386(struct outcome *ret, long nr)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	strcpy(low, "w32");
	r = nr == 14 ? int80(14, (long)low, S_IFCHR | 0600, NULL_DEV, 0)
		     : int80(297, AT_FDCWD, (long)low, S_IFCHR | 0600, NULL_DEV);
	errno = (int)-r;
	outcome_of(ret, r, "w32");
	unlink("w32");
	r = int80(297, AT_FDCWD, (long)low, S_IFCHR | 0600, MEM_DEV);
	ret->extra = r;
}

static void a_32_bit_call_is_the_same(void)
{
	static const long numbers[] = { 14, 297 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct outcome o = box_run(&box, case_i386, numbers[i]);

		tap_int_eq(o.err, 0);
		tap_int_eq(o.rdev, NULL_DEV);
		tap_int_eq(o.mode, S_IFCHR | 0600);
		tap_int_eq(o.extra, -EPERM);
	}
}
#endif

static void case_others(struct outcome *ret, long arg)
{
	outcome_of(ret, mknod("wh", S_IFCHR, 0), "wh");
	ret->extra = mknod("fifo", S_IFIFO | 0600, 0) == 0 &&
		     mknod("sock", S_IFSOCK | 0600, 0) == 0 &&
		     mknod("reg", S_IFREG | 0600, 0) == 0 && mknod("dirx", S_IFDIR | 0700, 0) < 0 &&
		     errno == EPERM;
}

static void what_is_no_device_is_left_to_the_kernel(void)
{
	struct outcome o = box_run(&box, case_others, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.rdev, 0);
	tap_int_eq(o.extra, 1);
}

static void case_to_be_killed(struct outcome *ret, long in_tmpfs)
{
	/* Sent before the call: it is handled only when the call is over, or fatal at once. */
	pid_t parent = getpid();

	if (fork() == 0) {
		usleep(100000);
		kill(parent, SIGKILL);
		_exit(0);
	}
	mknod(in_tmpfs ? "/tm/killed" : "killed", S_IFCHR | 0666, NULL_DEV);
}

static void case_look(struct outcome *ret, long in_tmpfs)
{
	outcome_of(ret, 0, in_tmpfs ? "/tm/killed" : "/w/killed");
}

static void what_a_killed_caller_asked_for_is_taken_back(void)
{
	for (long i = 0; i < 2; i++) {
		unsigned before = box.n_undone;

		box_hold(&box, true);
		tap_int_eq(box_run(&box, case_to_be_killed, i).err, -1);
		tap_ok(box_wait_held(&box));
		tap_int_eq(box_run(&box, case_look, i).stat_err, 0);
		box_hold(&box, false);
		/* The loop is through with it when it has answered another call. */
		box_run(&box, case_umask, 0);
		tap_int_eq(box.n_undone, before + 1);
		tap_int_eq(box_run(&box, case_look, i).stat_err, ENOENT);
	}
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	box_start(&box, false, "mknod", "", prepare);
	TAP_RUN(nodes_are_made_by_any_path_and_can_be_opened);
	TAP_RUN(a_node_works_and_can_be_removed_at_once);
	TAP_RUN(the_worker_pins_no_mount_after_its_answer);
	TAP_RUN(a_full_store_of_nodes_is_replaced);
	TAP_RUN(a_dirfd_is_the_callers);
	TAP_RUN(the_callers_own_links_in_procfs_are_its_own);
	TAP_RUN(a_chrooted_caller_stays_below_its_root);
	TAP_RUN(a_thread_acts_in_its_own_directory);
	TAP_RUN(a_thread_whose_leader_has_exited_is_served);
	TAP_RUN(the_callers_umask_counts);
	TAP_RUN(the_capability_is_needed_and_directories_are_guarded);
	TAP_RUN(a_directory_of_an_unmapped_owner_is_closed_to_the_boxs_root);
	TAP_RUN(a_nested_user_namespace_gets_eperm);
	TAP_RUN(what_is_not_listed_is_eperm);
	TAP_RUN(garbage_in_upper_halves_changes_nothing);
#ifdef __x86_64__
	TAP_RUN(a_32_bit_call_is_the_same);
#endif
	TAP_RUN(what_is_no_device_is_left_to_the_kernel);
	TAP_RUN(what_a_killed_caller_asked_for_is_taken_back);
	box_stop(&box);
	return TAP_DONE();
}
