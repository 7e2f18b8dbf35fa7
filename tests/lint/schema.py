#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""specs/examples are valid by the published schemas, and what the parsers refuse is not."""
import json
import pathlib
import sys

import jsonschema

specs = pathlib.Path(__file__).resolve().parents[2] / "specs"


def load(name):
    schema = json.loads((specs / "schema" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


policy, cap = load("policy.schema.json"), load("cap.schema.json")
bad = 0
for path in sorted((specs / "examples").glob("*.json")):
    for error in (cap if path.name.startswith("host-") else policy).iter_errors(json.loads(path.read_text())):
        print(f"{path.name}: {error.json_path}: {error.message}")
        bad += 1

# The same mistakes stand in tests/unit/policy.c, where the parser refuses them.
for rule in (
    {},
    {"action": "deny"},
    {"action": "deny", "syscalls": []},
    {"action": "deny", "syscalls": [3]},
    {"action": "deny", "syscalls": "mount", "value": 1},
    {"action": "deny", "syscalls": "mount", "errno": 0},
    {"action": "return", "syscalls": "mount", "value": -4095},
    {"action": "delay", "syscalls": "mount"},
    {"action": "delay", "syscalls": "mount", "milliseconds": 600001},
    {"action": "emulate"},
    {"action": "emulate", "handler": "x"},
    {"action": "emulate", "handler": "mknod", "options": {"devices": 1}},
    {"action": "trace", "syscalls": "mount", "errno": "EPERM"},
    {"action": "trace", "syscalls": "mount", "handler": "mknod"},
    {"action": "kill", "syscalls": "mount", "name": ""},
):
    if policy.is_valid({"version": 1, "rules": [rule]}):
        print(f"the schema takes {rule}")
        bad += 1
sys.exit(bad != 0)
