/* SPDX-License-Identifier: Apache-2.0 */
/* A profile (OCI linux.seccomp) -> cBPF, compiled by libseccomp. */
#pragma once

#include "arch/bpf/bpf.h"
#include "specs/json.h"

/* Compiles as runc and crun do (architectures as given plus native, unknown names skipped, rules equal
 * to the default skipped). For the trial merge before the container runs and for `waylay explain`; what
 * is merged in the end is the program that the runtime itself loads. -EBUSY for a profile with a
 * listenerPath: its notifications are somebody else's. */
int profile_compile(const struct json *seccomp, struct bpf_prog *ret_prog, struct wl_err *err);
