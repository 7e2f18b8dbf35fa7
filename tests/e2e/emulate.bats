# SPDX-License-Identifier: Apache-2.0
# emulate mknod and mknodat: device nodes for callers that may not make them themselves.
load lib.bash

# Device numbers of mknod(2), in the kernel's encoding: c 1:3, c 1:5, c 1:1, b 7:0.
NULL=0x103 ZERO=0x105 MEM=0x101 LOOP=0x700
CHR=0x2180 BLK=0x6180 # S_IFCHR|0600, S_IFBLK|0600

# contained [BUNDLE-OPTION...] -- SCRIPT, in a user namespace, with mknod emulated and traced.
contained() {
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  bundle --userns --annotate emulate=mknod --annotate trace=mknod,mknodat "${options[@]}" -- sh -c "$2"
  run container_run
}

@test "a node of the device list is made and can be opened, although the profile says EPERM" {
  contained -- "caller-raw mknod s:/tmp/null $CHR $NULL; ls -l /tmp/null; echo gone >/tmp/null && wc -c </tmp/null
    caller-raw mknod s:/tmp/zero $CHR $ZERO; head -c 4 /tmp/zero | wc -c"
  assert_line --index 0 "mknod = 0"
  assert_line --index 1 --regexp '^c.* 1, +3 .*/tmp/null$'
  assert_line --index 2 "0"
  assert_line --index 3 "mknod = 0"
  assert_line --index 4 "4"
  assert_event '.syscall == "mknod" and .return == 0 and .args.dev == "c 1:3" and (.args.mode | test("S_IFCHR"))'
}

@test "busybox's mknod works as its user expects" {
  contained -- 'mknod -m 666 /tmp/null c 1 3 && ls -l /tmp/null'
  assert_success
  assert_line --regexp '^crw-rw-rw-.* 1, +3 '
}

@test "a device that is not on the list gets EPERM, and nothing is made" {
  contained -- "caller-raw mknod s:/tmp/mem $CHR $MEM; caller-raw mknod s:/tmp/null $BLK $NULL; ls /tmp"
  assert_output "mknod = -1 EPERM
mknod = -1 EPERM"
}

@test "the annotation's own list replaces the default one" {
  contained --annotate 'emulate.mknod=c 1:5' -- "caller-raw mknod s:/tmp/null $CHR $NULL; caller-raw mknod s:/tmp/zero $CHR $ZERO"
  assert_output "mknod = -1 EPERM
mknod = 0"
}

@test "garbage in the upper halves of mode and dev opens no door" {
  contained -- "caller-raw mknod s:/tmp/a 0xffffffff00002180 0xffffffff00000103; caller-raw mknod s:/tmp/b 0x100002180 0x100000101"
  assert_output "mknod = 0
mknod = -1 EPERM"
}

@test "what needs no privilege stays the kernel's: FIFO, regular file, whiteout" {
  contained --profile none -- 'caller-raw mknod s:/tmp/fifo 0x1180 0; caller-raw mknod s:/tmp/file 0x8180 0; caller-raw mknod s:/tmp/wh 0x2180 0; ls -l /tmp'
  assert_line --index 0 "mknod = 0"
  assert_line --index 1 "mknod = 0"
  assert_line --index 2 "mknod = 0"
  assert_line --regexp '^p.*fifo$'
  assert_line --regexp '^c.* 0, +0 .*wh$'
}

@test "mknodat resolves against its dirfd and the caller's working directory" {
  contained -- "mkdir /tmp/sub; cd /tmp/sub; caller-raw mknodat -100 s:here $CHR $NULL
    exec 5</tmp; caller-raw mknodat 5 s:there $CHR $NULL; caller-raw mknodat 99 s:nowhere $CHR $NULL
    caller-raw mknodat 99 s:/tmp/absolute $CHR $NULL; find /tmp -type c | sort"
  assert_line --index 0 "mknodat = 0"
  assert_line --index 1 "mknodat = 0"
  assert_line --index 2 "mknodat = -1 EBADF"
  assert_line --index 3 "mknodat = 0"
  assert_line "/tmp/absolute"
  assert_line "/tmp/sub/here"
  assert_line "/tmp/there"
}

@test "the kernel's errors come as the kernel gives them" {
  contained -- "touch /tmp/file; ln -s /nowhere /tmp/link
    for p in /tmp/file /tmp/none/n /tmp/file/n /proc/n /tmp/link ''; do caller-raw mknod s:\$p $CHR $NULL; done
    caller-raw mknod 0x10 $CHR $NULL; ls -l /tmp"
  assert_line --index 0 "mknod = -1 EEXIST"
  assert_line --index 1 "mknod = -1 ENOENT"
  assert_line --index 2 "mknod = -1 ENOTDIR"
  assert_line --index 4 "mknod = -1 EEXIST"
  assert_line --index 5 "mknod = -1 ENOENT"
  assert_line --index 6 "mknod = -1 EFAULT"
  refute_line --index 3 "mknod = 0"
}

@test "a read-only place stays read-only" {
  contained -- "caller-raw mknod s:/etc/null $CHR $NULL"
  assert_output "mknod = -1 EROFS"
}

@test "the caller's umask counts" {
  contained -- "umask 077; caller-raw mknod s:/tmp/a 0x21b6 $NULL; ls -l /tmp/a"
  assert_line --index 1 --regexp '^crw------- '
}

@test "without CAP_MKNOD in the container the answer is EPERM" {
  contained --caps '["CAP_DAC_OVERRIDE","CAP_SETUID"]' -- "caller-raw mknod s:/tmp/null $CHR $NULL; ls /tmp"
  assert_output "mknod = -1 EPERM"
}

@test "an unprivileged user of the container gets EPERM" {
  contained --uid 1000 -- "caller-raw mknod s:/tmp/null $CHR $NULL; ls /tmp"
  assert_output "mknod = -1 EPERM"
}

@test "a thread, and a thread whose leader has gone, are served" {
  contained -- "caller-raw -t mknod s:/tmp/a $CHR $NULL; caller-raw -l mknod s:/tmp/b $CHR $NULL; ls /tmp"
  assert_output "mknod = 0
mknod = 0
a
b"
}

@test "a 32-bit caller is served: mknod and mknodat" {
  require_caller caller32-raw
  contained -- "caller32-raw mknod s:/tmp/a $CHR $NULL; caller32-raw mknodat -100 s:/tmp/b $CHR $ZERO; caller32-raw mknod s:/tmp/c $CHR $MEM; ls -l /tmp"
  assert_line --index 0 "mknod = 0"
  assert_line --index 1 "mknodat = 0"
  assert_line --index 2 "mknod = -1 EPERM"
  assert_line --regexp '^c.* 1, +3 .*a$'
  assert_line --regexp '^c.* 1, +5 .*b$'
  assert_event '.arch == "i386" and .syscall == "mknod" and .return == 0'
}

@test "with a chroot of its own the caller stays inside it" {
  contained -- "mkdir -p /tmp/jail/dev; cp /bin/busybox /callers/caller-raw /tmp/jail; chroot /tmp/jail /caller-raw mknod s:/dev/null $CHR $NULL
    chroot /tmp/jail /caller-raw mknod s:/../../up $CHR $NULL; find /tmp -type c | sort"
  assert_output "mknod = 0
mknod = 0
/tmp/jail/dev/null
/tmp/jail/up"
}

@test "no node is ever made on the host" {
  contained -- "ln -s /../../../../../../tmp /tmp/out; caller-raw mknod s:/tmp/out/../$ID $CHR $NULL; caller-raw mknod s:/proc/1/root/../../../../tmp/$ID-b $CHR $NULL; exit 0"
  assert [ ! -e "/$ID" ]
  assert [ ! -e "/tmp/$ID" ]
  assert [ ! -e "/tmp/$ID-b" ]
}

@test "the example policy mknod-default.json does the same without annotations" {
  cp "$EXAMPLES/mknod-default.json" "$T/policies/"
  bundle --userns --annotate policy=mknod-default -- sh -c "caller-raw mknod s:/tmp/null $CHR $NULL
    caller-raw mknod s:/tmp/mem $CHR $MEM; caller-raw mknodat -100 s:/tmp/full $CHR 0x107; caller-raw mknod s:/tmp/loop $BLK $LOOP; ls /tmp"
  run container_run
  assert_output "mknod = 0
mknod = -1 EPERM
mknodat = 0
mknod = -1 EPERM
full
null"
}

@test "the worker ends with the container, and its mounts with it" {
  contained -- "for i in 1 2 3 4 5 6 7 8; do caller-raw mknod s:/tmp/\$i $CHR $NULL; done"
  assert_success
  assert_baseline
}
