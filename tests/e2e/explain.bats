# SPDX-License-Identifier: Apache-2.0
# waylay explain: what a configuration will make of calls, and what a running process's filters do.
load lib.bash

@test "explain says sizes, verdicts before and after, and the rules that made them" {
  bundle --profile small --annotate 'trace=mkdir' --annotate 'deny=swapoff:ENOSYS' -- true
  run "$WAYLAY" explain --config "$HOST" "$BUNDLE/config.json"
  assert_success
  assert_line --regexp '^profile: [0-9]+ instructions'
  assert_line --regexp '^merged:  [0-9]+ instructions, 3 calls can be notified'
  assert_line --partial "ALLOW -> USER_NOTIF  by trace"
  assert_line --partial "ALLOW -> ERRNO(ENOSYS)  by deny"
  assert_line --regexp 'x86_64: [0-9]+ calls run the filter: on average [0-9]+ instructions before, [0-9]+ after'
}

@test "explain of a call says what is left of the filter for it, and which rule comes first" {
  bundle --profile podman --annotate 'trace=openat[flags & O_CREAT]' --annotate 'deny=mount' -- true
  run "$WAYLAY" explain --config "$HOST" "$BUNDLE/config.json" openat mount personality
  assert_success
  assert_line --partial "if A & 0x40 goto"
  assert_line --partial "observes: the profile's verdict holds; its condition is tested in the filter"
  assert_line --partial "deny EPERM restricts: the stronger of profile and rule"
  assert_line --partial "no rule: the profile decides"
}

@test "explain names an unknown call's nearest neighbour and a cap that refuses" {
  bundle --profile none --annotate 'emulate=mknod' -- true
  run "$WAYLAY" explain --config "$HOST" "$BUNDLE/config.json" opennat
  assert_failure 1
  assert_output --partial "no ABI of this machine has a call 'opennat'; did you mean 'openat'?"
  jq '.allow = {actions: ["trace"], handlers: {}}' "$HOST" >"$T/strict.json"
  run "$WAYLAY" explain --config "$T/strict.json" "$BUNDLE/config.json" mknod
  assert_line --partial "refused: "
}

@test "explain --pid shows the one filter of a container, as explain of its bundle foresaw" {
  start_listener
  bundle --profile podman --annotate 'trace=mkdir' --annotate 'deny=swapoff:ENOSYS' -- tail -f /dev/null
  run "$WAYLAY" explain --config "$HOST" "$BUNDLE/config.json" mkdir swapoff getppid
  assert_success
  foreseen=$(grep -E '^    filter:' <<<"$output" | sed 's/^    filter: *//; s/,.*//')
  container_create
  container_start
  run "$WAYLAY" explain --pid "$(container_pid)" mkdir swapoff getppid
  assert_success
  assert_line --index 0 --regexp '^process [0-9]+: 1 filters'
  [ "$(grep -E '^    filter 0:' <<<"$output" | sed 's/^    filter 0: *//; s/,.*//')" = "$foreseen" ] ||
    fail "foreseen: $foreseen; real: $output"
  run "$WAYLAY" explain --pid "$(container_pid)" --dump "$T/dump" --bpf getppid
  assert_success
  assert_line --partial "return USER_NOTIF"
  [ "$(($(stat -c %s "$T/dump") % 8))" = 0 ]
  rt kill "$ID" KILL
  container_finish
}

@test "explain --pid of a process without a filter says so, and of none fails in one line" {
  tail -f /dev/null 3>&- &
  run "$WAYLAY" explain --pid "$!" mount
  assert_success
  assert_line --index 0 --partial "0 filters"
  kill "$!"
  wait "$!" || true
  run "$WAYLAY" explain --pid "$!"
  assert_failure 1
  [ "${#lines[@]}" = 1 ]
}
