#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the hook costs a container's start: interleaved runs, medians and their ratio. start.sh [ROUNDS]
#
# plain: no hook. private: the hook starts a listener for each container. host: one listener for all.
# deny: rules that need no listener. The container runs /bin/true with podman's default profile.
set -euo pipefail
rounds=${1:-20}
BATS_TEST_DIRNAME=$(cd "$(dirname "$0")/../e2e" && pwd)
bats_require_minimum_version() { :; }
load() { :; }
fail() { echo "$*" >&2; exit 1; }
# shellcheck source=tests/e2e/lib.bash
. "$BATS_TEST_DIRNAME/lib.bash"

run_once() { # KIND: milliseconds with two decimals into $T/KIND
  local kind=$1 id=$ID-$1-$2 from to
  BUNDLE=$T/bundle-$kind
  from=$(date +%s%N)
  "${RT[@]}" run --bundle "$BUNDLE" "$id" <"$T/empty" >>"$T/out.log" 2>&1 || fail "$kind: $(tail -n 3 "$T/out.log")"
  to=$(date +%s%N)
  echo $(((to - from) / 10000)) >>"$T/$kind"
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] / 100 }'; }

bench() {
  local kind i
  setup
  RT=("$RUNTIME" --root "$T/state")
  for kind in plain private host deny; do
    BUNDLE=$T/bundle-$kind
    mkdir -p "$BUNDLE"
    case $kind in
    plain) bundle --profile podman --no-hook --no-events -- true ;;
    private) bundle --profile podman --socket "$T/none.sock" --annotate trace=mkdir -- true ;;
    host) bundle --profile podman --annotate trace=mkdir -- true ;;
    deny) bundle --profile podman --no-events --annotate deny=mkdir -- true ;;
    esac
  done
  start_listener
  for kind in plain private host deny; do run_once "$kind" warm; done
  for kind in plain private host deny; do rm "$T/$kind"; done
  for i in $(seq "$rounds"); do
    for kind in plain private host deny; do run_once "$kind" "$i"; done
  done
  for kind in plain private host deny; do
    awk -v k="$kind" -v r="$RUNTIME" -v m="$(median "$T/$kind")" -v p="$(median "$T/plain")" \
      'BEGIN { printf "%-5s %-8s %8.2f ms  ratio %.3f  +%.2f ms\n", r, k, m, m / p, m - p }'
  done
  kill "$LISTENER"
  rm -rf "$T"
}

make_rootfs
trap 'rm -rf "$ROOTFS"' EXIT
for RUNTIME in runc crun; do
  if [ "$RUNTIME" = crun ] && grep -q ' /sys/fs/cgroup/unified ' /proc/self/mountinfo; then
    # As in lib.bash, but once for all runs: the unshare is no part of what is measured.
    [ -n "${IN_NAMESPACE:-}" ] || { IN_NAMESPACE=1 ONLY=crun unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh "$0" "$rounds"; continue; }
  fi
  [ -z "${ONLY:-}" ] || [ "$ONLY" = "$RUNTIME" ] || continue
  command -v "$RUNTIME" >/dev/null || continue
  bench
done
