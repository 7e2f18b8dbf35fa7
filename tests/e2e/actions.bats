# SPDX-License-Identifier: Apache-2.0
# What annotations and policies do to calls, and what the events say about it.
load lib.bash

# contained [BUNDLE-OPTION...] -- SCRIPT: runs a shell script in a container.
contained() {
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  bundle "${options[@]}" -- sh -c "$2"
  run container_run
}

# policy RULE...: $T/policies/test.json with these rules.
policy() {
  printf '%s\n' "$@" | jq -s '{version: 1, rules: .}' >"$T/policies/test.json"
}

@test "trace: an event has every field, and they are true" {
  contained --annotate trace=mkdir -- 'caller-raw mkdir s:/tmp/d 0750'
  assert_output "mkdir = 0"
  assert_equal "$(events '.syscall == "mkdir"' | wc -l)" 1
  assert_event '.container == "'"$ID"'" and .comm == "caller-raw" and .arch == "x86_64"'
  assert_event '.args == {"pathname": "/tmp/d", "mode": "0750"} and .action == "trace"'
  assert_event '.ns_pid > 0 and .ns_pid < 20 and .pid > 20 and .tid == .pid and .latency_us >= 0'
  assert_event '(.ts | type) == "number" or (.ts | test("^20[0-9][0-9]-"))'
  assert_event '.rule == "trace#1" and .decision'
}

@test "trace: flags, errnos, dirfds and structures are shown by name" {
  contained --annotate 'trace=openat,socket,mount,clock_nanosleep' -- \
    'caller-raw openat -100 s:/etc/passwd 0x80000; caller-raw socket 1 0x80001 0; caller-raw mount s:a s:/tmp s:tmpfs 6 s:size=1'
  assert_line "mount = -1 EPERM"
  assert_event '.syscall == "openat" and .args.dirfd == "AT_FDCWD" and .args.pathname == "/etc/passwd" and .args.flags == "O_RDONLY|O_CLOEXEC"'
  assert_event '.syscall == "socket" and .args.domain == "AF_UNIX" and .args.type == "SOCK_STREAM|SOCK_CLOEXEC"'
  assert_event '.syscall == "mount" and (.args.mountflags | test("MS_NOSUID")) and .errno == "EPERM"'
}

@test "trace: a call that the profile denies stays denied, and the event says who decided" {
  contained --annotate 'trace=mknod,mkdir' -- 'caller-raw mknod s:/tmp/n 0x2180 0x103; ls /tmp'
  assert_output "mknod = -1 EPERM"
  assert_event '.syscall == "mknod" and .errno == "EPERM" and .decision == "profile"'
}

@test "log: scalars only, no memory of the caller" {
  contained --annotate log=mkdir -- 'caller-raw mkdir s:/tmp/d 0750'
  assert_output "mkdir = 0"
  assert_event '.syscall == "mkdir" and .action == "log" and (.args.pathname | test("^0x")) and .args.mode == "0750"'
}

@test "deny: the errno that was asked for, EPERM if none was, by the filter itself" {
  contained --annotate 'deny=mkdir:ENOSPC, rmdir, chmod[mode & 04000]:EROFS' -- \
    'caller-raw mkdir s:/tmp/d 0750; caller-raw rmdir s:/tmp/d; caller-raw chmod s:/tmp 04755; caller-raw chmod s:/tmp 0755'
  assert_line --index 0 "mkdir = -1 ENOSPC"
  assert_line --index 1 "rmdir = -1 EPERM"
  assert_line --index 2 "chmod = -1 EROFS"
  assert_line --index 3 "chmod = 0"
}

@test "deny needs no listener" {
  contained --no-events --annotate 'deny=mkdir:ENOSPC' -- 'caller-raw mkdir s:/tmp/d 0750; grep Seccomp_filters /proc/self/status | tr "\t" " "'
  assert_line --index 0 "mkdir = -1 ENOSPC"
  assert_line --index 1 "Seccomp_filters: 1"
}

@test "deny: garbage in the upper half of an int changes nothing" {
  contained --annotate 'deny=chmod[mode == 0755]:EROFS' -- \
    'caller-raw chmod s:/tmp 0xdeadbeef000001ed; caller-raw chmod s:/tmp 0xdeadbeef000001c0'
  assert_line --index 0 "chmod = -1 EROFS"
  assert_line --index 1 "chmod = 0"
}

@test "deny and trace together: denied, and seen" {
  contained --annotate deny=mkdir:ENOSPC --annotate trace=mkdir -- 'caller-raw mkdir s:/tmp/d 0750'
  assert_output "mkdir = -1 ENOSPC"
  assert_event '.syscall == "mkdir" and .errno == "ENOSPC" and .args.pathname == "/tmp/d"'
}

@test "deny never loosens the profile" {
  contained --annotate 'deny=sync:ENOSPC' -- 'caller-raw 162'
  assert_output "162 = -1 EOPNOTSUPP"
}

@test "kill: the caller dies of SIGSYS" {
  contained --annotate kill=mkdir -- 'caller-raw mkdir s:/tmp/d 0750; echo status $?; echo alive'
  assert_line "status 159"
  assert_line "alive"
}

@test "rules of a policy file: errno, return, allow, delay" {
  policy '{"name": "e", "action": "errno", "errno": "EDQUOT", "syscalls": ["mkdir"]}' \
    '{"name": "r", "action": "return", "value": 7, "syscalls": ["rmdir"]}' \
    '{"name": "a", "action": "allow", "syscalls": ["mknod[mode & S_IFMT == S_IFIFO]"]}' \
    '{"name": "d", "action": "delay", "milliseconds": 300, "syscalls": ["chmod"]}' \
    '{"name": "t", "action": "trace", "syscalls": ["rmdir", "chmod"]}'
  contained --annotate policy=test -- 'caller-raw mkdir s:/tmp/d 0750; caller-raw rmdir s:/tmp/d
    caller-raw mknod s:/tmp/fifo 0x1180 0; caller-raw mknod s:/tmp/n 0x2180 0x103; caller-raw chmod s:/tmp 0755'
  assert_line --index 0 "mkdir = -1 EDQUOT"
  assert_line --index 1 "rmdir = 7"
  assert_line --index 2 "mknod = 0"
  assert_line --index 3 "mknod = -1 EPERM"
  assert_line --index 4 "chmod = 0"
  assert_event '.syscall == "rmdir" and .return == 7'
  assert_event '.syscall == "chmod" and .latency_us >= 300000 and .latency_us < 2000000'
}

@test "a condition on a path decides on what was read" {
  policy '{"name": "e", "action": "errno", "errno": "EDQUOT", "syscalls": ["mkdir[pathname ~ \"/tmp/no*\"]"]}'
  contained --annotate policy=test -- 'caller-raw mkdir s:/tmp/no1 0750; caller-raw mkdir s:/tmp/yes 0750'
  assert_line --index 0 "mkdir = -1 EDQUOT"
  assert_line --index 1 "mkdir = 0"
}

@test "any bytes of a caller make valid JSON, and long strings are cut and marked" {
  contained --annotate trace=mkdir -- "caller-raw mkdir \$(printf 's:/tmp/q\"b\\\\\\n\\001\\377') 0755
    long=\$(printf '%05000d' 0); caller-raw mkdir s:/tmp/\$long 0755"
  assert_line --index 0 "mkdir = 0"
  assert_line --index 1 "mkdir = -1 ENAMETOOLONG"
  assert_event '.syscall == "mkdir" and (.args.pathname | startswith("/tmp/q\"b\\"))'
  assert_event '.syscall == "mkdir" and .args.pathname_cut == true and (.args.pathname | length) >= 4000'
}

@test "memory that cannot be read is said, and the kernel's answer stays EFAULT" {
  contained --annotate trace=mkdir -- 'caller-raw mkdir 0x10 0755'
  assert_output "mkdir = -1 EFAULT"
  assert_event '.syscall == "mkdir" and .args.pathname_error == "EFAULT"'
}

@test "a 32-bit caller is traced with its own numbers and names" {
  require_caller caller32-raw
  contained --annotate trace=mkdir,openat -- 'caller32-raw mkdir s:/tmp/d 0750; caller32-raw openat -100 s:/etc/passwd 0x80000'
  assert_line --index 0 "mkdir = 0"
  assert_event '.syscall == "mkdir" and .arch == "i386" and .args.pathname == "/tmp/d" and .args.mode == "0750"'
  assert_event '.syscall == "openat" and .arch == "i386" and .args.dirfd == "AT_FDCWD" and .args.pathname == "/etc/passwd"'
}

@test "a rule for one ABI leaves the other alone" {
  require_caller caller32-raw
  contained --annotate 'deny=i386/mkdir:ENOSPC' -- 'caller32-raw mkdir s:/tmp/a 0750; caller-raw mkdir s:/tmp/b 0750'
  assert_line --index 0 "mkdir = -1 ENOSPC"
  assert_line --index 1 "mkdir = 0"
}

@test "x32 calls get past no rule" {
  contained --annotate 'deny=mkdir:ENOSPC' -- 'caller-raw -x mkdir s:/tmp/a 0750; ls /tmp'
  refute_line "mkdir = 0"
  refute_line a
}

@test "threads, and a thread whose leader has gone, are traced" {
  contained --annotate trace=mkdir -- 'caller-raw -t mkdir s:/tmp/a 0750; caller-raw -l mkdir s:/tmp/b 0750'
  assert_line --index 0 "mkdir = 0"
  assert_line --index 1 "mkdir = 0"
  assert_event '.args.pathname == "/tmp/a" and .tid != .pid'
  assert_event '.args.pathname == "/tmp/b" and .tid != .pid'
}

@test "many threads at once: every call answered right and every event there" {
  contained --annotate log=getppid -- 'caller-threads 20 100'
  assert_output "2000 calls, 0 wrong"
  # and the one of its main()
  assert_equal "$(events '.syscall == "getppid" and .comm == "caller-threads"' | wc -l)" 2001
}

@test "a container cannot become its own listener, observed or not" {
  contained --annotate trace=mkdir -- 'caller-own-listener'
  assert_line --index 0 "listener = EBUSY"
  assert_line --index 1 "listener with other flags = EBUSY"
  assert_line --index 2 "probe = EFAULT"
  assert_line --index 3 "plain filter = OK"
}

@test "neither can its 32-bit programs" {
  require_caller caller32-own-listener
  contained --annotate trace=mkdir -- 'caller32-own-listener'
  assert_line --index 0 "listener = EBUSY"
  assert_line --index 1 "listener with other flags = EBUSY"
  assert_line --index 2 "probe = EFAULT"
}

@test "trace of everything: the program's execve comes first, and nothing of the set-up" {
  contained --annotate 'trace=@all' -- 'caller-raw mkdir s:/tmp/d 0750'
  assert_output "mkdir = 0"
  run jq -rs '[.[] | select(.syscall)][0].syscall' "$EVENTS"
  assert_output execve
  refute_event '.syscall != "execve" and (.comm // "" | test("^(runc|crun)"))'
  assert_event '.syscall == "mkdir" and .args.pathname == "/tmp/d"'
}

@test "events go to a file below an allowed directory by absolute path" {
  contained --annotate trace=mkdir --annotate "events=file:$OUT/mine.jsonl" -- 'mkdir /tmp/d'
  assert_success
  EVENTS=$OUT/mine.jsonl
  assert_event '.syscall == "mkdir"'
}

@test "waylay events prints them as strace would" {
  contained --annotate trace=mkdir,mknod -- 'caller-raw mkdir s:/tmp/d 0750; caller-raw mknod s:/tmp/n 0x2180 0x103'
  run "$WAYLAY" events "$EVENTS"
  assert_success
  assert_line --regexp 'mkdir\("/tmp/d", 0750\)'
  assert_line --regexp 'mknod\("/tmp/n", .*c? ?1:3.*\) += -1 EPERM'
}

@test "what the profile kills is killed, observed or not" {
  jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["rmdir"], action: "SCMP_ACT_KILL_PROCESS"}]}' >"$T/kill.json"
  contained --profile "$T/kill.json" --annotate trace=rmdir,mkdir -- 'caller-raw rmdir s:/tmp; echo status $?; caller-raw mkdir s:/tmp/d 0755'
  assert_line "status 159"
  assert_line "mkdir = 0"
  refute_event '.syscall == "rmdir"'
}

@test "a delayed call ends at once when its caller is killed, or gets a signal" {
  local from=$SECONDS
  policy '{"name": "d", "action": "delay", "milliseconds": 20000, "syscalls": ["chmod"]}'
  contained --annotate policy=test -- 'timeout -s KILL 1 caller-raw chmod s:/tmp 0755; timeout -s ALRM 1 caller-raw chmod s:/tmp 0755; echo done'
  assert_line "done"
  [ $((SECONDS - from)) -lt 15 ] || fail "that took $((SECONDS - from)) s"
}

@test "a container can be paused while a call is delayed, and goes on afterwards" {
  local from
  policy '{"name": "d", "action": "delay", "milliseconds": 3000, "syscalls": ["chmod"]}' \
    '{"name": "t", "action": "trace", "syscalls": ["mkdir"]}'
  bundle --annotate policy=test -- sh -c 'mkdir /tmp/started; caller-raw chmod s:/tmp 0755; mkdir /tmp/finished'
  container_create
  container_start
  await_line "$EVENTS" /tmp/started
  from=$(date +%s%N)
  rt pause "$ID"
  [ $((($(date +%s%N) - from) / 1000000)) -lt 2000 ] || fail "the pause took longer than the delayed call"
  rt resume "$ID"
  container_finish
  assert_event '.args.pathname == "/tmp/finished"'
}

@test "events can go to a socket" {
  python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.bind(sys.argv[1] + ".new")
s.listen(1)
os.rename(sys.argv[1] + ".new", sys.argv[1])
text = ""
while not text: # the first connection only tries whether somebody is there
    text = s.accept()[0].makefile().read()
sys.stdout.write(text)' "$OUT/events.sock" >"$T/received.jsonl" 3>&- &
  job=$!
  "$CALLERS/caller-await" 5 file "$OUT/events.sock"
  contained --annotate trace=mkdir --annotate "events=unix:$OUT/events.sock" -- 'mkdir /tmp/d'
  assert_success
  wait "$job"
  EVENTS=$T/received.jsonl
  assert_event '.syscall == "mkdir" and .args.pathname == "/tmp/d"'
}

@test "events can go to the listener's stderr" {
  start_listener
  contained --annotate trace=mkdir --annotate events=stderr -- 'mkdir /tmp/d'
  assert_success
  await_line "$T/waylayd.log" '"syscall":"mkdir","args":{"pathname":"/tmp/d"'
}

@test "what is not there yet is refused, not ignored" {
  bundle --annotate engine=trace --annotate trace=mkdir -- echo ran-all-the-same
  run container_run
  assert_failure
  refute_output --partial ran-all-the-same
  bundle --annotation io.containers.trace-syscall=of:/tmp/x.json -- echo ran-all-the-same
  run container_run
  assert_failure
  refute_output --partial ran-all-the-same
}
