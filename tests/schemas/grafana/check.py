"""Holds dashboards to the schema beside this file: a JSON object of them by name, on standard input."""

import json
import pathlib
import sys

import jsonschema_rs

schema = json.loads((pathlib.Path(__file__).parent / "dashboard.jsonschema.json").read_text())
validator = jsonschema_rs.validator_for(schema)
faults = [
    f"{name}: {'/'.join(map(str, fault.instance_path))}: {fault.message}"
    for name, board in json.load(sys.stdin).items()
    for fault in validator.iter_errors(board)
]
print("\n".join(faults))
sys.exit(bool(faults))
