/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: a negated one gives the opposite, whatever the arguments; memory only makes it unknown.
 *
 * Input: call (1 byte), ABI (1), three arguments (8 each), then the condition's text. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/condition.h"

#define HEAD (2 + 3 * 8)
#define PATH "/etc/a/b.c"

static void must(bool cond, const char *what, const char *text)
{
	if (cond)
		return;
	fprintf(stderr, "condition: %s: %s\n", what, text);
	abort();
}

/* Every address holds the same path. */
static ssize_t read_path(const struct mem *mem, uint64_t addr, void *buf, size_t len)
{
	size_t n = len < sizeof(PATH) ? len : sizeof(PATH);

	memcpy(buf, PATH, n);
	return (ssize_t)n;
}

static struct condition_bound *bind(const char *text, const struct call *call)
{
	struct condition_bound *b = NULL;
	struct condition *c = NULL;
	struct wl_err err = { 0 };

	if (condition_parse(text, strlen(text), &c, &err) == 0)
		condition_bind(c, call->abi, call->def, &b, &err);
	must(b || err.msg[0], "a failure without words", text);
	condition_free(c);
	return b;
}

static bool can_read(const struct string_copies *copies)
{
	for (int i = 0; i < SYSCALL_ARGS; i++)
		if (copies->of[i]->state < 0)
			return false;
	return true;
}

static void check(const char *text, const struct call *call)
{
	static struct string_copy rooms[SYSCALL_ARGS];
	struct mem mem = { .read = read_path };
	struct string_copies copies = { .mem = &mem };
	struct condition_bound *b = bind(text, call), *n;
	enum tri yes, no, blind;
	char *negated = NULL;

	if (!b)
		return;
	for (int i = 0; i < SYSCALL_ARGS; i++) {
		rooms[i].state = 0;
		copies.of[i] = &rooms[i];
	}
	must(asprintf(&negated, "!(%s)", text) > 0, "memory", text);
	n = bind(negated, call);
	yes = condition_eval(b, call, &copies);
	blind = condition_eval(b, call, NULL);
	must(yes != TRI_UNKNOWN, "unknown although memory was read", text);
	must(blind == TRI_UNKNOWN || blind == yes, "memory changes what was known", text);
	must(blind != TRI_UNKNOWN || condition_needs_memory(b), "unknown without memory", text);
	/* One level deeper it may be too deep. Addresses near the end of memory cannot be read: both false. */
	if (n && can_read(&copies)) {
		no = condition_eval(n, call, &copies);
		must(yes == (no == TRI_TRUE ? TRI_FALSE : TRI_TRUE), "not and yes agree", text);
	}
	condition_bound_free(b);
	condition_bound_free(n);
	free(negated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "openat", "mknodat", "socket",
					     "lseek",  "mount",	  "getpid" };
	static const enum abi_index abis[] = { ABI_X86_64, ABI_I386, ABI_X32, ABI_S390X };
	struct call call = { 0 };
	_cleanup_free_ char *text = NULL;
	int64_t nr;

	if (size < HEAD)
		return 0;
	call.abi = abi_get(abis[data[1] % ARRAY_SIZE(abis)]);
	nr = sysno_number(call.abi, names[data[0] % ARRAY_SIZE(names)]);
	call.data.arch = call.abi->audit_arch;
	call.data.nr = (int)nr;
	call.def = nr < 0 || data[0] == 255 ? NULL : sysno_find(call.abi, (uint32_t)nr);
	memcpy(call.data.args, data + 2, 3 * 8);
	text = strndup((const char *)data + HEAD, size - HEAD);
	if (text)
		check(text, &call);
	return 0;
}
