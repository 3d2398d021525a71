"""Crons that are right, and fire otherwise than many people think.

A day of the month that some months do not have, and a step whose gaps are not all alike. What a
clock change does is said by the compiler.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from qstash_sync.crons.grammar import (
    DAY,
    KINDS,
    MONTH_DAYS,
    WEEKDAY,
    Cron,
    FieldKind,
    item_values,
)
from qstash_sync.lint.finding import finding
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.resources import Schedule

_ANEW = {DAY: "every month begins anew", WEEKDAY: "every week begins anew"}
_WINTER = {"EST": "America/New_York", "MST": "America/Denver"}  # Hawaii's has no summer time
_HINTS = {
    Code.LATE_DAY: "use the 28th or the 1st; for the last day of a month, check in the handler",
    Code.UNEVEN_STEP: "a step that divides, or a list of values",
}
_LEAP = min(MONTH_DAYS)  # the day that February has in leap years alone
_SHORTEST, _FEBRUARY = _LEAP - 1, 1 + MONTH_DAYS.index(_LEAP)


def findings(schedule: Schedule) -> Iterator[Diagnostic]:
    """What the crons of one schedule give cause to say."""
    zone = schedule.timing.job.timezone
    if zone in _WINTER:
        fact = f"{zone} has no summer time: an hour off the clocks of {_WINTER[zone]} in summer"
        yield finding(Code.FIXED_ZONE, schedule, fact, f"timezone: {_WINTER[zone]}", "timezone")
    for cron in schedule.timing.job.crons:
        for code, fact in _facts(cron):
            found = finding(code, schedule, f'"{cron.text}": {fact}', _HINTS[code], "cron")
            yield replace(found, location=schedule.timed_at)


@lru_cache(maxsize=16_384)  # many schedules have one cron
def _facts(cron: Cron) -> tuple[tuple[Code, str], ...]:
    missing = _late_days(cron)
    late = [(Code.LATE_DAY, missing)] if missing else []
    return (*late, *((Code.UNEVEN_STEP, fact) for fact in _uneven(cron)))


def _late_days(cron: Cron) -> str:
    """Which days of the month are meant, and are not in every month that is."""
    fields = cron.fields
    if fields.days == DAY.everything or (fields.days[0] == 1 and len(fields.days) > _SHORTEST):
        return ""
    if fields.either:
        return ""  # it fires by its weekday, too
    late = [day for day in fields.days if day > _SHORTEST]
    # Where an earlier day is meant, too, as in 28-31, no month goes without.
    months = [month for month in fields.months if _days_of(month) < fields.days[0]]
    if not late or not months:
        return ""
    count = f"{len(months)} of its {len(fields.months)} months have" if len(months) > 1 else ""
    one = "February, but in leap years, has" if months == [_FEBRUARY] and late[0] == _LEAP else ""
    return f"{count or one or 'one of its months has'} no day {late[0]}, and it does not run then"


def _days_of(month: int) -> int:
    """Of a usual year."""
    return _SHORTEST if month == _FEBRUARY else MONTH_DAYS[month - 1]


def _uneven(cron: Cron) -> Iterator[str]:
    texts = cron.text.split()
    if len(texts) != len(KINDS):
        return  # a name such as @daily
    for kind, values, text in zip(KINDS, cron.fields.sets, texts, strict=True):
        if _even(values, kind):
            continue  # its parts may be uneven alone, as in 0/30,15/30
        for item in text.replace("?", "*").split(","):
            of_item, step = _stepped(item, kind), int(item.partition("/")[2] or 1)
            if step > 1 and len(of_item) > 1 and not _even(of_item, kind):
                anew = f"after {of_item[-1]} comes {of_item[0]} again"
                yield f"/{step} of the {kind.name} is uneven: {_ANEW.get(kind, anew)}"


def _stepped(item: str, kind: FieldKind) -> Sequence[int]:
    """What a step goes over, if that is to the end of its field: a narrower range is chosen."""
    span = item.partition("/")[0]
    is_narrow = "-" in span and len(item_values(span, kind)) < len(kind.everything)
    return () if is_narrow else item_values(item, kind)


def _even(values: Sequence[int], kind: FieldKind) -> bool:
    """Whether all gaps are alike, that from the last to the first of the next round among them.

    Months have no one length: of days of the month only all are evenly spread.
    """
    if kind is DAY:
        return tuple(values) == DAY.everything
    size = len(kind.everything)
    around = (*values, values[0] + size)
    return len({later - earlier for earlier, later in pairwise(around)}) == 1
