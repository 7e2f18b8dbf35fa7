# SPDX-License-Identifier: Apache-2.0
# Ground truth: the traced calls of a real program are strace's for the same program.
load lib.bash

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
