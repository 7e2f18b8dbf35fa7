# SPDX-License-Identifier: Apache-2.0
# What operators ask of listeners: waylay ps, stop and metrics.
load lib.bash

# started [OPTION...] -- ARGS...: a container of this bundle; it writes to $T/stdout.log.
started() {
  bundle "$@"
  container_create
  container_start
}

# /run/go in a bundle with --jq "$SHARE": a program that reads it goes on once the test writes to $T/share/go.
share_fifo() {
  mkdir "$T/share"
  mkfifo "$T/share/go"
  SHARE='.mounts += [{destination: "/run", type: "bind", source: "'$T'/share", options: ["bind", "rw"]}]'
}

ps_of() {
  "$WAYLAY" ps --json --config "$HOST" | jq -c ".[] | select(.id == \"$1\")"
}

# ask JSON: one question over the socket as it is, its answer on stdout.
ask() {
  python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode())
print(s.makefile().readline(), end="")' "$SOCKET" "$1"
}

@test "ps without any container, with and without a listener" {
  run "$WAYLAY" ps --config "$HOST"
  assert_success
  assert_line --index 0 --regexp '^CONTAINER +PID +ENGINE +RULES +CALLS +LOST +AGE +STATE +LISTENER$'
  [ "${#lines[@]}" = 1 ]
  start_listener
  run "$WAYLAY" ps --json --config "$HOST"
  assert_success
  assert_output "[]"
}

@test "ps shows the containers of the host's listener and of private ones" {
  local private
  share_fifo
  started --annotate log=getppid --annotate trace=mkdir --jq "$SHARE" -- \
    sh -c 'caller-threads 1 20; echo ready; read x </run/go'
  await_line "$T/stdout.log" ready
  private=$T/run/private/$ID.sock
  [ -S "$private" ]

  start_listener
  bundle --annotate log=getppid --jq "$SHARE" -- sh -c 'echo ready; read x </run/go'
  CONTAINERS+=("$ID-b")
  rt create --bundle "$BUNDLE" "$ID-b" >"$T/b.log" 2>&1
  # crun loads the filter only when the container is started.
  [ "$RUNTIME" = crun ] || assert_equal "$(ps_of "$ID-b" | jq -r .state)" starting
  rt start "$ID-b"
  await_line "$T/b.log" ready

  run ps_of "$ID"
  assert_equal "$(jq -c '[.pid, .engine, .rules, .state, .listener, .lost, .calls >= 20]' <<<"$output")" \
    "[$(container_pid),\"notify\",2,\"running\",\"$private\",0,true]"
  assert_equal "$(ps_of "$ID-b" | jq -c '[.rules, .state, .listener]')" "[1,\"running\",\"$SOCKET\"]"
  run "$WAYLAY" ps --config "$HOST"
  assert_line --regexp "^$ID +$(container_pid) notify +2 .* running +$private\$"
  assert_line --regexp "^$ID-b .* running +$SOCKET\$"
  run "$WAYLAY" ps --json --socket "$SOCKET"
  assert_equal "$(jq -r '.[].id' <<<"$output")" "$ID-b"

  rt delete --force "$ID"
  rt delete --force "$ID-b"
  assert_equal "$(ps_of "$ID")$(ps_of "$ID-b")" ""
}

@test "stop ends interception: events are written, calls get ENOSYS, denials stay, the container goes on" {
  share_fifo
  start_listener
  started --annotate trace=mkdir --annotate deny=ptrace --jq "$SHARE" -- \
    sh -c 'caller-raw mkdir s:/tmp/a 0755; echo ready; read x </run/go; caller-raw mkdir s:/tmp/b 0755
      caller-raw ptrace 0 0 0 0; echo over'
  await_line "$T/stdout.log" ready
  run "$WAYLAY" stop --config "$HOST" "$ID"
  assert_success
  assert_output --partial "container $ID: interception has ended"
  assert_event '.syscall == "mkdir" and .args.pathname == "/tmp/a"'
  assert_event '.event == "end" and (.note | startswith("stopped"))'
  assert_equal "$(ps_of "$ID")" ""
  echo >"$T/share/go"
  await_line "$T/stdout.log" over
  run cat "$T/stdout.log"
  assert_output "mkdir = 0
ready
mkdir = -1 ENOSYS
ptrace = -1 EPERM
over"
  container_finish
  refute_event '.args.pathname == "/tmp/b"'
  kill -0 "$LISTENER"
}

@test "stop gives up a call that waits for a delay, and ends a private listener" {
  share_fifo
  jq -n '{version: 1, rules: [{name: "slow", action: "delay", milliseconds: 20000, syscalls: ["mkdir"]}]}' >"$T/policies/slow.json"
  started --annotate policy=slow --jq "$SHARE" -- sh -c 'echo ready; caller-raw mkdir s:/tmp/a 0755; echo over'
  await_line "$T/stdout.log" ready
  for _ in $(seq 500); do # until the call waits
    [ "$("$WAYLAY" metrics --config "$HOST" | sed -n 's/^waylay_queue_depth{.*} //p')" != 1 ] || break
  done
  [ -S "$T/run/private/$ID.sock" ]
  run "$WAYLAY" stop --config "$HOST" "$ID"
  assert_success
  await_line "$T/stdout.log" over
  run cat "$T/stdout.log"
  assert_output "ready
mkdir = -1 ENOSYS
over"
  container_finish
  assert_event '.syscall == "mkdir" and .errno == "ENOSYS" and .note == "stopped"'
  [ ! -e "$T/run/private/$ID.sock" ]
}

@test "stop ends a worker that has a call" {
  local worker
  share_fifo
  start_listener
  started --annotate emulate=mknod --userns --jq "$SHARE" -- \
    sh -c 'caller-raw mknod s:/tmp/a 0x2180 0x103; echo ready; read x </run/go; caller-raw mknod s:/tmp/b 0x2180 0x103
      ls /tmp; echo over'
  chmod 666 "$T/share/go"
  await_line "$T/stdout.log" ready
  for worker in $(pgrep -x waylay-worker); do
    ! tr '\0' ' ' <"/proc/$worker/cmdline" | grep -qF "$T" || kill -STOP "$worker"
  done
  echo >"$T/share/go"
  for _ in $(seq 500); do
    [ "$("$WAYLAY" metrics --config "$HOST" | sed -n 's/^waylay_queue_depth{.*} //p')" != 1 ] || break
  done
  run "$WAYLAY" stop --config "$HOST" "$ID"
  assert_success
  await_line "$T/stdout.log" over
  run cat "$T/stdout.log"
  assert_output "mknod = 0
ready
mknod = -1 ENOSYS
a
over"
  container_finish
  assert_event '.syscall == "mknod" and .errno == "ENOSYS" and .note == "stopped"'
}

@test "stop of an unknown, or of a starting container is refused" {
  run "$WAYLAY" stop --config "$HOST" nosuch
  assert_failure 1
  assert_output "waylay: stop: no listener here has a container 'nosuch'; see 'waylay ps'"
  start_listener
  run "$WAYLAY" stop --config "$HOST" nosuch
  assert_failure 1
  bundle --annotate trace=mkdir -- caller-raw mkdir s:/tmp/a 0755
  container_create
  run "$WAYLAY" stop --config "$HOST" "$ID"
  assert_failure 1
  [ "$RUNTIME" = crun ] || assert_output "waylay: stop: container $ID has not started yet"
  container_start
  container_finish
  assert_event '.syscall == "mkdir"'
}

@test "metrics count calls by syscall, action and errno, also over the listener's death" {
  share_fifo
  start_listener
  started --annotate log=getppid --annotate trace=mkdir,sync --jq "$SHARE" -- \
    sh -c 'caller-raw mkdir s:/tmp/a 0755; caller-raw mkdir s:/tmp/b 0755; caller-raw 162; echo ready; read x </run/go
      caller-raw mkdir s:/tmp/c 0755; echo again; read x </run/go'
  await_line "$T/stdout.log" ready
  run "$WAYLAY" metrics --config "$HOST"
  assert_success
  assert_line "waylay_calls_total{container=\"$ID\",syscall=\"mkdir\",action=\"trace\",errno=\"\"} 2"
  assert_line "waylay_calls_total{container=\"$ID\",syscall=\"sync\",action=\"trace\",errno=\"EOPNOTSUPP\"} 1"
  assert_line "waylay_containers{listener=\"$SOCKET\"} 1"
  assert_line "waylay_queue_depth{listener=\"$SOCKET\"} 0"
  assert_line "waylay_listener_restarts_total{listener=\"$SOCKET\"} 0"
  local calls sum
  calls=$(ps_of "$ID" | jq .calls)
  sum=$("$WAYLAY" metrics --config "$HOST" | sed -n 's/^waylay_calls_total{.*} //p' | paste -sd+ | bc)
  assert_equal "$sum" "$calls"
  assert_line "waylay_call_duration_seconds_count{container=\"$ID\"} $calls"
  assert_line "waylay_call_duration_seconds_bucket{container=\"$ID\",le=\"+Inf\"} $calls"
  run bash -c 'sort <<<"$1" | uniq -d' _ "$output"
  assert_output ""

  kill -KILL "$LISTENER"
  echo >"$T/share/go"
  await_line "$T/stdout.log" again
  run "$WAYLAY" metrics --socket "$SOCKET"
  assert_line "waylay_calls_total{container=\"$ID\",syscall=\"mkdir\",action=\"trace\",errno=\"\"} 3"
  assert_line "waylay_listener_restarts_total{listener=\"$SOCKET\"} 1"
  echo >"$T/share/go"
  container_finish
}

@test "questions that are wrong are refused with the reason" {
  start_listener
  run ask '{"waylay-control": {"version": 1, "do": "dance"}}'
  assert_output '{"error":"waylay-control: unknown \"do\"; known are metrics, ps, stop","errno":22}'
  run ask '{"waylay-control": {"version": 2, "do": "ps"}}'
  assert_output --partial "version 1 only is known here"
  run ask '{"waylay-control": {"do": "ps"}}'
  assert_output --partial "must be there"
  run ask '{"waylay-control": {"version": 1, "do": "ps", "from": -1}}'
  assert_output --partial "0 to "
  run ask '{"waylay-control": 5}'
  assert_output --partial "should be an object"
  run ask '{"waylay-control": {"version": 1, "do": "stop"}}'
  assert_output --partial 'stop: \"container\" is missing'
  run ask '{"waylay-control": {"version": 1, "do": "ps", "else": 1}}'
  assert_output --partial '"error":'
  kill -0 "$LISTENER"
}

@test "another user's listener or question is nobody's business" {
  start_listener
  chmod 711 "$T/run"
  cp "$WAYLAY" "$T/waylay"
  run setpriv --reuid 65534 --clear-groups "$T/waylay" ps --socket "$SOCKET"
  assert_failure 1
  assert_output --partial "Permission denied"
}
