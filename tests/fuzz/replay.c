/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target on files, or on all files of folders: what the fuzz suite does with the corpora. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/base/cleanup.h"

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ uint8_t *data = malloc(INPUT_MAX);
	size_t n;

	if (!f || !data) {
		perror(path);
		return -1;
	}
	n = fread(data, 1, INPUT_MAX, f);
	/* Exactly n bytes on the heap, so that sanitizers see a read behind them. */
	data = realloc(data, n ? n : 1);
	LLVMFuzzerTestOneInput(data, n);
	return 1;
}

static int replay(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return replay_file(path);
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		n += replay_file(name);
	}
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		int r = replay(argv[i]);

		if (r < 0)
			return 1;
		n += r;
	}
	printf("%d inputs replayed\n", n);
	return n ? 0 : 1;
}
