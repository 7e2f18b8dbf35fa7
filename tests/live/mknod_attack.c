/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that change what they asked for while it is done; and records of workers that died. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/handlers/mknod.h"
#include "plugin/worker.h"
#include "tests/live/mknod_box.h"
#include "tests/unit/tap.h"

#define NULL_DEV makedev(1, 3)
#define TRIES	 2000

static struct box box;
static char outside[] =
	"/tmp/waylay-outside-XXXXXX"; /* a directory of the host, open to everybody */

static void prepare(void)
{
	if (mkdir("w", 0755) || mkdir("w/a", 0755) || mkdir("w/b", 0755) || mkdir("w/a/c", 0755) ||
	    mkdir("tm", 0755) || mount("t", "tm", "tmpfs", 0, NULL))
		printf("# prepare: %s\n", strerror(errno));
}

static _Atomic bool is_over;
static char shared_path[4096];
static int shared_fd = 70;

static void *flip_path(void *arg)
{
	char good[] = "/w/a/n", bad[4096], one[64] = "";

	memset(bad, '/', sizeof(bad));
	snprintf(one, sizeof(one), "/..%s/n", outside);
	memcpy(bad + 4000 - strlen(one), one, strlen(one) + 1);
	while (!is_over) {
		memcpy(shared_path, bad, 4001);
		memcpy(shared_path, good, sizeof(good));
		memcpy(shared_path, one, strlen(one) + 1);
	}
	return NULL;
}

static void *flip_link(void *arg)
{
	while (!is_over) {
		symlink(outside, "/w/new");
		rename("/w/new", "/w/via");
		symlink("/w/a", "/w/new");
		rename("/w/new", "/w/via");
		unlink("/w/via");
		mkdir("/w/via", 0755);
		rmdir("/w/via");
	}
	return NULL;
}

static void *flip_parent(void *arg)
{
	/* The directory leaves its parent while "a/c/../.." is walked. */
	while (!is_over) {
		rename("/w/a/c", "/w/b/c");
		rename("/w/b/c", "/w/a/c");
	}
	return NULL;
}

static void *flip_fd(void *arg)
{
	int a = open("/w/a", O_RDONLY | O_DIRECTORY),
	    b = open("/proc/self", O_RDONLY | O_DIRECTORY);

	while (!is_over) {
		dup2(a, shared_fd);
		dup2(b, shared_fd);
		close(shared_fd);
	}
	return NULL;
}

static void *flip_target(void *arg)
{
	while (!is_over) {
		unlink("/tm/n");
		umount2("/tm/n", MNT_DETACH | UMOUNT_NOFOLLOW);
		symlink(outside, "/tm/n");
	}
	return NULL;
}

static const struct attack {
	const char *name;
	void *(*flip)(void *arg);
	const char *path; /* NULL: the shared one */
	bool by_fd;
	const char *also; /* where it may have been made too */
} attacks[] = {
	{ "path", flip_path, NULL, false, "/w/a/n" },
	{ "symlink", flip_link, "via/n", false, "/w/a/n" },
	{ "parent", flip_parent, "a/c/../../n", false, "/n" },
	{ "dirfd", flip_fd, "n", true, "/w/a/n" },
	{ "target", flip_target, "/tm/n", false, "/tm/n" },
};

static void case_attack(struct outcome *ret, long i)
{
	const struct attack *a = &attacks[i];
	const char *path = a->path ? a->path : shared_path;
	pthread_t t;

	pthread_create(&t, NULL, a->flip, NULL);
	for (unsigned n = 0; n < TRIES; n++) {
		/* Not listed: must never be made. */
		mode_t type = n % 3 ? S_IFCHR : S_IFBLK;
		int r = mknodat(a->by_fd ? shared_fd : AT_FDCWD, path, type | 0666, NULL_DEV);

		ret->extra += r == 0;
		umount2(a->also, MNT_DETACH | UMOUNT_NOFOLLOW);
		unlink(a->also);
		unlink("/w/n");
	}
	is_over = true;
	pthread_join(t, NULL);
}

static unsigned n_bad, n_outside;

static int look(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	if (S_ISBLK(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev != NULL_DEV)) {
		printf("# %s was made\n", path);
		n_bad++;
	}
	return 0;
}

static int look_outside(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	n_outside += ftw->level > 0;
	return 0;
}

static void nothing_unlisted_and_nothing_outside_is_ever_made(void)
{
	long made = 0;

	for (long i = 0; i < (long)ARRAY_SIZE(attacks); i++) {
		struct outcome o = box_run(&box, case_attack, i);

		printf("# %s: %ld of %d made\n", attacks[i].name, o.extra, TRIES);
		tap_ok(o.extra <= TRIES * 2 / 3);
		made += o.extra;
		nftw(box.root, look, 16, FTW_PHYS | FTW_MOUNT);
		nftw(outside, look_outside, 16, FTW_PHYS);
	}
	/* Else the attacks kept it from doing anything at all. */
	tap_ok(made > 0);
	tap_int_eq(n_bad, 0);
	tap_int_eq(n_outside, 0);
	tap_ok(box.n_calls >= TRIES * ARRAY_SIZE(attacks));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void case_make(struct outcome *ret, long in_tmpfs)
{
	outcome_of(ret, mknod(in_tmpfs ? "/tm/u" : "/w/u", S_IFCHR | 0666, NULL_DEV), "/w/u");
}

static void case_look(struct outcome *ret, long in_tmpfs)
{
	outcome_of(ret, 0, in_tmpfs ? "/tm/u" : "/w/u");
}

/* What the loop does when a worker died, played by hand: the box's own loop is idle. */
static void undo(uint32_t kind, const char *path, uint64_t a, uint64_t b, uint64_t received_ns)
{
	struct slot *slot = &box.journal->slots[0];
	struct job *job = &box.journal->jobs[0];
	struct worker_msg msg = { .slot = 0, .flags = WORKER_UNDO, .id = slot->notif.id }, back;

	job->undo.a = a;
	job->undo.b = b;
	snprintf(job->undo.path, sizeof(job->undo.path), "%s", path);
	job->undo.kind = kind;
	slot->received_ns = received_ns;
	atomic_store(&slot->state, SLOT_ACTING);
	tap_int_eq(send(box.control, &msg, sizeof(msg), 0), sizeof(msg));
	tap_int_eq(recv(box.control, &back, sizeof(back), 0), sizeof(back));
	tap_int_eq(job->undo.kind, 0);
}

static void an_undo_removes_exactly_what_was_made(void)
{
	uint64_t before = now_ns();
	char path[128];
	struct stat st;

	tap_int_eq(box_run(&box, case_make, 0).err, 0);
	snprintf(path, sizeof(path), "%s/w/u", box.root);
	tap_int_eq(lstat(path, &st), 0);
	undo(MKNOD_UNDO_NODE, "/w/u", st.st_dev, st.st_ino + 1, before);
	tap_int_eq(box_run(&box, case_look, 0).stat_err, 0);
	undo(MKNOD_UNDO_NODE, "/w/none/u", st.st_dev, st.st_ino, before);
	tap_int_eq(box_run(&box, case_look, 0).stat_err, 0);
	undo(MKNOD_UNDO_NODE, "no path", st.st_dev, st.st_ino, before);
	tap_int_eq(box_run(&box, case_look, 0).stat_err, 0);
	undo(MKNOD_UNDO_NODE, "/w/u", st.st_dev, st.st_ino, before);
	tap_int_eq(box_run(&box, case_look, 0).stat_err, ENOENT);
}

static void a_half_made_node_is_known_by_its_age(void)
{
	for (long in_tmpfs = 0; in_tmpfs < 2; in_tmpfs++) {
		uint32_t kind = in_tmpfs ? MKNOD_UNDO_BIND : MKNOD_UNDO_NODE;
		const char *path = in_tmpfs ? "/tm/u" : "/w/u";
		uint64_t before = now_ns();

		tap_int_eq(box_run(&box, case_make, in_tmpfs).err, 0);
		/* It was there before such a call came. */
		if (!in_tmpfs)
			undo(kind, path, 0, 0, now_ns() + 1000000000u);
		tap_int_eq(box_run(&box, case_look, in_tmpfs).stat_err, 0);
		undo(kind, path, 0, 0, before);
		tap_int_eq(box_run(&box, case_look, in_tmpfs).stat_err, ENOENT);
	}
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	if (!mkdtemp(outside) || chmod(outside, 0777) < 0)
		return 1;
	box_start(&box, false, "mknod", "\"devices\":\"c 1:3\"", prepare);
	TAP_RUN(nothing_unlisted_and_nothing_outside_is_ever_made);
	TAP_RUN(an_undo_removes_exactly_what_was_made);
	TAP_RUN(a_half_made_node_is_known_by_its_age);
	box_stop(&box);
	rmdir(outside);
	return TAP_DONE();
}
