"""References that no file declares, and that are nearly what one declares.

Whether they are in the account only a plan can tell, and it does: this is for who has no token.
"""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from qstash_sync.lint.finding import finding
from qstash_sync.model import references
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.resources import Desired

_NEAR = 0.75  # of all letters are the same, in the same order: mial for mail, at the least


def findings(desired: Desired) -> Iterator[Diagnostic]:
    """What the schedules of a file refer to, where it may be a slip of the pen."""
    declared = references.names(desired)
    known: dict[tuple[str, str], list[str]] = {}  # many schedules may refer to one
    for schedule in desired.schedules or ():
        for key, name in references.of(schedule):
            if name in declared[key]:
                continue
            if (key, name) not in known:
                known[key, name] = get_close_matches(name, sorted(declared[key]), 1, _NEAR)
            if near := known[key, name]:
                fact = f"{name} is not declared here, and {near[0]} is"
                found = finding(Code.NEAR_NAME, schedule, fact, f"did you mean {near[0]}?", key)
                yield replace(found, location=schedule.refers_at(key))
