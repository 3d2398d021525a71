"""The model of robfig/cron v3, held to what was measured with the real one."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.crons import robfig, zones
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.error import CronError
from tests.crons.crons import a_cron

SEED = 20261122
CASES = json.loads((Path(__file__).parents[1] / "data" / "dst-cases.json").read_text())["cases"]
READABLE = [
    case for case in CASES if "robfig_v3" not in (case.get("engines_rejecting_syntax") or ())
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize("case", READABLE, ids=[case["id"] for case in READABLE])
def test_the_model_agrees_with_a_case_exactly_where_the_real_parser_does(
    case: dict[str, Any],
) -> None:
    if not case["tzdata"]["same_in_2025b"] and zones.tzdata_version() < "2026f":
        pytest.skip("needs newer zone data")
    start, end = at(case["start_utc"]), at(case["end_utc"])
    span = Span.around(start, end)
    once, doubled = robfig.firings(f"CRON_TZ={case['tz']} {case['cron']}", span)
    found = list(instants(once & span.window(start, end), span))
    same = found == [at(text) for text in case["fires_utc"]] and not doubled
    assert same == ("robfig_v3" in case["engines_agreeing"])


MEASURED = {
    "spring gap": (
        "America/New_York", "30 2 * * *", "2026-03-07T00:00Z", "2026-03-10T00:00Z",
        "2026-03-07T07:30Z 2026-03-09T06:30Z"),
    "after the gap": (
        "America/New_York", "0 3 * * *", "2026-03-08T00:00Z", "2026-03-09T00:00Z",
        "2026-03-08T07:00Z"),
    "fall back": (
        "America/New_York", "30 1 * * *", "2026-11-01T00:00Z", "2026-11-02T00:00Z",
        "2026-11-01T05:30Z 2026-11-01T06:30Z"),
    "two hours in the fold": (
        "America/New_York", "0 1,2 * * *", "2026-11-01T00:00Z", "2026-11-02T00:00Z",
        "2026-11-01T05:00Z 2026-11-01T06:00Z 2026-11-01T07:00Z"),
    "every second hour": (
        "America/New_York", "0 */2 * * *", "2026-03-08T05:00Z", "2026-03-08T11:00Z",
        "2026-03-08T05:00Z 2026-03-08T08:00Z 2026-03-08T10:00Z"),
    "Berlin falls back": (
        "Europe/Berlin", "30 2 * * *", "2026-10-25T00:00Z", "2026-10-26T00:00Z",
        "2026-10-25T00:30Z 2026-10-25T01:30Z"),
    "Lord Howe springs": (
        "Australia/Lord_Howe", "15 2 * * *", "2026-10-02T00:00Z", "2026-10-05T00:00Z",
        "2026-10-02T15:45Z 2026-10-04T15:15Z"),
    "Lord Howe falls": (
        "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00Z", "2026-04-05T12:00Z",
        "2026-04-04T14:45Z 2026-04-04T15:15Z"),
    "Cairo loses midnight": (
        "Africa/Cairo", "0 0 * * *", "2026-04-22T12:00Z", "2026-04-25T00:00Z",
        "2026-04-22T22:00Z 2026-04-24T21:00Z"),
    "Cairo loses a week": (
        "Africa/Cairo", "0 0 * * 5", "2026-04-20T00:00Z", "2026-05-02T00:00Z",
        "2026-04-30T21:00Z"),
    "Cairo loses Friday's job": (
        "Africa/Cairo", "0 9 * * FRI", "2026-04-20T00:00Z", "2026-05-02T00:00Z",
        "2026-05-01T06:00Z"),
    "Cairo runs Thursday's job on Friday": (
        "Africa/Cairo", "0 1 * * THU", "2026-04-22T00:00Z", "2026-04-25T00:00Z",
        "2026-04-22T23:00Z 2026-04-23T22:00Z"),
    "Cairo skips a date": (
        "Africa/Cairo", "0 9 24 * *", "2026-04-01T00:00Z", "2026-06-01T00:00Z",
        "2026-05-24T06:00Z"),
    "Santiago repeats Saturday on Sunday": (
        "America/Santiago", "0 9 * * SAT", "2026-09-05T00:00Z", "2026-09-08T00:00Z",
        "2026-09-05T13:00Z 2026-09-06T12:00Z"),
    "Lord Howe loses a day": (
        "Australia/Lord_Howe", "0 9 * * *", "2026-10-03T00:00Z", "2026-10-05T00:00Z",
        "2026-10-04T22:00Z"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("timezone", "cron", "start", "end", "fires"), MEASURED.values(), ids=MEASURED
)
def test_clock_changes_as_measured(
    timezone: str, cron: str, start: str, end: str, fires: str
) -> None:
    span = Span.around(at(start), at(end))
    once, _ = robfig.firings(f"CRON_TZ={timezone} {cron}", span)
    found = list(instants(once & span.window(at(start), at(end)), span))
    assert found == [at(text) for text in fires.split()]


def test_chathams_next_can_lie_in_the_past_and_fire_without_end() -> None:
    spec = robfig.read("CRON_TZ=Pacific/Chatham 50 3 * * *")
    now = datetime(2026, 4, 4, 14, 6, tzinfo=UTC)
    assert robfig.next_after(spec, now) == datetime(2026, 4, 4, 14, 5, tzinfo=UTC)
    _, doubled = robfig.firings(spec.text, Span(date(2026, 4, 4), 1))
    assert doubled.bit_count() == 10


def test_a_date_beyond_five_years_is_never_found() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert robfig.next_after(robfig.read("0 0 30 2 *"), now) is None
    assert robfig.next_after(robfig.read("0 0 29 2 *"), datetime(2097, 1, 1, tzinfo=UTC)) is None
    assert robfig.next_after(robfig.read("0 0 29 2 *"), now) == datetime(2028, 2, 29, tzinfo=UTC)


ACCEPTED = {
    "a wide step takes the first value": ("*/90 * * * *", "0 * * * *"),
    "a plus sign": ("+1 * * * *", "1 * * * *"),
    "an empty item": ("1,,2 * * * *", "1,2 * * * *"),
    "a star range": ("*-5 * * * *", "* * * * *"),
    "names in any case": ("0 9 * JAN,feb sun-sat", "0 9 * 1,2 *"),
    "a step from a value": ("5/15 * * * *", "5-59/15 * * * *"),
    "a macro": ("@daily", "0 0 * * *"),
    "TZ= for CRON_TZ=": ("TZ=UTC 0 9 * * *", "0 9 * * *"),
    "an empty zone": ("CRON_TZ= 0 9 * * *", "0 9 * * *"),
    "spaces after the zone": ("CRON_TZ=UTC   0 9 * * *", "0 9 * * *"),
}


@pytest.mark.parametrize(("text", "same"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_robfig_accepts_is_read_as_it_reads_it(text: str, same: str) -> None:
    span = Span(date(2027, 1, 1), 60)
    assert robfig.firings(text, span) == robfig.firings(same, span)


@pytest.mark.parametrize(("digits", "is_number"), [(18, True), (19, False)])
def test_a_number_has_no_more_digits_than_go_can_take(digits: int, *, is_number: bool) -> None:
    text = f"{'9'.zfill(digits)} 9 * * *"
    assert (_readable(text) is not None) is is_number
    assert not is_number or robfig.read(text).fields == robfig.read("9 9 * * *").fields


def test_a_lone_comma_never_fires() -> None:
    assert robfig.firings(", * * * *", Span(date(2027, 1, 1), 60)) == (0, 0)


def test_a_star_with_a_step_is_a_restriction_to_robfig() -> None:
    """`*/2` loses the star, so both day fields mean either; `*/1` keeps it."""
    span = Span(date(2027, 1, 1), 90)
    stepped, listed = "0 0 */2 * 5", f"0 0 {','.join(map(str, range(1, 32, 2)))} * 5"
    assert robfig.firings(stepped, span) == robfig.firings(listed, span)
    assert robfig.firings("0 0 */1 * 5", span) == robfig.firings("0 0 * * 5", span)
    assert robfig.firings("0 0 1-31 * 5", span) == robfig.firings("0 0 * * *", span)


REJECTED = {
    "no field": (" ", "expected exactly 5 fields, found 0"),
    "seconds": ("* * * * * *", "expected exactly 5 fields, found 6"),
    "Sunday as 7": ("0 9 * * 7", "end of range (7) above maximum (6): 7"),
    "minute 60": ("60 * * * *", "end of range (60) above maximum (59): 60"),
    "day 0": ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
    "wrapped hours": ("0 22-2 * * *", "beginning of range (22) beyond end of range (2): 22-2"),
    "step 0": ("*/0 * * * *", "step of range should be a positive number: */0"),
    "L": ("0 9 L * *", "failed to parse int from L"),
    "an unknown macro": ("@foo", "unrecognized descriptor: @foo"),
    "an unknown zone": ("CRON_TZ=Nope/Zone 0 9 * * *", "'Nope/Zone' is not a time zone"),
    "a zone alone": ("CRON_TZ=Europe/Berlin", "has a zone but no cron"),
}


@pytest.mark.parametrize(("text", "reason"), REJECTED.values(), ids=REJECTED)
def test_what_robfig_rejects_is_rejected_in_its_words(text: str, reason: str) -> None:
    with pytest.raises(CronError) as refusal:
        robfig.read(text)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("cron", "low", "high", "found", "is_it"),
    [
        ("0 9 * * *", "2026-11-22T08:00Z", "2026-11-22T08:10Z", "2026-11-22T09:00Z", True),
        ("0 9 * * *", "2026-11-22T08:00Z", "2026-11-22T08:10Z", "2026-11-23T09:00Z", False),
        ("0 9 * * *", "2026-11-22T08:00Z", "2026-11-22T09:00Z", "2026-11-23T09:00Z", True),
        ("0 9 * * *", "2026-11-22T09:00Z", "2026-11-22T09:00:30Z", "2026-11-22T09:00Z", True),
        ("0 9 * * *", "2026-11-22T08:00Z", "2026-11-22T10:00Z", "2026-11-22T09:01Z", False),
        ("0 9 30 2 *", "2026-11-22T08:00Z", "2026-11-22T10:00Z", "2026-11-22T09:00Z", False),
        ("@every 1h", "2026-11-22T08:00Z", "2026-11-22T10:00Z", "2026-11-22T09:01Z", True),
    ],
    ids=[
        "the next", "one too late", "the next of the last moment", "this minute", "another minute",
        "never", "nobody can say",
    ],
)  # fmt: skip
def test_an_instant_is_a_next_firing_seen_from_some_moment(
    cron: str, low: str, high: str, found: str, *, is_it: bool
) -> None:
    assert robfig.predicted(cron, at(low), at(high), at(found)) is is_it


WALKED = (
    "Africa/Cairo", "America/Havana", "America/New_York", "America/Nuuk", "America/Santiago",
    "Asia/Beirut", "Atlantic/Azores", "Australia/Lord_Howe", "Antarctica/Troll", "Europe/London",
)  # fmt: skip


@pytest.mark.parametrize("timezone", WALKED)
def test_the_shortcut_away_from_clock_changes_equals_the_search(timezone: str) -> None:
    """Every firing found by `Next` alone, one after the other, from long before to long after."""
    rng = random.Random(f"{SEED} {timezone}")
    span = Span(date(2027, 2, 1), 300)
    for _ in range(8):
        spec = _readable(f"CRON_TZ={timezone} {a_cron(rng)}")
        if spec is None or spec.fields.minute_of_day.bit_count() > 60:
            continue
        now, found = span.start - timedelta(days=40), []
        while (following := robfig.next_after(spec, now)) and following < span.end:
            assert following > now
            found.append(following)
            now = following
        expected = [firing for firing in found if firing >= span.start]
        assert list(instants(robfig.firings(spec.text, span)[0], span)) == expected, spec.text


def _readable(text: str) -> robfig.Spec | None:
    try:
        return robfig.read(text)
    except CronError:
        return None
