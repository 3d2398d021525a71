"""Secrets that stand in a file in clear by their names: told as warnings, and hidden from then on.

What is called a secret, or is a part of an address that alone lets anybody in, is taken for one:
a header `X-Cron-Auth`, `?token=…`, the path of a Slack webhook, `api_key` in a body. Each becomes
a `Secret`, as if it came from `${env.…}`, so no page shows it. What its writer declares to be no
secret, by `${env.NAME|plain}`, is left alone. Values of a known shape are errors (`literals.py`).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from qstash_sync.config.interpolate import Scope
from qstash_sync.config.literals import IN_CLEAR
from qstash_sync.config.report import Path, Report
from qstash_sync.config.text import shadow
from qstash_sync.config.tree import COLLECTIONS, Map, Seq, Value
from qstash_sync.model import secret_shapes
from qstash_sync.model.diagnostics import Fixed
from qstash_sync.model.resources import Piece, Secret, Text, join
from qstash_sync.model.secret_shapes import Span, Where, is_called
from qstash_sync.record import record

_HEADERS = re.compile(r"authorization|proxy-authorization|cookie|.*-token|.*-key|.*-secret")
_URLS = ("destination", "callback", "failure_callback", "url")
C = TypeVar("C", Map, Map | Seq)
_WAY_OUT = Fixed(
    "take it from the environment: ${env.NAME}, or ${env.NAME|plain} if it is no secret"
)


@record()
class Hider:
    """Looks through the settings of resources; what is found goes to the report."""

    scope: Scope
    report: Report

    def settings(self, tree: Map, path: Path) -> Map:
        """The same settings with literal secrets hidden; the tree itself where there is none."""
        changed: dict[str, Value] = {}
        for key, value in tree.items():
            found = value
            if isinstance(value, Text):
                if key in _URLS:
                    found = self.hidden(value, _in_url, tree, key, path)
                elif key == "body":
                    found = self.hidden(value, _in_text, tree, key, path)
            elif isinstance(value, COLLECTIONS):
                found = self._collection(key, value, (*path, key))
            if found is not value:
                changed[key] = found
        return _with(tree, changed)

    def _collection(self, key: str, value: Map | Seq, path: Path) -> Value:
        if key == "body":
            return self.data(value, path)
        if key == "endpoints":
            return self._endpoints(value, path)
        if isinstance(value, Seq):
            return value
        return self._headers(value, path) if key == "headers" else self.settings(value, path)

    def _endpoints(self, value: Map | Seq, path: Path) -> Value:
        changed: dict[Any, Value] = {}
        for key, item in value.children():
            found = item
            if isinstance(item, Text):
                found = self.hidden(item, _in_url, value, key, path)
            elif isinstance(item, Map):
                found = self.settings(item, (*path, key))
            if found is not item:
                changed[key] = found
        return _with(value, changed)

    def _headers(self, headers: Map, path: Path) -> Map:
        changed: dict[str, Value] = {}
        for name, value in headers.items():
            text = str(value) if type(value) is int else value
            if not isinstance(text, str):
                continue  # a secret already, or unset
            if _HEADERS.fullmatch(name.lower()):
                self._refuse(headers, name, path)
                continue
            find = _all_of if is_called(name, Where.HEADER) else secret_shapes.anywhere
            found = self.hidden(text, find, headers, name, path)
            if found is not text:
                changed[name] = found
        return _with(headers, changed)

    def _refuse(self, headers: Map, name: str, path: Path) -> None:
        location = headers.at(name)
        if location not in self.scope.declared:
            fact = f"the header {name} holds a literal value, and this file is kept in git"
            self.report.error(IN_CLEAR, (*path, name), fact, location, _WAY_OUT)

    def data(self, value: Value, path: Path) -> Value:
        """A body or variables: the members that are called a secret, at any depth."""
        if not isinstance(value, COLLECTIONS):
            return value
        changed: dict[Any, Value] = {}
        for key, item in value.children():
            found = item
            if isinstance(item, str):
                is_named = type(key) is str and is_called(key)
                find = _all_of if is_named else secret_shapes.anywhere
                found = self.hidden(item, find, value, key, path)
            elif isinstance(item, COLLECTIONS):
                found = self.data(item, (*path, key))
            if found is not item:
                changed[key] = found
        return _with(value, changed)

    def hidden(
        self,
        text: str | Secret,
        find: Callable[[str], Iterator[Span]],
        holder: Map | Seq,
        key: str | int,
        path: Path,
    ) -> str | Secret:
        """A text whose plain pieces lose what is found in them; told once. path: the holder's."""
        if type(text) is str and not any(find(text)):
            return text
        pieces = text.pieces if isinstance(text, Secret) else (Piece(text),)
        found = _in_plain(pieces, find)
        location = holder.at(key) if found else None
        if location is None or location in self.scope.declared:
            return text
        fact = Fixed("a literal secret")
        self.report.warning(IN_CLEAR, (*path, key), fact, location, _WAY_OUT)
        result: list[str | Secret] = []
        for number, piece in enumerate(pieces):
            end = 0
            for start, stop in found.get(number, ()):
                holder.origin.hidden.add(piece.text[start:stop])
                self.scope.secrets.add(piece.text[start:stop])  # masked wherever else it stands
                secret = Secret((Piece(piece.text[start:stop], hidden=True),))
                result += [piece.text[end:start], secret]
                end = stop
            result.append(Secret((Piece(piece.text[end:], piece.hidden, piece.known),)))
        return join(result)


def _in_plain(
    pieces: Sequence[Piece], find: Callable[[str], Iterator[Span]]
) -> dict[int, list[Span]]:
    """What is found in a text as it reads as a whole, by the plain piece that has it or some."""
    texts = [shadow(Secret((piece,))) for piece in pieces]
    spans = [*find("".join(texts))]
    found: dict[int, list[Span]] = {}
    begin = 0
    for number, (piece, text) in enumerate(zip(pieces, texts, strict=True)):
        inside = ((max(start - begin, 0), max(end - begin, 0)) for start, end in spans)
        own = [(start, end) for start, end in inside if re.search(r"\w", text[start:end])]
        if own and not piece.hidden:
            found[number] = own
        begin += len(text)
    return found


def _with(value: C, changed: Mapping[Any, Value]) -> C:
    """A collection with other values of some keys; itself where there are none."""
    if not changed:
        return value
    result: Any = value.same()
    for key, found in changed.items():
        result[key] = found
    made: C = result
    return made


def _all_of(text: str) -> Iterator[Span]:
    if text and "${" not in text:  # of variables, before they are replaced
        yield 0, len(text)


def _in_url(text: str) -> Iterator[Span]:
    yield from secret_shapes.webhooks(text)
    for name, span in secret_shapes.parameters(text):
        if is_called(name, Where.PARAMETER):
            yield span


def _in_text(text: str) -> Iterator[Span]:
    """In a body that is text: JSON's members, the fields of a form, or credentials anywhere."""
    yield from secret_shapes.anywhere(text)
    is_json = text.lstrip()[:1] in ("{", "[")
    for name, span in secret_shapes.members(text) if is_json else secret_shapes.fields(text):
        if is_called(name):
            yield span
