/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the generated system call tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/sysno.h"
#include "arch/syscall_tables.h"

#define NAME_MAX_LEN 40 /* longer words are not compared: the longest call has 28 characters */

static const struct {
	const char *name;
	uint32_t bits;
} groups[] = {
	{ "all", ~(uint32_t)GROUP_NEVER },
	{ "desc", GROUP_DESC },
	{ "file", GROUP_FILE },
	{ "ipc", GROUP_IPC },
	{ "memory", GROUP_MEMORY },
	{ "modules", GROUP_MODULES },
	{ "mount", GROUP_MOUNT },
	{ "network", GROUP_NETWORK },
	{ "privileged", GROUP_PRIVILEGED },
	{ "process", GROUP_PROCESS },
	{ "signal", GROUP_SIGNAL },
	{ "system", GROUP_SYSTEM },
	{ "time", GROUP_TIME },
};

const struct syscall_def *sysno_def(const struct syscall_number *row)
{
	return &syscall_defs[row->def];
}

const struct syscall_def *sysno_find(const struct abi *abi, uint32_t nr)
{
	size_t low = 0, high = abi->n_numbers;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (abi->numbers[mid].nr == nr)
			return sysno_def(&abi->numbers[mid]);
		if (abi->numbers[mid].nr < nr)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int64_t sysno_number(const struct abi *abi, const char *name)
{
	size_t low = 0, high = abi->n_numbers;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct syscall_number *row = &abi->numbers[abi->by_name[mid]];
		int order = strcmp(sysno_def(row)->name, name);

		if (order == 0)
			return row->nr;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -ENOENT;
}

int sysno_arg(const struct syscall_def *def, const char *name)
{
	int path = -ENOENT;
	unsigned n_paths = 0;

	for (int i = 0; i < def->nargs; i++)
		if (strcmp(def->args[i].name, name) == 0)
			return i;
	for (int i = 0; i < def->nargs; i++) {
		if (def->args[i].alias && strcmp(def->args[i].alias, name) == 0)
			return i;
		if (def->args[i].kind == ARG_PATH) {
			path = i;
			n_paths++;
		}
	}
	return n_paths == 1 && strcmp(name, "path") == 0 ? path : -ENOENT;
}

static int compare_name(const void *name, const void *def)
{
	return strcmp(name, ((const struct syscall_def *)def)->name);
}

bool sysno_is_known(const char *name)
{
	return bsearch(name, syscall_defs, SYSCALL_NAMES, sizeof(syscall_defs[0]), compare_name);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edit distance in which a swap of two neighbours counts once ("opneat"). */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][NAME_MAX_LEN + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_len];
}

const char *sysno_suggest(const char *name)
{
	size_t len = strnlen(name, NAME_MAX_LEN + 1);
	const char *best = NULL;
	unsigned best_distance = 1 + (unsigned)(len < 3 ? 0 : len < 6 ? 1 : len < 10 ? 2 : 3);

	if (len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < SYSCALL_NAMES; i++) {
		const char *known = syscall_defs[i].name;
		unsigned d = edit_distance(name, len, known, strlen(known));

		if (d < best_distance) {
			best_distance = d;
			best = known;
		}
	}
	return best;
}

uint32_t sysno_group(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strcmp(groups[i].name, name) == 0)
			return groups[i].bits;
	return 0;
}

const char *sysno_group_names(void)
{
	return "@all @desc @file @ipc @memory @modules @mount @network @privileged @process "
	       "@signal @system @time";
}
