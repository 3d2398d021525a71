"""When what fires in a week, by each schedule's own clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.timeline import week as weeks
from qstash_sync.timeline.week import Fate, Lane, Week
from tests.support import HEAD, NOW, World, config, ids

TO = "destination: 'https://e.example.com/x'"
CRONS = ("0 9 * * 1-5", "30 2 * * *", "*/15 * * * *", "0 0 1 * *", "59 23 29 2 *", "5,50 */7 * * 0")
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago",
    "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca",
)  # fmt: skip


def file(**crons: str) -> str:
    entries = "".join(f"  {name}: {{{text}, {TO}}}\n" for name, text in crons.items())
    return f"{HEAD}schedules:\n{entries or '  {}'}"


def of_file(text: str, now: datetime = NOW) -> Week:
    return weeks.of_schedules(config(text).desired.schedules or (), now)


def of_plan(world: World, text: str) -> Week:
    plan = world.plan(text, allow_deletes=99)
    return weeks.of_plan(config(text, world.environ).desired, plan)


def lane(week: Week, name: str) -> Lane:
    return next(one for one in week.lanes if one.name == name)


@settings(max_examples=150, deadline=None)
@given(
    cron=st.sampled_from(CRONS),
    zone=st.sampled_from(ZONES),
    hours=st.integers(0, 4 * 366 * 24),
)
def test_a_line_has_the_minutes_of_the_wall_clock(cron: str, zone: str, hours: int) -> None:
    """Each firing of each local day of the week, and no other, as a walk over them finds it."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    text = file(a=f"cron: '{cron}', timezone: {zone}")
    schedule = (config(text).desired.schedules or ())[0]
    found = weeks.of_schedules([schedule], at)
    shown = {(day, m) for line in found.lanes[0].lines for day in line.days for m in line.after}

    days = {found.first + timedelta(days=number) for number in range(weeks.DAYS)}
    span = Span(found.first - timedelta(days=3), weeks.DAYS + 6)
    fired = instants(wanted(schedule.timing.job, span), span)
    walls = (instant.astimezone(zones.zone(zone)) for instant in fired)
    expected = {(w.date(), w.hour * 60 + w.minute) for w in walls if w.date() in days}
    assert {item for item in shown if item[0] in days} == expected
    assert expected or all(item[0] > max(days) for item in shown)


def test_what_does_not_fire_in_the_week_has_its_next_day() -> None:
    week = of_file(file(leap="cron: '30 6 29 2 *'"))
    (line,) = lane(week, "leap").lines
    assert line.days == (date(2028, 2, 29),)
    assert weeks.is_beyond(line.days, week.first)
    assert line.after == (390,)


def test_days_that_differ_have_lines_of_their_own() -> None:
    """The day of a clock change is one of them: 02:30 does not exist on it."""
    week = of_file(
        file(a="cron: '30 2 * * *', timezone: Europe/Berlin"), datetime(2027, 3, 25, tzinfo=UTC)
    )
    found = {line.after: len(line.days) for line in week.lanes[0].lines}
    assert found == {(180,): 1, (150,): 6}


def test_what_the_file_pauses_has_no_lane() -> None:
    week = of_file(file(a="cron: '0 9 * * *'", b="cron: '0 9 * * *', paused: true"))
    assert [one.name for one in week.lanes] == ["a"]


def test_a_plan_has_both_times_of_what_it_moves(world: World) -> None:
    world.apply(file(a="cron: '0 9 * * *', timezone: Europe/Berlin", b="cron: '0 1 * * *'"))
    text = file(
        a="cron: '0 10 * * *', timezone: Europe/Berlin",
        b="cron: '0 1 * * *', retries: 5",
        c="cron: '0 3 * * *'",
    )
    week = of_plan(world, text)
    assert [(one.name, one.fate) for one in week.lanes] == [
        ("a", Fate.MOVED), ("c", Fate.NEW), ("b", Fate.SAME),
    ]  # fmt: skip
    (line,) = lane(week, "a").lines
    assert (line.before, line.after) == ((540,), (600,))
    assert lane(week, "c").lines[0].before == ()


def test_what_goes_is_shown_in_the_time_that_its_label_tells(world: World) -> None:
    world.apply(file(a="cron: '0 9 * * *', timezone: Europe/Berlin"))
    gone = lane(of_plan(world, HEAD + "schedules: {}\n"), "a")
    assert (gone.fate, gone.timezone) == (Fate.GONE, "Europe/Berlin")
    assert (gone.lines[0].before, gone.lines[0].after) == ((540,), ())


def test_a_hand_in_the_console_is_shown_by_what_fires_now(world: World) -> None:
    text = file(a="cron: '0 9 * * *'")
    world.apply(text)
    world.edit("billing.a", cron="0 6 * * *")
    (line,) = lane(of_plan(world, text), "a").lines
    assert (line.before, line.after) == ((360,), (540,))


def test_a_cron_that_nobody_understands_is_said_and_not_drawn(world: World) -> None:
    text = file(a="cron: '0 9 * * *'")
    world.apply(text)
    world.edit("billing.a", cron="@every 90m")
    found = lane(of_plan(world, text), "a")
    assert not found.is_readable
    assert [(line.before, line.after) for line in found.lines] == [((), (540,))]


def test_a_paused_schedule_whose_time_changes_is_moved_all_the_same(world: World) -> None:
    world.apply(file(a="cron: '0 9 * * *'"))
    world.edit("billing.a", isPaused=True)
    found = lane(of_plan(world, file(a="cron: '0 10 * * *'")), "a")
    assert (found.fate, found.paused) == (Fate.MOVED, True)


def test_a_rename_alone_moves_nothing(world: World) -> None:
    world.apply(file(a="cron: '0 9 * * *', timezone: Europe/Berlin"))
    week = of_plan(world, file(b="cron: '0 9 * * *', timezone: Europe/Berlin, was: a"))
    assert [(one.name, one.fate) for one in week.lanes] == [("b", Fate.SAME)]


COUNTS = [("few", 3, 3, 0), ("many", 100, weeks.MOST, 100 - weeks.MOST)]


@pytest.mark.parametrize(("_id", "count", "lanes", "rest"), COUNTS, ids=ids(COUNTS))
def test_what_has_no_lane_is_counted(_id: str, count: int, lanes: int, rest: int) -> None:
    week = of_file(file(**{f"s{number}": "cron: '0 9 * * *'" for number in range(count)}))
    assert (len(week.lanes), week.rest) == (lanes, rest)


def test_what_changes_comes_before_what_stays(world: World) -> None:
    """Of many schedules those get a lane that a reviewer asks about."""
    before = {f"s{number}": "cron: '0 9 * * *'" for number in range(60)}
    world.apply(file(**before))
    week = of_plan(world, file(**before | {"s59": "cron: '0 10 * * *'"}))
    assert week.lanes[0].name == "s59"
    assert week.changes


def test_the_clock_changes_are_those_of_all_schedules_drawn_or_not() -> None:
    entries = {f"s{n:02}": "cron: '0 9 * * *'" for n in range(weeks.MOST)}
    week = of_file(file(**entries, z="cron: '30 2 * * *', timezone: Europe/Berlin"))
    assert "z" not in [one.name for one in week.lanes]
    assert "z" in dict(week.jobs)


def test_a_pause_is_seen_through_a_rename_and_in_one_part(world: World) -> None:
    before = file(
        a="cron: '0 9 * * *'",
        b="cron: '30 2 * * *', timezone: Europe/Berlin",
        c="cron: '30 2 * * *', timezone: Europe/Berlin",
    )
    world.apply(before)
    for part in ("billing.a", "billing.b", "billing.c"):
        world.edit(part, isPaused=True)
    week = of_plan(world, file(z="cron: '0 9 * * *', was: a", c="cron: '30 2 * * *'"))
    assert {one.name: one.paused for one in week.lanes} == {"z": True, "b": True, "c": True}


def test_what_is_refused_is_not_drawn_and_counted(world: World) -> None:
    text = file(a="cron: '0 9 * * *'", b="cron: '0 8 * * *'")
    world.apply(text)
    world.edit("billing.a", labels=[])
    week = of_plan(world, text)
    assert ([one.name for one in week.lanes], week.rest) == (["b"], 1)


def test_of_what_goes_and_tells_no_time_no_month_is_said() -> None:
    subject = weeks._Subject(name="a", timezone="UTC", before=("0 6 1 1 *",), after=None)
    lane = weeks._lane(subject, date(2026, 11, 28))
    assert [line.days for line in lane.lines] == [(date(2027, 1, 1),)]
    assert (lane.is_weekly, lane.is_monthly) == (True, False)
