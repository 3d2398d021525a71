"""Errors at the place of a value that is not there, and is made up: which of them none would mend.

A value that is no secret may be of any shape: where one shape has no error, nothing is told. What
is told in the same place, with the same code, for each of them is not about the value.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from qstash_sync.config.environment import Environment
from qstash_sync.config.resources import SECTIONS
from qstash_sync.config.tree import Document, Map
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.presentable import presentable

# Beside the name that is made up first: an address, from where the text before it may have begun
# it, a number, what completes a duration, a truth value.
_ADDRESS = "https://mock.example.com/"
_STARTS = ("https://", "", "http", "https", "https:", "https:/")
_SHAPES = (*(_ADDRESS.removeprefix(start) for start in _STARTS), "1", "1s", "true")
# Codes: no shape is one of the words, or sure to complete what stands beside it.
_OPEN = frozenset({
    "choice", "cron", "date", "ignore", "retry_delay", "unknown_environment", "zone",
})  # fmt: skip
_OF_CONTENT = "body"  # a code: likewise, but a shape that is right shows what is wrong beside it
_OF_OTHERS = "conflict"  # a code: between settings, whatever is in them


def whatever_it_is(
    doubts: Sequence[Diagnostic], made: Callable[..., Environment], documents: Sequence[Document]
) -> list[Diagnostic]:
    """Those of the doubts that hold whatever the values are; made: the environment once more.

    What has doubts is built again, and only while there is a place where every shape so far has an
    error.
    """
    tried = [d for d in doubts if d.code not in _OPEN]
    cut = _with_doubts(documents, {step for d in tried for step in d.path}) if tried else ()
    places = {d.location for d in tried}
    common = {_fact(d) for d in tried if d.code != _OF_CONTENT}
    of_others = {d: None for d in tried if d.code == _OF_OTHERS}
    shapes = iter(_SHAPES)
    while places and (shape := next(shapes, None)) is not None:
        other = made(cut, shape=shape)
        other.check()
        there = other.doubts(places)
        places = {d.location for d in there}
        common &= {_fact(d) for d in there}
        of_others |= {d: None for d in there if d.code == _OF_OTHERS}
    return [*(d for d in tried if _fact(d) in common), *of_others]


def _with_doubts(documents: Sequence[Document], steps: set[str | int]) -> Sequence[Document]:
    """The same files with no resources but those that are named, or that have what defaults say.

    steps: of the paths of all doubts. A name with a variable may be any of them.
    """
    if "defaults" in steps:
        return documents
    return [replace(document, root=_cut(document.root, steps)) for document in documents]


def _cut(root: Map, names: set[str | int]) -> Map:
    for section in SECTIONS:
        entries = root.get(section)
        if isinstance(entries, Map):
            kept = (name for name in entries if "${" in name or presentable(name) in names)
            root = root.replaced(section, entries.without(*(entries.keys() - set(kept))))
    return root


def _fact(diagnostic: Diagnostic) -> tuple[object, ...]:
    """Where it is, of which schedule, as several may inherit it, and its code.

    The names of other resources may be made up themselves; schedules have no variables in theirs.
    """
    heir = diagnostic.path[:2] if diagnostic.path[:1] == ("schedules",) else ()
    return diagnostic.location, heir, diagnostic.code
