/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of policy documents, for the reader, the schema's test and the fuzzers. */
#pragma once

#include "specs/keys.h"

extern const struct key_row policy_keys[], policy_rule_keys[];
