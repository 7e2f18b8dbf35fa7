/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter answers: order of the actions and their names. */
#include "arch/bpf/bpf.h"

static const struct verdict_row {
	uint32_t action;
	const char *name;
} verdict_rows[] = {
	{ SECCOMP_RET_KILL_PROCESS, "KILL_PROCESS" },
	{ SECCOMP_RET_KILL_THREAD, "KILL_THREAD" },
	{ SECCOMP_RET_TRAP, "TRAP" },
	{ SECCOMP_RET_ERRNO, "ERRNO" },
	{ SECCOMP_RET_USER_NOTIF, "USER_NOTIF" },
	{ SECCOMP_RET_TRACE, "TRACE" },
	{ SECCOMP_RET_LOG, "LOG" },
	{ SECCOMP_RET_ALLOW, "ALLOW" },
};

static const struct verdict_row *verdict_row(uint32_t verdict)
{
	for (size_t i = 0; i < sizeof(verdict_rows) / sizeof(verdict_rows[0]); i++)
		if (verdict_rows[i].action == (verdict & SECCOMP_RET_ACTION_FULL))
			return &verdict_rows[i];
	return NULL;
}

int64_t bpf_action_rank(uint32_t verdict)
{
	const struct verdict_row *row = verdict_row(verdict);

	return (int32_t)(row ? row->action : SECCOMP_RET_KILL_PROCESS);
}

uint32_t bpf_stronger(uint32_t a, uint32_t b)
{
	return bpf_action_rank(b) < bpf_action_rank(a) ? b : a;
}

void bpf_verdict_text(uint32_t verdict, struct buf *ret_text)
{
	const struct verdict_row *row = verdict_row(verdict);
	uint32_t data = verdict & SECCOMP_RET_DATA;

	if (!row) {
		buf_printf(ret_text, "0x%08x", verdict);
		return;
	}
	buf_puts(ret_text, row->name);
	if (row->action == SECCOMP_RET_ERRNO && errno_name((int)data))
		buf_printf(ret_text, "(%s)", errno_name((int)data));
	else if (row->action == SECCOMP_RET_ERRNO || data)
		buf_printf(ret_text, "(%u)", data);
}
