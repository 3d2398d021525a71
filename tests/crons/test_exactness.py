"""Whether a live set fires as wanted: the quick answer against the oracle's, minute by minute."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from qstash_sync.crons import exactness
from qstash_sync.crons.bitmaps import Difference, Span, compare as compare_bitmaps, first_wrong
from qstash_sync.crons.compile import compile_job
from qstash_sync.crons.error import CronError
from qstash_sync.crons.exactness import compare, exact_until, holds, wrong_minutes
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import Fields, parse, render
from tests.crons import oracle
from tests.crons.crons import a_cron

SEED = 20261122
YEAR = timedelta(days=366)
FIRST, DAYS = date(2026, 12, 27), 470
SAMPLE = (
    "America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Casablanca",
    "Pacific/Chatham", "America/Santiago", "Antarctica/Troll", "Asia/Kathmandu",
)  # fmt: skip


def wrong_sets(rng: random.Random, crons: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The same set in another order, and every kind of wrong one, each wrong by little."""
    yield tuple(rng.sample(crons, len(crons)))
    number = rng.randrange(len(crons))
    others = (*crons[:number], *crons[number + 1 :])
    fields = parse(crons[number]).fields
    minutes, hours, days, months, weekdays = fields.sets
    yield others  # a part is missing
    yield (*crons, crons[number])  # all of a part comes twice
    yield (*crons, render(Fields(minutes[:1], hours[:1], days[:1], months, weekdays)))  # a few do
    yield (*crons, f"{rng.randrange(60)} {rng.randrange(24)} {rng.randrange(1, 29)} * *")
    later = ((minutes[0] + 1) % 60, *minutes[1:])
    yield (*others, render(Fields(later, hours, days, months, weekdays)))  # a minute off
    if len(days) > 1:  # a date is missing
        gone = rng.choice(days)
        left = tuple(day for day in days if day != gone) if days[0] < 29 else (1,)
        yield (*others, render(Fields(minutes, hours, left, months, weekdays)))
    if len(months) > 1 and days[0] < 29:  # else what is left may never fire
        yield (*others, render(Fields(minutes, hours, days, months[1:], weekdays)))


def windows(rng: random.Random, first: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From days before what is compiled to days after, most of weeks, some of minutes."""
    for days in (45, 60, rng.randrange(1, 60)):
        start = first + timedelta(days=rng.randrange(-3, 200), seconds=rng.randrange(86_400))
        yield start, start + timedelta(days=days)
    start = first + timedelta(days=rng.randrange(200), minutes=rng.randrange(1440))
    yield start, start + timedelta(minutes=rng.randrange(600))


def expected(asked: Job, seen: oracle.Seen, live: tuple[str, ...], *window: datetime) -> bool:
    low, high = (-int((oracle.EPOCH - at) // timedelta(minutes=1)) for at in window)
    text = asked.crons[0].text
    due = {at for at in oracle.wanted(text, seen, asked.gap, asked.fold) if low <= at < high}
    stored, doubled = oracle.stored(live, low, high)
    return due == stored and not doubled


@pytest.mark.parametrize("timezone", SAMPLE)
def test_a_set_holds_exactly_where_the_oracle_finds_nothing_missing_extra_or_doubled(
    timezone: str,
) -> None:
    rng = random.Random(f"{SEED} {timezone}")
    answers: Counter[bool] = Counter()
    for _ in range(16):
        text = a_cron(rng)
        seen = oracle.seen(text, timezone, FIRST, DAYS)
        asked = Job((parse(text),), timezone, rng.choice([None, *Gap]), rng.choice([None, *Fold]))
        first = datetime(2027, 1, 4, tzinfo=UTC) + timedelta(days=rng.randrange(180))
        try:
            made = compile_job(asked, now=first).crons
        except CronError:
            continue
        for live in wrong_sets(rng, made):
            for window in windows(rng, first):
                found = holds(asked, live, *window)
                assert found == expected(asked, seen, live, *window), (asked, live, window)
                answers[found] += 1
    assert min(answers[True], answers[False]) > 50


@pytest.mark.parametrize(
    "cron", ["CRON_TZ=Europe/Berlin 0 9 * * *", "@every 1h", "0 0 9 * * *", "nonsense"]
)
def test_what_is_not_a_plain_utc_cron_holds_nothing(cron: str) -> None:
    asked = Job((parse("0 9 * * *"),), "Europe/Berlin")
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert not holds(asked, (cron,), now, now + timedelta(days=45))


def test_no_crons_hold_only_where_nothing_is_due() -> None:
    asked = Job((parse("0 9 1 1 *"),), "UTC")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert holds(asked, (), now, now + timedelta(days=40))
    assert not holds(asked, (), now, now + timedelta(days=41))


@pytest.mark.parametrize("timezone", [*SAMPLE, "UTC", "Asia/Tokyo", "Pacific/Apia"])
def test_five_years_by_rectangles_are_what_the_bitmaps_say_year_by_year(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone} years")
    answers: Counter[bool] = Counter()
    for _ in range(12):
        texts = (a_cron(rng) if rng.random() < 0.6 else "0 * * * *", a_cron(rng))
        crons = tuple(map(parse, texts[: rng.choice([1, 1, 2])]))
        job = Job(crons, timezone, rng.choice([None, *Gap]), rng.choice([None, *Fold]))
        now = datetime(rng.randrange(2008, 2040), rng.randrange(1, 13), 1, tzinfo=UTC)
        try:
            made = compile_job(job, now=now).crons
        except CronError:
            continue
        now += timedelta(hours=rng.choice([0, 0, 7]))
        for live in (made, (*made, "59 23 29 2 *"), *wrong_sets(rng, made)):
            years = [(now + n * YEAR, now + (n + 1) * YEAR) for n in range(5)]
            wrong = (found.first for year in years if (found := compare(job, live, *year)).first)
            first = next(wrong, None)
            assert exact_until(job, live, now) == first, (job, live, now)
            answers[first is None] += 1
    assert answers[False] > 30


@pytest.mark.parametrize(
    ("text", "timezone", "stored", "hours"),
    [
        ("0 9 * * *", "UTC", "0 9 * * *", 0),
        ("0 9 1-15 * 1-5", "UTC", "0 9 1-15 * 1-5", 0),
        ("30 23 * * 1-5", "Asia/Tokyo", "30 14 * * 1-5", 0),
        ("30 3 * * 1-5", "Asia/Tokyo", "30 18 * * 0-4", 0),
        ("0 * * * *", "Europe/Berlin", "0 * * * *", 10 * 48),  # ten changes, a day or two each
        ("0 9 1,20 1 *", "America/New_York", "0 14 1,20 1 *", 10 * 48),
    ],
)
def test_what_is_exact_for_years_is_compared_around_clock_changes_alone(
    monkeypatch: pytest.MonkeyPatch, text: str, timezone: str, stored: str, hours: int
) -> None:
    """Minute by minute it would take seconds for every schedule."""
    asked: list[timedelta] = []

    def counted(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> Difference:
        asked.append(end - start)
        return compare(job, crons, start, end)

    monkeypatch.setattr(exactness, "compare", counted)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert exact_until(Job((parse(text),), timezone), (stored,), now) is None
    assert sum(asked, timedelta()) <= timedelta(hours=hours)
    assert bool(asked) is bool(hours)


@pytest.mark.parametrize("timezone", SAMPLE)
def test_the_wrong_minutes_are_those_that_are_missing_extra_or_doubled(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone} minutes")
    start = datetime(2027, 3, 1, 5, 17, tzinfo=UTC)
    low, high = (-int((oracle.EPOCH - at) // timedelta(minutes=1)) for at in (start, start + YEAR))
    told = 0
    for _ in range(4):
        text = a_cron(rng)
        job = Job((parse(text),), timezone, rng.choice([None, *Gap]), rng.choice([None, *Fold]))
        try:
            made = compile_job(job, now=start).crons
        except CronError:
            continue
        seen = oracle.seen(text, timezone, FIRST, DAYS)
        wanted = oracle.wanted(text, seen, job.gap, job.fold)
        due = {at for at in wanted if low <= at < high}
        for live in wrong_sets(rng, made):
            stored = Counter(at for cron in live for at in oracle.stored((cron,), low, high)[0])
            minutes = sorted(due ^ stored.keys() | {at for at, n in stored.items() if n > 1})
            expected = [oracle.EPOCH + timedelta(minutes=at) for at in minutes]
            found = list(wrong_minutes(job, live, start, start + YEAR))
            assert found == expected, (job, live)
            told += len(found)
    assert told > 50


@pytest.mark.parametrize(
    ("live", "first"),
    [
        (("0 9 * * *",), None),
        (("0 9 1-15 * *", "0 9 16-31 * *"), None),
        (("0 9 * * *", "0 9 * * *"), 9),
        (("0 9 * * *", "0 9 * * 0-6"), 9),
        (("0 9 * * *", "0 8 * * *"), 8),
        (("0 10 * * *",), 9),
        ((), 9),
    ],
    ids=["exact", "in two", "doubled", "doubled otherwise", "one more", "another", "none"],
)
def test_the_first_wrong_firing_of_five_years(live: tuple[str, ...], first: int | None) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    wrong = exact_until(Job((parse("0 9 * * *"),), "UTC"), live, now)
    assert wrong == (None if first is None else now.replace(hour=first))


def test_what_goes_wrong_in_years_only_is_found() -> None:
    """One more firing on 29 February 2028."""
    job = Job((parse("0 9 * * *"),), "Asia/Tokyo")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert exact_until(job, ("0 0 * * *",), now) is None
    live = ("0 0 * * *", "59 23 29 2 *")
    assert exact_until(job, live, now) == datetime(2028, 2, 29, 23, 59, tzinfo=UTC)


def test_the_first_wrong_minute_is_that_of_the_whole_comparison() -> None:
    """Missing, extra and doubled alike; none where bitmaps are disjoint and together the wanted."""
    rng, span = random.Random(SEED), Span(date(2027, 1, 1), 2)
    for _ in range(500):
        parts = [rng.getrandbits(2880) & rng.getrandbits(2880) for _ in range(rng.randrange(1, 4))]
        want = 0
        for number, part in enumerate(parts):
            parts[number] = part & ~want | (1 << rng.randrange(2880)) * (rng.random() < 0.3)
            want |= part
        want ^= (1 << rng.randrange(2880)) * (rng.random() < 0.3)
        first = compare_bitmaps(want, parts, span).first
        assert first_wrong(want, parts) == (None if first is None else span.minute(first))
    assert first_wrong(0b101, [0b100, 0b001]) is None
    assert first_wrong(0b101, [0b100, 0b101]) == 2
