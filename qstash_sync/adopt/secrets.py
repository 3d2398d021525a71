"""What of an account looks like a secret, and texts in which it is held apart.

by name      a header, a query parameter or a key of a body: Authorization, ?token=, "api_key"
by shape     a Stripe, GitHub, Slack, AWS, … token, wherever it stands
by address   the path of a webhook, which is all that protects it
redacted     what QStash shows as a digest alone
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from qstash_sync.model import secret_shapes
from qstash_sync.model.resources import MASK, Piece, Secret, Text
from qstash_sync.model.secret_shapes import SCHEME, Span, Where, is_called, is_likely
from qstash_sync.reconcile.canonical import DIGEST
from qstash_sync.record import record

_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
TOLD = 8  # characters of a secret that is looked for in other places, too
_SMALL = 1_000  # a number below is no password


@record()
class Hidden:
    """A value that goes to the environment; what: it is, for the name of its variable."""

    value: str = field(repr=False)
    what: str = field(compare=False)
    redacted: bool = False  # the value is a digest, and the real one not known


@record()
class Template:
    """A text of the file: plain parts, and hidden ones that become `${env.NAME}`."""

    parts: tuple[str | Hidden, ...]

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        """The parts that are not written."""
        return tuple(part for part in self.parts if isinstance(part, Hidden))

    @property
    def plain(self) -> str | None:
        """The whole text, where nothing of it is hidden."""
        return None if self.hidden else "".join(str(part) for part in self.parts)

    def starts_with(self, prefix: str) -> bool:
        """Whether the text begins with a plain prefix."""
        return isinstance(self.parts[0], str) and self.parts[0].startswith(prefix)

    def without(self, prefix: str) -> "Template":
        """The text without its plain prefix."""
        first, *rest = self.parts
        assert isinstance(first, str)
        return Template((first.removeprefix(prefix), *rest))

    def written(self, names: Mapping[str, str]) -> str:
        """The text as the file has it; names: of the variables, by value."""
        return "".join(
            f"${{env.{names[part.value]}}}"
            if isinstance(part, Hidden)
            else part.replace("${", "$${")
            for part in self.parts
        )

    def as_declared(self) -> Text:
        """The text as it would be if the file were read again."""
        if not self.hidden:
            return self.plain or ""
        return Secret(
            tuple(
                Piece(part.value, hidden=True) if isinstance(part, Hidden) else Piece(part)
                for part in self.parts
            )
        )


Found = tuple[int, int, str]  # start, end, what


def _template(text: str, found: Iterable[Found]) -> Template:
    """The text with stretches held apart; those that overlap are one."""
    joined: list[Found] = []
    for start, end, what in sorted(found):
        if joined and start < joined[-1][1]:
            first, until, called = joined.pop()
            joined.append((first, max(until, end), called))
        elif start < end:
            joined.append((start, end, what))
    parts: list[str | Hidden] = []
    at = 0
    for start, end, what in joined:
        before = text[at:start]
        shown = before.rstrip("$")  # a dollar before `${env.X}` would make it a literal
        parts += [shown, Hidden(before[len(shown) :] + text[start:end], what)]
        at = end
    parts.append(text[at:])
    return Template(tuple(part for part in parts if part) or ("",))


def all_of_url(template: Template, what: str) -> Template:
    """A plain address of which anything but the host may be a secret."""
    text = template.plain or ""
    start = text.find("/", text.find("://") + 3) + 1
    return _template(text, [(start, len(text), what)] if start else ())


def all_of_header(template: Template, name: str) -> Template:
    """A plain header that may be a secret; the scheme of an authorization is none."""
    text = template.plain or ""
    scheme = SCHEME.match(text)
    return _template(text, [(scheme.end() if scheme else 0, len(text), name)])


def plain(text: str) -> Template:
    """A text as it is."""
    return Template((text,))


def redacted(digest: str, what: str) -> Template:
    """What QStash does not show."""
    return Template((Hidden(digest, what, redacted=True),))


def whole(text: str, what: str) -> Template:
    """A text that is one secret."""
    return Template((Hidden(text, what),))


def is_digest(text: str) -> bool:
    """Whether QStash shows this in place of a value."""
    return text.startswith(DIGEST)


def _shapes(text: str, what: str) -> Iterator[Found]:
    return ((start, end, what) for start, end in secret_shapes.likely_in(text))


def _anywhere(text: str, what: str) -> Iterator[Found]:
    return ((start, end, what) for start, end in secret_shapes.anywhere(text))


def _called(
    text: str, named: Iterable[tuple[str, Span]], where: Where, what: str = ""
) -> Iterator[Found]:
    for name, (start, end) in named:
        if is_likely(name, text[start:end], where):
            yield start, end, f"{what} {name}".strip()


def _within(text: str, what: str) -> Iterator[Found]:
    """What stands in a text that may be anything: JSON, XML, a form, an address, prose."""
    yield from _called(text, secret_shapes.members(text), Where.MEMBER)
    yield from _called(text, secret_shapes.fields(text), Where.MEMBER)
    yield from _called(text, secret_shapes.loose_members(text), Where.MEMBER)
    yield from _called(text, secret_shapes.elements(text), Where.MEMBER)
    yield from _called(text, secret_shapes.in_addresses(text), Where.PARAMETER)
    yield from _webhooks(text, what)
    yield from _anywhere(text, what)
    yield from _shapes(text, what)


def _webhooks(text: str, what: str) -> Iterator[Found]:
    spans = secret_shapes.webhooks(text, likely=True)
    return ((start, end, f"{what} webhook".strip()) for start, end in spans)


def url(text: str, what: str) -> Template:
    """An address: secrets of its query and path, never of its host."""

    def found() -> Iterator[Found]:
        yield from _webhooks(text, what)
        yield from _called(text, secret_shapes.parameters(text), Where.PARAMETER, what)
        path = text.find("/", text.find("://") + 3)
        for low, high, name in _shapes(text, f"{what} token".strip()):
            if path != -1 and low >= path:
                yield low, high, name

    return _template(text, found())


def header(name: str, value: str) -> Template:
    """The value of a header; the scheme of an authorization stays plain."""
    if is_digest(value):
        return redacted(value, name)
    if is_called(name, Where.HEADER, likely=True):
        scheme = SCHEME.match(value)
        return _template(value, [(scheme.end() if scheme else 0, len(value), name)])
    return _template(value, _within(value, name))


def text_body(text: str, what: str) -> Template:
    """A body that stands as text."""
    return _template(text, _within(text, what))


def json_body(value: Any, what: str) -> Any:
    """A body that stands as mapping or list; None where a secret in it is no text."""
    try:
        return _json(value, what, what)
    except _NoTextError:
        return None


class _NoTextError(Exception):
    """A secret that is a number: its variable would make a text of it."""


def _json(value: Any, key: str, what: str) -> Any:
    if isinstance(value, dict):
        if is_called(key, likely=True):  # {"secret": {"value": …}}
            return {name: _json(item, key, what) for name, item in value.items()}
        return {name: _json(item, name, what) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item, key, what) for item in value]
    if isinstance(value, str):
        if value and is_likely(key, value):
            return whole(value, key)
        return text_body(value, what)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and abs(value) >= _SMALL and is_called(key, likely=True):
        raise _NoTextError
    return value


def replaced(value: Any, change: Callable[[Template], Any]) -> Any:
    """A tree of settings with every text changed."""
    if isinstance(value, Template):
        return change(value)
    if isinstance(value, Mapping):
        return {key: replaced(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(item, change) for item in value]
    return value


class Known:
    """Hidden values that are long enough to be told wherever they stand, by how they begin."""

    def __init__(self, *trees: Any) -> None:
        self._whats: dict[str, str] = {}
        for tree in trees:
            for hidden in hidden_in(tree):
                if not hidden.redacted and len(hidden.value) >= TOLD:
                    self._whats.setdefault(hidden.value, hidden.what)
        self._beginning: dict[str, list[str]] = {}
        for value in sorted(self._whats, key=len, reverse=True):
            self._beginning.setdefault(value[:TOLD], []).append(value)

    def hiding_in_url(self, template: Template) -> Template:
        """An address without them; what is a secret elsewhere is none in a host."""
        first, *rest = template.parts
        host = _HOST.match(first) if isinstance(first, str) else None
        if not host:
            return self.hiding(template)
        below = self.hiding(Template((host.string[host.end() :], *rest))).parts
        if isinstance(below[0], str):
            return Template((host[0] + below[0], *below[1:]))
        return Template((host[0], *below))

    def masked(self, text: str) -> str:
        """What is said to people, without them."""
        parts = self.hiding(plain(text)).parts
        return "".join(part if isinstance(part, str) else MASK for part in parts)

    def hiding(self, template: Template) -> Template:
        """The text without values that are secrets elsewhere."""
        if not self._whats:
            return template
        parts: list[str | Hidden] = []
        for part in template.parts:
            is_hidden = isinstance(part, Hidden)
            parts += [part] if is_hidden else _template(str(part), self._found(str(part))).parts
        return Template(tuple(part for part in parts if part) or ("",))

    def _found(self, text: str) -> Iterator[Found]:
        for start in range(len(text) - TOLD + 1):
            for value in self._beginning.get(text[start : start + TOLD], ()):
                if text.startswith(value, start):
                    yield start, start + len(value), self._whats[value]


def hidden_in(value: Any) -> Iterator[Hidden]:
    """Every hidden part of a tree of settings, in its order."""
    if isinstance(value, Hidden):
        yield value
    elif isinstance(value, Template):
        yield from value.hidden
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from hidden_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from hidden_in(item)
