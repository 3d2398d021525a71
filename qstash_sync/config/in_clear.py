"""Secrets that stand in a file in clear by their names: told as warnings, and hidden from then on.

What is called a secret, or is a part of an address that alone lets anybody in, is taken for one:
a header `X-Cron-Auth`, `?token=…`, the path of a Slack webhook, `api_key` in a body. Each becomes
a `Secret`, as if it came from `${env.…}`, so no page shows it. What its writer declares to be no
secret, by `${env.NAME|plain}`, is left alone. Values of a known shape are errors (`literals.py`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qstash_sync.config.interpolate import Scope
from qstash_sync.config.literals import LITERAL_SECRET
from qstash_sync.config.report import Path, Report
from qstash_sync.config.tree import Map, Seq, Value
from qstash_sync.model import secret_shapes
from qstash_sync.model.resources import Piece, Secret, join
from qstash_sync.model.secret_shapes import Span, Where, is_called

_HEADERS = re.compile(r"authorization|proxy-authorization|cookie|.*-token|.*-key|.*-secret")
_URLS = ("destination", "callback", "failure_callback", "url")
_WAY_OUT = "take it from the environment: ${env.NAME}, or ${env.NAME|plain} if it is no secret"


@dataclass(frozen=True, slots=True)
class Hider:
    """Looks through the settings of resources; what is found goes to the report."""

    scope: Scope
    report: Report

    def settings(self, tree: Map, path: Path) -> Map:
        """The same settings with literal secrets hidden; the tree itself where there is none."""
        result = tree
        for key, value in tree.items():
            inner = (*path, key)
            found = value
            if isinstance(value, str | Secret):
                if key in _URLS:
                    found = self.hidden(value, _in_url, tree, key, inner)
                elif key == "body":
                    found = self.hidden(value, _in_text, tree, key, inner)
            elif isinstance(value, Map | Seq):
                found = self._collection(key, value, inner)
            if found is not value:
                result = result.replaced(key, found)
        return result

    def _collection(self, key: str, value: Map | Seq, path: Path) -> Value:
        if key == "body":
            return self.data(value, path)
        if key == "endpoints":
            return self._endpoints(value, path)
        if isinstance(value, Seq):
            return value
        return self._headers(value, path) if key == "headers" else self.settings(value, path)

    def _endpoints(self, value: Map | Seq, path: Path) -> Value:
        result = value.like()
        for key, item in value.children():
            found = item
            if isinstance(item, str | Secret):
                found = self.hidden(item, _in_url, value, key, (*path, key))
            elif isinstance(item, Map):
                found = self.settings(item, (*path, key))
            result.add(key, found)
        return result

    def _headers(self, headers: Map, path: Path) -> Map:
        result = headers
        for name, value in headers.items():
            lowered, text = name.lower(), str(value) if type(value) is int else value
            if not isinstance(text, str):
                continue  # a secret already, or unset
            if _HEADERS.fullmatch(lowered):
                self._refuse(headers, name, path)
                continue
            find = _all_of if is_called(name, Where.HEADER) else secret_shapes.anywhere
            found = self.hidden(text, find, headers, name, (*path, name))
            result = result if found is text else result.replaced(name, found)
        return result

    def _refuse(self, headers: Map, name: str, path: Path) -> None:
        location = headers.at(name)
        if location not in self.scope.declared:
            fact = f"the header {name} holds a literal value, and this file is kept in git"
            self.report.error(LITERAL_SECRET, (*path, name), fact, location, _WAY_OUT)

    def data(self, value: Value, path: Path) -> Value:
        """A body or variables: the members that are called a secret, at any depth."""
        if not isinstance(value, Map | Seq):
            return value
        result, is_changed = value.like(), False
        for key, item in value.children():
            inner = (*path, key)
            if isinstance(item, str):
                is_named = isinstance(key, str) and is_called(key)
                find = _all_of if is_named else secret_shapes.anywhere
                found = self.hidden(item, find, value, key, inner)
            else:
                found = self.data(item, inner)
            is_changed |= found is not item
            result.add(key, found)
        result.dynamic = value.dynamic
        return result if is_changed else value

    def hidden(
        self,
        text: str | Secret,
        find: Callable[[str], Iterator[Span]],
        holder: Map | Seq,
        key: str | int,
        path: Path,
    ) -> str | Secret:
        """A text whose plain pieces lose what is found in them; told once."""
        pieces = text.pieces if isinstance(text, Secret) else (Piece(text),)
        found = {
            n: spans for n, p in enumerate(pieces) if not p.hidden and (spans := [*find(p.text)])
        }
        location = holder.at(key) if found else None
        if location is None or location in self.scope.declared:
            return text
        self.report.warning(LITERAL_SECRET, path, "a literal secret", location, _WAY_OUT)
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
