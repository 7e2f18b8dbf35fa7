# SPDX-License-Identifier: Apache-2.0
# Bad input, and what it gets: the container does not start, at once, with one line that names object,
# value and remedy.
load lib.bash

# refused MESSAGE...: the bundle does not start; the runtime passes on one line of ours with these texts, in
# time.
refused() {
  local from=$SECONDS text
  run container_run
  assert_failure
  [ $((SECONDS - from)) -lt 10 ] || fail "that took $((SECONDS - from)) s"
  refute_output --partial ran-all-the-same
  output=${output//\\\"/\"} # runc quotes it
  for text in waylay "$@"; do assert_output --partial "$text"; done
  assert [ "$(grep -c "$1" <<<"$output")" -le 2 ] # runc says it twice
}

# asked KEY=VALUE...: a container with these annotations.
asked() {
  local options=() note
  for note in "$@"; do options+=(--annotate "$note"); done
  bundle "${options[@]}" -- echo ran-all-the-same
}

policy() {
  cat >"$T/policies/test.json"
}

@test "an unknown annotation lists the valid ones" {
  asked tarce=mkdir
  refused "dev.waylay.tarce"
  for key in trace log deny kill emulate policy events; do assert_output --partial "$key"; done
}

@test "an unknown syscall is named with its place and the closest known one" {
  asked "trace=mkdir, opneat"
  refused "waylay-hook: annotation dev.waylay.trace: position 8: unknown syscall 'opneat'; did you mean 'openat'?"
}

@test "an unknown group lists the known ones" {
  asked "trace=@flie"
  refused "waylay-hook: annotation dev.waylay.trace: position 1: " "@file"
}

@test "a malformed list" {
  asked "trace=mkdir,,rmdir"
  refused "waylay-hook: annotation dev.waylay.trace: position 7: "
}

@test "a malformed condition points at the column" {
  asked "trace=mkdir[mode & ]"
  refused "waylay-hook: annotation dev.waylay.trace: position 1: condition 'mode & ': column 8: the condition ends too early"
}

@test "a condition on an argument that the call does not have names those it has" {
  asked "trace=mkdir[flags == 1]"
  refused "mkdir has no argument 'flags'; it has pathname, mode"
}

@test "a deny with a condition on memory is refused" {
  asked 'deny=mkdir[pathname ~ "/tmp/*"]'
  refused "waylay-hook: annotation dev.waylay.deny: position 1: " "memory"
}

@test "a policy file with a wrong type: line and column" {
  policy <<'JSON'
{
  "version": 1,
  "rules": [ { "action": "trace", "syscalls": 7 } ]
}
JSON
  asked policy=test
  refused "waylay-hook: annotation dev.waylay.policy: $T/policies/test.json: line 3, column 47: \"syscalls\" is an integer, and should be a string or an array"
}

@test "a policy file that is not there" {
  asked policy=nowhere
  refused "nowhere"
}

@test "a policy's name is no path" {
  echo '{"version": 1, "rules": []}' >"$T/outside.json"
  asked policy=../outside
  refused "../outside"
}

@test "rules that do not fit beside the profile: the hook says so before init is touched" {
  policy <<<"{\"version\": 1, \"rules\": [{\"action\": \"deny\", \"name\": \"many\", \"syscalls\": [$(
    seq 1 3900 | sed 's/.*/"openat[mode == &]"/' | paste -sd,)]}]}"
  bundle --profile podman --annotate policy=test -- echo ran-all-the-same
  run container_run
  assert_failure
  assert_output --partial "waylay-hook: "
  assert_output --partial "many"
  assert_output --partial "4096"
  refute_output --partial "error loading seccomp filter"
  assert_baseline
}

@test "an annotation above the host's cap: key, value and cap" {
  host_builtin
  asked emulate=mknod
  refused "mknod" "$HOST"
}

# The built-in cap, with this test's folders.
host_builtin() {
  jq -n --arg t "$T" '{version: 1, log_dir: ($t + "/log"), policy_dir: ($t + "/policies"), socket: ($t + "/waylay.sock"), state_dir: ($t + "/run")}' >"$HOST"
}

@test "the cap is the listener's too: whoever hands over" {
  host_builtin
  start_listener
  jq -n --arg t "$T" '{version: 1, log_dir: ($t + "/log"), socket: ($t + "/waylay.sock"), state_dir: ($t + "/run")}' >"$T/hook.json"
  jq --slurpfile p "$EXAMPLES/host-permissive.json" '$p[0] + .' "$T/hook.json" >"$T/permissive.json"
  bundle --config "$T/permissive.json" --annotate emulate=mknod -- echo ran-all-the-same
  refused "mknod"
}

@test "a configuration that others can write is refused" {
  chmod 666 "$HOST"
  asked trace=mkdir
  refused "$HOST"
}

@test "no listener, and none can be started" {
  host_config '.state_dir = "/proc/nowhere"'
  asked trace=mkdir
  refused "/proc/nowhere"
}

@test "a host's socket that nobody can reach is no reason to run without a listener" {
  echo "no socket" >"$SOCKET"
  asked trace=mkdir
  run container_run
  assert_success
  assert_event '.event == "start"'
}

@test "a profile with somebody else's listenerPath" {
  # crun connects to it before the hook runs.
  python3 "$BATS_TEST_DIRNAME/fake-listener.py" "$T/other.sock" hang >"$T/fake.log" 2>&1 3>&- &
  "$CALLERS/caller-await" 5 socket "$T/other.sock"
  jq -n --arg path "$T/other.sock" '{defaultAction: "SCMP_ACT_ALLOW", listenerPath: $path,
    syscalls: [{names: ["mknod"], action: "SCMP_ACT_NOTIFY"}]}' >"$T/other.json"
  bundle --profile "$T/other.json" --annotate trace=mkdir -- echo ran-all-the-same
  refused "listenerPath"
}

@test "a denied call that the runtime still needs is named" {
  asked deny=execve
  refused "'execve'"
}

@test "events outside the allowed folders" {
  asked "events=file:/var/tmp/$ID.jsonl" trace=mkdir
  refused "/var/tmp/$ID.jsonl" "output_dirs"
  assert [ ! -e "/var/tmp/$ID.jsonl" ]
}

@test "events that climb out of their folder" {
  asked "events=file:../../$ID.jsonl" trace=mkdir
  refused "../../$ID.jsonl"
  assert [ ! -e "$T/$ID.jsonl" ]
}

@test "events through a symbolic link" {
  ln -s /var/tmp "$OUT/link"
  asked "events=file:$OUT/link/$ID.jsonl" trace=mkdir
  refused "link"
  assert [ ! -e "/var/tmp/$ID.jsonl" ]
}

@test "events over a file that waylay did not make" {
  echo precious >"$OUT/precious"
  asked "events=file:$OUT/precious" trace=mkdir
  run container_run
  assert_failure
  assert_equal "$(cat "$OUT/precious")" precious
}

@test "a kernel without pidfd_getfd: the call is named" {
  jq -n '{version: 1, rules: [{action: "deny", errno: "ENOSYS", syscalls: ["pidfd_getfd"]}]}' >"$T/old-kernel.json"
  asked trace=mkdir
  CONTAINERS+=("$ID")
  # An older kernel, made by a filter of our own around the runtime.
  WRAP=("$WAYLAY" run --policy "$T/old-kernel.json" --)
  run timeout 20 unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' sh \
    "${WRAP[@]}" "$RUNTIME" --root "$T/state" run --bundle "$BUNDLE" "$ID" <"$T/empty"
  assert_failure
  refute_output --partial ran-all-the-same
  assert_output --partial "unction not implemented"
  run cat "$T/run/failed/$ID"
  assert_output --regexp "take the notification fd out of init: Function not implemented"
}

# ---- the hook by itself --------------------------------------------------------------------------

# hook_says STATUS MESSAGE, with the state on stdin.
hook_says() {
  local status=$1 message=$2
  run timeout 10 "$HOOK" --config "$HOST"
  assert_failure "$status"
  assert_output "waylay-hook: $message"
}

@test "the hook run by hand says what it is" {
  run timeout 10 "$HOOK" --config "$HOST" </dev/null
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --partial "waylay-hook: "
  assert_output --partial "state"
}

@test "a state that is cut off" {
  run timeout 10 "$HOOK" --config "$HOST" <<<'{"ociVersion": "1.0.2", "id": "x", "pi'
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --regexp 'waylay-hook: .*state.*line [12], column'
}

@test "a state that is not JSON" {
  run timeout 10 "$HOOK" --config "$HOST" <<<'hello'
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --regexp 'waylay-hook: .*state.*line 1, column 1'
}

@test "a state that is huge" {
  run timeout 10 "$HOOK" --config "$HOST" < <(head -c 3000000 /dev/zero | tr '\0' ' ')
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --partial "waylay-hook: "
}

@test "a state that names a dead process" {
  asked trace=mkdir
  run timeout 10 "$HOOK" --config "$HOST" <<<'{"ociVersion": "1.0.2", "id": "x", "status": "creating", "pid": 4194200, "bundle": "'"$BUNDLE"'"}'
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --partial "4194200"
}

@test "a state with an id that is a path" {
  asked trace=mkdir
  run timeout 10 "$HOOK" --config "$HOST" <<<'{"ociVersion": "1.0.2", "id": "../x", "status": "creating", "pid": 1, "bundle": "'"$BUNDLE"'"}'
  assert_failure
  [ "${#lines[@]}" = 1 ]
  assert_output --partial "../x"
}

@test "bad usage of hook and listener is one line and exit status 2" {
  run "$HOOK" --frobnicate </dev/null
  assert_failure 2
  [ "${#lines[@]}" = 1 ]
  assert_output --partial -- "--frobnicate"
  run "$WAYLAYD" --frobnicate </dev/null
  assert_failure 2
  [ "${#lines[@]}" = 1 ]
  assert_output --partial -- "--frobnicate"
  run "$WAYLAYD" --socket
  assert_failure 2
  [ "${#lines[@]}" = 1 ]
  assert_output --partial -- "socket"
  run "$WAYLAYD" stray-word
  assert_failure 2
  [ "${#lines[@]}" = 1 ]
  assert_output --partial -- "stray-word"
}

@test "the listener names what is wrong with its policy, its events and its configuration" {
  echo '{"version": 1, "rules": [{"action": "trcae", "syscalls": "mkdir"}]}' >"$T/bad.json"
  run timeout 10 "$WAYLAYD" --socket "$SOCKET" --config "$HOST" --policy "$T/bad.json"
  assert_failure 1
  assert_output --partial "$T/bad.json"
  run timeout 10 "$WAYLAYD" --socket "$SOCKET" --config "$T/none.json"
  assert_failure 1
  assert_output --partial "$T/none.json"
  run timeout 10 "$WAYLAYD" --socket "$SOCKET" --config "$HOST" --events carrier-pigeon
  assert_failure
  assert_output --partial "carrier-pigeon"
}
