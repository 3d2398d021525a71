"""A create that was cut off: nobody can tell it from somebody's hand, and nothing says it was one."""

from pathlib import Path

import pytest

from qstash_sync.applying.outcomes import Status
from qstash_sync.cli.session import paint_of
from qstash_sync.local import Switches
from qstash_sync.model.change import Reason
from qstash_sync.render import text
from tests.support import HEAD, World, cli, world as make_world

PAUSED = f"{HEAD}schedules: {{e: {{cron: '0 12 * * *', timezone: UTC, destination: 'https://a.example.com', paused: true}}}}\n"
PARTS = f"{HEAD}schedules: {{e: {{cron: '0 12 * * *', timezone: America/New_York, destination: 'https://a.example.com'}}}}\n"
SAID = "changed outside, or an apply was cut off"


def shown(world: World, file: str) -> str:
    return str(text.plan(world.plan(file), paint_of("never", None), verbose=False))


@pytest.mark.parametrize(("file", "after"), [(PAUSED, 1), (PARTS, 1), (PARTS, 2)])
def test_what_it_leaves_may_be_that(world: World, file: str, after: int) -> None:
    world.cut_off(file, after=after)
    (change,) = world.plan(file).changes
    assert (change.reason, change.may_be_cut_off) == (Reason.DRIFT, True)
    assert SAID in shown(world, file)


def test_a_resume_may_be_an_edit_is_none(world: World) -> None:
    world.apply(PAUSED)
    world.edit("billing.e", isPaused=False)
    assert SAID in shown(world, PAUSED)
    world.edit("billing.e", retries=9)
    assert SAID not in shown(world, PAUSED)


@pytest.mark.parametrize("gone", [1, 2])
def test_a_part_in_the_middle_somebody_has_deleted(world: World, gone: int) -> None:
    world.apply(PARTS)
    assert len(world.account.store.all("schedule")) >= 3
    world.account.store.delete("schedule", "billing.e" if gone == 1 else "billing.e.2")
    (change,) = world.plan(PARTS).changes
    assert (change.reason, change.may_be_cut_off) == (Reason.DRIFT, False)


def test_a_create_that_fails_midway_tells_what_is_live() -> None:
    with make_world(Switches(plan="free")) as world:
        entry = "{{cron: '0 9 * * *', timezone: {}, destination: 'https://a.example.com/{}'}}"
        lines = [f"  s{n}: {entry.format('UTC', n)}\n" for n in range(8)]
        world.apply(f"{HEAD}schedules:\n{''.join(lines)}")
        lines.append(f"  e: {entry.format('America/New_York', 'e')}\n")
        outcomes = world.apply(f"{HEAD}schedules:\n{''.join(lines)}")
        (failed,) = [one for one in outcomes if one.status is not Status.DONE]
        told = "cut off after 2 of 3 writes: billing.e, billing.e.2 are live; apply again"
        assert told in failed.message


def test_a_pause_of_what_is_not_there_knows_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(PAUSED)
    told = cli("pause", "*", "-f", str(file), f"--local={tmp_path / 'a'}").text
    assert "an apply creates it paused, as the file says" in told
    file.write_text(PAUSED.replace(", paused: true", ""))
    told = cli("pause", "*", "-f", str(file), f"--local={tmp_path / 'a'}").text
    assert "an apply creates it running: write paused: true" in told
