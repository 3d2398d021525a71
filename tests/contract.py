"""Every JSON document that a test sees is one of the contract, and has no key beside it."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import jsonschema

from qstash_sync.render import contracts

_AS = {"destroy": "apply"}


def check(words: Sequence[str], out: str) -> None:
    """Validate what a command has printed, if it was asked for JSON."""
    command = _AS.get(words[0], words[0]) if words else ""
    if command not in contracts.DOCUMENTS or not out.startswith("{"):
        return
    document = json.loads(out)
    best = jsonschema.exceptions.best_match(_validator(command).iter_errors(document))
    assert best is None, f"{command}: {best.json_path}: {best.message[:500]}"


@cache
def _validator(command: str) -> jsonschema.Draft202012Validator:
    found = contracts.schema(command)
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(strict(found))


def strict(schema: Any) -> Any:
    """The same without room for keys that the contract does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if found.get("type") == "object":
        found["additionalProperties"] = False
    return found
