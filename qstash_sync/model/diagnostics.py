"""What is wrong or noteworthy, and where: one value for every message about file or account.

severity     an error fails the command; a difference is what `drift` exits with 2 for; a warning
             and information fail nothing
code         what kind of message it is: what other code may ask for
path         the setting that it is about, such as ("schedules", "daily", "cron", 0)
shared_by    the resources that it is about together, by section and name, where there are several:
             whoever of them changes has caused it; the path is where a person is sent first
cause        what one mend takes away wherever it shows, such as a variable that is not set: errors
             of one cause may be shown as one; "" where each is mended by itself
message      the fact, for people alone; no code reads it
"""

from collections.abc import Collection, Iterable
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from qstash_sync.model.names import natural
from qstash_sync.record import record


class Severity(StrEnum):
    """How much a diagnostic weighs, the heaviest first."""

    ERROR = "error"
    DIFFERENCE = "difference"
    WARNING = "warning"
    INFO = "info"


class Fixed(str):
    """Text of ours with nothing in it of a file or an account: no secret is masked in it.

    Somebody's literal secret can be a word of it, and what is to be typed must stay as it is typed.
    """

    __slots__ = ()


RANKS = {severity: rank for rank, severity in enumerate(Severity)}
_LISTED = 10  # more names than this help nobody


class Lines(Protocol):
    """The lines of a file, which count from 1."""

    def shown(self, line: int) -> str:
        """A line, or "" where it would show a secret."""


@record()
class Location:
    """A position in a file: line and column count from 1; quoted: its line, or who has it."""

    file: str
    line: int
    column: int
    quoted: str | Lines = field(default="", compare=False, repr=False)

    @property
    def text(self) -> str:
        """The line, as far as it may be shown by what is known now; "" where it may not."""
        return self.quoted if isinstance(self.quoted, str) else self.quoted.shown(self.line)

    def __lt__(self, other: "Location") -> bool:
        return (self.file, self.line, self.column) < (other.file, other.line, other.column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@record(kw_only=True)
class Diagnostic:
    """One message: location, fact (message) and way out (hint)."""

    severity: Severity = Severity.ERROR
    code: str
    message: str
    path: tuple[str | int, ...] = ()
    shared_by: tuple[tuple[str, str], ...] = ()
    location: Location | None = None
    hint: str = ""
    cause: str = ""

    @property
    def text(self) -> str:
        """The message behind its path, as it is shown."""
        return f"{'.'.join(map(str, self.path))}: {self.message}" if self.path else self.message


def listed(names: Collection[str]) -> str:
    """Some names for a message, in order: as many as help anybody, and how many more."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(sorted(names, key=natural)[:_LISTED]) + more


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by severity, then location, and drop repetitions.

    A mistake that ten schedules inherit from a default has one location, and is said once.
    """

    def key(diagnostic: Diagnostic) -> tuple[int, str, int, int, str]:
        at = diagnostic.location or Location("", 0, 0)
        return RANKS[diagnostic.severity], at.file, at.line, at.column, diagnostic.text

    first: dict[tuple[object, ...], Diagnostic] = {}
    for diagnostic in sorted(diagnostics, key=key):
        at = diagnostic.location
        subject = (at.file, at.line, at.column) if at else diagnostic.path
        key_missing = diagnostic.path[-1:] if diagnostic.code == "missing" else ()  # has no place
        same = (diagnostic.severity, diagnostic.code, subject, key_missing, diagnostic.message)
        first.setdefault(same, diagnostic)
    return tuple(first.values())
