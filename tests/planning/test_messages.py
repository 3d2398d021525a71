"""Messages a day against what the account's plan allows."""

import pytest

from tests.support import HEAD, World

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
    ("on Sundays alone", text("* * * * 0"), 1440, True),
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
    gone = world.plan(file.partition("schedules:")[0] + "schedules: {}\n")
    assert gone.messages is not None
    assert (gone.messages.before, gone.messages.after) == (count, 0)


@pytest.mark.parametrize("plan", ["payg", "fixed_1m"])
def test_a_plan_without_a_limit_or_with_one_far_away_is_not_asked(world: World, plan: str) -> None:
    assert world.plan(text("* * * * *", plan=plan)).messages is None
