"""What is wrong or noteworthy, and where: one value for every message that has a place."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic weighs; `info` never fails a command."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A position in a file: line and column count from 1; text is the offending line."""

    file: str
    line: int
    column: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message: place, fact (message) and way out (hint)."""

    severity: Severity = Severity.ERROR
    code: str
    message: str
    location: Location | None = None
    hint: str = ""


def in_order(diagnostics: "list[Diagnostic] | tuple[Diagnostic, ...]") -> tuple[Diagnostic, ...]:
    """Sort by severity, then place, and drop repetitions (a default read by ten schedules)."""
    rank = list(Severity)

    def key(diagnostic: Diagnostic) -> tuple[int, str, int, int, str]:
        location = diagnostic.location or Location("", 0, 0)
        return (
            rank.index(diagnostic.severity),
            location.file,
            location.line,
            location.column,
            diagnostic.message,
        )

    seen: dict[tuple[object, ...], Diagnostic] = {}
    for diagnostic in sorted(diagnostics, key=key):
        location = diagnostic.location
        # Placed diagnostics say the same thing once, however many schedules inherit the mistake.
        identity = (
            (location.file, location.line, location.column) if location else diagnostic.message
        )
        tail = diagnostic.message.rpartition(": ")[2] if location else ""
        seen.setdefault((diagnostic.severity, diagnostic.code, identity, tail), diagnostic)
    return tuple(seen.values())
