# SPDX-License-Identifier: Apache-2.0
# emulate mount: file systems of listed block devices for containers in a user namespace.
load lib.bash

setup_file() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  make_rootfs
  IMG=$(mktemp /tmp/waylay-e2e-img.XXXXXX)
  truncate -s 8M "$IMG"
  mkfs.ext4 -q -F "$IMG" || skip "needs mkfs.ext4"
  LOOP_DEV=$(losetup -f --show "$IMG") || skip "needs loop devices"
  NUMBER=${LOOP_DEV#/dev/loop}
  export IMG LOOP_DEV NUMBER
}

teardown_file() {
  [ -z "${LOOP_DEV:-}" ] || losetup -d "$LOOP_DEV"
  rm -rf "$ROOTFS" "$IMG"
}

# mounting MOUNT-OPTIONS -- SCRIPT: the container may make and mount the loop device.
mounting() {
  bundle --userns --caps '["CAP_MKNOD","CAP_SYS_ADMIN","CAP_DAC_OVERRIDE"]' --annotate emulate=mknod,mount \
    --annotate "emulate.mknod=b 7:$NUMBER" --annotate "emulate.mount=$1" --annotate trace=mount -- sh -c "$3"
  run container_run
}

@test "busybox mounts an ext4 image, writes, and unmounts; the next container finds what was written" {
  mounting "filesystems=ext4:shift; devices=b 7:$NUMBER" -- "cd /tmp; mknod disk b 7 $NUMBER; mkdir m
    mount -t ext4 disk m && echo text >m/file && ls -ln m/file && grep /tmp/m /proc/mounts; umount m && ls m"
  assert_success
  assert_line --regexp '^-rw-r--r-- .* 0 +0 .*m/file$'
  assert_line --regexp ' /tmp/m ext4 rw,nosuid,nodev,'
  refute_line file
  assert_event '.syscall == "mount" and .return == 0 and .how == "shift" and .args.filesystemtype == "ext4"'
  mounting "filesystems=ext4:shift; devices=b 7:$NUMBER" -- "cd /tmp; mknod disk b 7 $NUMBER; mkdir m
    mount -o ro -t ext4 disk m && cat m/file; touch m/other || echo read-only"
  assert_line text
  assert_line read-only
}

@test "the container's root cannot take nodev and nosuid away" {
  mounting "filesystems=ext4:shift; devices=b 7:$NUMBER" -- "cd /tmp; mknod disk b 7 $NUMBER; mkdir m
    mount -t ext4 disk m && mount -o remount,bind,dev,suid m; grep -c 'm ext4 rw,nosuid,nodev' /proc/mounts"
  assert_line 1
}

@test "what is not listed stays with the profile: EPERM, and the container's own tmpfs is denied as before" {
  mounting "filesystems=ext4:shift; devices=b 7:250" -- "cd /tmp; mknod disk b 7 $NUMBER; mkdir m
    mount -t ext4 disk m; mount -t xfs disk m; mount -t tmpfs t m; grep -c ' /tmp/m ' /proc/mounts"
  assert_line 0
}
