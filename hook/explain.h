/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in words: for `waylay explain`. */
#pragma once

#include "arch/bpf/dag.h"
#include "specs/plan.h"

/* A filter that can be asked what it says of a call, whatever the arguments. */
struct explained {
	const struct bpf_prog *prog; /* borrowed; NULL: no filter, everything is allowed */
	struct bpf_dag dag;
	uint32_t root; /* 0: too intricate to take apart; asked with all arguments 0 then */
};

int explained_init(struct explained *e, const struct bpf_prog *prog);
void explained_done(struct explained *e);

struct answer {
	bool is_const;
	uint32_t verdict; /* is_const, else what it says if all arguments are 0 */
	unsigned count;	  /* instructions executed with all arguments 0 */
};
struct answer explained_ask(struct explained *e, uint32_t arch, uint32_t nr);
/* "ALLOW", or "ERRNO(EPERM) or by arguments ALLOW" kinds: every verdict that is possible. */
void explained_text(struct explained *e, uint32_t arch, uint32_t nr, struct buf *out);
/* What is left of the filter for that call, as a program, disassembled; nothing if it is constant. */
void explained_residual(struct explained *e, uint32_t arch, uint32_t nr, const char *indent,
			struct buf *out);

/* "openat", "i386/openat", "#437", "i386/#5": the numbers it means, for ABIs of the native family.
 * -ENOENT if no ABI knows it. */
struct named_call {
	const struct abi *abi;
	uint32_t nr;
};
int explain_find_calls(const char *text, struct named_call ret[3], size_t *ret_n,
		       struct wl_err *err);
void explain_call_name(const struct abi *abi, uint32_t nr, struct buf *out);

/* All calls, as one line for each kind of answer with the calls that get it: answers come from `line`,
 * an empty one leaves the call out. */
void explain_group(const struct abi *abi, void (*line)(void *ctx, uint32_t nr, struct buf *out),
		   void *ctx, struct buf *out);

/* A process's filters, newest first. */
#define EXPLAIN_FILTERS_MAX 64
struct filters {
	struct bpf_prog prog[EXPLAIN_FILTERS_MAX];
	unsigned n;
};
/* -EPERM, -EACCES (needs CAP_SYS_ADMIN and an unfiltered caller), -ESRCH. */
int filters_of_process(int pid, struct filters *ret, struct wl_err *err);
void filters_done(struct filters *filters);
