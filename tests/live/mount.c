/* SPDX-License-Identifier: Apache-2.0 */
/* The mount worker: an ext4 image on a loop device, mounted for a user namespace. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "tests/live/mknod_box.h"
#include "tests/unit/tap.h"

static struct box box;
static char work[] = "/tmp/waylay-mount-XXXXXX";
static struct loop {
	char name[32];
	dev_t dev;
} good, other; /* listed; not listed */

static bool run(const char *command, char *out, size_t size)
{
	FILE *f = popen(command, "r");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;

	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return f && pclose(f) == 0;
}

/* An image with a node of the host's memory in it, readable for all. */
static bool make_loop(struct loop *ret)
{
	char cmd[512], none[64];
	struct stat st;

	snprintf(cmd, sizeof(cmd),
		 "set -e; cd %s; f=$(mktemp img.XXXXXX); truncate -s 8M $f; mkfs.ext4 -q -F $f; "
		 "losetup -f --show $f",
		 work);
	if (!run(cmd, ret->name, sizeof(ret->name)) || stat(ret->name, &st) < 0)
		return false;
	ret->dev = st.st_rdev;
	snprintf(cmd, sizeof(cmd),
		 "set -e; cd %s; mkdir -p m; mount %s m; mknod m/mem c 1 1; chmod 666 m/mem; "
		 "umount m",
		 work, ret->name);
	return run(cmd, none, sizeof(none));
}

static void prepare(void)
{
	if (mkdir("w", 0755) || mkdir("w/mnt", 0755) || mkdir("w/other", 0755) ||
	    close(open("w/file", O_CREAT | O_WRONLY, 0644)))
		printf("# prepare: %s\n", strerror(errno));
}

static void give_node(const char *name, dev_t dev)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/w/%s", box.root, name);
	if (mknod(path, S_IFBLK | 0600, dev) < 0 || chown(path, BOX_BASE, BOX_BASE) < 0)
		printf("# %s: %s\n", path, strerror(errno));
}

static void case_mount(struct outcome *ret, long arg)
{
	int r = mount("/w/disk", "mnt", "ext4", MS_MGC_VAL | MS_NOATIME, "discard"), fd;
	char line[4096];
	FILE *f;

	outcome_of(ret, r, "mnt");
	if (r < 0)
		return;
	if (mkdir("mnt/d", 0755) == 0 && lstat("mnt/d", &(struct stat){ 0 }) == 0)
		ret->extra |= 1;
	fd = open("mnt/mem", O_RDONLY);
	ret->extra |= fd < 0 && errno == EACCES ? 2 : 0;
	/* The forced flags are locked. */
	if (mount(NULL, "mnt", NULL, MS_REMOUNT | MS_BIND, NULL) < 0 && errno == EPERM)
		ret->extra |= 4;
	f = fopen("/proc/thread-self/mountinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " /w/mnt rw,nosuid,nodev,noatime,idmapped ") &&
		    strstr(line, " - ext4 /w/disk rw,"))
			ret->extra |= 8;
	fclose(f);
	rmdir("mnt/d");
	if (umount2("mnt", 0) == 0)
		ret->extra |= 16;
}

static void a_listed_image_is_mounted_with_shifted_ids_and_locked_flags(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct outcome o = box_run(&box, case_mount, 0);

		tap_int_eq(o.err, 0);
		tap_int_eq(o.uid, 0);
		tap_int_eq(o.gid, 0);
		tap_int_eq(o.extra, 31);
		tap_str_eq(box.last_how, "shift");
	}
}

static void case_twice(struct outcome *ret, long arg)
{
	int fd = open("/w/mnt", O_PATH | O_DIRECTORY);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	outcome_of(ret, mount("../w/disk", path, "ext4", MS_RDONLY, NULL), "mnt");
	ret->extra = mkdir("mnt/d", 0755) < 0 ? errno : 0;
	close(fd);
	umount2("mnt", 0);
}

static void a_target_by_fd_and_a_read_only_mount(void)
{
	struct outcome o = box_run(&box, case_twice, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.extra, EROFS);
}

static const struct {
	const char *source, *target, *type, *data;
	unsigned long flags;
	int err;
} bad[] = {
	{ "/w/disk", "/w/none", "ext4", NULL, 0, ENOENT },
	{ "/w/none", "/w/mnt", "ext4", NULL, 0, ENOENT },
	{ "/w/file", "/w/mnt", "ext4", NULL, 0, ENOTBLK },
	{ "/w/disk", "/w/file", "ext4", NULL, 0, ENOTDIR },
	{ "/w/unlisted", "/w/mnt", "ext4", NULL, 0, EPERM },
	{ "/w/hosts", "/w/mnt", "ext4", NULL, 0, EACCES },
	{ "/w/disk", "/w/mnt", "ext4", "errors=panic", 0, EPERM },
	{ "/w/disk", "/w/mnt", "ext4", "discard,journal_path=/x", 0, EPERM },
	{ "/w/disk", "/w/mnt", "xfs", NULL, 0, EPERM },	 /* not listed: the kernel's own answer */
	{ "/w/disk", "/w/mnt", "ext", NULL, 0, ENODEV }, /* likewise */
	{ "/w/disk", "/w/mnt", "btrfs", NULL, 0,
	  EINVAL }, /* listed, but that is no such file system */
	{ "/w/disk", "/w/mnt", "ext2", NULL, 0, EINVAL }, /* listed with shift, which it cannot */
	{ (char *)8, "/w/mnt", "ext4", NULL, 0, EFAULT },
	{ "/w/disk", (char *)8, "ext4", NULL, 0, EFAULT },
	{ "/w/disk", "/w/mnt", (char *)8, NULL, 0, EFAULT },
	{ "/w/disk", "/w/mnt", NULL, NULL, 0, EINVAL },
	{ "/w/disk", "/w/mnt", "ext4", NULL, MS_BIND, ENOTDIR }, /* a file over a directory */
};

static void case_bad(struct outcome *ret, long i)
{
	outcome_of(ret, mount(bad[i].source, bad[i].target, bad[i].type, bad[i].flags, bad[i].data),
		   "mnt");
	if (ret->err == 0)
		umount2("mnt", MNT_DETACH);
}

static void what_is_not_permitted_has_its_errno(void)
{
	for (long i = 0; i < (long)ARRAY_SIZE(bad); i++) {
		struct outcome o = box_run(&box, case_bad, i);

		if (o.err != bad[i].err)
			printf("# row %ld\n", i);
		tap_int_eq(o.err, bad[i].err);
	}
}

static void case_user(struct outcome *ret, long nested)
{
	if (nested ? unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 : setresuid(1000, 1000, 1000) < 0)
		ret->extra = errno;
	outcome_of(ret, mount("/w/disk", "mnt", "ext4", 0, NULL), "mnt");
}

static void the_capability_is_needed_in_the_containers_user_namespace(void)
{
	for (long nested = 0; nested < 2; nested++) {
		struct outcome o = box_run(&box, case_user, nested);

		tap_int_eq(o.extra, 0);
		tap_int_eq(o.err, EPERM);
	}
}

static void case_tmpfs(struct outcome *ret, long arg)
{
	outcome_of(ret, mount("t", "other", "tmpfs", 0, "size=64k"), "other");
	ret->extra = umount2("other", 0) < 0 ? errno : 0;
}

static void what_is_not_listed_is_the_kernels(void)
{
	struct outcome o = box_run(&box, case_tmpfs, 0);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.extra, 0);
}

static void case_own_mounts(struct outcome *ret, long arg)
{
	if (unshare(CLONE_NEWNS) < 0)
		ret->extra = errno;
	outcome_of(ret, mount("/w/disk", "mnt", "ext4", 0, NULL), "mnt/lost+found");
}

static void case_look(struct outcome *ret, long arg)
{
	outcome_of(ret, 0, "mnt/lost+found");
}

static void a_caller_with_its_own_mount_namespace_keeps_its_mounts_to_itself(void)
{
	struct outcome o = box_run(&box, case_own_mounts, 0);

	tap_int_eq(o.extra, 0);
	tap_int_eq(o.err, 0);
	tap_int_eq(o.stat_err, 0);
	tap_int_eq(box_run(&box, case_look, 0).stat_err, ENOENT);
}

static _Atomic bool is_over;
static char shared_source[64], shared_target[64], shared_data[64];

static void *flip(void *arg)
{
	while (!is_over) {
		strcpy(shared_source, "/w/unlisted");
		strcpy(shared_data, "errors=panic");
		strcpy(shared_target, "/w/other");
		symlink("/w/unlisted", "/w/new");
		rename("/w/new", "/w/via");
		strcpy(shared_source, "/w/disk");
		strcpy(shared_data, "discard");
		strcpy(shared_target, "/w/mnt");
		symlink("/w/disk", "/w/new");
		rename("/w/new", "/w/via");
	}
	return NULL;
}

/* In err: what was mounted of an unlisted device or with an unlisted option. */
static void case_race(struct outcome *ret, long arg)
{
	char line[4096];
	pthread_t t;

	pthread_create(&t, NULL, flip, NULL);
	/* Most tries meet something that is refused. */
	for (unsigned i = 0; i < 300 || (ret->extra < 5 && i < 20000); i++) {
		int r = mount(i & 1 ? shared_source : "/w/via", shared_target, "ext4", 0,
			      shared_data);
		FILE *f = fopen("/proc/thread-self/mountinfo", "r");

		ret->extra += r == 0;
		while (f && fgets(line, sizeof(line), f))
			if ((strstr(line, " /w/mnt ") || strstr(line, " /w/other ")) &&
			    (strtoul(strchr(strstr(line, ":"), ':') + 1, NULL, 10) !=
				     (unsigned long)arg ||
			     strstr(line, "errors=panic") || !strstr(line, "nosuid,nodev")))
				ret->err++;
		if (f)
			fclose(f);
		umount2("mnt", MNT_DETACH);
		umount2("other", MNT_DETACH);
	}
	is_over = true;
	pthread_join(t, NULL);
}

static void what_was_checked_is_what_is_mounted(void)
{
	struct outcome o = box_run(&box, case_race, minor(good.dev));

	printf("# %ld mounted\n", o.extra);
	tap_int_eq(o.err, 0);
	tap_ok(o.extra >= 5 && o.extra < 300);
}

static void case_to_be_killed(struct outcome *ret, long arg)
{
	pid_t parent = getpid();

	if (fork() == 0) {
		usleep(100000);
		kill(parent, SIGKILL);
		_exit(0);
	}
	mount("/w/disk", "mnt", "ext4", 0, NULL);
}

static void what_a_killed_caller_asked_for_is_taken_back(void)
{
	unsigned before = box.n_undone;

	box_hold(&box, true);
	tap_int_eq(box_run(&box, case_to_be_killed, 0).err, -1);
	tap_ok(box_wait_held(&box));
	tap_int_eq(box_run(&box, case_look, 0).stat_err, 0);
	box_hold(&box, false);
	box_run(&box, case_bad, 0);
	tap_int_eq(box.n_undone, before + 1);
	tap_int_eq(box_run(&box, case_look, 0).stat_err, ENOENT);
}

static void clean(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "for l in %s %s; do losetup -d $l; done; rm -r %s", good.name,
		 other.name, work);
	if (system(cmd) != 0)
		printf("# left: %s\n", work);
}

int main(void)
{
	char options[256], path[128];

	if (geteuid() != 0 || !mkdtemp(work) || !make_loop(&good) || !make_loop(&other)) {
		printf("1..0 # SKIP needs root, loop devices and mkfs.ext4\n");
		return 0;
	}
	snprintf(options, sizeof(options),
		 "\"filesystems\":\"ext4:shift, btrfs, ext2:shift\",\"devices\":\"b %u:%u\"",
		 major(good.dev), minor(good.dev));
	box_start(&box, false, "mount", options, prepare);
	give_node("disk", good.dev);
	give_node("unlisted", other.dev);
	give_node("hosts", good.dev);
	snprintf(path, sizeof(path), "%s/w/hosts", box.root);
	tap_ok(chown(path, 0, 0) == 0);
	TAP_RUN(a_listed_image_is_mounted_with_shifted_ids_and_locked_flags);
	TAP_RUN(a_target_by_fd_and_a_read_only_mount);
	TAP_RUN(what_is_not_permitted_has_its_errno);
	TAP_RUN(the_capability_is_needed_in_the_containers_user_namespace);
	TAP_RUN(what_is_not_listed_is_the_kernels);
	TAP_RUN(a_caller_with_its_own_mount_namespace_keeps_its_mounts_to_itself);
	TAP_RUN(what_was_checked_is_what_is_mounted);
	TAP_RUN(what_a_killed_caller_asked_for_is_taken_back);
	box_stop(&box);
	clean();
	return TAP_DONE();
}
