"""What a file says is live, by `was:` or `id:`, and is not: a slip, perhaps."""

from collections.abc import Iterator

from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.reconcile import mark as marks
from qstash_sync.reconcile.live_parts import LivePart, LiveParts


def new_id(schedule: Schedule, old: LivePart) -> Iterator[Diagnostic]:
    """An `id:` that nothing has, and what stands under the name never had: a slip, perhaps."""
    had_it = old.mark is not None and old.mark.was == marks.bound_to(schedule.id)
    if schedule.adopted and not schedule.was and not had_it:
        fact = f"nothing in the account is {schedule.id}, so {old.live.id} is renamed to it"
        hint = "is it right? a schedule that is meant goes on firing beside this one"
        path = ("schedules", schedule.name, "id")
        yield Diagnostic(
            severity=Severity.WARNING, code="not_live", message=fact, path=path,
            location=schedule.location, hint=hint,
        )  # fmt: skip


def nothing_there(schedule: Schedule, index: LiveParts) -> Iterator[Diagnostic]:
    """What the file says is live, and is not: a new schedule may fire beside the one meant."""
    sides = [("was", schedule.was, Severity.INFO)] if schedule.was else []
    if schedule.adopted:
        sides.append(("id", schedule.id, Severity.WARNING))
    for key, value, severity in sides:
        part = index.by_id.get(value)
        foreign = index.carried(part) if part else ""
        fact = f"nothing in the account is {value}, so it is created anew"
        if foreign:
            fact = f"{value} {foreign}; it is left alone, and this one is created beside"
        yield Diagnostic(
            severity=Severity.WARNING if foreign else severity,
            code="not_live",
            message=fact,
            path=("schedules", schedule.name, key),
            location=schedule.location,
            hint="is it right? without it nothing is renamed, and no pause is kept"
            if key == "was" and not foreign
            else "is it right? a schedule that is meant goes on firing beside this one",
        )
