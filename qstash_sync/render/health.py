"""What `doctor` shows: one line a check, the way out below it, and the verdict last."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from qstash_sync.health.check import Check
from qstash_sync.model.diagnostics import RANKS, Severity
from qstash_sync.render import json as view, safe
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint

_OK = "ok"
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim", None: "green"}
_WORDS = {Severity.INFO: "note"}
_STATUS, _SUBJECT = 8, 13  # columns


def text(checks: Sequence[Check], paint: Paint) -> Page:
    """In the order in which things were looked at, what they are first."""
    return safe.page(
        [*(line for one in checks for line in _lines(one, paint)), "", verdict(checks)]
    )


def _lines(check: Check, paint: Paint) -> Iterator[str]:
    word = _word(check)
    subject = check.subject.replace("_", " ")
    head = f"{paint(f'{word:{_STATUS}}', _STYLES[check.severity], 'bold')} {subject:{_SUBJECT}}"
    hang = _STATUS + _SUBJECT + 2
    yield from paint.wrapped(f"{head} {check.message}", hang)
    if check.hint:
        yield from paint.wrapped(" " * hang + check.hint, hang)


def _word(check: Check) -> str:
    if check.severity is None:
        return _OK
    return _WORDS.get(check.severity, str(check.severity))


def verdict(checks: Sequence[Check]) -> str:
    """How many of which weight."""
    counts = Counter(check.severity for check in checks)
    found = [
        f"{counts[severity]:,} {severity}{'s' if counts[severity] != 1 else ''}"
        for severity in sorted(filter(None, counts), key=RANKS.__getitem__)
        if severity is not Severity.INFO
    ]
    verdict = ", ".join(found) or "".join(["healthy", *(check.besides for check in checks)])
    return f"{counts.total():,} checks: {verdict}."


def document(checks: Sequence[Check], requests: tuple[int, int]) -> Page:
    """The same for programs."""
    rows: list[dict[str, Any]] = [
        {
            "subject": check.subject,
            "status": check.severity or _OK,
            "message": check.message,
            "hint": check.hint,
        }
        for check in checks
    ]
    counts = Counter(row["status"] for row in rows)
    statuses = (_OK, Severity.INFO, Severity.WARNING, Severity.ERROR)
    return view.document(
        summary={str(status): counts[status] for status in statuses},
        checks=rows,
        warnings=[],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )
