/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "plugin/keeper_store.h"

int keep_put(struct keep_item **list, uint32_t kind, uint32_t key, uint32_t arg,
	     const int fds[KEEP_FDS])
{
	struct keep_item *item = malloc(sizeof(*item)), **end;

	if (!item)
		return -ENOMEM;
	keep_drop(list, kind, key);
	*item = (struct keep_item){ .kind = kind, .key = key, .arg = arg };
	memcpy(item->fds, fds, sizeof(item->fds));
	/* At the end: a new listener gets the shards before their containers, these before workers. */
	for (end = list; *end; end = &(*end)->next)
		;
	*end = item;
	return 0;
}

struct keep_item *keep_find(struct keep_item *list, uint32_t kind, uint32_t key)
{
	for (; list; list = list->next)
		if (list->kind == kind && list->key == key)
			return list;
	return NULL;
}

void keep_drop(struct keep_item **list, uint32_t kind, uint32_t key)
{
	for (; *list; list = &(*list)->next) {
		struct keep_item *item = *list;

		if (item->kind != kind || item->key != key)
			continue;
		*list = item->next;
		for (unsigned i = 0; i < KEEP_FDS; i++)
			fd_close(item->fds[i]);
		free(item);
		return;
	}
}

int keep_worker_add(struct keep_worker **list, uint32_t key, uint32_t container, pid_t pid)
{
	struct keep_worker *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct keep_worker){ .next = *list, .key = key, .container = container, .pid = pid };
	*list = w;
	return 0;
}

bool keep_worker_take(struct keep_worker **list, pid_t pid, struct keep_worker *ret)
{
	for (; *list; list = &(*list)->next) {
		struct keep_worker *w = *list;

		if (w->pid != pid)
			continue;
		*list = w->next;
		*ret = *w;
		free(w);
		return true;
	}
	return false;
}
