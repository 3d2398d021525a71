"""Crons that are right, and fire otherwise than many people think.

A day of the month that some months do not have, and a step that does not divide its field. What
a clock change does is said by the compiler.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from qstash_sync.crons.grammar import DAY, HOUR, KINDS, MINUTE, MONTH, MONTH_DAYS, Cron
from qstash_sync.lint.finding import finding
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.resources import Schedule

_SIZES = {MINUTE: 60, HOUR: 24, MONTH: 12}  # days and weekdays are divided by no step
_STEP = re.compile(r"(?:\*|0-59|0-23|1-12|1-31|0-6|0)/([0-9]+)")
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
            yield finding(code, schedule, f'"{cron.text}": {fact}', _HINTS[code], "cron")


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
    if fields.either or _steps(cron)[2]:
        return ""  # it fires by its weekday, too; a step of days is told as one
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


def _steps(cron: Cron) -> list[list[int]]:
    """The steps over the whole of each of the five fields."""
    texts = cron.text.split()
    if len(texts) != len(KINDS):
        return [[] for _ in KINDS]  # a name such as @daily
    return [[int(n) for n in _STEP.findall(text) if int(n) > 1] for text in texts]


def _uneven(cron: Cron) -> Iterator[str]:
    for kind, values, steps in zip(KINDS, cron.fields.sets, _steps(cron), strict=True):
        size = _SIZES.get(kind)
        for step in steps:
            if len(values) > 1 and (size is None or size % step):
                last, first = values[-1], values[0]
                anew = f"after {last} comes {first} again" if size else "every month begins anew"
                yield f"/{step} of the {kind.name} is uneven: {anew}"
