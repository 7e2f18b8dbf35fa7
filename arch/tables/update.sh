#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Refreshes numbers/*.tab from a kernel tree and lists calls that lack a row in calls.tab: what it changes
# is a diff to review. Uses the headers that the kernel itself installs, not the format of its tables,
# which differs between versions. Needs make and a C compiler, the host's one.
#
#   update.sh KERNEL_DIR
set -eu

usage() {
	echo "usage: update.sh KERNEL_DIR (a Linux source tree)" >&2
	exit 2
}

# install_headers KERNEL ARCH: prints the include directory
install_headers() {
	[ -d "$work/$2" ] || make -s -C "$1" O="$work/$2" ARCH="$2" headers >&2
	echo "$work/$2/usr/include"
}

# names INCLUDE_DIR CC_OPTIONS...: "number name" rows of <asm/unistd.h>, x32 without its bit
names() {
	include=$1
	shift
	echo '#include <asm/unistd.h>' |
		cc -E -dM -nostdinc -I "$include" "$@" - |
		sed -n -e 's/^#define __NR_\([a-z_][a-z0-9_]*\) .*/\1 __NR_\1/p' \
			-e 's/^#define __ARM_NR_\([a-z][a-z0-9_]*\) .*/\1 __ARM_NR_\1/p' |
		grep -vE '^(syscalls|arch_specific_syscall|syscall_mask|compat_|sync_file_range2 __NR_arm)' \
			>"$work/macros"
	{
		echo '#include <asm/unistd.h>'
		while read -r name macro; do
			echo "@ \"$name\" $macro"
		done <"$work/macros"
	} | cc -E -P -nostdinc -I "$include" "$@" - |
		sed -n 's/^@ "\([^"]*\)" \(.*\)/\1 \2/p' |
		while read -r name number; do
			# shellcheck disable=SC2004 # an expression is meant: "(0x40000000 + 1)"
			case $number in
			*[!0-9a-fA-Fx+\ \(\)]* | '') ;; # an alias of something that is no number here
			*) echo "$(($number & ~0x40000000)) $name" ;;
			esac
		done | sort -n
}

# Adds the kernel's rows to those that are checked in. Numbers are never given twice, so nothing is ever
# taken away (an older kernel lacks some), and where a header has two names for a number the one that is
# checked in stays.
merge() {
	awk '!($1 in name) { name[$1] = $2 } END { for (nr in name) print nr, name[nr] }' "$1" - |
		sort -n
}

refresh() { # ABI ARCH CC_OPTIONS...
	abi=$1
	include=$(install_headers "$kernel" "$2")
	shift 2
	names "$include" "$@" >"$work/rows"
	[ "$(wc -l <"$work/rows")" -gt 300 ] || { echo "update.sh: no numbers for $abi" >&2; exit 1; }
	merge "$tables/numbers/$abi.tab" <"$work/rows" >"$work/$abi.tab"
	sort "$tables/numbers/$abi.tab" >"$work/old"
	# What the kernel has and the file did not: new rows, and other names for known numbers.
	sort "$work/rows" | comm -13 "$work/old" - | sed "s/^/$abi: +/"
	cp "$work/$abi.tab" "$tables/numbers/$abi.tab"
}

if [ $# -ne 1 ] || [ ! -f "$1/Makefile" ]; then
	usage
fi
kernel=$(cd "$1" && pwd)
tables=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

none='-U__x86_64__ -U__i386__ -U__ILP32__'
refresh x86_64 x86
refresh i386 x86 -m32
refresh x32 x86 -D__ILP32__
# shellcheck disable=SC2086
{
	refresh aarch64 arm64 $none
	refresh arm arm $none -D__ARM_EABI__
	refresh riscv64 riscv $none -D__riscv -D__riscv_xlen=64
	refresh ppc64le powerpc $none -D__powerpc64__
	refresh s390x s390 $none -D__s390x__
	refresh loongarch64 loongarch $none -D__loongarch64
}
echo "Calls without a row in calls.tab:"
python3 "$tables/gen.py" "$tables" --missing
