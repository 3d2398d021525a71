"""A document as plain values that know where they were written.

Positions are kept as packed integers, `line << 32 | column`, one for each key and item; a
`Location` with its line of text is made only for a value that is asked about.
"""

import re
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import Any, Self

from qstash_sync.config.report import Path
from qstash_sync.model.diagnostics import Location
from qstash_sync.record import record

Value = Any  # Map | Seq | str | int | float | bool | None
MAX_DEPTH = 100  # collections in collections; every walk over a tree may recurse this far


def line_and_column(mark: int) -> tuple[int, int]:
    """What a packed position says, each counted from 0."""
    return mark >> 32, mark & (1 << 32) - 1


class Origin:
    """A file's name and text, by which a packed position becomes a location."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.has_dropped = False  # something that is wrong, and so stands in no tree
        self.hidden: set[str] = set()  # what must not be shown of it
        self.hidden_lines: Callable[[], Collection[int]] = tuple  # likewise, counted from 1

    def shown_key(self, key: str, letters: str = r"[\w.-]*") -> str:
        """A key as far as it is one; the rest, maybe a secret as in `{token abc}`, is hidden.

        An address is shown, or not, by what stands in it.
        """
        known = re.match(letters, key)
        rest = key[known.end() :] if known else key
        if not rest or "://" in key:
            return key
        self.hidden |= {rest} if rest.strip() else set()
        return f"{key.removesuffix(rest)}…"

    @cached_property
    def lines(self) -> list[str]:
        """The text by lines."""
        return self.text.splitlines()

    def location(self, mark: int) -> Location:
        """The location of a packed position."""
        line, column = line_and_column(mark)
        return Location(self.name, line + 1, column + 1, self)

    def shown(self, line: int) -> str:
        """A line, counted from 1; "" where something of it is hidden, or where there is none."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        is_hidden = line in self.hidden_lines() or any(secret in text for secret in self.hidden)
        return "" if is_hidden else text


class Map(dict[str, Value]):
    """A mapping that knows the position of each of its keys, and its own.

    dynamic: whether a `${` stands anywhere below.
    """

    __slots__ = ("dynamic", "mark", "marks", "origin")

    def __init__(self, origin: Origin, mark: int, marks: dict[str, int] | None = None) -> None:
        self.origin = origin
        self.mark = mark
        self.marks = {} if marks is None else marks
        self.dynamic = False

    @property
    def location(self) -> Location:
        """Where the mapping starts: at its first key, if it is written as a block."""
        return self.origin.location(self.mark)

    def at(self, key: str | int) -> Location:
        """Where a key was written, else where the mapping starts."""
        return self.origin.location(self.mark_of(key))

    def mark_of(self, key: str | int) -> int:
        """The same, packed."""
        return self.marks.get(str(key), self.mark)

    def children(self) -> Iterator[tuple[str, Value]]:
        """Keys and values."""
        return iter(self.items())

    def like(self) -> "Map":
        """An empty mapping for the same keys, with the same positions."""
        return Map(self.origin, self.mark, self.marks)

    def same(self) -> "Map":
        """The same mapping once more, for other values of its keys."""
        result = self.like()
        result.dynamic = self.dynamic
        result.update(self)
        return result

    def replaced(self, key: str, value: Value) -> "Map":
        """The same mapping with another value of a key."""
        result = self.same()
        result[key] = value
        return result

    def without(self, *keys: str) -> "Map":
        """The same mapping with fewer keys."""
        result = self.same()
        for key in keys:
            result.pop(key, None)
        return result


NOTHING = Map(Origin("", ""), 0)  # in place of a mapping that the file does not have


class Seq(list[Value]):
    """A list that knows the position of each item, and its own."""

    __slots__ = ("dynamic", "mark", "marks", "origin")

    def __init__(self, origin: Origin, mark: int, marks: list[int] | None = None) -> None:
        self.origin = origin
        self.mark = mark
        self.marks = [] if marks is None else marks
        self.dynamic = False

    def at(self, index: str | int) -> Location:
        """Where an item was written."""
        return self.origin.location(self.mark_of(index))

    def mark_of(self, index: str | int) -> int:
        """The same, packed."""
        return self.marks[int(index)]

    def children(self) -> Iterator[tuple[int, Value]]:
        """Indices and items."""
        return enumerate(self)

    def like(self) -> "Seq":
        """An empty list for the same items, with the same positions."""
        return Seq(self.origin, self.mark, self.marks)

    def same(self) -> "Seq":
        """The same list once more, for other items."""
        result = self.like()
        result.dynamic = self.dynamic
        result.extend(self)
        return result


COLLECTIONS = (Map, Seq)  # for isinstance, in loops: `Map | Seq` is made anew each time


class Loose(str):
    """Text that stands for a whole value of any type: `${var.x}`, `${env.X|plain}`, `--var`."""

    __slots__ = ()


class Written(float):
    """A decimal number that knows how it was written: `1.10` is no 1.1 to who means a version."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        """The number that a text stands for."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str


@record()
class Document:
    """One parsed file: the folder its files are relative to, its tree."""

    folder: str
    root: Map


def marks_of(value: Map | Seq) -> set[int]:
    """Where each key and item below a mapping or list was written."""
    found: set[int] = set()
    seen: set[int] = set()
    open_ = [value]
    while open_:
        holder = open_.pop()
        if id(holder) in seen:
            continue
        seen.add(id(holder))
        for key, item in holder.children():
            found.add(holder.mark_of(key))
            if isinstance(item, COLLECTIONS):
                open_.append(item)
    return found


def texts(value: Value, path: Path = ()) -> Iterator[tuple[Path, str, Location]]:
    """Every text below a mapping or list, keys too, with its path and location.

    What aliases share is visited once.
    """
    seen: set[int] = set()
    open_: list[tuple[Path, Map | Seq]] = [(path, value)]
    while open_:
        at, holder = open_.pop()
        if id(holder) in seen:
            continue
        seen.add(id(holder))
        for key, item in holder.children():
            inner = (*at, key)
            if isinstance(key, str):
                yield inner, key, holder.at(key)
            if isinstance(item, str):
                yield inner, item, holder.at(key)
            elif isinstance(item, COLLECTIONS):
                open_.append((inner, item))


def spell(tree: Map, path: Path) -> tuple[Path, Location | None]:
    """A path as the file has it, and the location of its deepest part that is there.

    Checks count what the file may name: `endpoints` is a list to them, `callback` a mapping. What
    is below a text of the file is the text itself. None: nothing of the path is in the file.
    """
    location: Location | None = None
    value: Value = tree
    for number, counted in enumerate(path):
        is_nth = isinstance(value, Map) and isinstance(counted, int)
        step = list(value)[int(counted)] if is_nth else counted
        path = (*path[:number], step, *path[number + 1 :])
        if isinstance(value, Map) and step in value:
            location, value = value.at(step), value[str(step)]
        elif isinstance(value, Seq) and isinstance(step, int) and step < len(value):
            location, value = value.at(step), value[step]
        elif isinstance(value, Map | Seq):
            break  # what is missing
        else:
            return path[:number], location
    return path, location
