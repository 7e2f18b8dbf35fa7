/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/task: names that are right after a rename, an exec and an end. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/base/cleanup.h"
#include "plugin/events.h"
#include "plugin/task.h"
#include "tests/unit/tap.h"

static struct task_watch watch;
static struct task_cache cache;

static const struct task *get(pid_t tid, uint32_t owner)
{
	bool is_known;

	return task_get(&cache, tid, owner, event_now(), &is_known);
}

/* A child that does what it is told by a byte and answers each with a byte. */
struct child {
	pid_t pid;
	int to, from;
};

static _Noreturn void obey(int in, int out)
{
	sigset_t set;
	char c;

	while (read(in, &c, 1) == 1) {
		if (c == 'n')
			prctl(PR_SET_NAME, "other name");
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		if (c == 'b') /* blocked and pending */
			sigprocmask(SIG_BLOCK, &set, NULL);
		if (c == 'b')
			kill(getpid(), SIGUSR1);
		if (write(out, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static void tell(struct child *c, char what)
{
	char answer = 0;

	tap_ok(write(c->to, &what, 1) == 1 && read(c->from, &answer, 1) == 1 && answer == what);
}

static struct child make_child(void)
{
	int in[2], out[2];
	struct child c = { 0 };

	if (pipe(in) < 0 || pipe(out) < 0)
		return c;
	c.pid = fork();
	if (c.pid == 0) {
		close(in[1]);
		close(out[0]);
		obey(in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	c.to = in[1];
	c.from = out[0];
	tell(&c, 'x');
	return c;
}

static void end_child(struct child *c)
{
	kill(c->pid, SIGKILL);
	close(c->to);
	close(c->from);
	waitpid(c->pid, NULL, 0);
}

static bool is_named(const struct task *t, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "\"comm\":\"%s\"", name);
	return t && memmem(t->text, t->text_len, text, strlen(text));
}

static void a_name_is_the_one_of_now(void)
{
	struct child c = make_child();

	tap_ok(is_named(get(c.pid, 1), "unit-task"));
	tell(&c, 'n');
	tap_ok(is_named(get(c.pid, 1), "other name"));
	end_child(&c);
}

static void a_task_that_has_ended_is_not_found_though_it_was_cached(void)
{
	struct child c = make_child();

	tap_ok(get(c.pid, 1) != NULL);
	end_child(&c);
	tap_ok(get(c.pid, 1) == NULL);
	tap_ok(get(0x3fffffff, 1) == NULL);
}

/* Where perf's records are not permitted nothing is ever known, and the names are right all the same. */
static void what_nothing_has_happened_to_is_known_and_anything_ends_that(void)
{
	struct child c = make_child(), other;
	uint64_t now = event_now();
	bool is_known = true;

	tap_ok(task_get(&cache, c.pid, 1, now, &is_known) != NULL);
	tap_ok(!is_known);
	if (watch.n > 0) {
		tap_ok(task_get(&cache, c.pid, 1, now, &is_known) && is_known);
		other = make_child(); /* somebody else's birth and end do not matter */
		end_child(&other);
		tap_ok(task_get(&cache, c.pid, 1, now, &is_known) && is_known);
		tap_ok(task_get(&cache, c.pid, 1, now + TASK_NS, &is_known) && !is_known);
		for (int i = 0; i < 1500; i++) { /* more records than the ring has room for */
			char name[16];

			snprintf(name, sizeof(name), "name %d", i);
			prctl(PR_SET_NAME, name);
		}
		tap_ok(task_get(&cache, c.pid, 1, now + TASK_NS, &is_known) && !is_known);
	}
	tell(&c, 'n');
	tap_ok(is_named(task_get(&cache, c.pid, 1, now, &is_known), "other name"));
	tap_ok(!is_known);
	tap_ok(task_get(&cache, c.pid, 2, now, &is_known) && !is_known);
	end_child(&c);
	prctl(PR_SET_NAME, "unit-task");
}

static void ids_are_those_of_the_thread_and_its_process(void)
{
	const struct task *t = get(getpid(), 1);

	tap_ok(t != NULL);
	if (t) {
		tap_int_eq(t->tid, getpid());
		tap_int_eq(t->tgid, getpid());
		tap_ok(t->ns_pid > 0);
	}
}

static unsigned count_fds(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	return n;
}

static void forgetting_an_owner_gives_its_fds_back_and_no_others(void)
{
	struct child mine = make_child(), other = make_child();
	unsigned before = count_fds();

	tap_ok(get(mine.pid, 7) != NULL);
	tap_ok(get(other.pid, 8) != NULL);
	tap_int_eq(count_fds(), before + 2);
	task_cache_drop(&cache, 7);
	tap_int_eq(count_fds(), before + 1);
	task_cache_drop(&cache, 8);
	tap_int_eq(count_fds(), before);
	end_child(&mine);
	end_child(&other);
}

static void a_blocked_signal_does_not_count_as_waiting(void)
{
	struct child c = make_child();

	tell(&c, 'b');
	tap_ok(!task_has_signal(&cache, c.pid));
	kill(c.pid, SIGSTOP);
	waitpid(c.pid, NULL, WUNTRACED);
	kill(c.pid, SIGTERM); /* cannot be taken while stopped: it waits */
	tap_ok(task_has_signal(&cache, c.pid));
	kill(c.pid, SIGKILL);
	end_child(&c);
	tap_ok(!task_has_signal(&cache, c.pid));
}

int main(void)
{
	prctl(PR_SET_NAME, "unit-task");
	task_watch_init(&watch);
	if (task_cache_init(&cache, &watch) < 0)
		return 1;
	TAP_RUN(a_name_is_the_one_of_now);
	TAP_RUN(a_task_that_has_ended_is_not_found_though_it_was_cached);
	TAP_RUN(what_nothing_has_happened_to_is_known_and_anything_ends_that);
	TAP_RUN(ids_are_those_of_the_thread_and_its_process);
	TAP_RUN(forgetting_an_owner_gives_its_fds_back_and_no_others);
	TAP_RUN(a_blocked_signal_does_not_count_as_waiting);
	task_cache_done(&cache);
	task_watch_done(&watch);
	return TAP_DONE();
}
