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


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("paused", ["", ", paused: true"])
@pytest.mark.parametrize(
    ("file", "writes"),
    [
        (text("1s", "5s"), 4),
        (text("1s", timezone="America/New_York"), 4),  # several parts
        (text("1s"), 2),
        (text("1s", "5s", "7s"), 5),
    ],
    ids=["two schedules", "parts", "one alone", "three schedules"],
)
def test_milliseconds_are_understood(file: str, writes: int, paused: str, *, keeps: bool) -> None:
    """Two are written once more, so that their marks remember: they might have been edited."""
    file = file.replace("}\n  ", f"{paused}}}\n  ").replace("s}\n", f"s{paused}}}\n")
    with make_world(Switches(timeout_unit="ms", overwrite_keeps_pause=keeps)) as world:
        assert all(outcome.status == "done" for outcome in world.apply(file))
        assert sum("/schedules/http" in path for _, path, _ in world.account.writes) == writes
        assert {s["isPaused"] for s in world.account.store.all("schedule")} == {bool(paused)}
        for other in (
            file,
            file.replace("1s", "3s"),
            file.replace("1s", "3s")
            + "  n: {cron: '0 1 * * *', destination: 'https://n.example.com', timeout: 2s}\n",
        ):
            world.apply(other)
            assert world.plan(other).empty
            world.account.forget()
            world.apply(other)
            assert not world.account.writes


@pytest.mark.parametrize("gone", ["timeout", "entry", "timeout, alone"])
@pytest.mark.parametrize("which", range(3))
def test_no_one_schedule_is_the_only_one_that_remembers(which: int, gone: str) -> None:
    timeouts = ["1s", "5s", "7s"]
    with make_world(Switches(timeout_unit="ms")) as world:
        world.apply(text(*timeouts))
        lines = text(*timeouts).splitlines(keepends=True)
        at = next(n for n, line in enumerate(lines) if f"s{which}:" in line)
        old = f", timeout: {timeouts[which]}"
        lines[at] = "" if gone == "entry" else lines[at].replace(old, "")
        file = "".join(lines)
        scope = {"target": (f"schedules.s{which}",)} if "alone" in gone else {}
        assert all(one.status == "done" for one in world.apply(file, **scope))
        assert world.plan(file).empty
        world.apply(file.replace("5s", "6s").replace("7s", "8s").replace("1s", "2s"))
        for number in {0, 1, 2} - {which}:  # all that is written from then on remembers
            assert "-m" in world.schedule(f"billing.s{number}")["labels"][0]


def test_an_edit_is_seen_among_milliseconds() -> None:
    with make_world(Switches(timeout_unit="ms")) as world:
        file = text("1s", "5s", "7s")
        world.apply(file)
        for shown in (999, 2000, 1_000_000):
            world.edit("billing.s0", timeout=shown)
            (change,) = world.plan(file).changes
            assert (change.id, change.reason) == ("billing.s0", Reason.DRIFT)


def test_edits_to_a_thousand_times_as_much_are_no_unit() -> None:
    """A mark that we wrote into an account of milliseconds would remember it."""
    with make_world() as world:
        file = text("1s", "5s", "7s")
        world.apply(file)
        for number, seconds in enumerate((1, 5, 7)):
            world.edit(f"billing.s{number}", timeout=1_000 * seconds)
        assert [c.reason for c in world.plan(file).changes] == [Reason.DRIFT] * 3
