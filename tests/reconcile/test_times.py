"""What a declared time gives cause to say, with and without an account; and what goes on for ever."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qstash_sync.crons import some_years
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Desired, LiveSchedule, Message, Schedule
from qstash_sync.reconcile import taken, times, twins
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from tests.support import HEAD, NOW, World, config


def schedule(cron: str, dst: str = "", timezone: str = "Europe/Berlin") -> Schedule:
    text = f"{HEAD}schedules: {{s: {{cron: '{cron}', timezone: {timezone}, destination: 'https://e.com', dst: {{{dst}}}}}}}"
    (found,) = config(text).desired.schedules or ()
    return found


@pytest.mark.parametrize(
    ("cron", "dst", "codes"),
    [
        ("0 9 * * *", "", []),
        ("30 2 * * *", "", ["clock_change", "clock_change"]),
        ("30 2 * * *", "gap: skip, fold: first", []),
        ("0 9 29 2 *", "", []),
        ("0 9 * * *", "strategy: native", []),
        ("30 2 * * *", "strategy: native", ["cron"]),
        ("0 9 * * *", "strategy: auto", []),
        ("0 9 29 2 *", "strategy: auto", []),
    ],
)
def test_what_a_file_gives_cause_to_say(cron: str, dst: str, codes: list[str]) -> None:
    found = times.checked(schedule(cron, dst), NOW)
    assert [str(one.code) for one in found if one.code != "native_differs"] == codes
    for one in found:
        assert (one.severity is Severity.ERROR) == (one.code == "cron")
        assert one.path[:2] == ("schedules", "s")
        assert one.location is not None


def test_parts_ahead_are_those_of_each_renewal_of_a_year() -> None:
    found = times.parts_ahead(schedule("0 9 * * *"), NOW)
    assert found[0][0] == NOW
    assert len(found) > 2
    assert [at for at, _ in found] == sorted({at for at, _ in found})
    assert all(NOW <= at < NOW + times.LOOK_AHEAD for at, _ in found)
    assert max(count for _, count in found) <= times.most_parts(schedule("0 9 * * *"), NOW)
    assert times.parts_ahead(schedule("0 9 * * *", timezone="UTC"), NOW) == ((NOW, 1),)
    assert times.parts_ahead(schedule("0 9 * * *", "strategy: native"), NOW) == ((NOW, 1),)
    assert times.parts_ahead(schedule("30 2 * * *", "strategy: native"), NOW) == ()


def test_following_takes_another_part_from_each_clock_change_on() -> None:
    found = times.parts_ahead(schedule("0 9 * * *", "strategy: follow"), NOW)
    assert [count for _, count in found] == [1, 1, 1]
    assert [f"{at:%m-%d}" for at, _ in found[1:]] == ["03-29", "11-01"]


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("0 9 * * *", ("0 9 * * *",), True),
        ("0 9 * * *", ("0 9 1-15 * *", "0 9 16-31 * *"), True),
        ("0 9 * * *", ("0 9 1-15 * *", "0 9 16-30 * *"), False),
        ("0 9 1-28 2 *", ("0 9 * 2 *",), False),
        ("0 9 13 * 5", ("0 9 13 * 5",), True),
        ("0 9 * * *", ("@every 1h",), False),
    ],
)
def test_what_fires_alike_goes_on_doing_so_or_does_not(
    one: str, other: tuple[str, ...], *, is_so: bool
) -> None:
    job = Job((parse(one),), "UTC")
    assert twins.for_ever(job, other, NOW) is is_so
    assert twins.for_ever((one,), other, NOW) is is_so


def live(part: str, **changes: Any) -> LiveSchedule:
    message = Message(destination="https://e.com/p?k=secret", labels=("m", "0_9_x_x_x@UTC"))
    found: dict[str, Any] = {"id": part, "cron": "0 9 * * *", "message": message, **changes}
    return LiveSchedule(**found)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (["0 9 * * *"], ["0 9 1-15 * *", "0 9 16-31 * *"], True),
        (["0 9 * * *"], ["0 9 * * 1-6"], False),
        (["@every 1h", "0 9 * * *"], ["0 9 * * *", "@every 1h"], True),
        (["@every 1h"], ["@every 2h"], False),
        (["@every 1h"], ["0 9 * * *"], False),
    ],
)
def test_sets_are_grouped_by_when_they_fire_or_else_by_how_they_are_spelt(
    one: list[str], other: list[str], *, alike: bool
) -> None:
    keys = [
        twins.firings_of([live(f"x.{n}", cron=cron) for n, cron in enumerate(crons)], NOW)
        for crons in (one, other)
    ]
    assert (keys[0] == keys[1]) is alike


def milliseconds(hours: int) -> int:
    return int((NOW + timedelta(hours=hours)).timestamp() * 1000)


def test_what_a_delete_takes_away_is_told_of_all_parts() -> None:
    first = live("x", next_at=milliseconds(9), last_at=milliseconds(-9))
    second = live(
        "x.2", cron="1 9 * * *", next_at=milliseconds(5), last_at=milliseconds(-5), paused=True,
        message=Message(destination="https://other.com"),
    )  # fmt: skip
    third = live("x.3", next_at=milliseconds(7))
    parts = [LivePart(one, "x", n, None, ours=True) for n, one in enumerate((first, second, third))]
    index = LiveParts(Desired(namespace="n"), ())
    takes = taken.by_delete(parts, index, NOW)
    assert takes.crons == ("0 9 * * *", "1 9 * * *", "0 9 * * *")
    assert takes.destination == "https://e.com/…"
    assert takes.job is None, "its label does not tell when it fires"
    assert takes.paused
    assert takes.next_at == NOW + timedelta(hours=7)
    assert takes.last_at == NOW - timedelta(hours=5)
    alone = taken.by_delete(parts[:1], index, NOW)
    assert (alone.paused, alone.next_at) == (False, NOW + timedelta(hours=9))
    assert taken.by_delete(parts[1:2], index, NOW).next_at is None


LEAP_DAYS = ("2027-02-28", "2027-06-01", "2028-03-10", "2028-05-01", "2029-02-01")


@pytest.mark.parametrize("cron", ["0 9 29 2 *", "0 0 29 2 *"])
def test_a_file_and_a_plan_judge_a_leap_day_alike_on_every_day(
    world: World, monkeypatch: pytest.MonkeyPatch, cron: str
) -> None:
    """Midnight in Berlin is on the 28th in UTC; were parts of it there, they would be an error."""
    entry = f"{{cron: '{cron}', timezone: Europe/Berlin, destination: 'https://e.com'}}"
    text = f"{HEAD}schedules: {{s: {entry}}}"
    world.now = datetime(2027, 5, 31, tzinfo=UTC)  # compilations are kept by day
    with monkeypatch.context() as old:
        old.setattr(some_years, "fires_every_year", lambda _: True)
        world.apply(text)
    for day in LEAP_DAYS:
        world.now = datetime.fromisoformat(day).replace(tzinfo=UTC)
        of_file = [one.message for one in times.checked(schedule(cron), world.now)]
        plan = world.plan(text)
        assert [one.message for one in plan.errors] == of_file
        assert len(of_file) == (cron == "0 0 29 2 *")
        assert all(change.diagnosed for change in plan.changes)


@pytest.mark.parametrize(
    ("cron", "dst", "timezone", "stored", "note"),
    [
        ("0 9 * * *", "strategy: follow", "Europe/Berlin", ("0 8 * * *",), "in UTC, for 0 9 * * * in Europe/Berlin"),
        ("0 9 * * *", "strategy: follow", "Europe/London", ("0 9 * * *",), "in UTC, for 0 9 * * * in Europe/London"),
        ("0 9 * * MON", "", "UTC", ("0 9 * * 1",), "0 9 * * MON"),
        ("0 9 * * *", "", "UTC", ("0 9 * * *",), ""),
        ("0 9 * * *", "strategy: native", "Europe/Berlin", ("CRON_TZ=Europe/Berlin 0 9 * * *",), ""),
    ],
)  # fmt: skip
def test_a_stored_cron_does_not_read_as_if_the_hour_had_changed(
    cron: str, dst: str, timezone: str, stored: tuple[str, ...], note: str
) -> None:
    assert times.stored_for(schedule(cron, dst, timezone), stored) == note


def test_a_renewal_of_follow_tells_the_zones_of_its_crons(world: World) -> None:
    text = (
        f"{HEAD}schedules: {{s: {{cron: '0 9 * * *', timezone: Europe/Berlin,"
        " destination: 'https://e.com', dst: {strategy: follow}}}"
    )
    world.apply(text)
    world.now = datetime(2027, 3, 29, tzinfo=UTC)
    (change,) = world.plan(text).changes
    (field,) = [field for field in change.fields if field.path == "cron"]
    assert (field.before, field.after) == ("0 8 * * *", "0 7 * * *")
    assert field.note == "in UTC, for 0 9 * * * in Europe/Berlin"
