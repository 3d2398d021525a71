"""All rules over a file, and what the file says of them: disabled, for a while, or an error."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.lint import capacity, crons, delivery, near_names
from qstash_sync.model.diagnostics import RANKS, Diagnostic, Severity
from qstash_sync.model.lint import BY_CODE, NO_LEVELS, Code, Levels
from qstash_sync.model.resources import Desired, Schedule, plain

Named = tuple[str, str]  # section and name, as the path of a diagnostic begins


def findings(
    desired: Desired, now: datetime, only: Collection[Named] | None = None
) -> Iterator[Diagnostic]:
    """What the rules find, but for those of the compiler, at the table's severities.

    only: of these resources, and of all together; without what the account tells for certain.
    """
    if only is None:
        yield from _single(desired, now)
        yield from near_names.findings(desired)
        yield from capacity.findings(desired, now)
    elif only:
        for found in (*_single(desired, now, only), *capacity.findings(desired, now)):
            if found.code != Code.DAILY_MESSAGES and is_about(found, only):
                yield found


def _single(
    desired: Desired, now: datetime, only: Collection[Named] | None = None
) -> Iterator[Diagnostic]:
    """Of each schedule with the group that it calls, and of each group with those that call it.

    only: nothing is looked for where neither of the two is among these.
    """
    groups = {group.name: group for group in desired.url_groups or ()}
    callers: defaultdict[str, list[Schedule]] = defaultdict(list)
    for schedule in desired.schedules or ():
        target = plain(schedule.message.destination) if schedule.to_group else ""
        group = groups.get(target)
        callers[target].append(schedule)
        either = ("schedules", schedule.name), ("url_groups", target)
        if only is None or any(name in only for name in either):
            yield from delivery.findings(schedule, group, desired.limits.plan, now)
            yield from crons.findings(schedule)
    for group in groups.values():
        calling = callers[group.name]
        named = ("url_groups", group.name), *(("schedules", one.name) for one in calling)
        if only is None or any(name in only for name in named):
            yield from delivery.endpoints(group, calling, now)


def is_about(diagnostic: Diagnostic, names: Collection[Named]) -> bool:
    """Whether it is about one of some resources, or about all together."""
    return not diagnostic.path or any(name in names for name in _subjects(diagnostic))


def _subjects(diagnostic: Diagnostic) -> tuple[Named, ...]:
    """The resources that it is about, each once, that of its path first."""
    section, name = map(str, diagnostic.path[:2])
    return tuple(dict.fromkeys(((section, name), *diagnostic.shared_by)))


def leveled(found: Iterable[Diagnostic], desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """The same with what the file says of their codes; what is no finding stays as it is.

    A schedule's own word goes before the file's. Of several that share a finding, the rule has left
    out who disables it, and it is an error as soon as one of the others makes one of it.
    """
    by_name = {s.name: s.lint for s in desired.schedules or () if s.lint is not NO_LEVELS}
    if desired.lint is NO_LEVELS and not by_name:
        yield from found
        return
    for diagnostic in found:
        if diagnostic.code not in BY_CODE:
            yield diagnostic
            continue
        subjects = _subjects(diagnostic) if diagnostic.path and by_name else ()
        names = [name for section, name in subjects if section == "schedules"]
        own = [by_name[name] for name in names if name in by_name]
        judged = _leveled(diagnostic, own, desired.lint, now)
        if judged:
            yield judged


def _leveled(
    diagnostic: Diagnostic, own: Sequence[Levels], of_file: Levels, now: datetime
) -> Diagnostic | None:
    """own: of the schedules that it is about."""
    code = Code(diagnostic.code)
    if any(levels.disables(code, now) for levels in own):
        return None
    over = sorted({levels.until for levels in own if code in levels.disable and levels.until})
    if over:
        hint = "; ".join(filter(None, (f"its lint.until, {over[0]}, is over", diagnostic.hint)))
        diagnostic = replace(diagnostic, hint=hint)
    if code in of_file.error or any(code in levels.error for levels in own):
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
