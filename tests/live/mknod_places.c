/* SPDX-License-Identifier: Apache-2.0 */
/* The mknod worker on roots of all kinds, and with every option. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/kernel.h"
#include "tests/live/mknod_box.h"
#include "tests/unit/tap.h"

#define NULL_DEV makedev(1, 3)

static struct box box;

static void prepare(void)
{
	mkdir("w", 0777);
	chmod("w", 0777);
	mkdir("tm", 0755);
	mount("t", "tm", "tmpfs", 0, "mode=0777");
	mkdir("idmapped", 0755);
	mkdir("overlay", 0755);
	/* An overlay of the user namespace's own; it comes without trusted.* attributes. */
	if (mkdir("tm/lower", 0755) || mkdir("tm/upper", 0755) || mkdir("tm/work", 0755) ||
	    mkdir("inner", 0755) ||
	    mount("o", "inner", "overlay", 0,
		  "lowerdir=/tm/lower,upperdir=/tm/upper,workdir=/tm/work,userxattr"))
		printf("# overlay in the user namespace: %s\n", strerror(errno));
}

/* In a child with the host's rights: `source` of the host appears at `target` of the box, its ids shifted or
 * not. */
static bool graft(const char *source, const char *target, bool is_shifted)
{
	char path[64];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
		int tree = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE), mnt;

		snprintf(path, sizeof(path), "/proc/%d/ns/user", box.init);
		attr.userns_fd = (uint64_t)open(path, O_RDONLY);
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", box.init);
		mnt = open(path, O_RDONLY);
		_exit(tree < 0 ||
		      (is_shifted && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0) ||
		      setns(mnt, CLONE_NEWNS) < 0 ||
		      sys_move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void case_at(struct outcome *ret, long path)
{
	outcome_of(ret, mknod((const char *)path, S_IFCHR | 0666, NULL_DEV), (const char *)path);
}

static void check_at(const char *path, const char *how)
{
	struct outcome o = box_run(&box, case_at, (long)path);

	tap_int_eq(o.err, 0);
	tap_int_eq(o.mode, S_IFCHR | 0644);
	tap_int_eq(o.rdev, NULL_DEV);
	tap_int_eq(o.uid, 0);
	tap_int_eq(o.gid, 0);
	tap_int_eq(o.open_err, 0);
	tap_str_eq(box.last_how, how);
	tap_int_eq(box_run(&box, case_at, (long)path).err, EEXIST);
}

static void idmapped_and_overlay_roots_take_real_nodes_where_they_can(void)
{
	char dir[] = "/tmp/waylay-roots-XXXXXX", cmd[512];
	struct stat st;

	tap_ok(mkdtemp(dir) != NULL);
	snprintf(cmd, sizeof(cmd),
		 "set -e; cd %s; mkdir im lo up wk ov; chown 100000:100000 lo up; "
		 "mount -t overlay -o lowerdir=lo,upperdir=up,workdir=wk o ov",
		 dir);
	tap_int_eq(system(cmd), 0);
	snprintf(cmd, sizeof(cmd), "%s/im", dir);
	tap_ok(graft(cmd, "/idmapped", true));
	snprintf(cmd, sizeof(cmd), "%s/ov", dir);
	tap_ok(graft(cmd, "/overlay", false));
	check_at("/idmapped/n", "node");
	check_at("/overlay/n", "node");
	check_at("/inner/n", "bind");
	/* Below an idmapped mount the file belongs to the host's root. */
	snprintf(cmd, sizeof(cmd), "%s/im/n", dir);
	tap_int_eq(lstat(cmd, &st), 0);
	tap_int_eq(st.st_uid, 0);
	tap_int_eq(st.st_rdev, NULL_DEV);
	snprintf(cmd, sizeof(cmd), "umount %s/ov; rm -rf --one-file-system %s", dir, dir);
	tap_int_eq(system(cmd), 0);
}

static void a_strategy_can_be_forced(void)
{
	struct outcome o;

	box_start(&box, false, "mknod", "\"strategy\":\"bind\",\"devices\":\"c 1:3\"", prepare);
	check_at("/w/n", "bind");
	check_at("/tm/n", "bind");
	box_stop(&box);
	box_start(&box, false, "mknod", "\"strategy\":\"node\",\"devices\":\"c 1:3\"", prepare);
	check_at("/w/n", "node");
	o = box_run(&box, case_at, (long)"/tm/n");
	tap_int_eq(o.err, 0);
	tap_int_eq(o.rdev, NULL_DEV);
	/* It is what was asked for: a node where nobody can open one. */
	tap_int_eq(o.open_err, EACCES);
	tap_int_eq(box_run(&box, case_at, (long)"/inner/n").err, EPERM);
	box_stop(&box);
}

static void case_user(struct outcome *ret, long arg)
{
	if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
		return;
	outcome_of(ret, mknod("user", S_IFCHR | 0666, NULL_DEV), "user");
	ret->extra = mknod("/rootonly", S_IFCHR | 0666, NULL_DEV) < 0 ? errno : 0;
}

static void case_wildcard(struct outcome *ret, long arg)
{
	outcome_of(ret, mknod("loop7", S_IFBLK | 0600, makedev(7, 1048575)), "loop7");
	ret->extra = mknod("loop8", S_IFBLK | 0600, makedev(8, 0)) < 0 ? errno : 0;
}

static void the_capability_can_be_waived_but_not_the_directorys_mode(void)
{
	struct outcome o;

	box_start(&box, false, "mknod", "\"require-cap\":false,\"devices\":\"c 1:3, b 7:*\"",
		  prepare);
	o = box_run(&box, case_user, 0);
	tap_int_eq(o.err, 0);
	tap_int_eq(o.uid, 1000);
	tap_int_eq(o.open_err, 0);
	tap_int_eq(o.extra, EACCES);
	o = box_run(&box, case_wildcard, 0);
	tap_int_eq(o.err, 0);
	tap_int_eq(o.rdev, makedev(7, 1048575));
	tap_int_eq(o.extra, EPERM);
	box_stop(&box);
}

static void roots(void)
{
	box_start(&box, false, "mknod", "", prepare);
	TAP_RUN(idmapped_and_overlay_roots_take_real_nodes_where_they_can);
	box_stop(&box);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	roots();
	TAP_RUN(a_strategy_can_be_forced);
	TAP_RUN(the_capability_can_be_waived_but_not_the_directorys_mode);
	return TAP_DONE();
}
