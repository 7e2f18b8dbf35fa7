/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay events`: a file of events as strace-like lines. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "arch/base/log.h"
#include "hook/cmd_events.h"
#include "hook/commands.h"
#include "hook/event_text.h"

#define LINE_SIZE_MAX (4u << 20) /* an event has at most 64 KiB */

struct reader {
	const char *path;			   /* "-": stdin */
	const char *syscalls, *container, *errnum; /* filters; NULL: everything */
	bool is_following;
	int fd, notify; /* owned */
	unsigned line;
	bool has_bad;
	bool is_skipping; /* the rest of a line that is too long */
	struct buf pending;
};

/* True if word is one of a comma list. */
static bool is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = list; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		if (strncmp(s, word, len) == 0 && (s[len] == ',' || !s[len]))
			return true;
	return false;
}

static bool passes(const char *filter, const struct json *event, const char *key)
{
	const char *value = json_get_string(event, key);

	return !filter || (value && is_listed(filter, value));
}

static void bad_line(struct reader *r, const char *why)
{
	log_error("events: '%s': line %u: %s", r->path, r->line, why);
	r->has_bad = true;
}

static int show_line(struct reader *r, char *line, size_t len)
{
	_cleanup_(json_freep) struct json *event = NULL;
	_cleanup_(buf_done) struct buf text = { 0 };
	struct wl_err err;
	int rc;

	r->line++;
	if (strspn(line, " \t\r") == len)
		return 0;
	event_text_prepare(line, len);
	rc = json_parse(line, len, "event", &event, &err);
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0 || event->type != JSON_OBJECT) {
		bad_line(r, rc < 0 ? err.msg : "not an object");
		return 0;
	}
	if (!passes(r->syscalls, event, "syscall") || !passes(r->container, event, "container") ||
	    !passes(r->errnum, event, "errno"))
		return 0;
	event_text(&text, event);
	if (text.failed)
		return -ENOMEM;
	return fwrite(text.data, 1, text.len, stdout) == text.len ? 0 : -errno;
}

/* Shows the complete lines among what is pending, and keeps the rest. */
static int show_pending(struct reader *r, bool at_end)
{
	size_t done = 0;
	int rc = 0;

	while (done < r->pending.len && rc == 0) {
		char *line = r->pending.data + done;
		char *end = memchr(line, '\n', r->pending.len - done);
		size_t len = end ? (size_t)(end - line) : r->pending.len - done;

		if (!end && !at_end)
			break;
		if (end)
			*end = '\0';
		if (r->is_skipping)
			r->is_skipping = false;
		else
			rc = show_line(r, line, len);
		done += len + (end ? 1 : 0);
	}
	memmove(r->pending.data, r->pending.data + done, r->pending.len - done);
	r->pending.len -= done;
	if (rc == 0 && r->pending.len > LINE_SIZE_MAX) {
		r->line += r->is_skipping ? 0 : 1;
		if (!r->is_skipping)
			bad_line(r, "longer than 4 MiB: skipped");
		r->is_skipping = true;
		r->pending.len = 0;
	}
	return rc;
}

static int read_available(struct reader *r)
{
	for (;;) {
		char chunk[65536];
		ssize_t n = read(r->fd, chunk, sizeof(chunk));
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_append(&r->pending, chunk, (size_t)n);
		if (r->pending.failed)
			return -ENOMEM;
		rc = show_pending(r, false);
		if (rc < 0)
			return rc;
	}
}

static int open_file(struct reader *r)
{
	int fd = strcmp(r->path, "-") == 0 ? STDIN_FILENO : open(r->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	r->fd = fd;
	if (r->is_following && fd != STDIN_FILENO &&
	    inotify_add_watch(r->notify, r->path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) < 0)
		return -errno;
	return 0;
}

/* A file that was replaced (rotated) is read on from its new beginning, one that was emptied too. */
static int look_again(struct reader *r)
{
	struct stat here, there;
	off_t at = lseek(r->fd, 0, SEEK_CUR);
	int rc;

	if (fstat(r->fd, &here) < 0)
		return -errno;
	if (at > here.st_size) {
		lseek(r->fd, 0, SEEK_SET);
		r->pending.len = 0;
		r->line = 0;
	}
	if (stat(r->path, &there) < 0 ||
	    (there.st_dev == here.st_dev && there.st_ino == here.st_ino))
		return 0;
	/* What was written to the old file since. */
	rc = read_available(r);
	if (rc < 0)
		return rc;
	r->fd = fd_close(r->fd);
	r->pending.len = 0;
	r->line = 0;
	return open_file(r);
}

static int wait_for_more(struct reader *r)
{
	struct pollfd p = { .fd = r->notify, .events = POLLIN };
	char events[4096];

	fflush(stdout);
	/* A new file under the name of one that was moved away sends no event: look every second. */
	if (poll(&p, 1, 1000) < 0 && errno != EINTR)
		return -errno;
	if (p.revents & POLLIN && read(r->notify, events, sizeof(events)) < 0 && errno != EAGAIN)
		return -errno;
	return look_again(r);
}

static int run(struct reader *r)
{
	int rc = open_file(r);

	while (rc == 0) {
		rc = read_available(r);
		if (rc < 0 || !r->is_following || r->fd == STDIN_FILENO)
			break;
		rc = wait_for_more(r);
	}
	if (rc == 0 && r->pending.len)
		rc = show_pending(r, true);
	return fflush(stdout) == 0 || rc < 0 ? rc : -errno;
}

static int parse_options(struct reader *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "syscall", required_argument, NULL, 's' },
		{ "container", required_argument, NULL, 'c' },
		{ "errno", required_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:f", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			r->is_following = true;
			break;
		case 's':
			r->syscalls = optarg;
			break;
		case 'c':
			r->container = optarg;
			break;
		case 'e':
			r->errnum = optarg;
			break;
		case ':':
			return command_bad_usage("events", "option '%s' needs a value",
						 argv[optind - 1]);
		default:
			return command_bad_usage("events", "unknown option '%s'", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return command_bad_usage("events", "%s",
					 argc == optind ? "no file given" : "more than one file");
	r->path = argv[optind];
	return COMMAND_OK;
}

int cmd_events(int argc, char **argv)
{
	struct reader r = { .fd = -EBADF, .notify = -EBADF };
	int rc = parse_options(&r, argc, argv);

	if (rc != COMMAND_OK)
		return rc;
	r.notify = r.is_following ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -EBADF;
	rc = r.is_following && r.notify < 0 ? -errno : run(&r);
	/* `waylay events FILE | head` is no failure. */
	if (rc < 0 && rc != -EPIPE)
		log_error("events: '%s': %s", r.path, strerror(-rc));
	fd_close(r.fd);
	fd_close(r.notify);
	buf_done(&r.pending);
	return (rc < 0 && rc != -EPIPE) || r.has_bad ? COMMAND_FAILED : COMMAND_OK;
}
