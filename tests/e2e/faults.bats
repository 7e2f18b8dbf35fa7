# SPDX-License-Identifier: Apache-2.0
# What dies, lies or is forged: the container does not start, at once, or its rules hold.
load lib.bash

fake_listener() {
  python3 "$BATS_TEST_DIRNAME/fake-listener.py" "$SOCKET" "$@" >"$T/fake.log" 2>&1 3>&- &
  "$CALLERS/caller-await" 5 file "$SOCKET"
}

# Adds a hook of the given kind that kills the installer, after ours.
with_killer() {
  cat >"$T/killer" <<SCRIPT
#!/bin/sh
for pid in \$(pgrep -f 'waylay-(hook|install).*$T'); do kill -9 \$pid; done
echo \$? >$T/killed
SCRIPT
  chmod 755 "$T/killer"
  jq --arg kind "$1" --arg path "$T/killer" '.hooks[$kind] += [{path: $path}]' "$BUNDLE/config.json" >"$BUNDLE/new"
  mv "$BUNDLE/new" "$BUNDLE/config.json"
}

@test "the installer is killed right after the hook: init dies with it and the runtime says so" {
  bundle --annotate trace=mkdir -- mkdir /tmp/ran
  with_killer createRuntime
  run container_run
  assert_failure
  assert [ -e "$T/killed" ]
  assert [ ! -s "$EVENTS" ]
  assert_baseline
}

@test "the installer is killed between create and start: init dies with it and start says so" {
  bundle --annotate trace=mkdir -- mkdir /tmp/ran
  container_create
  init=$(container_pid)
  kill -9 "$(installer)"
  "$CALLERS/caller-await" 5 exit "$init" # EXITKILL
  run container_start
  assert_failure
  refute_event .syscall
  rt delete --force "$ID"
  assert_baseline
}

@test "the installer is killed at any moment: the container runs with its rules or not at all" {
  local i job
  bundle --annotate deny=mkdir:ENOSPC --annotate trace=mkdir -- caller-raw mkdir s:/tmp/d 0755
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    ID=${ID%-k*}-k$i
    CONTAINERS+=("$ID")
    rt run --bundle "$BUNDLE" "$ID" >"$T/stdout.log" 2>"$T/stderr.log" &
    job=$!
    # The later in the loop the later the kill: each round waits for some more looks at the process table.
    for _ in $(seq "$i"); do installer >"$T/pid"; done
    until [ -s "$T/pid" ] || ! kill -0 $job 2>/dev/null; do installer >"$T/pid"; done
    [ ! -s "$T/pid" ] || kill -9 "$(cat "$T/pid")" 2>/dev/null || true
    wait $job || true
    run cat "$T/stdout.log"
    [ -z "$output" ] || assert_output "mkdir = -1 ENOSPC"
    rt delete --force "$ID" 2>/dev/null || true
  done
}

@test "a listener that refuses the policy: one line with its reason, and no container" {
  fake_listener "error:no room for you"
  bundle --annotate trace=mkdir -- mkdir /tmp/ran
  run container_run
  assert_failure
  assert_output --partial "no room for you"
}

@test "a listener that refuses the fd: the runtime's own error about the filter, and the reason" {
  fake_listener ok "error:no room for the fd"
  bundle --annotate trace=mkdir -- mkdir /tmp/ran
  run container_run
  assert_failure
  assert_output --partial "seccomp"
  assert_output --partial "no room for the fd"
  run cat "$T/run/failed/$ID"
  assert_output --partial "no room for the fd"
  run "$WAYLAY" doctor --config "$HOST"
  assert_line --regexp "^note +failed $ID +.*no room for the fd"
}

@test "a listener that goes away in the middle: another one takes the container" {
  fake_listener ok close
  bundle --annotate trace=mkdir -- caller-raw mkdir s:/tmp/ran 0755
  run container_run
  assert_success
  assert_output "mkdir = 0"
  assert_event '.args.pathname == "/tmp/ran"'
}

@test "a listener that goes away in the middle, and no other to be had: the container does not start" {
  fake_listener ok close
  host_config '.state_dir = "/proc/nowhere"'
  bundle --annotate trace=mkdir -- caller-raw mkdir s:/tmp/ran 0755
  run container_run
  assert_failure
  refute_output --partial "mkdir ="
  assert_output --partial "waylay"
}

@test "a listener that never answers: an end after a deadline, not a hang" {
  fake_listener hang
  bundle --annotate trace=mkdir -- mkdir /tmp/ran
  run container_run
  assert_failure
  [ "$status" != 124 ] || fail "the runtime hung for 30 s"
}

@test "a listener that never acknowledges the fd: an end after a deadline, not a hang" {
  fake_listener ok hang
  bundle --annotate trace=mkdir -- mkdir /tmp/ran
  run container_run
  assert_failure
  [ "$status" != 124 ] || fail "the runtime hung for 30 s"
}

@test "the end of the set-up phase cannot be forged: every rule holds below a forged interpreter" {
  local rootfs=$T/forged interp
  cp -a "$ROOTFS" "$rootfs"
  interp=$(readelf -p .interp "$(command -v "$RUNTIME")" | grep -o '/lib.*')
  mkdir -p "$rootfs$(dirname "$interp")"
  cp "$CALLERS/caller-forged-ld" "$rootfs$interp"
  bundle --rootfs "$rootfs" --annotate trace=mkdir --annotate deny=chmod:ENOSPC -- /proc/self/exe
  run container_run
  assert_line "forged interpreter"
  assert_line "mkdir = 0"
  assert_line "chmod = -28"
  assert_event '.syscall == "mkdir" and .args.pathname == "/tmp/forged"'
}

@test "when the listener dies the denied stays denied and the observed fails, never passes" {
  start_listener
  bundle --annotate trace=mkdir,mknod --annotate deny=chmod:ENOSPC --annotate on-listener-loss=enosys -- sh -c 'mkdir /tmp/started
    while [ ! -e /tmp/go ]; do caller-raw sched_yield >/dev/null; done
    caller-raw chmod s:/tmp 0755; caller-raw mkdir s:/tmp/d 0755; caller-raw mknod s:/tmp/n 0x2180 0x103; caller-own-listener'
  container_create
  container_start
  await_line "$EVENTS" /tmp/started
  kill_all_listeners
  touch "/proc/$(container_pid)/root/tmp/go"
  container_finish || true
  run cat "$T/stdout.log"
  assert_line "chmod = -1 ENOSPC"
  assert_line "mkdir = -1 ENOSYS"
  refute_line "mknod = 0"
  assert_line "listener = EBUSY"
}

@test "the listener is killed and comes back: the container notices nothing" {
  start_listener
  bundle --annotate trace=mkdir -- sh -c 'mkdir /tmp/started
    while [ ! -e /tmp/go ]; do caller-raw sched_yield >/dev/null; done
    for i in 1 2 3 4 5 6 7 8; do caller-raw mkdir s:/tmp/d$i 0755; done'
  container_create
  container_start
  await_line "$EVENTS" /tmp/started
  kill -9 "$LISTENER"
  touch "/proc/$(container_pid)/root/tmp/go"
  container_finish
  run cat "$T/stdout.log"
  assert_equal "$(grep -c 'mkdir = 0' "$T/stdout.log")" 8
  assert_equal "$(events '.args.pathname // "" | startswith("/tmp/d")' | wc -l)" 8
}
