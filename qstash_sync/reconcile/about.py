"""A diagnostic about one schedule of the file."""

from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule


def about(
    schedule: Schedule, severity: Severity, code: str, message: str, hint: str = ""
) -> Diagnostic:
    """A diagnostic with the path and the location of a schedule."""
    return Diagnostic(
        severity=severity,
        code=code,
        message=message,
        path=("schedules", schedule.name),
        location=schedule.location,
        hint=hint,
    )
