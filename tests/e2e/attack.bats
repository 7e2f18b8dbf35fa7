# SPDX-License-Identifier: Apache-2.0
# Containers, bundles and states that mean harm or lie; and what is left after very many containers.
# WAYLAY_MANY: how many; the requirement says 200.
load lib.bash

state() {
  jq -nc --arg bundle "$BUNDLE" --argjson pid "$1" \
    '{ociVersion: "1.0.2", id: "x", status: "creating", pid: $pid, bundle: $bundle}'
}

# rt_below COMMAND...: `rt run` below the command.
rt_below() {
  local wrap=()
  if [ "$RUNTIME" = crun ] && grep -q ' /sys/fs/cgroup/unified ' /proc/self/mountinfo; then
    wrap=(unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh)
  fi
  timeout --kill-after=5 30 "${wrap[@]}" "$@" "$RUNTIME" --root "$T/state" run --bundle "$BUNDLE" "$ID" 3>&- <"$T/empty"
}

# lies PID MESSAGE: the hook refuses at once, with one line, and leaves the process alone.
lies() {
  run timeout 10 "$HOOK" --config "$HOST" <<<"$(state "$1")"
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --partial "$2"
  assert_equal "$(awk '/^TracerPid/ {print $2}' "/proc/$1/status")" 0
}

@test "a state that names a process of the host is refused, and the process left alone" {
  bundle --annotate trace=mkdir -- true
  sleep 1000 3>&- &
  LISTENERS+=("$!")
  lies "$!" "process of the host"
  lies "$$" "process of the host"
  assert_baseline
}

@test "a bundle's config.json that is a FIFO, a device, endless or deep ends the start at once" {
  local file=$BUNDLE/config.json pid=4194200
  for make in "mkfifo $file" "mknod $file c 1 5" "ln -s /dev/zero $file" "mkdir $file" \
    "truncate -s 1G $file" "eval head -c 3000000 /dev/zero | tr '\0' '[' >$file"; do
    rm -rf "$file"
    $make
    run timeout 10 "$HOOK" --config "$HOST" <<<"$(state $pid)"
    assert_failure
    refute [ "$status" = 124 ]
    [ "${#lines[@]}" = 1 ]
  done
}

@test "a listener of its own is refused by every ABI's number, with garbage in upper halves too" {
  local abi flags
  bundle --profile podman --annotate trace=mkdir -- sh -c '
    for raw in caller-raw caller32-raw "caller-raw -x"; do
      [ -e "/callers/${raw%% *}" ] || continue
      for op in 1 0xdeadbeef00000001; do
        for flags in 0x8 0x18 0x28 0xdeadbeef00000008; do $raw seccomp $op $flags s:program; done
      done
    done'
  run container_run
  refute_line --regexp "^seccomp = [^-]"
  assert_equal "$(grep -vxc "seccomp = -1 E\(BUSY\|NOSYS\|PERM\)" <<<"$output")" 0
  assert_line "seccomp = -1 EBUSY"
  echo "# $(sort <<<"$output" | uniq -c | tr '\n' ';')" >&3
}

@test "pausing and resuming a container runs no emulated call twice" {
  bundle --userns --annotate emulate=mknod -- sh -c '
    i=0; while [ $i -lt 150 ]; do caller-raw mknod s:/tmp/n$i 0x21b6 0x103; i=$((i + 1)); done; ls /tmp | wc -l'
  container_create
  container_start
  while rt pause "$ID" 2>>"$T/pause.log"; do
    echo >>"$T/pauses"
    rt resume "$ID"
  done
  container_finish
  run sort "$T/stdout.log"
  assert_equal "$(grep -c "^mknod = 0" "$T/stdout.log")" 150
  assert_line 150
  [ "$(wc -l <"$T/pauses")" -gt 3 ]
}

@test "below another listener's filter the start fails, and the line says why" {
  bundle --annotate trace=mkdir -- echo ran-all-the-same
  CONTAINERS+=("$ID")
  run rt_below "$WAYLAY" run --trace swapon --events "file:$T/outer.jsonl" --
  assert_failure
  refute_output --partial ran-all-the-same
  assert_output --partial "listener"
  refute [ "$status" = 124 ]
}

# What could pile up: fds and memory of listener and keeper, processes, mounts, cgroups.
tally() {
  local pid
  for pid in $(strays | awk '/waylayd/ {print $1}'); do
    echo "fds $(fds_of "$pid")"
  done | sort
  grep -e "$T" -e "$ID" /proc/self/mountinfo || true
  find /sys/fs/cgroup -type d -name "*$ID*"
  find "$T/run" "$T/state" -mindepth 1 -type f
}

many_containers() {
  local n=${WAYLAY_MANY:-12} base=$ID i
  tally >"$T/before"
  bundle --userns --annotate trace=mkdir --annotate emulate=mknod -- sh -c 'mkdir /tmp/d; mknod /tmp/null c 1 3'
  for i in $(seq "$n"); do
    ID=$base-$i
    CONTAINERS=("$ID")
    container_run
    rt delete --force "$ID" 2>/dev/null || true
  done
  ID=$base
  await_tally
}

# The last container's fds may be a moment late.
await_tally() {
  local _
  for _ in $(seq 50); do
    tally >"$T/after"
    ! cmp -s "$T/before" "$T/after" || return 0
    "$CALLERS/caller-await" 1 exit "$BASHPID" >/dev/null 2>&1 || true
  done
  fail "$(diff "$T/before" "$T/after")"
}

@test "very many containers at one listener leave nothing behind" {
  start_listener
  many_containers
}

@test "very many containers with private listeners leave nothing behind" {
  many_containers
  assert_baseline
}
