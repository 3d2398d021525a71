"""A second opinion, written apart from the compiler and with none of its code.

It walks every UTC minute of a span, asks zoneinfo for the local time, and notes for each local
minute when it happens: once, twice (a fold), or never (a gap, seen as a jump between two minutes).
The fields come from cronsim's parser. Slow and plain on purpose; the walk is kept for each zone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from cronsim import CronSim

DAY = 1440
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Gap:
    """Local minutes that never happen, and the first UTC minute after them."""

    first: int
    count: int
    after: int


@dataclass(frozen=True)
class Walk:
    """Stretches of UTC minutes with a steady local time: (first UTC, first local, count)."""

    stretches: tuple[tuple[int, int, int], ...]
    gaps: tuple[Gap, ...]


@lru_cache(maxsize=64)
def walk(timezone: str, first: date, days: int) -> Walk:
    """Every minute of some UTC days in a zone; minutes count from 1970."""
    with resources.files("tzdata.zoneinfo").joinpath(*timezone.split("/")).open("rb") as data:
        zone = ZoneInfo.from_file(data)
    start = minute_of(datetime(first.year, first.month, first.day, tzinfo=UTC))
    at = datetime(first.year, first.month, first.day, tzinfo=UTC)
    step = timedelta(minutes=1)
    stretches, gaps = [], []
    begun, last = start, None
    for utc in range(start, start + days * DAY):
        offset = at.astimezone(zone).utcoffset()
        if offset != last:
            if last is not None and offset is not None:
                stretches.append((begun, begun + int(last.total_seconds()) // 60, utc - begun))
                before, now = (utc + int(x.total_seconds()) // 60 for x in (last, offset))
                if now > before:
                    gaps.append(Gap(before, now - before, utc))
            begun, last = utc, offset
        at += step
    end = start + days * DAY
    assert last is not None
    stretches.append((begun, begun + int(last.total_seconds()) // 60, end - begun))
    return Walk(tuple(stretches), tuple(gaps))


def minute_of(at: datetime) -> int:
    """Minutes since 1970."""
    return int((at - EPOCH) // timedelta(minutes=1))


def is_interval(text: str) -> bool:
    """Debian's class rule, and all 24 hours."""
    minute, hour = text.split()[:2]
    return minute[0] == "*" or hour[0] == "*" or len(_fields(text)[1]) == 24


@lru_cache(maxsize=4096)
def _fields(text: str) -> tuple[list[int], list[int], set[int], set[int], set[int], bool]:
    sim = CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    weekdays = {int(day) % 7 for day in sim.weekdays if isinstance(day, int)}
    return sorted(sim.minutes), sorted(sim.hours), sim.days, sim.months, weekdays, sim.day_and


def local_minutes(text: str, first: int, last: int) -> Iterator[int]:
    """The local minutes of a cron from first to last, as if no clock ever changed."""
    minutes, hours, days, months, weekdays, both = _fields(text)
    for number in range(first // DAY, last // DAY + 1):
        day = date(1970, 1, 1) + timedelta(days=number)
        month_day, weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if day.month in months and (month_day and weekday if both else month_day or weekday):
            for hour in hours:
                start = number * DAY + 60 * hour
                yield from (m for m in (start + minute for minute in minutes) if first <= m <= last)


@dataclass(frozen=True)
class Seen:
    """What becomes of a cron's local minutes: UTC minutes, those of folds, those lost in gaps."""

    once: frozenset[int]
    first_pass: frozenset[int]
    second_pass: frozenset[int]
    lost: tuple[tuple[int, int], ...]  # (UTC minute after the gap, UTC minute when shifted)


def seen(text: str, timezone: str, first: date, days: int) -> Seen:
    """Every firing of a cron in local time."""
    passes: dict[int, list[int]] = {}
    walked = walk(timezone, first, days)
    for utc, local, count in walked.stretches:
        for minute in local_minutes(text, local, local + count - 1):
            passes.setdefault(minute, []).append(utc + minute - local)
    lost = [
        (gap.after, gap.after + minute - gap.first)
        for gap in walked.gaps
        for minute in local_minutes(text, gap.first, gap.first + gap.count - 1)
    ]
    twice = [times for times in passes.values() if len(times) > 1]
    return Seen(
        frozenset(times[0] for times in passes.values() if len(times) == 1),
        frozenset(times[0] for times in twice),
        frozenset(times[-1] for times in twice),
        tuple(lost),
    )


def wanted(text: str, found: Seen, gap: str | None, fold: str | None) -> set[int]:
    """The UTC minutes under a policy; None is the default of the job's class."""
    interval = is_interval(text)
    gap = gap or ("skip" if interval else "next_valid")
    fold = fold or ("both" if interval else "first")
    result = set(found.once)
    if fold in ("first", "both"):
        result |= found.first_pass
    if fold in ("second", "both"):
        result |= found.second_pass
    if gap == "next_valid" and not interval:
        result |= {after for after, _ in found.lost}
    if gap == "shift":
        result |= {shifted for _, shifted in found.lost}
    return result


def stored(crons: Iterable[str], start: int, end: int) -> tuple[set[int], int]:
    """The UTC minutes of plain crons from start until before end, and how many are doubled."""
    result: set[int] = set()
    doubled = 0
    for cron in crons:
        mine = set(local_minutes(cron, start, end - 1))
        doubled += len(result & mine)
        result |= mine
    return result, doubled
