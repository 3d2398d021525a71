"""Crons that are right, and fire otherwise than many people think.

A day of the month that some months do not have, and a step whose gaps are not all alike. What a
clock change does is said by the compiler.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from qstash_sync.crons.grammar import (
    DAY,
    HOUR,
    KINDS,
    MINUTE,
    MONTH,
    MONTH_DAYS,
    WEEKDAY,
    Cron,
    FieldKind,
    Fields,
    item_values,
)
from qstash_sync.lint.finding import finding
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.resources import Schedule

_ANEW = {DAY: "every month begins anew", WEEKDAY: "every week begins anew"}
_DAY = 1_440  # minutes
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
    for cron, code, fact in _facts(schedule.timing.job.crons):
        found = finding(code, schedule, f'"{cron.text}": {fact}', _HINTS[code], "cron")
        yield replace(found, location=schedule.timed_at)


@lru_cache(maxsize=16_384)  # many schedules have the same crons
def _facts(crons: tuple[Cron, ...]) -> tuple[tuple[Cron, Code, str], ...]:
    """Of each cron, what the others of its list do not make good."""
    late = dict(_late_days(crons))
    return tuple(
        (cron, code, fact)
        for cron in crons
        for code, facts in (
            (Code.LATE_DAY, [late[cron]] if cron in late else []),
            (Code.UNEVEN_STEP, _uneven(cron, crons)),
        )
        for fact in facts
    )


def _late_days(crons: Sequence[Cron]) -> Iterator[tuple[Cron, str]]:
    """Which days of the month are meant in months that have none of them, so that nothing runs.

    Said of the cron that comes nearest to running there.
    """
    without: defaultdict[Cron, list[int]] = defaultdict(list)
    for month in MONTH.everything:
        meant = [cron for cron in crons if month in cron.fields.months]
        # Where an earlier day is meant, too, as in 28-31, or a weekday, no month goes without.
        if meant and not any(_runs_in(month, cron.fields) for cron in meant):
            without[min(meant, key=lambda cron: cron.fields.days[0])].append(month)
    for cron, months in without.items():
        yield cron, _late_day(cron.fields, months, " and no other cron" * (len(crons) > 1))


def _late_day(fields: Fields, months: Sequence[int], nor: str) -> str:
    day = fields.days[0]
    count = f"{len(months):,} of its {len(fields.months):,} months have" if len(months) > 1 else ""
    one = "February, but in leap years, has" if months == [_FEBRUARY] and day == _LEAP else ""
    has = count or one or "one of its months has"
    return f"{has} no day {day}{nor}, and it does not run then"


def _runs_in(month: int, fields: Fields) -> bool:
    return fields.either or fields.days[0] <= _days_of(month)


def _days_of(month: int) -> int:
    """Of a usual year."""
    return _SHORTEST if month == _FEBRUARY else MONTH_DAYS[month - 1]


def _uneven(cron: Cron, crons: Sequence[Cron]) -> Iterator[str]:
    texts = cron.text.split()
    if len(texts) != len(KINDS):
        return  # a name such as @daily
    for number, (kind, text) in enumerate(zip(KINDS, texts, strict=True)):
        if _is_evened(number, cron.fields, crons):
            continue
        for item in text.replace("?", "*").split(","):
            of_item, step = _stepped(item, kind), int(item.partition("/")[2] or 1)
            if step > 1 and len(of_item) > 1 and not _even(of_item, kind):
                anew = f"after {of_item[-1]} comes {of_item[0]} again"
                yield f"/{step} of the {kind.name} is uneven: {_ANEW.get(kind, anew)}"


def _is_evened(number: int, fields: Fields, crons: Sequence[Cron]) -> bool:
    """Whether parts that may be uneven alone are even together: 0/30,15/30, or a list of crons.

    A list can be even in one field, or over the day: 0/45 */3, 30 1/3 and 15 2/3 are 45 minutes.
    """
    alike = [other.fields for other in crons if _but(number, other.fields) == _but(number, fields)]
    values = sorted({value for one in alike for value in one.sets[number]})
    if _even(values, KINDS[number]):
        return True
    if KINDS[number] not in (MINUTE, HOUR):
        return False
    same_days = [one.fields for one in crons if one.fields.day_rule == fields.day_rule]
    times = {
        60 * hour + minute for one in same_days for hour in one.hours for minute in one.minutes
    }
    return _evenly(sorted(times), _DAY)


def _but(number: int, fields: Fields) -> tuple[object, ...]:
    """All of a cron but one of its fields."""
    return (*fields.sets[:number], *fields.sets[number + 1 :], fields.either)


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
    return _evenly(values, len(kind.everything))


def _evenly(values: Sequence[int], size: int) -> bool:
    around = (*values, values[0] + size)
    return len({later - earlier for earlier, later in pairwise(around)}) == 1
