"""Which resources a run is about: `--target` and `--exclude`, written as KIND.NAME.

    --target schedules.billing-*     the kind in singular or plural, the name as a glob
    --exclude '*.images'             the kind may be a glob, too

A resource is kept where a target names it, or there is none, and no exclude does. A renamed
schedule has two names for as long as the old one is live: whoever names one of them means both,
since half a rename would lose the schedule or double it.
"""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from qstash_sync.model.names import near
from qstash_sync.model.resources import Desired, Key, Kind
from qstash_sync.reconcile.compared import Comparison
from qstash_sync.record import record

_WORDS = {word: kind for kind in Kind for word in (str(kind), f"{kind}s")}
KINDS = f"the kinds are {', '.join(f'{kind}s' for kind in Kind)}"  # for a message
_LISTED = 12  # more names than this help nobody
_NEAR = 0.6  # of 1: a word that was misspelt


def is_glob(word: str) -> bool:
    """Whether a word may name several, as `*`, `?` and `[…]` do."""
    return any(sign in word for sign in "*?[")


@record()
class Pattern:
    """Some kinds, and a glob of names."""

    kinds: frozenset[Kind]
    glob: str

    def names(self, kind: Kind, names: Iterable[str]) -> bool:
        """Whether it means a resource that has these names."""
        return kind in self.kinds and any(fnmatchcase(name, self.glob) for name in names)


def kinds(word: str) -> frozenset[Kind]:
    """The kinds that a word means, in singular or plural."""
    word = word.replace("-", "_")
    return frozenset(kind for known, kind in _WORDS.items() if fnmatchcase(known, word))


@lru_cache(maxsize=1024)
def pattern(text: str) -> Pattern:
    """A pattern as it is written; raises a `ValueError` that says how it would be right."""
    word, _, glob = text.partition(".")
    found = kinds(word)
    if not found or not glob:
        raise ValueError(f"{text}: write it like schedules.billing-*; {KINDS}")
    return Pattern(found, glob)


def is_named(patterns: Iterable[str], kind: Kind, names: Iterable[str]) -> bool:
    """Whether one of some patterns means a resource."""
    names = tuple(names)
    return any(pattern(text).names(kind, names) for text in patterns)


def idle(text: str, found: Pattern, comparison: Comparison) -> str | None:
    """Why a pattern cannot be meant: nothing declared, or live and ours, has such a name."""
    there = (*comparison.compared, *comparison.orphans)
    if any(found.names(one.kind, one.names) for one in there):
        return None
    fact = f"{text}: nothing in the files, or of ours in the account, has such a name"
    return f"{fact}; {_there(found, comparison)}"


def _there(found: Pattern, comparison: Comparison) -> str:
    """What could have been meant: the resources of the kind, else all; the nearest first."""
    every = sorted((one.kind, one.name) for one in comparison.compared)
    known = [key for key in every if key[0] in found.kinds] or every
    close = near(found.glob, [name for _, name in known], 1, _NEAR)
    nearest = next((f"{kind}s.{name}" for kind, name in known if name in close), "")
    listed = ", ".join(f"{kind}s.{name}" for kind, name in known[:_LISTED]) or "nothing at all"
    more = f" and {len(known) - _LISTED:,} more" * (len(known) > _LISTED)
    return f"did you mean {nearest}? " * bool(nearest) + f"there is {listed}{more}"


def narrowed(desired: Desired, inside: frozenset[Key]) -> Desired:
    """What is declared, as far as the run is about it; a kind stays managed with nothing left."""
    kept: dict[str, Any] = {
        f"{kind}s": tuple(r for r in resources if (kind, getattr(r, "id", r.name)) in inside)
        for kind in Kind
        if (resources := getattr(desired, f"{kind}s")) is not None
    }
    return replace(desired, **kept)
