"""YAML to plain values that know where they stand.

`read` turns one document into `Map`, `Seq` and scalars. A `Map` remembers the place of each key,
so that merging, interpolation and validation can still point at the line that somebody wrote.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from qstash_sync.model.diagnostics import Diagnostic, Location

Value = Any  # Map | Seq | str | int | float | bool | None


class Map(dict[str, Value]):
    """A mapping that knows the place of each of its keys, and its own."""

    def __init__(self, location: Location) -> None:
        super().__init__()
        self.location = location
        self.locations: dict[str, Location] = {}

    def put(self, key: str, value: Value, location: Location) -> None:
        """Set a key and remember where it was written."""
        self[key] = value
        self.locations[key] = location

    def at(self, key: str) -> Location:
        """Where a key was written, else where the mapping stands."""
        return self.locations.get(key, self.location)


class Seq(list[Value]):
    """A list that knows the place of each item, and its own."""

    def __init__(self, location: Location) -> None:
        super().__init__()
        self.location = location
        self.locations: list[Location] = []

    def put(self, value: Value, location: Location) -> None:
        """Append an item and remember where it was written."""
        self.append(value)
        self.locations.append(location)


class Loose(str):
    """Text that stands for a whole value of any type: `${var.x}`, `${env.X|plain}`, `--var`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: its name for messages, the folder its files are relative to, its tree."""

    name: str
    folder: str
    root: Map


class _Loader(yaml.SafeLoader):
    """YAML's grammar with the scalar types of YAML 1.2: no `12:30` = 750, no `NO` = false."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 PyYAML's own class attribute


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    _first_characters = [""] if _tag == "null" else []
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(rf"^(?:{_pattern})$"),
        _first_characters + [character for character in _first if character != "\0"],
    )


def read(text: str, *, name: str, folder: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse one document; diagnostics tell syntax errors, duplicate keys and foreign tags."""
    reader = _Reader(name, text.splitlines())
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        return None, [reader.syntax(error)]
    except RecursionError:
        fact = "nested too deeply to be read"
        return None, [Diagnostic(code="yaml", message=fact, location=reader.location(0, 0))]
    except yaml.reader.ReaderError as error:
        where = text.count("\n", 0, error.position) + 1
        fact = f"a character that YAML does not allow: {error.character!r}"
        return None, [Diagnostic(code="yaml", message=fact, location=reader.location(where - 1, 0))]
    if node is None:
        node = yaml.MappingNode("tag:yaml.org,2002:map", [], yaml.Mark(name, 0, 0, 0, "", 0))
    if not isinstance(node, yaml.MappingNode):
        fact = "the file must be a mapping with keys such as version, namespace and schedules"
        return None, [Diagnostic(code="type", message=fact, location=reader.mark(node))]
    root = reader.value(node)
    return Document(name, folder, root), reader.diagnostics


class _Reader:
    """Turns yaml's nodes into our tree; collects what is wrong on the way."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self.lines = lines
        self.diagnostics: list[Diagnostic] = []
        self.open: set[int] = set()

    def location(self, line: int, column: int) -> Location:
        text = self.lines[line] if line < len(self.lines) else ""
        return Location(self.name, line + 1, column + 1, text)

    def mark(self, node: yaml.Node) -> Location:
        return self.location(node.start_mark.line, node.start_mark.column)

    def complain(self, code: str, message: str, location: Location, hint: str = "") -> None:
        self.diagnostics.append(
            Diagnostic(code=code, message=message, location=location, hint=hint)
        )

    def syntax(self, error: yaml.MarkedYAMLError) -> Diagnostic:
        mark = error.problem_mark or error.context_mark
        location = self.location(mark.line, mark.column) if mark else self.location(0, 0)
        alias = re.match(r"\s*(?:- +)?(?:([\w.-]+)\s*:\s+)?(\*[^#]*)", location.text)
        if alias and not re.fullmatch(r"\*[\w-]+\s*", alias[2]):
            start = location.text.index(alias[2])
            where = f"{alias[1]}: " if alias[1] else ""
            return Diagnostic(
                code="yaml",
                message=f"{where}a YAML alias, not a cron",
                location=Location(location.file, location.line, start + 1, location.text),
                hint=f'quote it: "{alias[2].strip()}"',
            )
        fact = (error.problem or error.context or "cannot be read").strip()
        hint = "indent with spaces" if "\\t" in fact else ""
        return Diagnostic(
            code="yaml", message=f"not valid YAML: {fact}", location=location, hint=hint
        )

    def value(self, node: yaml.Node) -> Value:
        if id(node) in self.open:
            self.complain("yaml", "an alias that contains itself", self.mark(node))
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node)
            if isinstance(node, yaml.SequenceNode):
                seq = Seq(self.mark(node))
                for item in node.value:
                    seq.put(self.value(item), self.mark(item))
                return seq
            return self.scalar(node)
        finally:
            self.open.discard(id(node))

    def scalar(self, node: yaml.Node) -> Value:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        makers: dict[str, Callable[[str], Value]] = {
            "null": lambda _: None,
            "bool": lambda text: text.lower() == "true",
            "int": int,
            "float": float,
            "str": str,
            "merge": str,
        }
        if kind not in makers:
            self.complain("yaml", f"the tag {node.tag} is not allowed", self.mark(node))
            return None
        if not node.value.isascii() and any("\ud800" <= c <= "\udfff" for c in node.value):
            self.complain("yaml", "half of a surrogate pair is no character", self.mark(node))
            return None
        return makers[kind](node.value)

    def mapping(self, node: yaml.MappingNode) -> Map:
        result = Map(self.mark(node))
        merged: list[Map] = []
        for key_node, value_node in node.value:
            location = self.mark(key_node)
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.extend(self.merge_sources(value_node))
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain("type", "a key must be a plain word", location)
                continue
            key = key_node.value
            if key in result:
                first = result.at(key)
                self.complain(
                    "duplicate",
                    f"{key}: this key stands here twice, first in line {first.line}",
                    location,
                    "keep one of the two",
                )
                continue
            result.put(key, self.value(value_node), location)
        for source in merged:
            for key, value in source.items():
                if key not in result:
                    result.put(key, value, source.at(key))
        return result

    def merge_sources(self, node: yaml.Node) -> Iterator[Map]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for item in nodes:
            value = self.value(item)
            if isinstance(value, Map):
                yield value
            else:
                self.complain("type", "<<: only a mapping can be merged in", self.mark(item))


def overlay(base: Value, over: Value, *, deep: tuple[str, ...] = ()) -> Value:
    """Lay one mapping over another: keys of `over` win; those named in `deep` merge by key.

    Null stays null (it unsets), lists replace. Places are those of the winning key.
    """
    result = Map(over.location)
    for source in (base, over):
        for key, value in source.items():
            both = key in deep and isinstance(result.get(key), Map) and isinstance(value, Map)
            result.put(key, overlay(result[key], value) if both else value, source.at(key))
    return result


def scalars(
    value: Value, location: Location, path: str = ""
) -> Iterator[tuple[str, Value, Location]]:
    """Every scalar of a tree with its dotted path and place; keys are yielded as text, too."""
    if isinstance(value, Map):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            yield inner, key, value.at(key)
            yield from scalars(item, value.at(key), inner)
    elif isinstance(value, Seq):
        for number, (item, where) in enumerate(zip(value, value.locations, strict=True)):
            yield from scalars(item, where, f"{path}[{number}]")
    else:
        yield path, value, location


def locate(root: Map, path: tuple[str | int, ...]) -> Location:
    """The place of the deepest part of a path that exists in the tree."""
    location: Location = root.location
    value: Value = root
    for step in path:
        if isinstance(value, Map) and step in value:
            location, value = value.at(str(step)), value[str(step)]
        elif isinstance(value, Seq) and isinstance(step, int) and step < len(value):
            location, value = value.locations[step], value[step]
        else:
            break
    return location
