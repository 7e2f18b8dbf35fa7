/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/resolve: where the last component begins, and what the kernel says of the rest. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/resolve.h"
#include "tests/unit/tap.h"

static void the_last_component_keeps_its_slashes_and_dots(void)
{
	static const struct {
		const char *path, *last;
	} rows[] = {
		{ "b", "b" },	    { "a/b", "b" },   { "a/b//", "b//" }, { "/b", "b" },
		{ "//b/", "b/" },   { "/", "/" },     { "///", "///" },	  { ".", "." },
		{ "a/..", ".." },   { "a/./", "./" }, { "/a//b", "b" },	  { "", "" },
		{ "../../x", "x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tap_str_eq(rows[i].path + resolve_split(rows[i].path), rows[i].last);
}

/* What mknodat() says for the whole path and for (parent, last) must be the same: tried with a plain
 * file, for which no capability is needed. */
static void the_errno_is_that_of_the_whole_path(void)
{
	static const char *const rows[] = {
		"new",
		"dir/new",
		"dir/",
		"dir//",
		"dir/.",
		"dir/..",
		".",
		"..",
		"/",
		"//",
		"file",
		"file/",
		"file/new",
		"none/new",
		"none/",
		"none/.",
		"loop/new",
		"loop",
		"loop/",
		"link/new",
		"link",
		"dangling",
		"dangling/",
		"dir/new/",
		"dangling/new",
		"/proc/self/new",
		"filelink/new",
		"dir/../file/..",
		"dir/../new",
	};
	char root[] = "/tmp/waylay-resolve-XXXXXX", cmd[64], old[4096], name[300];
	_cleanup_close_ int base = -EBADF;

	tap_ok(mkdtemp(root) && getcwd(old, sizeof(old)) && chdir(root) == 0);
	tap_int_eq(mkdir("dir", 0755) | mknod("file", S_IFREG | 0600, 0) | symlink("loop", "loop") |
			   symlink("dir", "link") | symlink("none", "dangling") |
			   symlink("file", "filelink"),
		   0);
	base = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < ARRAY_SIZE(rows) + 2; i++) {
		const char *path = i < ARRAY_SIZE(rows) ? rows[i] : name;
		struct place place = { .fd = -EBADF };
		int native, ours;

		name[i & 1 ? 255 : 256] = '\0';
		native = mknod(path, S_IFREG | 0600, 0) < 0 ? -errno : 0;
		if (native == 0)
			unlink(path);
		ours = resolve_parent(base, path, &place);
		if (ours == 0)
			ours = mknodat(place.fd, place.last, S_IFREG | 0600, 0) < 0 ? -errno : 0;
		if (ours == 0)
			unlink(path);
		fd_close(place.fd);
		if (ours != native)
			printf("# '%.40s': %d, natively %d\n", path, ours, native);
		tap_int_eq(ours, native);
		name[i & 1 ? 255 : 256] = 'n';
	}
	tap_int_eq(chdir(old), 0);
	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	tap_int_eq(system(cmd), 0);
}

static void magic_links_are_not_followed(void)
{
	struct place place;

	tap_int_eq(resolve_parent(-EBADF, "/proc/self/cwd/x", &place), -ELOOP);
	tap_int_eq(resolve_parent(-EBADF, "/proc/self/root/tmp/x", &place), -ELOOP);
}

static void a_bad_base_counts_only_for_a_relative_path(void)
{
	struct place place = { .fd = -EBADF };

	tap_int_eq(resolve_parent(-EBADF, "x", &place), -EBADF);
	tap_int_eq(resolve_parent(-EBADF, "/x", &place), 0);
	fd_close(place.fd);
}

int main(void)
{
	TAP_RUN(the_last_component_keeps_its_slashes_and_dots);
	TAP_RUN(the_errno_is_that_of_the_whole_path);
	TAP_RUN(magic_links_are_not_followed);
	TAP_RUN(a_bad_base_counts_only_for_a_relative_path);
	return TAP_DONE();
}
