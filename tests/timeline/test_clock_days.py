"""The local day of a clock change: what passes, what fires, and where it goes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse
from qstash_sync.timeline import clock_days
from qstash_sync.timeline.clock_days import ClockDay, Pass
from tests.support import ids

NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAY = 1440
ALL = [name for name in zones.names() if zones.transitions(name, NOW, NOW + timedelta(days=366))]


def job(cron: str, zone: str, gap: Gap | None = None, fold: Fold | None = None) -> Job:
    return Job(crons=(parse(cron),), timezone=zone, gap=gap, fold=fold)


def days(*jobs: Job) -> tuple[ClockDay, ...]:
    return clock_days.clock_days([(f"j{n}", one) for n, one in enumerate(jobs)], NOW).days


def wall(day: ClockDay, column: int) -> int:
    """The minute of the wall clock at a column; None of a gap's is ever asked for."""
    found = [one for one in day.stretches if one.start <= column < one.end]
    assert [one for one in found if one.passes is not Pass.GAP] == found, column
    return found[0].wall + column - found[0].start


def test_a_gap_and_a_fold_of_an_hour() -> None:
    gap, fold = days(job("30 2 * * *", "Europe/Berlin"))
    assert [(one.passes, one.start, one.end) for one in gap.stretches] == [
        (Pass.USUAL, 0, 120), (Pass.GAP, 120, 180), (Pass.USUAL, 180, DAY),
    ]  # fmt: skip
    assert [(one.passes, one.start, one.end, one.wall) for one in fold.stretches] == [
        (Pass.USUAL, 0, 120, 0), (Pass.FIRST, 120, 180, 120), (Pass.SECOND, 180, 240, 120),
        (Pass.USUAL, 240, DAY + 60, 180),
    ]  # fmt: skip


CASES = [
    ("next_valid", "30 2 * * *", Gap.NEXT_VALID, None, 0, (180,), (150,)),
    ("shift", "30 2 * * *", Gap.SHIFT, None, 0, (210,), (150,)),
    ("skip", "30 2 * * *", Gap.SKIP, None, 0, (), (150,)),
    ("first", "30 2 * * *", None, Fold.FIRST, 1, (150,), (210,)),
    ("second", "30 2 * * *", None, Fold.SECOND, 1, (210,), (150,)),
    ("both", "30 2 * * *", None, Fold.BOTH, 1, (150, 210), ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "cron", "gap", "fold", "number", "lands", "spare"), CASES, ids=ids(CASES)
)
def test_where_a_firing_goes(
    _id: str,
    cron: str,
    gap: Gap | None,
    fold: Fold | None,
    number: int,
    lands: tuple[int, ...],
    spare: tuple[int, ...],
) -> None:
    (found,) = days(job(cron, "Europe/Berlin", gap, fold))[number].jobs
    (met,) = found.met
    assert (met.lands, met.spare) == (lands, spare)
    assert found.firings == lands


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(ALL),
    minute=st.integers(0, 59),
    hour=st.sampled_from(["*", "*/2", *map(str, range(24))]),
    gap=st.sampled_from([None, *Gap]),
    fold=st.sampled_from([None, *Fold]),
)
def test_a_column_is_the_time_that_the_clock_shows(
    zone: str, minute: int, hour: str, gap: Gap | None, fold: Fold | None
) -> None:
    """In every zone: stretches join, no firing stands in a gap, and each that lands does fire."""
    one = job(f"{minute} {hour} * * *", zone, gap, fold)
    for day in days(one):
        assert day.stretches[0].start == 0
        assert all(early.end == late.start for early, late in pairwise(day.stretches))
        passed = sum(s.end - s.start for s in day.stretches if s.passes is not Pass.GAP)
        last = day.stretches[-1]
        assert passed == last.wall + last.end - last.start - day.by
        span = Span(day.day - timedelta(days=2), 5)
        fired = (at.astimezone(zones.zone(zone)) for at in instants(wanted(one, span), span))
        walls = [at.hour * 60 + at.minute for at in fired if at.date() == day.day]
        if last.wall + last.end - last.start == DAY:  # else the change reaches over midnight
            assert [wall(day, column) for column in day.firings] == walls
        for found in day.jobs:
            for met in found.met:
                assert set(met.lands) <= set(found.firings)
                assert not set(met.spare) & set(met.lands)


def test_what_keeps_its_beat_is_not_met() -> None:
    day = days(job("*/15 * * * *", "Europe/Berlin"), job("30 2 * * *", "Europe/Berlin"))[0]
    assert [one.names for one in day.jobs] == [("j1",)]
    assert day.others == 1


def test_schedules_of_one_job_are_one() -> None:
    same = [job("30 2 * * *", "Europe/Berlin")] * 3
    assert [one.names for one in days(*same)[0].jobs] == [("j0", "j1", "j2")]


def test_of_too_many_days_those_stay_that_meet_something() -> None:
    some = (
        "Europe/Berlin",
        "America/New_York",
        "Australia/Sydney",
        "America/Santiago",
        "Asia/Beirut",
    )
    jobs = [(zone, job("0 12 * * *", zone)) for zone in some]
    met = ("late", job("30 2 * * *", "Europe/London", Gap.SKIP, Fold.BOTH))
    lisbon = ("lisbon", job("30 1 * * *", "Europe/Lisbon"))
    found = clock_days.clock_days([*jobs, met, lisbon], NOW)
    assert len(found.days) == clock_days.MOST
    assert found.rest == 2 * 7 - clock_days.MOST
    assert "Europe/Lisbon" in {day.timezone for day in found.days if day.jobs}
    assert list(found.days) == sorted(found.days, key=lambda day: day.order)


def test_a_zone_without_a_change_has_no_day() -> None:
    assert days(job("0 9 * * *", "UTC"), job("0 9 * * *", "Asia/Tokyo")) == ()


def test_a_day_that_does_not_exist_is_a_gap_of_a_day() -> None:
    """Samoa has had no 30 December 2011."""
    now = datetime(2011, 12, 1, tzinfo=UTC)
    found = clock_days.clock_days([("a", job("0 9 * * *", "Pacific/Apia"))], now)
    lost = next(day for day in found.days if day.by == DAY)
    assert lost.day.isoformat() == "2011-12-30"
    assert [(one.passes, one.end) for one in lost.stretches] == [
        (Pass.GAP, DAY), (Pass.USUAL, 2 * DAY),
    ]  # fmt: skip


def test_what_a_gap_at_midnight_moves_into_the_next_day_is_on_the_strip() -> None:
    """Scoresbysund's clock goes from Saturday 23:00 to Sunday 00:00."""
    gap, _ = days(job("30 23 * * *", "America/Scoresbysund", Gap.SHIFT))
    (found,) = gap.jobs
    assert gap.stretches[-1].end == DAY + 60
    assert found.met[0].lands == (DAY + 30,)
    assert found.firings == (DAY + 30,)


def test_changes_that_are_not_drawn_are_counted_with_what_they_meet() -> None:
    """The first that meet something are drawn; others may meet something, too."""
    met = [job("30 2 * * *", zone) for zone in ALL[:50]]
    found = clock_days.clock_days([(f"j{n}", one) for n, one in enumerate(met)], NOW)
    assert len(found.days) == clock_days.MOST
    every = [
        day
        for one in met
        for day in clock_days.clock_days([("j", one)], NOW).days
        if one.timezone == day.timezone
    ]
    assert found.rest == len(every) - clock_days.MOST
    assert 0 < found.rest_that_meet < found.rest
