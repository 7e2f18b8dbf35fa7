/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, groups, capabilities and umask of a thread, from its status file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "plugin/caller.h"

/* Behind "\nKEY:" or NULL. The kernel escapes newlines in the one field that a task chooses (Name, which
 * comes first). */
static const char *find_field(const char *text, const char *key)
{
	char needle[16] = "\n";
	const char *at;

	strcpy(stpcpy(needle + 1, key), ":");
	at = strstr(text, needle);
	return at ? at + strlen(needle) : NULL;
}

static int parse_number(const char **at, int base, uint64_t *ret)
{
	char *end;

	while (**at == ' ' || **at == '\t')
		(*at)++;
	if (**at == '\n' || **at == '\0' || **at == '-')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(*at, &end, base);
	if (errno || end == *at)
		return -EINVAL;
	*at = end;
	return 0;
}

static int parse_field(const char *text, const char *key, int base, uint32_t *ret, unsigned n)
{
	const char *at = find_field(text, key);
	uint64_t v;

	for (unsigned i = 0; i < n; i++) {
		if (!at || parse_number(&at, base, &v) < 0 || v > UINT32_MAX)
			return -EINVAL;
		ret[i] = (uint32_t)v;
	}
	return 0;
}

static int parse_groups(const char *text, struct caller_status *st)
{
	const char *at = find_field(text, "Groups"), *end;
	unsigned room = 1;
	uint64_t v;

	if (!at)
		return -EINVAL;
	end = strchrnul(at, '\n');
	for (const char *p = at; p < end; p++)
		room += *p == ' ';
	st->groups = calloc(room, sizeof(*st->groups));
	if (!st->groups)
		return -ENOMEM;
	while (st->n_groups < room && parse_number(&at, 10, &v) == 0)
		st->groups[st->n_groups++] = (gid_t)v;
	return 0;
}

/* The last number of the line: innermost namespace. */
static int parse_ns_tid(const char *text, pid_t *ret)
{
	const char *at = find_field(text, "NSpid");
	uint64_t v = 0;

	if (!at || parse_number(&at, 10, &v) < 0)
		return -EINVAL;
	while (parse_number(&at, 10, &v) == 0)
		;
	*ret = (pid_t)v;
	return 0;
}

int caller_parse_status(const char *text, struct caller_status *ret)
{
	struct caller_status st = { 0 };
	const char *at = find_field(text, "CapEff");
	uint32_t tgid;
	int r;

	if (!at || parse_number(&at, 16, &st.cap_eff) < 0 ||
	    parse_field(text, "Uid", 10, st.uid, 4) < 0 ||
	    parse_field(text, "Gid", 10, st.gid, 4) < 0 ||
	    parse_field(text, "Umask", 8, &st.umask, 1) < 0 ||
	    parse_field(text, "Tgid", 10, &tgid, 1) < 0 || parse_ns_tid(text, &st.ns_tid) < 0)
		return -EINVAL;
	st.tgid = (pid_t)tgid;
	r = parse_groups(text, &st);
	if (r < 0)
		return r;
	*ret = st;
	return 0;
}
