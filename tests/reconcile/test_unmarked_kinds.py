"""Queues, groups and keys: which writes a difference takes, and what a removal takes away."""

import pytest

from qstash_sync.model.change import Action, Change, Takes
from qstash_sync.model.resources import LiveQueue
from qstash_sync.model.steps import PauseFlowControl, PinFlowControl, UnpinFlowControl
from qstash_sync.planning import drift
from tests.support import HEAD, World

PINNED = "parallelism: 2, rate: 5, period: 1m"


def keys(settings: str | None, *, owns: str = "") -> str:
    section = "{}" if settings is None else f"{{k: {{{settings}}}}}"
    return f"{HEAD}owns: {{flow_controls: [{owns}]}}\nflow_controls: {section}\n"


def change(world: World, text: str) -> Change:
    (found,) = world.plan(text).changes
    return found


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        (f"{PINNED}, paused: true", [PauseFlowControl]),
        ("parallelism: 3, rate: 5, period: 1m", [PinFlowControl]),
        ("rate: 5, period: 1m", [UnpinFlowControl, PinFlowControl]),
        ("parallelism: 2", [UnpinFlowControl, PinFlowControl]),
        ("paused: true", [UnpinFlowControl, PauseFlowControl]),
        ("parallelism: 3, paused: true", [UnpinFlowControl, PinFlowControl, PauseFlowControl]),
    ],
)
def test_a_key_is_unpinned_pinned_and_paused_as_far_as_it_differs(
    world: World, settings: str, steps: list[type]
) -> None:
    world.apply(keys(PINNED))
    found = change(world, keys(settings))
    assert [type(step) for step in found.steps] == steps
    for step in found.steps:
        if isinstance(step, UnpinFlowControl):
            assert step.parallelism is ("parallelism" not in settings)
            assert step.rate is ("rate" not in settings)
    world.apply(keys(settings))
    assert world.plan(keys(settings)).empty


def test_a_key_that_leaves_the_file_is_unpinned_and_stays(world: World) -> None:
    world.apply(keys(PINNED))
    assert world.plan(keys(None)).empty
    found = change(world, keys(None, owns="'*'"))
    assert (found.action, found.notes) == (Action.DELETE, (Takes(unpins=True),))
    assert found.steps == (UnpinFlowControl(name="k", parallelism=True, rate=True),)
    world.apply(keys(None, owns="'*'"))
    assert world.plan(keys(None, owns="'*'")).empty


@pytest.mark.parametrize(("waiting", "count"), [(0, 0), (3, 3)])
def test_a_queue_that_leaves_the_file_takes_its_messages_along(
    world: World, waiting: int, count: int
) -> None:
    text = f"{HEAD}owns: {{queues: ['*'], url_groups: ['*']}}\nqueues: {{%s}}\nurl_groups: {{%s}}\n"
    world.apply(text % ("q: {}", "g: {endpoints: ['https://a.com', 'https://b.com']}"))
    world.account.console.edit("queue", "q", lag=waiting)
    plan = world.plan(text % ("", ""), drop_backlog=("q",), allow_deletes=9)
    takes = {one.name: one.notes for one in plan.changes}
    assert takes == {"q": (Takes(waiting=count),), "g": (Takes(endpoints=2),)}


def test_one_message_waits_and_two_wait() -> None:
    said = [LiveQueue(name="q", lag=lag).backlog for lag in (0, 1, 2)]
    assert said == [
        None, "1 message waits in it and would be lost", "2 messages wait in it and would be lost",
    ]  # fmt: skip


@pytest.mark.parametrize("ignored", [False, True])
def test_what_is_paused_in_the_account_is_told_by_the_plan_and_once_by_drift(
    world: World, *, ignored: bool
) -> None:
    """No message is delivered then; a schedule that is paused is told, too."""
    left = "{ignore: [paused], parallelism: 2}" if ignored else "{parallelism: 2}"
    text = f"{HEAD}queues: {{q: {left}}}\nflow_controls: {{k: {left}}}\n"
    world.apply(text)
    assert not world.plan(text).warnings
    world.account.console.edit("queue", "q", paused=True)
    world.account.console.edit("flow", "k", isPaused=True)
    plan = world.plan(text)
    assert plan.empty
    told = [] if ignored else [("flow_controls", "k"), ("queues", "q")]
    assert sorted(w.path for w in plan.warnings if w.code == "paused") == told
    found = drift.judge(world.desired(text), plan.live, plan, read_at=world.now)
    assert sorted(d.path for one in found.resources for d in one.diagnostics) == told
    assert not [w for w in found.plan.warnings if w.code == "paused"]
