"""How many parts a job needs, and which dates each of them has."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.compile import Compilation, after_the_end, compile_job
from qstash_sync.crons.cover import products
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import Fields, parse
from tests.crons import oracle
from tests.crons.crons import a_cron

SEED = 20261122
DAY = 1440
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FIRST, DAYS = date(2026, 12, 27), 1200
SAMPLE = (
    "America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Chatham",
    "America/Santiago", "America/Nuuk", "Antarctica/Troll", "Asia/Kathmandu",
)  # fmt: skip


def made(text: str, timezone: str, now: datetime = NOW) -> Compilation:
    return compile_job(Job((parse(text),), timezone), now=now)


def crons(text: str, timezone: str, now: datetime = NOW) -> tuple[str, ...]:
    return made(text, timezone, now).crons


def starts(step: int) -> Iterator[datetime]:
    """Days of 2027 and 2028."""
    return (datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(0, 731, step))


# ---------------------------------------------------------------- few parts


def test_a_daily_job_needs_one_part_or_at_most_four() -> None:
    counts = Counter(len(crons("0 9 * * *", name)) for name in zones.names())
    assert counts[1] >= 409
    assert max(counts) <= 4


@pytest.mark.parametrize("text", ["0 * * * *", "*/15 * * * *"])
def test_hourly_and_quarter_hourly_jobs_need_one_part_where_changes_are_whole(text: str) -> None:
    for name in zones.names():
        if not (text == "0 * * * *" and name in ("Australia/Lord_Howe", "Australia/LHI")):
            assert len(crons(text, name)) == 1, name


@pytest.mark.parametrize("text", ["0 9 * * *", "0 9-17 * * 1-5"])
@pytest.mark.parametrize("timezone", ["America/New_York", "Europe/Berlin"])
def test_over_two_years_few_parts_do(text: str, timezone: str) -> None:
    counts = [len(crons(text, timezone, now)) for now in starts(5)]
    assert max(counts) <= 4
    assert sum(counts) / len(counts) <= 3.2


PARTS = {
    "daily": ("0 9 * * *", "America/New_York", 3),
    "office hours": ("0 9-17 * * 1-5", "America/New_York", 3),
    "hours split by half an hour": ("*/10 9-17 * * *", "Asia/Kolkata", 2),
    "first of the month, a day before in UTC": ("0 8 1 * *", "Asia/Tokyo", 3),
    "29 February": ("0 0 29 2 *", "America/New_York", 1),
    "either day field": ("0 9 1,15 * 1", "America/New_York", 6),
    "two seasons of Chatham, each of four": ("*/5 9-17 * * 1-5", "Pacific/Chatham", 8),
}


@pytest.mark.parametrize(("text", "timezone", "most"), PARTS.values(), ids=PARTS)
def test_how_many_parts_a_job_needs(text: str, timezone: str, most: int) -> None:
    assert len(crons(text, timezone)) <= most


def test_equal_hours_or_equal_minutes_are_taken_together() -> None:
    day = sum(1 << 60 * hour + minute for hour in range(4, 12) for minute in range(0, 60, 10))
    day |= sum(1 << 60 * 12 + minute for minute in (0, 10, 20))
    assert len(products(day)) == 2


# ---------------------------------------------------------------- the bound


def rectangles(minutes: Iterable[int]) -> int:
    """How many (hours x minutes) make some minutes of a day, equal ones of one kind together."""
    by_hour, by_minute = defaultdict(set), defaultdict(set)
    for minute in minutes:
        by_hour[minute // 60].add(minute % 60)
        by_minute[minute % 60].add(minute // 60)
    sides = (by_hour, by_minute)
    return min(len({frozenset(values) for values in side.values()}) for side in sides)


def bound(text: str, found: Compilation) -> int:
    """The words of `cover.py`: p(s + 2t) + g, or p(12 + t) + g; the oracle does the counting."""
    first, days = found.valid_from, 366
    low = oracle.minute_of(first)
    walked = oracle.walk(found.job.timezone, FIRST, DAYS).stretches
    year = [
        local - utc for utc, local, count in walked if low < utc + count and utc < low + days * DAY
    ]
    offsets = set(year)
    if found.valid_until:
        days = (found.valid_until - first).days
    # a fold of up to three hours reaches into today
    changes = sum(low - 180 < utc < low + days * DAY for utc, _, _ in walked[1:])
    plain = {offset: by_day(text, offset, low, days) for offset in offsets}
    fires = defaultdict(set)
    for at in instants(wanted(found.job, Span(first.date(), days)), Span(first.date(), days)):
        fires[(at - first).days].add(at.hour * 60 + at.minute)
    special = sum(
        rectangles(minutes)
        for day, minutes in fires.items()
        if all(season[day] != minutes for season in plain.values())
    )
    fields = parse(text).fields
    every_month = len(fields.days) == 31 and len(fields.months) == 12
    seasons = len(offsets) + 2 * changes if every_month else 12 + changes
    return max(map(products_of_a_day, [text] * len(offsets), offsets)) * seasons + special


def by_day(text: str, offset: int, low: int, days: int) -> dict[int, set[int]]:
    """The UTC minutes of each day if one offset were always in force."""
    found = defaultdict(set)
    for local in oracle.local_minutes(text, low + offset, low + offset + days * DAY - 1):
        day, minute = divmod(local - offset - low, DAY)
        found[day].add(minute)
    return found


def products_of_a_day(text: str, offset: int) -> int:
    """The rectangles of one local day in UTC, each UTC date by itself."""
    fields, dates = parse(text).fields, defaultdict(set)
    for hour, minute in product(fields.hours, fields.minutes):
        shift, utc = divmod(60 * hour + minute - offset, DAY)
        dates[shift].add(utc)
    return sum(map(rectangles, dates.values()))


@pytest.mark.parametrize("timezone", SAMPLE)
def test_a_cover_keeps_its_bound(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone}")
    for _ in range(40):
        text = a_cron(rng)
        now = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=rng.randrange(731))
        try:
            found = made(text, timezone, now)
        except CronError:
            continue
        most = bound(text, found)
        assert len(found.parts) <= most, (text, timezone, now, found.crons)


def test_the_bound_is_reached_by_a_daily_job_and_a_change_that_meets_it() -> None:
    for text, most in (("0 9 * * *", 4), ("30 2 * * *", 5)):
        found = made(text, "America/New_York", datetime(2027, 1, 15, tzinfo=UTC))
        assert len(found.parts) == bound(text, found) == most


# ---------------------------------------------------------------- seasons


def test_a_season_beyond_the_end_keeps_its_months() -> None:
    """The horizon ends before the change; half a year that is an hour off would save a part."""
    found = made("0 9 * * *", "Europe/Berlin")
    assert found.crons == ("0 8 * 1-3,11,12 *", "0 7 * 4-10 *")
    assert found.valid_until == datetime(2027, 3, 28, tzinfo=UTC)
    assert [part.offset for part in found.parts] == [60, 120]
    assert after_the_end(found.job, found).missing == 6  # 28-31 March, 31 October, 26 March 2028


def test_a_season_met_only_in_the_larger_part_of_a_split_month_is_written_like_it() -> None:
    found = made("0 9 * * *", "America/New_York", datetime(2027, 11, 20, tzinfo=UTC))
    assert found.crons == ("0 14 * 1,2,11,12 *", "0 14 1-11 3-10 *", "0 13 12-31 3-10 *")
    assert found.valid_until == datetime(2028, 4, 1, tzinfo=UTC)
    smaller = made("0 9 * * *", "America/New_York", datetime(2027, 11, 5, tzinfo=UTC))
    assert len(smaller.parts) == 4


def test_a_month_of_30_days_joins_a_split_one_that_lacks_the_31st() -> None:
    found = made("0 9 * * *", "Europe/Berlin", datetime(2027, 10, 5, tzinfo=UTC))
    assert found.crons == ("0 7 1-30 4-10 *", "0 8 * 1-3,11,12 *", "0 8 31 5,7,8,10 *")


@pytest.mark.parametrize("text", ["0 9 * * *", "0 9-17 * * 1-5", "30 19 * * 1-5"])
@pytest.mark.parametrize("timezone", [*SAMPLE, "Europe/Berlin", "Pacific/Auckland"])
def test_after_the_end_only_months_with_dates_or_a_change_are_off(text: str, timezone: str) -> None:
    for now in starts(37):
        found = made(text, timezone, now)
        if found.valid_until is None:
            continue
        after = Span(found.valid_until.date(), 365)
        stored = 0
        for cron in found.crons:
            stored |= wanted(Job((parse(cron),), "UTC"), after)
        off = {at.month for at in instants(stored ^ wanted(found.job, after), after)}
        dated = [fields.months for fields in fields_of(found) if len(fields.days) < 31]
        # the end is the first wrong firing: for weekdays, a Monday after the change
        changes = zones.transitions(timezone, after.start - timedelta(days=3), after.end)
        allowed = {month for months in dated for month in months} | {c.at.month for c in changes}
        assert off <= allowed, (now, found.crons)


def fields_of(found: Compilation) -> list[Fields]:
    return [parse(cron).fields for cron in found.crons]


def test_a_split_month_is_written_as_dates_and_the_others_whole() -> None:
    found = made("0 9 * * 1-5", "America/New_York", datetime(2027, 1, 15, tzinfo=UTC))
    assert found.crons == (
        "0 14 * 1,2,12 1-5",
        "0 14 1-5,8-12 3 *",
        "0 13 * 4-11 1-5",
        "0 13 15-19,22-26,29-31 3 *",
    )
    assert [(part.offset, part.serves) for part in found.parts] == [
        (-300, "Jan, Feb, Dec"),
        (-300, "1-5,8-12 Mar"),
        (-240, "Apr-Nov"),
        (-240, "15-19,22-26,29-31 Mar"),
    ]
    assert found.valid_until == datetime(2027, 11, 8, tzinfo=UTC)
    assert found.renew_at == datetime(2027, 9, 24, tzinfo=UTC)


@pytest.mark.parametrize("timezone", SAMPLE)
def test_each_of_the_366_calendar_dates_is_in_exactly_one_part(timezone: str) -> None:
    lengths = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    for now in starts(17):
        dates = Counter(
            (month, day)
            for fields in fields_of(made("0 9 * * *", timezone, now))
            for month, day in product(fields.months, fields.days)
            if day <= lengths[month - 1]
        )
        assert set(dates.values()) == {1}
        assert len(dates) == 366


@pytest.mark.parametrize(
    "day", ["2027-02-28", "2027-03-01", "2028-02-28", "2028-02-29", "2028-03-01"]
)
def test_29_february_has_its_part_whether_the_year_ahead_holds_it_or_not(day: str) -> None:
    now = datetime.fromisoformat(day).replace(tzinfo=UTC)
    for text in ("0 9 * * *", "0 9 29 * *", "0 9 29 2 *"):
        found = made(text, "America/New_York", now)
        leap = Span(date(2032, 2, 29), 2)
        stored = [wanted(Job((parse(cron),), "UTC"), leap) for cron in found.crons]
        assert sum(stored) == wanted(found.job, leap), (text, found.crons)
