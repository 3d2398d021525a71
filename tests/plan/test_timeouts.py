"""Timeouts read back in seconds or in milliseconds: which, the marks tell, and not the value."""

import pytest

from qstash_sync.local import Switches
from qstash_sync.model.change import Reason
from tests.support import HEAD, World, world as make_world

URL = "https://app.example.com/x"


def text(*timeouts: str, timezone: str = "UTC") -> str:
    each = (
        f"  s{n}: {{cron: '0 9 * * *', timezone: {timezone}, destination: {URL}/{n}, timeout: {t}}}\n"
        for n, t in enumerate(timeouts)
    )
    return HEAD + "limits: {plan: payg}\nschedules:\n" + "".join(each)


@pytest.mark.parametrize("others", [(), ("5s",), ("5s", "2s")], ids=len)
def test_an_edit_to_a_thousand_times_as_much_is_seen(world: World, others: tuple[str, ...]) -> None:
    file = text("1s", *others)
    world.apply(file)
    world.edit("billing.s0", timeout=1000)
    (change,) = world.plan(file).changes
    assert (change.id, change.reason) == ("billing.s0", Reason.DRIFT)
    assert [(f.path, f.before, f.after) for f in change.fields] == [("timeout", 1000, 1)]
    world.apply(file)
    assert world.schedule("billing.s0")["timeout"] == 1
    assert world.plan(file).empty


@pytest.mark.parametrize(
    ("file", "certain"),
    [
        (text("1s", "5s"), True),
        (text("1s", timezone="America/New_York"), True),  # several parts
        (text("1s"), False),
    ],
    ids=["two schedules", "parts", "one alone"],
)
def test_milliseconds_are_understood(file: str, *, certain: bool) -> None:
    """One part alone may have been edited: it is written once more, and its mark remembers."""
    with make_world(Switches(timeout_unit="ms")) as world:
        assert all(outcome.status == "done" for outcome in world.apply(file))
        assert world.plan(file).empty is certain
        world.apply(file)
        assert world.plan(file).empty
        for other in (file.replace("1s", "3s"), file.replace(", timeout: 1s", "")):
            world.apply(other)
            world.apply(other)
            assert world.plan(other).empty


def test_an_edit_is_seen_among_milliseconds() -> None:
    with make_world(Switches(timeout_unit="ms")) as world:
        file = text("1s", "5s", "7s")
        world.apply(file)
        for shown in (999, 2000, 1_000_000):
            world.edit("billing.s0", timeout=shown)
            (change,) = world.plan(file).changes
            assert (change.id, change.reason) == ("billing.s0", Reason.DRIFT)
