"""The bound on parts is never below what a compilation of the coming year needs, and seldom above."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from qstash_sync.crons import zones
from qstash_sync.crons.bound import most_parts
from qstash_sync.crons.compile import Strategy, compile_job, native_parts
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse
from tests.crons.crons import a_cron

SEED = 20261122
SAMPLE = (
    "America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Chatham",
    "America/Santiago", "America/Nuuk", "Antarctica/Troll", "Asia/Kathmandu", "Asia/Tokyo",
)  # fmt: skip


YEAR = timedelta(days=366)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def parts(job: Job, day: date, strategy: Strategy = Strategy.SPLIT) -> int:
    try:
        return len(compile_job(job, now=midnight(day), strategy=strategy).parts)
    except CronError:
        return 0


def days_of_interest(job: Job, today: date, step: int) -> list[date]:
    """The coming year in steps, and every day around changes and 120 days before them."""
    days = set(range(0, 367, step))
    for change in zones.transitions(job.timezone, midnight(today), midnight(today) + 2 * YEAR):
        number = (change.at.date() - today).days
        days |= {number + k for base in (0, -120) for k in (base - 1, base, base + 1)}
    return [today + timedelta(days=number) for number in sorted(days) if 0 <= number <= 366]


@pytest.mark.parametrize("timezone", SAMPLE)
def test_no_compilation_of_the_coming_year_has_more_parts_than_the_bound(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone}")
    for _ in range(8):
        crons = tuple(parse(a_cron(rng)) for _ in range(rng.choice([1, 1, 1, 2])))
        job = Job(crons, timezone, rng.choice([None, *Gap]), rng.choice([None, *Fold]))
        today = date(2027, 1, 1) + timedelta(days=rng.randrange(731))
        most = most_parts(job, today)
        for day in days_of_interest(job, today, 31):
            assert parts(job, day) <= most, (job, today, day)


@pytest.mark.parametrize(
    ("text", "timezone", "today"),
    [
        ("30 2 * * *", "America/New_York", date(2026, 11, 22)),
        ("*/10 22,23,0 * * 1-5", "America/Nuuk", date(2027, 1, 1)),
        ("0 0-5/2 * * *", "Asia/Beirut", date(2027, 3, 20)),
        ("30 1-3 * * *", "Africa/Casablanca", date(2013, 5, 1)),  # off for Ramadan: four changes
        ("15 23 30 12 *", "Pacific/Apia", date(2011, 6, 1)),  # lost that date
    ],
)
def test_nor_on_any_single_day_of_it(text: str, timezone: str, today: date) -> None:
    job = Job((parse(text),), timezone)
    most = max(parts(job, today + timedelta(days=number)) for number in range(367))
    assert most <= most_parts(job, today)


@pytest.mark.parametrize("strategy", [Strategy.FOLLOW, Strategy.AUTO])
def test_the_other_strategies_keep_it_or_have_the_native_parts(strategy: Strategy) -> None:
    rng = random.Random(f"{SEED} {strategy}")
    for _ in range(12):
        job = Job((parse(a_cron(rng)), parse(a_cron(rng))), rng.choice(SAMPLE))
        today = date(2027, 1, 1) + timedelta(days=rng.randrange(365))
        most = max(most_parts(job, today), len(native_parts(job)))
        for day in days_of_interest(job, today, 60)[:6]:
            assert parts(job, day, strategy) <= most, (job, today, day)


REACHED = {
    "daily": ("0 9 * * *", "America/New_York", date(2027, 1, 1), 4),
    "a change that meets it": ("30 2 * * *", "America/New_York", date(2027, 1, 1), 5),
    "several special dates": ("0 0-5/2 * * *", "Asia/Beirut", date(2027, 1, 1), 5),
    "months without a change": ("0 2 * MAR-OCT *", "Europe/Dublin", date(2027, 7, 4), 4),
    "no change": ("*/10 9-17 * * *", "Asia/Kolkata", date(2027, 1, 1), 2),
    "the day before the first": ("0 8 1 * *", "Asia/Tokyo", date(2027, 1, 1), 3),
    "dates": ("0 9 1,15 * *", "Asia/Tokyo", date(2027, 1, 1), 1),
}


@pytest.mark.parametrize(("text", "timezone", "today", "most"), REACHED.values(), ids=REACHED)
def test_the_bound_is_reached(text: str, timezone: str, today: date, most: int) -> None:
    """Else it would be sound and of no use: `max_parts` is 8 where a file does not say."""
    job = Job((parse(text),), timezone)
    reached = max(parts(job, today + timedelta(days=number)) for number in range(0, 366, 7))
    assert reached == most_parts(job, today) == most


@pytest.mark.parametrize("text", ["0 9 * * *", "30 7 * * 1-5", "0 */6 * * *"])
def test_usual_jobs_stay_within_the_default_limit_in_every_zone(text: str) -> None:
    assert (
        max(most_parts(Job((parse(text),), name), date(2026, 11, 22)) for name in zones.names())
        <= 8
    )
