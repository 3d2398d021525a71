"""A text that is meant to be JSON: read as YAML, which takes more, and faulted in JSON's words.

To YAML a comment of JavaScript is a word like others: it would become part of the key behind it.
"""

import json
import re
from typing import Any

from qstash_sync.config.parse import plain
from qstash_sync.errors import ConfigError
from qstash_sync.model.diagnostics import Diagnostic, Location

_COMMENT = re.compile(r"""(?s)"(?:\\.|[^"\\])*"|'[^']*'|(?<![^\s,\[\]{}"'])(?P<comment>//|/\*)""")


def values(text: str, name: str) -> Any:
    """Its values alone; raises `ConfigError`, in which no line of it is shown."""
    if (start := _comment(text)) is not None:
        raise _wrong(text, name, start, "a comment, which JSON does not have", "remove it")
    try:
        return plain(text, name)
    except ConfigError as error:
        is_syntax = any(one.code == "yaml" for one in error.diagnostics)
        fault = _fault(text) if is_syntax else None
        if fault is None:
            raise
        raise _wrong(text, name, fault.pos, f"not valid JSON: {fault.msg}") from None


def _comment(text: str) -> int | None:
    found = (match for match in _COMMENT.finditer(text) if match["comment"])
    return next((match.start() for match in found), None)


def _fault(text: str) -> json.JSONDecodeError | None:
    try:
        json.loads(text, parse_int=str)
    except json.JSONDecodeError as error:
        return error
    except RecursionError:
        pass
    return None


def _wrong(text: str, name: str, position: int, fact: str, hint: str = "") -> ConfigError:
    line = text.count("\n", 0, position) + 1
    location = Location(name, line, position - text.rfind("\n", 0, position))
    return ConfigError((Diagnostic(code="json", message=fact, location=location, hint=hint),))
