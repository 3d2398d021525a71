"""Compilations: exact against the oracle, few parts, honest about their end."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.crons import compile as compiler, zones
from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.compile import (
    Compilation,
    Strategy,
    after_the_end,
    compare,
    compile_job,
    exact_until,
)
from qstash_sync.crons.effect import effect
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse
from tests.crons import oracle
from tests.crons.crons import a_cron

SEED = 20261122
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FIRST, DAYS = date(2026, 12, 27), 745


def job(*texts: str, timezone: str = "America/New_York", **policy: Any) -> Job:
    return Job(tuple(parse(text) for text in texts), timezone, **policy)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def crons(text: str, timezone: str, now: datetime = NOW, **more: Any) -> tuple[str, ...]:
    return compile_job(job(text, timezone=timezone), now=now, **more).crons


# ---------------------------------------------------------------- exact


def assert_exact(made: Compilation, text: str, seen: oracle.Seen, policy: tuple[Any, Any]) -> None:
    start = oracle.minute_of(made.valid_from)
    end = oracle.minute_of(made.valid_until or made.valid_from + timedelta(days=366))
    expected = {m for m in oracle.wanted(text, seen, *policy) if start <= m < end}
    found, doubled = oracle.stored(made.crons, start, end)
    assert (expected - found, found - expected, doubled) == (set(), set(), 0), (text, made.crons)


SAMPLE = (
    "America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Chatham",
    "America/Santiago", "America/Nuuk", "Antarctica/Troll", "Asia/Kathmandu",
)  # fmt: skip


@pytest.mark.parametrize("timezone", SAMPLE)
def test_a_compilation_is_exact_over_its_horizon(timezone: str) -> None:
    """0 missing, 0 extra, 0 doubled for every policy, against the oracle's own walk."""
    rng = random.Random(f"{SEED} {timezone}")
    for _ in range(5):
        text = a_cron(rng)
        now = midnight(date(2027, 1, 1) + timedelta(days=rng.randrange(365)))
        seen = oracle.seen(text, timezone, FIRST, DAYS)
        for gap in (None, *Gap):
            for fold in (None, *Fold):
                made = compile_job(job(text, timezone=timezone, gap=gap, fold=fold), now=now)
                assert_exact(made, text, seen, (gap, fold))
                assert made.proof.missing == made.proof.extra == made.proof.doubled == 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32),
    timezone=st.sampled_from(zones.names()),
    day=st.integers(0, 720),
    policy=st.tuples(st.sampled_from([None, *Gap]), st.sampled_from([None, *Fold])),
)
def test_any_cron_in_any_zone_on_any_day_compiles_or_is_refused_and_its_parts_are_apart(
    seed: int, timezone: str, day: int, policy: tuple[Gap | None, Fold | None]
) -> None:
    text = a_cron(random.Random(seed))
    now = midnight(date(2027, 1, 1) + timedelta(days=day))
    asked = Job((parse(text),), timezone, *policy)
    made = compile_job(asked, now=now)
    end = made.valid_until or now + timedelta(days=366)
    assert compare(asked, made.crons, made.valid_from, end).none
    assert made.valid_until is None or 120 <= (made.valid_until - now).days <= 366
    assert_apart(made.crons)
    assert_output_language(made.crons)


def assert_apart(found: tuple[str, ...]) -> None:
    """No two crons can meet in one minute of any year."""
    for one, other in combinations([parse(cron) for cron in found], 2):
        pairs = zip(one.fields.sets, other.fields.sets, strict=True)
        assert not all(set(mine) & set(theirs) for mine, theirs in pairs), (one.text, other.text)


def assert_output_language(found: tuple[str, ...]) -> None:
    for cron in found:
        minute, hour, *days = cron.split()
        assert not any("/" in field for field in days), cron
        for field, size in ((minute, 60), (hour, 24)):
            if "/" in field:
                assert size % int(field.removeprefix("*/")) == 0, cron
        assert "*" in (days[0], days[2]), cron


def test_a_union_of_crons_is_exact_and_fires_once_where_they_overlap() -> None:
    made = compile_job(job("0 9 * * *", "0 9,17 * * 1", "*/30 9 1 * *"), now=NOW)
    assert made.valid_until is not None
    both = job("0 9 * * *", "0 9,17 * * 1", "*/30 9 1 * *")
    assert compare(both, made.crons, made.valid_from, made.valid_until).none
    assert_apart(made.crons)


# ---------------------------------------------------------------- ends


def test_what_never_changes_holds_for_ever() -> None:
    for text, timezone in (("0 9 * * 1-5", "Asia/Kolkata"), ("0 * * * *", "America/New_York")):
        made = compile_job(job(text, timezone=timezone), now=NOW)
        assert (made.valid_until, made.renew_at) == (None, None)
        assert len(made.parts) == 1


@pytest.mark.parametrize("text", ["0 9 * 1 *", "0 9 * 1,3 *", "0 9 * 3-12 *", "0 9 1-28 2 *"])
def test_a_leap_day_is_no_day_of_a_job_that_leaves_it_out(text: str) -> None:
    """The year around today has none, so nothing but the job itself says what becomes of it."""
    made = compile_job(job(text, timezone="UTC"), now=NOW)
    assert (made.crons, made.valid_until) == ((text,), None)


@pytest.mark.parametrize("day", [(2027, 2, 28), (2027, 3, 1), (2027, 3, 2), (2028, 2, 29), (2028, 3, 1)])  # fmt: skip
def test_a_leap_day_is_known_a_year_before_it_and_on_it(day: tuple[int, int, int]) -> None:
    made = compile_job(job("0 9 1,29 2,3 *", timezone="UTC"), now=datetime(*day, tzinfo=UTC))
    assert (made.crons, made.valid_until) == (("0 9 1,29 2,3 *",), None)


def test_a_leap_day_ends_what_looks_eternal() -> None:
    made = compile_job(job("0 8 1 3 *", timezone="Asia/Tokyo"), now=NOW)
    assert made.valid_until is not None


def test_after_the_end_the_numbers_foretold_come_true() -> None:
    rng = random.Random(SEED)
    for timezone in SAMPLE:
        text = a_cron(rng)
        asked = job(text, timezone=timezone)
        made = compile_job(asked, now=datetime(2026, 12, 30, tzinfo=UTC))
        foretold = after_the_end(asked, made)
        if made.valid_until is None:
            assert foretold.none
            continue
        seen = oracle.seen(text, timezone, FIRST, DAYS)
        start = oracle.minute_of(made.valid_until)
        end = min(start + 365 * 1440, oracle.minute_of(midnight(FIRST)) + (DAYS - 2) * 1440)
        expected = {m for m in oracle.wanted(text, seen, None, None) if start <= m < end}
        found, doubled = oracle.stored(made.crons, start, end)
        assert (len(expected - found), len(found - expected), doubled) == (
            foretold.missing,
            foretold.extra,
            foretold.doubled,
        )


def test_after_the_end_nothing_fires_twice() -> None:
    rng = random.Random(SEED)
    for _ in range(40):
        asked = job(a_cron(rng), timezone=rng.choice(SAMPLE))
        made = compile_job(asked, now=NOW)
        assert after_the_end(asked, made).doubled == 0


def test_a_live_set_is_told_exact_until_its_first_wrong_firing() -> None:
    naive = exact_until(job("0 9 * * *"), ["0 14 * * *"], NOW)
    assert naive == datetime(2027, 3, 14, 13, tzinfo=UTC)
    assert exact_until(job("0 9 * * *"), ["CRON_TZ=America/New_York 0 9 * * *"], NOW) is None


def test_a_doubled_part_is_seen() -> None:
    end = NOW + timedelta(days=10)
    found = compare(job("0 9 * * *"), ["0 14 * * *", "0 14 * 11,12 *"], NOW, end)
    assert (found.missing, found.extra, found.doubled) == (0, 0, 10)


# ---------------------------------------------------------------- strategies


def test_follow_is_right_until_the_next_clock_change_and_says_so() -> None:
    made = compile_job(job("0 9 * * *"), now=NOW, strategy=Strategy.FOLLOW)
    assert made.crons == ("0 14 * * *",)
    assert made.valid_until == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert any("wrong from 2027-03-14" in warning for warning in [c.text for c in made.cautions])
    fixed = compile_job(job("0 9 * * *", timezone="Asia/Tokyo"), now=NOW, strategy=Strategy.FOLLOW)
    assert (fixed.crons, fixed.valid_until) == (("0 0 * * *",), None)


def test_follow_on_the_day_of_a_change_takes_the_offset_of_the_hour() -> None:
    before = datetime(2027, 3, 14, 6, tzinfo=UTC)
    after = datetime(2027, 3, 14, 8, tzinfo=UTC)
    asked = job("0 9 * * *")
    assert compile_job(asked, now=before, strategy=Strategy.FOLLOW).crons == ("0 14 * * *",)
    assert compile_job(asked, now=after, strategy=Strategy.FOLLOW).crons == ("0 13 * * *",)
    since = [
        compile_job(asked, now=now, strategy=Strategy.FOLLOW).valid_from
        for now in (before, after, after + timedelta(days=1))
    ]
    midnight = datetime(2027, 3, 14, tzinfo=UTC)
    assert since == [midnight, midnight + timedelta(hours=7), midnight + timedelta(days=1)]


def test_native_is_one_part_that_needs_no_renewal() -> None:
    made = compile_job(job("0 9 * * MON-FRI"), now=NOW, strategy=Strategy.NATIVE)
    assert made.crons == ("CRON_TZ=America/New_York 0 9 * * 1-5",)
    assert made.renew_at is None


DIFFERENT = {
    "a gap": ("30 2 * * *", "America/New_York"),
    "a fold": ("30 1 * * *", "America/New_York"),
    "Cairo's lost Friday": ("0 9 * * 5", "Africa/Cairo"),
    "Beirut's lost Sunday": ("0 9 * * 0", "Asia/Beirut"),
    "Santiago's second Saturday": ("0 9 * * 6", "America/Santiago"),
    "Havana's second Saturday": ("0 9 * * 6", "America/Havana"),
    "the Azores' second Saturday": ("0 9 * * 6", "Atlantic/Azores"),
    "Lord Howe's lost day": ("0 9 * * *", "Australia/Lord_Howe"),
    "Chatham's past": ("50 3 * * *", "Pacific/Chatham"),
    "a step that is no star to robfig": ("0 9 */2 * 1", "America/New_York"),
}


@pytest.mark.parametrize(("text", "timezone"), DIFFERENT.values(), ids=DIFFERENT)
def test_native_is_refused_where_the_parser_differs_unless_accepted(
    text: str, timezone: str
) -> None:
    # Havana skips its winter of 2026/27, so its next spring change is in 2028.
    now = datetime(2027, 12, 1, tzinfo=UTC) if "Havana" in timezone else NOW
    asked = job(text, timezone=timezone)
    with pytest.raises(CronError, match=r"native: .* take it knowingly"):
        compile_job(asked, now=now, strategy=Strategy.NATIVE)
    made = compile_job(asked, now=now, strategy=Strategy.NATIVE, accept=True)
    assert any(
        "native: QStash's parser would" in warning for warning in [c.text for c in made.cautions]
    )
    assert not any("take it knowingly" in caution.text for caution in made.cautions)  # it is taken
    assert made.proof.missing + made.proof.extra + made.proof.doubled > 0


CHOICES = {
    "no clock changes": ("0 9 * * *", "Asia/Kolkata", Strategy.SPLIT, "one plain UTC cron"),
    "not felt": ("0 * * * *", "Europe/Berlin", Strategy.SPLIT, "one plain UTC cron"),
    "the parser is right": ("0 9 * * 1-5", "Europe/Berlin", Strategy.NATIVE, "the model"),
    "the parser skips": ("30 2 * * *", "Europe/Berlin", Strategy.SPLIT, "wrong on 2027-03-28"),
    "the parser is wrong": ("0 9 * * *", "Australia/Lord_Howe", Strategy.SPLIT, "wrong on"),
}


@pytest.mark.parametrize(("text", "timezone", "strategy", "reason"), CHOICES.values(), ids=CHOICES)
def test_auto_names_its_choice_and_its_reason(
    text: str, timezone: str, strategy: Strategy, reason: str
) -> None:
    made = compile_job(job(text, timezone=timezone), now=NOW, strategy=Strategy.AUTO)
    assert (made.strategy, made.requested) == (strategy, Strategy.AUTO)
    assert reason in made.reason


def test_auto_keeps_a_live_native_part_while_it_is_exact_for_a_year() -> None:
    """`30 2 28 3 *` meets Berlin's gap in 2027 and not again before 2032."""
    asked = job("30 2 28 3 *", timezone="Europe/Berlin", gap=Gap.NEXT_VALID)
    native = ("CRON_TZ=Europe/Berlin 30 2 28 3 *",)
    now = datetime(2027, 4, 1, tzinfo=UTC)
    early = datetime(2026, 3, 1, tzinfo=UTC)
    assert compile_job(asked, now=early, strategy=Strategy.AUTO).strategy is Strategy.SPLIT
    kept = compile_job(asked, now=early, strategy=Strategy.AUTO, keep=native)
    assert kept.crons == native
    assert "is live and exact" in kept.reason
    assert compile_job(asked, now=now, strategy=Strategy.AUTO, keep=native).crons == native


def test_auto_keeps_the_live_utc_cron_while_it_is_exact_for_a_year() -> None:
    """Half past midnight on 1 March is 23:30Z of a 29 February, too, which 2027 does not have."""
    asked = job("30 0 1 3 *", timezone="Europe/Berlin")
    native, utc = "CRON_TZ=Europe/Berlin 30 0 1 3 *", "30 23 28,29 2 *"

    def kept(*live: str, now: datetime = NOW) -> tuple[tuple[str, ...], str]:
        made = compile_job(asked, now=now, strategy=Strategy.AUTO, keep=live)
        return made.crons, made.reason

    assert compile_job(asked, now=NOW).crons == (utc,)
    fresh = ((native,), "the model of QStash's parser equals the policy for 5 years")
    assert kept() == fresh
    assert kept(utc) == (
        (utc,),
        "the plain UTC cron is live and exact for the coming year",
    )
    assert kept(native) == fresh
    for other in ((utc, "0 9 * * *"), ("30 23 28 2 *",), ("@every 1h",), (f"CRON_TZ=UTC {utc}",)):
        assert kept(*other) == fresh, other
    assert kept(utc, now=datetime(2027, 11, 1, tzinfo=UTC)) == fresh


def test_parts_that_are_live_keep_their_order() -> None:
    now = datetime(2027, 1, 15, tzinfo=UTC)
    fresh = crons("0 9 * * *", "America/New_York", now)
    live = (fresh[2], "0 5 * * *", fresh[0])
    kept = crons("0 9 * * *", "America/New_York", now, keep=live)
    assert kept[:2] == (fresh[2], fresh[0])
    assert set(kept) == set(fresh)


MET = {
    "a gap": (
        "30 2 * * *", "America/New_York",
        ("2027-03-14 02:30 does not exist in America/New_York; it fires at 03:00 instead"
        " (dst.gap: next_valid)")),
    "a fold": (
        "30 1 * * *", "America/New_York",
        ("2027-11-07 01:30 comes twice in America/New_York; it fires the first time only"
        " (dst.fold: first)")),
    "several times in a gap": (
        "5,35 2 * * *", "Europe/Berlin",
        ("2027-03-28 02:05 and 1 more do not exist in Europe/Berlin; it fires once instead, at 03:00"
        " (dst.gap: next_valid)")),
    "an interval job in a gap": (
        "*/10 2 * * *", "Europe/Berlin",
        ("2027-03-28 02:00 and 5 more do not exist in Europe/Berlin; it does not fire"
        " (dst.gap: skip)")),
    "an interval job in a fold": (
        "*/30 1 * * *", "America/New_York",
        ("2027-11-07 01:00 and 1 more come twice in America/New_York; it fires both times"
        " (dst.fold: both)")),
    "a gap that ends at midnight": (
        "30 23 * * *", "America/Nuuk",
        ("2027-03-27 23:30 does not exist in America/Nuuk; it fires at 2027-03-28 00:00 instead"
        " (dst.gap: next_valid)")),
    "half an hour": (
        "15 2 * * *", "Australia/Lord_Howe",
        ("2027-10-03 02:15 does not exist in Australia/Lord_Howe; it fires at 02:30 instead"
        " (dst.gap: next_valid)")),
}  # fmt: skip


@pytest.mark.parametrize(("text", "timezone", "message"), MET.values(), ids=MET)
def test_what_meets_a_clock_change_is_told_with_its_date_and_what_becomes_of_it(
    text: str, timezone: str, message: str
) -> None:
    """Over all horizons of a year: each covers the changes that lie inside it."""
    told = {
        caution.text
        for month in range(1, 13)
        for caution in compile_job(
            job(text, timezone=timezone), now=datetime(2027, month, 1, tzinfo=UTC)
        ).cautions
    }
    assert f'"{text}": {message}' in told


def test_a_year_is_warned_of_however_long_the_horizon() -> None:
    """So the warnings of a schedule stay when it is renewed, and need no compilation."""
    found = compile_job(job("30 1 * * *"), now=NOW)
    assert found.valid_until == datetime(2027, 4, 1, tzinfo=UTC)
    (caution,) = found.cautions
    assert "2027-11-07 01:30 comes twice" in caution.text


def test_a_policy_that_is_written_out_is_not_warned_of() -> None:
    year = [datetime(2027, month, 1, tzinfo=UTC) for month in range(1, 13)]
    for text, policy in (
        ("30 2 * * *", {"gap": Gap.NEXT_VALID}),
        ("30 1 * * *", {"fold": Fold.FIRST}),
    ):
        assert any(compile_job(job(text), now=now).cautions for now in year)
        assert not any(compile_job(job(text, **policy), now=now).cautions for now in year)


def test_both_day_fields_are_warned_of() -> None:
    made = compile_job(job("0 9 1,15 * 1", timezone="UTC"), now=NOW)
    assert any(
        "both day fields are restricted" in warning for warning in [c.text for c in made.cautions]
    )


def test_a_cron_that_no_year_in_sight_has_is_refused() -> None:
    with pytest.raises(CronError, match="does not fire within every year"):
        compile_job(job("0 0 29 2 */7", timezone="UTC"), now=NOW)


# ---------------------------------------------------------------- effects, caches


def test_a_change_of_time_is_told_by_the_firings_that_move() -> None:
    found = effect(job("0 9 * * 1-5"), job("0 10 * * 1-5"), NOW)
    assert (found.moved, found.added, found.removed) == (260, 0, 0)
    assert found.by == timedelta(hours=1)
    assert found.first_before == datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert found.first_after == datetime(2026, 11, 23, 15, tzinfo=UTC)


MOVES: list[tuple[str, str, str, tuple[int, int, int], int | None]] = [
    ("0 23 * * *", "0 22 * * *", "Australia/Sydney", (365, 0, 0), -60),
    ("0 23 28 * *", "0 22 28 * *", "Australia/Sydney", (12, 0, 0), -60),
    ("0 23 28-31 * *", "30 22 28-31 * *", "Australia/Sydney", (41, 0, 0), -30),
    ("30 23 * * 1", "30 0 * * 2", "Europe/Berlin", (52, 0, 0), 60),
    ("30 23 * * *", "30 0 * * *", "Europe/Berlin", (365, 0, 0), 60),
    ("0 9 1 * *", "0 9 15 * *", "Europe/Berlin", (12, 0, 0), 14 * 1440),
    ("0 9 * * 1", "0 9 * * 3", "America/New_York", (52, 0, 0), 2 * 1440),
    ("0 9 * * 1-5", "0 9 * * 2-6", "America/New_York", (0, 52, 52), None),
    ("0 9,17 * * *", "0 10,17 * * *", "America/New_York", (365, 0, 0), 60),
    ("0 9,17 * * *", "0 10,16 * * *", "America/New_York", (730, 0, 0), None),
    (
        "30 2 * * *",
        "30 3 * * *",
        "Europe/Berlin",
        (365, 0, 0),
        60,
    ),  # half an hour on one day of a gap
    ("*/15 * * * *", "*/10 * * * *", "UTC", (0, 35040, 17520), None),
    ("*/10 * * * *", "*/20 * * * *", "Europe/Berlin", (0, 0, 26280), None),
    ("*/10 * * * *", "5-59/10 * * * *", "Europe/Berlin", (52560, 0, 0), 5),
    ("0 0 * * *", "0 12 * * *", "Africa/Cairo", (365, 0, 0), 720),  # no midnight on one day
    ("0 9 * * *", "59 8 * * *", "UTC", (365, 0, 0), -1),
    ("59 8 * * *", "0 9 * * *", "UTC", (365, 0, 0), 1),
    ("0 0 * * 1", "59 23 * * 1", "UTC", (53, 0, 0), 1439),
    ("0 9 1 1 *", "0 9 1 2 *", "UTC", (1, 0, 0), 31 * 1440),  # as far as anything moves
    ("0 9 1 1 *", "0 9 2 2 *", "UTC", (0, 1, 1), None),
]


@pytest.mark.parametrize(("before", "after", "timezone", "fates", "by"), MOVES)
def test_the_fate_of_every_firing_is_told_by_the_wall_clock(
    before: str, after: str, timezone: str, fates: tuple[int, int, int], by: int | None
) -> None:
    found = effect(job(before, timezone=timezone), job(after, timezone=timezone), NOW)
    minutes = found.by.total_seconds() / 60 if found.by else None
    assert ((found.moved, found.added, found.removed), minutes) == (fates, by)


def test_stored_crons_with_a_zone_move_by_its_wall_clock() -> None:
    """Where the clock changes in between, UTC tells another difference."""
    before, after = (f"CRON_TZ=America/New_York {text}" for text in ("30 0 * * *", "30 4 * * *"))
    for one, other in (([before], [after]), (["0 9 1 1 *", before], [after, "0 9 1 1 *"])):
        assert effect(one, other, NOW).by == timedelta(hours=4)
    assert effect(["30 5 * * *"], ["30 9 * * *"], NOW).by == timedelta(hours=4)


def test_spelling_a_cron_in_another_way_moves_nothing() -> None:
    assert effect(job("0 9 * * 1-5"), job("0 9 * * MON-FRI"), NOW).none
    made = compile_job(job("0 9 * * *", timezone="Asia/Tokyo"), now=NOW)
    assert effect(made.crons, job("0 9 * * *", timezone="Asia/Tokyo"), NOW).none


def test_live_crons_are_one_side_of_an_effect() -> None:
    found = effect(["0 14 * * *"], job("0 9 * * *"), NOW)
    assert (found.moved, found.by) == (238, -timedelta(hours=1))
    assert found.first_before == datetime(2027, 3, 14, 14, tzinfo=UTC)
    assert effect([], job("0 9 * * *"), NOW).added == 365


def test_one_compilation_serves_every_schedule_of_a_day() -> None:
    asked = job("17 4 * * *")
    first = compile_job(asked, now=NOW)
    again = compile_job(job("17 4 * * *"), now=NOW + timedelta(hours=3))
    assert again.parts is first.parts


def stretches(start: date, end: date) -> Iterator[date]:
    while start < end:
        yield start
        start += timedelta(days=1)


def test_a_set_stays_exact_from_day_to_day_until_its_renewal() -> None:
    """The plan stays empty: what was written stays exact until 45 days before its end."""
    asked = job("0 9 * * *")
    made = compile_job(asked, now=NOW)
    assert made.renew_at is not None
    for day in stretches(NOW.date(), made.renew_at.date()):
        at = midnight(day)
        assert compare(asked, made.crons, at, at + timedelta(days=45)).none


def test_a_wrong_cover_never_leaves_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    span = Span(NOW.date(), 366)
    monkeypatch.setattr(compiler, "read_back", lambda _part, _span: wanted(job("1 9 * * *"), span))
    with pytest.raises(CronError, match="cannot be proven"):
        compile_job(job("13 9 * * *"), now=NOW)
