#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes one target with clang's libFuzzer: tests/fuzz/run.sh TARGET SECONDS. New inputs go to a folder of the
# user's choice (FUZZ_OUT, default /tmp/waylay-fuzz-TARGET); put what is worth keeping into corpus/TARGET.
set -eu

cd "$(dirname "$0")/../.."
target=$1
seconds=$2
out=${FUZZ_OUT:-/tmp/waylay-fuzz-$target}
build=${FUZZ_BUILD:-/tmp/waylay-fuzz-build}

parts=
[ "$target" != bpf ] || parts=tests/sim/gen.c

[ -d "$build" ] || CC=clang meson setup "$build" -Db_sanitize=address,undefined -Db_lundef=false \
	-Dc_args=-fsanitize=fuzzer-no-link -Dc_link_args=-fsanitize=fuzzer-no-link
ninja -C "$build" arch/libarch.a specs/libspecs.a hook/libhook.a
mkdir -p "$out"
# shellcheck disable=SC2086 # a list
clang -g -O1 -std=gnu17 -fsanitize=fuzzer,address,undefined -I. -include "$build/config.h" \
	"tests/fuzz/$target.c" $parts -o "$out/../waylay-fuzz-$target.exe" \
	"$build/hook/libhook.a" "$build/specs/libspecs.a" "$build/arch/libarch.a" -lyajl -lcap -lseccomp
exec "$out/../waylay-fuzz-$target.exe" -max_total_time="$seconds" -max_len=2048 -timeout=10 \
	"$out" "tests/fuzz/corpus/$target"
