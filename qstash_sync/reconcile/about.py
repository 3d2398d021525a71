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


def as_yaml(name: str) -> str:
    """A name of a schedule as a file may have it: YAML would read some as no text."""
    is_text = name[:1].isalpha() and name.lower() not in ("true", "false", "null")
    return name if is_text else f'"{name}"'
