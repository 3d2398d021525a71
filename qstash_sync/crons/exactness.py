"""Stored crons against what is wanted: what differs, and from when on.

Stored crons are read as QStash's parser is modelled to read them, `CRON_TZ=` included.

Weeks are compared minute by minute, as bitmaps. Years would be slow, and where the clock does not
change a cron is a rectangle, dates x minutes of the UTC day; so are the wanted firings:

                 dates                          minutes
    stored       that match the cron            of the cron
    wanted       whose local date matches       of the cron, less the offset
                 (the day before, or after)     (those that leave the UTC day, apart)

Minutes that lie in the same rectangles are looked at together: their stored dates must not overlap,
and must be the wanted ones. Dates that a change touches are left to the bitmaps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import (
    DAY,
    PAD,
    Difference,
    Span,
    compare as compare_bitmaps,
    fitting,
    instants,
    pieces,
)
from qstash_sync.crons.cover import partition, shifted
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import Fields
from qstash_sync.crons.some_years import CYCLE_YEARS, fires_every_year

AHEAD_YEARS = 5  # what is exact for this long counts as exact for ever
_YEAR = timedelta(days=366)


def is_plain(cron: str) -> bool:
    """Whether a stored cron is one in UTC that we can read."""
    try:
        return robfig.read(cron).timezone == "UTC"
    except CronError:
        return False


def compare(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> Difference:
    """How stored crons differ from what is wanted, from start until before end."""
    span = Span.around(start, end)
    stored = [robfig.firings(cron, span) for cron in crons]
    once = [bitmap for bitmap, _ in stored]
    more = [bitmap for _, bitmap in stored if bitmap]
    return compare_bitmaps(wanted(job, span), once + more, span, span.window(start, end))


def wrong_minutes(
    job: Job, crons: Sequence[str], start: datetime, end: datetime
) -> Iterator[datetime]:
    """The minutes from start until before end in which stored crons are not what is wanted."""
    span = Span.around(start, end)
    want, within = wanted(job, span), span.window(start, end)
    once = doubled = 0
    for bitmap, more in (robfig.firings(cron, span) for cron in crons):
        doubled |= once & bitmap | more
        once |= bitmap
    yield from instants((want ^ once | doubled) & within, span)


def holds(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> bool:
    """Whether plain UTC crons fire exactly as wanted, from start until before end.

    As a multiset: a firing that is missing, one too many and one that comes twice all count. It
    asks one reader, the model of QStash's parser, and compiles nothing; False, too, where a cron
    names another zone than UTC or cannot be read. Kept for each (job, crons, start, end).
    """
    return _holds(job, tuple(crons), start, end)


@lru_cache(maxsize=16_384)
def _holds(job: Job, crons: tuple[str, ...], start: datetime, end: datetime) -> bool:
    return all(map(is_plain, crons)) and compare(job, crons, start, end).none


def exact_until(job: Job, crons: Sequence[str], now: datetime) -> datetime | None:
    """The first wrong firing of stored crons from now on; None if there is none in five years.

    Of a cron that some year goes without, all years are looked at that differ.
    """
    at, years = now.astimezone(UTC), AHEAD_YEARS
    if not all(fires_every_year(replace(job, crons=(cron,))) for cron in job.crons):
        years = CYCLE_YEARS
    if all(map(is_plain, crons)) and _agree(job, crons, at, at + years * _YEAR):
        return None
    for _ in range(years):
        wrong = compare(job, crons, at, at + _YEAR).first
        if wrong:
            return wrong
        at += _YEAR
    return None


def _agree(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> bool:
    """`holds` for years: by rectangles where the clock stays, by bitmaps around its changes."""
    span = Span.around(start, end)
    low, high = span.minute(start), min(span.minute(end), span.days * DAY)
    read = [robfig.read(cron).fields for cron in crons]
    done = low
    for first, last, offset in _steady_days(job.timezone, span, low, high):
        days = (1 << last) - (1 << first)
        stored = [(fields.minute_of_day, _days(fields, span, 0) & days) for fields in read]
        if not _same(_wanted_rectangles(job, span, offset, days), stored):
            return False
        if not _same_minutes(job, crons, span, done, first * DAY):
            return False
        done = last * DAY
    return _same_minutes(job, crons, span, done, high)


def _steady_days(timezone: str, span: Span, low: int, high: int) -> Iterator[tuple[int, int, int]]:
    """(first day, end day, offset) of the whole days between minutes that no change touches.

    A change reaches as far as it moves the clock, to either side.
    """
    stretches = pieces(timezone, span.padded)
    reaches = [abs(b[2] - a[2]) for a, b in pairwise(stretches)]
    for (start, end, offset), before, after in zip(
        stretches, [0, *reaches], [*reaches, 0], strict=True
    ):
        first = -(-max(start + before - PAD * DAY, low) // DAY)
        last = min(end - after - PAD * DAY, high) // DAY
        if first < last:
            yield first, last, offset


def _same_minutes(job: Job, crons: Sequence[str], span: Span, low: int, high: int) -> bool:
    return low >= high or compare(job, crons, span.instant(low), span.instant(high)).none


_Rectangle = tuple[int, int]  # minutes of the day, days of a span, both as bits


def _wanted_rectangles(job: Job, span: Span, offset: int, days: int) -> list[_Rectangle]:
    return [
        (minutes, _days(cron.fields, span, shift) & days)
        for cron in job.crons
        for minutes, shift in shifted(cron.fields.minute_of_day, offset)
    ]


def _days(fields: Fields, span: Span, shift: int) -> int:
    """The days of a span that fire, as bits; the date that counts is `shift` days on."""
    if fields.every_day:
        return (1 << span.days) - 1
    fit = fitting(fields, Span(span.first + timedelta(days=shift), span.days))
    return int(fit[::-1].hex()[1::2], 2)  # a digit for each day, 0 or 1, the last day first


def _same(want: Sequence[_Rectangle], stored: Sequence[_Rectangle]) -> bool:
    """Whether the stored rectangles do not overlap, and together are the wanted ones."""
    known = [(minutes, (True, days)) for minutes, days in want]
    known += [(minutes, (False, days)) for minutes, days in stored]
    for cell in partition(known):
        due = once = 0
        for is_wanted, days in cell:
            if is_wanted:
                due |= days
            elif once & days:
                return False
            else:
                once |= days
        if due != once:
            return False
    return True
