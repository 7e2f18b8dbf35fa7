# SPDX-License-Identifier: Apache-2.0
# The hook route: in every start case one merged filter, the override heard, the rest as the profile says.
load lib.bash

# Says what the policy and the profile make of four calls, and how many filters there are.
PROBE='grep -E "^(Seccomp_filters|NoNewPrivs):" /proc/self/status | tr "\t" " "
caller-raw swapon s:/nothing 0
caller-raw mknod s:/tmp/n 0x2180 0x103
caller-raw mkdir s:/tmp/d 0755
caller-raw rmdir s:/tmp/d
echo fds $(ls /proc/self/fd | wc -w)
exit 7'

override_policy() {
  jq -n '{version: 1, rules: [{name: "answer", action: "return", value: 42, syscalls: ["swapon"]},
    {name: "see", action: "trace", syscalls: ["swapon", "mkdir"]}]}' >"$T/policies/override.json"
}

# probed PROFILE NNP OUTPUT: what the container must have said.
assert_probe() {
  local profile=$1 nnp=$2 mknod="mknod = -1 EPERM"
  [ "$profile" = small ] || mknod=
  [ "$nnp" = true ] && assert_line "NoNewPrivs: 1" || assert_line "NoNewPrivs: 0"
  assert_line "Seccomp_filters: 1"
  assert_line "swapon = 42"
  [ -z "$mknod" ] || assert_line "$mknod"
  assert_line "mkdir = 0"
  assert_line "rmdir = 0"
  # 0 1 2 and the folder that ls reads: nothing of ours stayed open.
  assert_line "fds 4"
}

assert_probe_events() {
  assert_event '.syscall == "swapon" and .return == 42 and .decision != "profile"'
  assert_event '.syscall == "mkdir" and .args.pathname == "/tmp/d" and .action == "trace"'
  refute_event '.syscall == "rmdir"'
}

# starts MODE PROFILE NNP [--userns]
starts() {
  local mode=$1 profile=$2 nnp=$3
  shift 3
  override_policy
  bundle --profile "$profile" --nnp "$nnp" --annotate policy=override "$@" -- sh -c "$PROBE"
  if [ "$mode" = run ]; then
    run container_run
    assert_failure 7
  else
    container_create
    container_start
    container_finish
    run cat "$T/stdout.log"
  fi
  assert_probe "$profile" "$nnp"
  assert_probe_events
}

@test "run: no profile, no_new_privs" { starts run none true; }
@test "run: no profile, new privileges" { starts run none false; }
@test "run: no profile, no_new_privs, user namespace" { starts run none true --userns; }
@test "run: no profile, new privileges, user namespace" { starts run none false --userns; }
@test "run: small profile, no_new_privs" { starts run small true; }
@test "run: small profile, new privileges" { starts run small false; }
@test "run: small profile, no_new_privs, user namespace" { starts run small true --userns; }
@test "run: small profile, new privileges, user namespace" { starts run small false --userns; }
@test "run: podman's profile, no_new_privs" { starts run podman true; }
@test "run: podman's profile, new privileges" { starts run podman false; }
@test "run: podman's profile, no_new_privs, user namespace" { starts run podman true --userns; }
@test "run: podman's profile, new privileges, user namespace" { starts run podman false --userns; }
@test "create and start: no profile, no_new_privs" { starts create none true; }
@test "create and start: no profile, new privileges" { starts create none false; }
@test "create and start: no profile, no_new_privs, user namespace" { starts create none true --userns; }
@test "create and start: no profile, new privileges, user namespace" { starts create none false --userns; }
@test "create and start: small profile, no_new_privs" { starts create small true; }
@test "create and start: small profile, new privileges" { starts create small false; }
@test "create and start: small profile, no_new_privs, user namespace" { starts create small true --userns; }
@test "create and start: small profile, new privileges, user namespace" { starts create small false --userns; }
@test "create and start: podman's profile, no_new_privs" { starts create podman true; }
@test "create and start: podman's profile, new privileges" { starts create podman false; }
@test "create and start: podman's profile, no_new_privs, user namespace" { starts create podman true --userns; }
@test "create and start: podman's profile, new privileges, user namespace" { starts create podman false --userns; }

@test "between create and start the installer waits, small and with nothing of the caller's open" {
  local pid fd
  override_policy
  bundle --annotate policy=override -- sh -c "$PROBE"
  container_create
  pid=$(installer)
  [ -n "$pid" ] || fail "no installer: $(strays)"
  # Seconds may pass here: nothing of it may depend on time.
  "$CALLERS/caller-await" 2 file "$T/never" || true
  kill -0 "$pid"
  for fd in "/proc/$pid/fd/"[012]; do
    assert_equal "$(readlink "$fd")" /dev/null
  done
  assert_equal "$(readlink "/proc/$pid/cwd")" /
  assert_equal "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
  container_start
  container_finish
  run cat "$T/stdout.log"
  assert_probe small true
  assert_probe_events
}

@test "a container without annotations of ours is left alone" {
  bundle --no-events -- sh -c 'grep Seccomp_filters /proc/self/status | tr "\t" " "; caller-raw mknod s:/tmp/n 0x2180 0x103; exit 3'
  run container_run
  assert_failure 3
  assert_output "Seccomp_filters: 1
mknod = -1 EPERM"
  assert [ ! -e "$LOG_DIR/$ID" ]
}

@test "the runtime reports state and exit as without waylay" {
  override_policy
  bundle --annotate policy=override -- sh -c 'read -r line < /tmp/never-there; kill -9 $$'
  container_create
  run rt state "$ID"
  assert_output --partial '"status": "created"'
  container_start
  container_finish
  run ! rt state "$ID"
}

@test "a container that is deleted before its start leaves nothing behind" {
  override_policy
  bundle --annotate policy=override -- true
  container_create
  rt delete --force "$ID"
  assert_baseline
}

@test "a container that is killed while it runs leaves nothing behind" {
  override_policy
  bundle --annotate policy=override -- sh -c 'mkdir /tmp/started; exec sleep 1000'
  container_create
  container_start
  await_line "$EVENTS" /tmp/started
  rt kill "$ID" KILL
  container_finish
  assert_baseline
}

@test "exec into the container has the profile's filter and says so once in the events" {
  override_policy
  bundle --annotate policy=override -- sh -c 'mkdir /tmp/started; exec sleep 1000'
  container_create
  container_start
  await_line "$EVENTS" /tmp/started
  run rt exec "$ID" caller-raw swapon s:/nothing 0
  assert_output --partial "swapon = -1 EPERM"
  rt kill "$ID" KILL
  container_finish
}

# What a program can see of itself: signals, capabilities, seccomp, limits, fds, environment, mounts.
SELF='grep -E "^(SigBlk|SigIgn|SigCgt|SigPnd|Shd|Cap|NoNew|Seccomp|Spec|Umask|TracerPid|Uid|Gid|Groups)" /proc/self/status
cat /proc/self/limits /proc/self/oom_score_adj; env; ls -l /proc/self/fd | sed "s/.*-> //; s/[0-9]*//g"; cut -d" " -f4- /proc/self/mountinfo'

# looks_the_same OPTION...: with and without the hook.
looks_the_same() {
  local kind
  for kind in without with; do
    if [ $kind = with ]; then
      bundle "$@" --annotate trace=mkdir -- sh -c "$SELF"
    else
      bundle "$@" --no-hook --no-events -- sh -c "$SELF"
    fi
    ID=${ID%-*}-$kind
    container_create
    container_start
    container_finish
    # Traces of the test itself: names of its files and of the container's namespaces.
    sed "s/$ID/ID/g" "$T/stdout.log" >"$T/$kind"
  done
  run diff -u "$T/without" "$T/with"
  assert_success
}

@test "a program sees no difference: small profile" { looks_the_same --profile small; }
@test "a program sees no difference: small profile, new privileges" { looks_the_same --profile small --nnp false; }
@test "a program sees no difference: podman's profile, user namespace" { looks_the_same --profile podman --userns; }
@test "a program sees no difference: podman's profile, user namespace, new privileges" { looks_the_same --profile podman --userns --nnp false; }
@test "a program sees no difference: an unprivileged user" { looks_the_same --profile podman --uid 1000 --caps '[]'; }

@test "while it waits the installer takes less than 400 KiB of its own" {
  local kb
  override_policy
  bundle --profile podman --annotate policy=override -- true
  container_create
  kb=$(awk '/^Private_Dirty:/ { print $2 }' "/proc/$(installer)/smaps_rollup")
  [ "$kb" -lt 400 ] || fail "the installer holds $kb KiB"
  container_start
  container_finish
}

@test "a host that wants exec covered refuses the hook route and names the other" {
  host_config '.require_exec_coverage = true'
  bundle --annotate trace=mkdir -- echo ran-all-the-same
  run container_run
  assert_failure
  refute_output --partial ran-all-the-same
  assert_output --partial require_exec_coverage
}
