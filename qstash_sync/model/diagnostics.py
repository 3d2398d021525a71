"""What is wrong or noteworthy, and where: one value for every message that has a place."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs; `info` never fails a command."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file: line and column count from 1; text is the offending line."""

    file: str
    line: int
    column: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One message: place, fact (message) and way out (hint)."""

    severity: Severity = Severity.ERROR
    code: str
    message: str
    place: Place | None = None
    hint: str = ""


def in_order(findings: "list[Finding] | tuple[Finding, ...]") -> tuple[Finding, ...]:
    """Sort by severity, then place, and drop repetitions (a default read by ten schedules)."""
    rank = list(Severity)

    def key(finding: Finding) -> tuple[int, str, int, int, str]:
        place = finding.place or Place("", 0, 0)
        return rank.index(finding.severity), place.file, place.line, place.column, finding.message

    seen: dict[tuple[object, ...], Finding] = {}
    for finding in sorted(findings, key=key):
        place = finding.place
        # Placed findings say the same thing once, however many schedules inherit the mistake.
        identity = (place.file, place.line, place.column) if place else finding.message
        tail = finding.message.rpartition(": ")[2] if place else ""
        seen.setdefault((finding.severity, finding.code, identity, tail), finding)
    return tuple(seen.values())
