"""Local time against hand-checked cases, a brute-force walk, and another implementation."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cronsim import CronSim

from qstash_sync.core import zones
from qstash_sync.core.compile import (
    Strategy,
    compile_job,
    difference,
    exact_until,
    next_firings,
)
from qstash_sync.core.cron import Cron, parse
from qstash_sync.core.firings import Fold, Gap, Job, Span, instants, wanted
from qstash_sync.errors import CompileError

CASES = json.loads((Path(__file__).parent / "data" / "dst-cases.json").read_text())["cases"]
SEED = 20261123
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ZONES = [
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut",
    "America/Santiago", "America/Havana", "America/Nuuk", "Antarctica/Troll", "Pacific/Chatham",
    "Africa/Casablanca", "Europe/Dublin", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "UTC",
]  # fmt: skip


def usable(case: dict[str, Any]) -> bool:
    """All but syntax that is refused, and robfig's own reading of the day fields."""
    return "ext" not in case and case.get("dialect") != "robfig" and case["cron"] != "0 9 * * FRI-SUN"


@pytest.mark.parametrize("case", [c for c in CASES if usable(c)], ids=lambda c: c["id"])
def test_hand_checked_cases_of_clock_changes(case: dict[str, Any]) -> None:
    start, end = (datetime.fromisoformat(case[key]) for key in ("start_utc", "end_utc"))
    span = Span(start.date(), (end.date() - start.date()).days + 1)
    policy = case["policy"]
    job = Job((parse(case["cron"]),), case["tz"], Gap(policy["gap"]), Fold(policy["fold"]))
    found = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in instants(wanted(job, span), span) if start <= at < end]
    assert found == case["fires_utc"]


@pytest.mark.parametrize("case", [c for c in CASES if "ext" in c], ids=lambda c: c["id"])
def test_syntax_that_qstash_does_not_know_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(CompileError):
        parse(case["cron"])


@cache
def walk(zone: str, first: date, days: int) -> list[tuple[datetime, datetime]]:
    """(UTC, wall) of every minute: what the zone's own clock shows."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    here = zones.zone(zone)
    minutes = (start + timedelta(minutes=n) for n in range(days * 1440))
    return [(at, at.astimezone(here).replace(tzinfo=None, fold=0)) for at in minutes]


def fires(cron: Cron, wall: datetime) -> bool:
    on_day = cron.fits(wall.month, wall.day, wall.isoweekday() % 7)
    return on_day and wall.hour in cron.hours and wall.minute in cron.minutes


def brute(cron: Cron, zone: str, gap: Gap, fold: Fold, first: date, days: int) -> set[datetime]:
    """Walk the minutes; gaps and folds are jumps between one minute and the next."""
    minutes = walk(zone, first, days)
    seen: dict[datetime, list[datetime]] = {}
    result: set[datetime] = set()
    for number, (at, wall) in enumerate(minutes):
        if number and (jump := wall - minutes[number - 1][1]) > timedelta(minutes=1):
            before = minutes[number - 1][1]
            for lost in range(1, int(jump.total_seconds()) // 60):
                if fires(cron, before + timedelta(minutes=lost)):
                    if gap is Gap.NEXT_VALID and not cron.interval:
                        result.add(at)
                    elif gap is Gap.SHIFT:
                        result.add(at + timedelta(minutes=lost - 1))
        if fires(cron, wall):
            seen.setdefault(wall, []).append(at)
    for passes in seen.values():
        if len(passes) == 1 or fold is Fold.BOTH:
            result.update(passes)
        else:
            result.add(passes[0] if fold is Fold.FIRST else passes[-1])
    return result


def field(rng: random.Random, low: int, high: int) -> str:
    kind = rng.randrange(6)
    if kind < 2:
        return str(rng.randint(low, high))
    if kind == 2:
        return "*"
    if kind == 3:
        return f"*/{rng.randint(2, max(2, high // 2))}"
    first, last = sorted(rng.sample(range(low, high + 1), 2))
    return f"{first}-{last}" if kind == 4 else f"{first},{last}"


def random_cron(rng: random.Random) -> Cron:
    while True:
        text = " ".join(
            (
                field(rng, 0, 59),
                rng.choice([field(rng, 0, 23), "1", "2", "0", "3"]),
                rng.choice(["*", "*", field(rng, 1, 31)]),
                rng.choice(["*", "*", field(rng, 1, 12)]),
                rng.choice(["*", "*", field(rng, 0, 6)]),
            )
        )
        try:
            return parse(text)
        except CompileError:
            continue


def windows(zone: str) -> list[date]:
    """Two days before each clock change of 2027, or any day where there is none."""
    changes = zones.transitions(zone, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    return [(change.at - timedelta(days=2)).date() for change in changes] or [date(2027, 3, 1)]


@pytest.mark.parametrize("zone", ZONES)
def test_wanted_firings_equal_a_walk_over_every_minute(zone: str) -> None:
    """Nine gap and fold policies, random crons; the seed is the zone's name and SEED."""
    rng = random.Random(f"{SEED}{zone}")
    for _ in range(8):
        cron = random_cron(rng)
        for gap in Gap:
            for fold in Fold:
                for first in windows(zone):
                    span = Span(first, 4)
                    found = set(instants(wanted(Job((cron,), zone, gap, fold), span), span))
                    # A day more on each side: a fold at the edge has its first pass there.
                    walked = brute(cron, zone, gap, fold, first - timedelta(days=1), 6)
                    expected = {at for at in walked if span.start <= at < span.end}
                    assert found == expected, (cron.text, gap, fold, SEED)


@pytest.mark.parametrize("zone", ZONES)
def test_the_default_policy_equals_cronsims(zone: str) -> None:
    """cronsim follows Debian's cron, too; each expression is walked through both clock changes."""
    if zone == "Australia/Lord_Howe":
        pytest.skip("cronsim loses the second pass of half an hour there")
    rng = random.Random(f"{SEED}{zone}cronsim")
    for _ in range(12):
        cron = random_cron(rng)
        if len(cron.hours) == 24 and "*" not in cron.text.split()[1]:
            continue  # all 24 hours count as an interval here
        for first in windows(zone):
            span = Span(first, 5)
            start = (span.start - timedelta(minutes=1)).astimezone(zones.zone(zone))
            theirs: set[datetime] = set()
            for at in CronSim(cron.text, start):
                if at >= span.end:
                    break
                theirs.add(at.astimezone(UTC))
            ours = set(instants(wanted(Job((cron,), zone), span), span))
            assert ours == {at for at in theirs if at >= span.start}, (cron.text, SEED)


@pytest.mark.parametrize("zone", ZONES)
def test_compiled_parts_fire_exactly_as_wanted_over_the_horizon(zone: str) -> None:
    rng = random.Random(f"{SEED}{zone}compile")
    for _ in range(4):
        cron = random_cron(rng)
        job = Job((cron,), zone, rng.choice([None, *Gap]), rng.choice([None, *Fold]))
        now = NOW + timedelta(days=rng.randrange(730))
        try:
            made = compile_job(job, now=now)
        except CompileError as error:
            assert "does not fire within a year" in str(error)  # noqa: PT017 what is allowed
            continue
        end = made.valid_until or now + timedelta(days=366)
        assert end - now >= timedelta(days=119)
        # The server's reading, which shares no code with the compiler, as the judge.
        from qstash_sync.local.cron import parse as server_parse

        assert all(server_parse(part) for part in made.parts)
        assert difference(job, made.parts, made.valid_from, end).none
        assert (made.proof.missing, made.proof.extra, made.proof.doubled) == (0, 0, 0)


def test_parts_never_share_a_minute_whatever_the_year() -> None:
    for zone in ("America/New_York", "Pacific/Chatham", "Africa/Cairo"):
        for text in ("0 9 * * *", "*/20 1-4 * * 1-5", "0 9 1,15 * 1"):
            parts = compile_job(Job((parse(text),), zone), now=NOW).parts
            for year in (2026, 2027, 2028):
                span = Span(date(year, 1, 1), 366)
                sets = [wanted(Job((parse(part),), "UTC"), span) for part in parts]
                total = 0
                for bits in sets:
                    assert not total & bits, (zone, text, year)
                    total |= bits


def test_a_zone_without_clock_changes_is_valid_for_ever() -> None:
    for text, zone, expected in (
        ("0 9 * * 1-5", "Asia/Kolkata", ("30 3 * * 1-5",)),
        ("30 19 * * 1-5", "America/Phoenix", ("30 2 * * 2-6",)),
        ("0 8 * * 1", "Asia/Tokyo", ("0 23 * * 0",)),
        ("*/10 9-17 * * *", "Asia/Kathmandu", ("*/10 4-11 * * *", "15,25,35,45,55 3 * * *", "5 12 * * *")),
    ):
        made = compile_job(Job((parse(text),), zone), now=NOW)
        if text.startswith("*/10"):
            assert len(made.parts) <= 3
        else:
            assert made.parts == expected
        assert made.valid_until is None


def test_a_whole_hour_change_is_not_felt_by_an_hourly_job() -> None:
    for zone in ("America/New_York", "Europe/London", "Africa/Casablanca"):
        made = compile_job(Job((parse("0 * * * *"),), zone), now=NOW)
        assert (made.parts, made.valid_until) == (("0 * * * *",), None)


def test_follow_serves_the_offset_in_force_and_names_when_it_turns_wrong() -> None:
    job = Job((parse("0 9 * * *"),), "America/New_York")
    made = compile_job(job, now=NOW, strategy=Strategy.FOLLOW)
    assert made.parts == ("0 14 * * *",)
    assert made.valid_until == datetime(2027, 3, 14, 13, tzinfo=UTC)
    assert exact_until(job, made.parts, NOW) == made.valid_until


def test_native_hands_the_zone_to_qstash() -> None:
    job = Job((parse("0 9 * * mon-fri"),), "Europe/Berlin")
    assert compile_job(job, now=NOW, strategy=Strategy.NATIVE).parts == ("CRON_TZ=Europe/Berlin 0 9 * * 1-5",)


def test_several_crons_are_a_union_that_never_fires_twice() -> None:
    job = Job((parse("0 9 * * *"), parse("*/30 9 * * 1")), "Europe/Berlin")
    made = compile_job(job, now=NOW)
    assert difference(job, made.parts, NOW, NOW + timedelta(days=45)).none
    assert next_firings(job, NOW, 3) == (
        datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 8, 30, tzinfo=UTC),
        datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
    )


def test_daily_at_nine_takes_few_parts() -> None:
    counts = [len(compile_job(Job((parse("0 9 * * *"),), zone), now=NOW).parts) for zone in ZONES]
    assert max(counts) <= 4


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0 9 * * MON-FRI", "0 9 * * 1-5"),
        ("*/15 * * * *", "*/15 * * * *"),
        ("0,15,30,45 0-23 * * ?", "*/15 * * * *"),
        ("@daily", "0 0 * * *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("5/20 1,2,3,9 1-2 jan,FEB *", "5,25,45 1-3,9 1,2 1,2 *"),
    ],
)
def test_the_plainest_text_of_a_cron(text: str, canonical: str) -> None:
    assert parse(text).canonical == canonical
    assert parse(text).key[:5] == parse(canonical).key[:5]
