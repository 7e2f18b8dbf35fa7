# SPDX-License-Identifier: Apache-2.0
# The host's listener: runtimes' own listenerPath, many containers, hostile peers.
load lib.bash

# A profile that notifies these calls to the listener by the runtime itself.
notify_profile() {
  jq -n --arg path "$SOCKET" '{defaultAction: "SCMP_ACT_ALLOW", listenerPath: $path,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_NOTIFY"}]}' --args "$@" >"$T/notify.json"
}

@test "listenerPath: the runtime itself hands over, --policy applies" {
  start_listener --policy "$EXAMPLES/mknod-default.json"
  notify_profile mknod mknodat
  bundle --userns --no-hook --no-events --profile "$T/notify.json" -- sh -c \
    'caller-raw mknod s:/tmp/null 0x2180 0x103; caller-raw mknod s:/tmp/mem 0x2180 0x101; ls -l /tmp'
  run container_run
  assert_line --index 0 "mknod = 0"
  assert_line --index 1 "mknod = -1 EPERM"
  assert_line --regexp '^c.* 1, +3 .*null$'
}

@test "listenerPath: events of --events, and exec is covered" {
  start_listener --policy "$EXAMPLES/trace-all.json" --events "file:$OUT/all.jsonl"
  notify_profile mkdir
  bundle --no-hook --no-events --profile "$T/notify.json" -- sh -c 'caller-raw mkdir s:/tmp/started 0755; sleep 1000'
  container_create
  container_start
  EVENTS=$OUT/all.jsonl
  await_line "$EVENTS" /tmp/started
  run rt exec "$ID" caller-raw mkdir s:/tmp/by-exec 0755
  assert_output "mkdir = 0"
  await_line "$EVENTS" /tmp/by-exec
  rt kill "$ID" KILL
  container_finish
  assert_event '.container == "'"$ID"'" and .args.pathname == "/tmp/by-exec"'
}

@test "listenerPath without a policy: the listener says what is missing, the calls fail" {
  start_listener
  notify_profile mkdir
  bundle --no-hook --no-events --profile "$T/notify.json" -- caller-raw mkdir s:/tmp/d 0755
  run container_run
  assert_output "mkdir = -1 ENOSYS"
  await_line "$T/waylayd.log" "container $ID: no policy came with its notification fd"
  await_line "$T/waylayd.log" "--policy"
}

@test "many containers at once: each has its own answers and its own events" {
  local i jobs=() before
  start_listener
  before=$(fds_of "$LISTENER")
  for i in $(seq 12); do
    BUNDLE=$T/bundle$i
    mkdir "$BUNDLE"
    bundle --annotate trace=mkdir --annotate log=getppid -- sh -c "caller-raw mkdir s:/tmp/box$i 0755; caller-threads 2 50"
    CONTAINERS+=("$ID-$i")
    rt run --bundle "$BUNDLE" "$ID-$i" >"$T/out$i.log" 2>&1 &
    jobs+=($!)
  done
  for i in "${jobs[@]}"; do wait "$i"; done
  for i in $(seq 12); do
    run cat "$T/out$i.log"
    assert_output "mkdir = 0
100 calls, 0 wrong"
    EVENTS=$LOG_DIR/$ID-$i/events.jsonl
    assert_equal "$(events '.syscall == "mkdir"' | jq -c '[.container, .args.pathname]')" "[\"$ID-$i\",\"/tmp/box$i\"]"
    assert_equal "$(events '.syscall == "getppid" and .comm == "caller-threads"' | wc -l)" 101
  done
  assert_equal "$(fds_of "$LISTENER")" "$before"
}

@test "hostile and slow peers harm nobody else, and leave nothing behind" {
  local kind before peers=() fds=()
  start_listener
  before=$(fds_of "$LISTENER")
  for kind in garbage idle half byte-by-byte huge deep no-listener-fd many-fds twice evil-id no-fd; do
    mkfifo "$T/$kind.in"
    python3 "$BATS_TEST_DIRNAME/fake-peers.py" "$SOCKET" "$kind" 20 <"$T/$kind.in" >"$T/$kind.peer" 2>&1 3>&- &
    peers+=($!)
    exec {fd}>"$T/$kind.in"
    fds+=("$fd")
    await_line "$T/$kind.peer" ready
  done
  kill -0 "$LISTENER"

  bundle --annotate trace=mkdir --annotate emulate=mknod --userns -- sh -c 'caller-raw mkdir s:/tmp/d 0755; caller-raw mknod s:/tmp/null 0x2180 0x103'
  run container_run
  assert_output "mkdir = 0
mknod = 0"
  assert_event '.syscall == "mkdir"'

  for fd in "${fds[@]}"; do exec {fd}>&-; done
  for pid in "${peers[@]}"; do wait "$pid" || true; done
  for kind in garbage huge deep no-listener-fd many-fds twice evil-id no-fd; do
    run grep -c silent "$T/$kind.peer"
    assert_output 0
    run grep '"ok":true' "$T/$kind.peer"
    assert_output ""
  done
  kill -0 "$LISTENER"
  assert_equal "$(fds_of "$LISTENER")" "$before"
}

@test "another user cannot speak to the socket" {
  start_listener
  assert_equal "$(stat -c %a "$SOCKET")" 600
  cp "$CALLERS/caller-await" "$T/"
  run setpriv --reuid 65534 --clear-groups "$T/caller-await" 0.3 socket "$SOCKET"
  assert_failure 1
}

@test "SIGTERM ends the listener, with its socket" {
  start_listener
  kill -TERM "$LISTENER"
  "$CALLERS/caller-await" 5 exit "$LISTENER"
  assert [ ! -e "$SOCKET" ]
}

@test "two listeners on one socket: the second one says who is there" {
  start_listener
  run "$WAYLAYD" --socket "$SOCKET" --config "$HOST"
  assert_failure 1
  assert_output --partial "another listener is there"
}
