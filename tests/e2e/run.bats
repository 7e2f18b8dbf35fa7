# SPDX-License-Identifier: Apache-2.0
# waylay run: a plain command, without container and without root.
load lib.bash

waylay_run() {
  timeout 20 "$WAYLAY" run --events "file:$T/events.jsonl" "$@" 3>&-
}

setup_run() {
  EVENTS=$T/events.jsonl
}

@test "the calls of ls are strace's" {
  env -i PATH=/bin /usr/bin/strace -o "$T/strace" "$ROOTFS/bin/busybox" ls -l "$ROOTFS/bin" >/dev/null
  env -i PATH=/bin "$WAYLAY" run --trace @all --events "file:$T/events.jsonl" -- "$ROOTFS/bin/busybox" ls -l "$ROOTFS/bin" >/dev/null
  same_calls "$T/strace" "$T/events.jsonl"
}

@test "the exit status is the command's, 128 + N for a signal" {
  run waylay_run --trace mkdir -- sh -c 'exit 7'
  assert_failure 7
  run waylay_run --trace mkdir -- sh -c 'kill -TERM $$'
  assert_failure 143
  run -127 waylay_run --trace mkdir -- /no/such/program
  assert_output --partial "/no/such/program"
}

@test "deny, kill and trace as the annotations have them" {
  setup_run
  run waylay_run --trace rmdir --deny mkdir:ENOSPC --kill chroot -- sh -c \
    "$CALLERS/caller-raw mkdir s:$T/d 0755; $CALLERS/caller-raw rmdir s:$T/d; $CALLERS/caller-raw chroot s:/; echo \$?"
  assert_line --index 0 "mkdir = -1 ENOSPC"
  assert_line --index 1 "rmdir = -1 ENOENT"
  assert_line "159"
  assert_event '.syscall == "rmdir" and .args.pathname == "'"$T/d"'"'
}

@test "a policy file" {
  setup_run
  run waylay_run --policy "$EXAMPLES/inject-errno.json" -- true
  assert_failure 1
  assert_output --partial "allow.actions of the built-in default"
  jq -n '{version: 1, rules: [{action: "return", value: 5, syscalls: ["rmdir"]}]}' >"$T/p.json"
  run waylay_run --config "$HOST" --policy "$T/p.json" -- "$CALLERS/caller-raw" rmdir s:/nowhere
  assert_output "rmdir = 5"
}

@test "without root" {
  mkdir -m 777 "$T/user"
  cp "$WAYLAY" "$CALLERS/caller-raw" "$T/user/"
  cp "$WAYLAYD" "$T/user/" 2>/dev/null
  run timeout 20 setpriv --reuid 65534 --regid 65534 --clear-groups "$T/user/waylay" run --trace mkdir --deny rmdir:ENOSPC \
    --events "file:$T/user/e.jsonl" -- sh -c "$T/user/caller-raw mkdir s:$T/user/d 0755; $T/user/caller-raw rmdir s:$T/user/d"
  assert_output "mkdir = 0
rmdir = -1 ENOSPC"
  EVENTS=$T/user/e.jsonl
  assert_event '.syscall == "mkdir" and .args.pathname == "'"$T/user/d"'"'
}

@test "a 32-bit command is traced" {
  require_caller caller32-raw
  setup_run
  run waylay_run --trace mkdir -- "$CALLERS/caller32-raw" mkdir "s:$T/d" 0755
  assert_output "mkdir = 0"
  assert_event '.arch == "i386" and .args.pathname == "'"$T/d"'"'
}

@test "bad lists are named, and nothing runs" {
  run waylay_run --trace opneat -- echo ran-all-the-same
  assert_failure
  refute_output --partial ran-all-the-same
  assert_output --partial "did you mean 'openat'"
  run waylay_run --trace mkdir
  assert_failure 2
}

@test "nothing of it stays when the command is killed" {
  timeout 20 "$WAYLAY" run --trace mkdir --events "file:$T/events.jsonl" -- sh -c "mkdir $T/started; exec sleep 1000" 3>&- &
  job=$!
  await_line "$T/events.jsonl" "$T/started"
  pkill -KILL -P "$(pgrep -P "$job" | head -n 1)" || true
  wait "$job" || true
  assert_baseline
}
