"""YAML as a person writes it: short things on one line, long texts as blocks, quotes where needed.

A text stands plain only where every reader of YAML, old or new, takes it for that text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

WIDTH = 100
_LONG = 80  # characters; a longer text stands below its key
_PLAIN = re.compile(r"[A-Za-z/_$][\w./:@%+=&?~$ (){},*!'-]*", re.ASCII)
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z/_][\w./:@%+=&?~$ ()*!'-]*", re.ASCII)
_DURATION = re.compile(r"(?:[0-9]+[smhd])+")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"))
_NUMBER = re.compile(r"[-+]?[\d.][\d_.,:eExXoO+-]*|0x[\da-fA-F]+|\.(?:inf|nan)")
_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r", "\0": r"\0"}
_BYTE, _PLANE = 0xFF, 0xFFFF


class Writer:
    """shows: whether a line can stand as it is where the file is shown, or must be escaped."""

    def __init__(self, shows: Callable[[str], bool]) -> None:
        self._shows = shows

    def scalar(self, value: Any, *, in_flow: bool = False) -> str:
        """One value on one line."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        return self._text(str(value), in_flow=in_flow)

    def _text(self, text: str, *, in_flow: bool) -> str:
        if self._is_plain(text, in_flow=in_flow):
            return text
        if '"' in text and "'" not in text and "\\" not in text and self._shows(text):
            return f"'{text}'"
        if not self._shows(text):
            return f'"{self._escaped(text)}"'
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def _is_plain(self, text: str, *, in_flow: bool) -> bool:
        if _DURATION.fullmatch(text):
            return True
        shape = _PLAIN_IN_FLOW if in_flow else _PLAIN
        return (
            shape.fullmatch(text) is not None
            and text.lower() not in _WORDS
            and not _NUMBER.fullmatch(text)
            and ": " not in text
            and text[-1] not in ": "
            and self._shows(text)
        )

    def _escaped(self, text: str) -> str:
        """What is not visible by its code; where the line as a whole is what does not show, all."""
        shown = "".join(c if self._shows(f"x{c}x") else _coded(c) for c in map(_quoted, text))
        if self._shows(f"x{shown}"):
            return shown
        return "".join(c if c.isalnum() and c.isascii() else _coded(c) for c in text)

    def flow(self, value: Any) -> str:
        """A value on one line, collections in brackets."""
        if isinstance(value, Mapping):
            items = (f"{self.key(k, in_flow=True)}: {self.flow(v)}" for k, v in value.items())
            return "{" + ", ".join(items) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self.flow(item) for item in value) + "]"
        return self.scalar(value, in_flow=True)

    def key(self, text: str, *, in_flow: bool = False) -> str:
        """A key; `<<` is a merge only without quotes."""
        return self._text(text, in_flow=in_flow)

    def entry(self, key: str, value: Any, indent: int) -> Iterator[str]:
        """The lines of a key and its value."""
        head = f"{' ' * indent}{self.key(key)}:"
        yield from self._behind(head, value, indent)

    def _behind(self, head: str, value: Any, indent: int) -> Iterator[str]:
        """The lines of a value behind its key or dash."""
        if isinstance(value, str) and self._is_block(value):
            yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}"
            for line in value.removesuffix("\n").split("\n"):
                yield f"{' ' * (indent + 2)}{line}" if line else ""
            return
        if not isinstance(value, Mapping | list | tuple):
            yield f"{head} {self.scalar(value)}"
            return
        line = f"{head} {self.flow(value)}"
        if not value or (len(line) <= WIDTH and not any(map(self._is_deep, _items(value)))):
            yield line
            return
        yield head
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield from self.entry(key, item, indent + 2)
            return
        for item in value:
            inner = [*self._behind(f"{' ' * (indent + 2)}-", item, indent + 2)]
            yield from inner

    def _is_deep(self, value: Any) -> bool:
        """Whether a value within a line makes the line hard to read."""
        return isinstance(value, Mapping | list | tuple) and any(
            isinstance(item, Mapping | list | tuple) and item for item in _items(value)
        )

    def _is_block(self, text: str) -> bool:
        """Whether a text stands below its key, line by line and without quotes or escapes."""
        is_long = len(text) > _LONG and " " in text
        if not is_long and "\n" not in text.removesuffix("\n"):
            return False
        lines = text.removesuffix("\n").split("\n")
        return (
            bool(lines[0])
            and lines[0][0] not in " \t"
            and bool(lines[-1])
            and all(self._shows(line) and line == line.rstrip() for line in lines)
        )


def _items(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else list(value)


def _quoted(character: str) -> str:
    return _ESCAPES.get(character, character)


def _coded(text: str) -> str:
    if text in _ESCAPES.values():
        return text
    code = ord(text)
    if code <= _BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _PLANE else f"\\U{code:08x}"
