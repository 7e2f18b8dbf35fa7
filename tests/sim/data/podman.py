#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""containers' seccomp.json (podman's own format) -> linux.seccomp as podman writes it into config.json.

usage: podman.py [ARCH [CAP...]] < /usr/share/containers/seccomp.json
ARCH as Go names it (amd64); without CAPs podman's default capabilities.
"""
import json
import sys

DEFAULT = """CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID
SYS_CHROOT""".split()
SCMP = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64", "s390x": "SCMP_ARCH_S390X",
        "ppc64le": "SCMP_ARCH_PPC64LE", "riscv64": "SCMP_ARCH_RISCV64"}


def main():
    arch = sys.argv[1] if len(sys.argv) > 1 else "amd64"
    caps = {"CAP_" + c for c in (sys.argv[2:] or DEFAULT)}
    src = json.load(sys.stdin)
    out = {"defaultAction": src["defaultAction"], "architectures": [SCMP[arch]], "syscalls": []}
    if "defaultErrnoRet" in src:
        out["defaultErrnoRet"] = src["defaultErrnoRet"]
    for row in src.get("archMap", []):
        if row["architecture"] == SCMP[arch]:
            out["architectures"] += row["subArchitectures"]
    for call in src["syscalls"]:
        inc, exc = call.get("includes") or {}, call.get("excludes") or {}
        if exc.get("arches") and arch in exc["arches"]:
            continue
        if exc.get("caps") and caps & set(exc["caps"]):
            continue
        if inc.get("arches") and arch not in inc["arches"]:
            continue
        if inc.get("caps") and not set(inc["caps"]) <= caps:
            continue
        row = {"names": call["names"], "action": call["action"]}
        if call.get("errnoRet") is not None:
            row["errnoRet"] = call["errnoRet"]
        if call.get("args"):
            row["args"] = call["args"]
        out["syscalls"].append(row)
    json.dump(out, sys.stdout, indent=0, separators=(",", ":"))
    print()


main()
