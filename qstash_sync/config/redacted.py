"""The lines of the files in which something stands that `redact` hides: nothing quotes them.

They are found before any environment is built, by what is written: a value counts that some layer
of its schedule has, where any layer redacts it; and, as soon as anything is redacted, what stands
where no setting is known, or twice: it may be meant for one.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from qstash_sync.config import parse
from qstash_sync.config.interpolate import variables_in
from qstash_sync.config.literals import is_in_clear
from qstash_sync.config.places import lost_overrides, strays
from qstash_sync.config.report import Report
from qstash_sync.config.sources import Source
from qstash_sync.config.tree import (
    COLLECTIONS,
    Document,
    Map,
    Origin,
    Seq,
    Value,
    line_and_column,
    marks_of,
)
from qstash_sync.config.wrong import nearest
from qstash_sync.record import record

_BODIES = ("body", "body_base64")
_REDACT = "redact"
_MAY_BE_MEANT = r"(?<![\w-])([\w-]{4,10})[\"']?\s*:"


@record()
class _Redaction:
    """What one layer redacts: the body, and all headers or some, in lower case."""

    body: bool
    headers: bool | frozenset[str]

    def holds(self, name: str) -> bool:
        """Whether a header is redacted."""
        return name.lower() in self.headers if isinstance(self.headers, frozenset) else self.headers


class Redacted:
    """Such lines, found when the first is to be quoted; read: the documents, while they are there.

    Of many schedules they are dear, and most runs quote none: a report that comes later reads the
    files once more.
    """

    def __init__(
        self, sources: Sequence[Source], read: Callable[[], Sequence[Document] | None]
    ) -> None:
        self._sources = sources
        self._read = read

    @cached_property
    def _lines(self) -> Mapping[str, Collection[int]]:
        documents = self._read()
        if documents is None:
            read = (
                parse.read(one.text, name=one.name, folder=one.folder, report=Report())
                for one in self._sources
                if not one.no_text
            )
            documents = [document for document in read if document]
        return {**lines(documents), **unsure(self._sources, documents)}

    def of(self, name: str) -> Collection[int]:
        """Those of one file, counted from 1."""
        return self._lines.get(name, ())

    def find(self) -> None:
        """Find them now, before the documents are changed."""
        _ = self._lines


def lines(documents: Sequence[Document]) -> dict[str, Collection[int]]:
    """Such lines by file, counted from 1."""
    if not any(_may_speak_of_it(document.root.origin.text) for document in documents):
        return {}
    if _may_redact_others(documents):
        return {one.root.origin.name: _all_of(one.root.origin.text) for one in documents}
    found, done = _Lines(documents), set[tuple[int, frozenset[_Redaction]]]()
    for entry, defaults, overrides in _schedules(documents):
        layers = [*defaults, entry, *overrides]
        asked = [entry, *overrides] if "redact" in entry else layers
        redactions = frozenset(_redaction(one["redact"]) for one in asked if one.get("redact"))
        for layer in layers if redactions else ():
            if (id(layer), redactions) in done:  # what many schedules lie on
                continue
            done.add((id(layer), redactions))
            for holder, key in _redacted(layer, redactions):
                found.hide(holder, key, holder[key])
    for holder, key in strays(documents):
        if holder[key] is not None:
            found.hide(holder, key, holder[key])
    return {name: frozenset(found) for name, found in found.lines.items()}


def unsure(sources: Sequence[Source], documents: Sequence[Document]) -> dict[str, range]:
    """All lines of the files that may hold some: one may redact what another one holds.

    documents: those that could be read. What stands in the others nobody knows, but for the word.
    """
    read = {document.root.origin.name for document in documents}
    unread = [source for source in sources if source.name not in read]
    if any(source.no_text or "redact" in source.text for source in unread):
        found = sources
    elif any("redact" in source.text for source in sources):
        found = unread
    else:
        found = ()
    return {source.name: _all_of(source.text) for source in found}


def _all_of(text: str) -> range:
    return range(1, len(text.splitlines()) + 1)


def _may_redact_others(documents: Sequence[Document]) -> bool:
    """Whether a `redact` may be meant for a schedule that is not there, or stands elsewhere."""
    if any(document.root.origin.has_dropped for document in documents):
        return True
    if lost_overrides(documents) or not any(_schedules(documents)):
        return True
    return any(_is_meant(key) or _speaks_of_it(holder[key]) for holder, key in strays(documents))


def _may_speak_of_it(text: str) -> bool:
    """Whether a file redacts, or has a key that may be meant for it."""
    return _REDACT in text or any(map(_is_meant, set(re.findall(_MAY_BE_MEANT, text))))


def _is_meant(key: str) -> bool:
    return _REDACT in key.lower() or nearest(key, (_REDACT,)) is not None


def _speaks_of_it(value: Value) -> bool:
    if not isinstance(value, COLLECTIONS):
        return False
    return any(_is_meant(str(key)) or _speaks_of_it(item) for key, item in value.children())


def _schedules(documents: Sequence[Document]) -> Iterator[tuple[Map, list[Map], list[Map]]]:
    """Each schedule, what it lies on, and what lies on it, in any environment."""
    roots = [document.root for document in documents]
    environments = _environments(roots)
    shared = [*_maps(one.get("defaults") for one in environments)]
    sections = [*_maps(one.get("overrides") for one in environments)]
    above = [*_maps(one.get("schedules") for one in sections)]
    for root in roots:
        entries = root.get("schedules")
        defaults = [*_maps([root.get("defaults")]), *shared]
        for name, entry in entries.items() if isinstance(entries, Map) else ():
            if isinstance(entry, Map):
                yield entry, defaults, [*_maps(one.get(name) for one in above)]


def _maps(values: Iterable[Value]) -> Iterator[Map]:
    return (value for value in values if isinstance(value, Map))


def _environments(roots: Iterable[Map]) -> list[Map]:
    sections = _maps(root.get("environments") for root in roots)
    return [one for section in sections for one in _maps(section.values())]


def _redaction(raw: Value) -> _Redaction:
    """What is wrong, or stands in a variable, may redact all."""
    if not isinstance(raw, Map):
        return _Redaction(body=True, headers=True)
    headers = raw.get("headers")
    if isinstance(headers, Seq) and not headers.dynamic:
        return _Redaction(
            body=bool(raw.get("body")), headers=frozenset(str(one).lower() for one in headers)
        )
    return _Redaction(body=bool(raw.get("body")), headers=bool(headers))


def _redacted(layer: Map, redactions: Collection[_Redaction]) -> Iterator[tuple[Map, str]]:
    """Holder and key of each value in a layer that is redacted."""
    if any(one.body for one in redactions):
        yield from ((layer, key) for key in _BODIES if key in layer)
    headers = layer.get("headers")
    if isinstance(headers, Map):
        named = (name for name in headers if any(one.holds(name) for one in redactions))
        yield from ((headers, name) for name in named)
    elif headers is not None and any(one.headers for one in redactions):
        yield layer, "headers"


class _Lines:
    """Hides values by the lines that they take: from their key to what begins behind them."""

    def __init__(self, documents: Sequence[Document]) -> None:
        roots = [document.root for document in documents]
        self.marks = {root.origin: sorted(marks_of(root)) for root in roots}
        owners = [*roots, *_environments(roots)]
        self.variables = [*_maps(owner.get("vars") for owner in owners)]
        self.hidden: set[tuple[int, str | int]] = set()  # of holders and keys, also while hiding
        self.lines: dict[str, set[int]] = {}

    def hide(self, holder: Map | Seq, key: str | int, value: Value) -> None:
        """Hide a value, each value in it, and the variables that stand in it."""
        if (id(holder), key) in self.hidden:
            return
        self.hidden.add((id(holder), key))
        if not isinstance(value, COLLECTIONS) and is_in_clear(str(value)):
            self._hide_lines(holder.origin, holder.mark_of(key))
        if isinstance(value, COLLECTIONS):
            for inner, item in value.children():
                self.hide(value, inner, item)
        for name in variables_in(value) if isinstance(value, str) else ():
            for variables in self.variables:
                if name in variables:
                    self.hide(variables, name, variables[name])

    def _hide_lines(self, origin: Origin, mark: int) -> None:
        marks = self.marks[origin]
        following = bisect_right(marks, mark)
        first, end = line_and_column(mark)[0], len(origin.lines)
        if following < len(marks):
            end, column = line_and_column(marks[following])
            is_shared = origin.lines[end][:column].strip(" -") != ""
            end += is_shared  # the value may end in the line where the next one begins
        self.lines.setdefault(origin.name, set()).update(range(first + 1, max(end, first + 1) + 1))
