# SPDX-License-Identifier: Apache-2.0
# The command line: help, version, bad usage, doctor.
load lib.bash

# bad_usage ARGS...: exit status 2 and exactly one line.
bad_usage() {
  run "$@"
  assert_failure 2
  [ "${#lines[@]}" = 1 ] || fail "more than one line: $output"
}

@test "waylay --help lists every command with one line" {
  run "$WAYLAY" --help
  assert_success
  assert_line --index 0 "Usage: waylay COMMAND [ARGUMENTS]"
  assert_line --regexp '^  doctor +[a-z]'
}

@test "waylay --version says the version" {
  run "$WAYLAY" --version
  assert_success
  assert_output --regexp '^waylay [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "waylay without a command is bad usage" {
  bad_usage "$WAYLAY"
  assert_output "waylay: no command given; see 'waylay --help'"
}

@test "an unknown command is bad usage and is named" {
  bad_usage "$WAYLAY" frobnicate
  assert_output "waylay: unknown command 'frobnicate'; see 'waylay --help'"
}

@test "every command has a help of its own and refuses unknown options in one line" {
  local name
  for name in $("$WAYLAY" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    run "$WAYLAY" "$name" --help
    assert_success
    assert_line --index 0 --partial "Usage: waylay $name"
    bad_usage "$WAYLAY" "$name" --no-such-option
    assert_output --partial "waylay: $name: "
    assert_output --partial "--no-such-option"
  done
}

@test "doctor finds what this machine has and exits 0" {
  run "$WAYLAY" doctor --config "$HOST"
  assert_success
  assert_line --regexp '^ok +seccomp user notification'
  assert_line --regexp "^ok +configuration +$HOST"
  assert_line --index -1 "All that waylay needs is here."
}

@test "doctor says the same as JSON" {
  run --separate-stderr "$WAYLAY" doctor --json --config "$HOST"
  assert_success
  jq -e '.ok and (.checks | length > 10) and (.checks | all(.name and .detail and (.finding | IN("ok", "note"))))' <<<"$output"
}

@test "doctor without privileges says what is missing and how to get it" {
  cp "$WAYLAY" "$T/"
  run setpriv --reuid 65534 --clear-groups "$T/waylay" doctor --config "$HOST"
  assert_failure 1
  assert_line --regexp '^missing +CAP_SYS_ADMIN .*run as root'
}

@test "doctor without a runtime names the packages" {
  PATH=/nonexistent run "$WAYLAY" doctor --config "$HOST"
  assert_failure 1
  assert_line --regexp '^missing +OCI runtime .*install runc or crun'
}

@test "doctor names a broken configuration" {
  echo '{"socket": 7}' >"$HOST"
  run "$WAYLAY" doctor --config "$HOST"
  assert_failure 1
  assert_line --regexp "^missing +configuration .*$HOST.*socket"
}

@test "doctor shows the containers that failed, with the reason" {
  mkdir -p "$T/run/failed"
  echo "because" >"$T/run/failed/box-1"
  run "$WAYLAY" doctor --config "$HOST"
  assert_success
  assert_line --regexp '^note +failed box-1 +because'
}

@test "check: every example is right" {
  run "$WAYLAY" check "$EXAMPLES"/*.json
  assert_success
}

@test "check: what is wrong comes with line and column" {
  printf '{\n  "version": 1,\n  "rules": [ { "action": "trcae", "syscalls": "mkdir" } ]\n}\n' >"$T/bad.json"
  run "$WAYLAY" check "$EXAMPLES/trace-all.json" "$T/bad.json"
  assert_failure 1
  assert_output --partial "$T/bad.json: line 3, column 26: 'trcae'"
}

@test "check: a policy above the host's cap is named with the cap" {
  jq -n '{version: 1, allow: {actions: ["trace"]}}' >"$HOST"
  run "$WAYLAY" check --config "$HOST" "$EXAMPLES/mknod-default.json"
  assert_failure 1
  assert_output --partial "$HOST"
  run "$WAYLAY" check --config "$HOST" "$EXAMPLES/trace-all.json"
  assert_success
}
