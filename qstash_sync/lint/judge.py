"""All rules over a file, and what the file says of them: disabled, for a while, or an error."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from qstash_sync.lint import capacity, crons, delivery
from qstash_sync.model.diagnostics import RANKS, Diagnostic, Severity
from qstash_sync.model.lint import BY_CODE, NO_LEVELS, Code, Levels
from qstash_sync.model.resources import Desired, Key, Kind


def findings(
    desired: Desired, now: datetime, only: Collection[Key] | None = None
) -> Iterator[Diagnostic]:
    """What the rules find, but for those of the compiler, at the table's severities.

    only: of these schedules and URL groups alone, and of all together what no account can tell.
    """
    for schedule in desired.schedules or ():
        if only is None or (Kind.SCHEDULE, schedule.id) in only:
            yield from delivery.findings(schedule, desired.limits.plan, now)
            yield from crons.findings(schedule)
    for group in desired.url_groups or ():
        if only is None or (Kind.URL_GROUP, group.name) in only:
            yield from delivery.endpoints(group)
    if only is None:
        yield from capacity.findings(desired, now)
    elif only:
        together = capacity.findings(desired, now)
        yield from (found for found in together if found.code != Code.DAILY_MESSAGES)


def leveled(found: Iterable[Diagnostic], desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """The same with what the file says of their codes; what is no finding stays as it is.

    A schedule's own word goes before the file's.
    """
    by_name = {s.name: s.lint for s in desired.schedules or () if s.lint is not NO_LEVELS}
    if desired.lint is NO_LEVELS and not by_name:
        yield from found
        return
    today = now.astimezone(UTC).date()
    for diagnostic in found:
        of_schedule = diagnostic.path[:1] == ("schedules",)
        own = by_name.get(str(diagnostic.path[1]), NO_LEVELS) if of_schedule else NO_LEVELS
        judged = _leveled(diagnostic, own, desired.lint, today)
        if judged:
            yield judged


def _leveled(
    diagnostic: Diagnostic, own: Levels, of_file: Levels, today: date
) -> Diagnostic | None:
    if diagnostic.code not in BY_CODE:
        return diagnostic
    code = Code(diagnostic.code)
    if code in own.disable:
        if own.until is None or today <= own.until:
            return None
        hint = f"its lint.until, {own.until}, is over: {diagnostic.hint}"
        diagnostic = replace(diagnostic, hint=hint)
    if code in own.error or code in of_file.error:
        return replace(diagnostic, severity=Severity.ERROR)
    return None if code in of_file.disable else diagnostic


def stopping(
    found: Iterable[Diagnostic], fail_on: Severity | None, names: Collection[str]
) -> Iterator[Diagnostic]:
    """Findings as heavy as asked for are errors, lighter ones at most warnings.

    names: of the resources that are changed; what stays as it is stops nothing.
    """
    for diagnostic in found:
        if diagnostic.code not in BY_CODE:
            yield diagnostic
            continue
        is_changed = bool(names) and (not diagnostic.path or diagnostic.path[1] in names)
        heavy = fail_on is not None and RANKS[diagnostic.severity] <= RANKS[fail_on]
        if is_changed and heavy:
            yield replace(diagnostic, severity=Severity.ERROR)
        elif diagnostic.severity is Severity.ERROR:
            yield replace(diagnostic, severity=Severity.WARNING)
        else:
            yield diagnostic
