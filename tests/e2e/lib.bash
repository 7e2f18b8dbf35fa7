# SPDX-License-Identifier: Apache-2.0
# What every end-to-end test stands on: a bundle from options, the runtimes, listeners, events, and the
# baseline that must be there again after each test.
#
# Environment: RUNTIME (runc, crun; given by tests/e2e/meson.build), WAYLAY_BUILD (the build folder).
bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load.bash
load /usr/lib/bats/bats-assert/load.bash

SOURCE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${WAYLAY_BUILD:-$SOURCE/build}
RUNTIME=${RUNTIME:-runc}
HOOK=$BUILD/hook/waylay-hook
WAYLAY=$BUILD/hook/waylay
WAYLAYD=$BUILD/plugin/waylayd
CALLERS=$BUILD/tests/callers
EXAMPLES=$SOURCE/specs/examples
# A sanitized program reports by its exit status; leaks need ptrace, which hooks may be under.
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1

# ---- set-up and baseline -------------------------------------------------------------------------

# Not below the runner's own temporary folder: that is 0700, and uid 100000 must get through.
make_rootfs() {
  local dir name
  ROOTFS=$(mktemp -d /tmp/waylay-e2e-rootfs.XXXXXX)
  chmod 755 "$ROOTFS"
  for dir in bin dev etc proc sys tmp run var callers; do mkdir "$ROOTFS/$dir"; done
  # runc gives a tmpfs the mode of the directory that it is mounted over, whatever its options say.
  chmod 1777 "$ROOTFS/tmp"
  cp /bin/busybox "$ROOTFS/bin/busybox"
  chroot "$ROOTFS" /bin/busybox --install -s /bin
  for name in "$CALLERS"/caller*; do
    [ -f "$name" ] || continue
    cp "$name" "$ROOTFS/callers/$(basename "$name")"
  done
  echo "root:x:0:0:root:/:/bin/sh" >"$ROOTFS/etc/passwd"
  export ROOTFS
}

setup_file() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  make_rootfs
}

teardown_file() {
  [ -z "$ROOTFS" ] || rm -rf "$ROOTFS"
}

setup() {
  T=$(mktemp -d "/tmp/waylay-e2e.XXXXXX")
  chmod 755 "$T"
  ID=e2e-$RUNTIME-${T##*.}
  BUNDLE=$T/bundle
  LOG_DIR=$T/log
  EVENTS=$LOG_DIR/$ID/events.jsonl
  SOCKET=$T/waylay.sock
  HOST=$T/host.json
  OUT=$T/out
  mkdir "$BUNDLE" "$OUT" "$T/policies" "$T/state" "$T/run"
  : >"$T/empty"
  host_config
  CONTAINERS=()
}

# host_config [JQ-FILTER]: the permissive example, with every path inside this test's folder.
host_config() {
  jq --arg t "$T" '. + {log_dir: ($t + "/log"), output_dirs: [$t + "/out"],
    policy_dir: ($t + "/policies"), socket: ($t + "/waylay.sock"), state_dir: ($t + "/run")}'" | ${1:-.}" \
    "$EXAMPLES/host-permissive.json" >"$HOST"
}

# Processes that carry this test's folder in their command line, other than this shell's own.
strays() {
  local pid
  for pid in $(pgrep -f -- "$T" || true); do
    [ "$pid" = "$$" ] || [ "$pid" = "$BASHPID" ] || [ "$(ps -o ppid= -p "$pid" | tr -d ' ')" = "$BASHPID" ] ||
      echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
  done
}

# Everything of this test has gone: no process, no container state, no mount. Without `set -e`: bats runs
# teardown as part of a condition.
assert_baseline() {
  local line bad=0
  while read -r line; do
    [ -n "$line" ] || continue
    "$CALLERS/caller-await" 3 exit "${line%% *}" || { echo "stray process: $line"; bad=1; }
  done <<<"$(strays)"
  if grep -F "$T" /proc/self/mountinfo; then echo "mounts are left"; bad=1; fi
  if [ -n "$(ls -A "$T/state")" ]; then echo "state is left: $(ls -A "$T/state")"; bad=1; fi
  return $bad
}

# Ends the host's listeners of this test as their service manager would.
stop_listeners() {
  local pid bad=0 _
  while read -r pid _; do
    kill -TERM "$pid" 2>/dev/null || continue
    "$CALLERS/caller-await" 5 exit "$pid" || { echo "listener $pid ignores SIGTERM"; bad=1; }
  done < <(strays | grep -E -e 'waylayd .*--socket '"$SOCKET" -e 'fake-listener' | grep -v -e --keeper-fd)
  return $bad
}

teardown() {
  local status=0 pid _
  if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
    for f in "$T"/*.log "$LOG_DIR"/*/* "$T"/run/failed/*; do
      [ -f "$f" ] && { echo "---- $f"; tail -n 40 "$f"; }
    done
  fi
  for id in "${CONTAINERS[@]}"; do
    rt delete --force "$id" >/dev/null 2>&1 || true
  done
  stop_listeners || status=1
  if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
    assert_baseline || status=1
  fi
  while read -r pid _; do kill -KILL "$pid" 2>/dev/null || true; done < <(strays)
  rm -rf "$T"
  return $status
}

# ---- runtimes ------------------------------------------------------------------------------------

# crun refuses to start where cgroup v1 and v2 are both mounted: it gets a mount namespace without v2.
# Its stdin must be no device of the host: with a user namespace crun gives /dev/null to uid 100000.
rt() {
  local wrap=(timeout --kill-after=5 30)
  if [ "$RUNTIME" = crun ] && grep -q ' /sys/fs/cgroup/unified ' /proc/self/mountinfo; then
    wrap+=(unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh)
  fi
  "${wrap[@]}" "$RUNTIME" --root "$T/state" "$@" 3>&- <"$T/empty"
}

# ---- bundles -------------------------------------------------------------------------------------

# profile NAME: an OCI linux.seccomp on stdout.
profile() {
  case $1 in
  none) echo null ;;
  small) # says no to what tests override, deny or observe
    jq -n '{defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      syscalls: [{names: ["mknod", "mknodat", "mount", "swapon"], action: "SCMP_ACT_ERRNO", errnoRet: 1},
                 {names: ["sync"], action: "SCMP_ACT_ERRNO", errnoRet: 95}]}'
    ;;
  podman) # as podman's own code reduces it for its default capabilities on this machine
    jq --argjson caps "$(default_caps)" --arg arch "$(dpkg --print-architecture)" '
      {defaultAction, defaultErrnoRet, architectures: [.archMap[] | select(.architecture == "SCMP_ARCH_X86_64")
        | .architecture, .subArchitectures[]],
       syscalls: [.syscalls[]
         | select((.includes.arches // null) as $a | $a == null or ($a | index($arch)))
         | select((.includes.caps // []) - $caps == [])
         | select((.excludes.caps // []) | any(. as $c | $caps | index($c)) | not)
         | select((.excludes.arches // []) | index($arch) | not)
         | {names, action, args: ((.args // []) | map(with_entries(select(.value != null)))), errnoRet}
         | with_entries(select(.value != null))]}
      | with_entries(select(.value != null))' /usr/share/containers/seccomp.json
    ;;
  *) cat "$1" ;;
  esac
}

default_caps() {
  jq -nc '["CHOWN","DAC_OVERRIDE","FOWNER","FSETID","KILL","MKNOD","NET_BIND_SERVICE","SETFCAP","SETGID",
    "SETPCAP","SETUID","SYS_CHROOT"] | map("CAP_" + .)'
}

# bundle [OPTION...] -- ARGS...: writes $BUNDLE/config.json.
#   --profile none|small|podman|FILE  --nnp true|false  --userns  --annotate KEY=VALUE (dev.waylay. added)
#   --annotation KEY=VALUE (as it is)  --caps JSON  --no-hook  --no-events  --hook-arg ARG  --uid N
#   --socket PATH  --config PATH  --jq FILTER (last, on the whole document)  --rootfs DIR
bundle() {
  local profile=small nnp=true userns=false events=true hook=true uid=0 filter=. rootfs=$ROOTFS
  local caps notes='{}' config=$HOST hook_args='[]'
  caps=$(default_caps)
  while [ "$1" != -- ]; do
    case $1 in
    --profile) profile=$2; shift ;;
    --nnp) nnp=$2; shift ;;
    --userns) userns=true ;;
    --annotate) notes=$(jq -c --arg k "dev.waylay.${2%%=*}" --arg v "${2#*=}" '.[$k] = $v' <<<"$notes"); shift ;;
    --annotation) notes=$(jq -c --arg k "${2%%=*}" --arg v "${2#*=}" '.[$k] = $v' <<<"$notes"); shift ;;
    --caps) caps=$2; shift ;;
    --no-hook) hook=false ;;
    --no-events) events=false ;;
    --hook-arg) hook_args=$(jq -c --arg a "$2" '. + [$a]' <<<"$hook_args"); shift ;;
    --socket) hook_args=$(jq -c --arg a "$2" '. + ["--socket", $a]' <<<"$hook_args"); shift ;;
    --config) config=$2; shift ;;
    --uid) uid=$2; shift ;;
    --jq) filter=$2; shift ;;
    --rootfs) rootfs=$2; shift ;;
    *) fail "bundle: unknown option $1" ;;
    esac
    shift
  done
  shift
  if $events; then notes=$(jq -c '. + {"dev.waylay.events": (.["dev.waylay.events"] // "file:events.jsonl")}' <<<"$notes"); fi
  jq -n --argjson profile "$(profile "$profile")" --argjson nnp "$nnp" --argjson userns "$userns" \
    --argjson caps "$caps" --argjson notes "$notes" --argjson hook "$hook" --arg hookpath "$HOOK" \
    --arg config "$config" --argjson hookargs "$hook_args" --arg rootfs "$rootfs" --argjson uid "$uid" \
    '{ociVersion: "1.0.2", hostname: "waylay", root: {path: $rootfs, readonly: true},
      process: {terminal: false, user: {uid: $uid, gid: $uid}, cwd: "/", args: $ARGS.positional,
        env: ["PATH=/bin:/callers", "HOME=/"], noNewPrivileges: $nnp,
        capabilities: {bounding: $caps, effective: $caps, permitted: $caps}},
      mounts: [{destination: "/proc", type: "proc", source: "proc"},
        {destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"]},
        {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777", "size=65536k"]}],
      linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"}]},
      annotations: $notes}
    | if $userns then .linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = .linux.uidMappings else . end
    | if $profile then .linux.seccomp = $profile else . end
    | if $hook then {path: $hookpath, args: (["waylay-hook", "--config", $config] + $hookargs), timeout: 20} as $h
        | .hooks = {createRuntime: [$h], poststop: [$h]} else . end'" | $filter" \
    --args -- "$@" >"$BUNDLE/config.json"
}

# container_run: the container from start to end. Use with `run`.
container_run() {
  CONTAINERS+=("$ID")
  rt run --bundle "$BUNDLE" "$ID"
}

# The container's output goes to $T/stdout.log: a pipe would make `run` wait for its end.
container_create() {
  CONTAINERS+=("$ID")
  rt create --bundle "$BUNDLE" "$ID" >"$T/stdout.log" 2>"$T/stderr.log"
}

container_start() {
  rt start "$ID" >>"$T/stderr.log" 2>&1
}

container_pid() {
  rt state "$ID" | jq .pid
}

# Waits for the end of the container's first process; then deletes it, which runs poststop.
container_finish() {
  local pid
  pid=$(container_pid)
  [ "$pid" = 0 ] || "$CALLERS/caller-await" 20 exit "$pid" || fail "container $ID does not end"
  rt delete "$ID"
}

# ---- listeners -----------------------------------------------------------------------------------

# start_listener [ARG...]: waylayd in the foreground of its own shell job; ready when it accepts.
start_listener() {
  "$WAYLAYD" --socket "$SOCKET" --config "$HOST" "$@" >"$T/waylayd.log" 2>&1 </dev/null 3>&- &
  LISTENER=$!
  "$CALLERS/caller-await" 10 socket "$SOCKET" || fail "waylayd does not accept on $SOCKET: $(cat "$T/waylayd.log")"
}

fds_of() {
  find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

# await_line FILE TEXT: until the file has it.
await_line() {
  "$CALLERS/caller-await" 10 line "$1" "$2" || fail "no '$2' in $1: $(tail -n 20 "$1" 2>&1)"
}

# ---- events --------------------------------------------------------------------------------------

# events [EXPR]: those for which the expression holds, one a line.
events() {
  jq -c "select(${1:-true})" "$EVENTS"
}

assert_event() {
  local n
  n=$(events "$1" | wc -l) || fail "events are no JSON: $(head -n 5 "$EVENTS")"
  [ "$n" -gt 0 ] || fail "no event with $1 among $(wc -l <"$EVENTS"):
$(tail -n 30 "$EVENTS")"
}

refute_event() {
  local got
  got=$(events "$1")
  [ -z "$got" ] || fail "unexpected event with $1: $got"
}

require_caller() {
  [ -x "$CALLERS/caller-$1" ] || [ -x "$CALLERS/$1" ] || skip "no $1: this compiler makes no such programs"
}

# ---- processes of the hook route -----------------------------------------------------------------

# The installer of this test's container.
installer() {
  strays | awk '$2 ~ /waylay-hook|waylay-install/ {print $1; exit}'
}

# Kills listener, keeper and workers of this test at once: stopped first, none of them can replace another.
kill_all_listeners() {
  local pid signal _
  for signal in STOP KILL; do
    while read -r pid _; do kill -$signal "$pid" 2>/dev/null || true; done < <(strays | grep waylayd)
  done
}

# ---- ground truth --------------------------------------------------------------------------------

# "name arg" a line, arg being the path where the call has one. The calls that end a program, and the
# first execve (strace's own), are left out.
of_strace() {
  sed -n 's/^[0-9]* *//; s/^\([a-z0-9_]*\)(\(.*\)/\1 \2/p' "$1" | awk '
    { name = $1; path = "" }
    name ~ /^(open|stat|lstat|readlink|access|mkdir|chdir|statx|newfstatat|openat|execve)$/ && match($0, /"[^"]*"/) {
      path = substr($0, RSTART + 1, RLENGTH - 2) }
    name !~ /^(exit|exit_group|rt_sigreturn|restart_syscall)$/ { print name, path }'
}

of_events() {
  jq -r 'select(.syscall) | select(.syscall | IN("exit", "exit_group", "rt_sigreturn", "restart_syscall") | not)
    | .syscall + " " + (if (.syscall | IN("open", "stat", "lstat", "readlink", "access", "mkdir", "chdir", "statx",
        "newfstatat", "openat", "execve")) then (.args | .pathname // .filename // .path // "") else "" end)' "$1"
}

# Both lists from the program's own execve on.
same_calls() {
  of_strace "$1" | sed -n '/^execve .*busybox/,$p' >"$T/truth"
  of_events "$2" | sed -n '/^execve .*busybox/,$p' >"$T/mine"
  [ -s "$T/truth" ] || fail "strace saw nothing"
  run diff -u "$T/truth" "$T/mine"
  assert_success
}
