"""`${var.x}` and `${env.X}`: what they stand for, and what becomes secret on the way.

    ${var.x}             a variable of the file, of its environment or of --var: plain, typed
    ${env.X}             the process environment or --env-file: a secret
    ${env.X:-default}    likewise, with a default (the default is no secret)
    ${env.X|plain}       not a secret; with a default: ${env.X:-default|plain}
    $${                  a literal ${

A value that is exactly one `${…}` takes the type of the field; a variable that contains a secret
makes secret whatever uses it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qstash_sync.config.missing import Missing
from qstash_sync.config.report import Path, Report
from qstash_sync.config.text import has_control, shadow
from qstash_sync.config.tree import COLLECTIONS, MAX_DEPTH, Loose, Map, Seq, Value
from qstash_sync.config.wrong import IF_NONE, NOT_HERE
from qstash_sync.model.diagnostics import Fixed, Location
from qstash_sync.model.resources import Piece, Secret, Text, join
from qstash_sync.model.secret_shapes import kind_in
from qstash_sync.record import record

MAX_EXPANDED = 10_000_000  # characters and values that other variables may bring into one
MAX_TOTAL = 50_000_000  # likewise that they may bring into all settings of an environment

MADE_UP = "mock-{}"  # in place of a value that is not there, by the name of its variable
ANY = "*"  # a value that only the runs of another environment know: its names are patterns
UNSET, UNSET_PLAIN = "unset", "unset_plain"  # codes: of a secret, and of what `|plain` shows
_LEAST = 8  # characters of a token that is searched for in other values
_LISTED = 12  # more names than this help nobody

_WORKFLOW = "${{"
_TOKEN = re.compile(r"\$\$\{|\$\{\{[^{}]*\}\}|\$\{([^{}]*)\}|\$\{")
_EXPRESSION = re.compile(
    r"(?:var\.(?P<var>[A-Za-z_][\w-]*)"
    r"|env\.(?P<env>[A-Za-z_]\w*)(?P<default>:-[^|]*)?)(?P<plain>\|plain)?"
)
_VARIABLE = re.compile(r"\s*var\.([A-Za-z_][\w-]*)")
_FORMS = Fixed(
    "write ${var.name}, ${env.NAME}, ${env.NAME|plain}, ${env.NAME:-default} or"
    " ${env.NAME:-default|plain}"
)


@record()
class _Expansion:
    """What a variable stands for; size and height count what is in it, its own variables too."""

    value: Value
    size: int
    height: int
    mocked: bool
    lost: bool
    declared: bool


@dataclass(eq=False, repr=False, slots=True)
class Scope:
    """Where names are looked up, and what was found wrong while looking.

    mocked collects the places whose value is not the real one, so that nobody complains about it
    there; lost those among them whose value may be of any type; secrets every value. shape: what is
    made up for a value that is no secret, {} for its name.
    """

    variables: Mapping[str, tuple[Value, Location | None]]
    environ: Mapping[str, str]
    missing: Missing = Missing.ERROR
    shape: str = MADE_UP
    report: Report = field(default_factory=Report)
    mocked: set[Location] = field(default_factory=set)
    lost: set[Location] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set, repr=False)
    declared: set[Location] = field(default_factory=set)  # where `|plain` says: no secret
    tokens: Collection[str] = ()  # variables that hold a token or a signing key of QStash
    broken: dict[Location, str] = field(default_factory=dict)  # by whom a line break came there
    is_defaulted: bool = False  # whether a default stands where a secret would
    _known: dict[str, _Expansion] = field(default_factory=dict)
    _texts: dict[str, tuple[Value, int]] = field(default_factory=dict)  # and what they bring along
    _open: list[str] = field(default_factory=list)
    _depth: int = 0  # of the collections and variables that are open
    _tallest: int = 0  # of the variables in the one that is open
    _size: int = 0  # that variables brought into the open variable, or into all settings
    _gave_up: bool = False  # said once; nothing is replaced any more

    def resolve(self, value: Value, location: Location, path: Path) -> Value:
        """The same tree with every `${…}` replaced; where there is none, the tree itself."""
        if isinstance(value, str):
            return self._text(value, location, path) if "${" in value else value
        if not isinstance(value, COLLECTIONS) or not value.dynamic:
            return value
        if self._depth >= MAX_DEPTH:
            self.report.error("interpolation", path, "nested too deeply to be read", location)
            return None
        return self._collection(value, path)

    def _collection(self, value: Map | Seq, path: Path) -> Map | Seq:
        """A location is made only where something may be said of it."""
        self._depth += 1
        result: Any = value.same()
        result.dynamic = False
        for key, item in value.children():
            if type(key) is str and "${" in key:
                fact = "a name cannot contain ${…}"
                self.report.error("interpolation", (*path, key), fact, value.at(key))
            if isinstance(item, str):
                if item in self._texts:
                    result[key], size = self._texts[item]
                    self._size += size
                elif "${" in item:
                    result[key] = self._text(item, value.at(key), (*path, key))
            elif isinstance(item, COLLECTIONS) and item.dynamic:
                if self._depth < MAX_DEPTH:
                    result[key] = self._collection(item, (*path, key))
                else:
                    result[key] = self.resolve(item, value.at(key), (*path, key))
        self._depth -= 1
        made: Map | Seq = result
        return made

    def name(self, text: str, location: Location, path: Path) -> str | None:
        """The name that a text with `${…}` stands for; None where it is an error, which is told."""
        before = len(self.report)
        found = self._text(text, location, path)
        if isinstance(found, Secret):
            fact = "a name cannot be, or contain, a secret"
            self.report.error(NOT_HERE, path, fact, location, IF_NONE)
        elif not isinstance(found, str | int) or isinstance(found, bool):
            self.report.error("type", path, "a name must be text", location)
        return str(found) if len(self.report) == before else None

    def _text(self, text: str, location: Location, path: Path) -> Value:
        """A text with `${…}`; where nothing is to be said of it, its value holds everywhere."""
        before, size = len(self.report), self._size
        value = self._expressions(text, location, path)
        noted = (self.mocked, self.declared, self.broken)
        is_plain = len(self.report) == before and not any(location in places for places in noted)
        if is_plain and "var." not in text:
            self._texts[text] = value, self._size - size
        return value

    def _expressions(self, text: str, location: Location, path: Path) -> Value:
        whole = _TOKEN.fullmatch(text)
        if whole and whole[1] is not None:
            value = self._expression(whole[1], location, path)
            return Loose(value) if type(value) is str else value
        pieces: list[str | Secret] = []
        end = 0
        for match in _TOKEN.finditer(text):
            pieces.append(text[end : match.start()])
            end = match.end()
            pieces.append(self._piece(match, location, path))
        pieces.append(text[end:])
        return join(pieces)

    def _piece(self, match: re.Match[str], location: Location, path: Path) -> str | Secret:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            return self._not_ours(match[0], location, path)
        value = self._expression(match[1], location, path)
        if isinstance(value, Secret):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float):
            return str(value)
        what, hint = "a list or a mapping", ""
        if value is None:
            what, hint = "null", 'write "" where nothing is meant'
        fact = f"${{{match[1]}}} is {what} and cannot stand inside a text"
        self.report.error("interpolation", path, fact, location, hint)
        return ""

    def _not_ours(self, source: str, location: Location, path: Path) -> str:
        """Refuse what begins like a reference and is none."""
        fact, hint = (
            "${ without a closing brace",
            "close it, as in ${env.NAME}; $${ is a literal ${",
        )
        if source.startswith(_WORKFLOW):
            fact = f"{source} means something in a workflow of GitHub Actions only"
            hint = f"give it to a variable there, as in env: NAME: {source}; write ${{env.NAME}}"
        self.report.error("interpolation", path, fact, location, hint)
        self._lose(location)
        return ""

    def _expression(self, source: str, location: Location, path: Path) -> Value:
        match = _EXPRESSION.fullmatch(source.strip())
        if not match or (match["var"] and match["plain"]):
            fact = f"${{{source}}} is not understood"
            is_name = re.fullmatch(r"\w+", source.strip(), re.ASCII)
            hint = f"write ${{env.{source.strip()}}} or ${{var.{source.strip()}}}"
            self.report.error("interpolation", path, fact, location, hint if is_name else _FORMS)
            self._lose(location)
            return ""
        if self.missing.is_anyones and (match["env"] or match["var"] not in self.variables):
            return Loose(ANY)
        if match["var"]:
            return self._variable(match["var"], location, path)
        plain = bool(match["plain"])
        return self._environment(match["env"], match["default"], location, path, is_plain=plain)

    def _variable(self, name: str, location: Location, path: Path) -> Value:
        if name not in self.variables:
            hint = f"add {name} to vars, or give it by --var NAME=VALUE"
            if len(self.variables) <= _LISTED:
                defined = (one for one in sorted(self.variables) if re.fullmatch(r"[\w-]+", one))
                hint = f"defined: {', '.join(defined) or 'none are'}; {hint}"
            fact = f"the variable {name} is not defined"
            self.report.error("variable", path, fact, location, hint, cause=f"var.{name}")
            self._lose(location)
            return ""
        if name in self._open:
            chain = " -> ".join((*self._open, name))
            fact = f"variables that contain each other: {chain}"
            self.report.error("variable", path, fact, location)
            return ""
        if self._gave_up:
            return ""
        if name not in self._known:
            self._known[name] = self._expanded(name, location, path)
        found = self._known[name]
        self._remember(found, name, location)
        self._size += found.size
        self._tallest = max(self._tallest, found.height)
        most = MAX_EXPANDED if self._open else MAX_TOTAL
        if self._size > most:
            fact = f"variables stand for more than {most:,} characters, all together"
            return self._give_up(fact, location, path)
        if self._depth + found.height > MAX_DEPTH:
            return self._give_up("nested too deeply to be read", location, path)
        return found.value

    def _remember(self, found: _Expansion, name: str, location: Location) -> None:
        """What holds of a variable holds of the place where it is used."""
        if found.mocked:
            self.mocked.add(location)
        if found.lost:
            self.lost.add(location)
        if found.declared:
            self.declared.add(location)
        if isinstance(found.value, Text) and has_control(shadow(found.value)):
            self.broken.setdefault(location, f"the variable {name}")

    def follow(self, location: Location, origin: Location) -> None:
        """What is made up at one place is made up where it is used."""
        for places in (self.mocked, self.lost):
            if origin in places:
                places.add(location)

    def _expanded(self, name: str, location: Location, path: Path) -> _Expansion:
        """The value of a variable, found once, however often and deep it is used."""
        raw, origin = self.variables[name]
        size, height = _measure(raw)
        if self._depth + height >= MAX_DEPTH:
            value = self._give_up("nested too deeply to be read", location, path)
            return _Expansion(value, 0, 0, mocked=False, lost=False, declared=False)
        outside = self._size, self._tallest
        mocked, lost, declared = len(self.mocked), len(self.lost), len(self.declared)
        self._size = self._tallest = 0
        self._depth += 1
        self._open.append(name)
        value = self.resolve(raw, origin or location, ("vars", name))
        self._open.pop()
        self._depth -= 1
        size += self._size
        height += self._tallest + 1
        self._size, self._tallest = outside
        return _Expansion(
            value,
            size,
            height,
            mocked=len(self.mocked) > mocked,
            lost=len(self.lost) > lost,
            declared=len(self.declared) > declared,
        )

    def _give_up(self, fact: str, location: Location, path: Path) -> str:
        """Say once that variables grow without bounds; from then on they stand for nothing."""
        if not self._gave_up:
            self.report.error("variable", path, fact, location)
        self._gave_up = True
        return ""

    def _environment(
        self, name: str, default: str | None, location: Location, path: Path, *, is_plain: bool
    ) -> Value:
        found = self.environ.get(name, "")  # CI hands over an unset secret as empty text
        if not found and default is not None and (is_plain or self.missing.takes_defaults):
            if is_plain:
                self.declared.add(location)
            else:
                self.is_defaulted = True
            return Loose(default[2:])
        if not found and self.missing.leaves_secrets_open and not is_plain:
            return Secret((Piece("", hidden=True, known=False),))
        if not found:
            self.mocked.add(location)  # what follows from it is not told
            if self.missing.is_told:
                self._unset(name, location, path, is_plain=is_plain)
            found = (self.shape if is_plain else MADE_UP).replace("{}", name.lower())
        if not is_text(found):
            fact = f"the environment variable {name} is not UTF-8 text"
            hint = "encode it, for example as base64"
            self.report.error("not_text", path, fact, location, hint, cause=f"env.{name}")
            self._lose(location)
            found = ""
        if has_control(found):
            self.broken[location] = f"the environment variable {name}"
        self._size += len(found)
        if is_plain and not self._is_never_plain(name, found, location, path):
            self.declared.add(location)
            return Loose(found)
        self.secrets.add(found)
        return Secret((Piece(found, hidden=True),))

    def _unset(self, name: str, location: Location, path: Path, *, is_plain: bool) -> None:
        is_empty = name in self.environ
        fact = f"the environment variable {name} is {'empty' if is_empty else 'not set'}"
        form = f"${{env.{name}:-…{'|plain' * is_plain}}}"
        hint = f"set {name}, give a default {form}{', or use --env-file' * (not is_empty)}"
        code = UNSET_PLAIN if is_plain else UNSET
        self.report.error(code, path, fact, location, hint, cause=f"env.{name}")

    def _lose(self, location: Location) -> None:
        """Note that nothing is known of the value at a place: one message is enough."""
        self.mocked.add(location)
        self.lost.add(location)

    def _is_never_plain(self, name: str, found: str, location: Location, path: Path) -> bool:
        """Whether a value stays a secret in spite of `|plain`: then that is an error."""
        if holder := self.holder_of_token(name, found):
            self.refuse_plain(name, location, path, holder)
        elif kind := kind_in(found):
            self._never_plain(name, kind, location, path)
        else:
            return False
        return True

    def refuse_plain(self, name: str, location: Location, path: Path, holder: str = "") -> None:
        """Say that a token or key of QStash is never shown; holder: of it, if another variable."""
        kind = f"the token or key of QStash that stands in {holder or name}"
        self._never_plain(name, kind, location, path)

    def _never_plain(self, name: str, kind: str, location: Location, path: Path) -> None:
        fact = f"${{env.{name}|plain}}: {kind} is never shown"
        self.report.error("never_plain", path, fact, location, f"write ${{env.{name}}}")

    def holder_of_token(self, name: str, value: str) -> str | None:
        """The variable whose token a value is or contains, though another one brought it."""
        if name in self.tokens:
            return name
        held = ((token, self.environ.get(token, "").strip()) for token in self.tokens)
        return next((name for name, text in held if len(text) >= _LEAST and text in value), None)


def _measure(value: Value) -> tuple[int, int]:
    """How much a tree holds, characters and values, and how deep it is."""
    if isinstance(value, str):
        return len(value), 0
    if not isinstance(value, COLLECTIONS):
        return 1, 0
    sizes = [_measure(item) for _, item in value.children()]
    return sum(size for size, _ in sizes) + len(value), 1 + max((h for _, h in sizes), default=0)


def variables_in(text: str) -> Iterator[str]:
    """The variables that a text names as `${var.x}`."""
    for token in _TOKEN.finditer(text) if "${" in text else ():
        if found := _VARIABLE.match(token[1] or ""):  # what follows may be wrong, and is told
            yield found[1]


def is_text(value: str) -> bool:
    """Whether a value from outside can be sent: bytes that are no UTF-8 arrive as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
