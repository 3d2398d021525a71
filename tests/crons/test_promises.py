"""What the compiler promises to plans: few parts, disjoint, exact, named ends."""

from datetime import UTC, date, datetime, timedelta

import pytest

from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.compile import Compilation, Strategy, compare, compile_job, exact_until
from qstash_sync.crons.firings import next_firings, wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ZONES = [
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut",
    "America/Santiago", "America/Havana", "America/Nuuk", "Antarctica/Troll", "Pacific/Chatham",
    "Africa/Casablanca", "Europe/Dublin", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "UTC",
]  # fmt: skip


def texts(made: Compilation) -> tuple[str, ...]:
    """The crons of a compilation."""
    return tuple(part.cron for part in made.parts)


def test_parts_never_share_a_minute_whatever_the_year() -> None:
    for zone in ("America/New_York", "Pacific/Chatham", "Africa/Cairo"):
        for text in ("0 9 * * *", "*/20 1-4 * * 1-5", "0 9 1,15 * 1"):
            parts = texts(compile_job(Job((parse(text),), zone), now=NOW))
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
        (
            "*/10 9-17 * * *",
            "Asia/Kathmandu",
            ("*/10 4-11 * * *", "15,25,35,45,55 3 * * *", "5 12 * * *"),
        ),
    ):
        made = compile_job(Job((parse(text),), zone), now=NOW)
        if text.startswith("*/10"):
            assert len(made.parts) <= 3
        else:
            assert texts(made) == expected
        assert made.valid_until is None


def test_a_whole_hour_change_is_not_felt_by_an_hourly_job() -> None:
    for zone in ("America/New_York", "Europe/London", "Africa/Casablanca"):
        made = compile_job(Job((parse("0 * * * *"),), zone), now=NOW)
        assert (texts(made), made.valid_until) == (("0 * * * *",), None)


def test_follow_serves_the_offset_in_force_and_names_when_it_turns_wrong() -> None:
    job = Job((parse("0 9 * * *"),), "America/New_York")
    made = compile_job(job, now=NOW, strategy=Strategy.FOLLOW)
    assert texts(made) == ("0 14 * * *",)
    assert made.valid_until == datetime(2027, 3, 14, 7, tzinfo=UTC)  # the clock change
    assert exact_until(job, texts(made), NOW) == datetime(2027, 3, 14, 13, tzinfo=UTC)


def test_native_hands_the_zone_to_qstash() -> None:
    job = Job((parse("0 9 * * mon-fri"),), "Europe/Berlin")
    assert texts(compile_job(job, now=NOW, strategy=Strategy.NATIVE)) == (
        "CRON_TZ=Europe/Berlin 0 9 * * 1-5",
    )


def test_several_crons_are_a_union_that_never_fires_twice() -> None:
    job = Job((parse("0 9 * * *"), parse("*/30 9 * * 1")), "Europe/Berlin")
    made = compile_job(job, now=NOW)
    assert compare(job, texts(made), NOW, NOW + timedelta(days=45)).none
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
        ("@daily", "0 0 * * *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("5/20 1,2,3,9 1-2 jan,FEB *", "5,25,45 1-3,9 1,2 1,2 *"),
    ],
)
def test_the_plainest_text_of_a_cron(text: str, canonical: str) -> None:
    assert parse(text).canonical == canonical
    assert parse(text).key[:5] == parse(canonical).key[:5]


def test_an_accepted_native_says_what_the_parser_does_and_not_what_the_policy_would() -> None:
    job = Job((parse("30 2 * * *"),), "America/New_York")
    made = compile_job(job, now=NOW, strategy=Strategy.NATIVE, accept=True)
    told = made.cautions[0].text
    assert "would miss 1 firing, add 0 and double 0" in told
