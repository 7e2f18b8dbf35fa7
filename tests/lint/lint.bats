# SPDX-License-Identifier: Apache-2.0
# What a look at the files alone can tell.
load /usr/lib/bats/bats-support/load.bash
load /usr/lib/bats/bats-assert/load.bash

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  BUILD=${WAYLAY_BUILD:-build}
}

# files PATTERN...: the project's own, without build folders.
files() {
  local pattern args=()
  for pattern in "$@"; do args+=(-o -name "$pattern"); done
  find . -path './build*' -prune -o -path ./.git -prune -o -type f \( "${args[@]:1}" \) -print | sort
}

none() {
  [ -z "$1" ] || fail "$2
$1"
}

@test "C files are as clang-format has them" {
  command -v clang-format >/dev/null || skip "no clang-format"
  run clang-format --dry-run -Werror $(files '*.c' '*.h')
  assert_success
}

@test "every file starts with its licence" {
  none "$(for f in $(files '*.c' '*.h' '*.bats' '*.bash' '*.sh' '*.py' meson.build); do
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"
  done | grep -v '^./meson.build$')" "without SPDX line:"
}

@test "comments are /* */" {
  none "$(files '*.c' '*.h' | xargs grep -nE '^[[:space:]]*//' || true)" "C++ comments:"
}

# may_not FOLDER INCLUDED...
may_not() {
  local folder=$1 other
  shift
  for other in "$@"; do
    none "$(grep -rn "#include \"$other/" "$folder" --include='*.c' --include='*.h' || true)" "$folder must not know $other:"
  done
}

@test "arch knows nobody, specs only arch, hook and plugin do not know each other" {
  may_not arch specs hook plugin tests
  may_not specs hook plugin tests
  may_not hook plugin tests
  may_not plugin hook tests
}

@test "own headers are included by their full path" {
  none "$(files '*.c' '*.h' | xargs grep -nE '^#include "' | grep -vE '#include "(arch|specs|hook|plugin|tests)/' || true)" "not path-qualified:"
}

@test "only arch asks what machine it is compiled for" {
  none "$(grep -rnE '#.*(__x86_64__|__i386__|__aarch64__|__arm__|__riscv|__powerpc|__s390|__loongarch|__ILP32__)' \
    specs hook plugin tests/unit --include='*.c' --include='*.h' || true)" "architecture #ifdef:"
}

@test "files are short: 600 lines, tables aside; a test program, a list of cases, 1000" {
  none "$(files '*.c' '*.h' '*.bash' '*.py' | grep -vE '^./arch/(tables|abi)/' | xargs wc -l |
    awk '$2 != "total" && $1 > ($2 ~ /^.\/tests\// ? 1000 : 600)')" "too long:"
}

@test "no lonely sleep in tests" {
  # In C a short pause between two looks at a thing, with a deadline, is at times the only way.
  none "$(grep -nE '^[^#]*\bsleep ?[(0-9]' -r tests --include='*.bats' --include='*.bash' --include='*.c' |
    grep -vE 'sleep 1000|bench/' || true)" "wait for an event with a deadline:"
}

@test "scripts pass shellcheck" {
  command -v shellcheck >/dev/null || skip "no shellcheck"
  local scripts
  scripts=$(grep -rlE '^#!/bin/(ba)?sh' .ci contrib tests arch specs 2>/dev/null | grep -vE '\.(c|h|py|md|bats)$' || true)
  run shellcheck --severity=warning $scripts
  assert_success
  # bats runs tests as functions in files of its own making: variables are set and used across files.
  run shellcheck --severity=warning --shell=bash --exclude=SC2034,SC2154,SC2030,SC2031,SC1091,SC2317,SC2046,SC2086,SC2164,SC2119,SC2120,SC2015,SC2314,SC2315 \
    $(files '*.bash')
  assert_success
}

@test "spelling" {
  command -v codespell >/dev/null || skip "no codespell"
  run codespell --quiet-level 2 --ignore-words tests/lint/words $(files '*.c' '*.h' '*.md' '*.bats' '*.bash' '*.scd' '*.build')
  assert_success
}

@test "every folder says what it is for" {
  for folder in arch specs hook plugin tests contrib; do
    [ -s "$folder/README.md" ] || fail "no $folder/README.md"
    [ "$(wc -l <"$folder/README.md")" -le 80 ] || fail "$folder/README.md is no few lines any more"
  done
}

# documents PAGE PROGRAM [COMMAND]: each option of --help stands in the page.
documents() {
  local page=$1 option help
  shift
  help=$("$@" --help) || fail "$* --help fails"
  for option in $(grep -oE -- '--[a-z-]+' <<<"$help" | sort -u); do
    grep -q -- "$option" "$page" || fail "$page says nothing of $option"
  done
}

@test "the manual names every command and every option" {
  local name
  for name in $("$BUILD/hook/waylay" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -qE "^\*waylay $name\*" hook/waylay.1.scd || fail "hook/waylay.1.scd says nothing of $name"
    documents hook/waylay.1.scd "$BUILD/hook/waylay" "$name"
  done
  documents hook/waylay-hook.1.scd "$BUILD/hook/waylay-hook"
  documents plugin/waylayd.8.scd "$BUILD/plugin/waylayd"
}

@test "annotations.md and the manual name every annotation" {
  local key keys
  keys=$(sed -n 's/^[[:space:]]*{ "\([a-z-]*\)", read_.*/\1/p' specs/annotations.c)
  [ -n "$keys" ] || fail "no table of annotations found"
  for key in $keys; do
    grep -qE "(\`|dev\.waylay\.)$key" specs/annotations.md || fail "annotations.md says nothing of $key"
    grep -qF "*$key" specs/waylay-annotations.5.scd || fail "waylay-annotations.5.scd says nothing of $key"
  done
}

@test "the manual can be made" {
  command -v scdoc >/dev/null || skip "no scdoc"
  for page in $(files '*.scd'); do
    scdoc <"$page" >/dev/null || fail "$page"
  done
}

@test "what documents name as files is there" {
  local path
  for path in $(grep -ohE '`(specs|contrib|tests|arch|hook|plugin)/[A-Za-z0-9_./-]+`' $(files '*.md') | tr -d '`' | sort -u); do
    case $path in *NAME* | *TOPIC*) continue ;; esac
    [ -e "$path" ] || fail "a document names $path, which is not there"
  done
}

@test "examples are valid by the published schemas" {
  python3 -c 'import jsonschema' 2>/dev/null || skip "no python3-jsonschema"
  run python3 tests/lint/schema.py
  assert_success
}
