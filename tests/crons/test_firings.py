"""What is wanted, against hand-checked cases, a brute-force walk and cronsim."""

import json
import os
import pickle
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cronsim import CronSim

from qstash_sync.crons import gap_and_fold, zones
from qstash_sync.crons.bitmaps import Difference, Span, compare
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import instants, meetings, next_firings, wanted
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse
from tests.crons import oracle
from tests.crons.crons import a_cron

SEED = 20261122
CASES = json.loads((Path(__file__).parents[1] / "data" / "dst-cases.json").read_text())["cases"]
# Syntax that we refuse, and cases of robfig's day rule.
OURS = [
    case
    for case in CASES
    if not case.get("ext") and (case.get("dialect") != "robfig" or "?" in case["cron"])
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize("case", OURS, ids=[case["id"] for case in OURS])
def test_the_hand_checked_cases(case: dict[str, Any]) -> None:
    if not case["tzdata"]["same_in_2025b"] and zones.tzdata_version() < "2026f":
        pytest.skip("needs newer zone data")
    start, end = at(case["start_utc"]), at(case["end_utc"])
    gap, fold = Gap(case["policy"]["gap"]), Fold(case["policy"]["fold"])
    span = Span.around(start, end)
    job = Job((parse(case["cron"]),), case["tz"], gap, fold)
    found = list(instants(wanted(job, span) & span.window(start, end), span))
    assert found == [at(text) for text in case["fires_utc"]], case["why"]


def test_only_refused_syntax_is_left_out_of_the_cases() -> None:
    left_out = [case["id"] for case in CASES if case not in OURS]
    assert len(left_out) == 9
    assert "or-list-star-robfig" in left_out


WALKED = ("America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Antarctica/Troll")
FIRST, DAYS = date(2027, 2, 20), 290


@pytest.mark.parametrize("timezone", WALKED)
def test_every_policy_agrees_with_a_walk_through_every_minute(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone}")
    span = Span(FIRST + timedelta(days=3), DAYS - 6)
    low = oracle.minute_of(span.start)
    for _ in range(12):
        text = a_cron(rng)
        seen = oracle.seen(text, timezone, FIRST, DAYS)
        for gap in (None, *Gap):
            for fold in (None, *Fold):
                found = wanted(Job((parse(text),), timezone, gap, fold), span)
                expected = 0
                for minute in oracle.wanted(text, seen, gap, fold):
                    if 0 <= minute - low < span.days * 1440:
                        expected |= 1 << minute - low
                assert found == expected, (text, timezone, gap, fold)


def histories() -> dict[tuple[zones.Transition, ...], str]:
    """One zone for each way to change clocks in 2025-2030."""
    span = datetime(2025, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    found: dict[tuple[zones.Transition, ...], str] = {}
    for name in zones.names():
        found.setdefault(zones.transitions(name, *span), name)
    return {changes: name for changes, name in found.items() if changes}


# cronsim steps interval jobs through local time hour by hour and day by day. It loses or adds
# firings where that meets a midnight that does not exist (seen: Azores, Beirut; Cairo, Havana and
# Santiago change at midnight as well), or a change that does not lie on or span full hours.
CRONSIM_STUMBLES = {
    "Africa/Cairo", "America/Havana", "America/Santiago", "Asia/Beirut", "Atlantic/Azores",
    "Australia/LHI", "NZ-CHAT",
}  # fmt: skip


def test_the_default_policy_is_that_of_cronsim() -> None:
    """Debian's; all 24 hours written out are an interval job to us, a fixed one to Debian."""
    rng = random.Random(SEED)
    compared = 0
    for changes, timezone in histories().items():
        for _ in range(12):
            text = a_cron(rng)
            interval = parse(text).interval
            if " 0-23 " in text or (interval and timezone in CRONSIM_STUMBLES):
                continue
            for change in rng.sample(changes, min(2, len(changes))):
                start = (change.at - timedelta(days=2)).replace(hour=0, minute=0)
                span = Span(start.date(), 5)
                job = Job((parse(text),), timezone)
                found = set(instants(wanted(job, span), span))
                assert found == cronsim_firings(text, timezone, span), (text, timezone, change.at)
                compared += 1
    assert compared > 400, f"seed {SEED}"


def cronsim_firings(text: str, timezone: str, span: Span) -> set[datetime]:
    before = (span.start - timedelta(minutes=1)).astimezone(zones.zone(timezone))
    found = set()
    for firing in CronSim(text, before):
        if firing.astimezone(UTC) >= span.end:
            break
        found.add(firing.astimezone(UTC))
    return found


def job(*texts: str, timezone: str = "Europe/Berlin", **policy: Any) -> Job:
    return Job(tuple(parse(text) for text in texts), timezone, **policy)


def test_several_crons_are_a_union() -> None:
    """A minute named by two crons fires once."""
    span = Span(date(2027, 6, 1), 2)
    both = wanted(job("0 9 * * *", "0 9,17 * * *"), span)
    assert both == wanted(job("0 9,17 * * *"), span)


def test_each_cron_of_a_union_keeps_its_own_class() -> None:
    span = Span(date(2027, 10, 31), 1)
    both = wanted(job("30 2 * * *", "45 * * * *"), span)
    minutes = [firing.hour * 60 + firing.minute for firing in instants(both, span)]
    assert minutes.count(30) == 1
    assert {45, 105} <= set(minutes)  # both passes of 02:45
    assert 90 not in minutes  # one pass of 02:30


def test_stored_crons_that_never_fire_have_no_next_firing() -> None:
    assert next_firings(["0 9 30 2 *"], datetime(2026, 11, 22, tzinfo=UTC), 3) == ()


def test_meetings_are_those_from_the_start_until_before_the_end() -> None:
    at = datetime(2027, 3, 28, 1, tzinfo=UTC)
    minute, day = timedelta(minutes=1), timedelta(days=1)
    for start, end, count in (
        (at, at + day, 1), (at + minute, at + day, 0), (at - day, at, 0), (at - day, at + minute, 1),
    ):  # fmt: skip
        assert len(meetings(job("30 2 * * *"), start, end)) == count


def test_meetings_name_the_local_time_and_the_policy() -> None:
    year = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    gap, fold = meetings(job("30 2 * * *"), *year)
    assert (gap.local, gap.policy) == (datetime(2027, 3, 28, 2, 30), Gap.NEXT_VALID)  # noqa: DTZ001 - a wall-clock time
    assert (fold.local, fold.policy) == (datetime(2027, 10, 31, 2, 30), Fold.FIRST)  # noqa: DTZ001 - a wall-clock time
    assert not gap.chosen
    assert (gap.instead, fold.instead) == (datetime(2027, 3, 28, 3), None)  # noqa: DTZ001 - a wall-clock time
    shifted = meetings(job("30 2 * * *", gap=Gap.SHIFT), *year)[0]
    assert shifted.instead == datetime(2027, 3, 28, 3, 30)  # noqa: DTZ001 - a wall-clock time
    assert meetings(job("30 2 * * *", gap=Gap.SKIP), *year)[0].chosen
    assert meetings(job("0 9 * * *"), *year) == ()


def test_a_job_that_keeps_its_beat_in_real_time_meets_no_change() -> None:
    year = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert meetings(job("0 * * * *"), *year) == ()
    assert meetings(job("*/15 0-23 * * *"), *year) == ()
    assert len(meetings(job("0 */2 * * *"), *year)) == 2
    assert len(meetings(job("0 * * * *", timezone="Australia/Lord_Howe"), *year)) == 1
    assert len(meetings(job("0 * * * *", gap=Gap.SHIFT), *year)) == 1


def test_next_firings_go_on_from_an_instant_it_included() -> None:
    start = datetime(2027, 3, 27, 8, tzinfo=UTC)
    assert next_firings(job("0 9 * * *"), start, 3) == (
        datetime(2027, 3, 27, 8, tzinfo=UTC),
        datetime(2027, 3, 28, 7, tzinfo=UTC),
        datetime(2027, 3, 29, 7, tzinfo=UTC),
    )
    assert next_firings(["0 8 * * *", "0 8 1 * *"], start, 1) == (start,)


def test_the_next_29_february_on_a_monday_is_found() -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    found = next_firings(job("0 0 29 2 */7", timezone="UTC"), start, 1)
    assert found == (datetime(2032, 2, 29, tzinfo=UTC),)


def test_a_difference_counts_missing_extra_and_doubled() -> None:
    span = Span(date(2027, 1, 1), 1)
    assert compare(0b0111, [0b0011, 0b1001], span) == Difference(1, 1, 1, span.start)
    assert compare(0b0111, [0b0011, 0b0100], span).none


@pytest.mark.parametrize(
    ("crons", "policies", "expected"),
    [
        ("30 9 * * *", {}, Job((parse("30 9 * * *"),), "Europe/Berlin", None, None)),
        (["0 9 * * *", "0 7 * * 1"], {"gap": "shift", "fold": "both"},
         Job((parse("0 9 * * *"), parse("0 7 * * 1")), "Europe/Berlin", Gap.SHIFT, Fold.BOTH)),
    ],
    ids=["one cron", "two and policies"],
)  # fmt: skip
def test_a_job_from_how_it_is_written(
    crons: str | list[str], policies: dict[str, str], expected: Job
) -> None:
    assert gap_and_fold.job(crons, "Europe/Berlin", **policies) == expected


@pytest.mark.parametrize("wrong", ["61 9 * * *", "nonsense", "0 9 * *"])
def test_a_cron_that_is_none_is_named_once(wrong: str) -> None:
    with pytest.raises(CronError) as caught:
        gap_and_fold.job(["0 9 * * *", wrong], "UTC")
    assert str(caught.value).count(wrong) == 1
    assert "0 9 * * *" not in str(caught.value)


@pytest.mark.parametrize("policies", [{"gap": "never"}, {"fold": "never"}], ids=str)
def test_a_policy_that_is_none_is_a_value_error(policies: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="never"):
        gap_and_fold.job("0 9 * * *", "UTC", **policies)


def test_a_job_is_found_again_in_another_process() -> None:
    """Its hash is made once; texts have another one in each process, so it does not go along."""
    job = gap_and_fold.job(["0 9 * * *", "30 17 * * *"], "Europe/Berlin", gap="skip")
    words = pickle.dumps({job: "found"})
    ask = (
        "import pickle, sys; from qstash_sync.crons import gap_and_fold;"
        f"print(pickle.loads({words!r})[gap_and_fold.job(['0 9 * * *', '30 17 * * *'],"
        " 'Europe/Berlin', gap='skip')])"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            [sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True
        )
        assert ran.stdout == "found\n"
