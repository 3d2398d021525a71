"""`${var.x}` and `${env.X}`: what they stand for, and what becomes secret on the way.

    ${var.x}             a variable of the file, of its environment or of --var: plain, typed
    ${env.X}             the process environment or --env-file: a secret
    ${env.X:-default}    likewise, with a default (the default is no secret)
    ${env.X|plain}       not a secret
    $${                  a literal ${

A value that is exactly one `${…}` takes the type of the field; a variable that contains a secret
makes secret whatever uses it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qstash_sync.config.tree import Loose, Map, Seq, Value
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.resources import Piece, Secret, join

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_EXPRESSION = re.compile(
    r"(?:var\.(?P<var>[A-Za-z_][\w-]*)"
    r"|env\.(?P<env>[A-Za-z_]\w*)(?P<default>:-[^|]*)?)(?P<plain>\|plain)?"
)


@dataclass(slots=True)
class Scope:
    """Where names are looked up, and what was found wrong while looking.

    missing: "error" (a diagnostic), "mock" (a made-up value, for `validate --mock-env`) or
    "unknown" (a secret that equals anything, for `plan --unknown-env`). mocked collects the places
    whose value is not the real one, so that nobody complains about it there; secrets every value.
    """

    variables: Mapping[str, tuple[Value, Location | None]]
    environ: Mapping[str, str]
    missing: str = "error"
    diagnostics: list[Diagnostic] = field(default_factory=list)
    mocked: set[Location] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set, repr=False)
    _open: tuple[str, ...] = ()

    def resolve(self, value: Value, location: Location, path: str) -> Value:
        """The same tree with every `${…}` replaced; places stay."""
        if isinstance(value, Map):
            result = Map(value.location)
            for key, item in value.items():
                inner = f"{path}.{key}" if path else key
                if "${" in key:
                    self._say("interpolation", f"{inner}: a name cannot contain ${{…}}", location)
                result.put(key, self.resolve(item, value.at(key), inner), value.at(key))
            return result
        if isinstance(value, Seq):
            items = Seq(value.location)
            for number, (item, where) in enumerate(zip(value, value.locations, strict=True)):
                items.put(self.resolve(item, where, f"{path}[{number}]"), where)
            return items
        if isinstance(value, str) and "${" in value:
            return self._text(value, location, path)
        return value

    def _text(self, text: str, location: Location, path: str) -> Value:
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

    def _piece(self, match: re.Match[str], location: Location, path: str) -> str | Secret:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            self._say(
                "interpolation",
                f"{path}: ${{ without a closing brace",
                location,
                "$${ is a literal ${",
            )
            return ""
        value = self._expression(match[1], location, path)
        if isinstance(value, Secret):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float):
            return str(value)
        if value is not None:
            fact = f"{path}: ${{{match[1]}}} is a list or a mapping and cannot stand inside a text"
            self._say("interpolation", fact, location)
        return ""

    def _expression(self, source: str, location: Location, path: str) -> Value:
        match = _EXPRESSION.fullmatch(source.strip())
        if not match or (match["var"] and match["plain"]):
            fact = f"{path}: ${{{source}}} is not understood"
            self._say(
                "interpolation",
                fact,
                location,
                "write ${var.name}, ${env.NAME}, ${env.NAME:-default} or ${env.NAME|plain}",
            )
            return ""
        if match["var"]:
            return self._variable(match["var"], location, path)
        return self._environment(
            match["env"], match["default"], location, path, is_plain=bool(match["plain"])
        )

    def _variable(self, name: str, location: Location, path: str) -> Value:
        if name not in self.variables:
            known = ", ".join(sorted(self.variables)) or "none are"
            self._say(
                "variable",
                f"{path}: the variable {name} is not defined",
                location,
                f"defined: {known}; add it to vars or give --var {name}=…",
            )
            return ""
        if name in self._open:
            chain = " -> ".join((*self._open, name))
            self._say("variable", f"{path}: variables that contain each other: {chain}", location)
            return ""
        value, origin = self.variables[name]
        inner = Scope(
            self.variables,
            self.environ,
            self.missing,
            self.diagnostics,
            self.mocked,
            self.secrets,
            (*self._open, name),
        )
        return inner.resolve(value, origin or location, f"vars.{name}")

    def _environment(
        self, name: str, default: str | None, location: Location, path: str, *, is_plain: bool
    ) -> Value:
        found = self.environ.get(name, "")  # CI hands over an unset secret as empty text
        if not found and default is not None:
            return Loose(default[2:])
        if not found and self.missing == "mock":
            self.mocked.add(location)
            found = f"mock-{name.lower()}"
        if not found and self.missing == "unknown" and not is_plain:
            return Secret((Piece("", hidden=True, known=False),))
        if not found:
            fact = f"{path}: the environment variable {name} is not set"
            hint = f"set {name}, give a default ${{env.{name}:-…}}, or use --env-file"
            self._say("environment", fact, location, hint)
            self.mocked.add(location)  # one message is enough: what follows from it is not told
        if not is_text(found):
            fact = f"{path}: the environment variable {name} is not UTF-8 text"
            self._say("environment", fact, location, "encode it, for example as base64")
            found = ""
        if is_plain:
            return Loose(found)
        self.secrets.add(found)
        return Secret((Piece(found, hidden=True),))

    def _say(self, code: str, message: str, location: Location, hint: str = "") -> None:
        self.diagnostics.append(
            Diagnostic(code=code, message=message, location=location, hint=hint)
        )


def is_text(value: str) -> bool:
    """Whether a value from outside can be sent: bytes that are no UTF-8 arrive as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
