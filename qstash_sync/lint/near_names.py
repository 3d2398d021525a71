"""References that no file declares, and that are a letter from what one declares.

Whether they are in the account only a plan can tell, and it does: this is for who has no token.
"""

from collections.abc import Iterator
from dataclasses import replace

from qstash_sync.lint.finding import finding
from qstash_sync.model import references
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.resources import Desired

_SHORTEST, _LONGEST = 4, 100  # characters: eu is no us, and nobody mistypes what no hand has typed


def findings(desired: Desired) -> Iterator[Diagnostic]:
    """What the schedules of a file refer to, where it may be a slip of the pen."""
    declared = references.names(desired)
    known: dict[str, dict[str, str]] = {}  # by setting: the name that is meant by what is nearly it
    for schedule in desired.schedules or ():
        for key, name in references.of(schedule):
            if name in declared[key]:
                continue
            if key not in known:
                names = sorted(declared[key], reverse=True)  # of several, the first
                known[key] = {less: one for one in names for less in _nearly(one)}
            meant = (known[key][less] for less in _nearly(name) if less in known[key])
            if near := next(meant, None):
                fact = f"{name} is not declared here, and {near} is"
                found = finding(Code.NEAR_NAME, schedule, fact, f"did you mean {near}?", key)
                yield replace(found, location=schedule.refers_at(key))


def _nearly(name: str) -> Iterator[str]:
    """A name, and what it is without one of its letters.

    Two names with one of these in common are a letter from each other: one too many, another one,
    or two the wrong way round. Not so a digit, since jobs-2 is another queue than jobs-1. No pair
    of names is compared, of which there may be a hundred million.
    """
    if _SHORTEST <= len(name) <= _LONGEST:
        yield name
        yield from (name[:i] + name[i + 1 :] for i, one in enumerate(name) if not one.isdigit())
