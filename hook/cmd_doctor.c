/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay doctor`: what of kernel, runtimes, permissions and configuration is there, and what is missing. */
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "arch/base/sock.h"
#include "arch/kernel.h"
#include "hook/commands.h"
#include "hook/doctor.h"
#include "specs/cap.h"

static const char *const finding_words[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_MISSING] = "missing",
};

void doctor_report(struct doctor *d, enum finding finding, const char *name, const char *remedy,
		   const char *fmt, ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	d->n_missing += finding == FINDING_MISSING;
	if (finding == FINDING_OK)
		remedy = NULL;

	if (!d->as_json) {
		buf_printf(&d->out, "%-8s %-26s %s%s%s\n", finding_words[finding], name, detail,
			   remedy ? ": " : "", remedy ? remedy : "");
		return;
	}
	buf_puts(&d->out, d->n_lines++ ? ",\n  {\"name\":" : "\n  {\"name\":");
	buf_json_string(&d->out, name);
	buf_printf(&d->out, ",\"finding\":\"%s\",\"detail\":", finding_words[finding]);
	buf_json_string(&d->out, detail);
	if (remedy) {
		buf_puts(&d->out, ",\"remedy\":");
		buf_json_string(&d->out, remedy);
	}
	buf_puts(&d->out, "}");
}

/* First line that `NAME --version` prints; -ENOENT if there is no such program. */
static int program_version(const char *name, char *line, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	int pipe_fds[2], status;
	bool has_line;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
		dup2(pipe_fds[1], STDOUT_FILENO);
		execlp(name, name, "--version", (char *)NULL);
		_exit(127);
	}
	close(pipe_fds[1]);
	f = fdopen(pipe_fds[0], "r");
	if (pid < 0 || !f)
		return -errno;
	has_line = fgets(line, (int)size, f) != NULL;
	while (fgetc(f) != EOF)
		; /* or the program dies of SIGPIPE and looks broken */
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
		return -ENOENT;
	if (!has_line || WEXITSTATUS(status) != 0)
		return -EIO;
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

/* crun refuses to start a container where cgroup v1 and v2 are both mounted in the usual places. */
static bool has_hybrid_cgroups(void)
{
	struct stat st;

	return stat("/sys/fs/cgroup/unified/cgroup.procs", &st) == 0;
}

static void check_runtimes(struct doctor *d)
{
	static const char *const managers[] = { "podman", "containerd" };
	char line[256];
	unsigned found = 0;

	if (program_version("runc", line, sizeof(line)) == 0) {
		doctor_report(d, FINDING_OK, "runc", NULL, "%s", line);
		found++;
	}
	if (program_version("crun", line, sizeof(line)) == 0) {
		bool is_hybrid = has_hybrid_cgroups();

		doctor_report(
			d, is_hybrid ? FINDING_NOTE : FINDING_OK, "crun",
			"cgroup v1 and v2 are both mounted, crun refuses that: start it in a mount "
			"namespace without /sys/fs/cgroup/unified",
			"%s", line);
		found++;
	}
	if (!found)
		doctor_report(d, FINDING_MISSING, "OCI runtime", "install runc or crun",
			      "neither runc nor crun is there");
	for (unsigned i = 0; i < ARRAY_SIZE(managers); i++)
		if (program_version(managers[i], line, sizeof(line)) == 0)
			doctor_report(d, FINDING_OK, managers[i], NULL, "%s", line);
}

static bool has_capability(unsigned cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[cap / 32].effective & 1u << cap % 32;
}

static void check_permissions(struct doctor *d)
{
	static const struct {
		unsigned value;
		const char *name, *remedy;
	} rows[] = {
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		  "run as root; without it only `waylay run` works" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
		  "run as root; without it only `waylay run` works" },
		{ CAP_MKNOD, "CAP_MKNOD", "run as root; without it devices cannot be made" },
	};
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		doctor_report(d, has_capability(rows[i].value) ? FINDING_OK : FINDING_MISSING,
			      rows[i].name, rows[i].remedy, "uid %d", (int)geteuid());
	if (f && fscanf(f, "%d", &scope) != 1)
		scope = 0;
	doctor_report(d, scope >= 3 ? FINDING_MISSING : FINDING_OK, "yama ptrace_scope",
		      "nobody may trace: boot with kernel.yama.ptrace_scope below 3, or use the "
		      "spec route",
		      "%s%d", f ? "" : "no yama, ", scope);
}

static void check_failed(struct doctor *d, const struct cap *cap)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;

	if (asprintf(&path, "%s/failed", cap->state_dir) < 0)
		return;
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		_cleanup_close_ int fd = -EBADF;
		_cleanup_fclose_ FILE *f = NULL;
		char line[512] = "", name[300];

		if (e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		f = fd >= 0 ? fdopen(fd, "r") : NULL;
		if (!f)
			continue;
		TAKE_FD(fd);
		if (!fgets(line, sizeof(line), f))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(name, sizeof(name), "failed %s", e->d_name);
		doctor_report(d, FINDING_NOTE, name, "the container did not start", "%s", line);
	}
}

static void check_configuration(struct doctor *d, const char *config)
{
	_cleanup_(cap_freep) struct cap *cap = NULL;
	_cleanup_close_ int sock = -EBADF;
	struct wl_err err = { 0 };

	if (cap_load(config, &cap, &err) < 0) {
		doctor_report(d, FINDING_MISSING, "configuration", "mend or remove the file", "%s",
			      err.msg);
		return;
	}
	doctor_report(d, FINDING_OK, "configuration", NULL, "%s",
		      cap->path ? cap->path : "built in (" CAP_DEFAULT_PATH " is not there)");
	sock = sock_connect(cap->socket, NULL);
	doctor_report(d, FINDING_OK, "host listener", NULL, "%s: %s", cap->socket,
		      sock >= 0 ? "it is running"
				: "none there, each container gets a private one");
	check_failed(d, cap);
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor d = { 0 };
	const char *config = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			d.as_json = true;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			config = argv[++i];
		else
			return command_bad_usage("doctor", "unknown or incomplete argument '%s'",
						 argv[i]);
	}
	doctor_check_kernel(&d);
	check_permissions(&d);
	check_runtimes(&d);
	check_configuration(&d, config);

	if (d.as_json)
		printf("{\"ok\":%s,\"checks\":[%s]}\n", d.n_missing ? "false" : "true", d.out.data);
	else
		printf("%s%s\n", d.out.data,
		       d.n_missing ? "Something that waylay needs is missing."
				   : "All that waylay needs is here.");
	buf_done(&d.out);
	return d.n_missing ? COMMAND_FAILED : COMMAND_OK;
}
