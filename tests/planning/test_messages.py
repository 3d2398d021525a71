"""Messages a day against what the account's plan allows."""

from datetime import timedelta

import pytest

from qstash_sync.lint import judge
from qstash_sync.model.load import load
from qstash_sync.model.resources import Live, LiveSchedule, Message
from qstash_sync.planning import messages
from tests.support import HEAD, NOW, World, config

URL = "https://app.example.com/x"


def text(cron: str, more: str = "", plan: str = "free", target: str = f"destination: {URL}") -> str:
    groups = "url_groups: {g: {endpoints: ['https://a.example.com', 'https://b.example.com']}}\n"
    return (
        HEAD
        + f"limits: {{plan: {plan}}}\n{groups}schedules: {{s: {{cron: '{cron}', {target}{more}}}}}\n"
    )


CASES = [
    ("every minute", text("* * * * *"), 1440, True),
    ("every other minute", text("*/2 * * * *"), 720, False),
    ("to a group of two", text("*/2 * * * *", target="url_group: g"), 1440, True),
    ("with a callback", text("*/2 * * * *", f", callback: {URL}"), 1440, True),
    ("to a group of two, with a callback", text("*/4 * * * *", f", callback: {URL}", target="url_group: g"), 1440, True),
    ("with a failure callback", text("*/2 * * * *", f", failure_callback: {URL}"), 720, False),
    ("on Sundays alone", text("* * * * 0"), 1440, True),
    ("a week from now", text("* * 30 11 *"), 1440, True),
    ("more than a week from now", text("* * 1 12 *"), 0, False),
    ("paused", text("* * * * *", ", paused: true"), 0, False),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "file", "count", "told"), CASES, ids=[c[0] for c in CASES])
def test_the_busiest_day_is_counted(
    world: World, _id: str, file: str, count: int, told: bool
) -> None:
    plan = world.plan(file)
    assert plan.messages is not None
    assert (plan.messages.before, plan.messages.after) == (0, count)
    assert [w.code for w in plan.warnings if "messages a day" in w.message] == [
        "daily_messages"
    ] * told
    world.apply(file)
    again = world.plan(file)
    assert again.messages is not None
    assert (again.messages.before, again.messages.after) == (count, count)
    desired = config(file).desired
    assert load(desired, desired.schedules or (), NOW).messages == count
    gone = world.plan(file.partition("schedules:")[0] + "schedules: {}\n")
    assert gone.messages is not None
    assert (gone.messages.before, gone.messages.after) == (count, 0)


@pytest.mark.parametrize("plan", ["payg", "fixed_1m"])
def test_a_plan_without_a_limit_or_with_one_far_away_is_not_asked(world: World, plan: str) -> None:
    assert world.plan(text("* * * * *", plan=plan)).messages is None


@pytest.mark.parametrize(
    ("count", "group", "is_near"),
    [(347, "", False), (348, "", True), (173, "g", False), (174, "g", True)],
    ids=["just below", "near", "to two endpoints", "near with two endpoints"],
)
def test_a_limit_is_near_where_firing_every_minute_would_reach_it(
    count: int, group: str, *, is_near: bool
) -> None:
    groups = "url_groups: {g: {endpoints: ['https://a.example.com', 'https://b.example.com']}}\n"
    desired = config(f"{HEAD}limits: {{plan: fixed_1m}}\n{groups if group else ''}").desired
    message = Message(destination=group or URL)
    live = [LiveSchedule(id=f"s{n}", cron="0 9 * * *", message=message) for n in range(count)]
    found = messages.a_day(desired, Live(schedules=tuple(live)), (), NOW)
    assert (found is not None) is is_near
    if found:
        assert (found.before, found.after) == (count * (1 + bool(group)),) * 2


def test_a_cron_that_nobody_understands_is_not_counted(world: World) -> None:
    file = text("*/2 * * * *")
    world.apply(file)
    stored = world.schedule("billing.s")
    for name, cron in (("a", "@every 1m"), ("b", "0 9 * * *")):
        other = {**stored, "scheduleId": name, "cron": cron, "labels": []}
        world.account.store.put("schedule", name, other)
    plan = world.plan(file)
    assert plan.messages is not None
    assert (plan.messages.before, plan.messages.after) == (721, 721)


def test_what_the_file_makes_an_error_stops_the_plan_as_it_stops_validate(world: World) -> None:
    """One count: a callback is a message for both."""
    file = "lint: {error: [daily_messages]}\n" + text("*/2 * * * *", f", callback: {URL}")
    (found,) = world.plan(file).errors
    assert found.code == "daily_messages"
    desired = config(file).desired
    assert found.message in [one.message for one in judge.findings(desired, NOW)]


def test_what_is_paused_and_written_anew_sends_as_little_as_before(world: World) -> None:
    file = text("* * * * *")
    world.apply(file)
    world.edit("billing.s", isPaused=True)
    plan = world.plan(text("*/2 * * * *"))
    assert plan.messages is not None
    assert (plan.messages.before, plan.messages.after) == (0, 0)
    resumed = world.plan(text("*/2 * * * *", ", paused: false"))
    assert resumed.messages is not None
    assert (resumed.messages.before, resumed.messages.after) == (0, 720)


def test_days_are_whole_however_late_today_is(world: World) -> None:
    """A day that is nearly over counts as a whole: the limit is one of days."""
    world.now = NOW.replace(hour=23, minute=59) + timedelta(seconds=59)
    plan = world.plan(text("* * 23 11 *"))
    assert plan.messages is not None
    assert plan.messages.after == 1440


@pytest.mark.parametrize(("after", "told"), [(1_000, False), (1_001, True)])
def test_as_many_as_are_allowed_are_no_excess(after: int, *, told: bool) -> None:
    found = messages.MessagesADay(before=0, after=after, allowed=1_000).excess()
    assert (found is not None) is told
