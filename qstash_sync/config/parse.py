"""YAML to a tree with positions: the parser's events, and a loop that builds the tree.

libyaml reads; where it finds an error, PyYAML's own parser reads again, whose words and positions
are better. Scalars have the types of YAML 1.2: no `12:30` = 750, no `NO` = false. What aliases
refer to is shared, never copied, and how much they may repeat is bounded.
"""

import re
from collections.abc import Callable
from typing import Any

from yaml.composer import ComposerError
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from qstash_sync.config.report import Report
from qstash_sync.config.tree import (
    MAX_DEPTH,
    Document,
    Map,
    Origin,
    Seq,
    Value,
    Written,
    line_and_column,
)
from qstash_sync.errors import ConfigError

try:
    from yaml._yaml import CParser
except ImportError:  # a PyYAML that was built without libyaml
    _LIBYAML: tuple[Callable[[str], Any], ...] = ()
else:
    _LIBYAML = (CParser,)

MAX_REPEATED = 1_000_000  # nodes that aliases may stand for, all together
MAX_EVENTS = 1_500_000  # of the parser: nodes, and the ends of collections
_REREAD = 300_000  # characters that PyYAML's own parser reads in a second or two
_UNIT = 64  # characters of a text that count as one node
_SHOWN = 40  # characters of what is no number
_DIGITS = 300  # more than a number of JSON has, or could be sent

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = {Map: (None, "!", f"{_TAG}map"), Seq: (None, "!", f"{_TAG}seq")}
_WORDS: dict[str, Value] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("false", "False", "FALSE"), False)
_NUMERIC = frozenset("-+.0123456789")
_MEANINGFUL = _NUMERIC | {word[:1] for word in _WORDS}  # what is more than text begins so
# A leading zero makes a text, as in 010: half of the readers of YAML take it for an octal.
_NUMBER = re.compile(
    r"(?P<based>0x[0-9a-fA-F]+|0o[0-7]+)|(?P<whole>[-+]?(?:0|[1-9][0-9]*))"
    r"|(?P<real>[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<none>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
# A value without quotes that begins as only an alias may, or as nothing may, with its key.
_BARE = (
    r"(?:^|[{,\[]|(?<=- ))\s*(?:- +)?(?:([\w.-]+)\s*:\s+)?"
    r"([*@`%].*?)(?=\s*(?:,\s*[\w.-]+\s*:|[}\]]|\s#|$))"
)
# In braces or brackets: what stands before a `${`, and the rest of that value or key.
_BEFORE = re.compile(r"[{\[,]|:\s|^")
_TEMPLATE = re.compile(
    r"(?:\{[^{}]*\}|\{\{[^{}]*\}\})(?:\$?\{[^{}]*\}|[^,{}\[\]:\s]|:(?!\s|$)|\s(?!#))*"
)
_CONFLICT = r"(?m)^<{7} "  # of git
# What the parser's own words mean to who wrote the file.
_HINTS = {
    "\\t": "indent with spaces",
    "<block end>": "the keys of one mapping begin in the same column, as do the items of a list",
    "mapping values are not allowed": "quote a text that has a colon; keys begin in one column",
}
_TYPES = {"bool": bool, "null": type(None)}
_MERGE, _NO_KEY = object(), object()


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's own parser, twenty times slower than libyaml."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


PARSERS = (*_LIBYAML, PythonParser)


def read(text: str, *, name: str, folder: str, report: Report) -> Document | None:
    """Parse one document; None where it is no mapping that can be read."""
    origin = Origin(name, text)
    documents = _documents(origin, report)
    if documents is None:
        return None
    root = documents[0] if documents else Map(origin, 0)
    if isinstance(root, Map):
        return Document(folder, root)
    fact = "the file must be a mapping with keys such as version, namespace and schedules"
    report.error("type", (), fact, documents.at(0))
    return None


def plain(text: str, name: str) -> Any:
    """Any document as values alone, read by the same rules; raises `ConfigError`.

    Its lines are shown in no error: nobody knows what is a secret in it.
    """
    report = Report()
    origin = Origin(name, text.removeprefix("\ufeff"))
    origin.hidden.add("")  # whatever line has this, and so has no hint that repeats some of it
    documents = _documents(origin, report)
    if documents is None or report:
        raise ConfigError(tuple(report))
    return _values(documents[0]) if documents else None


def _values(value: Value) -> Any:
    if isinstance(value, Map):
        return {key: _values(item) for key, item in value.items()}
    return [_values(item) for item in value] if isinstance(value, Seq) else value


def _documents(origin: Origin, report: Report) -> Seq | None:
    """The documents of a text, of which there is to be one; None where it cannot be read."""
    problem: Exception | None = None
    text = origin.text
    # The slow parser has the better words, but not for what it would read for a minute.
    for parser in PARSERS[:1] if len(text) > _REREAD else PARSERS:
        found = Report()
        try:
            documents = _Tree(origin, found).build(parser(text))
        except _RefusedError as error:
            report.error("yaml", (), error.fact, origin.location(error.mark), error.hint)
            return None
        except (YAMLError, UnicodeError) as error:
            problem = error
            continue
        report += found
        return documents
    _syntax(problem, origin, report)
    return None


def _syntax(error: Exception | None, origin: Origin, report: Report) -> None:
    if isinstance(error, ReaderError):
        line = origin.text.count("\n", 0, error.position)
        is_number = isinstance(error.character, int)
        code = error.character if is_number else ord(str(error.character)[:1] or "\0")
        fact = f"a character that YAML does not allow: U+{code:04X}"
        report.error("yaml", (), fact, origin.location(line << 32), "save the file as UTF-8 text")
        return
    if conflict := re.search(_CONFLICT, origin.text):
        line = origin.text.count("\n", 0, conflict.start())
        fact, hint = "a merge conflict is not resolved", "keep one side, and remove the three marks"
        report.error("yaml", (), fact, origin.location(line << 32), hint)
        return
    assert isinstance(error, MarkedYAMLError)
    mark = error.problem_mark or error.context_mark
    location = origin.location(_packed(mark) if mark else 0)
    for bare in re.finditer(_BARE, location.text):
        covers = bare.start(2) <= location.column - 1 <= bare.end(2)
        if covers and not re.fullmatch(r"\*[\w-]+\s*", bare[2]):
            location = origin.location((location.line - 1) << 32 | bare.start(2))
            path = (bare[1],) if bare[1] else ()
            is_alias = bare[2].startswith("*")
            fact = "a YAML alias, not a cron" if is_alias else f"YAML keeps {bare[2][0]} for itself"
            report.error("yaml", path, fact, location, f'quote it: "{bare[2].strip()}"')
            return
    text, column = location.text, location.column - 1  # where YAML sees the `{` of `${`
    if text[:column].endswith("$") and (rest := _TEMPLATE.match(text, column)):
        *_, before = _BEFORE.finditer(text, 0, column)
        value = text[before.end() : rest.end()].lstrip()
        place = origin.location((location.line - 1) << 32 | rest.end() - len(value))
        value = value.rstrip()
        is_simple = not {'"', "\\"}.intersection(value)
        quoted = f'"{value}"' if is_simple else "'" + value.replace("'", "''") + "'"
        fact = "the { of ${ begins a mapping here: in braces and brackets YAML wants quotes"
        report.error("yaml", (), fact, place, f"quote it: {quoted}")
        return
    fact = (error.problem or error.context or "cannot be read").strip()
    hint = next((hint for words, hint in _HINTS.items() if words in fact), "")
    report.error("yaml", (), f"not valid YAML: {fact}", location, hint)


class _RefusedError(Exception):
    """A document that would grow without bounds, that no walk could follow, or that is two."""

    def __init__(self, mark: int, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.mark = mark
        self.fact = fact
        self.hint = hint


class _Dropped(str):
    """A key whose value is not kept, since it stands twice; what is wrong in that is told."""

    __slots__ = ()


class _Node:
    """A node with its position; a collection that is still open has the key that waits, too.

    text: a scalar as it is written, for aliases that stand as keys.
    size, height: how many nodes and levels are below; of an open collection: in its collections.
    """

    __slots__ = ("height", "is_map", "key", "key_mark", "mark", "merged", "size", "text", "value")

    def __init__(self, value: Value, mark: int, text: str | None = None) -> None:
        self.value = value
        self.mark = mark
        self.text = text
        self.is_map = type(value) is Map
        self.key: Any = None
        self.key_mark = mark
        self.merged: tuple[Map, ...] = ()
        self.size = 0 if text is None else len(text) // _UNIT
        self.height = 0


class _Tree:
    """Builds a tree from the events of a parser."""

    def __init__(self, origin: Origin, report: Report) -> None:
        self.origin = origin
        self.report = report
        self.templates = "${" in origin.text
        self.anchors: dict[str, _Node] = {}
        self.repeated = 0
        self.bare_end = -1  # of the last key with a colon in it, where it had no quotes
        self.top = _Node(Seq(origin, 0), 0)  # the list of documents; there is to be one
        self.stack: list[_Node] = [self.top]

    def build(self, parser: Any) -> Seq:
        """The documents; of an empty text none."""
        handlers: dict[type, Callable[[Any], None]] = {
            DocumentStartEvent: self.document,
            MappingStartEvent: self.start,
            SequenceStartEvent: self.start,
            MappingEndEvent: self.end,
            SequenceEndEvent: self.end,
            ScalarEvent: self.scalar,
            AliasEvent: self.alias,
        }
        top, templates = self.top, self.templates
        for count, event in enumerate(iter(parser.get_event, None)):
            if count > MAX_EVENTS:
                fact = "more values than any account could hold"
                raise _RefusedError(_packed(event.start_mark), fact)
            if type(event) is ScalarEvent and top.is_map and event.tag is None is event.anchor:
                # Nearly all events are keys of a mapping, or their values, and nothing special:
                # they are taken here, without a call. `scalar` can take them all.
                text, key, holder = event.value, top.key, top.value
                is_key = key is None and text != "<<" and text not in holder
                if (is_key or type(key) is str) and text.isascii():
                    top.size += len(text) // _UNIT
                    if templates and "${" in text:
                        holder.dynamic = True
                    if is_key:
                        if ":" in text:
                            self.bare_end = _packed(event.end_mark) if event.implicit[0] else -1
                        start: Any = event.start_mark
                        top.key, top.key_mark = text, start.line << 32 | start.column
                        continue
                    is_text = not event.implicit[0] or text[:1] not in _MEANINGFUL
                    if not text and not is_text and ":" in key and self.lacks_blank(key, event):
                        top.key = None
                        continue
                    holder[key] = text if is_text else self.meaning(event)
                    holder.marks[key] = top.key_mark
                    top.key = None
                    continue
            if handle := handlers.get(type(event)):
                handle(event)
                top = self.top
        documents: Seq = self.top.value
        return documents

    def error(
        self, code: str, fact: str, mark: int, key: str | None = None, hint: str = ""
    ) -> None:
        """Note an error about the node that comes next, or about a key of the open mapping."""
        path: list[Any] = [node.key if node.is_map else len(node.value) for node in self.stack[1:]]
        if key is not None:
            path[-1] = key
        known = tuple(step for step in path if isinstance(step, str | int))
        self.origin.has_dropped = True  # of what is wrong here something is not kept
        self.report.error(code, known, fact, self.origin.location(mark), hint)

    def document(self, event: Any) -> None:
        """There is to be one."""
        if self.top.value:
            hint = "a directory may have several files, each with one document"
            raise _RefusedError(_packed(event.start_mark), "a second document in one file", hint)

    def scalar(self, event: Any) -> None:
        """A key, or a value."""
        text, top, mark = event.value, self.top, _packed(event.start_mark)
        if self.templates and "${" in text:
            top.value.dynamic = True
        top.size += len(text) // _UNIT
        if top.is_map and top.key is None:
            is_plain = event.implicit[0] and event.tag in (None, "!")
            merges = text == "<<" and (is_plain or event.tag == f"{_TAG}merge")
            if event.tag not in (None, "!", f"{_TAG}str") and not merges:
                self.error("yaml", f"the tag {event.tag} is not allowed on a key", mark)
            self.bare_end = _packed(event.end_mark) if is_plain else -1
            key = text if text.isascii() else self.whole(text, mark, _NO_KEY)
            self.key(_MERGE if merges else key, mark)
            value = text
        else:
            value = self.meaning(event)
            self.put(value, mark)
        if event.anchor is not None:
            self.remember(event, _Node(value, mark, text))

    def lacks_blank(self, key: str, event: Any) -> bool:
        """Whether this is `{token:abc}`, which YAML takes for a key without a value.

        What is behind the colon may be a secret: it is neither kept nor shown.
        """
        name, _, value = key.partition(":")
        line, column = line_and_column(self.bare_end)
        behind = self.origin.lines[line][column : event.start_mark.column]
        if not value or self.bare_end < 0 or line != event.start_mark.line or ":" in behind:
            return False
        self.origin.hidden.add(f":{value}")
        hint = f"write {name}: …, or quote the key"
        hint = "a list of addresses has brackets" if value.startswith("//") else hint
        self.error("yaml", "a blank is missing behind the colon", self.top.key_mark, name, hint)
        return True

    def meaning(self, event: Any) -> Value:
        """What a scalar stands for: by its tag, else by its look if it has no quotes."""
        text, tag = event.value, event.tag
        if not text.isascii():
            text = self.whole(text, _packed(event.start_mark), None)
            if text is None:
                return None
        if tag is not None and tag != "!":
            return self.tagged(tag, text, _packed(event.start_mark))
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        found = _NUMBER.fullmatch(text) if text[0] in _NUMERIC else None
        return text if found is None else self.number(found, _packed(event.start_mark))

    def whole(self, text: str, mark: int, instead: Any) -> Any:
        """A text of whole characters: JSON may write one as two escapes, halves to YAML."""
        if not any("\ud800" <= c <= "\udfff" for c in text):
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.error("yaml", "half of a surrogate pair is no character", mark)
            return instead

    def tagged(self, tag: str, text: str, mark: int) -> Value:
        """What a scalar with an explicit tag stands for; the core types need none, but may."""
        kind = tag.removeprefix(_TAG)
        if kind in ("str", "merge"):
            return text
        found = _NUMBER.fullmatch(text)
        if kind == "int" and (found is None or found["real"] is None):
            return self.number(found, mark, text)
        if kind == "float":
            value = self.number(found, mark, text)
            return None if value is None else float(value)
        if kind in ("bool", "null") and type(_WORDS.get(text, "")) is _TYPES[kind]:
            return _WORDS[text]
        known = kind in ("int", "bool", "null")
        fact = f"{_shown(text)} is no {kind}" if known else f"the tag {tag} is not allowed"
        self.error("yaml", fact, mark)
        return None

    def number(self, found: re.Match[str] | None, mark: int, text: str = "") -> Value:
        """An int or float; JSON has no other numbers than finite ones.

        A float that is so small that it becomes zero is none either.
        """
        text = text if found is None else found[0]
        value: float | None = None
        if found is not None and found["none"] is None and len(text) <= _DIGITS:
            value = Written(text) if found["real"] else int(text, 0)
            mantissa = text.lower().partition("e")[0]
            if value - value != 0 or (found["real"] and not value and mantissa.strip("+-0.")):
                value = None
        if value is None:
            fact = f"{_shown(text)} is not a number that can be sent"
            self.error("yaml", fact, mark, hint="quote it, if it is a text")
        return value

    def start(self, event: Any) -> None:
        """Open a mapping or list."""
        mark = _packed(event.start_mark)
        if len(self.stack) > MAX_DEPTH:
            raise _RefusedError(mark, "nested too deeply to be read")
        kind = Map if type(event) is MappingStartEvent else Seq
        if event.tag not in _COLLECTIONS[kind]:
            self.error("yaml", f"the tag {event.tag} is not allowed", mark)
        node = _Node(kind(self.origin, mark), mark)
        if event.anchor is not None:
            self.remember(event, node)
        self.stack.append(node)
        self.top = node

    def end(self, _: Any) -> None:
        """Close a mapping or list, and put it where it belongs."""
        node = self.stack.pop()
        value = node.value
        for source in node.merged:
            for key, item in source.items():
                if key not in value:
                    value[key] = item
                    value.marks[key] = source.marks[key]
            value.dynamic |= source.dynamic
        node.size += len(value) + 1
        node.height += 1
        self.top = self.stack[-1]
        self.place(node)

    def alias(self, event: Any) -> None:
        """Put what an alias refers to: the same value again, not a copy."""
        node = self.anchors.get(event.anchor)
        if node is None:
            raise ComposerError(None, None, "an alias of no anchor", event.start_mark)
        if node in self.stack:
            self.error("yaml", "an alias that contains itself", node.mark)
            self.put(None, node.mark)
            return
        mark = _packed(event.start_mark)
        self.repeated += node.size
        if self.repeated > MAX_REPEATED:
            fact = f"aliases make more than {MAX_REPEATED:,} values of this file"
            raise _RefusedError(mark, fact, "write out what is needed")
        if len(self.stack) + node.height > MAX_DEPTH:
            raise _RefusedError(mark, "nested too deeply to be read")
        if node.text is not None and self.top.is_map and self.top.key is None:
            self.key(node.text, node.mark)
        else:
            self.place(node)

    def remember(self, event: Any, node: _Node) -> None:
        if event.anchor in self.anchors:
            raise ComposerError(None, None, "second occurrence", event.start_mark)
        self.anchors[event.anchor] = node

    def place(self, node: _Node) -> None:
        """Put a finished node into the open collection, and count what it brings along."""
        top, value = self.top, node.value
        top.size += node.size
        if node.height:
            top.height = max(top.height, node.height)
            if value.dynamic:
                top.value.dynamic = True
        self.put(value, node.mark)

    def key(self, key: Any, mark: int) -> None:
        """Take a key; the next node is its value."""
        top = self.top
        top.key, top.key_mark = key, mark
        if key in top.value:
            first = top.value.at(key).line
            fact = f"this key stands here twice, first in line {first}"
            self.error("duplicate", fact, mark, hint="keep one of the two")
            top.key = _Dropped(key)

    def put(self, value: Value, mark: int) -> None:
        """Put a value into the open collection: as an item, a value, or as a key that is none."""
        top = self.top
        if not top.is_map:
            top.value.append(value)
            top.value.marks.append(mark)
            return
        key, top.key = top.key, None
        if key is None:
            self.error("type", "a key must be a plain word", mark)
            top.key = _NO_KEY
        elif key is _MERGE:
            self.merge(value, mark)
        elif key is not _NO_KEY and type(key) is not _Dropped:
            top.value[key] = value
            top.value.marks[key] = top.key_mark

    def merge(self, value: Value, mark: int) -> None:
        """Remember what is merged in: at the end of the mapping, since its own keys win."""
        marks = value.marks if isinstance(value, Seq) else [mark]
        for item, at in zip(value if isinstance(value, Seq) else [value], marks, strict=True):
            if isinstance(item, Map):
                self.top.merged += (item,)
            else:
                self.error("type", "only a mapping can be merged in", at, key="<<")


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _packed(mark: Any) -> int:
    packed: int = mark.line << 32 | mark.column
    return packed
