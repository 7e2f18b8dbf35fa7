/* SPDX-License-Identifier: Apache-2.0 */
/* A container as the listener serves it. */
#include <stdlib.h>

#include "arch/base/cleanup.h"
#include "plugin/freezer.h"
#include "plugin/tenant.h"

uint32_t tenants_new_key(struct tenants *all)
{
	for (uint32_t i = 0; i < TENANTS_MAX; i++) {
		uint32_t key = ++all->generation;

		/* The generation counts by one: neighbours are reused last. */
		if (key != 0 && !all->at[key % TENANTS_MAX])
			return key;
	}
	return 0;
}

void tenants_add(struct tenants *all, struct tenant *t)
{
	all->at[t->c->key % TENANTS_MAX] = t;
	all->n++;
	if (t->c->key > all->generation)
		all->generation = t->c->key;
}

void tenants_remove(struct tenants *all, struct tenant *t)
{
	all->at[t->c->key % TENANTS_MAX] = NULL;
	all->n--;
}

struct tenant *tenants_find(struct tenants *all, uint32_t key)
{
	struct tenant *t = all->at[key % TENANTS_MAX];

	return t && t->c->key == key ? t : NULL;
}

void tenant_free(struct tenant *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		if (t->workers[i].key) {
			fd_close(t->workers[i].control);
			fd_close(t->workers[i].pidfd);
		}
	freezer_free(t->freezer);
	sink_done(&t->sink);
	fd_close(t->pidfd);
	container_free(t->c);
	free(t);
}
