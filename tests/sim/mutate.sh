#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Breaks the filter compiler on purpose, one way after the other, and sees that the suites notice each:
# tests/sim/mutate.sh [NUMBER...]. Works on a copy; takes some minutes. Exit status 1 if a mutant survives.
set -eu

cd "$(dirname "$0")/../.."
dir=$(mktemp -d /tmp/waylay-mutate.XXXXXX)
trap 'rm -rf "$dir"' EXIT INT TERM
git ls-files -z -c -o --exclude-standard | xargs -0 cp --parents -t "$dir"
cd "$dir"
meson setup build -Dbuildtype=plain >/dev/null
targets="tests/sim/sim-dag tests/sim/sim-merge tests/sim/sim-real tests/unit-merge tests/unit-bpf"

suites() {
  # shellcheck disable=SC2086 # a list
  ninja -C build $targets >build/log 2>&1 || { echo "does not build"; tail -5 build/log; exit 2; }
  timeout 60 build/tests/unit-bpf && timeout 60 build/tests/unit-merge specs/annotations.md &&
    timeout 60 build/tests/sim/sim-dag && timeout 120 build/tests/sim/sim-merge &&
    timeout 120 build/tests/sim/sim-real tests/sim/data/*.bpf tests/sim/data/*.json
}

suites >build/out 2>&1 || { echo "the suites fail before anything is broken"; tail -5 build/out; exit 2; }

n=0
survivors=0
# mutant FILE WHAT FROM TO: FROM is a literal that stands in FILE exactly once.
mutant() {
  n=$((n + 1))
  case " $wanted " in
  "  " | *" $n "*) ;;
  *) return 0 ;;
  esac
  cp "$1" build/original
  FROM=$3 TO=$4 perl -0pi -e '$n = s/\Q$ENV{FROM}\E/$ENV{TO}/g; exit 3 if $n != 1' "$1" ||
    { echo "mutant $n: '$3' does not stand once in $1"; exit 2; }
  if suites >build/out 2>&1; then
    echo "mutant $n survived: $1: $2"
    survivors=$((survivors + 1))
  else
    echo "mutant $n noticed: $1: $2: $(grep -m1 '^not ok' build/out || echo 'crash or time-out')"
  fi
  cp build/original "$1"
}
wanted=$*

mutant arch/bpf/emit.c "branches swapped" \
  "put(e, code, (uint8_t)(e->n - *et), (uint8_t)(e->n - *ef), k);" \
  "put(e, code, (uint8_t)(e->n - *ef), (uint8_t)(e->n - *et), k);"
mutant arch/bpf/emit.c "a jump of 256" "#define JUMP_MAX 255u" "#define JUMP_MAX 256u"
mutant arch/bpf/emit.c "a word taken for loaded that is not" \
  "? WAY : WAY | WAY_UNLOADED" "? WAY : WAY"
mutant arch/bpf/emit.c "a constant allow leaves the kernel's bitmap" \
  "put(e, BPF_RET | BPF_K, 0, 0, e->dag->exprs[n->a].a);" \
  "put(e, BPF_RET | BPF_K, 0, 0, e->dag->exprs[n->a].a), put(e, BPF_LD | BPF_IMM, 0, 0, 0);"
mutant arch/bpf/lift.c "a register taken for dead that is read" \
  "l->live[pc] = live | insn_reads(insn);" "l->live[pc] = live | (insn_reads(insn) & BIT(REG_A));"
mutant arch/bpf/lift.c "division by zero goes on" \
  "return bpf_node_test(dag, BPF_JEQ, x, bpf_expr_const(dag, 0), bpf_node_ret(dag, 0), rest);" \
  "return rest;"
mutant arch/bpf/rewrite.c "a bound off by one" \
  "s.lo = f->k;" "s.lo = f->k + 1;"
mutant arch/bpf/rewrite.c "an excluded architecture kept as the only one" \
  "return nodes[n->f];" "return nodes[n->t];"
mutant arch/bpf/ranges.c "the number behind a compared one shares its cell" \
  "(n->op != BPF_JEQ || cut_at(s, k + 1))" "true"
mutant arch/bpf/ranges.c "the upper half of a split keeps the lower's answer" \
  "upper[w] = set[w] & ~keep;" "upper[w] = 0;"
mutant arch/bpf/dag.c "all bits of a mask taken for any" \
  "if (k == m && (m & (m - 1)) == 0)" "if (k == m)"
mutant specs/merge_condition.c "signed compares as unsigned" "if (!is_signed)" "if (1)"
mutant specs/merge_condition.c "the upper half of an int looked at" "if (n->width == 64) {" "if (1) {"
mutant specs/merge_condition.c "halves swapped on big-endian machines" \
  "high == abi->big_endian ? 0 : 1" "high ? 1 : 0"
mutant specs/merge_condition.c "less or equal taken for less" \
  "next.klo = (uint32_t)(k + 1);" "next.klo = (uint32_t)k;"
mutant specs/merge_condition.c "a pointer's upper half forgotten by the guard" \
  "if (has_wide_pointer(abi))
		node" "if (0)
		node"
mutant specs/merge_map.c "a rule's errno over the profile's" \
  "bpf_action_rank(mapping->restricted) < bpf_action_rank(v)" \
  "bpf_action_rank(mapping->restricted) <= bpf_action_rank(v)"
mutant specs/merge_map.c "an observed denial let to the profile" \
  "action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_LOG" "action == SECCOMP_RET_LOG"
mutant specs/merge_rules.c "kill behind deny forgotten" \
  "if (old && (old->rule->action == ACTION_KILL || pr->rule->action != ACTION_KILL))" "if (old)"
mutant specs/merge_rules.c "the last override instead of the first" \
  "if (ch->restricts || ch->overrides || ch->is_guarded)" "if (ch->restricts || ch->is_guarded)"
mutant specs/merge_rules.c "a condition on memory taken for met" \
  "open.is_open = rule_relation(pr->rule) == RELATION_OVERRIDE;" "open.is_open = false;"
mutant specs/merge.c "no guard against a second listener" \
  "m.has_guard = merge_needs_listener(plan);" "m.has_guard = false;"
mutant specs/plan.c "sigreturn is asked" \
  "if (def && def->groups & GROUP_NEVER && !is_plain(rule))" "if (0)"

echo "$survivors mutants survived"
[ "$survivors" = 0 ]
