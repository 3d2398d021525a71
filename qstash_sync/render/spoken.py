"""The time of a schedule as a person says it: `Mon-Fri 09:00 New York`.

What has no short form is said by its cron. Zones are called by their city: the file has the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import DAY, HOUR, MINUTE, MONTH, WEEKDAY, Cron, Fields
from qstash_sync.crons.zone_names import fixed

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = (
    "", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_MOST_TIMES = 4  # of a day that are listed
_MOST_DAYS = 4
_BEATS = ("every", "hourly")
_RUN = 3  # days or months in a row that are said as a range


def time(job: Job) -> str:
    """The whole: days, times, zone."""
    return f"{_times(job)}{_in(job)}{city(job.timezone)}"


def move(before: Job, after: Job) -> str:
    """Both times, what they share said once, and what changes at the same place of both."""
    before = replace(before, crons=_aligned(before.crons, after.crons))
    if before.timezone != after.timezone:
        return f"{time(before)} -> {time(after)}"
    old, new = ([_parts(cron) for cron in job.crons] for job in (before, after))
    if len(old) == len(new) == 1 and old[0] and new[0] and old[0][0] == new[0][0]:
        days, then, now = old[0][0], old[0][1], new[0][1]
        said = f"{days} {then} -> {now}".strip()
    else:
        said = f"{_times(before)} -> {_times(after)}"
    return f"{said}{_in(after)}{city(after.timezone)}"


def _aligned(crons: Sequence[Cron], others: Sequence[Cron]) -> tuple[Cron, ...]:
    """Crons in the order of others: what both have, and between it what only these have."""
    shared = {cron.fields for cron in crons} & {cron.fields for cron in others}
    own = iter([cron for cron in crons if cron.fields not in shared])
    same = {cron.fields: cron for cron in crons}
    found = (same[o.fields] if o.fields in shared else next(own, None) for o in others)
    return (*filter(None, found), *own)


def _in(job: Job) -> str:
    """Before a zone: a beat is in it, a time is its own."""
    parts = _parts(job.crons[-1])
    return " in " if parts and parts[1].startswith(_BEATS) else " "


def city(timezone: str) -> str:
    """The last word of a zone's name: New York; of an offset how people write it: UTC-2."""
    return fixed(timezone) or timezone.rpartition("/")[2].replace("_", " ")


def _times(job: Job) -> str:
    return " + ".join(_cron(cron) for cron in job.crons)


def _cron(cron: Cron) -> str:
    parts = _parts(cron)
    return " ".join(filter(None, parts)) if parts else f"({' '.join(cron.text.split())})"


def _parts(cron: Cron) -> tuple[str, str] | None:
    """Days, and times of the day; None where there is no short form."""
    days, times = _days(cron.fields), _of_day(cron.fields)
    if days is None or times is None:
        return None
    beats = times.startswith(_BEATS)
    return ("" if days == "daily" and beats else days), times


def _of_day(fields: Fields) -> str | None:
    minutes, hours = fields.minutes, fields.hours
    if hours == HOUR.everything:
        if minutes == MINUTE.everything:
            return "every minute"
        if len(minutes) == 1:
            return f"hourly at :{minutes[0]:02}"
        step = minutes[1] - minutes[0]
        is_beat = minutes[0] == 0 and minutes == MINUTE.everything[::step] and 60 % step == 0
        return f"every {step} minutes" if is_beat else None
    if len(minutes) * len(hours) > _MOST_TIMES:
        return _every_few_hours(minutes, hours)
    return ", ".join(f"{hour:02}:{minute:02}" for hour in hours for minute in minutes)


def _every_few_hours(minutes: Sequence[int], hours: Sequence[int]) -> str | None:
    """A beat of so many hours around the clock, if it is one."""
    if len(minutes) > 1:
        return None
    first, minute, step = hours[0], minutes[0], hours[1] - hours[0]
    if hours != HOUR.everything[first::step] or first >= step or len(HOUR.everything) % step:
        return None
    start = f" from {first:02}:{minute:02}" if first else f" at :{minute:02}" * bool(minute)
    return f"every {step} hours{start}"


def _days(fields: Fields) -> str | None:
    """Which days; None for what is rare: both day fields, many dates."""
    any_date, any_weekday = fields.days == DAY.everything, fields.weekdays == WEEKDAY.everything
    months = ""
    if fields.months != MONTH.everything:
        months = f" in {_listed(fields.months, _MONTHS)}"
    if any_date and any_weekday:
        return f"daily{months}"
    if any_date:
        return f"{weekdays(fields.weekdays)}{months}"
    if any_weekday and len(fields.days) <= _MOST_DAYS:
        if len(fields.months) == 1:
            return f"{', '.join(map(str, fields.days))} {_MONTHS[fields.months[0]]}"
        return f"on the {', '.join(map(ordinal, fields.days))}{months or ' of the month'}"
    return None


def weekdays(numbers: Iterable[int]) -> str:
    """Days of the week, Sunday is 0; a week begins on Monday, for people."""
    return _listed(sorted(numbers, key=lambda day: (day - 1) % 7), _DAYS)


def _listed(values: Sequence[int], names: Sequence[str]) -> str:
    """Names, three or more in a row as a range."""
    around = len(names) if names is _DAYS else len(names) + 99
    runs: list[list[int]] = []
    for value in values:
        if runs and value == (runs[-1][-1] + 1) % around:
            runs[-1].append(value)
        else:
            runs.append([value])
    said = []
    for run in runs:
        if len(run) >= _RUN:
            said.append(f"{names[run[0]]}-{names[run[-1]]}")
        else:
            said += [names[value] for value in run]
    return ", ".join(said)


def ordinal(day: int) -> str:
    """A day of the month: 1st, 22nd."""
    teen = day // 10 == 1
    return f"{day}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def utc(at: datetime, local: datetime) -> str:
    """An instant beside the local time that it is: with its day where that is another one."""
    return f"{at:%H:%MZ}" if at.date() == local.date() else f"{at:%a %H:%MZ}"
