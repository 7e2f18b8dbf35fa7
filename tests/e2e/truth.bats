# SPDX-License-Identifier: Apache-2.0
# Ground truth: the traced calls of a real program are strace's for the same program.
load lib.bash

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

@test "waylay run: the calls of ls are strace's" {
  [ "$RUNTIME" = runc ] || skip "no runtime in this test: once is enough"
  env -i PATH=/bin /usr/bin/strace -o "$T/strace" "$ROOTFS/bin/busybox" ls -l "$ROOTFS/bin" >/dev/null
  env -i PATH=/bin "$WAYLAY" run --trace @all --events "file:$T/events.jsonl" -- "$ROOTFS/bin/busybox" ls -l "$ROOTFS/bin" >/dev/null
  same_calls "$T/strace" "$T/events.jsonl"
}

# straced CMD...: the command in the same root file system, with a /proc, below strace; output to a pipe.
straced() {
  # shellcheck disable=SC2016
  env -i PATH=/bin:/callers HOME=/ /usr/bin/unshare --mount /bin/sh -c '/bin/mount -t proc proc "$1/proc" &&
    /bin/mount -t tmpfs tmpfs "$1/tmp" && root=$1 out=$2 && shift 2 &&
    exec /usr/bin/env -i PATH=/bin:/callers HOME=/ /usr/bin/strace -f -o "$out" /usr/sbin/chroot "$root" "$@"' \
    sh "$ROOTFS" "$T/strace" "$@" | cat >"$T/straced.out"
}

@test "in a container: the calls of ls are strace's" {
  straced /bin/busybox ls -l /bin
  bundle --annotate 'trace=@all' -- /bin/busybox ls -l /bin
  run container_run # its output is a pipe, as strace's
  assert_success
  same_calls "$T/strace" "$EVENTS"
}

@test "in a container: a shell script with children makes the calls that strace sees" {
  local script='echo a >/tmp/x; busybox cat /tmp/x; busybox mkdir /tmp/d; busybox rmdir /tmp/d'
  straced /bin/busybox sh -c "$script"
  bundle --annotate 'trace=@all' -- /bin/busybox sh -c "$script"
  container_create
  container_start
  container_finish
  # Parent and child interleave as they like: the calls of each are compared as a set with its counts.
  of_strace "$T/strace" | sed -n '/^execve .*busybox/,$p' | sort | uniq -c >"$T/truth"
  of_events "$EVENTS" | sort | uniq -c >"$T/mine"
  run diff -u "$T/truth" "$T/mine"
  assert_success
}
