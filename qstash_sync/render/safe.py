"""What comes from the file, the account or the command line, made harmless where it is shown.

Views hand over lines, and only these functions make a `Page` of them, the one thing that is ever
printed: a text from outside cannot begin a line, move a cursor, hide, or command a CI runner.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NewType

Page = NewType("Page", str)

# Printable to Python, and shown as nothing: fillers, joiners, and selectors that can carry text.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U000e0100-\U000e01ef]")
# What GitHub's runner obeys at the head of a line, and others anywhere in one.
_COMMAND = re.compile(r"^(?P<indent>\s*):(?=:)|#(?=#(?:\[|vso\[|teamcity\[))", re.IGNORECASE)
_TRAP = re.compile(r"`(?=``)|<(?=!--|/?(?:details|summary))|#(?=#(?:\[|vso))", re.IGNORECASE)
_LAST_BYTE = 0xFF
_WORD = re.compile(r" *(?:\d[\d,]* |tzdata )?[^ ]+")  # a number stays with what it counts
_COMMANDS = re.compile(r" *[^ `]*`[^`]+`[^ `]*|" + _WORD.pattern)  # to be copied
_TYPED = "`qstash-sync "
# Begins our own colours; nobody else can know it, so no text from outside makes one.
_STYLE = f"\x1b{os.urandom(8).hex()}"
_COLOURS = re.compile(rf"{_STYLE}\[[\d;]*m")


def page(lines: Iterable[str] | str) -> Page:
    """Lines for a terminal or a log; a text alone is one line."""
    return Page("\n".join(map(_painted, [lines] if isinstance(lines, str) else lines)))


def masked(page: Page, secret: str, kept: str = "") -> Page:
    """The page without a secret; kept: how it ends, which is none."""
    from qstash_sync.model.resources import MASK  # noqa: PLC0415 `--help` has no use for it

    return Page(page.replace(secret, f"{MASK}{kept}"))


def document(text: str) -> Page:
    """A JSON document with line breaks of its own, in which whatever is not visible is escaped."""
    flat = text.replace("\n", "")
    if flat.isascii() and flat.isprintable() and "::" not in flat and "##" not in flat:
        return Page(text)  # as nearly always
    lines = (_visible(line, as_json) for line in text.split("\n"))
    return Page("\n".join(_COMMAND.sub(r"\\u0023", line) for line in lines))


def html(text: str) -> Page:
    """An HTML document with line breaks of its own; what a CI runner would obey is a reference."""
    lines = (_visible(line, _escaped) for line in text.split("\n"))
    return Page("\n".join(_COMMAND.sub(_as_reference, line) for line in lines))


def calendar(text: str) -> Page:
    """A document of RFC 5545: lines end with CR LF, the last one's LF comes when it is written."""
    lines = (_visible(line, _escaped) for line in text.removesuffix("\r\n").split("\r\n"))
    return Page("\r\n".join(lines) + "\r")


def calendar_text(text: str) -> str:
    """A value of a calendar: a long one is cut into lines, which no CI runner may obey."""
    return line(text).replace("::", ": :")


def annotation(kind: str, text: str, file: str = "", line: int = 0, column: int = 0) -> Page:
    """A command that GitHub's runner is to obey: a message at a place; kind: error, warning."""
    place = [("file", file), ("line", str(line)), ("col", str(column))] if file else []
    said = [*place, ("title", "qstash-sync")]
    properties = ",".join(f"{key}={_as_property(value)}" for key, value in said)
    return Page(f"::{kind} {properties}::{_as_data(_visible(text, _escaped))}")


def _as_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _as_property(text: str) -> str:
    shown = _as_data(_visible(text, _escaped))
    return shown.replace(":", "%3A").replace(",", "%2C")


def fenced(text: str) -> str:
    """A line as it may stand in a fence of Markdown: visible, and without traps."""
    return _visible(_TRAP.sub(lambda found: _escaped(found[0]), text), _escaped)


def name(text: str) -> str:
    """A name as it may stand in Markdown outside a fence."""
    return re.sub(r"[^\w.-]", "_", text, flags=re.ASCII)[:100]


def line(text: str) -> str:
    """One line, whatever is in it; made once more, it stays as it is."""
    shown = _visible(text, _escaped)
    return _COMMAND.sub(lambda at: (at["indent"] or "") + _escaped(at[0].strip()), shown)


def styled(text: str, codes: str) -> str:
    """A text in colours, which come to be in a page alone."""
    return f"{_STYLE}[{codes}m{text}{_STYLE}[0m"


def wrapped(text: str, hang: int, width: int) -> list[str]:
    """A line in so many columns, broken between words, the rest hanging; its indent stays.

    Colours take no columns, wide characters take two. A command of ours in backticks is one word,
    however long: copied from two lines it would be two. Likewise what else stands in backticks, as
    far as it fits in a line of its own. Another word that is longer than a line is broken where the
    line ends, but for a coloured one.
    """
    text = _STYLE.join(map(line, text.split(_STYLE)))  # as it will be shown
    if columns(text) <= width:
        return [text]
    hang = min(hang, width // 2)
    indent = min(len(text) - len(text.lstrip(" ")), width // 2)
    lines, current = [], " " * indent
    for word in _words(text.lstrip(" "), width - hang):
        if columns(current + word) <= width:
            current += word
            continue
        if current.strip(" "):
            lines.append(current)
        current = " " * hang + word.lstrip(" ")
        while columns(current) > width and _STYLE not in current and _TYPED not in current:
            fits = _fitting(current, width)
            lines.append(current[:fits])
            current = " " * hang + current[fits:]
    return [*lines, current]


def _words(text: str, room: int) -> Iterator[str]:
    for word in _COMMANDS.findall(text):
        is_one = _TYPED in word or columns(word.lstrip(" ")) <= room
        yield from [word] if is_one else _WORD.findall(word)


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    shown = _COLOURS.sub("", text) if _STYLE in text else text
    return len(shown) if shown.isascii() else sum(map(_width_of, shown))


def _width_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, width: int) -> int:
    """How many characters of a text fit in so many columns; one at least."""
    used = 0
    for count, character in enumerate(text):
        used += _width_of(character)
        if used > width:
            return max(count, 1)
    return len(text)


def as_json(character: str) -> str:
    """A character as JSON escapes it, in ASCII."""
    import json  # noqa: PLC0415 `--help` has no use for it

    escaped = json.dumps(character)[1:-1]
    return escaped if len(escaped) > 1 else f"\\u{ord(character):04x}"


def _as_reference(command: re.Match[str]) -> str:
    return (command["indent"] or "") + f"&#{ord(command[0].strip()[0])};"


def _painted(text: str) -> str:
    if _STYLE not in text:
        return line(text)
    return "\x1b".join(map(line, text.split(_STYLE)))


def _visible(text: str, escape: Callable[[str], str]) -> str:
    if text.isprintable() and not _UNSEEN.search(text):
        return text
    return "".join(c if c.isprintable() and not _UNSEEN.match(c) else escape(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= _LAST_BYTE else f"\\u{code:04x}"
