"""Nearly all schedules are, nearly always, as they were written: that is seen without a comparison."""

from collections.abc import Callable
from typing import Any

import pytest

from qstash_sync.applying import proposal
from qstash_sync.reconcile.live_parts import LiveParts, is_as_written
from qstash_sync.reconcile.mark import Declared
from tests.support import HEAD, World, config

ENTRY = "cron: 0 9 * * 1-5, timezone: America/New_York, destination: 'https://e.com/x', labels: [l]"
SETTINGS = [
    "",
    "protect: true",
    "body: {a: 1}, headers: {X: y}, retries: 5, timeout: 30s",
    "body: '${env.S}', headers: {Authorization: '${env.S}'}",
    "headers: {X: '${env.S}'}, redact: {headers: true}",
    "callback: {url: 'https://c.com', retries: 1}, flow_control: {key: k, rate: 3}",
    "id: scd_7",
    "timezone: UTC",
]


def file(more: str = "") -> str:
    entry = ENTRY.replace("timezone: America/New_York, ", "") if "timezone" in more else ENTRY
    return f"{HEAD}schedules: {{s: {{{entry}{', ' * bool(more)}{more}}}}}\n"


def is_seen(world: World, text: str) -> bool:
    """Whether the schedule of a file is known to be as it was written, at first sight."""
    desired = config(text, world.environ).desired
    (schedule,) = desired.schedules or ()
    with world.client(read_only=True) as client:
        live = proposal.observe(client, desired)
    found = LiveParts(desired, live.schedules or ()).of(schedule.id)
    assert found
    return is_as_written(Declared(schedule, desired.namespace, desired.environment), found)


def each(world: World, **changes: Any) -> None:
    for stored in world.account.store.all("schedule"):
        world.edit(stored["scheduleId"], **changes)


@pytest.mark.parametrize("more", SETTINGS)
def test_what_was_just_written_is_seen_at_once(world: World, more: str) -> None:
    world.environ = {"S": "secret-text"}
    world.apply(file(more), adopt=("s",))
    assert is_seen(world, file(more))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "retries: 5"),
        ("retries: 5", ""),
        ("", "protect: true"),
        ("protect: true", ""),
        ("", "timezone: UTC"),
        ("", "callback: 'https://c.com'"),
        ("callback: {url: 'https://c.com', retries: 1}", "callback: {url: 'https://c.com'}"),
        ("headers: {X: y}", "headers: {X: '${env.S}'}"),
        ("headers: {X: '${env.S}'}", "headers: {X: secret-text}"),
    ],
)
def test_a_change_of_the_file_is_looked_at(world: World, before: str, after: str) -> None:
    world.environ = {"S": "secret-text"}
    world.apply(file(before))
    assert not is_seen(world, file(after))


def test_a_secret_that_does_not_read_back_is_looked_at_when_it_has_changed(world: World) -> None:
    text = file("headers: {X: '${env.S}'}, redact: {headers: true}")
    world.environ = {"S": "secret-text"}
    world.apply(text)
    world.environ = {"S": "another-text"}
    assert not is_seen(world, text)


def labels(world: World, change: Callable[[list[str]], list[str]]) -> None:
    stored = world.schedule("billing.s.2")
    world.edit("billing.s.2", labels=change(stored["labels"]))


HANDS: dict[str, Callable[[World], object]] = {
    "a setting of a further part": lambda world: world.edit("billing.s.2", retries=9),
    "its cron": lambda world: world.edit("billing.s.2", cron="1 9 * * *"),
    "its pause": lambda world: world.edit("billing.s.2", isPaused=True),
    "all pauses": lambda world: each(world, isPaused=True),
    "a label more": lambda world: labels(world, lambda known: [*known, "theirs"]),
    "a label less": lambda world: labels(world, lambda known: known[:-1]),
    "no name": lambda world: labels(world, lambda known: [known[0], *known[2:]]),
    "no mark": lambda world: labels(world, lambda known: known[1:]),
    "a mark of other numbers": lambda world: labels(
        world, lambda known: [known[0].replace("2of3", "1of3"), *known[1:]]
    ),
    "a part less": lambda world: world.account.store.delete("schedule", "billing.s.3"),
}


@pytest.mark.parametrize("hand", HANDS)
def test_what_somebody_has_changed_is_looked_at(world: World, hand: str) -> None:
    world.apply(file())
    HANDS[hand](world)
    assert not is_seen(world, file())


def test_what_is_paused_is_looked_at(world: World) -> None:
    """Whether it may stay so is another question."""
    world.apply(file("paused: true"))
    assert not is_seen(world, file("paused: true"))
    each(world, isPaused=False)
    assert not is_seen(world, file())
