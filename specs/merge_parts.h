/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the merge. */
#pragma once

#include "arch/bpf/dag.h"
#include "specs/merge.h"

/* How a verdict of the profile becomes one of the merged filter. */
struct mapping {
	enum { MAP_KEEP, MAP_OBSERVE, MAP_RESTRICT } kind;
	uint32_t restricted; /* RESTRICT: the rule's ERRNO|n */
	uint32_t notify;     /* what is returned in place of an observed verdict; 0: not observed */
	uint32_t notify_by;  /* RESTRICT: the same where the rule's errno is the answer */
};

#define MERGE_MAPPINGS 4096

struct merge {
	unsigned n_notified; /* calls */
	struct bpf_dag dag;
	const struct plan *plan;
	bool has_guard;		  /* NEW_LISTENER is answered EBUSY */
	struct mapping *mappings; /* owned; seen so far, a mapping's id is its index */
	uint32_t n_mappings;
	struct bpf_table mapped; /* (mapping, node) -> node, as pairs in `pairs` */
	struct mapped_pair {
		uint32_t mapping, node, to;
	} * pairs;
	uint32_t n_pairs, cap_pairs;
};

/* Sets dag.error on failure, like the functions of dag.h. */
uint32_t merge_map_node(struct merge *m, uint32_t node, const struct mapping *mapping);
/* Verdict of the merged filter for a constant verdict of the profile. */
uint32_t merge_map_verdict(const struct merge *m, uint32_t verdict, const struct mapping *mapping);

/* Rules on top of the profile's own decision for one call; pc may be NULL where only the guard is
 * concerned. */
uint32_t merge_compose(struct merge *m, const struct plan_call *pc, const struct abi *abi,
		       uint32_t nr, uint32_t profile);

/* A condition as tests: control goes to `yes`, `no`, or `open` where memory would have to be read. */
uint32_t merge_condition(struct bpf_dag *dag, const struct abi *abi, const struct cnode *tree,
			 uint32_t yes, uint32_t no, uint32_t open);

/* True if that is the number of seccomp(2) for this ABI. */
bool merge_is_guarded(const struct abi *abi, uint32_t nr);
/* The guard's condition as tests. */
uint32_t merge_guard(struct bpf_dag *dag, const struct abi *abi, uint32_t yes, uint32_t no);
/* The same of a call at hand. */
bool merge_guard_holds(const struct abi *abi, const struct seccomp_data *data);

/* One way of merging: the profile taken apart, or kept as code. -E2BIG with ret_prog->len set to the size
 * that would be needed. ret_notified and err may be NULL. */
int merge_try(const struct bpf_prog *profile, const struct plan *plan, bool as_block,
	      struct bpf_prog *ret_prog, unsigned *ret_notified, struct wl_err *err);
/* -E2BIG with the rules that save most. */
int merge_blame(const struct bpf_prog *profile, const struct plan *plan, unsigned needed,
		struct wl_err *err);
