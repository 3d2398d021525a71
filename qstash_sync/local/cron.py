"""Cron as robfig/cron v3 reads it, with its error texts, and the minutes at which it fires."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 1440
SEARCH_MINUTES = 5 * 366 * MINUTES_PER_DAY  # robfig gives up after five years
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun",
                "jul", "aug", "sep", "oct", "nov", "dec")  # fmt: skip
MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, MONTHS),
    (0, 6, WEEKDAYS),
)
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EVERY = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class CronError(ValueError):
    """A cron that the parser does not take, with the parser's own words."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed cron: the minutes of a day it names and the days it names, in one zone.

    every: minutes between two firings (`@every`); 0 for a real cron.
    """

    times: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    zone: str
    every: int = 0

    def fires_on(self, ordinal: int) -> bool:
        """Tell whether the local date with this ordinal is one of the cron's days."""
        day = date.fromordinal(ordinal)
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, ordinal % 7 in self.weekdays
        return (of_month or of_week) if self.either_day else (of_month and of_week)


@lru_cache(maxsize=4096)
def parse(text: str, *, descriptors: bool = True) -> Spec:
    """Parse a cron of five fields or a descriptor, with an optional zone before it."""
    if not text:
        raise CronError("empty spec string")
    zone, rest = _split_zone(text)
    every = 0
    if rest.startswith("@"):
        if not descriptors:
            raise CronError(f"parser does not accept descriptors: {rest}")
        rest, every = _descriptor(rest)
    fields = rest.split()
    if len(fields) != len(BOUNDS):
        listed = " ".join(fields)
        raise CronError(f"expected exactly 5 fields, found {len(fields)}: [{listed}]")
    parsed = [_field(item, *bounds) for item, bounds in zip(fields, BOUNDS, strict=True)]
    (minutes, _), (hours, _), (days, any_day), (months, _), (weekdays, any_weekday) = parsed
    return Spec(
        times=tuple(hour * 60 + minute for hour in sorted(hours) for minute in sorted(minutes)),
        days=days,
        months=months,
        weekdays=weekdays,
        either_day=not (any_day or any_weekday),
        zone=zone,
        every=every,
    )


def _split_zone(text: str) -> tuple[str, str]:
    """The zone of a cron, UTC if it names none, and what stands behind it."""
    if not text.startswith(("TZ=", "CRON_TZ=")):
        return "UTC", text
    prefix, _, rest = text.partition(" ")
    name = prefix.partition("=")[2]
    zone = "UTC" if name in {"", "Local"} else name
    if zone not in _zone_names():
        raise CronError(f"provided bad location {name}: unknown time zone {name}")
    return zone, rest.strip()


def _descriptor(text: str) -> tuple[str, int]:
    """The five fields that a descriptor stands for, and the minutes of an `@every`."""
    if text in DESCRIPTORS:
        return DESCRIPTORS[text], 0
    if not text.startswith("@every "):
        raise CronError(f"unrecognized descriptor: {text}")
    matched = EVERY.fullmatch(text.removeprefix("@every "))
    hours, minutes, seconds = (
        (int(part or 0) for part in matched.groups()) if matched else (0, 0, 0)
    )
    if not (hours or minutes or seconds):
        raise CronError(f"failed to parse duration {text}: time: invalid duration")
    return "* * * * *", max(1, hours * 60 + minutes + seconds // 60)


def _field(text: str, low: int, high: int, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """The values of a field, and whether a star is in it: robfig's getField."""
    values: set[int] = set()
    star = False
    for item in filter(None, text.split(",")):
        numbers, starred = _range(item, low, high, names)
        values.update(numbers)
        star |= starred
    return frozenset(values), star


def _range(item: str, low: int, high: int, names: dict[str, int]) -> tuple[range, bool]:
    """One item of a field, checked in the order of robfig's getRange: the first error counts."""
    span, *steps = item.split("/")
    first, *rest = span.split("-")
    star = first in {"*", "?"}
    if star:
        start, end = low, high
    elif len(rest) > 1:
        raise CronError(f"too many hyphens: {item}")
    else:
        start = _number(first, names)
        end = _number(rest[0], names) if rest else start
    if len(steps) > 1:
        raise CronError(f"too many slashes: {item}")
    step = _number(steps[0], {}) if steps else 1
    if steps and not rest:
        end = high  # "N/step" means N to the end of the field
    if start < low:
        raise CronError(f"beginning of range ({start}) below minimum ({low}): {item}")
    if end > high:
        raise CronError(f"end of range ({end}) above maximum ({high}): {item}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {item}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {item}")
    return range(start, end + 1, step), star and step == 1


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise CronError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    if int(text) < 0:
        raise CronError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    """Read a zone from the installed tzdata package, never from the operating system."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, name)


def _offset(zone: ZoneInfo, minute: int) -> int:
    local = (EPOCH + timedelta(minutes=minute)).astimezone(zone).utcoffset()
    assert local is not None
    return int(local.total_seconds() // 60)


def _spans(name: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Cut the minutes from start to end into (from, to, offset) where the offset is one.

    Looks at the offset once a day: no zone changes it twice within one.
    """
    if name == "UTC":
        yield start, end, 0
        return
    zone = _zone(name)
    begin, offset = start, _offset(zone, start)
    for day_end in range(start + MINUTES_PER_DAY, end + MINUTES_PER_DAY, MINUTES_PER_DAY):
        to = min(day_end, end)
        if (later := _offset(zone, to)) == offset:
            continue
        # Bisect the day for the first minute with the other offset.
        same, other = max(begin, to - MINUTES_PER_DAY), to
        while other - same > 1:
            middle = (same + other) // 2
            same, other = (middle, other) if _offset(zone, middle) == offset else (same, middle)
        yield begin, other, offset
        begin, offset = other, later
    yield begin, end, offset


def firings(spec: Spec, start: int, end: int, *, origin: int = 0) -> Iterator[int]:
    """Yield the UTC minutes (since 1970) from start up to, not including, end that fire.

    Local times in a gap do not exist and are skipped; those in a fold fire twice.
    origin: the minute from which `@every` counts.
    """
    if spec.every:
        begin = max(start, origin)
        begin += (origin - begin) % spec.every  # up to the next multiple
        yield from range(begin, end, spec.every)
        return
    for begin, to, offset in _spans(spec.zone, start, end):
        first_day = (begin + offset) // MINUTES_PER_DAY
        last_day = (to - 1 + offset) // MINUTES_PER_DAY
        for day in range(first_day, last_day + 1):
            if not spec.fires_on(day + EPOCH_ORDINAL):
                continue
            midnight = day * MINUTES_PER_DAY - offset
            # Only the days at the ends of a span can have minutes outside it.
            if first_day < day < last_day:
                yield from [midnight + time for time in spec.times]
            else:
                yield from [m for time in spec.times if begin <= (m := midnight + time) < to]


def next_firing(spec: Spec, after: float, *, origin: int = 0) -> int | None:
    """Return the first minute that fires after a unix time, None if there is none in 5 years."""
    start = int(after // 60) + 1
    return next(firings(spec, start, start + SEARCH_MINUTES, origin=origin), None)
