"""All rules over a file, and what the file says of them: disabled, for a while, or an error."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from qstash_sync.lint import capacity, crons, delivery
from qstash_sync.model.diagnostics import RANKS, Diagnostic, Severity
from qstash_sync.model.lint import BY_CODE, NO_LEVELS, Code, Levels
from qstash_sync.model.resources import Desired

Named = tuple[str, str]  # section and name, as the path of a diagnostic begins


def findings(
    desired: Desired, now: datetime, only: Collection[Named] | None = None
) -> Iterator[Diagnostic]:
    """What the rules find, but for those of the compiler, at the table's severities.

    only: of these resources, and of all together what no account can tell.
    """
    for schedule in desired.schedules or ():
        if only is None or ("schedules", schedule.name) in only:
            yield from delivery.findings(schedule, desired.limits.plan, now)
            yield from crons.findings(schedule)
    for group in desired.url_groups or ():
        if only is None or ("url_groups", group.name) in only:
            yield from delivery.endpoints(group)
    if only is None:
        yield from capacity.findings(desired, now)
    elif only:
        for found in capacity.findings(desired, now):
            if found.code != Code.DAILY_MESSAGES and is_about(found, only):
                yield found


def is_about(diagnostic: Diagnostic, names: Collection[Named]) -> bool:
    """Whether it is about one of some resources, or about all together."""
    path = diagnostic.path
    return not path or (str(path[0]), str(path[1])) in names


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
        if diagnostic.code not in BY_CODE:
            yield diagnostic
            continue
        of_schedule = diagnostic.path[:1] == ("schedules",)
        own = by_name.get(str(diagnostic.path[1]), NO_LEVELS) if of_schedule else NO_LEVELS
        judged = _leveled(diagnostic, own, desired.lint, today)
        if judged:
            yield judged


def _leveled(
    diagnostic: Diagnostic, own: Levels, of_file: Levels, today: date
) -> Diagnostic | None:
    code = Code(diagnostic.code)
    if code in own.disable:
        if own.until is None or today <= own.until:
            return None
        hint = "; ".join(filter(None, (f"its lint.until, {own.until}, is over", diagnostic.hint)))
        diagnostic = replace(diagnostic, hint=hint)
    if code in own.error or code in of_file.error:
        return replace(diagnostic, severity=Severity.ERROR)
    return None if code in of_file.disable else diagnostic


def stopping(
    found: Iterable[Diagnostic], fail_on: Severity | None, changed: Collection[Named]
) -> Iterator[Diagnostic]:
    """Findings as heavy as asked for are errors, lighter ones at most warnings.

    changed: resources; what stays as it is stops nothing.
    """
    for diagnostic in found:
        if diagnostic.code not in BY_CODE:
            yield diagnostic
            continue
        heavy = fail_on is not None and RANKS[diagnostic.severity] <= RANKS[fail_on]
        if changed and heavy and is_about(diagnostic, changed):
            yield replace(diagnostic, severity=Severity.ERROR)
        elif diagnostic.severity is Severity.ERROR:
            yield replace(diagnostic, severity=Severity.WARNING)
        else:
            yield diagnostic
