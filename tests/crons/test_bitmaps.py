"""Sets of minutes as integers do what plain sets do."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from qstash_sync.crons import bitmaps, robfig, zones
from qstash_sync.crons.bitmaps import DAY, Difference, Span

SEED = 20261126
MIDNIGHT = datetime(2027, 3, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("start", "end", "first", "days"),
    [
        (MIDNIGHT, MIDNIGHT + timedelta(days=1), date(2027, 3, 14), 1),
        (MIDNIGHT, MIDNIGHT + timedelta(days=1, minutes=1), date(2027, 3, 14), 2),
        (MIDNIGHT + timedelta(hours=23), MIDNIGHT + timedelta(hours=25), date(2027, 3, 14), 2),
        (MIDNIGHT - MINUTE, MIDNIGHT, date(2027, 3, 13), 1),
        (MIDNIGHT, MIDNIGHT, date(2027, 3, 14), 1),
        (MIDNIGHT, MIDNIGHT + MINUTE, date(2027, 3, 14), 1),
        (MIDNIGHT, MIDNIGHT + timedelta(days=366), date(2027, 3, 14), 366),
    ],
)
def test_a_span_has_the_whole_days_that_hold_its_minutes(
    start: datetime, end: datetime, first: date, days: int
) -> None:
    assert Span.around(start, end) == Span(first, days)


def test_the_minutes_of_a_span() -> None:
    span = Span(date(2027, 3, 14), 2)
    assert (span.start, span.end) == (MIDNIGHT, MIDNIGHT + timedelta(days=2))
    assert span.mask == (1 << 2880) - 1
    assert span.minute(MIDNIGHT + timedelta(hours=1)) == 60
    assert span.minute(MIDNIGHT + timedelta(seconds=1)) == 1, "a started minute is over"
    assert span.minute(MIDNIGHT - MINUTE) == -1
    assert span.instant(60) == MIDNIGHT + timedelta(hours=1)
    hour = span.window(MIDNIGHT + timedelta(hours=1), MIDNIGHT + timedelta(hours=2))
    assert list(bitmaps.bits(hour)) == list(range(60, 120))
    assert span.window(MIDNIGHT - timedelta(days=9), MIDNIGHT + timedelta(days=9)) == span.mask
    assert list(bitmaps.instants(1 << 1441 | 1 << 5, span)) == [
        MIDNIGHT + timedelta(minutes=n) for n in (5, 1441)
    ]


def test_a_padded_span_is_cut_back_to_itself() -> None:
    span = Span(date(2027, 3, 14), 2)
    wide = span.padded
    assert wide.first < span.first - timedelta(days=2)
    assert wide.end > span.end + timedelta(days=2)
    at = wide.minute(span.start)
    assert span.unpadded(1 << at | 1 << at + 2879) == 1 | 1 << 2879
    assert span.unpadded(1 << at - 1 | 1 << at + 2880) == 0
    assert span.days_of(1 << 1440 | 1) == [1, 1]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, [0, 1, 2]), (2, 4, [2, 3]), (3, 3, []), (4, 2, []), (-2, 2, [0, 1]), (-5, -2, [])],
)
def test_a_window_is_from_a_minute_until_before_another(
    start: int, end: int, expected: list[int]
) -> None:
    assert list(bitmaps.bits(bitmaps.window(start, end))) == expected


def test_the_lowest_bit() -> None:
    assert [bitmaps.lowest(n) for n in (0, 1, 6, 1 << 90)] == [-1, 0, 1, 90]


@pytest.mark.parametrize("timezone", ["America/New_York", "Europe/Berlin", "Asia/Kathmandu", "UTC"])
def test_pieces_are_the_stretches_of_one_offset(timezone: str) -> None:
    span = Span(date(2027, 1, 1), 365)
    found = bitmaps.pieces(timezone, span)
    assert (found[0][0], found[-1][1]) == (0, 365 * DAY)
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in pairwise(found))
    assert len(found) == (3 if timezone in ("America/New_York", "Europe/Berlin") else 1)
    for start, end, offset in found:
        for minute in (start, end - 1):
            assert zones.offset(timezone, span.instant(minute)) == offset


def test_the_wall_clock_of_a_piece_is_moved_to_utc_and_no_more() -> None:
    rng = random.Random(SEED)
    for _ in range(200):
        start, length = rng.randrange(100, 200), rng.randrange(1, 100)
        offset = rng.randrange(-90, 90)
        local = rng.getrandbits(400)
        found = bitmaps.moved_piece(local, (start, start + length, offset))
        expected = {
            minute
            for minute in range(start, start + length)
            if minute + offset >= 0 and local >> minute + offset & 1
        }
        assert set(bitmaps.bits(found)) == expected, SEED
        assert bitmaps.move(local, offset) == (local >> offset if offset > 0 else local << -offset)


def test_several_firings_are_compared_as_a_multiset() -> None:
    rng, span = random.Random(SEED), Span(date(2027, 1, 1), 1)
    for _ in range(500):
        crons = [rng.getrandbits(12) for _ in range(rng.randrange(4))]
        want, within = rng.getrandbits(12), rng.choice([-1, 0b111111, 0b111111000000])
        stored = Counter(minute for cron in crons for minute in bitmaps.bits(cron))
        inside = [minute for minute in range(12) if within >> minute & 1]
        missing = [m for m in inside if want >> m & 1 and not stored[m]]
        extra = [m for m in inside if stored[m] and not want >> m & 1]
        doubled = [m for m in inside if stored[m] > 1]
        wrong = min((*missing, *extra, *doubled), default=None)
        assert bitmaps.compare(want, crons, span, within) == Difference(
            missing=len(missing), extra=len(extra), doubled=len(doubled),
            first=None if wrong is None else span.instant(wrong),
        ), SEED  # fmt: skip


@pytest.mark.parametrize(
    "cron",
    ["0 0 1-15 * *", "0 0 * 2,11 *", "0 0 * * 1-5", "0 0 13 * 5", "0 0 29 2 *", "0 0 31 * 0"],
)
def test_which_days_fit(cron: str) -> None:
    """Also over the end of a leap year; where both day fields restrict, either of them may match."""
    fields = robfig.read(cron).fields
    for first in (date(2027, 12, 30), date(2028, 2, 27), date(2028, 12, 30)):
        days = [first + timedelta(days=n) for n in range(400)]
        expected = []
        for day in days:
            ways = (day.day in fields.days, day.isoweekday() % 7 in fields.weekdays)
            fits = any(ways) if fields.either else all(ways)
            expected.append(fits and day.month in fields.months)
        assert list(map(bool, bitmaps.fitting(fields, Span(first, 400)))) == expected
