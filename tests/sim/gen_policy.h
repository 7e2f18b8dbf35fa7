/* SPDX-License-Identifier: Apache-2.0 */
/* Random policies. */
#pragma once

#include "arch/abi.h"
#include "specs/policy.h"
#include "tests/sim/gen.h"

/* n rules of any action, about calls of the native ABI's family, with conditions. */
struct policy *gen_policy(struct rng *rng, const struct abi *native, unsigned n);
