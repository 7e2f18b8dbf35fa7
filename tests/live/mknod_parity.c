/* SPDX-License-Identifier: Apache-2.0 */
/* The same calls as real root natively and through the worker in a user namespace: same errno, same file. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/err.h"
#include "tests/live/mknod_box.h"
#include "tests/unit/tap.h"

#define NULL_DEV makedev(1, 3)

enum who { ROOT, ROOT_MKNOD, USER_MKNOD, USER, USER_DAC, USER_SEARCH, USER_GROUP, N_WHO };

static const struct {
	const char *name;
	unsigned uid;
	uint64_t caps; /* 0 with uid 0: leave all */
	gid_t group;   /* supplementary; 0: none */
} people[N_WHO] = {
	[ROOT] = { "root", 0, ~0ull, 0 },
	[ROOT_MKNOD] = { "root, CAP_MKNOD only", 0, 1ull << CAP_MKNOD, 0 },
	[USER_MKNOD] = { "1000 with CAP_MKNOD", 1000, 1ull << CAP_MKNOD, 0 },
	[USER] = { "1000", 1000, 0, 0 },
	[USER_DAC] = { "1000, +DAC_OVERRIDE", 1000, 1ull << CAP_MKNOD | 1ull << CAP_DAC_OVERRIDE,
		       0 },
	[USER_SEARCH] = { "1000, +DAC_READ_SEARCH", 1000,
			  1ull << CAP_MKNOD | 1ull << CAP_DAC_READ_SEARCH, 0 },
	[USER_GROUP] = { "1000 in group 5", 1000, 1ull << CAP_MKNOD, 5 },
};

/* How the path is given. */
enum base { CWD, DIR_FD, PATH_FD, FILE_FD, NO_FD, NEGATIVE_FD, DEAD_CWD, PLAIN_MKNOD };

#define CHR S_IFCHR
#define BLK S_IFBLK

/* clang-format off */
static const struct row {
	enum who who;
	enum base base;
	const char *path; /* "%255": a component of that length; "#4096": a path of that length; "!": bad */
	mode_t mode;
	mode_t umask;
} rows[] = {
	{ ROOT, PLAIN_MKNOD, "new", CHR | 0666, 022 },
	{ ROOT, PLAIN_MKNOD, "/w/new", CHR | 0666, 0 },
	{ ROOT, CWD, "new", CHR | 0640, 077 },
	{ ROOT, CWD, "new", CHR, 022 },
	{ ROOT, CWD, "new", CHR | 07777, 022 },
	{ ROOT, CWD, "new", BLK | 0660, 022 },
	{ ROOT, CWD, "dir/new", CHR | 0666, 022 },
	{ ROOT, CWD, "dir//new", CHR | 0666, 022 },
	{ ROOT, CWD, "link/new", CHR | 0666, 022 },
	{ ROOT, CWD, "dir/../new", CHR | 0666, 022 },
	{ ROOT, CWD, "/../../../w/new", CHR | 0666, 022 },
	{ ROOT, CWD, "new/", CHR | 0666, 022 },
	{ ROOT, CWD, "new//", CHR | 0666, 022 },
	{ ROOT, CWD, "new/.", CHR | 0666, 022 },
	{ ROOT, CWD, "dir", CHR | 0666, 022 },
	{ ROOT, CWD, "dir/", CHR | 0666, 022 },
	{ ROOT, CWD, "dir/.", CHR | 0666, 022 },
	{ ROOT, CWD, "dir/..", CHR | 0666, 022 },
	{ ROOT, CWD, ".", CHR | 0666, 022 },
	{ ROOT, CWD, "..", CHR | 0666, 022 },
	{ ROOT, CWD, "/", CHR | 0666, 022 },
	{ ROOT, CWD, "//", CHR | 0666, 022 },
	{ ROOT, CWD, "", CHR | 0666, 022 },
	{ ROOT, CWD, "file", CHR | 0666, 022 },
	{ ROOT, CWD, "file/", CHR | 0666, 022 },
	{ ROOT, CWD, "file/new", CHR | 0666, 022 },
	{ ROOT, CWD, "flink", CHR | 0666, 022 },
	{ ROOT, CWD, "flink/new", CHR | 0666, 022 },
	{ ROOT, CWD, "dangling", CHR | 0666, 022 },
	{ ROOT, CWD, "dangling/", CHR | 0666, 022 },
	{ ROOT, CWD, "dangling/new", CHR | 0666, 022 },
	{ ROOT, CWD, "none/new", CHR | 0666, 022 },
	{ ROOT, CWD, "none/.", CHR | 0666, 022 },
	{ ROOT, CWD, "none/..", CHR | 0666, 022 },
	{ ROOT, CWD, "loop", CHR | 0666, 022 },
	{ ROOT, CWD, "loop/new", CHR | 0666, 022 },
	{ ROOT, CWD, "%255", CHR | 0666, 022 },
	{ ROOT, CWD, "%256", CHR | 0666, 022 },
	{ ROOT, CWD, "#4095", CHR | 0666, 022 },
	{ ROOT, CWD, "#4096", CHR | 0666, 022 },
	{ ROOT, CWD, "!", CHR | 0666, 022 },
	{ ROOT, CWD, "!page", CHR | 0666, 022 },
	{ ROOT, CWD, "/ro/new", CHR | 0666, 022 },
	{ ROOT, CWD, "/ro/there", CHR | 0666, 022 },
	{ ROOT, CWD, "/ro/none/new", CHR | 0666, 022 },
	{ ROOT, CWD, "/ro/new/", CHR | 0666, 022 },
	{ ROOT, CWD, "/proc/new", CHR | 0666, 022 },
	{ ROOT, CWD, "/proc/version", CHR | 0666, 022 },
	{ ROOT, CWD, "/tm/new", CHR | 0640, 022 },
	{ ROOT, CWD, "/tm/sg/new", CHR | 0660, 022 },
	{ ROOT, CWD, "/tm/none/new", CHR | 0640, 022 },
	{ ROOT, CWD, "/tm/new/", CHR | 0640, 022 },
	{ ROOT, CWD, "sg/new", CHR | 0666, 022 },
	{ ROOT, CWD, "acl/new", CHR | 0666, 077 },
	{ ROOT, CWD, "priv/new", CHR | 0666, 022 },
	{ ROOT, CWD, "blind/new", CHR | 0666, 022 },
	{ ROOT, DIR_FD, "new", CHR | 0666, 022 },
	{ ROOT, DIR_FD, "../new", CHR | 0666, 022 },
	{ ROOT, DIR_FD, "/w/new", CHR | 0666, 022 },
	{ ROOT, DIR_FD, "", CHR | 0666, 022 },
	{ ROOT, PATH_FD, "new", CHR | 0666, 022 },
	{ ROOT, FILE_FD, "new", CHR | 0666, 022 },
	{ ROOT, FILE_FD, "/w/new", CHR | 0666, 022 },
	{ ROOT, NO_FD, "new", CHR | 0666, 022 },
	{ ROOT, NO_FD, "!", CHR | 0666, 022 },
	{ ROOT, NO_FD, "", CHR | 0666, 022 },
	{ ROOT, NO_FD, "/w/new", CHR | 0666, 022 },
	{ ROOT, NEGATIVE_FD, "new", CHR | 0666, 022 },
	{ ROOT, DEAD_CWD, "new", CHR | 0666, 022 },
	{ ROOT, DEAD_CWD, "../new", CHR | 0666, 022 },
	{ ROOT, DEAD_CWD, ".", CHR | 0666, 022 },
	{ ROOT, CWD, "new", S_IFDIR | 0755, 022 },
	{ ROOT, CWD, "!", S_IFDIR | 0755, 022 },
	{ ROOT, CWD, "new", S_IFLNK | 0755, 022 },
	{ ROOT, CWD, "new", 0150000 | 0755, 022 },
	{ ROOT, CWD, "new", S_IFIFO | 0622, 022 },
	{ ROOT_MKNOD, CWD, "new", CHR | 0666, 022 },
	{ ROOT_MKNOD, CWD, "priv/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "priv/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "priv/deep/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "blind/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "sticky/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "sg/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "grp/new", CHR | 0666, 022 },
	{ USER_GROUP, CWD, "grp/new", CHR | 0666, 022 },
	{ USER_GROUP, CWD, "/ro/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "rootonly/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "rootonly/none/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "rootonly", CHR | 0666, 022 },
	{ USER_DAC, CWD, "new", CHR | 0666, 022 },
	{ USER_DAC, CWD, "rootonly/new", CHR | 0666, 022 },
	{ USER_DAC, CWD, "rootonly/none/new", CHR | 0666, 022 },
	{ USER_DAC, CWD, "rootonly/there", CHR | 0666, 022 },
	{ USER_DAC, CWD, "/tm/ro/new", CHR | 0666, 022 },
	{ USER_SEARCH, CWD, "rootonly/new", CHR | 0666, 022 },
	{ USER_SEARCH, CWD, "rootonly/pub/new", CHR | 0666, 022 },
	{ USER_MKNOD, CWD, "rootonly/pub/new", CHR | 0666, 022 },
	{ USER, CWD, "new", CHR | 0666, 022 },
	{ USER, CWD, "file", CHR | 0666, 022 },
	{ USER, CWD, "none/new", CHR | 0666, 022 },
	{ USER, CWD, "sticky/new", CHR | 0666, 022 },
	{ USER, CWD, "sticky/new/", CHR | 0666, 022 },
	{ USER, CWD, "/ro/pub/new", CHR | 0666, 022 },
	{ USER, CWD, "!", CHR | 0666, 022 },
	{ USER, CWD, "priv/new", CHR | 0666, 022 },
};
/* clang-format on */

static void make_dir(const char *path, unsigned owner, unsigned group, mode_t mode)
{
	if (mkdir(path, 0700) < 0 || chown(path, owner, group) < 0 || chmod(path, mode) < 0)
		printf("# %s: %s\n", path, strerror(errno));
}

static void make_default_acl(const char *path)
{
	/* Version 2; user::rwx user:1000:rw- group::r-x mask::rw- other::--- */
	static const struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[] = {
		{ 1, 7, ~0u }, { 2, 6, 1000 }, { 4, 5, ~0u }, { 16, 6, ~0u }, { 32, 0, ~0u }
	};
	char value[4 + sizeof(entries)] = { 2 };

	memcpy(value + 4, entries, sizeof(entries));
	if (setxattr(path, "system.posix_acl_default", value, sizeof(value), 0) < 0)
		printf("# %s: default ACL: %s\n", path, strerror(errno));
}

static void prepare(void)
{
	make_dir("w", 0, 0, 0755);
	make_dir("w/dir", 0, 0, 0755);
	make_dir("w/sg", 0, 5, 02777);
	make_dir("w/acl", 0, 0, 0777);
	make_default_acl("w/acl");
	make_dir("w/priv", 1000, 1000, 0700);
	make_dir("w/priv/deep", 1000, 1000, 0700);
	make_dir("w/blind", 1000, 1000, 0600);
	make_dir("w/sticky", 0, 0, 01777);
	make_dir("w/grp", 0, 5, 0770);
	make_dir("w/rootonly", 0, 0, 0700);
	make_dir("w/rootonly/pub", 0, 0, 0777);
	make_dir("ro", 0, 0, 0755);
	make_dir("ro/pub", 0, 0, 0777);
	close(open("w/rootonly/there", O_CREAT | O_WRONLY, 0600));
	close(open("ro/there", O_CREAT | O_WRONLY, 0600));
	close(open("w/file", O_CREAT | O_WRONLY, 0644));
	if (symlink("dir", "w/link") || symlink("file", "w/flink") ||
	    symlink("none", "w/dangling") || symlink("loop", "w/loop") ||
	    mount("ro", "ro", NULL, MS_BIND, NULL) ||
	    mount(NULL, "ro", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		printf("# prepare: %s\n", strerror(errno));
	make_dir("tm", 0, 0, 0755);
	if (mount("t", "tm", "tmpfs", 0, "mode=0755"))
		printf("# tmpfs: %s\n", strerror(errno));
	make_dir("tm/sg", 0, 5, 02777);
	make_dir("tm/ro", 0, 0, 0500);
}

static void become(enum who who)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t caps = people[who].caps;
	unsigned id = people[who].uid;

	if (people[who].group && setgroups(1, &people[who].group) < 0)
		_exit(8);
	if (caps == ~0ull)
		return;
	for (unsigned i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(caps >> (32 * i));
	prctl(PR_SET_KEEPCAPS, 1);
	if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ||
	    syscall(SYS_capset, &head, data) < 0)
		_exit(9);
}

static const char *path_of(const struct row *row)
{
	static char text[8192];
	size_t len;
	char *page;

	if (strcmp(row->path, "!") == 0)
		return (const char *)8;
	if (strcmp(row->path, "!page") == 0) {
		page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(page + 4096, 4096);
		return memset(page + 4000, 'p', 96);
	}
	if (row->path[0] != '%' && row->path[0] != '#')
		return row->path;
	len = (size_t)atoi(row->path + 1);
	for (size_t i = 0; i < len; i++)
		text[i] = row->path[0] == '%' ? 'n' : i & 1 ? '/' : '.';
	/* Ends in a plain name. */
	if (row->path[0] == '#')
		memcpy(text + len - 4, len & 1 ? "//ab" : "/abc", 4);
	text[len] = '\0';
	return text;
}

static int base_of(enum base base)
{
	if (base == DIR_FD)
		return open("dir", O_RDONLY | O_DIRECTORY);
	if (base == PATH_FD)
		return open("dir", O_PATH | O_DIRECTORY);
	if (base == FILE_FD)
		return open("file", O_RDONLY);
	if (base == DEAD_CWD &&
	    (mkdir("dead", 0777) < 0 || chdir("dead") < 0 || rmdir("../dead") < 0))
		_exit(7);
	if (base == NO_FD)
		return 99;
	return base == NEGATIVE_FD ? -7 : AT_FDCWD;
}

static void case_row(struct outcome *ret, long i)
{
	const struct row *row = &rows[i];
	const char *path = path_of(row);
	int base, look;
	long r;

	umask(row->umask);
	base = base_of(row->base);
	look = base == 99 || base == -7 ? AT_FDCWD : base;
	become(row->who);
	r = row->base == PLAIN_MKNOD ? mknod(path, row->mode, NULL_DEV)
				     : mknodat(base, path, row->mode, NULL_DEV);
	ret->err = r < 0 ? errno : 0;
	if (r == 0) {
		struct stat st;
		int fd;

		ret->stat_err = fstatat(look, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
		ret->mode = st.st_mode;
		ret->uid = st.st_uid;
		ret->gid = st.st_gid;
		ret->nlink = (unsigned)st.st_nlink;
		ret->rdev = st.st_rdev;
		fd = openat(look, path, O_RDWR | O_NONBLOCK);
		ret->open_err = fd < 0 ? errno : 0;
	}
}

static void case_clean(struct outcome *ret, long i)
{
	const char *path = path_of(&rows[i]);

	if (rows[i].base == DIR_FD || rows[i].base == PATH_FD || rows[i].base == DEAD_CWD)
		ret->extra = chdir("dir");
	/* Of a bind-mounted node the empty file is left. */
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	unlink(path);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->err == b->err && a->stat_err == b->stat_err && a->mode == b->mode &&
	       a->uid == b->uid && a->gid == b->gid && a->nlink == b->nlink && a->rdev == b->rdev &&
	       a->open_err == b->open_err;
}

static void show(const struct row *row, const struct outcome *n, const struct outcome *e)
{
	static const char *const bases[] = { "",	"dirfd ", "O_PATH fd ", "file fd ",
					     "bad fd ", "fd -7 ", "dead cwd ",	"mknod " };

	printf("# %-23s %10s%-18.18s %06o: %-12s | %-12s", people[row->who].name, bases[row->base],
	       row->path, row->mode, n->err ? errno_name(n->err) : "ok",
	       e->err ? errno_name(e->err) : "ok");
	if (!n->err || !e->err)
		printf(" %06o %u:%u %lu %s | %06o %u:%u %lu %s", n->mode, n->uid, n->gid,
		       (unsigned long)n->nlink, n->open_err ? errno_name(n->open_err) : "opens",
		       e->mode, e->uid, e->gid, (unsigned long)e->nlink,
		       e->open_err ? errno_name(e->open_err) : "opens");
	printf("%s\n", same(n, e) ? "" : "   <-- differs");
}

static void every_call_ends_as_for_real_root(void)
{
	struct box native, box;

	box_start(&native, true, "mknod", "", prepare);
	box_start(&box, false, "mknod", "\"devices\":\"c 1:3, b 1:3\"", prepare);
	for (long i = 0; i < (long)ARRAY_SIZE(rows); i++) {
		struct outcome n = box_run(&native, case_row, i), e;

		if (n.err == 0)
			box_run(&native, case_clean, i);
		e = box_run(&box, case_row, i);
		if (e.err == 0)
			box_run(&box, case_clean, i);
		show(&rows[i], &n, &e);
		tap_ok(same(&n, &e));
	}
	box_stop(&native);
	box_stop(&box);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	TAP_RUN(every_call_ends_as_for_real_root);
	return TAP_DONE();
}
